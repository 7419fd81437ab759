/* SPDX-License-Identifier: MIT
   Tests of binding.c: real clients before lists, limits and rate; what is given back when they go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/address.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/journal.h"
#include "support/probe.h"
#include "support/resets.h"
#include "support/rig.h"
#include "support/seam.h"

enum { CLIENTS = 64 };

static struct rig rig;

/* ---- Clients ---- */

static struct client *connect_from(size_t index, const char *ip)
{
    struct client *client = NULL;
    const struct pl_address to = rig_address(&rig, index), from = client_address(ip, 0);
    assert_int_equal(client_connect(&to, &from, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    return client;
}

static void assert_echoes(struct client *client)
{
    char byte = 0;
    assert_int_equal(client_send(client, "x", 1, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(client, &byte, 1, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(byte, 'x');
}

static struct client *enter_from(size_t index, const char *ip)
{
    struct client *client = connect_from(index, ip);
    assert_echoes(client);
    return client;
}

/* One more is refused for this reason, by a reset, and counted. */
static void assert_refused_from(size_t index, const char *ip, enum counter counter)
{
    const uint64_t before = rig_counter(&rig, counter);
    const uint32_t resets = resets_seen();
    struct client *client = connect_from(index, ip);
    const enum client_result result = client_drain(client, NULL, CLIENT_PATIENCE);
    assert_true(result == CLIENT_RESET || result == CLIENT_EOF);
    client_close(client);
    rig_wait_for_counter(&rig, counter, before + 1);
    assert_int_equal(rig_counter(&rig, counter), before + 1);
    assert_int_equal(resets_seen(), resets + 1);
}

/* Gone, and its end has been seen. */
static void let_go(struct client *client)
{
    const uint64_t closed = rig_closed(&rig);
    client_close(client);
    for (const uint64_t deadline = rig_deadline(); rig_closed(&rig) == closed;) {
        rig_nap(deadline, "the end of a connection");
    }
}

static void start(void)
{
    resets_watch();
    rig_start(&rig);
}

/* ---- Lists ---- */

static struct address_prefix list_room[2][2];

static void set(struct config_prefixes *list, int which, const char *text)
{
    list->at = list_room[which];
    list->count = 0;
    while (text != NULL && *text != '\0') {
        const size_t length = strcspn(text, ",");
        assert_int_equal(address_prefix_parse(text, length, &list->at[list->count++]), ADDRESS_PREFIX_OK);
        text += length + (text[length] == ',');
    }
}

static void test_binding__lets_in_whom_the_lists_allow(void **state)
{
    (void)state;
    static const struct {
        const char *listen, *allow, *deny, *client;
        bool is_in;
    } rows[] = {
        {"tcp://127.0.0.1:0", "", "", "127.0.0.1", true},
        {"tcp://127.0.0.1:0", "127.0.0.1", "", "127.0.0.1", true},
        {"tcp://127.0.0.1:0", "127.0.0.1", "", "127.0.0.2", false},
        {"tcp://127.0.0.1:0", "127.0.0.0/30", "127.0.0.2", "127.0.0.1", true},
        {"tcp://127.0.0.1:0", "127.0.0.0/30", "127.0.0.2", "127.0.0.2", false},
        {"tcp://127.0.0.1:0", "", "127.0.0.2", "127.0.0.2", false},
        {"tcp://127.0.0.1:0", "", "127.0.0.2", "127.0.0.3", true},
        {"tcp://127.0.0.1:0", "", "0.0.0.0/0", "127.0.0.1", false},
        {"tcp://127.0.0.1:0", "::/0", "", "127.0.0.1", false},
        {"tcp://*:0", "127.0.0.2", "", "127.0.0.2", true}, /* as a mapped address, on a socket for both */
        {"tcp://*:0", "127.0.0.2", "", "127.0.0.1", false},
        {"tcp://*:0", "", "::/0", "127.0.0.1", true},
        {"tcp://[::1]:0", "::1", "", "::1", true},
        {"tcp://[::1]:0", "::/0", "::1", "::1", false},
        {"tcp://[::1]:0", "0.0.0.0/0", "", "::1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        probe_prepare(&rig, rows[i].listen);
        set(&rig.endpoints[0].allow, 0, rows[i].allow);
        set(&rig.endpoints[0].deny, 1, rows[i].deny);
        start();
        if (strchr(rows[i].client, ':') == NULL && strstr(rows[i].listen, "*") != NULL) {
            struct client *client = NULL; /* the rig's address is ::1 */
            const struct pl_address to = client_address("127.0.0.1", rig_at(&rig, 0).address.port);
            const struct pl_address from = client_address(rows[i].client, 0);
            assert_int_equal(client_connect(&to, &from, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
            rig_wait_for_counter(&rig, rows[i].is_in ? COUNTER_ACCEPTED : COUNTER_REFUSED_ACL, 1);
            client_close(client);
        } else if (rows[i].is_in) {
            let_go(enter_from(0, rows[i].client));
        } else {
            assert_refused_from(0, rows[i].client, COUNTER_REFUSED_ACL);
        }
        assert_int_equal(rig_counter(&rig, COUNTER_REFUSED_ACL), !rows[i].is_in);
        rig_stop(&rig);
        seam_restore();
    }
}

/* ---- Limits: as many as are allowed, one more is refused, a place is free again at once ---- */

static void fill_and_pass(size_t most, enum counter counter, const char *const *ips)
{
    struct client *inside[CLIENTS];
    for (size_t i = 0; i < most; i++) {
        inside[i] = enter_from(0, ips[i]);
    }
    for (size_t round = 0; round < 3; round++) {
        assert_refused_from(0, ips[0], counter);
        let_go(inside[round % most]);
        inside[round % most] = enter_from(0, ips[round % most]);
    }
    for (size_t i = 0; i < most; i++) {
        assert_echoes(inside[i]); /* those inside have felt nothing */
        client_close(inside[i]);
    }
}

static const char *const many_ips[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4",
                                       "127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8"};
static const char *const one_ip[] = {"127.0.0.9", "127.0.0.9", "127.0.0.9", "127.0.0.9",
                                     "127.0.0.9", "127.0.0.9", "127.0.0.9", "127.0.0.9"};

static void test_binding__keeps_the_limit_of_an_endpoint(void **state)
{
    (void)state;
    for (uint32_t most = 1; most <= 8; most += 7) {
        probe_prepare(&rig, "tcp://127.0.0.1:0");
        rig.endpoints[0].max_connections = most;
        rig.options.log = journal_open();
        start();
        fill_and_pass(most, COUNTER_REFUSED_LIMIT, many_ips);
        assert_int_equal(rig_counter(&rig, COUNTER_REFUSED_SERVICE_LIMIT), 0);
        journal_wait(EVENT_CLIENT_REFUSED, 1);
        journal_assert_last(EVENT_CLIENT_REFUSED, most == 1
                                                      ? "max_connections = 1 of this endpoint is reached"
                                                      : "max_connections = 8 of this endpoint is reached");
        rig_stop(&rig);
        journal_close();
        seam_restore();
    }
}

static void test_binding__keeps_the_limit_of_a_source(void **state)
{
    (void)state;
    for (uint32_t most = 1; most <= 8; most += 7) {
        probe_prepare(&rig, "tcp://127.0.0.1:0");
        rig.endpoints[0].max_connections_per_source = most;
        start();
        struct client *other = enter_from(0, "127.0.0.1");
        fill_and_pass(most, COUNTER_REFUSED_PER_SOURCE, one_ip);
        client_close(other);
        rig_stop(&rig);
        seam_restore();
    }
}

static void test_binding__keeps_the_limit_of_the_process_over_its_endpoints(void **state)
{
    (void)state;
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig_endpoint(&rig, "other", "probe", "tcp://127.0.0.1:0");
    rig.config.service.max_connections = 4;
    rig.options.log = journal_open();
    start();
    struct client *first = enter_from(1, "127.0.0.1"), *second = enter_from(1, "127.0.0.1");
    fill_and_pass(2, COUNTER_REFUSED_SERVICE_LIMIT, many_ips);
    rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_PEER, 5);
    struct client *third = enter_from(1, "127.0.0.1"), *fourth = enter_from(1, "127.0.0.1");
    assert_refused_from(1, "127.0.0.1", COUNTER_REFUSED_SERVICE_LIMIT);
    client_close(first);
    client_close(second);
    client_close(third);
    client_close(fourth);
    assert_int_equal(rig_counter(&rig, COUNTER_REFUSED_LIMIT), 0);
    journal_assert_last(EVENT_CLIENT_REFUSED,
                        "max_connections = 4 of the whole service is reached; raise it in [service]");
    rig_stop(&rig);
    journal_close();
}

/* Some clients, until every worker has one; then all workers stand still until let_workers_go. */
static size_t hold_workers(unsigned workers, struct client **inside, size_t room)
{
    size_t count = 0;
    while (probe_threads() < workers) {
        assert_in_range(count, 0, room - 1);
        inside[count++] = enter_from(0, "127.0.0.1");
    }
    probe.blocks = 1;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(client_send(inside[i], "x", 1, CLIENT_PATIENCE), CLIENT_OK);
    }
    for (const uint64_t deadline = rig_deadline(); probe.blocked < (LONG)workers;) {
        rig_nap(deadline, "a worker that stands still");
    }
    return count;
}

static void let_workers_go(void)
{
    probe.blocks = 0;
    SetEvent(probe.gate);
}

/* All of them are there before a worker looks, and then two take them at the same time: not one too many, not
   one too few. */
static void test_binding__keeps_a_limit_in_a_crowd(void **state)
{
    (void)state;
    enum { WORKERS = 3, MOST = 20 };
    struct client *inside[MOST], *crowd[CLIENTS];
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig_listen(&rig, "tcp://127.0.0.1:0"); /* two sockets, with homes on two workers */
    rig.config.service.workers = WORKERS;
    rig.endpoints[0].max_connections = MOST;
    rig.endpoints[0].max_connections_per_source = MOST;
    start();
    const size_t count = hold_workers(WORKERS, inside, MOST);
    for (size_t i = 0; i < CLIENTS; i++) {
        crowd[i] = connect_from(i % 2, "127.0.0.1");
    }
    assert_int_equal(rig_counter(&rig, COUNTER_ACCEPTED), count);
    let_workers_go();
    const uint64_t refused = count + CLIENTS - MOST;
    rig_wait_for_counter(&rig, COUNTER_ACCEPTED, MOST);
    rig_wait_for_counter(&rig, COUNTER_REFUSED_LIMIT, refused);
    assert_int_equal(rig_counter(&rig, COUNTER_ACCEPTED), MOST);
    assert_int_equal(rig_counter(&rig, COUNTER_REFUSED_LIMIT), refused);
    assert_int_equal(rig_counter(&rig, COUNTER_REFUSED_PER_SOURCE), 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        client_close(crowd[i]);
    }
    rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_PEER, MOST - count);
    let_go(enter_from(0, "127.0.0.1"));
    for (size_t i = 0; i < count; i++) {
        client_close(inside[i]);
    }
    rig_stop(&rig);
}

/* ---- Whatever the end ---- */

static void end_by_fin(struct client *client)
{
    client_close(client);
}

static void end_by_reset(struct client *client)
{
    client_reset(client);
}

static void end_by_silence(struct client *client)
{
    clock_advance(400000); /* idle_timeout is five minutes */
    client_drain(client, NULL, CLIENT_PATIENCE);
    client_close(client);
}

static void test_binding__a_place_is_free_after_every_kind_of_end(void **state)
{
    (void)state;
    void (*const ends[])(struct client * client) = {end_by_fin, end_by_reset, end_by_silence};
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig.config.service.max_connections = 1;
    rig.endpoints[0].max_connections = 1;
    rig.endpoints[0].max_connections_per_source = 1;
    start();
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct client *client = enter_from(0, "127.0.0.1");
        assert_refused_from(0, "127.0.0.1", COUNTER_REFUSED_SERVICE_LIMIT);
        const uint64_t closed = rig_closed(&rig);
        ends[i](client);
        for (const uint64_t deadline = rig_deadline(); rig_closed(&rig) == closed;) {
            rig_nap(deadline, "the end of a connection");
        }
    }
    let_go(enter_from(0, "127.0.0.1"));
    rig_stop(&rig);
}

/* A client comes, says "x" and goes; its end has been seen, and all is quiet. True: it was answered. */
static bool visit(void)
{
    char byte = 0;
    const uint64_t before = rig_ended(&rig);
    struct client *client = connect_from(0, "127.0.0.1");
    const bool is_answered = client_send(client, "x", 1, CLIENT_PATIENCE) == CLIENT_OK &&
                             client_receive(client, &byte, 1, CLIENT_PATIENCE) == CLIENT_OK;
    client_close(client);
    for (const uint64_t deadline = rig_deadline(); rig_ended(&rig) == before;) {
        rig_nap(deadline, "the end of a connection");
    }
    rig_wait_for_operations(1); /* the accept: what it takes is none of the next client's */
    return is_answered;
}

static uint32_t visit_with_fault(enum import import, uint32_t nth, DWORD code)
{
    fault_clear();
    fault_arm(import, nth, code, 1);
    visit();
    const uint32_t hits = fault_hits();
    fault_clear();
    return hits;
}

/* Each call on the way to a handler, and of its answer, fails once: the client is lost, its place is not. */
static void test_binding__a_place_is_free_after_every_kind_of_failure(void **state)
{
    (void)state;
    static const struct {
        enum import import;
        DWORD code;
    } faults[] = {{IMPORT_HeapAlloc, 0},
                  {IMPORT_setsockopt, WSAENOBUFS},
                  {IMPORT_CreateIoCompletionPort, ERROR_NO_SYSTEM_RESOURCES},
                  {IMPORT_WSARecv, WSAECONNRESET},
                  {IMPORT_WSASend, WSAECONNRESET}};
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig.config.service.workers = 2; /* every second client is handed over */
    rig.config.service.max_connections = 1;
    rig.endpoints[0].max_connections_per_source = 1;
    rig.endpoints[0].accepts_max = 1;
    start();
    rig_wait_for_operations(1);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        uint32_t nth = 0;
        for (uint32_t hits = 2; hits > 0;) {
            nth++;
            hits = visit_with_fault(faults[i].import, nth, faults[i].code);
            assert_true(visit());
            assert_true(visit()); /* so that the next one is placed on the other worker */
            hits += visit_with_fault(faults[i].import, nth, faults[i].code);
            assert_true(visit());
            assert_true(visit());
            assert_true(nth > 1 || hits == 2);
        }
        assert_in_range(nth, 2, 100);
    }
    rig_stop(&rig);
}

/* ---- Rate ---- */

/* Twice around: the timers of this moment have run. */
static void see_worker_turn(struct client *inside)
{
    assert_echoes(inside);
    assert_echoes(inside);
}

/* Whatever the machine is busy with: the clock stands, and moves only here. */
static void test_binding__takes_no_more_than_the_rate(void **state)
{
    (void)state;
    enum { BURST = 5, ALL = 20, EARLY = 100, LATE = 300 };
    struct client *crowd[ALL];
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig.endpoints[0].accept_rate = 1;
    rig.endpoints[0].accept_burst = BURST;
    rig.options.log = journal_open();
    clock_stop();
    rig_start(&rig);
    for (size_t i = 0; i < ALL; i++) {
        crowd[i] = connect_from(0, "127.0.0.1");
    }
    rig_wait_for_counter(&rig, COUNTER_ACCEPTED, BURST);
    journal_wait(EVENT_ACCEPT_RATE_REACHED, 1);
    journal_assert_last(EVENT_ACCEPT_RATE_REACHED,
                        "would have to wait in the backlog: accept_rate = 1 is used up");
    clock_advance(1000 - EARLY);
    for (uint64_t accepted = BURST; accepted < ALL; accepted++) {
        see_worker_turn(crowd[0]);
        assert_int_equal(rig_counter(&rig, COUNTER_ACCEPTED), accepted);
        clock_advance(EARLY + LATE);
        rig_wait_for_counter(&rig, COUNTER_ACCEPTED, accepted + 1);
        clock_advance(1000 - EARLY - LATE);
    }
    for (size_t i = 0; i < ALL; i++) {
        assert_echoes(crowd[i]);
        client_close(crowd[i]);
    }
    journal_wait(EVENT_ACCEPT_RATE_REACHED, 1); /* it took less than a minute of that clock */
    rig_stop(&rig);
    journal_wait(EVENT_ACCEPT_RATE_REACHED, 2);
    journal_assert_last(EVENT_ACCEPT_RATE_REACHED,
                        "more times further connections would have had to wait in the backlog");
    journal_close();
}

/* However many sockets an endpoint has, it is one rate: at no moment were there more than the burst and what the time
   since the start has brought, and never much less. */
static void test_binding__keeps_one_rate_over_many_sockets(void **state)
{
    (void)state;
    enum { SOCKETS = 20, PER_SOCKET = 3, ALL = SOCKETS * PER_SOCKET, WORKERS = 2 };
    enum { PER_SECOND = 10, BURST = 5, STEP = 100, LATE = 300 };
    struct client *crowd[ALL], *inside[WORKERS];
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    for (size_t i = 1; i < SOCKETS; i++) {
        rig_listen(&rig, "tcp://127.0.0.1:0");
    }
    rig_endpoint(&rig, "other", "probe", "tcp://127.0.0.1:0");
    rig.config.service.workers = WORKERS;
    rig.endpoints[0].accept_rate = PER_SECOND;
    rig.endpoints[0].accept_burst = BURST;
    clock_stop();
    rig_start(&rig);
    for (size_t i = 0; i < WORKERS; i++) {
        inside[i] = enter_from(SOCKETS, "127.0.0.1"); /* one on each worker */
    }
    assert_int_equal(probe_threads(), WORKERS);
    for (size_t i = 0; i < ALL; i++) {
        crowd[i] = connect_from(i % SOCKETS, "127.0.0.1");
    }
    for (uint32_t passed = 0; passed <= (ALL - BURST) * 1000 / PER_SECOND + LATE; passed += STEP) {
        const uint64_t most = BURST + passed * PER_SECOND / 1000;
        const uint64_t least = passed < LATE ? 0 : BURST + (passed - LATE) * PER_SECOND / 1000;
        rig_wait_for_counter(&rig, COUNTER_ACCEPTED, WORKERS + (least < ALL ? least : ALL));
        for (size_t i = 0; i < WORKERS; i++) {
            see_worker_turn(inside[i]);
        }
        assert_in_range(rig_counter(&rig, COUNTER_ACCEPTED) - WORKERS, 0, most);
        clock_advance(STEP);
    }
    for (size_t i = 0; i < ALL; i++) {
        assert_echoes(crowd[i]);
        client_close(crowd[i]);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        client_close(inside[i]);
    }
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        probe_test(test_binding__lets_in_whom_the_lists_allow),
        probe_test(test_binding__keeps_the_limit_of_an_endpoint),
        probe_test(test_binding__keeps_the_limit_of_a_source),
        probe_test(test_binding__keeps_the_limit_of_the_process_over_its_endpoints),
        probe_test(test_binding__keeps_a_limit_in_a_crowd),
        probe_test(test_binding__a_place_is_free_after_every_kind_of_end),
        probe_test(test_binding__a_place_is_free_after_every_kind_of_failure),
        probe_test(test_binding__takes_no_more_than_the_rate),
        probe_test(test_binding__keeps_one_rate_over_many_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
