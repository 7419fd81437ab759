/* SPDX-License-Identifier: MIT
   What handlers open themselves: pl_host.connect, over TCP and UDP, to addresses and names, and each way in which that
   ends. Through a running engine and real sockets; the names are our own, see names.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/address.h"
#include "handler/echo.h"
#include "io/network.h"
#include "support/client.h"
#include "support/fault.h"
#include "support/journal.h"
#include "support/ledger.h"
#include "support/names.h"
#include "support/rig.h"

enum { SOON = 3000 /* milliseconds, for what must not wait for a drain_timeout of 10 s */ };

/* ---- A handler that connects when it is told to ---- */

/* What is asked for, posted to the endpoint, and what it was answered. */
struct wish {
    pl_connect how;
    pl_id owner;       /* 0: the endpoint */
    const char *early; /* sent at once; NULL: nothing */
    bool is_last;      /* and then PL_FINISH */
    volatile LONG is_done;
    int32_t result, sent, other; /* `other`: of calls that wait for on_open */
    pl_id id;
};

/* The events of one connection at a time, a letter each: O open, D data, G datagram, E eof, T timer, C close. */
static struct {
    const pl_host *host;
    pl_id endpoint;
    volatile LONG opens, closes, mistakes, heard, client_opens;
    volatile LONG is_quick; /* on_open closes */
    volatile LONG wants_timer;
    char order[64];
    pl_info opened, told;
    int32_t reason;
    uint32_t error;
    volatile LONG64 client; /* the last one that came in */
    uint32_t thread;
    char got[256];
    size_t got_length;
    struct wish *volatile drain_wish;
} dialed;

static const char *dialer = "dialer";
static int owner;   /* what the state points to */
static int pair[2]; /* what `user` points to */

static void require(bool is_right)
{
    if (!is_right) {
        InterlockedIncrement(&dialed.mistakes);
    }
}

static void note(char letter)
{
    const size_t length = strlen(dialed.order);
    if (length < sizeof dialed.order - 1 && (length == 0 || dialed.order[length - 1] != letter)) {
        dialed.order[length] = letter;
    }
}

static int32_t dialer__start(pl_start *start)
{
    pl_id id = 0;
    const pl_connect how = {.size = sizeof how, .protocol = PL_TCP, .target = {"127.0.0.1:9", 11}};
    if (start->check == 0) {
        require(start->host->connect(start->host, start->endpoint, &how, &id) == PL_WRONG_THREAD);
    }
    dialed.host = start->host;
    dialed.endpoint = start->endpoint;
    start->state = &owner;
    return PL_OK;
}

static int32_t dialer__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    if ((info->seen & PL_OUTBOUND) == 0) {
        InterlockedExchange64(&dialed.client, (LONG64)id);
        InterlockedIncrement(&dialed.client_opens);
        return PL_OK;
    }
    require(state == &owner && *user == &pair[0] && info->id == id && info->endpoint == dialed.endpoint);
    note('O');
    dialed.opened = *info;
    dialed.told = (pl_info){.size = sizeof dialed.told};
    require(dialed.host->info(dialed.host, id, &dialed.told) == PL_OK);
    *user = &pair[1];
    if (dialed.wants_timer != 0) {
        require(dialed.host->timer(dialed.host, id, 1) == PL_OK);
    }
    if (dialed.is_quick != 0) {
        dialed.host->close(dialed.host, id, PL_GRACEFUL);
    }
    InterlockedIncrement(&dialed.opens);
    return PL_OK;
}

static void dialer__take(const uint8_t *at, size_t length)
{
    if (dialed.got_length + length <= sizeof dialed.got) {
        memcpy(dialed.got + dialed.got_length, at, length);
        dialed.got_length += length;
    }
    InterlockedExchangeAdd(&dialed.heard, (LONG)length);
}

static size_t dialer__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)id;
    require(state == &owner);
    if (*user == &pair[1]) {
        note('D');
        dialer__take(at, length);
    }
    return length;
}

static void dialer__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                                const pl_info *info)
{
    require(state == &owner && info->id == id);
    if ((info->seen & PL_OUTBOUND) != 0) {
        require(*user == &pair[1]);
        note('G');
        dialer__take(at, length);
    }
}

static void dialer__on_eof(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)at, (void)length;
    if (*user == &pair[1]) {
        note('E');
    }
    dialed.host->close(dialed.host, id, PL_GRACEFUL);
}

static void dialer__on_timer(void *state, pl_id id, void **user)
{
    (void)state, (void)id;
    require(*user == &pair[1]);
    note('T');
}

static void dialer__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    if (*user == NULL) { /* a client */
        return;
    }
    require(state == &owner && (*user == &pair[0] || *user == &pair[1]));
    require(dialed.host->send(dialed.host, id, "x", 1) == PL_GONE || strcmp(dialer, "dialer") != 0);
    note('C');
    dialed.reason = reason;
    dialed.error = win32_error;
    InterlockedIncrement(&dialed.closes);
}

