/* SPDX-License-Identifier: MIT
   Timers of one worker: setting, clearing and firing one cost the same however many there are. A timer never
   fires early, and at most one tick late. One thread only. */
#ifndef PORTLISTENER_IO_TIMER_WHEEL_H
#define PORTLISTENER_IO_TIMER_WHEEL_H

#include <stdint.h>

#include "base/list.h"

enum { TIMER_TICK = 100, TIMER_SLOTS = 512 }; /* milliseconds; a power of two */

struct timer {
    struct list_node node;
    uint64_t due; /* milliseconds */
    void (*fire)(struct timer *timer);
};

struct timer_wheel {
    struct list_node slots[TIMER_SLOTS]; /* by due tick; one slot holds the ticks of every round */
    uint64_t filled[TIMER_SLOTS / 64];   /* a bit for each slot that holds a timer */
    uint64_t tick;                       /* the last one that was looked at */
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now);

/* timer_init: before the first use. */
void timer_init(struct timer *timer, void (*fire)(struct timer *timer));

/* timer_set: fires once, at `due`; a timer that is set already is moved. timer_clear: harmless when it is not
   set. Both are allowed for any timer inside `fire`. */
void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t due);
void timer_clear(struct timer_wheel *wheel, struct timer *timer);

/* timer_wheel_advance: fires what is due. */
void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now);

/* timer_wheel_wait: milliseconds until the next filled slot, UINT32_MAX when there is no timer. */
uint32_t timer_wheel_wait(const struct timer_wheel *wheel, uint64_t now);

#endif
