/* SPDX-License-Identifier: MIT
   Tests of connection/udp_session.c: a handler's state for each UDP client, how long it lasts, and what it may send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/address.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/deaths.h"
#include "support/fault.h"
#include "support/folder.h"
#include "support/forge.h"
#include "support/journal.h"
#include "support/ledger.h"
#include "support/random.h"
#include "support/rig.h"
#include "support/seam.h"

enum { SESSIONS = 4096, CLIENTS = 12, ROOM = 2048, LARGEST = 65507 };

/* ---- A handler that keeps books ---- */

/* One session, from on_open to on_close. */
struct book {
    pl_id id;
    pl_info opened;
    pl_info last;
    volatile LONG datagrams;
    volatile LONG closes;
    int32_t reason;
    uint32_t error;
    int32_t send_at_close, close_at_close;
};

enum opening { OPEN_TAKES, OPEN_REFUSES, OPEN_CLOSES };
enum deed { DEED_NOTHING, DEED_ECHO, DEED_CLOSE, DEED_SEND_OTHER, DEED_CLOSE_OTHER };

static struct keeper {
    struct book books[SESSIONS];
    volatile LONG opens;
    volatile LONG datagrams;
    volatile LONG closes;
    volatile LONG mistakes;
    volatile enum opening opening;
    volatile enum deed deed;
    pl_id other;           /* whom the deed is done to */
    volatile LONG percent; /* of an echo */
    volatile LONG nap;     /* milliseconds that on_close takes */
    int32_t result;        /* of the last deed, */
    int32_t second;        /* and of the same once more */
    const pl_host *host;
} keeper;

static uint8_t bytes[LARGEST + 1];

static int32_t keeper__start(pl_start *start)
{
    start->state = &keeper;
    keeper.host = start->host;
    return PL_OK;
}

static void keeper__mistake(bool is_one)
{
    InterlockedExchangeAdd(&keeper.mistakes, is_one);
}

static int32_t keeper__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    const LONG number = keeper.opens;
    struct book *book = &keeper.books[number];
    keeper__mistake(state != &keeper || *user != NULL || number == SESSIONS - 1 || info->id != id ||
                    info->size != sizeof *info);
    book->id = id;
    book->opened = *info;
    *user = book;
    if (keeper.opening == OPEN_CLOSES) {
        keeper.result = keeper.host->close(keeper.host, id, PL_GRACEFUL);
        keeper.second = keeper.host->send(keeper.host, id, "x", 1);
    }
    InterlockedIncrement(&keeper.opens);
    return keeper.opening == OPEN_REFUSES ? -1 : PL_OK;
}

static void keeper__do(pl_id id, const uint8_t *at, size_t length)
{
    const pl_host *host = keeper.host;
    switch (keeper.deed) {
    case DEED_NOTHING:
        break;
    case DEED_ECHO:
        keeper.result = host->send(host, id, at, length * (size_t)keeper.percent / 100);
        break;
    case DEED_CLOSE:
        keeper.result = host->close(host, id, PL_FINISH);
        keeper.second = host->close(host, id, PL_RESET);
        break;
    case DEED_SEND_OTHER:
        keeper.result = host->send(host, keeper.other, at, length);
        break;
    case DEED_CLOSE_OTHER:
        keeper.result = host->close(host, keeper.other, PL_RESET);
        keeper.second = host->send(host, keeper.other, "x", 1);
        break;
    }
}

static void keeper__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                                const pl_info *info)
{
    struct book *book = *user;
    keeper__mistake(state != &keeper || book->id != id || info->id != id || book->closes != 0 ||
                    !address_equal(&info->peer, &book->opened.peer) ||
                    !address_equal(&info->local, &book->opened.local));
    book->last = *info;
    keeper__do(id, at, length);
    InterlockedIncrement(&book->datagrams);
    InterlockedIncrement(&keeper.datagrams);
}

static void keeper__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t error)
{
    struct book *book = *user;
    keeper__mistake(state != &keeper || book->id != id || book->closes != 0);
    book->reason = reason;
    book->error = error;
    book->send_at_close = keeper.host->send(keeper.host, id, "x", 1);
    book->close_at_close = keeper.host->close(keeper.host, id, PL_RESET);
    Sleep((DWORD)keeper.nap);
    InterlockedIncrement(&book->closes);
    InterlockedIncrement(&keeper.closes);
}

static const struct pl_handler keeper_handler = {.size = sizeof(struct pl_handler),
                                                 .abi_major = PL_ABI_MAJOR,
                                                 .abi_minor = PL_ABI_MINOR,
                                                 .flags = PL_UDP | PL_SESSIONS,
                                                 .name = "keeper",
                                                 .start = keeper__start,
                                                 .on_open = keeper__on_open,
                                                 .on_datagram = keeper__on_datagram,
                                                 .on_close = keeper__on_close};

static const struct pl_handler relay_handler = {.size = sizeof(struct pl_handler),
                                                .abi_major = PL_ABI_MAJOR,
                                                .abi_minor = PL_ABI_MINOR,
                                                .flags = PL_UDP | PL_SESSIONS | PL_RELAY,
                                                .name = "relay",
                                                .start = keeper__start,
                                                .on_open = keeper__on_open,
                                                .on_datagram = keeper__on_datagram,
                                                .on_close = keeper__on_close};

/* With sessions, but without any wish to hear of them. */
static void deaf__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                              const pl_info *info)
{
    (void)state, (void)info;
    keeper__mistake(*user != NULL && *user != &keeper);
    *user = &keeper;
    keeper__do(id, at, length);
    InterlockedIncrement(&keeper.datagrams);
}

static const struct pl_handler deaf_handler = {.size = sizeof(struct pl_handler),
                                               .abi_major = PL_ABI_MAJOR,
                                               .abi_minor = PL_ABI_MINOR,
                                               .flags = PL_UDP | PL_SESSIONS,
                                               .name = "deaf",
                                               .start = keeper__start,
                                               .on_datagram = deaf__on_datagram};

static const struct pl_handler *const handlers[] = {&keeper_handler, &relay_handler, &deaf_handler, NULL};

/* ---- Engine and clients ---- */

static struct rig rig;
static struct client *clients[CLIENTS];

