/* SPDX-License-Identifier: MIT
   The registration of a service, see registration.h. */
#include "registration.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "config/config_registry_load.h"

#define REGISTRATION_SOURCES "SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\"
#define REGISTRATION_VIRTUAL "NT SERVICE\\"

enum {
    REGISTRATION_ROOM = 8192, /* bytes: more than that no answer of the service manager has */
    REGISTRATION_TEXT_MAX = 65536
};

static const uint32_t registration__delays[] = {1000, 5000, 30000};

/* ---- The hardened one ---- */

static char *registration__copy(const char *string)
{
    return memory_copy_text(string, strlen(string));
}

static char *registration__image(const struct registration_request *request)
{
    return text_make("\"%s\" service --config \"%s\"", request->program, request->config_file);
}

bool registration_make(const struct registration_request *request, struct registration *made_out)
{
    const uint64_t stop = request->drain_timeout + REGISTRATION_STOP_MARGIN;
    *made_out = (struct registration){
        .image = registration__image(request),
        .account = request->account != NULL ? registration__copy(request->account)
                                            : text_make(REGISTRATION_VIRTUAL "%s", request->service),
        .display_name = registration__copy(request->service),
        .description = text_make("Listens on the TCP and UDP ports that %s names.", request->config_file),
        .privileges = registration__copy("SeChangeNotifyPrivilege"),
        .event_file = registration__copy(request->event_file),
        .config_file = registration__copy(request->config_file),
        .start = SERVICE_AUTO_START,
        .sid = REGISTRATION_SID_UNRESTRICTED,
        .restart_count = sizeof registration__delays / sizeof registration__delays[0],
        .reset_period = REGISTRATION_RESET_PERIOD,
        .preshutdown = stop < UINT32_MAX ? (uint32_t)stop : UINT32_MAX};
    memcpy(made_out->restart_delays, registration__delays, sizeof registration__delays);
    return made_out->image != NULL && made_out->account != NULL && made_out->display_name != NULL &&
           made_out->description != NULL && made_out->privileges != NULL && made_out->event_file != NULL &&
           made_out->config_file != NULL;
}

void registration_fini(struct registration *registration)
{
    memory_free(registration->image);
    memory_free(registration->account);
    memory_free(registration->display_name);
    memory_free(registration->description);
    memory_free(registration->privileges);
    memory_free(registration->event_file);
    memory_free(registration->config_file);
    *registration = (struct registration){.image = NULL};
}

/* ---- What the service manager has ---- */

/* One reading: the service, and room for its answers. */
struct registration_reader {
    SC_HANDLE service;
    union {
        QUERY_SERVICE_CONFIGW config;
        SERVICE_DESCRIPTIONW description;
        SERVICE_FAILURE_ACTIONSW failure;
        SERVICE_FAILURE_ACTIONS_FLAG scope;
        SERVICE_SID_INFO sid;
        SERVICE_REQUIRED_PRIVILEGES_INFOW privileges;
        SERVICE_PRESHUTDOWN_INFO preshutdown;
        BYTE bytes[REGISTRATION_ROOM];
    } * room;
    struct registration *registration;
};

/* A text of the system's; without memory the part counts as one that could not be read. */
static char *registration__take(struct registration *registration, enum registration_part part,
                                const WCHAR *utf16)
{
    char *utf8 = utf16_to_utf8(utf16 != NULL ? utf16 : L"");
    registration->errors[part] = utf8 != NULL ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
    return utf8;
}

static void registration__read_config(const struct registration_reader *reader)
{
    struct registration *registration = reader->registration;
    const QUERY_SERVICE_CONFIGW *config = &reader->room->config;
    DWORD needed = 0;
    if (!QueryServiceConfigW(reader->service, &reader->room->config, sizeof *reader->room, &needed)) {
        const DWORD error = GetLastError();
        registration->errors[REGISTRATION_IMAGE] = error;
        registration->errors[REGISTRATION_ACCOUNT] = error;
        registration->errors[REGISTRATION_START] = error;
        registration->errors[REGISTRATION_DISPLAY_NAME] = error;
        return;
    }
    registration->image = registration__take(registration, REGISTRATION_IMAGE, config->lpBinaryPathName);
    registration->account =
        registration__take(registration, REGISTRATION_ACCOUNT, config->lpServiceStartName);
    registration->display_name =
        registration__take(registration, REGISTRATION_DISPLAY_NAME, config->lpDisplayName);
    registration->start = config->dwStartType;
}

