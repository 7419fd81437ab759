/* SPDX-License-Identifier: MIT
   Tests of connection/udp_peer.c: a UDP socket that a handler has opened to one other host, while calls of the system fail,
   memory runs out, and that host goes away. test_connect.c has how it opens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/address.h"
#include "connection/udp_peer.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/journal.h"
#include "support/names.h"
#include "support/rig.h"
#include "support/seam.h"

enum {
    ROOM = 1000 /* of a datagram that is received */,
    LARGEST = 65507,
    BURST = 40 /* more than one turn takes */
};

/* ---- A handler with one peer at a time ---- */

static struct {
    const pl_host *host;
    pl_id endpoint;
    pl_id id; /* the peer's */
    volatile LONG opens, closes, datagrams, timers, mistakes;
    volatile LONG refuses;    /* on_open does */
    volatile LONG closes_at;  /* the datagram in which it closes; 0: none */
    volatile LONG is_held_up; /* W, in a function that was posted to it */
    int32_t results[8];       /* of what was called on W */
    int32_t reason;
    uint32_t error;
    pl_info opened, last;
    size_t length; /* of the last datagram */
} caller;

static int owner; /* what the state points to */
static uint8_t bytes[LARGEST + 1];
static char target[64];
static const char *handler_name = "caller";

static void require(bool is_right)
{
    InterlockedExchangeAdd(&caller.mistakes, !is_right);
}

static int32_t caller__start(pl_start *start)
{
    caller.host = start->host;
    caller.endpoint = start->endpoint;
    start->state = &owner;
    return PL_OK;
}

static int32_t caller__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    require(state == &owner && *user == &caller && info->id == id && info->seen == PL_OUTBOUND);
    caller.opened = *info;
    InterlockedIncrement(&caller.opens);
    return caller.refuses ? -1 : PL_OK;
}

/* Each begins with its number, unless it is empty. */
static void caller__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                                const pl_info *info)
{
    require(state == &owner && *user == &caller && info->id == id && id == caller.id && caller.closes == 0);
    require(length == 0 || at[0] == (uint8_t)caller.datagrams);
    caller.last = *info;
    caller.length = length;
    if (caller.datagrams + 1 == caller.closes_at) {
        require(caller.host->close(caller.host, id, PL_FINISH) == PL_OK);
        require(caller.host->send(caller.host, id, "x", 1) == PL_GONE);
    }
    InterlockedIncrement(&caller.datagrams);
}

static void caller__on_timer(void *state, pl_id id, void **user)
{
    require(state == &owner && id == caller.id && *user == &caller);
    InterlockedIncrement(&caller.timers);
}

static void caller__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t error)
{
    require(state == &owner && *user == &caller && id == caller.id);
    caller.reason = reason;
    caller.error = error;
    InterlockedIncrement(&caller.closes);
}

static const struct pl_handler full_handler = {.size = sizeof full_handler,
                                               .abi_major = PL_ABI_MAJOR,
                                               .abi_minor = PL_ABI_MINOR,
                                               .flags = PL_UDP,
                                               .name = "caller",
                                               .start = caller__start,
                                               .on_open = caller__on_open,
                                               .on_datagram = caller__on_datagram,
                                               .on_timer = caller__on_timer,
                                               .on_close = caller__on_close};

/* It wants to hear of nothing but datagrams. */
static const struct pl_handler terse_handler = {.size = sizeof terse_handler,
                                                .abi_major = PL_ABI_MAJOR,
                                                .abi_minor = PL_ABI_MINOR,
                                                .flags = PL_UDP,
                                                .name = "terse",
                                                .start = caller__start,
                                                .on_datagram = caller__on_datagram};

static const struct pl_handler *const handlers[] = {&full_handler, &terse_handler, NULL};

/* ---- On its worker ---- */

typedef void (*deed_function)(pl_id id);

struct errand {
    deed_function deed;
    volatile LONG is_done, is_lost;
};

