/* SPDX-License-Identifier: MIT
   The removal of a service, see uninstaller.h. */
#include "uninstaller.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "base/win.h"
#include "firewall_rules.h"
#include "install_files.h"
#include "registrar.h"
#include "registration.h"
#include "service_state.h"
#include "system_failure.h"

#define UNINSTALLER_SERVICES L"SYSTEM\\CurrentControlSet\\Services"

enum {
    UNINSTALLER_COLUMN = 26,
    UNINSTALLER_NAME_ROOM = 256,
    UNINSTALLER_IMAGE_ROOM = 32768 /* UTF-16 units; no command line is longer */
};

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

static void uninstaller__remove_source(struct uninstaller *uninstaller)
{
    const char *service = uninstaller->request->service;
    char *file = NULL;
    DWORD error = registrar_find_source(service, &file);
    const bool is_ours = file != NULL && install_places_have_texts(file);
    memory_free(file);
    if (is_ours && !uninstaller->request->is_dry_run) {
        error = registrar_remove_source(service);
    }
    if (error != ERROR_SUCCESS) {
        uninstaller__refuse(uninstaller, "event source", "stays: ", error);
    } else if (is_ours) {
        uninstaller__tell(uninstaller, "event source", "removed");
    }
}

static void uninstaller__remove_rules(const struct uninstaller *uninstaller)
{
    const struct firewall_rules rules = {.service = uninstaller->request->service,
                                         .program = uninstaller->request->places->target};
    struct text arguments;
    text_init_heap(&arguments);
    firewall_rules_add_removal(&arguments, &rules);
    if (uninstaller->request->is_dry_run) {
        uninstaller__tell(uninstaller, "firewall", "rules of this service removed, where there are any");
    } else if (firewall_rules_run(&arguments)) {
        uninstaller__tell(uninstaller, "firewall", "rules of this service removed");
    }
    text_fini(&arguments);
}

/* ---- The program ---- */

/* No service runs a program by such a key: it has no command line, is going, or is closed even to administrators, which
   none of ours is. */
static bool uninstaller__runs_nothing(DWORD error)
{
    return error == ERROR_FILE_NOT_FOUND || error == ERROR_UNSUPPORTED_TYPE || error == ERROR_KEY_DELETED ||
           error == ERROR_ACCESS_DENIED;
}

/* Whether the service of this key runs the program. `room` is for its command line. */
static DWORD uninstaller__look_at_service(HKEY services, const WCHAR *name, const char *program, WCHAR *room,
                                          bool *runs_out)
{
    DWORD size = UNINSTALLER_IMAGE_ROOM * sizeof *room;
    const DWORD error = (DWORD)RegGetValueW(
        services, name, L"ImagePath", RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND, NULL, room, &size);
    *runs_out = false;
    if (error != ERROR_SUCCESS) {
        return uninstaller__runs_nothing(error) ? ERROR_SUCCESS : error;
    }
    char *image = utf16_to_utf8(room);
    *runs_out = image != NULL && registration_runs(image, program);
    memory_free(image);
    return image != NULL ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
}

/* Adds the next service to `users`, if it is another one that runs the program. */
static DWORD uninstaller__look_at_next(const struct uninstaller *uninstaller, HKEY services, DWORD index,
                                       WCHAR *room, struct text *users)
{
    WCHAR name[UNINSTALLER_NAME_ROOM];
    DWORD length = UNINSTALLER_NAME_ROOM;
    bool runs = false;
    DWORD error = (DWORD)RegEnumKeyExW(services, index, name, &length, NULL, NULL, NULL, NULL);
    if (error != ERROR_SUCCESS) {
        return error;
    }
    char *utf8 = utf16_to_utf8(name);
    error = ERROR_NOT_ENOUGH_MEMORY;
    if (utf8 != NULL) {
        error =
            uninstaller__look_at_service(services, name, uninstaller->request->places->target, room, &runs);
    }
    /* this service is still among them while another program, such as services.msc, shows it */
    if (runs && !text_equal(utf8, strlen(utf8), uninstaller->request->service)) {
        text_add_format(users, " %s", utf8);
    }
    memory_free(utf8);
    return error;
}

/* The names of other services that run the program, each with a blank before it. */
static DWORD uninstaller__find_users(const struct uninstaller *uninstaller, struct text *users)
{
    HKEY services = NULL;
    WCHAR *room = memory_alloc(UNINSTALLER_IMAGE_ROOM * sizeof *room);
    DWORD error = room != NULL
                      ? (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, UNINSTALLER_SERVICES, 0, KEY_READ, &services)
                      : ERROR_NOT_ENOUGH_MEMORY;
    for (DWORD i = 0; error == ERROR_SUCCESS; i++) {
        error = uninstaller__look_at_next(uninstaller, services, i, room, users);
    }
    if (services != NULL) {
        RegCloseKey(services);
    }
    memory_free(room);
    return error == ERROR_NO_MORE_ITEMS ? ERROR_SUCCESS : error;
}

