/* SPDX-License-Identifier: MIT
   Tests of io/network.h: a Winsock that lacks something, in every way the seam can show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"
#include <cmocka.h>

#include "io/network.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/random.h"
#include "support/support.h"

/* ---- Starting ---- */

static void assert_starts(struct network *network)
{
    struct failure failure;
    memset(network, 0xA5, sizeof *network);
    assert_true(network_start(network, &failure));
    assert_non_null(network->accept_ex);
    assert_non_null(network->accept_ex_addresses);
    assert_non_null(network->receive_message);
    assert_non_null(network->send_message);
    assert_int_equal(ledger_count(LEDGER_SOCKET), 0);
    assert_int_equal(ledger_count(LEDGER_HANDLE), 0);
    assert_int_equal(ledger_count(LEDGER_WINSOCK), 1);
}

static void assert_stops(struct network *network)
{
    network_stop(network);
    assert_true(network->accept_ex == NULL && network->accept_ex_addresses == NULL);
    assert_true(network->receive_message == NULL && network->send_message == NULL);
    assert_false(network->has_ipv6 || network->skips_on_success || network->peeks);
    assert_int_equal(ledger_count(LEDGER_WINSOCK), 0);
}

/* Nothing stays started or open, and the person reading is told what failed and how. */
static void assert_does_not_start(const char *what, DWORD error)
{
    struct network network;
    struct failure failure = {.code = EXIT_CODE_DONE};
    char code[32];
    assert_false(network_start(&network, &failure));
    assert_int_equal(failure.code, EXIT_CODE_FAILED);
    assert_int_equal(failure.win32_error, error);
    snprintf(code, sizeof code, "error %lu", (unsigned long)error);
    if (strstr(failure.text, what) == NULL || strstr(failure.text, code) == NULL) {
        fail_msg("%s and %s are not in: %s", what, code, failure.text);
    }
    assert_int_equal(ledger_count(LEDGER_WINSOCK), 0);
    assert_int_equal(ledger_count(LEDGER_SOCKET), 0);
    assert_int_equal(ledger_count(LEDGER_HANDLE), 0);
}

static void test_network__finds_on_this_machine_what_it_needs(void **state)
{
    (void)state;
    for (int again = 0; again < 2; again++) {
        struct network network;
        assert_starts(&network);
        assert_true(network.peeks);
        assert_true(network.skips_on_success);
        assert_stops(&network);
    }
}

static void test_network__does_not_start_without_winsock(void **state)
{
    (void)state;
    fault_arm(IMPORT_WSAStartup, 1, WSASYSNOTREADY, 1);
    assert_does_not_start("WSAStartup", WSASYSNOTREADY);
    assert_int_equal(fault_hits(), 1);
}

/* A call that succeeds may leave any last error behind, and so may the clearing up. */
static int WSAAPI close_and_forget_the_error(SOCKET s)
{
    const int result = SEAM_REAL(closesocket)(s);
    WSASetLastError(0);
    return result;
}

static int refused_family, refused_type;

static SOCKET WSAAPI refuse_one_kind(int family, int type, int protocol, LPWSAPROTOCOL_INFOW information,
                                     GROUP group, DWORD flags)
{
    if (family == refused_family && type == refused_type) {
        WSASetLastError(WSAEMFILE);
        return INVALID_SOCKET;
    }
    if (family == AF_INET6) { /* another error, at another place */
        WSASetLastError(WSAEAFNOSUPPORT);
        return INVALID_SOCKET;
    }
    const SOCKET made = SEAM_REAL(WSASocketW)(family, type, protocol, information, group, flags);
    WSASetLastError(0);
    return made;
}

static void test_network__does_not_start_without_sockets(void **state)
{
    (void)state;
    seam_replace(IMPORT_closesocket, (seam_function)close_and_forget_the_error);
    seam_replace(IMPORT_WSASocketW, (seam_function)refuse_one_kind);
    refused_family = AF_INET;
    refused_type = SOCK_STREAM;
    assert_does_not_start("TCP socket", WSAEMFILE);
    refused_type = SOCK_DGRAM;
    assert_does_not_start("UDP socket", WSAEMFILE);
}

static GUID missing;

