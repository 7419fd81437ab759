/* SPDX-License-Identifier: MIT
   Tests of connection/udp_endpoint.c: failing receives, busy endpoints, machines that cannot peek. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "io/buffer_pool.h"
#include "support/clock.h"
#include "support/deaths.h"
#include "support/fault.h"
#include "support/journal.h"
#include "support/ledger.h"
#include "support/patience.h"
#include "support/seam.h"
#include "support/seen.h"
#include "support/storm.h"

/* ---- Failing receives ---- */

static void wait_for_hits(uint32_t hits)
{
    const uint64_t deadline = rig_deadline();
    while (fault_hits() < hits) {
        clock_advance(20);
        rig_nap(deadline, "calls that fail");
    }
}

enum { FREE_RESETS = 64 }; /* may be answers to datagrams of ours: so many cost no pause */

/* While the worker waits: it makes no call between the count of calls and the fault. */
static void arm_receives(enum import import, DWORD code, uint32_t times)
{
    rig_wait_for_operations(1);
    fault_arm(import, 1, code, times);
}

static void test_udp__receives_on_after_every_kind_of_completion(void **state)
{
    (void)state;
    static const struct {
        uint32_t status;
        bool is_failure;
    } rows[] = {
        {0xC000020D, true},  /* CONNECTION_RESET: 10054 */
        {0xC000023F, true},  /* PORT_UNREACHABLE */
        {0xC000023C, true},  /* NETWORK_UNREACHABLE */
        {0xC000009A, true},  /* INSUFFICIENT_RESOURCES: 10055 */
        {0x80000005, false}, /* BUFFER_OVERFLOW: 10040, a datagram is there */
        {0, false},          /* as for an empty one */
        {0xC0000120, true},  /* CANCELLED, by nobody of us */
        {0xC0DEFACE, true},  /* unknown */
    };
    seen_begin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint64_t failures = rig_counter(&seen_rig, COUNTER_RECEIVE_FAILURES);
        seen_spoil(rows[i].status, 1);
        seen_assert_works(); /* the peek took nothing: the datagram is there still */
        assert_int_equal(rig_counter(&seen_rig, COUNTER_RECEIVE_FAILURES), failures + rows[i].is_failure);
        seen_assert_works();
    }
    seen_end();
}

/* Trouble is told once, and its end; an ICMP answer to one of our datagrams is none. */
static void test_udp__tells_of_trouble_once_and_of_its_end(void **state)
{
    (void)state;
    seen_prepare("udp://127.0.0.1:0");
    seen_rig.options.log = journal_open();
    seen_start("127.0.0.1");
    seen_spoil(0xC000023F, 1); /* PORT_UNREACHABLE */
    seen_assert_works();
    arm_receives(IMPORT_WSARecvMsg, WSAECONNRESET, 1);
    seen_send(1);
    wait_for_hits(1);
    seen_wait(2); /* neither is trouble, nor delays what comes behind it */
    arm_receives(IMPORT_WSARecvMsg, WSAENOBUFS, 3);
    seen_send(1);
    wait_for_hits(4);
    seen_wait(3);
    journal_wait(EVENT_RECEIVE_TROUBLE, 1);
    journal_assert_last(EVENT_RECEIVE_TROUBLE, "[u] udp://127.0.0.1:");
    journal_assert_last(EVENT_RECEIVE_TROUBLE, "receiving fails, and is tried again until it works: ");
    assert_int_equal(journal_count(EVENT_ENDPOINT_RECOVERED), 0);
    clock_advance(1200); /* without a failure */
    journal_wait(EVENT_ENDPOINT_RECOVERED, 1);
    seen_end();
    journal_close();
}

