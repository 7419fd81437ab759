/* SPDX-License-Identifier: MIT */
#include "loaded_config.h"

#include "base/memory.h"
#include "handler/handlers.h"
#include "location.h"

#define CONFIG_DEFAULT_SERVICE "PortListener"

bool loaded_config_open(struct loaded_config *loaded, const struct arguments *arguments,
                        struct failure *failure_out)
{
    const char *service = arguments->options[OPTION_SERVICE];
    service = service != NULL ? service : CONFIG_DEFAULT_SERVICE;
    loaded->path = location_config(service, arguments->options[OPTION_CONFIG], failure_out);
    if (loaded->path == NULL) {
        return false;
    }
    config_problems_init(&loaded->problems);
    plugin_loader_init(&loaded->loader, false);
    loaded->config =
        config_load(loaded->path, service, handlers_builtin, &loaded->loader.source, &loaded->problems);
    return true;
}

void loaded_config_close(struct loaded_config *loaded)
{
    config_destroy(loaded->config);
    plugin_loader_fini(&loaded->loader);
    config_problems_fini(&loaded->problems);
    memory_free(loaded->path);
}

enum exit_code loaded_config_code(const struct loaded_config *loaded)
{
    return loaded->problems.is_out_of_memory ? EXIT_CODE_FAILED : EXIT_CODE_CONFIGURATION;
}
