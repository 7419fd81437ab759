/* SPDX-License-Identifier: MIT
   Tests of connection/udp_endpoint.c: datagrams, answers, addresses, pausing, costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/address.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/seam.h"
#include "support/seen.h"

static void test_udp__echoes_datagrams_of_every_size_on_every_kind_of_address(void **state)
{
    (void)state;
    seen_assert_all_sizes();
}

/* ---- The source of answers ---- */

/* The answer's control message, as it went to the system. */
static struct {
    volatile LONG calls;
    ULONG length;
    bool has_buffer;
    int level, type;
    uint8_t data[64];
} control;

static int WSAAPI see_answer(SOCKET s, LPWSAMSG message, DWORD flags, LPDWORD sent,
                             LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    WSACMSGHDR header = {0};
    control.length = message->Control.len;
    control.has_buffer = message->Control.buf != NULL;
    if (control.has_buffer && control.length >= sizeof header) {
        memcpy(&header, message->Control.buf, sizeof header);
        memcpy(control.data, message->Control.buf + sizeof header, header.cmsg_len - sizeof header);
    }
    control.level = header.cmsg_level;
    control.type = header.cmsg_type;
    InterlockedIncrement(&control.calls);
    return SEAM_REAL(WSASendMsg)(s, message, flags, sent, overlapped, routine);
}

static void watch_answers(void)
{
    memset((void *)(uintptr_t)&control, 0, sizeof control);
    seam_replace(IMPORT_WSASendMsg, (seam_function)see_answer);
}

static void assert_source_ipv4(const struct pl_address *source)
{
    IN_PKTINFO info;
    memcpy(&info, control.data, sizeof info);
    assert_int_equal(control.level, IPPROTO_IP);
    assert_int_equal(control.type, IP_PKTINFO);
    assert_memory_equal(&info.ipi_addr, source->ip, 4);
    assert_int_equal(info.ipi_ifindex, 0); /* the system chooses */
}

static void assert_source_ipv6(const struct pl_address *source)
{
    IN6_PKTINFO info;
    memcpy(&info, control.data, sizeof info);
    assert_int_equal(control.level, IPPROTO_IPV6);
    assert_int_equal(control.type, IPV6_PKTINFO);
    assert_memory_equal(&info.ipi6_addr, source->ip, 16);
    assert_int_equal(info.ipi6_ifindex, 0);
}

static void test_udp__answers_leave_from_the_address_that_was_asked(void **state)
{
    (void)state;
    static const struct {
        const char *listen, *ip;
        bool is_named; /* a socket with one address needs no packet information */
    } rows[] = {{"udp://127.0.0.1:0", "127.0.0.1", false},
                {"udp://[::1]:0", "::1", false},
                {"udp://0.0.0.0:0", "127.0.0.5", true},
                {"udp://*:0", "127.0.0.6", true},
                {"udp://*:0", "::1", true},
                {"udp://[::]:0", "::1", true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        seen_prepare(rows[i].listen);
        seen_start(strchr(rows[i].ip, ':') != NULL ? "::1" : "127.0.0.1");
        const struct pl_address to = client_address(rows[i].ip, rig_at(&seen_rig, 0).address.port);
        watch_answers();
        seen_assert_echoes(&to, 3);
        assert_int_equal(control.calls, 1);
        assert_int_equal(control.length != 0, rows[i].is_named);
        assert_int_equal(control.has_buffer, rows[i].is_named); /* NULL where there is none */
        if (rows[i].is_named && to.family == 4) {
            assert_source_ipv4(&to);
        } else if (rows[i].is_named) {
            assert_source_ipv6(&to);
        }
        seen_end();
    }
}

/* The system may bring no packet information, under memory pressure. */
static int WSAAPI receive_without_information(SOCKET s, LPWSAMSG message, LPDWORD received,
                                              LPWSAOVERLAPPED overlapped,
                                              LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    const int result = SEAM_REAL(WSARecvMsg)(s, message, received, overlapped, routine);
    message->Control.len = 0;
    return result;
}

static void test_udp__answers_without_packet_information(void **state)
{
    (void)state;
    size_t got = 0;
    char answer[100];
    seen_prepare("udp://0.0.0.0:0");
    seen_start("127.0.0.1");
    watch_answers();
    seam_replace(IMPORT_WSARecvMsg, (seam_function)receive_without_information);
    const struct pl_address to = rig_address(&seen_rig, 0);
    assert_int_equal(
        client_exchange(seen_client, &to, "hello", 5, answer, sizeof answer, &got, CLIENT_PATIENCE),
        CLIENT_OK);
    seen_wait(1);
    assert_int_equal(got, 5);
    assert_true(address_is_any(&seen.info.local)); /* all that is known */
    assert_int_equal(seen.info.local.port, to.port);
    assert_int_equal(control.length, 0);
    seen_end();
}

static void test_udp__counts_an_answer_that_the_network_refuses(void **state)
{
    (void)state;
    static const DWORD codes[] = {WSAEWOULDBLOCK, WSAENOBUFS, WSAEMSGSIZE, WSAEHOSTUNREACH};
    seen_begin();
    for (LONG i = 0; i < 4; i++) {
        fault_arm(IMPORT_WSASendMsg, 1, codes[i], 1);
        seen_send(10);
        seen_wait(i + 1);
        assert_int_equal(seen.result, PL_OK); /* as with any datagram that is lost */
        assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_UNSENT), i + 1);
    }
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_SENT), 0);
    seen_assert_works();
    seen_end();
}

