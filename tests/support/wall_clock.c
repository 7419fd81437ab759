/* SPDX-License-Identifier: MIT
   The wall clock, see wall_clock.h. The import returns nothing, so it has no row in imports.def. */
#include "support/wall_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

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

static WORD wall_clock__number(const char *at, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        assert_in_range(at[i], '0', '9');
        value = value * 10 + (at[i] - '0');
    }
    return (WORD)value;
}

void wall_clock_set(const char *time)
{
    FILETIME file_time;
    assert_int_equal(strlen(time), 23);
    const SYSTEMTIME utc = {.wYear = wall_clock__number(time, 4),
                            .wMonth = wall_clock__number(time + 5, 2),
                            .wDay = wall_clock__number(time + 8, 2),
                            .wHour = wall_clock__number(time + 11, 2),
                            .wMinute = wall_clock__number(time + 14, 2),
                            .wSecond = wall_clock__number(time + 17, 2),
                            .wMilliseconds = wall_clock__number(time + 20, 3)};
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
