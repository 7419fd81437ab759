/* SPDX-License-Identifier: MIT
   The registry's keys and values as sections and entries, see config_registry.h. */
#include "config/config_registry.h"

#include <string.h>

#include "base/memory.h"

enum { REGISTRY_FIRST_ROOM = 64, REGISTRY_FIRST_BYTES = 4096, REGISTRY_UNIT = 2 /* bytes of UTF-16 */ };

/* ---- the list ---- */

bool config_registry_is_full(const struct config_registry *registry, size_t size)
{
    return registry->count >= CONFIG_REGISTRY_COUNT_MAX || size > CONFIG_REGISTRY_SIZE_MAX ||
           registry->length > CONFIG_REGISTRY_SIZE_MAX - size;
}

static bool config_registry__grow_list(struct config_registry *registry)
{
    if (registry->count < registry->room) {
        return true;
    }
    const size_t room = registry->room > 0 ? registry->room * 2 : REGISTRY_FIRST_ROOM;
    struct config_registry_value *grown = memory_resize(registry->list, room * sizeof *grown);
    if (grown != NULL) {
        registry->list = grown;
        registry->room = room;
    }
    return grown != NULL;
}

static bool config_registry__grow_bytes(struct config_registry *registry, size_t size)
{
    size_t room = registry->bytes_room > 0 ? registry->bytes_room : REGISTRY_FIRST_BYTES;
    while (room - registry->length < size) {
        room *= 2;
    }
    if (room == registry->bytes_room) {
        return true;
    }
    uint8_t *grown = memory_resize(registry->bytes, room);
    if (grown != NULL) {
        registry->bytes = grown;
        registry->bytes_room = room;
    }
    return grown != NULL;
}

/* There is room. Where it stands. */
static uint32_t config_registry__put(struct config_registry *registry, const void *at, size_t size)
{
    const uint32_t offset = (uint32_t)registry->length;
    if (size > 0) {
        memcpy(registry->bytes + offset, at, size);
    }
    registry->length += size;
    return offset;
}

static bool config_registry__make_room(struct config_registry *registry, size_t size)
{
    return !config_registry_is_full(registry, size) && config_registry__grow_list(registry) &&
           config_registry__grow_bytes(registry, size) && registry->list != NULL;
}

bool config_registry_add_key(struct config_registry *registry, const uint16_t *name, size_t length)
{
    const size_t size = length * REGISTRY_UNIT;
    if (!config_registry__make_room(registry, size)) {
        return false;
    }
    const uint32_t key = config_registry__put(registry, name, size);
    registry->list[registry->count++] =
        (struct config_registry_value){.is_key = true, .key = key, .key_size = (uint32_t)size};
    return true;
}

bool config_registry_add_value(struct config_registry *registry, const uint16_t *name, size_t length,
                               uint32_t type, const void *data, size_t size)
{
    const size_t name_size = length * REGISTRY_UNIT;
    if (!config_registry__make_room(registry, name_size + size)) {
        return false;
    }
    const struct config_registry_value *before =
        registry->count > 0 ? &registry->list[registry->count - 1] : NULL;
    struct config_registry_value value = {
        .type = type, .name_size = (uint32_t)name_size, .data_size = (uint32_t)size};
    if (before != NULL) {
        value.key = before->key;
        value.key_size = before->key_size;
    }
    value.name = config_registry__put(registry, name, name_size);
    value.data = config_registry__put(registry, data, size);
    registry->list[registry->count++] = value;
    return true;
}

static bool config_registry__is_same(const struct config_registry_value *a,
                                     const struct config_registry_value *b)
{
    return a->is_key == b->is_key && a->type == b->type && a->key == b->key && a->key_size == b->key_size &&
           a->name == b->name && a->name_size == b->name_size && a->data == b->data &&
           a->data_size == b->data_size;
}

bool config_registry_is_equal(const struct config_registry *left, const struct config_registry *right)
{
    if (left->count != right->count || left->length != right->length ||
        (left->length > 0 && memcmp(left->bytes, right->bytes, left->length) != 0)) {
        return false;
    }
    for (size_t i = 0; i < left->count; i++) {
        if (!config_registry__is_same(&left->list[i], &right->list[i])) {
            return false;
        }
    }
    return true;
}

void config_registry_fini(struct config_registry *registry)
{
    memory_free(registry->list);
    memory_free(registry->bytes);
    *registry = (struct config_registry){.list = NULL};
}

/* ---- UTF-16 ---- */

/* The unit at `at`, in this machine's order; it may lie at an odd address. */
static uint32_t config_registry__unit(const uint8_t *at)
{
    uint16_t unit = 0;
    memcpy(&unit, at, sizeof unit);
    return unit;
}

