/* SPDX-License-Identifier: MIT
   How long a message waits until its worker takes it: a probe goes the way of all messages now and then, and is timed. What
   a worker pays for it is one message in two seconds; the messages themselves carry no time. No Windows header. */
#ifndef PORTLISTENER_IO_QUEUE_PROBE_H
#define PORTLISTENER_IO_QUEUE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/queue_delay.h"

enum { QUEUE_PROBES = 30 /* kept: of the last minute, with one every two seconds */ };

/* Times in microseconds, of a clock that only goes forward and is not at 0. */
struct queue_probe {
    volatile int64_t posted_at; /* 0: none is under way */
    volatile uint64_t count;
    volatile uint64_t sum;
    volatile uint64_t latest[QUEUE_PROBES]; /* by number, modulo QUEUE_PROBES */
};

/* queue_probe_begin: false when the last one is still under way; else it is posted next. One thread. queue_probe_end: it
   has come. The worker. */
bool queue_probe_begin(struct queue_probe *probe, int64_t now);
void queue_probe_end(struct queue_probe *probe, int64_t now);

/* queue_probe_read: what was measured. One that is under way for longer than the longest is the longest. Any thread. */
void queue_probe_read(const struct queue_probe *probe, int64_t now, struct queue_delay *delay_out);

#endif
