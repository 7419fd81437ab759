/* SPDX-License-Identifier: MIT
   Reading a configuration: from lines to records, by the table of keys; see config.h. */
#include "config/config.h"

#include <string.h>

#include "base/descriptor.h"
#include "base/memory.h"
#include "config/config_check.h"
#include "config/config_entry.h"
#include "config/config_extras.h"
#include "config/config_file.h"
#include "config/config_guess.h"
#include "config/config_include.h"
#include "config/config_keys.h"
#include "config/config_names.h"
#include "config/config_path.h"
#include "config/config_plugins.h"
#include "config/config_problems.h"
#include "config/config_registry.h"
#include "config/config_retired.h"
#include "config/config_settings.h"
#include "config/config_unknown.h"
#include "config/config_value.h"

enum {
    CONFIG_GUESSES_MAX = 1000 /* keys of an endpoint */,
    CONFIG_FIRST_ROOM = 8,
    CONFIG_NAME_ROOM = 288,
    CONFIG_PROBLEM_ROOM = 1024
};

enum section_kind { SECTION_SERVICE, SECTION_DEFAULTS, SECTION_ENDPOINT, SECTION_UNKNOWN };

static const char *const section_words[SECTION_UNKNOWN] = {"service", "defaults", "endpoint"};

/* A section, and where its values go. */
struct section {
    const struct config_table *table; /* NULL: not known; its keys are passed over */
    void *record;
    struct config_origin *origins;
    bool is_shared;      /* [defaults] */
    uint32_t doubt_line; /* could not be read, or was misspelled: what seems to be missing may stand there */
};

/* A configuration while it is read. */
struct reading {
    const struct config_source *source;
    struct config_problems *problems;
    struct config *config;
    size_t endpoint_room;
    uint32_t service_line; /* of [service], 0: not seen yet */
    uint32_t defaults_line;
    uint32_t before; /* lines of what was read before this document */
    struct config_includes includes;
    bool is_included;          /* this document is one that another includes */
    bool is_registry;          /* its keys may be there already */
    struct section section;    /* where the file is now */
    size_t endpoint;           /* the number of the one that the section is of */
    struct config_names names; /* of the files' endpoints, for the registry */
    bool may_lack_sections; /* a line could not be read, or a section is not known: it may be an endpoint */
    struct config_extras extras;
};

/* ---- keys ---- */

/* For the end, with the endpoint that is read now. */
static void config__put_off(struct reading *reading, const struct config_item *item)
{
    const struct config_extra extra = {.endpoint = reading->endpoint,
                                       .line = item->line,
                                       .name = item->name,
                                       .value = item->value,
                                       .is_broken = item->kind == CONFIG_ITEM_BROKEN};
    if (!config_extras_add(&reading->extras, &extra)) {
        config_problems_no_memory(reading->problems);
    }
}

static bool config__is_in_endpoint(const struct reading *reading)
{
    return reading->section.table == &config_keys_endpoint && !reading->section.is_shared;
}

/* In an endpoint it may be an option of its handler, which is known at the end. */
static void config__unknown_key(struct reading *reading, const struct config_item *item)
{
    if (config__is_in_endpoint(reading)) {
        config__put_off(reading, item);
        return;
    }
    const struct config_unknown unknown = {.name = item->name,
                                           .line = item->line,
                                           .table = reading->section.table,
                                           .handlers = reading->source->handlers};
    if (config_unknown_tell(&unknown, reading->problems)) {
        reading->section.doubt_line = item->line;
    }
}

static void config__read_entry(struct reading *reading, const struct config_key *key,
                               struct config_span value, uint32_t line)
{
    const struct config_entry entry = {.key = key,
                                       .value = value,
                                       .line = line,
                                       .record = reading->section.record,
                                       .handlers = reading->source->handlers,
                                       .problems = reading->problems};
    config_entry_read(&entry);
}

/* The key of the entry, also by a name that it had once, with a warning; NULL: there is none, or, `retired_out`, none any
   more. */
