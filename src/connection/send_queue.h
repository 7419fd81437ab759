/* SPDX-License-Identifier: MIT
   Bytes that wait to be sent on one connection, in buffers of its worker. */
#ifndef PORTLISTENER_CONNECTION_SEND_QUEUE_H
#define PORTLISTENER_CONNECTION_SEND_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/win.h"
#include "connection/reference.h"
#include "io/buffer_pool.h"

struct send_queue {
    struct buffer *first;
    struct buffer *last;
};

/* send_queue_append: copies all of it, or nothing when there is no memory (false). While a send is in flight,
   only bytes behind those it covers are added. send_queue_refer: likewise, but keeps the reference, which has a `release`,
   until its bytes have gone or are given up. */
bool send_queue_append(struct send_queue *queue, struct buffer_pool *pool, const uint8_t *at, size_t length);
bool send_queue_refer(struct send_queue *queue, const struct reference *reference);

/* send_queue_gather: the first bytes, at most `limit`, as at most `room` WSABUFs; returns how many. */
DWORD send_queue_gather(const struct send_queue *queue, size_t limit, WSABUF *buffers_out, DWORD room);

/* send_queue_consume: the first `length` bytes have gone. */
void send_queue_consume(struct send_queue *queue, struct buffer_pool *pool, size_t length);

/* send_queue_clear: gives all buffers back. */
void send_queue_clear(struct send_queue *queue, struct buffer_pool *pool);

#endif
