/* SPDX-License-Identifier: MIT
   Handlers as people read them: what they take, their options, their defaults of the host's keys, their counters. No
   Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_HANDLERS_H
#define PORTLISTENER_CONFIG_CONFIG_HANDLERS_H

#include "base/text.h"
#include "portlistener/handler.h"

/* config_handlers_protocols: "tcp udp", "tcp" or "udp". */
const char *config_handlers_protocols(const struct pl_handler *handler);

/* config_handlers_show: all of one handler, in lines of at most 100 columns. What is wrong with its tables is told in
   their place. Cut for want of memory: is_cut. */
void config_handlers_show(struct text *text, const struct pl_handler *handler);

/* config_handlers_markdown: the part of docs/configuration.md on all of them; `handlers` ends with NULL. */
void config_handlers_markdown(struct text *text, const struct pl_handler *const *handlers);

#endif
