/* SPDX-License-Identifier: MIT
   A hash table with chains, see hash_table.h. */
#include "base/hash_table.h"

#include "base/memory.h"

enum { HASH_TABLE_BUCKETS = 16 }; /* at first */

void hash_table_init(struct hash_table *table)
{
    *table = (struct hash_table){0};
}

void hash_table_fini(struct hash_table *table)
{
    memory_free(table->buckets);
    hash_table_init(table);
}

static void hash_table__link(struct hash_table *table, struct hash_node *node)
{
    struct hash_node **bucket = &table->buckets[node->hash & (table->bucket_count - 1)];
    node->next = *bucket;
    *bucket = node;
}

/* One bucket for each element, or more. */
static void hash_table__grow(struct hash_table *table)
{
    const struct hash_table old = *table;
    const size_t count = old.buckets == NULL ? HASH_TABLE_BUCKETS : 2 * old.bucket_count;
    struct hash_node **buckets = memory_alloc(count * sizeof(struct hash_node *));
    if (buckets == NULL) {
        return;
    }
    table->buckets = buckets;
    table->bucket_count = count;
    for (size_t i = 0; old.buckets != NULL && i < old.bucket_count; i++) {
        for (struct hash_node *node = old.buckets[i]; node != NULL;) {
            struct hash_node *next = node->next;
            hash_table__link(table, node);
            node = next;
        }
    }
    memory_free(old.buckets);
}

bool hash_table_add(struct hash_table *table, struct hash_node *node, uint64_t hash)
{
    if (table->count >= table->bucket_count) {
        hash_table__grow(table);
    }
    if (table->buckets == NULL) {
        return false;
    }
    node->hash = hash;
    hash_table__link(table, node);
    table->count++;
    return true;
}

void hash_table_remove(struct hash_table *table, struct hash_node *node)
{
    struct hash_node **at = &table->buckets[node->hash & (table->bucket_count - 1)];
    while (*at != node) {
        at = &(*at)->next;
    }
    *at = node->next;
    table->count--;
}

static struct hash_node *hash_table__skip(struct hash_node *node, uint64_t hash)
{
    while (node != NULL && node->hash != hash) {
        node = node->next;
    }
    return node;
}

struct hash_node *hash_table_first(const struct hash_table *table, uint64_t hash)
{
    return table->count == 0 ? NULL
                             : hash_table__skip(table->buckets[hash & (table->bucket_count - 1)], hash);
}

struct hash_node *hash_table_next(const struct hash_node *node)
{
    return hash_table__skip(node->next, node->hash);
}
