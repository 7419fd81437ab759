/* SPDX-License-Identifier: MIT
   Handlers that block, through a running engine and real sockets: what they may count on, and that nobody else waits for
   them. What they can call: test_host_calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "connection/blocking.h"
#include "handler/echo.h"
#include "support/client.h"
#include "support/fault.h"
#include "support/rig.h"

enum { MEGABYTE = 1000000, CLIENTS = 12, ROUNDS = 20 };

/* ---- Handlers ---- */

/* What a client has of the handler. */
struct talk {
    volatile LONG inside;
    LONG opens, bytes;
};

static struct {
    const pl_host *host;
    volatile LONG opens, closes, eofs, datagrams, inside, most_inside, mistakes;
    volatile LONG nap; /* milliseconds of each on_data and on_datagram */
    volatile LONG is_silent;
    volatile LONG fulls;  /* sends that were told PL_FULL */
    volatile LONG reason; /* of the last on_close */
    uint32_t error;       /* likewise */
    LONG is_quiet;        /* half__on_data only takes */
    enum import lacks;    /* what fails at the end of a callback, so often; IMPORT_COUNT: nothing */
    uint32_t lack_times;
    volatile LONG64 told; /* bytes that on_data was given, again and again perhaps */
    HANDLE go;            /* what a callback waits for, when there is one */
} seen;

static uint8_t pattern[MEGABYTE];

static void require(bool is_right)
{
    if (!is_right) {
        InterlockedIncrement(&seen.mistakes);
    }
}

static int32_t slow__start(pl_start *start)
{
    require(start->state == NULL);
    seen.host = start->host;
    return PL_OK;
}

static int32_t slow__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    static struct talk talks[64];
    require(state == NULL && *user == NULL && info->id == id && (info->seen & PL_SESSION) == 0);
    struct talk *talk = &talks[InterlockedIncrement(&seen.opens) % 64];
    memset(talk, 0, sizeof *talk);
    talk->opens = 1;
    *user = talk;
    return PL_OK;
}

static void begin(struct talk *talk)
{
    const LONG inside = InterlockedIncrement(&seen.inside);
    require(InterlockedExchange(&talk->inside, 1) == 0 && talk->opens == 1);
    for (LONG most = seen.most_inside; inside > most; most = seen.most_inside) {
        InterlockedCompareExchange(&seen.most_inside, inside, most);
    }
}

static void end(struct talk *talk)
{
    require(InterlockedExchange(&talk->inside, 0) == 1);
    InterlockedDecrement(&seen.inside);
}

static void nap(void)
{
    if (seen.go != NULL) {
        WaitForSingleObject(seen.go, INFINITE);
    }
    if (seen.nap > 0) {
        Sleep((DWORD)seen.nap);
    }
}

static size_t slow__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state;
    begin(*user);
    nap();
    InterlockedExchangeAdd64(&seen.told, (LONG64)length);
    const int32_t result = seen.host->send(seen.host, id, at, length);
    end(*user);
    return result >= 0 ? length : 0; /* full: it comes again */
}

static void slow__on_writable(void *state, pl_id id, void **user)
{
    (void)state, (void)id;
    begin(*user);
    end(*user);
}

static void lack_memory(void)
{
    if (seen.lacks != IMPORT_COUNT) {
        fault_arm(seen.lacks, 1, ERROR_NOT_ENOUGH_MEMORY, seen.lack_times);
    }
}

/* Leaves a half of what it is given, but for a single byte. */
static size_t half__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)user;
    const size_t taken = (length + 1) / 2;
    InterlockedExchangeAdd64(&seen.told, (LONG64)length);
    if (seen.is_quiet) {
        lack_memory();
        return taken;
    }
    return seen.host->send(seen.host, id, at, taken) >= 0 ? taken : 0;
}

/* As much as is taken, whenever there is room. */
static void full__on_writable(void *state, pl_id id, void **user)
{
    (void)state, (void)user;
    int32_t result = PL_OK;
    while (result >= 0) {
        result = seen.host->send(seen.host, id, pattern, 16000);
    }
    InterlockedExchangeAdd(&seen.fulls, result == PL_FULL);
}

