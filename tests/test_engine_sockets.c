/* SPDX-License-Identifier: MIT
   Tests of engine.c, bindings.c and binding.c: sockets that wait, that die, that cannot be served; pausing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "support/client.h"
#include "support/clock.h"
#include "support/deaths.h"
#include "support/fault.h"
#include "support/journal.h"
#include "support/ledger.h"
#include "support/probe.h"
#include "support/rig.h"
#include "support/seam.h"

static struct rig rig;

/* ---- Sockets that wait ---- */

/* The start need not be waited for: a report of progress is worth ten seconds, once. */
static void pass_time(void *context, uint32_t remaining)
{
    (void)context;
    clock_advance(remaining > 5000 ? 10000 : 0);
}

static void test_engine__binds_later_what_was_not_to_be_had(void **state)
{
    (void)state;
    const struct pl_address at = client_address("127.0.0.1", 0);
    struct client *holder = client_open_datagram(&at);
    probe_prepare(&rig, "udp://127.0.0.1:0");
    rig.listens[0].address.port = rig.listens[0].last_port = client_local(holder).port;
    rig.options.is_automatic_start = true;
    rig.options.progress = pass_time;
    rig.options.log = journal_open();
    rig_start(&rig);
    journal_wait(EVENT_ENDPOINT_WAITING, 1); /* told once, not at each try */
    journal_assert_last(EVENT_ENDPOINT_WAITING, "[e] udp://127.0.0.1:");
    journal_assert_last(EVENT_ENDPOINT_WAITING, " cannot be bound: ");
    journal_assert_last(EVENT_ENDPOINT_WAITING, "another socket has this port");
    rig_wait_for_state(&rig, 0, LISTENER_WAITING);
    client_close(holder);
    rig_wait_for_state(&rig, 0, LISTENER_LISTENING);
    assert_int_equal(rig_at(&rig, 0).win32_error, 0);
    probe_assert_serves(&rig);
    journal_wait(EVENT_ENDPOINT_LISTENING, 1);
    journal_assert_last(EVENT_ENDPOINT_LISTENING, " listens, handler probe");
    rig_stop(&rig);
    journal_close();
}

static void test_engine__tells_when_it_waits_for_another_reason(void **state)
{
    (void)state;
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig_listen(&rig, "tcp://127.0.0.1:0");
    rig.config.service.bind_retry = 200;
    rig.options.log = journal_open();
    fault_arm(IMPORT_bind, 3, WSAEADDRNOTAVAIL, FAULT_FOREVER); /* the second socket, behind the probe's */
    rig_start(&rig);
    journal_wait(EVENT_ENDPOINT_WAITING, 1);
    const uint64_t deadline = rig_deadline();
    while (fault_calls(IMPORT_bind) < 5) {
        rig_nap(deadline, "more tries");
    }
    fault_arm(IMPORT_bind, 1, WSAEADDRINUSE, FAULT_FOREVER);
    journal_wait(EVENT_ENDPOINT_WAITING, 2);
    journal_assert_last(EVENT_ENDPOINT_WAITING, "another socket has this port");
    fault_clear();
    rig_wait_for_state(&rig, 1, LISTENER_LISTENING);
    assert_int_equal(journal_count(EVENT_ENDPOINT_WAITING), 2);
    rig_stop(&rig);
    journal_close();
}

/* A change of addresses, as the system would tell it. */
static struct {
    OVERLAPPED *overlapped[8];
    volatile LONG armed;
} change;

static int WSAAPI watch_addresses(SOCKET s, DWORD command, LPVOID in, DWORD in_length, LPVOID out,
                                  DWORD out_length, LPDWORD returned, LPWSAOVERLAPPED overlapped,
                                  LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    if (command != SIO_ADDRESS_LIST_CHANGE) {
        return SEAM_REAL(WSAIoctl)(s, command, in, in_length, out, out_length, returned, overlapped, routine);
    }
    overlapped->Internal = STATUS_PENDING;
    change.overlapped[change.armed % 8] = overlapped;
    InterlockedIncrement(&change.armed);
    WSASetLastError(WSA_IO_PENDING);
    return SOCKET_ERROR;
}

static void complete_change(OVERLAPPED *overlapped, LONG status)
{
    overlapped->Internal = (ULONG_PTR)(ULONG)status;
    SetEvent(overlapped->hEvent);
}

