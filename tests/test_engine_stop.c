/* SPDX-License-Identifier: MIT
   Tests of engine.c: stopping, in peace and under load, in time and by force. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "endpoint/control_calls.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/journal.h"
#include "support/ledger.h"
#include "support/probe.h"
#include "support/resets.h"
#include "support/rig.h"
#include "support/seam.h"

enum { CLIENTS = 40 };

static struct rig rig;
static struct client *clients[CLIENTS];

/* ---- Helpers ---- */

static uint64_t now(void)
{
    return SEAM_REAL(GetTickCount64)();
}

/* Each connected, echoed once, and with a receive posted, so that a reset shows. */
static void connect_all(void)
{
    const struct pl_address to = rig_address(&rig, 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        char byte = 0;
        assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &clients[i]), CLIENT_OK);
        assert_int_equal(client_send(clients[i], "x", 1, CLIENT_PATIENCE), CLIENT_OK);
        assert_int_equal(client_receive(clients[i], &byte, 1, CLIENT_PATIENCE), CLIENT_OK);
    }
}

static void start(uint32_t workers)
{
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig.config.service.workers = workers;
    rig_start(&rig);
}

/* A stop on a thread of its own. */
static struct {
    HANDLE thread;
    uint32_t limit;
    bool is_done;
    uint64_t took;
} stopper;

static DWORD WINAPI stop_on_thread(void *context)
{
    const uint64_t begun = now();
    (void)context;
    stopper.is_done = engine_stop(rig.engine, stopper.limit, &rig.failure);
    stopper.took = now() - begun;
    return 0;
}

static void begin_stop(uint32_t limit)
{
    stopper.limit = limit;
    stopper.thread = SEAM_REAL(CreateThread)(NULL, 0, stop_on_thread, NULL, 0, NULL);
    assert_non_null(stopper.thread);
}

static bool is_stopping(void)
{
    return WaitForSingleObject(stopper.thread, 0) == WAIT_TIMEOUT;
}

static bool end_stop(void)
{
    assert_int_equal(WaitForSingleObject(stopper.thread, 2 * RIG_PATIENCE), WAIT_OBJECT_0);
    SEAM_REAL(CloseHandle)(stopper.thread);
    stopper.thread = NULL;
    rig.is_stopped = stopper.is_done;
    return stopper.is_done;
}

/* A failed test may leave a stop under way. */
static int teardown(void **state)
{
    if (stopper.thread != NULL) {
        SetEvent(probe.gate);
        engine_hurry(rig.engine);
        end_stop();
    }
    return probe_teardown(state);
}

static void wait_until_refusing(void)
{
    rig_wait_for_state(&rig, 0, LISTENER_STOPPED);
}

/* ---- In peace ---- */

static void test_stop__of_an_idle_engine_takes_no_time(void **state)
{
    (void)state;
    start(4);
    rig_wait_for_operations(1);
    const uint64_t begun = now();
    assert_true(rig_drain(&rig, UINT32_MAX)); /* not hurried, and yet */
    assert_in_range(now() - begun, 0, 1000);
    assert_int_equal(rig_at(&rig, 0).state, LISTENER_STOPPED);
    rig_stop(&rig);
}

static void test_stop__lets_connections_finish(void **state)
{
    (void)state;
    start(2);
    connect_all();
    begin_stop(UINT32_MAX);
    wait_until_refusing(); /* reports go on while it drains */
    for (size_t i = 0; i < CLIENTS; i++) {
        char bytes[3] = "";
        assert_int_equal(client_send(clients[i], "end", 3, CLIENT_PATIENCE), CLIENT_OK);
        assert_int_equal(client_receive(clients[i], bytes, 3, CLIENT_PATIENCE), CLIENT_OK);
        assert_memory_equal(bytes, "end", 3);
    }
    assert_true(is_stopping());
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(client_finish(clients[i]), CLIENT_OK);
        assert_int_equal(client_drain(clients[i], NULL, CLIENT_PATIENCE), CLIENT_EOF);
        client_close(clients[i]);
    }
    assert_true(end_stop());
    assert_in_range(stopper.took, 0, 9000); /* long before drain_timeout */
    assert_int_equal(probe.reasons[PL_BY_PEER], CLIENTS);
    assert_int_equal(rig_counter(&rig, COUNTER_CLOSED_BY_PEER), CLIENTS);
    rig_stop(&rig);
}

