/* SPDX-License-Identifier: MIT
   Tests of engine.c and binding.c: what starts, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "endpoint/control_calls.h"
#include "io/watchdog.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/journal.h"
#include "support/ledger.h"
#include "support/loopback.h"
#include "support/probe.h"
#include "support/rig.h"
#include "support/seam.h"

static struct rig rig, second;
static struct client *holder; /* has a port for itself */

/* ---- What is in the configuration ---- */

static void test_engine__serves_every_address_of_every_endpoint(void **state)
{
    char port[8], ipv6[32];
    (void)state;
    rig_init(&rig, probe_handlers);
    rig_endpoint(&rig, "both", "probe", "tcp://127.0.0.1:0");
    rig_listen(&rig, "udp://127.0.0.1:0");
    rig_listen(&rig, "tcp://[::1]:0");
    rig_listen(&rig, "udp://[::1]:0");
    rig_endpoint(&rig, "every", "probe", "tcp://*:0");
    rig_listen(&rig, "udp://*:0");
    rig_endpoint(&rig, "range", "probe", loopback_listen("tcp", 1, "23990-23993"));
    rig_listen(&rig, loopback_listen("udp", 1, "23990-23993"));
    snprintf(port, sizeof port, "%u", (unsigned)loopback_free_port6());
    rig_endpoint(&rig, "localhost", "probe",
                 loopback_listen("tcp", 2, port)); /* as the configuration has it: two */
    snprintf(ipv6, sizeof ipv6, "tcp://[::1]:%s", port);
    rig_listen(&rig, ipv6);
    rig_start(&rig);
    assert_int_equal(probe.starts, 4); /* once an endpoint */
    assert_int_equal(rig_count(&rig), 4 + 2 + 8 + 2);
    assert_string_equal(rig_at(&rig, 0).endpoint, "both");
    assert_string_equal(rig_at(&rig, 5).endpoint, "every");
    assert_int_equal(rig_at(&rig, 9).address.port, 23993);
    assert_int_equal(rig_at(&rig, 9).protocol, CONFIG_TCP);
    assert_int_equal(rig_at(&rig, 13).address.port, 23993);
    assert_int_equal(rig_at(&rig, 13).protocol, CONFIG_UDP);
    probe_assert_serves(&rig);
    rig_stop(&rig);
    assert_int_equal(probe.stops, 4);
}

static void test_engine__leaves_out_what_is_not_enabled(void **state)
{
    (void)state;
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig_endpoint(&rig, "off", "no such handler", "tcp://127.0.0.1:0")->is_enabled = false;
    rig_start(&rig);
    assert_int_equal(rig_count(&rig), 1);
    assert_int_equal(probe.starts, 1);
    probe_assert_serves(&rig);
    rig_stop(&rig);
    rig.endpoints[0].is_enabled = false;
    rig_start(&rig); /* nothing to do is no error */
    assert_int_equal(rig_count(&rig), 0);
    rig_stop(&rig);
}

static void test_engine__spreads_connections_over_its_workers(void **state)
{
    (void)state;
    struct client *clients[30];
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig.config.service.workers = 3;
    rig_start(&rig);
    const struct pl_address to = rig_address(&rig, 0);
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &clients[i]), CLIENT_OK);
    }
    rig_wait_for_counter(&rig, COUNTER_ACCEPTED, 30);
    assert_int_equal(probe_threads(), 3);
    for (size_t i = 0; i < 30; i++) {
        char byte = 0;
        assert_int_equal(client_send(clients[i], "x", 1, CLIENT_PATIENCE), CLIENT_OK);
        assert_int_equal(client_receive(clients[i], &byte, 1, CLIENT_PATIENCE), CLIENT_OK);
        client_close(clients[i]);
    }
    rig_stop(&rig);
}

static void test_engine__makes_as_many_workers_as_are_wanted_and_allowed(void **state)
{
    (void)state;
    static const struct {
        uint32_t wanted;
        size_t least, most;
    } rows[] = {{1, 1, 1}, {5, 5, 5}, {1000, 64, 64}, {0, 1, 64}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        probe_prepare(&rig, "tcp://127.0.0.1:0");
        rig.config.service.workers = rows[i].wanted;
        fault_clear();
        rig_start(&rig);
        /* and the control thread, and that of the handler's start */
        assert_in_range(fault_calls(IMPORT_CreateThread), rows[i].least + 2, rows[i].most + 2);
        probe_assert_serves(&rig);
        rig_stop(&rig);
    }
}

