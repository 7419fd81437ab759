/* SPDX-License-Identifier: MIT
   Ids, see slot_table.h. */
#include "io/slot_table.h"

#include "base/memory.h"

static struct slot *slot_table__at(const struct slot_table *table, uint32_t slot)
{
    return &table->chunks[slot / SLOT_TABLE_CHUNK][slot % SLOT_TABLE_CHUNK];
}

static enum slot_kind slot__kind(const struct slot *slot)
{
    return (enum slot_kind)(slot->kind_and_next >> 24);
}

void slot_table_init(struct slot_table *table, unsigned worker)
{
    *table = (struct slot_table){.first_free = SLOT_NONE, .prefix = (worker + 1) << 24};
}

void slot_table_fini(struct slot_table *table)
{
    for (uint32_t i = 0; i < table->chunk_count; i++) {
        memory_free(table->chunks[i]);
    }
    memory_free(table->chunks);
    table->chunks = NULL;
    table->chunk_count = 0;
    table->first_free = SLOT_NONE;
}

static int slot_table__grow(struct slot_table *table)
{
    const uint32_t first = table->chunk_count * SLOT_TABLE_CHUNK;
    if (first + SLOT_TABLE_CHUNK > SLOT_NONE) {
        return 0;
    }
    struct slot **chunks = memory_resize(table->chunks, (table->chunk_count + 1) * sizeof *chunks);
    if (chunks == NULL) {
        return 0;
    }
    table->chunks = chunks;
    struct slot *chunk = memory_alloc(SLOT_TABLE_CHUNK * sizeof *chunk);
    if (chunk == NULL) {
        return 0;
    }
    for (uint32_t i = 0; i < SLOT_TABLE_CHUNK; i++) {
        chunk[i].generation = 1;
        chunk[i].kind_and_next = i + 1 < SLOT_TABLE_CHUNK ? first + i + 1 : table->first_free;
    }
    chunks[table->chunk_count++] = chunk;
    table->first_free = first;
    return 1;
}

uint32_t slot_table_add(struct slot_table *table, enum slot_kind kind, void *object)
{
    if (table->first_free == SLOT_NONE && !slot_table__grow(table)) {
        return SLOT_NONE;
    }
    const uint32_t index = table->first_free;
    struct slot *slot = slot_table__at(table, index);
    table->first_free = slot->kind_and_next;
    slot->kind_and_next = (uint32_t)kind << 24;
    slot->object = object;
    return index;
}

void slot_table_renew(struct slot_table *table, uint32_t slot)
{
    struct slot *entry = slot_table__at(table, slot);
    entry->generation = entry->generation == UINT32_MAX ? 1 : entry->generation + 1;
}

void slot_table_remove(struct slot_table *table, uint32_t slot)
{
    struct slot *entry = slot_table__at(table, slot);
    slot_table_renew(table, slot);
    entry->object = NULL;
    entry->kind_and_next = table->first_free; /* SLOT_FREE is 0 */
    table->first_free = slot;
}

uint64_t slot_table_id(const struct slot_table *table, uint32_t slot)
{
    const struct slot *entry = slot_table__at(table, slot);
    return (uint64_t)(table->prefix | (uint32_t)slot__kind(entry) << SLOT_KIND_SHIFT | slot) << 32 |
           entry->generation;
}

void *slot_table_find(const struct slot_table *table, uint64_t id, enum slot_kind kind)
{
    const uint32_t high = (uint32_t)(id >> 32), slot = high & SLOT_NONE;
    if ((high & 0xFF000000) != table->prefix || slot_kind(id) != kind ||
        slot / SLOT_TABLE_CHUNK >= table->chunk_count) {
        return NULL;
    }
    const struct slot *entry = slot_table__at(table, slot);
    return entry->generation == (uint32_t)id && slot__kind(entry) == kind ? entry->object : NULL;
}

void *slot_table_next(const struct slot_table *table, enum slot_kind kind, uint32_t *slot)
{
    const uint32_t end = table->chunk_count * SLOT_TABLE_CHUNK;
    while (*slot < end) {
        const struct slot *entry = slot_table__at(table, (*slot)++);
        if (slot__kind(entry) == kind) {
            return entry->object;
        }
    }
    return NULL;
}

uint32_t slot_table_end(const struct slot_table *table)
{
    return table->chunk_count * SLOT_TABLE_CHUNK;
}

void *slot_table_at(const struct slot_table *table, uint32_t slot, enum slot_kind *kind_out)
{
    const struct slot *entry = slot_table__at(table, slot);
    *kind_out = slot__kind(entry);
    return *kind_out != SLOT_FREE ? entry->object : NULL;
}
