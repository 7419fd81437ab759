/* SPDX-License-Identifier: MIT
   Nothing grows: after thousands of connections of every kind, and after the engine was started and stopped
   many times, there is exactly as much of everything as at first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "support/rig.h"

#include <cmocka.h>

#include "support/actor.h"
#include "support/ends.h"
#include "support/ledger.h"
#include "support/process_handles.h"
#include "support/seam.h"

enum { CONNECTIONS = 2000, WARM_UP = 3 };

static unsigned cycles = 30; /* or as the command line says */

/* What there is of everything that the ledger knows, and the bytes of the heap. */
struct mark {
    size_t counts[LEDGER_KIND_COUNT];
    size_t bytes;
};

static struct mark take_mark(void)
{
    struct mark mark;
    memset(&mark, 0, sizeof mark);
    for (int kind = 0; kind < LEDGER_KIND_COUNT; kind++) {
        mark.counts[kind] = ledger_count((enum ledger_kind)kind);
    }
    mark.bytes = ledger_bytes();
    return mark;
}

/* The last connection's end may have been counted a moment before it is freed. */
static void assert_back_at(const struct mark *mark)
{
    struct mark now = take_mark();
    for (const uint64_t deadline = rig_deadline(); memcmp(&now, mark, sizeof now) != 0; now = take_mark()) {
        rig_nap(deadline, "everything to be as it was");
    }
}

/* Taken when nothing is on its way any more. */
static struct mark take_settled_mark(void)
{
    struct mark mark = take_mark();
    for (int unchanged = 0; unchanged < 20; unchanged++) {
        const struct mark now = take_mark();
        unchanged = memcmp(&now, &mark, sizeof now) == 0 ? unchanged : 0;
        mark = now;
        Sleep(5);
    }
    return mark;
}

/* Threads that have ended may hold theirs for a moment more. */
static void assert_handles(size_t count)
{
    for (const uint64_t deadline = rig_deadline(); process_handles_count() != count;) {
        rig_nap(deadline, "as many handles as before");
    }
}

/* One of each that can be had with the engine running on. How many connections that were. */
static uint64_t end_in_every_way(void)
{
    uint64_t count = 0;
    for (enum close_reason i = CLOSE_REASON_NONE + 1; i < CLOSE_REASON_COUNT; i++) {
        if (ends_excuse(i) == NULL && !ends_is_at_stop(i)) {
            ends_arrange(i);
            count++;
        }
    }
    return count;
}

static void test_growth__connections_of_every_kind_leave_nothing(void **state)
{
    (void)state;
    ends_begin(NULL);
    for (int i = 0; i < WARM_UP; i++) { /* tables and pools get the size they need */
        end_in_every_way();
    }
    const struct mark mark = take_settled_mark();
    for (uint64_t count = 0; count < CONNECTIONS;) {
        count += end_in_every_way();
    }
    assert_back_at(&mark);
    ends_stop();
    rig_stop(&ends_rig);
    assert_int_equal(actor.opens, actor.closes);
}

/* Started, used, and stopped with connections in it. */
static void run_once(void)
{
    ends_begin(NULL);
    for (enum close_reason i = CLOSE_REASON_NONE + 1; i < CLOSE_REASON_COUNT; i++) {
        if (ends_excuse(i) == NULL && (ends_is_at_stop(i) || i % 4 == 0)) {
            ends_arrange(i);
        }
    }
    ends_stop();
    rig_stop(&ends_rig);
}

static void test_growth__starts_and_stops_leave_nothing(void **state)
{
    (void)state;
    const struct mark mark = take_mark();
    for (int i = 0; i < WARM_UP; i++) { /* Winsock itself takes some handles, for good */
        run_once();
    }
    const size_t handles = process_handles_count();
    for (unsigned i = 0; i < cycles; i++) {
        run_once();
        assert_back_at(&mark);
    }
    assert_handles(handles);
}

/* So the test above can fail. */
static void test_growth__one_handle_more_is_seen(void **state)
{
    (void)state;
    const size_t before = process_handles_count();
    const HANDLE event = SEAM_REAL(CreateEventW)(NULL, TRUE, FALSE, NULL);
    assert_true(before > 0);
    assert_int_equal(process_handles_count(), before + 1);
    SEAM_REAL(CloseHandle)(event);
    assert_int_equal(process_handles_count(), before);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_growth__connections_of_every_kind_leave_nothing),
        rig_test(test_growth__starts_and_stops_leave_nothing),
        rig_test(test_growth__one_handle_more_is_seen),
    };
    cycles = count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : cycles;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
