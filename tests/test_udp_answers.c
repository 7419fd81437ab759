/* SPDX-License-Identifier: MIT
   Tests of connection/udp_endpoint.c: which answers are allowed, so that nobody can use an endpoint to flood others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/address.h"
#include "handler/echo.h"
#include "io/network.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/deaths.h"
#include "support/fault.h"
#include "support/forge.h"
#include "support/journal.h"
#include "support/ledger.h"
#include "support/loopback.h"
#include "support/random.h"
#include "support/rig.h"
#include "support/seam.h"

enum { LARGEST = 65507 };

/* ---- A handler that answers as it is told ---- */

static struct maker {
    volatile LONG count;   /* datagrams */
    volatile LONG answers; /* to each, */
    volatile LONG percent; /* so many bytes for a hundred */
    volatile LONG allowed;
    volatile LONG refused;
    uint32_t seen; /* of the last one */
    uint32_t answer;
    size_t length;
} maker;

static uint8_t bytes[LARGEST];

static int32_t maker__start(pl_start *start)
{
    start->state = (void *)(uintptr_t)start->host;
    return PL_OK;
}

static void maker__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                               const pl_info *info)
{
    const pl_host *host = state;
    (void)user, (void)at;
    const size_t wanted = length * (size_t)maker.percent / 100;
    maker.seen = info->seen;
    maker.answer = info->answer;
    maker.length = length;
    for (LONG i = 0; i < maker.answers; i++) {
        const int32_t result = host->send(host, id, bytes, wanted < LARGEST ? wanted : LARGEST);
        InterlockedExchangeAdd(result == PL_OK ? &maker.allowed : &maker.refused, 1);
        InterlockedExchangeAdd(&maker.allowed, result != PL_OK && result != PL_LIMIT ? 1000000 : 0);
    }
    InterlockedIncrement(&maker.count);
}

static const struct pl_handler maker_handler = {.size = sizeof(struct pl_handler),
                                                .abi_major = PL_ABI_MAJOR,
                                                .abi_minor = PL_ABI_MINOR,
                                                .flags = PL_UDP,
                                                .name = "maker",
                                                .start = maker__start,
                                                .on_datagram = maker__on_datagram};

static const struct pl_handler relay_handler = {.size = sizeof(struct pl_handler),
                                                .abi_major = PL_ABI_MAJOR,
                                                .abi_minor = PL_ABI_MINOR,
                                                .flags = PL_UDP | PL_RELAY,
                                                .name = "relay",
                                                .start = maker__start,
                                                .on_datagram = maker__on_datagram};

static const struct pl_handler *const handlers[] = {&maker_handler, &relay_handler, &echo_handler, NULL};

static struct rig rig;
static struct client *client;

static struct config_endpoint *prepare(const char *handler, const char *listen)
{
    rig_init(&rig, handlers);
    maker.answers = 1;
    maker.percent = 100;
    return rig_endpoint(&rig, "u", handler, listen);
}

static void start(void)
{
    const struct pl_address from = client_address("127.0.0.1", 0);
    rig_start(&rig);
    client = client_open_datagram(&from);
    assert_non_null(client);
}

static void stop(void)
{
    client_close(client);
    rig_stop(&rig);
    maker = (struct maker){0};
}

static int setup(void **state)
{
    maker = (struct maker){0};
    return rig_setup(state);
}

#define answers_test(test) cmocka_unit_test_setup_teardown(test, setup, rig_teardown)

static void wait_for(LONG count)
{
    const uint64_t deadline = rig_deadline();
    while (maker.count < count) {
        rig_nap(deadline, "datagrams at the handler");
    }
    assert_int_equal(maker.count, count);
}

/* One datagram, and its handler's answers. */
static void ask(size_t length)
{
    const struct pl_address to = rig_address(&rig, 0);
    const LONG count = maker.count;
    assert_int_equal(client_send_datagram(client, &to, bytes, length), CLIENT_OK);
    wait_for(count + 1);
    assert_int_equal(maker.length, length);
}