/* Whether the answer of this level is in the room. */
static bool registration__ask(const struct registration_reader *reader, enum registration_part part,
                              DWORD level)
{
    DWORD needed = 0;
    memset(reader->room, 0, sizeof reader->room->failure);
    if (QueryServiceConfig2W(reader->service, level, reader->room->bytes, sizeof *reader->room, &needed)) {
        return true;
    }
    reader->registration->errors[part] = GetLastError();
    return false;
}

/* How many of the first actions are restarts: what comes behind another action is not of interest. */
static void registration__take_restarts(struct registration *registration,
                                        const SERVICE_FAILURE_ACTIONSW *failure)
{
    uint32_t count = 0;
    while (failure->lpsaActions != NULL && count < failure->cActions && count < REGISTRATION_RESTARTS_MAX &&
           failure->lpsaActions[count].Type == SC_ACTION_RESTART) {
        registration->restart_delays[count] = failure->lpsaActions[count].Delay;
        count++;
    }
    registration->restart_count = count;
    registration->reset_period = failure->dwResetPeriod;
}

/* The list of the system, a NUL behind each and one more at the end, with commas. */
static void registration__take_privileges(struct registration *registration, const WCHAR *list)
{
    struct text text;
    text_init_heap(&text);
    for (const WCHAR *at = list; at != NULL && at[0] != L'\0'; at += wcslen(at) + 1) {
        text_add_string(&text, text.length > 0 ? "," : "");
        utf16_add(&text, at);
    }
    registration->privileges = text.is_cut ? NULL : memory_copy_text(text.at, text.length);
    registration->errors[REGISTRATION_PRIVILEGES] =
        registration->privileges != NULL ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
    text_fini(&text);
}

static void registration__read_settings(const struct registration_reader *reader)
{
    struct registration *registration = reader->registration;
    if (registration__ask(reader, REGISTRATION_DESCRIPTION, SERVICE_CONFIG_DESCRIPTION)) {
        registration->description = registration__take(registration, REGISTRATION_DESCRIPTION,
                                                       reader->room->description.lpDescription);
    }
    if (registration__ask(reader, REGISTRATION_RESTARTS, SERVICE_CONFIG_FAILURE_ACTIONS)) {
        registration__take_restarts(registration, &reader->room->failure);
    }
    if (registration__ask(reader, REGISTRATION_RESTART_SCOPE, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG)) {
        registration->restarts_after_errors = reader->room->scope.fFailureActionsOnNonCrashFailures != FALSE;
    }
    if (registration__ask(reader, REGISTRATION_SID, SERVICE_CONFIG_SERVICE_SID_INFO)) {
        registration->sid = reader->room->sid.dwServiceSidType;
    }
    if (registration__ask(reader, REGISTRATION_PRIVILEGES, SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO)) {
        registration__take_privileges(registration, reader->room->privileges.pmszRequiredPrivileges);
    }
    if (registration__ask(reader, REGISTRATION_PRESHUTDOWN, SERVICE_CONFIG_PRESHUTDOWN_INFO)) {
        registration->preshutdown = reader->room->preshutdown.dwPreshutdownTimeout;
    }
}

/* ---- What the registry has ---- */

WCHAR *registration_source_key(const char *service)
{
    char *key = text_make(REGISTRATION_SOURCES "%s", service);
    WCHAR *wide = key != NULL ? utf16_from(key) : NULL;
    memory_free(key);
    return wide;
}

