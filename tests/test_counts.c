/* SPDX-License-Identifier: MIT
   What can be counted and does not depend on the machine: calls for each message and connection, bytes of the heap for
   each connection, endpoint and network. None may grow beyond bench/limits.def. Each is printed, in a line that begins
   with "figure"; docs/performance.md has them from there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "support/rig.h"

#include <cmocka.h>

#include "base/address_prefix.h"
#include "config/config.h"
#include "handler/handlers.h"
#include "stats/access_log.h"
#include "support/client.h"
#include "support/fault.h"
#include "support/folder.h"
#include "support/ledger.h"
#include "support/seam.h"

enum {
    MESSAGE = 64,   /* bytes of a message */
    AWAITED = 40,   /* messages one by one */
    CLIENTS = 16,   /* with... */
    TOGETHER = 200, /* ...so many messages each at once */
    DATAGRAMS = 200,
    CONNECTIONS = 20,
    FEW = 100,
    MANY = 600,
    PORT = 23996 /* and those behind it: Wine lets no two UDP sockets have one, whatever their addresses */
};

#define LIMIT(name, most, what) FIGURE_##name,
enum figure {
#include "bench/limits.def"
    FIGURE_COUNT
};
#undef LIMIT

#define LIMIT(name, most, what) {#name, most, what},
static const struct {
    const char *name;
    double most;
    const char *what;
} limits[FIGURE_COUNT] = {
#include "bench/limits.def"
};
#undef LIMIT

static struct rig rig;
static struct folder folder;
static struct access_log *access_log;
static struct address_prefix allowed, denied;
static char sent[TOGETHER * MESSAGE], received[TOGETHER * MESSAGE];

static void tell(enum figure figure, double value)
{
    print_message("figure %s %.2f (%.2f) %s\n", limits[figure].name, value, limits[figure].most,
                  limits[figure].what);
    if (value > limits[figure].most + 0.005) {
        fail_msg("%s: %.2f %s, more than %.2f: see tests/bench/limits.def", limits[figure].name, value,
                 limits[figure].what, limits[figure].most);
    }
}

/* ---- The engine, with limits, access lists and access log ---- */

static void begin(const char *listen)
{
    struct failure failure = {EXIT_CODE_DONE, 0, ""};
    folder_init(&folder);
    access_log = access_log_create(
        &(const struct access_log_options){.file = {.path = folder_join(&folder, "access.log")}}, &failure);
    assert_non_null(access_log);
    assert_int_equal(address_prefix_parse("127.0.0.0/8", 11, &allowed), ADDRESS_PREFIX_OK);
    assert_int_equal(address_prefix_parse("10.0.0.0/8", 10, &denied), ADDRESS_PREFIX_OK);
    rig_init(&rig, handlers_builtin);
    rig.options.access_log = access_log;
    rig.config.service.max_connections = 100000;
    struct config_endpoint *endpoint = rig_endpoint(&rig, "echo", "echo", listen);
    endpoint->accepts_max = 1; /* so that the operations in flight can be told */
    endpoint->max_connections = 100000;
    endpoint->max_connections_per_source = 100000;
    endpoint->accept_rate = 1000000;
    endpoint->allow = (struct config_prefixes){&allowed, 1};
    endpoint->deny = (struct config_prefixes){&denied, 1};
    rig_start(&rig);
}

static void end(void)
{
    rig_stop(&rig);
    access_log_destroy(access_log);
    folder_fini(&folder);
}

static struct client *connect_client(void)
{
    const struct pl_address to = rig_address(&rig, 0);
    struct client *client = NULL;
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    return client;
}

