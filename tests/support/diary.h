/* SPDX-License-Identifier: MIT
   The diary of a random walk: its seed, its length, and what it did last, for the case that it fails. There is
   one. For the test's own thread. */
#ifndef PORTLISTENER_TESTS_SUPPORT_DIARY_H
#define PORTLISTENER_TESTS_SUPPORT_DIARY_H

#include <stdint.h>

#include "support/random.h"

/* diary_begin: a walk of so many steps, unless PORTLISTENER_TEST_STEPS says otherwise; its seed is that of
   PORTLISTENER_TEST_SEED, else another one each time. Prints both. Until diary_end, what ends the test or
   the process also prints the last 20 notes. */
void diary_begin(uint32_t steps);
void diary_end(void);

uint64_t diary_seed(void);
uint32_t diary_steps(void);

/* diary_step: the step of this number begins. What it draws depends on seed and number alone, whatever the
   steps before have drawn. */
struct random diary_step(uint32_t step);

/* diary_note: what is done in this step; as printf. */
void diary_note(const char *format, ...);

/* diary_print: the last notes, when a walk has not ended; for the teardown. */
void diary_print(void);

#endif