static void wish__run(void *state, pl_id id, void **user, void *what)
{
    struct wish *wish = what;
    const pl_host *host = dialed.host;
    (void)user;
    if (id == 0) { /* there was no memory to run it on a thread of the pool */
        wish->result = PL_NO_MEMORY;
        InterlockedExchange(&wish->is_done, 1);
        return;
    }
    require(state == &owner && id == dialed.endpoint);
    dialed.thread = GetCurrentThreadId();
    wish->result = host->connect(host, wish->owner != 0 ? wish->owner : id, &wish->how, &wish->id);
    if (wish->result == PL_OK) {
        require(wish->id != 0);
        if (strcmp(dialer, "dialer") == 0) {
            wish->other = host->read(host, wish->id, 0);
        }
        wish->sent = wish->early != NULL ? host->send(host, wish->id, wish->early, strlen(wish->early)) : 0;
        if (wish->is_last) {
            require(host->close(host, wish->id, PL_FINISH) == PL_OK);
        }
    }
    InterlockedExchange(&wish->is_done, 1);
}

/* While the service stops; the control thread's. */
static void dialer__drain(void *state, uint32_t within)
{
    (void)state, (void)within;
    if (dialed.drain_wish != NULL) {
        dialed.host->post(dialed.host, dialed.endpoint, wish__run, dialed.drain_wish);
    }
}

#define DIALER(title, set)                                                                                   \
    .size = sizeof(struct pl_handler), .abi_major = PL_ABI_MAJOR, .abi_minor = PL_ABI_MINOR, .flags = (set), \
    .name = (title), .version = "1", .summary = "for tests", .start = dialer__start,                         \
    .on_open = dialer__on_open, .on_data = dialer__on_data, .on_datagram = dialer__on_datagram,              \
    .on_eof = dialer__on_eof, .on_timer = dialer__on_timer, .on_close = dialer__on_close,                    \
    .drain = dialer__drain

static const struct pl_handler handler = {DIALER("dialer", PL_TCP | PL_UDP)};
static const struct pl_handler blocking_handler = {DIALER("blocking-dialer", PL_BLOCKING | PL_TCP | PL_UDP)};
static const struct pl_handler session_handler = {DIALER("session-dialer", PL_TCP | PL_UDP | PL_SESSIONS)};

static size_t lame__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at;
    return length;
}

static const struct pl_handler lame_handler = {.size = sizeof lame_handler,
                                               .abi_major = PL_ABI_MAJOR,
                                               .abi_minor = PL_ABI_MINOR,
                                               .flags = PL_TCP,
                                               .name = "lame-dialer",
                                               .version = "1",
                                               .summary = "has no on_datagram",
                                               .start = dialer__start,
                                               .on_data = lame__on_data};
static const struct pl_handler *const handlers[] = {&handler,      &blocking_handler, &session_handler,
                                                    &lame_handler, &echo_handler,     NULL};

/* ---- Fixture ---- */

static struct rig rig;
static struct wish wish;
static char target[300];
static SOCKET deaf = INVALID_SOCKET; /* a listening socket whose backlog is full, and who fills it */
static SOCKET crowd[16];

static int prepare(void **state)
{
    memset(&dialed, 0, sizeof dialed);
    memset(&wish, 0, sizeof wish);
    const int result = rig_setup(state);
    names_begin();
    return result;
}

static void close_deaf(void)
{
    for (size_t i = 0; deaf != INVALID_SOCKET && i < sizeof crowd / sizeof crowd[0]; i++) {
        closesocket(crowd[i]);
    }
    if (deaf != INVALID_SOCKET) {
        closesocket(deaf);
    }
    deaf = INVALID_SOCKET;
}

static int finish(void **state)
{
    close_deaf();
    names_end();
    const int result = rig_teardown(state);
    return dialed.mistakes != 0 || names_out() != 0 ? -1 : result;
}

#define test(name) cmocka_unit_test_setup_teardown(name, prepare, finish)

static struct config_endpoint *prepare_rig(void)
{
    rig_init(&rig, handlers);
    return rig_endpoint(&rig, "out", dialer, "tcp://127.0.0.1:0");
}

static void start_rig(void)
{
    rig.options.log = journal_open();
    rig_start(&rig);
}

/* With an echo to connect to, at index 1. */
static void start(const char *upstream)
{
    prepare_rig();
    rig_endpoint(&rig, "upstream", "echo", upstream)->reply_limit = 0;
    start_rig();
}

static void stop(void)
{
    rig_stop(&rig);
    journal_close();
}

static void aim(uint32_t protocol, const char *host, uint16_t port)
{
    snprintf(target, sizeof target, "%s:%u", host, port);
    wish = (struct wish){.how = {.size = sizeof wish.how,
                                 .protocol = protocol,
                                 .target = {target, strlen(target)},
                                 .user = &pair[0]}};
}

static void aim_at_upstream(uint32_t protocol, const char *host)
{
    aim(protocol, host, rig_address(&rig, 1).port);
}

static void wait_for(const volatile LONG *value, LONG wanted)
{
    for (const uint64_t deadline = rig_deadline(); *value < wanted;) {
        rig_nap(deadline, "a callback");
    }
}

static int32_t dial(void)
{
    wish.is_done = 0;
    assert_int_equal(dialed.host->post(dialed.host, dialed.endpoint, wish__run, &wish), PL_QUEUED);
    wait_for(&wish.is_done, 1);
    return wish.result;
}

