/* SPDX-License-Identifier: MIT
   Ids of one worker's objects: 8 bits tell the worker, 3 the kind, 21 the slot, 32 the slot's generation. An
   id that is out of date finds nothing. One thread only. */
#ifndef PORTLISTENER_IO_SLOT_TABLE_H
#define PORTLISTENER_IO_SLOT_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum { SLOT_TABLE_CHUNK = 256, SLOT_KIND_SHIFT = 21, SLOT_NONE = 0x001FFFFF };

/* What an id names. */
enum slot_kind { SLOT_FREE, SLOT_CONNECTION, SLOT_DATAGRAM, SLOT_ENDPOINT, SLOT_SESSION, SLOT_PEER };

struct slot {
    void *object;
    uint32_t generation;
    uint32_t kind_and_next; /* kind << 24 | next free slot */
};

struct slot_table {
    struct slot **chunks; /* each of SLOT_TABLE_CHUNK, so that a slot never moves */
    uint32_t chunk_count;
    uint32_t first_free;
    uint32_t prefix; /* the worker, in the top 8 bits; never 0 */
};

/* The worker of ids that belong to none. */
enum { SLOT_NOBODYS = 253 };

/* slot_table_init: `worker` 0 to 253. */
void slot_table_init(struct slot_table *table, unsigned worker);
void slot_table_fini(struct slot_table *table);

/* slot_table_add: the slot of the new object, SLOT_NONE when there is no memory or no slot left. */
uint32_t slot_table_add(struct slot_table *table, enum slot_kind kind, void *object);

/* slot_table_remove: its id finds nothing from now on. */
void slot_table_remove(struct slot_table *table, uint32_t slot);

/* slot_table_renew: the object stays, under a new id. */
void slot_table_renew(struct slot_table *table, uint32_t slot);

uint64_t slot_table_id(const struct slot_table *table, uint32_t slot);

/* slot_table_find: the object of `id` if it is of this kind; else NULL. */
void *slot_table_find(const struct slot_table *table, uint64_t id, enum slot_kind kind);

/* slot_table_next: the first object of this kind in a slot from *slot on, and *slot behind it; NULL at the
   end. */
void *slot_table_next(const struct slot_table *table, enum slot_kind kind, uint32_t *slot);

/* slot_table_end: behind the last slot there is. slot_table_at: the object in this slot and its kind; NULL and SLOT_FREE. */
uint32_t slot_table_end(const struct slot_table *table);
void *slot_table_at(const struct slot_table *table, uint32_t slot, enum slot_kind *kind_out);

/* slot_worker: the worker that an id names; a number of no worker when it is none. slot_number: its slot. slot_kind: what
   it names, or named. Any thread. */
static inline unsigned slot_worker(uint64_t id)
{
    return (unsigned)(id >> 56) - 1U;
}

static inline uint32_t slot_number(uint64_t id)
{
    return (uint32_t)(id >> 32) & SLOT_NONE;
}

static inline enum slot_kind slot_kind(uint64_t id)
{
    return (enum slot_kind)(id >> (32 + SLOT_KIND_SHIFT) & 7U);
}

#endif
