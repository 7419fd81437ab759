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

/* ---- Start ---- */

static bool network__find(SOCKET socket, GUID guid, void *function_out, DWORD size)
{
    DWORD bytes = 0;
    return WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid, function_out, size,
                    &bytes, NULL, NULL) == 0;
}

static bool network__find_functions(struct network *network, SOCKET tcp, SOCKET udp)
{
    const GUID accept_ex = WSAID_ACCEPTEX, addresses = WSAID_GETACCEPTEXSOCKADDRS;
    const GUID receive = WSAID_WSARECVMSG, send = WSAID_WSASENDMSG;
    return network__find(tcp, accept_ex, &network->accept_ex, sizeof network->accept_ex) &&
           network__find(tcp, addresses, &network->accept_ex_addresses,
                         sizeof network->accept_ex_addresses) &&
           network__find(udp, receive, &network->receive_message, sizeof network->receive_message) &&
           network__find(udp, send, &network->send_message, sizeof network->send_message);
}

/* A layered provider that gives out handles of its own breaks skip-on-success (Microsoft knowledge base
 * 2568167). */
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
    return GetQueuedCompletionStatusEx(port, &entry, 1, &count, NETWORK_PROBE_WAIT, FALSE) && count == 1 &&
           entry.lpOverlapped == overlapped;
}

/* Waiting with MSG_PEEK and an overlapped is not documented, though others live on it: see a datagram come
 * and stay. */
static bool network__peek_works(SOCKET udp, HANDLE port, OVERLAPPED *overlapped)
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
    if (WSARecv(udp, &nothing, 1, &bytes, &flags, overlapped, NULL) == 0 ||
        WSAGetLastError() != WSA_IO_PENDING) {
        return false;
    }
    if (sendto(udp, &byte, 1, 0, (SOCKADDR *)&own, length) != 1 || !network__completes(port, overlapped)) {
        CancelIoEx((HANDLE)udp, overlapped);
        network__completes(port, overlapped); /* `overlapped` ends with the caller */
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
    const bool works = udp != INVALID_SOCKET && port != NULL && network__peek_works(udp, port, &overlapped);
    if (udp != INVALID_SOCKET) {
        closesocket(udp);
    }
    if (port != NULL) {
        CloseHandle(port);
    }
    return works;
}

/* IPv6 may be absent; without IPv4 there is nothing this program is tested for. */
static bool network__probe(struct network *network)
{
    const SOCKET tcp = network_socket(AF_INET, SOCK_STREAM), udp = network_socket(AF_INET, SOCK_DGRAM);
    const SOCKET tcp6 = network_socket(AF_INET6, SOCK_STREAM);
    const bool found =
        tcp != INVALID_SOCKET && udp != INVALID_SOCKET && network__find_functions(network, tcp, udp);
    const DWORD error = (DWORD)WSAGetLastError();
    if (found) {
        network->has_ipv6 = tcp6 != INVALID_SOCKET;
        network->skips_on_success =
            network__has_ifs_handles(tcp) && (tcp6 == INVALID_SOCKET || network__has_ifs_handles(tcp6));
        network->peeks = network__probe_peek();
    }
    const SOCKET opened[] = {tcp, udp, tcp6};
    for (size_t i = 0; i < sizeof opened / sizeof opened[0]; i++) {
        if (opened[i] != INVALID_SOCKET) {
            closesocket(opened[i]);
        }
    }
    WSASetLastError((int)error);
    return found;
}

bool network_start(struct network *network, struct failure *failure_out)
{
    WSADATA data;
    *network = (struct network){0};
    DWORD error = (DWORD)WSAStartup(MAKEWORD(2, 2), &data);
    if (error == 0 && network__probe(network)) {
        return true;
    }
    if (error == 0) {
        error = (DWORD)WSAGetLastError();
        WSACleanup();
    }
    struct text text;
    failure_out->code = EXIT_CODE_FAILED;
    failure_out->win32_error = error;
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_string(&text, "Windows Sockets cannot be used: ");
    utf16_add_error(&text, error);
    return false;
}

void network_stop(struct network *network)
{
    *network = (struct network){0};
    WSACleanup();
}