static struct config_endpoint *prepare(const char *handler, const char *listen)
{
    rig_init(&rig, handlers);
    return rig_endpoint(&rig, "u", handler, listen);
}

static void start(void)
{
    rig_start(&rig);
    for (size_t i = 0; i < CLIENTS; i++) {
        const struct pl_address from = client_address("127.0.0.1", 0);
        clients[i] = client_open_datagram(&from);
        assert_non_null(clients[i]);
    }
}

static void begin(void)
{
    prepare("keeper", "udp://127.0.0.1:0");
    start();
}

/* Sessions that live, by the counters and by the books. */
static void assert_active(uint64_t active)
{
    const uint64_t deadline = rig_deadline();
    while (rig_counter(&rig, COUNTER_SESSIONS_OPENED) - rig_sessions_closed(&rig) != active ||
           (uint64_t)(keeper.opens - keeper.closes) != active) {
        rig_nap(deadline, "as many sessions as there should be");
    }
}

static void stop(void)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        client_close(clients[i]);
        clients[i] = NULL;
    }
    rig_stop(&rig);
    assert_int_equal(keeper.opens, keeper.closes);
    assert_int_equal(keeper.mistakes, 0);
}

static int setup(void **state)
{
    memset(&keeper, 0, sizeof keeper);
    keeper.percent = 100;
    return rig_setup(state);
}

#define session_test(test) cmocka_unit_test_setup_teardown(test, setup, rig_teardown)

static void wait_for(const volatile LONG *count, LONG value)
{
    const uint64_t deadline = rig_deadline();
    while (*count < value) {
        rig_nap(deadline, "the handler");
    }
    assert_int_equal(*count, value);
}

static void send_to(size_t who, const struct pl_address *to, size_t length)
{
    assert_int_equal(client_send_datagram(clients[who], to, bytes, length), CLIENT_OK);
}

/* A client says something, and the handler has heard it. */
static void talk(size_t who, size_t length)
{
    const struct pl_address to = rig_address(&rig, 0);
    const LONG datagrams = keeper.datagrams;
    send_to(who, &to, length);
    wait_for(&keeper.datagrams, datagrams + 1);
}

/* The newest session of a client. */
static struct book *book_of(size_t who)
{
    const struct pl_address own = client_local(clients[who]);
    for (LONG i = keeper.opens - 1; i >= 0; i--) {
        if (keeper.books[i].opened.peer.port == own.port) {
            return &keeper.books[i];
        }
    }
    fail_msg("client %u has no session", (unsigned)who);
    return &keeper.books[0]; /* not reached */
}

static void assert_hears(size_t who, size_t length)
{
    static char answer[LARGEST + 1];
    size_t got = 0;
    assert_int_equal(
        client_receive_datagram(clients[who], answer, sizeof answer, &got, NULL, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(got, length);
}

static void wait_for_end(struct book *book, int32_t reason)
{
    wait_for(&book->closes, 1);
    assert_int_equal(book->reason, reason);
    assert_int_equal(book->send_at_close, PL_GONE);
    assert_int_equal(book->close_at_close, PL_GONE);
}

/* So long after everything that was said, the session still lives; a moment later, it does not. */
static void assert_lives(struct book *book, uint64_t milliseconds)
{
    for (uint64_t left = milliseconds; left > 0;) { /* in steps: the clock goes on by itself meanwhile */
        const uint64_t step = left < 5000 ? left : 5000;
        clock_advance(step);
        Sleep(5);
        left -= step;
    }
    Sleep(20);
    assert_int_equal(book->closes, 0);
}

/* ---- From the first datagram to the end ---- */

static void test_session__is_kept_from_the_first_datagram_on(void **state)
{
    (void)state;
    begin();
    const struct pl_address to = rig_address(&rig, 0);
    keeper.deed = DEED_ECHO;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 3; i++) {
            talk(i, 10 + i);
            assert_hears(i, 10 + i);
        }
    }
    assert_int_equal(keeper.opens, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct book *book = book_of(i);
        const struct pl_address own = client_local(clients[i]);
        assert_int_equal(book->datagrams, 3);
        assert_int_equal(book->opened.seen, PL_SESSION);
        assert_int_equal(book->last.seen, PL_SESSION);
        assert_true(address_equal(&book->opened.peer, &own));
        assert_true(address_equal(&book->opened.local, &to));
        assert_int_not_equal(book->opened.endpoint, 0);
        assert_int_equal(book->last.endpoint, book->opened.endpoint);
    }
    assert_active(3);
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_RECEIVED), 9);
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAM_BYTES_RECEIVED), 99);
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_SENT), 9);
    stop();
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(keeper.books[i].reason, PL_STOPPING);
        assert_int_equal(keeper.books[i].error, 0);
    }
}

static void test_session__is_one_for_each_address_that_was_asked(void **state)
{
    (void)state;
    prepare("keeper", "udp://0.0.0.0:0");
    start();
    const uint16_t port = rig_at(&rig, 0).address.port;
    const struct pl_address a = client_address("127.0.0.1", port), b = client_address("127.0.0.9", port);
    for (LONG i = 0; i < 2; i++) {
        send_to(0, &a, 1);
        send_to(0, &b, 2);
        wait_for(&keeper.datagrams, 2 * i + 2);
    }
    assert_int_equal(keeper.opens, 2);
    assert_true(address_equal(&keeper.books[0].opened.local, &a));
    assert_true(address_equal(&keeper.books[1].opened.local, &b));
    assert_int_equal(keeper.books[0].datagrams, 2);
    stop();
}

static void test_session__needs_no_on_open_and_no_on_close(void **state)
{
    (void)state;
    prepare("deaf", "udp://127.0.0.1:0");
    start();
    keeper.deed = DEED_ECHO;
    talk(0, 5);
    talk(1, 6);
    talk(0, 7);
    assert_hears(0, 5);
    assert_hears(1, 6);
    assert_hears(0, 7);
    assert_int_equal(rig_counter(&rig, COUNTER_SESSIONS_OPENED), 2);
    keeper.deed = DEED_CLOSE;
    talk(0, 1);
    rig_wait_for_counter(&rig, COUNTER_SESSIONS_CLOSED_BY_HANDLER, 1);
    stop();
}

