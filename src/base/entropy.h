/* SPDX-License-Identifier: MIT
   Random bytes of the system, that nobody can foresee. */
#ifndef PORTLISTENER_BASE_ENTROPY_H
#define PORTLISTENER_BASE_ENTROPY_H

#include <stdbool.h>
#include <stdint.h>

/* entropy_fill: `length` random bytes. False: there are none to be had, and GetLastError. Any thread. */
bool entropy_fill(void *at, uint32_t length);

#endif
