/* SPDX-License-Identifier: MIT
   Bytes without a NUL behind them. */
#ifndef PORTLISTENER_TESTS_SUPPORT_EXACT_H
#define PORTLISTENER_TESTS_SUPPORT_EXACT_H

#include <stddef.h>
#include <stdlib.h>

/* exact_put: the characters of `string` at `at`; nothing behind them changes. */
static inline void exact_put(char *at, const char *string)
{
    while (*string != '\0') {
        *at++ = *string++;
    }
}

/* exact_copy: a block of just `length` bytes, so that a sanitizer sees every read behind them; end with
   free. */
static inline char *exact_copy(const char *at, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);
    if (copy == NULL) {
        abort();
    }
    for (size_t i = 0; i < length; i++) {
        copy[i] = at[i];
    }
    return copy;
}

#endif
