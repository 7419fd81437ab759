/* SPDX-License-Identifier: MIT
   Tests of engine_report.h: what a running engine tells of itself, to whomever, whatever else it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/rig.h"

#include <cmocka.h>

#include "base/text.h"
#include "engine_report.h"
#include "handler/handlers.h"
#include "support/client.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/notation.h"
#include "support/seam.h"
#include "support/support.h"

static struct rig rig;
static char reported[262144];
static size_t reported_length;

static void take(void *context, const char *at, size_t length)
{
    (void)context;
    assert_true(reported_length + length < sizeof reported);
    memcpy(reported + reported_length, at, length);
    reported_length += length;
    reported[reported_length] = '\0';
}

static const char *report_as(enum report_format format)
{
    reported_length = 0;
    assert_true(engine_report(rig.engine, format, take, NULL));
    return reported;
}

static void expect(const char *part)
{
    if (strstr(reported, part) == NULL) {
        fail_msg("lacks \"%s\":\n%s", part, reported);
    }
}

static struct client *connect_to(size_t index)
{
    const struct pl_address to = rig_address(&rig, index);
    struct client *client = NULL;
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    return client;
}

/* And it is counted. */
static void echo(struct client *client, size_t length)
{
    static char bytes[4096];
    const uint64_t before = rig_counter(&rig, COUNTER_BYTES_SENT);
    assert_int_equal(client_send(client, bytes, length, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(client, bytes, length, CLIENT_PATIENCE), CLIENT_OK);
    rig_wait_for_counter(&rig, COUNTER_BYTES_SENT, before + length);
}

/* ---- What it tells ---- */

static void begin_with(uint32_t workers)
{
    rig_init(&rig, handlers_builtin);
    rig.config.service.workers = workers;
    rig_endpoint(&rig, "web", "echo", "tcp://127.0.0.1:0");
    rig_listen(&rig, "udp://127.0.0.1:0");
    rig_endpoint(&rig, "more", "echo", "tcp://127.0.0.1:0");
    rig_endpoint(&rig, "not-here", "echo", "tcp://192.0.2.1:7777");
    rig_start(&rig);
}

static void begin(void)
{
    begin_with(3);
}

static void test_engine_report__tells_of_endpoints_and_addresses(void **state)
{
    (void)state;
    char line[160];
    begin();
    struct client *client = connect_to(0);
    echo(client, 100);
    report_as(REPORT_TEXT);
    expect(": running for 00:00:");
    expect(", 3 workers, 3 endpoints\nconfiguration of 20");
    expect("generation 1\n");
    snprintf(line, sizeof line,
             "\nweb, handler echo\n  tcp://127.0.0.1:%u listens\n  udp://127.0.0.1:%u listens\n",
             rig_at(&rig, 0).address.port, rig_at(&rig, 1).address.port);
    expect(line);
    expect("\nnot-here, handler echo\n  tcp://192.0.2.1:7777 is not bound; tried again in ");
    expect("this machine does not have that address (ipconfig");
    expect(
        "web                           tcp            1              1            0      100 B      100 B\n");
    for (int waited = 0; waited < RIG_PATIENCE && strstr(report_as(REPORT_JSON), ",\"armed\":1}") == NULL;
         waited += 10) {
        Sleep(10); /* a new accept waits soon behind the client's */
    }
    notation_check_json(report_as(REPORT_JSON), NULL, NULL);
    expect("\"state\":\"running\"");
    expect("\"state\":\"listening\",\"armed\":1}");
    expect("\"state\":\"waiting\",\"armed\":0,\"error\":10049,\"diagnosis\":\"");
    notation_check_metrics(report_as(REPORT_PROMETHEUS));
    expect("portlistener_connections_active{endpoint=\"web\"} 1\n");
    expect("portlistener_received_bytes_total{endpoint=\"web\"} 100\n");
    expect("portlistener_received_bytes_total{endpoint=\"more\"} 0\n");
    expect("portlistener_listeners{endpoint=\"not-here\",state=\"waiting\"} 1\n");
    client_close(client);
    rig_stop(&rig);
}

static void test_engine_report__tells_whom_the_endpoints_serve(void **state)
{
    struct text lines;
    struct config_endpoint *web = NULL;
    struct address_prefix network = {.address = {.family = 4, .ip = {127}}, .length = 8};
    (void)state;
    rig_init(&rig, handlers_builtin);
    rig_endpoint(&rig, "web", "echo", "tcp://127.0.0.1:0");
    rig_listen(&rig, "udp://127.0.0.1:0");
    rig_endpoint(&rig, "more", "discard", "tcp://192.0.2.1:7777");
    web = &rig.config.endpoints[0];
    web->allow = (struct config_prefixes){&network, 1};
    web->deny = (struct config_prefixes){&network, 1};
    web->proxy_protocol = CONFIG_PROXY_V2;
    rig_start(&rig);
    text_init_heap(&lines);
    assert_true(engine_report_access(rig.engine, &lines));
    assert_non_null(strstr(lines.at, "endpoint web\nhandler echo\nproxied yes\nallow 127.0.0.0/8\n"
                                     "deny 127.0.0.0/8\n"));
    assert_non_null(strstr(lines.at, "endpoint more\nhandler discard\n"));
    text_fini(&lines);
    text_init_heap(&lines);
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_false(engine_report_access(rig.engine, &lines));
    fault_clear();
    text_fini(&lines);
    web->allow = web->deny = (struct config_prefixes){NULL, 0};
    rig_stop(&rig);
}

static void test_engine_report__tells_how_the_service_stands(void **state)
{
    (void)state;
    begin();
    engine_pause(rig.engine);
    notation_check_json(report_as(REPORT_JSON), NULL, NULL);
    expect("\"state\":\"paused\"");
    expect("\"paused\":true");
    engine_continue(rig.engine);
    report_as(REPORT_JSON);
    expect("\"state\":\"running\"");
    rig_drain(&rig, 0);
    notation_check_json(report_as(REPORT_JSON), NULL, NULL);
    expect("\"state\":\"stopping\"");
    expect("\"listeners\":[]");
    rig_stop(&rig);
}

static void test_engine_report__tells_what_the_logs_lost(void **state)
{
    (void)state;
    rig_init(&rig, handlers_builtin);
    rig_endpoint(&rig, "web", "echo", "tcp://127.0.0.1:0");
    rig_start(&rig);
    report_as(REPORT_JSON);
    expect("\"log\":{\"lines_dropped\":0},\"access_log\":null");
    rig_stop(&rig);
}

/* ---- What adds up ---- */

enum { CLIENTS = 12 };

/* Of each endpoint what its clients have seen, to the byte, whichever workers had them; and all of it in the totals. */
static void test_engine_report__has_each_endpoint_to_the_byte(void **state)
{
    (void)state;
    struct client *clients[CLIENTS];
    uint64_t bytes[3] = {0};
    begin();
    const size_t places[] = {0, 2}; /* sockets of "web" and "more" */
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = connect_to(places[i % 2]);
        for (size_t k = 0; k <= i; k++) {
            echo(clients[i], 10 * i + 1);
            bytes[places[i % 2]] += 10 * i + 1;
        }
    }
    for (size_t i = 0; i < CLIENTS; i += 3) {
        client_close(clients[i]);
    }
    rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_PEER, CLIENTS / 3);
    static const char *const names[] = {"web", NULL, "more"};
    for (size_t i = 0; i < 3; i += 2) {
        assert_int_equal(rig_endpoint_counter(&rig, names[i], COUNTER_ACCEPTED), CLIENTS / 2);
        assert_int_equal(rig_endpoint_counter(&rig, names[i], COUNTER_CLOSED_BY_PEER), CLIENTS / 6);
        assert_int_equal(rig_endpoint_counter(&rig, names[i], COUNTER_BYTES_RECEIVED), bytes[i]);
        assert_int_equal(rig_endpoint_counter(&rig, names[i], COUNTER_BYTES_SENT), bytes[i]);
    }
    assert_int_equal(rig_counter(&rig, COUNTER_BYTES_SENT), bytes[0] + bytes[2]);
    assert_int_equal(rig_counter(&rig, COUNTER_ACCEPTED), CLIENTS);
    uint64_t sums[COUNTER_COUNT];
    assert_false(engine_endpoint_counters(rig.engine, "none", sums));
    report_as(REPORT_PROMETHEUS);
    expect("portlistener_connections_active{endpoint=\"web\"} 4\n");
    expect("portlistener_connections_active{endpoint=\"more\"} 4\n");
    rig_stop(&rig);
}