static void errand__run(void *state, pl_id id, void **user, void *what)
{
    struct errand *errand = what;
    if (id == 0) {
        require(state == NULL && user == NULL);
        errand->is_lost = 1;
    } else {
        require(state == &owner && (id == caller.endpoint || *user == &caller));
        errand->deed(id);
    }
    InterlockedIncrement(&errand->is_done);
}

static void wait_for(const volatile LONG *count, LONG value)
{
    for (const uint64_t deadline = rig_deadline(); *count < value;) {
        rig_nap(deadline, "the handler");
    }
    assert_int_equal(*count, value);
}

/* False: `id` is gone, or not open yet. */
static bool do_on(pl_id id, deed_function deed)
{
    static struct errand errand;
    errand = (struct errand){.deed = deed};
    assert_int_equal(caller.host->post(caller.host, id, errand__run, &errand), PL_QUEUED);
    wait_for(&errand.is_done, 1);
    return !errand.is_lost;
}

static void connects(pl_id id)
{
    const pl_connect how = {
        .size = sizeof how, .protocol = PL_UDP, .target = {target, strlen(target)}, .user = &caller};
    caller.results[0] = caller.host->connect(caller.host, id, &how, &caller.id);
}

static void connects_and_then_lacks_memory(pl_id id)
{
    connects(id);
    fault_arm(IMPORT_HeapAlloc, 1, 0, FAULT_FOREVER);
}

/* ---- Fixture ---- */

static struct rig rig;
static struct client *remote;
static uint8_t answer[LARGEST + 1];

static void begin_remote(uint16_t port)
{
    const struct pl_address at = client_address("127.0.0.1", port);
    remote = client_open_datagram(&at);
    assert_non_null(remote);
}

static struct config_endpoint *prepare(void)
{
    rig_init(&rig, handlers);
    struct config_endpoint *endpoint = rig_endpoint(&rig, "out", handler_name, "udp://127.0.0.1:0");
    endpoint->max_datagram = ROOM;
    rig.options.log = journal_open();
    return endpoint;
}

static void start(void)
{
    rig_start(&rig);
    begin_remote(0);
    rig_wait_for_operations(1); /* the endpoint's own receive */
}

/* The name is resolved when the test says so: see open_later. */
static void connect_to(const char *host)
{
    snprintf(target, sizeof target, "%s:%u", host, client_local(remote).port);
    assert_true(do_on(caller.endpoint, connects));
    assert_int_equal(caller.results[0], PL_OK);
}

static void connect_later(void)
{
    names_hold("slow.test", false);
    connect_to("slow.test");
    for (const uint64_t deadline = rig_deadline(); names_held() == 0;) {
        rig_nap(deadline, "its question");
    }
}

static void begin(void)
{
    prepare();
    start();
    connect_to("127.0.0.1");
    wait_for(&caller.opens, 1);
    rig_wait_for_operations(2);
}

/* The next datagram of the peer's. */
static void say(size_t length)
{
    bytes[0] = (uint8_t)caller.datagrams;
    assert_int_equal(client_send_datagram(remote, &caller.opened.local, bytes, length), CLIENT_OK);
}

static void say_and_wait(size_t length)
{
    const LONG datagrams = caller.datagrams;
    say(length);
    wait_for(&caller.datagrams, datagrams + 1);
    assert_int_equal(caller.length, length < ROOM ? length : ROOM);
}

static void assert_hears(const char *words)
{
    size_t length = 0;
    assert_int_equal(client_receive_datagram(remote, answer, sizeof answer, &length, NULL, CLIENT_PATIENCE),
                     CLIENT_OK);
    assert_int_equal(length, strlen(words));
    assert_memory_equal(answer, words, length);
}

static void assert_ends(int32_t reason, uint32_t error)
{
    wait_for(&caller.closes, 1);
    assert_int_equal(caller.reason, reason);
    assert_int_equal(caller.error, error);
}