/* The text of a value as it is written, variables and all; `key` is given back here. */
static char *registration__read_value(struct registration *registration, enum registration_part part,
                                      WCHAR *key, const WCHAR *name)
{
    WCHAR *value = key != NULL ? memory_alloc(REGISTRATION_TEXT_MAX) : NULL;
    DWORD size = REGISTRATION_TEXT_MAX;
    char *utf8 = NULL;
    registration->errors[part] = ERROR_NOT_ENOUGH_MEMORY;
    if (value != NULL) {
        registration->errors[part] =
            (uint32_t)RegGetValueW(HKEY_LOCAL_MACHINE, key, name,
                                   RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND, NULL, value, &size);
    }
    if (registration->errors[part] == ERROR_SUCCESS) {
        utf8 = registration__take(registration, part, value);
    } else if (registration->errors[part] == ERROR_FILE_NOT_FOUND) {
        registration->errors[part] = ERROR_SUCCESS; /* it is known: there is none */
    }
    memory_free(value);
    memory_free(key);
    return utf8;
}

/* ---- Reading ---- */

static bool registration__fail(const char *service, DWORD error, const char *what,
                               struct failure *failure_out)
{
    struct text text;
    *failure_out =
        (struct failure){.code = error == ERROR_ACCESS_DENIED ? EXIT_CODE_ACCESS_DENIED : EXIT_CODE_FAILED,
                         .win32_error = error};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    if (error == ERROR_NOT_ENOUGH_MEMORY) {
        text_add_string(&text, "out of memory");
    } else if (error == ERROR_SERVICE_DOES_NOT_EXIST) {
        text_add_string(&text, "there is no service ");
        text_add_escaped(&text, service, strlen(service));
    } else {
        text_add_string(&text, what);
        text_add_escaped(&text, service, strlen(service));
        text_add_string(&text, ": ");
        utf16_add_error(&text, error);
        text_add_string(&text, error == ERROR_ACCESS_DENIED ? "; run elevated" : "");
    }
    return false;
}

static SC_HANDLE registration__open(const char *service, DWORD *error_out)
{
    WCHAR *name = utf16_from(service);
    SC_HANDLE manager = name != NULL ? OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT) : NULL;
    SC_HANDLE handle = manager != NULL ? OpenServiceW(manager, name, SERVICE_QUERY_CONFIG) : NULL;
    *error_out = name != NULL ? GetLastError() : ERROR_NOT_ENOUGH_MEMORY;
    if (manager != NULL) {
        CloseServiceHandle(manager);
    }
    memory_free(name);
    return handle;
}

bool registration_read(const char *service, struct registration *read_out, struct failure *failure_out)
{
    struct registration_reader reader = {.registration = read_out};
    DWORD error = ERROR_NOT_ENOUGH_MEMORY;
    *read_out = (struct registration){.image = NULL};
    reader.room = memory_alloc(sizeof *reader.room);
    reader.service = reader.room != NULL ? registration__open(service, &error) : NULL;
    if (reader.service != NULL) {
        registration__read_config(&reader);
        registration__read_settings(&reader);
        CloseServiceHandle(reader.service);
        read_out->event_file = registration__read_value(
            read_out, REGISTRATION_EVENT_SOURCE, registration_source_key(service), L"EventMessageFile");
        read_out->config_file = registration__read_value(read_out, REGISTRATION_CONFIG_FILE,
                                                         config_registry_key(service), L"ConfigFile");
    }
    memory_free(reader.room);
    return reader.service != NULL ||
           registration__fail(service, error, "the service manager does not show the service ", failure_out);
}

/* ---- The parts of an ImagePath ---- */

/* Where ".exe" ends in an ImagePath without quotation marks, before a blank or its end; NULL: nowhere. */
static const char *registration__program_end(const char *image)
{
    for (const char *at = image; *at != '\0'; at++) {
        if (text_equal(at, strlen(at) < 4 ? strlen(at) : 4, ".exe") && (at[4] == ' ' || at[4] == '\0')) {
            return at + 4;
        }
    }
    return NULL;
}

static size_t registration__program_length(const char *image)
{
    const char *end = image[0] == '"' ? strchr(image + 1, '"') : registration__program_end(image);
    if (end == NULL) {
        end = image[0] == '"' ? image + strlen(image) : image + strcspn(image, " ");
    }
    return (size_t)(end - image);
}

char *registration_program(const char *image)
{
    const size_t quotation = image[0] == '"';
    return memory_copy_text(image + quotation, registration__program_length(image) - quotation);
}

bool registration_runs(const char *image, const char *program)
{
    const size_t quotation = image[0] == '"';
    return text_equal(image + quotation, registration__program_length(image) - quotation, program);
}

