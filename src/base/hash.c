/* SPDX-License-Identifier: MIT
   SipHash-2-4, see hash.h. */
#include "base/hash.h"

enum { HASH_ROUNDS = 2, HASH_LAST_ROUNDS = 4 };

struct hash {
    uint64_t v[4];
};

static uint64_t hash__rotate(uint64_t word, unsigned by)
{
    return word << by | word >> (64 - by);
}

static void hash__round(uint64_t *v)
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = hash__rotate(v[1], 13) ^ v[0];
    v[3] = hash__rotate(v[3], 16) ^ v[2];
    v[0] = hash__rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = hash__rotate(v[1], 17) ^ v[2];
    v[3] = hash__rotate(v[3], 21) ^ v[0];
    v[2] = hash__rotate(v[2], 32);
}

static void hash__rounds(struct hash *hash, int count)
{
    for (int i = 0; i < count; i++) {
        hash__round(hash->v);
    }
}

static void hash__add(struct hash *hash, uint64_t word)
{
    hash->v[3] ^= word;
    hash__rounds(hash, HASH_ROUNDS);
    hash->v[0] ^= word;
}

/* Up to eight bytes, the first one lowest, on every machine. */
static uint64_t hash__word(const uint8_t *at, size_t length)
{
    uint64_t word = 0;
    for (size_t i = 0; i < length; i++) {
        word |= (uint64_t)at[i] << 8 * i;
    }
    return word;
}

uint64_t hash_bytes(const struct hash_key *key, const void *at, size_t length)
{
    const uint8_t *bytes = at;
    const uint64_t last = (uint64_t)length << 56;
    struct hash hash = {
        {key->words[0] ^ UINT64_C(0x736F6D6570736575), key->words[1] ^ UINT64_C(0x646F72616E646F6D),
         key->words[0] ^ UINT64_C(0x6C7967656E657261), key->words[1] ^ UINT64_C(0x7465646279746573)}};
    for (; length >= 8; length -= 8, bytes += 8) {
        hash__add(&hash, hash__word(bytes, 8));
    }
    hash__add(&hash, last | hash__word(bytes, length));
    hash.v[2] ^= 0xFF;
    hash__rounds(&hash, HASH_LAST_ROUNDS);
    return hash.v[0] ^ hash.v[1] ^ hash.v[2] ^ hash.v[3];
}
