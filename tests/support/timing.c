/* SPDX-License-Identifier: MIT
   When completions come, see timing.h.

   A success inside the call still leaves a packet in the port, which a socket that skips those does not expect:
   it is swallowed. A success told through the port needs a packet on such a socket: it is posted. */
#include "support/timing.h"

#include <string.h>

#include "support/ledger.h"
#include "support/random.h"
#include "support/seam.h"

enum {
    TIMING_ROOM = 1024,    /* held and swallowed packets at a time; beyond that all goes its usual way */
    TIMING_HOLD = 5,       /* milliseconds at most */
    TIMING_POLLS = 50,     /* looks at an operation that may end within a moment */
    TIMING_PENDING = 0x103 /* STATUS_PENDING: OVERLAPPED.Internal of one in flight */
};

struct timing__held {
    HANDLE port;
    SOCKET socket;
    uint64_t due;
    OVERLAPPED_ENTRY entry;
};

static struct {
    SRWLOCK lock;
    struct random random;
    struct timing wanted;
    struct timing changed;
    size_t held_count;
    struct timing__held held[TIMING_ROOM]; /* in the order of the port */
    size_t swallow_count;
    const OVERLAPPED *swallows[TIMING_ROOM];
} timing = {.lock = SRWLOCK_INIT};

/* Functions named ..._locked are called with the lock held. */
static bool timing__decide_locked(uint32_t percent)
{
    return random_below(&timing.random, 100) < percent;
}

static bool timing__decide(uint32_t percent)
{
    AcquireSRWLockExclusive(&timing.lock);
    const bool is_chosen = timing__decide_locked(percent);
    ReleaseSRWLockExclusive(&timing.lock);
    return is_chosen;
}

static void timing__count(uint32_t *counter)
{
    AcquireSRWLockExclusive(&timing.lock);
    (*counter)++;
    ReleaseSRWLockExclusive(&timing.lock);
}

/* ---- Late and early ---- */

/* True: the call's success is told by the port. */
static bool timing__put_off(SOCKET s, OVERLAPPED *overlapped, DWORD bytes)
{
    bool is_skipping = false;
    const HANDLE port = ledger_port(s, &is_skipping);
    if (port == NULL || !timing__decide(timing.wanted.late)) {
        return false;
    }
    overlapped->Internal = 0;
    overlapped->InternalHigh = bytes;
    if (is_skipping && !SEAM_REAL(PostQueuedCompletionStatus)(port, bytes, 0, overlapped)) {
        return false;
    }
    timing__count(&timing.changed.late);
    return true;
}

static bool timing__swallow_later(const OVERLAPPED *overlapped)
{
    AcquireSRWLockExclusive(&timing.lock);
    const bool has_room = timing.swallow_count < TIMING_ROOM;
    if (has_room) {
        timing.swallows[timing.swallow_count++] = overlapped;
    }
    ReleaseSRWLockExclusive(&timing.lock);
    return has_room;
}

static bool timing__ends_soon(const OVERLAPPED *overlapped)
{
    const volatile ULONG_PTR *status = &overlapped->Internal;
    for (int i = 0; i < TIMING_POLLS && *status == TIMING_PENDING; i++) {
        SwitchToThread();
    }
    return *status == 0;
}

/* True: an operation that is in flight has ended inside the call. */
static bool timing__hurry(SOCKET s, const OVERLAPPED *overlapped)
{
    bool is_skipping = false;
    if (ledger_port(s, &is_skipping) == NULL || !timing__decide(timing.wanted.early) ||
        !timing__ends_soon(overlapped) || (is_skipping && !timing__swallow_later(overlapped))) {
        return false;
    }
    timing__count(&timing.changed.early);
    return true;
}

/* What a call returns instead of `is_done`; with its error and bytes. */
static bool timing__turn(SOCKET s, OVERLAPPED *overlapped, bool is_done, DWORD *bytes)
{
    const DWORD error = (DWORD)WSAGetLastError();
    bool is_told = is_done;
    if (overlapped != NULL && is_done) {
        is_told = !timing__put_off(s, overlapped, bytes != NULL ? *bytes : (DWORD)overlapped->InternalHigh);
    } else if (overlapped != NULL && error == WSA_IO_PENDING && timing__hurry(s, overlapped)) {
        is_told = true;
        if (bytes != NULL) {
            *bytes = (DWORD)overlapped->InternalHigh;
        }
    }
    WSASetLastError(is_told ? 0 : is_done ? WSA_IO_PENDING : (int)error);
    return is_told;
}

static int WSAAPI timing__receive(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                                  LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    const int result = SEAM_REAL(WSARecv)(s, buffers, count, received, flags, overlapped, routine);
    return timing__turn(s, overlapped, result == 0, received) ? 0 : SOCKET_ERROR;
}

static int WSAAPI timing__send(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags,
                               LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    const int result = SEAM_REAL(WSASend)(s, buffers, count, sent, flags, overlapped, routine);
    return timing__turn(s, overlapped, result == 0, sent) ? 0 : SOCKET_ERROR;
}

static int WSAAPI timing__receive_message(SOCKET s, LPWSAMSG message, LPDWORD received,
                                          LPWSAOVERLAPPED overlapped,
                                          LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    const int result = SEAM_REAL(WSARecvMsg)(s, message, received, overlapped, routine);
    return timing__turn(s, overlapped, result == 0, received) ? 0 : SOCKET_ERROR;
}