bool registration_is_quoted(const char *image)
{
    return image[0] == '"' || memchr(image, ' ', registration__program_length(image)) == NULL;
}

/* ---- Judging ---- */

bool registration_is_equal(const char *left, const char *right)
{
    return left != NULL && right != NULL && text_equal(left, strlen(left), right);
}

bool registration_has_own_account(const char *service, const char *account)
{
    const size_t lead = sizeof REGISTRATION_VIRTUAL - 1;
    return strlen(account) > lead && text_equal(account, lead, REGISTRATION_VIRTUAL) &&
           text_equal(account + lead, strlen(account + lead), service);
}

/* The account that may do everything; the service manager calls it "LocalSystem", people by its other names too. */
static bool registration__is_system(const char *account)
{
    return account == NULL || account[0] == '\0' || registration_is_equal(account, "LocalSystem") ||
           registration_is_equal(account, ".\\LocalSystem") ||
           registration_is_equal(account, "NT AUTHORITY\\SYSTEM") || registration_is_equal(account, "SYSTEM");
}

static bool registration__has_same_restarts(const struct registration *left, const struct registration *right)
{
    return left->restart_count == right->restart_count && left->reset_period == right->reset_period &&
           memcmp(left->restart_delays, right->restart_delays,
                  left->restart_count * sizeof left->restart_delays[0]) == 0;
}

/* Names that need no equal case: Windows takes paths, accounts and privileges in any. */
static bool registration__is_same(enum registration_part part, const struct registration *actual,
                                  const struct registration *hardened)
{
    switch (part) {
    case REGISTRATION_IMAGE:
        return registration_is_equal(actual->image, hardened->image);
    case REGISTRATION_ACCOUNT:
        return registration_is_equal(actual->account, hardened->account);
    case REGISTRATION_START:
        return actual->start == hardened->start;
    case REGISTRATION_DISPLAY_NAME:
        return registration_is_equal(actual->display_name, hardened->display_name);
    case REGISTRATION_SID:
        return actual->sid == hardened->sid;
    case REGISTRATION_PRIVILEGES:
        return registration_is_equal(actual->privileges, hardened->privileges);
    case REGISTRATION_DESCRIPTION:
        return registration_is_equal(actual->description, hardened->description);
    case REGISTRATION_RESTARTS:
        return registration__has_same_restarts(actual, hardened);
    case REGISTRATION_RESTART_SCOPE:
        return actual->restarts_after_errors == hardened->restarts_after_errors;
    case REGISTRATION_PRESHUTDOWN:
        return actual->preshutdown == hardened->preshutdown;
    case REGISTRATION_EVENT_SOURCE:
        return registration_is_equal(actual->event_file, hardened->event_file);
    case REGISTRATION_CONFIG_FILE:
        return registration_is_equal(actual->config_file, hardened->config_file);
    case REGISTRATION_PART_COUNT:
        break;
    }
    return false;
}

/* Of a part that is not the same. */
static bool registration__is_weaker(enum registration_part part, const struct registration *actual,
                                    const struct registration *hardened)
{
    switch (part) {
    case REGISTRATION_IMAGE:
        return !registration_is_quoted(actual->image);
    case REGISTRATION_ACCOUNT:
        return registration__is_system(actual->account);
    case REGISTRATION_SID:
        return actual->sid == REGISTRATION_SID_NONE;
    case REGISTRATION_PRIVILEGES:
        return actual->privileges[0] == '\0';
    case REGISTRATION_RESTARTS:
        return actual->restart_count == 0;
    case REGISTRATION_RESTART_SCOPE:
        return actual->restarts_after_errors;
    case REGISTRATION_PRESHUTDOWN:
        return actual->preshutdown < hardened->preshutdown;
    case REGISTRATION_EVENT_SOURCE:
        return actual->event_file == NULL;
    case REGISTRATION_CONFIG_FILE:
        return actual->config_file == NULL;
    case REGISTRATION_START:
    case REGISTRATION_DISPLAY_NAME:
    case REGISTRATION_DESCRIPTION:
    case REGISTRATION_PART_COUNT:
        break;
    }
    return false;
}