static int32_t tell(const char *words)
{
    return caller.host->send(caller.host, caller.id, words, strlen(words));
}

static void hang_up(void)
{
    assert_int_equal(caller.host->close(caller.host, caller.id, PL_FINISH), PL_QUEUED);
    assert_ends(PL_BY_HANDLER, 0);
}

static void stop(void)
{
    client_close(remote);
    rig_stop(&rig);
    journal_close();
    assert_int_equal(caller.mistakes, 0);
}

static void forget(void)
{
    memset(&caller, 0, sizeof caller);
    fault_clear();
}

static int setup(void **state)
{
    forget();
    const int result = rig_setup(state);
    names_begin();
    return result;
}

static int teardown(void **state)
{
    names_end();
    return rig_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- Receiving ---- */

static void holds_up(pl_id id)
{
    (void)id;
    InterlockedExchange(&caller.is_held_up, 1);
    for (int i = 0; caller.is_held_up == 1 && i < 3000; i++) {
        Sleep(10);
    }
}

/* So many are there when W looks. */
static void say_at_once(int count)
{
    static struct errand errand;
    errand = (struct errand){.deed = holds_up};
    assert_int_equal(caller.host->post(caller.host, caller.id, errand__run, &errand), PL_QUEUED);
    wait_for(&caller.is_held_up, 1);
    for (int i = 0; i < count; i++) {
        bytes[0] = (uint8_t)(caller.datagrams + i);
        assert_int_equal(client_send_datagram(remote, &caller.opened.local, bytes, 10), CLIENT_OK);
    }
    InterlockedExchange(&caller.is_held_up, 0);
    wait_for(&errand.is_done, 1);
}

static void test_udp_peer__receives_whether_or_not_the_machine_can_peek(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 0, ROOM, ROOM + 1, 2 * ROOM, 2};
    for (int can_peek = 1; can_peek >= 0; can_peek--) {
        forget();
        prepare();
        fault_arm(IMPORT_WSARecv, 1, WSAEOPNOTSUPP, can_peek ? 0 : 1); /* the trial */
        start();
        fault_clear();
        connect_to("127.0.0.1");
        wait_for(&caller.opens, 1);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            say_and_wait(sizes[i]);
            assert_int_equal(caller.last.seen, PL_OUTBOUND | (sizes[i] > ROOM ? (uint32_t)PL_TRUNCATED : 0U));
        }
        const LONG before = caller.datagrams;
        say_at_once(BURST);
        wait_for(&caller.datagrams, before + BURST);
        rig_wait_for_operations(2); /* it waits again */
        assert_int_equal(tell("still here"), PL_QUEUED);
        assert_hears("still here");
        hang_up();
        stop();
    }
}

static void test_udp_peer__hears_nothing_after_its_close(void **state)
{
    (void)state;
    begin();
    caller.closes_at = 3;
    say_at_once(BURST);
    assert_ends(PL_BY_HANDLER, 0);
    assert_int_equal(caller.datagrams, 3);
    rig_wait_for_operations(1);
    stop();
}

/* Receives fail, and then they do not: nothing is lost that the system has kept. */
static void test_udp_peer__goes_on_after_what_passes(void **state)
{
    (void)state;
    static const struct {
        enum import import;
        uint32_t nth; /* 1: what fetches the datagram; 3: what waits for the next one */
        DWORD code;
        uint32_t times;
    } rows[] = {
        {IMPORT_WSARecv, 1, WSAECONNRESET, 1},
        {IMPORT_WSARecv, 1, WSAECONNRESET, BURST}, /* more than are told in one turn */
        {IMPORT_WSARecv, 1, WSAENOBUFS, 1},
        {IMPORT_WSARecv, 3, WSAECONNRESET, 1},
        {IMPORT_WSARecv, 3, WSAECONNRESET, BURST},
        {IMPORT_WSARecv, 3, WSAENOBUFS, 2},
        {IMPORT_HeapAlloc, 1, 0, 1}, /* a buffer */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        forget();
        begin();
        fault_clear();
        fault_arm(rows[i].import, rows[i].nth, rows[i].code, rows[i].times);
        say_and_wait(5);
        say_and_wait(6);
        for (const uint64_t deadline = rig_deadline(); fault_hits() < rows[i].times;) {
            rig_nap(deadline, "what fails");
        }
        say_and_wait(7);
        assert_int_equal(caller.closes, 0);
        hang_up();
        stop();
    }
}

