/* SPDX-License-Identifier: MIT
   Bytes that wait to be sent, see send_queue.h. */
#include "connection/send_queue.h"

#include <string.h>

/* Buffers for what does not fit behind the last one. False: none was added. */
static bool send_queue__reserve(struct buffer_pool *pool, size_t length, struct buffer **first_out)
{
    struct buffer *first = NULL, **link = &first;
    while (length > 0) {
        struct buffer *buffer = buffer_get(pool, length < BUFFER_LARGE ? length : BUFFER_LARGE);
        if (buffer == NULL) {
            while (first != NULL) {
                struct buffer *next = first->next;
                buffer_put(pool, first);
                first = next;
            }
            return false;
        }
        *link = buffer;
        link = &buffer->next;
        length -= length < buffer->size ? length : buffer->size;
    }
    *first_out = first;
    return true;
}

static size_t buffer__fill(struct buffer *buffer, const uint8_t *at, size_t length)
{
    const size_t room = buffer->size - buffer->end, taken = length < room ? length : room;
    memcpy(buffer_bytes(buffer) + buffer->end, at, taken);
    buffer->end += (uint32_t)taken;
    return taken;
}

bool send_queue_append(struct send_queue *queue, struct buffer_pool *pool, const uint8_t *at, size_t length)
{
    const size_t room = queue->last != NULL ? queue->last->size - queue->last->end : 0;
    struct buffer *more = NULL;
    if (length > room && !send_queue__reserve(pool, length - room, &more)) {
        return false;
    }
    if (queue->last != NULL) {
        const size_t taken = buffer__fill(queue->last, at, length);
        at += taken;
        length -= taken;
        queue->last->next = more;
    } else {
        queue->first = more;
    }
    for (; more != NULL; more = more->next) {
        const size_t taken = buffer__fill(more, at, length);
        at += taken;
        length -= taken;
        queue->last = more;
    }
    return true;
}

DWORD send_queue_gather(const struct send_queue *queue, size_t limit, WSABUF *buffers_out, DWORD room)
{
    DWORD count = 0;
    for (struct buffer *buffer = queue->first; buffer != NULL && limit > 0 && count < room;
         buffer = buffer->next) {
        const uint32_t used = buffer_used(buffer);
        buffers_out[count].buf = (char *)buffer_bytes(buffer) + buffer->start;
        buffers_out[count].len = used < limit ? used : (ULONG)limit;
        limit -= buffers_out[count].len;
        count++;
    }
    return count;
}

void send_queue_consume(struct send_queue *queue, struct buffer_pool *pool, size_t length)
{
    while (queue->first != NULL && length >= buffer_used(queue->first)) {
        struct buffer *buffer = queue->first;
        length -= buffer_used(buffer);
        queue->first = buffer->next;
        buffer_put(pool, buffer);
    }
    if (queue->first == NULL) {
        queue->last = NULL;
    } else {
        queue->first->start += (uint32_t)length;
    }
}

void send_queue_clear(struct send_queue *queue, struct buffer_pool *pool)
{
    while (queue->first != NULL) {
        struct buffer *buffer = queue->first;
        queue->first = buffer->next;
        buffer_put(pool, buffer);
    }
    queue->last = NULL;
}
