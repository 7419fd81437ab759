/* SPDX-License-Identifier: MIT
   The installation, see installer.h. */
#include "installer.h"

#include <string.h>

#include "base/file_trust.h"
#include "base/memory.h"
#include "base/win.h"
#include "firewall_rules.h"
#include "install_files.h"
#include "install_plan.h"
#include "installer_files.h"
#include "loaded_config.h"
#include "registrar.h"
#include "registration.h"
#include "service_state.h"

enum { INSTALLER_COLUMN = 26 };

struct installer {
    const struct installer_request *request;
    struct streams *streams;
    SC_HANDLE manager;
    SC_HANDLE service; /* NULL: not there yet */
    bool ran;          /* it was there, and ran */
    struct install_plan plan;
    struct loaded_config config; /* what the service will read */
    bool has_config;
    struct installer_files files; /* made, for undoing */
    bool has_source;              /* made, where there was none */
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
    bool (*undo)(struct installer *installer); /* NULL: nothing to undo; false: something stays */
};

static bool installer__is_dry(const struct installer *installer)
{
    return installer->request->is_dry_run;
}

/* Opens what there is to open; changes nothing. */
static bool installer__open(struct installer *installer, struct failure *failure_out)
{
    installer->manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    if (installer->manager == NULL) {
        return installer_files_fail(failure_out, GetLastError(), "the service manager cannot be reached: ");
    }
    if (!installer->plan.is_upgrade) {
        return true;
    }
    const DWORD error = registrar_open(installer->manager, installer->request->service, &installer->service);
    return installer_files_done(failure_out, error, "the service that is there cannot be changed: ");
}

/* ---- Step: the service stops ---- */