static BOOL WINAPI timing__accept(SOCKET s, SOCKET accepted, PVOID out, DWORD data_room, DWORD local_room,
                                  DWORD remote_room, LPDWORD received, LPOVERLAPPED overlapped)
{
    const BOOL result =
        SEAM_REAL(AcceptEx)(s, accepted, out, data_room, local_room, remote_room, received, overlapped);
    return timing__turn(s, overlapped, result, received);
}

/* ---- Held ---- */

static bool timing__swallow_locked(const OVERLAPPED *overlapped)
{
    for (size_t i = 0; i < timing.swallow_count; i++) {
        if (timing.swallows[i] == overlapped) {
            timing.swallows[i] = timing.swallows[--timing.swallow_count];
            return true;
        }
    }
    return false;
}

/* Whether a packet of this socket stands among the first `end` that are held. */
static bool timing__has_held_locked(SOCKET s, size_t end)
{
    for (size_t i = 0; i < end; i++) {
        if (timing.held[i].socket == s) {
            return true;
        }
    }
    return false;
}

static bool timing__hold_locked(HANDLE port, const OVERLAPPED_ENTRY *entry)
{
    const SOCKET s = entry->lpOverlapped != NULL ? ledger_socket(entry->lpOverlapped) : INVALID_SOCKET;
    if (s == INVALID_SOCKET || timing.held_count == TIMING_ROOM ||
        (!timing__decide_locked(timing.wanted.held) && !timing__has_held_locked(s, timing.held_count))) {
        return false;
    }
    timing.held[timing.held_count++] = (struct timing__held){.port = port,
                                                             .socket = s,
                                                             .due = SEAM_REAL(GetTickCount64)() + 1 +
                                                                    random_below(&timing.random, TIMING_HOLD),
                                                             .entry = *entry};
    timing.changed.held++;
    return true;
}

/* Takes out what the caller shall not see now, and returns how many are left. */
static ULONG timing__sift(HANDLE port, OVERLAPPED_ENTRY *entries, ULONG count)
{
    ULONG left = 0;
    AcquireSRWLockExclusive(&timing.lock);
    for (ULONG i = 0; i < count; i++) {
        if (!timing__swallow_locked(entries[i].lpOverlapped) && !timing__hold_locked(port, &entries[i])) {
            entries[left++] = entries[i];
        }
    }
    ReleaseSRWLockExclusive(&timing.lock);
    return left;
}

/* What was held long enough; and whether there is more. */
static ULONG timing__release(HANDLE port, OVERLAPPED_ENTRY *entries, ULONG room, bool *has_more_out)
{
    ULONG count = 0;
    size_t kept = 0;
    const uint64_t now = SEAM_REAL(GetTickCount64)();
    *has_more_out = false;
    AcquireSRWLockExclusive(&timing.lock);
    for (size_t i = 0; i < timing.held_count; i++) {
        const struct timing__held held = timing.held[i];
        if (held.port == port && held.due <= now && count < room &&
            !timing__has_held_locked(held.socket, kept)) {
            entries[count++] = held.entry;
        } else {
            timing.held[kept++] = held;
            *has_more_out = *has_more_out || held.port == port;
        }
    }
    timing.held_count = kept;
    ReleaseSRWLockExclusive(&timing.lock);
    return count;
}

static BOOL WINAPI timing__dequeue(HANDLE port, LPOVERLAPPED_ENTRY entries, ULONG count, PULONG removed,
                                   DWORD timeout, BOOL alertable)
{
    const uint64_t end = SEAM_REAL(GetTickCount64)() + timeout;
    for (;;) {
        bool has_more = false;
        ULONG taken = timing__release(port, entries, count, &has_more);
        if (taken == 0) {
            const DWORD slice = has_more && timeout > 1 ? 1 : timeout;
            if (SEAM_REAL(GetQueuedCompletionStatusEx)(port, entries, count, &taken, slice, alertable)) {
                taken = timing__sift(port, entries, taken);
            } else if (GetLastError() != WAIT_TIMEOUT) {
                return FALSE;
            } else {
                taken = 0; /* is not set on a time-out */
            }
        }
        if (taken > 0) {
            *removed = taken;
            return TRUE;
        }
        if (timeout != INFINITE && SEAM_REAL(GetTickCount64)() >= end) {
            SetLastError(WAIT_TIMEOUT);
            return FALSE;
        }
    }
}

/* ---- For tests ---- */

void timing_watch(uint64_t seed, struct timing wanted)
{
    AcquireSRWLockExclusive(&timing.lock);
    timing.random.state = seed;
    timing.wanted = wanted;
    timing.held_count = 0;
    timing.swallow_count = 0;
    memset(&timing.changed, 0, sizeof timing.changed);
    ReleaseSRWLockExclusive(&timing.lock);
    seam_replace(IMPORT_WSARecv, (seam_function)timing__receive);
    seam_replace(IMPORT_WSASend, (seam_function)timing__send);
    seam_replace(IMPORT_WSARecvMsg, (seam_function)timing__receive_message);
    seam_replace(IMPORT_AcceptEx, (seam_function)timing__accept);
    seam_replace(IMPORT_GetQueuedCompletionStatusEx, (seam_function)timing__dequeue);
}

struct timing timing_changed(void)
{
    AcquireSRWLockShared(&timing.lock);
    const struct timing changed = timing.changed;
    ReleaseSRWLockShared(&timing.lock);
    return changed;
}
