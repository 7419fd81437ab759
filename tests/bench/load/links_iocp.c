/* SPDX-License-Identifier: MIT
   Sockets with a completion port, see links.h. What is done at once queues no packet, where the provider's handles are
   the system's own. */
#include "bench/load/links.h"

#include <stdlib.h>
#include <string.h>

#include "base/win.h"

enum { EVENTS = 512, DATAGRAM_BUFFER = 4 << 20 };

struct pending {
    OVERLAPPED overlapped; /* first: a packet brings its address */
    uint32_t number;
    enum links_operation operation;
    size_t length;
};

struct link {
    SOCKET socket;
    struct pending send, receive; /* `send` also connects */
};

struct links {
    HANDLE port;
    LPFN_CONNECTEX connect_ex;
    int error;
    bool is_datagram, skips_on_success;
    SOCKADDR_IN server;
    struct link *links;
};

/* Of a layered provider: skipping would lose packets (Microsoft knowledge base 2568167). */
static bool links__has_ifs_handles(SOCKET socket)
{
    WSAPROTOCOL_INFOW info;
    int length = sizeof info;
    return getsockopt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW, (char *)&info, &length) == 0 &&
           (info.dwServiceFlags1 & XP1_IFS_HANDLES) != 0;
}

static SOCKET links__socket(bool is_datagram)
{
    return WSASocketW(AF_INET, is_datagram ? SOCK_DGRAM : SOCK_STREAM,
                      is_datagram ? IPPROTO_UDP : IPPROTO_TCP, NULL, 0,
                      WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
}

/* What a socket tells of all: ConnectEx, and whether packets can be skipped. */
static bool links__ask(struct links *links)
{
    GUID guid = WSAID_CONNECTEX;
    DWORD bytes = 0;
    const SOCKET socket = links__socket(links->is_datagram);
    if (socket == INVALID_SOCKET) {
        return false;
    }
    links->skips_on_success = links__has_ifs_handles(socket);
    const bool is_known =
        links->is_datagram || WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid,
                                       &links->connect_ex, sizeof links->connect_ex, &bytes, NULL, NULL) == 0;
    closesocket(socket);
    return is_known;
}

struct links *links_create(uint32_t count, uint32_t host, uint16_t port, bool is_datagram, int *error_out)
{
    WSADATA data;
    struct links *const links = calloc(1, sizeof *links);
    *error_out = ERROR_NOT_ENOUGH_MEMORY;
    if (links == NULL) {
        return NULL;
    }
    *error_out = WSAStartup(MAKEWORD(2, 2), &data);
    if (*error_out != 0) {
        free(links);
        return NULL;
    }
    links->is_datagram = is_datagram;
    links->server.sin_family = AF_INET;
    links->server.sin_port = htons(port);
    links->server.sin_addr.s_addr = htonl(host);
    links->links = calloc(count, sizeof *links->links);
    links->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    if (links->links == NULL || links->port == NULL || !links__ask(links)) {
        *error_out = (int)GetLastError();
        links_destroy(links);
        return NULL;
    }
    return links;
}

void links_destroy(struct links *links)
{
    if (links->port != NULL) {
        CloseHandle(links->port);
    }
    free(links->links);
    free(links);
    WSACleanup();
}

int links_error(const struct links *links)
{
    return links->error;
}

static enum links_outcome links__fail(struct links *links, int error)
{
    links->error = error;
    return LINKS_FAILED;
}

/* What a call has come to that began an operation. */
static enum links_outcome links__begun(struct links *links, bool is_done)
{
    const int error = is_done ? 0 : WSAGetLastError();
    if (error != 0 && error != WSA_IO_PENDING) {
        return links__fail(links, error);
    }
    return is_done && links->skips_on_success ? LINKS_DONE : LINKS_PENDING;
}

static struct pending *links__prepare(struct pending *pending, uint32_t number,
                                      enum links_operation operation, size_t length)
{
    *pending = (struct pending){.number = number, .operation = operation, .length = length};
    return pending;
}

static bool links__set_up(struct links *links, SOCKET socket, uint32_t source)
{
    const BOOL on = TRUE;
    const int size = DATAGRAM_BUFFER;
    SOCKADDR_IN address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source % LINKS_SOURCES);
    if (links->is_datagram) {
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, (const char *)&size, sizeof size);
    } else {
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
    }
    return bind(socket, (const SOCKADDR *)&address, sizeof address) == 0 &&
           CreateIoCompletionPort((HANDLE)socket, links->port, 0, 0) == links->port &&
           (!links->skips_on_success ||
            SetFileCompletionNotificationModes((HANDLE)socket, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS |
                                                                   FILE_SKIP_SET_EVENT_ON_HANDLE));
}

