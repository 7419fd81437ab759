/* SPDX-License-Identifier: MIT
   The floor of the benchmark: an echo server of Winsock and one completion port, and nothing else. One thread, no
   limits, no deadlines, no log, no clean end. What is known to make such a loop fast is in it: operations that
   succeed at once report no completion, what is ready is served in turn before the port is asked, and many accepts
   are outstanding.

   bench_floor PORT [BUFFER]: TCP and UDP on 127.0.0.1; prints "ready" when both are bound. A connection's buffer has
   BUFFER bytes (4096): while it waits, all of them are in memory. */
#include <winsock2.h>
/* behind winsock2.h */
#include <mswsock.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BUFFER = 4096,
    BUFFER_MAX = 65536, /* also of UDP */
    ACCEPTS = 64,
    ENTRIES = 256,  /* completions taken from the port at a time */
    DATAGRAMS = 64, /* served before TCP has its turn */
    ADDRESS = sizeof(SOCKADDR_IN) + 16
};

enum step { STEP_ACCEPT, STEP_RECEIVE, STEP_SEND };

/* A connection, or the UDP socket. It has one operation at a time. */
struct peer {
    OVERLAPPED overlapped; /* first: a completion leads to the peer */
    enum step step;
    SOCKET socket;
    struct peer *next; /* in the list of those that may have something to receive */
    DWORD bytes;       /* of the operation that has ended */
    INT from_size;
    SOCKADDR_IN from;
    char buffer[];
};

static HANDLE port;
static SOCKET listener;
static LPFN_ACCEPTEX accept_ex;
static struct peer *first, *last;
static struct peer *udp;
static DWORD buffer_size = BUFFER;

static void die(const char *what)
{
    fprintf(stderr, "bench_floor: %s: error %d\n", what, WSAGetLastError());
    exit(1);
}

static void push(struct peer *peer)
{
    peer->next = NULL;
    if (first == NULL) {
        first = peer;
    } else {
        last->next = peer;
    }
    last = peer;
}

static struct peer *pop(void)
{
    struct peer *peer = first;
    first = peer->next;
    return peer;
}

static void associate(SOCKET s)
{
    if (CreateIoCompletionPort((HANDLE)s, port, 0, 0) == NULL ||
        !SetFileCompletionNotificationModes((HANDLE)s, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS |
                                                           FILE_SKIP_SET_EVENT_ON_HANDLE)) {
        die("the port");
    }
}

static struct peer *new_peer(DWORD size)
{
    struct peer *peer = malloc(sizeof *peer + size);
    if (peer == NULL) {
        die("memory");
    }
    memset(&peer->overlapped, 0, sizeof peer->overlapped);
    return peer;
}

/* ---- TCP ---- */

static void start_accept(struct peer *peer)
{
    DWORD bytes = 0;
    peer->step = STEP_ACCEPT;
    peer->socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (peer->socket == INVALID_SOCKET ||
        (!accept_ex(listener, peer->socket, peer->buffer, 0, ADDRESS, ADDRESS, &bytes, &peer->overlapped) &&
         WSAGetLastError() != WSA_IO_PENDING)) {
        die("AcceptEx");
    }
}

static void end(struct peer *peer)
{
    closesocket(peer->socket);
    free(peer);
}

static void accepted(struct peer *peer, BOOL is_done)
{
    start_accept(new_peer(buffer_size));
    if (!is_done || setsockopt(peer->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&listener,
                               sizeof listener) != 0) {
        end(peer);
        return;
    }
    associate(peer->socket);
    push(peer);
}

/* Each returns whether it has ended at once. */
static BOOL start_receive(struct peer *peer)
{
    DWORD flags = 0;
    WSABUF buffer = {buffer_size, peer->buffer};
    peer->step = STEP_RECEIVE;
    if (WSARecv(peer->socket, &buffer, 1, &peer->bytes, &flags, &peer->overlapped, NULL) == 0) {
        return TRUE;
    }
    if (WSAGetLastError() != WSA_IO_PENDING) {
        end(peer);
    }
    return FALSE;
}

static BOOL start_send(struct peer *peer)
{
    WSABUF buffer = {peer->bytes, peer->buffer};
    peer->step = STEP_SEND;
    if (WSASend(peer->socket, &buffer, 1, &peer->bytes, 0, &peer->overlapped, NULL) == 0) {
        return TRUE;
    }
    if (WSAGetLastError() != WSA_IO_PENDING) {
        end(peer);
    }
    return FALSE;
}

static void received(struct peer *peer)
{
    if (peer->bytes == 0) {
        end(peer);
    } else if (start_send(peer)) {
        push(peer);
    }
}

/* ---- UDP ---- */

