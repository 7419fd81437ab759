/* SPDX-License-Identifier: MIT */
#include "config/config_exchange.h"

#include <string.h>

#include "base/memory.h"
#include "config/config_keys.h"
#include "config/config_options.h"
#include "config/config_value.h"

/* ---- UTF-16 ---- */

/* UTF-16 under construction; its units are at the beginning of the bytes of a text on the heap. */
static void config_exchange__add_unit(struct text *units, uint32_t unit)
{
    const uint16_t one = (uint16_t)unit;
    text_add(units, (const char *)&one, sizeof one);
}

static uint32_t config_exchange__character(const char *at, size_t length)
{
    static const unsigned char masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t character = (unsigned char)at[0] & masks[length];
    for (size_t i = 1; i < length; i++) {
        character = character << 6 | ((unsigned char)at[i] & 0x3FU);
    }
    return character;
}

/* at[0..length) is UTF-8: a file that is not has been refused. */
static void config_exchange__add_text(struct text *units, const char *at, size_t length)
{
    while (length > 0) {
        const size_t step = text_utf8_length(at, length);
        if (step == 0) {
            return;
        }
        const uint32_t character = config_exchange__character(at, step);
        if (character < 0x10000) {
            config_exchange__add_unit(units, character);
        } else {
            config_exchange__add_unit(units, 0xD800 + ((character - 0x10000) >> 10));
            config_exchange__add_unit(units, 0xDC00 + ((character - 0x10000) & 0x3FF));
        }
        at += step;
        length -= step;
    }
}

static const uint16_t *config_exchange__units(const struct text *units)
{
    return (const uint16_t *)(const void *)units->at; /* on the heap, which aligns */
}

/* ---- to the registry ---- */

/* "endpoint web", whatever blanks there are between the words. */
static void config_exchange__add_section(struct text *units, struct config_span name)
{
    size_t word = 0, rest = 0;
    while (word < name.length && name.at[word] != ' ' && name.at[word] != '\t') {
        word++;
    }
    rest = word;
    while (rest < name.length && (name.at[rest] == ' ' || name.at[rest] == '\t')) {
        rest++;
    }
    config_exchange__add_text(units, name.at, word);
    if (rest < name.length) {
        config_exchange__add_unit(units, ' ');
        config_exchange__add_text(units, name.at + rest, name.length - rest);
    }
}

static bool config_exchange__add_value(struct config_registry *registry, struct config_span name,
                                       uint32_t type, const void *data, size_t size)
{
    struct text units;
    text_init_heap(&units);
    config_exchange__add_text(&units, name.at, name.length);
    const bool is_added = !units.is_cut && config_registry_add_value(registry, config_exchange__units(&units),
                                                                     units.length / 2, type, data, size);
    text_fini(&units);
    return is_added;
}

static bool config_exchange__add_plain(struct config_registry *registry, const struct config_item *item)
{
    struct text units;
    text_init_heap(&units);
    config_exchange__add_text(&units, item->value.at, item->value.length);
    config_exchange__add_unit(&units, 0);
    const bool is_added =
        !units.is_cut &&
        config_exchange__add_value(registry, item->name, CONFIG_REGISTRY_TEXT, units.at, units.length);
    text_fini(&units);
    return is_added;
}

static bool config_exchange__add_key(struct config_registry *registry, struct config_span name)
{
    struct text units;
    text_init_heap(&units);
    config_exchange__add_section(&units, name);
    const bool is_added =
        !units.is_cut && config_registry_add_key(registry, config_exchange__units(&units), units.length / 2);
    text_fini(&units);
    return is_added;
}

bool config_exchange_take(void *context, const struct config_item *item)
{
    return item->kind == CONFIG_ITEM_SECTION ? config_exchange__add_key(context, item->name)
                                             : config_exchange__add_plain(context, item);
}

/* Each text ends with a NUL, and the list with one more. */
static bool config_exchange__add_list(struct config_registry *registry, const struct config_item *item)
{
    struct config_span rest = item->value, one;
    struct text units;
    text_init_heap(&units);
    while (config_value_take_item(&rest, &one)) {
        config_exchange__add_text(&units, one.at, one.length);
        config_exchange__add_unit(&units, 0);
    }
    config_exchange__add_unit(&units, 0);
    const bool is_added =
        !units.is_cut &&
        config_exchange__add_value(registry, item->name, CONFIG_REGISTRY_ITEMS, units.at, units.length);
    text_fini(&units);
    return is_added;
}