/* The worker reads the clock once a turn: that of the last datagram must be over. */
static void pass(uint64_t milliseconds)
{
    rig_wait_for_operations(1);
    clock_advance(milliseconds);
}

/* How many answers were allowed since the last call, and how many refused. */
static void assert_answers(LONG allowed, LONG refused)
{
    assert_int_equal(InterlockedExchange(&maker.allowed, 0), allowed);
    assert_int_equal(InterlockedExchange(&maker.refused, 0), refused);
}

/* ---- reply_limit ---- */

static void test_answers__what_is_over_the_limit_is_dropped_whole(void **state)
{
    (void)state;
    prepare("maker", "udp://127.0.0.1:0");
    rig.options.log = journal_open();
    start();
    char answer[300];
    size_t got = 0;
    maker.percent = 101;
    ask(100);
    assert_answers(0, 1);
    journal_wait(EVENT_ANSWER_DROPPED, 1);
    journal_assert_last(EVENT_ANSWER_DROPPED, "an answer to 127.0.0.1:");
    journal_assert_last(EVENT_ANSWER_DROPPED, "was dropped: reply_limit = 1.0 allows no more");
    assert_int_equal(rig_counter(&rig, COUNTER_ANSWERS_DROPPED_REPLY_LIMIT), 1);
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_SENT), 0);
    maker.percent = 100;
    ask(10); /* what was dropped did not cost anything, nor does it come */
    assert_answers(1, 0);
    assert_int_equal(client_receive_datagram(client, answer, sizeof answer, &got, NULL, CLIENT_PATIENCE),
                     CLIENT_OK);
    assert_int_equal(got, 10);
    assert_int_equal(maker.seen, 0);
    stop();
    journal_close();
}

static void test_answers__credit_begins_with_the_first_datagram_and_dies_in_silence(void **state)
{
    (void)state;
    prepare("maker", "udp://127.0.0.1:0");
    start();
    maker.answers = 0;
    for (int i = 0; i < 9; i++) {
        ask(100);
    }
    maker.answers = 1;
    maker.percent = 1000;
    ask(100); /* ten in all: just enough */
    assert_answers(1, 0);
    ask(1);
    assert_answers(0, 1);
    maker.answers = 0;
    ask(1000);
    pass(29000);
    maker.answers = 1;
    maker.percent = 100100;
    ask(1); /* 1001 of 1002 */
    assert_answers(1, 0);
    maker.answers = 0;
    ask(1000);
    pass(31000);
    maker.answers = 1;
    ask(1);
    assert_answers(0, 1);
    stop();
}

static void test_answers__the_limit_is_the_endpoints_own(void **state)
{
    (void)state;
    static const struct {
        uint32_t limit;
        LONG percent;
        LONG allowed;    /* of three */
        uint32_t answer; /* what the handler is told */
    } rows[] = {
        {0, 10000, 3, LARGEST}, {10000, 1000, 1, 1000}, {10000, 300, 3, 1000}, {10000, 1001, 0, 1000},
        {500, 50, 1, 50},       {500, 51, 0, 50},       {1500, 50, 3, 150},    {1000000, 100000, 1, LARGEST}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        prepare("maker", "udp://127.0.0.1:0")->reply_limit = rows[i].limit;
        start();
        maker.answers = 3;
        maker.percent = rows[i].percent;
        ask(100);
        assert_answers(rows[i].allowed, 3 - rows[i].allowed);
        assert_int_equal(maker.answer, rows[i].answer);
        assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_SENT), rows[i].allowed);
        assert_int_equal(rig_counter(&rig, COUNTER_ANSWERS_DROPPED_REPLY_LIMIT), 3 - rows[i].allowed);
        stop();
    }
}

static void test_answers__a_relay_has_no_limit(void **state)
{
    (void)state;
    prepare("relay", "udp://127.0.0.1:0");
    start();
    maker.answers = 3;
    maker.percent = 1000;
    ask(100);
    assert_answers(3, 0);
    stop();
}

