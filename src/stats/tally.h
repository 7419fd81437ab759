/* SPDX-License-Identifier: MIT
   What is counted for each endpoint. A tally belongs to an endpoint's name: a reload makes a new endpoint beside the old
   one, and both count in the same tally, so no number ever goes back.

   Each worker has a row of its own in each tally, written by that worker alone without an atomic, on cache lines that
   nobody else has; readers add the rows up. A row is made when its worker has something to count for the first time. When
   there is no memory for it, that worker counts what belongs to this endpoint as nobody's, from then on, so that the
   totals conserve all the same. What belongs to no endpoint is nobody's as well.

   The list of tallies has a lock of its own, held for moments only and never while anything waits: a thread that reports
   takes it, a worker in a callback too, whatever the control thread is doing. Nothing that counts takes it. */
#ifndef PORTLISTENER_STATS_TALLY_H
#define PORTLISTENER_STATS_TALLY_H

#include <stdbool.h>

#include "base/list.h"
#include "base/win.h"
#include "portlistener/handler.h"
#include "stats/handler_counters.h"
#include "stats/stats.h"

enum { TALLY_LINE = 64 /* bytes of a processor's cache line */ };

/* Of one worker. */
struct tally_row {
    volatile uint64_t at[COUNTER_COUNT]; /* by enum counter */
    void *block;                         /* of the heap, that it lies in */
};

struct tally {
    struct list_node node; /* in tallies.all */
    struct tallies *owner;
    struct list_node listeners;        /* the endpoint's, see endpoint/listener.h; under the lock */
    struct handler_counters *handlers; /* of those it has, and had; under the lock */
    uint32_t references;               /* likewise */
    void *volatile rows
        []; /* struct tally_row, one for each worker; the tally itself stands for nobody's. Behind them
                              the endpoint's name */
};

/* Those of an engine. */
struct tallies {
    SRWLOCK lock;
    struct list_node all; /* in the order in which they were made */
    unsigned workers;
    uint64_t gone[COUNTER_COUNT]; /* of endpoints that there are no more */
};

/* tallies_init: before the first is held, `workers` must be set. tallies_fini: all were released. */
void tallies_init(struct tallies *tallies);
void tallies_fini(struct tallies *tallies);

/* tally_hold: that of the endpoint with this name, made if there is none; NULL: no memory. tally_release: no connection of
   that endpoint is left; with the last one what it counted stays in the totals. NULL is allowed. Any thread. */
struct tally *tally_hold(struct tallies *tallies, const char *name);
void tally_release(struct tally *tally);

/* tally_name: the endpoint's, as long as the tally lives. Any thread. */
const char *tally_name(const struct tally *tally);

/* tally_lock, tally_unlock: around a change of what hangs on it and others read. NULL: nobody reads it. Any thread. */
void tally_lock(struct tally *tally);
void tally_unlock(struct tally *tally);

/* tally_row: of this worker; `nobodys` of the same worker is what stands in for it when there is no memory. On W. */
struct tally_row *tally_row(struct tally *tally, unsigned worker, struct tally_row *nobodys);

/* tally_handler_counters: where this handler counts, the same for all endpoints that share the tally and have a handler
   with this name and these counters; NULL: no memory, or it counts nothing. Lives as long as the tally. Any thread. */
struct handler_counters *tally_handler_counters(struct tally *tally, const struct pl_handler *handler);

/* tallies_sum: all of them, and those that are gone, but nobody's. tallies_sum_of: of this name; false: there is none.
   tally_sum: one; within tallies_read, or by who holds it.
   Sums are added to what stands in `sums`. Connections and sessions that had begun are in it if their end is. Any
   thread. */
void tallies_sum(struct tallies *tallies, uint64_t sums[COUNTER_COUNT]);
bool tallies_sum_of(struct tallies *tallies, const char *name, uint64_t sums[COUNTER_COUNT]);
void tally_sum(const struct tally *tally, uint64_t sums[COUNTER_COUNT]);
void tally_row_sum(const struct tally_row *row, uint64_t sums[COUNTER_COUNT]);

#endif
