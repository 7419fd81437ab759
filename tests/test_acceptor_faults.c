/* SPDX-License-Identifier: MIT
   Tests of accept/acceptor.c: clients, a machine and a listening socket that fail it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "support/bench.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/rig.h"
#include "support/seam.h"
#include "support/storm.h"

/* ---- Failures of clients ---- */

static void test_acceptor__survives_clients_that_reset(void **state)
{
    (void)state;
    bench_start("127.0.0.1", 16);
    for (int i = 0; i < 160; i++) {
        client_reset(bench_connect());
    }
    bench_assert_serves();
    bench_wait_until_armed();
    bench_close();
}

/* Their resets are in the queue before the accepts are. */
static void test_acceptor__survives_clients_that_reset_before_they_are_accepted(void **state)
{
    (void)state;
    bench_start("127.0.0.1", 16);
    bench_wait_until_armed();
    bench_hold();
    for (int i = 0; i < 160; i++) {
        client_reset(bench_connect());
    }
    struct client *client = bench_connect(); /* behind all of them */
    bench_release();
    bench_assert_greeted(client);
    bench_wait_until_armed();
    assert_int_equal(bench.troubles, 0); /* no pause: they cost nobody but themselves */
    bench_close();
}

/* ---- Completions made to order ---- */

static struct {
    volatile LONG left; /* accepts that shall end with `status` */
    ULONG_PTR status;
    volatile LONG64 overlapped[64]; /* of the accepts in flight */
} spoiled;

static BOOL WINAPI note_accept(SOCKET s, SOCKET accepted, PVOID out, DWORD data_room, DWORD local_room,
                               DWORD remote_room, LPDWORD received, LPOVERLAPPED overlapped)
{
    for (size_t i = 0; i < 64; i++) {
        if (InterlockedCompareExchange64(&spoiled.overlapped[i], (LONG64)(ULONG_PTR)overlapped, 0) == 0) {
            break;
        }
    }
    return SEAM_REAL(AcceptEx)(s, accepted, out, data_room, local_room, remote_room, received, overlapped);
}

static void spoil(const OVERLAPPED_ENTRY *entry)
{
    for (size_t i = 0; entry->lpOverlapped != NULL && i < 64; i++) {
        const LONG64 value = (LONG64)(ULONG_PTR)entry->lpOverlapped;
        if (InterlockedCompareExchange64(&spoiled.overlapped[i], 0, value) == value) {
            if (InterlockedDecrement(&spoiled.left) >= 0) {
                entry->lpOverlapped->Internal = spoiled.status;
            }
            return;
        }
    }
}

static BOOL WINAPI dequeue_spoiled(HANDLE port, LPOVERLAPPED_ENTRY entries, ULONG count, PULONG removed,
                                   DWORD timeout, BOOL alertable)
{
    const BOOL result =
        SEAM_REAL(GetQueuedCompletionStatusEx)(port, entries, count, removed, timeout, alertable);
    for (ULONG i = 0; result && i < *removed; i++) {
        spoil(&entries[i]);
    }
    return result;
}

static void spoil_accepts(uint32_t status, LONG count)
{
    memset((void *)(ULONG_PTR)&spoiled, 0, sizeof spoiled);
    spoiled.status = status;
    spoiled.left = count;
    seam_replace(IMPORT_AcceptEx, (seam_function)note_accept);
    seam_replace(IMPORT_GetQueuedCompletionStatusEx, (seam_function)dequeue_spoiled);
}

