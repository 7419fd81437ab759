/* SPDX-License-Identifier: MIT
   Changes of addresses, see address_watch.h. A socket that is never bound asks for them
   (SIO_ADDRESS_LIST_CHANGE). Its event alone tells of the end: not every system writes STATUS_PENDING. */
#include "endpoint/address_watch.h"

#include "io/network.h"

static const int families[ADDRESS_WATCH_FAMILIES] = {AF_INET, AF_INET6};

static void address_watch__arm(struct address_watch *watch, int i)
{
    const HANDLE event = watch->overlapped[i].hEvent;
    DWORD bytes = 0;
    ResetEvent(event);
    watch->overlapped[i] = (OVERLAPPED){.hEvent = event};
    const int result = WSAIoctl(watch->sockets[i], SIO_ADDRESS_LIST_CHANGE, NULL, 0, NULL, 0, &bytes,
                                &watch->overlapped[i], NULL);
    watch->is_armed[i] = result == 0 || WSAGetLastError() == WSA_IO_PENDING;
}

void address_watch_start(struct address_watch *watch)
{
    for (int i = 0; i < ADDRESS_WATCH_FAMILIES; i++) {
        watch->sockets[i] = network_socket(families[i], SOCK_DGRAM);
        watch->overlapped[i].hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
        watch->is_armed[i] = false;
        if (watch->sockets[i] != INVALID_SOCKET && watch->overlapped[i].hEvent != NULL) {
            address_watch__arm(watch, i);
        }
    }
}

DWORD address_watch_events(const struct address_watch *watch, HANDLE events_out[ADDRESS_WATCH_FAMILIES])
{
    DWORD count = 0;
    for (int i = 0; i < ADDRESS_WATCH_FAMILIES; i++) {
        if (watch->is_armed[i]) {
            events_out[count++] = watch->overlapped[i].hEvent;
        }
    }
    return count;
}

bool address_watch_take(struct address_watch *watch)
{
    bool has_changed = false;
    for (int i = 0; i < ADDRESS_WATCH_FAMILIES; i++) {
        DWORD bytes = 0, flags = 0;
        if (!watch->is_armed[i] || WaitForSingleObject(watch->overlapped[i].hEvent, 0) != WAIT_OBJECT_0) {
            continue;
        }
        watch->is_armed[i] = false; /* for good, if it failed: it would fail again at once */
        if (WSAGetOverlappedResult(watch->sockets[i], &watch->overlapped[i], &bytes, FALSE, &flags)) {
            has_changed = true;
            address_watch__arm(watch, i);
        }
    }
    return has_changed;
}

void address_watch_stop(struct address_watch *watch)
{
    for (int i = 0; i < ADDRESS_WATCH_FAMILIES; i++) {
        if (watch->is_armed[i]) {
            CancelIoEx((HANDLE)watch->sockets[i], &watch->overlapped[i]);
        }
        if (watch->sockets[i] != INVALID_SOCKET) {
            closesocket(watch->sockets[i]); /* ends what could not be cancelled */
        }
        if (watch->is_armed[i]) {
            WaitForSingleObject(watch->overlapped[i].hEvent, INFINITE);
        }
        if (watch->overlapped[i].hEvent != NULL) {
            CloseHandle(watch->overlapped[i].hEvent);
        }
    }
}
