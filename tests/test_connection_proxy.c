/* SPDX-License-Identifier: MIT
   Tests of connection/connection.c: clients that come through a proxy, and those that only say so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "support/rig.h"

#include <cmocka.h>

#include "base/address.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/journal.h"
#include "support/resets.h"

/* ---- A handler that echoes and writes down who came ---- */

static struct {
    volatile LONG opens, closes, refuses;
    volatile LONG floods; /* on_open sends more than the queue takes */
    volatile LONG datas, writables;
    volatile LONG writables_before_data; /* when on_data came first */
    pl_info info;
} noted;

static uint8_t flood[900000];

static int32_t noting__start(pl_start *start)
{
    start->state = (void *)(uintptr_t)start->host;
    return PL_OK;
}

/* How much it sends, in bytes. */
static LONG noting__flood(const pl_host *host, pl_id id)
{
    LONG sent = 0;
    while (host->send(host, id, flood, sizeof flood) >= 0) {
        sent += (LONG)sizeof flood;
    }
    return sent;
}

static int32_t noting__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    (void)user;
    noted.info = *info;
    if (noted.floods != 0) {
        noted.floods = noting__flood(state, id);
    }
    InterlockedIncrement(&noted.opens);
    return noted.refuses != 0 ? PL_INVALID : PL_OK;
}

static size_t noting__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    const pl_host *host = state;
    (void)user;
    if (noted.datas == 0) {
        noted.writables_before_data = noted.writables;
    }
    InterlockedIncrement(&noted.datas);
    return host->send(host, id, at, length) >= 0 ? length : 0;
}

static void noting__on_writable(void *state, pl_id id, void **user)
{
    (void)state, (void)id, (void)user;
    InterlockedIncrement(&noted.writables);
}

static void noting__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    (void)state, (void)id, (void)user, (void)reason, (void)win32_error;
    InterlockedIncrement(&noted.closes);
}

static const struct pl_handler noting = {.size = sizeof(struct pl_handler),
                                         .abi_major = PL_ABI_MAJOR,
                                         .abi_minor = PL_ABI_MINOR,
                                         .flags = PL_TCP,
                                         .name = "noting",
                                         .start = noting__start,
                                         .on_open = noting__on_open,
                                         .on_data = noting__on_data,
                                         .on_writable = noting__on_writable,
                                         .on_close = noting__on_close};
static const struct pl_handler *const handlers[] = {&noting, NULL};

/* ---- Fixture ---- */

static struct rig rig;
static struct address_prefix trusted, denied, allowed;

static struct address_prefix prefix(const char *text)
{
    struct address_prefix parsed;
    assert_int_equal(address_prefix_parse(text, strlen(text), &parsed), ADDRESS_PREFIX_OK);
    return parsed;
}

/* An endpoint behind the proxies 127.0.0.0/30, not started. */
static struct config_endpoint *prepare(enum config_proxy_protocol versions)
{
    memset((void *)(uintptr_t)&noted, 0, sizeof noted);
    trusted = prefix("127.0.0.0/30");
    rig_init(&rig, handlers);
    struct config_endpoint *endpoint = rig_endpoint(&rig, "proxied", "noting", "tcp://127.0.0.1:0");
    endpoint->proxy_protocol = versions;
    endpoint->trusted_proxies = (struct config_prefixes){&trusted, 1};
    return endpoint;
}

static void start(void)
{
    resets_watch();
    rig_start(&rig);
}