/* However each accept ends, there are as many again, and the next client is served. */
static void test_acceptor__arms_again_after_every_kind_of_failure(void **state)
{
    (void)state;
    static const struct {
        uint32_t status;
        bool is_the_clients; /* no reason to pause */
    } rows[] = {
        {0xC000020D, true},  /* CONNECTION_RESET */
        {0xC000013B, true},  /* LOCAL_DISCONNECT */
        {0xC0000241, true},  /* CONNECTION_ABORTED */
        {0xC000023C, true},  /* NETWORK_UNREACHABLE */
        {0xC0000140, true},  /* INVALID_CONNECTION */
        {0xC0000120, false}, /* CANCELLED */
        {0xC000009A, false}, /* INSUFFICIENT_RESOURCES */
        {0xC000000D, false}, /* INVALID_PARAMETER */
        {0xC0DEFACE, false}, /* unknown */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const LONG count = rows[i].is_the_clients ? 40 : 3;
        bench_open("127.0.0.1");
        spoil_accepts(rows[i].status, count);
        bench_create(4);
        acceptor_start(bench.acceptor);
        for (LONG k = 0; k < count; k++) {
            bench_assert_dropped(bench_connect());
        }
        bench_assert_serves();
        bench_wait_until_armed();
        assert_int_equal(bench.accepted, 1);
        assert_int_equal(bench.breaks, 0);
        if (rows[i].is_the_clients) {
            assert_int_equal(bench.troubles, 0);
        } else if (bench.troubles > 0) {
            bench_wait_for_recovery();
        }
        assert_int_equal(worker_nobodys(bench.worker)->at[COUNTER_ACCEPT_FAILURES], count);
        bench_close();
        seam_restore();
    }
}

/* So much of the clock's time from now on, and no more until it is moved. */
static void pass_and_stop(uint64_t milliseconds)
{
    clock_stop();
    clock_advance(milliseconds);
}

/* A flood of clients that are gone: in the end it pauses, but never for long. */
static void test_acceptor__pauses_for_moments_in_a_flood_of_resets(void **state)
{
    (void)state;
    enum { FLOOD = 1000 + 4 + 60 };
    bench_open("127.0.0.1");
    spoil_accepts(0xC000020D, FLOOD);
    bench_create(1);
    acceptor_start(bench.acceptor);
    for (int i = 0; i < FLOOD; i++) {
        client_reset(bench_connect());
        if (i == 900) {
            while (worker_nobodys(bench.worker)->at[COUNTER_ACCEPT_FAILURES] < 901) {
                Sleep(1);
            }
            assert_int_equal(bench.troubles, 0);
        }
    }
    const uint64_t deadline = rig_deadline();
    while (worker_nobodys(bench.worker)->at[COUNTER_ACCEPT_FAILURES] < FLOOD) {
        clock_advance(20);
        rig_nap(deadline, "the end of the flood");
    }
    assert_int_equal(bench.troubles, 1);
    pass_and_stop(200); /* the pauses have not grown to a second */
    bench_assert_serves();
    bench_wait_for_recovery();
    bench_close();
}

/* Only failures in a row tell of trouble. */
static void test_acceptor__counts_failures_from_one_success_to_the_next(void **state)
{
    (void)state;
    bench_open("127.0.0.1");
    spoil_accepts(0xC0DEFACE, 0);
    bench_create(1);
    acceptor_start(bench.acceptor);
    for (int i = 0; i < 30; i++) {
        spoiled.left = 1;
        bench_assert_dropped(bench_connect());
        bench_assert_serves();
    }
    assert_int_equal(bench.troubles, 0);
    bench_close();
}

/* A client comes, and its accept is complete, before AcceptEx has returned. */
static struct client *early_client;
static volatile LONG early;

static BOOL WINAPI accept_early(SOCKET s, SOCKET accepted, PVOID out, DWORD data_room, DWORD local_room,
                                DWORD remote_room, LPDWORD received, LPOVERLAPPED overlapped)
{
    const BOOL result =
        SEAM_REAL(AcceptEx)(s, accepted, out, data_room, local_room, remote_room, received, overlapped);
    const DWORD error = GetLastError();
    if (InterlockedIncrement(&early) == 1) {
        client_connect(&bench.address, NULL, 0, CLIENT_PATIENCE, &early_client);
        for (int i = 0; i < RIG_PATIENCE && !HasOverlappedIoCompleted(overlapped); i++) {
            Sleep(1);
        }
        early = HasOverlappedIoCompleted(overlapped) ? 100 : 200;
    }
    SetLastError(error);
    return result;
}

static void test_acceptor__takes_a_completion_that_comes_inside_the_call(void **state)
{
    (void)state;
    early = 0;
    bench_open("127.0.0.1");
    bench_create(4);
    seam_replace(IMPORT_AcceptEx, (seam_function)accept_early);
    acceptor_start(bench.acceptor);
    bench_wait(&bench.accepted, 1, "the early client");
    assert_in_range(early, 100, 199); /* it was complete inside */
    bench_assert_greeted(early_client);
    bench_assert_serves();
    assert_int_equal(bench.accepted, 2);
    bench_close();
}