static bool installer__is_upgrade(const struct installer *installer)
{
    return installer->plan.is_upgrade;
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

static bool installer__start_again(struct installer *installer)
{
    struct failure failure;
    const bool is_back = !installer->ran || service_state_start(installer->service, &failure);
    if (!is_back) {
        output_format(&installer->streams->err, "portlistener: after that, %s\n", failure.text);
    }
    return is_back;
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

static bool installer__remove_program(struct installer *installer)
{
    return installer_files_put_program_back(&installer->files);
}

/* What stands in the folder of programs is what a service will run, whoever has copied it there. */
static bool installer__check_program(struct installer *installer, const struct installer_step *step,
                                     struct text *said, struct failure *failure_out)
{
    (void)step;
    text_add_string(said,
                    file_trust_can_tell() ? "only administrators can change it" : "not to be seen in Wine");
    return installer__is_dry(installer) ||
           install_files_check(installer->request->places->target, failure_out);
}

/* ---- Step: the data folder ---- */

static bool installer__make_data(struct installer *installer, const struct installer_step *step,
                                 struct text *said, struct failure *failure_out)
{
    (void)step;
    text_add_format(said, "%s: administrators, and the service to read", installer->request->places->data);
    return installer__is_dry(installer) ||
           installer_files_make_data(&installer->files, installer->plan.sid, failure_out);
}

static bool installer__remove_data(struct installer *installer)
{
    return installer_files_remove_data(&installer->files);
}

static bool installer__make_folders(struct installer *installer, const struct installer_step *step,
                                    struct text *said, struct failure *failure_out)
{
    (void)step;
    installer_files_add_folders(said);
    return installer__is_dry(installer) ||
           installer_files_make_folders(&installer->files, installer->plan.sid, failure_out);
}

static bool installer__remove_folders(struct installer *installer)
{
    return installer_files_remove_folders(&installer->files);
}

/* ---- Step: the configuration ---- */

static bool installer__copy_ini(struct installer *installer, struct text *said, struct failure *failure_out)
{
    text_add_format(said, "%s: the one to begin with", installer->plan.ini);
    return installer__is_dry(installer) ||
           installer_files_copy_ini(&installer->files, installer->plan.ini, failure_out);
}

/* What the service will read, for what the registration and the firewall take from it. A configuration with errors is for
   people to mend, and takes the defaults until then; one that cannot be read ends the step. */
static bool installer__load_config(struct installer *installer, const char *path, struct text *said,
                                   struct failure *failure_out)
{
    const struct arguments arguments = {
        .options = {[OPTION_CONFIG] = path, [OPTION_SERVICE] = installer->request->service}};
    installer->has_config =
        loaded_config_open(&installer->config, &arguments, LOADED_CONFIG_ALL, failure_out);
    if (!installer->has_config) {
        return false;
    }
    if (installer->config.config == NULL && installer->config.problems.is_out_of_memory) {
        return installer_files_fail(failure_out, ERROR_NOT_ENOUGH_MEMORY, "it cannot be read: ");
    }
    if (installer->config.config == NULL) {
        text_add_string(said, "; it has errors, \"portlistener check\" tells which");
    } else {
        installer->plan.hardened.preshutdown = /* an hour and the margin at most */
            (uint32_t)installer->config.config->service.drain_timeout + REGISTRATION_STOP_MARGIN;
    }
    return true;
}

/* On a dry run: the one that would be copied. */
static bool installer__load_source(struct installer *installer, struct text *said,
                                   struct failure *failure_out)
{
    char *path = install_files_join(installer->request->places->source, INSTALL_PLACES_INI);
    const bool is_done = path != NULL ? installer__load_config(installer, path, said, failure_out)
                                      : installer_files_fail(failure_out, ERROR_NOT_ENOUGH_MEMORY, "");
    memory_free(path);
    return is_done;
}

static bool installer__place_config(struct installer *installer, const struct installer_step *step,
                                    struct text *said, struct failure *failure_out)
{
    const bool is_own = registration_is_equal(installer->plan.own_ini, installer->plan.ini);
    const DWORD found = is_own ? install_files_look(installer->plan.ini) : ERROR_SUCCESS;
    (void)step;
    if (found != ERROR_SUCCESS && found != ERROR_FILE_NOT_FOUND) {
        return installer_files_fail(failure_out, found, "it cannot be looked at: ");
    }
    if (found == ERROR_FILE_NOT_FOUND) {
        if (!installer__copy_ini(installer, said, failure_out)) {
            return false;
        }
        if (installer__is_dry(installer)) {
            return installer__load_source(installer, said, failure_out);
        }
    } else {
        text_add_format(said, "%s, which is there", installer->plan.ini);
    }
    return install_files_check(installer->plan.ini, failure_out) &&
           installer__load_config(installer, installer->plan.ini, said, failure_out);
}

static bool installer__remove_ini(struct installer *installer)
{
    return installer_files_remove_ini(&installer->files, installer->plan.ini);
}

/* ---- Step: the event source ---- */

static bool installer__make_source(struct installer *installer, const struct installer_step *step,
                                   struct text *said, struct failure *failure_out)
{
    const char *service = installer->request->service;
    (void)step;
    text_add_string(said, installer->plan.events);
    if (installer__is_dry(installer)) {
        return true;
    }
    const DWORD error = registrar_set_source(service, installer->plan.events, &installer->has_source);
    return installer_files_done(failure_out, error, "");
}

static bool installer__put_source_back(struct installer *installer)
{
    const char *service = installer->request->service;
    const char *before = installer->plan.before.event_file;
    bool is_new = false;
    if (installer->has_source) {
        return registrar_remove_source(service) == ERROR_SUCCESS;
    }
    return before == NULL || registrar_set_source(service, before, &is_new) == ERROR_SUCCESS;
}

/* ---- Step: the service ---- */

static DWORD installer__register(struct installer *installer)
{
    return installer->plan.is_upgrade ? registrar_change(installer->service, &installer->plan.hardened,
                                                         installer->plan.keeps_account)
                                      : registrar_create(installer->manager, installer->request->service,
                                                         &installer->plan.hardened, &installer->service);
}

static bool installer__register_service(struct installer *installer, const struct installer_step *step,
                                        struct text *said, struct failure *failure_out)
{
    const struct registration own = {.errors = {0}};
    (void)step;
    text_add_format(said, "%s\n  %-*s %s", installer->plan.hardened.image, INSTALLER_COLUMN, "account",
                    installer->plan.hardened.account);
    if (registration_judge(REGISTRATION_ACCOUNT, &installer->plan.hardened, &own) == REGISTRATION_WEAKER) {
        text_add_string(said, ", which may do anything: without --account it has one of its own");
    }
    if (installer__is_dry(installer)) {
        return true;
    }
    const DWORD error = installer__register(installer);
    return installer_files_done(
        failure_out, error,
        error == ERROR_SERVICE_MARKED_FOR_DELETE
            ? "the service that was there goes when programs that show it, such as services.msc, are "
              "closed: "
            : "");
}

static bool installer__unregister(struct installer *installer)
{
    return installer->plan.is_upgrade ? registrar_change(installer->service, &installer->plan.before,
                                                         installer->plan.keeps_account) == ERROR_SUCCESS
                                      : DeleteService(installer->service) != FALSE;
}

/* ---- Steps: its settings ---- */

static bool installer__set_part(struct installer *installer, const struct installer_step *step,
                                struct text *said, struct failure *failure_out)
{
    registration_add_value(said, step->part, &installer->plan.hardened);
    if (installer__is_dry(installer)) {
        return true;
    }
    const DWORD error =
        registrar_set(installer->service, installer->request->service, step->part, &installer->plan.hardened);
    return installer_files_done(failure_out, error, "");
}

/* The folders are opened to the SID of the service: with an account of its own it has that anyway, else it would be
   locked out. */
static bool installer__has_own_account(const struct installer *installer)
{
    return registration_has_own_account(installer->request->service, installer->plan.hardened.account);
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
    return installer_files_done(failure_out, error, "");
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
                                         .program = installer->request->places->target};
    const struct config *config = installer->config.config;
    struct text lines;
    unsigned count = 0;
    (void)step;
    if (config == NULL) {
        return install_plan_refuse(failure_out, "", "the configuration has errors", "");
    }
    text_init_heap(&lines);
    const bool is_done = firewall_rules_set(&rules, config, installer->plan.is_upgrade,
                                            installer__is_dry(installer) ? &lines : NULL, &count);
    text_add_format(said, "%u rule%s", count, count == 1 ? "" : "s");
    for (const char *at = lines.at; *at != '\0'; at += strcspn(at, "\n") + 1) { /* of a dry run */
        text_add_string(said, "\n    ");
        text_add(said, at, strcspn(at, "\n"));
    }
    text_fini(&lines);
    return is_done || install_plan_refuse(failure_out, "netsh has not added a rule", "",
                                          "; is the service of the firewall running?");
}

/* ---- Step: it starts ---- */

static bool installer__is_to_start(const struct installer *installer)
{
    const uint32_t start =
        installer->plan.is_upgrade ? installer->plan.before.start : installer->plan.hardened.start;
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

/* The mirror, from the step that failed: files may have been copied in part, but a registration that failed is none. False:
   something of it stays, and is named. */
static bool installer__undo(struct installer *installer, size_t failed)
{
    bool is_undone = true;
    for (size_t i = failed + 1; i-- > 0;) {
        const struct installer_step *step = &installer__steps[i];
        const bool is_due = step->is_due == NULL || step->is_due(installer);
        const bool is_made = i < failed || step->run != installer__register_service;
        if (is_due && is_made && step->undo != NULL && !step->undo(installer)) {
            output_format(&installer->streams->err, "portlistener: %s: not undone, or not all of it\n",
                          installer__name(step));
            is_undone = false;
        }
    }
    return is_undone;
}

static const char *installer__aftermath(struct installer *installer, size_t failed)
{
    return installer__is_dry(installer)         ? "the installation would end here"
           : installer__undo(installer, failed) ? "what was done is undone"
                                                : "what was done is undone, but for what is named before";
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
            const char *aftermath = installer__aftermath(installer, i);
            output_format(&installer->streams->err, "portlistener: %s: refused, see above; %s\n",
                          installer__name(step), aftermath);
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
                  installer->plan.is_upgrade ? "Upgraded" : "Installed", installer->plan.ini);
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
    install_plan_free(&installer->plan);
}

enum exit_code installer_run(const struct installer_request *request, struct streams *streams)
{
    struct installer installer = {
        .request = request, .streams = streams, .files = {.places = request->places}};
    struct failure failure = {.code = EXIT_CODE_FAILED};
    enum exit_code code = EXIT_CODE_FAILED;
    if (install_plan_make(&installer.plan, request, &failure) && installer__open(&installer, &failure)) {
        output_format(&streams->out, "%s %s%s\n", installer.plan.is_upgrade ? "Upgrading" : "Installing",
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