/* Datagrams and sessions likewise, and what failed belongs to the endpoint that it happened to. */
static void test_engine_report__has_datagrams_of_their_endpoint(void **state)
{
    (void)state;
    char answer[64];
    size_t length = 0;
    begin();
    const struct pl_address any = client_address("127.0.0.1", 0), to = rig_address(&rig, 1);
    struct client *client = client_open_datagram(&any);
    for (size_t i = 1; i <= 5; i++) {
        assert_int_equal(client_send_datagram(client, &to, "abcdefgh", i), CLIENT_OK);
        assert_int_equal(
            client_receive_datagram(client, answer, sizeof answer, &length, NULL, CLIENT_PATIENCE),
            CLIENT_OK);
    }
    rig_wait_for_counter(&rig, COUNTER_DATAGRAMS_SENT, 5);
    assert_int_equal(rig_endpoint_counter(&rig, "web", COUNTER_DATAGRAMS_RECEIVED), 5);
    assert_int_equal(rig_endpoint_counter(&rig, "web", COUNTER_DATAGRAM_BYTES_SENT), 15);
    assert_int_equal(rig_endpoint_counter(&rig, "more", COUNTER_DATAGRAMS_RECEIVED), 0);
    fault_arm(IMPORT_AcceptEx, 1, WSAENOBUFS, 1);
    for (size_t i = 0; i < 2; i++) {
        struct client *other = connect_to(2);
        echo(other, 1);
        client_close(other);
    }
    rig_wait_for_counter(&rig, COUNTER_ACCEPT_FAILURES, 1);
    assert_int_equal(rig_endpoint_counter(&rig, "more", COUNTER_ACCEPT_FAILURES), 1);
    assert_int_equal(rig_endpoint_counter(&rig, "web", COUNTER_ACCEPT_FAILURES), 0);
    rig_stop(&rig);
}