/* AcceptEx that succeeds at once when a client waits, as Windows may do it. The packet is held back from the
   port by the event's low bit (GetQueuedCompletionStatus, remarks). */
static bool has_client(SOCKET listener)
{
    fd_set set;
    struct timeval none = {0, 0};
    FD_ZERO(&set);
    FD_SET(listener, &set);
    return SEAM_REAL(select)(0, &set, NULL, NULL, &none) == 1;
}

static volatile LONG inlined;

static BOOL WINAPI accept_inline(SOCKET s, SOCKET accepted, PVOID out, DWORD data_room, DWORD local_room,
                                 DWORD remote_room, LPDWORD received, LPOVERLAPPED overlapped)
{
    DWORD bytes = 0;
    if (!has_client(s)) {
        return SEAM_REAL(AcceptEx)(s, accepted, out, data_room, local_room, remote_room, received,
                                   overlapped);
    }
    const HANDLE event = SEAM_REAL(CreateEventW)(NULL, TRUE, FALSE, NULL);
    overlapped->hEvent = (HANDLE)((ULONG_PTR)event | 1);
    SEAM_REAL(AcceptEx)(s, accepted, out, data_room, local_room, remote_room, received, overlapped);
    const BOOL result = GetOverlappedResult((HANDLE)s, overlapped, &bytes, TRUE);
    overlapped->hEvent = NULL;
    SEAM_REAL(CloseHandle)(event);
    InterlockedIncrement(&inlined);
    return result;
}

/* With and without the packet that a port gets for such a call unless it skips it. */
static void test_acceptor__takes_clients_that_are_accepted_at_once(void **state)
{
    (void)state;
    inlined = 0;
    bench_open("127.0.0.1");
    assert_true(bench.network.skips_on_success);
    bench_create(256);
    acceptor_start(bench.acceptor);
    bench_wait_until_armed();
    bench_hold();
    bench_connect_many(200);
    seam_replace(IMPORT_AcceptEx, (seam_function)accept_inline);
    bench_release();
    bench_assert_all_greeted();
    assert_int_equal(bench.accepted, 200);
    assert_int_equal(inlined, 199); /* all but the one that was waited for */
    seam_restore();
    bench_wait_until_armed();
    assert_in_range(bench_counts().target, 8, 256); /* 199 in turns of 64 */
    bench_assert_serves();
    bench_close();
}

static volatile LONG inlined_before,
    longest_turn; /* accepts until the last look at the port, and between two */

static BOOL WINAPI look_and_count(HANDLE port, LPOVERLAPPED_ENTRY entries, ULONG room, PULONG count,
                                  DWORD wait, BOOL is_alertable)
{
    const LONG turn = inlined - inlined_before;
    longest_turn = turn > longest_turn ? turn : longest_turn;
    inlined_before = inlined;
    return SEAM_REAL(GetQueuedCompletionStatusEx)(port, entries, room, count, wait, is_alertable);
}

static BOOL WINAPI accept_slowly(SOCKET s, SOCKET accepted, PVOID out, DWORD data_room, DWORD local_room,
                                 DWORD remote_room, LPDWORD received, LPOVERLAPPED overlapped)
{
    Sleep(1); /* a few turns long */
    return accept_inline(s, accepted, out, data_room, local_room, remote_room, received, overlapped);
}

static void do_nothing(struct task *task)
{
    (void)task;
}

static void make_another_lane_active(void *context)
{
    (void)context;
    static struct task task = {.run = do_nothing};
    worker_queue(bench.worker, 1, RANK_FRESH, &task);
}

