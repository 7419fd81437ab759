/* SPDX-License-Identifier: MIT
   The commands "install" and "uninstall". */
#include "commands.h"

#include <string.h>

#include "base/memory.h"
#include "installer.h"
#include "location.h"
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
                                 "digits, - and _, and dots but not at its ends"};
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
