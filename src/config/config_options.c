/* SPDX-License-Identifier: MIT
   From the contract's rows to keys, see config_options.h. */
#include "config/config_options.h"

#include <string.h>

#include "base/descriptor.h"
#include "base/memory.h"
#include "config/config_entry.h"
#include "config/config_problems.h"
#include "stats/report.h"

enum { OPTION_NAME_MAX = 32 };

/* A table while it is made. */
struct making {
    struct config_options *options;
    struct text *problem;
    size_t index; /* of the row */
    struct pl_option row;
};

static bool config_options__fail(struct making *making, const char *what, const char *remedy)
{
    text_add_format(making->problem, "its option \"%s\" %s: %s", making->row.name, what, remedy);
    return false;
}

/* A block that goes with the table; each row has one. */
static void *config_options__alloc(struct making *making, size_t size)
{
    making->options->blocks[making->index] = memory_alloc(size);
    return making->options->blocks[making->index];
}

/* ---- Ranges ---- */

static bool config_options__amount(enum config_type type, const char *at, size_t length, uint64_t *number_out)
{
    struct config_fault fault;
    return length > 0 &&
           (type == CONFIG_TYPE_SIZE       ? config_value_size(at, length, number_out, &fault)
            : type == CONFIG_TYPE_DURATION ? config_value_duration(at, length, number_out, &fault)
                                           : config_value_number(at, length, number_out, &fault));
}

/* "1..64K", "1.." or NULL. */
static bool config_options__limits(struct config_key *key, const char *range)
{
    const char *dots = range != NULL ? strstr(range, "..") : NULL;
    key->most = CONFIG_NO_LIMIT;
    if (range == NULL) {
        return true;
    }
    return dots != NULL && config_options__amount(key->type, range, (size_t)(dots - range), &key->least) &&
           (dots[2] == '\0' || config_options__amount(key->type, dots + 2, strlen(dots + 2), &key->most)) &&
           key->least <= key->most && key->most <= CONFIG_NO_LIMIT;
}

/* The same, perhaps behind "0|" or "0 no limit|". */
static bool config_options__number(struct making *making, struct config_key *key)
{
    const char *range = making->row.range;
    const char *bar = range != NULL && range[0] == '0' ? strchr(range, '|') : NULL;
    if (bar != NULL) {
        const char *meaning = range + 1 + strspn(range + 1, " ");
        const size_t length = (size_t)(bar - meaning);
        char *zero = config_options__alloc(making, length + 1);
        if (zero == NULL) {
            return false;
        }
        memcpy(zero, meaning, length);
        key->zero = zero;
        range = bar + 1;
    }
    return config_options__limits(key, range) ||
           config_options__fail(making, "has a range that is none",
                                "write it as \"1..64K\" or \"0 no limit|1..64K\", the less first");
}

static size_t config_options__count_words(const char *words)
{
    size_t count = 1;
    for (; *words != '\0'; words++) {
        count += *words == '|';
    }
    return count;
}

/* The pointers, and behind them the words. */
static bool config_options__choice(struct making *making, struct config_key *key)
{
    const char *range = making->row.range != NULL ? making->row.range : "";
    const size_t count = config_options__count_words(range);
    const size_t pointers = (count + 1) * sizeof(char *);
    const char **choices = config_options__alloc(making, pointers + strlen(range) + 1);
    if (choices == NULL) {
        return false;
    }
    char *at = (char *)choices + pointers;
    memcpy(at, range, strlen(range));
    for (size_t i = 0; i < count; i++) {
        const size_t length = strcspn(at, "|");
        if (length == 0 || strcspn(at, " ,\t\r\n\"';#") < length) {
            return config_options__fail(making, "has no words to choose from",
                                        "write its range as \"raw|json\", words without blanks");
        }
        choices[i] = at;
        at[length] = '\0';
        at += length + 1;
    }
    key->choices = choices;
    return true;
}

static bool config_options__path(struct making *making, struct config_key *key)
{
    const char *range = making->row.range;
    if (range != NULL && strcmp(range, "folder") != 0) {
        return config_options__fail(making, "has a range that is none", "a path's is \"folder\" or NULL");
    }
    key->type = range != NULL ? CONFIG_TYPE_FOLDER : CONFIG_TYPE_FILE;
    return true;
}

static bool config_options__range(struct making *making, struct config_key *key)
{
    switch (making->row.type) {
    case PL_CHOICE:
        return config_options__choice(making, key);
    case PL_PATH:
        return config_options__path(making, key);
    case PL_BOOL:
        return making->row.range == NULL ||
               config_options__fail(making, "has a range", "a PL_BOOL has none: clear it");
    case PL_TEXT:
    case PL_LIST:
        return config_options__limits(key, making->row.range) ||
               config_options__fail(making, "has a range that is none",
                                    "write the least and the greatest length, as \"1..100\"");
    default:
        return config_options__number(making, key);
    }
}

