/* SPDX-License-Identifier: MIT
   The installation, see installer.h. */
#include "installer.h"

#include <string.h>

#include "base/file_trust.h"
#include "base/memory.h"
#include "base/utf16.h"
#include "base/win.h"
#include "firewall_rules.h"
#include "install_files.h"
#include "installer_files.h"
#include "loaded_config.h"
#include "pipe_access.h"
#include "registrar.h"
#include "registration.h"
#include "service_state.h"

enum {
    INSTALLER_SID_ROOM = 128,
    INSTALLER_DRAIN = 10000, /* milliseconds: the default of drain_timeout */
    INSTALLER_COLUMN = 26
};

struct installer {
    const struct installer_request *request;
    struct streams *streams;
    SC_HANDLE manager;
    SC_HANDLE service;          /* NULL: not there yet */
    bool is_upgrade;            /* it was there */
    bool ran;                   /* and ran */
    bool keeps_account;         /* what it has stays */
    struct registration before; /* of an upgrade */
    struct registration hardened;
    char *program; /* full paths of files */
    char *events;
    char *ini;
    char sid[INSTALLER_SID_ROOM];
    struct loaded_config config; /* what the service will read */
    bool has_config;
    struct installer_files files; /* made, for undoing */
    bool has_source;              /* made */
    unsigned refused;
};

enum installer_weight { INSTALLER_MUST, INSTALLER_MAY };

/* A step says in `said` what it is about to do, and does it; on a dry run it only says so. */
struct installer_step {
    const char *name; /* NULL: that of the part */
    enum installer_weight weight;
    enum registration_part part;                       /* of the steps that set one, that have no name */
    bool (*is_due)(const struct installer *installer); /* NULL: always */
    bool (*run)(struct installer *installer, const struct installer_step *step, struct text *said,
                struct failure *failure_out);
    void (*undo)(struct installer *installer); /* NULL: nothing to undo */
};

static bool installer__is_dry(const struct installer *installer)
{
    return installer->request->is_dry_run;
}

/* ---- What is there ---- */

static bool installer__refuse(struct failure *failure_out, const char *lead, const char *subject,
                              const char *rest)
{
    struct text text;
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_string(&text, lead);
    text_add_escaped(&text, subject, strlen(subject));
    text_add_string(&text, rest);
    return false;
}

/* The service, if there is one: it must be ours. */
static bool installer__find_service(struct installer *installer, struct failure *failure_out)
{
    const struct installer_request *request = installer->request;
    if (!registration_read(request->service, &installer->before, failure_out)) {
        return failure_out->win32_error == ERROR_SERVICE_DOES_NOT_EXIST;
    }
    installer->is_upgrade = true;
    return install_places_are_of(request->places, installer->before.image) ||
           installer__refuse(failure_out,
                             "there is a service of this name already that runs another program: ",
                             installer->before.image != NULL ? installer->before.image : "not to be read",
                             "; give another name with --service");
}

/* The event source, if there is one: a file of the same name. */
static bool installer__find_source(const struct installer *installer, struct failure *failure_out)
{
    WCHAR *key = registration_source_key(installer->request->service);
    WCHAR room[1024];
    DWORD size = sizeof room;
    const LSTATUS status =
        key != NULL ? RegGetValueW(HKEY_LOCAL_MACHINE, key, L"EventMessageFile",
                                   RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND, NULL, room, &size)
                    : ERROR_NOT_ENOUGH_MEMORY;
    memory_free(key);
    if (status == ERROR_FILE_NOT_FOUND) {
        return true;
    }
    char *file = status == ERROR_SUCCESS ? utf16_to_utf8(room) : NULL;
    const char *name = file != NULL ? strrchr(file, '\\') : NULL;
    const bool is_ours = name != NULL && registration_is_equal(name + 1, INSTALL_PLACES_EVENTS);
    if (!is_ours) {
        installer__refuse(failure_out,
                          "another program has an event source of this name: ", file != NULL ? file : "",
                          "; give another name with --service");
    }
    memory_free(file);
    return is_ours;
}

