/* SPDX-License-Identifier: MIT
   Reading a file as a whole, see whole_file.h. The system's part begins and ends like memory.c's: each has its half. */
#include "base/whole_file.h"

#include "base/memory.h"

enum { WHOLE_FILE_FIRST_ROOM = 64 * 1024 /* bytes */ };

/* Room for more. */
static bool whole_file__grow(struct whole_file *file, size_t *room)
{
    const size_t wanted = *room > 0 ? *room * 2 : WHOLE_FILE_FIRST_ROOM;
    char *grown = memory_resize(file->at, wanted);
    if (grown != NULL) {
        file->at = grown;
        *room = wanted;
    }
    return grown != NULL;
}

void whole_file_free(struct whole_file *file)
{
    memory_free(file->at);
    *file = (struct whole_file){.at = NULL};
}

#ifdef _WIN32

#include "base/utf16.h"
#include "base/win.h"

static DWORD whole_file__read_all(HANDLE handle, size_t most, struct whole_file *file)
{
    size_t room = 0;
    DWORD done = 1;
    while (done > 0 && file->length <= most) {
        if (file->length == room && !whole_file__grow(file, &room)) {
            return ERROR_NOT_ENOUGH_MEMORY;
        }
        if (!ReadFile(handle, file->at + file->length, (DWORD)(room - file->length), &done, NULL)) {
            return GetLastError();
        }
        file->length += done;
    }
    return ERROR_SUCCESS;
}

static DWORD whole_file__read(const WCHAR *path, size_t most, struct whole_file *file)
{
    HANDLE handle = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                                FILE_ATTRIBUTE_NORMAL, NULL);
    if (handle == INVALID_HANDLE_VALUE) {
        return GetLastError();
    }
    const DWORD error = whole_file__read_all(handle, most, file);
    CloseHandle(handle);
    return error;
}

static const char *whole_file__remedy(DWORD error, const WCHAR *path)
{
    const DWORD attributes = GetFileAttributesW(path);
    if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
        return "it is a folder; give the path of the file in it";
    }
    switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return "correct the path, or create the file";
    case ERROR_ACCESS_DENIED:
        return "run elevated, or give this account the right to read the file";
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
        return "another program is writing to it; close it there and try again";
    default:
        return "see to it that the file can be read";
    }
}

static void whole_file__fail(struct text *problem, DWORD error, const WCHAR *path)
{
    struct text reason;
    text_init_heap(&reason);
    utf16_add_error(&reason, error);
    if (!reason.is_cut) {
        text_add_format(problem, "the file cannot be read, %s; %s", reason.at,
                        whole_file__remedy(error, path));
    }
    text_fini(&reason);
}

bool whole_file_read(const char *path, size_t most, struct whole_file *file_out, struct text *problem)
{
    *file_out = (struct whole_file){.at = NULL};
    WCHAR *wide = utf16_from(path);
    const DWORD error = wide != NULL ? whole_file__read(wide, most, file_out) : ERROR_NOT_ENOUGH_MEMORY;
    file_out->is_missing = error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
    if (error != ERROR_SUCCESS && error != ERROR_NOT_ENOUGH_MEMORY) {
        whole_file__fail(problem, error, wide);
    }
    memory_free(wide);
    return error == ERROR_SUCCESS;
}

#else

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int whole_file__read_all(FILE *stream, size_t most, struct whole_file *file)
{
    size_t room = 0, done = 1;
    while (done > 0 && file->length <= most) {
        if (file->length == room && !whole_file__grow(file, &room)) {
            return ENOMEM;
        }
        done = fread(file->at + file->length, 1, room - file->length, stream);
        file->length += done;
    }
    return ferror(stream) ? EIO : 0;
}

bool whole_file_read(const char *path, size_t most, struct whole_file *file_out, struct text *problem)
{
    *file_out = (struct whole_file){.at = NULL};
    FILE *stream = fopen(path, "rb");
    const int error = stream != NULL ? whole_file__read_all(stream, most, file_out) : errno;
    file_out->is_missing = error == ENOENT;
    if (error != 0 && error != ENOMEM) {
        text_add_format(problem, "the file cannot be read, %s; correct the path, or create the file",
                        strerror(error));
    }
    if (stream != NULL) {
        (void)fclose(stream);
    }
    return error == 0;
}

#endif
