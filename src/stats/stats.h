/* SPDX-License-Identifier: MIT
   What is counted, in one table, counters.def; names follow Prometheus' conventions: metrics are families of counters that
   a label tells apart. Where the numbers are: see tally.h. */
#ifndef PORTLISTENER_STATS_STATS_H
#define PORTLISTENER_STATS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAMILY(name, metric, scope, unit, help) FAMILY_##name,
#define COUNTER(family, name, reason, help)
enum family {
#include "stats/counters.def"
    FAMILY_COUNT
};
#undef FAMILY
#undef COUNTER

#define FAMILY(name, metric, scope, unit, help)
#define COUNTER(family, name, reason, help) COUNTER_##name,
enum counter {
#include "stats/counters.def"
    COUNTER_COUNT
};
#undef FAMILY
#undef COUNTER

/* Which endpoints have it. */
enum family_scope { SCOPE_TCP, SCOPE_UDP, SCOPE_OUTBOUND, SCOPE_NOBODY };

struct family_row {
    const char *metric; /* without the prefix portlistener_ */
    enum family_scope scope;
    const char *unit;
    const char *help;
};

struct counter_row {
    const char *name; /* COUNTER_name */
    enum family family;
    const char *reason; /* NULL: alone in its family */
    const char *help;   /* of this reason; NULL when alone */
};

/* family_row, counter_row: the descriptors. */
const struct family_row *family_row(enum family family);
const struct counter_row *counter_row(enum counter counter);

/* family_is_level: it goes up and down, so it is no counter to those who read metrics. family_stem: how much of its metric
   is its name: without _total. */
bool family_is_level(enum family family);
size_t family_stem(enum family family);

#endif
