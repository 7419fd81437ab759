/* SPDX-License-Identifier: MIT
   What the documents of a configuration left out: defaults, what handlers have a say in, full paths; see
   config_reading.h. */
#include "config/config_reading.h"

#include <string.h>

#include "base/descriptor.h"
#include "base/memory.h"
#include "config/config_check.h"
#include "config/config_entry.h"
#include "config/config_path.h"
#include "config/config_plugins.h"
#include "config/config_settings.h"
#include "config/config_unknown.h"

enum { CONFIG_GUESSES_MAX = 1000 /* keys of an endpoint */, CONFIG_PROBLEM_ROOM = 1024 };

/* The table's defaults, where the file says nothing. */
static void config_completion__fill(struct reading *reading, const struct config_table *table, void *record,
                                    struct config_origin *origins)
{
    reading->section = (struct section){.table = table, .record = record, .origins = origins};
    for (size_t i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        if (origins[i].line == 0 && key->value != NULL) {
            const struct config_span value = {.at = key->value, .length = strlen(key->value), .column = 1};
            config_reading_entry(reading, key, value, 0);
        }
    }
}

/* What [defaults] says, or the table, where the endpoint says nothing. */
static void config_completion__inherit(const struct config_endpoint *defaults,
                                       struct config_endpoint *endpoint)
{
    for (size_t i = 0; i < config_keys_endpoint.count; i++) {
        const struct config_key *key = &config_keys_endpoint.keys[i];
        if (endpoint->origins[i].line == 0 && !key->is_endpoint_only) {
            endpoint->origins[i] = defaults->origins[i];
            config_keys_lend(key, defaults, endpoint);
        }
    }
}

/* ---- handlers ---- */

/* The options of the handler that the endpoint has, made once for all; NULL with a problem. */
static const struct config_options *config_completion__options(struct reading *reading,
                                                               const struct config_endpoint *endpoint)
{
    const struct pl_handler *const *handlers = reading->source->handlers;
    if (config_plugins_is_file(endpoint->handler, strlen(endpoint->handler))) {
        const struct config_key *key = config_keys_find(&config_keys_endpoint, "handler", strlen("handler"));
        return config_plugins_find(reading->config, reading->source->plugins, endpoint->handler,
                                   &endpoint->origins[key - config_keys_endpoint.keys], reading->problems);
    }
    size_t index = 0;
    char room[CONFIG_PROBLEM_ROOM];
    struct text problem;
    while (strcmp(handlers[index]->name, endpoint->handler) != 0) {
        index++; /* it is one of them */
    }
    struct config_options **place = &reading->config->options[index];
    if (*place != NULL) {
        return *place;
    }
    text_init(&problem, room, sizeof room);
    *place = config_options_create(handlers[index], &problem);
    if (*place == NULL && problem.length == 0) {
        config_problems_no_memory(reading->problems);
    } else if (*place == NULL) {
        config_problems_error(reading->problems, endpoint->line, 1,
                              "the handler %s cannot be used: %s; until it is mended, choose another handler",
                              endpoint->handler, room);
    }
    return *place;
}

/* The handler's own defaults, where nobody else says anything. */
static void config_completion__prefer(struct reading *reading, struct config_endpoint *endpoint,
                                      const struct pl_handler *handler)
{
    const char *line = NULL;
    reading->section = (struct section){.record = endpoint};
    for (size_t i = 0; (line = descriptor_default(handler, i)) != NULL; i++) {
        struct config_span value;
        const struct config_key *key = config_options_default(line, &value); /* checked already */
        struct config_origin *origin = &endpoint->origins[key - config_keys_endpoint.keys];
        if (origin->line == 0 && !origin->is_handlers) {
            config_keys_clear(key, endpoint); /* it was lent */
            *origin = (struct config_origin){.is_handlers = true};
            config_reading_entry(reading, key, value, 0);
        }
    }
}

/* Of a line that was put off and is no option: what there is to tell of it. */
static struct config_unknown config_completion__unknown(const struct reading *reading,
                                                        const struct config_endpoint *endpoint,
                                                        const struct config_extra *extra)
{
    return (struct config_unknown){.name = extra->name,
                                   .line = extra->line,
                                   .table = &config_keys_endpoint,
                                   .is_of_endpoint = true,
                                   .options = endpoint->options.options,
                                   .handlers = reading->source->handlers};
}

static bool config_completion__is_option(const struct config_endpoint *endpoint,
                                         const struct config_extra *extra)
{
    const struct config_options *options = endpoint->options.options;
    return !extra->is_broken && options != NULL &&
           config_keys_find(&options->table, extra->name.at, extra->name.length) != NULL;
}

/* What the endpoint seems to lack may stand in one of these lines: the first that could not be read, or is nearly a key.
   0: there is none. */
static uint32_t config_completion__find_doubt(const struct reading *reading,
                                              const struct config_endpoint *endpoint,
                                              const struct config_extra *extras, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct config_unknown unknown = config_completion__unknown(reading, endpoint, &extras[i]);
        if (extras[i].is_broken || config_problems_are_full(reading->problems) || i == CONFIG_GUESSES_MAX ||
            (!config_completion__is_option(endpoint, &extras[i]) && config_unknown_guess(&unknown) != NULL)) {
            return extras[i].line;
        }
    }
    return 0;
}

