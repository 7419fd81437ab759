/* SPDX-License-Identifier: MIT
   Tests of accept/acceptor.c: serving, the number of accepts, pausing, stopping. */
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

/* ---- Serving ---- */

static void test_acceptor__tells_both_addresses(void **state)
{
    (void)state;
    static const char *const places[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < 2; i++) {
        bench_start(places[i], 4);
        struct client *client = bench_connect();
        const struct pl_address from = client_local(client);
        bench_assert_greeted(client);
        assert_true(address_equal(&bench.local, &bench.address));
        assert_true(address_equal(&bench.peer, &from));
        assert_true(address_equal(&bench.admitted_peer, &from));
        bench_close();
    }
}

static void test_acceptor__tells_an_ipv4_client_of_a_dual_stack_socket_as_ipv4(void **state)
{
    (void)state;
    bench_start("::", 4);
    const struct pl_address to = client_address("127.0.0.1", bench.address.port);
    struct client *client = NULL;
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    const struct pl_address from = client_local(client);
    bench_assert_greeted(client);
    assert_true(address_equal(&bench.local, &to));
    assert_true(address_equal(&bench.peer, &from));
    bench_close();
}

static void test_acceptor__resets_whom_it_must_not_admit(void **state)
{
    (void)state;
    bench_start("127.0.0.1", 4);
    bench.refuses = 3;
    for (int i = 0; i < 3; i++) {
        bench_hold();
        struct client *client = bench_connect();
        client_watch(client);
        bench_release();
        assert_int_equal(client_drain(client, NULL, CLIENT_PATIENCE), CLIENT_RESET);
        client_close(client);
    }
    assert_int_equal(bench.accepted, 0);
    bench_assert_serves();
    assert_int_equal(bench.admitted, 4);
    bench_close();
}

static void test_acceptor__silent_clients_hold_no_accept(void **state)
{
    (void)state;
    bench_start("127.0.0.1", 8);
    bench.keeps = true;
    bench_connect_many(16); /* and say nothing */
    bench_wait(&bench.accepted, 16, "all silent clients");
    bench_wait_until_armed();
    bench_connect_many(1);
    bench_wait(&bench.accepted, 17, "one more");
    bench_close();
}

/* ---- The socket's context ---- */

static struct {
    volatile LONG updates, early_options;
    SOCKET listener; /* as given with the last update */
} options_seen;

static int WSAAPI see_option(SOCKET s, int level, int option, const char *value, int length)
{
    if (level == SOL_SOCKET && option == SO_UPDATE_ACCEPT_CONTEXT) {
        memcpy(&options_seen.listener, value, sizeof options_seen.listener);
        InterlockedIncrement(&options_seen.updates);
    } else if (s != bench.listener && options_seen.updates == 0) {
        InterlockedIncrement(&options_seen.early_options); /* Windows refuses options before the update */
    }
    return SEAM_REAL(setsockopt)(s, level, option, value, length);
}

static void test_acceptor__updates_the_context_before_anything_else(void **state)
{
    (void)state;
    for (LONG refuses = 0; refuses < 2; refuses++) {
        memset(&options_seen, 0, sizeof options_seen);
        bench_start("127.0.0.1", 4);
        bench.refuses = refuses;
        seam_replace(IMPORT_setsockopt, (seam_function)see_option);
        struct client *client = bench_connect();
        if (refuses == 0) {
            bench_assert_greeted(client);
        } else {
            bench_assert_dropped(client);
        }
        assert_int_equal(options_seen.updates, 1);
        assert_int_equal(options_seen.early_options, 0);
        assert_true(options_seen.listener == bench.listener);
        seam_restore();
        bench_close();
    }
}

static void test_acceptor__drops_a_client_whose_context_cannot_be_updated(void **state)
{
    (void)state;
    bench_start("127.0.0.1", 4);
    fault_arm(IMPORT_setsockopt, 1, WSAENOTCONN, 1);
    bench_assert_dropped(bench_connect());
    assert_int_equal(bench.accepted, 0);
    bench_assert_serves();
    bench_wait_until_armed();
    assert_int_equal(bench.troubles, 0);
    assert_int_equal(bench.lost, 1);
    bench_close();
}

/* ---- As many accepts as are needed ---- */

