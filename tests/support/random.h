/* SPDX-License-Identifier: MIT
   Random numbers that are the same in every run, so that a failure comes again. */
#ifndef PORTLISTENER_TESTS_SUPPORT_RANDOM_H
#define PORTLISTENER_TESTS_SUPPORT_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state; /* any start will do */
};

/* random_next: 32 bits, the better half of a linear congruential generator (Knuth's constants). */
static inline uint32_t random_next(struct random *random)
{
    random->state = random->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random->state >> 32);
}

/* random_below: 0 to `end` - 1; `end` >= 1. */
static inline uint32_t random_below(struct random *random, uint32_t end)
{
    return (uint32_t)((uint64_t)random_next(random) * end >> 32);
}

/* random_mix: a number of 64 bits from another, which tells nothing of it (the finalizer of SplitMix64): numbers
   in a row make good starts. */
static inline uint64_t random_mix(uint64_t number)
{
    number = (number ^ number >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    number = (number ^ number >> 27) * UINT64_C(0x94D049BB133111EB);
    return number ^ number >> 31;
}

#endif
