/* SPDX-License-Identifier: MIT
   The removal of a service, see uninstaller.h. */
#include "uninstaller.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "base/win.h"
#include "firewall_rules.h"
#include "install_files.h"
#include "registration.h"
#include "service_state.h"
#include "system_failure.h"

#define UNINSTALLER_SERVICES L"SYSTEM\\CurrentControlSet\\Services"

enum { UNINSTALLER_COLUMN = 26, UNINSTALLER_NAME_ROOM = 256, UNINSTALLER_PATH_ROOM = 2048 };

struct uninstaller {
    const struct uninstaller_request *request;
    struct streams *streams;
    bool has_service;
    unsigned refused;
};

static void uninstaller__tell(const struct uninstaller *uninstaller, const char *what, const char *text)
{
    output_format(&uninstaller->streams->out, "  %-*s %s\n", UNINSTALLER_COLUMN, what, text);
}

static void uninstaller__refuse(struct uninstaller *uninstaller, const char *what, const char *lead,
                                DWORD error)
{
    struct text text;
    text_init_heap(&text);
    text_add_string(&text, lead);
    if (error != ERROR_SUCCESS) {
        utf16_add_error(&text, error);
    }
    uninstaller__tell(uninstaller, what, text.at);
    text_fini(&text);
    uninstaller->refused++;
}

/* ---- The service ---- */

static bool uninstaller__look(struct uninstaller *uninstaller, struct failure *failure_out)
{
    const struct uninstaller_request *request = uninstaller->request;
    struct registration registration;
    struct text text;
    bool is_fine = true;
    if (registration_read(request->service, &registration, failure_out)) {
        uninstaller->has_service = true;
        is_fine = install_places_are_of(request->places, registration.image);
        if (!is_fine) {
            *failure_out = (struct failure){.code = EXIT_CODE_FAILED};
            text_init(&text, failure_out->text, sizeof failure_out->text);
            text_add_format(&text, "nothing was removed, as %s is not a service of PortListener: it runs ",
                            request->service);
            registration_add_value(&text, REGISTRATION_IMAGE, &registration);
            text_add_string(&text, "; give the right name with --service");
        }
    } else {
        is_fine = failure_out->win32_error == ERROR_SERVICE_DOES_NOT_EXIST;
    }
    registration_fini(&registration);
    return is_fine && install_places_check_rights(failure_out);
}

static bool uninstaller__stop_and_delete(SC_HANDLE service, struct failure *failure_out)
{
    bool ran = false;
    if (!service_state_stop(service, &ran, failure_out)) {
        return false;
    }
    /* marked already: a program that still shows it keeps it from going */
    return DeleteService(service) || GetLastError() == ERROR_SERVICE_MARKED_FOR_DELETE ||
           system_failure(failure_out, GetLastError(), "the service manager does not delete it: ");
}

static bool uninstaller__remove_service(const struct uninstaller *uninstaller, struct failure *failure_out)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    DWORD error = manager != NULL ? ERROR_SUCCESS : GetLastError();
    WCHAR *name = utf16_from(uninstaller->request->service);
    SC_HANDLE service = NULL;
    if (manager != NULL && name != NULL) {
        service = OpenServiceW(manager, name, SERVICE_STOP | SERVICE_QUERY_STATUS | DELETE);
        error = service != NULL ? ERROR_SUCCESS : GetLastError();
    }
    memory_free(name);
    bool is_done = service != NULL;
    if (is_done) {
        is_done = uninstaller__stop_and_delete(service, failure_out);
        CloseServiceHandle(service);
    } else {
        system_failure(failure_out, error != ERROR_SUCCESS ? error : ERROR_NOT_ENOUGH_MEMORY,
                       "it cannot be opened: ");
    }
    if (manager != NULL) {
        CloseServiceHandle(manager);
    }
    return is_done;
}

/* False: then nothing else is removed. */
static bool uninstaller__end_service(const struct uninstaller *uninstaller, struct failure *failure_out)
{
    if (!uninstaller->has_service) {
        uninstaller__tell(uninstaller, "service", "there is none; what else is left of it is removed");
        return true;
    }
    if (!uninstaller->request->is_dry_run && !uninstaller__remove_service(uninstaller, failure_out)) {
        struct failure cause = *failure_out;
        struct text text;
        text_init(&text, failure_out->text, sizeof failure_out->text);
        text_add_format(&text, "nothing was removed, as the service %s stays: %s%s",
                        uninstaller->request->service, cause.text,
                        cause.code == EXIT_CODE_ACCESS_DENIED ? "; run elevated" : "");
        return false;
    }
    uninstaller__tell(uninstaller, "service", "stopped and removed");
    return true;
}

