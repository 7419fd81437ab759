/* SPDX-License-Identifier: MIT
   A handler's options as a table of keys, so that they are read, shown and documented as the host's own are. No Windows
   header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_OPTIONS_H
#define PORTLISTENER_CONFIG_CONFIG_OPTIONS_H

#include "config/config_file.h"
#include "config/config_keys.h"
#include "portlistener/handler.h"

enum { CONFIG_OPTIONS_MAX = 256 }; /* of a handler; of its counters, too */

/* The place of one option's value: a number, or bytes; a path is `bytes.at` alone. */
struct config_setting {
    uint64_t number;
    struct config_bytes bytes;
};

struct config_options {
    const struct pl_handler *handler;
    struct config_table table; /* in the order of the handler's; for an array of struct config_setting */
    struct config_key *keys;   /* from here on: for config_options.c */
    void **blocks;             /* what the keys have on the heap */
};

/* config_options_create: NULL when the handler's tables are not as handler.h has it: what is wrong and what to do are
   added to `problem`, for the one who writes the handler. Nothing is added when there is no memory. */
struct config_options *config_options_create(const struct pl_handler *handler, struct text *problem);

/* config_options_destroy: NULL is allowed. */
void config_options_destroy(struct config_options *options);

/* config_options_default: splits one of the handler's own defaults of the host's keys. The key, and its value in
   `value_out`; NULL: it is no key that may have one. */
const struct config_key *config_options_default(const char *line, struct config_span *value_out);

#endif
