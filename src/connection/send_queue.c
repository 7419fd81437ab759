/* SPDX-License-Identifier: MIT
   Bytes that wait to be sent, see send_queue.h. */
#include "connection/send_queue.h"

#include <string.h>

#include "base/memory.h"

/* buffer.holders of what is no buffer. */
#define REFERENCE UINT32_MAX
#define FILE_PART (UINT32_MAX - 1)

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

/* In place of a buffer: bytes that are somebody else's. */
struct lent {
    struct buffer buffer;
    struct reference reference;
};

/* Likewise, as the last one: a file, and what was appended since. */
struct filing {
    struct buffer buffer;
    struct buffer *before; /* NULL: it is the first as well */
    struct file_part *part;
    struct send_queue behind;
};

static bool send_queue__has_file(const struct send_queue *queue)
{
    return queue->last != NULL && queue->last->holders == FILE_PART;
}

/* There is one. */
static struct filing *send_queue__filing(const struct send_queue *queue)
{
    return (struct filing *)(void *)queue->last;
}

/* Where new bytes go. */
static struct send_queue *send_queue__end(struct send_queue *queue)
{
    return send_queue__has_file(queue) ? &send_queue__filing(queue)->behind : queue;
}

static bool buffer__is_reference(const struct buffer *buffer)
{
    return buffer->holders == REFERENCE;
}

static const uint8_t *buffer__bytes(struct buffer *buffer)
{
    return buffer__is_reference(buffer) ? ((const struct lent *)(const void *)buffer)->reference.at
                                        : buffer_bytes(buffer);
}

static void buffer__give_back(struct buffer_pool *pool, struct buffer *buffer)
{
    if (buffer->holders == FILE_PART) {
        struct filing *filing = (struct filing *)(void *)buffer;
        send_queue_clear(&filing->behind, pool);
        file_part_close(filing->part);
        memory_free(buffer);
    } else if (buffer__is_reference(buffer)) {
        reference_release(&((const struct lent *)(const void *)buffer)->reference);
        memory_free(buffer);
    } else {
        buffer_put(pool, buffer);
    }
}

static void send_queue__link(struct send_queue *queue, struct buffer *buffer)
{
    if (queue->last != NULL) {
        queue->last->next = buffer;
    } else {
        queue->first = buffer;
    }
    queue->last = buffer;
}

bool send_queue_refer(struct send_queue *queue, const struct reference *reference)
{
    struct lent *lent = memory_alloc(sizeof *lent);
    if (lent == NULL) {
        return false;
    }
    lent->buffer.size = lent->buffer.end = (uint32_t)reference->length; /* full: nothing is added to it */
    lent->buffer.holders = REFERENCE;
    lent->reference = *reference;
    send_queue__link(send_queue__end(queue), &lent->buffer);
    return true;
}

/* ---- Files ---- */

bool send_queue_add_file(struct send_queue *queue, struct file_part *part)
{
    struct filing *filing = memory_alloc(sizeof *filing);
    if (filing == NULL) {
        return false;
    }
    filing->buffer.holders = FILE_PART;
    filing->before = queue->last;
    filing->part = part;
    send_queue__link(queue, &filing->buffer);
    return true;
}

struct file_part *send_queue_file(const struct send_queue *queue)
{
    return send_queue__has_file(queue) ? send_queue__filing(queue)->part : NULL;
}

void send_queue_add_piece(struct send_queue *queue, struct buffer *piece)
{
    struct filing *filing = send_queue__filing(queue);
    if (filing->before != NULL) {
        filing->before->next = piece;
    } else {
        queue->first = piece;
    }
    piece->next = &filing->buffer;
    filing->before = piece;
}

/* What is behind it closes up. */
void send_queue_end_file(struct send_queue *queue)
{
    struct filing *filing = send_queue__filing(queue);
    if (filing->before != NULL) {
        filing->before->next = filing->behind.first;
    } else {
        queue->first = filing->behind.first;
    }
    queue->last = filing->behind.last != NULL ? filing->behind.last : filing->before;
    file_part_close(filing->part);
    memory_free(filing);
}

bool send_queue_has_front(const struct send_queue *queue)
{
    return queue->first != NULL && queue->first->holders != FILE_PART;
}

size_t send_queue_front(const struct send_queue *queue)
{
    size_t length = 0;
    for (const struct buffer *buffer = queue->first; buffer != NULL && buffer->holders != FILE_PART;
         buffer = buffer->next) {
        length += buffer_used(buffer);
    }
    return length;
}

/* ---- Bytes ---- */

static size_t buffer__fill(struct buffer *buffer, const uint8_t *at, size_t length)
{
    const size_t room = buffer->size - buffer->end, taken = length < room ? length : room;
    memcpy(buffer_bytes(buffer) + buffer->end, at, taken);
    buffer->end += (uint32_t)taken;
    return taken;
}

bool send_queue_append(struct send_queue *queue, struct buffer_pool *pool, const uint8_t *at, size_t length)
{
    queue = send_queue__end(queue);
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
    for (struct buffer *buffer = queue->first;
         buffer != NULL && buffer->holders != FILE_PART && limit > 0 && count < room; buffer = buffer->next) {
        const uint32_t used = buffer_used(buffer);
        buffers_out[count].buf = (char *)(uintptr_t)buffer__bytes(buffer) + buffer->start;
        buffers_out[count].len = used < limit ? used : (ULONG)limit;
        limit -= buffers_out[count].len;
        count++;
    }
    return count;
}

void send_queue_consume(struct send_queue *queue, struct buffer_pool *pool, size_t length)
{
    struct filing *filing = send_queue__has_file(queue) ? send_queue__filing(queue) : NULL;
    while (send_queue_has_front(queue) && length >= buffer_used(queue->first)) {
        struct buffer *buffer = queue->first;
        length -= buffer_used(buffer);
        queue->first = buffer->next;
        if (queue->first == NULL) {
            queue->last = NULL;
        } else if (filing != NULL && filing->before == buffer) {
            filing->before = NULL;
        }
        buffer__give_back(pool, buffer);
    }
    if (send_queue_has_front(queue)) {
        queue->first->start += (uint32_t)length;
    }
}

void send_queue_clear(struct send_queue *queue, struct buffer_pool *pool)
{
    while (queue->first != NULL) {
        struct buffer *buffer = queue->first;
        queue->first = buffer->next;
        buffer__give_back(pool, buffer);
    }
    queue->last = NULL;
}