static struct client *connect_from(const char *ip)
{
    struct client *client = NULL;
    const struct pl_address to = rig_address(&rig, 0), from = client_address(ip, 0);
    assert_int_equal(client_connect(&to, &from, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    return client;
}

static void put(struct client *client, const void *at, size_t length)
{
    assert_int_equal(client_send(client, at, length, CLIENT_PATIENCE), CLIENT_OK);
}

static void expect(struct client *client, const char *bytes)
{
    char got[64] = "";
    assert_int_equal(client_receive(client, got, strlen(bytes), CLIENT_PATIENCE), CLIENT_OK);
    assert_string_equal(got, bytes);
}

static void expect_address(const struct pl_address *address, const char *ip, uint16_t port)
{
    struct pl_address wanted;
    assert_true(address_parse(ip, strlen(ip), &wanted));
    wanted.port = port;
    assert_true(address_equal(address, &wanted));
}

/* It ends without on_open, by a reset, and is counted so. */
static void expect_refused(struct client *client, enum counter counter)
{
    const enum client_result result = client_drain(client, NULL, CLIENT_PATIENCE);
    assert_true(result == CLIENT_RESET || result == CLIENT_EOF);
    client_close(client);
    rig_wait_for_counter(&rig, counter, 1);
    assert_int_equal(rig_counter(&rig, counter), 1);
    assert_int_equal(rig_counter(&rig, COUNTER_ACCEPTED), 0);
    assert_int_equal(noted.opens, 0);
    assert_int_equal(resets_seen(), 1);
}

/* For the first client: the accepts are two by now, and it has a receive. */
static void wait_until_it_waits(void)
{
    rig_wait_for_operations(3);
}

static void stop(void)
{
    rig_stop(&rig);
    assert_int_equal(noted.opens, noted.closes);
}

/* ---- Headers ---- */

static const char version_1[] = "PROXY TCP4 192.0.2.7 198.51.100.9 5000 443\r\n";
static const uint8_t version_2[] = {'\r', '\n', '\r', '\n', 0,    '\r', '\n', 'Q', 'U', 'I',
                                    'T',  '\n', 0x21, 0x11, 0,    12,   192,  0,   2,   7,
                                    198,  51,   100,  9,    0x13, 0x88, 0x01, 0xBB};
static const uint8_t version_2_local[] = {'\r', '\n', '\r', '\n', 0,    '\r', '\n', 'Q',
                                          'U',  'I',  'T',  '\n', 0x20, 0x00, 0,    0};

static void assert_is_the_client_of_the_headers(void)
{
    const struct pl_address here = rig_address(&rig, 0);
    assert_int_equal(noted.info.seen, PL_PROXIED);
    expect_address(&noted.info.peer, "192.0.2.7", 5000);
    expect_address(&noted.info.local, "198.51.100.9", 443);
    assert_int_equal(noted.info.proxy.family, 4);
    assert_int_equal(noted.info.proxy.ip[3], 1); /* 127.0.0.1 */
    assert_int_not_equal(noted.info.proxy.port, here.port);
}

static void test_proxy__names_the_client(void **state)
{
    (void)state;
    static const struct {
        enum config_proxy_protocol versions;
        const void *header;
        size_t length;
    } rows[] = {{CONFIG_PROXY_V1, version_1, sizeof version_1 - 1},
                {CONFIG_PROXY_BOTH, version_1, sizeof version_1 - 1},
                {CONFIG_PROXY_V2, version_2, sizeof version_2},
                {CONFIG_PROXY_BOTH, version_2, sizeof version_2}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        prepare(rows[i].versions);
        start();
        struct client *client = connect_from("127.0.0.1");
        put(client, rows[i].header, rows[i].length);
        put(client, "hello", 5);
        expect(client, "hello");
        assert_is_the_client_of_the_headers();
        client_close(client);
        rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_PEER, 1);
        assert_int_equal(rig_counter(&rig, COUNTER_BYTES_RECEIVED), 5); /* the client's own */
        assert_int_equal(rig_counter(&rig, COUNTER_BYTES_SENT), 5);
        stop();
    }
}

static void test_proxy__header_and_bytes_may_come_in_any_pieces(void **state)
{
    (void)state;
    static const char hello[] = {'h', 'e', 'l', 'l', 'o'};
    char all[sizeof version_2 + sizeof hello];
    memcpy(all, version_2, sizeof version_2);
    memcpy(all + sizeof version_2, hello, sizeof hello);
    prepare(CONFIG_PROXY_V2);
    start();
    for (size_t cut = 0; cut <= sizeof all; cut += 3) {
        struct client *client = connect_from("127.0.0.1");
        put(client, all, cut);
        Sleep(5); /* so that it comes by itself, as a rule */
        put(client, all + cut, sizeof all - cut);
        expect(client, "hello");
        client_close(client);
    }
    fault_cut_receives(1);
    struct client *client = connect_from("127.0.0.1");
    put(client, all, sizeof all);
    expect(client, "hello");
    assert_is_the_client_of_the_headers();
    client_close(client);
    stop();
}

static void test_proxy__a_long_header_is_taken_whole(void **state)
{
    (void)state;
    enum { TLV = 9000 };
    static uint8_t header[sizeof version_2 + 3 + TLV];
    memcpy(header, version_2, sizeof version_2);
    header[14] = (12 + 3 + TLV) >> 8;
    header[15] = (12 + 3 + TLV) & 255;
    header[sizeof version_2] = 0xE0; /* PP2_TYPE_MIN_CUSTOM */
    header[sizeof version_2 + 1] = TLV >> 8;
    header[sizeof version_2 + 2] = TLV & 255;
    prepare(CONFIG_PROXY_V2);
    start();
    struct client *client = connect_from("127.0.0.1");
    put(client, header, sizeof header);
    put(client, "hello", 5);
    expect(client, "hello");
    assert_is_the_client_of_the_headers();
    client_close(client);
    stop();
}

static void test_proxy__health_checks_pass_as_the_proxy_itself(void **state)
{
    (void)state;
    static const char unknown[] = "PROXY UNKNOWN\r\n";
    for (int version = 1; version <= 2; version++) {
        struct config_endpoint *endpoint = prepare(CONFIG_PROXY_BOTH);
        allowed = prefix("192.0.2.0/24"); /* the proxy is not in it */
        endpoint->allow = (struct config_prefixes){&allowed, 1};
        endpoint->max_connections_per_source = 1;
        start();
        struct client *clients[2];
        for (int i = 0; i < 2; i++) { /* nor do they count for a source */
            clients[i] = connect_from("127.0.0.2");
            if (version == 1) {
                put(clients[i], unknown, sizeof unknown - 1);
            } else {
                put(clients[i], version_2_local, sizeof version_2_local);
            }
            put(clients[i], "hello", 5);
            expect(clients[i], "hello");
            const struct pl_address here = rig_address(&rig, 0), peer = client_local(clients[i]);
            assert_int_equal(noted.info.seen, 0);
            assert_int_equal(noted.info.proxy.family, 0);
            assert_true(address_equal(&noted.info.local, &here));
            assert_true(address_equal(&noted.info.peer, &peer));
        }
        client_close(clients[0]);
        client_close(clients[1]);
        stop();
    }
}

static void test_proxy__is_believed_only_where_it_is_trusted(void **state)
{
    (void)state;
    prepare(CONFIG_PROXY_BOTH);
    start();
    struct client *client = connect_from("127.0.0.9");
    expect_refused(client, COUNTER_REFUSED_PROXY);
    stop();

    struct config_endpoint *endpoint = prepare(CONFIG_PROXY_BOTH);
    denied = prefix("127.0.0.2");
    endpoint->deny = (struct config_prefixes){&denied, 1};
    start();
    expect_refused(connect_from("127.0.0.2"), COUNTER_REFUSED_ACL);
    stop();
}

static void test_proxy__lists_and_sources_are_about_the_client(void **state)
{
    (void)state;
    struct config_endpoint *endpoint = prepare(CONFIG_PROXY_V1);
    denied = prefix("192.0.2.7");
    endpoint->deny = (struct config_prefixes){&denied, 1};
    rig.options.log = journal_open();
    start();
    struct client *client = connect_from("127.0.0.1");
    put(client, version_1, sizeof version_1 - 1);
    expect_refused(client, COUNTER_REFUSED_ACL);
    journal_wait(EVENT_CLIENT_REFUSED, 1);
    journal_assert_last(EVENT_CLIENT_REFUSED, "192.0.2.7:5000 was reset: deny or allow keeps");
    stop();
    journal_close();

    endpoint = prepare(CONFIG_PROXY_V1);
    allowed = prefix("192.0.3.0/24");
    endpoint->allow = (struct config_prefixes){&allowed, 1};
    start();
    client = connect_from("127.0.0.1");
    put(client, version_1, sizeof version_1 - 1);
    expect_refused(client, COUNTER_REFUSED_ACL);
    stop();

    endpoint = prepare(CONFIG_PROXY_V1);
    endpoint->max_connections_per_source = 1;
    start();
    client = connect_from("127.0.0.1");
    put(client, version_1, sizeof version_1 - 1);
    put(client, "hello", 5);
    expect(client, "hello");
    struct client *second = connect_from("127.0.0.1");
    put(second, version_1, sizeof version_1 - 1);
    client_drain(second, NULL, CLIENT_PATIENCE);
    client_close(second);
    rig_wait_for_counter(&rig, COUNTER_REFUSED_PER_SOURCE, 1);
    struct client *third = connect_from("127.0.0.1"); /* another client of the same proxy */
    static const char other[] = "PROXY TCP4 192.0.2.8 198.51.100.9 5000 443\r\n";
    put(third, other, sizeof other - 1);
    put(third, "hello", 5);
    expect(third, "hello");
    client_close(client);
    rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_PEER, 1);
    client = connect_from("127.0.0.1");
    put(client, version_1, sizeof version_1 - 1);
    put(client, "hello", 5);
    expect(client, "hello");
    client_close(client);
    client_close(third);
    stop();
}