static void test_acceptor__grows_under_load_and_shrinks_when_it_is_quiet(void **state)
{
    (void)state;
    bench_start("127.0.0.1", 256);
    bench_wait_until_armed();
    assert_int_equal(bench_counts().target, 1);
    bench_grow(256);
    const uint64_t deadline = rig_deadline();
    for (uint32_t target = 256; target > 1;) { /* by halves, ten seconds each */
        clock_advance(10000);
        const uint32_t now = bench_counts().target;
        assert_true(now == target || now == target / 2 || now == target / 4);
        target = now;
        rig_nap(deadline, "one accept");
    }
    bench_wait_until_armed();
    assert_int_equal(ledger_count(LEDGER_SOCKET), 2); /* the listener and the accept */
    assert_int_equal(bench.troubles, 0);
    assert_int_equal(worker_nobodys(bench.worker)->at[COUNTER_ACCEPT_FAILURES],
                     0); /* to be cancelled is none */
    bench_assert_serves();
    bench_burst(20);
    assert_in_range(bench_counts().target, 2, 32);
    bench_close();
}

static void test_acceptor__does_not_shrink_while_all_accepts_are_used(void **state)
{
    (void)state;
    bench_start("127.0.0.1", 64);
    bench_grow(64);
    for (int i = 0; i < 4; i++) {
        bench_burst(200);
        clock_advance(10000);
        bench_counts();
        assert_int_equal(bench_counts().target, 64);
    }
    bench_close();
}

static void test_acceptor__never_posts_more_than_it_may(void **state)
{
    (void)state;
    static const uint32_t limits[] = {1, 3, 8};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        bench_start("127.0.0.1", limits[i]);
        bench_grow(limits[i]);
        bench_burst(100);
        bench_burst(100);
        assert_int_equal(bench_counts().target, limits[i]);
        assert_int_equal(bench_counts().posted, limits[i]);
        bench_close();
    }
}

/* A cancelled accept may have got a client before. */
static BOOL WINAPI cancel_too_late(HANDLE handle, LPOVERLAPPED overlapped)
{
    (void)handle, (void)overlapped;
    return TRUE;
}

static void test_acceptor__serves_a_client_that_comes_with_the_cancelling(void **state)
{
    (void)state;
    bench_start("127.0.0.1", 4);
    bench_grow(4);
    seam_replace(IMPORT_CancelIoEx, (seam_function)cancel_too_late);
    const uint64_t deadline = rig_deadline();
    while (bench_counts().target > 1) {
        clock_advance(10000);
        rig_nap(deadline, "one accept");
    }
    assert_int_equal(bench_counts().posted, 4); /* none of them has ended */
    bench_connect_many(4);
    bench_assert_all_greeted();
    seam_restore();
    bench_wait_until_armed();
    bench_close();
}

/* Those that are too many serve clients until there are no more of them than there should be. */
static void test_acceptor__keeps_accepts_that_cannot_be_cancelled(void **state)
{
    (void)state;
    static const DWORD codes[] = {ERROR_NOT_FOUND, ERROR_INVALID_HANDLE};
    for (size_t i = 0; i < 2; i++) {
        bench_start("127.0.0.1", 4);
        bench_grow(4);
        fault_arm(IMPORT_CancelIoEx, 1, codes[i], FAULT_FOREVER);
        const uint64_t deadline = rig_deadline();
        while (bench_counts().target > 1) {
            clock_advance(10000);
            rig_nap(deadline, "one accept");
        }
        assert_int_equal(fault_hits(), 2 * 4); /* at 2 and at 1: none passes for one that ends */
        assert_int_equal(bench_counts().posted, 4);
        for (int k = 0; k < 3; k++) {
            bench_assert_serves();
        }
        bench_wait_until_armed();
        fault_clear();
        bench_close();
        assert_int_equal(bench.troubles, 0);
    }
}

/* ---- Pausing and stopping ---- */

static struct {
    volatile LONG calls;
    volatile LONG is_paused;
    volatile LONG result;
} pause_seen;

static int WSAAPI see_pause(SOCKET s, int level, int option, const char *value, int length)
{
    if (s != bench.listener || level != SOL_SOCKET || option != SO_PAUSE_ACCEPT) {
        return SEAM_REAL(setsockopt)(s, level, option, value, length);
    }
    pause_seen.is_paused = length == sizeof(DWORD) ? *(const LONG *)(const void *)value : -1;
    InterlockedIncrement(&pause_seen.calls);
    WSASetLastError(WSAENOPROTOOPT);
    return (int)pause_seen.result;
}