static void must_dial(void)
{
    assert_int_equal(dial(), PL_OK);
}

static void hang_up(void)
{
    dialed.host->close(dialed.host, wish.id, PL_GRACEFUL);
    wait_for(&dialed.closes, 1);
}

static void expect_failure(uint32_t error)
{
    wait_for(&dialed.closes, 1);
    assert_int_equal(dialed.reason, PL_CONNECT_FAILED);
    assert_int_equal(dialed.error, error);
    assert_string_equal(dialed.order, "C");
    assert_int_equal(dialed.opens, 0);
    rig_wait_for_counter(&rig, COUNTER_OUTBOUND_CONNECT_FAILED, 1);
    assert_int_equal(rig_counter(&rig, COUNTER_OUTBOUND_OPENED), 0);
}

/* A port of this address, at which nobody listens. */
static uint16_t free_port(void)
{
    const struct pl_address any = client_address("127.0.0.1", 0);
    SOCKADDR_STORAGE address;
    const int length = network_address_to(&any, AF_INET, &address);
    const SOCKET s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_int_equal(bind(s, (SOCKADDR *)&address, length), 0);
    const uint16_t port = network_own_address(s).port;
    closesocket(s);
    return port;
}

/* 127.0.0.3 at this port never answers. */
static void make_deaf(uint16_t port)
{
    const struct pl_address at = client_address("127.0.0.3", port);
    SOCKADDR_STORAGE address;
    const int length = network_address_to(&at, AF_INET, &address);
    deaf = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_int_equal(bind(deaf, (SOCKADDR *)&address, length), 0);
    assert_int_equal(listen(deaf, 1), 0);
    for (size_t i = 0; i < sizeof crowd / sizeof crowd[0]; i++) {
        crowd[i] = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
        network_set_nonblocking(crowd[i]);
        (void)connect(crowd[i], (SOCKADDR *)&address, length);
    }
}

/* ---- It opens ---- */

static void talk(uint32_t protocol, const char *host, const char *listen)
{
    start(listen);
    aim_at_upstream(protocol, host);
    wish.early = "early";
    dialed.wants_timer = 1;
    must_dial();
    wait_for(&dialed.heard, 5);
    wait_for(&dialed.opens, 1);
    const int32_t sent = dialed.host->send(dialed.host, wish.id, "later", 5);
    assert_true(sent == PL_QUEUED);
    wait_for(&dialed.heard, 10);
    assert_memory_equal(dialed.got, "earlylater", 10);
    assert_int_equal(dialed.opened.seen, PL_OUTBOUND);
    const struct pl_address there = rig_address(&rig, 1);
    assert_true(address_equal(&dialed.opened.peer, &there));
    assert_true(dialed.opened.local.port != 0 && address_is_loopback(&dialed.opened.local));
    assert_true(address_equal(&dialed.told.local, &dialed.opened.local));
    assert_int_equal(dialed.opened.id, wish.id);
    for (const uint64_t deadline = rig_deadline(); strchr(dialed.order, 'T') == NULL;) {
        rig_nap(deadline, "its timer");
    }
    hang_up();
    assert_int_equal(dialed.reason, PL_BY_HANDLER);
    assert_int_equal(dialed.order[0], 'O');
    assert_int_equal(dialed.order[strlen(dialed.order) - 1], 'C');
    rig_wait_for_counter(&rig, COUNTER_OUTBOUND_CLOSED, 1);
    assert_int_equal(rig_endpoint_counter(&rig, "out", COUNTER_OUTBOUND_OPENED), 1);
    assert_int_equal(rig_endpoint_counter(&rig, "out", COUNTER_OUTBOUND_BYTES_SENT), 10);
    assert_int_equal(rig_endpoint_counter(&rig, "out", COUNTER_OUTBOUND_BYTES_RECEIVED), 10);
    assert_int_equal(rig_endpoint_counter(&rig, "out", COUNTER_ACCEPTED), 0);
    assert_int_equal(rig_endpoint_counter(&rig, "out", COUNTER_BYTES_SENT), 0);
    stop();
}

static void test_connect__over_tcp_and_ipv4(void **state)
{
    (void)state;
    talk(PL_TCP, "127.0.0.1", "tcp://127.0.0.1:0");
}

static void test_connect__over_tcp_and_ipv6(void **state)
{
    (void)state;
    talk(PL_TCP, "[::1]", "tcp://[::1]:0");
}

static void test_connect__over_udp_and_ipv4(void **state)
{
    (void)state;
    talk(PL_UDP, "127.0.0.1", "udp://127.0.0.1:0");
}

static void test_connect__over_udp_and_ipv6(void **state)
{
    (void)state;
    talk(PL_UDP, "[::1]", "udp://[::1]:0");
}

static void test_connect__to_a_name(void **state)
{
    (void)state;
    names_add("one.test", "127.0.0.1");
    talk(PL_TCP, "one.test", "tcp://127.0.0.1:0");
    assert_int_equal(names_asked(), 1);
}

static void test_connect__to_a_name_that_is_answered_at_once(void **state)
{
    (void)state;
    names_add("one.test", "127.0.0.1");
    names_at_once(true);
    talk(PL_UDP, "one.test", "udp://127.0.0.1:0");
}

