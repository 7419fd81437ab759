/* SPDX-License-Identifier: MIT
   The wall clock: GetSystemTimePreciseAsFileTime as production code sees it. Any thread reads it;
   the test's own sets it. */
#ifndef PORTLISTENER_TESTS_SUPPORT_WALL_CLOCK_H
#define PORTLISTENER_TESTS_SUPPORT_WALL_CLOCK_H

#include <stdint.h>

/* wall_clock_set: stops the clock at a time (UTC): "2026-11-25T02:27:00.123". */
void wall_clock_set(const char *time);

/* wall_clock_move: sets the clock that stands to another time, so many milliseconds on, or back. */
void wall_clock_move(int64_t milliseconds);

/* wall_clock_now: what production code would be told, as a FILETIME in one number. */
uint64_t wall_clock_now(void);

/* wall_clock_reset: back to the system's own time. */
void wall_clock_reset(void);

#endif
