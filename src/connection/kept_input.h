/* SPDX-License-Identifier: MIT
   Input that a handler keeps: a buffer that its connection shares with those who hold bytes of it, and that the last of
   them frees. It has left its worker's pool. */
#ifndef PORTLISTENER_CONNECTION_KEPT_INPUT_H
#define PORTLISTENER_CONNECTION_KEPT_INPUT_H

#include <stdbool.h>

#include "io/buffer_pool.h"

/* kept_input_hold: one holder more; the first time the connection becomes one, too. On W. */
void kept_input_hold(struct buffer *input, struct buffer_pool *pool);

/* kept_input_leave: the connection goes on with a buffer of its own, which has what was not consumed; NULL when nothing is
   left. False: there is no memory for the rest, which is lost. On W. */
bool kept_input_leave(struct buffer **input, struct buffer_pool *pool);

/* kept_input_release: a holder less. NULL is allowed. Any thread. */
void kept_input_release(void *buffer);

static inline bool kept_input_is(const struct buffer *input)
{
    return input->holders > 0;
}

#endif