static void echo(struct client *client)
{
    assert_int_equal(client_send(client, sent, MESSAGE, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(client, received, MESSAGE, CLIENT_PATIENCE), CLIENT_OK);
}

/* ---- Calls ---- */

static const enum import counted[] = {
    IMPORT_WSARecv,
    IMPORT_WSASend,
    IMPORT_WSARecvFrom,
    IMPORT_WSASendTo,
    IMPORT_WSARecvMsg,
    IMPORT_WSASendMsg,
    IMPORT_AcceptEx,
    IMPORT_WSASocketW,
    IMPORT_closesocket,
    IMPORT_shutdown,
    IMPORT_setsockopt,
    IMPORT_getsockopt,
    IMPORT_getsockname,
    IMPORT_ioctlsocket,
    IMPORT_WSAIoctl,
    IMPORT_CancelIoEx,
    IMPORT_CreateIoCompletionPort,
    IMPORT_SetFileCompletionNotificationModes,
    IMPORT_PostQueuedCompletionStatus,
    IMPORT_GetQueuedCompletionStatus,
    IMPORT_GetQueuedCompletionStatusEx,
};

enum { COUNTED = sizeof counted / sizeof counted[0] };

static uint32_t marks[COUNTED];

static uint32_t all_calls(void)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < COUNTED; i++) {
        sum += fault_calls(counted[i]);
    }
    return sum;
}

/* Until so many operations wait and the worker has nothing left to do. One that the machine keeps from running
   meanwhile makes fewer calls; only a timer can make one more. */
static void settle(size_t operations)
{
    rig_wait_for_operations(operations);
    uint32_t before = all_calls();
    for (int unchanged = 0; unchanged < 2; unchanged++) {
        Sleep(2);
        const uint32_t now = all_calls();
        unchanged = now == before ? unchanged : 0;
        before = now;
    }
}

static void count_from_here(void)
{
    for (size_t i = 0; i < COUNTED; i++) {
        marks[i] = fault_calls(counted[i]);
    }
}

/* With or without dequeues: among many messages there are as many as there are turns, and a turn ends by time. */
static void tell_calls(enum figure figure, double things, bool has_dequeues)
{
    double sum = 0;
    for (size_t i = 0; i < COUNTED; i++) {
        const double each = (fault_calls(counted[i]) - marks[i]) / things;
        if (has_dequeues || counted[i] != IMPORT_GetQueuedCompletionStatusEx) {
            sum += each;
        }
        if (each > 0) {
            print_message("             %6.2f %s\n", each, seam_name(counted[i]));
        }
    }
    tell(figure, sum);
}

/* The first send waits at a gate, until all that is to come has come. */
static volatile LONG gate_is_shut, waits_at_gate;

static void pass_gate(void)
{
    while (InterlockedCompareExchange(&gate_is_shut, 0, 0) != 0) {
        InterlockedExchange(&waits_at_gate, 1);
        Sleep(1);
    }
}

static int WSAAPI send_through_gate(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD bytes, DWORD flags,
                                    LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    pass_gate();
    return SEAM_REAL(WSASend)(s, buffers, count, bytes, flags, overlapped, routine);
}

static int WSAAPI answer_through_gate(SOCKET s, LPWSAMSG message, DWORD flags, LPDWORD bytes,
                                      LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    pass_gate();
    return SEAM_REAL(WSASendMsg)(s, message, flags, bytes, overlapped, routine);
}

static void shut_gate(void)
{
    waits_at_gate = 0;
    gate_is_shut = 1;
    seam_replace(IMPORT_WSASend, (seam_function)send_through_gate);
    seam_replace(IMPORT_WSASendMsg, (seam_function)answer_through_gate);
}

static void wait_at_gate(void)
{
    for (const uint64_t deadline = rig_deadline(); waits_at_gate == 0;) {
        rig_nap(deadline, "the first send");
    }
}

static void test_counts__calls_for_a_message_that_is_awaited(void **state)
{
    (void)state;
    begin("tcp://127.0.0.1:0");
    struct client *client = connect_client();
    for (int i = 0; i < 2 * AWAITED; i++) {
        if (i == AWAITED) {
            count_from_here();
        }
        echo(client);
        settle(2);
    }
    tell_calls(FIGURE_tcp_calls_idle, AWAITED, true);
    client_close(client);
    end();
}

