/* SPDX-License-Identifier: MIT
   What can only be seen with the whole configuration in view; no Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_CHECK_H
#define PORTLISTENER_CONFIG_CONFIG_CHECK_H

#include "config/config.h"

/* config_check_run: endpoints without what they need, two with one name, handlers that do not take the
   protocol, networks that no client can be in, proxies that are not named, addresses and ports that two sockets cannot have at the same
   time, too many sockets, two logs in one file. `config` is complete, its values checked one by one; what is
   found goes to `problems`. */
void config_check_run(struct config *config, const struct pl_handler *const *handlers,
                      struct config_problems *problems);

/* config_check_find_handler: the handler named at[0..length), or NULL. */
const struct pl_handler *config_check_find_handler(const struct pl_handler *const *handlers, const char *at,
                                                   size_t length);

/* config_check_add_handlers: their names, by commas. */
void config_check_add_handlers(struct text *text, const struct pl_handler *const *handlers);

#endif