enum registration_verdict registration_judge(enum registration_part part, const struct registration *actual,
                                             const struct registration *hardened)
{
    if (actual->errors[part] != ERROR_SUCCESS) {
        return REGISTRATION_UNKNOWN;
    }
    if (registration__is_same(part, actual, hardened)) {
        return REGISTRATION_SAME;
    }
    return registration__is_weaker(part, actual, hardened) ? REGISTRATION_WEAKER : REGISTRATION_DIFFERENT;
}

/* ---- Words ---- */

const char *registration_name(enum registration_part part)
{
    static const char *const names[REGISTRATION_PART_COUNT] = {
        [REGISTRATION_IMAGE] = "command line",
        [REGISTRATION_ACCOUNT] = "account",
        [REGISTRATION_START] = "start",
        [REGISTRATION_DISPLAY_NAME] = "display name",
        [REGISTRATION_SID] = "service SID",
        [REGISTRATION_PRIVILEGES] = "required privileges",
        [REGISTRATION_DESCRIPTION] = "description",
        [REGISTRATION_RESTARTS] = "restart after a crash",
        [REGISTRATION_RESTART_SCOPE] = "restart for crashes only",
        [REGISTRATION_PRESHUTDOWN] = "time at a shutdown",
        [REGISTRATION_EVENT_SOURCE] = "event source",
        [REGISTRATION_CONFIG_FILE] = "registry value ConfigFile",
    };
    return names[part];
}

static void registration__add_restarts(struct text *text, const struct registration *registration)
{
    if (registration->restart_count == 0) {
        text_add_string(text, "none");
        return;
    }
    text_add_string(text, "after");
    for (uint32_t i = 0; i < registration->restart_count; i++) {
        text_add_format(text, "%s %lu ms", i > 0 ? "," : "", (unsigned long)registration->restart_delays[i]);
    }
    text_add_format(text, "; the first again after %lu s without a crash",
                    (unsigned long)registration->reset_period);
}

static const char *registration__start(uint32_t start)
{
    return start == SERVICE_AUTO_START     ? "automatic"
           : start == SERVICE_DEMAND_START ? "manual"
           : start == SERVICE_DISABLED     ? "disabled"
                                           : "of another kind";
}

static const char *registration__sid(uint32_t sid)
{
    return sid == REGISTRATION_SID_UNRESTRICTED ? "unrestricted"
           : sid == REGISTRATION_SID_RESTRICTED ? "restricted"
                                                : "none";
}

static void registration__add_text(struct text *text, const char *value)
{
    if (value == NULL || value[0] == '\0') {
        text_add_string(text, "none");
    } else {
        text_add_escaped(text, value, strlen(value));
    }
}

void registration_add_value(struct text *text, enum registration_part part,
                            const struct registration *registration)
{
    switch (part) {
    case REGISTRATION_IMAGE:
        registration__add_text(text, registration->image);
        break;
    case REGISTRATION_ACCOUNT:
        registration__add_text(text, registration->account);
        break;
    case REGISTRATION_START:
        text_add_string(text, registration__start(registration->start));
        break;
    case REGISTRATION_DISPLAY_NAME:
        registration__add_text(text, registration->display_name);
        break;
    case REGISTRATION_SID:
        text_add_string(text, registration__sid(registration->sid));
        break;
    case REGISTRATION_PRIVILEGES:
        registration__add_text(text, registration->privileges);
        break;
    case REGISTRATION_DESCRIPTION:
        registration__add_text(text, registration->description);
        break;
    case REGISTRATION_RESTARTS:
        registration__add_restarts(text, registration);
        break;
    case REGISTRATION_RESTART_SCOPE:
        text_add_string(text,
                        registration->restarts_after_errors ? "no: after errors of its own too" : "yes");
        break;
    case REGISTRATION_PRESHUTDOWN:
        text_add_format(text, "%lu ms", (unsigned long)registration->preshutdown);
        break;
    case REGISTRATION_EVENT_SOURCE:
        registration__add_text(text, registration->event_file);
        break;
    case REGISTRATION_CONFIG_FILE:
        registration__add_text(text, registration->config_file);
        break;
    case REGISTRATION_PART_COUNT:
        break;
    }
}