/* Where the machine cannot peek, a receive that waits needs a buffer; one to fetch with comes from the pool by then. */
static void test_udp_peer__waits_for_memory_where_the_machine_cannot_peek(void **state)
{
    (void)state;
    prepare();
    fault_arm(IMPORT_WSARecv, 1, WSAEOPNOTSUPP, 1);
    start();
    fault_clear();
    snprintf(target, sizeof target, "127.0.0.1:%u", client_local(remote).port);
    assert_true(do_on(caller.endpoint, connects_and_then_lacks_memory));
    wait_for(&caller.opens, 1);
    for (const uint64_t deadline = rig_deadline(); fault_hits() < 2;) {
        rig_nap(deadline, "what fails");
    }
    fault_clear();
    say_and_wait(5);
    hang_up();
    stop();
}

static void test_udp_peer__pauses_while_nothing_works(void **state)
{
    (void)state;
    enum { PAUSE = 100, TURN = 33 }; /* milliseconds; calls at the most */
    static const DWORD codes[] = {WSAECONNRESET, WSAENOBUFS};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        forget();
        begin();
        fault_clear();
        const uint64_t since = GetTickCount64();
        fault_arm(IMPORT_WSARecv, 1, codes[i], FAULT_FOREVER);
        say(5);
        Sleep(5 * PAUSE);
        const uint32_t hits = fault_hits();
        const uint64_t pauses = (GetTickCount64() - since) / PAUSE;
        assert_in_range(hits, 1, (pauses + 2) * TURN);
        fault_clear();
        wait_for(&caller.datagrams, 1);
        hang_up();
        stop();
    }
}

static void test_udp_peer__ends_with_an_error_that_does_not_pass(void **state)
{
    (void)state;
    for (uint32_t nth = 1; nth <= 3; nth += 2) {
        forget();
        begin();
        fault_clear();
        fault_arm(IMPORT_WSARecv, nth, WSAENETDOWN, FAULT_FOREVER);
        say(5);
        assert_ends(PL_ERROR, WSAENETDOWN);
        fault_clear();
        assert_int_equal(caller.datagrams, nth / 3); /* what came before it was delivered */
        rig_wait_for_counter(&rig, COUNTER_OUTBOUND_CLOSED, 1);
        stop();
    }
}

/* The operation itself ends with an error: as the system has it, a status. */
static OVERLAPPED *volatile waiting;
static volatile LONG wanted_status;

static int WSAAPI receive_and_note(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                                   LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    waiting = overlapped != NULL ? overlapped : waiting;
    return SEAM_REAL(WSARecv)(s, buffers, count, received, flags, overlapped, routine);
}

static BOOL WINAPI dequeue_and_change(HANDLE port, LPOVERLAPPED_ENTRY entries, ULONG count,
                                      PULONG removed_out, DWORD timeout, BOOL alertable)
{
    const BOOL result =
        SEAM_REAL(GetQueuedCompletionStatusEx)(port, entries, count, removed_out, timeout, alertable);
    for (ULONG i = 0; result && i < *removed_out; i++) {
        if (entries[i].lpOverlapped == waiting && wanted_status != 0) {
            waiting->Internal = (ULONG_PTR)(ULONG)InterlockedExchange(&wanted_status, 0);
        }
    }
    return result;
}