static BOOL start_receive_from(void)
{
    DWORD flags = 0;
    WSABUF buffer = {BUFFER_MAX, udp->buffer};
    udp->step = STEP_RECEIVE;
    udp->from_size = sizeof udp->from;
    if (WSARecvFrom(udp->socket, &buffer, 1, &udp->bytes, &flags, (SOCKADDR *)&udp->from, &udp->from_size,
                    &udp->overlapped, NULL) == 0) {
        return TRUE;
    }
    if (WSAGetLastError() != WSA_IO_PENDING) {
        die("WSARecvFrom");
    }
    return FALSE;
}

/* An answer that cannot be sent is lost, as datagrams are. */
static BOOL start_send_to(void)
{
    WSABUF buffer = {udp->bytes, udp->buffer};
    udp->step = STEP_SEND;
    return WSASendTo(udp->socket, &buffer, 1, &udp->bytes, 0, (SOCKADDR *)&udp->from, udp->from_size,
                     &udp->overlapped, NULL) == 0 ||
           WSAGetLastError() != WSA_IO_PENDING;
}

static void serve_datagrams(void)
{
    for (int i = 0; i < DATAGRAMS; i++) {
        if (!start_receive_from() || !start_send_to()) {
            return;
        }
    }
    push(udp);
}

/* ---- The loop ---- */

static void complete(const OVERLAPPED_ENTRY *entry)
{
    struct peer *peer = (struct peer *)(void *)entry->lpOverlapped;
    const BOOL is_done = entry->lpOverlapped->Internal == 0;
    peer->bytes = is_done ? entry->dwNumberOfBytesTransferred : 0;
    if (peer->step == STEP_ACCEPT) {
        accepted(peer, is_done);
    } else if (peer == udp) {
        if (peer->step == STEP_SEND || !is_done || start_send_to()) {
            push(peer);
        }
    } else if (!is_done) {
        end(peer);
    } else if (peer->step == STEP_RECEIVE) {
        received(peer);
    } else {
        push(peer);
    }
}

/* Those that are in the list now, once each; who comes back is behind them. */
static void serve_ready(void)
{
    const struct peer *stop = last;
    for (BOOL is_over = first == NULL; !is_over;) {
        struct peer *peer = pop();
        is_over = peer == stop;
        if (peer == udp) {
            serve_datagrams();
        } else if (start_receive(peer)) {
            received(peer);
        }
    }
}

static SOCKET bound(int type, u_short number)
{
    SOCKADDR_IN address = {.sin_family = AF_INET, .sin_port = htons(number)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const SOCKET s = WSASocketW(AF_INET, type, 0, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (s == INVALID_SOCKET || bind(s, (const SOCKADDR *)&address, sizeof address) != 0) {
        die("bind");
    }
    associate(s);
    return s;
}

static void open_all(u_short number)
{
    static const GUID guid = WSAID_ACCEPTEX;
    static const int on = 1, room = 4 << 20;
    WSADATA data;
    DWORD bytes = 0;
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    if (port == NULL || WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        die("Winsock");
    }
    listener = bound(SOCK_STREAM, number);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on); /* connections inherit it */
    if (listen(listener, SOMAXCONN) != 0 ||
        WSAIoctl(listener, SIO_GET_EXTENSION_FUNCTION_POINTER, (void *)(ULONG_PTR)&guid, sizeof guid,
                 &accept_ex, sizeof accept_ex, &bytes, NULL, NULL) != 0) {
        die("listen");
    }
    udp = new_peer(BUFFER_MAX);
    udp->socket = bound(SOCK_DGRAM, number);
    setsockopt(udp->socket, SOL_SOCKET, SO_RCVBUF, (const char *)&room, sizeof room);
    for (int i = 0; i < ACCEPTS; i++) {
        start_accept(new_peer(buffer_size));
    }
    push(udp);
}

int main(int argc, char **argv)
{
    static OVERLAPPED_ENTRY entries[ENTRIES];
    const int number = argc > 1 ? atoi(argv[1]) : 0, size = argc > 2 ? atoi(argv[2]) : BUFFER;
    if (number < 1 || number > 65535 || size < 2 * ADDRESS || size > BUFFER_MAX) {
        fputs("usage: bench_floor PORT [BUFFER]\n", stderr);
        return 2;
    }
    buffer_size = (DWORD)size;
    open_all((u_short)number);
    puts("ready");
    fflush(stdout);
    for (;;) {
        ULONG count = 0;
        serve_ready();
        if (!GetQueuedCompletionStatusEx(port, entries, ENTRIES, &count, first != NULL ? 0 : INFINITE,
                                         FALSE)) {
            count = 0;
        }
        for (ULONG i = 0; i < count; i++) {
            complete(&entries[i]);
        }
    }
}