/* A flood of clients, while another endpoint is active, which waits for one or two of them and not for 64. */
static void test_acceptor__leaves_other_endpoints_their_turn(void **state)
{
    (void)state;
    inlined = inlined_before = longest_turn = 0;
    bench_open("127.0.0.1");
    bench_create(256);
    acceptor_start(bench.acceptor);
    bench_wait_until_armed();
    clock_stop(); /* so that it stays active */
    bench_on_worker(make_another_lane_active, NULL);
    bench_hold();
    bench_connect_many(100);
    seam_replace(IMPORT_AcceptEx, (seam_function)accept_slowly);
    seam_replace(IMPORT_GetQueuedCompletionStatusEx, (seam_function)look_and_count);
    bench_release();
    bench_assert_all_greeted();
    assert_int_equal(bench.accepted, 100);
    assert_in_range(inlined, 90, 99);
    seam_restore();
    bench_wait_until_armed();
    bench_close();
    print_message("             %d accepts in the longest turn\n", (int)longest_turn);
    assert_in_range(longest_turn, 1, 2);
}

static void test_acceptor__works_where_every_call_passes_the_port(void **state)
{
    (void)state;
    bench_open("127.0.0.1");
    bench.network.skips_on_success = false;
    bench_create(16);
    acceptor_start(bench.acceptor);
    bench_connect_many(50);
    bench_assert_all_greeted();
    bench_wait_until_armed();
    bench_close();
}

/* ---- What the machine lacks ---- */

static void test_acceptor__serves_soon_after_sockets_were_lacking(void **state)
{
    (void)state;
    bench_open("127.0.0.1");
    fault_arm(IMPORT_WSASocketW, 1, WSAEMFILE, 100);
    bench_create(4);
    acceptor_start(bench.acceptor);
    bench_connect_many(3); /* the backlog holds them meanwhile */
    const uint64_t deadline = rig_deadline();
    while (fault_hits() < 100) {
        clock_advance(500);
        rig_nap(deadline, "100 tries");
    }
    pass_and_stop(1000);
    bench_assert_all_greeted();
    bench_wait_until_armed();
    bench_wait_for_recovery(); /* told once, not a hundred times */
    assert_int_equal(bench.error, WSAEMFILE);
    bench_close();
}

static uint32_t cpu_milliseconds(void)
{
    FILETIME times[4];
    GetProcessTimes(GetCurrentProcess(), &times[0], &times[1], &times[2], &times[3]);
    return (times[2].dwLowDateTime + times[3].dwLowDateTime) / 10000;
}

/* A way in which accepting fails, again and again. */
struct failing {
    enum import import; /* this call, */
    DWORD code;
    uint32_t status; /* or else, not 0, what every accept ends with at once */
    uint32_t free_tries;
};

static void begin_failing(const struct failing *failing)
{
    if (failing->status != 0) {
        storm_begin(failing->status);
    } else {
        fault_arm(failing->import, 1, failing->code, FAULT_FOREVER);
    }
}

static uint32_t failed_tries(const struct failing *failing)
{
    return failing->status != 0 ? storm_hits() : fault_hits();
}

static uint32_t end_failing(const struct failing *failing)
{
    const uint32_t hits = failed_tries(failing);
    storm_end();
    fault_clear();
    return hits;
}

/* For some time every try fails: few tries, an idle worker behind those that are free, and trouble told once. */
static void assert_does_not_spin(const struct failing *failing)
{
    storm_watch();
    bench_open("127.0.0.1");
    bench_create(4);
    begin_failing(failing);
    const uint32_t turns = fault_calls(IMPORT_GetQueuedCompletionStatusEx);
    acceptor_start(bench.acceptor);
    const uint64_t deadline = rig_deadline();
    while (failed_tries(failing) < failing->free_tries) {
        rig_nap(deadline, "the tries that are free");
    }
    const uint32_t cpu = cpu_milliseconds();
    Sleep(1500);
    const uint32_t turned = fault_calls(IMPORT_GetQueuedCompletionStatusEx) - turns;
    const uint32_t busy = cpu_milliseconds() - cpu;
    const uint32_t hits = end_failing(failing);
    if (hits < failing->free_tries + 3 || hits > failing->free_tries + 60 ||
        turned > failing->free_tries + 100 || busy > 600) {
        fail_msg("%s, error %lu, status %lx: %u tries in %u turns and %u ms",
                 failing->status != 0 ? "every operation" : seam_name(failing->import),
                 (unsigned long)failing->code, (unsigned long)failing->status, hits, turned, busy);
    }
    assert_int_equal(bench.troubles, 1);
    assert_true(failing->code == 0 || bench.error == failing->code);
    bench_assert_serves();
    bench_wait_until_armed();
    bench_wait_for_recovery();
    assert_int_equal(bench.breaks, 0);
    bench_close();
}