static void test_engine__two_live_side_by_side(void **state)
{
    (void)state;
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    probe_prepare(&second, "udp://127.0.0.1:0");
    rig_start(&rig);
    rig_start(&second);
    probe_assert_serves(&rig);
    probe_assert_serves(&second);
    assert_int_equal(rig_counter(&rig, COUNTER_ACCEPTED), 1);
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_RECEIVED), 0);
    assert_int_equal(rig_counter(&second, COUNTER_DATAGRAMS_RECEIVED), 1);
    rig_stop(&rig);
    probe_assert_serves(&second);
    rig_stop(&second);
}

static void test_engine__many_endpoints_start_and_stop_soon_and_cost_little(void **state)
{
    (void)state;
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig_start(&rig);
    const size_t one = ledger_bytes();
    rig_stop(&rig);
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    for (int i = 0; i < 1000; i++) {
        rig_listen(&rig, "tcp://127.0.0.1:0");
    }
    for (int i = 0; i < 200; i++) {
        rig_listen(&rig, "udp://127.0.0.1:0");
    }
    const uint64_t begun = SEAM_REAL(GetTickCount64)();
    rig_start(&rig);
    const uint64_t started = SEAM_REAL(GetTickCount64)();
    rig_wait_for_operations(1201);
    assert_in_range((ledger_bytes() - one) / 1200, 1, 1024);
    const struct pl_address first = rig_address(&rig, 0), last = rig_address(&rig, 1200);
    probe_assert_serves_at(&first, CONFIG_TCP);
    probe_assert_serves_at(&last, CONFIG_UDP);
    const uint64_t stopping = SEAM_REAL(GetTickCount64)();
    rig_stop(&rig);
    const uint64_t stopped = SEAM_REAL(GetTickCount64)();
    print_message("             started in %u ms, stopped in %u ms\n", (unsigned)(started - begun),
                  (unsigned)(stopped - stopping));
    assert_in_range(stopped - stopping, 0, RIG_PATIENCE); /* 0.1 s; 2 s where heaps are checked */
}

/* ---- What does not start ---- */

static void assert_fails(enum exit_code code, const char *words)
{
    rig_fail(&rig);
    assert_int_equal(rig.failure.code, code);
    if (strstr(rig.failure.text, words) == NULL) {
        fail_msg("\"%s\" does not say: %s", rig.failure.text, words);
    }
    assert_int_equal(probe.starts, probe.stops);
    assert_int_equal(ledger_leftovers(NULL, 0), 0);
}

static void test_engine__needs_a_handler_that_exists(void **state)
{
    (void)state;
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig_endpoint(&rig, "web", "htpp", "tcp://127.0.0.1:0");
    assert_fails(EXIT_CODE_CONFIGURATION, "endpoint web: there is no handler htpp");
    rig.endpoints[1].handler = (char *)(uintptr_t) "PROBE"; /* names compare without case */
    rig_start(&rig);
    rig_stop(&rig);
}

static void test_engine__tells_why_a_handler_did_not_start(void **state)
{
    (void)state;
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig_endpoint(&rig, "second", "probe", "tcp://127.0.0.1:0");
    rig_endpoint(&rig, "third", "probe", "tcp://127.0.0.1:0");
    probe.refuses_start = 3;
    assert_fails(EXIT_CODE_CONFIGURATION,
                 "endpoint third: the handler probe could not start: the probe was told to fail");
    assert_int_equal(probe.stops, 2);
    probe.refuses_start = 0;
    rig_endpoint(&rig, "fourth", "mute", "tcp://127.0.0.1:0");
    assert_fails(EXIT_CODE_FAILED, "endpoint fourth: the handler mute could not start: it gave no reason");
}

static void test_engine__keeps_the_reason_when_an_event_cannot_be_created(void **state)
{
    (void)state;
    for (uint32_t nth = 1; nth <= 2; nth++) {
        probe_prepare(&rig, "tcp://127.0.0.1:0");
        fault_arm(IMPORT_CreateEventW, nth, ERROR_NO_SYSTEM_RESOURCES, 1);
        assert_fails(EXIT_CODE_FAILED, "an event could not be created");
        assert_int_equal(rig.failure.win32_error, ERROR_NO_SYSTEM_RESOURCES);
        fault_clear();
    }
}

