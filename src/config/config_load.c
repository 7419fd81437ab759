/* SPDX-License-Identifier: MIT
   The configuration from a file: the Win32 edge of config.h. */
#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "base/win.h"
#include "config/config.h"
#include "config/config_file.h"
#include "config/config_problems.h"

enum {
    CONFIG_LOAD_ROOT = 3,               /* of the shortest root, "C:\\" */
    CONFIG_LOAD_FIRST_ROOM = 64 * 1024, /* bytes */
    CONFIG_LOAD_WIDE_ROOM = 32768       /* of the longest path or variable, its NUL included */
};

/* A file in memory. */
struct snapshot {
    char *at;
    size_t length;
    size_t room;
};

static bool config_load__variable(const char *name, struct text *value)
{
    WCHAR *wide_name = utf16_from(name);
    WCHAR *wide_value = memory_alloc(CONFIG_LOAD_WIDE_ROOM * sizeof *wide_value);
    bool is_found = true;
    if (wide_name == NULL || wide_value == NULL) {
        value->is_cut = true;
    } else {
        SetLastError(ERROR_SUCCESS); /* an empty value gives the length 0 as well */
        is_found = GetEnvironmentVariableW(wide_name, wide_value, CONFIG_LOAD_WIDE_ROOM) > 0 ||
                   GetLastError() != ERROR_ENVVAR_NOT_FOUND;
        utf16_add(value, wide_value);
    }
    memory_free(wide_name);
    memory_free(wide_value);
    return is_found;
}

/* The full path, or NULL with an error. */
static WCHAR *config_load__full_path(const char *path, DWORD *error_out)
{
    WCHAR *wide = utf16_from(path);
    WCHAR *full = memory_alloc(CONFIG_LOAD_WIDE_ROOM * sizeof *full);
    *error_out = ERROR_NOT_ENOUGH_MEMORY;
    if (wide != NULL && full != NULL) {
        const DWORD length = GetFullPathNameW(wide, CONFIG_LOAD_WIDE_ROOM, full, NULL);
        *error_out = length == 0                       ? GetLastError()
                     : length >= CONFIG_LOAD_WIDE_ROOM ? ERROR_FILENAME_EXCED_RANGE
                                                       : ERROR_SUCCESS;
    }
    memory_free(wide);
    if (*error_out != ERROR_SUCCESS) {
        memory_free(full);
        return NULL;
    }
    return full;
}

static DWORD config_load__grow(struct snapshot *snapshot)
{
    const size_t room = snapshot->room > 0 ? snapshot->room * 2 : CONFIG_LOAD_FIRST_ROOM;
    char *grown = memory_resize(snapshot->at, room);
    if (grown == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    snapshot->at = grown;
    snapshot->room = room;
    return ERROR_SUCCESS;
}

/* To its end, or until it is more than a configuration may have. */
static DWORD config_load__read_all(HANDLE file, struct snapshot *snapshot)
{
    DWORD done = 1;
    while (done > 0 && snapshot->length <= CONFIG_FILE_SIZE_MAX) {
        if (snapshot->length == snapshot->room) {
            const DWORD error = config_load__grow(snapshot);
            if (error != ERROR_SUCCESS) {
                return error;
            }
        }
        if (!ReadFile(file, snapshot->at + snapshot->length, (DWORD)(snapshot->room - snapshot->length),
                      &done, NULL)) {
            return GetLastError();
        }
        snapshot->length += done;
    }
    return ERROR_SUCCESS;
}

/* Others may read, rename, replace and delete the file meanwhile, but not write to it: what is read is what
   was there at one moment. */
static DWORD config_load__read(const WCHAR *path, struct snapshot *snapshot)
{
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                              FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        return GetLastError();
    }
    const DWORD error = config_load__read_all(file, snapshot);
    CloseHandle(file);
    return error;
}

static const char *config_load__remedy(DWORD error, const WCHAR *path)
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

static void config_load__fail(struct config_problems *problems, const char *path, const WCHAR *full,
                              DWORD error)
{
    struct text reason;
    text_init_heap(&reason);
    utf16_add_error(&reason, error);
    if (error == ERROR_NOT_ENOUGH_MEMORY || reason.is_cut) {
        config_problems_no_memory(problems);
    } else {
        config_problems_error(problems, 0, 0, "the file cannot be read, %s; %s", reason.at,
                              full != NULL ? config_load__remedy(error, full) : "correct the path");
    }
    text_fini(&reason);
    config_problems_finish(problems, path);
}

/* Cuts the name of the file off a full path. */
static void config_load__cut_to_folder(char *path)
{
    size_t length = strlen(path);
    while (length > CONFIG_LOAD_ROOT && path[length - 1] != '\\') {
        length--;
    }
    path[length] = '\0';
}

static struct config *config_load__parse(const char *path, const WCHAR *full, const char *service,
                                         const struct pl_handler *const *handlers,
                                         const struct config_plugin_source *plugins,
                                         const struct snapshot *snapshot, struct config_problems *problems)
{
    char *folder = utf16_to_utf8(full);
    struct config *config = NULL;
    if (folder == NULL) {
        config_load__fail(problems, path, full, ERROR_NOT_ENOUGH_MEMORY);
    } else {
        config_load__cut_to_folder(folder);
        const struct config_source source = {.file = path,
                                             .folder = folder,
                                             .service = service,
                                             .handlers = handlers,
                                             .plugins = plugins,
                                             .variable = config_load__variable};
        config = config_parse(&source, snapshot->at, snapshot->length, problems);
    }
    memory_free(folder);
    return config;
}

struct config *config_load(const char *path, const char *service, const struct pl_handler *const *handlers,
                           const struct config_plugin_source *plugins, struct config_problems *problems)
{
    struct snapshot snapshot = {0};
    struct config *config = NULL;
    DWORD error = ERROR_SUCCESS;
    WCHAR *full = config_load__full_path(path, &error);
    if (full != NULL) {
        error = config_load__read(full, &snapshot);
    }
    if (error != ERROR_SUCCESS) {
        config_load__fail(problems, path, full, error);
    } else {
        config = config_load__parse(path, full, service, handlers, plugins, &snapshot, problems);
    }
    memory_free(snapshot.at);
    memory_free(full);
    return config;
}
