/* SPDX-License-Identifier: MIT
   Writing to the registry, see config_registry_save.h. It has no way to change several keys at once that could be relied
   on (the transactions of the kernel are advised against), so a mark tells readers that they are not done. */
#include "config/config_registry_save.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "base/win.h"
#include "config/config_registry_load.h"

enum { SAVE_NAME_ROOM = 16384, SAVE_KEY_ROOM = 256 /* units, the NUL included */ };

/* A write under way. */
struct registry_writer {
    HKEY root;   /* Parameters */
    WCHAR *name; /* of SAVE_NAME_ROOM */
};

/* A name of the list, as one that ends with a NUL. */
static const WCHAR *config_registry__take_name(struct registry_writer *writer,
                                               const struct config_registry *registry, uint32_t at,
                                               uint32_t size)
{
    const size_t most = (SAVE_NAME_ROOM - 1) * sizeof(WCHAR);
    memcpy(writer->name, registry->bytes + at, size < most ? size : most);
    writer->name[(size < most ? size : most) / sizeof(WCHAR)] = L'\0';
    return writer->name;
}

/* service, defaults, endpoint NAME: what is read, and so what is replaced. */
static bool config_registry__is_ours(const WCHAR *name)
{
    return _wcsicmp(name, L"service") == 0 || _wcsicmp(name, L"defaults") == 0 ||
           _wcsnicmp(name, L"endpoint ", 9) == 0;
}

static DWORD config_registry__delete_ours(HKEY root)
{
    WCHAR name[SAVE_KEY_ROOM];
    DWORD error = ERROR_SUCCESS;
    for (DWORD i = 0; error == ERROR_SUCCESS;) {
        DWORD length = SAVE_KEY_ROOM;
        error = (DWORD)RegEnumKeyExW(root, i, name, &length, NULL, NULL, NULL, NULL);
        if (error == ERROR_SUCCESS && config_registry__is_ours(name)) {
            error = (DWORD)RegDeleteTreeW(root, name); /* the next one then has its number */
        } else {
            i++;
        }
    }
    return error == ERROR_NO_MORE_ITEMS ? ERROR_SUCCESS : error;
}

/* All keys of the list that are ours, with their values. */
static DWORD config_registry__write_all(struct registry_writer *writer,
                                        const struct config_registry *registry)
{
    HKEY key = NULL;
    DWORD error = ERROR_SUCCESS;
    for (size_t i = 0; i < registry->count && error == ERROR_SUCCESS; i++) {
        const struct config_registry_value *value = &registry->list[i];
        if (value->is_key) {
            if (key != NULL) {
                RegCloseKey(key);
                key = NULL;
            }
            const WCHAR *name = config_registry__take_name(writer, registry, value->key, value->key_size);
            error = config_registry__is_ours(name)
                        ? (DWORD)RegCreateKeyExW(writer->root, name, 0, NULL, 0, KEY_WRITE, NULL, &key, NULL)
                        : ERROR_SUCCESS;
        } else if (key != NULL) {
            error = (DWORD)RegSetValueExW(
                key, config_registry__take_name(writer, registry, value->name, value->name_size), 0,
                value->type, registry->bytes + value->data, value->data_size);
        }
    }
    if (key != NULL) {
        RegCloseKey(key);
    }
    return error;
}

static DWORD config_registry__replace(struct registry_writer *writer, const struct config_registry *registry)
{
    const DWORD error = config_registry__delete_ours(writer->root);
    return error == ERROR_SUCCESS ? config_registry__write_all(writer, registry) : error;
}

