/* SPDX-License-Identifier: MIT
   A configuration, from its documents to its records; see config.h. */
#include "config/config.h"

#include <string.h>

#include "base/memory.h"
#include "config/config_options.h"
#include "config/config_places.h"
#include "config/config_plugins.h"
#include "config/config_reading.h"
#include "config/config_settings.h"

static bool config__begin(struct reading *reading)
{
    struct config *config = memory_alloc(sizeof *config);
    reading->config = config;
    if (config == NULL) {
        return false;
    }
    config->file = memory_copy_text(reading->source->file, strlen(reading->source->file));
    config->service.origins = config_reading_origins(&config_keys_service);
    config->defaults.origins = config_reading_origins(&config_keys_endpoint);
    while (reading->source->handlers[config->option_count] != NULL) {
        config->option_count++;
    }
    config->options = memory_alloc((config->option_count + 1) * sizeof(struct config_options *));
    return config_places_add(&config->places, reading->source->file, 0) && config->file != NULL &&
           config->service.origins != NULL && config->defaults.origins != NULL && config->options != NULL;
}

/* `defaults`: NULL for themselves. */
static void config__fini_endpoint(struct config_endpoint *endpoint, const struct config_endpoint *defaults)
{
    config_keys_free(&config_keys_endpoint, endpoint, defaults);
    config_settings_fini(&endpoint->options);
    memory_free(endpoint->name);
    memory_free(endpoint->origins);
}

struct config *config_parse(const struct config_source *source, const char *text, size_t length,
                            struct config_problems *problems)
{
    struct reading reading = {.source = source, .problems = problems};
    struct config_registry_items items = {.list = NULL};
    text_init_heap(&items.text);
    if (config__begin(&reading)) {
        problems->places = &reading.config->places;
        config_reading_lines(&reading, text != NULL ? text : "", length);
        config_reading_includes(&reading);
        config_reading_registry(&reading, &items);
        config_reading_complete(&reading);
    } else {
        config_problems_no_memory(problems);
    }
    config_extras_fini(&reading.extras);
    if (text == NULL && problems->errors > 0) { /* so it may be what is missing */
        config_problems_warning(problems, 0, 0,
                                "there is no such file, so this is what the registry has alone");
    }
    config_problems_finish(problems, source->file);
    config_includes_hand_over(&reading.includes, problems->errors > 0 ? NULL : reading.config, problems);
    config_includes_fini(&reading.includes);
    config_registry_items_fini(&items);
    if (problems->errors > 0) {
        config_destroy(reading.config);
        return NULL;
    }
    reading.config->places.items = NULL;
    return reading.config;
}

void config_destroy(struct config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config->endpoint_count; i++) {
        config__fini_endpoint(&config->endpoints[i], &config->defaults);
    }
    config__fini_endpoint(&config->defaults, NULL);
    config_keys_free(&config_keys_service, &config->service, NULL);
    for (size_t i = 0; config->options != NULL && i < config->option_count; i++) {
        config_options_destroy(config->options[i]);
    }
    memory_free(config->options);
    config_plugins_fini(config);
    memory_free(config->service.origins);
    memory_free(config->endpoints);
    config_places_fini(&config->places);
    config_include_free(config->includes, config->include_count);
    memory_free(config->file);
    memory_free(config);
}