/* Where the system can pause it refuses by itself; elsewhere the accepts go on, and `admit` refuses. */
static void test_acceptor__asks_the_system_to_pause(void **state)
{
    (void)state;
    for (LONG result = 0; result >= SOCKET_ERROR; result--) {
        memset((void *)(ULONG_PTR)&pause_seen, 0, sizeof pause_seen);
        pause_seen.result = result;
        bench_start("127.0.0.1", 4);
        bench_wait_until_armed();
        seam_replace(IMPORT_setsockopt, (seam_function)see_pause);
        acceptor_pause(bench.acceptor, true);
        acceptor_pause(bench.acceptor, true);
        bench_wait(&pause_seen.calls, 1, "the pause");
        assert_int_equal(pause_seen.is_paused, TRUE);
        bench.refuses = 1;
        bench_assert_dropped(bench_connect());
        acceptor_pause(bench.acceptor, false);
        bench_wait(&pause_seen.calls, 2, "the end of the pause");
        assert_int_equal(pause_seen.is_paused, FALSE);
        bench_assert_serves();
        assert_int_equal(pause_seen.calls, 2); /* once each */
        seam_restore();
        bench_close();
    }
}

/* ---- No more than the rate allows ---- */

static uint64_t pauses(void)
{
    bench_counts(); /* W is done with what it was at, and the clock stands */
    assert_int_equal(bench.waits, worker_nobodys(bench.worker)->at[COUNTER_ACCEPT_PAUSES_RATE]);
    return (uint64_t)bench.waits;
}

/* The clock stands from here on, and moves only as the test says. */
static void start_at_rate(uint32_t per_second, uint32_t burst, uint32_t accepts_max)
{
    bench_open("127.0.0.1");
    bench.rate = accept_rate_make(per_second, burst);
    clock_stop();
    bench_create(accepts_max);
    acceptor_start(bench.acceptor);
}

/* As many have come in by now, and when W has been around twice more, no other has. */
static void assert_takes(LONG count)
{
    bench_wait(&bench.accepted, count, "as many as the rate allows");
    bench_counts();
    bench_counts();
    assert_int_equal(bench.accepted, count);
}

static void test_acceptor__takes_the_next_client_when_the_rate_allows(void **state)
{
    (void)state;
    enum { BURST = 3, ALL = 10, EARLY = 100, LATE = 300 };
    start_at_rate(1, BURST, 8);
    bench_connect_many(ALL);
    for (LONG accepted = BURST; accepted < ALL; accepted++) {
        assert_takes(accepted);
        clock_advance(1000 - EARLY - (accepted == BURST ? 0 : LATE));
        assert_takes(accepted);
        clock_advance(EARLY + LATE);
    }
    assert_takes(ALL);
    assert_true(pauses() > 0);
    assert_int_equal(bench.troubles, 0); /* it is none */
    bench_assert_all_greeted();
    bench_close();
}

/* At no moment were there more than the burst and what the time since the start has brought; and timers tick every
   tenth of a second, so that of this rate ten are not there yet at most. */
static void test_acceptor__keeps_a_rate_of_many_a_second(void **state)
{
    (void)state;
    enum { PER_SECOND = 100, BURST = 30, ALL = 300, STEP = 50, TICK = 100 };
    start_at_rate(PER_SECOND, BURST, 64);
    bench_connect_many(ALL);
    for (uint32_t passed = 0; bench.accepted < ALL; passed += STEP) {
        const LONG most = BURST + (LONG)(passed * PER_SECOND / 1000);
        const LONG least = most - PER_SECOND * TICK / 1000;
        assert_in_range(passed, 0, 1000 * ALL / PER_SECOND + TICK);
        bench_wait(&bench.accepted, least < ALL ? least : ALL, "no client too few");
        bench_counts();
        bench_counts();
        assert_true(bench.accepted <= most);
        clock_advance(STEP);
    }
    bench_assert_all_greeted();
    bench_close();
}