static void test_proxy__connections_without_a_good_header_are_reset_at_once(void **state)
{
    (void)state;
    static const char *const bad[] = {"GET / HTTP/1.1\r\n", "PROXY TCP4 192.0.2.7 198.51.100.9 05000 443\r\n",
                                      "PROXY TCP6 ::1 ::2 1 2\n", "\r\n\r\nx"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        prepare(CONFIG_PROXY_BOTH);
        rig.options.log = journal_open();
        start();
        struct client *client = connect_from("127.0.0.1");
        put(client, bad[i], strlen(bad[i]));
        expect_refused(client, COUNTER_REFUSED_PROXY);
        journal_wait(EVENT_PROXY_HEADER_REFUSED, 1);
        journal_assert_last(EVENT_PROXY_HEADER_REFUSED, "the proxy 127.0.0.1:");
        journal_assert_last(EVENT_PROXY_HEADER_REFUSED, "[proxied]");
        stop();
        journal_close();
    }
}

static void test_proxy__a_version_that_is_not_allowed_is_none(void **state)
{
    (void)state;
    prepare(CONFIG_PROXY_V2);
    start();
    struct client *client = connect_from("127.0.0.1");
    put(client, version_1, sizeof version_1 - 1);
    expect_refused(client, COUNTER_REFUSED_PROXY);
    stop();
}

