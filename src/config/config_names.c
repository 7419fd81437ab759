/* SPDX-License-Identifier: MIT */
#include "config/config_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static int config_names__compare(const void *left, const void *right)
{
    const struct config_name *a = left;
    const struct config_name *b = right;
    const int difference = text_compare(a->at, strlen(a->at), b->at);
    return difference != 0 ? difference : (a->index > b->index) - (a->index < b->index);
}

bool config_names_init(struct config_names *names, const struct config *config)
{
    *names = (struct config_names){.list = memory_alloc((config->endpoint_count + 1) * sizeof *names->list)};
    if (names->list == NULL) {
        return false;
    }
    for (size_t i = 0; i < config->endpoint_count; i++) {
        if (config->endpoints[i].name != NULL) { /* else memory is out */
            names->list[names->count++] = (struct config_name){config->endpoints[i].name, i};
        }
    }
    qsort(names->list, names->count, sizeof *names->list, config_names__compare);
    return true;
}

void config_names_fini(struct config_names *names)
{
    memory_free(names->list);
    *names = (struct config_names){.list = NULL};
}

bool config_names_find(const struct config_names *names, const char *at, size_t length, size_t *index_out)
{
    size_t first = 0, end = names->count;
    while (first < end) {
        const size_t middle = first + (end - first) / 2;
        if (text_compare(at, length, names->list[middle].at) > 0) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    const bool is_found = first < names->count && text_compare(at, length, names->list[first].at) == 0;
    if (is_found) {
        *index_out = names->list[first].index;
    }
    return is_found;
}
