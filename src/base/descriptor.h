/* SPDX-License-Identifier: MIT
   Reading a handler's descriptor and its tables, of whatever age: what its writer did not know is zero. No Windows
   header. */
#ifndef PORTLISTENER_BASE_DESCRIPTOR_H
#define PORTLISTENER_BASE_DESCRIPTOR_H

#include <stddef.h>

#include "portlistener/handler.h"

/* What an element of ABI 0.4 has; one that is smaller is none. */
enum { DESCRIPTOR_OPTION_MIN = sizeof(struct pl_option), DESCRIPTOR_COUNTER_MIN = sizeof(struct pl_counter) };

/* descriptor_option_count, descriptor_option: the options, one by one; `index` is less than the count. */
size_t descriptor_option_count(const struct pl_handler *handler);
struct pl_option descriptor_option(const struct pl_handler *handler, size_t index);

/* descriptor_counter_count, descriptor_counter: the counters likewise. */
size_t descriptor_counter_count(const struct pl_handler *handler);
struct pl_counter descriptor_counter(const struct pl_handler *handler, size_t index);

/* descriptor_default: the handler's own defaults of the host's keys, one by one; NULL behind the last. */
const char *descriptor_default(const struct pl_handler *handler, size_t index);

#endif
