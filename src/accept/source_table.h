/* SPDX-License-Identifier: MIT
   How many connections each client address has: an IPv4 address, or the /64 of an IPv6 address, which is what one
   customer is given (RFC 6177). Link-local addresses, which all have one /64, count by the whole address and its
   interface. One thread at a time; the caller sees to it. No Windows header. */
#ifndef PORTLISTENER_ACCEPT_SOURCE_TABLE_H
#define PORTLISTENER_ACCEPT_SOURCE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash_table.h"
#include "base/keyed_hash.h"
#include "portlistener/handler.h"

struct source_table {
    struct hash_key key;
    struct hash_table sources;
};

/* source_table_init: empty; takes no memory before the first source. */
void source_table_init(struct source_table *table, const struct hash_key *key);
void source_table_fini(struct source_table *table);

enum source_result { SOURCE_TAKEN, SOURCE_FULL, SOURCE_NO_MEMORY };

/* source_table_take: one more connection of this client, unless it has `most` (at least 1) already. An IPv4-mapped
   address counts as IPv4. */
enum source_result source_table_take(struct source_table *table, const struct pl_address *client,
                                     uint32_t most);

/* source_table_give_back: one of those that were taken has ended. Of a client that has none: nothing. */
void source_table_give_back(struct source_table *table, const struct pl_address *client);

/* source_table_count: connections that this client has. */
uint32_t source_table_count(const struct source_table *table, const struct pl_address *client);

#endif