static void test_answers__credit_is_kept_for_as_many_clients_as_sessions_may_be(void **state)
{
    (void)state;
    const struct pl_address from = client_address("127.0.0.1", 0);
    prepare("maker", "udp://127.0.0.1:0")->udp_sessions_max = 1;
    start();
    struct client *first = client, *second = client_open_datagram(&from);
    for (int i = 0; i < 2; i++) { /* the second takes the first one's place */
        client = i == 0 ? first : second;
        maker.answers = 0;
        ask(100);
    }
    maker.answers = 1;
    maker.percent = 10000;
    client = first;
    ask(1);
    assert_answers(0, 1);
    client = second;
    maker.answers = 0;
    ask(100); /* whose credit the first one's last byte has taken */
    maker.answers = 1;
    ask(1);
    assert_answers(1, 0);
    client_close(first);
    stop();
}

/* Memory comes back, though nobody asks any more. */
static void test_answers__an_idle_endpoint_forgets_its_clients(void **state)
{
    (void)state;
    prepare("maker", "udp://127.0.0.1:0");
    start();
    ask(1);
    rig_wait_for_operations(1);
    const size_t blocks = ledger_count(LEDGER_BLOCK);
    maker.answers = 0;
    ask(1000);
    rig_wait_for_operations(1);
    assert_true(ledger_count(LEDGER_BLOCK) > blocks);
    ask(1000);
    pass(20000);
    ask(1000);
    const uint64_t deadline = rig_deadline();
    while (ledger_count(LEDGER_BLOCK) != blocks) {
        clock_advance(1000);
        rig_nap(deadline, "the memory of a client");
    }
    stop();
}

/* Everything that a client sends and is sent, counted by itself. */
static uint64_t drain(void)
{
    static char answer[LARGEST + 1];
    uint64_t sum = 0;
    size_t got = 0;
    const LONG64 sent = (LONG64)rig_counter(&rig, COUNTER_DATAGRAMS_SENT);
    static LONG64 taken;
    for (taken = 0; taken < sent; taken++) {
        assert_int_equal(client_receive_datagram(client, answer, sizeof answer, &got, NULL, CLIENT_PATIENCE),
                         CLIENT_OK);
        sum += got;
    }
    return sum;
}

static void test_answers__random_traffic_is_never_amplified(void **state)
{
    (void)state;
    static const LONG percents[] = {100, 1000, 0, 99, 150, 1};
    struct random random = {42};
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        prepare("maker", "udp://127.0.0.1:0");
        start();
        uint64_t asked = 0;
        maker.percent = percents[i];
        for (int step = 0; step < 60; step++) {
            const size_t length = random_below(&random, random_below(&random, 2) == 0 ? 20 : 1400);
            maker.answers = (LONG)random_below(&random, 3);
            ask(length);
            asked += length;
        }
        assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAM_BYTES_RECEIVED), asked);
        const uint64_t answered = drain();
        assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAM_BYTES_SENT), answered);
        assert_true(answered <= asked);
        assert_true(answered > 0 || percents[i] == 0);
        assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_SENT), maker.allowed);
        assert_int_equal(rig_counter(&rig, COUNTER_ANSWERS_DROPPED_REPLY_LIMIT), maker.refused);
        stop();
    }
}

static void test_answers__the_built_in_echo_answers_as_much_as_it_is_asked(void **state)
{
    (void)state;
    static char answer[LARGEST + 1];
    struct random random = {43};
    prepare("echo", "udp://127.0.0.1:0");
    start();
    const struct pl_address to = rig_address(&rig, 0);
    uint64_t asked = 0;
    for (int step = 0; step < 100; step++) {
        const size_t length = step % 10 == 0 ? 0 : random_below(&random, step % 10 == 1 ? LARGEST + 1 : 1500);
        size_t got = 1;
        asked += length;
        assert_int_equal(
            client_exchange(client, &to, bytes, length, answer, sizeof answer, &got, CLIENT_PATIENCE),
            CLIENT_OK);
        assert_int_equal(got, length);
    }
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAM_BYTES_RECEIVED), asked);
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAM_BYTES_SENT), asked);
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_SENT), 100);
    assert_int_equal(rig_counter(&rig, COUNTER_ANSWERS_DROPPED_REPLY_LIMIT), 0);
    stop();
}

