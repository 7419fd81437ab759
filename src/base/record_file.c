/* SPDX-License-Identifier: MIT
   Rotating files, see record_file.h. */
#include "base/record_file.h"

#include <string.h>

#include "base/file_holder.h"
#include "base/log_time.h"
#include "base/memory.h"
#include "base/record_name.h"
#include "base/utf16.h"
#include "base/win.h"

enum { RECORD_FILE_ROTATE_RETRY = 1000 }; /* milliseconds */

struct record_file {
    char *name;     /* the path, for messages */
    WCHAR *path;    /* changed for moments while folders are made */
    WCHAR *scratch; /* the path of a rotated file, or the pattern of them all */
    size_t folder;  /* characters of the path that belong to the folder */
    uint64_t rotate_size;
    uint64_t rotate_interval;
    uint32_t keep;
    HANDLE handle;           /* INVALID_HANDLE_VALUE: not open */
    uint64_t size;           /* where the next record goes */
    uint64_t began;          /* FILETIME of the first record */
    uint64_t rotation_again; /* tick before which a rotation that failed is not tried again */
    bool is_rotation_wanted; /* whatever the size and age */
    bool is_delayed;         /* the last try to rotate failed */
    bool has_news;           /* `rotation` is to be told */
    bool is_holder_told;     /* since it was open the last time */
    struct rotation rotation;
};

struct record_file *record_file_create(const struct record_file_options *options)
{
    struct record_file *file = memory_alloc(sizeof *file);
    if (file == NULL) {
        return NULL;
    }
    *file = (struct record_file){.name = memory_copy_text(options->path, strlen(options->path)),
                                 .path = utf16_from(options->path),
                                 .rotate_size = options->rotate_size,
                                 .rotate_interval = options->rotate_interval,
                                 .keep = options->keep,
                                 .handle = INVALID_HANDLE_VALUE};
    if (file->path != NULL) {
        file->scratch = memory_alloc((wcslen(file->path) + RECORD_NAME_STAMP + 1) * sizeof(WCHAR));
        (void)record_name_stem(file->path, &file->folder);
    }
    if (file->name == NULL || file->scratch == NULL) {
        record_file_destroy(file);
        return NULL;
    }
    return file;
}

static void record_file__close(struct record_file *file)
{
    if (file->handle != INVALID_HANDLE_VALUE) {
        CloseHandle(file->handle);
        file->handle = INVALID_HANDLE_VALUE;
    }
}

void record_file_destroy(struct record_file *file)
{
    if (file == NULL) {
        return;
    }
    record_file__close(file);
    memory_free(file->scratch);
    memory_free(file->path);
    memory_free(file->name);
    memory_free(file);
}

static const char *record_file__remedy(DWORD error)
{
    switch (error) {
    case ERROR_ACCESS_DENIED:
    case ERROR_WRITE_PROTECT:
        return "; the account of this process needs the right to write there, and the file must not be "
               "read-only";
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
        return "; make room on that disk";
    default:
        return "";
    }
}

/* Who it is, is asked once, not with each new try. */
static void record_file__add_holder(struct record_file *file, struct text *text)
{
    text_add_string(text, "; ");
    if (file->is_holder_told || !file_holder_add(text, file->path)) {
        text_add_string(text, "another process");
    }
    file->is_holder_told = true;
    text_add_string(text, file->handle != INVALID_HANDLE_VALUE
                              ? " has it open and lets nobody rename it: close it there"
                              : " writes it, or reads it and lets nobody write: stop that one, or name "
                                "another file here");
}

/* Returns false, for the caller to pass on. */
static bool record_file__fail(struct record_file *file, const char *what, DWORD error,
                              struct failure *failure_out)
{
    struct text text;
    failure_out->code = error == ERROR_ACCESS_DENIED ? EXIT_CODE_ACCESS_DENIED : EXIT_CODE_FAILED;
    failure_out->win32_error = error;
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_format(&text, "%s cannot be %s: ", file->name, what);
    utf16_add_error(&text, error);
    if (error == ERROR_SHARING_VIOLATION) {
        record_file__add_holder(file, &text);
    }
    text_add_string(&text, record_file__remedy(error));
    return false;
}

/* The file begins now. Where the time cannot be set it is the file system's own, and wrong only for a file
   that is young. */
static void record_file__begin(struct record_file *file)
{
    file->began = log_time_ticks();
    const FILETIME began = {(DWORD)file->began, (DWORD)(file->began >> 32)};
    (void)SetFileTime(file->handle, &began, NULL, NULL);
}

/* Writes behind the last record. A part that arrived is taken back, so that nobody sees half a record; when
   even that fails the handle is of no use any more, and the part becomes a torn line for the next open. */
