/* SPDX-License-Identifier: MIT
   The registry as a flat list, see config_registry_load.h. */
#include "config/config_registry_load.h"

#include <string.h>

#include "base/file_access.h"
#include "base/memory.h"
#include "base/utf16.h"

#define REGISTRY_SERVICES "SYSTEM\\CurrentControlSet\\Services\\"

enum {
    REGISTRY_NAME_ROOM = 16384, /* units of the longest name of a value, its NUL included */
    REGISTRY_KEY_ROOM = 256,    /* of a key */
    REGISTRY_DATA_ROOM = 4096   /* bytes, at first */
};

/* One reading. */
struct registry_reader {
    struct config_registry *registry;
    WCHAR *name; /* of REGISTRY_NAME_ROOM */
    uint8_t *data;
    size_t room;
    bool must_be_trusted;
    struct failure *distrust; /* NULL: nobody asks; else what is wrong with the first one */
};

WCHAR *config_registry_key(const char *service)
{
    return utf16_make(REGISTRY_SERVICES "%s\\Parameters", service);
}

void config_registry_add_key_name(struct text *text, const char *service)
{
    text_add_string(text, "HKLM\\" REGISTRY_SERVICES);
    text_add_escaped(text, service, strlen(service));
    text_add_string(text, "\\Parameters");
}

/* Where strangers can change the key, `distrust` is filled in, and ERROR_INVALID_SECURITY_DESCR the answer if it must be
   trusted. `name` is what messages call it. */
static DWORD config_registry__check_trust(const struct registry_reader *reader, HKEY key, const WCHAR *name)
{
    struct file_access_flaw flaw;
    struct text text;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    if (reader->distrust == NULL || (!reader->must_be_trusted && reader->distrust->code != EXIT_CODE_DONE)) {
        return ERROR_SUCCESS;
    }
    const DWORD error =
        GetSecurityInfo(key, SE_REGISTRY_KEY, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, NULL,
                        NULL, NULL, NULL, &descriptor);
    if (error != ERROR_SUCCESS) {
        return reader->must_be_trusted ? error : ERROR_SUCCESS;
    }
    const bool is_safe = file_access_is_safe(descriptor, FILE_ACCESS_KEY, &flaw);
    if (!is_safe) {
        *reader->distrust = (struct failure){.code = EXIT_CODE_CONFIGURATION};
        text_init(&text, reader->distrust->text, sizeof reader->distrust->text);
        file_access_add_flaw(&text, name, FILE_ACCESS_KEY, &flaw);
    }
    LocalFree(descriptor);
    return is_safe || !reader->must_be_trusted ? ERROR_SUCCESS : ERROR_INVALID_SECURITY_DESCR;
}

/* What it means that the list did not take something. */
static DWORD config_registry__refusal(const struct registry_reader *reader, size_t size)
{
    return config_registry_is_full(reader->registry, size) ? ERROR_FILE_TOO_LARGE : ERROR_NOT_ENOUGH_MEMORY;
}

