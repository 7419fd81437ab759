/* SPDX-License-Identifier: MIT
   The heap of base/memory.h for tests, linked in its place: counts what is alive, and can run out. For tests
   of one thread. */
#ifndef PORTLISTENER_TESTS_SUPPORT_FAILING_MEMORY_H
#define PORTLISTENER_TESTS_SUPPORT_FAILING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "support/support.h"

/* failing_memory_arm: the nth allocation from now (1: the next) fails, and with `from_then_on` all behind it;
   0: none fails. */
void failing_memory_arm(size_t nth, bool from_then_on);

/* failing_memory_hits: allocations that were made to fail since failing_memory_arm. */
size_t failing_memory_hits(void);

/* failing_memory_live: blocks that are allocated and not freed. */
size_t failing_memory_live(void);

/* failing_memory_setup, failing_memory_teardown: those of support.h, and the test must have freed what it
   took. */
int failing_memory_setup(void **state);
int failing_memory_teardown(void **state);

#define failing_memory_test(test) \
    cmocka_unit_test_setup_teardown(test, failing_memory_setup, failing_memory_teardown)

#endif
