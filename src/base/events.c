/* SPDX-License-Identifier: MIT
   The table of events, see events.h. */
#include "base/events.h"

#include <stddef.h>

#define EVENT(name, id, level, class, meaning) \
    {EVENT_##name, #name, LOG_LEVEL_##level, EVENT_CLASS_##class, meaning},
static const struct event_row rows[EVENT_COUNT] = {
#include "base/events.def"
};
#undef EVENT

const struct event_row *event_find(enum event event)
{
    size_t first = 0, behind = EVENT_COUNT;
    while (first < behind) {
        const size_t middle = first + (behind - first) / 2;
        if (rows[middle].event == event) {
            return &rows[middle];
        }
        if (rows[middle].event < event) {
            first = middle + 1;
        } else {
            behind = middle;
        }
    }
    return NULL;
}

const struct event_row *event_at(unsigned index)
{
    return index < EVENT_COUNT ? &rows[index] : NULL;
}

unsigned event_index(const struct event_row *row)
{
    return (unsigned)(row - rows);
}

bool event_passes(const struct event_row *row, enum event_filter filter)
{
    switch (filter) {
    case EVENT_FILTER_OFF:
        break;
    case EVENT_FILTER_ERRORS:
        return row->event_class == EVENT_CLASS_ERROR;
    case EVENT_FILTER_LIFECYCLE:
        return row->event_class != EVENT_CLASS_NEVER;
    case EVENT_FILTER_ALL:
        return true;
    }
    return false;
}
