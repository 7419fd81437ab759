/* SPDX-License-Identifier: MIT
   Random bytes, for what a stranger must not guess. */
#ifndef PORTLISTENER_BASE_RANDOM_H
#define PORTLISTENER_BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* random_fill: `size` bytes of the system's generator; false when there is none to be had. Any thread. */
bool random_fill(void *at, size_t size);

#endif