static void test_proxy__the_whole_header_has_a_deadline(void **state)
{
    (void)state;
    for (size_t sent = 0; sent < sizeof version_2; sent += 9) {
        prepare(CONFIG_PROXY_V2)->proxy_timeout = 100000;
        start();
        struct client *client = connect_from("127.0.0.1");
        client_watch(client);
        put(client, version_2, sent);
        wait_until_it_waits();
        clock_advance(50000);
        Sleep(20);
        assert_int_equal(rig_counter(&rig, COUNTER_REFUSED_PROXY), 0);
        clock_advance(50100);
        expect_refused(client, COUNTER_REFUSED_PROXY);
        stop();
    }
}

/* One more byte of the header, read by now, and the next receive waits for another. */
static void trickle(struct client *client, size_t nth)
{
    const uint32_t receives = fault_calls(IMPORT_WSARecv);
    put(client, version_2 + nth, 1);
    for (const uint64_t deadline = rig_deadline(); fault_calls(IMPORT_WSARecv) == receives;) {
        rig_nap(deadline, "a byte of the header");
    }
    rig_wait_for_operations(2);
}

/* Who sends a little from time to time gains nothing by it: the header's time runs from the accept. */
static void test_proxy__a_header_in_drops_is_late_as_a_whole(void **state)
{
    (void)state;
    enum { TIMEOUT = 100000, PERIOD = 20000, ALMOST = 200 /* before the end: a timer ticks every 100 */ };
    struct config_endpoint *endpoint = prepare(CONFIG_PROXY_V2);
    endpoint->proxy_timeout = TIMEOUT;
    endpoint->accepts_max = 1; /* it and a receive are what is in flight */
    clock_stop();
    start();
    struct client *client = connect_from("127.0.0.1");
    client_watch(client);
    rig_wait_for_operations(2);
    size_t sent = 0;
    for (uint64_t passed = 0; passed < TIMEOUT; passed += PERIOD) {
        trickle(client, sent++);
        trickle(client, sent++); /* when it is read, the timers of this time have run */
        assert_int_equal(rig_counter(&rig, COUNTER_REFUSED_PROXY), 0);
        clock_advance(passed + PERIOD < TIMEOUT ? PERIOD : PERIOD - ALMOST);
    }
    trickle(client, sent++);
    trickle(client, sent++);
    assert_int_equal(rig_counter(&rig, COUNTER_REFUSED_PROXY), 0);
    clock_advance(2 * ALMOST);
    expect_refused(client, COUNTER_REFUSED_PROXY);
    stop();
}

