/* SPDX-License-Identifier: MIT
   Resets as the program sends them: sockets that were given SO_LINGER {1, 0}. A client cannot tell: in Wine 8
   a reset that comes before the client's receive is posted looks like an orderly end. */
#ifndef PORTLISTENER_TESTS_SUPPORT_RESETS_H
#define PORTLISTENER_TESTS_SUPPORT_RESETS_H

#include <stdint.h>

/* resets_watch: counts from 0 on, until the seam is restored (the test's teardown does). One test at a
   time. */
void resets_watch(void);

uint32_t resets_seen(void);

#endif