/* One client of "more" in a new engine, in which the allocation of this number fails; whether it was counted as nobody's. */
static bool is_unattributed(uint32_t nth)
{
    begin_with(1);
    rig_wait_for_operations(3);
    fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
    struct client *client = connect_to(2);
    for (const uint64_t deadline = rig_deadline();
         rig_counter(&rig, COUNTER_ACCEPTED) == 0 && rig_ended(&rig) == 0;) {
        rig_nap(deadline, "the client");
    }
    fault_clear();
    client_close(client);
    const bool is_unattributed =
        rig_counter(&rig, COUNTER_ACCEPTED) > rig_endpoint_counter(&rig, "more", COUNTER_ACCEPTED);
    if (is_unattributed) {
        report_as(REPORT_PROMETHEUS);
        expect("portlistener_connections_accepted_total 1\n");
    }
    rig_stop(&rig);
    return is_unattributed;
}

/* A worker that has no memory for an endpoint's row counts what happens there as nobody's; nothing is lost. */
static void test_engine_report__loses_nothing_without_memory_for_a_row(void **state)
{
    (void)state;
    uint32_t nth = 1;
    while (nth < 16 && !is_unattributed(nth)) {
        nth++;
    }
    assert_in_range(nth, 1, 15);
}

/* ---- What waits ---- */

