/* SPDX-License-Identifier: MIT
   The virtual clock, see clock.h. */
#include "support/clock.h"

enum { CLOCK_SLICE = 10 }; /* milliseconds */

static LONG64 volatile offset;

ULONGLONG clock_from(ULONGLONG real)
{
    return real + (ULONGLONG)InterlockedCompareExchange64(&offset, 0, 0);
}

uint64_t clock_now(void)
{
    return clock_from(SEAM_REAL(GetTickCount64)());
}

void clock_set(uint64_t now)
{
    clock_advance(now - clock_now());
}

void clock_advance(uint64_t milliseconds)
{
    InterlockedExchangeAdd64(&offset, (LONG64)milliseconds);
}

void clock_reset(void)
{
    clock_set(SEAM_REAL(GetTickCount64)());
}

BOOL clock_dequeue(seam_GetQueuedCompletionStatusEx real, HANDLE port, OVERLAPPED_ENTRY *entries, ULONG count,
                   ULONG *removed_out, DWORD timeout, BOOL alertable)
{
    const uint64_t started = clock_now();
    for (;;) {
        const uint64_t passed = clock_now() - started;
        const DWORD left = passed < timeout ? timeout - (DWORD)passed : 0;
        const BOOL is_sliced = timeout != INFINITE && left > CLOCK_SLICE;
        const DWORD wait = timeout == INFINITE ? INFINITE : is_sliced ? CLOCK_SLICE : left;
        if (real(port, entries, count, removed_out, wait, alertable)) {
            return TRUE;
        }
        if (!is_sliced || GetLastError() != WAIT_TIMEOUT) {
            return FALSE;
        }
    }
}
