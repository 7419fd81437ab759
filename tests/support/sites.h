/* SPDX-License-Identifier: MIT
   Call sites: where in the program imports are called, known by the address that a call returns to. They are
   counted from the process' first call on; a recording keeps the single calls. Any thread, unless said
   otherwise. */
#ifndef PORTLISTENER_TESTS_SUPPORT_SITES_H
#define PORTLISTENER_TESTS_SUPPORT_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "support/seam.h"

struct site {
    enum import import;
    const void *at;    /* where its calls return to */
    uint32_t calls;    /* ever made there */
    uint32_t failures; /* of these, by a fault */
};

/* sites_count; sites_get: those known until now, with index < sites_count(), in no order. */
size_t sites_count(void);
struct site sites_get(size_t index);

/* sites_add: "HeapAlloc at memory_alloc (memory.c:15)". */
void sites_add(struct text *text, enum import import, const void *at);

/* sites_write: all of them, a line each: "HeapAlloc 1a2b 17 3", the address as an offset from the program's
   begin in hexadecimal, calls and failures. tests/sites.sh makes names of them. False: no such file. */
bool sites_write(const char *path);

/* One recorded call: the `nth` of its import since the recording began. */
struct site_call {
    enum import import;
    uint32_t nth;
    const void *at;
};

/* sites_record: begins a recording of at most `room` calls; sites_end_record: ends it and returns how many
   were made, kept or not. For one thread at a time. */
void sites_record(struct site_call *calls_out, size_t room);
size_t sites_end_record(void);

/* sites_note: for fault.c: one call, and whether a fault ended it. */
void sites_note(const struct seam_call *call, bool is_failure);

#endif