static void test_stop__takes_no_new_connections(void **state)
{
    (void)state;
    start(1);
    connect_all();
    const struct pl_address to = rig_address(&rig, 0);
    begin_stop(UINT32_MAX);
    wait_until_refusing();
    rig_wait_for_operations(CLIENTS); /* the accept has ended */
    struct client *client = NULL;
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_REFUSED);
    assert_true(is_stopping());
    engine_hurry(rig.engine);
    assert_true(end_stop());
    assert_int_equal(probe.opens, CLIENTS);
    rig_stop(&rig);
}

/* Connects the next one, with a receive posted, so that a reset shows. */
static void connect_one(size_t index)
{
    const struct pl_address to = rig_address(&rig, 0);
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &clients[index]), CLIENT_OK);
    client_watch(clients[index]);
}

static void wait_for(const volatile LONG *value, LONG wanted, const char *what)
{
    for (const uint64_t deadline = rig_deadline(); *value < wanted;) {
        rig_nap(deadline, what);
    }
}

/* The second client's callback does not return: its worker is held. */
static void hold_second_worker(void)
{
    connect_one(0);
    wait_for(&probe.opens, 1, "a connection on the first worker");
    connect_one(1);
    wait_for(&probe.opens, 2, "a connection on the second worker");
    assert_int_equal(probe_threads(), 2);
    probe.blocks = 1;
    assert_int_equal(client_send(clients[1], "x", 1, CLIENT_PATIENCE), CLIENT_OK);
    wait_for(&probe.blocked, 1, "a callback that waits");
}

/* The stop comes while two clients, accepted by the first worker, lie in the inbox of the second. */
static void test_stop__resets_and_counts_clients_on_their_way_to_a_worker(void **state)
{
    (void)state;
    enum { ALL = 7 };
    start(2);
    hold_second_worker();
    for (LONG i = 2; i < ALL; i++) {
        connect_one((size_t)i);
        wait_for(&probe.opens, 2 + i / 2, "every other one on the first worker"); /* in turn */
    }
    begin_stop(UINT32_MAX);
    wait_until_refusing();
    assert_int_equal(rig_counter(&rig, COUNTER_REFUSED_STOPPING), 0);
    resets_watch();
    SetEvent(probe.gate);
    rig_wait_for_counter(&rig, COUNTER_REFUSED_STOPPING, 2);
    assert_int_equal(client_drain(clients[3], NULL, CLIENT_PATIENCE), CLIENT_RESET);
    assert_int_equal(client_drain(clients[5], NULL, CLIENT_PATIENCE), CLIENT_RESET);
    assert_int_equal(resets_seen(), 2);
    for (size_t i = 0; i < ALL; i++) {
        client_close(clients[i]);
    }
    assert_true(end_stop());
    assert_int_equal(rig_counter(&rig, COUNTER_REFUSED_STOPPING), 2);
    assert_int_equal(rig_counter(&rig, COUNTER_ACCEPTED), ALL - 2);
    assert_int_equal(probe.opens, ALL - 2);
    rig_stop(&rig);
}

/* ---- Behind a proxy ---- */

static const char header[] = "PROXY UNKNOWN\r\n";

static void start_behind_proxies(void)
{
    static const char everybody[] = "127.0.0.0/8";
    static struct address_prefix proxies;
    assert_int_equal(address_prefix_parse(everybody, sizeof everybody - 1, &proxies), ADDRESS_PREFIX_OK);
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig.config.service.drain_timeout = 600000;
    rig.endpoints[0].proxy_protocol = CONFIG_PROXY_BOTH;
    rig.endpoints[0].trusted_proxies = (struct config_prefixes){&proxies, 1};
    rig.endpoints[0].proxy_timeout = 600000;
    rig_start(&rig);
}