static void test_udp_peer__takes_what_its_receive_ends_with(void **state)
{
    (void)state;
    static const struct {
        uint32_t status; /* [MS-ERREF] section 2.3.1 */
        uint32_t error;  /* 0: it goes on */
    } rows[] = {
        {0xC000023F, 0},         /* PORT_UNREACHABLE */
        {0xC000A012, 0},         /* HOPLIMIT_EXCEEDED */
        {0xC000009A, 0},         /* INSUFFICIENT_RESOURCES: after a pause */
        {0xC0000022, WSAEACCES}, /* ACCESS_DENIED */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        forget();
        seam_replace(IMPORT_WSARecv, (seam_function)receive_and_note);
        seam_replace(IMPORT_GetQueuedCompletionStatusEx, (seam_function)dequeue_and_change);
        begin();
        InterlockedExchange(&wanted_status, (LONG)rows[i].status);
        say(5);
        if (rows[i].error == 0) {
            wait_for(&caller.datagrams, 1);
            say_and_wait(6);
            hang_up();
        } else {
            assert_ends(PL_ERROR, rows[i].error);
        }
        stop();
        seam_replace(IMPORT_WSARecv, NULL);
        seam_replace(IMPORT_GetQueuedCompletionStatusEx, NULL);
    }
}

/* ---- Sending ---- */

static void sends_what_fails(pl_id id)
{
    const pl_host *host = caller.host;
    fault_arm(IMPORT_WSASend, 1, WSAENOBUFS, 1);
    caller.results[1] = host->send(host, id, "lost", 4);
    caller.results[2] = host->send(host, id, bytes, LARGEST + 1);
    caller.results[3] = host->send(host, id, "kept", 4);
}

static void test_udp_peer__counts_what_the_network_does_not_take(void **state)
{
    (void)state;
    begin();
    assert_true(do_on(caller.id, sends_what_fails));
    assert_int_equal(caller.results[1], PL_OK); /* as if the network had lost it */
    assert_int_equal(caller.results[2], PL_LIMIT);
    assert_int_equal(caller.results[3], PL_OK);
    assert_hears("kept");
    assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_UNSENT), 1);
    assert_int_equal(rig_counter(&rig, COUNTER_OUTBOUND_BYTES_SENT), 4);
    assert_int_equal(caller.host->send(caller.host, caller.id, bytes, LARGEST + 1), PL_LIMIT);
    hang_up();
    assert_int_equal(tell("late"), PL_QUEUED);
    assert_int_equal(caller.host->close(caller.host, caller.id, PL_RESET), PL_QUEUED);
    rig_wait_for_counter(&rig, COUNTER_STALE_MESSAGES, 2);
    stop();
}

/* ---- Before it is open ---- */

static void sends_without_memory(pl_id id)
{
    (void)id;
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    caller.results[1] = caller.host->send(caller.host, caller.id, "never", 5);
    fault_clear();
    caller.results[2] = caller.host->send(caller.host, caller.id, "one", 3);
    caller.results[3] = caller.host->send(caller.host, caller.id, NULL, 0);
    caller.results[4] = caller.host->send(caller.host, caller.id, "three", 5);
    caller.results[5] = caller.host->timer(caller.host, caller.id, 1);
    caller.results[6] = caller.host->send(caller.host, caller.id, bytes, LARGEST + 1);
}

static void test_udp_peer__keeps_what_is_sent_before_it_is_open(void **state)
{
    (void)state;
    prepare();
    start();
    connect_later();
    assert_true(do_on(caller.endpoint, sends_without_memory));
    assert_int_equal(caller.results[1], PL_NO_MEMORY);
    assert_int_equal(caller.results[2], PL_QUEUED);
    assert_int_equal(caller.results[3], PL_QUEUED);
    assert_int_equal(caller.results[4], PL_QUEUED);
    assert_int_equal(caller.results[5], PL_GONE); /* of what is not open */
    assert_int_equal(caller.results[6], PL_LIMIT);
    assert_false(do_on(caller.id, connects));
    names_let_go();
    assert_hears("one");
    assert_hears("");
    assert_hears("three");
    wait_for(&caller.opens, 1);
    hang_up();
    stop();
}

