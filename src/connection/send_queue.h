/* SPDX-License-Identifier: MIT
   Bytes that wait to be sent on one connection, in buffers of its worker. */
#ifndef PORTLISTENER_CONNECTION_SEND_QUEUE_H
#define PORTLISTENER_CONNECTION_SEND_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/win.h"
#include "connection/file_part.h"
#include "connection/reference.h"
#include "io/buffer_pool.h"

struct send_queue {
    struct buffer *first;
    struct buffer *last; /* the file, while there is one */
};

static inline bool send_queue_is_empty(const struct send_queue *queue)
{
    return queue->first == NULL;
}

/* send_queue_append: copies all of it, or nothing when there is no memory (false). While a send is in flight,
   only bytes behind those it covers are added. send_queue_refer: likewise, but keeps the reference, which has a `release`,
   until its bytes have gone or are given up. */
bool send_queue_append(struct send_queue *queue, struct buffer_pool *pool, const uint8_t *at, size_t length);
bool send_queue_refer(struct send_queue *queue, const struct reference *reference);

/* send_queue_add_file: `part` is the queue's from now on, once it is in; there may be none yet. What is appended comes behind
   it. False: no memory. send_queue_file: the one that is in; NULL: none. send_queue_add_piece: before the file. When that
   is read to its end send_queue_end_file closes it. */
bool send_queue_add_file(struct send_queue *queue, struct file_part *part);
struct file_part *send_queue_file(const struct send_queue *queue);
void send_queue_add_piece(struct send_queue *queue, struct buffer *piece);
void send_queue_end_file(struct send_queue *queue);

/* send_queue_front: the bytes that can be sent, before the file. send_queue_has_front: whether there are any. */
bool send_queue_has_front(const struct send_queue *queue);
size_t send_queue_front(const struct send_queue *queue);

/* send_queue_gather: the first bytes, at most `limit`, as at most `room` WSABUFs; returns how many. */
DWORD send_queue_gather(const struct send_queue *queue, size_t limit, WSABUF *buffers_out, DWORD room);

/* send_queue_consume: the first `length` bytes have gone. */
void send_queue_consume(struct send_queue *queue, struct buffer_pool *pool, size_t length);

/* send_queue_clear: gives all buffers back. */
void send_queue_clear(struct send_queue *queue, struct buffer_pool *pool);

#endif