static int WSAAPI lack_one_function(SOCKET s, DWORD command, LPVOID in, DWORD in_length, LPVOID out,
                                    DWORD out_length, LPDWORD returned, LPWSAOVERLAPPED overlapped,
                                    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    if (command == SIO_GET_EXTENSION_FUNCTION_POINTER && memcmp(in, &missing, sizeof missing) == 0) {
        WSASetLastError(WSAEOPNOTSUPP);
        return SOCKET_ERROR;
    }
    return SEAM_REAL(WSAIoctl)(s, command, in, in_length, out, out_length, returned, overlapped, routine);
}

static void test_network__does_not_start_when_a_function_is_missing(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        GUID guid;
    } rows[] = {{"AcceptEx", WSAID_ACCEPTEX},
                {"ConnectEx", WSAID_CONNECTEX},
                {"GetAcceptExSockaddrs", WSAID_GETACCEPTEXSOCKADDRS},
                {"WSARecvMsg", WSAID_WSARECVMSG},
                {"WSASendMsg", WSAID_WSASENDMSG}};
    struct network network;
    seam_replace(IMPORT_closesocket, (seam_function)close_and_forget_the_error);
    seam_replace(IMPORT_WSAIoctl, (seam_function)lack_one_function);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        missing = rows[i].guid;
        assert_does_not_start(rows[i].name, WSAEOPNOTSUPP);
    }
    seam_restore();
    assert_starts(&network);
    assert_stops(&network);
}

/* A Winsock may hand a function out for sockets of its own kind only. */
static int WSAAPI tell_only_the_right_kind(SOCKET s, DWORD command, LPVOID in, DWORD in_length, LPVOID out,
                                           DWORD out_length, LPDWORD returned, LPWSAOVERLAPPED overlapped,
                                           LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    static const GUID stream[] = {WSAID_ACCEPTEX, WSAID_GETACCEPTEXSOCKADDRS, WSAID_CONNECTEX};
    int type = 0, length = sizeof type;
    const bool is_of_streams = memcmp(in, &stream[0], sizeof(GUID)) == 0 ||
                               memcmp(in, &stream[1], sizeof(GUID)) == 0 ||
                               memcmp(in, &stream[2], sizeof(GUID)) == 0;
    SEAM_REAL(getsockopt)(s, SOL_SOCKET, SO_TYPE, (char *)&type, &length);
    if (type != (is_of_streams ? SOCK_STREAM : SOCK_DGRAM)) {
        WSASetLastError(WSAEINVAL);
        return SOCKET_ERROR;
    }
    return SEAM_REAL(WSAIoctl)(s, command, in, in_length, out, out_length, returned, overlapped, routine);
}

static void test_network__asks_each_kind_of_socket_for_its_functions(void **state)
{
    (void)state;
    struct network network;
    seam_replace(IMPORT_WSAIoctl, (seam_function)tell_only_the_right_kind);
    assert_starts(&network);
    assert_stops(&network);
}

static void test_network__does_without_ipv6(void **state)
{
    (void)state;
    struct network network;
    refused_family = 0;
    seam_replace(IMPORT_WSASocketW, (seam_function)refuse_one_kind);
    assert_starts(&network);
    assert_false(network.has_ipv6);
    assert_true(network.skips_on_success);
    assert_true(network.peeks);
    assert_stops(&network);
}

/* ---- Skipping completions ---- */

static struct {
    int family; /* of the sockets that a layered provider has taken; 0: all */
    bool fails;
} layered;

static int WSAAPI see_a_layered_provider(SOCKET s, int level, int option, char *value, int *length)
{
    WSAPROTOCOL_INFOW info;
    const int result = SEAM_REAL(getsockopt)(s, level, option, value, length);
    if (level != SOL_SOCKET || option != SO_PROTOCOL_INFOW || result != 0) {
        return result;
    }
    memcpy(&info, value, sizeof info);
    if (layered.family != 0 && info.iAddressFamily != layered.family) {
        return 0;
    }
    if (layered.fails) {
        WSASetLastError(WSAENOPROTOOPT);
        return SOCKET_ERROR;
    }
    info.dwServiceFlags1 &= ~(DWORD)XP1_IFS_HANDLES;
    memcpy(value, &info, sizeof info);
    return 0;
}