static size_t full__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)at;
    full__on_writable(state, id, user);
    return length;
}

static size_t none__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at, (void)length;
    return 0;
}

static void slow__on_eof(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)user;
    InterlockedIncrement(&seen.eofs);
    seen.host->send(seen.host, id, at, length); /* what was never consumed */
    seen.host->send(seen.host, id, "end", 3);
    require(seen.host->close(seen.host, id, PL_GRACEFUL) >= 0);
}

static void slow__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    (void)state;
    struct talk *talk = *user;
    fault_clear();
    require(seen.host->send(seen.host, id, "x", 1) == PL_GONE);
    require(talk != NULL);
    if (talk != NULL) {
        require(talk->opens == 1 && talk->inside == 0);
        talk->opens = 0;
    }
    seen.error = win32_error;
    InterlockedExchange(&seen.reason, reason);
    InterlockedIncrement(&seen.closes);
}

static int32_t refusing__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    slow__on_open(state, id, user, info);
    lack_memory();
    return PL_INVALID;
}

static void slow__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                              const pl_info *info)
{
    (void)state;
    require(*user == NULL && (info->seen & PL_SESSION) == 0);
    nap();
    InterlockedIncrement(&seen.datagrams);
    if (seen.is_silent == 0) {
        require(seen.host->send(seen.host, id, at, length) >= 0);
    }
}

#define SLOW(title, data)                                                                    \
    .size = sizeof(struct pl_handler), .abi_major = PL_ABI_MAJOR, .abi_minor = PL_ABI_MINOR, \
    .flags = PL_BLOCKING | PL_TCP, .name = (title), .version = "1", .summary = "for tests",  \
    .start = slow__start, .on_data = (data), .on_close = slow__on_close

static const struct pl_handler slow = {SLOW("slow", slow__on_data), .on_open = slow__on_open,
                                       .on_writable = slow__on_writable};
static const struct pl_handler stiff = {SLOW("stiff", slow__on_data), .on_open = slow__on_open};
static const struct pl_handler ending = {SLOW("ending", none__on_data), .on_open = slow__on_open,
                                         .on_eof = slow__on_eof};
static const struct pl_handler half = {SLOW("half", half__on_data), .on_open = slow__on_open,
                                       .on_writable = slow__on_writable};
static const struct pl_handler full = {SLOW("full", full__on_data), .on_open = slow__on_open,
                                       .on_writable = full__on_writable};
static const struct pl_handler none = {SLOW("none", none__on_data), .on_open = slow__on_open,
                                       .max_input = 1000};
static const struct pl_handler refusing = {SLOW("refusing", slow__on_data), .on_open = refusing__on_open};
static const struct pl_handler asked = {.size = sizeof asked,
                                        .abi_major = PL_ABI_MAJOR,
                                        .flags = PL_BLOCKING | PL_UDP,
                                        .name = "asked",
                                        .start = slow__start,
                                        .on_datagram = slow__on_datagram};
static const struct pl_handler *const handlers[] = {&slow, &stiff,    &ending, &half,         &full,
                                                    &none, &refusing, &asked,  &echo_handler, NULL};

/* ---- Fixture ---- */

static struct rig rig;
static struct client *client;
static uint8_t received[MEGABYTE];

static int prepare(void **state)
{
    memset(&seen, 0, sizeof seen);
    seen.lacks = IMPORT_COUNT;
    for (size_t i = 0; i < sizeof pattern; i++) {
        pattern[i] = (uint8_t)(i * 7 + i / 251 + 1);
    }
    return rig_setup(state);
}

static int finish(void **state)
{
    const int result = rig_teardown(state);
    return seen.mistakes != 0 ? -1 : result;
}

#define test(name) cmocka_unit_test_setup_teardown(name, prepare, finish)