static void test_connect__asks_nobody_for_an_address(void **state)
{
    (void)state;
    talk(PL_TCP, "127.0.0.1", "tcp://127.0.0.1:0");
    assert_int_equal(names_asked(), 0);
}

static void test_connect__leaves_from_the_source_that_is_asked_for(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    aim_at_upstream(PL_TCP, "127.0.0.1");
    wish.how.source = client_address("127.0.0.7", 0);
    must_dial();
    wait_for(&dialed.opens, 1);
    assert_memory_equal(dialed.opened.local.ip, wish.how.source.ip, 4);
    hang_up();
    dialed.opens = dialed.closes = 0;
    memset(dialed.order, 0, sizeof dialed.order);
    aim_at_upstream(PL_TCP, "127.0.0.1");
    wish.how.source = client_address("::1", 0); /* not to that address */
    must_dial();
    wait_for(&dialed.closes, 1);
    assert_int_equal(dialed.error, WSAEAFNOSUPPORT);
    stop();
}

static void test_connect__ends_where_the_other_side_does(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    aim_at_upstream(PL_TCP, "127.0.0.1");
    must_dial();
    wait_for(&dialed.opens, 1);
    struct clients_reading reading = {.endpoint = "upstream"};
    struct client_row rows[CLIENTS_PIECE];
    size_t count = 0;
    while (count == 0 && engine_clients(rig.engine, &reading, rows, &count)) {}
    assert_int_equal(count, 1);
    assert_true(engine_close_client(rig.engine, rows[0].id));
    wait_for(&dialed.closes, 1);
    assert_int_equal(dialed.reason, PL_PEER_RESET);
    assert_string_equal(dialed.order, "OC");
    stop();
}

static void test_connect__closed_in_on_open(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    aim_at_upstream(PL_TCP, "127.0.0.1");
    wish.early = "words";
    dialed.is_quick = 1;
    must_dial();
    wait_for(&dialed.closes, 1);
    assert_int_equal(dialed.reason, PL_BY_HANDLER);
    rig_wait_for_counter(&rig, COUNTER_BYTES_RECEIVED, 5); /* of the echo: what was queued has gone */
    stop();
}

/* ---- It does not ---- */

static void test_connect__is_refused(void **state)
{
    (void)state;
    char words[200];
    start("tcp://127.0.0.1:0");
    aim(PL_TCP, "127.0.0.1", free_port());
    must_dial();
    expect_failure(WSAECONNREFUSED);
    journal_wait(EVENT_CONNECT_FAILED, 1);
    journal_assert_last(EVENT_CONNECT_FAILED, target);
    journal_assert_last(EVENT_CONNECT_FAILED, "error 10061");
    assert_in_range(dialed.host->explain(dialed.host, dialed.error, words, sizeof words), 11, 199);
    assert_memory_equal(words, "error 10061", 11);
    assert_int_equal(dialed.host->explain(dialed.host, dialed.error, words, 4), 3);
    assert_string_equal(words, "err");
    assert_int_equal(dialed.host->explain(dialed.host, dialed.error, words, 0), PL_INVALID);
    stop();
}

static void test_connect__is_not_answered(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    const uint16_t port = rig_address(&rig, 1).port;
    make_deaf(port);
    aim(PL_TCP, "127.0.0.3", port);
    wish.how.timeout = 300;
    must_dial();
    expect_failure(WSAETIMEDOUT);
    stop();
}

/* What was sent never went: that is not an end of the handler's. */
static void test_connect__that_fails_after_the_last_words_has_failed(void **state)
{
    (void)state;
    for (int is_udp = 0; is_udp < 2; is_udp++) {
        start("tcp://127.0.0.1:0");
        aim(is_udp ? PL_UDP : PL_TCP, "127.0.0.1", free_port());
        if (is_udp) {
            wish.how.source = client_address("::1", 0); /* not to that address */
        }
        wish.early = "last words";
        wish.is_last = true;
        must_dial();
        assert_int_equal(wish.sent, PL_QUEUED);
        expect_failure(is_udp ? WSAEAFNOSUPPORT : WSAECONNREFUSED);
        stop();
        dialed.closes = 0;
        memset(dialed.order, 0, sizeof dialed.order);
    }
}

static void test_connect__to_no_name(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    names_fail("none.test", WSAHOST_NOT_FOUND);
    aim(PL_TCP, "none.test", 80);
    must_dial();
    expect_failure(WSAHOST_NOT_FOUND);
    journal_assert_last(EVENT_CONNECT_FAILED,
                        "no connection to none.test:80: the name cannot be resolved: error 11001");
    dialed.closes = 0;
    aim(PL_UDP, "none.test", 80);
    names_at_once(true);
    must_dial();
    wait_for(&dialed.closes, 1);
    assert_int_equal(dialed.error, WSAHOST_NOT_FOUND);
    stop();
}

static void test_connect__to_a_name_that_takes_too_long(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    names_hold("slow.test", false);
    aim(PL_TCP, "slow.test", 80);
    wish.how.timeout = 200;
    must_dial();
    expect_failure(WSAETIMEDOUT);
    stop();
}

