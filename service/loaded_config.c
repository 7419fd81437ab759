/* SPDX-License-Identifier: MIT */
#include "loaded_config.h"

#include "base/memory.h"
#include "config/config_exchange.h"
#include "handler/handlers.h"
#include "location.h"
#include "output.h"
#include "trust.h"

#define CONFIG_DEFAULT_SERVICE "PortListener"

/* On standard error, now: the command may never come to its end. */
static void loaded_config__late(void *context, const char *text)
{
    struct output err;
    (void)context;
    output_init(&err, STD_ERROR_HANDLE);
    output_format(&err, "portlistener: %s\n", text);
}

bool loaded_config_open(struct loaded_config *loaded, const struct arguments *arguments,
                        enum loaded_config_extent extent, struct failure *failure_out)
{
    const bool is_file_only = extent == LOADED_CONFIG_FILE;
    const enum config_trust trust =
        extent == LOADED_CONFIG_TO_CHECK ? CONFIG_TRUST_ANYBODY : trust_wanted(false);
    const char *service = arguments->options[OPTION_SERVICE];
    service = service != NULL ? service : CONFIG_DEFAULT_SERVICE;
    loaded->service = service;
    loaded->given = (struct config_registry){.list = NULL};
    loaded->path = location_config(service, arguments->options[OPTION_CONFIG], failure_out);
    if (loaded->path == NULL) {
        return false;
    }
    config_problems_init(&loaded->problems);
    plugin_loader_init(&loaded->loader, trust);
    loaded->loader.late = loaded_config__late;
    const struct config_request request = {.path = loaded->path,
                                           .may_lack_file =
                                               arguments->options[OPTION_CONFIG] == NULL && !is_file_only,
                                           .trust = trust,
                                           .is_file_only = is_file_only,
                                           .given = is_file_only ? config_exchange_take : NULL,
                                           .given_context = &loaded->given,
                                           .service = service,
                                           .handlers = handlers_builtin,
                                           .plugins = &loaded->loader.source};
    loaded->config = config_load_request(&request, &loaded->problems);
    return true;
}

void loaded_config_close(struct loaded_config *loaded)
{
    config_destroy(loaded->config);
    config_registry_fini(&loaded->given);
    plugin_loader_fini(&loaded->loader);
    config_problems_fini(&loaded->problems);
    memory_free(loaded->path);
}

enum exit_code loaded_config_code(const struct loaded_config *loaded)
{
    return loaded->problems.is_out_of_memory   ? EXIT_CODE_FAILED
           : loaded->problems.is_access_denied ? EXIT_CODE_ACCESS_DENIED
                                               : EXIT_CODE_CONFIGURATION;
}
