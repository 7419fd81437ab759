/* SPDX-License-Identifier: MIT
   A handler's counters, see handler_counters.h. One block: values, descriptors, texts. */
#include "stats/handler_counters.h"

#include <string.h>

#include "base/descriptor.h"
#include "base/memory.h"

static size_t handler_counters__text_size(const struct pl_handler *handler, uint32_t count)
{
    size_t size = strlen(handler->name) + 1;
    for (uint32_t i = 0; i < count; i++) {
        const struct pl_counter counter = descriptor_counter(handler, i);
        size += strlen(counter.name) + 1 + strlen(counter.unit) + 1 + strlen(counter.help) + 1;
    }
    return size;
}

static const char *handler_counters__copy(char **end, const char *text)
{
    char *copy = *end;
    const size_t size = strlen(text) + 1;
    memcpy(copy, text, size);
    *end += size;
    return copy;
}

struct handler_counters *handler_counters_create(const struct pl_handler *handler)
{
    const uint32_t count = (uint32_t)descriptor_counter_count(handler);
    struct handler_counters *counters =
        memory_alloc(sizeof *counters + count * (sizeof counters->values[0] + sizeof(struct pl_counter)) +
                     handler_counters__text_size(handler, count));
    if (counters == NULL) {
        return NULL;
    }
    struct pl_counter *rows = (struct pl_counter *)(uintptr_t)&counters->values[count];
    char *end = (char *)(rows + count);
    counters->rows = rows;
    counters->count = count;
    counters->handler = handler_counters__copy(&end, handler->name);
    for (uint32_t i = 0; i < count; i++) {
        const struct pl_counter counter = descriptor_counter(handler, i);
        rows[i] = (struct pl_counter){.name = handler_counters__copy(&end, counter.name),
                                      .unit = handler_counters__copy(&end, counter.unit),
                                      .help = handler_counters__copy(&end, counter.help)};
    }
    return counters;
}

bool handler_counters_fit(const struct handler_counters *counters, const struct pl_handler *handler)
{
    if (strcmp(counters->handler, handler->name) != 0 ||
        counters->count != descriptor_counter_count(handler)) {
        return false;
    }
    uint32_t i = 0;
    while (i < counters->count && strcmp(counters->rows[i].name, descriptor_counter(handler, i).name) == 0) {
        i++;
    }
    return i == counters->count;
}
