/* SPDX-License-Identifier: MIT
   Connections by client address, see source_table.h. A hash table with chains that grows to twice its size when there
   are more sources than chains. A source is there while it has connections: their number bounds the memory. */
#include "accept/source_table.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"

enum { SOURCE_FIRST_BUCKETS = 16 };

struct source_name {
    uint8_t bytes[8]; /* of an IPv6 address, or four and zeros */
    uint8_t family;
};

struct source {
    struct source *next;
    uint32_t connections;
    struct source_name name;
};

void source_table_init(struct source_table *table, const struct hash_key *key)
{
    *table = (struct source_table){.key = *key};
}

void source_table_fini(struct source_table *table)
{
    assert(table->count == 0);
    memory_free(table->buckets);
    table->buckets = NULL;
    table->bucket_count = 0;
}

static struct source_name source__name(const struct pl_address *client)
{
    struct pl_address address = *client;
    struct source_name name;
    address_fold(&address);
    memset(&name, 0, sizeof name);
    memcpy(name.bytes, address.ip, sizeof name.bytes);
    name.family = (uint8_t)address.family;
    return name;
}

static struct source **source_table__chain(const struct source_table *table, const struct source_name *name)
{
    return &table->buckets[hash_bytes(&table->key, name, sizeof *name) & (table->bucket_count - 1)];
}

/* Where the pointer to the source is, or to NULL where it would be. */
static struct source **source_table__find(const struct source_table *table, const struct source_name *name)
{
    struct source **link = source_table__chain(table, name);
    while (*link != NULL && memcmp(&(*link)->name, name, sizeof *name) != 0) {
        link = &(*link)->next;
    }
    return link;
}

/* The same for one that is there. */
static struct source **source_table__get(const struct source_table *table, const struct source_name *name)
{
    struct source **link = source_table__chain(table, name);
    while (memcmp(&(*link)->name, name, sizeof *name) != 0) {
        link = &(*link)->next;
        assert(*link != NULL);
    }
    return link;
}

/* Without memory the chains just become longer; there must be some. */
static bool source_table__grow(struct source_table *table)
{
    struct source **old = table->buckets;
    const size_t old_count = table->bucket_count;
    const size_t count = old_count > 0 ? old_count * 2 : SOURCE_FIRST_BUCKETS;
    struct source **buckets = memory_alloc(count * sizeof *buckets);
    if (buckets == NULL) {
        return old != NULL;
    }
    table->buckets = buckets;
    table->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        while (old[i] != NULL) {
            struct source *source = old[i];
            struct source **chain = source_table__chain(table, &source->name);
            old[i] = source->next;
            source->next = *chain;
            *chain = source;
        }
    }
    memory_free(old);
    return true;
}

static enum source_result source_table__add(struct source_table *table, const struct source_name *name)
{
    if (table->count >= table->bucket_count && !source_table__grow(table)) {
        return SOURCE_NO_MEMORY;
    }
    struct source *source = memory_alloc(sizeof *source);
    if (source == NULL) {
        return SOURCE_NO_MEMORY;
    }
    struct source **chain = source_table__chain(table, name);
    source->name = *name;
    source->connections = 1;
    source->next = *chain;
    *chain = source;
    table->count++;
    return SOURCE_TAKEN;
}

enum source_result source_table_take(struct source_table *table, const struct pl_address *client,
                                     uint32_t most)
{
    const struct source_name name = source__name(client);
    struct source *source = table->buckets != NULL ? *source_table__find(table, &name) : NULL;
    if (source == NULL) {
        return source_table__add(table, &name);
    }
    if (source->connections >= most) {
        return SOURCE_FULL;
    }
    source->connections++;
    return SOURCE_TAKEN;
}

void source_table_give_back(struct source_table *table, const struct pl_address *client)
{
    const struct source_name name = source__name(client);
    struct source **link = source_table__get(table, &name), *source = *link;
    if (--source->connections == 0) {
        *link = source->next;
        memory_free(source);
        table->count--;
    }
}

uint32_t source_table_count(const struct source_table *table, const struct pl_address *client)
{
    const struct source_name name = source__name(client);
    const struct source *source = table->buckets != NULL ? *source_table__find(table, &name) : NULL;
    return source != NULL ? source->connections : 0;
}
