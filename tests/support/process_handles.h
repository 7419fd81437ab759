/* SPDX-License-Identifier: MIT
   The handles that this process has open, as the system counts them. */
#ifndef PORTLISTENER_TESTS_SUPPORT_PROCESS_HANDLES_H
#define PORTLISTENER_TESTS_SUPPORT_PROCESS_HANDLES_H

#include <stddef.h>

/* process_handles_count: for the test's own thread; with cmocka's asserts inside. */
size_t process_handles_count(void);

#endif