static void test_network__skips_no_completion_of_a_layered_provider(void **state)
{
    (void)state;
    static const int families[] = {0, AF_INET, AF_INET6};
    struct network network;
    assert_starts(&network);
    const bool has_ipv6 = network.has_ipv6;
    assert_stops(&network);
    seam_replace(IMPORT_getsockopt, (seam_function)see_a_layered_provider);
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        layered.family = families[i];
        for (int fails = 0; fails < 2; fails++) {
            layered.fails = fails != 0;
            assert_starts(&network);
            assert_int_equal(network.skips_on_success, families[i] == AF_INET6 && !has_ipv6);
            assert_true(network.peeks); /* is not concerned */
            if (!network.skips_on_success) {
                assert_false(network_use_skip(&network, INVALID_SOCKET));
                assert_int_equal(fault_calls(IMPORT_SetFileCompletionNotificationModes), 0);
            }
            assert_stops(&network);
        }
    }
}

static UCHAR skip_flags;

static BOOL WINAPI note_skip(HANDLE file, UCHAR flags)
{
    skip_flags = flags;
    return SEAM_REAL(SetFileCompletionNotificationModes)(file, flags);
}

static void test_network__skips_where_it_may(void **state)
{
    (void)state;
    struct network network;
    assert_starts(&network);
    const SOCKET tcp = network_socket(AF_INET, SOCK_STREAM);
    seam_replace(IMPORT_SetFileCompletionNotificationModes, (seam_function)note_skip);
    assert_true(network_use_skip(&network, tcp));
    assert_int_equal(skip_flags, 1 | 2); /* skip the port on success, leave the handle's event alone */
    fault_arm(IMPORT_SetFileCompletionNotificationModes, 1, ERROR_INVALID_PARAMETER, 1);
    assert_false(network_use_skip(&network, tcp));
    closesocket(tcp);
    assert_stops(&network);
}

/* ---- Peeking ---- */

static void assert_starts_without_peeking(void)
{
    struct network network;
    assert_starts(&network);
    assert_false(network.peeks);
    assert_true(network.skips_on_success); /* is not concerned */
    assert_stops(&network);
}

static void test_network__does_not_peek_when_a_step_of_the_trial_fails(void **state)
{
    (void)state;
    static const struct {
        enum import import;
        uint32_t nth;
        DWORD code;
    } rows[] = {
        {IMPORT_WSASocketW, 4, WSAEMFILE}, /* behind TCP, UDP and IPv6 */
        {IMPORT_CreateIoCompletionPort, 1, ERROR_NO_SYSTEM_RESOURCES},
        {IMPORT_CreateIoCompletionPort, 2, ERROR_INVALID_PARAMETER},
        {IMPORT_bind, 1, WSAEACCES},
        {IMPORT_getsockname, 1, WSAENOBUFS},
        {IMPORT_ioctlsocket, 1, WSAENOBUFS},
        {IMPORT_WSARecv, 1, WSAEOPNOTSUPP},
        {IMPORT_sendto, 1, WSAEACCES},
        {IMPORT_recv, 1, WSAEWOULDBLOCK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fault_clear();
        fault_arm(rows[i].import, rows[i].nth, rows[i].code, 1);
        assert_starts_without_peeking();
        assert_int_equal(fault_hits(), 1);
    }
}

static int WSAAPI receive_without_peeking(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received,
                                          LPDWORD flags, LPWSAOVERLAPPED overlapped,
                                          LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    *flags &= ~(DWORD)MSG_PEEK;
    return SEAM_REAL(WSARecv)(s, buffers, count, received, flags, overlapped, routine);
}

static int WSAAPI receive_at_once(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                                  LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    SEAM_REAL(WSARecv)(s, buffers, count, received, flags, overlapped, routine);
    CancelIoEx((HANDLE)s, overlapped); /* its completion comes by the port */
    return 0;
}

static void test_network__does_not_peek_when_the_datagram_does_not_stay(void **state)
{
    (void)state;
    seam_replace(IMPORT_WSARecv, (seam_function)receive_without_peeking);
    assert_starts_without_peeking();
}

static void test_network__does_not_peek_when_nothing_waits(void **state)
{
    (void)state;
    seam_replace(IMPORT_WSARecv, (seam_function)receive_at_once);
    assert_starts_without_peeking();
}

static int WSAAPI take_another_byte(SOCKET s, char *at, int length, int flags)
{
    const int result = SEAM_REAL(recv)(s, at, length, flags);
    at[0] ^= 1;
    return result;
}

static void test_network__does_not_peek_when_another_datagram_stays(void **state)
{
    (void)state;
    seam_replace(IMPORT_recv, (seam_function)take_another_byte);
    assert_starts_without_peeking();
}

/* As if the datagram never came. The call is cancelled, and its end awaited: its memory is gone
   afterwards. */
static int WSAAPI send_nothing(SOCKET s, const char *at, int length, int flags, const struct sockaddr *to,
                               int to_length)
{
    (void)s;
    (void)at;
    (void)flags;
    (void)to;
    (void)to_length;
    return length;
}

/* Waiting in vain makes the clock run. */
static BOOL WINAPI wait_fast(HANDLE port, LPOVERLAPPED_ENTRY entries, ULONG count, PULONG removed,
                             DWORD timeout, BOOL is_alertable)
{
    const BOOL result =
        SEAM_REAL(GetQueuedCompletionStatusEx)(port, entries, count, removed, timeout, is_alertable);
    if (!result) {
        const DWORD error = GetLastError();
        clock_advance(200);
        SetLastError(error);
    }
    return result;
}

static void test_network__does_not_peek_when_nothing_comes(void **state)
{
    (void)state;
    const uint64_t start = clock_now();
    seam_replace(IMPORT_sendto, (seam_function)send_nothing);
    seam_replace(IMPORT_GetQueuedCompletionStatusEx, (seam_function)wait_fast);
    assert_starts_without_peeking();
    assert_in_range(clock_now() - start, 500, 4000); /* patient, but a start does not hang in it */
    assert_int_equal(fault_calls(IMPORT_CancelIoEx), 1);
    assert_int_equal(ledger_count(LEDGER_OPERATION), 0);
}

static void test_network__does_not_wait_for_what_cannot_be_cancelled(void **state)
{
    (void)state;
    static const DWORD codes[] = {ERROR_NOT_FOUND, ERROR_INVALID_PARAMETER};
    seam_replace(IMPORT_sendto, (seam_function)send_nothing);
    seam_replace(IMPORT_GetQueuedCompletionStatusEx, (seam_function)wait_fast);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        fault_clear();
        fault_arm(IMPORT_CancelIoEx, 1, codes[i], FAULT_FOREVER);
        assert_starts_without_peeking();
        assert_int_equal(fault_hits(), 1);
        assert_int_equal(ledger_count(LEDGER_OPERATION), 0);
    }
}

