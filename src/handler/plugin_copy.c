/* SPDX-License-Identifier: MIT
   The copy of a plugin's file, see plugin_copy.h. */
#include "handler/plugin_copy.h"

#include <string.h>
#include <wchar.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/utf16.h"

enum { PLUGIN_COPY_NUMBER_MAX = 1000 };

/* FOLDER\NAME as Windows takes it; NULL: no memory. */
static WCHAR *plugin_copy__path(const char *folder, const char *name)
{
    return utf16_make("%s\\%s", folder, name);
}

static bool plugin_copy__refuse(const struct plugin_copy *copy, const struct plugin_file *file,
                                const char *what, DWORD error, struct failure *failure_out)
{
    char room[600];
    struct text text;
    text_init(&text, room, sizeof room);
    text_add_string(&text, "its copy ");
    if (copy->path != NULL) {
        utf16_add(&text, copy->path);
    }
    text_add_format(&text, " cannot be %s", what);
    return plugin_file_refuse(file, room, error,
                              error == ERROR_ACCESS_DENIED
                                  ? "the account of this process needs the right to write in that folder"
                              : error == ERROR_DISK_FULL ? "make room on that disk"
                                                         : NULL,
                              failure_out);
}

/* Nobody else can delete it from here on. */
static HANDLE plugin_copy__create_file(const WCHAR *path)
{
    return CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
}

/* A file with the first number that nobody has. One that is being deleted gives ERROR_ACCESS_DENIED. */
static HANDLE plugin_copy__create_numbered(struct plugin_copy *copy, const char *folder,
                                           const struct plugin_file *file, DWORD *error_out)
{
    char name[PLUGIN_FILE_NAME_MAX + 20];
    struct text text;
    text_init(&text, name, sizeof name);
    *error_out = ERROR_FILE_EXISTS;
    for (unsigned number = 1; number <= PLUGIN_COPY_NUMBER_MAX; number++) {
        memory_free(copy->path);
        text_clear(&text);
        text_add_format(&text, "%s-%u.dll", file->name, number);
        copy->path = plugin_copy__path(folder, name);
        if (copy->path == NULL) {
            *error_out = ERROR_NOT_ENOUGH_MEMORY;
            break;
        }
        const HANDLE handle = plugin_copy__create_file(copy->path);
        if (handle != INVALID_HANDLE_VALUE) {
            return handle;
        }
        *error_out = GetLastError();
        if (*error_out != ERROR_FILE_EXISTS && *error_out != ERROR_ACCESS_DENIED) {
            break;
        }
    }
    return INVALID_HANDLE_VALUE;
}

static void plugin_copy__make_folder(const char *folder)
{
    WCHAR *path = utf16_from(folder);
    if (path != NULL) {
        (void)CreateDirectoryW(path, NULL); /* whether it is there now, the next try will show */
        memory_free(path);
    }
}

static bool plugin_copy__write(struct plugin_copy *copy, HANDLE writer, const struct plugin_file *file,
                               struct failure *failure_out)
{
    DWORD written = 0;
    if (!WriteFile(writer, file->bytes, file->size, &written, NULL)) {
        return plugin_copy__refuse(copy, file, "written", GetLastError(), failure_out);
    }
    if (written != file->size) {
        return plugin_copy__refuse(copy, file, "written", ERROR_DISK_FULL, failure_out);
    }
    /* opened before the other one is closed, so that the file is nobody's at no time */
    copy->handle = CreateFileW(copy->path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                               OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (copy->handle == INVALID_HANDLE_VALUE) {
        return plugin_copy__refuse(copy, file, "opened", GetLastError(), failure_out);
    }
    copy->size = file->size;
    return true;
}

bool plugin_copy_create(struct plugin_copy *copy_out, const char *folder, const struct plugin_file *file,
                        struct failure *failure_out)
{
    DWORD error = 0;
    *copy_out = (struct plugin_copy){.handle = INVALID_HANDLE_VALUE};
    HANDLE writer = plugin_copy__create_numbered(copy_out, folder, file, &error);
    if (writer == INVALID_HANDLE_VALUE && error == ERROR_PATH_NOT_FOUND) {
        plugin_copy__make_folder(folder);
        writer = plugin_copy__create_numbered(copy_out, folder, file, &error);
    }
    if (writer == INVALID_HANDLE_VALUE) {
        plugin_copy__refuse(copy_out, file, "made", error, failure_out);
        plugin_copy_keep(copy_out);
        return false;
    }
    const bool is_written = plugin_copy__write(copy_out, writer, file, failure_out);
    CloseHandle(writer);
    if (!is_written) {
        plugin_copy_destroy(copy_out);
    }
    return is_written;
}

void plugin_copy_keep(struct plugin_copy *copy)
{
    if (copy->handle != INVALID_HANDLE_VALUE) {
        CloseHandle(copy->handle);
    }
    memory_free(copy->path);
    *copy = (struct plugin_copy){.handle = INVALID_HANDLE_VALUE};
}

void plugin_copy_destroy(struct plugin_copy *copy)
{
    WCHAR *path = copy->path;
    copy->path = NULL;
    plugin_copy_keep(copy);
    (void)DeleteFileW(path);
    memory_free(path);
}

bool plugin_copy_is(const struct plugin_copy *copy, const struct plugin_file *file)
{
    OVERLAPPED start = {0};
    DWORD read = 0;
    uint8_t *bytes = copy->size == file->size ? memory_alloc((size_t)copy->size + 1) : NULL;
    const bool is_same = bytes != NULL && ReadFile(copy->handle, bytes, copy->size, &read, &start) &&
                         read == file->size && memcmp(bytes, file->bytes, read) == 0;
    memory_free(bytes);
    return is_same;
}

/* Whether it is named as copies are; the folder may have been set to one with other files. */
static bool plugin_copy__is_name(const WCHAR *name)
{
    const size_t stem = wcsspn(name, L"abcdefghijklmnopqrstuvwxyz0123456789_-");
    size_t digits = 0;
    while (digits < stem && name[stem - digits - 1] >= L'0' && name[stem - digits - 1] <= L'9') {
        digits++;
    }
    return digits > 0 && stem > digits + 1 && name[stem - digits - 1] == L'-' &&
           wcscmp(name + stem, L".dll") == 0;
}

static void plugin_copy__delete(const char *folder, const WCHAR *name)
{
    char *utf8 = utf16_to_utf8(name);
    WCHAR *path = utf8 != NULL ? plugin_copy__path(folder, utf8) : NULL;
    if (path != NULL) {
        (void)DeleteFileW(path); /* refused where a process has it */
    }
    memory_free(path);
    memory_free(utf8);
}

void plugin_copy_clear(const char *folder)
{
    WIN32_FIND_DATAW found;
    WCHAR *pattern = plugin_copy__path(folder, "*-*.dll");
    const HANDLE search = pattern != NULL ? FindFirstFileW(pattern, &found) : INVALID_HANDLE_VALUE;
    for (BOOL more = search != INVALID_HANDLE_VALUE; more; more = FindNextFileW(search, &found)) {
        if (plugin_copy__is_name(found.cFileName)) {
            plugin_copy__delete(folder, found.cFileName);
        }
    }
    if (search != INVALID_HANDLE_VALUE) {
        FindClose(search);
    }
    memory_free(pattern);
}