/* A socket of ConnectEx knows that it is connected only then. */
static void links__update(SOCKET socket)
{
    /* cppcheck-suppress nullPointer */
    setsockopt(socket, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0);
}

static enum links_outcome links__connect(struct links *links, uint32_t number)
{
    struct link *const link = &links->links[number];
    const SOCKADDR *const server = (const SOCKADDR *)&links->server;
    const int length = sizeof links->server;
    if (links->is_datagram) {
        return connect(link->socket, server, length) == 0 ? LINKS_DONE
                                                          : links__fail(links, WSAGetLastError());
    }
    struct pending *const pending = links__prepare(&link->send, number, LINKS_CONNECT, 0);
    const enum links_outcome outcome = links__begun(
        links, links->connect_ex(link->socket, server, length, NULL, 0, NULL, &pending->overlapped) != FALSE);
    if (outcome == LINKS_DONE) {
        links__update(link->socket);
    }
    return outcome;
}

enum links_outcome links_open(struct links *links, uint32_t number, uint32_t source)
{
    struct link *const link = &links->links[number];
    link->socket = links__socket(links->is_datagram);
    if (link->socket == INVALID_SOCKET) {
        return links__fail(links, WSAGetLastError());
    }
    const enum links_outcome outcome = links__set_up(links, link->socket, source)
                                           ? links__connect(links, number)
                                           : links__fail(links, WSAGetLastError());
    if (outcome == LINKS_FAILED) {
        closesocket(link->socket);
    }
    return outcome;
}

enum links_outcome links_send(struct links *links, uint32_t number, const void *at, size_t length,
                              size_t *bytes_out)
{
    struct link *const link = &links->links[number];
    struct pending *const pending = links__prepare(&link->send, number, LINKS_SEND, length);
    WSABUF buffer = {.len = (ULONG)length};
    DWORD bytes = 0;
    memcpy(&buffer.buf, &at, sizeof buffer.buf); /* it is not const in Winsock's types only */
    const enum links_outcome outcome =
        links__begun(links, WSASend(link->socket, &buffer, 1, &bytes, 0, &pending->overlapped, NULL) == 0);
    *bytes_out = bytes;
    return outcome;
}

enum links_outcome links_receive(struct links *links, uint32_t number, void *at, size_t length,
                                 size_t *bytes_out)
{
    struct link *const link = &links->links[number];
    struct pending *const pending = links__prepare(&link->receive, number, LINKS_RECEIVE, length);
    WSABUF buffer = {.len = (ULONG)length, .buf = at};
    DWORD bytes = 0, flags = 0;
    const enum links_outcome outcome = links__begun(
        links, WSARecv(link->socket, &buffer, 1, &bytes, &flags, &pending->overlapped, NULL) == 0);
    *bytes_out = bytes;
    if (outcome == LINKS_FAILED &&
        links->error == WSAEMSGSIZE) { /* a datagram that is too long has filled it */
        *bytes_out = length;
        return LINKS_DONE;
    }
    return outcome;
}

void links_shut(struct links *links, uint32_t number)
{
    shutdown(links->links[number].socket, SD_SEND);
}

/* Without the cancelling, Wine would leave a send pending for good. */
void links_close(struct links *links, uint32_t number)
{
    CancelIoEx((HANDLE)links->links[number].socket, NULL);
    closesocket(links->links[number].socket);
}

static struct links_event links__event(const struct links *links, const OVERLAPPED_ENTRY *entry)
{
    struct pending *const pending = (struct pending *)entry->lpOverlapped;
    const SOCKET socket = links->links[pending->number].socket;
    struct links_event event = {.number = pending->number,
                                .operation = pending->operation,
                                .bytes = entry->dwNumberOfBytesTransferred};
    DWORD bytes = 0, flags = 0;
    if (entry->lpOverlapped->Internal != 0 &&
        !WSAGetOverlappedResult(socket, &pending->overlapped, &bytes, FALSE, &flags)) {
        event.error = WSAGetLastError();
    }
    if (event.operation == LINKS_RECEIVE && (event.error == WSAEMSGSIZE || event.error == ERROR_MORE_DATA)) {
        event.error = 0;
        event.bytes = pending->length;
    }
    if (event.operation == LINKS_CONNECT && event.error == 0) {
        links__update(socket);
    }
    return event;
}

size_t links_wait(struct links *links, struct links_event *events, size_t most, unsigned milliseconds)
{
    OVERLAPPED_ENTRY entries[EVENTS];
    ULONG found = 0;
    if (!GetQueuedCompletionStatusEx(links->port, entries, most < EVENTS ? (ULONG)most : EVENTS, &found,
                                     milliseconds, FALSE)) {
        return 0; /* `found` says nothing then */
    }
    for (ULONG i = 0; i < found; i++) {
        events[i] = links__event(links, &entries[i]);
    }
    return found;
}