/* What the echo has taken and not given to the network waits here, to the byte. */
static uint64_t count_queued_bytes(void)
{
    uint64_t in, out, waits;
    for (const uint64_t deadline = rig_deadline();;) {
        in = rig_counter(&rig, COUNTER_BYTES_RECEIVED);
        out = rig_counter(&rig, COUNTER_BYTES_SENT);
        waits = rig_counter(&rig, COUNTER_BYTES_QUEUED);
        if (in == out + waits && in == rig_counter(&rig, COUNTER_BYTES_RECEIVED)) {
            return waits;
        }
        rig_nap(deadline, "counters that go together");
    }
}

static void wait_for_none_queued(void)
{
    for (const uint64_t deadline = rig_deadline(); rig_counter(&rig, COUNTER_BYTES_QUEUED) != 0;) {
        rig_nap(deadline, "no queued bytes");
    }
}

enum { FLOOD = 65536 };

/* Sends until the echo does not come in any more, and reads nothing. */
static uint64_t flood(struct client *client)
{
    static char bytes[FLOOD];
    const uint64_t before = rig_counter(&rig, COUNTER_BYTES_RECEIVED);
    uint64_t sent = 0;
    while (count_queued_bytes() == 0) { /* else nobody takes what is sent */
        assert_int_equal(client_send(client, bytes, sizeof bytes, CLIENT_PATIENCE), CLIENT_OK);
        sent += sizeof bytes;
        rig_wait_for_counter(&rig, COUNTER_BYTES_RECEIVED, before + sent);
    }
    return sent;
}

static void test_engine_report__has_the_bytes_that_wait_for_clients(void **state)
{
    (void)state;
    char line[80];
    static char bytes[FLOOD];
    begin();
    struct client *reader = connect_to(0), *other = connect_to(0);
    uint64_t sent = flood(reader);
    const uint64_t queued = count_queued_bytes();
    assert_int_equal(rig_endpoint_counter(&rig, "web", COUNTER_BYTES_QUEUED), queued);
    assert_int_equal(rig_endpoint_counter(&rig, "more", COUNTER_BYTES_QUEUED), 0);
    report_as(REPORT_PROMETHEUS);
    snprintf(line, sizeof line, "portlistener_queued_bytes{endpoint=\"web\"} %llu\n",
             (unsigned long long)queued);
    expect(line);
    report_as(REPORT_TEXT);
    expect("KB wait for clients to take them\n");
    for (; sent > 0; sent -= sizeof bytes) {
        assert_int_equal(client_receive(reader, bytes, sizeof bytes, CLIENT_PATIENCE), CLIENT_OK);
    }
    wait_for_none_queued();
    flood(other);
    client_reset(other); /* nobody takes them any more */
    wait_for_none_queued();
    client_close(reader);
    rig_stop(&rig);
}

/* Whichever worker: probes come, and none is lost. */
static void test_engine_report__has_the_delay_of_each_worker(void **state)
{
    (void)state;
    begin();
    for (const uint64_t deadline = rig_deadline(); strstr(report_as(REPORT_JSON), "\"probes\":0") != NULL;) {
        rig_nap(deadline, "a probe of each worker");
    }
    expect("\"worker_queue_delay\":[{\"worker\":0,\"latest_us\":");
    expect("{\"worker\":2,\"latest_us\":");
    report_as(REPORT_TEXT);
    expect("\nmessages wait ");
    rig_stop(&rig);
}

/* ---- Whoever asks ---- */

/* A handler that asks in each of its callbacks. */
static volatile LONG asked, answered;
static const pl_host *asker_host;

static void drop(void *context, const char *at, size_t length)
{
    (void)context, (void)at, (void)length;
}

