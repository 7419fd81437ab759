/* SPDX-License-Identifier: MIT
   Tests of endpoint/notice.c: what is told, in which words, and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "endpoint/notice.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/seam.h"
#include "support/support.h"

enum { ROOM = 384 };

static const struct pl_address client = {.family = 4, .ip = {192, 0, 2, 7}, .port = 51000};
static const struct config_endpoint endpoint = {.max_connections = 3,
                                                .max_connections_per_source = 5,
                                                .max_outbound = 6,
                                                .accept_rate = 100,
                                                .udp_sessions_max = 7,
                                                .reply_limit = 1500};

static const struct config_service service = {.max_connections = 4000};
static const struct notice_configs configs = {&endpoint, &service};

/* ---- Which ---- */

/* Whoever is turned away by a stranger's deed leaves a trace; what an administrator does is told otherwise. */
static void test_notice__there_is_one_for_all_that_is_refused_or_dropped(void **state)
{
    (void)state;
    static const enum counter told_otherwise[] = {COUNTER_REFUSED_PAUSED, COUNTER_REFUSED_STOPPING,
                                                  COUNTER_DATAGRAMS_REFUSED_PAUSED,
                                                  COUNTER_DATAGRAMS_UNSENT}; /* by the network's trouble */
    for (enum counter counter = 0; counter < COUNTER_COUNT; counter++) {
        const char *metric = family_row(counter_row(counter)->family)->metric;
        bool is_wanted = strstr(metric, "_refused_") != NULL || strstr(metric, "_dropped_") != NULL ||
                         counter == COUNTER_ACCEPT_PAUSES_RATE ||
                         counter == COUNTER_SESSIONS_CLOSED_DISPLACED || counter == COUNTER_OUTBOUND_LIMIT;
        for (size_t i = 0; i < sizeof told_otherwise / sizeof told_otherwise[0]; i++) {
            is_wanted = is_wanted && counter != told_otherwise[i];
        }
        if (is_wanted != (notice_of(counter) != NOTICE_COUNT)) {
            fail_msg("%s: %s", counter_row(counter)->name,
                     is_wanted ? "notices.def lacks it" : "why is it told?");
        }
    }
}

/* ---- Words ---- */

