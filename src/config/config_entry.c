/* SPDX-License-Identifier: MIT
   Reading one entry, see config_entry.h. */
#include "config/config_entry.h"

#include <string.h>

#include "base/memory.h"
#include "config/config_check.h"
#include "config/config_guess.h"
#include "config/config_listen.h"
#include "config/config_plugins.h"
#include "config/config_prefix.h"
#include "config/config_problems.h"

enum { CONFIG_ENTRY_RANGE_ROOM = 256 };

static uint32_t config_entry__column(const struct config_entry *entry, size_t offset)
{
    return entry->value.column + config_file_characters(entry->value.at, offset);
}

void config_entry_fault(const struct config_entry *entry, const struct config_fault *fault)
{
    const bool is_default = entry->line == 0; /* of a file name with the service's name in it, say */
    char room[CONFIG_ENTRY_RANGE_ROOM];
    struct text range;
    if (fault->problem[0] == '\0') {
        config_problems_no_memory(entry->problems);
        return;
    }
    const bool needs_unit =
        entry->value.form == CONFIG_FORM_NUMBER && entry->key->type == CONFIG_TYPE_DURATION;
    text_init(&range, room, sizeof room);
    text_add_string(&range, "write ");
    config_keys_add_range(&range, entry->key);
    config_problems_error(entry->problems, is_default ? 1 : entry->line,
                          is_default ? 1 : config_entry__column(entry, fault->offset), "%s: %s; %s%s",
                          entry->key->name, fault->problem, fault->remedy[0] != '\0' ? fault->remedy : room,
                          needs_unit ? ", in a value of type REG_SZ, for a number has no unit" : "");
}

static bool config_entry__amount(const struct config_entry *entry, uint64_t *number_out,
                                 struct config_fault *fault_out)
{
    const struct config_key *key = entry->key;
    const char *at = entry->value.at;
    const size_t length = entry->value.length;
    const bool is_read =
        key->type == CONFIG_TYPE_DURATION ? config_value_duration(at, length, number_out, fault_out)
        : key->type == CONFIG_TYPE_SIZE   ? config_value_size(at, length, number_out, fault_out)
        : key->type == CONFIG_TYPE_RATIO  ? config_value_ratio(at, length, number_out, fault_out)
                                          : config_value_number(at, length, number_out, fault_out);
    if (!is_read || (*number_out == 0 && key->zero != NULL)) {
        return is_read;
    }
    if (*number_out < key->least || *number_out > key->most) {
        return config_value_fault(fault_out, 0, at, length,
                                  *number_out < key->least ? "is too small" : "is too large", "");
    }
    return true;
}

/* A number of the registry is 0 or 1; in a text neither is a yes or no. */
static bool config_entry__flag(const struct config_entry *entry, bool *flag_out,
                               struct config_fault *fault_out)
{
    const char *at = entry->value.at;
    const bool is_number = entry->value.form == CONFIG_FORM_NUMBER && entry->value.length == 1;
    *flag_out = is_number && at[0] == '1';
    return (is_number && (at[0] == '0' || at[0] == '1')) ||
           config_value_bool(at, entry->value.length, flag_out, fault_out);
}

static bool config_entry__number(const struct config_entry *entry, struct config_fault *fault_out)
{
    const char *at = entry->value.at;
    const size_t length = entry->value.length;
    uint64_t number = 0;
    bool flag = false;
    bool is_read = false;
    if (entry->key->type == CONFIG_TYPE_BOOL) {
        is_read = config_entry__flag(entry, &flag, fault_out);
        number = flag;
    } else if (entry->key->type == CONFIG_TYPE_CHOICE) {
        is_read = config_value_choice(at, length, entry->key->choices, &number, fault_out);
    } else {
        is_read = config_entry__amount(entry, &number, fault_out);
    }
    if (is_read) {
        config_keys_store(entry->key, entry->record, number);
    }
    return is_read;
}

static bool config_entry__text(const struct config_entry *entry, const char *at, size_t length,
                               struct config_fault *fault_out)
{
    char *copy = memory_copy_text(at, length);
    fault_out->problem[0] = '\0';
    *config_keys_text(entry->key, entry->record) = copy;
    return copy != NULL;
}