static void test_acceptor__does_not_spin_while_accepting_fails(void **state)
{
    (void)state;
    enum {
        FREE = 1 + 10,         /* beyond one accept: what may pass */
        FREE_RESETS = 1 + 1000 /* clients that were gone: each leaves the queue shorter */
    };
    static const struct failing rows[] = {
        {.import = IMPORT_HeapAlloc},
        {.import = IMPORT_WSASocketW, .code = WSAENOBUFS},
        {.import = IMPORT_WSASocketW, .code = WSAEMFILE},
        {.import = IMPORT_AcceptEx, .code = WSAENOBUFS},
        {.import = IMPORT_AcceptEx, .code = WSAEINVAL}, /* though the listener lives */
        {.import = IMPORT_AcceptEx, .code = WSAEOPNOTSUPP, .free_tries = FREE},
        {.import = IMPORT_AcceptEx, .code = 12345, .free_tries = FREE},
        {.import = IMPORT_AcceptEx, .code = WSAECONNRESET, .free_tries = FREE_RESETS},
        {.status = 0xC000009A},                            /* INSUFFICIENT_RESOURCES */
        {.status = 0xC0DEFACE, .free_tries = FREE},        /* unknown */
        {.status = 0xC000020D, .free_tries = FREE_RESETS}, /* CONNECTION_RESET */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_does_not_spin(&rows[i]);
    }
}

static void test_acceptor__waits_for_memory(void **state)
{
    (void)state;
    bench_open("127.0.0.1");
    bench_create(4);
    fault_arm(IMPORT_HeapAlloc, 1, 0, 5);
    acceptor_start(bench.acceptor);
    const uint64_t deadline = rig_deadline();
    while (fault_hits() < 5) {
        clock_advance(100);
        rig_nap(deadline, "five tries");
    }
    bench_assert_serves();
    bench_wait_until_armed();
    assert_int_equal(bench.error, ERROR_NOT_ENOUGH_MEMORY);
    bench_close();
}

static void release_on_worker(void *context)
{
    (void)context;
    worker_released(bench.worker);
}

/* Parked for a second, it is armed again as soon as something is given back, long before the second is
   over. */
static void test_acceptor__tries_again_as_soon_as_something_is_given_back(void **state)
{
    (void)state;
    uint64_t passed = UINT64_MAX;
    for (int attempt = 0; attempt < 5 && passed >= 1000; attempt++) { /* a busy machine may miss the second */
        bench_open("127.0.0.1");
        bench_create(4);
        fault_arm(IMPORT_WSASocketW, 1, WSAEMFILE, FAULT_FOREVER);
        acceptor_start(bench.acceptor);
        const uint64_t deadline = rig_deadline();
        while (fault_hits() < 12) { /* 10 ms, 20, 40 ... 900, 900 */
            clock_advance(1100);
            rig_nap(deadline, "a pause of a second");
        }
        const uint64_t parked = clock_now();
        fault_clear();
        bench_on_worker(release_on_worker, NULL);
        bench_wait_until_armed();
        passed = clock_now() - parked;
        bench_assert_serves();
        bench_close();
    }
    assert_in_range(passed, 0, 999);
}

static void test_acceptor__needs_memory_and_an_association(void **state)
{
    (void)state;
    bench_open("127.0.0.1");
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_null(bench_try_create(4));
    assert_int_equal(GetLastError(), ERROR_NOT_ENOUGH_MEMORY);
    fault_arm(IMPORT_CreateIoCompletionPort, 1, ERROR_NO_SYSTEM_RESOURCES, 1);
    assert_null(bench_try_create(4));
    assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
    bench_create(4);
    acceptor_start(bench.acceptor);
    bench_assert_serves();
    bench_close();
}

/* ---- A listening socket that dies ---- */

static int WSAAPI listens_no_more(SOCKET s, int level, int option, char *value, int *length)
{
    const int result = SEAM_REAL(getsockopt)(s, level, option, value, length);
    if (s == bench.listener && level == SOL_SOCKET && option == SO_ACCEPTCONN) {
        *(DWORD *)(void *)value = FALSE;
    }
    return result;
}

