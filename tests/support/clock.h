/* SPDX-License-Identifier: MIT
   The virtual clock: GetTickCount64 as production code sees it. It goes on by itself and can be moved;
   time-outs of GetQueuedCompletionStatusEx, WaitForSingleObject and WaitForMultipleObjects follow within some
   milliseconds. Any thread; but only one thread at a time moves it. */
#ifndef PORTLISTENER_TESTS_SUPPORT_CLOCK_H
#define PORTLISTENER_TESTS_SUPPORT_CLOCK_H

#include <stdint.h>

#include "support/seam.h"

/* clock_now: milliseconds of the virtual clock. */
uint64_t clock_now(void);

void clock_set(uint64_t now);
void clock_advance(uint64_t milliseconds);

/* clock_stop: from now on it stands still but for clock_set and clock_advance, until clock_reset or clock_go_on.
   clock_go_on: it makes up for the time that it stood. */
void clock_stop(void);
void clock_go_on(void);

/* clock_reset: back to the system's own time. */
void clock_reset(void);

/* The rest is for imports.def.

   clock_from: the virtual time when the system's is `real`. */
ULONGLONG clock_from(ULONGLONG real);

/* clock_dequeue, clock_wait: wait in slices, so that the time-out is one of the virtual clock. That of dequeue and
   wait_many, which are for loops, counts from the time that the thread has read last. */
BOOL clock_dequeue(seam_GetQueuedCompletionStatusEx real, HANDLE port, OVERLAPPED_ENTRY *entries, ULONG count,
                   ULONG *removed_out, DWORD timeout, BOOL alertable);
DWORD clock_wait(seam_WaitForSingleObject real, HANDLE handle, DWORD timeout);
DWORD clock_wait_many(seam_WaitForMultipleObjects real, DWORD count, const HANDLE *handles, BOOL all,
                      DWORD timeout);

#endif