static void test_session__cuts_and_counts_like_any_datagram(void **state)
{
    (void)state;
    prepare("keeper", "udp://127.0.0.1:0")->max_datagram = 100;
    start();
    talk(0, 101);
    assert_int_equal(keeper.books[0].opened.seen, PL_SESSION | PL_TRUNCATED);
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_TRUNCATED), 1);
    talk(0, 0);
    assert_int_equal(keeper.books[0].last.seen, PL_SESSION);
    stop();
}

/* ---- Sending ---- */

static void test_session__can_be_sent_to_at_any_time(void **state)
{
    (void)state;
    static const char *const listens[][2] = {
        {"udp://127.0.0.1:0", "127.0.0.1"}, {"udp://0.0.0.0:0", "127.0.0.1"}, {"udp://*:0", "127.0.0.1"}};
    for (size_t i = 0; i < sizeof listens / sizeof listens[0]; i++) {
        setup(NULL);
        prepare("keeper", listens[i][0]);
        start();
        const struct pl_address to = client_address(listens[i][1], rig_at(&rig, 0).address.port);
        send_to(0, &to, 100);
        wait_for(&keeper.datagrams, 1);
        keeper.other = book_of(0)->id;
        keeper.deed = DEED_SEND_OTHER; /* inside another one's callback */
        send_to(1, &to, 30);
        wait_for(&keeper.datagrams, 2);
        assert_int_equal(keeper.result, PL_OK);
        assert_hears(0, 30);
        assert_int_equal(keeper.host->send(keeper.host, keeper.other, "abc", 3),
                         PL_QUEUED); /* another thread */
        assert_hears(0, 3);
        assert_int_equal(keeper.host->send(keeper.host, keeper.other, NULL, 0), PL_QUEUED);
        assert_hears(0, 0);
        stop();
    }
}

static void test_session__is_not_sent_to_when_it_is_gone(void **state)
{
    (void)state;
    begin();
    const pl_host *host = keeper.host;
    talk(0, 10);
    const pl_id id = book_of(0)->id;
    assert_int_equal(host->send(host, id, bytes, LARGEST + 1), PL_LIMIT);
    assert_int_equal(host->close(host, id, 3), PL_INVALID);
    assert_int_equal(host->send(host, book_of(0)->opened.endpoint, "x", 1), PL_INVALID);
    assert_int_equal(host->close(host, book_of(0)->opened.endpoint, PL_RESET), PL_INVALID);
    assert_int_equal(host->close(host, id, PL_RESET), PL_QUEUED);
    wait_for_end(book_of(0), PL_BY_HANDLER);
    assert_int_equal(host->send(host, id, "x", 1), PL_QUEUED); /* nobody knows it here */
    assert_int_equal(host->close(host, id, PL_RESET), PL_QUEUED);
    rig_wait_for_counter(&rig, COUNTER_STALE_MESSAGES, 2);
    keeper.other = id;
    keeper.deed = DEED_SEND_OTHER;
    talk(1, 1);
    assert_int_equal(keeper.result, PL_GONE);
    keeper.deed = DEED_NOTHING;
    talk(0, 10); /* a new session: under another id */
    assert_int_equal(keeper.opens, 3);
    assert_true(book_of(0)->id != id);
    fault_arm(IMPORT_HeapAlloc, 1, 0, 2);
    assert_int_equal(host->send(host, book_of(0)->id, "x", 1), PL_NO_MEMORY);
    assert_int_equal(host->close(host, book_of(0)->id, PL_RESET), PL_NO_MEMORY);
    fault_clear();
    assert_active(2);
    stop();
}

static void test_session__answers_are_limited_by_what_it_has_sent(void **state)
{
    (void)state;
    begin();
    keeper.deed = DEED_ECHO;
    keeper.percent = 101;
    talk(0, 100);
    assert_int_equal(keeper.result, PL_LIMIT);
    keeper.percent = 200;
    talk(0, 100);
    assert_int_equal(keeper.result, PL_OK); /* 200 in all */
    assert_hears(0, 200);
    assert_int_equal(keeper.host->send(keeper.host, book_of(0)->id, "x", 1), PL_QUEUED);
    rig_wait_for_counter(&rig, COUNTER_ANSWERS_DROPPED_REPLY_LIMIT, 2);
    talk(1, 10);
    assert_int_equal(keeper.result, PL_LIMIT); /* one client's bytes are not another's */
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_SENT), 1);
    stop();
}

static void test_session__a_relay_and_an_endpoint_without_a_limit_have_none(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        setup(NULL);
        prepare(i == 0 ? "relay" : "keeper", "udp://127.0.0.1:0")->reply_limit = i == 0 ? 1000 : 0;
        start();
        keeper.deed = DEED_ECHO;
        keeper.percent = 1000;
        talk(0, 100);
        assert_int_equal(keeper.result, PL_OK);
        assert_hears(0, 1000);
        assert_int_equal(book_of(0)->last.answer, LARGEST);
        keeper.percent = 65508; /* longer than a datagram can be */
        talk(0, 100);
        assert_int_equal(keeper.result, PL_LIMIT);
        assert_int_equal(rig_counter(&rig, COUNTER_ANSWERS_DROPPED_REPLY_LIMIT), 0);
        stop();
    }
}

static void test_session__is_mute_where_nobody_may_be_answered(void **state)
{
    (void)state;
    begin();
    const struct forgery broadcast = {.flags = MSG_BCAST};
    keeper.deed = DEED_ECHO;
    rig_wait_for_operations(1);
    forge(&broadcast, 1);
    talk(0, 100);
    assert_int_equal(book_of(0)->opened.seen, PL_SESSION | PL_NO_REPLY);
    assert_int_equal(book_of(0)->last.answer, 0);
    assert_int_equal(keeper.result, PL_LIMIT);
    assert_int_equal(keeper.host->send(keeper.host, book_of(0)->id, "x", 1), PL_QUEUED);
    rig_wait_for_counter(&rig, COUNTER_ANSWERS_DROPPED_BROADCAST, 2);
    keeper.percent = 101;
    talk(0, 100); /* the last datagram counts, and the first has earned nothing */
    assert_int_equal(book_of(0)->last.seen, PL_SESSION);
    assert_int_equal(book_of(0)->last.answer, 100);
    assert_int_equal(keeper.result, PL_LIMIT);
    assert_int_equal(rig_counter(&rig, COUNTER_ANSWERS_DROPPED_REPLY_LIMIT), 1);
    keeper.percent = 100;
    talk(0, 1);
    assert_int_equal(keeper.result, PL_OK);
    stop();
}