static void test_notice__says_what_happened_to_whom_why_and_what_to_do(void **state)
{
    (void)state;
    static const struct {
        enum counter counter;
        enum event event;
        const char *one, *many;
    } rows[] = {
        {COUNTER_REFUSED_ACL, EVENT_CLIENT_REFUSED,
         "192.0.2.7:51000 was reset: deny or allow keeps such clients out",
         "12 more clients were reset since the last such line: deny or allow keeps such clients out"},
        {COUNTER_REFUSED_LIMIT, EVENT_CLIENT_REFUSED,
         "192.0.2.7:51000 was reset: max_connections = 3 of this endpoint is reached; raise it here, or",
         "12 more clients were reset since the last such line: max_connections = 3 of this endpoint is reached"},
        {COUNTER_REFUSED_SERVICE_LIMIT, EVENT_CLIENT_REFUSED,
         "192.0.2.7:51000 was reset: max_connections = 4000 of the whole service is reached; raise it in [service]",
         "12 more clients were reset since the last such line: max_connections = 4000 of the whole service is"},
        {COUNTER_DATAGRAMS_REFUSED_ACL, EVENT_CLIENT_REFUSED,
         "a datagram of 192.0.2.7:51000 was dropped: deny or allow keeps such clients out",
         "12 more datagrams were dropped since the last such line: deny or allow keeps such clients out"},
        {COUNTER_SESSIONS_REFUSED_PER_SOURCE, EVENT_CLIENT_REFUSED,
         "a datagram of 192.0.2.7:51000 was dropped: max_connections_per_source = 5 is reached; raise it if",
         "12 more datagrams were dropped since the last such line: max_connections_per_source = 5 is reached"},
        {COUNTER_OUTBOUND_LIMIT, EVENT_CONNECT_FAILED,
         "a connection to another host was not opened: max_outbound = 6 is reached; raise it if the handler needs more",
         "12 more connections to other hosts were not opened since the last such line: max_outbound = 6 is reached"},
        {COUNTER_ANSWERS_DROPPED_REPLY_LIMIT, EVENT_ANSWER_DROPPED,
         "an answer to 192.0.2.7:51000 was dropped: reply_limit = 1.5 allows no more; ",
         "12 more answers were dropped since the last such line: reply_limit = 1.5 allows no more; "},
        {COUNTER_SESSIONS_CLOSED_DISPLACED, EVENT_SESSION_DISPLACED,
         "the session of 192.0.2.7:51000 made room for another one: udp_sessions_max = 7 is reached; ",
         "12 more sessions made room for others since the last such line: udp_sessions_max = 7 is reached; "},
        {COUNTER_ACCEPT_PAUSES_RATE, EVENT_ACCEPT_RATE_REACHED,
         "further connections would have to wait in the backlog: accept_rate = 100 is used up; raise it",
         "12 more times further connections would have had to wait in the backlog since the last such line: accept_rate = 100 is"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const enum notice notice = notice_of(rows[i].counter);
        char room[ROOM];
        struct text text;
        assert_int_equal(notice_event(notice), rows[i].event);
        text_init(&text, room, sizeof room);
        notice_add(&text, notice, &configs, rows[i].counter == COUNTER_ACCEPT_PAUSES_RATE ? NULL : &client);
        assert_memory_equal(room, rows[i].one, strlen(rows[i].one));
        text_init(&text, room, sizeof room);
        notice_add_rest(&text, notice, &configs, 12);
        assert_memory_equal(room, rows[i].many, strlen(rows[i].many));
    }
}

/* With the longest address and number. */
static void test_notice__fits_in_its_line(void **state)
{
    (void)state;
    const struct pl_address longest = {
        .family = 6,
        .ip = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
        .port = 65535,
        .scope = UINT32_MAX};
    for (enum notice notice = 0; notice < NOTICE_PROXY_HEADER; notice++) {
        char room[ROOM];
        struct text text;
        text_init(&text, room, sizeof room);
        notice_add(&text, notice, &configs, &longest);
        notice_add_untold(&text, INT32_MAX);
        assert_false(text.is_cut);
        assert_non_null(strstr(room, "; 2147483647 more since the last such line"));
    }
}

static void test_notice__says_nothing_of_none_untold(void **state)
{
    (void)state;
    char room[ROOM] = "";
    struct text text;
    text_init(&text, room, sizeof room);
    notice_add_untold(&text, 0);
    assert_int_equal(text.length, 0);
}

/* ---- How often ---- */

static void test_notice__is_told_once_a_minute_with_the_number_in_between(void **state)
{
    (void)state;
    static const struct {
        uint64_t now;
        LONG untold; /* -1: not told */
    } rows[] = {{5000, 0},   {5000, -1},   {5001, -1},  {64999, -1}, {65000, 3},
                {65001, -1}, {124999, -1}, {125000, 2}, {500000, 0}, {500001, -1}};
    struct notice_gate gate = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(notice_gate_pass(&gate, rows[i].now), rows[i].untold);
    }
    assert_int_equal(notice_gate_take_rest(&gate), 1);
    assert_int_equal(notice_gate_take_rest(&gate), 0);
}

/* The clocks of workers differ by as much as a turn takes. */
static void test_notice__is_not_told_again_by_a_worker_whose_clock_is_behind(void **state)
{
    (void)state;
    struct notice_gate gate = {0};
    assert_int_equal(notice_gate_pass(&gate, 1000000), 0);
    assert_int_equal(notice_gate_pass(&gate, 999984), -1);
    assert_int_equal(notice_gate_pass(&gate, 1000000), -1);
    assert_int_equal(notice_gate_pass(&gate, 1060000), 2);
    assert_int_equal(notice_gate_pass(&gate, 0), -1); /* however far behind */
}

