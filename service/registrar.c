/* SPDX-License-Identifier: MIT
   Writing a registration, see registrar.h. */
#include "registrar.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "config/config_registry_load.h"

enum { REGISTRAR_PATH_ROOM = 2048 /* UTF-16 units */ };

/* ---- The service ---- */

DWORD registrar_open(SC_HANDLE manager, const char *service, SC_HANDLE *handle_out)
{
    WCHAR *name = utf16_from(service);
    *handle_out = name != NULL ? OpenServiceW(manager, name, REGISTRAR_ACCESS) : NULL;
    const DWORD error = *handle_out != NULL ? ERROR_SUCCESS
                        : name != NULL      ? GetLastError()
                                            : ERROR_NOT_ENOUGH_MEMORY;
    memory_free(name);
    return error;
}

DWORD registrar_create(SC_HANDLE manager, const char *service, const struct registration *registration,
                       SC_HANDLE *handle_out)
{
    WCHAR *name = utf16_from(service);
    WCHAR *image = utf16_from(registration->image);
    WCHAR *account = utf16_from(registration->account);
    WCHAR *display_name = utf16_from(registration->display_name);
    DWORD error = ERROR_NOT_ENOUGH_MEMORY;
    *handle_out = NULL;
    if (name != NULL && image != NULL && account != NULL && display_name != NULL) {
        *handle_out =
            CreateServiceW(manager, name, display_name, REGISTRAR_ACCESS, SERVICE_WIN32_OWN_PROCESS,
                           registration->start, SERVICE_ERROR_NORMAL, image, NULL, NULL, NULL, account, NULL);
        error = *handle_out != NULL ? ERROR_SUCCESS : GetLastError();
    }
    memory_free(display_name);
    memory_free(account);
    memory_free(image);
    memory_free(name);
    return error;
}

/* In place of another account's: none for those of the system, which have an empty one, and NULL for a virtual account,
   of which the system demands that. */
static const WCHAR *registrar__password(const char *account)
{
    static const char lead[] = "NT AUTHORITY\\";
    const size_t length = strlen(account);
    const bool is_systems = length >= sizeof lead && text_equal(account, sizeof lead - 1, lead);
    return is_systems || text_equal(account, length, "LocalSystem") ? L"" : NULL;
}

DWORD registrar_change(SC_HANDLE handle, const struct registration *registration, bool keeps_account)
{
    WCHAR *image = utf16_from(registration->image);
    WCHAR *account = keeps_account ? NULL : utf16_from(registration->account);
    DWORD error = ERROR_NOT_ENOUGH_MEMORY;
    if (image != NULL && (account != NULL || keeps_account)) {
        error = ChangeServiceConfigW(handle, SERVICE_WIN32_OWN_PROCESS, SERVICE_NO_CHANGE,
                                     SERVICE_ERROR_NORMAL, image, NULL, NULL, NULL, account,
                                     keeps_account ? NULL : registrar__password(registration->account), NULL)
                    ? ERROR_SUCCESS
                    : GetLastError();
    }
    memory_free(account);
    memory_free(image);
    return error;
}

static DWORD registrar__set(SC_HANDLE handle, DWORD level, void *information)
{
    return ChangeServiceConfig2W(handle, level, information) ? ERROR_SUCCESS : GetLastError();
}

DWORD registrar_delay(SC_HANDLE handle)
{
    SERVICE_DELAYED_AUTO_START_INFO delayed = {.fDelayedAutostart = TRUE};
    return registrar__set(handle, SERVICE_CONFIG_DELAYED_AUTO_START_INFO, &delayed);
}

static DWORD registrar__set_description(SC_HANDLE handle, const struct registration *registration)
{
    SERVICE_DESCRIPTIONW description = {.lpDescription = utf16_from(registration->description)};
    const DWORD error = description.lpDescription != NULL
                            ? registrar__set(handle, SERVICE_CONFIG_DESCRIPTION, &description)
                            : ERROR_NOT_ENOUGH_MEMORY;
    memory_free(description.lpDescription);
    return error;
}

static DWORD registrar__set_restarts(SC_HANDLE handle, const struct registration *registration)
{
    SC_ACTION actions[REGISTRATION_RESTARTS_MAX];
    for (uint32_t i = 0; i < registration->restart_count; i++) {
        actions[i] = (SC_ACTION){SC_ACTION_RESTART, registration->restart_delays[i]};
    }
    SERVICE_FAILURE_ACTIONSW failure = {.dwResetPeriod = registration->reset_period,
                                        .cActions = registration->restart_count,
                                        .lpsaActions = actions};
    return registrar__set(handle, SERVICE_CONFIG_FAILURE_ACTIONS, &failure);
}

/* The list as the system wants it: a NUL in place of each comma, and one more at the end. */
static DWORD registrar__set_privileges(SC_HANDLE handle, const struct registration *registration)
{
    struct text text;
    text_init_heap(&text);
    text_add_string(&text, registration->privileges);
    text_add_string(&text, ","); /* becomes the first of the last two */
    WCHAR *list = text.is_cut ? NULL : utf16_from(text.at);
    for (size_t i = 0; list != NULL && i < text.length; i++) {
        list[i] = list[i] == L',' ? L'\0' : list[i]; /* names of privileges are ASCII: a unit for each byte */
    }
    text_fini(&text);
    SERVICE_REQUIRED_PRIVILEGES_INFOW privileges = {.pmszRequiredPrivileges = list};
    const DWORD error = list != NULL
                            ? registrar__set(handle, SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, &privileges)
                            : ERROR_NOT_ENOUGH_MEMORY;
    memory_free(list);
    return error;
}