/* ---- The event source and the firewall ---- */

/* Whether the value of the key is this file; `room` takes what it is. */
static bool uninstaller__is_source_ours(const WCHAR *key)
{
    WCHAR room[UNINSTALLER_PATH_ROOM];
    DWORD size = sizeof room;
    if (RegGetValueW(HKEY_LOCAL_MACHINE, key, L"EventMessageFile",
                     RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND, NULL, room,
                     &size) != ERROR_SUCCESS) {
        return false;
    }
    char *file = utf16_to_utf8(room);
    const char *name = file != NULL ? strrchr(file, '\\') : NULL;
    const bool is_ours = name != NULL && text_equal(name + 1, strlen(name + 1), INSTALL_PLACES_EVENTS);
    memory_free(file);
    return is_ours;
}

static void uninstaller__remove_source(struct uninstaller *uninstaller)
{
    WCHAR *key = registration_source_key(uninstaller->request->service);
    if (key != NULL && uninstaller__is_source_ours(key)) {
        const LSTATUS status =
            uninstaller->request->is_dry_run ? ERROR_SUCCESS : RegDeleteTreeW(HKEY_LOCAL_MACHINE, key);
        if (status == ERROR_SUCCESS) {
            uninstaller__tell(uninstaller, "event source", "removed");
        } else {
            uninstaller__refuse(uninstaller, "event source", "stays: ", (DWORD)status);
        }
    }
    memory_free(key);
}

static void uninstaller__remove_rules(struct uninstaller *uninstaller, const char *program)
{
    const struct firewall_rules rules = {.service = uninstaller->request->service, .program = program};
    struct text arguments;
    text_init_heap(&arguments);
    firewall_rules_add_removal(&arguments, &rules);
    if (!uninstaller->request->is_dry_run && firewall_rules_run(&arguments)) {
        uninstaller__tell(uninstaller, "firewall", "rules of this service removed");
    }
    text_fini(&arguments);
}

/* ---- The program ---- */

/* Whether the service of this key runs the program. */
static bool uninstaller__runs(HKEY services, const WCHAR *name, const char *program)
{
    WCHAR room[UNINSTALLER_PATH_ROOM];
    DWORD size = sizeof room;
    if (RegGetValueW(services, name, L"ImagePath", RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND, NULL,
                     room, &size) != ERROR_SUCCESS) {
        return false;
    }
    char *image = utf16_to_utf8(room);
    char *runs = image != NULL ? registration_program(image) : NULL;
    const bool is_it = runs != NULL && text_equal(runs, strlen(runs), program);
    memory_free(runs);
    memory_free(image);
    return is_it;
}

/* The names of other services that run the program, each with a blank before it. False: the registry does not tell. */
static bool uninstaller__find_users(const struct uninstaller *uninstaller, const char *program,
                                    struct text *users)
{
    WCHAR name[UNINSTALLER_NAME_ROOM];
    HKEY services = NULL;
    LSTATUS status = RegOpenKeyExW(HKEY_LOCAL_MACHINE, UNINSTALLER_SERVICES, 0, KEY_READ, &services);
    if (status != ERROR_SUCCESS) {
        return false;
    }
    for (DWORD i = 0; status == ERROR_SUCCESS; i++) {
        DWORD length = UNINSTALLER_NAME_ROOM;
        status = RegEnumKeyExW(services, i, name, &length, NULL, NULL, NULL, NULL);
        char *utf8 = status == ERROR_SUCCESS ? utf16_to_utf8(name) : NULL;
        /* this service is still among them while another program, such as services.msc, shows it */
        if (utf8 != NULL && !text_equal(utf8, strlen(utf8), uninstaller->request->service) &&
            uninstaller__runs(services, name, program)) {
            text_add_format(users, " %s", utf8);
        }
        status = status == ERROR_SUCCESS && utf8 == NULL ? ERROR_NOT_ENOUGH_MEMORY : status;
        memory_free(utf8);
    }
    RegCloseKey(services);
    return status == ERROR_NO_MORE_ITEMS;
}

/* Whether it goes later. */
static bool uninstaller__remove_file(struct uninstaller *uninstaller, const char *name)
{
    char *path = install_files_join(uninstaller->request->places->program, name);
    enum install_files_removal removal = INSTALL_FILES_STAYS;
    if (path != NULL && !install_files_is_there(path)) {
        removal = INSTALL_FILES_GONE;
    } else if (path != NULL) {
        removal = uninstaller->request->is_dry_run ? INSTALL_FILES_GONE : install_files_remove(path);
        if (removal == INSTALL_FILES_LATER) {
            uninstaller__tell(uninstaller, name, "in use: goes when the machine starts again");
        } else if (removal == INSTALL_FILES_GONE) {
            uninstaller__tell(uninstaller, name, "removed");
        }
    }
    if (removal == INSTALL_FILES_STAYS) {
        uninstaller__refuse(uninstaller, name, "stays: in use", ERROR_SUCCESS);
    }
    memory_free(path);
    return removal == INSTALL_FILES_LATER;
}