/* Whoever writes "access_log = no" does not want a file of that name. */
static bool config_entry__log_file(const struct config_entry *entry, struct config_fault *fault_out)
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1", "none"};
    const char *at = entry->value.at;
    const size_t length = entry->value.length;
    size_t i = 0;
    while (i < sizeof words / sizeof words[0] && !text_equal(at, length, words[i])) {
        i++;
    }
    if (i == sizeof words / sizeof words[0]) {
        return config_entry__text(entry, at, length, fault_out);
    }
    const bool is_no = i % 2 == 0;
    return config_value_fault(fault_out, 0, at, length, "is not the path of a file",
                              !config_keys_may_be_empty(entry->key)
                                  ? "write one such as logs\\<service>.log, or - for standard error"
                              : is_no ? "for none, write nothing behind the =, or remove the line"
                                      : "write one such as logs\\access.log");
}

static bool config_entry__handler(const struct config_entry *entry, struct config_fault *fault_out)
{
    const char *at = entry->value.at;
    const size_t length = entry->value.length;
    const struct pl_handler *found = config_check_find_handler(entry->handlers, at, length);
    if (config_plugins_is_file(at, length)) { /* it is looked for when plugin_dir is known */
        return config_entry__text(entry, at, length, fault_out);
    }
    if (found != NULL) {
        return config_entry__text(entry, found->name, strlen(found->name), fault_out);
    }
    struct config_guess guess = config_guess_begin(at, length);
    struct text remedy;
    config_value_fault(fault_out, 0, at, length, "is not a handler", "");
    for (size_t i = 0; entry->handlers[i] != NULL; i++) {
        config_guess_try(&guess, entry->handlers[i]->name);
    }
    text_init(&remedy, fault_out->remedy, sizeof fault_out->remedy);
    if (guess.best != NULL) {
        text_add_format(&remedy, "did you mean %s?", guess.best);
    } else {
        text_add_string(&remedy, "the handlers are ");
        config_check_add_handlers(&remedy, entry->handlers);
        text_add_string(&remedy, ", or NAME.dll of plugin_dir");
    }
    return false;
}