/* After ERROR_MORE_DATA: the system does not always say how much there is. */
static DWORD config_registry__grow(struct registry_reader *reader, size_t wanted)
{
    const size_t room = wanted > reader->room ? wanted : reader->room * 2;
    if (room > CONFIG_REGISTRY_SIZE_MAX) {
        return ERROR_FILE_TOO_LARGE;
    }
    uint8_t *grown = memory_resize(reader->data, room);
    if (grown == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    reader->data = grown;
    reader->room = room;
    return ERROR_SUCCESS;
}

/* The value with this number. */
static DWORD config_registry__read_value(struct registry_reader *reader, HKEY key, DWORD index)
{
    DWORD type = 0, name_length = 0, size = 0;
    LSTATUS status = ERROR_MORE_DATA;
    while (status == ERROR_MORE_DATA) {
        name_length = REGISTRY_NAME_ROOM;
        size = (DWORD)reader->room;
        status = RegEnumValueW(key, index, reader->name, &name_length, NULL, &type, reader->data, &size);
        if (status == ERROR_MORE_DATA) {
            const DWORD error = config_registry__grow(reader, size);
            if (error != ERROR_SUCCESS) {
                return error;
            }
        }
    }
    if (status != ERROR_SUCCESS) {
        return (DWORD)status;
    }
    return config_registry_add_value(reader->registry, reader->name, name_length, type, reader->data, size)
               ? ERROR_SUCCESS
               : config_registry__refusal(reader, size + name_length * sizeof(WCHAR));
}

static DWORD config_registry__read_values(struct registry_reader *reader, HKEY key)
{
    DWORD error = ERROR_SUCCESS;
    for (DWORD i = 0; error == ERROR_SUCCESS; i++) {
        error = config_registry__read_value(reader, key, i);
    }
    return error == ERROR_NO_MORE_ITEMS ? ERROR_SUCCESS : error;
}

/* The keys of the last level are only named: there is nothing to read in them. */
static DWORD config_registry__name_keys(struct registry_reader *reader, HKEY key, const WCHAR *parent)
{
    const size_t length = wcslen(parent);
    WCHAR *path = reader->name;
    DWORD error = ERROR_SUCCESS;
    for (DWORD i = 0; error == ERROR_SUCCESS; i++) {
        DWORD name_length = REGISTRY_KEY_ROOM;
        memcpy(path, parent, length * sizeof *path);
        path[length] = L'\\';
        error = (DWORD)RegEnumKeyExW(key, i, path + length + 1, &name_length, NULL, NULL, NULL, NULL);
        if (error == ERROR_SUCCESS &&
            !config_registry_add_key(reader->registry, path, length + 1 + name_length)) {
            error = config_registry__refusal(reader, (length + 1 + name_length) * sizeof *path);
        }
    }
    return error == ERROR_NO_MORE_ITEMS ? ERROR_SUCCESS : error;
}

/* One key below Parameters. */
static DWORD config_registry__read_key(struct registry_reader *reader, HKEY parent, const WCHAR *name)
{
    const size_t length = wcslen(name);
    HKEY key = NULL;
    DWORD error = (DWORD)RegOpenKeyExW(parent, name, 0, KEY_READ, &key);
    if (error != ERROR_SUCCESS) {
        return error;
    }
    error = config_registry__check_trust(reader, key, name);
    if (error == ERROR_SUCCESS && !config_registry_add_key(reader->registry, name, length)) {
        error = config_registry__refusal(reader, length * sizeof *name);
    }
    if (error == ERROR_SUCCESS) {
        error = config_registry__read_values(reader, key);
    }
    if (error == ERROR_SUCCESS) {
        error = config_registry__name_keys(reader, key, name);
    }
    RegCloseKey(key);
    return error;
}

static DWORD config_registry__read_keys(struct registry_reader *reader, HKEY parent)
{
    DWORD error = ERROR_SUCCESS;
    for (DWORD i = 0; error == ERROR_SUCCESS; i++) {
        WCHAR name[REGISTRY_KEY_ROOM];
        DWORD length = REGISTRY_KEY_ROOM;
        error = (DWORD)RegEnumKeyExW(parent, i, name, &length, NULL, NULL, NULL, NULL);
        if (error == ERROR_SUCCESS) {
            error = config_registry__read_key(reader, parent, name);
        }
    }
    return error == ERROR_NO_MORE_ITEMS ? ERROR_SUCCESS : error;
}

static DWORD config_registry__open(const WCHAR *path, HKEY *key_out)
{
    return (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_READ, key_out);
}

/* The key above Parameters: who may change that one can replace Parameters. `path` is put back as it was. */
static DWORD config_registry__check_service(const struct registry_reader *reader, WCHAR *path)
{
    HKEY key = NULL;
    WCHAR *last = wcsrchr(path, L'\\');
    if (reader->distrust == NULL) {
        return ERROR_SUCCESS;
    }
    *last = L'\0';
    DWORD error = config_registry__open(path, &key);
    if (error == ERROR_SUCCESS) {
        error = config_registry__check_trust(reader, key, path);
        RegCloseKey(key);
    }
    *last = L'\\';
    return reader->must_be_trusted ? error : ERROR_SUCCESS;
}

/* One reading of everything; nothing where there is no such key. */
static DWORD config_registry__read_all(struct registry_reader *reader, WCHAR *path)
{
    HKEY key = NULL;
    DWORD error = config_registry__open(path, &key);
    if (error != ERROR_SUCCESS) {
        return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND ? ERROR_SUCCESS : error;
    }
    error = config_registry__check_service(reader, path);
    if (error == ERROR_SUCCESS) {
        error = config_registry__check_trust(reader, key, path);
    }
    if (error == ERROR_SUCCESS) {
        error = config_registry__read_values(reader, key);
    }
    if (error == ERROR_SUCCESS) {
        error = config_registry__read_keys(reader, key);
    }
    RegCloseKey(key);
    return error;
}

/* A key went away between its name and its opening. */
static bool config_registry__is_passing(DWORD error)
{
    return error == ERROR_FILE_NOT_FOUND || error == ERROR_KEY_DELETED;
}

/* Reads until two readings are the same, which is what was there between them. */
static DWORD config_registry__read_stable(struct registry_reader *reader, WCHAR *path,
                                          struct config_registry *registry_out)
{
    DWORD error = ERROR_RETRY;
    for (int i = 0; i < CONFIG_REGISTRY_READS_MAX; i++) {
        struct config_registry next = {.list = NULL};
        const bool had_one = error == ERROR_SUCCESS;
        reader->registry = &next;
        error = config_registry__read_all(reader, path);
        reader->registry = NULL;
        const bool is_stable =
            had_one && error == ERROR_SUCCESS && config_registry_is_equal(registry_out, &next);
        config_registry_fini(registry_out);
        *registry_out = next;
        if (is_stable || (error != ERROR_SUCCESS && !config_registry__is_passing(error))) {
            return error;
        }
        if (i > 0) {
            Sleep(CONFIG_REGISTRY_PAUSE);
        }
    }
    return ERROR_RETRY;
}

static const char *config_registry__remedy(DWORD error)
{
    switch (error) {
    case ERROR_ACCESS_DENIED:
        return "run elevated, or give this account the right to read the key";
    case ERROR_FILE_TOO_LARGE:
        return "it has more than 8 MB or 200000 values, so this is hardly a configuration; delete what does not "
               "belong there";
    case ERROR_RETRY:
        return "it has changed all the time; try again when nobody writes to it";
    default:
        return "see to it that the key can be read";
    }
}

static void config_registry__fail(const char *service, DWORD error, struct failure *failure_out)
{
    struct text text;
    *failure_out = (struct failure){.code = error == ERROR_ACCESS_DENIED    ? EXIT_CODE_ACCESS_DENIED
                                            : error == ERROR_FILE_TOO_LARGE ? EXIT_CODE_CONFIGURATION
                                                                            : EXIT_CODE_FAILED,
                                    .win32_error = error};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    if (error == ERROR_NOT_ENOUGH_MEMORY) {
        text_add_string(&text, "out of memory");
        return;
    }
    text_add_string(&text, "the registry key ");
    config_registry_add_key_name(&text, service);
    text_add_string(&text, " cannot be read, ");
    if (error != ERROR_FILE_TOO_LARGE && error != ERROR_RETRY) {
        utf16_add_error(&text, error);
        text_add_string(&text, "; ");
    }
    text_add_string(&text, config_registry__remedy(error));
}

static bool config_registry__load(const char *service, struct failure *distrust, bool must_be_trusted,
                                  struct config_registry *registry_out, struct failure *failure_out)
{
    struct registry_reader reader = {.name = memory_alloc(REGISTRY_NAME_ROOM * sizeof(WCHAR)),
                                     .data = memory_alloc(REGISTRY_DATA_ROOM),
                                     .room = REGISTRY_DATA_ROOM,
                                     .must_be_trusted = must_be_trusted,
                                     .distrust = distrust};
    WCHAR *path = config_registry_key(service);
    DWORD error = ERROR_NOT_ENOUGH_MEMORY;
    *registry_out = (struct config_registry){.list = NULL};
    if (path != NULL && reader.name != NULL && reader.data != NULL) {
        error = config_registry__read_stable(&reader, path, registry_out);
    }
    if (error != ERROR_SUCCESS && error != ERROR_INVALID_SECURITY_DESCR) {
        config_registry__fail(service, error, failure_out);
    }
    memory_free(path);
    memory_free(reader.name);
    memory_free(reader.data);
    return error == ERROR_SUCCESS;
}

bool config_registry_load(const char *service, struct config_registry *registry_out,
                          struct failure *failure_out)
{
    return config_registry__load(service, NULL, false, registry_out, failure_out);
}

bool config_registry_load_told(const char *service, struct config_registry *registry_out,
                               struct failure *flaw_out, struct failure *failure_out)
{
    return config_registry__load(service, flaw_out, false, registry_out, failure_out);
}

bool config_registry_load_trusted(const char *service, struct config_registry *registry_out,
                                  struct failure *failure_out)
{
    return config_registry__load(service, failure_out, true, registry_out, failure_out);
}
