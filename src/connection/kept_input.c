/* SPDX-License-Identifier: MIT
   Input that a handler keeps, see kept_input.h. */
#include "connection/kept_input.h"

#include <string.h>

#include "base/memory.h"
#include "base/win.h"
#include "connection/input.h"

void kept_input_hold(struct buffer *input, struct buffer_pool *pool)
{
    if (input->holders == 0) { /* nobody else knows of it yet */
        buffer_leave(pool);
        input->holders = 1;
    }
    InterlockedIncrement((volatile LONG *)&input->holders);
}

bool kept_input_leave(struct buffer **input, struct buffer_pool *pool)
{
    struct buffer *kept = *input;
    const uint32_t rest = input_length(kept);
    struct buffer *own = rest > 0 ? buffer_get(pool, rest) : NULL;
    if (own != NULL) {
        memcpy(input_end(own), input_bytes(kept), rest);
        input_add(own, rest);
    }
    *input = own;
    kept_input_release(kept);
    return own != NULL || rest == 0;
}

void kept_input_release(void *buffer)
{
    struct buffer *kept = buffer;
    if (kept != NULL && InterlockedDecrement((volatile LONG *)&kept->holders) == 0) {
        memory_free(kept);
    }
}