/* ---- Closing ---- */

static void test_session__ends_when_its_handler_closes_it(void **state)
{
    (void)state;
    begin();
    keeper.deed = DEED_CLOSE;
    for (LONG i = 1; i <= 3; i++) { /* each datagram begins a new one */
        talk(0, 1);
        assert_int_equal(keeper.opens, i);
        wait_for_end(book_of(0), PL_BY_HANDLER);
        assert_int_equal(keeper.result, PL_OK);
        assert_int_equal(keeper.second, PL_GONE);
    }
    assert_active(0);
    assert_int_equal(rig_counter(&rig, COUNTER_SESSIONS_CLOSED_BY_HANDLER), 3);
    stop();
}

static void test_session__is_given_no_datagram_when_on_open_does_not_want_it(void **state)
{
    (void)state;
    static const enum opening openings[] = {OPEN_REFUSES, OPEN_CLOSES};
    begin();
    const struct pl_address to = rig_address(&rig, 0);
    for (LONG i = 0; i < 2; i++) {
        keeper.opening = openings[i];
        send_to((size_t)i, &to, 10);
        wait_for(&keeper.closes, i + 1);
        wait_for_end(book_of((size_t)i), PL_BY_HANDLER);
    }
    assert_int_equal(keeper.result, PL_OK);
    assert_int_equal(keeper.second, PL_GONE); /* a closed one is sent nothing */
    assert_int_equal(keeper.datagrams, 0);
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_RECEIVED), 0);
    assert_active(0);
    keeper.opening = OPEN_TAKES;
    talk(0, 10);
    assert_active(1);
    stop();
}

static void test_session__ends_a_moment_after_another_one_has_closed_it(void **state)
{
    (void)state;
    begin();
    talk(0, 10);
    struct book *first = book_of(0);
    keeper.other = first->id;
    keeper.deed = DEED_CLOSE_OTHER;
    talk(1, 10);
    assert_int_equal(keeper.result, PL_OK);
    assert_int_equal(keeper.second, PL_GONE);
    keeper.deed = DEED_NOTHING;
    wait_for_end(first, PL_BY_HANDLER);
    talk(0, 10);
    assert_int_equal(first->datagrams, 1);
    assert_int_equal(keeper.opens, 3);
    assert_active(2);
    stop();
}

/* While the closed one waits for its end, its client begins anew. */
static volatile LONG64 frozen_at;

static ULONGLONG WINAPI frozen_clock(void)
{
    return (ULONGLONG)frozen_at;
}

static void test_session__that_is_closed_is_found_no_more(void **state)
{
    (void)state;
    frozen_at = (LONG64)SEAM_REAL(GetTickCount64)();
    seam_replace(IMPORT_GetTickCount64, (seam_function)frozen_clock);
    begin();
    talk(0, 10);
    struct book *first = book_of(0);
    keeper.other = first->id;
    keeper.deed = DEED_CLOSE_OTHER;
    talk(1, 10);
    keeper.deed = DEED_NOTHING;
    talk(0, 10);
    assert_int_equal(first->closes, 0); /* time stands still */
    assert_int_equal(first->datagrams, 1);
    assert_int_equal(keeper.opens, 3);
    const LONG64 before = frozen_at;
    while (first->closes == 0 && frozen_at < before + 1000) {
        InterlockedExchangeAdd64(&frozen_at, 10);
        Sleep(2);
    }
    wait_for_end(first, PL_BY_HANDLER);
    assert_active(2);
    stop();
}

/* ---- How long it lasts ---- */