static const struct config_key *config__find_key(struct reading *reading, const struct config_item *item,
                                                 const struct config_retired **retired_out)
{
    const struct config_table *table = reading->section.table;
    const struct config_retired *list =
        reading->source->retired != NULL ? reading->source->retired : config_retired_all;
    const struct config_key *key = config_keys_find(table, item->name.at, item->name.length);
    const struct config_retired *retired =
        key == NULL ? config_retired_find(list, table, item->name.at, item->name.length) : NULL;
    *retired_out = retired;
    if (retired == NULL) {
        return key;
    }
    if (retired->successor == NULL) {
        config_problems_warning(
            reading->problems, item->line, item->name.column,
            "\"%.*s\" means nothing since release %s; remove the line, for it will become an error",
            (int)item->name.length, item->name.at, retired->since);
        return NULL;
    }
    config_problems_warning(
        reading->problems, item->line, item->name.column,
        "\"%.*s\" is called %s since release %s; write %s, for the old name will become an error",
        (int)item->name.length, item->name.at, retired->successor, retired->since, retired->successor);
    return config_keys_find(table, retired->successor, strlen(retired->successor));
}

static void config__entry(struct reading *reading, const struct config_item *item)
{
    const struct section *section = &reading->section;
    if (section->table == NULL) {
        return;
    }
    const struct config_retired *retired = NULL;
    const struct config_key *key = config__find_key(reading, item, &retired);
    if (key == NULL) {
        if (retired == NULL) {
            config__unknown_key(reading, item);
        }
        return;
    }
    struct config_origin *origin = &section->origins[key - section->table->keys];
    if (section->is_shared && key->is_endpoint_only) {
        config_problems_error(reading->problems, item->line, item->name.column,
                              "%s has no default; write it in each [endpoint NAME]", key->name);
    } else if (origin->line != 0 && !config_problems_overrides(reading->problems, item->line, origin->line)) {
        config_problems_twice(reading->problems, key->name, item->line, item->name.column, origin->line);
    } else {
        if (origin->line != 0) {
            config_keys_reset(key, section->record);
        }
        *origin = (struct config_origin){
            .line = item->line, .column = item->value.column, .is_shared = section->is_shared};
        config__read_entry(reading, key, item->value, item->line);
    }
}

/* ---- sections ---- */

static struct config_origin *config__make_origins(const struct config_table *table)
{
    return memory_alloc(table->count * sizeof(struct config_origin));
}

static void config__open_once(struct reading *reading, const struct config_item *item, struct section section,
                              const char *name, uint32_t *line)
{
    if (*line != 0 && !config_problems_overrides(reading->problems, item->line, *line)) {
        struct text place = config_problems_place(reading->problems, *line, item->line);
        config_problems_error(reading->problems, item->line, item->name.column,
                              "[%s] begins in %s already; put the keys of both together", name, place.at);
        text_fini(&place);
    } else {
        *line = item->line;
    }
    reading->section = section;
}

