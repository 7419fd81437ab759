/* SPDX-License-Identifier: MIT
   Changes of addresses, see address_watch.h. A socket that is never bound asks for them
   (SIO_ADDRESS_LIST_CHANGE). */
#include "endpoint/address_watch.h"

#include "io/network.h"

static const int families[2] = {AF_INET, AF_INET6};

static void address_watch__arm(struct address_watch *watch, int i)
{
    const HANDLE event = watch->overlapped[i].hEvent;
    DWORD bytes = 0;
    watch->overlapped[i] =
        (OVERLAPPED){.Internal = STATUS_PENDING, .hEvent = event}; /* not every system sets it */
    const int result = WSAIoctl(watch->sockets[i], SIO_ADDRESS_LIST_CHANGE, NULL, 0, NULL, 0, &bytes,
                                &watch->overlapped[i], NULL);
    watch->is_armed[i] = result == 0 || WSAGetLastError() == WSA_IO_PENDING;
}

void address_watch_start(struct address_watch *watch, HANDLE event)
{
    for (int i = 0; i < 2; i++) {
        watch->sockets[i] = network_socket(families[i], SOCK_DGRAM);
        watch->overlapped[i].hEvent = event;
        watch->is_armed[i] = false;
        if (watch->sockets[i] != INVALID_SOCKET) {
            address_watch__arm(watch, i);
        }
    }
}

bool address_watch_take(struct address_watch *watch)
{
    bool has_changed = false;
    for (int i = 0; i < 2; i++) {
        DWORD bytes = 0, flags = 0;
        if (!watch->is_armed[i]) {
            continue;
        }
        if (WSAGetOverlappedResult(watch->sockets[i], &watch->overlapped[i], &bytes, FALSE, &flags)) {
            has_changed = true;
            address_watch__arm(watch, i);
        } else if (WSAGetLastError() != WSA_IO_INCOMPLETE) {
            watch->is_armed[i] = false;
        }
    }
    return has_changed;
}

void address_watch_stop(struct address_watch *watch)
{
    for (int i = 0; i < 2; i++) {
        if (watch->is_armed[i]) {
            CancelIoEx((HANDLE)watch->sockets[i], &watch->overlapped[i]);
        }
        if (watch->sockets[i] != INVALID_SOCKET) {
            closesocket(watch->sockets[i]); /* ends it, too */
            watch->sockets[i] = INVALID_SOCKET;
        }
        while (watch->is_armed[i] && !HasOverlappedIoCompleted(&watch->overlapped[i])) {
            Sleep(1); /* the event does not tell: it is set for other reasons as well */
        }
        watch->is_armed[i] = false;
    }
}