/* A file in the folder of the program that runs. */
static bool installer__find_file(const struct installer *installer, const char *name,
                                 struct failure *failure_out)
{
    char *path = install_files_join(installer->request->places->source, name);
    const bool is_there = path != NULL && install_files_is_there(path);
    if (!is_there) {
        installer__refuse(failure_out, "there is no ", path != NULL ? path : name,
                          "; it belongs beside the program: unpack the whole archive");
    }
    memory_free(path);
    return is_there;
}

/* The configuration that the service is to read: asked for, or what it has, or its own. False: no memory. */
static bool installer__choose_config(struct installer *installer)
{
    const struct installer_request *request = installer->request;
    const char *chosen = request->config_file != NULL ? request->config_file : installer->before.config_file;
    installer->ini = chosen != NULL ? memory_copy_text(chosen, strlen(chosen))
                                    : install_files_join(request->places->data, INSTALL_PLACES_INI);
    return installer->ini != NULL;
}

static bool installer__is_own_ini(const struct installer *installer)
{
    char *own = install_files_join(installer->request->places->data, INSTALL_PLACES_INI);
    const bool is_own = registration_is_equal(own, installer->ini);
    memory_free(own);
    return is_own;
}

/* An upgrade leaves the account that somebody has chosen; the one that may do everything nobody chooses. */
static const char *installer__choose_account(struct installer *installer)
{
    const struct installer_request *request = installer->request;
    struct registration own = {.errors = {0}};
    installer->keeps_account =
        request->account == NULL && installer->is_upgrade && installer->before.account != NULL &&
        registration_judge(REGISTRATION_ACCOUNT, &installer->before, &own) != REGISTRATION_WEAKER;
    return installer->keeps_account ? installer->before.account : request->account;
}

static bool installer__plan(struct installer *installer, struct failure *failure_out)
{
    const struct installer_request *request = installer->request;
    struct text sid;
    installer_files_fail(failure_out, ERROR_NOT_ENOUGH_MEMORY, "");
    text_init(&sid, installer->sid, sizeof installer->sid);
    installer->program = install_files_join(request->places->program, INSTALL_PLACES_PROGRAM);
    installer->events = install_files_join(request->places->program, INSTALL_PLACES_EVENTS);
    if (installer->program == NULL || installer->events == NULL || !pipe_access_sid(&sid, request->service) ||
        !installer__choose_config(installer)) {
        return false;
    }
    const struct registration_request hardened = {.service = request->service,
                                                  .program = installer->program,
                                                  .event_file = installer->events,
                                                  .config_file = installer->ini,
                                                  .account = installer__choose_account(installer),
                                                  .drain_timeout = INSTALLER_DRAIN};
    return registration_make(&hardened, &installer->hardened);
}

/* Opens what there is to open; changes nothing. */
static bool installer__open(struct installer *installer, struct failure *failure_out)
{
    installer->manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    if (installer->manager == NULL) {
        return installer_files_fail(failure_out, GetLastError(), "the service manager cannot be reached: ");
    }
    if (!installer->is_upgrade) {
        return true;
    }
    const DWORD error = registrar_open(installer->manager, installer->request->service, &installer->service);
    return installer->service != NULL ||
           installer_files_fail(failure_out, error, "the service that is there cannot be changed: ");
}

static bool installer__look(struct installer *installer, struct failure *failure_out)
{
    return install_places_check_rights(failure_out) && installer__find_service(installer, failure_out) &&
           installer__find_source(installer, failure_out) &&
           installer__find_file(installer, INSTALL_PLACES_EVENTS, failure_out) &&
           installer__plan(installer, failure_out) && installer__open(installer, failure_out);
}

/* ---- Step: the service stops ---- */

static bool installer__is_upgrade(const struct installer *installer)
{
    return installer->is_upgrade;
}