static void test_connect__tries_one_address_after_the_other(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    names_add("many.test", "127.0.0.2 ::1 127.0.0.2 127.0.0.1"); /* refused but by the last one */
    aim_at_upstream(PL_TCP, "many.test");
    must_dial();
    wait_for(&dialed.opens, 1);
    const struct pl_address there = rig_address(&rig, 1);
    assert_true(address_equal(&dialed.opened.peer, &there));
    hang_up();
    assert_int_equal(journal_count(EVENT_CONNECT_FAILED), 0);
    stop();
}

static void test_connect__leaves_time_for_the_next_address(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    make_deaf(rig_address(&rig, 1).port);
    names_add("half.test", "127.0.0.3 127.0.0.1");
    aim_at_upstream(PL_TCP, "half.test");
    wish.how.timeout = 2000;
    must_dial();
    wait_for(&dialed.opens, 1);
    hang_up();
    assert_int_equal(dialed.reason, PL_BY_HANDLER);
    stop();
}

static void test_connect__tells_of_every_address(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    names_add("dead.test", "127.0.0.2 127.0.0.4");
    aim(PL_TCP, "dead.test", free_port());
    must_dial();
    expect_failure(WSAECONNREFUSED);
    journal_wait(EVENT_CONNECT_FAILED, 1);
    journal_assert_last(EVENT_CONNECT_FAILED, "127.0.0.2:");
    journal_assert_last(EVENT_CONNECT_FAILED, "127.0.0.4:");
    stop();
}

/* ---- It ends before it is open ---- */

static void end_early(const volatile LONG *until, int32_t reason)
{
    for (const uint64_t deadline = rig_deadline(); until != NULL && *until == 0;) {
        rig_nap(deadline, "a connect");
    }
    dialed.host->close(dialed.host, wish.id, PL_FINISH);
    wait_for(&dialed.closes, 1);
    assert_int_equal(dialed.reason, reason);
    assert_string_equal(dialed.order, "C");
    rig_wait_for_counter(&rig, COUNTER_OUTBOUND_ENDED, 1);
}

static void wait_until_asked(void)
{
    for (const uint64_t deadline = rig_deadline(); names_held() == 0;) {
        rig_nap(deadline, "a question");
    }
}

static void test_connect__closed_while_its_name_is_asked_for(void **state)
{
    (void)state;
    for (int can_cancel = 0; can_cancel < 2; can_cancel++) {
        start("tcp://127.0.0.1:0");
        names_hold(can_cancel ? "cancelled.test" : "slow.test", can_cancel != 0);
        aim(can_cancel ? PL_UDP : PL_TCP, can_cancel ? "cancelled.test" : "slow.test", 80);
        must_dial();
        wait_until_asked();
        end_early(NULL, PL_BY_HANDLER);
        assert_int_equal(names_held(), can_cancel ? 0 : 1);
        names_let_go(); /* nobody is there any more */
        stop();
        dialed.closes = 0;
        memset(dialed.order, 0, sizeof dialed.order);
    }
}

static void wait_for_connect(void)
{
    for (const uint64_t deadline = rig_deadline(); fault_calls(IMPORT_ConnectEx) == 0;) {
        rig_nap(deadline, "a connect");
    }
    Sleep(50);
}

static void test_connect__closed_while_it_connects(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    const uint16_t port = rig_address(&rig, 1).port;
    make_deaf(port);
    aim(PL_TCP, "127.0.0.3", port);
    fault_clear();
    must_dial();
    wait_for_connect();
    end_early(NULL, PL_BY_HANDLER);
    stop();
}

static void test_connect__ended_by_the_administrator(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    names_hold("slow.test", true);
    aim(PL_TCP, "slow.test", 80);
    must_dial();
    wait_until_asked();
    struct client_row row;
    assert_int_equal(engine_find_client(rig.engine, wish.id, &row), CLIENTS_FOUND);
    assert_int_equal(row.state, CLIENT_CONNECTING);
    assert_true(row.is_outbound);
    assert_true(engine_close_client(rig.engine, wish.id));
    wait_for(&dialed.closes, 1);
    assert_int_equal(dialed.reason, PL_BY_ADMIN);
    stop();
}

/* The stop does not wait for what is not open; and nothing begins any more. */
static void stop_early(void)
{
    static struct wish late;
    late = wish;
    late.is_done = 0;
    late.how.target = (pl_text){"127.0.0.1:9", 11};
    dialed.drain_wish = &late;
    const uint64_t since = GetTickCount64();
    assert_true(rig_drain(&rig, 10000));
    assert_in_range(GetTickCount64() - since, 0, SOON);
    assert_int_equal(dialed.closes, 1);
    assert_int_equal(dialed.reason, PL_STOPPING);
    assert_string_equal(dialed.order, "C");
    stop();
    assert_true(late.is_done == 0 || late.result == PL_GONE);
}

static void test_connect__stopped_while_its_name_is_asked_for(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    names_hold("slow.test", false);
    aim(PL_TCP, "slow.test", 80);
    must_dial();
    wait_until_asked();
    stop_early();
}

static void test_connect__stopped_while_it_connects(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    const uint16_t port = rig_address(&rig, 1).port;
    make_deaf(port);
    aim(PL_TCP, "127.0.0.3", port);
    fault_clear();
    must_dial();
    wait_for_connect();
    stop_early();
}

