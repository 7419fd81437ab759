/* SPDX-License-Identifier: MIT
   The events that the program can log. One table, events.def, gives the log its levels and ids, the Windows
   event log its message table (made by the build) and the tests their rows. An id is never changed and never
   used again. */
#ifndef PORTLISTENER_BASE_EVENTS_H
#define PORTLISTENER_BASE_EVENTS_H

#include <stdbool.h>

#include "base/log_level.h"

/* When an event goes to the Windows event log: never by itself (only with event_log = all), from `lifecycle`
   on, or from `errors` on. */
enum event_class { EVENT_CLASS_NEVER, EVENT_CLASS_LIFECYCLE, EVENT_CLASS_ERROR };

/* The values of event_log: what the event log takes. */
enum event_filter { EVENT_FILTER_OFF, EVENT_FILTER_ERRORS, EVENT_FILTER_LIFECYCLE, EVENT_FILTER_ALL };

#define EVENT(name, id, level, class, meaning) EVENT_##name = (id),
enum event {
    EVENT_NONE = 0,
#include "base/events.def"
};
#undef EVENT

#define EVENT(name, id, level, class, meaning) EVENT_INDEX_##name,
enum { /* rows before each row, and the count of all */
#include "base/events.def"
       EVENT_COUNT
};
#undef EVENT

struct event_row {
    enum event event; /* PL1002 in the log, the same number in the event log */
    const char *name; /* "SERVICE_RUNNING" */
    enum log_level level;
    enum event_class event_class;
    const char *meaning;
};

/* event_find: the row of `event`; NULL for a number that is no event. */
const struct event_row *event_find(enum event event);

/* event_at: the rows in order of their ids; NULL from EVENT_COUNT on. event_index: the way back. */
const struct event_row *event_at(unsigned index);
unsigned event_index(const struct event_row *row);

/* event_passes: whether the event log takes events of this kind. */
bool event_passes(const struct event_row *row, enum event_filter filter);

#endif