static bool installer__stop(struct installer *installer, const struct installer_step *step, struct text *said,
                            struct failure *failure_out)
{
    (void)step;
    text_add_string(said, "stopped, if it runs");
    if (installer__is_dry(installer)) {
        return true;
    }
    if (!service_state_stop(installer->service, &installer->ran, failure_out)) {
        return false;
    }
    text_clear(said);
    text_add_string(said, installer->ran ? "stopped" : "was not running");
    return true;
}

static void installer__start_again(struct installer *installer)
{
    struct failure failure;
    if (installer->ran && !service_state_start(installer->service, &failure)) {
        output_format(&installer->streams->err, "portlistener: after that, %s\n", failure.text);
    }
}

/* ---- Step: the program ---- */

/* Not where it runs from there already, as after the Windows Installer has copied it. */
static bool installer__is_elsewhere(const struct installer *installer)
{
    return !registration_is_equal(installer->request->places->source, installer->request->places->program);
}

static bool installer__copy_program(struct installer *installer, const struct installer_step *step,
                                    struct text *said, struct failure *failure_out)
{
    (void)step;
    text_add_format(said, "copied to %s", installer->request->places->program);
    return installer__is_dry(installer) || installer_files_copy_program(&installer->files, failure_out);
}

static void installer__remove_program(struct installer *installer)
{
    installer_files_put_program_back(&installer->files);
}

/* What stands in the folder of programs is what a service will run, whoever has copied it there. */
static bool installer__check_program(struct installer *installer, const struct installer_step *step,
                                     struct text *said, struct failure *failure_out)
{
    (void)step;
    text_add_string(said,
                    file_trust_can_tell() ? "only administrators can change it" : "not to be seen in Wine");
    return installer__is_dry(installer) || install_files_check(installer->program, failure_out);
}

/* ---- Step: the data folder ---- */

static bool installer__make_data(struct installer *installer, const struct installer_step *step,
                                 struct text *said, struct failure *failure_out)
{
    (void)step;
    text_add_format(said, "%s: administrators, and the service to read", installer->request->places->data);
    return installer__is_dry(installer) ||
           installer_files_make_data(&installer->files, installer->sid, failure_out);
}

static void installer__remove_data(struct installer *installer)
{
    installer_files_remove_data(&installer->files);
}

static bool installer__make_folders(struct installer *installer, const struct installer_step *step,
                                    struct text *said, struct failure *failure_out)
{
    (void)step;
    installer_files_add_folders(said);
    return installer__is_dry(installer) ||
           installer_files_make_folders(&installer->files, installer->sid, failure_out);
}

static void installer__remove_folders(struct installer *installer)
{
    installer_files_remove_folders(&installer->files);
}

/* ---- Step: the configuration ---- */

static bool installer__copy_ini(struct installer *installer, struct text *said, struct failure *failure_out)
{
    text_add_format(said, "%s: the one to begin with", installer->ini);
    return installer__is_dry(installer) ||
           installer_files_copy_ini(&installer->files, installer->ini, failure_out);
}

/* What the service will read, for what the registration and the firewall take from it. On a dry run the file may be the one
   that would be copied. */
static void installer__load_config(struct installer *installer, struct text *said)
{
    struct failure failure;
    char *source = install_files_join(installer->request->places->source, INSTALL_PLACES_INI);
    const char *path = install_files_is_there(installer->ini) ? installer->ini : source;
    const struct arguments arguments = {
        .options = {[OPTION_CONFIG] = path, [OPTION_SERVICE] = installer->request->service}};
    installer->has_config =
        path != NULL && loaded_config_open(&installer->config, &arguments, LOADED_CONFIG_ALL, &failure);
    if (!installer->has_config || installer->config.config == NULL) {
        text_add_string(said, "; it has errors, \"portlistener check\" tells which");
    } else {
        const uint64_t stop = installer->config.config->service.drain_timeout + REGISTRATION_STOP_MARGIN;
        installer->hardened.preshutdown = stop < UINT32_MAX ? (uint32_t)stop : UINT32_MAX;
    }
    memory_free(source);
}