static void test_connect__is_reset_when_the_stop_has_waited(void **state)
{
    (void)state;
    for (int is_udp = 0; is_udp < 2; is_udp++) {
        start(is_udp ? "udp://127.0.0.1:0" : "tcp://127.0.0.1:0");
        aim_at_upstream(is_udp ? PL_UDP : PL_TCP, "127.0.0.1");
        must_dial();
        wait_for(&dialed.opens, 1);
        assert_true(rig_drain(&rig, 100));
        assert_int_equal(dialed.closes, 1);
        assert_true(dialed.reason == PL_STOPPING || dialed.reason == PL_PEER_RESET);
        stop();
        dialed.opens = dialed.closes = 0;
    }
}

static void test_connect__has_the_endpoints_idle_timeout(void **state)
{
    (void)state;
    for (int is_udp = 0; is_udp < 2; is_udp++) {
        struct config_endpoint *endpoint = prepare_rig();
        endpoint->idle_timeout = 200;
        endpoint->first_byte_timeout = 1;
        rig_endpoint(&rig, "upstream", "echo", is_udp ? "udp://127.0.0.1:0" : "tcp://127.0.0.1:0");
        start_rig();
        aim_at_upstream(is_udp ? PL_UDP : PL_TCP, "127.0.0.1");
        must_dial();
        wait_for(&dialed.closes, 1);
        assert_int_equal(dialed.reason, PL_IDLE);
        assert_string_equal(dialed.order, "OC");
        stop();
        dialed.opens = dialed.closes = 0;
        memset(dialed.order, 0, sizeof dialed.order);
    }
}

/* ---- What may be asked ---- */

static void test_connect__refuses_what_is_no_target(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "",       ":80",       "host",    "host:",        "host:0",  "host:65536",   "host:080",
        "::1:80", "[::1]",     "[::1:80", "[1.2.3.4]:1",  "1.2.3:4", "010.0.0.1:80", "a b:80",
        "a/b:80", "0x7f.1:80", "name.:x", "256.1.1.1:80", ".:80",    "x\x01y:80"};
    start("tcp://127.0.0.1:0");
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        aim(PL_TCP, "127.0.0.1", 9);
        wish.how.target = (pl_text){targets[i], strlen(targets[i])};
        if (dial() != PL_INVALID) {
            fail_msg("%s: %d", targets[i], wish.result);
        }
    }
    aim(PL_TCP | PL_UDP, "127.0.0.1", 9);
    assert_int_equal(dial(), PL_INVALID);
    aim(PL_TCP, "127.0.0.1", 9);
    wish.how.timeout = 3600001;
    assert_int_equal(dial(), PL_INVALID);
    aim(PL_TCP, "127.0.0.1", 9);
    wish.how.reserved = 1;
    assert_int_equal(dial(), PL_INVALID);
    aim(PL_TCP, "127.0.0.1", 9);
    wish.how.source.family = 5;
    assert_int_equal(dial(), PL_INVALID);
    aim(PL_TCP, "127.0.0.1", 9);
    wish.how.size = 8;
    assert_int_equal(dial(), PL_INVALID);
    aim(PL_TCP, "127.0.0.1", 9);
    wish.owner = dialed.endpoint + 1;
    assert_int_equal(dial(), PL_GONE);
    assert_int_equal(dialed.host->connect(dialed.host, dialed.endpoint, &wish.how, &wish.id),
                     PL_WRONG_THREAD);
    stop();
}

static void test_connect__needs_the_callback_for_what_comes(void **state)
{
    (void)state;
    dialer = "lame-dialer";
    start("udp://127.0.0.1:0");
    dialer = "dialer";
    aim_at_upstream(PL_UDP, "127.0.0.1");
    assert_int_equal(dial(), PL_INVALID);
    stop();
}