static void echo_one(size_t index)
{
    char byte = 0;
    assert_int_equal(client_send(clients[index], "x", 1, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(clients[index], &byte, 1, CLIENT_PATIENCE), CLIENT_OK);
}

/* One that is being served goes on; one that has sent a part of its header is not waited for. */
static void test_stop__does_not_wait_for_headers(void **state)
{
    (void)state;
    start_behind_proxies();
    connect_one(0);
    assert_int_equal(client_send(clients[0], header, sizeof header - 1, CLIENT_PATIENCE), CLIENT_OK);
    echo_one(0);
    connect_one(1);
    assert_int_equal(client_send(clients[1], header, 5, CLIENT_PATIENCE), CLIENT_OK);
    rig_wait_for_operations(2 + 2); /* two accepts by now, and a receive of each */
    begin_stop(UINT32_MAX);
    assert_int_equal(client_drain(clients[1], NULL, CLIENT_PATIENCE), CLIENT_RESET);
    client_close(clients[1]);
    rig_wait_for_counter(&rig, COUNTER_REFUSED_STOPPING, 1);
    echo_one(0);
    assert_true(is_stopping());
    client_close(clients[0]);
    assert_true(end_stop());
    assert_int_equal(probe.reasons[PL_BY_PEER], 1);
    assert_int_equal(rig_counter(&rig, COUNTER_ACCEPTED), 1);
    rig_stop(&rig);
}

/* The worker does not know of the stop yet when the header comes. */
static void test_stop__takes_nobody_in_whose_header_comes_now(void **state)
{
    (void)state;
    start_behind_proxies();
    connect_one(0);
    rig_wait_for_operations(2 + 1);
    fault_arm(IMPORT_PostQueuedCompletionStatus, 1, ERROR_NO_SYSTEM_RESOURCES, FAULT_FOREVER);
    begin_stop(UINT32_MAX);
    wait_until_refusing();
    assert_int_equal(client_send(clients[0], header, sizeof header - 1, CLIENT_PATIENCE), CLIENT_OK);
    rig_wait_for_counter(&rig, COUNTER_REFUSED_STOPPING, 1);
    fault_clear();
    client_close(clients[0]);
    assert_true(end_stop());
    assert_int_equal(probe.opens, 0);
    assert_int_equal(rig_counter(&rig, COUNTER_ACCEPTED), 0);
    rig_stop(&rig);
}

/* ---- At the deadline ---- */

static void assert_all_reset(void)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(client_drain(clients[i], NULL, CLIENT_PATIENCE), CLIENT_RESET);
        client_close(clients[i]);
    }
    assert_int_equal(probe.reasons[PL_STOPPING], CLIENTS);
    assert_int_equal(rig_counter(&rig, COUNTER_CLOSED_STOPPING), CLIENTS);
}

static void test_stop__resets_the_rest_at_the_deadline(void **state)
{
    (void)state;
    static const struct {
        uint64_t drain;
        uint32_t limit;
    } rows[] = {{400, UINT32_MAX}, {60000, 400}}; /* the configuration's, or the caller's */
    for (size_t i = 0; i < 2; i++) {
        probe_reset();
        probe_prepare(&rig, "tcp://127.0.0.1:0");
        rig.config.service.drain_timeout = rows[i].drain;
        rig.config.service.workers = 2;
        rig_start(&rig);
        connect_all();
        const uint64_t begun = now();
        assert_true(rig_drain(&rig, rows[i].limit));
        assert_in_range(now() - begun, 400, 400 + 1000);
        assert_all_reset();
        rig_stop(&rig);
    }
}

static void test_stop__does_not_wait_when_it_is_hurried(void **state)
{
    (void)state;
    for (int is_early = 0; is_early < 2; is_early++) {
        probe_reset();
        start(2);
        connect_all();
        if (is_early == 1) {
            engine_hurry(rig.engine); /* counts for a later stop as well */
        }
        begin_stop(UINT32_MAX);
        if (is_early == 0) {
            wait_until_refusing();
            assert_true(is_stopping());
            engine_hurry(rig.engine);
        }
        assert_true(end_stop());
        assert_in_range(stopper.took, 0, 5000);
        assert_all_reset();
        rig_stop(&rig);
    }
}

