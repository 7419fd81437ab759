/* SPDX-License-Identifier: MIT
   The names of rotated files, see record_name.h. */
#include "base/record_name.h"

#include <string.h>
#include <wchar.h>

#include "base/memory.h"
#include "base/utf16.h"

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

WCHAR *record_name_beside(const char *path, const WCHAR *ending)
{
    const size_t size = (wcslen(ending) + 1) * sizeof(WCHAR);
    size_t folder = 0;
    WCHAR *name = utf16_from(path);
    WCHAR *beside = name != NULL ? memory_alloc(wcslen(name) * sizeof(WCHAR) + size) : NULL;
    if (beside != NULL) {
        const size_t stem = record_name_stem(name, &folder);
        memcpy(beside, name, stem * sizeof(WCHAR));
        memcpy(beside + stem, ending, size);
    }
    memory_free(name);
    return beside;
}

/* Into `scratch`: the name with `stamp` (of `length`) before the extension. */
static void record_name__insert(const WCHAR *path, WCHAR *scratch, const WCHAR *stamp, size_t length)
{
    size_t folder = 0;
    const size_t stem = record_name_stem(path, &folder);
    memcpy(scratch, path, stem * sizeof(WCHAR));
    memcpy(scratch + stem, stamp, length * sizeof(WCHAR));
    wcscpy(scratch + stem + length, path + stem);
}

void record_name_compose(const WCHAR *path, WCHAR *scratch, uint64_t time)
{
    WCHAR stamp[RECORD_NAME_STAMP];
    record_name_stamp(stamp, time);
    record_name__insert(path, scratch, stamp, RECORD_NAME_STAMP);
}

struct record_names record_name_find(const WCHAR *path, WCHAR *scratch, uint64_t after)
{
    struct record_names names = {0};
    size_t folder = 0;
    const size_t stem = record_name_stem(path, &folder);
    const size_t length = wcslen(path) - folder + RECORD_NAME_STAMP;
    WIN32_FIND_DATAW found;
    record_name__insert(path, scratch, L"-*", 2);
    HANDLE search = FindFirstFileW(scratch, &found);
    for (BOOL more = search != INVALID_HANDLE_VALUE; more; more = FindNextFileW(search, &found)) {
        uint64_t time = 0;
        if (wcslen(found.cFileName) == length && record_name_read(found.cFileName + stem - folder, &time) &&
            time > after) {
            names.oldest = names.count == 0 || time < names.oldest ? time : names.oldest;
            names.newest = time > names.newest ? time : names.newest;
            names.count++;
        }
    }
    if (search != INVALID_HANDLE_VALUE) {
        FindClose(search);
    }
    return names;
}

void record_name_delete_surplus(const WCHAR *path, WCHAR *scratch, uint32_t keep)
{
    struct record_names names = record_name_find(path, scratch, 0);
    while (names.count > keep) {
        record_name_compose(path, scratch, names.oldest);
        (void)DeleteFileW(scratch);
        names = record_name_find(path, scratch, names.oldest);
    }
}
