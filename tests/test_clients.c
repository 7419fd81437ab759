/* SPDX-License-Identifier: MIT
   Tests of clients.c and connection/client_row.c, and of what an administrator does to an engine's clients and endpoints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/address.h"
#include "support/client.h"
#include "support/fault.h"
#include "support/probe.h"
#include "support/rig.h"

enum { CROWD = 150, WORKERS = 3 };

static struct rig rig;

/* ---- A handler with sessions, which answers from the second datagram on ---- */

static int32_t session__start(pl_start *start)
{
    start->state = (void *)(uintptr_t)start->host;
    return PL_OK;
}

static void session__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                                 const pl_info *info)
{
    const pl_host *host = state;
    (void)user, (void)info;
    host->send(host, id, at, length);
}

static const struct pl_handler session_handler = {.size = sizeof(struct pl_handler),
                                                  .abi_major = PL_ABI_MAJOR,
                                                  .abi_minor = PL_ABI_MINOR,
                                                  .flags = PL_UDP | PL_SESSIONS,
                                                  .name = "session",
                                                  .start = session__start,
                                                  .on_datagram = session__on_datagram};

static const struct pl_handler *handlers[] = {NULL, &session_handler, NULL};

static void prepare(void)
{
    handlers[0] = probe_handlers[1];
    rig_init(&rig, handlers);
    rig.config.service.workers = WORKERS;
    rig_endpoint(&rig, "web", "probe", "tcp://127.0.0.1:0");
    rig_endpoint(&rig, "names", "session", "udp://127.0.0.1:0");
}

static struct client *connect_to(size_t index)
{
    const struct pl_address to = rig_address(&rig, index);
    struct client *client = NULL;
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    return client;
}

static void echo(struct client *client, size_t length)
{
    char sent[64] = "abc", received[64];
    assert_int_equal(client_send(client, sent, length, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(client, received, length, CLIENT_PATIENCE), CLIENT_OK);
}

static bool ask_datagram(struct client *client, uint32_t patience)
{
    const struct pl_address to = rig_address(&rig, 1);
    char answer[64];
    size_t length = 0;
    return client_exchange(client, &to, "hello", 5, answer, sizeof answer, &length, patience) == CLIENT_OK;
}

/* All rows; how many. */
static struct client_row rows[2 * CROWD];

static size_t read_all(const char *endpoint, unsigned *silent_out)
{
    struct clients_reading reading = {.endpoint = endpoint};
    struct client_row piece[CLIENTS_PIECE];
    size_t count = 0, more = 0;
    while (engine_clients(rig.engine, &reading, piece, &more)) {
        assert_true(count + more <= sizeof rows / sizeof rows[0]);
        memcpy(rows + count, piece, more * sizeof piece[0]);
        count += more;
    }
    *silent_out = reading.silent;
    return count;
}

/* ---- Reading ---- */

static void test_clients__lists_connections_and_sessions(void **state)
{
    const struct pl_address any = client_address("127.0.0.1", 0);
    unsigned silent = 0;
    (void)state;
    prepare();
    rig_start(&rig);
    assert_int_equal(read_all(NULL, &silent), 0);
    struct client *tcp = connect_to(0);
    struct client *udp = client_open_datagram(&any);
    echo(tcp, 3);
    assert_true(ask_datagram(udp, CLIENT_PATIENCE));
    assert_int_equal(read_all("nobody", &silent), 0);
    assert_int_equal(read_all("NAMES", &silent), 1);
    assert_true(rows[0].is_udp);
    assert_int_equal(rows[0].state, CLIENT_ONCE);
    assert_true(ask_datagram(udp, CLIENT_PATIENCE));
    assert_int_equal(read_all("names", &silent), 1);
    assert_int_equal(rows[0].state, CLIENT_OPEN);
    assert_int_equal(rows[0].bytes_in, 10);
    assert_int_equal(rows[0].bytes_out, 10);
    assert_int_equal(read_all("web", &silent), 1);
    const struct pl_address from = client_local(tcp), to = rig_address(&rig, 0);
    assert_string_equal(rows[0].endpoint, "web");
    assert_false(rows[0].is_udp);
    assert_int_equal(rows[0].state, CLIENT_OPEN);
    assert_true(address_equal(&rows[0].client, &from));
    assert_true(address_equal(&rows[0].local, &to));
    assert_int_equal(rows[0].bytes_in, 3);
    assert_int_equal(rows[0].bytes_out, 3);
    assert_true(rows[0].idle <= rows[0].age);
    assert_true(rows[0].id == (uint64_t)probe.last_id);
    assert_int_equal(read_all(NULL, &silent), 2);
    assert_int_equal(silent, 0);
    client_close(tcp);
    client_close(udp);
    rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_PEER, 1);
    assert_int_equal(read_all("web", &silent), 0);
    rig_stop(&rig);
}

