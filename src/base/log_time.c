/* SPDX-License-Identifier: MIT
   The time stamps of logs, see log_time.h. */
#include "base/log_time.h"

#include "base/win.h"

static LONGLONG log_time__number(const SYSTEMTIME *time)
{
    FILETIME file_time = {0};
    (void)SystemTimeToFileTime(time, &file_time);
    return (LONGLONG)((ULONGLONG)file_time.dwHighDateTime << 32 | file_time.dwLowDateTime);
}

/* "+02:00", as it is at that instant. */
static void log_time__add_offset(struct text *text, const SYSTEMTIME *local, const SYSTEMTIME *utc)
{
    const LONGLONG minutes = (log_time__number(local) - log_time__number(utc)) / 600000000;
    const LONGLONG distance = minutes < 0 ? -minutes : minutes;
    text_add_format(text, "%c%02d:%02d", minutes < 0 ? '-' : '+', (int)(distance / 60), (int)(distance % 60));
}

void log_time_add(struct text *text, bool is_local)
{
    FILETIME now;
    SYSTEMTIME utc = {0}, local;
    GetSystemTimePreciseAsFileTime(&now);
    (void)FileTimeToSystemTime(&now, &utc);
    is_local = is_local && SystemTimeToTzSpecificLocalTime(NULL, &utc, &local);
    const SYSTEMTIME *shown = is_local ? &local : &utc;
    text_add_format(text, "%04u-%02u-%02uT%02u:%02u:%02u.%03u", shown->wYear, shown->wMonth, shown->wDay,
                    shown->wHour, shown->wMinute, shown->wSecond, shown->wMilliseconds);
    if (is_local) {
        log_time__add_offset(text, &local, &utc);
    } else {
        text_add_string(text, "Z");
    }
}

uint64_t log_time_ticks(void)
{
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    return (uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime;
}

int64_t log_time_now(void)
{
    return (int64_t)(log_time_ticks() / 10000000) - INT64_C(11644473600); /* from 1601 to 1970 */
}