/* "Longer than the buffer", with nothing written: whose it was is not known, and must not be taken from the one before. */
static void test_udp__drops_what_comes_without_an_address(void **state)
{
    (void)state;
    seen_begin();
    for (LONG i = 0; i < 3; i++) {
        seen_assert_works();
        const LONG count = seen.count;
        arm_receives(IMPORT_WSARecvMsg, WSAEMSGSIZE, 2);
        seen_send(10);
        seen_wait(count + 1);
        assert_int_equal(fault_hits(), 2);
        fault_clear();
        assert_int_equal(seen.length, 10);
        assert_int_equal(rig_counter(&seen_rig, COUNTER_RECEIVE_FAILURES), 2 * (i + 1));
        rig_wait_for_counter(&seen_rig, COUNTER_DATAGRAMS_SENT, (uint64_t)seen.count);
        size_t got = 0;
        char answer[16];
        assert_int_equal(
            client_receive_datagram(seen_client, answer, sizeof answer, &got, NULL, CLIENT_PATIENCE),
            CLIENT_OK);
    }
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_RECEIVED), 6);
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_TRUNCATED), 0);
    seen_end();
}

/* What a fetch is told, always without an address. */
enum lie { LIE_IN_FULL, LIE_OF_LENGTH };
static enum lie lie;
static volatile LONG lies;

static int WSAAPI lie_to_fetches(SOCKET s, LPWSAMSG message, LPDWORD received, LPWSAOVERLAPPED overlapped,
                                 LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    SOCKADDR_STORAGE elsewhere;
    WSAMSG other = *message;
    if (overlapped != NULL) {
        return SEAM_REAL(WSARecvMsg)(s, message, received, overlapped, routine);
    }
    InterlockedIncrement(&lies);
    if (lie == LIE_OF_LENGTH) {
        WSASetLastError(WSAEMSGSIZE);
        return SOCKET_ERROR;
    }
    other.name = (SOCKADDR *)&elsewhere;
    return SEAM_REAL(WSARecvMsg)(s, &other, received, NULL, NULL);
}

static void lie_from_now_on(enum lie which)
{
    rig_wait_for_operations(1);
    lie = which;
    lies = 0;
    seam_replace(IMPORT_WSARecvMsg, (seam_function)lie_to_fetches);
}

/* Nor is it believed when the call has succeeded. */
static void test_udp__drops_what_comes_with_all_but_an_address(void **state)
{
    (void)state;
    seen_begin();
    seen_assert_works();
    lie_from_now_on(LIE_IN_FULL);
    seen_send(10);
    rig_wait_for_counter(&seen_rig, COUNTER_RECEIVE_FAILURES, 1);
    rig_wait_for_operations(1);
    seam_replace(IMPORT_WSARecvMsg, NULL);
    seen_assert_works();
    assert_int_equal(rig_counter(&seen_rig, COUNTER_RECEIVE_FAILURES), 1);
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_RECEIVED), 2);
    seen_end();
}

/* As many as resets are passed over; then it waits, in one way or the other. */
static void test_udp__does_not_spin_while_no_address_comes(void **state)
{
    (void)state;
    seen_begin();
    lie_from_now_on(LIE_OF_LENGTH);
    seen_send(10);
    const uint64_t deadline = rig_deadline();
    while (lies < FREE_RESETS) {
        rig_nap(deadline, "as many as it passes over");
    }
    Sleep(300);
    assert_in_range(lies, FREE_RESETS, FREE_RESETS + 40);
    seam_replace(IMPORT_WSARecvMsg, NULL);
    while (seen.count == 0) {
        clock_advance(100);
        rig_nap(deadline, "the datagram");
    }
    seen_wait(1);
    seen_end();
}

static const DWORD receive_errors[] = {WSAECONNRESET, WSAENETRESET,    WSAENOBUFS, WSAEFAULT,
                                       WSAENETDOWN,   WSAEHOSTUNREACH, 12345};
enum { RECEIVE_ERRORS = sizeof receive_errors / sizeof receive_errors[0] };

/* The calls themselves fail: peeking, fetching. */
static void test_udp__receives_on_after_every_error(void **state)
{
    (void)state;
    static const enum import imports[] = {IMPORT_WSARecv, IMPORT_WSARecvMsg};
    seen_begin();
    for (size_t i = 0; i < 2 * RECEIVE_ERRORS; i++) {
        const LONG count = seen.count;
        arm_receives(imports[i % 2], receive_errors[i / 2], 3);
        seen.is_silent = 1;
        seen_send(1);
        wait_for_hits(3);
        seen_wait(count + 1);
        seen.is_silent = 0;
        seen_assert_works();
        fault_clear();
    }
    seen_end();
}