static BOOL WINAPI cancel_watch(HANDLE handle, LPOVERLAPPED overlapped)
{
    for (int i = 0; i < 8; i++) {
        if (overlapped != NULL && overlapped == change.overlapped[i]) {
            complete_change(overlapped, (LONG)0xC0000120); /* CANCELLED */
            return TRUE;
        }
    }
    return SEAM_REAL(CancelIoEx)(handle, overlapped);
}

static void test_engine__binds_at_once_when_an_address_appears(void **state)
{
    (void)state;
    memset((void *)(uintptr_t)&change, 0, sizeof change);
    seam_replace(IMPORT_WSAIoctl, (seam_function)watch_addresses);
    seam_replace(IMPORT_CancelIoEx, (seam_function)cancel_watch);
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig_listen(&rig, "tcp://127.0.0.1:0");
    rig.config.service.bind_retry = 30000;
    rig.options.is_automatic_start = true;
    fault_arm(IMPORT_bind, 2, WSAEADDRNOTAVAIL, 2); /* the first is the probe's */
    rig_start(&rig);
    const uint64_t deadline = rig_deadline();
    while (change.armed < 2) {
        rig_nap(deadline, "a watch for each family");
    }
    assert_int_equal(rig_at(&rig, 1).state, LISTENER_WAITING);
    complete_change(change.overlapped[1], 0);
    rig_wait_for_state(&rig, 0, LISTENER_LISTENING);
    rig_wait_for_state(&rig, 1, LISTENER_LISTENING);
    probe_assert_serves(&rig);
    while (change.armed < 3) {
        rig_nap(deadline, "watching on");
    }
    rig_stop(&rig);
}

static void test_engine__does_without_a_watch_for_addresses(void **state)
{
    (void)state;
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig_endpoint(&rig, "late", "probe", "tcp://127.0.0.1:0");
    fault_arm(IMPORT_bind, 3, WSAEADDRNOTAVAIL, 3);
    rig_start(&rig);
    rig_wait_for_state(&rig, 1, LISTENER_LISTENING);
    rig_stop(&rig);
}

static SOCKET WSAAPI no_ipv6(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group,
                             DWORD flags)
{
    if (family == AF_INET6) {
        WSASetLastError(WSAEAFNOSUPPORT);
        return INVALID_SOCKET;
    }
    return SEAM_REAL(WSASocketW)(family, type, protocol, info, group, flags);
}

/* The other half would wait for ever, and fail a start that wants all. */
static void test_engine__takes_localhost_for_127_0_0_1_where_ipv6_is_off(void **state)
{
    (void)state;
    seam_replace(IMPORT_WSASocketW, (seam_function)no_ipv6);
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig_listen(&rig, "tcp://[::1]:0");
    rig.listens[0].is_localhost = rig.listens[1].is_localhost = true;
    rig.config.service.start_policy = CONFIG_START_ALL;
    rig.options.log = journal_open();
    rig_start(&rig);
    assert_int_equal(rig_count(&rig), 1);
    assert_int_equal(rig_at(&rig, 0).address.family, 4);
    journal_wait(EVENT_ENDPOINT_IPV4_ONLY, 1);
    journal_assert_last(EVENT_ENDPOINT_IPV4_ONLY,
                        "[e] localhost:0: IPv6 is off on this machine: it listens on");
    probe_assert_serves(&rig);
    rig_stop(&rig);
    journal_close();
}

/* Written as an address it is meant: it waits. */
static void test_engine__waits_for_an_ipv6_address_where_ipv6_is_off(void **state)
{
    (void)state;
    seam_replace(IMPORT_WSASocketW, (seam_function)no_ipv6);
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig_listen(&rig, "tcp://[::1]:0");
    rig_start(&rig);
    assert_int_equal(rig_count(&rig), 2);
    assert_int_equal(rig_at(&rig, 1).state, LISTENER_WAITING);
    assert_int_equal(rig_at(&rig, 1).win32_error, WSAEAFNOSUPPORT);
    assert_int_equal(rig_at(&rig, 0).state, LISTENER_LISTENING);
    rig_stop(&rig);
}

/* ---- Sockets that die, or cannot be served ---- */

static volatile LONG dead_left;

