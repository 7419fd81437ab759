/* SPDX-License-Identifier: MIT
   Tests of the tests' own sockets, against a small server on a thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/win.h"

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "support/client.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/support.h"

/* Serves one connection as `serve` says. */
struct server {
    SOCKET listener;
    HANDLE thread;
    struct pl_address address;
    void (*serve)(SOCKET s);
};

static DWORD WINAPI server_main(void *context)
{
    const struct server *server = context;
    const SOCKET s = accept(server->listener, NULL, NULL);
    if (s != INVALID_SOCKET) {
        server->serve(s);
        closesocket(s);
    }
    return 0;
}

static SOCKET bound_socket(int type, struct pl_address *address_out)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int length = sizeof any;
    const SOCKET s = WSASocketW(AF_INET, type, 0, NULL, 0, WSA_FLAG_OVERLAPPED);
    assert_int_equal(bind(s, (struct sockaddr *)&any, length), 0);
    assert_int_equal(getsockname(s, (struct sockaddr *)&any, &length), 0);
    *address_out = client_address("127.0.0.1", ntohs(any.sin_port));
    return s;
}

static void server_start(struct server *server, void (*serve)(SOCKET s))
{
    server->listener = bound_socket(SOCK_STREAM, &server->address);
    server->serve = serve;
    assert_int_equal(listen(server->listener, 5), 0);
    server->thread = CreateThread(NULL, 0, server_main, server, 0, NULL);
}

static void server_stop(struct server *server)
{
    assert_int_equal(WaitForSingleObject(server->thread, CLIENT_PATIENCE), WAIT_OBJECT_0);
    CloseHandle(server->thread);
    closesocket(server->listener);
}