static void send_a_bad_header(uint64_t so_many_by_then)
{
    struct client *client = connect_from("127.0.0.1");
    put(client, "GET / HTTP/1.1\r\n", 16);
    client_drain(client, NULL, CLIENT_PATIENCE);
    client_close(client);
    rig_wait_for_counter(&rig, COUNTER_REFUSED_PROXY, so_many_by_then);
}

/* A flood of them is no flood of lines. */
static void test_proxy__bad_headers_are_told_once_a_minute_and_all_counted(void **state)
{
    (void)state;
    prepare(CONFIG_PROXY_BOTH);
    rig.options.log = journal_open();
    clock_stop();
    rig_start(&rig);
    for (uint64_t i = 1; i <= 3; i++) {
        send_a_bad_header(i);
    }
    journal_wait(EVENT_PROXY_HEADER_REFUSED, 1);
    clock_advance(59999);
    send_a_bad_header(4);
    journal_wait(EVENT_PROXY_HEADER_REFUSED, 1);
    clock_advance(1);
    send_a_bad_header(5);
    send_a_bad_header(6);
    journal_wait(EVENT_PROXY_HEADER_REFUSED, 2);
    assert_int_equal(rig_counter(&rig, COUNTER_REFUSED_PROXY), 6);
    stop();
    journal_close();
}

static void test_proxy__the_deadline_is_for_the_header_alone(void **state)
{
    (void)state;
    prepare(CONFIG_PROXY_V2);
    start();
    struct client *client = connect_from("127.0.0.1");
    put(client, version_2, sizeof version_2);
    rig_wait_for_counter(&rig, COUNTER_ACCEPTED, 1);
    clock_advance(100000);
    Sleep(20);
    put(client, "hello", 5);
    expect(client, "hello");
    client_close(client);
    stop();
}

