/* SPDX-License-Identifier: MIT
   The clock and the terminal. */
#ifndef PORTLISTENER_TESTS_BENCH_LOAD_SYSTEM_H
#define PORTLISTENER_TESTS_BENCH_LOAD_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* system_now: nanoseconds of a clock that only goes forward. */
uint64_t system_now(void);

/* system_has_terminal: somebody looks at the standard error. */
bool system_has_terminal(void);

/* system_explain: what an error of the system means. */
void system_explain(int error, char *text, size_t room);

#endif
