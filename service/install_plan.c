/* SPDX-License-Identifier: MIT
   What an installation will make, see install_plan.h. */
#include "install_plan.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/win.h"
#include "install_files.h"
#include "installer_files.h"
#include "pipe_access.h"
#include "registrar.h"

enum { INSTALL_PLAN_DRAIN = 10000 /* milliseconds: the default of drain_timeout */ };

bool install_plan_refuse(struct failure *failure_out, const char *lead, const char *subject, const char *rest)
{
    struct text text;
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_string(&text, lead);
    text_add_escaped(&text, subject, strlen(subject));
    text_add_string(&text, rest);
    return false;
}

static bool install_plan__refuse_unknown(enum registration_part part, DWORD error,
                                         struct failure *failure_out)
{
    struct failure cause;
    struct text text;
    installer_files_fail(&cause, error, "");
    *failure_out = (struct failure){.code = cause.code, .win32_error = error};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_format(&text, "nothing was changed, as the service that is there cannot be read, its %s: %s",
                    registration_name(part), cause.text);
    return false;
}

/* What an upgrade keeps, or puts back when it fails, must be known. */
static bool install_plan__knows_service(const struct install_plan *plan, struct failure *failure_out)
{
    static const enum registration_part kept[] = {REGISTRATION_IMAGE, REGISTRATION_ACCOUNT,
                                                  REGISTRATION_START, REGISTRATION_EVENT_SOURCE,
                                                  REGISTRATION_CONFIG_FILE};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        const DWORD error = plan->before.errors[kept[i]];
        if (error != ERROR_SUCCESS) {
            return install_plan__refuse_unknown(kept[i], error, failure_out);
        }
    }
    return true;
}

/* The service, if there is one: it must be ours. */
static bool install_plan__find_service(struct install_plan *plan, struct failure *failure_out)
{
    const struct installer_request *request = plan->request;
    if (!registration_read(request->service, &plan->before, failure_out)) {
        return failure_out->win32_error == ERROR_SERVICE_DOES_NOT_EXIST;
    }
    plan->is_upgrade = true;
    if (!install_plan__knows_service(plan, failure_out)) {
        return false;
    }
    return install_places_are_of(request->places, plan->before.image) ||
           install_plan_refuse(failure_out,
                               "there is a service of this name already that runs another program: ",
                               plan->before.image, "; give another name with --service");
}

/* The event source, if there is one: a file of the same name. */
static bool install_plan__find_source(const struct install_plan *plan, struct failure *failure_out)
{
    char *file = NULL;
    const DWORD error = registrar_find_source(plan->request->service, &file);
    const bool is_ours = file == NULL || install_places_have_texts(file);
    if (!is_ours) {
        install_plan_refuse(failure_out, "another program has an event source of this name: ", file,
                            "; give another name with --service");
    }
    memory_free(file);
    return is_ours &&
           installer_files_done(failure_out, error, "the event source of this name cannot be read: ");
}

/* A file in the folder of the program that runs. */
static bool install_plan__find_file(const struct install_plan *plan, const char *name,
                                    struct failure *failure_out)
{
    char *path = install_files_join(plan->request->places->source, name);
    const DWORD error = path != NULL ? install_files_look(path) : ERROR_NOT_ENOUGH_MEMORY;
    const bool is_there =
        installer_files_done(failure_out, error, "the unpacked files cannot be looked at: ");
    if (error == ERROR_FILE_NOT_FOUND) {
        install_plan_refuse(failure_out, "there is no ", path,
                            "; it belongs beside the program: unpack the whole archive");
    }
    memory_free(path);
    return is_there;
}

/* The configuration that the service is to read: asked for, or what it has, or its own. False: no memory. */
static bool install_plan__choose_config(struct install_plan *plan)
{
    const struct installer_request *request = plan->request;
    const char *chosen = request->config_file != NULL ? request->config_file : plan->before.config_file;
    plan->own_ini = install_files_join(request->places->data, INSTALL_PLACES_INI);
    plan->ini = chosen != NULL ? chosen : plan->own_ini;
    return plan->own_ini != NULL;
}

/* An upgrade leaves the account that somebody has chosen; the one that may do everything nobody chooses. */
static const char *install_plan__choose_account(struct install_plan *plan)
{
    const struct installer_request *request = plan->request;
    struct registration own = {.errors = {0}};
    plan->keeps_account =
        request->account == NULL && plan->is_upgrade &&
        registration_judge(REGISTRATION_ACCOUNT, &plan->before, &own) != REGISTRATION_WEAKER;
    return plan->keeps_account ? plan->before.account : request->account;
}

static bool install_plan__fill(struct install_plan *plan, struct failure *failure_out)
{
    const struct installer_request *request = plan->request;
    struct text sid;
    installer_files_fail(failure_out, ERROR_NOT_ENOUGH_MEMORY, "");
    text_init(&sid, plan->sid, sizeof plan->sid);
    plan->events = install_files_join(request->places->program, INSTALL_PLACES_EVENTS);
    if (plan->events == NULL || !pipe_access_sid(&sid, request->service) ||
        !install_plan__choose_config(plan)) {
        return false;
    }
    const struct registration_request hardened = {.service = request->service,
                                                  .program = request->places->target,
                                                  .event_file = plan->events,
                                                  .config_file = plan->ini,
                                                  .account = install_plan__choose_account(plan),
                                                  .drain_timeout = INSTALL_PLAN_DRAIN};
    return registration_make(&hardened, &plan->hardened);
}

bool install_plan_make(struct install_plan *plan, const struct installer_request *request,
                       struct failure *failure_out)
{
    *plan = (struct install_plan){.request = request};
    return install_places_check_rights(failure_out) && install_plan__find_service(plan, failure_out) &&
           install_plan__find_source(plan, failure_out) &&
           install_plan__find_file(plan, INSTALL_PLACES_EVENTS, failure_out) &&
           install_plan__fill(plan, failure_out);
}

void install_plan_free(struct install_plan *plan)
{
    registration_fini(&plan->hardened);
    registration_fini(&plan->before);
    memory_free(plan->own_ini);
    memory_free(plan->events);
}