static void test_session__lives_thirty_seconds_until_both_have_spoken_twice(void **state)
{
    (void)state;
    static const struct {
        LONG asks;
        bool is_answered;
    } rows[] = {{1, false}, {1, true}, {5, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        setup(NULL);
        begin();
        keeper.deed = rows[i].is_answered ? DEED_ECHO : DEED_NOTHING;
        for (LONG k = 0; k < rows[i].asks; k++) {
            talk(0, 10);
        }
        struct book *book = book_of(0);
        assert_lives(book, 25000);
        if (rows[i].asks > 1) {
            talk(0, 10); /* of no use */
        }
        clock_advance(6000);
        wait_for_end(book, PL_IDLE);
        assert_int_equal(rig_counter(&rig, COUNTER_SESSIONS_CLOSED_IDLE), 1);
        talk(0, 10);
        assert_int_equal(keeper.opens, 2);
        stop();
    }
}

static void test_session__lives_until_it_is_idle_once_both_have_spoken(void **state)
{
    (void)state;
    begin();
    keeper.deed = DEED_ECHO;
    talk(0, 10);
    talk(0, 10);
    struct book *book = book_of(0);
    assert_lives(book, 290000); /* of five minutes */
    keeper.deed = DEED_NOTHING;
    talk(0, 10);
    assert_lives(book, 290000);
    assert_int_equal(keeper.host->send(keeper.host, book->id, "x", 1), PL_QUEUED); /* an answer counts, too */
    rig_wait_for_counter(&rig, COUNTER_DATAGRAMS_SENT, 3);
    assert_lives(book, 290000);
    clock_advance(11000);
    wait_for_end(book, PL_IDLE);
    assert_active(0);
    stop();
}

static void test_session__idle_timeout_may_be_shorter_or_off(void **state)
{
    (void)state;
    prepare("keeper", "udp://127.0.0.1:0")->idle_timeout = 5000;
    start();
    talk(0, 10);
    for (int i = 0; i < 3; i++) {
        assert_lives(book_of(0), 4000);
        talk(0, 10);
    }
    clock_advance(6000);
    wait_for_end(book_of(0), PL_IDLE);
    stop();
    setup(NULL);
    prepare("keeper", "udp://127.0.0.1:0")->idle_timeout = 0;
    start();
    keeper.deed = DEED_ECHO;
    talk(0, 10);
    talk(0, 10);
    clock_advance(UINT64_C(400) * 24 * 3600 * 1000);
    Sleep(50);
    talk(0, 10);
    assert_int_equal(keeper.opens, 1);
    keeper.deed = DEED_CLOSE; /* it has no timer any more */
    talk(0, 10);
    wait_for_end(book_of(0), PL_BY_HANDLER);
    keeper.deed = DEED_NOTHING;
    talk(1, 10);
    clock_advance(31000); /* but while only one side has spoken */
    wait_for_end(book_of(1), PL_IDLE);
    stop();
}

static void test_session__a_pause_ends_none(void **state)
{
    (void)state;
    begin();
    talk(0, 10);
    engine_pause(rig.engine);
    const struct pl_address to = rig_address(&rig, 0);
    send_to(0, &to, 10);
    send_to(1, &to, 10);
    rig_wait_for_counter(&rig, COUNTER_DATAGRAMS_REFUSED_PAUSED, 2);
    assert_int_equal(keeper.host->send(keeper.host, book_of(0)->id, "x", 1), PL_QUEUED);
    assert_hears(0, 1);
    engine_continue(rig.engine);
    talk(0, 10);
    assert_int_equal(keeper.opens, 1);
    stop();
}

/* ---- Not too many ---- */

static void test_session__the_oldest_with_one_datagram_makes_room_first(void **state)
{
    (void)state;
    prepare("keeper", "udp://127.0.0.1:0")->udp_sessions_max = 4;
    rig.options.log = journal_open();
    start();
    keeper.deed = DEED_ECHO;
    for (size_t i = 0; i < 4; i++) {
        talk(i, 10);
    }
    talk(0, 10); /* 0 and 2 are repeated, 1 and 3 are not */
    talk(2, 10);
    assert_active(4);
    talk(4, 10);
    wait_for_end(book_of(1), PL_DISPLACED);
    talk(5, 10);
    wait_for_end(book_of(3), PL_DISPLACED);
    talk(4, 10); /* now all but 5 are repeated */
    talk(6, 10);
    wait_for_end(book_of(5), PL_DISPLACED);
    talk(6, 10); /* all of them: 0 has been quiet longest */
    talk(7, 10);
    wait_for_end(book_of(0), PL_DISPLACED);
    talk(7, 10);
    talk(2, 10); /* not 2 any more, but 4 */
    talk(8, 10);
    wait_for_end(book_of(4), PL_DISPLACED);
    talk(8, 10);
    keeper.other = book_of(6)->id; /* an answer is a sign of life, too: so 7 */
    keeper.deed = DEED_SEND_OTHER;
    talk(2, 1);
    assert_int_equal(keeper.result, PL_LIMIT); /* 6 was answered all that it may be: this was none */
    assert_active(4);
    talk(9, 1);
    wait_for_end(book_of(6), PL_DISPLACED);
    assert_active(4);
    assert_int_equal(rig_counter(&rig, COUNTER_SESSIONS_CLOSED_DISPLACED), 6);
    journal_wait(EVENT_SESSION_DISPLACED, 1);
    journal_assert_last(EVENT_SESSION_DISPLACED,
                        "made room for another one: udp_sessions_max = 4 is reached");
    stop();
    journal_wait(EVENT_SESSION_DISPLACED, 2);
    journal_assert_last(EVENT_SESSION_DISPLACED,
                        "5 more sessions made room for others since the last such line");
    journal_close();
}

static void test_session__an_answer_keeps_it_from_making_room(void **state)
{
    (void)state;
    prepare("relay", "udp://127.0.0.1:0")->udp_sessions_max = 2;
    start();
    for (size_t i = 0; i < 4; i++) {
        talk(i % 2, 10);
    }
    assert_int_equal(keeper.host->send(keeper.host, book_of(0)->id, "x", 1), PL_QUEUED);
    assert_hears(0, 1);
    talk(2, 10);
    wait_for_end(book_of(1), PL_DISPLACED);
    assert_int_equal(book_of(0)->closes, 0);
    stop();
}

static void test_session__one_at_most_is_one(void **state)
{
    (void)state;
    prepare("keeper", "udp://127.0.0.1:0")->udp_sessions_max = 1;
    start();
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 3; i++) {
            talk(i, 10);
            assert_active(1);
        }
    }
    assert_int_equal(keeper.opens, 9);
    stop();
}

/* A flood on one address cannot take the places of another; and where there is room, one may have it all. */
static void test_session__each_socket_has_its_share_for_certain(void **state)
{
    (void)state;
    prepare("keeper", "udp://127.0.0.1:0")->udp_sessions_max = 4;
    rig_listen(&rig, "udp://127.0.0.2:0");
    start();
    const struct pl_address second = rig_address(&rig, 1);
    for (size_t i = 0; i < 4; i++) {
        talk(i, 10);
    }
    assert_active(4);
    for (LONG i = 0; i < 2; i++) {
        send_to(10 + (size_t)i, &second, 10);
        wait_for(&keeper.datagrams, 5 + i);
    }
    assert_active(6); /* until the first one comes to know of it */
    send_to(9, &second, 10);
    wait_for(&keeper.datagrams, 7);
    wait_for_end(book_of(10), PL_DISPLACED);
    talk(4, 10);
    assert_active(4);
    for (size_t i = 0; i < 3; i++) {
        wait_for_end(book_of(i), PL_DISPLACED);
    }
    assert_int_equal(book_of(11)->closes, 0);
    stop();
}

/* More sockets than places: each has one. */
static void test_session__each_socket_has_one_at_least(void **state)
{
    (void)state;
    prepare("keeper", "udp://127.0.0.1:0")->udp_sessions_max = 1;
    rig_listen(&rig, "udp://127.0.0.2:0");
    start();
    const struct pl_address second = rig_address(&rig, 1);
    talk(0, 10);
    send_to(1, &second, 10);
    wait_for(&keeper.datagrams, 2);
    assert_active(2);
    talk(2, 10);
    wait_for_end(book_of(0), PL_DISPLACED);
    stop();
}

/* ---- When something is missing ---- */

