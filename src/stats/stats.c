/* SPDX-License-Identifier: MIT
   The descriptors of the counters, see stats.h. */
#include "stats/stats.h"

#include <string.h>

#define FAMILY(name, metric, scope, unit, help) {metric, SCOPE_##scope, unit, help},
#define COUNTER(family, name, reason, help)
static const struct family_row families[FAMILY_COUNT] = {
#include "stats/counters.def"
};
#undef FAMILY
#undef COUNTER

#define FAMILY(name, metric, scope, unit, help)
#define COUNTER(family, name, reason, help) {#name, FAMILY_##family, reason, help},
static const struct counter_row counters[COUNTER_COUNT] = {
#include "stats/counters.def"
};
#undef FAMILY
#undef COUNTER

const struct family_row *family_row(enum family family)
{
    return &families[family];
}

const struct counter_row *counter_row(enum counter counter)
{
    return &counters[counter];
}

bool family_is_level(enum family family)
{
    return families[family].metric[family_stem(family)] == '\0';
}

size_t family_stem(enum family family)
{
    static const char suffix[] = "_total";
    const char *metric = families[family].metric;
    const size_t length = strlen(metric), less = sizeof suffix - 1;
    return length > less && strcmp(metric + length - less, suffix) == 0 ? length - less : length;
}