/* The room is the power of two that has the items, so that it need not be kept anywhere: as everywhere here. */
static bool config_entry__add_listen(struct config_endpoint *endpoint, const struct config_listen *listen)
{
    const size_t count = endpoint->listen_count;
    if ((count & (count - 1)) == 0) {
        const size_t room = count > 0 ? count * 2 : 1;
        struct config_listen *grown = memory_resize(endpoint->listen, room * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        endpoint->listen = grown;
    }
    endpoint->listen[endpoint->listen_count++] = *listen;
    return true;
}

/* One item of the list; `entry` has it as its value. */
static void config_entry__listen_item(const struct config_entry *entry)
{
    struct config_listen listens[2];
    struct config_fault fault;
    const size_t count = config_listen_parse(entry->value.at, entry->value.length, listens, &fault);
    if (count == 0) {
        config_entry_fault(entry, &fault);
    }
    for (size_t i = 0; i < count; i++) {
        listens[i].line = entry->line;
        listens[i].column = entry->value.column;
        if (!config_entry__add_listen(entry->record, &listens[i])) {
            config_problems_no_memory(entry->problems);
        }
    }
}

static bool config_entry__add_prefix(struct config_prefixes *prefixes, const struct address_prefix *prefix)
{
    const size_t count = prefixes->count;
    if ((count & (count - 1)) == 0) { /* all the room there is; none at first */
        const size_t room = count > 0 ? count * 2 : 1;
        struct address_prefix *grown = memory_resize(prefixes->at, room * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        prefixes->at = grown;
    }
    prefixes->at[prefixes->count++] = *prefix;
    return true;
}

/* One item of the list; `entry` has it as its value. */
static void config_entry__prefix_item(const struct config_entry *entry)
{
    struct address_prefix prefix;
    struct config_fault fault;
    if (!config_prefix_parse(entry->value.at, entry->value.length, &prefix, &fault)) {
        config_entry_fault(entry, &fault);
    } else if (!config_entry__add_prefix(config_keys_prefixes(entry->key, entry->record), &prefix)) {
        config_problems_no_memory(entry->problems);
    }
}

/* Each item by itself, so that all that are wrong are told; the thousandth is the last one. */
static void config_entry__list(const struct config_entry *entry,
                               void (*read_item)(const struct config_entry *entry))
{
    struct config_span rest = entry->value;
    struct config_entry item = *entry;
    while (!config_problems_are_full(entry->problems) && config_value_take_item(&rest, &item.value)) {
        if (item.value.length > 0) {
            read_item(&item);
        } else if (entry->value.length > 0) { /* else the whole list is empty, and may be */
            config_problems_error(entry->problems, entry->line, item.value.column,
                                  "%s: an item of the list is empty; leave out one comma", entry->key->name);
        }
    }
}

/* `length`, of a text or list, is what the key allows. */
static bool config_entry__has_length(const struct config_entry *entry, uint64_t length,
                                     struct config_fault *fault_out)
{
    const struct config_key *key = entry->key;
    return (length >= key->least && length <= key->most) ||
           config_value_fault(fault_out, 0, entry->value.at, entry->value.length,
                              length < key->least ? "is too short" : "is too long", "");
}

/* Becomes the value what `text` has. */
static bool config_entry__bytes(const struct config_entry *entry, const struct text *text,
                                struct config_fault *fault_out)
{
    char *copy = text->is_cut ? NULL : memory_copy_text(text->at, text->length);
    fault_out->problem[0] = '\0';
    *config_keys_bytes(entry->key, entry->record) =
        (struct config_bytes){.at = copy, .length = copy != NULL ? text->length : 0};
    return copy != NULL;
}

static bool config_entry__escaped(const struct config_entry *entry, struct config_fault *fault_out)
{
    struct text text;
    text_init_heap(&text);
    const bool is_read = config_value_text(entry->value.at, entry->value.length, &text, fault_out) &&
                         config_entry__has_length(entry, text.length, fault_out) &&
                         config_entry__bytes(entry, &text, fault_out);
    text_fini(&text);
    return is_read;
}

static bool config_entry__items(const struct config_entry *entry, struct config_fault *fault_out)
{
    struct config_span rest = entry->value, item;
    struct text text;
    uint64_t count = 0;
    bool is_read = true;
    text_init_heap(&text);
    while (is_read && config_value_take_item(&rest, &item)) {
        is_read = item.length > 0;
        text_add_string(&text, count > 0 ? "\n" : "");
        text_add(&text, item.at, item.length);
        count++;
    }
    if (!is_read) {
        config_value_fault(fault_out, (size_t)(item.at - entry->value.at), entry->value.at,
                           entry->value.length, "has an item of no characters", "leave out one comma");
    }
    is_read = is_read && config_entry__has_length(entry, count, fault_out) &&
              config_entry__bytes(entry, &text, fault_out);
    text_fini(&text);
    return is_read;
}

static void config_entry__value(const struct config_entry *entry)
{
    struct config_fault fault;
    bool is_read = true;
    switch (entry->key->type) {
    case CONFIG_TYPE_BOOL:
    case CONFIG_TYPE_NUMBER:
    case CONFIG_TYPE_SIZE:
    case CONFIG_TYPE_DURATION:
    case CONFIG_TYPE_RATIO:
    case CONFIG_TYPE_CHOICE:
        is_read = config_entry__number(entry, &fault);
        break;
    case CONFIG_TYPE_FOLDER:
    case CONFIG_TYPE_FILE:
        is_read = config_entry__text(entry, entry->value.at, entry->value.length, &fault);
        break;
    case CONFIG_TYPE_LOG_FILE:
        is_read = config_entry__log_file(entry, &fault);
        break;
    case CONFIG_TYPE_HANDLER:
        is_read = config_entry__handler(entry, &fault);
        break;
    case CONFIG_TYPE_LISTEN:
        config_entry__list(entry, config_entry__listen_item);
        break;
    case CONFIG_TYPE_PREFIXES:
        config_entry__list(entry, config_entry__prefix_item);
        break;
    case CONFIG_TYPE_TEXT:
        is_read = config_entry__escaped(entry, &fault);
        break;
    case CONFIG_TYPE_LIST:
        is_read = config_entry__items(entry, &fault);
        break;
    }
    if (!is_read) {
        config_entry_fault(entry, &fault);
    }
}

static bool config_entry__begins_comment(char character)
{
    return character == ';' || character == '#';
}

/* Where " ;" or " #" begins what may be meant as a comment behind the value; 0: nowhere. */
static size_t config_entry__find_comment(const struct config_span *value)
{
    for (size_t i = 1; i < value->length; i++) {
        const char before = value->at[i - 1];
        if (config_entry__begins_comment(value->at[i]) && (before == ' ' || before == '\t')) {
            return i;
        }
    }
    return 0;
}

/* The same habits in a text, where they may be meant. */
static void config_entry__warn_of_form(const struct config_entry *entry)
{
    const struct config_span *value = &entry->value;
    const size_t comment = config_entry__find_comment(value);
    const char first = value->at[0];
    if (value->length > 1 && first == value->at[value->length - 1] && (first == '"' || first == '\'')) {
        config_problems_warning(entry->problems, entry->line, value->column,
                                "%s: the quotes are part of the text; leave them out, or write \\x%02X for "
                                "them",
                                entry->key->name, (unsigned)first);
    }
    if (comment > 0) {
        config_problems_warning(
            entry->problems, entry->line, config_entry__column(entry, comment),
            "%s: from here on this is part of the text; if it is a comment, put it on a line of its own, "
            "else write \\x%02X for the %c",
            entry->key->name, (unsigned)value->at[comment], value->at[comment]);
    }
}

/* Habits of other INI files, which would otherwise give an odd message, or a file of an odd name. */
static bool config_entry__has_good_form(const struct config_entry *entry)
{
    const char *name = entry->key->name;
    const char *quote =
        entry->value.at[0] == '\'' ? entry->value.at : memchr(entry->value.at, '"', entry->value.length);
    const size_t comment = config_entry__find_comment(&entry->value);
    const bool is_path = entry->key->type == CONFIG_TYPE_FOLDER || entry->key->type == CONFIG_TYPE_FILE ||
                         entry->key->type == CONFIG_TYPE_LOG_FILE;
    if (entry->key->type == CONFIG_TYPE_TEXT) {
        config_entry__warn_of_form(entry);
        return true;
    }
    if (quote != NULL) {
        config_problems_error(entry->problems, entry->line,
                              config_entry__column(entry, (size_t)(quote - entry->value.at)),
                              "%s: values have no quotes; leave them out", name);
    } else if (comment > 0 && !is_path) {
        config_problems_error(entry->problems, entry->line, config_entry__column(entry, comment),
                              "%s: a comment behind the value; put it on a line of its own", name);
    } else if (comment > 0) {
        config_problems_warning(
            entry->problems, entry->line, config_entry__column(entry, comment),
            "%s: from here on this is part of the path; if it is a comment, put it on a line of "
            "its own",
            name);
    }
    return quote == NULL && (comment == 0 || is_path);
}

/* Nothing at all, or a comment where the value should be. */
static void config_entry__no_value(const struct config_entry *entry)
{
    const struct config_key *key = entry->key;
    char room[CONFIG_ENTRY_RANGE_ROOM];
    struct text range;
    text_init(&range, room, sizeof room);
    config_keys_add_range(&range, key);
    if (key->value != NULL && !config_keys_may_be_empty(key)) {
        text_add_format(&range, ", or remove the line for the default %s", key->value);
    }
    if (key->type == CONFIG_TYPE_TEXT && entry->value.length > 0) {
        text_add_format(&range, "; \\x%02X is a text with %c", (unsigned)entry->value.at[0],
                        entry->value.at[0]);
    }
    config_problems_error(entry->problems, entry->line, entry->value.column, "%s has no value%s; write %s",
                          key->name, entry->value.length > 0 ? ", only a comment" : "", room);
}

void config_entry_read(const struct config_entry *entry)
{
    const bool is_empty = entry->value.length == 0;
    if (entry->value.form == CONFIG_FORM_ITEMS && !config_keys_is_list(entry->key)) {
        config_problems_error(
            entry->problems, entry->line, entry->value.column,
            "%s: a list of texts (REG_MULTI_SZ), where one value belongs; write it as REG_SZ",
            entry->key->name);
    } else if (is_empty ? !config_keys_may_be_empty(entry->key)
                        : config_entry__begins_comment(entry->value.at[0])) {
        config_entry__no_value(entry);
    } else if (is_empty || config_entry__has_good_form(entry)) {
        config_entry__value(entry);
    }
}