static void ask(void)
{
    InterlockedIncrement(&asked);
    if (asker_host->report(asker_host, PL_REPORT_JSON, drop, NULL) == PL_OK) {
        InterlockedIncrement(&answered);
    }
}

/* The lock of the engine is held here. */
static int32_t asker__start(pl_start *start)
{
    asker_host = start->host;
    ask();
    return start->host->report(start->host, PL_REPORT_PROMETHEUS + 1, drop, NULL) == PL_INVALID ? 0 : -1;
}

static int32_t asker__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    (void)state, (void)id, (void)user, (void)info;
    ask();
    return 0;
}

static size_t asker__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at;
    ask();
    return length;
}

static void asker__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t error)
{
    (void)state, (void)id, (void)user, (void)reason, (void)error;
    ask();
}

static void asker__stop(void *state)
{
    (void)state;
    ask();
}

static const struct pl_counter asker_counters[] = {{"questions", "questions", "that were asked"}};

static const struct pl_handler asker = {.size = sizeof(struct pl_handler),
                                        .abi_major = PL_ABI_MAJOR,
                                        .abi_minor = PL_ABI_MINOR,
                                        .flags = PL_TCP,
                                        .name = "asker",
                                        .version = "1.0",
                                        .summary = "asks how the service stands",
                                        .start = asker__start,
                                        .on_open = asker__on_open,
                                        .on_data = asker__on_data,
                                        .on_close = asker__on_close,
                                        .stop = asker__stop,
                                        .counters = asker_counters,
                                        .counter_size = sizeof asker_counters[0],
                                        .counter_count = 1};
static const struct pl_handler *const askers[] = {&asker, NULL};

static void test_engine_report__may_be_asked_for_in_callbacks(void **state)
{
    (void)state;
    asked = answered = 0;
    rig_init(&rig, askers);
    rig_endpoint(&rig, "web", "asker", "tcp://127.0.0.1:0");
    rig_start(&rig);
    struct client *client = connect_to(0);
    assert_int_equal(client_send(client, "x", 1, CLIENT_PATIENCE), CLIENT_OK);
    for (const uint64_t deadline = rig_deadline(); asked < 3;) {
        rig_nap(deadline, "questions");
    }
    report_as(REPORT_PROMETHEUS);
    expect("# HELP portlistener_asker_questions_total that were asked\n");
    expect("portlistener_asker_questions_total{endpoint=\"web\"} 0\n");
    client_close(client);
    rig_stop(&rig);
    assert_int_equal(asked, 5); /* start, on_open, on_data, on_close, stop */
    assert_int_equal(answered, 5);
}

/* A report within a report: the sink is called when nothing is held. */
static void ask_again(void *context, const char *at, size_t length)
{
    (void)context, (void)at, (void)length;
    asked++;
    answered += engine_report(rig.engine, REPORT_JSON, drop, NULL);
}

static void test_engine_report__may_be_asked_for_by_its_sink(void **state)
{
    (void)state;
    asked = answered = 0;
    begin();
    assert_true(engine_report(rig.engine, REPORT_PROMETHEUS, ask_again, NULL));
    assert_true(asked > 1);
    assert_int_equal(answered, asked);
    rig_stop(&rig);
}

static volatile LONG gate_is_shut, waits_at_gate;

static int WSAAPI bind_at_gate(SOCKET s, const struct sockaddr *address, int length)
{
    while (InterlockedCompareExchange(&gate_is_shut, 0, 0) != 0) {
        InterlockedExchange(&waits_at_gate, 1);
        Sleep(1);
    }
    return SEAM_REAL(bind)(s, address, length);
}

