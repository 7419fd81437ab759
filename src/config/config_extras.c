/* SPDX-License-Identifier: MIT */
#include "config/config_extras.h"

#include <stdlib.h>

#include "base/memory.h"

enum { EXTRAS_FIRST_ROOM = 16 };

bool config_extras_add(struct config_extras *extras, const struct config_extra *extra)
{
    if (extras->count == extras->room) {
        const size_t room = extras->room > 0 ? extras->room * 2 : EXTRAS_FIRST_ROOM;
        struct config_extra *grown = memory_resize(extras->list, room * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        extras->list = grown;
        extras->room = room;
    }
    extras->list[extras->count++] = *extra;
    return true;
}

static int config_extras__compare(const void *left, const void *right)
{
    const struct config_extra *a = left;
    const struct config_extra *b = right;
    if (a->endpoint != b->endpoint) {
        return a->endpoint < b->endpoint ? -1 : 1;
    }
    return (a->line > b->line) - (a->line < b->line);
}

void config_extras_sort(struct config_extras *extras)
{
    if (extras->count > 0) {
        qsort(extras->list, extras->count, sizeof *extras->list, config_extras__compare);
    }
}

const struct config_extra *config_extras_take(struct config_extras *extras, size_t endpoint,
                                              size_t *count_out)
{
    const size_t first = extras->taken;
    while (extras->taken < extras->count && extras->list[extras->taken].endpoint == endpoint) {
        extras->taken++;
    }
    *count_out = extras->taken - first;
    return *count_out > 0 ? extras->list + first : NULL;
}

void config_extras_fini(struct config_extras *extras)
{
    memory_free(extras->list);
}
