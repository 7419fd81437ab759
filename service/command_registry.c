/* SPDX-License-Identifier: MIT
   The commands "config export-registry" and "config import-registry": what the registry has as a file, and what a file has
   in the registry. */
#include "commands.h"

#include "base/memory.h"
#include "config/config_exchange.h"
#include "config/config_registry_load.h"
#include "config/config_registry_save.h"
#include "loaded_config.h"

static enum exit_code command_registry__no_memory(struct streams *streams)
{
    const struct failure failure = {.code = EXIT_CODE_FAILED, .text = "out of memory"};
    return output_failure(&streams->err, &failure);
}

static bool command_registry__is_empty(const struct config_registry *registry)
{
    size_t keys = 0;
    for (size_t i = 0; i < registry->count; i++) {
        keys += registry->list[i].is_key;
    }
    return keys == 0;
}

/* ---- export ---- */

static enum exit_code command_registry__print(const struct loaded_config *loaded, const char *service,
                                              struct streams *streams)
{
    struct config_registry registry;
    struct failure failure;
    struct text text;
    enum exit_code code = EXIT_CODE_DONE;
    text_init_heap(&text);
    if (!config_registry_load(service, &registry, &failure)) {
        code = output_failure(&streams->err, &failure);
    } else if (command_registry__is_empty(&registry)) {
        text_add_string(&text, "; nothing is set in ");
        config_registry_add_key_name(&text, service);
        text_add_string(&text, "\n");
        output_text(&streams->out, &text);
    } else if (config_exchange_to_text(loaded->config, &registry, &text)) {
        output_text(&streams->out, &text);
    } else {
        code = command_registry__no_memory(streams);
    }
    config_registry_fini(&registry);
    text_fini(&text);
    return code;
}

enum exit_code command_registry_export(const struct arguments *arguments, struct streams *streams)
{
    struct loaded_config loaded;
    struct failure failure;
    if (!loaded_config_open(&loaded, arguments, LOADED_CONFIG_ALL, &failure)) {
        return output_failure(&streams->err, &failure);
    }
    output_text(&streams->err, &loaded.problems.text);
    const enum exit_code code = loaded.config != NULL
                                    ? command_registry__print(&loaded, loaded.service, streams)
                                    : loaded_config_code(&loaded);
    loaded_config_close(&loaded);
    return code;
}

/* ---- import ---- */

static void command_registry__tell(const struct loaded_config *loaded, const struct config_registry *registry,
                                   struct streams *streams)
{
    unsigned long keys = 0;
    struct text text;
    for (size_t i = 0; i < registry->count; i++) {
        keys += registry->list[i].is_key;
    }
    text_init_heap(&text);
    text_add_format(&text, "%lu keys with %lu values of %s are in ", keys,
                    (unsigned long)registry->count - keys, loaded->path);
    config_registry_add_key_name(&text, loaded->service);
    text_add_string(&text, " now, in place of what was there;\nthey come before what a file says\n");
    output_text(&streams->out, &text);
    text_fini(&text);
}

static enum exit_code command_registry__write(const struct loaded_config *loaded, struct streams *streams)
{
    struct config_registry registry;
    struct failure failure;
    enum exit_code code = EXIT_CODE_DONE;
    if (!config_exchange_to_registry(loaded->config, &loaded->given, &registry)) {
        code = command_registry__no_memory(streams);
    } else if (!config_registry_save(loaded->service, &registry, &failure)) {
        code = output_failure(&streams->err, &failure);
    } else {
        command_registry__tell(loaded, &registry, streams);
    }
    config_registry_fini(&registry);
    return code;
}

enum exit_code command_registry_import(const struct arguments *arguments, struct streams *streams)
{
    struct loaded_config loaded;
    struct failure failure;
    if (!loaded_config_open(&loaded, arguments, LOADED_CONFIG_FILE, &failure)) {
        return output_failure(&streams->err, &failure);
    }
    output_text(&streams->err, &loaded.problems.text);
    const enum exit_code code =
        loaded.config != NULL ? command_registry__write(&loaded, streams) : loaded_config_code(&loaded);
    loaded_config_close(&loaded);
    return code;
}
