/* SPDX-License-Identifier: MIT
   Who can change what the service runs and reads, and whether it can write what it writes; see check.h. */
#include <string.h>

#include "base/file_access.h"
#include "base/file_trust.h"
#include "base/memory.h"
#include "base/utf16.h"
#include "check.h"
#include "config/config_plugins.h"
#include "config/config_registry_load.h"

/* A console's files are nobody's but its user's. */
static enum finding_kind check__kind(const struct check *check, enum finding_kind kind)
{
    return check->is_registered ? kind : FINDING_FILE_CONSOLE;
}

static void check__tell(const struct check *check, enum finding_kind kind, const char *path,
                        const struct failure *failure)
{
    const bool is_at_fault = failure->code == EXIT_CODE_CONFIGURATION;
    findings_add(check->findings, is_at_fault ? check__kind(check, kind) : FINDING_FILE_UNCHECKED, path,
                 FINDING_WORDS({"problem", failure->text}));
}

static void check__fail(struct failure *failure, DWORD error)
{
    struct text text;
    *failure = (struct failure){.code = EXIT_CODE_FAILED, .win32_error = error};
    text_init(&text, failure->text, sizeof failure->text);
    utf16_add_error(&text, error);
}

static void check__tell_unknown(const struct check *check, const char *path, DWORD error)
{
    struct failure failure;
    check__fail(&failure, error);
    findings_add(check->findings, FINDING_FILE_UNCHECKED, path, FINDING_WORDS({"problem", failure.text}));
}

/* The rule for files that are trusted, on the opened file. One that is not there is told elsewhere. */
static void check__file(const struct check *check, enum finding_kind kind, const char *path)
{
    struct failure failure;
    DWORD error = 0;
    const HANDLE file = file_trust_open(path, &error);
    if (file == INVALID_HANDLE_VALUE) {
        if (error != ERROR_FILE_NOT_FOUND && error != ERROR_PATH_NOT_FOUND) {
            check__tell_unknown(check, path, error);
        }
        return;
    }
    if (!file_trust_check(file, &failure)) {
        check__tell(check, kind, path, &failure);
    }
    CloseHandle(file);
}

/* Whether it is the file that the registered service reads; another one is tried out. */
static bool check__is_registered_config(const struct check *check)
{
    const struct registration *registration = &check->registration;
    const bool is_named =
        registration->config_file != NULL &&
        text_equal(check->config_file, strlen(check->config_file), registration->config_file);
    return is_named ||
           (registration->image != NULL && strstr(registration->image, check->config_file) != NULL);
}

static void check__config(const struct check *check)
{
    const struct config_places *places = &check->config->places;
    const enum finding_kind kind =
        check__is_registered_config(check) ? FINDING_FILE_CONFIG : FINDING_FILE_CONSOLE;
    check__file(check, kind, check->config_file);
    for (size_t i = 1; i < places->count; i++) { /* those that it includes */
        const bool is_registry = places->registry != 0 && places->list[i].before >= places->registry;
        if (!is_registry) {
            check__file(check, kind, places->list[i].name);
        }
    }
}

static void check__registry(const struct check *check)
{
    struct config_registry registry;
    struct failure failure;
    if (!check->is_registered) {
        return;
    }
    if (!config_registry_load_trusted(check->service, &registry, &failure)) {
        check__tell(check, FINDING_FILE_REGISTRY, check->service, &failure);
    }
    config_registry_fini(&registry);
}

/* ---- Folders ---- */

static HANDLE check__open_folder(const char *path, DWORD access)
{
    WCHAR *wide = utf16_from(path);
    const HANDLE folder =
        wide != NULL ? CreateFileW(wide, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                                   OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL)
                     : INVALID_HANDLE_VALUE;
    const DWORD error = wide != NULL ? GetLastError() : ERROR_NOT_ENOUGH_MEMORY;
    memory_free(wide);
    SetLastError(error);
    return folder;
}