static struct config_endpoint *config__add_endpoint(struct reading *reading)
{
    struct config *config = reading->config;
    if (config->endpoint_count == reading->endpoint_room) {
        const size_t room = reading->endpoint_room > 0 ? reading->endpoint_room * 2 : CONFIG_FIRST_ROOM;
        struct config_endpoint *grown = memory_resize(config->endpoints, room * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        config->endpoints = grown;
        reading->endpoint_room = room;
    }
    struct config_endpoint *endpoint = &config->endpoints[config->endpoint_count++];
    *endpoint = (struct config_endpoint){0};
    return endpoint;
}

/* The registry goes on with an endpoint of the files. */
static bool config__reopen_endpoint(struct reading *reading, struct config_span name)
{
    if (!reading->is_registry ||
        !config_names_find(&reading->names, name.at, name.length, &reading->endpoint)) {
        return false;
    }
    struct config_endpoint *endpoint = &reading->config->endpoints[reading->endpoint];
    reading->section =
        (struct section){.table = &config_keys_endpoint, .record = endpoint, .origins = endpoint->origins};
    return true;
}

static void config__open_endpoint(struct reading *reading, const struct config_item *item,
                                  struct config_span name)
{
    struct config_fault fault;
    if (config__reopen_endpoint(reading, name)) {
        return;
    }
    struct config_endpoint *endpoint = config__add_endpoint(reading);
    if (endpoint == NULL) {
        config_problems_no_memory(reading->problems);
        return;
    }
    reading->endpoint = reading->config->endpoint_count - 1;
    endpoint->line = item->line;
    endpoint->name = memory_copy_text(name.at, name.length);
    endpoint->origins = config__make_origins(&config_keys_endpoint);
    if (endpoint->name == NULL || endpoint->origins == NULL) {
        config_problems_no_memory(reading->problems);
        return;
    }
    reading->section =
        (struct section){.table = &config_keys_endpoint, .record = endpoint, .origins = endpoint->origins};
    if (name.length == 0) {
        config_problems_error(reading->problems, item->line, item->name.column,
                              "the endpoint has no name; write [endpoint NAME]");
    } else if (!config_value_name(name.at, name.length, &fault)) {
        config_problems_error(reading->problems, item->line,
                              name.column + config_file_characters(name.at, fault.offset), "%s; %s",
                              fault.problem, fault.remedy);
    }
}

/* For a remedy: the name that was written, where an endpoint can have it, else NAME. */
static struct config_span config__name_to_show(struct config_span name)
{
    struct config_fault fault;
    const bool is_name = name.length > 0 && config_value_name(name.at, name.length, &fault);
    return is_name ? name : (struct config_span){.at = "NAME", .length = 4};
}

/* `word` and `rest` are the section's. What it was meant to be, or SECTION_UNKNOWN. */
static enum section_kind config__misspelled_section(struct reading *reading, const struct config_item *item,
                                                    struct config_span word, struct config_span rest)
{
    const struct config_span whole_name = config__name_to_show(item->name);
    const struct config_span rest_name = config__name_to_show(rest);
    struct config_guess guess = config_guess_begin(word.at, word.length);
    enum section_kind kind = SECTION_SERVICE;
    char room[CONFIG_NAME_ROOM];
    struct text name;
    for (size_t i = 0; i < SECTION_UNKNOWN; i++) {
        config_guess_try(&guess, section_words[i]);
    }
    while (kind < SECTION_UNKNOWN && guess.best != section_words[kind]) {
        kind++;
    }
    text_init(&name, room, sizeof room);
    config_value_add_quoted(&name, item->name.at, item->name.length);
    if (kind != SECTION_UNKNOWN) {
        config_problems_error(reading->problems, item->line, item->name.column,
                              "%s is not a section; did you mean [%s%s%.*s]?", room, guess.best,
                              kind == SECTION_ENDPOINT ? " " : "",
                              kind == SECTION_ENDPOINT ? (int)rest_name.length : 0, rest_name.at);
        return kind;
    }
    config_problems_error(reading->problems, item->line, item->name.column,
                          "%s is not a section; write [service], [defaults] or [endpoint %.*s]", room,
                          (int)whole_name.length, whole_name.at);
    reading->may_lack_sections = true;
    return kind;
}

/* The first word of `span`; `rest_out` is what follows, without blanks before it. */
static struct config_span config__first_word(struct config_span span, struct config_span *rest_out)
{
    struct config_span word = span;
    word.length = 0;
    while (word.length < span.length && span.at[word.length] != ' ' && span.at[word.length] != '\t') {
        word.length++;
    }
    size_t begin = word.length;
    while (begin < span.length && (span.at[begin] == ' ' || span.at[begin] == '\t')) {
        begin++;
    }
    *rest_out = (struct config_span){.at = span.at + begin,
                                     .length = span.length - begin,
                                     .column = span.column + config_file_characters(span.at, begin)};
    return word;
}

/* What is required and may stand in a line of doubt counts as given, so that it is not missed, too. */
static void config__doubt(const struct config_table *table, struct config_origin *origins, uint32_t line)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->keys[i].value == NULL && origins[i].line == 0) {
            origins[i].line = line;
        }
    }
}

static void config__close_section(struct reading *reading)
{
    const struct section *section = &reading->section;
    if (section->table != NULL && section->doubt_line != 0) {
        config__doubt(section->table, section->origins, section->doubt_line);
    }
    reading->section = (struct section){0};
}

static void config__section(struct reading *reading, const struct config_item *item)
{
    struct config *config = reading->config;
    struct config_span rest;
    const struct config_span word = config__first_word(item->name, &rest);
    enum section_kind kind = SECTION_SERVICE;
    config__close_section(reading);
    while (kind < SECTION_UNKNOWN && !text_equal(word.at, word.length, section_words[kind])) {
        kind++;
    }
    if (kind == SECTION_UNKNOWN) {
        kind = config__misspelled_section(reading, item, word, rest); /* its entries are then checked, too */
    }
    if (kind == SECTION_ENDPOINT) {
        config__open_endpoint(reading, item, rest);
    } else if (kind != SECTION_UNKNOWN && rest.length > 0) {
        config_problems_error(reading->problems, item->line, rest.column,
                              "this section has no name; write [%s], or [endpoint NAME] for an endpoint",
                              section_words[kind]);
    } else if (kind == SECTION_SERVICE) {
        config__open_once(reading, item,
                          (struct section){.table = &config_keys_service,
                                           .record = &config->service,
                                           .origins = config->service.origins},
                          "service", &reading->service_line);
    } else if (kind == SECTION_DEFAULTS) {
        config__open_once(reading, item,
                          (struct section){.table = &config_keys_endpoint,
                                           .record = &config->defaults,
                                           .origins = config->defaults.origins,
                                           .is_shared = true},
                          "defaults", &reading->defaults_line);
    }
}

