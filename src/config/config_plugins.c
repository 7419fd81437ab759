/* SPDX-License-Identifier: MIT */
#include "config/config_plugins.h"

#include <string.h>

#include "base/memory.h"
#include "config/config_problems.h"

#define PLUGINS_EXTENSION ".dll"

enum { PLUGINS_PROBLEM_ROOM = 2048 };

bool config_plugins_is_file(const char *at, size_t length)
{
    const size_t extension = strlen(PLUGINS_EXTENSION);
    return length > extension && text_equal(at + length - extension, extension, PLUGINS_EXTENSION);
}

static struct config_plugin *config_plugins__add(struct config *config, const char *file)
{
    const size_t length = strlen(file);
    struct config_plugin *plugin = memory_alloc(sizeof *plugin + length + 1);
    if (plugin != NULL) {
        memcpy(plugin->file, file, length + 1);
        plugin->next = config->plugins;
        config->plugins = plugin;
    }
    return plugin;
}

/* What is found there is told at the line that names it. */
static void config_plugin__load(struct config_plugin *plugin, const struct config *config,
                                const struct config_origin *origin, struct config_problems *problems)
{
    char problem_room[PLUGINS_PROBLEM_ROOM], warning_room[PLUGINS_PROBLEM_ROOM];
    struct text problem, warning;
    text_init(&problem, problem_room, sizeof problem_room);
    text_init(&warning, warning_room, sizeof warning_room);
    const struct pl_handler *handler = plugin->source->load(plugin->source->context, &config->service,
                                                            plugin->file, &plugin->held, &problem, &warning);
    if (warning.length > 0) {
        config_problems_warning(problems, origin->line, origin->column, "handler: %s", warning_room);
    }
    if (handler != NULL) {
        plugin->options = config_options_create(handler, &problem);
    }
    if (plugin->options == NULL && problem.length == 0) {
        config_problems_no_memory(problems);
    } else if (plugin->options == NULL) {
        config_problems_error(problems, origin->line, origin->column, "handler: %s%s%s",
                              handler != NULL ? plugin->file : "", handler != NULL ? " cannot be used: " : "",
                              problem_room);
    }
}

const struct config_options *config_plugins_find(struct config *config,
                                                 const struct config_plugin_source *source, const char *file,
                                                 const struct config_origin *origin,
                                                 struct config_problems *problems)
{
    for (const struct config_plugin *plugin = config->plugins; plugin != NULL; plugin = plugin->next) {
        if (text_equal(file, strlen(file), plugin->file)) {
            return plugin->options;
        }
    }
    if (source == NULL) {
        config_problems_error(problems, origin->line, origin->column,
                              "handler: %s: handlers in DLLs are not loaded here", file);
        return NULL;
    }
    if (config->service.plugin_dir == NULL || config->service.data_dir == NULL) {
        return NULL; /* refused, and told */
    }
    struct config_plugin *plugin = config_plugins__add(config, file);
    if (plugin == NULL) {
        config_problems_no_memory(problems);
        return NULL;
    }
    plugin->source = source;
    config_plugin__load(plugin, config, origin, problems);
    return plugin->options;
}

void config_plugins_fini(struct config *config)
{
    while (config->plugins != NULL) {
        struct config_plugin *plugin = config->plugins;
        config->plugins = plugin->next;
        config_options_destroy(plugin->options);
        if (plugin->held != NULL) {
            plugin->source->release(plugin->source->context, plugin->held);
        }
        memory_free(plugin);
    }
}