static void test_session__is_refused_and_counted_when_memory_runs_out(void **state)
{
    (void)state;
    prepare("keeper", "udp://127.0.0.1:0")->udp_sessions_max = 3;
    rig_listen(&rig, "udp://127.0.0.2:0");
    start();
    const struct pl_address to = rig_address(&rig, 0);
    talk(11, 1);
    rig_wait_for_operations(2);
    keeper.deed = DEED_CLOSE;
    talk(11, 1); /* the tables have room now, but for the session itself */
    assert_active(0);
    rig_wait_for_operations(2);
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    send_to(0, &to, 10);
    rig_wait_for_counter(&rig, COUNTER_SESSIONS_REFUSED_ERROR, 1);
    fault_clear();
    assert_int_equal(keeper.opens, 1);
    keeper.deed = DEED_NOTHING;
    for (size_t i = 0; i < 3; i++) { /* the refused one takes none of the places */
        talk(i, 10);
    }
    assert_active(3);
    assert_int_equal(rig_counter(&rig, COUNTER_SESSIONS_CLOSED_DISPLACED), 0);
    stop();
}

/* The tables' own memory: the first session of an engine needs it. */
static void test_session__survives_each_allocation_that_fails(void **state)
{
    (void)state;
    uint32_t refusals = 0;
    for (uint32_t nth = 1; nth <= 5; nth++) {
        setup(NULL);
        begin();
        const struct pl_address to = rig_address(&rig, 0);
        rig_wait_for_operations(1);
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        send_to(0, &to, 10);
        const uint64_t deadline = rig_deadline();
        while (keeper.datagrams == 0 && rig_counter(&rig, COUNTER_SESSIONS_REFUSED_ERROR) == 0) {
            clock_advance(20); /* a receive without a buffer is tried again */
            rig_nap(deadline, "a datagram, or its refusal");
        }
        refusals += (uint32_t)rig_counter(&rig, COUNTER_SESSIONS_REFUSED_ERROR);
        fault_clear();
        const LONG datagrams = keeper.datagrams;
        send_to(0, &to, 10);
        wait_for(&keeper.datagrams, datagrams + 1);
        assert_active(1);
        stop();
    }
    assert_in_range(refusals, 2,
                    4); /* the session and the buckets; the slots' chunk was there for the endpoint */
}

/* An endpoint with sessions needs a little more than one without. */
static void test_session__an_engine_starts_or_waits_when_memory_runs_out(void **state)
{
    (void)state;
    bool is_hit = true;
    uint32_t waits = 0;
    for (uint32_t nth = 1; is_hit; nth++) {
        setup(NULL);
        prepare("keeper", "udp://127.0.0.1:0");
        rig.config.service.bind_retry = 100;
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        const bool is_up = rig_try(&rig);
        is_hit = fault_hits() > 0;
        fault_clear();
        if (is_up) {
            const uint64_t deadline = rig_deadline();
            waits += rig_at(&rig, 0).state == LISTENER_WAITING;
            while (rig_at(&rig, 0).state != LISTENER_LISTENING) {
                clock_advance(100);
                rig_nap(deadline, "the socket");
            }
            rig_stop(&rig);
        }
        assert_int_equal(ledger_count(LEDGER_BLOCK), 0);
    }
    assert_in_range(waits, 2, 3); /* the socket's own memory, and that of its sessions */
}

static void test_session__ends_with_its_socket(void **state)
{
    (void)state;
    prepare("keeper", "udp://127.0.0.1:0");
    rig.config.service.bind_retry = 20;
    start();
    const struct pl_address to = rig_address(&rig, 0);
    talk(0, 10);
    talk(1, 10);
    talk(1, 10);
    deaths_arm(1);
    rig_wait_for_operations(1);
    fault_arm(IMPORT_WSARecvMsg, 1, WSAENOTSOCK, 1);
    send_to(2, &to, 10);
    for (size_t i = 0; i < 2; i++) {
        wait_for_end(book_of(i), PL_ERROR);
        assert_int_equal(book_of(i)->error, WSAENOTSOCK);
    }
    assert_int_equal(rig_counter(&rig, COUNTER_SESSIONS_CLOSED_ERROR), 2);
    rig_wait_for_state(&rig, 0, LISTENER_LISTENING);
    rig_wait_for_operations(1);
    talk(0, 10); /* on the new socket */
    assert_active(1);
    stop();
}

static void test_session__ends_at_once_when_the_service_stops(void **state)
{
    (void)state;
    begin();
    for (size_t i = 0; i < CLIENTS; i++) {
        talk(i, 10);
    }
    const uint64_t began = clock_now();
    assert_true(rig_drain(&rig, 10000)); /* nothing to wait for */
    assert_in_range(clock_now() - began, 0, 9000);
    assert_int_equal(keeper.closes, CLIENTS);
    assert_int_equal(rig_counter(&rig, COUNTER_SESSIONS_CLOSED_STOPPING), CLIENTS);
    stop();
}

/* Handlers that take their time are not given up as long as one session after the other ends. */
static void test_session__a_stop_waits_while_one_after_the_other_ends(void **state)
{
    (void)state;
    enum { ADDRESSES = 5 };
    prepare("keeper", "udp://0.0.0.0:0");
    start();
    LONG sessions = 0;
    for (int k = 1; k <= ADDRESSES; k++) {
        struct pl_address to = client_address("127.0.0.1", rig_at(&rig, 0).address.port);
        to.ip[3] = (uint8_t)k;
        for (size_t i = 0; i < CLIENTS; i++) {
            send_to(i, &to, 10);
            wait_for(&keeper.datagrams, ++sessions);
        }
    }
    keeper.nap = 40; /* 60 times: more than the second of grace */
    assert_true(rig_drain(&rig, 0));
    assert_int_equal(keeper.closes, ADDRESSES * CLIENTS);
    stop();
}

/* ---- A random walk ---- */

