/* SPDX-License-Identifier: MIT
   What every test begins and ends with: cmocka_unit_test_setup_teardown(test_x, support_setup,
   support_teardown). Not for a group's fixtures: cmocka does not count their failures. */
#ifndef PORTLISTENER_TESTS_SUPPORT_SUPPORT_H
#define PORTLISTENER_TESTS_SUPPORT_SUPPORT_H

#include <stdint.h>

#ifdef _WIN32

/* support_setup: watches for crashes, clears faults and clock, begins the ledger. */
int support_setup(void **state);

/* support_teardown: closes clients that a failed test left open; then nothing may be pending, allocated or
   open: what is gets printed, and the test has failed. */
int support_teardown(void **state);

/* support_seed: where a random test begins: PORTLISTENER_TEST_SEED of the environment, else another one in each
   run. It is printed. */
uint64_t support_seed(void);

#else /* the natively built tests: the leak check is the sanitizer's */

static inline int support_setup(void **state)
{
    (void)state;
    return 0;
}

static inline int support_teardown(void **state)
{
    (void)state;
    return 0;
}

#endif

#define support_test(test) cmocka_unit_test_setup_teardown(test, support_setup, support_teardown)

#endif