/* Many threads at once: each is told or counted, never both, never neither. */
enum { THREADS = 4, EACH = 20000 };

static struct notice_gate shared;
static volatile LONG64 told, clock_of_all;

static DWORD WINAPI pass_many(void *argument)
{
    (void)argument;
    for (int i = 0; i < EACH; i++) {
        const LONG untold = notice_gate_pass(&shared, (uint64_t)InterlockedIncrement64(&clock_of_all) * 100);
        if (untold >= 0) {
            InterlockedExchangeAdd64(&told, 1 + (LONG64)untold);
        }
    }
    return 0;
}

static void test_notice__loses_none_among_threads(void **state)
{
    (void)state;
    HANDLE threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        threads[i] = CreateThread(NULL, 0, pass_many, NULL, 0, NULL);
        assert_non_null(threads[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(WaitForSingleObject(threads[i], 60000), WAIT_OBJECT_0);
        CloseHandle(threads[i]);
    }
    assert_int_equal(told + notice_gate_take_rest(&shared), THREADS * EACH);
    assert_true(told > 0);
}

static struct notice_gates gates;

/* Another worker has made them meanwhile. */
static LPVOID WINAPI come_first(HANDLE heap, DWORD flags, SIZE_T size)
{
    seam_replace(IMPORT_HeapAlloc, NULL);
    assert_int_equal(notice_gates_pass(&gates, NOTICE_PROXY_HEADER, 1000000), 0);
    return SEAM_REAL(HeapAlloc)(heap, flags, size);
}

static void test_notice__gates_are_made_when_they_are_needed(void **state)
{
    (void)state;
    const size_t before = ledger_bytes();
    gates = (struct notice_gates){0};
    assert_int_equal(notice_gates_take_rest(&gates, NOTICE_PROXY_HEADER), 0);
    assert_int_equal(ledger_bytes(), before);
    for (enum notice notice = 0; notice < NOTICE_COUNT; notice++) {
        assert_int_equal(notice_gates_pass(&gates, notice, 1000000), 0);
        assert_int_equal(notice_gates_pass(&gates, notice, 1000000), -1);
        assert_int_equal(notice_gates_take_rest(&gates, notice), 1);
    }
    notice_gates_fini(&gates);
    assert_int_equal(ledger_bytes(), before);
    notice_gates_fini(&gates);
}

static void test_notice__gates_that_two_workers_make_at_once_are_one(void **state)
{
    (void)state;
    gates = (struct notice_gates){0};
    seam_replace(IMPORT_HeapAlloc, (seam_function)come_first);
    assert_int_equal(notice_gates_pass(&gates, NOTICE_PROXY_HEADER, 1000000), -1);
    assert_int_equal(notice_gates_take_rest(&gates, NOTICE_PROXY_HEADER), 1);
    notice_gates_fini(&gates);
}

static void test_notice__nothing_is_told_without_memory_for_the_gates(void **state)
{
    (void)state;
    gates = (struct notice_gates){0};
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_int_equal(notice_gates_pass(&gates, NOTICE_PROXY_HEADER, 1000000), -1);
    assert_int_equal(notice_gates_take_rest(&gates, NOTICE_PROXY_HEADER), 0);
    assert_int_equal(notice_gates_pass(&gates, NOTICE_PROXY_HEADER, 1000000), 0);
    notice_gates_fini(&gates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_notice__there_is_one_for_all_that_is_refused_or_dropped),
        support_test(test_notice__says_what_happened_to_whom_why_and_what_to_do),
        support_test(test_notice__fits_in_its_line),
        support_test(test_notice__says_nothing_of_none_untold),
        support_test(test_notice__is_told_once_a_minute_with_the_number_in_between),
        support_test(test_notice__is_not_told_again_by_a_worker_whose_clock_is_behind),
        support_test(test_notice__loses_none_among_threads),
        support_test(test_notice__gates_are_made_when_they_are_needed),
        support_test(test_notice__gates_that_two_workers_make_at_once_are_one),
        support_test(test_notice__nothing_is_told_without_memory_for_the_gates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
