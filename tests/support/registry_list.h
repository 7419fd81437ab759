/* SPDX-License-Identifier: MIT
   What a registry has, written down in a test: names and texts in ASCII. Values are those of the key before them. */
#ifndef PORTLISTENER_TESTS_SUPPORT_REGISTRY_LIST_H
#define PORTLISTENER_TESTS_SUPPORT_REGISTRY_LIST_H

#include "config/config_registry.h"

void registry_list_key(struct config_registry *registry, const char *name);
void registry_list_text(struct config_registry *registry, const char *name, const char *text);
void registry_list_number(struct config_registry *registry, const char *name, uint32_t number);

/* registry_list_items: "first\0second\0", with an empty one at the end. */
void registry_list_items(struct config_registry *registry, const char *name, const char *items);
void registry_list_value(struct config_registry *registry, const char *name, uint32_t type, const void *data,
                         size_t size);

/* registry_list_units: a key, or a text "x", with a name of any units. */
void registry_list_units(struct config_registry *registry, bool is_key, const uint16_t *name, size_t length);

#endif
