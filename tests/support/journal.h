/* SPDX-License-Identifier: MIT
   A log for tests, and what was written to it. There is one. For the test's own thread; with cmocka's asserts
   inside. */
#ifndef PORTLISTENER_TESTS_SUPPORT_JOURNAL_H
#define PORTLISTENER_TESTS_SUPPORT_JOURNAL_H

#include <stddef.h>

#include "base/log.h"

/* journal_open: an empty one, of every level. journal_close: when nobody writes to it any more; rig_teardown
   does it, too. */
struct log *journal_open(void);
void journal_close(void);

/* journal_count: the lines of this event until now. journal_wait: until there are `count` of them. */
size_t journal_count(enum event event);
void journal_wait(enum event event, size_t count);

/* journal_assert_last: the last line of this event has these words. */
void journal_assert_last(enum event event, const char *words);

#endif
