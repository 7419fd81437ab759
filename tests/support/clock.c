/* SPDX-License-Identifier: MIT
   The virtual clock, see clock.h. */
#include "support/clock.h"

enum { CLOCK_SLICE = 10 }; /* milliseconds */

static LONG64 volatile offset;
static LONG64 volatile stopped_at; /* of the system's time; 0: it runs */
static LONG volatile seen_slot;    /* of thread local storage, and 1; 0: none yet */

static ULONGLONG clock__at(ULONGLONG real)
{
    const ULONGLONG stopped = (ULONGLONG)InterlockedCompareExchange64(&stopped_at, 0, 0);
    return (stopped != 0 ? stopped : real) + (ULONGLONG)InterlockedCompareExchange64(&offset, 0, 0);
}

/* The slot in which each thread keeps what it last read from the clock. */
static DWORD clock__slot(void)
{
    if (seen_slot == 0) {
        const DWORD slot = TlsAlloc();
        if (InterlockedCompareExchange(&seen_slot, (LONG)slot + 1, 0) != 0) {
            TlsFree(slot);
        }
    }
    return (DWORD)seen_slot - 1;
}

ULONGLONG clock_from(ULONGLONG real)
{
    const ULONGLONG now = clock__at(real);
    TlsSetValue(clock__slot(), (void *)(uintptr_t)now);
    return now;
}

uint64_t clock_now(void)
{
    return clock__at(SEAM_REAL(GetTickCount64)());
}

void clock_set(uint64_t now)
{
    clock_advance(now - clock_now());
}

void clock_advance(uint64_t milliseconds)
{
    InterlockedExchangeAdd64(&offset, (LONG64)milliseconds);
}

void clock_stop(void)
{
    InterlockedExchange64(&stopped_at, (LONG64)SEAM_REAL(GetTickCount64)());
}

void clock_go_on(void)
{
    InterlockedExchange64(&stopped_at, 0);
}

void clock_reset(void)
{
    InterlockedExchange64(&stopped_at, 0);
    TlsSetValue(clock__slot(), NULL); /* what this thread has read belongs to the test before */
    clock_set(SEAM_REAL(GetTickCount64)());
}

/* The next slice, of the system's time, of a wait that began at `started` of the virtual clock. While that stands, no
   wait comes to its end. */
static DWORD clock__slice(uint64_t started, DWORD timeout, bool *is_last_out)
{
    const uint64_t passed = clock_now() - started;
    const DWORD left = passed < timeout ? timeout - (DWORD)passed : 0;
    const bool goes_on = InterlockedCompareExchange64(&stopped_at, 0, 0) == 0;
    *is_last_out = timeout == INFINITE || left == 0 || (goes_on && left <= CLOCK_SLICE);
    return timeout == INFINITE ? INFINITE : left <= CLOCK_SLICE ? left : CLOCK_SLICE;
}

/* What the caller has read, and has reckoned its time-out from; the clock may have been moved since. */
static uint64_t clock__last_read(void)
{
    const uint64_t read = (uint64_t)(uintptr_t)TlsGetValue(clock__slot());
    return read != 0 ? read : clock_now();
}

BOOL clock_dequeue(seam_GetQueuedCompletionStatusEx real, HANDLE port, OVERLAPPED_ENTRY *entries, ULONG count,
                   ULONG *removed_out, DWORD timeout, BOOL alertable)
{
    const uint64_t started = clock__last_read();
    bool is_last = false;
    for (;;) {
        const DWORD slice = clock__slice(started, timeout, &is_last);
        if (real(port, entries, count, removed_out, slice, alertable)) {
            return TRUE;
        }
        if (is_last || GetLastError() != WAIT_TIMEOUT) {
            return FALSE;
        }
    }
}

DWORD clock_wait(seam_WaitForSingleObject real, HANDLE handle, DWORD timeout)
{
    const uint64_t started = clock_now();
    bool is_last = false;
    DWORD result = WAIT_TIMEOUT;
    while (result == WAIT_TIMEOUT && !is_last) {
        const DWORD slice = clock__slice(started, timeout, &is_last);
        result = real(handle, slice);
    }
    return result;
}

DWORD clock_wait_many(seam_WaitForMultipleObjects real, DWORD count, const HANDLE *handles, BOOL all,
                      DWORD timeout)
{
    const uint64_t started = clock__last_read();
    bool is_last = false;
    DWORD result = WAIT_TIMEOUT;
    while (result == WAIT_TIMEOUT && !is_last) {
        const DWORD slice = clock__slice(started, timeout, &is_last);
        result = real(count, handles, all, slice);
    }
    return result;
}