static void test_acceptor__refused_clients_cost_no_tokens(void **state)
{
    (void)state;
    start_at_rate(1, 1, 4);
    bench.refuses = 20;
    for (int i = 0; i < 20; i++) {
        bench_assert_dropped(bench_connect());
    }
    assert_int_equal(pauses(), 0);
    bench_assert_serves();
    bench_connect_many(1);
    assert_takes(1); /* and then it is used up */
    bench_close();
    client_close_all();
    bench.client_count = 0;
}

/* Another socket of the endpoint has taken the tokens after this one had posted its accept. */
static void take_all_tokens(void *context)
{
    (void)context;
    const uint64_t now = worker_now(bench.worker);
    while (accept_rate_tokens(&bench.rate, bench.bucket, now) > 0) {
        bench.bucket = accept_rate_take(&bench.rate, bench.bucket, now);
    }
}

static void test_acceptor__keeps_a_client_until_there_is_a_token(void **state)
{
    (void)state;
    start_at_rate(1, 1, 4);
    bench_wait_until_armed();
    bench_on_worker(take_all_tokens, NULL);
    bench_connect_many(3);
    bench_wait(&bench.admitted, 1, "the first, who is asked to wait");
    for (LONG next = 1; next <= 3; next++) {
        assert_int_equal(bench_counts().posted, 0);
        clock_advance(900);
        Sleep(20); /* for one that should not come */
        assert_int_equal(bench.accepted, next - 1);
        clock_advance(200); /* the token, and a tick of the timers */
        bench_wait(&bench.accepted, next, "one a second");
    }
    bench_assert_all_greeted();
    bench_close();
    assert_int_equal(bench.abandoned, 0);
}

static void test_acceptor__a_stop_resets_who_waits_for_a_token(void **state)
{
    (void)state;
    start_at_rate(1, 1, 4);
    bench_wait_until_armed();
    bench_on_worker(take_all_tokens, NULL);
    struct client *client = bench_connect();
    client_watch(client);
    bench_wait(&bench.admitted, 1, "the client, who is asked to wait");
    bench_close();
    assert_int_equal(client_drain(client, NULL, CLIENT_PATIENCE), CLIENT_RESET);
    client_close(client);
    assert_int_equal(bench.abandoned, 1);
    assert_int_equal(bench.accepted, 0);
}

static void test_acceptor__stops_while_the_rate_makes_it_wait(void **state)
{
    (void)state;
    start_at_rate(1, 1, 4);
    bench_connect_many(3);
    assert_takes(1);
    bench_close();
    client_close_all();
    bench.client_count = 0;
}

static void test_acceptor__stops_whatever_it_is_at(void **state)
{
    (void)state;
    for (int parked = 0; parked < 2; parked++) {
        bench_open("127.0.0.1");
        if (parked == 1) {
            fault_arm(IMPORT_WSASocketW, 1, WSAEMFILE, FAULT_FOREVER);
        }
        bench_create(4);
        acceptor_start(bench.acceptor);
        if (parked == 1) {
            bench_wait(&bench.troubles, 1, "trouble");
        }
        bench_close(); /* the first time: right behind the start */
        fault_clear();
    }
    bench_start("127.0.0.1", 64);
    bench_grow(64);
    bench_close();
}

/* Their accepts have succeeded when the stop runs, and the completions come behind it. */
static void test_acceptor__hands_over_clients_that_come_with_the_stop(void **state)
{
    (void)state;
    bench_start("127.0.0.1", 8);
    bench_grow(8);
    const LONG accepted = bench.accepted;
    bench_hold();
    bench_hold();
    acceptor_stop(bench.acceptor);
    bench.is_stopping = true;
    bench_release();
    bench_connect_many(8);
    Sleep(20); /* inside the second hold: the accepts complete */
    bench_release();
    while (bench.client_count > 0) {
        bench_assert_dropped(bench.clients[--bench.client_count]);
    }
    bench_close();
    assert_int_equal(bench.accepted, accepted + 8); /* the owner resets them */
}

