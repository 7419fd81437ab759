/* SPDX-License-Identifier: MIT
   A table from hashes to elements; the node lies inside the element. It grows with what is in it and never shrinks
   but to nothing. One thread only. */
#ifndef PORTLISTENER_BASE_HASH_TABLE_H
#define PORTLISTENER_BASE_HASH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_node {
    struct hash_node *next; /* in its bucket */
    uint64_t hash;
};

struct hash_table {
    struct hash_node **buckets; /* NULL: none yet */
    size_t bucket_count;        /* a power of two */
    size_t count;
};

void hash_table_init(struct hash_table *table);

/* hash_table_fini: forgets all; the elements are the caller's. It can be used again. */
void hash_table_fini(struct hash_table *table);

/* hash_table_add: `node` is in no table. False when there is no memory for a first bucket; where there is none for
   more of them, it only becomes slower. */
bool hash_table_add(struct hash_table *table, struct hash_node *node, uint64_t hash);

/* hash_table_remove: `node` is in the table. */
void hash_table_remove(struct hash_table *table, struct hash_node *node);

/* hash_table_first, hash_table_next: the elements with this hash, one after the other; NULL at the end. */
struct hash_node *hash_table_first(const struct hash_table *table, uint64_t hash);
struct hash_node *hash_table_next(const struct hash_node *node);

#endif