static void test_connect__for_a_client_on_its_worker(void **state)
{
    (void)state;
    struct client *client = NULL;
    start("tcp://127.0.0.1:0");
    const struct pl_address address = rig_address(&rig, 0);
    assert_int_equal(client_connect(&address, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    wait_for(&dialed.client_opens, 1);
    aim_at_upstream(PL_TCP, "127.0.0.1");
    wish.owner = (pl_id)dialed.client;
    must_dial();
    wait_for(&dialed.opens, 1);
    assert_int_equal(wish.id >> 56, (pl_id)dialed.client >> 56);
    assert_true(dialed.host->connect(dialed.host, wish.owner, &wish.how, &wish.id) == PL_WRONG_THREAD);
    hang_up();
    client_close(client);
    stop();
}

static void test_connect__keeps_to_max_outbound(void **state)
{
    (void)state;
    struct config_endpoint *endpoint = prepare_rig();
    endpoint->max_outbound = 1;
    endpoint->max_connections = 1;
    rig_endpoint(&rig, "upstream", "echo", "tcp://127.0.0.1:0");
    start_rig();
    aim_at_upstream(PL_TCP, "127.0.0.1");
    must_dial();
    wait_for(&dialed.opens, 1);
    const pl_id first = wish.id;
    aim_at_upstream(PL_UDP, "127.0.0.1");
    assert_int_equal(dial(), PL_LIMIT);
    assert_int_equal(rig_counter(&rig, COUNTER_OUTBOUND_LIMIT), 1);
    journal_assert_last(EVENT_CONNECT_FAILED, "max_outbound = 1");
    struct client *client = NULL; /* it takes no client's place */
    const struct pl_address address = rig_address(&rig, 0);
    assert_int_equal(client_connect(&address, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    wait_for(&dialed.client_opens, 1);
    wish.id = first;
    hang_up();
    aim_at_upstream(PL_TCP, "127.0.0.1");
    must_dial();
    wait_for(&dialed.opens, 2);
    dialed.host->close(dialed.host, wish.id, PL_RESET);
    wait_for(&dialed.closes, 2);
    client_close(client);
    stop();
}

/* One at a time is asked for by each, the others wait for their turn. */
static void test_connect__asks_for_few_names_at_a_time(void **state)
{
    (void)state;
    enum { DIALS = 80 };
    static struct wish wishes[DIALS];
    start("tcp://127.0.0.1:0");
    names_hold("slow.test", true);
    for (int i = 0; i < DIALS; i++) {
        aim_at_upstream(PL_TCP, "slow.test");
        wishes[i] = wish;
        assert_int_equal(dialed.host->post(dialed.host, dialed.endpoint, wish__run, &wishes[i]), PL_QUEUED);
    }
    for (int i = 0; i < DIALS; i++) {
        wait_for(&wishes[i].is_done, 1);
        assert_int_equal(wishes[i].result, PL_OK);
    }
    for (const uint64_t deadline = rig_deadline(); names_held() < 64;) {
        rig_nap(deadline, "the questions");
    }
    Sleep(150);
    assert_int_equal(names_held(), 64);
    for (const uint64_t deadline = rig_deadline(); dialed.opens < DIALS;) {
        names_let_go();
        rig_nap(deadline, "the connections");
    }
    stop();
    assert_int_equal(dialed.closes, DIALS);
}

/* ---- Calls that fail ---- */

static void fail_with(enum import import, uint32_t protocol, DWORD code, uint32_t expected)
{
    dialed.opens = dialed.closes = 0;
    memset(dialed.order, 0, sizeof dialed.order);
    aim_at_upstream(protocol, "one.test");
    fault_arm(import, 1, code, expected != 0 ? FAULT_FOREVER : 1);
    must_dial();
    for (const uint64_t deadline = rig_deadline(); dialed.closes + dialed.opens == 0;) {
        rig_nap(deadline, "its end");
    }
    fault_clear();
    if (expected != 0) {
        assert_string_equal(dialed.order, "C");
        assert_int_equal(dialed.reason, PL_CONNECT_FAILED);
        assert_int_equal(dialed.error, expected);
    } else {
        assert_int_equal(dialed.opens, 1);
        hang_up();
    }
}

static void test_connect__survives_what_fails(void **state)
{
    (void)state;
    static const struct {
        enum import import;
        DWORD code;
        uint32_t tcp, udp; /* the error; 0: it opens all the same */
    } rows[] = {
        {IMPORT_WSASocketW, WSAEMFILE, WSAEMFILE, WSAEMFILE},
        {IMPORT_setsockopt, WSAENETDOWN, 0, 0}, /* SO_REUSE_UNICASTPORT */
        {IMPORT_bind, WSAEADDRINUSE, WSAEADDRINUSE, WSAEADDRINUSE},
        {IMPORT_CreateIoCompletionPort, ERROR_NOT_ENOUGH_MEMORY, ERROR_NOT_ENOUGH_MEMORY,
         ERROR_NOT_ENOUGH_MEMORY},
        {IMPORT_SetFileCompletionNotificationModes, ERROR_NOT_SUPPORTED, 0, 0},
        {IMPORT_getsockname, WSAENETDOWN, 0, 0},
        {IMPORT_GetAddrInfoExW, WSATRY_AGAIN, WSATRY_AGAIN, WSATRY_AGAIN},
        {IMPORT_MultiByteToWideChar, ERROR_NO_UNICODE_TRANSLATION, ERROR_NOT_ENOUGH_MEMORY,
         ERROR_NOT_ENOUGH_MEMORY},
    };
    prepare_rig();
    rig_endpoint(&rig, "upstream", "echo", "tcp://127.0.0.1:0");
    start_rig();
    names_add("one.test", "127.0.0.1");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fail_with(rows[i].import, PL_TCP, rows[i].code, rows[i].tcp);
        fail_with(rows[i].import, PL_UDP, rows[i].code, rows[i].udp);
    }
    fail_with(IMPORT_ConnectEx, PL_TCP, WSAENETUNREACH, WSAENETUNREACH);
    fail_with(IMPORT_connect, PL_UDP, WSAENETUNREACH, WSAENETUNREACH);
    fail_with(IMPORT_ioctlsocket, PL_UDP, WSAENOBUFS, WSAENOBUFS);
    fail_with(IMPORT_WSAIoctl, PL_UDP, WSAEOPNOTSUPP, 0);
    fail_with(IMPORT_WSARecv, PL_UDP, WSAECONNRESET, 0);
    stop();
}

static int WSAAPI refuse_update(SOCKET s, int level, int option, const char *value, int length)
{
    if (level == SOL_SOCKET && option == SO_UPDATE_CONNECT_CONTEXT) {
        WSASetLastError(WSAENOTCONN);
        return SOCKET_ERROR;
    }
    return SEAM_REAL(setsockopt)(s, level, option, value, length);
}

static void test_connect__that_cannot_be_used_has_failed(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    aim_at_upstream(PL_TCP, "127.0.0.1");
    seam_replace(IMPORT_setsockopt, (seam_function)refuse_update);
    must_dial();
    wait_for(&dialed.closes, 1);
    seam_replace(IMPORT_setsockopt, NULL);
    assert_int_equal(dialed.error, WSAENOTCONN);
    stop();
}

/* Of a handler that blocks: what its thread waits for. */
static void test_connect__without_an_event(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    aim_at_upstream(PL_TCP, "127.0.0.1");
    fault_arm(IMPORT_CreateEventW, 1, ERROR_NOT_ENOUGH_MEMORY, FAULT_FOREVER);
    const int32_t result = dial();
    fault_clear();
    assert_int_equal(result, strcmp(dialer, "blocking-dialer") == 0 ? PL_NO_MEMORY : PL_OK);
    stop();
}

/* Memory for the dial, the connection, its slot, and, of a handler that blocks, for what stands between. */
static void test_connect__without_memory(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    for (uint32_t i = 1, opened = 0; opened == 0 && i < 30; i++) {
        dialed.opens = dialed.closes = 0;
        aim_at_upstream(PL_TCP, "127.0.0.1");
        wish.is_done = 0;
        assert_int_equal(dialed.host->post(dialed.host, dialed.endpoint, wish__run, &wish), PL_QUEUED);
        fault_arm(IMPORT_HeapAlloc, i, 0, 1);
        wait_for(&wish.is_done, 1);
        if (wish.result == PL_OK) {
            for (const uint64_t deadline = rig_deadline(); dialed.closes + dialed.opens == 0;) {
                rig_nap(deadline, "its end");
            }
            opened = fault_hits() == 0 || i > 20;
            fault_clear();
            dialed.host->close(dialed.host, wish.id, PL_RESET);
            wait_for(&dialed.closes, 1);
        } else {
            assert_int_equal(wish.result, PL_NO_MEMORY);
        }
        fault_clear();
    }
    stop();
}

/* ---- The rest ---- */

static void test_connect__leaves_nothing_behind(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0");
    names_add("one.test", "127.0.0.1");
    const uint16_t port = free_port();
    for (int i = 0; i < 60; i++) {
        dialed.opens = dialed.closes = 0;
        if (i % 3 == 0) {
            aim(PL_TCP, "one.test", port);
        } else {
            aim_at_upstream(i % 3 == 1 ? PL_TCP : PL_UDP, "one.test");
        }
        must_dial();
        if (i % 3 != 0) {
            wait_for(&dialed.opens, 1);
            dialed.host->close(dialed.host, wish.id, i % 2 == 0 ? PL_RESET : PL_GRACEFUL);
        }
        wait_for(&dialed.closes, 1);
    }
    rig_wait_for_operations(2); /* an accept of each endpoint */
    stop();
}

#define BOTH                                                                                            \
    test(test_connect__over_tcp_and_ipv4), test(test_connect__over_tcp_and_ipv6),                       \
        test(test_connect__over_udp_and_ipv4), test(test_connect__over_udp_and_ipv6),                   \
        test(test_connect__to_a_name), test(test_connect__is_refused), test(test_connect__to_no_name),  \
        test(test_connect__closed_in_on_open), test(test_connect__stopped_while_its_name_is_asked_for), \
        test(test_connect__is_reset_when_the_stop_has_waited),                                          \
        test(test_connect__refuses_what_is_no_target), test(test_connect__for_a_client_on_its_worker),  \
        test(test_connect__without_memory), test(test_connect__without_an_event),                       \
        test(test_connect__leaves_nothing_behind)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH,
        test(test_connect__to_a_name_that_is_answered_at_once),
        test(test_connect__asks_nobody_for_an_address),
        test(test_connect__leaves_from_the_source_that_is_asked_for),
        test(test_connect__ends_where_the_other_side_does),
        test(test_connect__is_not_answered),
        test(test_connect__that_fails_after_the_last_words_has_failed),
        test(test_connect__to_a_name_that_takes_too_long),
        test(test_connect__tries_one_address_after_the_other),
        test(test_connect__leaves_time_for_the_next_address),
        test(test_connect__tells_of_every_address),
        test(test_connect__closed_while_its_name_is_asked_for),
        test(test_connect__closed_while_it_connects),
        test(test_connect__ended_by_the_administrator),
        test(test_connect__stopped_while_it_connects),
        test(test_connect__has_the_endpoints_idle_timeout),
        test(test_connect__needs_the_callback_for_what_comes),
        test(test_connect__keeps_to_max_outbound),
        test(test_connect__asks_for_few_names_at_a_time),
        test(test_connect__survives_what_fails),
        test(test_connect__that_cannot_be_used_has_failed),
    };
    const struct CMUnitTest others[] = {BOTH};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    dialer = "blocking-dialer";
    failed += cmocka_run_group_tests(others, NULL, NULL);
    dialer = "session-dialer";
    return failed + cmocka_run_group_tests(others, NULL, NULL);
}
