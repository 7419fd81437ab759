/* SPDX-License-Identifier: MIT
   Winsock as this machine has it, see network.h. */
#include "io/network.h"

#include <string.h>

#include "base/utf16.h"

enum { NETWORK_PROBE_WAIT = 1000 };

SOCKET network_socket(int family, int type)
{
    return WSASocketW(family, type, type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP, NULL, 0,
                      WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
}

DWORD network_set_option(SOCKET socket, int level, int option, DWORD value)
{
    const int result = setsockopt(socket, level, option, (const char *)&value, sizeof value);
    return result == 0 ? 0 : (DWORD)WSAGetLastError();
}

DWORD network_set_nonblocking(SOCKET socket)
{
    u_long yes = 1;
    return ioctlsocket(socket, (long)FIONBIO, &yes) == 0 ? 0 : (DWORD)WSAGetLastError();
}

bool network_use_skip(const struct network *network, SOCKET socket)
{
    return network->skips_on_success &&
           SetFileCompletionNotificationModes((HANDLE)socket, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS |
                                                                  FILE_SKIP_SET_EVENT_ON_HANDLE);
}

void network_close_hard(SOCKET socket)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, (const char *)&reset, sizeof reset);
    closesocket(socket);
}

/* ---- Addresses ---- */

void network_address_from(const SOCKADDR *from, struct pl_address *address_out)
{
    *address_out = (struct pl_address){0};
    if (from->sa_family == AF_INET) {
        SOCKADDR_IN in;
        memcpy(&in, from, sizeof in);
        address_out->family = 4;
        address_out->port = ntohs(in.sin_port);
        memcpy(address_out->ip, &in.sin_addr, 4);
    } else if (from->sa_family == AF_INET6) {
        SOCKADDR_IN6 in;
        memcpy(&in, from, sizeof in);
        address_out->family = 6;
        address_out->port = ntohs(in.sin6_port);
        address_out->scope = in.sin6_scope_id;
        memcpy(address_out->ip, &in.sin6_addr, 16);
        address_fold(address_out);
    }
}

int network_address_to(const struct pl_address *address, int family, SOCKADDR_STORAGE *to_out)
{
    memset(to_out, 0, sizeof *to_out);
    if (family == AF_INET) {
        SOCKADDR_IN in = {.sin_family = AF_INET, .sin_port = htons(address->port)};
        memcpy(&in.sin_addr, address->ip, 4);
        memcpy(to_out, &in, sizeof in);
        return sizeof in;
    }
    SOCKADDR_IN6 in = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
    in.sin6_scope_id = address->scope;
    uint8_t *ip = (uint8_t *)&in.sin6_addr;
    if (address->family == 4) {
        ip[10] = ip[11] = 0xFF;
        memcpy(ip + 12, address->ip, 4);
    } else {
        memcpy(ip, address->ip, 16);
    }
    memcpy(to_out, &in, sizeof in);
    return sizeof in;
}

int network_family(const struct pl_address *address)
{
    return address->family == 6 ? AF_INET6 : AF_INET;
}

struct pl_address network_own_address(SOCKET socket)
{
    struct pl_address own = {0};
    SOCKADDR_STORAGE address;
    int length = sizeof address;
    if (getsockname(socket, (SOCKADDR *)&address, &length) == 0) {
        network_address_from((const SOCKADDR *)&address, &own);
    }
    return own;
}

/* ---- Start ---- */

/* The name of the first function that this Winsock has not; NULL: it has them all. */
static const char *network__find_functions(struct network *network, SOCKET tcp, SOCKET udp)
{
    const struct {
        const char *name;
        GUID guid;
        SOCKET socket;
        void *function_out;
    } functions[] = {
        {"AcceptEx", WSAID_ACCEPTEX, tcp, &network->accept_ex},
        {"ConnectEx", WSAID_CONNECTEX, tcp, &network->connect_ex},
        {"GetAcceptExSockaddrs", WSAID_GETACCEPTEXSOCKADDRS, tcp, &network->accept_ex_addresses},
        {"WSARecvMsg", WSAID_WSARECVMSG, udp, &network->receive_message},
        {"WSASendMsg", WSAID_WSASENDMSG, udp, &network->send_message},
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        GUID guid = functions[i].guid;
        DWORD bytes = 0;
        if (WSAIoctl(functions[i].socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid,
                     functions[i].function_out, sizeof network->accept_ex, &bytes, NULL, NULL) != 0) {
            return functions[i].name;
        }
    }
    return NULL;
}

/* A layered provider that gives out handles of its own breaks skip-on-success (Microsoft knowledge base
   2568167). */
static bool network__has_ifs_handles(SOCKET socket)
{
    WSAPROTOCOL_INFOW info;
    int length = sizeof info;
    return getsockopt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW, (char *)&info, &length) == 0 &&
           (info.dwServiceFlags1 & XP1_IFS_HANDLES) != 0;
}

