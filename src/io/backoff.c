/* SPDX-License-Identifier: MIT
   Trying again, see backoff.h. */
#include "io/backoff.h"

static void backoff__run_pause(struct timer *timer)
{
    struct backoff *backoff = LIST_ELEMENT(timer, struct backoff, pause);
    backoff->retry(backoff);
}

static void backoff__run_calm(struct timer *timer)
{
    struct backoff *backoff = LIST_ELEMENT(timer, struct backoff, calm);
    backoff->is_in_trouble = false;
    backoff->delay = 0;
    backoff->recovered(backoff);
}

void backoff_init(struct backoff *backoff, struct timer_wheel *timers, void (*retry)(struct backoff *backoff),
                  void (*trouble)(struct backoff *backoff, uint32_t error),
                  void (*recovered)(struct backoff *backoff))
{
    *backoff = (struct backoff){.timers = timers, .retry = retry, .trouble = trouble, .recovered = recovered};
    timer_init(&backoff->pause, backoff__run_pause);
    timer_init(&backoff->calm, backoff__run_calm);
}

void backoff_fail(struct backoff *backoff, uint64_t now, uint32_t error, uint32_t longest)
{
    const uint32_t wanted = backoff->delay == 0 ? BACKOFF_FIRST : backoff->delay * 2;
    backoff->delay = wanted < longest ? wanted : longest;
    timer_set(backoff->timers, &backoff->pause, now + backoff->delay);
    timer_clear(backoff->timers, &backoff->calm);
    if (!backoff->is_in_trouble) {
        backoff->is_in_trouble = true;
        backoff->trouble(backoff, error);
    }
}

void backoff_rest(struct backoff *backoff, uint64_t now)
{
    if (backoff->is_in_trouble && list_is_empty(&backoff->calm.node)) {
        timer_set(backoff->timers, &backoff->calm, now + BACKOFF_CALM);
    }
}

void backoff_succeed(struct backoff *backoff, uint64_t now)
{
    backoff->delay = 0;
    backoff_rest(backoff, now);
}

bool backoff_is_pausing(const struct backoff *backoff)
{
    return !list_is_empty(&backoff->pause.node);
}

void backoff_end_pause(struct backoff *backoff)
{
    timer_clear(backoff->timers, &backoff->pause);
}

void backoff_stop(struct backoff *backoff)
{
    timer_clear(backoff->timers, &backoff->pause);
    timer_clear(backoff->timers, &backoff->calm);
    backoff->is_in_trouble = false; /* or a success that is told later would set `calm` again */
}
