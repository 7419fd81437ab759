/* SPDX-License-Identifier: MIT */
#include "base/descriptor.h"

#include <string.h>

size_t descriptor_option_count(const struct pl_handler *handler)
{
    return PL_HAS(pl_handler, handler, options) && handler->options != NULL ? handler->option_count : 0;
}

/* Element `index` of a table of elements that have `size` bytes; `known` of them, at most, are copied. */
static void descriptor__copy(void *element_out, size_t known, const void *table, size_t size, size_t index)
{
    memcpy(element_out, (const char *)table + index * size, size < known ? size : known);
}

struct pl_option descriptor_option(const struct pl_handler *handler, size_t index)
{
    struct pl_option option = {.name = NULL};
    descriptor__copy(&option, sizeof option, handler->options, handler->option_size, index);
    return option;
}

size_t descriptor_counter_count(const struct pl_handler *handler)
{
    return PL_HAS(pl_handler, handler, counters) && handler->counters != NULL ? handler->counter_count : 0;
}

struct pl_counter descriptor_counter(const struct pl_handler *handler, size_t index)
{
    struct pl_counter counter = {.name = NULL};
    descriptor__copy(&counter, sizeof counter, handler->counters, handler->counter_size, index);
    return counter;
}

const char *descriptor_default(const struct pl_handler *handler, size_t index)
{
    return PL_HAS(pl_handler, handler, defaults) && handler->defaults != NULL ? handler->defaults[index]
                                                                              : NULL;
}