/* Each receive takes one of them. */
static void test_counts__calls_for_a_message_among_many(void **state)
{
    (void)state;
    struct client *clients[CLIENTS];
    begin("tcp://127.0.0.1:0");
    fault_cut_receives(MESSAGE); /* those that already wait as well */
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = connect_client();
        echo(clients[i]);
    }
    settle(1 + CLIENTS);
    shut_gate();
    count_from_here();
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(client_send(clients[i], sent, sizeof sent, CLIENT_PATIENCE), CLIENT_OK);
    }
    wait_at_gate();
    gate_is_shut = 0;
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(client_receive(clients[i], received, sizeof received, CLIENT_PATIENCE), CLIENT_OK);
    }
    settle(1 + CLIENTS);
    tell_calls(FIGURE_tcp_calls_busy, CLIENTS * TOGETHER, false);
    fault_cut_receives(0);
    for (int i = 0; i < CLIENTS; i++) {
        client_close(clients[i]);
    }
    end();
}

static struct client *open_datagram(void)
{
    const struct pl_address any = client_address("127.0.0.1", 0);
    struct client *client = client_open_datagram(&any);
    assert_non_null(client);
    return client;
}

static void receive_datagram(struct client *client)
{
    size_t length = 0;
    assert_int_equal(
        client_receive_datagram(client, received, sizeof received, &length, NULL, CLIENT_PATIENCE),
        CLIENT_OK);
    assert_int_equal(length, MESSAGE);
}

static void test_counts__calls_for_a_datagram_that_is_awaited(void **state)
{
    (void)state;
    begin("udp://127.0.0.1:0");
    struct client *client = open_datagram();
    const struct pl_address to = rig_address(&rig, 0);
    for (int i = 0; i < 2 * AWAITED; i++) {
        if (i == AWAITED) {
            count_from_here();
        }
        assert_int_equal(client_send_datagram(client, &to, sent, MESSAGE), CLIENT_OK);
        receive_datagram(client);
        settle(1);
    }
    tell_calls(FIGURE_udp_calls_idle, AWAITED, true);
    end();
}

static void test_counts__calls_for_a_datagram_among_many(void **state)
{
    (void)state;
    begin("udp://127.0.0.1:0");
    struct client *client = open_datagram();
    const struct pl_address to = rig_address(&rig, 0);
    settle(1);
    shut_gate();
    count_from_here();
    for (int i = 0; i < DATAGRAMS; i++) {
        assert_int_equal(client_send_datagram(client, &to, sent, MESSAGE), CLIENT_OK);
    }
    wait_at_gate();
    gate_is_shut = 0;
    for (int i = 0; i < DATAGRAMS; i++) {
        receive_datagram(client);
    }
    settle(1);
    tell_calls(FIGURE_udp_calls_busy, DATAGRAMS, false);
    end();
}

/* Slowly: each step finds the worker waiting. */
static void use_connection_once(uint64_t number)
{
    struct client *client = connect_client();
    rig_wait_for_counter(&rig, COUNTER_ACCEPTED, number);
    settle(2);
    echo(client);
    settle(2);
    assert_int_equal(client_finish(client), CLIENT_OK);
    assert_int_equal(client_drain(client, NULL, CLIENT_PATIENCE), CLIENT_EOF);
    client_close(client);
    for (const uint64_t deadline = rig_deadline(); rig_closed(&rig) < number;) {
        rig_nap(deadline, "the connection's end");
    }
    settle(1);
}

static void test_counts__calls_for_a_connection(void **state)
{
    (void)state;
    begin("tcp://127.0.0.1:0");
    for (int i = 0; i < 2 * CONNECTIONS; i++) {
        if (i == CONNECTIONS) {
            count_from_here();
        }
        use_connection_once((uint64_t)i + 1);
    }
    tell_calls(FIGURE_connection_calls, CONNECTIONS, true);
    end();
}

/* ---- Bytes ---- */

static double each(size_t few, size_t many, double more)
{
    return ((double)many - (double)few) / more;
}

/* The heap with so many connections that have said nothing yet. */
static size_t bytes_with(struct client **clients, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        clients[i] = connect_client();
    }
    rig_wait_for_counter(&rig, COUNTER_ACCEPTED, to);
    rig_wait_for_operations(1 + to);
    return ledger_bytes();
}