/* ---- No answer at all ---- */

/* A forged datagram reaches the handler; `counter` counts the refused answer, COUNTER_COUNT: it is sent. */
static void assert_forged(const struct forgery *forgery, enum counter counter)
{
    const LONG count = swallowed.count;
    const uint64_t before = counter != COUNTER_COUNT ? rig_counter(&rig, counter) : 0;
    rig_wait_for_operations(rig_count(&rig));
    forge(forgery, 1);
    ask(20);
    if (counter == COUNTER_COUNT) {
        assert_answers(1, 0);
        assert_int_equal(maker.seen, 0);
        assert_int_equal(swallowed.count, count + 1);
        assert_true(forgery->peer.family == 0 || address_equal(&swallowed.to, &forgery->peer));
        assert_int_equal(swallowed.length, 20);
    } else {
        assert_answers(0, 1);
        assert_int_equal(maker.seen, PL_NO_REPLY);
        assert_int_equal(maker.answer, 0);
        assert_int_equal(swallowed.count, count);
        assert_int_equal(rig_counter(&rig, counter), before + 1);
    }
}

static void test_answers__none_to_what_was_sent_to_many(void **state)
{
    (void)state;
    static const struct {
        const char *local;
        DWORD flags;
        bool is_mute;
    } rows[] = {
        {"127.0.0.1", 0, false},
        {"127.0.0.1", MSG_BCAST, true},
        {"127.0.0.1", MSG_MCAST, true},
        {"255.255.255.255", 0, true},
        {"127.255.255.255", 0, true},
        {"224.0.0.1", 0, true},
        {"239.255.255.255", 0, true},
        {"255.255.255.255", MSG_BCAST, true},
        {"ff02::1", 0, true},
        {"ff05::1:3", MSG_MCAST, true},
        {"::1", 0, false},
        {"::1", MSG_BCAST, true},
        {"192.0.2.255", 0, false},
        {"192.0.2.255", MSG_BCAST, true},
        {"0.0.0.0", 0, false},
    };
    prepare("maker", "udp://*:0");
    start();
    forge_swallow();
    const struct pl_address v6 = client_address("::1", 0), to = rig_address(&rig, 0);
    client_close(client);
    client = client_open_datagram(&v6);
    assert_int_equal(to.family, 6);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct forgery forgery = {.local = client_address(rows[i].local, 0), .flags = rows[i].flags};
        assert_forged(&forgery, rows[i].is_mute ? COUNTER_ANSWERS_DROPPED_BROADCAST : COUNTER_COUNT);
    }
    stop();
}

/* A real one: Linux delivers what is sent to a network's broadcast address on loopback, too; Windows may not. */
static void test_answers__none_to_a_broadcast_on_loopback(void **state)
{
    (void)state;
    const BOOL yes = TRUE;
    SOCKADDR_STORAGE to;
    if (GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") == NULL) {
        skip();
    }
    prepare("maker", "udp://0.0.0.0:0");
    start();
    const struct pl_address all = client_address("127.255.255.255", rig_at(&rig, 0).address.port);
    const int length = network_address_to(&all, AF_INET, &to);
    const SOCKET s = SEAM_REAL(WSASocketW)(AF_INET, SOCK_DGRAM, IPPROTO_UDP, NULL, 0, 0);
    assert_int_equal(SEAM_REAL(setsockopt)(s, SOL_SOCKET, SO_BROADCAST, (const char *)&yes, sizeof yes), 0);
    assert_int_equal(SEAM_REAL(sendto)(s, "hello", 5, 0, (SOCKADDR *)&to, length), 5);
    wait_for(1);
    assert_int_equal(maker.seen, PL_NO_REPLY);
    assert_int_equal(maker.answer, 0);
    assert_answers(0, 1);
    assert_int_equal(rig_counter(&rig, COUNTER_ANSWERS_DROPPED_BROADCAST), 1);
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_SENT), 0);
    SEAM_REAL(closesocket)(s);
    stop();
}

