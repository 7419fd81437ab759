/* SPDX-License-Identifier: MIT
   Clients that come, are answered by an echo, and go, without a pause, while a test does something that they must not
   notice. For the test's own thread. */
#ifndef PORTLISTENER_TESTS_SUPPORT_CALLERS_H
#define PORTLISTENER_TESTS_SUPPORT_CALLERS_H

#include "portlistener/handler.h"

enum { CALLERS_MOST = 200 };

/* callers_start: so many at a time, each on its own thread. */
void callers_start(int count, const struct pl_address *to);

/* callers_stop: waits for those that are under way, and tells how many were served and how many were not: refused, reset,
   or answered with wrong bytes. Also of a failed test; the pointers may be NULL. */
void callers_stop(unsigned long *served_out, unsigned long *failed_out);

#endif
