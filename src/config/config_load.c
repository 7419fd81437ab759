/* SPDX-License-Identifier: MIT
   The configuration from a file: the Win32 edge of config.h. */
#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "base/whole_file.h"
#include "base/win.h"
#include "config/config.h"
#include "config/config_file.h"
#include "config/config_problems.h"

enum {
    CONFIG_LOAD_ROOT = 3,         /* of the shortest root, "C:\\" */
    CONFIG_LOAD_WIDE_ROOM = 32768 /* of the longest path or variable, its NUL included */
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

/* The full path as UTF-8, or NULL with an error. */
static char *config_load__full_path(const char *path, DWORD *error_out)
{
    WCHAR *wide = utf16_from(path);
    WCHAR *full = memory_alloc(CONFIG_LOAD_WIDE_ROOM * sizeof *full);
    char *utf8 = NULL;
    *error_out = ERROR_NOT_ENOUGH_MEMORY;
    if (wide != NULL && full != NULL) {
        const DWORD length = GetFullPathNameW(wide, CONFIG_LOAD_WIDE_ROOM, full, NULL);
        if (length == 0 || length >= CONFIG_LOAD_WIDE_ROOM) {
            *error_out = length == 0 ? GetLastError() : ERROR_FILENAME_EXCED_RANGE;
        } else {
            utf8 = utf16_to_utf8(full);
        }
    }
    memory_free(wide);
    memory_free(full);
    return utf8;
}

/* There is no such path. */
static void config_load__add_reason(struct text *reason, DWORD error)
{
    if (error != ERROR_NOT_ENOUGH_MEMORY) {
        text_add_string(reason, "the file cannot be read, ");
        utf16_add_error(reason, error);
        text_add_string(reason, "; correct the path");
    }
}

/* Without a reason, memory is out. */
static void config_load__fail(struct config_problems *problems, const char *path, const struct text *reason)
{
    if (reason->length == 0 || reason->is_cut) {
        config_problems_no_memory(problems);
    } else {
        config_problems_error(problems, 0, 0, "%s", reason->at);
    }
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

struct config *config_load(const char *path, const char *service, const struct pl_handler *const *handlers,
                           const struct config_plugin_source *plugins, struct config_problems *problems)
{
    struct whole_file file = {.at = NULL};
    struct text reason;
    struct config *config = NULL;
    DWORD error = ERROR_SUCCESS;
    text_init_heap(&reason);
    char *full = config_load__full_path(path, &error);
    if (full == NULL) {
        config_load__add_reason(&reason, error);
    }
    if (full == NULL || !whole_file_read(full, CONFIG_FILE_SIZE_MAX, &file, &reason)) {
        config_load__fail(problems, path, &reason);
    } else {
        config_load__cut_to_folder(full);
        const struct config_source source = {.file = path,
                                             .folder = full,
                                             .service = service,
                                             .handlers = handlers,
                                             .plugins = plugins,
                                             .variable = config_load__variable};
        config = config_parse(&source, file.at, file.length, problems);
    }
    whole_file_free(&file);
    text_fini(&reason);
    memory_free(full);
    return config;
}
