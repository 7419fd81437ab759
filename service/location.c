/* SPDX-License-Identifier: MIT
   Finding the configuration file, see location.h. */
#include "location.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/utf16.h"
#include "base/win.h"
#include "config/config_registry_load.h"

#define LOCATION_INI         L"portlistener.ini"
#define LOCATION_SERVICES    "SYSTEM\\CurrentControlSet\\Services\\"
#define LOCATION_BY_REGISTRY "the registry value ConfigFile names "
#define LOCATION_ELEVATED    "; run elevated, or give this account the right to read it"

enum {
    LOCATION_PATH_MAX = 32768, /* UTF-16 units of the longest path, its NUL included */
    LOCATION_NAME_ROOM = 256   /* bytes of a service's name in a message, its NUL included */
};

static char *location__fail(struct failure *failure_out, DWORD error, const char *lead, const char *subject,
                            const char *advice)
{
    struct text text;
    *failure_out = (struct failure){.code = error == ERROR_ACCESS_DENIED       ? EXIT_CODE_ACCESS_DENIED
                                            : error == ERROR_NOT_ENOUGH_MEMORY ? EXIT_CODE_FAILED
                                                                               : EXIT_CODE_CONFIGURATION,
                                    .win32_error = error};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_string(&text, lead);
    text_add_string(&text, subject);
    text_add_string(&text, ": ");
    utf16_add_error(&text, error);
    text_add_string(&text, advice);
    return NULL;
}

static char *location__no_memory(struct failure *failure_out)
{
    *failure_out = (struct failure){
        .code = EXIT_CODE_FAILED, .win32_error = ERROR_NOT_ENOUGH_MEMORY, .text = "out of memory"};
    return NULL;
}

/* The name of a service for a message: on its line, and not all of it when it is long. */
static void location__add_service(struct text *text, const char *service)
{
    char room[LOCATION_NAME_ROOM];
    struct text name;
    text_init(&name, room, sizeof room);
    text_add_escaped(&name, service, strlen(service));
    text_add_string(text, room);
}

static DWORD location__open(const WCHAR *path)
{
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                              NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file != INVALID_HANDLE_VALUE) {
        CloseHandle(file);
        return ERROR_SUCCESS;
    }
    const DWORD error = GetLastError();
    const DWORD attributes = error == ERROR_ACCESS_DENIED ? GetFileAttributesW(path) : 0;
    const bool is_folder =
        attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    return is_folder ? ERROR_DIRECTORY : error; /* "access denied" would mislead */
}

