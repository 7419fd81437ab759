/* SPDX-License-Identifier: MIT
   The handles that this process has open, as the system counts them. */
#ifndef PORTLISTENER_TESTS_SUPPORT_PROCESS_HANDLES_H
#define PORTLISTENER_TESTS_SUPPORT_PROCESS_HANDLES_H

#include <stddef.h>
#include <stdint.h>

/* process_handles_count: for the test's own thread; with cmocka's asserts inside. */
size_t process_handles_count(void);

/* process_handles_list: their values, up to `room`; how many there are. */
size_t process_handles_list(uintptr_t *at, size_t room);

#endif