static struct config_endpoint *prepare_endpoint(const char *handler, const char *listen)
{
    rig_init(&rig, handlers);
    return rig_endpoint(&rig, "test", handler, listen);
}

static struct client *connect_client(size_t index, int receive_buffer)
{
    struct client *new_client = NULL;
    const struct pl_address address = rig_address(&rig, index);
    assert_int_equal(client_connect(&address, NULL, receive_buffer, CLIENT_PATIENCE, &new_client), CLIENT_OK);
    return new_client;
}

static void start(const char *handler)
{
    prepare_endpoint(handler, "tcp://127.0.0.1:0");
    rig_start(&rig);
    client = connect_client(0, 0);
}

static void say(struct client *at, size_t length)
{
    assert_int_equal(client_send(at, pattern, length, CLIENT_PATIENCE), CLIENT_OK);
}

static void hear(struct client *at, size_t length)
{
    memset(received, 0, length);
    assert_int_equal(client_receive(at, received, length, CLIENT_PATIENCE), CLIENT_OK);
    assert_memory_equal(received, pattern, length);
}

static void wait_for(const volatile LONG *value, LONG wanted)
{
    for (const uint64_t deadline = rig_deadline(); *value < wanted;) {
        rig_nap(deadline, "a callback");
    }
}

/* ---- Connections ---- */

static void test_blocking__echoes_every_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 4096, 65536, 65537, MEGABYTE};
    start("slow");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        say(client, sizes[i]);
        hear(client, sizes[i]);
    }
    client_close(client);
    rig_stop(&rig);
    assert_int_equal(seen.opens, 1);
    assert_int_equal(seen.closes, 1);
}

static void test_blocking__waits_for_a_slow_reader(void **state)
{
    (void)state;
    prepare_endpoint("slow", "tcp://127.0.0.1:0")->send_queue = 131072;
    rig_start(&rig);
    client = connect_client(0, 4096);
    size_t sent = 0, all = 0;
    for (int quiet = 0; quiet < 20 && all < 64 * (size_t)MEGABYTE;) { /* until no more is taken */
        const enum client_result result =
            client_send_some(client, pattern + all % MEGABYTE, MEGABYTE - all % MEGABYTE, &sent);
        assert_int_equal(result, CLIENT_OK);
        quiet = sent > 0 ? 0 : quiet + 1;
        all += sent;
        Sleep(10);
    }
    for (size_t heard = 0; heard < all;) {
        const size_t next =
            MEGABYTE - heard % MEGABYTE < all - heard ? MEGABYTE - heard % MEGABYTE : all - heard;
        assert_int_equal(client_receive(client, received, next, CLIENT_PATIENCE), CLIENT_OK);
        assert_memory_equal(received, pattern + heard % MEGABYTE, next);
        heard += next;
    }
    client_close(client);
    rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_PEER, 1);
    rig_stop(&rig);
}

static void test_blocking__resets_a_slow_reader_for_who_cannot_wait(void **state)
{
    (void)state;
    prepare_endpoint("stiff", "tcp://127.0.0.1:0")->send_queue = 65536;
    rig_start(&rig);
    client = connect_client(0, 4096);
    for (const uint64_t deadline = rig_deadline(); rig_closed(&rig) == 0;) {
        size_t sent = 0;
        client_send_some(client, pattern, MEGABYTE, &sent);
        rig_nap(deadline, "the end of a slow reader");
    }
    assert_int_equal(rig_counter(&rig, COUNTER_CLOSED_SLOW_READER), 1);
    client_close(client);
    rig_stop(&rig);
    assert_int_equal(seen.reason, PL_SLOW_READER);
}

static void test_blocking__gives_back_what_was_not_consumed(void **state)
{
    (void)state;
    start("half");
    say(client, 1000);
    hear(client, 500);
    say(client, 1); /* behind the 500 that are left */
    assert_int_equal(client_receive(client, received, 251, CLIENT_PATIENCE), CLIENT_OK);
    assert_memory_equal(received, pattern + 500, 251);
    client_close(client);
    rig_stop(&rig);
}

