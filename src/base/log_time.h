/* SPDX-License-Identifier: MIT
   The time stamps of logs: ISO 8601 with milliseconds. */
#ifndef PORTLISTENER_BASE_LOG_TIME_H
#define PORTLISTENER_BASE_LOG_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { LOG_TIME_ROOM = 40 };

/* log_time_add: the wall clock's time now, "2026-11-25T02:27:00.123Z", or with `is_local` in local time,
   "2026-11-25T03:27:00.123+01:00", with the offset that holds now; UTC where there is no local time. Any
   thread. */
void log_time_add(struct text *text, bool is_local);

/* log_time_ticks: the wall clock's time as files and processes have it: in 100 nanoseconds since 1601, UTC. Any thread. */
uint64_t log_time_ticks(void);

/* log_time_now: the wall clock's time in whole seconds since 1970, UTC. Any thread. */
int64_t log_time_now(void);

#endif
