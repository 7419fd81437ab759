/* SPDX-License-Identifier: MIT
   How much one call on a connection reads or sends: 4, 16 or 64 KB, by what came of the calls before. In the header,
   since the data path runs through it. No Windows header. */
#ifndef PORTLISTENER_CONNECTION_CALL_SIZE_H
#define PORTLISTENER_CONNECTION_CALL_SIZE_H

#include <stdint.h>

#include "io/buffer_pool.h"

enum {
    CALL_SIZES = 3,    /* numbers 0 to 2; a connection begins with 0 */
    CALL_SIZE_BITS = 3 /* of a number */
};

/* In ticks of the worker's clock. */
enum {
    CALL_QUICK = 1, /* a send that waited for so many or less: the next one may be larger */
    CALL_SLOW = 10  /* for more than so many: it must be small */
};

/* call_size: bytes. */
static inline uint32_t call_size(unsigned number)
{
    return (uint32_t)BUFFER_SMALL << 2 * number;
}

/* call_size_after_read: for the next read, when one into a buffer of `size` with so much `room` brought `bytes`: larger
   when they fill it, smaller when they are few. */
static inline unsigned call_size_after_read(unsigned number, uint32_t size, uint32_t room, uint32_t bytes)
{
    if (bytes == room) {
        return number < CALL_SIZES - 1 ? number + 1 : number;
    }
    return bytes < size / 4 && number > 0 ? number - 1 : number;
}

/* call_size_after_send: for the next send that waits, when one took so many ticks. Such a send tells of no progress
   before its last byte has gone: to a slow reader they are small, so that send_timeout sees a byte now and then. */
static inline unsigned call_size_after_send(unsigned number, uint32_t ticks)
{
    if (ticks > CALL_SLOW) {
        return 0;
    }
    return ticks <= CALL_QUICK && number < CALL_SIZES - 1 ? number + 1 : number;
}

#endif