static void test_blocking__bounds_what_is_not_consumed(void **state)
{
    (void)state;
    start("none");
    say(client, 1000);
    Sleep(50);
    assert_int_equal(rig_closed(&rig), 0);
    say(client, 1);
    rig_wait_for_counter(&rig, COUNTER_CLOSED_INPUT_FULL, 1);
    client_close(client);
    rig_stop(&rig);
    assert_int_equal(seen.reason, PL_INPUT_FULL);
}

static void test_blocking__tells_of_the_end_in_its_turn(void **state)
{
    (void)state;
    start("ending");
    seen.nap = 50;
    say(client, 10);
    assert_int_equal(client_finish(client), CLIENT_OK);
    hear(client, 10); /* as the rest */
    assert_int_equal(client_receive(client, received, 3, CLIENT_PATIENCE), CLIENT_OK);
    assert_memory_equal(received, "end", 3);
    assert_int_equal(client_receive(client, received, 1, CLIENT_PATIENCE), CLIENT_EOF);
    client_close(client);
    rig_stop(&rig);
    assert_int_equal(seen.eofs, 1);
    assert_int_equal(seen.closes, 1);
}

static void test_blocking__sends_all_before_it_ends_without_on_eof(void **state)
{
    (void)state;
    start("slow");
    seen.nap = 20;
    say(client, 200000);
    assert_int_equal(client_finish(client), CLIENT_OK);
    hear(client, 200000);
    assert_int_equal(client_receive(client, received, 1, CLIENT_PATIENCE), CLIENT_EOF);
    client_close(client);
    rig_stop(&rig);
    assert_int_equal(seen.closes, 1);
}

static void test_blocking__can_refuse(void **state)
{
    (void)state;
    start("refusing");
    client_send(client, pattern, 10, CLIENT_PATIENCE); /* unless it is reset already */
    rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_HANDLER, 1);
    client_close(client);
    rig_stop(&rig);
    assert_int_equal(seen.opens, 1);
    assert_int_equal(seen.closes, 1);
    assert_int_equal(seen.told, 0);
}

static void test_blocking__calls_for_one_client_at_a_time_and_for_several_at_once(void **state)
{
    (void)state;
    struct client *clients[CLIENTS];
    prepare_endpoint("slow", "tcp://127.0.0.1:0");
    rig.config.service.blocking_threads = 4;
    rig_start(&rig);
    seen.nap = 5;
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = connect_client(0, 0);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < CLIENTS; i++) {
            say(clients[i], 100 + i);
        }
        for (size_t i = 0; i < CLIENTS; i++) {
            hear(clients[i], 100 + i);
        }
    }
    assert_in_range(seen.most_inside, 2, 3); /* all threads but one */
    for (size_t i = 0; i < CLIENTS; i++) {
        client_close(clients[i]);
    }
    rig_stop(&rig);
    assert_int_equal(seen.opens, CLIENTS);
    assert_int_equal(seen.closes, CLIENTS);
}

/* Two endpoints on the same worker. */
static void test_blocking__keeps_nobody_else_waiting(void **state)
{
    (void)state;
    prepare_endpoint("slow", "tcp://127.0.0.1:0");
    rig_endpoint(&rig, "other", "echo", "tcp://127.0.0.1:0");
    rig_start(&rig);
    seen.go = CreateEventW(NULL, TRUE, FALSE, NULL);
    client = connect_client(0, 0);
    say(client, 10);
    wait_for(&seen.inside, 1);
    struct client *other = connect_client(1, 0);
    for (int i = 0; i < ROUNDS; i++) {
        say(other, 100);
        hear(other, 100);
    }
    assert_int_equal(seen.inside, 1);
    SetEvent(seen.go);
    hear(client, 10);
    client_close(other);
    client_close(client);
    rig_stop(&rig);
    CloseHandle(seen.go);
}

/* ---- Datagrams ---- */