/* A client that does not read keeps a send in flight. */
static void test_stop__resets_connections_whose_sends_are_stuck(void **state)
{
    (void)state;
    static char bytes[65536];
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig.endpoints[0].send_buffer = 8192;
    rig_start(&rig);
    const struct pl_address to = rig_address(&rig, 0);
    struct client *client = NULL;
    assert_int_equal(client_connect(&to, NULL, 4096, CLIENT_PATIENCE, &client), CLIENT_OK);
    const uint64_t deadline = rig_deadline();
    while (rig_counter(&rig, COUNTER_BYTES_RECEIVED) - rig_counter(&rig, COUNTER_BYTES_SENT) < 65536) {
        client_send(client, bytes, sizeof bytes, 200);
        rig_nap(deadline, "bytes that cannot be sent");
    }
    const uint64_t begun = now();
    assert_true(rig_drain(&rig, 0));
    assert_in_range(now() - begun, 0, 1500);
    assert_int_equal(probe.reasons[PL_STOPPING], 1);
    client_close(client);
    rig_stop(&rig);
}

/* Closing a socket ends what could not be cancelled, the watch for addresses included. */
static void test_stop__needs_no_call_that_cancels(void **state)
{
    (void)state;
    static const DWORD codes[] = {ERROR_INVALID_HANDLE, ERROR_NOT_ENOUGH_MEMORY};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        probe_prepare(&rig, "tcp://127.0.0.1:0");
        rig_listen(&rig, "udp://127.0.0.1:0");
        rig_start(&rig);
        rig_wait_for_operations(2);
        fault_clear();
        fault_arm(IMPORT_CancelIoEx, 1, codes[i], FAULT_FOREVER);
        assert_true(rig_drain(&rig, 1000));
        assert_in_range(fault_hits(), 1, 10);
        fault_clear();
        rig_stop(&rig);
    }
}

/* ---- Callbacks that do not return ---- */

/* on_data, or on_close. */
static void assert_names_callback(bool is_close)
{
    char id[32];
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig.options.log = journal_open();
    rig_start(&rig);
    const struct pl_address to = rig_address(&rig, 0);
    struct client *client = NULL;
    probe.blocks = !is_close;
    probe.blocks_close = is_close;
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    assert_int_equal(client_send(client, "x", 1, CLIENT_PATIENCE), CLIENT_OK);
    if (is_close) {
        char byte = 0;
        assert_int_equal(client_receive(client, &byte, 1, CLIENT_PATIENCE), CLIENT_OK);
        client_reset(client);
    }
    const uint64_t deadline = rig_deadline();
    while (probe.blocked == 0) {
        rig_nap(deadline, "a callback that waits");
    }
    const uint64_t begun = now();
    assert_false(rig_drain(&rig, 100));
    assert_in_range(now() - begun, 1100, 4000); /* a second behind the deadline */
    snprintf(id, sizeof id, "connection %016llx", (unsigned long long)probe.last_id);
    assert_int_equal(rig.failure.code, EXIT_CODE_FAILED);
    assert_non_null(strstr(rig.failure.text, "endpoint e: the handler probe has not returned"));
    assert_non_null(strstr(rig.failure.text, id));
    journal_wait(EVENT_CALLBACK_STUCK, 1);
    journal_assert_last(EVENT_CALLBACK_STUCK, id);
    probe.blocks = probe.blocks_close = 0;
    SetEvent(probe.gate); /* it returns after all */
    while (rig_closed(&rig) == 0) {
        rig_nap(deadline, "its end");
    }
    rig_stop(&rig);
    assert_int_equal(probe.closes, 1);
    if (!is_close) {
        assert_int_equal(probe.reasons[PL_STOPPING], 1);
        client_close(client);
    }
    journal_close();
}

static void test_stop__names_the_callback_that_does_not_return(void **state)
{
    (void)state;
    assert_names_callback(false);
}

/* By the id that the connection had: it is gone, but nobody else's yet. */
static void test_stop__names_the_last_callback_of_a_connection(void **state)
{
    (void)state;
    assert_names_callback(true);
}

