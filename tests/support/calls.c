/* SPDX-License-Identifier: MIT
   Notes calls at the seam, see calls.h. A connection is known from SO_UPDATE_ACCEPT_CONTEXT on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "support/calls.h"

#include <cmocka.h>

#include "support/ledger.h"
#include "support/seam.h"

enum { CALLS_MAX = 1024 };

static struct {
    volatile SOCKET socket; /* INVALID_SOCKET before it is accepted and behind its end */
    bool is_over;
    const OVERLAPPED *pending; /* of a receive with room that a port will report */
    uint64_t sent;
    volatile LONG count; /* of these the first CALLS_MAX are kept */
    struct call at[CALLS_MAX];
} calls;

static size_t calls__unread(SOCKET s)
{
    u_long unread = 0;
    SEAM_REAL(ioctlsocket)(s, FIONREAD, &unread);
    return unread;
}

static void calls__note(SOCKET s, enum call_kind kind)
{
    if (s != calls.socket) {
        return;
    }
    if (calls.count < CALLS_MAX) {
        struct call *call = &calls.at[calls.count];
        call->kind = kind;
        call->receives = ledger_in_flight(s, IMPORT_WSARecv);
        call->sends = ledger_in_flight(s, IMPORT_WSASend);
        call->sent = calls.sent;
        call->unread = calls__unread(s);
    }
    InterlockedIncrement(&calls.count);
}

/* ---- At the seam, on the worker ---- */

static size_t calls__sum(const WSABUF *buffers, DWORD count)
{
    size_t sum = 0;
    for (DWORD i = 0; i < count; i++) {
        sum += buffers[i].len;
    }
    return sum;
}

static int WSAAPI calls__receive(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                                 LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    const bool has_room = calls__sum(buffers, count) > 0;
    calls__note(s, CALL_RECEIVE);
    const int result = SEAM_REAL(WSARecv)(s, buffers, count, received, flags, overlapped, routine);
    const int error = WSAGetLastError();
    if (has_room && result == 0 && *received == 0) {
        calls__note(s, CALL_END);
    } else if (s == calls.socket && has_room && result != 0 && error == WSA_IO_PENDING) {
        calls.pending = overlapped;
    }
    WSASetLastError(error);
    return result;
}

static BOOL WINAPI calls__dequeue(HANDLE port, LPOVERLAPPED_ENTRY entries, ULONG count, PULONG removed,
                                  DWORD timeout, BOOL alertable)
{
    const BOOL result =
        SEAM_REAL(GetQueuedCompletionStatusEx)(port, entries, count, removed, timeout, alertable);
    const DWORD error = GetLastError();
    for (ULONG i = 0; result && i < *removed; i++) {
        const OVERLAPPED *overlapped = entries[i].lpOverlapped;
        if (overlapped != NULL && overlapped == calls.pending) {
            calls.pending = NULL;
            if (overlapped->Internal == 0 && entries[i].dwNumberOfBytesTransferred == 0) {
                calls__note(calls.socket, CALL_END);
            }
        }
    }
    SetLastError(error);
    return result;
}

static int WSAAPI calls__send(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags,
                              LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    const size_t all = calls__sum(buffers, count);
    calls__note(s, CALL_SEND);
    const int result = SEAM_REAL(WSASend)(s, buffers, count, sent, flags, overlapped, routine);
    const int error = WSAGetLastError();
    if (s == calls.socket && (result == 0 || error == WSA_IO_PENDING)) {
        calls.sent += result == 0 ? *sent : all; /* one that waits has taken everything when it ends */
    }
    WSASetLastError(error);
    return result;
}

static int WSAAPI calls__shutdown(SOCKET s, int how)
{
    if (how == SD_SEND) {
        calls__note(s, CALL_FIN);
    }
    return SEAM_REAL(shutdown)(s, how);
}

static int WSAAPI calls__set_option(SOCKET s, int level, int option, const char *value, int length)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (level == SOL_SOCKET && option == SO_UPDATE_ACCEPT_CONTEXT && !calls.is_over &&
        calls.socket == INVALID_SOCKET) {
        calls.socket = s;
    }
    if (level == SOL_SOCKET && option == SO_LINGER && length == sizeof reset &&
        memcmp(value, &reset, sizeof reset) == 0) {
        calls__note(s, CALL_LINGER);
    }
    return SEAM_REAL(setsockopt)(s, level, option, value, length);
}

static BOOL WINAPI calls__cancel(HANDLE handle, LPOVERLAPPED overlapped)
{
    if (overlapped == NULL) {
        calls__note((SOCKET)handle, CALL_CANCEL);
    }
    return SEAM_REAL(CancelIoEx)(handle, overlapped);
}

static int WSAAPI calls__close(SOCKET s)
{
    calls__note(s, CALL_CLOSE);
    if (s == calls.socket) {
        calls.is_over = true; /* its number may soon be another's */
        calls.socket = INVALID_SOCKET;
    }
    return SEAM_REAL(closesocket)(s);
}

/* ---- For the test ---- */

void calls_watch(void)
{
    memset((void *)(uintptr_t)&calls, 0, sizeof calls);
    calls.socket = INVALID_SOCKET;
    seam_replace(IMPORT_WSARecv, (seam_function)calls__receive);
    seam_replace(IMPORT_GetQueuedCompletionStatusEx, (seam_function)calls__dequeue);
    seam_replace(IMPORT_WSASend, (seam_function)calls__send);
    seam_replace(IMPORT_shutdown, (seam_function)calls__shutdown);
    seam_replace(IMPORT_setsockopt, (seam_function)calls__set_option);
    seam_replace(IMPORT_CancelIoEx, (seam_function)calls__cancel);
    seam_replace(IMPORT_closesocket, (seam_function)calls__close);
}

static size_t calls__count(void)
{
    const LONG count = InterlockedCompareExchange(&calls.count, 0, 0);
    assert_in_range(count, 0, CALLS_MAX);
    return (size_t)count;
}

const char *calls_text(enum call_kind from)
{
    static char text[CALLS_MAX + 1];
    const size_t count = calls__count();
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        const char kind = (char)calls.at[i].kind;
        if (length > 0 ? text[length - 1] != kind : kind == (char)from) {
            text[length++] = kind;
        }
    }
    text[length] = '\0';
    return text;
}

const struct call *calls_only(enum call_kind kind)
{
    const struct call *found = NULL;
    const size_t count = calls__count();
    for (size_t i = 0; i < count; i++) {
        if (calls.at[i].kind == kind) {
            assert_null(found);
            found = &calls.at[i];
        }
    }
    assert_non_null(found);
    return found;
}
