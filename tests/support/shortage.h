/* SPDX-License-Identifier: MIT
   A shortage of memory: now and then, at random, HeapAlloc and HeapReAlloc fail. Any thread's calls; begun and
   ended by the test's own. */
#ifndef PORTLISTENER_TESTS_SUPPORT_SHORTAGE_H
#define PORTLISTENER_TESTS_SUPPORT_SHORTAGE_H

#include <stdint.h>

/* shortage_begin: from now on one call of `one_in` fails, as the seed has it, until shortage_end or until the
   seam is restored. */
void shortage_begin(uint64_t seed, uint32_t one_in);
void shortage_end(void);

/* shortage_hits: calls that were made to fail since the first shortage of the process. */
uint32_t shortage_hits(void);

#endif
