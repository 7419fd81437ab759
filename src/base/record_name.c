/* SPDX-License-Identifier: MIT
   The names of rotated files, see record_name.h. */
#include "base/record_name.h"

#include <string.h>
#include <wchar.h>

/* Writes `value` with leading zeros, and returns what stands behind it. */
static WCHAR *record_name__add(WCHAR *at, unsigned value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (WCHAR)(L'0' + value % 10);
        value /= 10;
    }
    return at + digits;
}

void record_name_stamp(WCHAR *stamp, uint64_t time)
{
    const FILETIME file_time = {(DWORD)time, (DWORD)(time >> 32)};
    SYSTEMTIME utc = {0};
    (void)FileTimeToSystemTime(&file_time, &utc);
    *stamp++ = L'-';
    stamp = record_name__add(stamp, utc.wYear, 4);
    stamp = record_name__add(stamp, utc.wMonth, 2);
    stamp = record_name__add(stamp, utc.wDay, 2);
    *stamp++ = L'T';
    stamp = record_name__add(stamp, utc.wHour, 2);
    stamp = record_name__add(stamp, utc.wMinute, 2);
    stamp = record_name__add(stamp, utc.wSecond, 2);
    *stamp++ = L'.';
    stamp = record_name__add(stamp, utc.wMilliseconds, 3);
    *stamp = L'Z';
}

static WORD record_name__number(const WCHAR *at, int digits)
{
    unsigned value = 0;
    for (int i = 0; i < digits; i++) {
        value = value * 10 + (unsigned)(at[i] - L'0');
    }
    return (WORD)value;
}

/* What reads as a time is a stamp only when that time's stamp is the same. */
bool record_name_read(const WCHAR *stamp, uint64_t *time_out)
{
    const SYSTEMTIME utc = {.wYear = record_name__number(stamp + 1, 4),
                            .wMonth = record_name__number(stamp + 5, 2),
                            .wDay = record_name__number(stamp + 7, 2),
                            .wHour = record_name__number(stamp + 10, 2),
                            .wMinute = record_name__number(stamp + 12, 2),
                            .wSecond = record_name__number(stamp + 14, 2),
                            .wMilliseconds = record_name__number(stamp + 17, 3)};
    WCHAR again[RECORD_NAME_STAMP];
    FILETIME file_time;
    if (!SystemTimeToFileTime(&utc, &file_time)) {
        return false;
    }
    const uint64_t time = (uint64_t)file_time.dwHighDateTime << 32 | file_time.dwLowDateTime;
    record_name_stamp(again, time);
    if (memcmp(stamp, again, sizeof again) != 0) {
        return false;
    }
    *time_out = time;
    return true;
}

size_t record_name_stem(const WCHAR *path, size_t *folder_out)
{
    const size_t length = wcslen(path);
    size_t folder = length, stem = length;
    while (folder > 0 && path[folder - 1] != L'\\' && path[folder - 1] != L'/' && path[folder - 1] != L':') {
        folder--;
    }
    while (stem > folder && path[stem - 1] != L'.') {
        stem--;
    }
    *folder_out = folder;
    return stem > folder ? stem - 1 : length;
}
