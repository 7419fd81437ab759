/* SPDX-License-Identifier: MIT
   A connection's input, see input.h. */
#include "connection/input.h"

#include <string.h>

bool input_make_room(struct buffer **input, struct buffer_pool *pool, uint32_t wanted)
{
    struct buffer *before = *input;
    const uint32_t rest = input_length(before);
    if (before != NULL && (rest == 0 ? before->size >= wanted : input_room(before) > 0)) {
        return true;
    }
    struct buffer *larger = buffer_get(pool, rest == 0 ? wanted : rest + BUFFER_SMALL + rest / 2);
    if (larger == NULL) {
        return false;
    }
    if (rest > 0) {
        memcpy(buffer_bytes(larger), input_bytes(before), rest);
        larger->end = rest;
    }
    buffer_put(pool, before);
    *input = larger;
    return true;
}

bool input_prepare_wait(struct buffer **input, struct buffer_pool *pool, bool parks)
{
    if (input_length(*input) > 0) {
        return false;
    }
    if (*input != NULL && (!parks || (*input)->size != BUFFER_SMALL)) {
        input_clear(input, pool);
    }
    if (parks && *input == NULL) {
        *input = buffer_get(pool, BUFFER_SMALL);
    }
    return *input != NULL;
}

void input_consume(struct buffer *input, size_t length)
{
    const uint32_t used = buffer_used(input);
    input->start += length < used ? (uint32_t)length : used;
    if (buffer_used(input) == 0) {
        input_drop(input);
    }
}

void input_drop(struct buffer *input)
{
    input->start = input->end = 0;
}

void input_clear(struct buffer **input, struct buffer_pool *pool)
{
    buffer_put(pool, *input);
    *input = NULL;
}