static OVERLAPPED foreign;

static BOOL WINAPI dequeue_something_else(HANDLE port, LPOVERLAPPED_ENTRY entries, ULONG count,
                                          PULONG removed, DWORD timeout, BOOL is_alertable)
{
    const BOOL result = wait_fast(port, entries, count, removed, timeout, is_alertable);
    ledger_dequeue(port, entries[0].lpOverlapped); /* it did come */
    entries[0].lpOverlapped = &foreign;
    return result;
}

static void test_network__does_not_take_another_completion_for_the_peek(void **state)
{
    (void)state;
    seam_replace(IMPORT_GetQueuedCompletionStatusEx, (seam_function)dequeue_something_else);
    assert_starts_without_peeking();
}

/* ---- Sockets ---- */

static void test_network__makes_sockets_that_no_child_inherits(void **state)
{
    (void)state;
    static const struct {
        int family, type, protocol;
    } rows[] = {{AF_INET, SOCK_STREAM, IPPROTO_TCP},
                {AF_INET, SOCK_DGRAM, IPPROTO_UDP},
                {AF_INET6, SOCK_STREAM, IPPROTO_TCP},
                {AF_INET6, SOCK_DGRAM, IPPROTO_UDP}};
    struct network network;
    assert_starts(&network);
    for (size_t i = 0; i < (network.has_ipv6 ? 4 : 2); i++) {
        const SOCKET s = network_socket(rows[i].family, rows[i].type);
        WSAPROTOCOL_INFOW info;
        int length = sizeof info;
        DWORD flags = HANDLE_FLAG_INHERIT;
        assert_int_not_equal(s, INVALID_SOCKET);
        assert_int_equal(getsockopt(s, SOL_SOCKET, SO_PROTOCOL_INFOW, (char *)&info, &length), 0);
        assert_int_equal(info.iAddressFamily, rows[i].family);
        assert_int_equal(info.iSocketType, rows[i].type);
        assert_int_equal(info.iProtocol, rows[i].protocol);
        assert_true(GetHandleInformation((HANDLE)s, &flags));
        assert_int_equal(flags & HANDLE_FLAG_INHERIT, 0);
        closesocket(s);
    }
    fault_arm(IMPORT_WSASocketW, 1, WSAEMFILE, 1);
    assert_int_equal(network_socket(AF_INET, SOCK_STREAM), INVALID_SOCKET);
    assert_int_equal(WSAGetLastError(), WSAEMFILE);
    assert_stops(&network);
}