/* The same in trouble: who succeeds behind the stop is no recovery, and leaves no timer (see bench_close). */
static void test_acceptor__leaves_no_timer_when_it_stops_in_trouble(void **state)
{
    (void)state;
    bench_start("127.0.0.1", 8);
    bench_grow(8);
    fault_arm(IMPORT_WSASocketW, 1, WSAEMFILE, FAULT_FOREVER);
    struct client *client = bench_connect();
    bench_wait(&bench.troubles, 1, "trouble");
    fault_clear();
    const LONG accepted = bench.accepted;
    bench_hold();
    bench_hold();
    acceptor_stop(bench.acceptor);
    bench.is_stopping = true;
    bench_release();
    bench_connect_many(4);
    Sleep(20); /* inside the second hold: the accepts complete */
    bench_release();
    bench_close();
    assert_in_range(bench.accepted, accepted, accepted + 4); /* all of them, as a rule */
    assert_int_equal(bench.recoveries, 0);
    client_close(client);
}

/* Their completions are under way: nothing is left to cancel. */
static BOOL WINAPI cancel_and_find_nothing(HANDLE handle, LPOVERLAPPED overlapped)
{
    SEAM_REAL(CancelIoEx)(handle, overlapped);
    SetLastError(ERROR_NOT_FOUND);
    return FALSE;
}

static struct {
    LONG closes;
    size_t accepts; /* in flight, when the listener was closed */
} close_seen;

static int WSAAPI see_close(SOCKET s)
{
    if (s == bench.listener) {
        close_seen.accepts = ledger_in_flight(s, IMPORT_AcceptEx);
        close_seen.closes++;
    }
    return SEAM_REAL(closesocket)(s);
}

/* A client that has been accepted can be reset only while the listener lives. So it is closed last, unless
   nothing else ends the accepts. */
static void test_acceptor__closes_its_listener_early_only_when_it_must(void **state)
{
    (void)state;
    static const struct {
        DWORD code; /* that cancelling fails with; 0: it does not */
        size_t accepts;
    } rows[] = {{0, 0}, {ERROR_NOT_FOUND, 0}, {ERROR_INVALID_HANDLE, 4}, {ERROR_NOT_SUPPORTED, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memset(&close_seen, 0, sizeof close_seen);
        bench_start("127.0.0.1", 4);
        bench_grow(4);
        seam_replace(IMPORT_closesocket, (seam_function)see_close);
        if (rows[i].code == ERROR_NOT_FOUND) {
            seam_replace(IMPORT_CancelIoEx, (seam_function)cancel_and_find_nothing);
        } else if (rows[i].code != 0) {
            fault_arm(IMPORT_CancelIoEx, 1, rows[i].code, FAULT_FOREVER);
        }
        bench_close();
        assert_int_equal(close_seen.closes, 1);
        assert_int_equal(close_seen.accepts, rows[i].accepts);
        seam_restore();
        fault_clear();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bench_test(test_acceptor__tells_both_addresses),
        bench_test(test_acceptor__tells_an_ipv4_client_of_a_dual_stack_socket_as_ipv4),
        bench_test(test_acceptor__resets_whom_it_must_not_admit),
        bench_test(test_acceptor__silent_clients_hold_no_accept),
        bench_test(test_acceptor__updates_the_context_before_anything_else),
        bench_test(test_acceptor__drops_a_client_whose_context_cannot_be_updated),
        bench_test(test_acceptor__grows_under_load_and_shrinks_when_it_is_quiet),
        bench_test(test_acceptor__does_not_shrink_while_all_accepts_are_used),
        bench_test(test_acceptor__never_posts_more_than_it_may),
        bench_test(test_acceptor__serves_a_client_that_comes_with_the_cancelling),
        bench_test(test_acceptor__keeps_accepts_that_cannot_be_cancelled),
        bench_test(test_acceptor__asks_the_system_to_pause),
        bench_test(test_acceptor__takes_the_next_client_when_the_rate_allows),
        bench_test(test_acceptor__keeps_a_rate_of_many_a_second),
        bench_test(test_acceptor__refused_clients_cost_no_tokens),
        bench_test(test_acceptor__keeps_a_client_until_there_is_a_token),
        bench_test(test_acceptor__a_stop_resets_who_waits_for_a_token),
        bench_test(test_acceptor__stops_while_the_rate_makes_it_wait),
        bench_test(test_acceptor__stops_whatever_it_is_at),
        bench_test(test_acceptor__hands_over_clients_that_come_with_the_stop),
        bench_test(test_acceptor__leaves_no_timer_when_it_stops_in_trouble),
        bench_test(test_acceptor__closes_its_listener_early_only_when_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
