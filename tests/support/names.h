/* SPDX-License-Identifier: MIT
   The system's resolver, for tests: names that there are, those that are never answered, and when. It stands in the place
   of GetAddrInfoExW, which is asked without waiting. For the test's own thread, but where it says so. */
#ifndef PORTLISTENER_TESTS_SUPPORT_NAMES_H
#define PORTLISTENER_TESTS_SUPPORT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* names_begin: from now on there is no name but these. names_add: it has these addresses, "127.0.0.2 ::1", and is answered on
   another thread. names_fail: it is answered with this error. names_hold: it is asked for in vain, until names_let_go, which
   answers all of those, or, `can_cancel`, until it is cancelled. Names are compared as they are; texts are kept. */
void names_begin(void);
void names_add(const char *name, const char *addresses);
void names_fail(const char *name, uint32_t error);
void names_hold(const char *name, bool can_cancel);
void names_let_go(void);

/* names_at_once: the answer comes with the question, on the thread that asks; the error is the question's result. */
void names_at_once(bool is_at_once);

/* names_asked: how often, since names_begin; names_held: that wait; names_out: answers with addresses that were not given
   back. Any thread. */
long names_asked(void);
long names_held(void);
long names_out(void);

/* names_end: waits until all is answered; the system's own resolver is back. */
void names_end(void);

#endif
