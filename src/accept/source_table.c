/* SPDX-License-Identifier: MIT
   Connections by client address, see source_table.h. A source is there while it has connections: their number bounds
   the memory. */
#include "accept/source_table.h"

#include <assert.h>
#include <string.h>

#include "base/address.h"
#include "base/list.h"
#include "base/memory.h"

struct source_name {
    uint8_t bytes[8]; /* those that tell clients apart, zeros behind an IPv4 address */
    uint32_t scope;   /* of a link-local address */
    uint32_t kind;    /* of the bytes */
};

enum { SOURCE_IPV4 = 4, SOURCE_IPV6 = 6, SOURCE_LINK_LOCAL = 7 };

struct source {
    struct hash_node node;
    uint32_t connections;
    struct source_name name;
};

void source_table_init(struct source_table *table, const struct hash_key *key)
{
    table->key = *key;
    hash_table_init(&table->sources);
}

void source_table_fini(struct source_table *table)
{
    assert(table->sources.count == 0);
    hash_table_fini(&table->sources);
}

static struct source_name source__name(const struct pl_address *client)
{
    struct pl_address address = *client;
    struct source_name name;
    address_fold(&address);
    memset(&name, 0, sizeof name);
    if (address_is_link_local(&address)) {
        memcpy(name.bytes, address.ip + 8,
               sizeof name.bytes); /* the interface identifier (RFC 4291, section 2.5.6) */
        name.scope = address.scope;
        name.kind = SOURCE_LINK_LOCAL;
    } else {
        memcpy(name.bytes, address.ip, sizeof name.bytes);
        name.kind = address.family == 4 ? SOURCE_IPV4 : SOURCE_IPV6;
    }
    return name;
}

static uint64_t source_table__hash(const struct source_table *table, const struct source_name *name)
{
    return keyed_hash(&table->key, name, sizeof *name);
}

static struct source *source_table__find(const struct source_table *table, const struct source_name *name)
{
    struct hash_node *node = hash_table_first(&table->sources, source_table__hash(table, name));
    while (node != NULL) {
        struct source *source = LIST_ELEMENT(node, struct source, node);
        if (memcmp(&source->name, name, sizeof *name) == 0) {
            return source;
        }
        node = hash_table_next(node);
    }
    return NULL;
}

static enum source_result source_table__add(struct source_table *table, const struct source_name *name)
{
    struct source *source = memory_alloc(sizeof *source);
    if (source == NULL || !hash_table_add(&table->sources, &source->node, source_table__hash(table, name))) {
        memory_free(source);
        return SOURCE_NO_MEMORY;
    }
    source->name = *name;
    source->connections = 1;
    return SOURCE_TAKEN;
}

enum source_result source_table_take(struct source_table *table, const struct pl_address *client,
                                     uint32_t most)
{
    const struct source_name name = source__name(client);
    struct source *source = source_table__find(table, &name);
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
    struct source *source = source_table__find(table, &name);
    if (source != NULL && --source->connections == 0) {
        hash_table_remove(&table->sources, &source->node);
        memory_free(source);
    }
}

uint32_t source_table_count(const struct source_table *table, const struct pl_address *client)
{
    const struct source_name name = source__name(client);
    const struct source *source = source_table__find(table, &name);
    return source != NULL ? source->connections : 0;
}
