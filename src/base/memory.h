/* SPDX-License-Identifier: MIT
   The one door to the heap: on Windows the process heap, so that tests can count and refuse every
   allocation. */
#ifndef PORTLISTENER_BASE_MEMORY_H
#define PORTLISTENER_BASE_MEMORY_H

#include <stddef.h>

/* memory_alloc: `size` bytes, all zero; NULL when there is no memory. Any thread. */
void *memory_alloc(size_t size);

/* memory_resize: keeps the contents; what is added is not cleared. NULL leaves the old block as it is. Any
   thread. */
void *memory_resize(void *block, size_t size);

/* memory_free: NULL is allowed. Any thread. */
void memory_free(void *block);

/* memory_copy_text: a copy of `length` bytes with a NUL behind them; NULL when there is no memory. */
char *memory_copy_text(const char *at, size_t length);

#endif