static int WSAAPI refuse_to_peek(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                                 LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    if (overlapped != NULL && (*flags & MSG_PEEK) != 0) {
        WSASetLastError(WSAEOPNOTSUPP);
        return SOCKET_ERROR;
    }
    return SEAM_REAL(WSARecv)(s, buffers, count, received, flags, overlapped, routine);
}

/* A way in which receiving fails, again and again. */
struct failing {
    enum import import; /* this call, */
    DWORD code;
    uint32_t status; /* or else, not 0, what every operation ends with at once */
    bool is_blind;   /* on a machine that cannot peek */
    uint32_t free_tries;
};

static void begin_failing(const struct failing *failing)
{
    if (failing->status != 0) {
        storm_begin(failing->status);
    } else {
        arm_receives(failing->import, failing->code, FAULT_FOREVER);
    }
}

static uint32_t end_failing(const struct failing *failing)
{
    const uint32_t hits = failing->status != 0 ? storm_hits() : fault_hits();
    storm_end();
    fault_clear();
    return hits;
}

/* For most of a second: few tries, and few turns of the worker's loop. Then it works again soon. */
static void assert_does_not_spin(const struct failing *failing)
{
    storm_watch();
    if (failing->is_blind) {
        seam_replace(IMPORT_WSARecv, (seam_function)refuse_to_peek);
    }
    seen_begin();
    begin_failing(failing);
    const uint32_t turns = fault_calls(IMPORT_GetQueuedCompletionStatusEx);
    seen_send(10);
    Sleep(700);
    const uint32_t turned = fault_calls(IMPORT_GetQueuedCompletionStatusEx) - turns;
    const uint32_t hits = end_failing(failing);
    if (hits < failing->free_tries + 3 || hits > failing->free_tries + 40 ||
        turned > failing->free_tries + 80) {
        fail_msg("%s, error %lu, status %lx%s: %u tries in %u turns",
                 failing->status != 0 ? "every operation" : seam_name(failing->import),
                 (unsigned long)failing->code, (unsigned long)failing->status,
                 failing->is_blind ? ", blind" : "", hits, turned);
    }
    const uint64_t cleared = clock_now();
    seen_send(10);
    seen_wait(2);                                    /* nothing was lost */
    assert_in_range(clock_now() - cleared, 0, 5000); /* a pause is a second; the machine may be busy */
    seen_end();
}

