/* SPDX-License-Identifier: MIT
   A keyed hash (SipHash-2-4: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) for tables whose keys come
   from the network: who does not know the key cannot choose what collides. No Windows header. */
#ifndef PORTLISTENER_BASE_HASH_H
#define PORTLISTENER_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t words[2]; /* random, and secret */
};

/* hash_bytes: of at[0..length). Any thread. */
uint64_t hash_bytes(const struct hash_key *key, const void *at, size_t length);

#endif