static void test_counts__bytes_for_a_connection(void **state)
{
    (void)state;
    static struct client *clients[MANY];
    begin("tcp://127.0.0.1:0");
    const size_t few = bytes_with(clients, 0, FEW);
    const size_t many = bytes_with(clients, FEW, MANY);
    for (size_t i = 0; i < MANY; i++) {
        client_close(clients[i]);
    }
    end();
    tell(FIGURE_connection_bytes, each(few, many, MANY - FEW));
}

static bool has_variable(const char *name, struct text *value)
{
    (void)name;
    (void)value;
    return false;
}

/* The heap with a configuration of so many endpoints and networks, and what their engine adds. */
struct cost {
    size_t config, engine;
};

static struct cost cost_of(const char *protocol, size_t endpoints, size_t networks)
{
    struct text text;
    struct config_problems problems;
    const struct config_source source = {.file = "t.ini",
                                         .folder = "C:\\",
                                         .service = "t",
                                         .handlers = handlers_builtin,
                                         .variable = has_variable};
    text_init_heap(&text);
    text_add_string(&text, "[service]\nworkers = 1\n[defaults]\nhandler = echo\n");
    for (size_t i = 0; i < networks; i++) {
        text_add_format(&text, "%s10.%u.%u.%u", i == 0 ? "deny = " : ", ", (unsigned)(i >> 15),
                        (unsigned)(i >> 7) & 255, (unsigned)i % 128 * 2);
    }
    for (size_t i = 0; i < endpoints; i++) {
        text_add_format(&text, "\n[endpoint e%u]\nlisten = %s://127.0.%u.%u:%u\n", (unsigned)i, protocol,
                        (unsigned)(94 + i / 250), (unsigned)(1 + i % 250), (unsigned)(PORT + i));
    }
    config_problems_init(&problems);
    struct config *config = config_parse(&source, text.at, text.length, &problems);
    assert_string_equal(problems.text.at, "");
    config_problems_fini(&problems);
    text_fini(&text);
    struct cost cost = {.config = ledger_bytes()};
    rig_init(&rig, handlers_builtin);
    rig.options.config = config;
    rig_start(&rig);
    rig_wait_for_operations(endpoints);
    cost.engine = ledger_bytes() - cost.config;
    rig_stop(&rig);
    config_destroy(config);
    return cost;
}

static void test_counts__bytes_for_an_endpoint(void **state)
{
    (void)state;
    const struct cost few = cost_of("tcp", FEW, 1), many = cost_of("tcp", MANY, 1);
    tell(FIGURE_endpoint_bytes, each(few.engine, many.engine, MANY - FEW));
    tell(FIGURE_config_bytes, each(few.config, many.config, MANY - FEW));
}

static void test_counts__bytes_for_a_udp_endpoint(void **state)
{
    (void)state;
    const struct cost few = cost_of("udp", FEW, 1), many = cost_of("udp", MANY, 1);
    tell(FIGURE_udp_endpoint_bytes, each(few.engine, many.engine, MANY - FEW));
}

static void test_counts__bytes_for_a_network(void **state)
{
    (void)state;
    const struct cost few = cost_of("tcp", 1, FEW), many = cost_of("tcp", 1, 20 * MANY);
    tell(FIGURE_network_bytes, each(few.config + few.engine, many.config + many.engine, 20 * MANY - FEW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_counts__calls_for_a_message_that_is_awaited),
        rig_test(test_counts__calls_for_a_message_among_many),
        rig_test(test_counts__calls_for_a_datagram_that_is_awaited),
        rig_test(test_counts__calls_for_a_datagram_among_many),
        rig_test(test_counts__calls_for_a_connection),
        rig_test(test_counts__bytes_for_a_connection),
        rig_test(test_counts__bytes_for_an_endpoint),
        rig_test(test_counts__bytes_for_a_udp_endpoint),
        rig_test(test_counts__bytes_for_a_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