/* A call on no worker that does not return; then it does. */
static void assert_names_call(volatile LONG *blocks, const char *words)
{
    start(2);
    *blocks = 1;
    begin_stop(100);
    const uint64_t deadline = rig_deadline();
    while (probe.blocked == 0) {
        rig_nap(deadline, "a call that waits");
    }
    clock_advance(CONTROL_CALLS_PATIENCE);
    assert_false(end_stop());
    assert_int_equal(rig.failure.code, EXIT_CODE_FAILED);
    assert_string_equal(rig.failure.text, words);
    *blocks = 0;
    SetEvent(probe.gate);
    rig_stop(&rig); /* the second try */
    assert_int_equal(probe.drains, 1);
    assert_int_equal(probe.stops, 1);
}

static void test_stop__names_a_handlers_stop_that_does_not_return(void **state)
{
    (void)state;
    assert_names_call(&probe.blocks_stop,
                      "endpoint e: the handler probe has not returned from stop; the process "
                      "ends without waiting for it");
}

static void test_stop__names_a_handlers_drain_that_does_not_return(void **state)
{
    (void)state;
    assert_names_call(&probe.blocks_drain,
                      "endpoint e: the handler probe has not returned from drain; the process "
                      "ends without waiting for it");
}

static void test_stop__without_a_thread_for_it_calls_the_handler_itself(void **state)
{
    (void)state;
    start(2);
    fault_arm(IMPORT_CreateThread, 1, ERROR_NOT_ENOUGH_MEMORY, FAULT_FOREVER);
    rig_stop(&rig);
    assert_true(fault_hits() >= 2);
    fault_clear();
    assert_int_equal(probe.drains, 1);
    assert_int_equal(probe.stops, 1);
}

static void test_stop__gives_up_when_no_worker_can_be_woken(void **state)
{
    (void)state;
    start(2);
    rig_wait_for_operations(1);
    fault_arm(IMPORT_PostQueuedCompletionStatus, 1, ERROR_NO_SYSTEM_RESOURCES, FAULT_FOREVER);
    assert_false(rig_drain(&rig, 100));
    assert_non_null(strstr(rig.failure.text, "1 connections or sockets did not end"));
    fault_clear();
    rig_stop(&rig); /* the second try */
}

/* ---- Under load ---- */

/* Threads that connect, echo and go, until they are told to end. */
enum { HAMMERS = 4 };
static HANDLE hammers[HAMMERS];
static volatile LONG hammer_ends = 1;
static volatile LONG hammer_echoes;
static struct pl_address hammer_at;

static void hammer_once(unsigned kind)
{
    struct client *client = NULL;
    char byte = 0;
    if (client_connect(&hammer_at, NULL, 0, 1000, &client) != CLIENT_OK) {
        Sleep(1);
        return;
    }
    if (kind % 4 != 0 && client_send(client, "x", 1, 1000) == CLIENT_OK &&
        client_receive(client, &byte, 1, 1000) == CLIENT_OK) {
        InterlockedIncrement(&hammer_echoes);
    }
    if (kind % 2 == 0) {
        client_reset(client);
    } else {
        client_close(client);
    }
}

static DWORD WINAPI hammer_run(void *context)
{
    for (unsigned kind = (unsigned)(uintptr_t)context; hammer_ends == 0; kind++) {
        hammer_once(kind);
    }
    return 0;
}

static void start_hammers(void)
{
    hammer_ends = hammer_echoes = 0;
    for (uintptr_t i = 0; i < HAMMERS; i++) {
        hammers[i] = SEAM_REAL(CreateThread)(NULL, 0, hammer_run, (void *)i, 0, NULL);
    }
}

static void end_hammers(void)
{
    InterlockedExchange(&hammer_ends, 1);
    for (size_t i = 0; i < HAMMERS; i++) {
        WaitForSingleObject(hammers[i], INFINITE);
        SEAM_REAL(CloseHandle)(hammers[i]);
    }
}

static int end_hammers_and_all(void **state)
{
    if (hammer_ends == 0) {
        end_hammers();
    }
    return teardown(state);
}