/* ---- Ports that are not to be had at the start ---- */

/* Time passes quickly while the engine waits: a progress report is worth three seconds. */
static struct {
    unsigned reports;
    uint32_t last;
    bool is_falling;
    unsigned frees_at; /* the report at which the port becomes free; 0: never */
    bool is_over;      /* the start is done */
} waiting;

static void pass_time(void *context, uint32_t remaining)
{
    (void)context;
    if (waiting.is_over) {
        return;
    }
    waiting.is_falling = waiting.is_falling && remaining <= waiting.last;
    waiting.last = remaining;
    if (++waiting.reports == waiting.frees_at) {
        client_close(holder);
        holder = NULL;
    }
    clock_advance(3000);
}

static void hold_a_port(void)
{
    const struct pl_address at = client_address("127.0.0.1", 0);
    holder = client_open_datagram(&at);
    waiting.reports = waiting.frees_at = 0;
    waiting.last = UINT32_MAX;
    waiting.is_falling = true;
    waiting.is_over = false;
}

/* An endpoint whose port `holder` has; and another one that is well. */
static void prepare_conflict(bool has_other)
{
    hold_a_port();
    probe_prepare(&rig, "udp://127.0.0.1:0");
    rig.listens[0].address.port = rig.listens[0].last_port = client_local(holder).port;
    rig.options.progress = pass_time;
    if (has_other) {
        rig_endpoint(&rig, "other", "probe", "tcp://127.0.0.1:0");
    }
}

