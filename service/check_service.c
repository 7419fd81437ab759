/* SPDX-License-Identifier: MIT
   How the service is registered, see check.h. */
#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "check.h"
#include "control_client.h"
#include "diagnosis/finding_service.h"
#include "install_files.h"

enum { CHECK_VARIABLE_ROOM = 32768 };

bool check_variable(const char *name, struct text *value)
{
    WCHAR *wide = utf16_from(name);
    WCHAR *room = memory_alloc(CHECK_VARIABLE_ROOM * sizeof *room);
    bool is_found = false;
    value->is_cut = value->is_cut || wide == NULL || room == NULL;
    if (wide != NULL && room != NULL) {
        const DWORD length = GetEnvironmentVariableW(wide, room, CHECK_VARIABLE_ROOM);
        is_found = length > 0 && length < CHECK_VARIABLE_ROOM;
        if (is_found) {
            utf16_add(value, room);
        }
    }
    memory_free(wide);
    memory_free(room);
    return is_found;
}

/* The service manager knows services; a run on a console is behind its control pipe. 0: it does not run. */
static uint32_t check__find_process(const struct check *check)
{
    struct control_client client;
    struct failure failure;
    for (size_t i = 0; i < check->machine.services.count; i++) {
        const struct machine_service *row = machine_service_at(&check->machine, i);
        if (text_equal(row->name, strlen(row->name), check->service)) {
            return row->pid;
        }
    }
    if (check->is_registered || !control_client_open(&client, check->service, NULL, &failure)) {
        return 0;
    }
    const uint32_t pid = (uint32_t)client.process;
    control_client_close(&client);
    return pid;
}

/* Without its command line nothing of the registration is looked at, which must not pass for a good one; nor may a part that
   only memory lacks for. */
static void check__take_program(struct check *check, const char *subject)
{
    const struct registration *registration = &check->registration;
    const DWORD error = registration->errors[REGISTRATION_IMAGE];
    char room[300];
    struct text problem;
    for (size_t i = 0; i < REGISTRATION_PART_COUNT; i++) {
        check->findings->is_out_of_memory |= registration->errors[i] == ERROR_NOT_ENOUGH_MEMORY;
    }
    if (registration->image != NULL) {
        check->registered_program = registration_program(registration->image);
        check->findings->is_out_of_memory |= check->registered_program == NULL;
        return;
    }
    text_init(&problem, room, sizeof room);
    text_add_format(&problem, "its %s, ", registration_name(REGISTRATION_IMAGE));
    utf16_add_error(&problem, error);
    findings_add(check->findings, FINDING_SERVICE_UNREAD, subject, FINDING_WORDS({"problem", problem.at}));
}

void check_service_begin(struct check *check)
{
    char room[300];
    struct text subject;
    struct failure failure;
    text_init(&subject, room, sizeof room);
    text_add_string(&subject, "service ");
    text_add_escaped(&subject, check->service, strlen(check->service));
    check->is_registered = registration_read(check->service, &check->registration, &failure);
    if (check->is_registered) {
        check__take_program(check, subject.at);
    } else if (failure.win32_error == ERROR_SERVICE_DOES_NOT_EXIST) {
        findings_add(check->findings, FINDING_SERVICE_MISSING, subject.at, NULL);
    } else {
        findings_add(check->findings, FINDING_SERVICE_UNREAD, subject.at,
                     FINDING_WORDS({"problem", failure.text}));
    }
    check->pid = check__find_process(check);
}

void check_service_end(struct check *check)
{
    registration_fini(&check->registration);
    memory_free(check->registered_program);
    check->registered_program = NULL;
}

