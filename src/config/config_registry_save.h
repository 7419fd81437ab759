/* SPDX-License-Identifier: MIT
   Writing a configuration to a service's registry key. */
#ifndef PORTLISTENER_CONFIG_CONFIG_REGISTRY_SAVE_H
#define PORTLISTENER_CONFIG_CONFIG_REGISTRY_SAVE_H

#include "base/failure.h"
#include "config/config_registry.h"

/* config_registry_save: the keys service, defaults and endpoint NAME of the service become those of `registry`, whatever
   they were. False: see `failure_out`. They are then as they were, or the text says that they are not. */
bool config_registry_save(const char *service, const struct config_registry *registry,
                          struct failure *failure_out);

#endif
