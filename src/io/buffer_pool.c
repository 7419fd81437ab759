/* SPDX-License-Identifier: MIT
   Buffers, see buffer_pool.h. */
#include "io/buffer_pool.h"

#include "base/memory.h"

static const uint32_t class_sizes[BUFFER_CLASSES] = {BUFFER_SMALL, 16384, BUFFER_LARGE};

static int buffer_pool__class(size_t size)
{
    for (int i = 0; i < BUFFER_CLASSES; i++) {
        if (size <= class_sizes[i]) {
            return i;
        }
    }
    return -1;
}

void buffer_pool_init(struct buffer_pool *pool)
{
    *pool = (struct buffer_pool){0};
}

void buffer_pool_fini(struct buffer_pool *pool)
{
    for (int i = 0; i < BUFFER_CLASSES; i++) {
        while (pool->free[i] != NULL) {
            struct buffer *buffer = pool->free[i];
            pool->free[i] = buffer->next;
            memory_free(buffer);
        }
    }
    pool->kept = 0;
}

struct buffer *buffer_get(struct buffer_pool *pool, size_t size)
{
    const int class = buffer_pool__class(size);
    struct buffer *buffer = class >= 0 ? pool->free[class] : NULL;
    if (buffer != NULL) {
        pool->free[class] = buffer->next;
        pool->kept -= buffer->size;
    } else {
        const size_t room = class >= 0 ? class_sizes[class] : size;
        if (room <= UINT32_MAX) {
            buffer = memory_resize(NULL, sizeof *buffer + room); /* its bytes need not be zero */
        }
        if (buffer == NULL) {
            return NULL;
        }
        buffer->size = (uint32_t)room;
    }
    buffer->next = NULL;
    buffer->start = buffer->end = buffer->holders = 0;
    pool->borrowed++;
    return buffer;
}

void buffer_put(struct buffer_pool *pool, struct buffer *buffer)
{
    if (buffer == NULL) {
        return;
    }
    pool->borrowed--;
    const int class = buffer_pool__class(buffer->size);
    if (class < 0 || pool->kept + buffer->size > BUFFER_POOL_KEEPS) {
        memory_free(buffer);
        return;
    }
    buffer->next = pool->free[class];
    pool->free[class] = buffer;
    pool->kept += buffer->size;
}