static void test_proxy__who_leaves_before_the_header_was_never_here(void **state)
{
    (void)state;
    prepare(CONFIG_PROXY_V2);
    start();
    struct client *client = connect_from("127.0.0.1");
    put(client, version_2, 10);
    assert_int_equal(client_finish(client), CLIENT_OK);
    expect_refused(client, COUNTER_REFUSED_PROXY);
    stop();

    prepare(CONFIG_PROXY_V2);
    start();
    client = connect_from("127.0.0.1");
    put(client, version_2, 10);
    wait_until_it_waits();
    client_reset(client);
    rig_wait_for_counter(&rig, COUNTER_REFUSED_PROXY, 1);
    assert_int_equal(noted.opens, 0);
    stop();
}

static void test_proxy__a_stop_ends_who_still_waits_for_the_header(void **state)
{
    (void)state;
    prepare(CONFIG_PROXY_V2);
    start();
    struct client *client = connect_from("127.0.0.1");
    put(client, version_2, 10);
    wait_until_it_waits();
    engine_hurry(rig.engine);
    assert_true(rig_drain(&rig, 0));
    assert_int_equal(rig_counter(&rig, COUNTER_REFUSED_STOPPING), 1);
    assert_int_equal(rig_counter(&rig, COUNTER_ACCEPTED), 0);
    client_close(client);
    stop();
}

static void test_proxy__a_handler_may_refuse_the_client(void **state)
{
    (void)state;
    prepare(CONFIG_PROXY_V2);
    noted.refuses = 1;
    start();
    struct client *client = connect_from("127.0.0.1");
    put(client, version_2, sizeof version_2);
    client_drain(client, NULL, CLIENT_PATIENCE);
    client_close(client);
    rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_HANDLER, 1);
    stop();
}

static void put_header_and_hello(struct client *client)
{
    static const char hello[] = {'h', 'e', 'l', 'l', 'o'};
    char all[sizeof version_2 + sizeof hello];
    memcpy(all, version_2, sizeof version_2);
    memcpy(all + sizeof version_2, hello, sizeof hello);
    put(client, all, sizeof all);
}

static void test_proxy__a_client_that_is_refused_has_no_bytes(void **state)
{
    (void)state;
    prepare(CONFIG_PROXY_V2);
    noted.refuses = 1;
    start();
    struct client *client = connect_from("127.0.0.1");
    put_header_and_hello(client);
    client_drain(client, NULL, CLIENT_PATIENCE);
    client_close(client);
    rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_HANDLER, 1);
    assert_int_equal(noted.opens, 1);
    assert_int_equal(noted.datas, 0);
    stop();
}

/* What lies behind the header waits until the queue that on_open has filled has room again. */
static void test_proxy__bytes_wait_while_the_queue_is_full(void **state)
{
    (void)state;
    prepare(CONFIG_PROXY_V2)->send_buffer = 8192;
    noted.floods = 1;
    start();
    struct client *client = NULL;
    const struct pl_address to = rig_address(&rig, 0);
    assert_int_equal(client_connect(&to, NULL, 4096, CLIENT_PATIENCE, &client), CLIENT_OK);
    put_header_and_hello(client);
    rig_wait_for_counter(&rig, COUNTER_ACCEPTED, 1);
    static uint8_t got[sizeof flood];
    for (LONG received = 0; received == 0 || received < noted.floods; received += (LONG)sizeof got) {
        assert_int_equal(client_receive(client, got, sizeof got, CLIENT_PATIENCE), CLIENT_OK);
    }
    expect(client, "hello");
    assert_int_equal(noted.datas, 1);
    assert_int_equal(noted.writables_before_data, 1);
    client_close(client);
    stop();
}

/* ---- While the service is paused, or stops ---- */

