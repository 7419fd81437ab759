/* SPDX-License-Identifier: MIT
   Timers, see timer_wheel.h. A hashed wheel: the slot is the due tick modulo TIMER_SLOTS, and a timer of a
   later round stays in its slot when the wheel comes by. */
#include "io/timer_wheel.h"

static uint64_t timer__due_tick(const struct timer *timer)
{
    return timer->due / TIMER_TICK + (timer->due % TIMER_TICK != 0);
}

static size_t timer__slot(uint64_t tick)
{
    return (size_t)(tick % TIMER_SLOTS);
}

static void timer_wheel__mark(struct timer_wheel *wheel, size_t slot)
{
    const uint64_t bit = UINT64_C(1) << slot % 64;
    if (list_is_empty(&wheel->slots[slot])) {
        wheel->filled[slot / 64] &= ~bit;
    } else {
        wheel->filled[slot / 64] |= bit;
    }
}

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now)
{
    for (size_t slot = 0; slot < TIMER_SLOTS; slot++) {
        list_init(&wheel->slots[slot]);
    }
    for (size_t i = 0; i < TIMER_SLOTS / 64; i++) {
        wheel->filled[i] = 0;
    }
    wheel->tick = now / TIMER_TICK;
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
    list_init(&timer->node);
    timer->due = 0;
    timer->fire = fire;
}

void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t due)
{
    timer_clear(wheel, timer);
    const uint64_t soonest = (wheel->tick + 1) * TIMER_TICK;
    timer->due = due < soonest ? soonest : due;
    const size_t slot = timer__slot(timer__due_tick(timer));
    list_append(&wheel->slots[slot], &timer->node);
    timer_wheel__mark(wheel, slot);
}

void timer_clear(struct timer_wheel *wheel, struct timer *timer)
{
    if (!list_is_empty(&timer->node)) {
        list_remove(&timer->node);
        timer_wheel__mark(wheel, timer__slot(timer__due_tick(timer)));
    }
}

static void timer_wheel__advance_slot(struct timer_wheel *wheel, size_t slot, uint64_t now_tick)
{
    struct list_node
        passing; /* the slot's timers, so that those set meanwhile are not looked at in this pass */
    list_init(&passing);
    while (!list_is_empty(&wheel->slots[slot])) {
        list_append(&passing, list_take_first(&wheel->slots[slot]));
    }
    while (!list_is_empty(&passing)) {
        struct timer *timer = LIST_ELEMENT(list_take_first(&passing), struct timer, node);
        if (timer__due_tick(timer) > now_tick) {
            list_append(&wheel->slots[slot], &timer->node);
        } else {
            timer->fire(timer);
        }
    }
    timer_wheel__mark(wheel, slot);
}

void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now)
{
    const uint64_t now_tick = now / TIMER_TICK;
    uint64_t tick = wheel->tick;
    if (now_tick <= tick) {
        return;
    }
    if (now_tick - tick > TIMER_SLOTS) {
        tick = now_tick - TIMER_SLOTS; /* a long sleep: each slot once is enough */
    }
    wheel->tick = now_tick;
    while (tick < now_tick) {
        tick++;
        const size_t slot = timer__slot(tick);
        if ((wheel->filled[slot / 64] >> slot % 64 & 1) != 0) {
            timer_wheel__advance_slot(wheel, slot, now_tick);
        }
    }
}

/* How many zeros are below the lowest bit that is set; one is. */
static unsigned timer__lowest_bit(uint64_t word)
{
    unsigned lowest = 0;
    for (unsigned half = 32; half > 0; half /= 2) {
        if ((word & ((UINT64_C(1) << half) - 1)) == 0) {
            word >>= half;
            lowest += half;
        }
    }
    return lowest;
}

uint32_t timer_wheel_wait(const struct timer_wheel *wheel, uint64_t now)
{
    uint64_t tick = wheel->tick + 1;
    for (const uint64_t end = tick + TIMER_SLOTS; tick < end;) {
        const size_t slot = timer__slot(tick);
        const uint64_t filled = wheel->filled[slot / 64] >> slot % 64;
        if (filled != 0) {
            const uint64_t due = (tick + timer__lowest_bit(filled)) * TIMER_TICK;
            return due > now ? (uint32_t)(due - now) : 0;
        }
        tick += 64 - slot % 64;
    }
    return UINT32_MAX;
}
