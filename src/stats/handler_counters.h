/* SPDX-License-Identifier: MIT
   What a handler counts on one endpoint, with copies of its descriptors: they outlive the DLL that they came from. No
   Windows header. */
#ifndef PORTLISTENER_STATS_HANDLER_COUNTERS_H
#define PORTLISTENER_STATS_HANDLER_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "portlistener/handler.h"

struct handler_counters {
    struct handler_counters *next;
    const char *handler;
    const struct pl_counter *rows;
    uint32_t count;
    volatile int64_t
        values[]; /* written by interlocked functions; behind them what `rows` and the texts need */
};

/* handler_counters_create: all zero; NULL: no memory. Freed with memory_free. The handler has counters. */
struct handler_counters *handler_counters_create(const struct pl_handler *handler);

/* handler_counters_fit: whether this handler, of whatever version, has the same name and the same counters. */
bool handler_counters_fit(const struct handler_counters *counters, const struct pl_handler *handler);

#endif