static void config_registry__fail_save(const char *service, DWORD error, bool is_half,
                                       struct failure *failure_out)
{
    struct text text;
    *failure_out =
        (struct failure){.code = error == ERROR_ACCESS_DENIED ? EXIT_CODE_ACCESS_DENIED : EXIT_CODE_FAILED,
                         .win32_error = error};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    if (error == ERROR_FILE_NOT_FOUND && !is_half) {
        text_add_string(&text, "there is no service ");
        text_add_escaped(&text, service, strlen(service));
        text_add_string(&text, ", whose registry key could be written; install it, or give --service NAME");
        return;
    }
    text_add_string(&text, "the registry key ");
    config_registry_add_key_name(&text, service);
    text_add_string(&text, " cannot be written, ");
    utf16_add_error(&text, error);
    text_add_string(
        &text, is_half ? "; it is neither as it was nor as it should be, and no start uses it while it has "
                         "the value " CONFIG_REGISTRY_UNFINISHED "; import again"
               : error == ERROR_ACCESS_DENIED ? "; it is as it was; run elevated"
                                              : "; it is as it was; try again");
}

/* With the mark set. */
static DWORD config_registry__exchange(struct registry_writer *writer, const struct config_registry *before,
                                       const struct config_registry *registry, bool *is_half_out)
{
    const DWORD error = config_registry__replace(writer, registry);
    *is_half_out = error != ERROR_SUCCESS && config_registry__replace(writer, before) != ERROR_SUCCESS;
    return error;
}

static DWORD config_registry__save_in(struct registry_writer *writer, const struct config_registry *before,
                                      const struct config_registry *registry, bool *is_half_out)
{
    static const DWORD mark = 1;
    WCHAR *name = utf16_from(CONFIG_REGISTRY_UNFINISHED);
    DWORD error = name != NULL ? (DWORD)RegSetValueExW(writer->root, name, 0, REG_DWORD, (const BYTE *)&mark,
                                                       sizeof mark)
                               : ERROR_NOT_ENOUGH_MEMORY;
    if (error == ERROR_SUCCESS) {
        error = config_registry__exchange(writer, before, registry, is_half_out);
        const DWORD unmarked = *is_half_out ? ERROR_SUCCESS : (DWORD)RegDeleteValueW(writer->root, name);
        *is_half_out = *is_half_out || unmarked != ERROR_SUCCESS;
        error = error == ERROR_SUCCESS ? unmarked : error;
    }
    memory_free(name);
    return error;
}

/* The service's own key must be there: without it there is no such service. */
static DWORD config_registry__open(const char *service, HKEY *key_out)
{
    HKEY parent = NULL;
    WCHAR *path = config_registry_key(service);
    if (path == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    WCHAR *last = wcsrchr(path, L'\\');
    *last = L'\0';
    DWORD error = (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_READ, &parent);
    if (error == ERROR_SUCCESS) {
        error = (DWORD)RegCreateKeyExW(parent, last + 1, 0, NULL, 0, KEY_READ | KEY_WRITE | DELETE, NULL,
                                       key_out, NULL);
        RegCloseKey(parent);
    }
    memory_free(path);
    return error;
}

bool config_registry_save(const char *service, const struct config_registry *registry,
                          struct failure *failure_out)
{
    struct registry_writer writer = {.name = memory_alloc(SAVE_NAME_ROOM * sizeof(WCHAR))};
    struct config_registry before;
    bool is_half = false;
    DWORD error =
        writer.name != NULL ? config_registry__open(service, &writer.root) : ERROR_NOT_ENOUGH_MEMORY;
    if (error != ERROR_SUCCESS) {
        config_registry__fail_save(service, error, false, failure_out);
    } else if (!config_registry_load(service, &before, failure_out)) {
        error = failure_out->win32_error;
        config_registry_fini(&before);
    } else {
        error = config_registry__save_in(&writer, &before, registry, &is_half);
        config_registry_fini(&before);
        if (error != ERROR_SUCCESS) {
            config_registry__fail_save(service, error, is_half, failure_out);
        }
    }
    if (writer.root != NULL) {
        RegCloseKey(writer.root);
    }
    memory_free(writer.name);
    return error == ERROR_SUCCESS;
}
