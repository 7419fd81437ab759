/* SPDX-License-Identifier: MIT */
#include "config/config_places.h"

#include <string.h>

#include "base/memory.h"
#include "config/config_registry.h"

enum { PLACES_FIRST_ROOM = 4 };

bool config_places_add(struct config_places *places, const char *name, uint32_t before)
{
    if (places->count == places->room) {
        const size_t room = places->room > 0 ? places->room * 2 : PLACES_FIRST_ROOM;
        struct config_document *grown = memory_resize(places->list, room * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        places->list = grown;
        places->room = room;
    }
    char *copy = memory_copy_text(name, strlen(name));
    if (copy != NULL) {
        places->list[places->count++] = (struct config_document){.name = copy, .before = before};
    }
    return copy != NULL;
}

bool config_places_add_registry(struct config_places *places, const char *name, uint32_t before,
                                const struct config_registry_items *items)
{
    places->items = items;
    places->registry = before;
    return config_places_add(places, name, before);
}

void config_places_fini(struct config_places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        memory_free(places->list[i].name);
    }
    memory_free(places->list);
    *places = (struct config_places){.list = NULL};
}

const struct config_document *config_places_find(const struct config_places *places, uint32_t line)
{
    size_t first = 0, count = places->count;
    while (count > 1) {
        const size_t half = count / 2;
        if (places->list[first + half].before < line) {
            first += half;
            count -= half;
        } else {
            count = half;
        }
    }
    return &places->list[first];
}

bool config_places_is_registry(const struct config_places *places, uint32_t line)
{
    return places->registry > 0 && line > places->registry;
}

bool config_places_overrides(const struct config_places *places, uint32_t line, uint32_t earlier)
{
    return config_places_is_registry(places, line) && !config_places_is_registry(places, earlier);
}

void config_places_add_name(struct text *text, const struct config_places *places, uint32_t line)
{
    const struct config_document *document = config_places_find(places, line);
    text_add_string(text, document->name);
    if (config_places_is_registry(places, line) && places->items != NULL) {
        config_registry_add_name(text, places->items, line - document->before - 1);
    }
}

void config_places_add_other(struct text *text, const struct config_places *places, uint32_t line,
                             uint32_t here)
{
    const struct config_document *document = config_places_find(places, line);
    if (config_places_is_registry(places, line)) {
        config_places_add_name(text, places, line);
        return;
    }
    text_add_format(text, "line %lu", (unsigned long)(line - document->before));
    if (document != config_places_find(places, here)) {
        text_add_format(text, " of %s", document->name);
    }
}

void config_places_add_section(struct text *text, const struct config_places *places, const char *endpoint,
                               uint32_t line)
{
    if (line == 0 || places->count == 0) {
        return;
    }
    const struct config_document *document = config_places_find(places, line);
    if (config_places_is_registry(places, line)) {
        text_add_format(text, "%s\\endpoint %s: ", document->name, endpoint);
    } else {
        text_add_format(text, "%s:%lu: ", document->name, (unsigned long)(line - document->before));
    }
}
