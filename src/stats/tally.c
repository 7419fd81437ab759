/* SPDX-License-Identifier: MIT
   Counters of endpoints, see tally.h. */
#include "stats/tally.h"

#include <assert.h>
#include <string.h>

#include "base/descriptor.h"
#include "base/memory.h"
#include "base/text.h"

/* ---- All of them ---- */

void tallies_init(struct tallies *tallies)
{
    *tallies = (struct tallies){.workers = 0};
    InitializeSRWLock(&tallies->lock);
    list_init(&tallies->all);
}

void tallies_fini(struct tallies *tallies)
{
    assert(list_is_empty(&tallies->all));
    (void)tallies;
}

/* ---- Holding ---- */

const char *tally_name(const struct tally *tally)
{
    return (const char *)(uintptr_t)&tally->rows[tally->owner->workers];
}

static struct tally *tally__find(const struct tallies *tallies, const char *name)
{
    const size_t length = strlen(name);
    for (struct list_node *node = tallies->all.next; node != &tallies->all; node = node->next) {
        struct tally *tally = LIST_ELEMENT(node, struct tally, node);
        if (text_equal(name, length, tally_name(tally))) {
            return tally;
        }
    }
    return NULL;
}

static struct tally *tally__create(struct tallies *tallies, const char *name)
{
    const size_t size = strlen(name) + 1;
    struct tally *tally = memory_alloc(sizeof *tally + tallies->workers * sizeof tally->rows[0] + size);
    if (tally != NULL) {
        tally->owner = tallies;
        memcpy((char *)(uintptr_t)tally_name(tally), name, size);
        list_init(&tally->listeners);
        list_append(&tallies->all, &tally->node);
    }
    return tally;
}

struct tally *tally_hold(struct tallies *tallies, const char *name)
{
    AcquireSRWLockExclusive(&tallies->lock);
    struct tally *tally = tally__find(tallies, name);
    tally = tally != NULL ? tally : tally__create(tallies, name);
    if (tally != NULL) {
        tally->references++;
    }
    ReleaseSRWLockExclusive(&tallies->lock);
    return tally;
}

void tally_lock(struct tally *tally)
{
    if (tally != NULL) {
        AcquireSRWLockExclusive(&tally->owner->lock);
    }
}

void tally_unlock(struct tally *tally)
{
    if (tally != NULL) {
        ReleaseSRWLockExclusive(&tally->owner->lock);
    }
}

/* NULL: there is none, and nobody's is not counted here. */
static const struct tally_row *tally__find_row(const struct tally *tally, unsigned worker)
{
    const void *row = tally->rows[worker];
    return row != tally ? row : NULL;
}

static void tally__destroy(struct tally *tally)
{
    for (unsigned i = 0; i < tally->owner->workers; i++) {
        const struct tally_row *row = tally__find_row(tally, i);
        if (row != NULL) {
            memory_free(row->block);
        }
    }
    while (tally->handlers != NULL) {
        struct handler_counters *next = tally->handlers->next;
        memory_free(tally->handlers);
        tally->handlers = next;
    }
    memory_free(tally);
}

void tally_release(struct tally *tally)
{
    if (tally == NULL) {
        return;
    }
    struct tallies *tallies = tally->owner;
    AcquireSRWLockExclusive(&tallies->lock);
    const bool is_last = --tally->references == 0;
    if (is_last) {
        assert(list_is_empty(&tally->listeners));
        tally_sum(tally, tallies->gone);
        list_remove(&tally->node);
    }
    ReleaseSRWLockExclusive(&tallies->lock);
    if (is_last) {
        tally__destroy(tally);
    }
}

/* ---- Rows ---- */

/* Rounded up to whole cache lines, and begun at one: what lies beside it on the heap is somebody else's. */
static void *tally__make_row(struct tally *tally, unsigned worker)
{
    const size_t lines = (sizeof(struct tally_row) + TALLY_LINE - 1) / TALLY_LINE;
    void *row = tally; /* stands for nobody's */
    void *block = memory_alloc((lines + 1) * TALLY_LINE);
    if (block != NULL) {
        struct tally_row *made =
            (struct tally_row *)(((uintptr_t)block + TALLY_LINE - 1) & ~(uintptr_t)(TALLY_LINE - 1));
        made->block = block;
        row = made;
    }
    InterlockedExchangePointer(&tally->rows[worker], row); /* from now on others read it */
    return row;
}

struct tally_row *tally_row(struct tally *tally, unsigned worker, struct tally_row *nobodys)
{
    void *row = tally->rows[worker];
    row = row != NULL ? row : tally__make_row(tally, worker);
    return row != tally ? row : nobodys;
}

/* ---- Handlers ---- */

struct handler_counters *tally_handler_counters(struct tally *tally, const struct pl_handler *handler)
{
    if (descriptor_counter_count(handler) == 0) {
        return NULL;
    }
    AcquireSRWLockExclusive(&tally->owner->lock);
    struct handler_counters *counters = tally->handlers;
    while (counters != NULL && !handler_counters_fit(counters, handler)) {
        counters = counters->next;
    }
    if (counters == NULL) {
        counters = handler_counters_create(handler);
        if (counters != NULL) {
            counters->next = tally->handlers;
            tally->handlers = counters;
        }
    }
    ReleaseSRWLockExclusive(&tally->owner->lock);
    return counters;
}

/* ---- Reading ---- */

/* Backwards, see counters.def. x64 keeps the order of loads and that of stores. */
void tally_row_sum(const struct tally_row *row, uint64_t sums[COUNTER_COUNT])
{
    for (int k = COUNTER_COUNT - 1; k >= 0; k--) {
        sums[k] += row->at[k];
    }
}

void tally_sum(const struct tally *tally, uint64_t sums[COUNTER_COUNT])
{
    for (unsigned i = 0; i < tally->owner->workers; i++) {
        const struct tally_row *row = tally__find_row(tally, i);
        if (row != NULL) {
            tally_row_sum(row, sums);
        }
    }
}

void tallies_sum(struct tallies *tallies, uint64_t sums[COUNTER_COUNT])
{
    AcquireSRWLockShared(&tallies->lock);
    for (int k = 0; k < COUNTER_COUNT; k++) {
        sums[k] += tallies->gone[k];
    }
    for (struct list_node *node = tallies->all.next; node != &tallies->all; node = node->next) {
        tally_sum(LIST_ELEMENT(node, struct tally, node), sums);
    }
    ReleaseSRWLockShared(&tallies->lock);
}

bool tallies_sum_of(struct tallies *tallies, const char *name, uint64_t sums[COUNTER_COUNT])
{
    AcquireSRWLockShared(&tallies->lock);
    const struct tally *tally = tally__find(tallies, name);
    if (tally != NULL) {
        tally_sum(tally, sums);
    }
    ReleaseSRWLockShared(&tallies->lock);
    return tally != NULL;
}