/* Clients come, speak and are closed; time passes. The books, the counters and the limit must agree all the time. */
static void test_session__the_books_balance_over_a_random_walk(void **state)
{
    (void)state;
    struct random random = {20};
    prepare("keeper", "udp://127.0.0.1:0")->udp_sessions_max = 5;
    start();
    for (int step = 0; step < 1500; step++) {
        const uint32_t kind = random_below(&random, 100);
        keeper.other = keeper.opens > 0 ? keeper.books[random_below(&random, (uint32_t)keeper.opens)].id : 0;
        keeper.deed = kind < 60   ? DEED_ECHO
                      : kind < 80 ? DEED_NOTHING
                      : kind < 85 ? DEED_CLOSE
                      : kind < 95 ? DEED_CLOSE_OTHER
                                  : DEED_SEND_OTHER;
        talk(random_below(&random, CLIENTS), random_below(&random, 50));
        if (kind == 7 || kind == 8) {
            clock_advance(kind == 7 ? 31000 : 301000);
        }
        assert_in_range(rig_counter(&rig, COUNTER_SESSIONS_OPENED) - rig_sessions_closed(&rig), 0, 5);
    }
    assert_true(rig_counter(&rig, COUNTER_SESSIONS_CLOSED_DISPLACED) > 100);
    assert_true(rig_counter(&rig, COUNTER_SESSIONS_CLOSED_IDLE) > 10);
    assert_true(rig_counter(&rig, COUNTER_SESSIONS_CLOSED_BY_HANDLER) > 50);
    assert_true(rig_counter(&rig, COUNTER_DATAGRAM_BYTES_SENT) <=
                rig_counter(&rig, COUNTER_DATAGRAM_BYTES_RECEIVED));
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_RECEIVED), 1500);
    stop();
}

/* ---- Of one source, of a proxy's clients, in the access log ---- */

static void test_session__a_source_has_only_so_many(void **state)
{
    (void)state;
    prepare("keeper", "udp://127.0.0.1:0")->max_connections_per_source = 3;
    rig.options.log = journal_open();
    start(); /* twelve clients of one address */
    for (size_t i = 0; i < 3; i++) {
        talk(i, 10);
    }
    const struct pl_address to = rig_address(&rig, 0);
    send_to(3, &to, 10);
    rig_wait_for_counter(&rig, COUNTER_SESSIONS_REFUSED_PER_SOURCE, 1);
    assert_active(3);
    talk(0, 10); /* those that there are go on */
    keeper.deed = DEED_CLOSE;
    talk(1, 10);
    assert_active(2);
    keeper.deed = DEED_NOTHING;
    talk(3, 10); /* its place is free at once */
    assert_active(3);
    assert_int_equal(rig_counter(&rig, COUNTER_SESSIONS_REFUSED_PER_SOURCE), 1);
    journal_wait(EVENT_CLIENT_REFUSED, 1);
    journal_assert_last(EVENT_CLIENT_REFUSED, "was dropped: max_connections_per_source = 3 is reached");
    stop();
    journal_close();
}

static void test_session__a_lack_of_memory_keeps_no_source_counted(void **state)
{
    (void)state;
    prepare("keeper", "udp://127.0.0.1:0")->max_connections_per_source = 1;
    start();
    const struct pl_address to = rig_address(&rig, 0);
    for (uint32_t nth = 1; nth <= 4; nth++) {
        const uint64_t before = rig_counter(&rig, COUNTER_SESSIONS_REFUSED_ERROR);
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        const LONG opens = keeper.opens;
        send_to(0, &to, 10);
        for (const uint64_t deadline = rig_deadline();
             keeper.opens == opens && rig_counter(&rig, COUNTER_SESSIONS_REFUSED_ERROR) == before;) {
            rig_nap(deadline, "a session, or none");
        }
        fault_clear();
        if (keeper.opens > opens) {
            break;
        }
    }
    keeper.deed = DEED_CLOSE;
    const LONG datagrams = keeper.datagrams;
    send_to(0, &to, 10);
    for (const uint64_t deadline = rig_deadline(); keeper.datagrams == datagrams;) {
        rig_nap(deadline, "the handler");
    }
    keeper.deed = DEED_NOTHING;
    assert_active(0);
    talk(1, 10);
    assert_active(1);
    stop();
}

static const uint8_t proxied[] = {'\r', '\n', '\r', '\n', 0,    '\r', '\n', 'Q', 'U', 'I', 'T',
                                  '\n', 0x21, 0x12, 0,    12,   192,  0,    2,   7,   198, 51,
                                  100,  9,    0x13, 0x88, 0x01, 0xBB, 'h',  'e', 'l', 'l', 'o'};

/* Two clients behind one proxy; the answers go to the proxy. */
static void test_session__belongs_to_the_client_that_a_proxy_names(void **state)
{
    (void)state;
    struct address_prefix proxy = {.address = client_address("127.0.0.1", 0), .length = 32};
    struct config_endpoint *endpoint = prepare("keeper", "udp://127.0.0.1:0");
    endpoint->proxy_protocol = CONFIG_PROXY_V2;
    endpoint->trusted_proxies = (struct config_prefixes){&proxy, 1};
    endpoint->max_connections_per_source = 1; /* of the clients, not of the proxy */
    keeper.deed = DEED_ECHO;
    start();
    const struct pl_address to = rig_address(&rig, 0), own = client_local(clients[0]);
    uint8_t datagram[sizeof proxied];
    memcpy(datagram, proxied, sizeof proxied);
    for (int client = 0; client < 2; client++) {
        datagram[19] = (uint8_t)(7 + client);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(client_send_datagram(clients[0], &to, datagram, sizeof datagram), CLIENT_OK);
            assert_hears(0, 5);
        }
        const struct book *book = &keeper.books[client];
        assert_int_equal(book->opened.seen, PL_PROXIED | PL_SESSION);
        assert_int_equal(book->opened.peer.ip[3], 7 + client);
        assert_int_equal(book->opened.peer.port, 5000);
        assert_int_equal(book->opened.local.port, 443);
        assert_true(address_equal(&book->opened.proxy, &own));
    }
    assert_active(2);
    stop();
}

static struct folder folder;

static struct access_log *open_access_log(void)
{
    struct failure failure;
    folder_init(&folder);
    struct access_log *log = access_log_create(
        &(const struct access_log_options){.file.path = folder_join(&folder, "a.log")}, &failure);
    assert_non_null(log);
    return log;
}

