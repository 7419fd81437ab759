/* SPDX-License-Identifier: MIT
   The timer that a handler may set for one of its connections, sessions or endpoints. One thread only. */
#ifndef PORTLISTENER_IO_PULSE_H
#define PORTLISTENER_IO_PULSE_H

#include "io/worker.h"

struct pulse {
    struct timer timer;
    void *owner;
};

static inline void pulse_init(struct pulse *pulse, void *owner, void (*fire)(struct timer *timer))
{
    timer_init(&pulse->timer, fire);
    pulse->owner = owner;
}

/* pulse_set: fires `after` milliseconds from now; 0: not any more. On W. */
static inline void pulse_set(struct pulse *pulse, struct worker *worker, uint32_t after)
{
    if (after == 0) {
        timer_clear(worker_timers(worker), &pulse->timer);
    } else {
        timer_set(worker_timers(worker), &pulse->timer, worker_now(worker) + after);
    }
}

static inline void pulse_clear(struct pulse *pulse, struct worker *worker)
{
    timer_clear(worker_timers(worker), &pulse->timer);
}

/* pulse_owner: of the pulse whose timer fires. */
static inline void *pulse_owner(struct timer *timer)
{
    return LIST_ELEMENT(timer, struct pulse, timer)->owner;
}

#endif