/* Whether it goes later. */
static bool uninstaller__remove_file(struct uninstaller *uninstaller, const char *name)
{
    char *path = install_files_join(uninstaller->request->places->program, name);
    enum install_files_removal removal = INSTALL_FILES_GONE;
    if (path == NULL) {
        uninstaller__refuse(uninstaller, name, "stays: ", ERROR_NOT_ENOUGH_MEMORY);
    } else if (install_files_look(path) != ERROR_FILE_NOT_FOUND) {
        removal = uninstaller->request->is_dry_run ? INSTALL_FILES_GONE : install_files_remove(path);
        if (removal == INSTALL_FILES_STAYS) {
            uninstaller__refuse(uninstaller, name, "stays: in use", ERROR_SUCCESS);
        } else {
            uninstaller__tell(uninstaller, name,
                              removal == INSTALL_FILES_GONE ? "removed"
                                                            : "in use: goes when the machine starts again");
        }
    }
    memory_free(path);
    return removal == INSTALL_FILES_LATER;
}

/* What upgrades and removals have put aside. Whether one of them goes later. */
static bool uninstaller__remove_old(struct uninstaller *uninstaller)
{
    struct text names;
    bool is_later = false;
    text_init_heap(&names);
    const DWORD error = install_files_find_old(uninstaller->request->places->program, &names);
    for (const char *at = names.at; *at != '\0'; at += strcspn(at, "\n") + 1) {
        char *name = memory_copy_text(at, strcspn(at, "\n"));
        if (name != NULL) {
            is_later = uninstaller__remove_file(uninstaller, name) || is_later;
        } else {
            uninstaller__refuse(uninstaller, "an old file", "stays: ", ERROR_NOT_ENOUGH_MEMORY);
        }
        memory_free(name);
    }
    if (error != ERROR_SUCCESS) {
        uninstaller__refuse(uninstaller, "old files", "stay, where there are any: ", error);
    }
    text_fini(&names);
    return is_later;
}

/* The program is shared by all services that were installed from it. */
static void uninstaller__remove_program(struct uninstaller *uninstaller)
{
    struct text users;
    text_init_heap(&users);
    const DWORD error = uninstaller__find_users(uninstaller, &users);
    if (error != ERROR_SUCCESS) {
        uninstaller__refuse(uninstaller, "program",
                            "stays: the registry does not tell who else runs it: ", error);
    } else if (users.length > 0 || users.is_cut) {
        output_format(&uninstaller->streams->out, "  %-*s stays, as other services run it:%s\n",
                      UNINSTALLER_COLUMN, "program", users.at);
    } else {
        bool is_later = uninstaller__remove_old(uninstaller); /* before others are put aside */
        is_later = uninstaller__remove_file(uninstaller, INSTALL_PLACES_PROGRAM) || is_later;
        is_later = uninstaller__remove_file(uninstaller, INSTALL_PLACES_EVENTS) || is_later;
        if (!uninstaller->request->is_dry_run) { /* where it holds more, it stays */
            install_files_remove_folder(uninstaller->request->places->program, is_later);
        }
    }
    text_fini(&users);
}

/* ---- The data ---- */

static DWORD uninstaller__look_in(const char *folder, const char *name)
{
    char *path = install_files_join(folder, name);
    const DWORD error = path != NULL ? install_files_look(path) : ERROR_NOT_ENOUGH_MEMORY;
    memory_free(path);
    return error;
}

/* By its configuration; where that is another file, by the two folders that the service writes to. ERROR_FILE_NOT_FOUND:
   it is not ours. */
static DWORD uninstaller__look_at_data(const char *data)
{
    DWORD error = uninstaller__look_in(data, INSTALL_PLACES_INI);
    if (error == ERROR_FILE_NOT_FOUND) {
        error = uninstaller__look_in(data, "logs");
        error = error == ERROR_SUCCESS ? uninstaller__look_in(data, "plugin-cache") : error;
    }
    return error;
}

static void uninstaller__purge(struct uninstaller *uninstaller)
{
    const char *data = uninstaller->request->places->data;
    DWORD error = uninstaller__look_at_data(data);
    if (error == ERROR_FILE_NOT_FOUND) {
        uninstaller__refuse(uninstaller, "configuration and data",
                            "stay: without a " INSTALL_PLACES_INI " the folder may be another program's",
                            ERROR_SUCCESS);
        return;
    }
    if (error == ERROR_SUCCESS && !uninstaller->request->is_dry_run) {
        /* the configuration last: by it the next try knows the folder */
        error = install_files_remove_tree(data, INSTALL_PLACES_INI);
    }
    if (error == ERROR_SUCCESS) {
        uninstaller__tell(uninstaller, "configuration and data", "removed");
    } else {
        uninstaller__refuse(uninstaller, "configuration and data",
                            "stay, at least in part; end what uses them and try again: ", error);
    }
}

static void uninstaller__remove_data(struct uninstaller *uninstaller)
{
    const char *data = uninstaller->request->places->data;
    if (install_files_look(data) == ERROR_FILE_NOT_FOUND) {
        return;
    }
    if (uninstaller->request->wants_purge) {
        uninstaller__purge(uninstaller);
    } else {
        output_format(&uninstaller->streams->out, "  %-*s stays: %s (--purge removes it)\n",
                      UNINSTALLER_COLUMN, "configuration and data", data);
    }
}

static void uninstaller__remove_rest(struct uninstaller *uninstaller)
{
    uninstaller__remove_source(uninstaller);
    uninstaller__remove_rules(uninstaller);
    if (!uninstaller->request->keeps_program) {
        uninstaller__remove_program(uninstaller);
    }
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