/* Whoever may add a file to it can have it loaded. */
static void check__plugin_folder(const struct check *check)
{
    const char *path = check->config->service.plugin_dir;
    const HANDLE folder = check__open_folder(path, READ_CONTROL | FILE_READ_ATTRIBUTES);
    PSECURITY_DESCRIPTOR descriptor = NULL;
    struct file_access_flaw flaw;
    DWORD error = GetLastError();
    if (folder == INVALID_HANDLE_VALUE) {
        if (error != ERROR_FILE_NOT_FOUND && error != ERROR_PATH_NOT_FOUND) { /* none: no plugin either */
            check__tell_unknown(check, path, error);
        }
        return;
    }
    error = GetSecurityInfo(folder, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                            NULL, NULL, NULL, NULL, &descriptor);
    struct failure failure = {.code = EXIT_CODE_CONFIGURATION};
    if (error != ERROR_SUCCESS) {
        check__tell_unknown(check, path, error);
    } else if (!file_access_is_safe(descriptor, FILE_ACCESS_FOLDER, &flaw)) {
        struct text text;
        WCHAR *wide = utf16_from(path);
        text_init(&text, failure.text, sizeof failure.text);
        file_access_add_flaw(&text, wide != NULL ? wide : L"", FILE_ACCESS_FOLDER, &flaw);
        memory_free(wide);
        check__tell(check, FINDING_FILE_PLUGIN_FOLDER, path, &failure);
    }
    LocalFree(descriptor);
    CloseHandle(folder);
}

static void check__plugins(const struct check *check)
{
    for (const struct config_plugin *plugin = check->config->plugins; plugin != NULL; plugin = plugin->next) {
        struct text path;
        text_init_heap(&path);
        text_add_format(&path, "%s\\%s", check->config->service.plugin_dir, plugin->file);
        if (path.is_cut) {
            check__tell_unknown(check, plugin->file, ERROR_NOT_ENOUGH_MEMORY);
        } else {
            check__file(check, FINDING_FILE_PLUGIN, path.at);
        }
        text_fini(&path);
    }
    check__plugin_folder(check);
}

/* The handle asks for the right and does nothing with it. */
static DWORD check__try_folder(const char *path, DWORD access)
{
    const HANDLE folder = check__open_folder(path, access);
    if (folder == INVALID_HANDLE_VALUE) {
        return GetLastError();
    }
    CloseHandle(folder);
    return ERROR_SUCCESS;
}

static bool check__cut(struct text *path)
{
    const char *end = strrchr(path->at, '\\');
    if (end == NULL || end == path->at) {
        return false;
    }
    path->length = (size_t)(end - path->at);
    path->at[path->length] = '\0';
    return true;
}

static void check__tell_folder(const struct check *check, enum finding_kind kind, const char *path,
                               const char *what, DWORD error)
{
    struct failure failure;
    if (error == ERROR_NOT_ENOUGH_MEMORY) { /* nothing that the folder lacks */
        check->findings->is_out_of_memory = true;
        return;
    }
    check__fail(&failure, error);
    findings_add(check->findings, kind, path, FINDING_WORDS({"what", what}, {"problem", failure.text}));
}

/* A folder that is not there is made at the start, below the first one that is. */
static void check__can_write(const struct check *check, const char *folder, const char *what)
{
    struct text above;
    DWORD error = check__try_folder(folder, FILE_ADD_FILE);
    if (error != ERROR_FILE_NOT_FOUND && error != ERROR_PATH_NOT_FOUND) {
        if (error != ERROR_SUCCESS) {
            check__tell_folder(check, FINDING_FOLDER_READ_ONLY, folder, what, error);
        }
        return;
    }
    text_init_heap(&above);
    text_add_string(&above, folder);
    error = above.is_cut ? ERROR_NOT_ENOUGH_MEMORY : error;
    while ((error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) && check__cut(&above)) {
        error = check__try_folder(above.at, FILE_ADD_SUBDIRECTORY);
    }
    if (error != ERROR_SUCCESS) {
        check__tell_folder(check, FINDING_FOLDER_MISSING, folder, what, error);
    }
    text_fini(&above);
}

static void check__can_write_file(const struct check *check, const char *file, const char *what)
{
    struct text folder;
    if (file[0] == '\0' || strcmp(file, "-") == 0) {
        return;
    }
    text_init_heap(&folder);
    text_add_string(&folder, file);
    check->findings->is_out_of_memory |= folder.is_cut;
    if (check__cut(&folder)) {
        check__can_write(check, folder.at, what);
    }
    text_fini(&folder);
}

void check_files(struct check *check)
{
    const struct config_service *service = &check->config->service;
    if (file_trust_can_tell()) {
        if (check->is_registered) {
            check__file(check, FINDING_FILE_PROGRAM,
                        check->registered_program != NULL ? check->registered_program : check->program);
        }
        check__config(check);
        check__registry(check);
        check__plugins(check);
    }
    check__can_write(check, service->data_dir, "data");
    check__can_write_file(check, service->log_file, "the log");
    check__can_write_file(check, service->access_log, "the access log");
}
