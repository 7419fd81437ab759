/* SPDX-License-Identifier: MIT
   Settings from files as the registry has them, and back. No Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_EXCHANGE_H
#define PORTLISTENER_CONFIG_CONFIG_EXCHANGE_H

#include "config/config.h"
#include "config/config_registry.h"

/* config_exchange_take: a section or entry of a file, as it is written, for `given` of config_source; `context` is the
   struct config_registry that takes it. False when it cannot. */
bool config_exchange_take(void *context, const struct config_item *item);

/* config_exchange_to_registry: what was taken, with the types that an administrator expects: numbers as REG_DWORD, lists
   as REG_MULTI_SZ, everything else as REG_SZ. `config` is what the files mean. False: without memory, or too much. */
bool config_exchange_to_registry(const struct config *config, const struct config_registry *taken,
                                 struct config_registry *registry_out);

/* config_exchange_to_text: the registry as an INI file. `config` is what it means, perhaps with a file. False without
   memory. */
bool config_exchange_to_text(const struct config *config, const struct config_registry *registry,
                             struct text *text);

#endif
