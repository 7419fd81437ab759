/* SPDX-License-Identifier: MIT
   Folders for tests, see folder.h. */
#include "support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void folder__wide(const char *utf8, WCHAR wide_out[FOLDER_PATH_ROOM])
{
    assert_true(SEAM_REAL(MultiByteToWideChar)(CP_UTF8, MB_ERR_INVALID_CHARS, utf8, -1, wide_out,
                                               FOLDER_PATH_ROOM) > 0);
}

static void folder__wide_path(struct folder *folder, const char *name, WCHAR wide_out[FOLDER_PATH_ROOM])
{
    folder__wide(folder_join(folder, name), wide_out);
}

/* Process ids come again, and a test that failed leaves its folder behind: that name is not taken. */
void folder_init(struct folder *folder)
{
    static LONG volatile number;
    WCHAR temporary[MAX_PATH + 1], wide[FOLDER_PATH_ROOM];
    char utf8[3 * MAX_PATH];
    assert_true(GetTempPathW(MAX_PATH + 1, temporary) > 0);
    assert_true(SEAM_REAL(WideCharToMultiByte)(CP_UTF8, 0, temporary, -1, utf8, sizeof utf8, NULL, NULL) > 0);
    folder->count = 0;
    do {
        const int length =
            snprintf(folder->path, sizeof folder->path, "%sportlistener-%lu-%ld", utf8,
                     (unsigned long)GetCurrentProcessId(), (long)InterlockedIncrement(&number));
        assert_true(length > 0 && (size_t)length < sizeof folder->path);
        folder__wide(folder->path, wide);
        SetLastError(ERROR_SUCCESS);
    } while (!SEAM_REAL(CreateDirectoryW)(wide, NULL) && GetLastError() == ERROR_ALREADY_EXISTS);
    assert_int_equal(GetLastError(), ERROR_SUCCESS);
}

const char *folder_join(struct folder *folder, const char *name)
{
    const int length = snprintf(folder->joined, sizeof folder->joined, "%s\\%s", folder->path, name);
    assert_true(length > 0 && (size_t)length < sizeof folder->joined);
    return folder->joined;
}

static int folder__compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

size_t folder_list(struct folder *folder)
{
    WCHAR pattern[FOLDER_PATH_ROOM];
    WIN32_FIND_DATAW found;
    folder->count = 0;
    folder__wide_path(folder, "*", pattern);
    HANDLE search = SEAM_REAL(FindFirstFileW)(pattern, &found);
    for (BOOL more = search != INVALID_HANDLE_VALUE; more; more = SEAM_REAL(FindNextFileW)(search, &found)) {
        if (wcscmp(found.cFileName, L".") != 0 && wcscmp(found.cFileName, L"..") != 0) {
            assert_true(folder->count < FOLDER_NAMES);
            assert_true(SEAM_REAL(WideCharToMultiByte)(CP_UTF8, 0, found.cFileName, -1,
                                                       folder->names[folder->count], FOLDER_NAME_ROOM, NULL,
                                                       NULL) > 0);
            folder->count++;
        }
    }
    if (search != INVALID_HANDLE_VALUE) {
        SEAM_REAL(FindClose)(search);
    }
    qsort(folder->names, folder->count, FOLDER_NAME_ROOM, folder__compare);
    return folder->count;
}

HANDLE folder_open(struct folder *folder, const char *name, DWORD access, DWORD share)
{
    WCHAR wide[FOLDER_PATH_ROOM];
    folder__wide_path(folder, name, wide);
    return SEAM_REAL(CreateFileW)(wide, access, share, NULL, OPEN_EXISTING, 0, NULL);
}

void folder_close(HANDLE handle)
{
    assert_true(SEAM_REAL(CloseHandle)(handle));
}

char *folder_read(struct folder *folder, const char *name, size_t *length_out)
{
    HANDLE handle =
        folder_open(folder, name, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE);
    LARGE_INTEGER size = {0};
    DWORD read = 0;
    assert_ptr_not_equal(handle, INVALID_HANDLE_VALUE);
    assert_true(SEAM_REAL(GetFileSizeEx)(handle, &size));
    char *bytes = malloc((size_t)size.QuadPart + 1);
    assert_non_null(bytes);
    assert_true(SEAM_REAL(ReadFile)(handle, bytes, (DWORD)size.QuadPart, &read, NULL));
    assert_int_equal(read, size.QuadPart);
    bytes[read] = '\0';
    *length_out = read;
    folder_close(handle);
    return bytes;
}

void folder_write(struct folder *folder, const char *name, const char *at, size_t length)
{
    WCHAR wide[FOLDER_PATH_ROOM];
    DWORD written = 0;
    folder__wide_path(folder, name, wide);
    HANDLE handle = SEAM_REAL(CreateFileW)(wide, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    assert_ptr_not_equal(handle, INVALID_HANDLE_VALUE);
    assert_true(SEAM_REAL(WriteFile)(handle, at, (DWORD)length, &written, NULL));
    assert_int_equal(written, length);
    folder_close(handle);
}

bool folder_delete(struct folder *folder, const char *name)
{
    WCHAR wide[FOLDER_PATH_ROOM];
    folder__wide_path(folder, name, wide);
    return SEAM_REAL(DeleteFileW)(wide) || SEAM_REAL(RemoveDirectoryW)(wide);
}

bool folder_rename(struct folder *folder, const char *from, const char *to)
{
    WCHAR wide_from[FOLDER_PATH_ROOM], wide_to[FOLDER_PATH_ROOM];
    folder__wide_path(folder, from, wide_from);
    folder__wide_path(folder, to, wide_to);
    return SEAM_REAL(MoveFileExW)(wide_from, wide_to, 0);
}

/* Two levels are enough for folders that production code makes. */
void folder_fini(struct folder *folder)
{
    struct folder inner;
    WCHAR wide[FOLDER_PATH_ROOM];
    for (size_t i = folder_list(folder); i > 0; i--) {
        const char *name = folder->names[i - 1];
        if (!folder_delete(folder, name)) {
            snprintf(inner.path, sizeof inner.path, "%s", folder_join(folder, name));
            folder_fini(&inner);
        }
    }
    folder__wide(folder->path, wide);
    assert_true(SEAM_REAL(RemoveDirectoryW)(wide));
}