static void test_udp__ids_live_for_the_call(void **state)
{
    (void)state;
    seen_begin();
    for (int i = 0; i < 3; i++) {
        seen_assert_works();
        assert_int_equal(seen.stale_send, PL_GONE);
        assert_int_equal(seen.close, PL_INVALID); /* there is nothing to close */
        assert_int_equal(seen.too_long, PL_LIMIT);
    }
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_SENT), 3);
    assert_int_equal(seen.host->send(seen.host, seen.previous, "x", 1), PL_WRONG_THREAD);
    assert_int_equal(seen.host->close(seen.host, seen.previous, PL_RESET), PL_INVALID);
    seen_assert_works();
    seen_end();
}

/* ---- Too long, empty, early ---- */

static void test_udp__cuts_what_is_longer_than_max_datagram(void **state)
{
    (void)state;
    seen_prepare("udp://127.0.0.1:0")->max_datagram = 100;
    seen_start("127.0.0.1");
    seen_assert_cuts();
    seen_end();
}

static void test_udp__delivers_one_datagram_to_an_idle_endpoint_once(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2000};
    seen_begin();
    LONG count = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        seen_send(sizes[i]);
        seen_wait(++count);
        assert_int_equal(seen.length, sizes[i]);
        rig_wait_for_operations(1); /* the peek */
    }
    seen_send(0); /* two, one of them empty, that may wait together */
    seen_send(7);
    seen_wait(count + 2);
    assert_int_equal(seen.length, 7);
    seen_end();
}

/* A datagram is there when the peek is posted: the call fails with WSAEMSGSIZE and completes all the same. */
static volatile LONG early, early_errors;

static int WSAAPI peek_late(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                            LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    const bool is_peek = overlapped != NULL && (*flags & MSG_PEEK) != 0;
    if (is_peek && early > 0) {
        SOCKADDR_IN own;
        int length = sizeof own;
        SEAM_REAL(getsockname)(s, (SOCKADDR *)&own, &length);
        InterlockedDecrement(&early);
        sendto(s, "early", 5, 0, (SOCKADDR *)&own, length);
    }
    const int result = SEAM_REAL(WSARecv)(s, buffers, count, received, flags, overlapped, routine);
    const int error = WSAGetLastError();
    if (is_peek && result != 0 && error == WSAEMSGSIZE) {
        InterlockedIncrement(&early_errors);
    }
    WSASetLastError(error);
    return result;
}

static void test_udp__takes_a_peek_that_fails_at_once_for_one_that_completes(void **state)
{
    (void)state;
    seen_begin();
    seen.is_silent = 1;
    early_errors = 0;
    early = 10;
    seam_replace(IMPORT_WSARecv, (seam_function)peek_late);
    seen_send(5);
    seen_wait(11);
    rig_wait_for_operations(1);
    assert_int_equal(early_errors, 10);
    seen_end();
}

/* ---- Pausing, and what it costs ---- */

static void test_udp__drops_and_counts_while_it_is_paused(void **state)
{
    (void)state;
    seen_begin();
    seen_assert_works();
    engine_pause(seen_rig.engine);
    for (int i = 0; i < 5; i++) {
        seen_send(10);
    }
    rig_wait_for_counter(&seen_rig, COUNTER_DATAGRAMS_REFUSED_PAUSED, 5);
    engine_continue(seen_rig.engine);
    seen_assert_works(); /* what was dropped does not come later */
    assert_int_equal(seen.count, 2);
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_REFUSED_PAUSED), 5);
    seen_end();
}

static void test_udp__an_idle_endpoint_costs_little(void **state)
{
    (void)state;
    size_t bytes[2] = {0};
    for (int i = 0; i < 2; i++) {
        seen_prepare("udp://127.0.0.1:0");
        for (int k = 0; k < i * 200; k++) {
            rig_listen(&seen_rig, "udp://127.0.0.1:0");
        }
        rig_start(&seen_rig);
        rig_wait_for_operations(i == 0 ? 1 : 201);
        bytes[i] = ledger_bytes();
        rig_stop(&seen_rig);
    }
    assert_in_range((bytes[1] - bytes[0]) / 200, 1, 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        seen_test(test_udp__echoes_datagrams_of_every_size_on_every_kind_of_address),
        seen_test(test_udp__answers_leave_from_the_address_that_was_asked),
        seen_test(test_udp__answers_without_packet_information),
        seen_test(test_udp__counts_an_answer_that_the_network_refuses),
        seen_test(test_udp__ids_live_for_the_call),
        seen_test(test_udp__cuts_what_is_longer_than_max_datagram),
        seen_test(test_udp__delivers_one_datagram_to_an_idle_endpoint_once),
        seen_test(test_udp__takes_a_peek_that_fails_at_once_for_one_that_completes),
        seen_test(test_udp__drops_and_counts_while_it_is_paused),
        seen_test(test_udp__an_idle_endpoint_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