static size_t flood_length;
static LONG flood_taken;

static void floods(pl_id id)
{
    int32_t result = PL_QUEUED;
    (void)id;
    for (flood_taken = -1; result == PL_QUEUED && flood_taken < UDP_PEER_WAITING; flood_taken++) {
        result = caller.host->send(caller.host, caller.id, bytes, flood_length);
    }
    caller.results[1] = result;
}

/* Empty ones take memory as well. */
static void test_udp_peer__bounds_what_waits_until_it_is_open(void **state)
{
    (void)state;
    static const size_t sizes[] = {LARGEST, 1000, 1, 0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        forget();
        prepare();
        start();
        connect_later();
        flood_length = sizes[i];
        assert_true(do_on(caller.endpoint, floods));
        assert_int_equal(caller.results[1], PL_LIMIT);
        assert_in_range(flood_taken, 1, UDP_PEER_WAITING / (sizes[i] + 1));
        assert_int_equal(caller.host->close(caller.host, caller.id, PL_RESET), PL_QUEUED);
        assert_ends(PL_BY_HANDLER, 0);
        assert_int_equal(caller.opens, 0);
        names_let_go();
        stop();
    }
}

static void finishes(pl_id id)
{
    const pl_host *host = caller.host;
    (void)id;
    caller.results[1] = host->send(host, caller.id, "last words", 10);
    caller.results[2] = host->close(host, caller.id, PL_FINISH);
    caller.results[3] = host->close(host, caller.id, PL_FINISH);
    caller.results[4] = host->close(host, caller.id, PL_GRACEFUL);
    caller.results[5] = host->send(host, caller.id, "too late", 8);
}

/* As over TCP. */
static void test_udp_peer__sends_what_waits_before_it_is_closed(void **state)
{
    (void)state;
    prepare();
    start();
    connect_later();
    assert_true(do_on(caller.endpoint, finishes));
    assert_int_equal(caller.results[1], PL_QUEUED);
    assert_int_equal(caller.results[2], PL_OK);
    assert_int_equal(caller.results[3], PL_GONE);
    assert_int_equal(caller.results[4], PL_OK); /* a harder one */
    assert_int_equal(caller.results[5], PL_GONE);
    names_let_go();
    assert_hears("last words");
    assert_ends(PL_BY_HANDLER, 0);
    assert_int_equal(caller.opens, 1);
    rig_wait_for_counter(&rig, COUNTER_OUTBOUND_CLOSED, 1);
    stop();
}

static void resets(pl_id id)
{
    finishes(id);
    caller.results[6] = caller.host->close(caller.host, caller.id, PL_RESET);
}

static void test_udp_peer__drops_what_waits_when_it_is_reset(void **state)
{
    (void)state;
    prepare();
    start();
    connect_later();
    assert_true(do_on(caller.endpoint, resets));
    assert_int_equal(caller.results[6], PL_OK);
    assert_ends(PL_BY_HANDLER, 0);
    assert_int_equal(caller.opens, 0);
    rig_wait_for_counter(&rig, COUNTER_OUTBOUND_ENDED, 1);
    names_let_go();
    stop();
}

static void test_udp_peer__needs_memory_to_begin(void **state)
{
    (void)state;
    prepare();
    start();
    snprintf(target, sizeof target, "127.0.0.1:%u", client_local(remote).port);
    uint32_t failed = 0;
    for (uint32_t nth = 2; caller.opens == 0 && nth < 20; nth++) { /* 1: the post itself */
        fault_clear();
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        assert_true(do_on(caller.endpoint, connects));
        if (caller.results[0] == PL_OK) {
            wait_for(&caller.opens, 1);
        } else {
            assert_int_equal(caller.results[0], PL_NO_MEMORY);
            failed++;
        }
    }
    fault_clear();
    assert_in_range(failed, 2, 10); /* what is dialled, and the peer */
    assert_int_equal(rig_counter(&rig, COUNTER_OUTBOUND_OPENED), 1);
    hang_up();
    stop();
}

