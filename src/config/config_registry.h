/* SPDX-License-Identifier: MIT
   A configuration in the registry: a flat list of keys and values as the registry has them, whoever read them there, and
   what they mean as sections and entries. No Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_REGISTRY_H
#define PORTLISTENER_CONFIG_CONFIG_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "config/config_file.h"

/* winnt.h: the types of registry values that mean something here. */
enum config_registry_type {
    CONFIG_REGISTRY_TEXT = 1,        /* REG_SZ */
    CONFIG_REGISTRY_EXPAND_TEXT = 2, /* REG_EXPAND_SZ */
    CONFIG_REGISTRY_NUMBER = 4,      /* REG_DWORD */
    CONFIG_REGISTRY_ITEMS = 7,       /* REG_MULTI_SZ */
    CONFIG_REGISTRY_LONG_NUMBER = 11 /* REG_QWORD */
};

/* The value of Parameters that is there while the keys below it are written: whoever reads them then, also after a crash,
   refuses them. */
#define CONFIG_REGISTRY_UNFINISHED "ImportUnfinished"

enum {
    CONFIG_REGISTRY_SIZE_MAX =
        8 * 1024 * 1024,               /* bytes of all of it: of twice as many as a file, for it is UTF-16 */
    CONFIG_REGISTRY_COUNT_MAX = 200000 /* keys and values */
};

/* One key or value. Names and data are bytes of the list's; names are UTF-16, in this machine's order. */
struct config_registry_value {
    bool is_key;   /* without name and data: the key is there; its values follow */
    uint32_t type; /* an enum config_registry_type, or another */
    uint32_t key;  /* offset of the name of the key below Parameters, "endpoint web"; so are the next two */
    uint32_t key_size; /* bytes; 0: Parameters itself */
    uint32_t name;
    uint32_t name_size;
    uint32_t data;
    uint32_t data_size;
};

/* What is there at one moment, key by key. Begins all zero. */
struct config_registry {
    struct config_registry_value *list;
    size_t count;
    size_t room;
    uint8_t *bytes;
    size_t length;
    size_t bytes_room;
};

/* config_registry_add_key: the key whose name is name[0..length). Its values are what is added from now on; before the
   first key they are those of Parameters itself. config_registry_add_value likewise. False when there is no memory, or
   more than the list may have: is_full. */
bool config_registry_add_key(struct config_registry *registry, const uint16_t *name, size_t length);
bool config_registry_add_value(struct config_registry *registry, const uint16_t *name, size_t length,
                               uint32_t type, const void *data, size_t size);

/* config_registry_is_full: what would be added next may be too much. */
bool config_registry_is_full(const struct config_registry *registry, size_t size);

bool config_registry_is_equal(const struct config_registry *left, const struct config_registry *right);

/* config_registry_has_endpoint: whether it has a key of an endpoint. */
bool config_registry_has_endpoint(const struct config_registry *registry);
void config_registry_fini(struct config_registry *registry);

/* What a registry means: an item for each of its keys and values, in its order, with `line` from 1. */
struct config_registry_items {
    struct config_item *list;
    size_t count;
    struct text text;
};

/* config_registry_read: false when there is no memory. The registry need not stay. */
bool config_registry_read(const struct config_registry *registry, struct config_registry_items *items_out);
void config_registry_items_fini(struct config_registry_items *items);

/* config_registry_add_name: "\endpoint web\backlog", of the item `index`. */
void config_registry_add_name(struct text *text, const struct config_registry_items *items, size_t index);

#endif