/* ---- lines, and what they leave out ---- */

static void config__broken_line(struct reading *reading, const struct config_item *item)
{
    reading->may_lack_sections = true;
    reading->section.doubt_line = item->line;
    if (config__is_in_endpoint(reading)) {
        config__put_off(reading, item);
    }
    if (item->may_be_section) {
        config__close_section(reading);
    }
}

/* ---- included files ---- */

#define CONFIG_INCLUDE_REMEDY "write the path of a file, or a pattern such as conf.d\\*.ini"

static void config__include_files(struct reading *reading, const struct config_item *item)
{
    struct config_fault fault;
    char room[CONFIG_NAME_ROOM];
    struct text name;
    switch (config_includes_add(&reading->includes, item->value, item->line, reading->source, &fault)) {
    case CONFIG_INCLUDE_DONE:
        break;
    case CONFIG_INCLUDE_EMPTY:
        text_init(&name, room, sizeof room);
        config_value_add_quoted(&name, item->value.at, item->value.length);
        config_problems_warning(reading->problems, item->line, item->value.column,
                                "include: no file is named like %s; create one, or remove the line", room);
        break;
    case CONFIG_INCLUDE_WRONG:
        reading->may_lack_sections = true;
        if (fault.problem[0] == '\0') {
            config_problems_no_memory(reading->problems);
        } else {
            config_problems_error(reading->problems, item->line, item->value.column, "include: %s; %s",
                                  fault.problem, fault.remedy);
        }
        break;
    }
}

static void config__include(struct reading *reading, const struct config_item *item)
{
    if (reading->is_included) {
        config_problems_error(reading->problems, item->line, item->name.column,
                              "an included file cannot include another; write this line into the first file");
    } else if (reading->source->includes == NULL) {
        config_problems_error(reading->problems, item->line, item->name.column,
                              "nothing can be included here; remove the line");
    } else if (item->value.length == 0) {
        config_problems_error(reading->problems, item->line, item->value.column,
                              "include has no value; " CONFIG_INCLUDE_REMEDY);
    } else {
        config__include_files(reading, item);
    }
}

static void config__item(struct reading *reading, const struct config_item *item)
{
    if (item->kind == CONFIG_ITEM_INCLUDE) {
        config__include(reading, item);
        return;
    }
    if (item->problem != NULL) {
        config_problems_error(reading->problems, item->line, item->problem_column, "%s", item->problem);
    } else if (reading->source->given != NULL && !reading->is_registry &&
               !reading->source->given(reading->source->given_context, item)) {
        config_problems_no_memory(reading->problems);
    }
    if (item->kind == CONFIG_ITEM_SECTION) {
        config__section(reading, item);
    } else if (item->kind == CONFIG_ITEM_ENTRY) {
        config__entry(reading, item);
    } else {
        config__broken_line(reading, item);
    }
}

static void config__read_lines(struct reading *reading, const char *text, size_t length)
{
    struct config_file file;
    struct config_item item;
    config_file_init(&file, text, length);
    while (!reading->problems->is_out_of_memory && config_file_next(&file, &item)) {
        item.line += reading->before;
        config__item(reading, &item);
    }
    config__close_section(reading);
    reading->before +=
        file.line > 0 ? file.line : 1; /* what is wrong with an empty file is wrong in line 1 */
}

/* The text of one, or why there is none, told at the line that includes it. */
static bool config__read_included(struct reading *reading, size_t index)
{
    const struct config_included *one = &reading->includes.list[index];
    struct text problem;
    text_init_heap(&problem);
    const bool is_read = config_includes_read(&reading->includes, index, reading->source, &problem);
    if (!is_read && (problem.is_cut || problem.length == 0)) {
        config_problems_no_memory(reading->problems);
    } else if (!is_read) {
        reading->may_lack_sections = true;
        config_problems_error(reading->problems, one->line, one->column, "include: %s: %s", one->path,
                              problem.at);
    }
    text_fini(&problem);
    return is_read;
}

