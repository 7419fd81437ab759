/* SPDX-License-Identifier: MIT
   A scenario: a small story of the program, told by its steps, that must end well when nothing fails, and do
   no harm whatever fails. See ordeal.h for what is done to it. */
#ifndef PORTLISTENER_TESTS_SUPPORT_SCENARIO_H
#define PORTLISTENER_TESTS_SUPPORT_SCENARIO_H

#include <stdbool.h>

/* To add one: a function, and a row in a table of these. */
struct scenario {
    const char *name;
    bool (*run)(void); /* a chain of steps; false: one of them has failed, and the rest was left out */
};

/* What scenarios of one kind begin and end with. On the test's own thread. */
struct scenario_kind {
    const struct scenario *scenarios; /* ends with one without a name */

    /* begin: before `run`. With `is_faulted` steps may fail, and wait for nothing long. */
    void (*begin)(bool is_faulted);

    /* failed_step: the first step that failed; NULL: none. */
    const char *(*failed_step)(void);

    /* recover: behind `run`, when no call fails any more: true when all works, soon enough. The virtual clock stands:
       how long it takes is what `recover` moves it on by. `what_out` tells what does not work. */
    bool (*recover)(const char **what_out);

    /* end: ends all that is left, whatever fails. False: `what_out` did not end well; may be called again. */
    bool (*end)(const char **what_out);
};

#endif