static void test_session__that_makes_room_is_counted_and_logged_once(void **state)
{
    (void)state;
    struct access_log *log = open_access_log();
    prepare("keeper", "udp://127.0.0.1:0")->udp_sessions_max = 2;
    rig.options.access_log = log;
    start();
    for (size_t i = 0; i < 5; i++) {
        talk(i, 10);
    }
    assert_active(2);
    assert_int_equal(rig_counter(&rig, COUNTER_SESSIONS_CLOSED_DISPLACED), 3);
    stop();
    access_log_destroy(log);
    size_t length = 0, displaced = 0, stopping = 0;
    char *lines = folder_read(&folder, "a.log", &length);
    for (const char *at = lines; (at = strstr(at, " outcome=closed reason=")) != NULL; at++) {
        displaced += strncmp(at, " outcome=closed reason=displaced\r\n", 34) == 0;
        stopping += strncmp(at, " outcome=closed reason=stopping\r\n", 33) == 0;
    }
    assert_int_equal(displaced, 3);
    assert_int_equal(stopping, 2);
    free(lines);
    folder_fini(&folder);
}

/* The sum of a number in all lines, "bytes_out=". */
static uint64_t sum_of(const char *lines, const char *name)
{
    uint64_t sum = 0;
    for (const char *at = lines; (at = strstr(at, name)) != NULL;) {
        at += strlen(name);
        sum += strtoull(at, NULL, 10);
    }
    return sum;
}

/* What the network does not take is no byte sent, and no answer: who has had none stays young. */
static void test_session__counts_only_what_the_network_takes(void **state)
{
    (void)state;
    struct access_log *log = open_access_log();
    prepare("keeper", "udp://127.0.0.1:0");
    rig.options.access_log = log;
    keeper.deed = DEED_ECHO;
    start();
    talk(0, 10);
    fault_arm(IMPORT_WSASendMsg, 1, WSAENOBUFS, 3);
    talk(0, 20);
    talk(1, 40);
    talk(1, 80);
    fault_clear();
    talk(0, 160);
    assert_int_equal(keeper.result, PL_OK);
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_UNSENT), 3);
    assert_lives(book_of(0), 20000);
    clock_advance(20000); /* past the youth of both */
    wait_for_end(book_of(1), PL_IDLE);
    assert_lives(book_of(0), 1000);
    const uint64_t sent = rig_counter(&rig, COUNTER_DATAGRAM_BYTES_SENT);
    assert_int_equal(sent, 10 + 160);
    stop();
    access_log_destroy(log);
    size_t length = 0;
    char *lines = folder_read(&folder, "a.log", &length);
    assert_int_equal(sum_of(lines, " bytes_out="), sent);
    free(lines);
    folder_fini(&folder);
}

static void test_session__has_one_line_in_the_access_log(void **state)
{
    (void)state;
    struct access_log *log = open_access_log();
    prepare("keeper", "udp://127.0.0.1:0");
    rig.options.access_log = log;
    keeper.deed = DEED_ECHO;
    start();
    talk(0, 10);
    talk(0, 20);
    keeper.deed = DEED_CLOSE;
    talk(0, 5);
    assert_active(0);
    const struct pl_address own = client_local(clients[0]), to = rig_address(&rig, 0);
    stop();
    access_log_destroy(log);
    char expected[256];
    struct text text;
    size_t length = 0;
    char *lines = folder_read(&folder, "a.log", &length);
    text_init(&text, expected, sizeof expected);
    text_add_format(&text,
                    " endpoint=u protocol=udp client=127.0.0.1 client_port=%u proxy=- proxy_port=- "
                    "local=127.0.0.1 local_port=%u connection=%016llx bytes_in=35 bytes_out=30 duration_ms=",
                    own.port, to.port, (unsigned long long)keeper.books[0].id);
    assert_non_null(strstr(lines, expected));
    assert_non_null(strstr(lines, " outcome=closed reason=by-handler\r\n"));
    assert_ptr_equal(strchr(lines, '\n'), lines + strlen(lines) - 1); /* one line */
    free(lines);
    folder_fini(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        session_test(test_session__is_kept_from_the_first_datagram_on),
        session_test(test_session__is_one_for_each_address_that_was_asked),
        session_test(test_session__needs_no_on_open_and_no_on_close),
        session_test(test_session__cuts_and_counts_like_any_datagram),
        session_test(test_session__can_be_sent_to_at_any_time),
        session_test(test_session__is_not_sent_to_when_it_is_gone),
        session_test(test_session__answers_are_limited_by_what_it_has_sent),
        session_test(test_session__a_relay_and_an_endpoint_without_a_limit_have_none),
        session_test(test_session__is_mute_where_nobody_may_be_answered),
        session_test(test_session__ends_when_its_handler_closes_it),
        session_test(test_session__is_given_no_datagram_when_on_open_does_not_want_it),
        session_test(test_session__ends_a_moment_after_another_one_has_closed_it),
        session_test(test_session__that_is_closed_is_found_no_more),
        session_test(test_session__lives_thirty_seconds_until_both_have_spoken_twice),
        session_test(test_session__lives_until_it_is_idle_once_both_have_spoken),
        session_test(test_session__idle_timeout_may_be_shorter_or_off),
        session_test(test_session__a_pause_ends_none),
        session_test(test_session__the_oldest_with_one_datagram_makes_room_first),
        session_test(test_session__an_answer_keeps_it_from_making_room),
        session_test(test_session__one_at_most_is_one),
        session_test(test_session__each_socket_has_its_share_for_certain),
        session_test(test_session__each_socket_has_one_at_least),
        session_test(test_session__is_refused_and_counted_when_memory_runs_out),
        session_test(test_session__survives_each_allocation_that_fails),
        session_test(test_session__an_engine_starts_or_waits_when_memory_runs_out),
        session_test(test_session__ends_with_its_socket),
        session_test(test_session__ends_at_once_when_the_service_stops),
        session_test(test_session__a_stop_waits_while_one_after_the_other_ends),
        session_test(test_session__the_books_balance_over_a_random_walk),
        session_test(test_session__a_source_has_only_so_many),
        session_test(test_session__a_lack_of_memory_keeps_no_source_counted),
        session_test(test_session__belongs_to_the_client_that_a_proxy_names),
        session_test(test_session__that_makes_room_is_counted_and_logged_once),
        session_test(test_session__counts_only_what_the_network_takes),
        session_test(test_session__has_one_line_in_the_access_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
