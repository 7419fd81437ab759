/* SPDX-License-Identifier: MIT
   A hash that nobody can foresee who does not know its key: what others choose (addresses, say) cannot be chosen so
   that it all falls into one bucket of a table. */
#ifndef PORTLISTENER_BASE_KEYED_HASH_H
#define PORTLISTENER_BASE_KEYED_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t halves[2]; /* random */
};

/* keyed_hash: SipHash-2-4 (Aumasson and Bernstein, 2012) of at[0..length). Any thread. */
uint64_t keyed_hash(const struct hash_key *key, const void *at, size_t length);

#endif