static void test_network__sets_an_option_or_tells_why_not(void **state)
{
    (void)state;
    struct network network;
    DWORD value = 0;
    int length = sizeof value;
    assert_starts(&network);
    const SOCKET udp = network_socket(AF_INET, SOCK_DGRAM);
    assert_int_equal(network_set_option(udp, SOL_SOCKET, SO_RCVBUF, 123456), 0);
    assert_int_equal(getsockopt(udp, SOL_SOCKET, SO_RCVBUF, (char *)&value, &length), 0);
    assert_int_equal(value, 123456);
    fault_arm(IMPORT_setsockopt, 1, WSAENOPROTOOPT, 1);
    assert_int_equal(network_set_option(udp, SOL_SOCKET, SO_RCVBUF, 1), WSAENOPROTOOPT);
    assert_int_equal(network_set_option(INVALID_SOCKET, SOL_SOCKET, SO_RCVBUF, 1), WSAENOTSOCK);
    closesocket(udp);
    assert_stops(&network);
}

static void test_network__a_nonblocking_socket_does_not_wait(void **state)
{
    (void)state;
    const struct pl_address loopback = client_address("127.0.0.1", 0);
    struct network network;
    SOCKADDR_STORAGE name;
    char byte;
    assert_starts(&network);
    const SOCKET udp = network_socket(AF_INET, SOCK_DGRAM);
    assert_int_equal(bind(udp, (SOCKADDR *)&name, network_address_to(&loopback, AF_INET, &name)), 0);
    assert_int_equal(network_set_nonblocking(udp), 0);
    assert_int_equal(recv(udp, &byte, 1, 0), SOCKET_ERROR);
    assert_int_equal(WSAGetLastError(), WSAEWOULDBLOCK);
    fault_arm(IMPORT_ioctlsocket, 1, WSAENOBUFS, 1);
    assert_int_equal(network_set_nonblocking(udp), WSAENOBUFS);
    closesocket(udp);
    assert_stops(&network);
}

static void test_network__a_hard_close_resets(void **state)
{
    (void)state;
    const struct pl_address loopback = client_address("127.0.0.1", 0);
    struct network network;
    struct pl_address own;
    SOCKADDR_STORAGE name;
    struct client *client;
    char byte;
    assert_starts(&network);
    const SOCKET listener = network_socket(AF_INET, SOCK_STREAM);
    int length = network_address_to(&loopback, AF_INET, &name);
    assert_int_equal(bind(listener, (SOCKADDR *)&name, length), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (SOCKADDR *)&name, &length), 0);
    network_address_from((SOCKADDR *)&name, &own);
    assert_int_equal(client_connect(&own, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    const SOCKET accepted = accept(listener, NULL, NULL);
    assert_int_not_equal(accepted, INVALID_SOCKET);
    client_watch(client);
    network_close_hard(accepted);
    assert_int_equal(client_receive(client, &byte, 1, CLIENT_PATIENCE), CLIENT_RESET);
    client_close(client);
    closesocket(listener);
    assert_stops(&network);
}

/* ---- Addresses ---- */

static void test_network__converts_addresses_as_winsock_writes_them(void **state)
{
    (void)state;
    const struct pl_address ipv4 = client_address("192.0.2.33", 0x1234);
    struct pl_address ipv6 = client_address("fe80::1:2:3:4", 0x1234);
    const SOCKADDR_IN expected4 = {.sin_family = AF_INET, .sin_port = 0x3412, .sin_addr.s_addr = 0x210200C0};
    SOCKADDR_IN6 expected6 = {.sin6_family = AF_INET6, .sin6_port = 0x3412, .sin6_scope_id = 9};
    static const SOCKADDR_STORAGE nothing;
    SOCKADDR_STORAGE name;
    ipv6.scope = 9;
    memcpy(&expected6.sin6_addr, ipv6.ip, 16);

    memset(&name, 0xA5, sizeof name);
    assert_int_equal(network_address_to(&ipv4, AF_INET, &name), sizeof expected4);
    assert_memory_equal(&name, &expected4, sizeof expected4);
    assert_memory_equal((char *)&name + sizeof expected4, &nothing, sizeof name - sizeof expected4);
    memset(&name, 0xA5, sizeof name);
    assert_int_equal(network_address_to(&ipv6, AF_INET6, &name), sizeof expected6);
    assert_memory_equal(&name, &expected6, sizeof expected6);
    assert_memory_equal((char *)&name + sizeof expected6, &nothing, sizeof name - sizeof expected6);
    assert_int_equal(network_family(&ipv4), AF_INET);
    assert_int_equal(network_family(&ipv6), AF_INET6);
}

static void test_network__maps_ipv4_for_a_dual_stack_socket_and_back(void **state)
{
    (void)state;
    static const uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1};
    const struct pl_address ipv4 = client_address("192.0.2.1", 80);
    struct pl_address back;
    SOCKADDR_STORAGE name;
    SOCKADDR_IN6 in6;
    assert_int_equal(network_address_to(&ipv4, AF_INET6, &name), sizeof in6);
    memcpy(&in6, &name, sizeof in6);
    assert_int_equal(in6.sin6_family, AF_INET6);
    assert_memory_equal(&in6.sin6_addr, mapped, 16);
    memset(&back, 0xA5, sizeof back);
    network_address_from((SOCKADDR *)&name, &back);
    assert_memory_equal(&back, &ipv4, sizeof back);
}