static struct client *connected(const struct server *server)
{
    struct client *client = NULL;
    assert_int_equal(client_connect(&server->address, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    assert_non_null(client);
    return client;
}

static void echo(SOCKET s)
{
    char bytes[4096];
    int length = 0;
    while ((length = recv(s, bytes, sizeof bytes, 0)) > 0) {
        send(s, bytes, length, 0);
    }
}

static void reset(SOCKET s)
{
    const struct linger hard = {1, 0};
    char byte;
    recv(s, &byte, 1, 0);
    setsockopt(s, SOL_SOCKET, SO_LINGER, (const char *)&hard, sizeof hard);
}

static void say_hello_and_close(SOCKET s)
{
    send(s, "hello", 5, 0);
}

static void wait_for_the_end(SOCKET s)
{
    char byte;
    while (recv(s, &byte, 1, 0) > 0) {}
}

static void test_client__receives_exactly_what_was_asked_for(void **state)
{
    (void)state;
    struct server server;
    char answer[16] = {0};
    server_start(&server, echo);
    struct client *client = connected(&server);
    assert_int_equal(client_send(client, "abcdefghij", 10, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(client, answer, 3, CLIENT_PATIENCE), CLIENT_OK);
    assert_string_equal(answer, "abc");
    assert_int_equal(client_receive(client, answer, 7, CLIENT_PATIENCE), CLIENT_OK);
    assert_string_equal(answer, "defghij");
    assert_int_equal(client_receive(client, answer, 1, 50), CLIENT_TIMEOUT);
    assert_int_equal(client_send(client, "k", 1, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(client, answer, 1, CLIENT_PATIENCE), CLIENT_OK); /* nothing was lost */
    assert_int_equal(answer[0], 'k');
    assert_int_equal(client_finish(client), CLIENT_OK);
    assert_int_equal(client_receive(client, answer, 1, CLIENT_PATIENCE), CLIENT_EOF);
    assert_int_equal(client_receive(client, answer, 1, CLIENT_PATIENCE), CLIENT_EOF); /* for good */
    client_close(client);
    server_stop(&server);
}

static void test_client__sends_and_receives_what_can_be_had_at_once(void **state)
{
    (void)state;
    struct server server;
    char answer[17] = "";
    size_t length = 0;
    server_start(&server, echo);
    struct client *client = connected(&server);
    assert_int_equal(client_receive_some(client, answer, 10, &length, 0), CLIENT_TIMEOUT);
    assert_int_equal(length, 0);
    assert_int_equal(client_send_some(client, "0123456789", 10, &length), CLIENT_OK);
    assert_int_equal(length, 10);
    for (size_t got = 0; got < 10; got += length) {
        assert_int_equal(client_receive_some(client, answer + got, 7, &length, CLIENT_PATIENCE), CLIENT_OK);
        assert_in_range(length, 1, 10 - got);
    }
    assert_memory_equal(answer, "0123456789", 10);
    assert_int_equal(client_finish(client), CLIENT_OK);
    assert_int_equal(client_receive_some(client, answer, 10, &length, CLIENT_PATIENCE), CLIENT_EOF);
    assert_int_equal(length, 0);
    client_close(client);
    server_stop(&server);
}

static void test_client__moves_a_megabyte_both_ways(void **state)
{
    (void)state;
    enum { SIZE = 1000000, PIECE = 50000 };
    struct server server;
    unsigned char *sent = malloc(SIZE), *received = malloc(SIZE);
    server_start(&server, echo);
    struct client *client = connected(&server);
    for (size_t i = 0; i < SIZE; i++) {
        sent[i] = (unsigned char)(i * 7 + i / 256);
    }
    for (size_t at = 0; at < SIZE; at += PIECE) {
        assert_int_equal(client_send(client, sent + at, PIECE, CLIENT_PATIENCE), CLIENT_OK);
        assert_int_equal(client_receive(client, received + at, PIECE, CLIENT_PATIENCE), CLIENT_OK);
    }
    assert_memory_equal(sent, received, SIZE);
    client_close(client);
    server_stop(&server);
    free(sent);
    free(received);
}

static void test_client__tells_an_end_behind_data(void **state)
{
    (void)state;
    struct server server;
    char answer[6] = {0};
    uint64_t dropped = 0;
    server_start(&server, say_hello_and_close);
    struct client *client = connected(&server);
    assert_int_equal(client_receive(client, answer, 2, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_drain(client, &dropped, CLIENT_PATIENCE), CLIENT_EOF);
    assert_int_equal(dropped, 3);
    client_close(client);
    server_stop(&server);
}

static void test_client__less_than_asked_for_is_an_end(void **state)
{
    (void)state;
    struct server server;
    char answer[6] = {0};
    server_start(&server, say_hello_and_close);
    struct client *client = connected(&server);
    assert_int_equal(client_receive(client, answer, 6, CLIENT_PATIENCE), CLIENT_EOF);
    client_close(client);
    server_stop(&server);
}

/* Asks the server for a reset and awaits it `pause` milliseconds later. */
static void is_reset(bool is_watched, DWORD pause)
{
    struct server server;
    char byte;
    server_start(&server, reset);
    struct client *client = connected(&server);
    if (is_watched) {
        client_watch(client);
    }
    assert_int_equal(client_send(client, "x", 1, CLIENT_PATIENCE), CLIENT_OK);
    Sleep(pause);
    assert_int_equal(client_receive(client, &byte, 1, CLIENT_PATIENCE), CLIENT_RESET);
    assert_int_equal(client_drain(client, NULL, CLIENT_PATIENCE), CLIENT_RESET);
    client_close(client);
    server_stop(&server);
}

static void test_client__tells_a_reset_from_an_end(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        is_reset(true, 0);
        is_reset(true, 5);
        is_reset(false, 0);
        is_reset(false, 20); /* it is there before anybody waits for it */
    }
}

static void test_client__resets_the_peer(void **state)
{
    (void)state;
    struct pl_address address;
    struct client *client = NULL;
    char byte;
    WSABUF buffer = {1, &byte};
    DWORD length = 0, flags = 0;
    const SOCKET listener = bound_socket(SOCK_STREAM, &address);
    const HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    OVERLAPPED overlapped = {.hEvent = event};
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(client_connect(&address, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    const SOCKET s = accept(listener, NULL, NULL);
    assert_int_equal(WSARecv(s, &buffer, 1, &length, &flags, &overlapped, NULL), SOCKET_ERROR);
    client_reset(client);
    assert_int_equal(WaitForSingleObject(event, CLIENT_PATIENCE), WAIT_OBJECT_0);
    assert_false(WSAGetOverlappedResult(s, &overlapped, &length, FALSE, &flags));
    assert_int_equal(WSAGetLastError(), WSAECONNRESET);
    closesocket(s);
    closesocket(listener);
    CloseHandle(event);
}

static void test_client__comes_from_the_address_it_is_given(void **state)
{
    (void)state;
    struct server server;
    struct client *client = NULL;
    const struct pl_address from = client_address("127.0.0.9", 0);
    server_start(&server, wait_for_the_end);
    assert_int_equal(client_connect(&server.address, &from, 4096, CLIENT_PATIENCE, &client), CLIENT_OK);
    struct pl_address local = client_local(client);
    assert_int_not_equal(local.port, 0);
    local.port = 0;
    assert_true(address_equal(&local, &from));
    client_close(client);
    server_stop(&server);
}

static void test_client__a_send_that_nobody_reads_times_out(void **state)
{
    (void)state;
    enum { SIZE = 32 << 20 };
    struct pl_address address;
    struct client *client = NULL;
    char *bytes = calloc(1, SIZE);
    const SOCKET listener = bound_socket(SOCK_STREAM, &address);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(client_connect(&address, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    assert_int_equal(client_send(client, bytes, SIZE, 200), CLIENT_TIMEOUT);
    client_reset(client);
    closesocket(listener);
    free(bytes);
}

static void test_client__is_told_when_nobody_listens(void **state)
{
    (void)state;
    struct pl_address address;
    struct client *client = NULL;
    const SOCKET s = bound_socket(SOCK_STREAM, &address); /* bound, not listening */
    assert_int_equal(client_connect(&address, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_REFUSED);
    assert_null(client);
    closesocket(s);
}

static void test_client__stays_on_loopback(void **state)
{
    (void)state;
    struct client *client = NULL;
    const struct pl_address elsewhere = client_address("192.0.2.1", 9);
    assert_int_equal(client_connect(&elsewhere, NULL, 0, 100, &client), CLIENT_ERROR);
    assert_null(client);
}

static void exchange_over(const char *ip)
{
    const struct pl_address any = client_address(ip, 0);
    struct client *here = client_open_datagram(&any), *there = client_open_datagram(&any);
    struct pl_address from = {0};
    char bytes[70000];
    size_t length = 0;
    assert_non_null(here);
    assert_non_null(there);
    const struct pl_address here_at = client_local(here), there_at = client_local(there);
    assert_int_equal(client_receive_datagram(there, bytes, sizeof bytes, &length, NULL, 50), CLIENT_TIMEOUT);
    assert_int_equal(client_send_datagram(here, &there_at, "ping", 4), CLIENT_OK);
    assert_int_equal(client_receive_datagram(there, bytes, sizeof bytes, &length, &from, CLIENT_PATIENCE),
                     CLIENT_OK);
    assert_int_equal(length, 4);
    assert_true(address_equal(&from, &here_at));
    assert_int_equal(client_send_datagram(there, &here_at, NULL, 0), CLIENT_OK);
    memset(bytes, 'y', sizeof bytes);
    assert_int_equal(
        client_exchange(here, &there_at, bytes, 60000, bytes, sizeof bytes, &length, CLIENT_PATIENCE),
        CLIENT_OK);
    assert_int_equal(length, 0); /* an empty datagram is one */
    assert_int_equal(client_receive_datagram(there, bytes, sizeof bytes, &length, NULL, CLIENT_PATIENCE),
                     CLIENT_OK);
    assert_int_equal(length, 60000);
    client_close(here);
    client_close(there);
}

static void test_client__exchanges_datagrams(void **state)
{
    (void)state;
    exchange_over("127.0.0.1");
    exchange_over("::1");
}

static LONG volatile may_go_on;

static void say_hello_and_wait(SOCKET s)
{
    send(s, "hello", 5, 0);
    while (InterlockedCompareExchange(&may_go_on, 0, 0) == 0) {
        Sleep(1); /* the one wait that is no import of the seam */
    }
}

static void test_client__leaves_no_trace_in_ledger_and_faults(void **state)
{
    (void)state;
    struct server server;
    const struct pl_address any = client_address("127.0.0.1", 0);
    char bytes[16];
    size_t length = 0;
    InterlockedExchange(&may_go_on, 0);
    server_start(&server, say_hello_and_wait);
    const size_t before = ledger_leftovers(NULL, 0);
    struct client *client = connected(&server);
    struct client *datagram = client_open_datagram(&any);
    while (ledger_count(LEDGER_SOCKET) < 2) { /* the server's end comes on its own thread */
        SwitchToThread();
    }
    assert_int_equal(ledger_leftovers(NULL, 0), before + 1);

    for (int i = 0; i < IMPORT_COUNT; i++) {
        fault_arm((enum import)i, 1, WSAENOBUFS, FAULT_FOREVER);
    }
    const struct pl_address own = client_local(datagram);
    assert_int_equal(client_receive(client, bytes, 5, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_send(client, "x", 1, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(
        client_exchange(datagram, &own, "ping", 4, bytes, sizeof bytes, &length, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_finish(client), CLIENT_OK);
    client_close(datagram);
    client_close(connected(&server));
    assert_int_equal(fault_hits(), 0);
    fault_clear();

    InterlockedExchange(&may_go_on, 1);
    client_reset(client);
    server_stop(&server);
    assert_int_equal(ledger_leftovers(NULL, 0), 0);
}

static void test_client__those_left_open_are_closed_at_the_teardown(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, wait_for_the_end);
    connected(&server);
    client_close_all();
    server_stop(&server); /* its client has gone, or this would not end */
    client_close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_client__receives_exactly_what_was_asked_for),
        support_test(test_client__sends_and_receives_what_can_be_had_at_once),
        support_test(test_client__moves_a_megabyte_both_ways),
        support_test(test_client__tells_an_end_behind_data),
        support_test(test_client__less_than_asked_for_is_an_end),
        support_test(test_client__tells_a_reset_from_an_end),
        support_test(test_client__resets_the_peer),
        support_test(test_client__comes_from_the_address_it_is_given),
        support_test(test_client__a_send_that_nobody_reads_times_out),
        support_test(test_client__is_told_when_nobody_listens),
        support_test(test_client__stays_on_loopback),
        support_test(test_client__exchanges_datagrams),
        support_test(test_client__leaves_no_trace_in_ledger_and_faults),
        support_test(test_client__those_left_open_are_closed_at_the_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