/* ---- The registry ---- */

static DWORD registrar__set_text(HKEY key, const WCHAR *name, DWORD type, const char *value)
{
    WCHAR *wide = utf16_from(value);
    const LSTATUS status = wide != NULL ? RegSetValueExW(key, name, 0, type, (const BYTE *)wide,
                                                         (DWORD)((wcslen(wide) + 1) * sizeof *wide))
                                        : ERROR_NOT_ENOUGH_MEMORY;
    memory_free(wide);
    return (DWORD)status;
}

/* `path` is given back here. */
static DWORD registrar__create_key(WCHAR *path, HKEY *key_out, bool *is_new_out)
{
    DWORD disposition = 0;
    const LSTATUS status = path != NULL ? RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, 0, KEY_SET_VALUE,
                                                          NULL, key_out, &disposition)
                                        : ERROR_NOT_ENOUGH_MEMORY;
    *is_new_out = status == ERROR_SUCCESS && disposition == REG_CREATED_NEW_KEY;
    memory_free(path);
    return (DWORD)status;
}

static DWORD registrar__set_config_file(const char *service, const struct registration *registration)
{
    HKEY key = NULL;
    bool is_new = false;
    DWORD error = registrar__create_key(config_registry_key(service), &key, &is_new);
    if (error == ERROR_SUCCESS) {
        error = registrar__set_text(key, L"ConfigFile", REG_SZ, registration->config_file);
        RegCloseKey(key);
    }
    return error;
}

DWORD registrar_set_source(const char *service, const char *event_file, bool *is_new_out)
{
    const DWORD types = REGISTRATION_EVENT_TYPES;
    HKEY key = NULL;
    DWORD error = registrar__create_key(registration_source_key(service), &key, is_new_out);
    if (error != ERROR_SUCCESS) {
        return error;
    }
    error = registrar__set_text(key, L"EventMessageFile", REG_EXPAND_SZ, event_file);
    if (error == ERROR_SUCCESS) {
        error =
            (DWORD)RegSetValueExW(key, L"TypesSupported", 0, REG_DWORD, (const BYTE *)&types, sizeof types);
    }
    RegCloseKey(key);
    return error;
}

DWORD registrar_find_source(const char *service, char **file_out)
{
    WCHAR room[REGISTRAR_PATH_ROOM];
    DWORD size = sizeof room;
    WCHAR *path = registration_source_key(service);
    DWORD error = ERROR_NOT_ENOUGH_MEMORY;
    *file_out = NULL;
    if (path != NULL) {
        error = (DWORD)RegGetValueW(HKEY_LOCAL_MACHINE, path, L"EventMessageFile",
                                    RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND, NULL, room, &size);
    }
    memory_free(path);
    if (error == ERROR_SUCCESS) {
        *file_out = utf16_to_utf8(room);
        error = *file_out != NULL ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
    }
    return error == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : error;
}

DWORD registrar_remove_source(const char *service)
{
    WCHAR *path = registration_source_key(service);
    const LSTATUS status = path != NULL ? RegDeleteTreeW(HKEY_LOCAL_MACHINE, path) : ERROR_NOT_ENOUGH_MEMORY;
    memory_free(path);
    return (DWORD)status;
}

/* ---- Any part ---- */

DWORD registrar_set(SC_HANDLE handle, const char *service, enum registration_part part,
                    const struct registration *registration)
{
    SERVICE_SID_INFO sid = {.dwServiceSidType = registration->sid};
    SERVICE_FAILURE_ACTIONS_FLAG scope = {.fFailureActionsOnNonCrashFailures =
                                              registration->restarts_after_errors};
    SERVICE_PRESHUTDOWN_INFO preshutdown = {.dwPreshutdownTimeout = registration->preshutdown};
    switch (part) {
    case REGISTRATION_SID:
        return registrar__set(handle, SERVICE_CONFIG_SERVICE_SID_INFO, &sid);
    case REGISTRATION_PRIVILEGES:
        return registrar__set_privileges(handle, registration);
    case REGISTRATION_DESCRIPTION:
        return registrar__set_description(handle, registration);
    case REGISTRATION_RESTARTS:
        return registrar__set_restarts(handle, registration);
    case REGISTRATION_RESTART_SCOPE:
        return registrar__set(handle, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &scope);
    case REGISTRATION_PRESHUTDOWN:
        return registrar__set(handle, SERVICE_CONFIG_PRESHUTDOWN_INFO, &preshutdown);
    case REGISTRATION_CONFIG_FILE:
        return registrar__set_config_file(service, registration);
    case REGISTRATION_EVENT_SOURCE: /* of registrar_set_source */
    case REGISTRATION_IMAGE:        /* of registrar_create and registrar_change */
    case REGISTRATION_ACCOUNT:
    case REGISTRATION_START:
    case REGISTRATION_DISPLAY_NAME:
    case REGISTRATION_PART_COUNT:
        break;
    }
    return ERROR_INVALID_PARAMETER;
}