static void test_udp__does_not_spin_while_receiving_fails(void **state)
{
    (void)state;
    enum { FREE = FREE_RESETS };
    static const struct failing rows[] = {
        {.import = IMPORT_HeapAlloc},
        {.import = IMPORT_WSARecv, .code = WSAENOBUFS},
        {.import = IMPORT_WSARecv, .code = WSAECONNRESET, .free_tries = FREE},
        {.import = IMPORT_WSARecv, .code = WSAENETRESET, .free_tries = FREE},
        {.import = IMPORT_WSARecv, .code = 12345},
        {.import = IMPORT_WSARecvMsg, .code = WSAENOBUFS},
        {.import = IMPORT_WSARecvMsg, .code = WSAECONNRESET, .free_tries = FREE},
        {.import = IMPORT_WSARecvMsg, .code = WSAENETRESET, .free_tries = FREE},
        {.import = IMPORT_WSARecvMsg, .code = 12345},
        {.import = IMPORT_WSARecvMsg, .code = WSAENOBUFS, .is_blind = true},
        {.import = IMPORT_WSARecvMsg, .code = WSAECONNRESET, .is_blind = true, .free_tries = FREE},
        {.import = IMPORT_WSARecvMsg, .code = 12345, .is_blind = true},
        {.status = 0xC000009A},                     /* INSUFFICIENT_RESOURCES */
        {.status = 0xC000020D, .free_tries = FREE}, /* CONNECTION_RESET */
        {.status = 0xC0DEFACE},                     /* unknown */
        {.status = 0xC000009A, .is_blind = true},
        {.status = 0xC000020D, .is_blind = true, .free_tries = FREE},
        {.status = 0xC0DEFACE, .is_blind = true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_does_not_spin(&rows[i]);
    }
}

/* However the system tells of them: no trouble, no pause, nothing lost. */
static void assert_takes_resets_for_answers(const struct failing *failing)
{
    seam_replace(IMPORT_WSARecv, failing->is_blind ? (seam_function)refuse_to_peek : NULL);
    seen_prepare("udp://127.0.0.1:0");
    seen_rig.options.log = journal_open();
    seen_start("127.0.0.1");
    const uint64_t failures = rig_counter(&seen_rig, COUNTER_RECEIVE_FAILURES);
    arm_receives(failing->import, failing->code, FREE_RESETS);
    seen_send(10);
    seen_wait(1);
    wait_for_hits(FREE_RESETS);
    fault_clear();
    seen_send(10);
    seen_wait(2);
    assert_int_equal(rig_counter(&seen_rig, COUNTER_RECEIVE_FAILURES), failures + FREE_RESETS);
    assert_int_equal(journal_count(EVENT_RECEIVE_TROUBLE), 0);
    seen_end();
    journal_close();
}

static void test_udp__takes_some_resets_in_a_row_for_answers_to_its_own(void **state)
{
    (void)state;
    static const struct failing rows[] = {
        {.import = IMPORT_WSARecvMsg, .code = WSAECONNRESET}, /* fetching */
        {.import = IMPORT_WSARecv, .code = WSAECONNRESET},    /* peeking */
        {.import = IMPORT_WSARecv, .code = WSAENETRESET},
        {.import = IMPORT_WSARecvMsg, .code = WSAECONNRESET, .is_blind = true}, /* posting a receive */
        {.import = IMPORT_WSARecvMsg, .code = WSAENETRESET, .is_blind = true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_takes_resets_for_answers(&rows[i]);
    }
}

/* ---- Busy ---- */

/* The engine's time stands still, but for clock_advance: an endpoint stays busy as long as a test wants. */
static volatile LONG64 frozen_at;

static ULONGLONG WINAPI frozen_clock(void)
{
    return (ULONGLONG)frozen_at;
}

static void freeze_clock(void)
{
    frozen_at = (LONG64)SEAM_REAL(GetTickCount64)();
    seam_replace(IMPORT_GetTickCount64, (seam_function)frozen_clock);
}

static bool settles_to(LONG operations)
{
    enum { LONG_ENOUGH = 1000 };
    const uint64_t end = patience_now() + LONG_ENOUGH;
    while (ledger_count(LEDGER_OPERATION) != (size_t)operations && patience_now() < end) {
        Sleep(1);
    }
    return ledger_count(LEDGER_OPERATION) == (size_t)operations;
}

/* A burst leaves one receive, or the peek; the next datagram, alone, brings all of them back. On a busy machine a burst may
   come in two parts, of which the last looks like one that is alone: then another one. */
static void pile_up_and_settle(int datagrams, size_t receives)
{
    const uint64_t deadline = rig_deadline();
    for (seen_pile_up(datagrams); !settles_to(1); seen_pile_up(datagrams)) {
        rig_nap(deadline, "a burst in one part");
    }
    rig_wait_for_operations(1);
    seen_assert_works();
    rig_wait_for_operations(receives);
}

static void be_busy(uint32_t max_datagram)
{
    freeze_clock();
    seen_prepare("udp://127.0.0.1:0")->max_datagram = max_datagram;
    seen_start("127.0.0.1");
    pile_up_and_settle(100, 32);
}

static void wait_until_idle(void)
{
    const uint64_t deadline = rig_deadline();
    while (ledger_count(LEDGER_OPERATION) != 1) {
        clock_advance(500);
        rig_nap(deadline, "quiet");
    }
}

/* Nothing of a whole socket can be cancelled any more. */
static const DWORD cancel_errors[] = {ERROR_NOT_FOUND, ERROR_INVALID_HANDLE};
enum { CANCEL_ERRORS = sizeof cancel_errors / sizeof cancel_errors[0] };
static volatile LONG refused_cancels;
static DWORD cancel_error;

static BOOL WINAPI refuse_to_cancel(HANDLE handle, LPOVERLAPPED overlapped)
{
    if (overlapped != NULL) {
        return SEAM_REAL(CancelIoEx)(handle, overlapped);
    }
    InterlockedIncrement(&refused_cancels);
    SetLastError(cancel_error);
    return FALSE;
}

static void refuse_cancels(DWORD error)
{
    refused_cancels = 0;
    cancel_error = error;
    seam_replace(IMPORT_CancelIoEx, (seam_function)refuse_to_cancel);
}

static void test_udp__is_busy_under_load_and_idle_again_when_it_is_quiet(void **state)
{
    (void)state;
    freeze_clock();
    seen_begin();
    rig_wait_for_operations(1);
    const size_t idle = ledger_bytes();
    seen_pile_up(60); /* fewer than two full batches */
    rig_wait_for_operations(1);
    pile_up_and_settle(100, 32);
    assert_true(ledger_bytes() > idle + 32 * (size_t)SEEN_LARGEST);
    pile_up_and_settle(200, 32); /* with all of them at work */
    clock_advance(1100);         /* the second had many datagrams: busy it stays */
    pile_up_and_settle(40, 32);
    wait_until_idle();
    const size_t kept = idle + BUFFER_POOL_KEEPS + 3 * 4096; /* a few buffers, and the table of ids */
    assert_in_range(ledger_bytes(), idle, kept);
    seen_assert_works();
    pile_up_and_settle(100, 32); /* and again */
    seen_assert_works();
    seen_pile_up(100);
    rig_wait_for_operations(1);
    for (const uint64_t deadline = rig_deadline(); ledger_bytes() > kept;) {
        clock_advance(500);
        rig_nap(deadline, "what is kept from a burst to be freed");
    }
    seen_end();
}

static void test_udp__uses_as_many_receives_as_it_may(void **state)
{
    (void)state;
    static const uint32_t limits[] = {1, 5};
    freeze_clock();
    for (size_t i = 0; i < 2; i++) {
        seen_prepare("udp://127.0.0.1:0")->receives_max = limits[i];
        seen_start("127.0.0.1");
        pile_up_and_settle(100, limits[i]);
        pile_up_and_settle(100, limits[i]);
        seen_end(); /* with receives in flight */
    }
}

/* Those that come one by one are awaited with all receives; a burst is fetched, with one. */
static void test_udp__fetches_a_burst_and_awaits_the_others(void **state)
{
    (void)state;
    be_busy(SEEN_LARGEST);
    for (int i = 0; i < 40; i++) {
        seen_assert_works();
        rig_wait_for_operations(32);
    }
    for (int i = 0; i < 3; i++) {
        seen_pile_up(1000);
        rig_wait_for_operations(1);
    }
    assert_int_equal(seen.disorder, 0);
    pile_up_and_settle(1000, 32);
    seen_end(); /* with receives of the burst kept aside */
}

static void test_udp__stops_amid_a_burst(void **state)
{
    (void)state;
    be_busy(SEEN_LARGEST);
    seen_pile_up(20);
    seen_end();
}

/* A receive or its buffer is not to be had: it works with the others, and tries again. */
static void test_udp__makes_do_with_the_memory_that_there_is(void **state)
{
    (void)state;
    freeze_clock();
    for (unsigned nth = 1; nth <= 3; nth++) {
        seen_begin();
        seen_pile_up(100);
        rig_wait_for_operations(1);
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        seen.is_silent = 1;
        for (const uint64_t deadline = rig_deadline(); fault_hits() == 0;) {
            const LONG count = seen.count;
            seen_send(20);
            while (seen.count == count) {
                clock_advance(10);
                rig_nap(deadline, "what is fetched a little later");
            }
        }
        fault_clear();
        seen.is_silent = 0;
        clock_advance(1000);
        seen_assert_works();
        seen_end();
    }
}

static void test_udp__does_the_same_when_busy(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 1472, SEEN_LARGEST};
    be_busy(SEEN_LARGEST);
    const struct pl_address to = rig_address(&seen_rig, 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        seen_assert_echoes(&to, sizes[i]);
        assert_int_equal(seen.stale_send, PL_GONE);
    }
    rig_wait_for_operations(32);
    seen_end();
    be_busy(100);
    seen_assert_cuts();
    rig_wait_for_operations(32);
    engine_pause(seen_rig.engine);
    seen_send(1);
    rig_wait_for_counter(&seen_rig, COUNTER_DATAGRAMS_REFUSED_PAUSED, 1);
    seen_end();
}

static void test_udp__receives_on_after_every_error_when_busy(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECEIVE_ERRORS; i++) {
        be_busy(SEEN_LARGEST);
        fault_arm(IMPORT_WSARecvMsg, 1, receive_errors[i], 5);
        const uint64_t deadline = rig_deadline();
        while (fault_hits() < 5) { /* what has come cannot be posted again at first */
            seen_assert_works();
            clock_advance(100);
            rig_nap(deadline, "five failures");
        }
        fault_clear();
        seen_assert_works();
        wait_until_idle();
        seen_assert_works();
        seen_end();
    }
}

