/* SPDX-License-Identifier: MIT
   Blocking sockets for tests, see client.h. Calls that imports.def lists go past the seam; so must those that
   it will list one day: SEAM_REAL then. */
#include "support/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/list.h"
#include "support/patience.h"
#include "support/seam.h"

enum { CLIENT_BUFFER = 65536, CLIENT_MOMENT = 30 };

struct client {
    struct list_node node; /* in `open` */
    SOCKET s;
    HANDLE event; /* of the posted receive */
    OVERLAPPED overlapped;
    bool is_posted;
    bool is_finished;       /* our FIN is sent */
    enum client_result end; /* CLIENT_OK: not ended */
    size_t begin, length;   /* received and not taken: bytes in the buffer */
    char buffer[CLIENT_BUFFER];
};

static struct {
    SRWLOCK lock;
    struct list_node open;
} clients = {.lock = SRWLOCK_INIT, .open = {&clients.open, &clients.open}};

union client__sockaddr {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

static int client__to_sockaddr(const struct pl_address *address, union client__sockaddr *sockaddr_out)
{
    memset(sockaddr_out, 0, sizeof *sockaddr_out);
    if (address->family == 4) {
        sockaddr_out->ipv4.sin_family = AF_INET;
        sockaddr_out->ipv4.sin_port = htons(address->port);
        memcpy(&sockaddr_out->ipv4.sin_addr, address->ip, 4);
        return (int)sizeof sockaddr_out->ipv4;
    }
    sockaddr_out->ipv6.sin6_family = AF_INET6;
    sockaddr_out->ipv6.sin6_port = htons(address->port);
    memcpy(&sockaddr_out->ipv6.sin6_addr, address->ip, 16);
    sockaddr_out->ipv6.sin6_scope_id = address->scope;
    return (int)sizeof sockaddr_out->ipv6;
}

static struct pl_address client__from_sockaddr(const union client__sockaddr *sockaddr)
{
    struct pl_address address = {0};
    if (sockaddr->any.sa_family == AF_INET) {
        address.family = 4;
        address.port = ntohs(sockaddr->ipv4.sin_port);
        memcpy(address.ip, &sockaddr->ipv4.sin_addr, 4);
    } else {
        address.family = 6;
        address.port = ntohs(sockaddr->ipv6.sin6_port);
        address.scope = sockaddr->ipv6.sin6_scope_id;
        memcpy(address.ip, &sockaddr->ipv6.sin6_addr, 16);
    }
    return address;
}

struct pl_address client_address(const char *ip, uint16_t port)
{
    struct pl_address address = {0};
    if (!address_parse(ip, strlen(ip), &address)) {
        fprintf(stderr, "client_address: %s is no IP address\n", ip);
        abort();
    }
    address.port = port;
    return address;
}

static uint64_t client__deadline(uint32_t timeout)
{
    return patience_now() + timeout;
}

static uint32_t client__left(uint64_t deadline)
{
    const uint64_t now = patience_now();
    return now < deadline ? (uint32_t)(deadline - now) : 0;
}

static enum client_result client__result(const char *doing, DWORD error)
{
    switch (error) {
    case WSAECONNRESET:
    case WSAECONNABORTED:
    case WSAENETRESET:
    case ERROR_NETNAME_DELETED:
    case ERROR_CONNECTION_ABORTED:
        return CLIENT_RESET;
    case WSAECONNREFUSED:
    case ERROR_CONNECTION_REFUSED:
        return CLIENT_REFUSED;
    default:
        fprintf(stderr, "client: %s failed with error %lu\n", doing, (unsigned long)error);
        return CLIENT_ERROR;
    }
}

static enum client_result client__last(const char *doing)
{
    return client__result(doing, (DWORD)WSAGetLastError());
}

/* See patience.h: no wait is longer. */
static uint32_t client__moment(uint32_t left)
{
    return left < CLIENT_MOMENT ? left : CLIENT_MOMENT;
}

static int client__select(const struct client *client, bool is_write, uint32_t left)
{
    fd_set set, failed;
    struct timeval timeout = {0, (long)client__moment(left) * 1000};
    FD_ZERO(&set);
    FD_ZERO(&failed);
    FD_SET(client->s, &set);
    FD_SET(client->s, &failed); /* a connect that fails shows here */
    return SEAM_REAL(select)(0, is_write ? NULL : &set, is_write ? &set : NULL, &failed, &timeout);
}

/* Waits until the socket can be written to or read from. */
static enum client_result client__wait(const struct client *client, bool is_write, uint64_t deadline)
{
    uint32_t left = 0;
    int count = 0;
    do {
        left = client__left(deadline);
        count = client__select(client, is_write, left);
    } while (count == 0 && left > 0);
    return count > 0 ? CLIENT_OK : count == 0 ? CLIENT_TIMEOUT : client__last("select");
}

static struct client *client__create(int type, const struct pl_address *at, int family)
{
    u_long is_nonblocking = 1;
    union client__sockaddr sockaddr;
    struct client *client = SEAM_REAL(HeapAlloc)(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof *client);
    if (client == NULL) {
        abort();
    }
    client->event = SEAM_REAL(CreateEventW)(NULL, TRUE, FALSE, NULL);
    client->s =
        SEAM_REAL(WSASocketW)(family == 4 ? AF_INET : AF_INET6, type, 0, NULL, 0, WSA_FLAG_OVERLAPPED);
    AcquireSRWLockExclusive(&clients.lock);
    list_append(&clients.open, &client->node);
    ReleaseSRWLockExclusive(&clients.lock);
    if (client->event == NULL || client->s == INVALID_SOCKET ||
        SEAM_REAL(ioctlsocket)(client->s, (LONG)FIONBIO, &is_nonblocking) != 0 ||
        (at != NULL && SEAM_REAL(bind)(client->s, &sockaddr.any, client__to_sockaddr(at, &sockaddr)) != 0)) {
        client__last("opening a socket");
        client_close(client);
        return NULL;
    }
    return client;
}

static enum client_result client__connect(struct client *client, const struct pl_address *to,
                                          uint32_t timeout)
{
    union client__sockaddr sockaddr;
    DWORD error = 0;
    int length = sizeof error;
    const int sockaddr_length = client__to_sockaddr(to, &sockaddr);
    if (SEAM_REAL(connect)(client->s, &sockaddr.any, sockaddr_length) == 0) {
        return CLIENT_OK;
    }
    if (WSAGetLastError() != WSAEWOULDBLOCK) {
        return client__last("connect");
    }
    const enum client_result result = client__wait(client, true, client__deadline(timeout));
    if (result == CLIENT_OK) {
        SEAM_REAL(getsockopt)(client->s, SOL_SOCKET, SO_ERROR, (char *)&error, &length);
    }
    return result == CLIENT_OK && error != 0 ? client__result("connect", error) : result;
}

enum client_result client_connect(const struct pl_address *to, const struct pl_address *from,
                                  int receive_buffer, uint32_t timeout, struct client **client_out)
{
    *client_out = NULL;
    if (!address_is_loopback(to)) {
        fprintf(stderr, "client_connect: tests stay on loopback\n");
        return CLIENT_ERROR;
    }
    struct client *client = client__create(SOCK_STREAM, from, to->family);
    if (client == NULL) {
        return CLIENT_ERROR;
    }
    if (receive_buffer > 0) {
        SEAM_REAL(setsockopt)
        (client->s, SOL_SOCKET, SO_RCVBUF, (const char *)&receive_buffer, sizeof receive_buffer);
    }
    const enum client_result result = client__connect(client, to, timeout);
    if (result != CLIENT_OK) {
        client_close(client);
        return result;
    }
    *client_out = client;
    return CLIENT_OK;
}

enum client_result client_send(struct client *client, const void *at, size_t length, uint32_t timeout)
{
    const uint64_t deadline = client__deadline(timeout);
    const char *next = at;
    while (length > 0) {
        const int sent = send(client->s, next, length > 1u << 20 ? 1 << 20 : (int)length, 0);
        if (sent >= 0) {
            next += sent;
            length -= (size_t)sent;
            continue;
        }
        if (WSAGetLastError() != WSAEWOULDBLOCK) {
            return client__last("send");
        }
        const enum client_result result = client__wait(client, true, deadline);
        if (result != CLIENT_OK) {
            return result;
        }
    }
    return CLIENT_OK;
}

enum client_result client_send_some(struct client *client, const void *at, size_t length, size_t *length_out)
{
    const int sent = send(client->s, at, (int)length, 0);
    *length_out = sent > 0 ? (size_t)sent : 0;
    return sent >= 0 || WSAGetLastError() == WSAEWOULDBLOCK ? CLIENT_OK : client__last("send");
}

/* A reset that found no receive posted may read as an orderly end (Wine 8). But then sending has ended, too,
   and we did not do that. Sending nothing tells, and no byte goes to the peer. */
static bool client__is_reset(const struct client *client)
{
    return !client->is_finished && send(client->s, "", 0, 0) != 0 && WSAGetLastError() != WSAEWOULDBLOCK;
}

/* Takes the result of the posted receive, once it is there. */
static void client__received(struct client *client, DWORD error, DWORD length)
{
    client->is_posted = false;
    client->begin = 0;
    client->length = length;
    if (error != 0) {
        client->end = client__result("receiving", error);
    } else if (length == 0) {
        client->end = client__is_reset(client) ? CLIENT_RESET : CLIENT_EOF;
    }
}

void client_watch(struct client *client)
{
    WSABUF buffer = {CLIENT_BUFFER, client->buffer};
    DWORD length = 0, flags = 0;
    if (client->is_posted || client->length > 0 || client->end != CLIENT_OK) {
        return;
    }
    memset(&client->overlapped, 0, sizeof client->overlapped);
    client->overlapped.hEvent = client->event;
    client->is_posted = true;
    if (SEAM_REAL(WSARecv)(client->s, &buffer, 1, &length, &flags, &client->overlapped, NULL) != 0 &&
        WSAGetLastError() != WSA_IO_PENDING) {
        client__received(client, (DWORD)WSAGetLastError(), 0);
    }
}

static bool client__await(const struct client *client, uint64_t deadline)
{
    uint32_t left = 0;
    DWORD result = WAIT_TIMEOUT;
    do {
        left = client__left(deadline);
        result = SEAM_REAL(WaitForSingleObject)(client->event, client__moment(left));
    } while (result == WAIT_TIMEOUT && left > 0);
    return result == WAIT_OBJECT_0;
}

/* Until there are bytes in the buffer, or the end. */
static enum client_result client__fill(struct client *client, uint64_t deadline)
{
    DWORD length = 0, flags = 0;
    client_watch(client);
    if (client->is_posted) {
        if (!client__await(client, deadline)) {
            return CLIENT_TIMEOUT;
        }
        const BOOL is_done =
            SEAM_REAL(WSAGetOverlappedResult)(client->s, &client->overlapped, &length, FALSE, &flags);
        client__received(client, is_done ? 0 : (DWORD)WSAGetLastError(), length);
    }
    return client->length > 0 ? CLIENT_OK : client->end;
}

/* At most `room` bytes of what lies in the buffer. */
static size_t client__take(struct client *client, void *at, size_t room)
{
    const size_t taken = room < client->length ? room : client->length;
    memcpy(at, client->buffer + client->begin, taken);
    client->begin += taken;
    client->length -= taken;
    return taken;
}

enum client_result client_receive(struct client *client, void *at, size_t length, uint32_t timeout)
{
    const uint64_t deadline = client__deadline(timeout);
    char *next = at;
    while (length > 0) {
        const enum client_result result = client__fill(client, deadline);
        if (result != CLIENT_OK) {
            return result;
        }
        const size_t taken = client__take(client, next, length);
        next += taken;
        length -= taken;
    }
    client_watch(client);
    return CLIENT_OK;
}

enum client_result client_receive_some(struct client *client, void *at, size_t room, size_t *length_out,
                                       uint32_t timeout)
{
    const enum client_result result = client__fill(client, client__deadline(timeout));
    *length_out = result == CLIENT_OK ? client__take(client, at, room) : 0;
    client_watch(client);
    return result;
}

enum client_result client_drain(struct client *client, uint64_t *dropped_out, uint32_t timeout)
{
    const uint64_t deadline = client__deadline(timeout);
    enum client_result result = CLIENT_OK;
    uint64_t dropped = 0;
    while (result == CLIENT_OK) {
        result = client__fill(client, deadline);
        dropped += client->length;
        client->length = 0;
    }
    if (dropped_out != NULL) {
        *dropped_out = dropped;
    }
    return result;
}

enum client_result client_finish(struct client *client)
{
    client->is_finished = true;
    return SEAM_REAL(shutdown)(client->s, SD_SEND) == 0 ? CLIENT_OK : client__last("shutdown");
}

static void client__end(struct client *client, bool is_reset)
{
    DWORD length = 0, flags = 0;
    if (client->is_posted) {
        if (!is_reset) {
            SEAM_REAL(shutdown)(client->s, SD_SEND); /* before the cancel, after which Windows may reset */
        }
        SEAM_REAL(CancelIoEx)((HANDLE)client->s, NULL);
        SEAM_REAL(WSAGetOverlappedResult)(client->s, &client->overlapped, &length, TRUE, &flags);
    }
    if (client->s != INVALID_SOCKET) {
        SEAM_REAL(closesocket)(client->s);
    }
    SEAM_REAL(CloseHandle)(client->event);
    SEAM_REAL(HeapFree)(GetProcessHeap(), 0, client);
}

static void client__leave(struct client *client, bool is_reset)
{
    AcquireSRWLockExclusive(&clients.lock);
    list_remove(&client->node);
    ReleaseSRWLockExclusive(&clients.lock);
    client__end(client, is_reset);
}

void client_close(struct client *client)
{
    client__leave(client, false);
}

void client_reset(struct client *client)
{
    const struct linger hard = {1, 0};
    SEAM_REAL(setsockopt)(client->s, SOL_SOCKET, SO_LINGER, (const char *)&hard, sizeof hard);
    client__leave(client, true);
}

void client_close_all(void)
{
    AcquireSRWLockExclusive(&clients.lock);
    while (!list_is_empty(&clients.open)) {
        client__end(LIST_ELEMENT(list_take_first(&clients.open), struct client, node), false);
    }
    ReleaseSRWLockExclusive(&clients.lock);
}

struct pl_address client_local(const struct client *client)
{
    union client__sockaddr sockaddr = {0};
    int length = sizeof sockaddr;
    SEAM_REAL(getsockname)(client->s, &sockaddr.any, &length);
    return client__from_sockaddr(&sockaddr);
}

struct client *client_open_datagram(const struct pl_address *at)
{
    return client__create(SOCK_DGRAM, at, at->family);
}

enum client_result client_send_datagram(struct client *client, const struct pl_address *to, const void *at,
                                        size_t length)
{
    union client__sockaddr sockaddr;
    const int sockaddr_length = client__to_sockaddr(to, &sockaddr);
    const int sent = SEAM_REAL(sendto)(client->s, at, (int)length, 0, &sockaddr.any, sockaddr_length);
    return sent >= 0 && (size_t)sent == length ? CLIENT_OK : client__last("sendto");
}

enum client_result client_receive_datagram(struct client *client, void *at, size_t room, size_t *length_out,
                                           struct pl_address *from_out, uint32_t timeout)
{
    union client__sockaddr sockaddr;
    int sockaddr_length = sizeof sockaddr;
    const enum client_result result = client__wait(client, false, client__deadline(timeout));
    if (result != CLIENT_OK) {
        return result;
    }
    const int received = recvfrom(client->s, at, (int)room, 0, &sockaddr.any, &sockaddr_length);
    if (received < 0) {
        return client__last("recvfrom");
    }
    *length_out = (size_t)received;
    if (from_out != NULL) {
        *from_out = client__from_sockaddr(&sockaddr);
    }
    return CLIENT_OK;
}

enum client_result client_exchange(struct client *client, const struct pl_address *to, const void *at,
                                   size_t length, void *answer, size_t room, size_t *length_out,
                                   uint32_t timeout)
{
    const enum client_result result = client_send_datagram(client, to, at, length);
    return result == CLIENT_OK ? client_receive_datagram(client, answer, room, length_out, NULL, timeout)
                               : result;
}
