/* SPDX-License-Identifier: MIT
   What a client has sent and its handler has not consumed, or the room for what comes next: one buffer of the worker,
   NULL while a connection is idle. No Windows header. */
#ifndef PORTLISTENER_CONNECTION_INPUT_H
#define PORTLISTENER_CONNECTION_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/buffer_pool.h"

/* input_make_room: room for a read, of `wanted` bytes when nothing is unconsumed; else some behind that. False: no
   memory, and nothing has changed. */
bool input_make_room(struct buffer **input, struct buffer_pool *pool, uint32_t wanted);

/* input_prepare_wait: for a receive that may wait for long. `parks`: with a small buffer, if there is memory; else
   with none. True: the buffer may be received into; false: there is none, or it has unconsumed bytes. */
bool input_prepare_wait(struct buffer **input, struct buffer_pool *pool, bool parks);

/* input_consume: the first bytes, at most all. input_drop: all of them. */
void input_consume(struct buffer *input, size_t length);
void input_drop(struct buffer *input);

/* input_clear: gives the buffer back. */
void input_clear(struct buffer **input, struct buffer_pool *pool);

/* input_length, input_bytes: what is unconsumed; NULL: nothing. */
static inline uint32_t input_length(const struct buffer *input)
{
    return input != NULL ? buffer_used(input) : 0;
}

static inline uint8_t *input_bytes(struct buffer *input)
{
    return input != NULL ? buffer_bytes(input) + input->start : NULL;
}

/* input_room, input_end: for a read, behind what is unconsumed. input_add: so many bytes have come into it. */
static inline uint32_t input_room(const struct buffer *input)
{
    return input->size - input->end;
}

static inline uint8_t *input_end(struct buffer *input)
{
    return buffer_bytes(input) + input->end;
}

static inline void input_add(struct buffer *input, uint32_t bytes)
{
    input->end += bytes;
}

#endif