/* The key of the entry, in the section named `section`; NULL: it has an old name. */
static const struct config_key *config_exchange__find(const struct config *config, struct config_span section,
                                                      struct config_span name)
{
    static const char endpoint[] = "endpoint ";
    const size_t prefix = sizeof endpoint - 1;
    if (text_equal(section.at, section.length, "service")) {
        return config_keys_find(&config_keys_service, name.at, name.length);
    }
    const struct config_key *key = config_keys_find(&config_keys_endpoint, name.at, name.length);
    if (key != NULL || section.length <= prefix) {
        return key;
    }
    for (size_t i = 0; i < config->endpoint_count; i++) {
        if (text_equal(section.at + prefix, section.length - prefix, config->endpoints[i].name)) {
            return config_keys_find(&config->endpoints[i].options.options->table, name.at, name.length);
        }
    }
    return NULL;
}

static bool config_exchange__add_typed(struct config_registry *registry, const struct config_key *key,
                                       const struct config_item *item)
{
    struct config_fault fault;
    uint64_t number = 0;
    if (key != NULL && key->type == CONFIG_TYPE_NUMBER && item->value.length > 0 &&
        config_value_number(item->value.at, item->value.length, &number, &fault) && number <= UINT32_MAX) {
        const uint32_t dword = (uint32_t)number;
        return config_exchange__add_value(registry, item->name, CONFIG_REGISTRY_NUMBER, &dword, sizeof dword);
    }
    return key != NULL && config_keys_is_list(key) && item->value.length > 0
               ? config_exchange__add_list(registry, item)
               : config_exchange__add_plain(registry, item);
}

bool config_exchange_to_registry(const struct config *config, const struct config_registry *taken,
                                 struct config_registry *registry_out)
{
    struct config_registry_items items;
    struct config_span section = {.at = ""};
    bool is_done = config_registry_read(taken, &items);
    *registry_out = (struct config_registry){.list = NULL};
    for (size_t i = 0; is_done && i < items.count; i++) {
        const struct config_item *item = &items.list[i];
        if (item->kind == CONFIG_ITEM_SECTION) {
            section = item->name;
            is_done = config_exchange__add_key(registry_out, section);
        } else {
            const struct config_key *key = config_exchange__find(config, section, item->name);
            is_done = config_exchange__add_typed(registry_out, key, item);
        }
    }
    config_registry_items_fini(&items);
    return is_done;
}

/* ---- to text ---- */

static void config_exchange__write(struct text *text, const struct config_key *key,
                                   const struct config_item *item)
{
    const bool is_flag =
        key != NULL && key->type == CONFIG_TYPE_BOOL && item->value.form == CONFIG_FORM_NUMBER;
    text_add(text, item->name.at, item->name.length);
    text_add_string(text, " =");
    if (is_flag) {
        text_add_string(text, item->value.at[0] == '0' ? " no" : " yes");
    } else if (item->value.length > 0) {
        text_add_string(text, " ");
        text_add(text, item->value.at, item->value.length);
    }
    text_add_string(text, "\n");
}

bool config_exchange_to_text(const struct config *config, const struct config_registry *registry,
                             struct text *text)
{
    struct config_registry_items items;
    struct config_span section = {.at = NULL};
    const bool is_read = config_registry_read(registry, &items);
    for (size_t i = 0; is_read && i < items.count; i++) {
        const struct config_item *item = &items.list[i];
        if (item->kind == CONFIG_ITEM_SECTION) {
            section = item->name;
            text_add_format(text, "%s[", text->length > 0 ? "\n" : "");
            text_add(text, section.at, section.length);
            text_add_string(text, "]\n");
        } else if (section.at != NULL && item->kind == CONFIG_ITEM_ENTRY) {
            config_exchange__write(text, config_exchange__find(config, section, item->name), item);
        }
    }
    config_registry_items_fini(&items);
    return is_read && !text->is_cut;
}
