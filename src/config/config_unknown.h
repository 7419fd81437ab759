/* SPDX-License-Identifier: MIT
   Telling of a key that its section does not have. No Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_UNKNOWN_H
#define PORTLISTENER_CONFIG_CONFIG_UNKNOWN_H

#include "config/config_options.h"

struct config_unknown {
    struct config_span name;
    uint32_t line;
    const struct config_table *table;     /* of its section */
    bool is_of_endpoint;                  /* an [endpoint NAME] */
    bool may_be_option;                   /* then: of a handler that was not understood */
    const struct config_options *options; /* those of its handler; NULL: it has none */
    const struct pl_handler *const *handlers;
};

/* config_unknown_guess: the key or option that it nearly is, or NULL. */
const char *config_unknown_guess(const struct config_unknown *unknown);

/* config_unknown_tell: what is wrong and what would be right, as an error. Nothing where it may be an option. True: it is
   nearly a key or option, which may seem to be missing. */
bool config_unknown_tell(const struct config_unknown *unknown, struct config_problems *problems);

#endif