static void test_network__addresses_survive_there_and_back(void **state)
{
    (void)state;
    struct random random = {5};
    for (unsigned i = 0; i < 20000; i++) {
        struct pl_address address = {.family = i % 2 == 0 ? 4 : 6, .port = (uint16_t)random_next(&random)};
        struct pl_address back;
        SOCKADDR_STORAGE name;
        for (size_t k = 0; k < (address.family == 4 ? 4 : 16); k++) {
            address.ip[k] = (uint8_t)random_next(&random);
        }
        address.ip[0] |= 1; /* so that none is IPv4-mapped */
        address.scope = address.family == 6 ? random_next(&random) : 0;
        const int length = network_address_to(&address, network_family(&address), &name);
        assert_int_equal(length, address.family == 4 ? sizeof(SOCKADDR_IN) : sizeof(SOCKADDR_IN6));
        memset(&back, 0xA5, sizeof back);
        network_address_from((SOCKADDR *)&name, &back);
        assert_memory_equal(&back, &address, sizeof back);
    }
}

static void test_network__an_unknown_family_has_no_address(void **state)
{
    (void)state;
    static const struct pl_address nothing;
    static const ADDRESS_FAMILY families[] = {AF_UNSPEC, AF_UNIX, 4, 6, 0xFFFF};
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        SOCKADDR_STORAGE name;
        struct pl_address address;
        memset(&name, 0x77, sizeof name);
        memcpy(&name, &families[i], sizeof families[i]); /* it stands first */
        memset(&address, 0xA5, sizeof address);
        network_address_from((SOCKADDR *)&name, &address);
        assert_memory_equal(&address, &nothing, sizeof nothing);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_network__finds_on_this_machine_what_it_needs),
        support_test(test_network__does_not_start_without_winsock),
        support_test(test_network__does_not_start_without_sockets),
        support_test(test_network__does_not_start_when_a_function_is_missing),
        support_test(test_network__asks_each_kind_of_socket_for_its_functions),
        support_test(test_network__does_without_ipv6),
        support_test(test_network__skips_no_completion_of_a_layered_provider),
        support_test(test_network__skips_where_it_may),
        support_test(test_network__does_not_peek_when_a_step_of_the_trial_fails),
        support_test(test_network__does_not_peek_when_the_datagram_does_not_stay),
        support_test(test_network__does_not_peek_when_nothing_waits),
        support_test(test_network__does_not_peek_when_another_datagram_stays),
        support_test(test_network__does_not_peek_when_nothing_comes),
        support_test(test_network__does_not_wait_for_what_cannot_be_cancelled),
        support_test(test_network__does_not_take_another_completion_for_the_peek),
        support_test(test_network__makes_sockets_that_no_child_inherits),
        support_test(test_network__sets_an_option_or_tells_why_not),
        support_test(test_network__a_nonblocking_socket_does_not_wait),
        support_test(test_network__a_hard_close_resets),
        support_test(test_network__converts_addresses_as_winsock_writes_them),
        support_test(test_network__maps_ipv4_for_a_dual_stack_socket_and_back),
        support_test(test_network__addresses_survive_there_and_back),
        support_test(test_network__an_unknown_family_has_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