static bool record_file__write(struct record_file *file, const void *at, uint32_t length, DWORD *error_out)
{
    OVERLAPPED place = {.Offset = (DWORD)file->size, .OffsetHigh = (DWORD)(file->size >> 32)};
    DWORD written = 0;
    const BOOL is_done = WriteFile(file->handle, at, length, &written, &place);
    if (is_done && written == length) {
        file->size += length;
        return true;
    }
    *error_out = is_done ? ERROR_DISK_FULL : GetLastError();
    FILE_END_OF_FILE_INFO end = {.EndOfFile.QuadPart = (LONGLONG)file->size};
    if (!SetFileInformationByHandle(file->handle, FileEndOfFileInfo, &end, sizeof end)) {
        record_file__close(file);
    }
    return false;
}

/* Ends the last line where a crash or a failed write left it torn. */
static bool record_file__end_torn_line(struct record_file *file, DWORD *error_out)
{
    OVERLAPPED last = {.Offset = (DWORD)(file->size - 1), .OffsetHigh = (DWORD)((file->size - 1) >> 32)};
    char byte = 0;
    DWORD read = 0;
    if (!ReadFile(file->handle, &byte, 1, &read, &last)) {
        *error_out = GetLastError();
        return false;
    }
    return byte == '\n' || record_file__write(file, "\n", 1, error_out);
}

