/* SPDX-License-Identifier: MIT
   An ordeal: scenarios are run once in peace, their calls are recorded, and then they are run again and again
   while one of those calls fails: once, from then on, or from then on until everything has ended. It must not
   crash, hang or leave anything behind, and what serves must serve again soon after the fault. On the test's
   own thread; with cmocka's asserts inside. */
#ifndef PORTLISTENER_TESTS_SUPPORT_ORDEAL_H
#define PORTLISTENER_TESTS_SUPPORT_ORDEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "support/scenario.h"

/* ordeal_main: what the test programs of ordeals consist of; returns the exit code.

       PROGRAM [PART OF SECONDS]    each scenario in peace; then a random sample of all failures, for so long.
                                    Only every OF-th scenario, from PART on. (1 1 20)
       PROGRAM --list               the scenarios' names
       PROGRAM --full NAME REPORT   every failure of one scenario; sites and sums go to REPORT.sites, .sums
       PROGRAM --once NAME IMPORT NTH CODE MODE   one of them, as it is printed when it goes wrong

   PORTLISTENER_TEST_SEED, in the environment, chooses the sample; it is printed. */
int ordeal_main(int count, char **arguments, const struct scenario_kind *kind);

#endif