/* Each cycle leaves nothing, however many connections are being accepted, handed over, opened or closed. */
static void test_stop__a_hundred_times_under_connecting_clients(void **state)
{
    (void)state;
    for (uint32_t cycle = 0; cycle < 100; cycle++) {
        const LONG enough = probe.opens + 3 + (LONG)(cycle % 7);
        start(cycle % 4 + 1);
        hammer_at = rig_address(&rig, 0);
        if (cycle == 0) {
            start_hammers();
        }
        const uint64_t deadline = rig_deadline();
        while (probe.opens < enough) {
            rig_nap(deadline, "connections");
        }
        if (cycle % 3 == 0) {
            assert_true(rig_drain(&rig, 20));
        }
        rig_stop(&rig); /* accepted == closed */
        assert_int_equal(ledger_leftovers(NULL, 0), 0);
        assert_int_equal(probe.opens, probe.closes);
    }
    end_hammers();
    assert_true(hammer_echoes > 0);
}

/* Every second wake-up fails to be posted: all that is sent between threads arrives all the same. */
static volatile LONG posts;

static BOOL WINAPI post_every_second(HANDLE port, DWORD bytes, ULONG_PTR key, LPOVERLAPPED overlapped)
{
    if (InterlockedIncrement(&posts) % 2 == 1) {
        SetLastError(ERROR_NO_SYSTEM_RESOURCES);
        return FALSE;
    }
    return SEAM_REAL(PostQueuedCompletionStatus)(port, bytes, key, overlapped);
}

static void test_stop__works_though_wake_ups_are_lost(void **state)
{
    (void)state;
    for (int cycle = 0; cycle < 5; cycle++) {
        posts = cycle;
        seam_replace(IMPORT_PostQueuedCompletionStatus, (seam_function)post_every_second);
        start(3);
        connect_all(); /* two of three are handed over to another worker, and echo */
        assert_int_equal(probe_threads() > 1, 1);
        for (size_t i = 0; i < CLIENTS; i++) {
            client_close(clients[i]);
        }
        rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_PEER, CLIENTS);
        rig_stop(&rig);
        seam_restore();
        probe_reset();
    }
    assert_true(posts > 10);
}

/* ---- What never served ---- */

static void test_stop__of_sockets_that_wait(void **state)
{
    (void)state;
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig_listen(&rig, "tcp://127.0.0.1:0");
    rig.config.service.bind_retry = 30000;
    fault_arm(IMPORT_bind, 3, WSAEADDRNOTAVAIL, 1);
    rig_start(&rig);
    assert_int_equal(rig_at(&rig, 1).state, LISTENER_WAITING);
    const uint64_t begun = now();
    rig_stop(&rig);
    assert_in_range(now() - begun, 0, 1000);
}

#define test(name) cmocka_unit_test_setup_teardown(name, probe_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_stop__of_an_idle_engine_takes_no_time),
        test(test_stop__lets_connections_finish),
        test(test_stop__takes_no_new_connections),
        test(test_stop__resets_and_counts_clients_on_their_way_to_a_worker),
        test(test_stop__does_not_wait_for_headers),
        test(test_stop__takes_nobody_in_whose_header_comes_now),
        test(test_stop__resets_the_rest_at_the_deadline),
        test(test_stop__does_not_wait_when_it_is_hurried),
        test(test_stop__resets_connections_whose_sends_are_stuck),
        test(test_stop__needs_no_call_that_cancels),
        test(test_stop__names_the_callback_that_does_not_return),
        test(test_stop__names_the_last_callback_of_a_connection),
        test(test_stop__names_a_handlers_stop_that_does_not_return),
        test(test_stop__names_a_handlers_drain_that_does_not_return),
        test(test_stop__without_a_thread_for_it_calls_the_handler_itself),
        test(test_stop__gives_up_when_no_worker_can_be_woken),
        cmocka_unit_test_setup_teardown(test_stop__a_hundred_times_under_connecting_clients, probe_setup,
                                        end_hammers_and_all),
        test(test_stop__works_though_wake_ups_are_lost),
        test(test_stop__of_sockets_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