static void config_registry__add_character(struct text *text, uint32_t character)
{
    char bytes[4];
    size_t length = 0;
    if (character < 0x80) {
        bytes[length++] = (char)character;
    } else if (character < 0x800) {
        bytes[length++] = (char)(0xC0 | character >> 6);
    } else if (character < 0x10000) {
        bytes[length++] = (char)(0xE0 | character >> 12);
        bytes[length++] = (char)(0x80 | (character >> 6 & 0x3F));
    } else {
        bytes[length++] = (char)(0xF0 | character >> 18);
        bytes[length++] = (char)(0x80 | (character >> 12 & 0x3F));
        bytes[length++] = (char)(0x80 | (character >> 6 & 0x3F));
    }
    if (character >= 0x80) {
        bytes[length++] = (char)(0x80 | (character & 0x3F));
    }
    text_add(text, bytes, length);
}

/* Appends at[0..size), whole units. False when half of a pair has no other half: U+FFFD stands for it. */
static bool config_registry__add_utf16(struct text *text, const uint8_t *at, size_t size)
{
    bool is_whole = true;
    for (size_t i = 0; i < size; i += REGISTRY_UNIT) {
        const uint32_t unit = config_registry__unit(at + i);
        const uint32_t next = i + REGISTRY_UNIT < size ? config_registry__unit(at + i + REGISTRY_UNIT) : 0;
        if (unit < 0xD800 || unit > 0xDFFF) {
            config_registry__add_character(text, unit);
        } else if (unit <= 0xDBFF && next >= 0xDC00 && next <= 0xDFFF) {
            config_registry__add_character(text, 0x10000 + ((unit - 0xD800) << 10) + (next - 0xDC00));
            i += REGISTRY_UNIT;
        } else {
            config_registry__add_character(text, 0xFFFD);
            is_whole = false;
        }
    }
    return is_whole;
}

/* ---- values ---- */

#define REGISTRY_ODD   "an odd number of bytes, so this is no text; write the value again"
#define REGISTRY_BREAK "a line break in the value; write it in one line"
#define REGISTRY_NUL   "a NUL in the value, so that other programs see only a part of it; write it again"
#define REGISTRY_GAP   "an empty text in the list, which for other programs is its end; write it again"
#define REGISTRY_HALF  "half of a UTF-16 pair in the value, so this is no text; write it again"

/* One text, or one of a list: at[0..size), which has no NUL. What is wrong with it, or NULL. */
static const char *config_registry__add_text(struct text *text, const uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i += REGISTRY_UNIT) {
        const uint32_t unit = config_registry__unit(at + i);
        if (unit == '\r' || unit == '\n') {
            return REGISTRY_BREAK;
        }
    }
    return config_registry__add_utf16(text, at, size) ? NULL : REGISTRY_HALF;
}

static size_t config_registry__find_nul(const uint8_t *at, size_t size)
{
    size_t end = 0;
    while (end < size && config_registry__unit(at + end) != 0) {
        end += REGISTRY_UNIT;
    }
    return end;
}

/* The data of a text or a list. The NULs at its end may be missing: whoever wrote it did not have to add them. */
static const char *config_registry__add_texts(struct text *text, const uint8_t *at, size_t size, bool is_list)
{
    const char *problem = NULL;
    if (size % REGISTRY_UNIT != 0) {
        return REGISTRY_ODD;
    }
    while (size > 0 && config_registry__unit(at + size - REGISTRY_UNIT) == 0) {
        size -= REGISTRY_UNIT;
    }
    for (size_t begin = 0; begin < size && problem == NULL;) {
        const size_t length = config_registry__find_nul(at + begin, size - begin);
        text_add_string(text, begin > 0 ? ", " : "");
        problem = length == 0                         ? REGISTRY_GAP
                  : !is_list && begin + length < size ? REGISTRY_NUL
                                                      : config_registry__add_text(text, at + begin, length);
        begin += length + REGISTRY_UNIT;
    }
    return problem;
}

static const char *config_registry__add_number(struct text *text, const uint8_t *at, size_t size,
                                               size_t expected)
{
    uint64_t number = 0;
    if (size != expected) {
        return "a number of a wrong size; write the value again, as REG_DWORD of 4 bytes or as REG_SZ";
    }
    memcpy(&number, at, size); /* little-endian, as every Windows is */
    text_add_format(text, "%llu", (unsigned long long)number);
    return NULL;
}

static const char *config_registry__add_data(struct text *text, uint32_t type, const uint8_t *at, size_t size)
{
    switch (type) {
    case CONFIG_REGISTRY_TEXT:
    case CONFIG_REGISTRY_EXPAND_TEXT:
    case CONFIG_REGISTRY_ITEMS:
        return config_registry__add_texts(text, at, size, type == CONFIG_REGISTRY_ITEMS);
    case CONFIG_REGISTRY_NUMBER:
        return config_registry__add_number(text, at, size, sizeof(uint32_t));
    case CONFIG_REGISTRY_LONG_NUMBER:
        return config_registry__add_number(text, at, size, sizeof(uint64_t));
    default:
        return "a type that is not read; write the value as REG_SZ, REG_DWORD or REG_MULTI_SZ";
    }
}

static enum config_form config_registry__form(uint32_t type)
{
    return type == CONFIG_REGISTRY_ITEMS                                           ? CONFIG_FORM_ITEMS
           : type == CONFIG_REGISTRY_NUMBER || type == CONFIG_REGISTRY_LONG_NUMBER ? CONFIG_FORM_NUMBER
                                                                                   : CONFIG_FORM_TEXT;
}