/* Though other receives are in flight: those of a dead socket may never end. */
static void test_udp__tells_of_its_death_when_busy(void **state)
{
    (void)state;
    be_busy(SEEN_LARGEST);
    fault_clear(); /* calls are counted from here */
    deaths_arm(1);
    fault_arm(IMPORT_WSARecvMsg, 1, WSAENOTSOCK, 1);
    seen_assert_works(); /* and then a receive is to be begun again */
    for (const uint64_t deadline = rig_deadline(); fault_calls(IMPORT_bind) == 0;) {
        clock_advance(100);
        rig_nap(deadline, "another socket in its place");
    }
    assert_int_equal(fault_hits(), 1);
    fault_clear();
    rig_wait_for_state(&seen_rig, 0, LISTENER_LISTENING);
    seen_assert_works();
    seen_end();
}

static void test_udp__receives_on_after_every_kind_of_completion_when_busy(void **state)
{
    (void)state;
    static const uint32_t statuses[] = {0xC000020D, 0xC000023F, 0xC000009A, 0xC0000120, 0xC0DEFACE};
    be_busy(SEEN_LARGEST);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        const uint64_t deadline = rig_deadline();
        seen_spoil(statuses[i], 1);
        seen_send(1); /* lost with its receive */
        rig_wait_for_counter(&seen_rig, COUNTER_RECEIVE_FAILURES, i + 1);
        seen_assert_works();
        while (ledger_count(LEDGER_OPERATION) != 32) { /* none of them is missing for long */
            clock_advance(10);
            rig_nap(deadline, "all receives");
        }
    }
    assert_int_equal(rig_counter(&seen_rig, COUNTER_RECEIVE_FAILURES), sizeof statuses / sizeof statuses[0]);
    seen_end();
}