/* ---- The handler ---- */

static void test_udp_peer__is_refused_by_on_open(void **state)
{
    (void)state;
    prepare();
    start();
    caller.refuses = 1;
    connect_to("127.0.0.1");
    assert_ends(PL_BY_HANDLER, 0);
    assert_int_equal(caller.opens, 1);
    assert_int_equal(rig_counter(&rig, COUNTER_OUTBOUND_OPENED), 1);
    rig_wait_for_counter(&rig, COUNTER_OUTBOUND_CLOSED, 1);
    stop();
}

static void asks(pl_id id)
{
    const pl_host *host = caller.host;
    caller.opened = (pl_info){.size = sizeof caller.opened};
    caller.results[1] = host->timer(host, caller.id, 1);
    caller.results[2] = host->info(host, caller.id, &caller.opened);
    caller.results[3] = host->send(host, caller.id, "x", 1);
    caller.results[4] = host->close(host, caller.id, PL_FINISH);
    caller.results[5] = host->close(host, caller.id, PL_FINISH);
    caller.results[6] = host->info(host, caller.id, &caller.opened);
    caller.results[7] = host->timer(host, caller.id, 1);
    (void)id;
}

static void test_udp_peer__needs_no_callback_but_on_datagram(void **state)
{
    (void)state;
    handler_name = "terse";
    prepare();
    handler_name = "caller";
    start();
    connect_to("127.0.0.1");
    rig_wait_for_counter(&rig, COUNTER_OUTBOUND_OPENED, 1);
    rig_wait_for_operations(2);
    assert_true(do_on(caller.endpoint, asks));
    static const int32_t expected[] = {PL_INVALID, PL_OK, PL_OK, PL_OK, PL_GONE, PL_GONE, PL_GONE};
    assert_memory_equal(&caller.results[1], expected, sizeof expected);
    assert_hears("x");
    rig_wait_for_counter(&rig, COUNTER_OUTBOUND_CLOSED, 1);
    rig_wait_for_operations(1);
    assert_false(do_on(caller.id, connects));
    stop();
}

static void opens_another(pl_id id)
{
    const pl_id first = caller.id;
    connects(id);
    require(caller.id != first && caller.id >> 56 == first >> 56);
}

static void test_udp_peer__may_open_another_and_none_when_it_is_gone(void **state)
{
    (void)state;
    begin();
    const pl_id first = caller.id;
    assert_true(do_on(first, opens_another));
    assert_int_equal(caller.results[0], PL_OK);
    wait_for(&caller.opens, 2);
    hang_up();
    const pl_id second = caller.id;
    caller.closes = 0;
    caller.id = first;
    hang_up();
    caller.id = second;
    assert_false(do_on(first, connects));
    stop();
}

static void rings(pl_id id)
{
    caller.results[1] = caller.host->timer(caller.host, id, 1);
}

/* A pause for what does not work keeps its timer from nothing. */
static void test_udp_peer__rings_while_it_pauses(void **state)
{
    (void)state;
    begin();
    fault_clear();
    fault_arm(IMPORT_WSARecv, 1, WSAENOBUFS, FAULT_FOREVER);
    say(5);
    for (LONG i = 1; i <= 3; i++) {
        assert_true(do_on(caller.id, rings));
        assert_int_equal(caller.results[1], PL_OK);
        wait_for(&caller.timers, i);
    }
    assert_int_equal(caller.datagrams, 0);
    fault_clear();
    wait_for(&caller.datagrams, 1);
    hang_up();
    stop();
}

/* ---- Its time ---- */