static void test_clients__lists_a_crowd_in_pieces(void **state)
{
    static struct client *clients[CROWD];
    unsigned silent = 0, seen = 0;
    (void)state;
    prepare();
    rig_start(&rig);
    for (int i = 0; i < CROWD; i++) {
        clients[i] = connect_to(0);
        echo(clients[i], 1);
    }
    assert_int_equal(read_all(NULL, &silent), CROWD);
    for (int i = 0; i < CROWD; i++) {
        for (int k = 0; k < i; k++) {
            assert_true(rows[k].id != rows[i].id);
        }
        seen |= 1U << (rows[i].id >> 56);
    }
    assert_int_equal(seen, 2 | 4 | 8); /* of every worker */
    for (int i = 0; i < CROWD; i++) {
        client_close(clients[i]);
    }
    rig_stop(&rig);
}

/* A worker that a callback holds up is told of, and holds nobody else up. */
static void test_clients__leaves_out_a_worker_that_is_stuck(void **state)
{
    unsigned silent = 0;
    struct client_row row;
    (void)state;
    prepare();
    rig_start(&rig);
    struct client *clients[2 * WORKERS];
    for (int i = 0; i < 2 * WORKERS; i++) {
        clients[i] = connect_to(0);
        echo(clients[i], 1);
    }
    const uint64_t id = (uint64_t)probe.last_id;
    InterlockedExchange(&probe.blocks, 1);
    assert_int_equal(client_send(clients[2 * WORKERS - 1], "x", 1, CLIENT_PATIENCE), CLIENT_OK);
    for (const uint64_t deadline = rig_deadline(); probe.blocked == 0;) {
        rig_nap(deadline, "a callback that waits");
    }
    const size_t count = read_all(NULL, &silent);
    assert_int_equal(silent, 1);
    assert_true(count > 0 && count < 2 * WORKERS);
    assert_int_equal(engine_find_client(rig.engine, id, &row), CLIENTS_SILENT);
    InterlockedExchange(&probe.blocks, 0);
    SetEvent(probe.gate);
    assert_int_equal(read_all(NULL, &silent), 2 * WORKERS);
    for (int i = 0; i < 2 * WORKERS; i++) {
        client_close(clients[i]);
    }
    rig_stop(&rig);
}

static void test_clients__without_memory_it_says_that_something_is_missing(void **state)
{
    static const enum import imports[] = {IMPORT_HeapAlloc, IMPORT_CreateEventW};
    unsigned silent = 0;
    struct client_row row;
    (void)state;
    prepare();
    rig_start(&rig);
    struct client *client = connect_to(0);
    echo(client, 1);
    for (size_t i = 0; i < 2; i++) {
        fault_arm(imports[i], 1, ERROR_NOT_ENOUGH_MEMORY, FAULT_FOREVER);
        assert_int_equal(read_all(NULL, &silent), 0);
        assert_int_equal(silent, WORKERS);
        assert_int_equal(engine_find_client(rig.engine, (uint64_t)probe.last_id, &row), CLIENTS_SILENT);
        fault_clear();
    }
    assert_int_equal(read_all(NULL, &silent), 1);
    client_close(client);
    rig_stop(&rig);
}

/* ---- Closing ---- */