static int WSAAPI listens_no_more(SOCKET s, int level, int option, char *value, int *length)
{
    const int result = SEAM_REAL(getsockopt)(s, level, option, value, length);
    if (level == SOL_SOCKET && option == SO_ACCEPTCONN && InterlockedDecrement(&dead_left) >= 0) {
        *(DWORD *)(void *)value = FALSE;
    }
    return result;
}

static void die(LONG times)
{
    dead_left = times;
    seam_replace(IMPORT_getsockopt, (seam_function)listens_no_more);
    fault_arm(IMPORT_AcceptEx, 1, WSAEINVAL, (uint32_t)times);
}

static void test_engine__binds_again_when_a_listening_socket_dies(void **state)
{
    (void)state;
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig.config.service.bind_retry = 200;
    rig.options.log = journal_open();
    rig_start(&rig);
    const struct pl_address to = rig_address(&rig, 0);
    struct client *client = NULL;
    char byte = 0;
    rig_wait_for_operations(1);
    die(1);
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK); /* lives on */
    rig_wait_for_state(&rig, 0, LISTENER_WAITING);
    assert_int_equal(rig_at(&rig, 0).win32_error, WSAEINVAL);
    engine_pause(rig.engine); /* meanwhile: it comes back paused */
    rig_wait_for_state(&rig, 0, LISTENER_LISTENING);
    assert_int_equal(rig_at(&rig, 0).address.port, to.port);
    assert_int_equal(client_send(client, "x", 1, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(client, &byte, 1, CLIENT_PATIENCE), CLIENT_OK);
    client_close(client);
    engine_continue(rig.engine);
    probe_assert_serves(&rig);
    journal_wait(EVENT_ENDPOINT_WAITING, 1);
    journal_wait(EVENT_ENDPOINT_LISTENING, 2);
    rig_stop(&rig);
    journal_close();
}

static void test_engine__binds_again_when_a_udp_socket_dies(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        probe_prepare(&rig, "udp://127.0.0.1:0");
        rig.config.service.bind_retry = 200;
        rig_start(&rig);
        const struct pl_address to = rig_address(&rig, 0);
        rig_wait_for_operations(1);
        deaths_arm(1);
        fault_arm(IMPORT_WSARecvMsg, 1, i == 0 ? WSAENOTSOCK : WSAEINVAL, 1);
        const struct pl_address from = client_address("127.0.0.1", 0);
        struct client *client = client_open_datagram(&from);
        assert_int_equal(client_send_datagram(client, &to, "x", 1), CLIENT_OK);
        rig_wait_for_state(&rig, 0, LISTENER_WAITING);
        rig_wait_for_state(&rig, 0, LISTENER_LISTENING);
        assert_int_equal(rig_at(&rig, 0).address.port, to.port);
        probe_assert_serves(&rig);
        client_close(client);
        rig_stop(&rig);
        seam_restore();
        fault_clear();
    }
}

/* A living socket that tells the same code is only tried again. */
static void test_engine__keeps_a_udp_socket_that_lives(void **state)
{
    (void)state;
    probe_prepare(&rig, "udp://127.0.0.1:0");
    rig_start(&rig);
    rig_wait_for_operations(1);
    fault_clear();
    fault_arm(IMPORT_WSARecvMsg, 1, WSAEINVAL, 3);
    probe_assert_serves(&rig);
    assert_int_equal(fault_hits(), 3);
    assert_int_equal(fault_calls(IMPORT_bind), 0);
    rig_stop(&rig);
}

static void test_engine__tells_of_accepts_that_fail_and_of_their_end(void **state)
{
    (void)state;
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig.options.log = journal_open();
    rig_start(&rig);
    rig_wait_for_operations(1);
    fault_arm(IMPORT_AcceptEx, 1, WSAENOBUFS, 3);
    probe_assert_serves(&rig); /* by the accept in flight; then none can be posted for a while */
    probe_assert_serves(&rig);
    journal_wait(EVENT_ACCEPT_TROUBLE, 1);
    journal_assert_last(EVENT_ACCEPT_TROUBLE, "accepting fails, and is tried again until it works: ");
    journal_wait(EVENT_ENDPOINT_RECOVERED, 1);
    assert_int_equal(rig_counter(&rig, COUNTER_ACCEPT_FAILURES), 3);
    rig_stop(&rig);
    journal_close();
}