/* ---- items ---- */

static void config_registry__complain(struct config_item *item, const char *problem)
{
    item->kind = CONFIG_ITEM_BROKEN;
    item->problem = problem;
    item->problem_column = 1;
}

/* Fills in an item whose spans begin at offsets of the text, which may still move; see config_registry__settle. */
static void config_registry__read_one(const struct config_registry *registry,
                                      const struct config_registry_value *value, struct text *text,
                                      struct config_item *item, size_t offsets[2])
{
    const char *problem = NULL;
    offsets[0] = text->length;
    const uint32_t name = value->is_key ? value->key : value->name;
    const uint32_t size = value->is_key ? value->key_size : value->name_size;
    item->kind = value->is_key ? CONFIG_ITEM_SECTION : CONFIG_ITEM_ENTRY;
    if (!config_registry__add_utf16(text, registry->bytes + name, size)) {
        problem = "half of a UTF-16 pair in the name, so this is no name; delete it";
    }
    item->name = (struct config_span){.length = text->length - offsets[0], .column = 1};
    offsets[1] = text->length;
    if (!value->is_key && problem == NULL) {
        problem =
            config_registry__add_data(text, value->type, registry->bytes + value->data, value->data_size);
        item->value = (struct config_span){
            .length = text->length - offsets[1], .column = 1, .form = config_registry__form(value->type)};
    }
    if (problem != NULL) {
        config_registry__complain(item, problem);
        item->may_be_section = value->is_key;
    }
}

/* What is not known before the text stays where it is. */
static void config_registry__settle(struct config_registry_items *items, const size_t *offsets)
{
    for (size_t i = 0; i < items->count; i++) {
        struct config_item *item = &items->list[i];
        item->name.at = items->text.at + offsets[2 * i];
        item->value.at = items->text.at + offsets[2 * i + 1];
        item->value = config_file_trim(item->value);
        item->value.column = 1;
        if (item->kind == CONFIG_ITEM_SECTION && memchr(item->name.at, '\\', item->name.length) != NULL) {
            config_registry__complain(item, "a key below one that is read, which itself is not; delete it");
            item->may_be_section = true;
        } else if (item->kind == CONFIG_ITEM_ENTRY && item->name.length == 0) {
            config_registry__complain(item, "a value without a name (the default of its key); delete it");
        }
    }
}

bool config_registry_read(const struct config_registry *registry, struct config_registry_items *items_out)
{
    const size_t count = registry->count;
    size_t *offsets = memory_alloc((2 * count + 1) * sizeof *offsets);
    *items_out =
        (struct config_registry_items){.list = memory_alloc((count + 1) * sizeof(struct config_item))};
    text_init_heap(&items_out->text);
    if (offsets != NULL && items_out->list != NULL) {
        for (size_t i = 0; i < count; i++) {
            struct config_item *item = &items_out->list[i];
            item->line = (uint32_t)i + 1;
            config_registry__read_one(registry, &registry->list[i], &items_out->text, item, offsets + 2 * i);
        }
        items_out->count = count;
        config_registry__settle(items_out, offsets);
    }
    const bool is_read = offsets != NULL && items_out->list != NULL && !items_out->text.is_cut;
    memory_free(offsets);
    if (!is_read) {
        config_registry_items_fini(items_out);
    }
    return is_read;
}

void config_registry_items_fini(struct config_registry_items *items)
{
    memory_free(items->list);
    text_fini(&items->text);
    *items = (struct config_registry_items){.list = NULL};
}

static bool config_registry__is_key(const struct config_item *item)
{
    return item->kind == CONFIG_ITEM_SECTION || item->may_be_section;
}

void config_registry_add_name(struct text *text, const struct config_registry_items *items, size_t index)
{
    size_t key = index + 1;
    while (key > 0 && !config_registry__is_key(&items->list[key - 1])) {
        key--;
    }
    if (key > 0) {
        text_add_string(text, "\\");
        text_add_escaped(text, items->list[key - 1].name.at, items->list[key - 1].name.length);
    }
    if (key != index + 1) {
        text_add_string(text, "\\");
        text_add_escaped(text, items->list[index].name.at, items->list[index].name.length);
    }
}

bool config_registry_has_endpoint(const struct config_registry *registry)
{
    static const char word[] = "endpoint ";
    const size_t length = sizeof word - 1;
    for (size_t i = 0; i < registry->count; i++) {
        const struct config_registry_value *value = &registry->list[i];
        size_t same = 0;
        while (value->is_key && same < length && (same + 1) * REGISTRY_UNIT < value->key_size) {
            const uint32_t unit = config_registry__unit(registry->bytes + value->key + same * REGISTRY_UNIT);
            const char character = (char)(unit < 0x80 ? unit : 0);
            if (!text_equal(&character, 1, (const char[]){word[same], '\0'})) {
                break;
            }
            same++;
        }
        if (same == length) {
            return true;
        }
    }
    return false;
}