static void test_answers__none_to_services_that_would_answer_them(void **state)
{
    (void)state;
    static const uint16_t mute[] = {0, 7, 9, 13, 17, 19, 37, 53, 69, 123, 161, 514, 1900, 5353};
    static const uint16_t others[] = {1, 6, 8, 52, 54, 500, 1024, 5060, 49152, 65535};
    prepare("maker", "udp://127.0.0.1:0");
    start();
    forge_swallow();
    for (size_t i = 0; i < sizeof mute / sizeof mute[0]; i++) {
        const struct forgery forgery = {.peer = client_address("192.0.2.1", mute[i])};
        assert_forged(&forgery, COUNTER_ANSWERS_DROPPED_LOOP_PORT);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct forgery forgery = {.peer = client_address("192.0.2.1", others[i])};
        assert_forged(&forgery, COUNTER_COUNT);
    }
    stop();
}

static void test_answers__a_relay_answers_all_of_them(void **state)
{
    (void)state;
    prepare("relay", "udp://0.0.0.0:0");
    start();
    const struct forgery forgeries[] = {
        {.flags = MSG_BCAST},
        {.local = client_address("255.255.255.255", 0)},
        {.local = client_address("ff02::1", 0)},
        {.peer = client_address("127.0.0.1", 7)},
        {.peer = client_address("127.0.0.1", rig_at(&rig, 0).address.port)},
    };
    forge_swallow();
    for (size_t i = 0; i < sizeof forgeries / sizeof forgeries[0]; i++) {
        assert_forged(&forgeries[i], COUNTER_COUNT);
        assert_int_equal(swallowed.control != 0, i > 2); /* never from an address of many */
    }
    stop();
}

/* What was not allowed earns nothing either. */
static void test_answers__what_must_not_be_answered_earns_no_credit(void **state)
{
    (void)state;
    prepare("maker", "udp://127.0.0.1:0");
    start();
    const struct forgery forgery = {.flags = MSG_BCAST};
    maker.answers = 0;
    forge(&forgery, 1);
    ask(1000);
    maker.answers = 1;
    maker.percent = 1000;
    ask(50);
    assert_answers(0, 1);
    stop();
}

/* ---- Our own endpoints ---- */

static void test_answers__none_to_the_endpoints_of_this_engine(void **state)
{
    (void)state;
    prepare("maker", "udp://127.0.0.1:0");
    rig_endpoint(&rig, "exact", "maker", "udp://127.0.0.2:0");
    rig_endpoint(&rig, "ipv4", "maker", "udp://0.0.0.0:0");
    rig_endpoint(&rig, "ipv6", "maker", "udp://[::]:0");
    rig_endpoint(&rig, "both", "maker", "udp://*:0");
    start();
    const struct {
        const char *ip;
        size_t of; /* the port of this one */
        bool is_own;
    } rows[] = {
        {"127.0.0.2", 1, true},    {"127.0.0.3", 1, false}, {"127.0.0.1", 0, true},  {"127.0.0.1", 2, true},
        {"127.0.0.9", 2, true},    {"::1", 3, true},        {"127.0.0.1", 3, false}, {"127.0.0.1", 4, true},
        {"::1", 4, true},          {"192.0.2.1", 1, false}, {"192.0.2.1", 2, false}, {"192.0.2.1", 4, false},
        {"2001:db8::1", 3, false}, {"::1", 2, false},
    };
    forge_swallow();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct forgery forgery = {
            .peer = client_address(rows[i].ip, rig_at(&rig, rows[i].of).address.port)};
        if (forgery.peer.family == 4) { /* the first endpoint's socket knows IPv4 only */
            assert_forged(&forgery, rows[i].is_own ? COUNTER_ANSWERS_DROPPED_OWN_ENDPOINT : COUNTER_COUNT);
        }
    }
    stop();
}