static bool installer__place_config(struct installer *installer, const struct installer_step *step,
                                    struct text *said, struct failure *failure_out)
{
    const bool is_new = !install_files_is_there(installer->ini) && installer__is_own_ini(installer);
    bool is_done = true;
    (void)step;
    if (is_new) {
        is_done = installer__copy_ini(installer, said, failure_out);
    } else {
        text_add_format(said, "%s, which is there", installer->ini);
    }
    const bool is_to_come = is_new && installer__is_dry(installer);
    is_done = is_done && (is_to_come || install_files_check(installer->ini, failure_out));
    if (is_done) {
        installer__load_config(installer, said);
    }
    return is_done;
}

static void installer__remove_ini(struct installer *installer)
{
    installer_files_remove_ini(&installer->files, installer->ini);
}

/* ---- Step: the event source ---- */

static bool installer__make_source(struct installer *installer, const struct installer_step *step,
                                   struct text *said, struct failure *failure_out)
{
    const char *service = installer->request->service;
    (void)step;
    text_add_string(said, installer->events);
    if (installer__is_dry(installer)) {
        return true;
    }
    installer->has_source = !registrar_has_source(service);
    const DWORD error = registrar_set(NULL, service, REGISTRATION_EVENT_SOURCE, &installer->hardened);
    return error == ERROR_SUCCESS || installer_files_fail(failure_out, error, "");
}

static void installer__put_source_back(struct installer *installer)
{
    const char *service = installer->request->service;
    if (installer->has_source) {
        registrar_remove_source(service);
    } else if (installer->before.event_file != NULL) {
        registrar_set(NULL, service, REGISTRATION_EVENT_SOURCE, &installer->before);
    }
}

/* ---- Step: the service ---- */

static DWORD installer__register(struct installer *installer)
{
    return installer->is_upgrade
               ? registrar_change(installer->service, &installer->hardened, installer->keeps_account)
               : registrar_create(installer->manager, installer->request->service, &installer->hardened,
                                  &installer->service);
}

static bool installer__register_service(struct installer *installer, const struct installer_step *step,
                                        struct text *said, struct failure *failure_out)
{
    (void)step;
    text_add_format(said, "%s\n  %-*s %s", installer->hardened.image, INSTALLER_COLUMN, "account",
                    installer->hardened.account);
    if (installer__is_dry(installer)) {
        return true;
    }
    const DWORD error = installer__register(installer);
    return error == ERROR_SUCCESS ||
           installer_files_fail(
               failure_out, error,
               error == ERROR_SERVICE_MARKED_FOR_DELETE
                   ? "the service that was there goes when programs that show it, such as services.msc, are "
                     "closed: "
                   : "");
}

static void installer__unregister(struct installer *installer)
{
    if (installer->is_upgrade) {
        registrar_change(installer->service, &installer->before, installer->keeps_account);
    } else {
        DeleteService(installer->service);
    }
}

/* ---- Steps: its settings ---- */

static bool installer__set_part(struct installer *installer, const struct installer_step *step,
                                struct text *said, struct failure *failure_out)
{
    registration_add_value(said, step->part, &installer->hardened);
    if (installer__is_dry(installer)) {
        return true;
    }
    const DWORD error =
        registrar_set(installer->service, installer->request->service, step->part, &installer->hardened);
    return error == ERROR_SUCCESS || installer_files_fail(failure_out, error, "");
}

/* The folders are opened to the SID of the service: with an account of its own it has that anyway, else it would be
   locked out. */
static bool installer__has_own_account(const struct installer *installer)
{
    return registration_has_own_account(installer->request->service, installer->hardened.account);
}

static bool installer__shares_account(const struct installer *installer)
{
    return !installer__has_own_account(installer);
}

static bool installer__is_delayed(const struct installer *installer)
{
    return installer->request->is_delayed;
}

static bool installer__delay(struct installer *installer, const struct installer_step *step,
                             struct text *said, struct failure *failure_out)
{
    (void)step;
    text_add_string(said, "some minutes after the machine");
    const DWORD error = installer__is_dry(installer) ? ERROR_SUCCESS : registrar_delay(installer->service);
    return error == ERROR_SUCCESS || installer_files_fail(failure_out, error, "");
}