/* Whether its start is put off until the others have started. */
static bool check__is_delayed(const char *service)
{
    SERVICE_DELAYED_AUTO_START_INFO info = {FALSE};
    DWORD size = 0;
    WCHAR *name = utf16_from(service);
    SC_HANDLE manager = name != NULL ? OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT) : NULL;
    SC_HANDLE handle = manager != NULL ? OpenServiceW(manager, name, SERVICE_QUERY_CONFIG) : NULL;
    if (handle != NULL) {
        if (!QueryServiceConfig2W(handle, SERVICE_CONFIG_DELAYED_AUTO_START_INFO, (BYTE *)&info, sizeof info,
                                  &size)) {
            info.fDelayedAutostart = FALSE;
        }
        CloseServiceHandle(handle);
    }
    if (manager != NULL) {
        CloseServiceHandle(manager);
    }
    memory_free(name);
    return info.fDelayedAutostart != FALSE;
}

static enum service_start check__start(const struct check *check)
{
    switch (check->registration.start) {
    case SERVICE_AUTO_START:
        return check__is_delayed(check->service) ? SERVICE_STARTS_DELAYED : SERVICE_STARTS_AT_BOOT;
    case SERVICE_DISABLED:
        return SERVICE_NEVER_STARTS;
    default:
        return SERVICE_STARTS_BY_HAND;
    }
}

/* The path with its variables; what has no value stays. */
static void check__expand(struct text *text, const char *path)
{
    while (*path != '\0') {
        const char *end = *path == '%' ? strchr(path + 1, '%') : NULL;
        char name[128];
        const size_t length = end != NULL ? (size_t)(end - path - 1) : sizeof name;
        if (length < sizeof name) {
            memcpy(name, path + 1, length);
            name[length] = '\0';
            if (check_variable(name, text)) {
                path = end + 1;
                continue;
            }
        }
        text_add(text, path++, 1);
    }
}

/* Not there for certain. */
static bool check__is_missing(const char *path)
{
    struct text full;
    text_init_heap(&full);
    check__expand(&full, path);
    const bool is_missing = !full.is_cut && install_files_look(full.at) == ERROR_FILE_NOT_FOUND;
    text_fini(&full);
    return is_missing;
}

static bool check__is_known(const struct check *check, enum registration_part part)
{
    return check->registration.errors[part] == ERROR_SUCCESS;
}

/* A part that could not be read is not held against it. */
static void check__fill(const struct check *check, struct service_facts *facts)
{
    const struct registration *registration = &check->registration;
    facts->start = check__is_known(check, REGISTRATION_START) ? check__start(check) : SERVICE_STARTS_AT_BOOT;
    facts->restarts_after_crash =
        !check__is_known(check, REGISTRATION_RESTARTS) || registration->restart_count > 0;
    facts->restarts_after_errors = registration->restarts_after_errors;
    facts->has_sid = !check__is_known(check, REGISTRATION_SID) || registration->sid != REGISTRATION_SID_NONE;
    facts->has_privileges =
        !check__is_known(check, REGISTRATION_PRIVILEGES) || registration->privileges[0] != '\0';
    facts->has_description =
        !check__is_known(check, REGISTRATION_DESCRIPTION) || registration->description[0] != '\0';
    facts->preshutdown =
        check__is_known(check, REGISTRATION_PRESHUTDOWN) ? registration->preshutdown : UINT32_MAX;
    facts->has_event_source =
        !check__is_known(check, REGISTRATION_EVENT_SOURCE) || registration->event_file != NULL;
    if (registration->event_file != NULL && check__is_missing(registration->event_file)) {
        facts->event_file = registration->event_file;
    }
}

void check_service(struct check *check)
{
    struct service_facts facts = {.name = check->service,
                                  .program = check->program,
                                  .line = check->registration.image,
                                  .path = check->registered_program,
                                  .account = check->registration.account,
                                  .drain_timeout = check->config->service.drain_timeout};
    if (!check->is_registered || facts.line == NULL || facts.path == NULL) {
        return;
    }
    facts.is_quoted = registration_is_quoted(facts.line);
    facts.account = facts.account != NULL ? facts.account : "";
    check__fill(check, &facts);
    finding_service_add(check->findings, &facts);
}