/* What cannot be cancelled when it grows quiet ends with the next datagrams, one receive each. */
static void test_udp__grows_quiet_though_nothing_can_be_cancelled(void **state)
{
    (void)state;
    for (size_t i = 0; i < CANCEL_ERRORS; i++) {
        be_busy(SEEN_LARGEST);
        refuse_cancels(cancel_errors[i]);
        const uint64_t deadline = rig_deadline();
        while (refused_cancels == 0) {
            clock_advance(500);
            rig_nap(deadline, "quiet");
        }
        rig_wait_for_operations(32);
        for (size_t left = 32; left > 0; left--) {
            seen_assert_works();
            rig_wait_for_operations(left > 1 ? left - 1 : 1); /* the peek, in the end */
        }
        seen_assert_works();
        pile_up_and_settle(100, 32); /* and busy again */
        seam_replace(IMPORT_CancelIoEx, NULL);
        seen_end();
    }
}

static void test_udp__stops_though_nothing_can_be_cancelled(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * CANCEL_ERRORS; i++) {
        be_busy(SEEN_LARGEST);
        if (i % 2 == 0) {
            wait_until_idle();
        }
        refuse_cancels(cancel_errors[i / 2]);
        seen_end();
        assert_int_equal(refused_cancels, 1);
        seam_replace(IMPORT_CancelIoEx, NULL);
    }
}