/* ---- Rows ---- */

static bool config_options__is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    const size_t length = name != NULL ? strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;
    return length > 0 && length <= OPTION_NAME_MAX && name[length] == '\0' &&
           strchr(letters, name[0]) != NULL;
}

static bool config_options__names(struct making *making)
{
    const char *name = making->row.name;
    const struct config_table before = {making->options->keys, making->index};
    if (!config_options__is_name(name)) {
        text_add_format(
            making->problem,
            "the name of its option %lu is not a letter and up to 31 of a-z, 0-9 and _: change it",
            (unsigned long)making->index + 1);
        return false;
    }
    if (config_keys_find(&config_keys_endpoint, name, strlen(name)) != NULL) {
        return config_options__fail(making, "is a key of the host's", "give it another name");
    }
    if (config_keys_find(&before, name, strlen(name)) != NULL) {
        return config_options__fail(making, "is there twice", "give one of them another name");
    }
    return making->row.help != NULL || config_options__fail(making, "has no help", "set .help");
}

static bool config_options__is_number(enum config_type type)
{
    return type <= CONFIG_TYPE_CHOICE;
}

/* Its type, and where its value goes. */
static bool config_options__place(struct making *making, struct config_key *key)
{
    static const enum config_type types[] = {
        [PL_BOOL] = CONFIG_TYPE_BOOL,     [PL_NUMBER] = CONFIG_TYPE_NUMBER, [PL_SIZE] = CONFIG_TYPE_SIZE,
        [PL_TIME] = CONFIG_TYPE_DURATION, [PL_TEXT] = CONFIG_TYPE_TEXT,     [PL_PATH] = CONFIG_TYPE_FILE,
        [PL_CHOICE] = CONFIG_TYPE_CHOICE, [PL_LIST] = CONFIG_TYPE_LIST};
    if (making->row.type >= sizeof types / sizeof types[0]) {
        return config_options__fail(making, "has a type that is not known",
                                    "take a pl_type, or update this program");
    }
    const size_t place = making->index * sizeof(struct config_setting);
    key->type = types[making->row.type];
    const bool is_number = config_options__is_number(key->type);
    key->offset = place + (is_number ? offsetof(struct config_setting, number)
                                     : offsetof(struct config_setting, bytes));
    key->size = is_number ? sizeof(uint64_t) : sizeof(struct config_bytes);
    return true;
}

static bool config_options__row(struct making *making)
{
    const struct pl_option *row = &making->row;
    struct config_key *key = &making->options->keys[making->index];
    if (!config_options__names(making)) {
        return false;
    }
    if (row->required != 0 && row->value != NULL) {
        return config_options__fail(making, "is required and has a default", "clear one of them");
    }
    key->name = row->name;
    key->value = row->value != NULL ? row->value : row->required != 0 ? NULL : "";
    key->help = row->help;
    return config_options__place(making, key) && config_options__range(making, key);
}

/* ---- Defaults ---- */

/* Whether `value` is one of the key's; what `record` was given is freed. */
static bool config_options__takes(struct making *making, const struct config_table *table,
                                  const struct config_key *key, struct config_span value, void *record)
{
    struct config_problems problems;
    config_problems_init(&problems);
    const struct config_entry entry = {
        .key = key, .value = value, .line = 1, .record = record, .problems = &problems};
    config_entry_read(&entry);
    config_keys_free(table, record, NULL);
    config_problems_finish(&problems, "");
    const bool is_taken = problems.errors == 0;
    if (!is_taken && !problems.is_out_of_memory) {
        text_add_string(making->problem, "a default of its is none: ");
        text_add(making->problem, problems.text.at + problems.list[0].offset, problems.list[0].length);
    }
    config_problems_fini(&problems);
    return is_taken;
}

static bool config_options__check_values(struct making *making)
{
    const struct config_table *table = &making->options->table;
    struct config_setting *settings = memory_alloc((table->count + 1) * sizeof *settings);
    bool is_good = settings != NULL;
    for (size_t i = 0; is_good && i < table->count; i++) {
        const char *value = table->keys[i].value;
        if (value != NULL && value[0] != '\0') {
            const struct config_span span = {.at = value, .length = strlen(value), .column = 1};
            memset(settings, 0, table->count * sizeof *settings);
            is_good = config_options__takes(making, table, &table->keys[i], span, settings);
        }
    }
    memory_free(settings);
    return is_good;
}

