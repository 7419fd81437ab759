/* SPDX-License-Identifier: MIT
   What happens in a second: read from two texts of metrics in Prometheus' form, one behind the other. */
#ifndef PORTLISTENER_SERVICE_WATCH_RATES_H
#define PORTLISTENER_SERVICE_WATCH_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { WATCH_RATES = 6 };

/* Begin with all zero. */
struct watch_rates {
    unsigned count; /* of texts taken; from 2 on there are rates */
    uint64_t at;    /* milliseconds */
    uint64_t sums[WATCH_RATES];
    double rates[WATCH_RATES]; /* a second */
};

/* watch_rates_take: the metrics at this moment, of a clock in milliseconds. */
void watch_rates_take(struct watch_rates *rates, const char *metrics, uint64_t now);

/* watch_rates_add: a table of them. */
void watch_rates_add(struct text *text, const struct watch_rates *rates);

#endif