static void config__read_includes(struct reading *reading)
{
    reading->is_included = true;
    for (size_t i = 0; i < reading->includes.count && !reading->problems->is_out_of_memory; i++) {
        const struct config_included *one = &reading->includes.list[i];
        if (!config__read_included(reading, i)) {
            continue;
        }
        if (config_places_add(&reading->config->places, one->path, reading->before)) {
            config__read_lines(reading, one->file.at, one->file.length);
        } else {
            config_problems_no_memory(reading->problems);
        }
    }
}

/* ---- the registry ---- */

/* A value that is in no section. Other programs may keep theirs there, too. */
static void config__loose_value(struct reading *reading, const struct config_item *item)
{
    if (text_equal(item->name.at, item->name.length, CONFIG_REGISTRY_UNFINISHED)) {
        config_problems_error(
            reading->problems, item->line, 1,
            "an import into this key has not come to its end, so not all of it may be there; import "
            "again, or delete this value to use what is there");
    } else if (!text_equal(item->name.at, item->name.length, "ConfigFile")) {
        config_problems_warning(reading->problems, item->line, 1,
                                "this value is not read here; put it into the key service, defaults or "
                                "endpoint NAME, or delete it");
    }
}

static void config__read_registry_items(struct reading *reading, const struct config_registry_items *items)
{
    bool has_section = false;
    reading->is_registry = true;
    for (size_t i = 0; i < items->count && !reading->problems->is_out_of_memory; i++) {
        struct config_item item = items->list[i];
        item.line += reading->before;
        has_section = has_section || item.kind == CONFIG_ITEM_SECTION || item.may_be_section;
        if (has_section) {
            config__item(reading, &item);
        } else {
            config__loose_value(reading, &item);
        }
    }
    config__close_section(reading);
    config_extras_sort(&reading->extras);
    reading->is_registry = false;
}

/* `items` must stay until all problems are written. */
static void config__read_registry(struct reading *reading, struct config_registry_items *items)
{
    const struct config_source *source = reading->source;
    if (source->registry == NULL || source->registry->count == 0) {
        return;
    }
    if (config_registry_read(source->registry, items) &&
        config_places_add_registry(&reading->config->places, source->registry_name, reading->before, items) &&
        config_names_init(&reading->names, reading->config)) {
        config__read_registry_items(reading, items);
    } else {
        config_problems_no_memory(reading->problems);
    }
    config_names_fini(&reading->names);
}

/* The table's defaults, where the file says nothing. */
static void config__fill(struct reading *reading, const struct config_table *table, void *record,
                         struct config_origin *origins)
{
    reading->section = (struct section){.table = table, .record = record, .origins = origins};
    for (size_t i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        if (origins[i].line == 0 && key->value != NULL) {
            const struct config_span value = {.at = key->value, .length = strlen(key->value), .column = 1};
            config__read_entry(reading, key, value, 0);
        }
    }
}

/* What [defaults] says, or the table, where the endpoint says nothing. */
static void config__inherit(const struct config_endpoint *defaults, struct config_endpoint *endpoint)
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
static const struct config_options *config__options(struct reading *reading,
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
static void config__prefer(struct reading *reading, struct config_endpoint *endpoint,
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
            config__read_entry(reading, key, value, 0);
        }
    }
}

/* Of a line that was put off and is no option: what there is to tell of it. */
static struct config_unknown config__unknown(const struct reading *reading,
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

static bool config__is_option(const struct config_endpoint *endpoint, const struct config_extra *extra)
{
    const struct config_options *options = endpoint->options.options;
    return !extra->is_broken && options != NULL &&
           config_keys_find(&options->table, extra->name.at, extra->name.length) != NULL;
}

/* What the endpoint seems to lack may stand in one of these lines: the first that could not be read, or is nearly a key.
   0: there is none. */
static uint32_t config__find_doubt(const struct reading *reading, const struct config_endpoint *endpoint,
                                   const struct config_extra *extras, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct config_unknown unknown = config__unknown(reading, endpoint, &extras[i]);
        if (extras[i].is_broken || config_problems_are_full(reading->problems) || i == CONFIG_GUESSES_MAX ||
            (!config__is_option(endpoint, &extras[i]) && config_unknown_guess(&unknown) != NULL)) {
            return extras[i].line;
        }
    }
    return 0;
}

