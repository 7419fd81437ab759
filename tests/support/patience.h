/* SPDX-License-Identifier: MIT
   How long a test waits for what should happen at once: in time that this process was given. Where the machine is busy,
   or stands for a while, a wait that is cut into moments grows longer by itself. Any thread. */
#ifndef PORTLISTENER_TESTS_SUPPORT_PATIENCE_H
#define PORTLISTENER_TESTS_SUPPORT_PATIENCE_H

#include <stdint.h>

enum { PATIENCE_MOMENT = 50 }; /* milliseconds */

/* patience_now: milliseconds since some time; of those between two calls, a moment at most counts. Who waits calls it
   more often than that. */
uint64_t patience_now(void);

#endif