static void test_acceptor__tells_once_that_its_listener_is_dead(void **state)
{
    (void)state;
    static const DWORD codes[] = {WSAEINVAL, WSAENOTSOCK};
    for (size_t i = 0; i < 2; i++) {
        bench_start("127.0.0.1", 4);
        bench_grow(4);
        seam_replace(IMPORT_getsockopt, (seam_function)listens_no_more);
        fault_arm(IMPORT_AcceptEx, 1, codes[i], FAULT_FOREVER);
        bench_connect_many(4);
        bench_wait(&bench.breaks, 1, "broken");
        assert_int_equal(bench.error, codes[i]);
        bench_assert_all_greeted();
        seam_restore();
        bench_close();
        assert_int_equal(bench.breaks, 1);
        fault_clear();
    }
}

/* All accepts find it dead at the same time. */
static void test_acceptor__tells_once_that_its_listener_died_under_its_accepts(void **state)
{
    (void)state;
    bench_open("127.0.0.1");
    spoil_accepts(0xC000000D, 0); /* INVALID_PARAMETER */
    bench_create(4);
    acceptor_start(bench.acceptor);
    bench_grow(4);
    seam_replace(IMPORT_getsockopt, (seam_function)listens_no_more);
    bench_hold();
    spoiled.left = 4;
    bench_connect_many(4);
    bench_release();
    while (bench.client_count > 0) {
        bench_assert_dropped(bench.clients[--bench.client_count]);
    }
    bench_wait(&bench.breaks, 1, "broken");
    bench_close();
    assert_int_equal(bench.breaks, 1);
}

/* The same codes, but the socket lives, or nobody can tell. */
static void test_acceptor__takes_a_lack_of_sockets_for_no_death(void **state)
{
    (void)state;
    bench_start("127.0.0.1", 4);
    bench_wait_until_armed();
    seam_replace(IMPORT_getsockopt, (seam_function)listens_no_more);
    fault_arm(IMPORT_AcceptEx, 1, WSAEINVAL, 1);
    fault_arm(IMPORT_WSASocketW, 2, WSAEMFILE,
              1);          /* the second: the accept gets its socket, the check none */
    bench_assert_serves(); /* one accept is in flight, the next fails */
    bench_assert_serves();
    bench_wait_until_armed();
    bench_wait_for_recovery();
    assert_int_equal(bench.breaks, 0);
    bench_close();
}

static void test_acceptor__goes_on_when_a_living_listener_refuses(void **state)
{
    (void)state;
    bench_start("127.0.0.1", 4);
    bench_wait_until_armed();
    fault_arm(IMPORT_AcceptEx, 1, WSAEINVAL, 3);
    bench_assert_serves();
    bench_assert_serves();
    bench_wait_until_armed();
    bench_wait_for_recovery();
    assert_int_equal(bench.breaks, 0);
    bench_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bench_test(test_acceptor__survives_clients_that_reset),
        bench_test(test_acceptor__survives_clients_that_reset_before_they_are_accepted),
        bench_test(test_acceptor__arms_again_after_every_kind_of_failure),
        bench_test(test_acceptor__pauses_for_moments_in_a_flood_of_resets),
        bench_test(test_acceptor__counts_failures_from_one_success_to_the_next),
        bench_test(test_acceptor__takes_a_completion_that_comes_inside_the_call),
        bench_test(test_acceptor__takes_clients_that_are_accepted_at_once),
        bench_test(test_acceptor__leaves_other_endpoints_their_turn),
        bench_test(test_acceptor__works_where_every_call_passes_the_port),
        bench_test(test_acceptor__serves_soon_after_sockets_were_lacking),
        bench_test(test_acceptor__does_not_spin_while_accepting_fails),
        bench_test(test_acceptor__waits_for_memory),
        bench_test(test_acceptor__tries_again_as_soon_as_something_is_given_back),
        bench_test(test_acceptor__needs_memory_and_an_association),
        bench_test(test_acceptor__tells_once_that_its_listener_is_dead),
        bench_test(test_acceptor__tells_once_that_its_listener_died_under_its_accepts),
        bench_test(test_acceptor__takes_a_lack_of_sockets_for_no_death),
        bench_test(test_acceptor__goes_on_when_a_living_listener_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
