/* SPDX-License-Identifier: MIT
   What is counted, in one table, counters.def; names follow Prometheus' conventions. Each worker has its own
   array, written by that worker alone and summed when somebody reads. */
#ifndef PORTLISTENER_STATS_STATS_H
#define PORTLISTENER_STATS_STATS_H

#include <stddef.h>
#include <stdint.h>

#define COUNTER(name, metric, unit, help) COUNTER_##name,
enum counter {
#include "stats/counters.def"
    COUNTER_COUNT
};
#undef COUNTER

struct counter_row {
    const char *metric; /* without the prefix portlistener_ */
    const char *unit;
    const char *help;
};

/* counter_row: the descriptor of `counter`. */
const struct counter_row *counter_row(enum counter counter);

#endif