static void test_blocking__answers_datagrams(void **state)
{
    (void)state;
    prepare_endpoint("asked", "udp://127.0.0.1:0");
    rig_start(&rig);
    const struct pl_address from = client_address("127.0.0.1", 0), to = rig_address(&rig, 0);
    struct client *asking = client_open_datagram(&from);
    size_t length = 0;
    for (size_t i = 1; i <= 1000; i *= 10) {
        assert_int_equal(
            client_exchange(asking, &to, pattern, i, received, sizeof received, &length, CLIENT_PATIENCE),
            CLIENT_OK);
        assert_int_equal(length, i);
        assert_memory_equal(received, pattern, i);
    }
    client_close(asking);
    rig_stop(&rig);
    assert_int_equal(seen.opens + seen.closes, 0); /* it has no sessions */
}

static void test_blocking__drops_what_does_not_fit(void **state)
{
    (void)state;
    enum { LENGTH = 1000, COUNT = 200 };
    prepare_endpoint("asked", "udp://127.0.0.1:0");
    rig_start(&rig);
    seen.is_silent = 1;
    seen.go = CreateEventW(NULL, TRUE, FALSE, NULL);
    const struct pl_address from = client_address("127.0.0.1", 0), to = rig_address(&rig, 0);
    struct client *asking = client_open_datagram(&from);
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_int_equal(client_send_datagram(asking, &to, pattern, LENGTH), CLIENT_OK);
        rig_wait_for_counter(&rig, COUNTER_DATAGRAMS_RECEIVED, i + 1); /* none is lost elsewhere */
    }
    const uint64_t dropped = rig_counter(&rig, COUNTER_DATAGRAMS_DROPPED_BUSY);
    assert_int_equal(dropped, COUNT - BLOCKING_SESSION_MOST / LENGTH);
    SetEvent(seen.go);
    wait_for(&seen.datagrams, COUNT - (LONG)dropped);
    client_close(asking);
    rig_stop(&rig);
    assert_int_equal((uint64_t)seen.datagrams + dropped, COUNT);
    CloseHandle(seen.go);
}

/* ---- The end ---- */

static void test_blocking__stops_while_it_is_busy(void **state)
{
    (void)state;
    struct client *clients[CLIENTS];
    prepare_endpoint("slow", "tcp://127.0.0.1:0");
    rig_start(&rig);
    seen.nap = 30;
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = connect_client(0, 0);
        say(clients[i], 100);
    }
    wait_for(&seen.opens, CLIENTS);
    rig_stop(&rig); /* within its patience for a callback */
    assert_int_equal(seen.closes, CLIENTS);
    for (size_t i = 0; i < CLIENTS; i++) {
        client_close(clients[i]);
    }
}

static void test_blocking__names_who_does_not_return(void **state)
{
    (void)state;
    start("slow");
    seen.go = CreateEventW(NULL, TRUE, FALSE, NULL);
    say(client, 1);
    wait_for(&seen.inside, 1);
    assert_false(rig_drain(&rig, 0));
    assert_non_null(
        strstr(rig.failure.text, "endpoint test: the handler slow has not returned from on_data"));
    SetEvent(seen.go);
    client_close(client);
    rig_stop(&rig);
    CloseHandle(seen.go);
    assert_int_equal(seen.closes, 1);
}

/* ---- Without the means ---- */

static void test_blocking__cannot_start_without_threads(void **state)
{
    (void)state;
    for (uint32_t nth = 0; nth <= 3; nth++) { /* 0: what a thread knows its client by */
        prepare_endpoint("slow", "tcp://127.0.0.1:0");
        fault_arm(nth == 0 ? IMPORT_TlsAlloc : IMPORT_CreateThread, nth == 0 ? 1 : nth,
                  ERROR_NOT_ENOUGH_MEMORY, 1);
        rig_fail(&rig);
        fault_clear();
        assert_non_null(strstr(rig.failure.text, "threads for handlers that block"));
    }
}