const struct config_key *config_options_default(const char *line, struct config_span *value_out)
{
    const size_t length = strcspn(line, "=");
    const struct config_span name =
        config_file_trim((struct config_span){.at = line, .length = length, .column = 1});
    const struct config_key *key = config_keys_find(&config_keys_endpoint, name.at, name.length);
    if (line[length] == '\0' || key == NULL || key->is_endpoint_only || key->type == CONFIG_TYPE_HANDLER) {
        return NULL;
    }
    const char *value = line + length + 1;
    *value_out = config_file_trim((struct config_span){.at = value, .length = strlen(value), .column = 1});
    return key;
}

static bool config_options__check_defaults(struct making *making)
{
    const struct pl_handler *handler = making->options->handler;
    const char *line = NULL;
    for (size_t i = 0; (line = descriptor_default(handler, i)) != NULL; i++) {
        struct config_endpoint record = {.name = NULL};
        struct config_span value;
        const struct config_key *key = config_options_default(line, &value);
        if (key == NULL) {
            text_add_format(
                making->problem,
                "its default \"%s\" is not of a key that may have one: write it as \"idle_timeout = 0\"",
                line);
            return false;
        }
        if (!config_options__takes(making, &config_keys_endpoint, key, value, &record)) {
            return false;
        }
    }
    return true;
}

/* ---- Tables ---- */

/* Sizes and numbers, before anything of it is read. */
static bool config_options__check_table(struct making *making, const char *what, size_t count, size_t size,
                                        size_t least)
{
    if (count > CONFIG_OPTIONS_MAX || (count > 0 && size < least)) {
        text_add_format(making->problem,
                        "its table of %ss has %lu elements of %lu bytes, not up to %d of at least %lu: set "
                        ".%s_count and .%s_size = sizeof(pl_%s)",
                        what, (unsigned long)count, (unsigned long)size, CONFIG_OPTIONS_MAX,
                        (unsigned long)least, what, what, what);
        return false;
    }
    return true;
}

/* A metric that there is already would stand twice in the list that Prometheus reads, which then takes none of it. */
static bool config_options__check_metric(struct making *making, const char *name)
{
    struct report_counter counter;
    report_counter_name(&counter, making->options->handler->name, name);
    if (!report_has_metric(counter.metric)) {
        return true;
    }
    text_add_format(
        making->problem,
        "its counter \"%s\" would be the metric portlistener_%s, which this program has itself: give "
        "the counter another name",
        name, counter.metric);
    return false;
}

static bool config_options__check_counters(struct making *making)
{
    const struct pl_handler *handler = making->options->handler;
    const size_t count = descriptor_counter_count(handler);
    if (count > 0 && !config_options__check_table(making, "counter", count, handler->counter_size,
                                                  DESCRIPTOR_COUNTER_MIN)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct pl_counter counter = descriptor_counter(handler, i);
        bool is_good = config_options__is_name(counter.name) && counter.unit != NULL && counter.help != NULL;
        for (size_t k = 0; is_good && k < i; k++) {
            is_good = strcmp(descriptor_counter(handler, k).name, counter.name) != 0;
        }
        if (!is_good) {
            text_add_format(
                making->problem,
                "its counter %lu is not good: give it a name of its own, a letter and up to 31 of "
                "a-z, 0-9 and _, a unit and a help",
                (unsigned long)i + 1);
            return false;
        }
        if (!config_options__check_metric(making, counter.name)) {
            return false;
        }
    }
    return true;
}

static bool config_options__make(struct making *making, size_t count)
{
    struct config_options *options = making->options;
    options->keys = memory_alloc((count + 1) * sizeof *options->keys);
    options->blocks = memory_alloc((count + 1) * sizeof *options->blocks);
    if (options->keys == NULL || options->blocks == NULL) {
        return false;
    }
    options->table = (struct config_table){options->keys, count};
    for (; making->index < count; making->index++) {
        making->row = descriptor_option(options->handler, making->index);
        if (!config_options__row(making)) {
            return false;
        }
    }
    return config_options__check_values(making) && config_options__check_defaults(making) &&
           config_options__check_counters(making);
}

struct config_options *config_options_create(const struct pl_handler *handler, struct text *problem)
{
    const size_t count = descriptor_option_count(handler);
    struct making making = {.options = memory_alloc(sizeof *making.options), .problem = problem};
    if (making.options == NULL) {
        return NULL;
    }
    making.options->handler = handler;
    if ((count > 0 && !config_options__check_table(&making, "option", count, handler->option_size,
                                                   DESCRIPTOR_OPTION_MIN)) ||
        !config_options__make(&making, count)) {
        config_options_destroy(making.options);
        return NULL;
    }
    return making.options;
}

void config_options_destroy(struct config_options *options)
{
    if (options == NULL) {
        return;
    }
    for (size_t i = 0; options->blocks != NULL && i < options->table.count; i++) {
        memory_free(options->blocks[i]);
    }
    memory_free(options->blocks);
    memory_free(options->keys);
    memory_free(options);
}
