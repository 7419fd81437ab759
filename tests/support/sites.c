/* SPDX-License-Identifier: MIT
   Call sites, see sites.h: a table that only grows, hashed by address, so that noting a call takes no lock. A
   recording takes one, for its calls shall be numbered without gaps. */
#include "support/sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/place.h"

enum { SITES_ROOM = 4096 };

struct sites__entry {
    PVOID volatile at; /* NULL: free */
    LONG volatile import;
    LONG volatile calls;
    LONG volatile failures;
};

static struct sites__entry entries[SITES_ROOM];
static struct sites__entry *volatile order[SITES_ROOM];
static LONG volatile entry_count;

static struct {
    SRWLOCK lock;
    LONG volatile is_on;
    struct site_call *at;
    size_t room;
    size_t count;
    uint32_t numbers[IMPORT_COUNT];
} record = {.lock = SRWLOCK_INIT};

/* ---- Sites ---- */

static void sites__enter(struct sites__entry *entry, enum import import)
{
    InterlockedExchange(&entry->import, (LONG)import);
    const LONG index = InterlockedIncrement(&entry_count) - 1;
    InterlockedExchangePointer((PVOID volatile *)&order[index], entry);
}

/* A place in the program calls one import; so the address is enough of a key. */
static struct sites__entry *sites__find(const struct seam_call *call)
{
    const PVOID at = (PVOID)(uintptr_t)call->site;
    size_t index = (size_t)((uint64_t)(uintptr_t)at * 0x9E3779B97F4A7C15u >> 52); /* 12 bits */
    for (size_t tries = 0; tries < SITES_ROOM; tries++, index = (index + 1) % SITES_ROOM) {
        const PVOID was = InterlockedCompareExchangePointer(&entries[index].at, at, NULL);
        if (was == NULL) {
            sites__enter(&entries[index], call->import);
        }
        if (was == NULL || was == at) {
            return &entries[index];
        }
    }
    fprintf(stderr, "sites: more than %d call sites\n", SITES_ROOM);
    abort();
}

size_t sites_count(void)
{
    return (size_t)InterlockedCompareExchange(&entry_count, 0, 0);
}

struct site sites_get(size_t index)
{
    struct sites__entry *entry = NULL;
    while ((entry = InterlockedCompareExchangePointer((PVOID volatile *)&order[index], NULL, NULL)) == NULL) {
        YieldProcessor(); /* it was counted a moment ago */
    }
    return (struct site){.import = (enum import)entry->import,
                         .at = entry->at,
                         .calls = (uint32_t)entry->calls,
                         .failures = (uint32_t)entry->failures};
}

void sites_add(struct text *text, enum import import, const void *at)
{
    text_add_format(text, "%s at ", seam_name(import));
    place_add(text, at);
}

bool sites_write(const char *path)
{
    const uintptr_t program = (uintptr_t)SEAM_REAL(GetModuleHandleW)(NULL);
    FILE *file = fopen(path, "w");
    const size_t count = sites_count();
    for (size_t i = 0; file != NULL && i < count; i++) {
        const struct site site = sites_get(i);
        fprintf(file, "%s %llx %u %u\n", seam_name(site.import),
                (unsigned long long)((uintptr_t)site.at - program), (unsigned)site.calls,
                (unsigned)site.failures);
    }
    return file != NULL && fclose(file) == 0;
}

/* ---- Recordings ---- */

void sites_record(struct site_call *calls_out, size_t room)
{
    AcquireSRWLockExclusive(&record.lock);
    memset(record.numbers, 0, sizeof record.numbers);
    record.at = calls_out;
    record.room = room;
    record.count = 0;
    InterlockedExchange(&record.is_on, 1);
    ReleaseSRWLockExclusive(&record.lock);
}

size_t sites_end_record(void)
{
    AcquireSRWLockExclusive(&record.lock);
    InterlockedExchange(&record.is_on, 0);
    const size_t count = record.count;
    ReleaseSRWLockExclusive(&record.lock);
    return count;
}

static void sites__record(const struct seam_call *call)
{
    AcquireSRWLockExclusive(&record.lock);
    if (record.is_on != 0) {
        const uint32_t nth = ++record.numbers[call->import];
        if (record.count < record.room) {
            record.at[record.count] = (struct site_call){call->import, nth, call->site};
        }
        record.count++;
    }
    ReleaseSRWLockExclusive(&record.lock);
}

void sites_note(const struct seam_call *call, bool is_failure)
{
    struct sites__entry *entry = sites__find(call);
    InterlockedIncrement(&entry->calls);
    if (is_failure) {
        InterlockedIncrement(&entry->failures);
    }
    if (InterlockedCompareExchange(&record.is_on, 0, 0) != 0) {
        sites__record(call);
    }
}