static void config_completion__read_extra(struct reading *reading, struct config_endpoint *endpoint,
                                          const struct config_extra *extra, bool may_be_option)
{
    if (!extra->is_broken && (endpoint->options.options == NULL ||
                              !config_settings_read(&endpoint->options, extra->name, extra->value,
                                                    extra->line, reading->source, reading->problems))) {
        struct config_unknown unknown = config_completion__unknown(reading, endpoint, extra);
        unknown.may_be_option = may_be_option;
        config_unknown_tell(&unknown, reading->problems);
    }
}

/* All that the endpoint's handler has a say in. */
static void config_completion__handle(struct reading *reading, size_t index)
{
    struct config_endpoint *endpoint = &reading->config->endpoints[index];
    const struct config_options *options =
        endpoint->handler != NULL ? config_completion__options(reading, endpoint) : NULL;
    const struct config_key *handler = config_keys_find(&config_keys_endpoint, "handler", strlen("handler"));
    size_t count = 0;
    const struct config_extra *extras = config_extras_take(&reading->extras, index, &count);
    if (options != NULL) {
        config_completion__prefer(reading, endpoint, options->handler);
        if (!config_settings_init(&endpoint->options, options)) {
            config_problems_no_memory(reading->problems);
        }
    }
    const uint32_t doubt = config_completion__find_doubt(reading, endpoint, extras, count);
    if (doubt != 0) {
        config_reading_doubt(&config_keys_endpoint, endpoint->origins, doubt);
    }
    const bool is_given = endpoint->origins[handler - config_keys_endpoint.keys].line != 0;
    for (size_t i = 0; i < count; i++) {
        config_completion__read_extra(reading, endpoint, &extras[i], options == NULL && is_given);
    }
    if (endpoint->options.options != NULL) {
        config_settings_fill(&endpoint->options, endpoint, doubt != 0, reading->source, reading->problems);
    }
}

/* ---- the whole ---- */

/* The path in the key's place becomes a full one, from `folder`. */
static void config_completion__resolve(struct reading *reading, const char *name, const char *folder)
{
    const struct config_key *key = config_keys_find(&config_keys_service, name, strlen(name));
    const struct config_origin *origin = &reading->config->service.origins[key - config_keys_service.keys];
    char **place = config_keys_text(key, &reading->config->service);
    const char *path = *place;
    struct config_fault fault;
    if (path == NULL || path[0] == '\0' || (key->type == CONFIG_TYPE_LOG_FILE && strcmp(path, "-") == 0)) {
        return; /* refused already, or not a path */
    }
    char *full = config_path_resolve(path, strlen(path), folder, key->type == CONFIG_TYPE_LOG_FILE,
                                     reading->source, &fault);
    if (full == NULL) {
        const struct config_entry entry = {
            .key = key,
            .value = {.at = path, .length = strlen(path), .column = origin->column},
            .line = origin->line,
            .problems = reading->problems};
        config_entry_fault(&entry, &fault);
    }
    memory_free(*place);
    *place = full; /* NULL where it was refused: nobody takes it for a path */
}

/* A configuration that listens on nothing: a mistake, or meant for the time being? */
static void config_completion__check_not_empty(struct reading *reading)
{
    const struct config *config = reading->config;
    size_t enabled = 0;
    for (size_t i = 0; i < config->endpoint_count; i++) {
        enabled += config->endpoints[i].is_enabled;
    }
    if (config->endpoint_count == 0 && !reading->may_lack_sections) {
        config_problems_error(
            reading->problems, 1, 1,
            "there is no endpoint; write a section [endpoint NAME] with listen and handler");
    } else if (config->endpoint_count > 0 && enabled == 0 && reading->problems->errors == 0) {
        config_problems_warning(
            reading->problems, config->endpoints[0].line, 1,
            "every endpoint is disabled, so nothing will listen; write enabled = yes in one "
            "that shall");
    }
}

static void config_completion__resolve_all(struct reading *reading)
{
    const char *folder = reading->source->folder;
    config_completion__resolve(reading, "data_dir", folder);
    const char *data_dir = reading->config->service.data_dir;
    config_completion__resolve(reading, "log_file", data_dir != NULL ? data_dir : folder);
    config_completion__resolve(reading, "access_log", data_dir != NULL ? data_dir : folder);
    config_completion__resolve(reading, "plugin_dir", folder);
}

void config_reading_complete(struct reading *reading)
{
    struct config *config = reading->config;
    config_completion__fill(reading, &config_keys_service, &config->service, config->service.origins);
    config_completion__fill(reading, &config_keys_endpoint, &config->defaults, config->defaults.origins);
    if (reading->problems->is_out_of_memory) { /* an endpoint may have no origins */
        return;
    }
    config_completion__resolve_all(reading);
    for (size_t i = 0; i < config->endpoint_count; i++) {
        config_completion__inherit(&config->defaults, &config->endpoints[i]);
        config_completion__handle(reading, i);
    }
    config_completion__check_not_empty(reading);
    config_check_run(config, reading->source->handlers, reading->problems);
}