static void test_udp_peer__lives_as_long_as_lifetime_has_it(void **state)
{
    (void)state;
    struct config_endpoint *endpoint = prepare();
    endpoint->idle_timeout = 0;
    endpoint->lifetime = 60000;
    start();
    connect_to("127.0.0.1");
    wait_for(&caller.opens, 1);
    clock_advance(50000);
    say_and_wait(5);
    assert_int_equal(caller.closes, 0);
    clock_advance(10000);
    assert_ends(PL_LIFETIME, 0);
    stop();
}

static void test_udp_peer__is_not_idle_while_either_speaks(void **state)
{
    (void)state;
    struct config_endpoint *endpoint = prepare();
    endpoint->idle_timeout = 60000;
    endpoint->lifetime = 0;
    start();
    connect_to("127.0.0.1");
    wait_for(&caller.opens, 1);
    for (int i = 0; i < 4; i++) {
        clock_advance(40000);
        if (i % 2 == 0) {
            say_and_wait(5);
        } else {
            assert_int_equal(tell("word"), PL_QUEUED);
            assert_hears("word");
        }
    }
    assert_int_equal(caller.closes, 0);
    clock_advance(60000);
    assert_ends(PL_IDLE, 0);
    stop();
}

/* ---- As the administrator sees it ---- */

static void test_udp_peer__is_listed_with_what_it_has_said(void **state)
{
    (void)state;
    struct client_row row;
    prepare();
    start();
    connect_later();
    assert_int_equal(engine_find_client(rig.engine, caller.id, &row), CLIENTS_FOUND);
    assert_int_equal(row.state, CLIENT_CONNECTING);
    names_let_go();
    wait_for(&caller.opens, 1);
    say_and_wait(5);
    assert_int_equal(tell("four"), PL_QUEUED);
    assert_hears("four");
    assert_int_equal(engine_find_client(rig.engine, caller.id, &row), CLIENTS_FOUND);
    assert_int_equal(row.state, CLIENT_OPEN);
    assert_true(row.is_udp && row.is_outbound);
    assert_string_equal(row.endpoint, "out");
    assert_int_equal(row.bytes_in, 5);
    assert_int_equal(row.bytes_out, 4);
    const struct pl_address there = client_local(remote);
    assert_true(address_equal(&row.client, &there) && address_equal(&row.local, &caller.opened.local));
    assert_true(engine_close_client(rig.engine, caller.id));
    assert_ends(PL_BY_ADMIN, 0);
    assert_int_equal(engine_find_client(rig.engine, caller.id, &row), CLIENTS_GONE);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_udp_peer__receives_whether_or_not_the_machine_can_peek),
        test(test_udp_peer__hears_nothing_after_its_close),
        test(test_udp_peer__goes_on_after_what_passes),
        test(test_udp_peer__waits_for_memory_where_the_machine_cannot_peek),
        test(test_udp_peer__pauses_while_nothing_works),
        test(test_udp_peer__ends_with_an_error_that_does_not_pass),
        test(test_udp_peer__takes_what_its_receive_ends_with),
        test(test_udp_peer__counts_what_the_network_does_not_take),
        test(test_udp_peer__keeps_what_is_sent_before_it_is_open),
        test(test_udp_peer__bounds_what_waits_until_it_is_open),
        test(test_udp_peer__sends_what_waits_before_it_is_closed),
        test(test_udp_peer__drops_what_waits_when_it_is_reset),
        test(test_udp_peer__needs_memory_to_begin),
        test(test_udp_peer__is_refused_by_on_open),
        test(test_udp_peer__needs_no_callback_but_on_datagram),
        test(test_udp_peer__may_open_another_and_none_when_it_is_gone),
        test(test_udp_peer__rings_while_it_pauses),
        test(test_udp_peer__lives_as_long_as_lifetime_has_it),
        test(test_udp_peer__is_not_idle_while_either_speaks),
        test(test_udp_peer__is_listed_with_what_it_has_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
