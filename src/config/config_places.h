/* SPDX-License-Identifier: MIT
   What a configuration is read from: the file, the files that it includes, the registry. Their lines are numbered on
   from one to the next, so that one number is a place; here it becomes what a person looks for. The registry counts its
   keys and values as lines. No Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_PLACES_H
#define PORTLISTENER_CONFIG_CONFIG_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct config_registry_items;

struct config_document {
    char *name;      /* of the file, as messages name it; of the registry key, which holds the others */
    uint32_t before; /* so many lines are those of the documents before it */
};

/* Begins all zero. */
struct config_places {
    struct config_document *list;
    size_t count;
    size_t room;
    uint32_t registry; /* lines before the registry's; 0: there is none, for a file comes before it */
    const struct config_registry_items *items; /* its keys and values, while it is read; else NULL */
};

/* config_places_add: the next document, behind so many lines. False when there is no memory. */
bool config_places_add(struct config_places *places, const char *name, uint32_t before);

/* config_places_add_registry: as the last one; `items` may go when no message is made any more. */
bool config_places_add_registry(struct config_places *places, const char *name, uint32_t before,
                                const struct config_registry_items *items);
void config_places_fini(struct config_places *places);

/* config_places_find: the document that has this line. There is one. */
const struct config_document *config_places_find(const struct config_places *places, uint32_t line);

bool config_places_is_registry(const struct config_places *places, uint32_t line);

/* config_places_overrides: whether what stands in `line` comes before what stands in `earlier`, and is not the same
   thing twice: the registry before a file. */
bool config_places_overrides(const struct config_places *places, uint32_t line, uint32_t earlier);

/* config_places_add_name: how a message begins, without line and column: the file, or the registry key or value. */
void config_places_add_name(struct text *text, const struct config_places *places, uint32_t line);

/* config_places_add_other: a place in a message that stands at `here`: "line 5", "line 5 of FILE", a registry value. */
void config_places_add_other(struct text *text, const struct config_places *places, uint32_t line,
                             uint32_t here);

/* config_places_add_section: where an endpoint's section, which begins in `line`, stands, for a message about it: "FILE:5: ",
   or its key of the registry; nothing where no line is known. */
void config_places_add_section(struct text *text, const struct config_places *places, const char *endpoint,
                               uint32_t line);

#endif
