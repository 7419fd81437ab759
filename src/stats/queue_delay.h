/* SPDX-License-Identifier: MIT
   How long messages waited for one worker, as a report has it. No Windows header. */
#ifndef PORTLISTENER_STATS_QUEUE_DELAY_H
#define PORTLISTENER_STATS_QUEUE_DELAY_H

#include <stdint.h>

struct queue_delay { /* in microseconds */
    uint64_t latest;
    uint64_t longest; /* of the last minute */
    uint64_t sum;     /* of all since the start */
    uint64_t count;   /* probes that came */
};

#endif