/* The control thread holds the engine's lock while it binds, for as long as that takes. */
static void test_engine_report__does_not_wait_for_the_control_thread(void **state)
{
    (void)state;
    begin();
    gate_is_shut = 1;
    waits_at_gate = 0;
    seam_replace(IMPORT_bind, (seam_function)bind_at_gate);
    for (const uint64_t deadline = rig_deadline(); waits_at_gate == 0;) {
        rig_nap(deadline, "another try to bind");
    }
    report_as(REPORT_TEXT);
    expect("not-here, handler echo\n  tcp://192.0.2.1:7777 is not bound");
    gate_is_shut = 0;
    rig_stop(&rig);
}

static void test_engine_report__needs_memory(void **state)
{
    (void)state;
    begin();
    for (uint32_t nth = 1; nth <= 5; nth++) {
        reported_length = 0;
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        assert_false(engine_report(rig.engine, REPORT_JSON, take, NULL));
        fault_clear();
        assert_int_equal(reported_length, 0);
    }
    bool is_empty =
        false; /* the words of a diagnosis; the system's text of the error may be the one before */
    for (uint32_t tries = 0; tries < 20 && !is_empty; tries++) {
        reported_length = 0;
        fault_arm(IMPORT_HeapAlloc, 6 + tries % 2, 0, 1);
        assert_true(engine_report(rig.engine, REPORT_JSON, take, NULL));
        fault_clear();
        is_empty = strstr(reported, "\"diagnosis\":\"\"") != NULL;
    }
    assert_true(is_empty);
    rig_stop(&rig);
}

/* ---- While everything goes on ---- */

static volatile LONG is_over;

static DWORD WINAPI connect_and_go(void *argument)
{
    const struct pl_address to = *(const struct pl_address *)argument;
    while (is_over == 0) {
        struct client *client = NULL;
        if (client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client) == CLIENT_OK) {
            client_close(client);
        }
    }
    return 0;
}

/* No look ever finds more ends than beginnings, nor less of anything than the look before. */
static void test_engine_report__never_goes_back(void **state)
{
    (void)state;
    begin();
    is_over = 0;
    const struct pl_address to = rig_address(&rig, 0);
    const HANDLE thread = CreateThread(NULL, 0, connect_and_go, (void *)(uintptr_t)&to, 0, NULL);
    assert_non_null(thread);
    uint64_t before[COUNTER_COUNT] = {0};
    for (int looks = 0; looks < 2000 || before[COUNTER_ACCEPTED] < 20; looks++) {
        uint64_t now[COUNTER_COUNT];
        assert_true(engine_endpoint_counters(rig.engine, "web", now));
        assert_true(now[COUNTER_ACCEPTED] >= report_family_total(now, FAMILY_CONNECTIONS_CLOSED));
        for (enum counter i = 0; i < COUNTER_COUNT; i++) {
            assert_true(now[i] >= before[i] || family_is_level(counter_row(i)->family));
        }
        memcpy(before, now, sizeof before);
        Sleep(looks >= 2000 ? 1 : 0);
    }
    is_over = 1;
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_engine_report__tells_of_endpoints_and_addresses),
        rig_test(test_engine_report__tells_whom_the_endpoints_serve),
        rig_test(test_engine_report__tells_how_the_service_stands),
        rig_test(test_engine_report__tells_what_the_logs_lost),
        rig_test(test_engine_report__has_each_endpoint_to_the_byte),
        rig_test(test_engine_report__has_datagrams_of_their_endpoint),
        rig_test(test_engine_report__loses_nothing_without_memory_for_a_row),
        rig_test(test_engine_report__has_the_bytes_that_wait_for_clients),
        rig_test(test_engine_report__has_the_delay_of_each_worker),
        rig_test(test_engine_report__may_be_asked_for_in_callbacks),
        rig_test(test_engine_report__may_be_asked_for_by_its_sink),
        rig_test(test_engine_report__does_not_wait_for_the_control_thread),
        rig_test(test_engine_report__needs_memory),
        rig_test(test_engine_report__never_goes_back),
    };
    return cmocka_run_group_tests_name("engine_report", tests, NULL, NULL);
}
