/* SPDX-License-Identifier: MIT
   Tests of support/timing.h: completions that are told otherwise than they came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "support/client.h"
#include "support/ledger.h"
#include "support/seam.h"
#include "support/support.h"
#include "support/timing.h"

/* Two connections whose operations one port reports. */
static struct {
    HANDLE port;
    SOCKET listener;
    SOCKET s[2];
    struct client *clients[2];
    OVERLAPPED overlapped[2];
    char bytes[2];
} pair;

static void open_pair(bool is_skipping)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int length = sizeof at;
    pair.port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    pair.listener = WSASocketW(AF_INET, SOCK_STREAM, 0, NULL, 0, WSA_FLAG_OVERLAPPED);
    assert_int_equal(bind(pair.listener, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(pair.listener, 2), 0);
    assert_int_equal(getsockname(pair.listener, (struct sockaddr *)&at, &length), 0);
    const struct pl_address to = client_address("127.0.0.1", ntohs(at.sin_port));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &pair.clients[i]), CLIENT_OK);
        pair.s[i] = accept(pair.listener, NULL, NULL);
        assert_ptr_equal(CreateIoCompletionPort((HANDLE)pair.s[i], pair.port, 0, 0), pair.port);
        assert_true(!is_skipping || SetFileCompletionNotificationModes((HANDLE)pair.s[i],
                                                                       FILE_SKIP_COMPLETION_PORT_ON_SUCCESS));
    }
}

static void close_pair(void)
{
    for (int i = 0; i < 2; i++) {
        client_close(pair.clients[i]);
        closesocket(pair.s[i]);
    }
    closesocket(pair.listener);
    CloseHandle(pair.port);
}

static bool receive(int which)
{
    WSABUF buffer = {1, &pair.bytes[which]};
    DWORD received = 0, flags = 0;
    memset(&pair.overlapped[which], 0, sizeof pair.overlapped[which]);
    const int result = WSARecv(pair.s[which], &buffer, 1, &received, &flags, &pair.overlapped[which], NULL);
    assert_true(result == 0 ? received == 1 : WSAGetLastError() == WSA_IO_PENDING);
    return result == 0;
}

/* Which of the two receives has ended, with one byte; -1: none within this time. */
static int dequeue(DWORD timeout)
{
    OVERLAPPED_ENTRY entry = {0};
    ULONG count = 0;
    if (!GetQueuedCompletionStatusEx(pair.port, &entry, 1, &count, timeout, FALSE)) {
        return -1;
    }
    assert_int_equal(entry.dwNumberOfBytesTransferred, 1);
    assert_int_equal(entry.lpOverlapped->Internal, 0);
    return (int)(entry.lpOverlapped - pair.overlapped);
}

static void send_to(int which, char byte)
{
    assert_int_equal(client_send(pair.clients[which], &byte, 1, CLIENT_PATIENCE), CLIENT_OK);
}

static void wait_for_data(int which)
{
    WSAPOLLFD poll = {.fd = pair.s[which], .events = POLLRDNORM};
    assert_int_equal(WSAPoll(&poll, 1, CLIENT_PATIENCE), 1);
}

static void test_timing__late__a_success_is_told_by_the_port(void **state)
{
    (void)state;
    for (int is_skipping = 0; is_skipping < 2; is_skipping++) {
        open_pair(is_skipping);
        timing_watch(1, (struct timing){.late = 100});
        send_to(0, 'x');
        wait_for_data(0);
        assert_false(receive(0));
        assert_int_equal(ledger_count(LEDGER_OPERATION), 1);
        assert_int_equal(dequeue(CLIENT_PATIENCE), 0);
        assert_int_equal(pair.bytes[0], 'x');
        assert_int_equal(dequeue(0), -1);
        assert_int_equal(timing_changed().late, 1);
        seam_restore();
        close_pair();
    }
}

static HANDLE turn;
static volatile LONG is_over;

static DWORD WINAPI send_when_it_is_our_turn(void *argument)
{
    while (WaitForSingleObject(turn, INFINITE) == WAIT_OBJECT_0 && is_over == 0) {
        for (int i = 0; i < 5; i++) {
            SwitchToThread();
        }
        client_send(argument, "x", 1, CLIENT_PATIENCE);
    }
    return 0;
}

/* A byte comes while the call is under way, or a little earlier or later. It is received once, whichever way it
   is told. */
static void receive_many(bool is_skipping)
{
    for (int i = 0; i < 2000 && timing_changed().early < 10; i++) {
        SetEvent(turn);
        const bool is_told = receive(0);
        if (!is_told || !is_skipping) {
            assert_int_equal(dequeue(CLIENT_PATIENCE), 0);
        }
        assert_int_equal(pair.bytes[0], 'x');
    }
    assert_int_equal(dequeue(20), -1); /* what was told inside a call is not told again */
    assert_true(timing_changed().early > 0);
}

static void test_timing__early__a_success_comes_inside_the_call(void **state)
{
    (void)state;
    for (int is_skipping = 0; is_skipping < 2; is_skipping++) {
        open_pair(is_skipping);
        turn = CreateEventW(NULL, FALSE, FALSE, NULL);
        is_over = 0;
        const HANDLE thread = CreateThread(NULL, 0, send_when_it_is_our_turn, pair.clients[0], 0, NULL);
        timing_watch(1, (struct timing){.early = 100});
        receive_many(is_skipping);
        is_over = 1;
        SetEvent(turn);
        assert_int_equal(WaitForSingleObject(thread, CLIENT_PATIENCE), WAIT_OBJECT_0);
        CloseHandle(thread);
        CloseHandle(turn);
        seam_restore();
        close_pair();
    }
}

static void test_timing__held__sockets_end_in_another_order(void **state)
{
    (void)state;
    int overtakings = 0;
    open_pair(false);
    timing_watch(1, (struct timing){.held = 50});
    for (int i = 0; i < 50; i++) {
        assert_false(receive(0));
        assert_false(receive(1));
        send_to(0, 'x');
        send_to(1, 'y');
        const int first = dequeue(CLIENT_PATIENCE);
        assert_int_equal(dequeue(CLIENT_PATIENCE), 1 - first);
        overtakings += first;
    }
    assert_int_equal(dequeue(0), -1);
    assert_in_range(overtakings, 1, 49);
    assert_true(timing_changed().held > 0);
    seam_restore();
    close_pair();
}

static void test_timing__nothing_changes_unless_asked(void **state)
{
    (void)state;
    open_pair(true);
    timing_watch(1, (struct timing){0});
    send_to(0, 'x');
    wait_for_data(0);
    assert_true(receive(0));
    assert_false(receive(1));
    send_to(1, 'y');
    assert_int_equal(dequeue(CLIENT_PATIENCE), 1);
    assert_int_equal(timing_changed().late + timing_changed().early + timing_changed().held, 0);
    seam_restore();
    close_pair();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_timing__late__a_success_is_told_by_the_port),
        support_test(test_timing__early__a_success_comes_inside_the_call),
        support_test(test_timing__held__sockets_end_in_another_order),
        support_test(test_timing__nothing_changes_unless_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