static void test_clients__finds_and_closes_one(void **state)
{
    const struct pl_address any = client_address("127.0.0.1", 0);
    unsigned silent = 0;
    struct client_row row;
    char byte;
    (void)state;
    prepare();
    rig_start(&rig);
    struct client *tcp = connect_to(0);
    struct client *udp = client_open_datagram(&any);
    echo(tcp, 3);
    assert_true(ask_datagram(udp, CLIENT_PATIENCE));
    client_watch(tcp);
    assert_int_equal(read_all(NULL, &silent), 2);
    for (size_t i = 0; i < 2; i++) {
        const uint64_t id = rows[i].id;
        assert_int_equal(engine_find_client(rig.engine, id, &row), CLIENTS_FOUND);
        assert_true(row.id == id);
        assert_int_equal(engine_find_client(rig.engine, id + 1, &row), CLIENTS_GONE); /* another generation */
        assert_int_equal(engine_find_client(rig.engine, id | 0xFF00000000000000, &row),
                         CLIENTS_GONE); /* no worker */
        assert_true(engine_close_client(rig.engine, id));
    }
    assert_int_equal(client_receive(tcp, &byte, 1, CLIENT_PATIENCE), CLIENT_RESET);
    rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_ADMIN, 1);
    rig_wait_for_counter(&rig, COUNTER_SESSIONS_CLOSED_BY_ADMIN, 1);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(engine_find_client(rig.engine, rows[i].id, &row), CLIENTS_GONE);
    }
    assert_int_equal(engine_find_client(rig.engine, 0, &row), CLIENTS_GONE);
    assert_int_equal(engine_find_client(rig.engine, UINT64_MAX, &row), CLIENTS_GONE);
    client_close(tcp);
    client_close(udp);
    rig_stop(&rig);
}

/* ---- Pausing an endpoint ---- */

static bool serves(size_t index)
{
    const struct pl_address to = rig_address(&rig, index);
    struct client *client = NULL;
    char byte = 'x';
    if (client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client) != CLIENT_OK) {
        return false;
    }
    client_send(client, &byte, 1, CLIENT_PATIENCE);
    const bool is_served = client_receive(client, &byte, 1, CLIENT_PATIENCE) == CLIENT_OK;
    client_close(client);
    return is_served;
}

static void test_clients__an_endpoint_is_paused_alone(void **state)
{
    const struct pl_address any = client_address("127.0.0.1", 0);
    bool has_changed = false;
    (void)state;
    prepare();
    rig_endpoint(&rig, "other", "probe", "tcp://127.0.0.1:0");
    rig_start(&rig);
    struct client *live = connect_to(0);
    struct client *udp = client_open_datagram(&any);
    echo(live, 1);
    assert_false(engine_pause_endpoint(rig.engine, "nobody", true, &has_changed));
    assert_true(engine_pause_endpoint(rig.engine, "WEB", true, &has_changed));
    assert_true(has_changed);
    assert_true(engine_pause_endpoint(rig.engine, "web", true, &has_changed));
    assert_false(has_changed);
    assert_false(serves(0));
    assert_true(serves(2));
    echo(live, 1); /* goes on */
    rig_wait_for_counter(&rig, COUNTER_REFUSED_PAUSED, 1);
    assert_true(engine_pause_endpoint(rig.engine, "names", true, &has_changed));
    assert_false(ask_datagram(udp, 100));
    rig_wait_for_counter(&rig, COUNTER_DATAGRAMS_REFUSED_PAUSED, 1);
    engine_pause(rig.engine);
    assert_false(serves(2));
    engine_continue(rig.engine); /* takes nothing back that was asked for one */
    assert_false(serves(0));
    assert_true(serves(2));
    engine_pause(rig.engine);
    assert_true(engine_pause_endpoint(rig.engine, "web", false, &has_changed));
    assert_false(serves(0)); /* the whole is still paused */
    engine_continue(rig.engine);
    assert_true(serves(0));
    assert_true(engine_pause_endpoint(rig.engine, "names", false, &has_changed));
    assert_true(ask_datagram(udp, CLIENT_PATIENCE));
    client_close(live);
    client_close(udp);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        probe_test(test_clients__lists_connections_and_sessions),
        probe_test(test_clients__lists_a_crowd_in_pieces),
        probe_test(test_clients__leaves_out_a_worker_that_is_stuck),
        probe_test(test_clients__without_memory_it_says_that_something_is_missing),
        probe_test(test_clients__finds_and_closes_one),
        probe_test(test_clients__an_endpoint_is_paused_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
