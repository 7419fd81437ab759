/* SPDX-License-Identifier: MIT
   When completions come: a call that could end at once ends later, one that would end later ends at once, and
   what a port reports is held back, so that operations of different sockets end in another order. (Those of
   one socket keep theirs.) All of it as Windows may do it, and Wine or a fast machine rarely does. Any
   thread. */
#ifndef PORTLISTENER_TESTS_SUPPORT_TIMING_H
#define PORTLISTENER_TESTS_SUPPORT_TIMING_H

#include <stdint.h>

/* How many of a hundred operations. */
struct timing {
    uint32_t late;  /* succeed at once, but tell it through the port */
    uint32_t early; /* when they end within a moment: succeed inside the call */
    uint32_t held;  /* are reported up to some milliseconds later than the port did */
};

/* timing_watch: from now on, until the seam is restored. Before the workers are made. The same seed decides
   the same way, as far as threads come in the same order. */
void timing_watch(uint64_t seed, struct timing wanted);

/* timing_changed: how many operations of each kind there were since timing_watch. */
struct timing timing_changed(void);

#endif