/* The program is shared by all services that were installed from it. */
static void uninstaller__remove_program(struct uninstaller *uninstaller, const char *program)
{
    struct text users;
    text_init_heap(&users);
    if (!uninstaller__find_users(uninstaller, program, &users)) {
        uninstaller__refuse(uninstaller, "program", "stays: the registry does not tell who else runs it",
                            ERROR_SUCCESS);
    } else if (users.length > 0) {
        output_format(&uninstaller->streams->out, "  %-*s stays, as other services run it:%s\n",
                      UNINSTALLER_COLUMN, "program", users.at);
    } else {
        const bool is_program_later = uninstaller__remove_file(uninstaller, INSTALL_PLACES_PROGRAM);
        const bool is_later =
            uninstaller__remove_file(uninstaller, INSTALL_PLACES_EVENTS) || is_program_later;
        if (!uninstaller->request->is_dry_run) { /* where it holds more, it stays */
            install_files_remove_folder(uninstaller->request->places->program, is_later);
        }
    }
    text_fini(&users);
}

/* ---- The data ---- */

static bool uninstaller__has(const char *folder, const char *name)
{
    char *path = install_files_join(folder, name);
    const bool has_it = path != NULL && install_files_is_there(path);
    memory_free(path);
    return has_it;
}

/* By its configuration; where that is another file, by the two folders that the service writes to. */
static bool uninstaller__is_data_ours(const char *data)
{
    return uninstaller__has(data, INSTALL_PLACES_INI) ||
           (uninstaller__has(data, "logs") && uninstaller__has(data, "plugin-cache"));
}

static void uninstaller__remove_data(struct uninstaller *uninstaller)
{
    const struct uninstaller_request *request = uninstaller->request;
    const char *data = request->places->data;
    if (!install_files_is_there(data)) {
        return;
    }
    if (!request->wants_purge) {
        output_format(&uninstaller->streams->out, "  %-*s stays: %s (--purge removes it)\n",
                      UNINSTALLER_COLUMN, "configuration and data", data);
    } else if (!uninstaller__is_data_ours(data)) {
        uninstaller__refuse(uninstaller, "configuration and data",
                            "stay: without a " INSTALL_PLACES_INI " the folder may be another program's",
                            ERROR_SUCCESS);
    } else if (request->is_dry_run || install_files_remove_tree(data, NULL) == ERROR_SUCCESS) {
        uninstaller__tell(uninstaller, "configuration and data", "removed");
    } else {
        uninstaller__refuse(uninstaller, "configuration and data",
                            "stay, at least in part: a program has a file open", ERROR_SUCCESS);
    }
}

static void uninstaller__remove_rest(struct uninstaller *uninstaller)
{
    char *program = install_files_join(uninstaller->request->places->program, INSTALL_PLACES_PROGRAM);
    uninstaller__remove_source(uninstaller);
    if (program == NULL) {
        uninstaller__refuse(uninstaller, "program", "stays: out of memory", ERROR_SUCCESS);
    } else {
        uninstaller__remove_rules(uninstaller, program);
        if (!uninstaller->request->keeps_program) {
            uninstaller__remove_program(uninstaller, program);
        }
    }
    memory_free(program);
    uninstaller__remove_data(uninstaller);
}

enum exit_code uninstaller_run(const struct uninstaller_request *request, struct streams *streams)
{
    struct uninstaller uninstaller = {.request = request, .streams = streams};
    struct failure failure = {.code = EXIT_CODE_FAILED};
    if (!uninstaller__look(&uninstaller, &failure)) {
        return output_failure(&streams->err, &failure);
    }
    output_format(&streams->out, "Removing %s%s\n", request->service, request->is_dry_run ? ", dry run" : "");
    if (!uninstaller__end_service(&uninstaller, &failure)) {
        return output_failure(&streams->err, &failure);
    }
    uninstaller__remove_rest(&uninstaller);
    output_format(&streams->out, request->is_dry_run ? "Nothing was changed.\n" : "Removed.\n");
    if (uninstaller.refused > 0) {
        output_format(&streams->err, "portlistener: things that could not be removed: %u, see above\n",
                      uninstaller.refused);
        return EXIT_CODE_FAILED;
    }
    return EXIT_CODE_DONE;
}
