/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/registry_list.h"

enum { LIST_UNITS = 512 };

static size_t registry_list__widen(const char *at, size_t length, uint16_t units[LIST_UNITS])
{
    assert_true(length <= LIST_UNITS);
    for (size_t i = 0; i < length; i++) {
        units[i] = (unsigned char)at[i];
    }
    return length;
}

void registry_list_key(struct config_registry *registry, const char *name)
{
    uint16_t units[LIST_UNITS];
    assert_true(config_registry_add_key(registry, units, registry_list__widen(name, strlen(name), units)));
}

void registry_list_value(struct config_registry *registry, const char *name, uint32_t type, const void *data,
                         size_t size)
{
    uint16_t units[LIST_UNITS];
    const size_t length = registry_list__widen(name, strlen(name), units);
    assert_true(config_registry_add_value(registry, units, length, type, data, size));
}

static void registry_list__wide(struct config_registry *registry, const char *name, uint32_t type,
                                const char *at, size_t length)
{
    uint16_t units[LIST_UNITS];
    const size_t count = registry_list__widen(at, length, units);
    registry_list_value(registry, name, type, units, count * sizeof units[0]);
}

void registry_list_text(struct config_registry *registry, const char *name, const char *text)
{
    registry_list__wide(registry, name, CONFIG_REGISTRY_TEXT, text, strlen(text) + 1);
}

void registry_list_number(struct config_registry *registry, const char *name, uint32_t number)
{
    registry_list_value(registry, name, CONFIG_REGISTRY_NUMBER, &number, sizeof number);
}

void registry_list_items(struct config_registry *registry, const char *name, const char *items)
{
    size_t length = 0;
    while (items[length] != '\0') {
        length += strlen(items + length) + 1;
    }
    registry_list__wide(registry, name, CONFIG_REGISTRY_ITEMS, items, length + 1);
}

void registry_list_units(struct config_registry *registry, bool is_key, const uint16_t *name, size_t length)
{
    const uint16_t text[] = {'x', 0};
    assert_true(
        is_key ? config_registry_add_key(registry, name, length)
               : config_registry_add_value(registry, name, length, CONFIG_REGISTRY_TEXT, text, sizeof text));
}