/* ---- Step: the firewall ---- */

static bool installer__wants_firewall(const struct installer *installer)
{
    return installer->request->wants_firewall;
}

static bool installer__set_firewall(struct installer *installer, const struct installer_step *step,
                                    struct text *said, struct failure *failure_out)
{
    const struct firewall_rules rules = {.service = installer->request->service,
                                         .program = installer->program};
    const struct config *config = installer->has_config ? installer->config.config : NULL;
    struct text lines;
    unsigned count = 0;
    (void)step;
    if (config == NULL) {
        return installer__refuse(failure_out, "", "the configuration has errors", "");
    }
    text_init_heap(&lines);
    const bool is_done = firewall_rules_set(&rules, config, installer->is_upgrade,
                                            installer__is_dry(installer) ? &lines : NULL, &count);
    text_fini(&lines);
    text_add_format(said, "%u rule%s", count, count == 1 ? "" : "s");
    return is_done || installer__refuse(failure_out, "netsh has not added a rule", "",
                                        "; is the service of the firewall running?");
}

/* ---- Step: it starts ---- */

static bool installer__is_to_start(const struct installer *installer)
{
    const uint32_t start = installer->is_upgrade ? installer->before.start : installer->hardened.start;
    return installer->ran || (installer->request->wants_start && start == SERVICE_AUTO_START);
}

static bool installer__start(struct installer *installer, const struct installer_step *step,
                             struct text *said, struct failure *failure_out)
{
    (void)step;
    text_add_string(said, "started");
    return installer__is_dry(installer) || service_state_start(installer->service, failure_out);
}

/* ---- The ladder ---- */

static const struct installer_step installer__steps[] = {
    {.name = "service",
     .is_due = installer__is_upgrade,
     .run = installer__stop,
     .undo = installer__start_again},
    {.name = "program",
     .is_due = installer__is_elsewhere,
     .run = installer__copy_program,
     .undo = installer__remove_program},
    {.name = "program's protection", .run = installer__check_program},
    {.name = "event source", .run = installer__make_source, .undo = installer__put_source_back},
    {.name = "data folder", .run = installer__make_data, .undo = installer__remove_data},
    {.name = "folders to write to", .run = installer__make_folders, .undo = installer__remove_folders},
    {.name = "configuration", .run = installer__place_config, .undo = installer__remove_ini},
    {.name = "registration", .run = installer__register_service, .undo = installer__unregister},
    {.part = REGISTRATION_SID, .is_due = installer__shares_account, .run = installer__set_part},
    {.part = REGISTRATION_SID,
     .weight = INSTALLER_MAY,
     .is_due = installer__has_own_account,
     .run = installer__set_part},
    {.part = REGISTRATION_CONFIG_FILE, .weight = INSTALLER_MAY, .run = installer__set_part},
    {.part = REGISTRATION_PRIVILEGES, .weight = INSTALLER_MAY, .run = installer__set_part},
    {.part = REGISTRATION_DESCRIPTION, .weight = INSTALLER_MAY, .run = installer__set_part},
    {.part = REGISTRATION_RESTARTS, .weight = INSTALLER_MAY, .run = installer__set_part},
    {.part = REGISTRATION_RESTART_SCOPE, .weight = INSTALLER_MAY, .run = installer__set_part},
    {.part = REGISTRATION_PRESHUTDOWN, .weight = INSTALLER_MAY, .run = installer__set_part},
    {.name = "delayed start",
     .weight = INSTALLER_MAY,
     .is_due = installer__is_delayed,
     .run = installer__delay},
    {.name = "firewall",
     .weight = INSTALLER_MAY,
     .is_due = installer__wants_firewall,
     .run = installer__set_firewall},
    {.name = "start", .weight = INSTALLER_MAY, .is_due = installer__is_to_start, .run = installer__start},
};

static const char *installer__name(const struct installer_step *step)
{
    return step->name != NULL ? step->name : registration_name(step->part);
}

