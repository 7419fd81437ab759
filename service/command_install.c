/* SPDX-License-Identifier: MIT
   The commands "install", "uninstall" and "firewall". */
#include "commands.h"

#include <string.h>

#include "base/memory.h"
#include "base/win.h"
#include "firewall_rules.h"
#include "install_files.h"
#include "installer.h"
#include "loaded_config.h"
#include "location.h"
#include "registration.h"
#include "uninstaller.h"

#define INSTALL_DEFAULT_SERVICE "PortListener"

/* The service's name, once it is good for what is made of it; NULL with `failure_out`. */
static const char *command_install__service(const struct arguments *arguments, struct failure *failure_out)
{
    const char *service = arguments->options[OPTION_SERVICE];
    service = service != NULL ? service : INSTALL_DEFAULT_SERVICE;
    if (install_places_is_name(service)) {
        return service;
    }
    *failure_out =
        (struct failure){.code = EXIT_CODE_USAGE,
                         .text = "this name is refused: it becomes a part of paths, and may have 80 letters, "
                                 "digits, _, - but not at its beginning, and dots but not at its ends"};
    return NULL;
}

/* The accounts that people call by the last part of their names. */
static const char *command_install__account(const char *account)
{
    static const char *const names[][2] = {{"LocalService", "NT AUTHORITY\\LocalService"},
                                           {"NetworkService", "NT AUTHORITY\\NetworkService"}};
    for (size_t i = 0; account != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (text_equal(account, strlen(account), names[i][0])) {
            return names[i][1];
        }
    }
    return account;
}

static enum exit_code command_install__run(const struct arguments *arguments, const char *service,
                                           const struct install_places *places, struct streams *streams)
{
    struct failure failure;
    const char *given = arguments->options[OPTION_CONFIG];
    char *config = given != NULL ? location_config(service, given, &failure) : NULL;
    if (given != NULL && config == NULL) {
        return output_failure(&streams->err, &failure);
    }
    const struct installer_request request = {
        .service = service,
        .places = places,
        .account = command_install__account(arguments->options[OPTION_ACCOUNT]),
        .config_file = config,
        .is_delayed = arguments->options[OPTION_DELAYED] != NULL,
        .wants_firewall = arguments->options[OPTION_FIREWALL] != NULL,
        .wants_start = arguments->options[OPTION_START] != NULL,
        .is_dry_run = arguments->options[OPTION_DRY_RUN] != NULL};
    const enum exit_code code = installer_run(&request, streams);
    memory_free(config);
    return code;
}

static enum exit_code command_install__remove(const struct arguments *arguments, const char *service,
                                              const struct install_places *places, struct streams *streams)
{
    const struct uninstaller_request request = {.service = service,
                                                .places = places,
                                                .wants_purge = arguments->options[OPTION_PURGE] != NULL,
                                                .keeps_program =
                                                    arguments->options[OPTION_KEEP_PROGRAM] != NULL,
                                                .is_dry_run = arguments->options[OPTION_DRY_RUN] != NULL};
    return uninstaller_run(&request, streams);
}

/* ---- The firewall ---- */

/* Its rules are for a service that runs the program of these places. */
static bool command_firewall__look(const char *service, const struct install_places *places,
                                   struct failure *failure_out)
{
    struct registration registration;
    struct text text;
    const bool is_read = registration_read(service, &registration, failure_out);
    const bool is_ours = is_read && install_places_are_of(places, registration.image);
    registration_fini(&registration);
    if (!is_ours && (is_read || failure_out->win32_error == ERROR_SERVICE_DOES_NOT_EXIST)) {
        *failure_out = (struct failure){.code = EXIT_CODE_FAILED};
        text_init(&text, failure_out->text, sizeof failure_out->text);
        text_add_format(&text, "no rule was set, as %s is not %s; give the right name with --service",
                        service, is_read ? "a service of PortListener" : "installed");
    }
    return is_ours;
}

static bool command_firewall__set(const struct arguments *arguments, const struct firewall_rules *rules,
                                  const struct config *config, struct text *said, struct failure *failure_out)
{
    unsigned count = 0;
    if (arguments->options[OPTION_DRY_RUN] != NULL) {
        return firewall_rules_set(rules, config, true, said, &count);
    }
    if (firewall_rules_set(rules, config, true, NULL, &count)) {
        text_add_format(said, "%s: %u rule%s of Windows Firewall%s\n", rules->service, count,
                        count == 1 ? "" : "s",
                        count == 0 ? ", as its configuration lets this machine alone in" : "");
        return true;
    }
    *failure_out = (struct failure){
        .code = EXIT_CODE_FAILED,
        .text =
            "netsh has not added a rule; is the service of the firewall running? Some rules may be missing now"};
    return false;
}

static bool command_firewall__with_config(const struct arguments *arguments,
                                          const struct firewall_rules *rules, struct text *said,
                                          struct failure *failure_out)
{
    struct loaded_config loaded;
    if (!loaded_config_open(&loaded, arguments, LOADED_CONFIG_ALL, failure_out)) {
        return false;
    }
    bool is_done = loaded.config != NULL;
    if (is_done) {
        is_done = command_firewall__set(arguments, rules, loaded.config, said, failure_out);
    } else {
        *failure_out = (struct failure){
            .code = loaded_config_code(&loaded),
            .text =
                "no rule was changed, as the configuration has errors; \"portlistener check\" tells which"};
    }
    loaded_config_close(&loaded);
    return is_done;
}

static enum exit_code command_firewall__run(const struct arguments *arguments, const char *service,
                                            const struct install_places *places, struct streams *streams)
{
    struct failure failure = {.code = EXIT_CODE_FAILED, .text = "out of memory"};
    struct text said;
    char *program = install_files_join(places->program, INSTALL_PLACES_PROGRAM);
    const struct firewall_rules rules = {.service = service, .program = program};
    text_init_heap(&said);
    bool is_done = program != NULL && command_firewall__look(service, places, &failure);
    is_done = is_done &&
              (arguments->options[OPTION_DRY_RUN] != NULL || install_places_check_rights(&failure)) &&
              command_firewall__with_config(arguments, &rules, &said, &failure);
    output_text(&streams->out, &said);
    text_fini(&said);
    memory_free(program);
    return is_done ? EXIT_CODE_DONE : output_failure(&streams->err, &failure);
}

/* ---- All of them ---- */

static enum exit_code
command_install__with_places(const struct arguments *arguments, struct streams *streams,
                             enum exit_code (*run)(const struct arguments *, const char *,
                                                   const struct install_places *, struct streams *))
{
    struct install_places places = {.own = NULL};
    struct failure failure;
    const char *service = command_install__service(arguments, &failure);
    const enum exit_code code = service != NULL && install_places_find(&places, service, &failure)
                                    ? run(arguments, service, &places, streams)
                                    : output_failure(&streams->err, &failure);
    install_places_free(&places);
    return code;
}

enum exit_code command_install_run(const struct arguments *arguments, struct streams *streams)
{
    return command_install__with_places(arguments, streams, command_install__run);
}

enum exit_code command_uninstall_run(const struct arguments *arguments, struct streams *streams)
{
    return command_install__with_places(arguments, streams, command_install__remove);
}

enum exit_code command_firewall_run(const struct arguments *arguments, struct streams *streams)
{
    return command_install__with_places(arguments, streams, command_firewall__run);
}