static void test_answers__none_to_own_endpoints_over_ipv6(void **state)
{
    (void)state;
    const struct pl_address from = client_address("::1", 0);
    prepare("maker", "udp://[::1]:0");
    rig_endpoint(&rig, "ipv6", "maker", "udp://[::]:0");
    rig_endpoint(&rig, "both", "maker", "udp://*:0");
    rig_endpoint(&rig, "ipv4", "maker", "udp://0.0.0.0:0");
    start();
    client_close(client);
    client = client_open_datagram(&from);
    static const struct {
        const char *ip;
        size_t of;
        bool is_own;
    } rows[] = {{"::1", 0, true},  {"::1", 1, true},          {"::1", 2, true},
                {"::1", 3, false}, {"2001:db8::1", 0, false}, {"2001:db8::1", 1, false}};
    forge_swallow();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct forgery forgery = {
            .peer = client_address(rows[i].ip, rig_at(&rig, rows[i].of).address.port)};
        assert_forged(&forgery, rows[i].is_own ? COUNTER_ANSWERS_DROPPED_OWN_ENDPOINT : COUNTER_COUNT);
    }
    stop();
}

/* Two echoes, one forged datagram: the first endpoint is given it, the second must never hear of it. */
static void test_answers__two_endpoints_of_one_engine_do_not_answer_each_other(void **state)
{
    (void)state;
    prepare("maker", "udp://127.0.0.1:0");
    rig_endpoint(&rig, "other", "maker", "udp://127.0.0.1:0");
    start();
    const struct forgery forgery = {.peer = rig_address(&rig, 1)};
    assert_forged(&forgery, COUNTER_ANSWERS_DROPPED_OWN_ENDPOINT);
    Sleep(100); /* for a second datagram, if one comes */
    assert_int_equal(maker.count, 1);
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_RECEIVED), 1);
    stop();
}

/* Two engines know nothing of each other's ports; a well-known one stops the second answer at the latest. */
static void test_answers__two_engines_stop_after_one_answer_on_well_known_ports(void **state)
{
    (void)state;
    static struct rig second;
    prepare("maker", loopback_listen("udp", 77, "0"));
    rig_init(&second, handlers);
    rig_endpoint(&second, "mdns", "maker", loopback_listen("udp", 78, "5353"));
    start();
    rig_start(&second);
    const struct pl_address first = rig_address(&rig, 0), other = rig_address(&second, 0);
    const struct forgery forgeries[] = {{.peer = other}, {.peer = first}};
    for (size_t i = 0; i < 2; i++) { /* the first one is asked, then the second */
        const LONG count = maker.count;
        rig_wait_for_operations(2);
        forge(&forgeries[i], 1);
        assert_int_equal(client_send_datagram(client, i == 0 ? &first : &other, "x", 1), CLIENT_OK);
        wait_for(count + 1 + (LONG)i); /* the second's answer is the last */
        Sleep(100);
        assert_int_equal(maker.count, count + 1 + (LONG)i);
    }
    assert_int_equal(rig_counter(&rig, COUNTER_ANSWERS_DROPPED_LOOP_PORT), 2);
    assert_int_equal(rig_counter(&second, COUNTER_DATAGRAMS_SENT), 1);
    rig_stop(&second);
    stop();
}

/* A socket that is dead has no port any more; bound again, it has. */
static void test_answers__a_port_is_own_as_long_as_it_is_bound(void **state)
{
    (void)state;
    prepare("maker", "udp://127.0.0.1:0");
    rig.config.service.bind_retry = 20;
    rig_endpoint(&rig, "other", "maker", "udp://127.0.0.2:0");
    start();
    struct forgery forgery = {.peer = rig_address(&rig, 1)};
    forge_swallow();
    assert_forged(&forgery, COUNTER_ANSWERS_DROPPED_OWN_ENDPOINT);
    deaths_arm(1);
    rig_wait_for_operations(2);
    fault_arm(IMPORT_bind, 1, WSAEADDRNOTAVAIL, FAULT_FOREVER);
    fault_arm(IMPORT_WSARecvMsg, 1, WSAENOTSOCK, 1);
    assert_int_equal(client_send_datagram(client, &forgery.peer, "x", 1), CLIENT_OK);
    rig_wait_for_state(&rig, 1, LISTENER_WAITING);
    const LONG count = maker.count;
    rig_wait_for_operations(1);
    forge(&forgery, 1);
    const struct pl_address to = rig_address(&rig, 0);
    assert_int_equal(client_send_datagram(client, &to, "x", 1), CLIENT_OK);
    wait_for(count + 1);
    assert_answers(1, 0);
    fault_clear();
    const uint64_t deadline = rig_deadline();
    while (rig_at(&rig, 1).state != LISTENER_LISTENING) {
        clock_advance(1000);
        rig_nap(deadline, "the other endpoint");
    }
    assert_forged(&forgery, COUNTER_ANSWERS_DROPPED_OWN_ENDPOINT);
    stop();
}

