/* SPDX-License-Identifier: MIT
   The Windows event log. It takes few events: beyond ten of a kind within a minute the rest is counted, and
   one event tells the count. All of them stand in the log. */
#ifndef PORTLISTENER_BASE_EVENT_LOG_H
#define PORTLISTENER_BASE_EVENT_LOG_H

#include <stdint.h>

#include "base/events.h"

struct event_log;

/* event_log_create: `source` is the name of the event source, the service's. Nothing fails for want of it:
   what cannot be reported is left out. NULL: no memory. */
struct event_log *event_log_create(const char *source, enum event_filter filter);

/* event_log_destroy: tells what was left out. No other call may be under way. NULL is allowed. */
void event_log_destroy(struct event_log *log);

/* event_log_set_filter: from now on. Any thread. */
void event_log_set_filter(struct event_log *log, enum event_filter filter);

/* event_log_report: does nothing for events that the filter stops. `text` may have several lines; in it a
   space goes between a percent sign and a digit ("fe80::1% 3"), which viewers would take for a place to
   insert something. A NULL log takes nothing. Any thread. */
void event_log_report(struct event_log *log, const struct event_row *row, const char *text);

/* event_log_id: the number under which the event's text stands in the message table: the severity in the two
   top bits, 1002 in the low word, which viewers show. */
uint32_t event_log_id(const struct event_row *row);

#endif
