/* SPDX-License-Identifier: MIT
   SipHash-2-4, see keyed_hash.h: two rounds for each word of eight bytes, four at the end. */
#include "base/keyed_hash.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t sip__rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void sip__round(struct sip *sip)
{
    sip->v0 += sip->v1;
    sip->v2 += sip->v3;
    sip->v1 = sip__rotate(sip->v1, 13) ^ sip->v0;
    sip->v3 = sip__rotate(sip->v3, 16) ^ sip->v2;
    sip->v0 = sip__rotate(sip->v0, 32);
    sip->v2 += sip->v1;
    sip->v0 += sip->v3;
    sip->v1 = sip__rotate(sip->v1, 17) ^ sip->v2;
    sip->v3 = sip__rotate(sip->v3, 21) ^ sip->v0;
    sip->v2 = sip__rotate(sip->v2, 32);
}

static void sip__take(struct sip *sip, uint64_t word)
{
    sip->v3 ^= word;
    sip__round(sip);
    sip__round(sip);
    sip->v0 ^= word;
}

/* The first byte is the lowest one. */
static uint64_t sip__word(const uint8_t *at, size_t count)
{
    uint64_t word = 0;
    for (size_t i = 0; i < count; i++) {
        word |= (uint64_t)at[i] << 8 * i;
    }
    return word;
}

uint64_t keyed_hash(const struct hash_key *key, const void *at, size_t length)
{
    const uint8_t *bytes = at;
    const size_t whole = length / 8 * 8;
    struct sip sip = {.v0 = key->halves[0] ^ UINT64_C(0x736f6d6570736575),
                      .v1 = key->halves[1] ^ UINT64_C(0x646f72616e646f6d),
                      .v2 = key->halves[0] ^ UINT64_C(0x6c7967656e657261),
                      .v3 = key->halves[1] ^ UINT64_C(0x7465646279746573)};
    for (size_t i = 0; i < whole; i += 8) {
        sip__take(&sip, sip__word(bytes + i, 8));
    }
    sip__take(&sip, sip__word(bytes + whole, length - whole) | (uint64_t)length << 56);
    sip.v2 ^= 0xFF;
    for (int i = 0; i < 4; i++) {
        sip__round(&sip);
    }
    return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}
