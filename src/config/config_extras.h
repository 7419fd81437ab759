/* SPDX-License-Identifier: MIT
   Lines of endpoints that wait for the endpoint's handler to be known. No Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_EXTRAS_H
#define PORTLISTENER_CONFIG_CONFIG_EXTRAS_H

#include "config/config_file.h"

/* An entry that is no key of the host's, or a line that could not be read. */
struct config_extra {
    size_t endpoint; /* its number */
    uint32_t line;
    struct config_span name;
    struct config_span value;
    bool is_broken;
};

/* Begins all zero. */
struct config_extras {
    struct config_extra *list;
    size_t count;
    size_t room;
    size_t taken;
};

/* config_extras_add: in the order of what is read. False when there is no memory. */
bool config_extras_add(struct config_extras *extras, const struct config_extra *extra);

/* config_extras_sort: into the order of the endpoints, and for each one of the lines. Before the first is taken. */
void config_extras_sort(struct config_extras *extras);

/* config_extras_take: all of this endpoint, `count_out` of them; NULL: none. Endpoints in their order. */
const struct config_extra *config_extras_take(struct config_extras *extras, size_t endpoint,
                                              size_t *count_out);

void config_extras_fini(struct config_extras *extras);

#endif
