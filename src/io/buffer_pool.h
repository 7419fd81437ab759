/* SPDX-License-Identifier: MIT
   Buffers of one worker: borrowed while bytes are in them, then given back; a few are kept for the next
   borrower. One thread only. */
#ifndef PORTLISTENER_IO_BUFFER_POOL_H
#define PORTLISTENER_IO_BUFFER_POOL_H

#include <stddef.h>
#include <stdint.h>

enum { BUFFER_SMALL = 4096, BUFFER_LARGE = 65536, BUFFER_CLASSES = 3, BUFFER_POOL_KEEPS = 1048576 };

/* Bytes start..end are in use, end..size are free. */
struct buffer {
    struct buffer *next; /* for the borrower */
    uint32_t size;
    uint32_t start;
    uint32_t end;
    uint32_t holders; /* who keep its bytes beside the borrower; it has left the pool, see buffer_leave */
};

struct buffer_pool {
    struct buffer *free[BUFFER_CLASSES]; /* of 4, 16 and 64 KB */
    size_t kept;                         /* bytes in `free`, at most BUFFER_POOL_KEEPS */
    size_t borrowed;                     /* buffers that are out */
    size_t parked;                       /* bytes of those that wait in a receive; the borrowers' account */
};

void buffer_pool_init(struct buffer_pool *pool);
void buffer_pool_fini(struct buffer_pool *pool); /* none may be out */

/* buffer_get: an empty buffer of at least `size` bytes; NULL when there is no memory. Sizes up to
   BUFFER_LARGE are rounded up to a class, larger ones are as asked. */
struct buffer *buffer_get(struct buffer_pool *pool, size_t size);

/* buffer_put: gives it back; NULL is allowed. */
void buffer_put(struct buffer_pool *pool, struct buffer *buffer);

/* buffer_leave: it will not be given back: the last of its holders frees it, with memory_free. */
static inline void buffer_leave(struct buffer_pool *pool)
{
    pool->borrowed--;
}

static inline uint8_t *buffer_bytes(struct buffer *buffer)
{
    return (uint8_t *)(buffer + 1);
}

static inline uint32_t buffer_used(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

#endif
