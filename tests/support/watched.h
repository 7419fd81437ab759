/* SPDX-License-Identifier: MIT
   A handler with a witness around it: the same callbacks, and each is counted and must come in order. There is one at a
   time. */
#ifndef PORTLISTENER_TESTS_SUPPORT_WATCHED_H
#define PORTLISTENER_TESTS_SUPPORT_WATCHED_H

#include "base/win.h"
#include "portlistener/handler.h"

struct watched {
    const struct pl_handler *real;
    volatile LONG starts, stops, opens, closes, datagrams;
    volatile LONG disorder; /* callbacks out of order, or with what the handler has not given */
    void *state;
};

extern struct watched watched;

/* watched_handler: `real`, watched from now on, and all counted from 0. It has no callback that `real` lacks, but for
   those that every handler may have: start, stop, on_open, on_close. */
const struct pl_handler *watched_handler(const struct pl_handler *real);

/* watched_assert_over: it was started and stopped, all that opened has closed, and nothing was out of order. */
void watched_assert_over(void);

#endif
