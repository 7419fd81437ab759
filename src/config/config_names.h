/* SPDX-License-Identifier: MIT
   The endpoints of a configuration by their names, which compare without case. No Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_NAMES_H
#define PORTLISTENER_CONFIG_CONFIG_NAMES_H

#include "config/config.h"

struct config_name {
    const char *at; /* the endpoint's */
    size_t index;
};

struct config_names {
    struct config_name *list;
    size_t count;
};

/* config_names_init: of the endpoints that there are now. False when there is no memory. */
bool config_names_init(struct config_names *names, const struct config *config);
void config_names_fini(struct config_names *names);

/* config_names_find: the first endpoint with the name at[0..length); false: there is none. */
bool config_names_find(const struct config_names *names, const char *at, size_t length, size_t *index_out);

#endif
