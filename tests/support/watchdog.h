/* SPDX-License-Identifier: MIT
   A watchdog: ends a process that hangs, and tells where. */
#ifndef PORTLISTENER_TESTS_SUPPORT_WATCHDOG_H
#define PORTLISTENER_TESTS_SUPPORT_WATCHDOG_H

#include <stdint.h>

enum { WATCHDOG_EXIT_CODE = 98 };

/* watchdog_begin: `what` is done within so many milliseconds of real time, or else it is printed with the calls
   that each thread is in, and the process ends with WATCHDOG_EXIT_CODE. Replaces what was watched before;
   `what` is kept, not copied. watchdog_end: nothing is watched. */
void watchdog_begin(const char *what, uint32_t milliseconds);
void watchdog_end(void);

#endif