static void test_engine__decides_by_its_policy_when_a_port_is_not_to_be_had(void **state)
{
    (void)state;
    static const struct {
        enum config_start_policy policy;
        bool has_other, is_automatic, starts;
    } rows[] = {
        {CONFIG_START_ALL, false, false, false},   {CONFIG_START_ALL, true, false, false},
        {CONFIG_START_ALL, true, true, false},     {CONFIG_START_PARTIAL, false, false, false},
        {CONFIG_START_PARTIAL, true, false, true}, {CONFIG_START_PARTIAL, false, true, true},
        {CONFIG_START_PARTIAL, true, true, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        prepare_conflict(rows[i].has_other);
        rig.config.service.start_policy = rows[i].policy;
        rig.options.is_automatic_start = rows[i].is_automatic;
        const uint64_t begun = clock_now();
        if (rows[i].starts) {
            rig_start(&rig);
            assert_int_equal(rig_at(&rig, 0).state, LISTENER_WAITING);
            assert_true(rig_at(&rig, 0).win32_error == WSAEADDRINUSE ||
                        rig_at(&rig, 0).win32_error == WSAEACCES);
            waiting.is_over = true;
            rig_stop(&rig);
        } else {
            assert_fails(EXIT_CODE_BIND, "endpoint e: udp://127.0.0.1:");
            assert_non_null(strstr(rig.failure.text, "another socket has this port"));
            assert_true(rig.failure.win32_error == WSAEADDRINUSE || rig.failure.win32_error == WSAEACCES);
        }
        assert_true(clock_now() - begun >= 10000); /* it was tried that long */
        assert_in_range(waiting.reports, 3, 30);
        assert_true(waiting.is_falling);
        client_close(holder);
    }
}

static void test_engine__does_not_wait_for_an_address_that_is_not_here(void **state)
{
    (void)state;
    probe_prepare(&rig, "tcp://198.51.100.1:0"); /* for documentation only, RFC 5737 */
    rig_listen(&rig, "tcp://198.51.100.2:0");
    rig_listen(&rig, "tcp://198.51.100.3:0");
    const uint64_t begun = clock_now();
    assert_fails(EXIT_CODE_BIND, "this machine does not have that address");
    assert_non_null(strstr(rig.failure.text, "(and 2 more)"));
    assert_int_equal(rig.failure.win32_error, WSAEADDRNOTAVAIL);
    assert_in_range(clock_now() - begun, 0, 5000);
}

static void test_engine__takes_a_port_that_becomes_free_during_the_start(void **state)
{
    (void)state;
    prepare_conflict(false);
    rig.config.service.start_policy = CONFIG_START_ALL;
    waiting.frees_at = 2;
    rig_start(&rig);
    waiting.is_over = true;
    assert_in_range(waiting.reports, 2, 4);
    probe_assert_serves(&rig);
    rig_stop(&rig);
}

/* ---- While it runs ---- */

/* The control thread looks by the virtual clock. */
static void pass_time_until(enum event event)
{
    const uint64_t deadline = rig_deadline();
    while (journal_count(event) == 0) {
        clock_advance(WATCHDOG_PERIOD);
        rig_nap(deadline, event_find(event)->name);
    }
}

static void test_engine__tells_of_a_callback_that_lasts_too_long(void **state)
{
    (void)state;
    char byte = 0;
    struct client *client = NULL;
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig.config.service.workers = 2;
    rig.options.log = journal_open();
    rig_start(&rig);
    const struct pl_address to = rig_address(&rig, 0);
    probe.blocks = 1;
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    assert_int_equal(client_send(client, "x", 1, CLIENT_PATIENCE), CLIENT_OK);
    pass_time_until(EVENT_CALLBACK_LATE);
    journal_assert_last(EVENT_CALLBACK_LATE, "the handler probe has not returned from on_data for ");
    probe.blocks = 0;
    SetEvent(probe.gate);
    assert_int_equal(client_receive(client, &byte, 1, CLIENT_PATIENCE), CLIENT_OK);
    pass_time_until(EVENT_CALLBACK_RETURNED);
    assert_int_equal(journal_count(EVENT_CALLBACK_LATE), 1);
    client_close(client);
    rig_stop(&rig);
    journal_close();
}

/* A start that lasts CONTROL_CALLS_START_LIMIT; the test need not. */
static DWORD WINAPI wait_less(HANDLE handle, DWORD milliseconds)
{
    return SEAM_REAL(WaitForSingleObject)(handle,
                                          milliseconds == CONTROL_CALLS_START_LIMIT ? 1 : milliseconds);
}

static DWORD WINAPI open_gate_when_told(void *context)
{
    (void)context;
    journal_wait(EVENT_CALLBACK_LATE, 1);
    SetEvent(probe.gate);
    return 0;
}

static void test_engine__tells_of_a_start_that_lasts_too_long(void **state)
{
    (void)state;
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig.options.log = journal_open();
    probe.blocks_start = 1;
    HANDLE thread = SEAM_REAL(CreateThread)(NULL, 0, open_gate_when_told, NULL, 0, NULL);
    assert_non_null(thread);
    seam_replace(IMPORT_WaitForSingleObject, (seam_function)wait_less);
    rig_start(&rig);
    seam_replace(IMPORT_WaitForSingleObject, NULL);
    assert_int_equal(WaitForSingleObject(thread, CLIENT_PATIENCE), WAIT_OBJECT_0);
    CloseHandle(thread);
    journal_assert_last(EVENT_CALLBACK_LATE, "the handler probe has not returned from start for at least ");
    journal_assert_last(EVENT_CALLBACK_LATE, "the start of the service, or its reload, waits for it");
    journal_assert_last(EVENT_CALLBACK_RETURNED, "the handler probe has returned from start after about ");
    assert_int_equal(journal_count(EVENT_CALLBACK_LATE), 1);
    probe_assert_serves(&rig);
    rig_stop(&rig);
    journal_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        probe_test(test_engine__serves_every_address_of_every_endpoint),
        probe_test(test_engine__leaves_out_what_is_not_enabled),
        probe_test(test_engine__spreads_connections_over_its_workers),
        probe_test(test_engine__makes_as_many_workers_as_are_wanted_and_allowed),
        probe_test(test_engine__two_live_side_by_side),
        probe_test(test_engine__many_endpoints_start_and_stop_soon_and_cost_little),
        probe_test(test_engine__needs_a_handler_that_exists),
        probe_test(test_engine__tells_why_a_handler_did_not_start),
        probe_test(test_engine__keeps_the_reason_when_an_event_cannot_be_created),
        probe_test(test_engine__decides_by_its_policy_when_a_port_is_not_to_be_had),
        probe_test(test_engine__does_not_wait_for_an_address_that_is_not_here),
        probe_test(test_engine__takes_a_port_that_becomes_free_during_the_start),
        probe_test(test_engine__tells_of_a_callback_that_lasts_too_long),
        probe_test(test_engine__tells_of_a_start_that_lasts_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
