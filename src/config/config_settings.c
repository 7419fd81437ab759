/* SPDX-License-Identifier: MIT */
#include "config/config_settings.h"

#include <string.h>

#include "base/memory.h"
#include "config/config_entry.h"
#include "config/config_path.h"
#include "config/config_problems.h"

enum { SETTINGS_NAME_ROOM = 288, SETTINGS_RANGE_ROOM = 512 };

bool config_settings_init(struct pl_config *config, const struct config_options *options)
{
    const size_t count = options->table.count;
    *config = (struct pl_config){.options = options};
    if (count == 0) {
        return true;
    }
    config->settings = memory_alloc(count * sizeof *config->settings);
    config->origins = memory_alloc(count * sizeof *config->origins);
    if (config->settings == NULL || config->origins == NULL) {
        memory_free(config->settings);
        memory_free(config->origins);
        *config = (struct pl_config){.options = NULL};
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        config->settings[i].number = CONFIG_NO_NUMBER;
    }
    return true;
}

void config_settings_fini(struct pl_config *config)
{
    if (config->settings != NULL) {
        config_keys_free(&config->options->table, config->settings, NULL);
    }
    memory_free(config->settings);
    memory_free(config->origins);
}

/* The path of a file or folder becomes a full one. */
static void config_settings__resolve(const struct config_entry *entry, const struct config_source *source)
{
    const bool is_file = entry->key->type == CONFIG_TYPE_FILE;
    char **place = config_keys_text(entry->key, entry->record);
    struct config_fault fault;
    if ((!is_file && entry->key->type != CONFIG_TYPE_FOLDER) || *place == NULL) {
        return;
    }
    char *full = config_path_resolve(*place, strlen(*place), source->folder, is_file, source, &fault);
    if (full == NULL) {
        config_entry_fault(entry, &fault);
    }
    memory_free(*place);
    *place = full;
}

static void config_settings__value(struct pl_config *config, size_t index, struct config_span value,
                                   uint32_t line, const struct config_source *source,
                                   struct config_problems *problems)
{
    const struct config_entry entry = {.key = &config->options->table.keys[index],
                                       .value = value,
                                       .line = line,
                                       .record = config->settings,
                                       .handlers = source->handlers,
                                       .problems = problems};
    if (value.length > 0 || !config_keys_may_be_empty(entry.key)) { /* else it has none */
        config_entry_read(&entry);
        config_settings__resolve(&entry, source);
    }
}

bool config_settings_read(struct pl_config *config, struct config_span name, struct config_span value,
                          uint32_t line, const struct config_source *source, struct config_problems *problems)
{
    const struct config_table *table = &config->options->table;
    const struct config_key *key = config_keys_find(table, name.at, name.length);
    if (key == NULL) {
        return false;
    }
    const size_t index = (size_t)(key - table->keys);
    struct config_origin *origin = &config->origins[index];
    if (origin->line != 0 && !config_problems_overrides(problems, line, origin->line)) {
        config_problems_twice(problems, key->name, line, name.column, origin->line);
    } else {
        if (origin->line != 0) {
            config_keys_reset(key, config->settings);
            config->settings[index].number = CONFIG_NO_NUMBER;
        }
        *origin = (struct config_origin){.line = line, .column = value.column};
        config_settings__value(config, index, value, line, source, problems);
    }
    return true;
}

static void config_settings__missing(const struct config_key *key, const struct pl_handler *handler,
                                     const struct config_endpoint *endpoint, struct config_problems *problems)
{
    char name_room[SETTINGS_NAME_ROOM], range_room[SETTINGS_RANGE_ROOM];
    struct text name, range;
    text_init(&name, name_room, sizeof name_room);
    text_init(&range, range_room, sizeof range_room);
    config_value_add_quoted(&name, endpoint->name, strlen(endpoint->name));
    config_keys_add_range(&range, key);
    config_problems_error(problems, endpoint->line, 1,
                          "endpoint %s has no %s, which the handler %s needs; write %s = VALUE, with %s",
                          name_room, key->name, handler->name, key->name, range_room);
}

void config_settings_fill(struct pl_config *config, const struct config_endpoint *endpoint, bool may_lack,
                          const struct config_source *source, struct config_problems *problems)
{
    const struct config_table *table = &config->options->table;
    for (size_t i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        if (config->origins[i].line != 0) {
            continue;
        }
        if (key->value != NULL) {
            const struct config_span value = {.at = key->value, .length = strlen(key->value), .column = 1};
            config_settings__value(config, i, value, 0, source, problems);
        } else if (!may_lack) {
            config_settings__missing(key, config->options->handler, endpoint, problems);
        }
    }
}

int32_t config_settings_get(const struct pl_config *config, const char *name, struct pl_text *text_out,
                            int64_t *number_out)
{
    const struct config_table *table = &config->options->table;
    const struct config_key *key = config_keys_find(table, name, strlen(name));
    struct pl_text text = {.at = NULL, .length = 0};
    int64_t number = -1;
    if (key == NULL) {
        return PL_INVALID;
    }
    const struct config_setting *setting = &config->settings[key - table->keys];
    if (setting->bytes.at != NULL) {
        const bool is_path = key->type == CONFIG_TYPE_FILE || key->type == CONFIG_TYPE_FOLDER;
        text.at = setting->bytes.at;
        text.length = is_path ? strlen(text.at) : setting->bytes.length;
        number = (int64_t)(key->type == CONFIG_TYPE_LIST ? config_keys_count_items(key, config->settings)
                                                         : text.length);
    } else if (setting->number != CONFIG_NO_NUMBER) {
        text.at = key->type == CONFIG_TYPE_CHOICE ? key->choices[setting->number] : NULL;
        text.length = text.at != NULL ? strlen(text.at) : 0;
        number = (int64_t)setting->number;
    }
    if (text_out != NULL) {
        *text_out = text;
    }
    if (number_out != NULL) {
        *number_out = number;
    }
    return PL_OK;
}
