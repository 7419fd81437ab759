/* SPDX-License-Identifier: MIT
   The wall clock, see wall_clock.h. The import returns nothing, so it has no row in imports.def. */
#include "support/wall_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/win.h"

#include <cmocka.h>

typedef VOID(WINAPI *wall_clock_function)(LPFILETIME time);

static LONG64 volatile standing; /* 0: the clock goes */

static VOID WINAPI wall_clock__tell(LPFILETIME time)
{
    const uint64_t now = wall_clock_now();
    *time = (FILETIME){(DWORD)now, (DWORD)(now >> 32)};
}

extern wall_clock_function __imp_GetSystemTimePreciseAsFileTime;
wall_clock_function __imp_GetSystemTimePreciseAsFileTime = wall_clock__tell;

/* Only the test's thread sets it. */
static void wall_clock__stand(LONG64 time)
{
    InterlockedExchangeAdd64(&standing, time - InterlockedCompareExchange64(&standing, 0, 0));
}

void wall_clock_set(const char *time)
{
    SYSTEMTIME utc = {0};
    FILETIME file_time;
    assert_int_equal(sscanf(time, "%4hu-%2hu-%2huT%2hu:%2hu:%2hu.%3hu", &utc.wYear, &utc.wMonth, &utc.wDay,
                            &utc.wHour, &utc.wMinute, &utc.wSecond, &utc.wMilliseconds),
                     7);
    assert_true(SystemTimeToFileTime(&utc, &file_time));
    wall_clock__stand((LONG64)((uint64_t)file_time.dwHighDateTime << 32 | file_time.dwLowDateTime));
}

void wall_clock_move(int64_t milliseconds)
{
    assert_int_not_equal(InterlockedExchangeAdd64(&standing, milliseconds * 10000), 0);
}

uint64_t wall_clock_now(void)
{
    const uint64_t now = (uint64_t)InterlockedCompareExchange64(&standing, 0, 0);
    FILETIME time;
    GetSystemTimeAsFileTime(&time);
    return now != 0 ? now : (uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
}

void wall_clock_reset(void)
{
    wall_clock__stand(0);
}