static void test_engine__stops_while_a_dead_socket_waits(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        probe_prepare(&rig, "tcp://127.0.0.1:0");
        die(1);
        rig_start(&rig); /* dead from the first accept */
        if (i % 2 == 1) {
            rig_wait_for_state(&rig, 0, LISTENER_WAITING);
        }
        rig_stop(&rig);
        fault_clear();
        seam_restore();
    }
}

/* A socket that dies as soon as it is bound, and one that finds no memory: two tries a second. */
static void assert_does_not_spin(enum import import, DWORD code)
{
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig.config.service.bind_retry = 200;
    rig_start(&rig);
    rig_wait_for_operations(1);
    fault_clear();
    die(1000);
    if (import != IMPORT_AcceptEx) {
        fault_arm(import, 1, code, FAULT_FOREVER);
    }
    const struct pl_address to = rig_address(&rig, 0);
    struct client *client = NULL;
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    rig_wait_for_state(&rig, 0, LISTENER_WAITING);
    Sleep(1500);
    assert_in_range(fault_calls(IMPORT_bind), 2, 12);
    client_close(client);
    fault_clear();
    seam_restore();
    rig_wait_for_state(&rig, 0, LISTENER_LISTENING);
    probe_assert_serves(&rig);
    rig_stop(&rig);
}

static void test_engine__does_not_spin_when_a_socket_dies_again_and_again(void **state)
{
    (void)state;
    assert_does_not_spin(IMPORT_AcceptEx, WSAEINVAL);
}

static void test_engine__does_not_spin_when_a_socket_cannot_be_served(void **state)
{
    (void)state;
    assert_does_not_spin(IMPORT_CreateIoCompletionPort, ERROR_NO_SYSTEM_RESOURCES);
}

/* ---- Pausing ---- */

static void test_engine__refuses_and_counts_while_it_is_paused(void **state)
{
    (void)state;
    struct client *old = NULL, *client = NULL;
    char byte = 0;
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig_start(&rig);
    const struct pl_address to = rig_address(&rig, 0);
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &old), CLIENT_OK);
    rig_wait_for_counter(&rig, COUNTER_ACCEPTED, 1);
    engine_pause(rig.engine);
    engine_pause(rig.engine);
    for (uint64_t i = 1; i <= 3; i++) {
        const enum client_result result = client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client);
        if (result == CLIENT_OK) { /* where the system cannot refuse by itself */
            assert_int_not_equal(client_drain(client, NULL, CLIENT_PATIENCE), CLIENT_TIMEOUT);
            client_close(client);
            rig_wait_for_counter(&rig, COUNTER_REFUSED_PAUSED, i);
        } else {
            assert_int_equal(result, CLIENT_REFUSED);
        }
    }
    assert_int_equal(client_send(old, "x", 1, CLIENT_PATIENCE), CLIENT_OK); /* live connections go on */
    assert_int_equal(client_receive(old, &byte, 1, CLIENT_PATIENCE), CLIENT_OK);
    client_close(old);
    engine_continue(rig.engine);
    probe_assert_serves(&rig);
    assert_int_equal(probe.opens, 2);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        probe_test(test_engine__binds_later_what_was_not_to_be_had),
        probe_test(test_engine__tells_when_it_waits_for_another_reason),
        probe_test(test_engine__binds_at_once_when_an_address_appears),
        probe_test(test_engine__does_without_a_watch_for_addresses),
        probe_test(test_engine__takes_localhost_for_127_0_0_1_where_ipv6_is_off),
        probe_test(test_engine__waits_for_an_ipv6_address_where_ipv6_is_off),
        probe_test(test_engine__binds_again_when_a_listening_socket_dies),
        probe_test(test_engine__binds_again_when_a_udp_socket_dies),
        probe_test(test_engine__keeps_a_udp_socket_that_lives),
        probe_test(test_engine__tells_of_accepts_that_fail_and_of_their_end),
        probe_test(test_engine__stops_while_a_dead_socket_waits),
        probe_test(test_engine__does_not_spin_when_a_socket_dies_again_and_again),
        probe_test(test_engine__does_not_spin_when_a_socket_cannot_be_served),
        probe_test(test_engine__refuses_and_counts_while_it_is_paused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