/* Each allocation fails once: it starts all the same, or says why not, and leaves nothing. */
static void test_blocking__starts_or_says_that_there_is_no_memory(void **state)
{
    (void)state;
    uint32_t failed = 0;
    bool is_reached = true;
    for (uint32_t nth = 1; is_reached; nth++) {
        prepare_endpoint("slow", "tcp://127.0.0.1:0");
        rig.config.service.blocking_threads = 2;
        fault_arm(IMPORT_HeapAlloc, nth, ERROR_NOT_ENOUGH_MEMORY, 1);
        const bool is_started = rig_try(&rig);
        is_reached = fault_hits() > 0;
        fault_clear();
        if (is_started) {
            rig_stop(&rig);
        } else {
            assert_non_null(strstr(rig.failure.text, "memory"));
            failed++;
        }
    }
    assert_true(failed > 5);
}

static void test_blocking__drops_a_datagram_without_memory(void **state)
{
    (void)state;
    prepare_endpoint("asked", "udp://127.0.0.1:0");
    rig_start(&rig);
    const struct pl_address from = client_address("127.0.0.1", 0), to = rig_address(&rig, 0);
    struct client *asking = client_open_datagram(&from);
    for (int i = 0; i < 2; i++) { /* the first one makes the session */
        size_t length = 0;
        assert_int_equal(
            client_exchange(asking, &to, pattern, 10, received, sizeof received, &length, CLIENT_PATIENCE),
            CLIENT_OK);
        fault_arm(IMPORT_HeapAlloc, 1, ERROR_NOT_ENOUGH_MEMORY, FAULT_FOREVER);
        assert_int_equal(client_send_datagram(asking, &to, pattern, 20), CLIENT_OK);
        rig_wait_for_counter(&rig, COUNTER_DATAGRAMS_DROPPED_BUSY, (uint64_t)i + 1);
        fault_clear();
    }
    assert_int_equal(seen.datagrams, 2);
    client_close(asking);
    rig_stop(&rig);
}

/* Whom there was no memory for was not refused by the handler. */
static void test_blocking__counts_an_open_without_memory_as_an_error(void **state)
{
    (void)state;
    prepare_endpoint("slow", "tcp://127.0.0.1:0");
    rig_start(&rig);
    for (uint32_t nth = 1; nth <= 8; nth++) {
        char byte = 0;
        rig_wait_for_operations(1); /* the last one has gone */
        fault_arm(IMPORT_HeapAlloc, nth, ERROR_NOT_ENOUGH_MEMORY, 1);
        client = connect_client(0, 0);
        client_send(client, pattern, 1, CLIENT_PATIENCE);
        client_receive(client, &byte, 1, CLIENT_PATIENCE);
        fault_clear();
        client_close(client);
    }
    rig_wait_for_operations(1);
    assert_int_equal(rig_counter(&rig, COUNTER_CLOSED_BY_HANDLER), 0);
    assert_in_range(rig_counter(&rig, COUNTER_CLOSED_ERROR), 1, 8);
    rig_stop(&rig);
    assert_int_equal(seen.opens, seen.closes);
}

/* Each allocation fails once while a client comes, speaks and goes: whatever becomes of that client, the next is served
   and nothing is lost. */
static void test_blocking__survives_without_memory(void **state)
{
    (void)state;
    prepare_endpoint("slow", "tcp://127.0.0.1:0");
    rig_start(&rig);
    for (uint32_t nth = 1; nth <= 16; nth++) {
        client = connect_client(0, 0);
        fault_arm(IMPORT_HeapAlloc, nth, ERROR_NOT_ENOUGH_MEMORY, 1);
        client_send(client, pattern, 300, CLIENT_PATIENCE);
        size_t length = 0;
        client_receive_some(client, received, 300, &length, 500);
        client_finish(client);
        fault_clear();
        client_close(client);
        client = connect_client(0, 0);
        say(client, 100);
        hear(client, 100);
        client_close(client);
    }
    rig_stop(&rig);
    assert_int_equal(seen.opens, seen.closes);
}