/* What the opened file holds already. */
static bool record_file__resume(struct record_file *file, DWORD *error_out)
{
    LARGE_INTEGER size;
    FILETIME created;
    if (!GetFileSizeEx(file->handle, &size) || !GetFileTime(file->handle, &created, NULL, NULL)) {
        *error_out = GetLastError();
        return false;
    }
    file->size = (uint64_t)size.QuadPart;
    file->began = (uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime;
    return file->size == 0 || record_file__end_torn_line(file, error_out);
}

static HANDLE record_file__create_file(const struct record_file *file)
{
    return CreateFileW(file->path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                       OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
}

/* Makes each folder of the path that is missing; whether it helped is seen when the file is opened. */
static void record_file__make_folders(struct record_file *file)
{
    for (size_t i = 0; i < file->folder; i++) {
        const WCHAR separator = file->path[i];
        if (i > 0 && (separator == L'\\' || separator == L'/')) {
            file->path[i] = L'\0';
            (void)CreateDirectoryW(file->path, NULL);
            file->path[i] = separator;
        }
    }
}

static bool record_file__open(struct record_file *file, struct failure *failure_out)
{
    DWORD error = 0;
    file->handle = record_file__create_file(file);
    if (file->handle == INVALID_HANDLE_VALUE && GetLastError() == ERROR_PATH_NOT_FOUND) {
        record_file__make_folders(file);
        file->handle = record_file__create_file(file);
    }
    if (file->handle == INVALID_HANDLE_VALUE) {
        return record_file__fail(file, "opened", GetLastError(), failure_out);
    }
    if (GetFileType(file->handle) != FILE_TYPE_DISK) { /* such as NUL, which is a device in every folder */
        record_file__close(file);
        return record_file__fail(file, "opened: it is no file on a disk", ERROR_BAD_DEVICE, failure_out);
    }
    if (!record_file__resume(file, &error)) {
        record_file__close(file);
        return record_file__fail(file, "opened", error, failure_out);
    }
    file->is_holder_told = false;
    return true;
}

bool record_file_open(struct record_file *file, struct failure *failure_out)
{
    if (file->handle != INVALID_HANDLE_VALUE) {
        return true;
    }
    if (!record_file__open(file, failure_out)) {
        return false;
    }
    record_name_delete_surplus(file->path, file->scratch, file->keep);
    return true;
}

/* ---- Rotation ---- */

static bool record_file__is_due(struct record_file *file, uint32_t length)
{
    if (file->size == 0) {
        file->is_rotation_wanted = false; /* what it was wanted for is elsewhere */
        return false;
    }
    const uint64_t now = log_time_ticks();
    if (now < file->began) { /* the clock was put back: the age counts from here */
        file->began = now;
    }
    return file->is_rotation_wanted || (file->rotate_size != 0 && file->size + length > file->rotate_size) ||
           (file->rotate_interval != 0 &&
            now - file->began >= file->rotate_interval * RECORD_NAME_MILLISECOND);
}

/* A stamp younger than all there are, whatever the clock says: the names tell the order. */
static void record_file__compose_next(struct record_file *file)
{
    const uint64_t newest = record_name_find(file->path, file->scratch, 0).newest;
    const uint64_t now = log_time_ticks();
    record_name_compose(file->path, file->scratch,
                        now > newest + RECORD_NAME_MILLISECOND ? now : newest + RECORD_NAME_MILLISECOND);
}

/* The handle stays good under the new name, so whatever fails, records go on somewhere. A missing file was
   moved away by somebody else, or by a rotation that could not go on behind this point. `text` says which, for
   the case that all goes well. */
static bool record_file__rename(struct record_file *file, struct text *text, struct failure *failure_out)
{
    record_file__compose_next(file);
    if (MoveFileExW(file->path, file->scratch, 0)) {
        text_add_format(text, "%s was rotated: what was in it is ", file->name);
        if (file->keep > 0) {
            text_add_string(text, "now ");
            utf16_add(text, file->scratch);
        } else {
            text_add_string(text, "deleted, since no rotated files are to be kept");
        }
        return true;
    }
    text_add_format(text, "%s has been begun anew; what was in it is where it had been moved to", file->name);
    return GetLastError() == ERROR_FILE_NOT_FOUND ||
           record_file__fail(file, "renamed", GetLastError(), failure_out);
}

static bool record_file__begin_next(struct record_file *file, struct text *text, struct failure *failure_out)
{
    const HANDLE handle = file->handle;
    const uint64_t size = file->size, began = file->began;
    if (!record_file__rename(file, text, failure_out)) {
        return false;
    }
    file->handle = INVALID_HANDLE_VALUE;
    if (!record_file__open(file, failure_out)) {
        file->handle = handle;
        file->size = size;
        file->began = began;
        return false;
    }
    CloseHandle(handle);
    record_name_delete_surplus(file->path, file->scratch, file->keep);
    return true;
}

/* Tries it, and notes in file->rotation what came of it. */
static void record_file__rotate(struct record_file *file)
{
    struct rotation *rotation = &file->rotation;
    struct failure failure;
    struct text text;
    text_init(&text, rotation->text, sizeof rotation->text);
    const bool is_done = record_file__begin_next(file, &text, &failure);
    if (!is_done) {
        text_clear(&text);
        text_add_format(&text, "%s; until it can be rotated, it is written on", failure.text);
        file->rotation_again = GetTickCount64() + RECORD_FILE_ROTATE_RETRY;
    }
    rotation->state = is_done ? ROTATION_DONE : ROTATION_DELAYED;
    file->has_news = file->is_delayed == is_done;
    file->is_delayed = !is_done;
    file->is_rotation_wanted = !is_done;
}

static void record_file__rotate_when_due(struct record_file *file, uint32_t length)
{
    if (record_file__is_due(file, length) && GetTickCount64() >= file->rotation_again) {
        record_file__rotate(file);
    }
}

void record_file_rotate(struct record_file *file, struct rotation *rotation_out)
{
    struct failure failure;
    file->is_holder_told = false;
    if (!record_file_open(file, &failure)) {
        file->is_rotation_wanted = true;
        rotation_tell(rotation_out, ROTATION_DELAYED, failure.text, "; it is rotated when it can be");
    } else if (file->size == 0) {
        rotation_tell(rotation_out, ROTATION_NEEDLESS, file->name,
                      " is empty, so there is nothing to rotate");
    } else {
        record_file__rotate(file);
        file->has_news = false;
        *rotation_out = file->rotation;
    }
}

const struct rotation *record_file_take_news(struct record_file *file)
{
    const bool has_news = file->has_news;
    file->has_news = false;
    return has_news ? &file->rotation : NULL;
}

void record_file_reconfigure(struct record_file *file, const struct record_file_options *options)
{
    const bool is_less_kept = options->keep < file->keep;
    file->rotate_size = options->rotate_size;
    file->rotate_interval = options->rotate_interval;
    file->keep = options->keep;
    if (is_less_kept && file->handle != INVALID_HANDLE_VALUE) {
        record_name_delete_surplus(file->path, file->scratch, file->keep);
    }
}

/* ---- Appending ---- */

static bool record_file__is_deleted(const struct record_file *file)
{
    FILE_STANDARD_INFO info;
    return GetFileInformationByHandleEx(file->handle, FileStandardInfo, &info, sizeof info) &&
           (info.DeletePending || info.NumberOfLinks == 0);
}

static bool record_file__append(struct record_file *file, const void *at, uint32_t length,
                                struct failure *failure_out)
{
    DWORD error = 0;
    if (!record_file_open(file, failure_out)) {
        return false;
    }
    if (file->size == 0) {
        record_file__begin(file);
    }
    return record_file__write(file, at, length, &error) ||
           record_file__fail(file, "written", error, failure_out);
}

bool record_file_append(struct record_file *file, const void *at, uint32_t length,
                        struct failure *failure_out)
{
    if (!record_file_open(file, failure_out)) {
        return false;
    }
    record_file__rotate_when_due(file, length);
    if (!record_file__append(file, at, length, failure_out)) {
        return false;
    }
    if (!record_file__is_deleted(file)) {
        return true;
    }
    /* Somebody deleted the file, and these records are gone with it: they begin a new one. */
    record_file__close(file);
    return record_file__append(file, at, length, failure_out);
}