static void test_proxy__nobody_comes_in_while_the_service_is_paused(void **state)
{
    (void)state;
    static const struct {
        const void *header;
        size_t length;
    } rows[] = {{version_2, sizeof version_2}, {version_2_local, sizeof version_2_local}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        prepare(CONFIG_PROXY_V2);
        start();
        struct client *client = connect_from("127.0.0.1");
        put(client, rows[i].header, 10);
        wait_until_it_waits();
        engine_pause(rig.engine);
        put(client, (const uint8_t *)rows[i].header + 10, rows[i].length - 10);
        expect_refused(client, COUNTER_REFUSED_PAUSED);
        engine_continue(rig.engine);
        client = connect_from("127.0.0.1");
        put_header_and_hello(client);
        expect(client, "hello");
        client_close(client);
        stop();
    }
}

/* A client comes, says "x" and goes; its end has been seen. True: it was answered. */
static bool visit(void)
{
    char byte = 0;
    const uint64_t before = rig_ended(&rig);
    struct client *client = connect_from("127.0.0.1");
    const bool is_answered = client_send(client, version_2, sizeof version_2, CLIENT_PATIENCE) == CLIENT_OK &&
                             client_send(client, "x", 1, CLIENT_PATIENCE) == CLIENT_OK &&
                             client_receive(client, &byte, 1, CLIENT_PATIENCE) == CLIENT_OK;
    client_close(client);
    for (const uint64_t deadline = rig_deadline(); rig_ended(&rig) == before;) {
        rig_nap(deadline, "the end of a connection");
    }
    rig_wait_for_operations(1); /* the accept: what it takes is none of the next client's */
    return is_answered;
}

/* Each call under the header fails once: it loses one connection at most, and no place. */
static void test_proxy__survives_each_call_that_fails(void **state)
{
    (void)state;
    static const struct {
        enum import import;
        DWORD code;
    } faults[] = {{IMPORT_HeapAlloc, 0}, {IMPORT_WSARecv, WSAENOBUFS}, {IMPORT_WSARecv, WSAECONNRESET}};
    struct config_endpoint *endpoint = prepare(CONFIG_PROXY_V2);
    endpoint->max_connections = 1;
    endpoint->max_connections_per_source = 1;
    endpoint->accepts_max = 1;
    rig_start(&rig);
    rig_wait_for_operations(1);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        uint32_t nth = 0;
        for (uint32_t hits = 1; hits > 0;) {
            fault_clear();
            fault_arm(faults[i].import, ++nth, faults[i].code, 1);
            visit();
            hits = fault_hits();
            fault_clear();
            assert_true(visit());
        }
        assert_in_range(nth, 2, 100); /* the first has failed, and there is a last */
    }
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_proxy__names_the_client),
        rig_test(test_proxy__header_and_bytes_may_come_in_any_pieces),
        rig_test(test_proxy__a_long_header_is_taken_whole),
        rig_test(test_proxy__health_checks_pass_as_the_proxy_itself),
        rig_test(test_proxy__is_believed_only_where_it_is_trusted),
        rig_test(test_proxy__lists_and_sources_are_about_the_client),
        rig_test(test_proxy__connections_without_a_good_header_are_reset_at_once),
        rig_test(test_proxy__a_version_that_is_not_allowed_is_none),
        rig_test(test_proxy__the_whole_header_has_a_deadline),
        rig_test(test_proxy__a_header_in_drops_is_late_as_a_whole),
        rig_test(test_proxy__bad_headers_are_told_once_a_minute_and_all_counted),
        rig_test(test_proxy__the_deadline_is_for_the_header_alone),
        rig_test(test_proxy__who_leaves_before_the_header_was_never_here),
        rig_test(test_proxy__a_stop_ends_who_still_waits_for_the_header),
        rig_test(test_proxy__a_handler_may_refuse_the_client),
        rig_test(test_proxy__a_client_that_is_refused_has_no_bytes),
        rig_test(test_proxy__bytes_wait_while_the_queue_is_full),
        rig_test(test_proxy__nobody_comes_in_while_the_service_is_paused),
        rig_test(test_proxy__survives_each_call_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
