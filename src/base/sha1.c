/* SPDX-License-Identifier: MIT
   SHA-1, see sha1.h. */
#include "base/sha1.h"

#include <assert.h>
#include <string.h>

enum { SHA1_BLOCK = 64, SHA1_ROUNDS = 80, SHA1_LENGTH_BYTES = 8 };

static uint32_t sha1__rotate(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

/* The function and the constant of one round, section 4.1.1 and 4.2.1. */
static uint32_t sha1__mix(unsigned round, uint32_t x, uint32_t y, uint32_t z)
{
    switch (round / 20) {
    case 0:
        return ((x & y) ^ (~x & z)) + 0x5A827999;
    case 1:
        return (x ^ y ^ z) + 0x6ED9EBA1;
    case 2:
        return ((x & y) ^ (x & z) ^ (y & z)) + 0x8F1BBCDC;
    default:
        return (x ^ y ^ z) + 0xCA62C1D6;
    }
}

static void sha1__add_block(uint32_t state[5], const uint8_t block[SHA1_BLOCK])
{
    uint32_t words[SHA1_ROUNDS], part[5];
    for (unsigned i = 0; i < 16; i++) {
        const uint8_t *at = block + (size_t)i * 4;
        words[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    }
    for (unsigned i = 16; i < SHA1_ROUNDS; i++) {
        words[i] = sha1__rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    }
    memcpy(part, state, sizeof part);
    for (unsigned i = 0; i < SHA1_ROUNDS; i++) {
        const uint32_t next =
            sha1__rotate(part[0], 5) + sha1__mix(i, part[1], part[2], part[3]) + part[4] + words[i];
        part[4] = part[3];
        part[3] = part[2];
        part[2] = sha1__rotate(part[1], 30);
        part[1] = part[0];
        part[0] = next;
    }
    for (unsigned i = 0; i < 5; i++) {
        state[i] += part[i];
    }
}

/* The padding: a bit, zeros, the length in bits at the end of a block. */
static size_t sha1__pad(uint8_t *bytes, size_t length)
{
    const size_t whole = (length + 1 + SHA1_LENGTH_BYTES + SHA1_BLOCK - 1) / SHA1_BLOCK * SHA1_BLOCK;
    const uint64_t bits = (uint64_t)length * 8;
    bytes[length] = 0x80;
    for (unsigned i = 0; i < SHA1_LENGTH_BYTES; i++) {
        bytes[whole - 1 - i] = (uint8_t)(bits >> (8 * i));
    }
    return whole;
}

void sha1(const uint8_t *at, size_t length, uint8_t hash_out[SHA1_SIZE])
{
    uint8_t bytes[SHA1_INPUT_MAX + 2 * SHA1_BLOCK] = {0};
    uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    assert(length <= SHA1_INPUT_MAX);
    if (length > 0) {
        memcpy(bytes, at, length);
    }
    const size_t whole = sha1__pad(bytes, length);
    for (size_t done = 0; done < whole; done += SHA1_BLOCK) {
        sha1__add_block(state, bytes + done);
    }
    for (unsigned i = 0; i < SHA1_SIZE; i++) {
        hash_out[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
    }
}
