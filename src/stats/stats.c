/* SPDX-License-Identifier: MIT
   The descriptors of the counters, see stats.h. */
#include "stats/stats.h"

#define COUNTER(name, metric, unit, help) {metric, unit, help},
static const struct counter_row rows[COUNTER_COUNT] = {
#include "stats/counters.def"
};
#undef COUNTER

const struct counter_row *counter_row(enum counter counter)
{
    return &rows[counter];
}
