/* SPDX-License-Identifier: MIT
   The worker's timers at work: timers NUMBER ROUNDS. In each round so many are set for some time within 50 seconds, each is
   moved once, as when its connection has spoken, and all of them fire when the clock has gone on. Rounds of no timers are
   what the clock costs alone. tests/bench/instructions.sh counts what it executes. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/timer_wheel.h"

enum { NUMBER_MAX = 1000000, LATEST = 50000 /* milliseconds */ };

static struct timer_wheel wheel;
static uint64_t fired;

static void fire(struct timer *timer)
{
    (void)timer;
    fired++;
}

/* Scattered, and the same in each round. */
static uint64_t due_of(size_t i, uint64_t now)
{
    return now + TIMER_TICK + i * 48271 % LATEST;
}

static uint64_t run_round(struct timer *timers, size_t number, uint64_t now)
{
    for (size_t i = 0; i < number; i++) {
        timer_set(&wheel, &timers[i], due_of(i, now));
    }
    for (size_t i = 0; i < number; i++) {
        timer_set(&wheel, &timers[i], due_of(i + 1, now));
    }
    now += LATEST + 2 * TIMER_TICK;
    timer_wheel_advance(&wheel, now);
    return now;
}

int main(int argument_count, char **arguments)
{
    const size_t number = argument_count == 3 ? strtoul(arguments[1], NULL, 10) : NUMBER_MAX + 1;
    const uint64_t rounds = argument_count == 3 ? strtoul(arguments[2], NULL, 10) : 0;
    struct timer *timers = number <= NUMBER_MAX ? calloc(number + 1, sizeof *timers) : NULL;
    if (timers == NULL) {
        fprintf(stderr, "usage: timers NUMBER ROUNDS, at most %d timers\n", NUMBER_MAX);
        return 2;
    }
    uint64_t now = 1000000;
    timer_wheel_init(&wheel, now);
    for (size_t i = 0; i < number; i++) {
        timer_init(&timers[i], fire);
    }
    for (uint64_t round = 0; round < rounds; round++) {
        now = run_round(timers, number, now);
    }
    free(timers);
    printf("%" PRIu64 "\n", fired);
    return fired == number * rounds ? 0 : 1;
}