/* Waits for the completion of `overlapped` on `port`. */
static bool network__completes(HANDLE port, const OVERLAPPED *overlapped)
{
    OVERLAPPED_ENTRY entry = {0};
    ULONG count = 0;
    return GetQueuedCompletionStatusEx(port, &entry, 1, &count, NETWORK_PROBE_WAIT, FALSE) &&
           entry.lpOverlapped == overlapped;
}

/* Waiting with MSG_PEEK and an overlapped is not documented, though others live on it: see a datagram come
   and stay. `is_left_out`: the wait was asked to end, and has still to. */
static bool network__peek_works(SOCKET udp, HANDLE port, OVERLAPPED *overlapped, bool *is_left_out)
{
    const struct pl_address loopback = {.family = 4, .ip = {127, 0, 0, 1}};
    SOCKADDR_STORAGE own;
    int length = network_address_to(&loopback, AF_INET, &own);
    WSABUF nothing = {0};
    DWORD flags = MSG_PEEK, bytes = 0;
    char byte = 'p';
    if (bind(udp, (SOCKADDR *)&own, length) != 0 || getsockname(udp, (SOCKADDR *)&own, &length) != 0 ||
        network_set_nonblocking(udp) != 0 || CreateIoCompletionPort((HANDLE)udp, port, 0, 0) != port) {
        return false;
    }
    const int result = WSARecv(udp, &nothing, 1, &bytes, &flags, overlapped, NULL);
    if (result != 0 && WSAGetLastError() != WSA_IO_PENDING) {
        return false;
    }
    if (result == 0 || sendto(udp, &byte, 1, 0, (SOCKADDR *)&own, length) != 1 ||
        !network__completes(port, overlapped)) {
        CancelIoEx((HANDLE)udp, overlapped);
        *is_left_out = true;
        return false;
    }
    char taken = 0;
    return recv(udp, &taken, 1, 0) == 1 && taken == byte;
}

static bool network__probe_peek(void)
{
    const SOCKET udp = network_socket(AF_INET, SOCK_DGRAM);
    const HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    OVERLAPPED overlapped = {0};
    bool is_left = false;
    const bool works =
        udp != INVALID_SOCKET && port != NULL && network__peek_works(udp, port, &overlapped, &is_left);
    if (udp != INVALID_SOCKET) {
        closesocket(udp); /* ends what could not be cancelled */
    }
    for (; is_left; is_left = !HasOverlappedIoCompleted(&overlapped)) { /* which lies here */
        network__completes(port, &overlapped);
    }
    if (port != NULL) {
        CloseHandle(port);
    }
    return works;
}

static void network__try_features(struct network *network, SOCKET tcp)
{
    const SOCKET tcp6 = network_socket(AF_INET6, SOCK_STREAM);
    network->has_ipv6 = tcp6 != INVALID_SOCKET;
    network->skips_on_success =
        network__has_ifs_handles(tcp) && (tcp6 == INVALID_SOCKET || network__has_ifs_handles(tcp6));
    network->peeks = network__probe_peek();
    if (tcp6 != INVALID_SOCKET) {
        closesocket(tcp6);
    }
}

/* IPv6 may be absent; without IPv4 there is nothing this program is tested for. What failed, and
   WSAGetLastError; NULL: nothing. */
static const char *network__probe(struct network *network)
{
    const SOCKET tcp = network_socket(AF_INET, SOCK_STREAM);
    if (tcp == INVALID_SOCKET) {
        return "a TCP socket";
    }
    const SOCKET udp = network_socket(AF_INET, SOCK_DGRAM);
    const char *failed = udp == INVALID_SOCKET ? "a UDP socket" : network__find_functions(network, tcp, udp);
    const int error = WSAGetLastError();
    if (failed == NULL) {
        network__try_features(network, tcp);
    }
    closesocket(tcp);
    if (udp != INVALID_SOCKET) {
        closesocket(udp);
    }
    WSASetLastError(error);
    return failed;
}

static bool network__fail(const char *failed, DWORD error, struct failure *failure_out)
{
    struct text text;
    failure_out->code = EXIT_CODE_FAILED;
    failure_out->win32_error = error;
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_format(&text, "Windows Sockets cannot be used: %s failed with ", failed);
    utf16_add_error(&text, error);
    text_add_string(&text, "; netsh winsock show catalog lists the providers that may be the cause");
    return false;
}

bool network_start(struct network *network, struct failure *failure_out)
{
    WSADATA data;
    *network = (struct network){0};
    DWORD error = (DWORD)WSAStartup(MAKEWORD(2, 2), &data);
    if (error != 0) {
        return network__fail("WSAStartup", error, failure_out);
    }
    const char *failed = network__probe(network);
    if (failed != NULL) {
        error = (DWORD)WSAGetLastError();
        WSACleanup();
        return network__fail(failed, error, failure_out);
    }
    return true;
}

void network_stop(struct network *network)
{
    *network = (struct network){0};
    WSACleanup();
}
