/* SPDX-License-Identifier: MIT
   One item of the key `listen`: from text, and back to text; no Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_LISTEN_H
#define PORTLISTENER_CONFIG_CONFIG_LISTEN_H

#include <stddef.h>

#include "base/text.h"
#include "config/config.h"
#include "config/config_value.h"

enum {
    CONFIG_LISTEN_TEXT_ROOM = ADDRESS_TEXT_ROOM + 16
}; /* the longest text of config_listen_add, and its NUL */

/* config_listen_parse: reads the whole of at[0..length), tcp://ADDRESS:PORT and so on. Returns how many it
   means: 1, 2 for "localhost", 0 with a fault. Their line and column are 0. */
size_t config_listen_parse(const char *at, size_t length, struct config_listen listens_out[2],
                           struct config_fault *fault_out);

/* config_listen_add: such as "tcp://192.0.2.1:8000-8010". */
void config_listen_add(struct text *text, const struct config_listen *listen);

#endif