/* Two clients send 2,500 numbered datagrams each, never more than 100 on their way. */
static void test_udp__loses_none_of_five_thousand_and_keeps_their_order(void **state)
{
    (void)state;
    const struct pl_address from = client_address("127.0.0.1", 0);
    freeze_clock();
    seen_begin();
    seen.is_silent = 1;
    struct client *clients[2] = {seen_client, client_open_datagram(&from)};
    const struct pl_address to = rig_address(&seen_rig, 0);
    for (LONG i = 0; i < 5000; i++) {
        uint8_t numbered[5] = {(uint8_t)(i % 2)};
        const LONG number = i / 2;
        memcpy(numbered + 1, &number, sizeof number);
        assert_int_equal(client_send_datagram(clients[i % 2], &to, numbered, sizeof numbered), CLIENT_OK);
        const uint64_t deadline = rig_deadline();
        while (i - seen.count > 100) {
            rig_nap(deadline, "the datagrams before");
        }
        if (i == 2500) { /* from idle to busy on the way, and back */
            seen_wait(2501);
            wait_until_idle();
        }
    }
    seen_wait(5000);
    assert_int_equal(seen.disorder, 0);
    assert_int_equal(seen.next[0], 2500);
    assert_int_equal(seen.next[1], 2500);
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_RECEIVED), 5000);
    client_close(clients[1]);
    seen_end();
}

/* ---- Machines that cannot peek ---- */

static void test_udp__works_where_the_machine_cannot_peek(void **state)
{
    (void)state;
    seam_replace(IMPORT_WSARecv, (seam_function)refuse_to_peek);
    seen_assert_all_sizes();
    seen_prepare("udp://127.0.0.1:0")->max_datagram = 100;
    seen_start("127.0.0.1");
    seen_assert_cuts();
    seen_pile_up(200);
    rig_wait_for_operations(1);
    for (size_t i = 0; i < RECEIVE_ERRORS; i++) {
        const LONG count = seen.count;
        arm_receives(IMPORT_WSARecvMsg, receive_errors[i], 3);
        seen_send(1);
        seen_send(1);
        seen_wait(count + 2);
        assert_int_equal(fault_hits(), 3);
        fault_clear();
    }
    seen_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        seen_test(test_udp__receives_on_after_every_kind_of_completion),
        seen_test(test_udp__receives_on_after_every_error),
        seen_test(test_udp__drops_what_comes_without_an_address),
        seen_test(test_udp__drops_what_comes_with_all_but_an_address),
        seen_test(test_udp__does_not_spin_while_no_address_comes),
        seen_test(test_udp__tells_of_trouble_once_and_of_its_end),
        seen_test(test_udp__does_not_spin_while_receiving_fails),
        seen_test(test_udp__takes_some_resets_in_a_row_for_answers_to_its_own),
        seen_test(test_udp__is_busy_under_load_and_idle_again_when_it_is_quiet),
        seen_test(test_udp__uses_as_many_receives_as_it_may),
        seen_test(test_udp__fetches_a_burst_and_awaits_the_others),
        seen_test(test_udp__stops_amid_a_burst),
        seen_test(test_udp__makes_do_with_the_memory_that_there_is),
        seen_test(test_udp__does_the_same_when_busy),
        seen_test(test_udp__receives_on_after_every_error_when_busy),
        seen_test(test_udp__tells_of_its_death_when_busy),
        seen_test(test_udp__receives_on_after_every_kind_of_completion_when_busy),
        seen_test(test_udp__grows_quiet_though_nothing_can_be_cancelled),
        seen_test(test_udp__stops_though_nothing_can_be_cancelled),
        seen_test(test_udp__loses_none_of_five_thousand_and_keeps_their_order),
        seen_test(test_udp__works_where_the_machine_cannot_peek),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
