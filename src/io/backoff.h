/* SPDX-License-Identifier: MIT
   Trying again what fails: at once or after a pause that doubles. Tells of the first failure, and of the end of the
   trouble, which is a second without one: so what works and fails by turns is told once. One thread only. */
#ifndef PORTLISTENER_IO_BACKOFF_H
#define PORTLISTENER_IO_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "io/timer_wheel.h"

enum {
    BACKOFF_FIRST = 10, /* milliseconds until the first new try */
    BACKOFF_MAX =
        1000 - TIMER_TICK, /* a timer comes up to a tick late: what works again is tried within a second */
    BACKOFF_CALM = 1000    /* without a failure: the trouble is over */
};

struct backoff {
    struct timer_wheel *timers;
    void (*retry)(struct backoff *backoff); /* the pause is over */
    void (*trouble)(struct backoff *backoff, uint32_t error);
    void (*recovered)(struct backoff *backoff);
    struct timer pause;
    struct timer calm;
    uint32_t delay; /* of the last pause; 0: nothing has failed since the last success */
    bool is_in_trouble;
};

/* backoff_init: fills in the callbacks and the wheel; nothing is set. */
void backoff_init(struct backoff *backoff, struct timer_wheel *timers, void (*retry)(struct backoff *backoff),
                  void (*trouble)(struct backoff *backoff, uint32_t error),
                  void (*recovered)(struct backoff *backoff));

/* backoff_fail: begins a pause, of at most `longest` milliseconds. */
void backoff_fail(struct backoff *backoff, uint64_t now, uint32_t error, uint32_t longest);

/* backoff_succeed: what failed has worked; the next pause is short again. */
void backoff_succeed(struct backoff *backoff, uint64_t now);

/* backoff_rest: nothing fails at the moment, though nothing has been achieved yet either. */
void backoff_rest(struct backoff *backoff, uint64_t now);

bool backoff_is_pausing(const struct backoff *backoff);

/* backoff_end_pause: it is tried again earlier, by the caller. backoff_stop: no callback comes any more,
   unless it fails once more. */
void backoff_end_pause(struct backoff *backoff);
void backoff_stop(struct backoff *backoff);

#endif