static void config__read_extra(struct reading *reading, struct config_endpoint *endpoint,
                               const struct config_extra *extra, bool may_be_option)
{
    if (!extra->is_broken && (endpoint->options.options == NULL ||
                              !config_settings_read(&endpoint->options, extra->name, extra->value,
                                                    extra->line, reading->source, reading->problems))) {
        struct config_unknown unknown = config__unknown(reading, endpoint, extra);
        unknown.may_be_option = may_be_option;
        config_unknown_tell(&unknown, reading->problems);
    }
}

/* All that the endpoint's handler has a say in. */
static void config__handle(struct reading *reading, size_t index)
{
    struct config_endpoint *endpoint = &reading->config->endpoints[index];
    const struct config_options *options =
        endpoint->handler != NULL ? config__options(reading, endpoint) : NULL;
    const struct config_key *handler = config_keys_find(&config_keys_endpoint, "handler", strlen("handler"));
    size_t count = 0;
    const struct config_extra *extras = config_extras_take(&reading->extras, index, &count);
    if (options != NULL) {
        config__prefer(reading, endpoint, options->handler);
        if (!config_settings_init(&endpoint->options, options)) {
            config_problems_no_memory(reading->problems);
        }
    }
    const uint32_t doubt = config__find_doubt(reading, endpoint, extras, count);
    if (doubt != 0) {
        config__doubt(&config_keys_endpoint, endpoint->origins, doubt);
    }
    const bool is_given = endpoint->origins[handler - config_keys_endpoint.keys].line != 0;
    for (size_t i = 0; i < count; i++) {
        config__read_extra(reading, endpoint, &extras[i], options == NULL && is_given);
    }
    if (endpoint->options.options != NULL) {
        config_settings_fill(&endpoint->options, endpoint, doubt != 0, reading->source, reading->problems);
    }
}

/* ---- the whole ---- */

/* The path in the key's place becomes a full one, from `folder`. */
static void config__resolve(struct reading *reading, const char *name, const char *folder)
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
static void config__check_not_empty(struct reading *reading)
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

static void config__resolve_all(struct reading *reading)
{
    const char *folder = reading->source->folder;
    config__resolve(reading, "data_dir", folder);
    const char *data_dir = reading->config->service.data_dir;
    config__resolve(reading, "log_file", data_dir != NULL ? data_dir : folder);
    config__resolve(reading, "access_log", data_dir != NULL ? data_dir : folder);
    config__resolve(reading, "plugin_dir", folder);
}

static void config__complete(struct reading *reading)
{
    struct config *config = reading->config;
    config__fill(reading, &config_keys_service, &config->service, config->service.origins);
    config__fill(reading, &config_keys_endpoint, &config->defaults, config->defaults.origins);
    if (reading->problems->is_out_of_memory) { /* an endpoint may have no origins */
        return;
    }
    config__resolve_all(reading);
    for (size_t i = 0; i < config->endpoint_count; i++) {
        config__inherit(&config->defaults, &config->endpoints[i]);
        config__handle(reading, i);
    }
    config__check_not_empty(reading);
    config_check_run(config, reading->source->handlers, reading->problems);
}

static bool config__begin(struct reading *reading)
{
    struct config *config = memory_alloc(sizeof *config);
    reading->config = config;
    if (config == NULL) {
        return false;
    }
    config->file = memory_copy_text(reading->source->file, strlen(reading->source->file));
    config->service.origins = config__make_origins(&config_keys_service);
    config->defaults.origins = config__make_origins(&config_keys_endpoint);
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
        config__read_lines(&reading, text, length);
        config__read_includes(&reading);
        config__read_registry(&reading, &items);
        config__complete(&reading);
    } else {
        config_problems_no_memory(problems);
    }
    config_extras_fini(&reading.extras);
    config_includes_hand_over(&reading.includes, reading.config);
    config_includes_fini(&reading.includes);
    config_problems_finish(problems, source->file);
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
    for (size_t i = 0; i < config->include_count; i++) {
        memory_free(config->includes[i].folder);
        memory_free(config->includes[i].pattern);
    }
    memory_free(config->includes);
    memory_free(config->file);
    memory_free(config);
}
