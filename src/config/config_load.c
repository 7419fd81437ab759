/* SPDX-License-Identifier: MIT
   The configuration from a file: the Win32 edge of config.h. */
#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "base/whole_file.h"
#include "base/win.h"
#include "config/config.h"
#include "config/config_file.h"
#include "config/config_files.h"
#include "config/config_problems.h"
#include "config/config_registry_load.h"

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

/* A configuration under way. */
struct config_loading {
    const struct config_request *request;
    char *full; /* path of the file */
    struct whole_file file;
    struct config_files files;
    struct config_registry registry;
    struct text registry_name;
};

/* The file; nothing where it may be missing, and is. */
static bool config_load__read_file(struct config_loading *loading, struct text *reason)
{
    DWORD error = ERROR_SUCCESS;
    loading->full = config_load__full_path(loading->request->path, &error);
    if (loading->full == NULL) {
        config_load__add_reason(reason, error);
        return false;
    }
    if (config_files_read(&loading->files, loading->full, CONFIG_FILE_SIZE_MAX, &loading->file, reason)) {
        return true;
    }
    if (loading->request->may_lack_file && loading->file.is_missing) {
        text_clear(reason);
        return true;
    }
    return false;
}

static bool config_load__read_registry(struct config_loading *loading, struct config_problems *problems,
                                       struct text *reason)
{
    const char *service = loading->request->service;
    const enum config_trust trust = loading->request->trust;
    struct failure failure, flaw = {.code = EXIT_CODE_DONE};
    config_registry_add_key_name(&loading->registry_name, service);
    const bool is_read = trust == CONFIG_TRUST_ADMINISTRATORS
                             ? config_registry_load_trusted(service, &loading->registry, &failure)
                         : trust == CONFIG_TRUST_WARN
                             ? config_registry_load_told(service, &loading->registry, &flaw, &failure)
                             : config_registry_load(service, &loading->registry, &failure);
    if (!is_read) {
        problems->is_access_denied = failure.code == EXIT_CODE_ACCESS_DENIED;
        text_add_string(reason, failure.win32_error == ERROR_NOT_ENOUGH_MEMORY ? "" : failure.text);
        return false;
    }
    if (flaw.code != EXIT_CODE_DONE) {
        config_problems_warning(problems, 0, 0, "%s", flaw.text);
    }
    return !loading->registry_name.is_cut;
}

static struct config *config_load__parse(struct config_loading *loading, struct config_problems *problems)
{
    const struct config_request *request = loading->request;
    char *folder = memory_copy_text(loading->full, strlen(loading->full));
    if (folder == NULL) {
        config_problems_no_memory(problems);
        config_problems_finish(problems, request->path);
        return NULL;
    }
    config_load__cut_to_folder(folder);
    const struct config_source source = {.file = request->path,
                                         .path = loading->full,
                                         .folder = folder,
                                         .service = request->service,
                                         .handlers = request->handlers,
                                         .plugins = request->plugins,
                                         .registry = &loading->registry,
                                         .registry_name = loading->registry_name.at,
                                         .includes = &loading->files.source,
                                         .given = request->given,
                                         .given_context = request->given_context,
                                         .variable = config_load__variable};
    struct config *config = config_parse(&source, loading->file.at, loading->file.length, problems);
    memory_free(folder);
    return config;
}

struct config *config_load_request(const struct config_request *request, struct config_problems *problems)
{
    struct config_loading loading = {.request = request};
    struct config *config = NULL;
    struct text reason;
    text_init_heap(&reason);
    text_init_heap(&loading.registry_name);
    config_files_init(&loading.files, request->trust, problems);
    if (config_load__read_file(&loading, &reason) &&
        (request->is_file_only || config_load__read_registry(&loading, problems, &reason))) {
        config = config_load__parse(&loading, problems);
    } else {
        config_load__fail(problems, request->path, &reason);
    }
    config_registry_fini(&loading.registry);
    text_fini(&loading.registry_name);
    whole_file_free(&loading.file);
    text_fini(&reason);
    memory_free(loading.full);
    return config;
}

struct config *config_load(const char *path, const char *service, const struct pl_handler *const *handlers,
                           const struct config_plugin_source *plugins, struct config_problems *problems)
{
    const struct config_request request = {
        .path = path, .is_file_only = true, .service = service, .handlers = handlers, .plugins = plugins};
    return config_load_request(&request, problems);
}