/* The registry's ConfigFile, variables expanded, in `path` of LOCATION_PATH_MAX. */
static DWORD location__read_registry(const char *service, WCHAR *path)
{
    WCHAR *wide = config_registry_key(service);
    if (wide == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    DWORD size = LOCATION_PATH_MAX * sizeof *path;
    const LSTATUS status =
        RegGetValueW(HKEY_LOCAL_MACHINE, wide, L"ConfigFile", RRF_RT_REG_SZ, NULL, path, &size);
    memory_free(wide);
    return (DWORD)status;
}

/* `name` in the folder of the program, in `path` of LOCATION_PATH_MAX. */
static DWORD location__beside_program(const WCHAR *name, WCHAR *path)
{
    const size_t name_room = wcslen(name) + 1;
    const DWORD length = GetModuleFileNameW(NULL, path, LOCATION_PATH_MAX);
    if (length == 0) {
        return GetLastError();
    }
    WCHAR *end = wcsrchr(path, L'\\');
    end = end != NULL ? end + 1 : path;
    if ((size_t)(end - path) + name_room > LOCATION_PATH_MAX) {
        return ERROR_FILENAME_EXCED_RANGE;
    }
    memcpy(end, name, name_room * sizeof *name);
    return ERROR_SUCCESS;
}

/* `path` made full and opened; `origin` tells in the message who named it. */
static char *location__check(const WCHAR *path, WCHAR *full, const char *origin, struct failure *failure_out)
{
    char *utf8 = NULL;
    const DWORD length = GetFullPathNameW(path, LOCATION_PATH_MAX, full, NULL);
    DWORD error = length == 0                   ? ERROR_BAD_PATHNAME
                  : length >= LOCATION_PATH_MAX ? ERROR_FILENAME_EXCED_RANGE
                                                : ERROR_SUCCESS;
    if (error == ERROR_SUCCESS) {
        error = location__open(full);
    }
    utf8 = utf16_to_utf8(length > 0 && length < LOCATION_PATH_MAX ? full : path);
    if (utf8 == NULL) {
        return location__no_memory(failure_out);
    }
    if (error == ERROR_SUCCESS) {
        return utf8;
    }
    location__fail(failure_out, error, origin, utf8,
                   error == ERROR_ACCESS_DENIED ? LOCATION_ELEVATED : "; correct the path or write the file");
    memory_free(utf8);
    return NULL;
}

static char *location__fail_registry(const char *service, DWORD error, struct failure *failure_out)
{
    char lead[LOCATION_NAME_ROOM + 128];
    struct text text;
    if (error == ERROR_NOT_ENOUGH_MEMORY) {
        return location__no_memory(failure_out);
    }
    text_init(&text, lead, sizeof lead);
    text_add_string(&text, "the registry value ConfigFile of the service ");
    location__add_service(&text, service);
    return location__fail(failure_out, error, lead, " cannot be read",
                          error == ERROR_ACCESS_DENIED      ? LOCATION_ELEVATED
                          : error == ERROR_UNSUPPORTED_TYPE ? "; write it as text, or give --config FILE"
                                                            : "; give --config FILE");
}

static bool location__is_separator(WCHAR character)
{
    return character == L'\\' || character == L'/';
}

/* "C:\..." or "\\server\...". */
static bool location__is_full(const WCHAR *path)
{
    return (location__is_separator(path[0]) && location__is_separator(path[1])) ||
           (path[0] != L'\0' && path[1] == L':' && location__is_separator(path[2]));
}

static char *location__fail_place(const WCHAR *value, struct failure *failure_out)
{
    char *utf8 = utf16_to_utf8(value);
    struct text text;
    if (utf8 == NULL) {
        return location__no_memory(failure_out);
    }
    *failure_out = (struct failure){.code = EXIT_CODE_CONFIGURATION, .win32_error = ERROR_BAD_PATHNAME};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_string(&text, LOCATION_BY_REGISTRY);
    text_add_string(&text, utf8);
    text_add_string(&text, ", which depends on the current drive or its folder; write the full path");
    memory_free(utf8);
    return NULL;
}

/* The file that the registry names with `value`; `path` of LOCATION_PATH_MAX. A relative path begins in the
   folder of the program, since the current one is System32 for a service and another for each person. */
static char *location__check_registry(WCHAR *value, WCHAR *path, struct failure *failure_out)
{
    if (location__is_full(value)) {
        return location__check(value, path, LOCATION_BY_REGISTRY, failure_out);
    }
    if (location__is_separator(value[0]) || (value[0] != L'\0' && value[1] == L':')) {
        return location__fail_place(value, failure_out);
    }
    const DWORD error = location__beside_program(value, path);
    if (error != ERROR_SUCCESS) {
        return location__fail(failure_out, error, "the place that the registry value ConfigFile names", "",
                              "; write the full path");
    }
    return location__check(path, value, LOCATION_BY_REGISTRY, failure_out);
}

/* Whether the registry has an endpoint, so that there need not be a file. What cannot be read may have one: whoever
   reads the configuration tells why. */
static bool location__is_in_registry(const char *service)
{
    struct config_registry registry;
    struct failure failure;
    const bool is_read = config_registry_load(service, &registry, &failure);
    const bool has_endpoint = !is_read || config_registry_has_endpoint(&registry);
    config_registry_fini(&registry);
    return has_endpoint;
}

/* There is no file in any of the default places; the last of them is `path`. */
static void location__fail_default(const char *service, const WCHAR *path, struct failure *failure_out)
{
    struct text text;
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_string(&text, "no configuration file: the service ");
    location__add_service(&text, service);
    text_add_string(&text, " has no registry value ConfigFile (under HKLM\\" LOCATION_SERVICES);
    location__add_service(&text, service);
    text_add_string(&text, "\\Parameters) and no endpoint there, and there is no ");
    char *utf8 = utf16_to_utf8(path);
    text_add_string(&text, utf8 != NULL ? utf8 : "portlistener.ini beside the program");
    memory_free(utf8);
    text_add_string(&text, "; write that file, or give --config FILE");
}

/* The file in one of the default places, or NULL. `path` and `full` of LOCATION_PATH_MAX; one of them, where the file
   would be, is *path_out. */
static char *location__find_default(const char *service, WCHAR *path, WCHAR *full, WCHAR **path_out,
                                    struct failure *failure_out)
{
    DWORD error = location__read_registry(service, full);
    if (error == ERROR_SUCCESS) {
        *path_out = location__is_full(full) ? path : full; /* where the check makes it full */
        return location__check_registry(full, path, failure_out);
    }
    if (error != ERROR_FILE_NOT_FOUND) {
        return location__fail_registry(service, error, failure_out);
    }
    error = location__beside_program(LOCATION_INI, path);
    if (error != ERROR_SUCCESS) {
        return location__fail(failure_out, error, "the program's own folder", "", "; give --config FILE");
    }
    *path_out = full;
    char *found = location__check(path, full, "", failure_out);
    if (found == NULL && failure_out->win32_error == ERROR_FILE_NOT_FOUND) {
        location__fail_default(service, path, failure_out);
    }
    return found;
}

static bool location__is_missing(DWORD error)
{
    return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
}

static char *location__default(const char *service, WCHAR *path, WCHAR *full, struct failure *failure_out)
{
    WCHAR *where = NULL;
    char *found = location__find_default(service, path, full, &where, failure_out);
    if (found == NULL && where != NULL && location__is_missing(failure_out->win32_error) &&
        location__is_in_registry(service)) {
        found = utf16_to_utf8(where);
        return found != NULL ? found : location__no_memory(failure_out);
    }
    return found;
}

char *location_config(const char *service, const char *given, struct failure *failure_out)
{
    WCHAR *path = memory_alloc(2 * LOCATION_PATH_MAX * sizeof *path);
    WCHAR *wide = given != NULL ? utf16_from(given) : NULL;
    char *found = NULL;
    if (path == NULL || (given != NULL && wide == NULL)) {
        location__no_memory(failure_out);
    } else if (given != NULL) {
        found = location__check(wide, path, "--config names ", failure_out);
    } else {
        found = location__default(service, path, path + LOCATION_PATH_MAX, failure_out);
    }
    memory_free(wide);
    memory_free(path);
    return found;
}