static bool installer__run_step(struct installer *installer, const struct installer_step *step,
                                struct failure *failure_out)
{
    struct output *out = &installer->streams->out;
    struct text said;
    text_init_heap(&said);
    const bool is_done = step->run(installer, step, &said, failure_out);
    if (is_done) {
        output_format(out, "  %-*s %s\n", INSTALLER_COLUMN, installer__name(step), said.at);
    } else {
        output_format(out, "  %-*s refused: %s\n", INSTALLER_COLUMN, installer__name(step),
                      failure_out->text);
    }
    text_fini(&said);
    return is_done;
}

/* The mirror, from the step that failed: files may have been copied in part, but a registration that failed is none. */
static void installer__undo(struct installer *installer, size_t failed)
{
    for (size_t i = failed + 1; i-- > 0;) {
        const struct installer_step *step = &installer__steps[i];
        const bool is_due = step->is_due == NULL || step->is_due(installer);
        const bool is_made = i < failed || step->run != installer__register_service;
        if (is_due && is_made && step->undo != NULL) {
            step->undo(installer);
        }
    }
}

static enum exit_code installer__climb(struct installer *installer)
{
    const size_t count = sizeof installer__steps / sizeof installer__steps[0];
    for (size_t i = 0; i < count; i++) {
        const struct installer_step *step = &installer__steps[i];
        struct failure failure = {.code = EXIT_CODE_FAILED};
        if (step->is_due != NULL && !step->is_due(installer)) {
            continue;
        }
        if (installer__run_step(installer, step, &failure)) {
            continue;
        }
        installer->refused++;
        if (step->weight == INSTALLER_MUST) {
            const bool is_dry = installer__is_dry(installer);
            if (!is_dry) {
                installer__undo(installer, i);
            }
            output_format(&installer->streams->err, "portlistener: %s: refused, see above; %s\n",
                          installer__name(step),
                          is_dry ? "the installation would end here" : "what was done is undone");
            return failure.code == EXIT_CODE_ACCESS_DENIED ? failure.code : EXIT_CODE_FAILED;
        }
    }
    return EXIT_CODE_DONE;
}

static void installer__tell_end(const struct installer *installer)
{
    const struct installer_request *request = installer->request;
    if (installer__is_dry(installer)) {
        output_format(&installer->streams->out, "Nothing was changed.\n");
        return;
    }
    output_format(&installer->streams->out, "%s. The configuration is %s\n",
                  installer->is_upgrade ? "Upgraded" : "Installed", installer->ini);
    if (!installer__is_to_start(installer)) {
        output_format(&installer->streams->out, "Start it with: net start %s\n", request->service);
    }
    if (installer->refused > 0) {
        output_format(&installer->streams->err, "portlistener: steps refused by the system: %u, see above\n",
                      installer->refused);
    }
}

static void installer__close(struct installer *installer)
{
    if (installer->has_config) {
        loaded_config_close(&installer->config);
    }
    if (installer->service != NULL) {
        CloseServiceHandle(installer->service);
    }
    if (installer->manager != NULL) {
        CloseServiceHandle(installer->manager);
    }
    registration_fini(&installer->hardened);
    registration_fini(&installer->before);
    memory_free(installer->ini);
    memory_free(installer->events);
    memory_free(installer->program);
}

enum exit_code installer_run(const struct installer_request *request, struct streams *streams)
{
    struct installer installer = {
        .request = request, .streams = streams, .files = {.places = request->places}};
    struct failure failure = {.code = EXIT_CODE_FAILED};
    enum exit_code code = EXIT_CODE_FAILED;
    if (installer__look(&installer, &failure)) {
        output_format(&streams->out, "%s %s%s\n", installer.is_upgrade ? "Upgrading" : "Installing",
                      request->service, request->is_dry_run ? ", dry run" : "");
        code = installer__climb(&installer);
        if (code == EXIT_CODE_DONE) {
            installer_files_forget_old(&installer.files);
            installer__tell_end(&installer);
        }
    } else {
        code = output_failure(&streams->err, &failure);
    }
    installer__close(&installer);
    return code;
}
