/* SPDX-License-Identifier: MIT
   The documents of a configuration, line by line: the file, those that it includes, the registry; see config_reading.h. */
#include "config/config_reading.h"

#include <string.h>

#include "base/memory.h"
#include "config/config_entry.h"
#include "config/config_guess.h"
#include "config/config_places.h"
#include "config/config_retired.h"
#include "config/config_unknown.h"
#include "config/config_value.h"

enum { CONFIG_FIRST_ROOM = 8, CONFIG_NAME_ROOM = 288 };

enum section_kind { SECTION_SERVICE, SECTION_DEFAULTS, SECTION_ENDPOINT, SECTION_UNKNOWN };

static const char *const section_words[SECTION_UNKNOWN] = {"service", "defaults", "endpoint"};

/* ---- keys ---- */

/* For the end, with the endpoint that is read now. */
static void config_document__put_off(struct reading *reading, const struct config_item *item)
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

static bool config_document__is_in_endpoint(const struct reading *reading)
{
    return reading->section.table == &config_keys_endpoint && !reading->section.is_shared;
}

/* In an endpoint it may be an option of its handler, which is known at the end. */
static void config_document__unknown_key(struct reading *reading, const struct config_item *item)
{
    if (config_document__is_in_endpoint(reading)) {
        config_document__put_off(reading, item);
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

void config_reading_entry(struct reading *reading, const struct config_key *key, struct config_span value,
                          uint32_t line)
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
static const struct config_key *config_document__find_key(struct reading *reading,
                                                          const struct config_item *item,
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

static void config_document__entry(struct reading *reading, const struct config_item *item)
{
    const struct section *section = &reading->section;
    if (section->table == NULL) {
        return;
    }
    const struct config_retired *retired = NULL;
    const struct config_key *key = config_document__find_key(reading, item, &retired);
    if (key == NULL) {
        if (retired == NULL) {
            config_document__unknown_key(reading, item);
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
        config_reading_entry(reading, key, item->value, item->line);
    }
}

/* ---- sections ---- */

struct config_origin *config_reading_origins(const struct config_table *table)
{
    return memory_alloc(table->count * sizeof(struct config_origin));
}

static void config_document__open_once(struct reading *reading, const struct config_item *item,
                                       struct section section, const char *name, uint32_t *line)
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

static struct config_endpoint *config_document__add_endpoint(struct reading *reading)
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
static bool config_document__reopen_endpoint(struct reading *reading, struct config_span name)
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

static void config_document__open_endpoint(struct reading *reading, const struct config_item *item,
                                           struct config_span name)
{
    struct config_fault fault;
    if (config_document__reopen_endpoint(reading, name)) {
        return;
    }
    struct config_endpoint *endpoint = config_document__add_endpoint(reading);
    if (endpoint == NULL) {
        config_problems_no_memory(reading->problems);
        return;
    }
    reading->endpoint = reading->config->endpoint_count - 1;
    endpoint->line = item->line;
    endpoint->name = memory_copy_text(name.at, name.length);
    endpoint->origins = config_reading_origins(&config_keys_endpoint);
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
static struct config_span config_document__name_to_show(struct config_span name)
{
    struct config_fault fault;
    const bool is_name = name.length > 0 && config_value_name(name.at, name.length, &fault);
    return is_name ? name : (struct config_span){.at = "NAME", .length = 4};
}

/* `word` and `rest` are the section's. What it was meant to be, or SECTION_UNKNOWN. */
static enum section_kind config_document__misspelled_section(struct reading *reading,
                                                             const struct config_item *item,
                                                             struct config_span word, struct config_span rest)
{
    const struct config_span whole_name = config_document__name_to_show(item->name);
    const struct config_span rest_name = config_document__name_to_show(rest);
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
static struct config_span config_document__first_word(struct config_span span, struct config_span *rest_out)
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

void config_reading_doubt(const struct config_table *table, struct config_origin *origins, uint32_t line)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->keys[i].value == NULL && origins[i].line == 0) {
            origins[i].line = line;
        }
    }
}

static void config_document__close_section(struct reading *reading)
{
    const struct section *section = &reading->section;
    if (section->table != NULL && section->doubt_line != 0) {
        config_reading_doubt(section->table, section->origins, section->doubt_line);
    }
    reading->section = (struct section){0};
}

static void config_document__section(struct reading *reading, const struct config_item *item)
{
    struct config *config = reading->config;
    struct config_span rest;
    const struct config_span word = config_document__first_word(item->name, &rest);
    enum section_kind kind = SECTION_SERVICE;
    config_document__close_section(reading);
    while (kind < SECTION_UNKNOWN && !text_equal(word.at, word.length, section_words[kind])) {
        kind++;
    }
    uint32_t elsewhere = 0; /* a misspelled one is not in the way of the right one */
    const bool is_guess = kind == SECTION_UNKNOWN;
    if (is_guess) {
        kind = config_document__misspelled_section(reading, item, word,
                                                   rest); /* its entries are then checked, too */
    }
    if (kind == SECTION_ENDPOINT) {
        config_document__open_endpoint(reading, item, rest);
    } else if (kind != SECTION_UNKNOWN && rest.length > 0) {
        config_problems_error(reading->problems, item->line, rest.column,
                              "this section has no name; write [%s], or [endpoint NAME] for an endpoint",
                              section_words[kind]);
    } else if (kind == SECTION_SERVICE) {
        config_document__open_once(reading, item,
                                   (struct section){.table = &config_keys_service,
                                                    .record = &config->service,
                                                    .origins = config->service.origins},
                                   "service", is_guess ? &elsewhere : &reading->service_line);
    } else if (kind == SECTION_DEFAULTS) {
        config_document__open_once(reading, item,
                                   (struct section){.table = &config_keys_endpoint,
                                                    .record = &config->defaults,
                                                    .origins = config->defaults.origins,
                                                    .is_shared = true},
                                   "defaults", is_guess ? &elsewhere : &reading->defaults_line);
    }
}

/* ---- lines, and what they leave out ---- */

static void config_document__broken_line(struct reading *reading, const struct config_item *item)
{
    reading->may_lack_sections = true;
    reading->section.doubt_line = item->line;
    if (config_document__is_in_endpoint(reading)) {
        config_document__put_off(reading, item);
    }
    if (item->may_be_section) {
        config_document__close_section(reading);
    }
}

/* ---- included files ---- */

#define CONFIG_INCLUDE_REMEDY "write the path of a file, or a pattern such as conf.d\\*.ini"

static void config_document__include_files(struct reading *reading, const struct config_item *item)
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

static void config_document__include(struct reading *reading, const struct config_item *item)
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
        config_document__include_files(reading, item);
    }
}

static void config_document__item(struct reading *reading, const struct config_item *item)
{
    if (item->kind == CONFIG_ITEM_INCLUDE) {
        config_document__include(reading, item);
        return;
    }
    if (item->problem != NULL) {
        config_problems_error(reading->problems, item->line, item->problem_column, "%s", item->problem);
    } else if (reading->source->given != NULL && !reading->is_registry &&
               !reading->source->given(reading->source->given_context, item)) {
        config_problems_no_memory(reading->problems);
    }
    if (item->kind == CONFIG_ITEM_SECTION) {
        config_document__section(reading, item);
    } else if (item->kind == CONFIG_ITEM_ENTRY) {
        config_document__entry(reading, item);
    } else {
        config_document__broken_line(reading, item);
    }
}

void config_reading_lines(struct reading *reading, const char *text, size_t length)
{
    struct config_file file;
    struct config_item item;
    config_file_init(&file, text, length);
    while (!reading->problems->is_out_of_memory && config_file_next(&file, &item)) {
        item.line += reading->before;
        config_document__item(reading, &item);
    }
    config_document__close_section(reading);
    reading->before +=
        file.line > 0 ? file.line : 1; /* what is wrong with an empty file is wrong in line 1 */
}

/* The text of one, or why there is none, told at the line that includes it. */
static bool config_document__read_included(struct reading *reading, size_t index)
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

void config_reading_includes(struct reading *reading)
{
    reading->is_included = true;
    for (size_t i = 0; i < reading->includes.count && !reading->problems->is_out_of_memory; i++) {
        const struct config_included *one = &reading->includes.list[i];
        if (!config_document__read_included(reading, i)) {
            continue;
        }
        if (config_places_add(&reading->config->places, one->path, reading->before)) {
            config_reading_lines(reading, one->file.at, one->file.length);
        } else {
            config_problems_no_memory(reading->problems);
        }
    }
}

/* ---- the registry ---- */

/* A value that is in no section. Other programs may keep theirs there, too. */
static void config_document__loose_value(struct reading *reading, const struct config_item *item)
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

static void config_document__read_registry_items(struct reading *reading,
                                                 const struct config_registry_items *items)
{
    bool has_section = false;
    reading->is_registry = true;
    for (size_t i = 0; i < items->count && !reading->problems->is_out_of_memory; i++) {
        struct config_item item = items->list[i];
        item.line += reading->before;
        has_section = has_section || item.kind == CONFIG_ITEM_SECTION || item.may_be_section;
        if (has_section) {
            config_document__item(reading, &item);
        } else {
            config_document__loose_value(reading, &item);
        }
    }
    config_document__close_section(reading);
    config_extras_sort(&reading->extras);
    reading->is_registry = false;
}

void config_reading_registry(struct reading *reading, struct config_registry_items *items)
{
    const struct config_source *source = reading->source;
    if (source->registry == NULL || source->registry->count == 0) {
        return;
    }
    if (config_registry_read(source->registry, items) &&
        config_places_add_registry(&reading->config->places, source->registry_name, reading->before, items) &&
        config_names_init(&reading->names, reading->config)) {
        config_document__read_registry_items(reading, items);
    } else {
        config_problems_no_memory(reading->problems);
    }
    config_names_fini(&reading->names);
}