/* ---- What it costs ---- */

/* An echo costs the calls of before, and nothing of the heap. */
static void test_answers__an_echo_costs_no_call_and_no_memory_more(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    static const enum import allowed[] = {IMPORT_WSARecv, IMPORT_WSARecvMsg, IMPORT_WSASendMsg,
                                          IMPORT_GetQueuedCompletionStatusEx, IMPORT_GetTickCount64};
    static const uint32_t most[] = {COUNT, 2 * COUNT, COUNT, UINT32_MAX, UINT32_MAX};
    prepare("maker", "udp://*:0");
    start();
    const struct pl_address to = client_address("127.0.0.1", rig_at(&rig, 0).address.port);
    for (int i = 0; i < 2; i++) {
        rig_wait_for_operations(1);
        fault_clear();
        const size_t blocks = ledger_count(LEDGER_BLOCK);
        for (LONG k = 0; k < COUNT; k++) {
            assert_int_equal(client_send_datagram(client, &to, bytes, 100), CLIENT_OK);
            wait_for(i * COUNT + k + 1);
        }
        rig_wait_for_operations(1);
        for (int import = 0; i == 1 && import < IMPORT_COUNT; import++) { /* the first round fills the pool */
            uint32_t limit = 0;
            for (size_t k = 0; k < sizeof allowed / sizeof allowed[0]; k++) {
                limit = (int)allowed[k] == import ? most[k] : limit;
            }
            if (fault_calls((enum import)import) > limit) {
                fail_msg("%s: %u calls", seam_name((enum import)import), fault_calls((enum import)import));
            }
        }
        assert_true(i == 0 || ledger_count(LEDGER_BLOCK) == blocks);
    }
    assert_answers(2 * COUNT, 0);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        answers_test(test_answers__what_is_over_the_limit_is_dropped_whole),
        answers_test(test_answers__credit_begins_with_the_first_datagram_and_dies_in_silence),
        answers_test(test_answers__the_limit_is_the_endpoints_own),
        answers_test(test_answers__a_relay_has_no_limit),
        answers_test(test_answers__credit_is_kept_for_as_many_clients_as_sessions_may_be),
        answers_test(test_answers__an_idle_endpoint_forgets_its_clients),
        answers_test(test_answers__random_traffic_is_never_amplified),
        answers_test(test_answers__the_built_in_echo_answers_as_much_as_it_is_asked),
        answers_test(test_answers__none_to_what_was_sent_to_many),
        answers_test(test_answers__none_to_a_broadcast_on_loopback),
        answers_test(test_answers__none_to_services_that_would_answer_them),
        answers_test(test_answers__a_relay_answers_all_of_them),
        answers_test(test_answers__what_must_not_be_answered_earns_no_credit),
        answers_test(test_answers__none_to_the_endpoints_of_this_engine),
        answers_test(test_answers__none_to_own_endpoints_over_ipv6),
        answers_test(test_answers__two_endpoints_of_one_engine_do_not_answer_each_other),
        answers_test(test_answers__two_engines_stop_after_one_answer_on_well_known_ports),
        answers_test(test_answers__a_port_is_own_as_long_as_it_is_bound),
        answers_test(test_answers__an_echo_costs_no_call_and_no_memory_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