/* Its own end needs no memory, and bytes behind those that are lost are nobody's. */
static void test_blocking__ends_the_client_whose_bytes_are_lost(void **state)
{
    (void)state;
    static const struct {
        const char *handler;
        enum import import;
        uint32_t times;
        int32_t reason;
        uint32_t error;
        LONG64 told;
    } rows[] = {
        {"half", IMPORT_HeapAlloc, 1, PL_ERROR, ERROR_NOT_ENOUGH_MEMORY, 10}, /* for what it has left */
        {"half", IMPORT_HeapAlloc, FAULT_FOREVER, PL_ERROR, ERROR_NOT_ENOUGH_MEMORY, 10},
        {"half", IMPORT_HeapReAlloc, 1, PL_ERROR, ERROR_NOT_ENOUGH_MEMORY, 10}, /* and what came since */
        {"refusing", IMPORT_HeapAlloc, FAULT_FOREVER, PL_BY_HANDLER, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        prepare_endpoint(rows[i].handler, "tcp://127.0.0.1:0");
        rig_start(&rig);
        seen.closes = 0;
        seen.told = 0;
        seen.is_quiet = 1;
        seen.lacks = rows[i].import;
        seen.lack_times = rows[i].times;
        client = connect_client(0, 0);
        client_send(client, pattern, 10, CLIENT_PATIENCE);
        if (rows[i].import == IMPORT_HeapReAlloc) {
            for (const uint64_t deadline = rig_deadline(); seen.told < 10;) {
                rig_nap(deadline, "on_data");
            }
            client_send(client, pattern, 1, CLIENT_PATIENCE);
        }
        wait_for(&seen.closes, 1);
        assert_int_equal(seen.reason, rows[i].reason);
        assert_int_equal(seen.error, rows[i].error);
        assert_int_equal(seen.told, rows[i].told);
        client_close(client);
        rig_stop(&rig);
        seen.opens = 0;
    }
}

/* There is room again, but none to say so. */
static void test_blocking__ends_who_cannot_be_told_of_room(void **state)
{
    (void)state;
    prepare_endpoint("full", "tcp://127.0.0.1:0")->send_buffer = 8192;
    rig_start(&rig);
    client = connect_client(0, 4096);
    say(client, 1);
    wait_for(&seen.fulls, 1);
    Sleep(100); /* until W has what was sent */
    fault_arm(IMPORT_HeapAlloc, 1, ERROR_NOT_ENOUGH_MEMORY, FAULT_FOREVER);
    client_drain(client, NULL, CLIENT_PATIENCE);
    wait_for(&seen.closes, 1);
    assert_int_equal(seen.reason, PL_ERROR);
    assert_int_equal(seen.error, ERROR_NOT_ENOUGH_MEMORY);
    client_close(client);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_blocking__echoes_every_size),
        test(test_blocking__waits_for_a_slow_reader),
        test(test_blocking__resets_a_slow_reader_for_who_cannot_wait),
        test(test_blocking__gives_back_what_was_not_consumed),
        test(test_blocking__bounds_what_is_not_consumed),
        test(test_blocking__tells_of_the_end_in_its_turn),
        test(test_blocking__sends_all_before_it_ends_without_on_eof),
        test(test_blocking__can_refuse),
        test(test_blocking__calls_for_one_client_at_a_time_and_for_several_at_once),
        test(test_blocking__keeps_nobody_else_waiting),
        test(test_blocking__answers_datagrams),
        test(test_blocking__drops_what_does_not_fit),
        test(test_blocking__stops_while_it_is_busy),
        test(test_blocking__names_who_does_not_return),
        test(test_blocking__cannot_start_without_threads),
        test(test_blocking__starts_or_says_that_there_is_no_memory),
        test(test_blocking__drops_a_datagram_without_memory),
        test(test_blocking__counts_an_open_without_memory_as_an_error),
        test(test_blocking__survives_without_memory),
        test(test_blocking__ends_the_client_whose_bytes_are_lost),
        test(test_blocking__ends_who_cannot_be_told_of_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
