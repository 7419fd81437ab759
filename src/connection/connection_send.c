/* SPDX-License-Identifier: MIT
   What a TCP connection sends, see connection_state.h. */
#include "connection/call_size.h"
#include "connection/connection_state.h"
#include "connection/input.h"
#include "io/net_error.h"

enum {
    SEND_BUFFERS = 16, /* gathered into one call */
    SEND_BYTES = 65536 /* and bytes of a send that does not wait */
};

static void connection__count_sent(struct connection *connection, size_t bytes)
{
    connection->bytes_out += bytes;
    worker_count(connection->worker, connection->endpoint->tally,
                 connection->is_outbound ? COUNTER_OUTBOUND_BYTES_SENT : COUNTER_BYTES_SENT, bytes);
}

void connection_count_queued(struct connection *connection, int64_t more)
{
    connection->queued += (uint32_t)more;
    worker_count(connection->worker, connection->endpoint->tally,
                 connection->is_outbound ? COUNTER_OUTBOUND_BYTES_QUEUED : COUNTER_BYTES_QUEUED,
                 (uint64_t)more);
}

static void connection__sent_bytes(struct connection *connection, size_t bytes)
{
    connection__count_sent(connection, bytes);
    connection->last_activity = connection->last_progress = connection_tick(connection);
    connection->is_stalled = 0;
}

static void connection__consume_queue(struct connection *connection, uint32_t bytes)
{
    bytes = bytes < connection->queued ? bytes : connection->queued;
    send_queue_consume(&connection->queue, worker_buffers(connection->worker), bytes);
    connection_count_queued(connection, -(int64_t)bytes);
    connection__sent_bytes(connection, bytes);
}

static void connection__size_sends(struct connection *connection, uint32_t took)
{
    connection->send_size = call_size_after_send(connection->send_size, took) & CALL_SIZE_BITS;
}

/* Keeps one send in flight while anything is queued. Too little room in the system is no error: it is tried
   again. */
static void connection__send_front(struct connection *connection)
{
    while (send_queue_has_front(&connection->queue) && !connection->is_sending && !connection->wants_reset) {
        WSABUF buffers[SEND_BUFFERS];
        DWORD bytes = 0;
        const uint32_t size = call_size(connection->send_size);
        const DWORD count = send_queue_gather(&connection->queue, size, buffers, SEND_BUFFERS);
        const int result =
            WSASend(connection->socket, buffers, count, &bytes, 0, operation_begin(&connection->send), NULL);
        const uint32_t error = result == 0 ? 0 : (uint32_t)WSAGetLastError();
        if (error == WSA_IO_PENDING || (error == 0 && !connection->skips)) {
            connection->is_sending = 1;
            connection_hold(connection);
        } else if (error == 0) {
            connection__size_sends(connection, 0);
            connection__consume_queue(connection, bytes);
        } else if (net_outcome_of(error) == NET_BLOCKED) {
            connection->is_stalled = 1;
            return;
        } else {
            connection_fail(connection, error);
        }
    }
}

/* Reads on in the file while less than one send of it waits. */
static void connection__read_file(struct connection *connection)
{
    struct file_part *part = send_queue_file(&connection->queue);
    const uint32_t size = call_size(connection->send_size);
    if (part == NULL || part->piece != NULL || connection->wants_reset ||
        send_queue_front(&connection->queue) >= size) {
        return;
    }
    const DWORD error = file_part_read(part, worker_buffers(connection->worker), size);
    if (error != 0) {
        connection_reset(connection, CLOSED_ERROR, error);
    } else {
        connection_hold(connection);
    }
}

void connection_pump(struct connection *connection)
{
    if (connection->is_connecting) {
        return;
    }
    connection__send_front(connection);
    connection__read_file(connection);
}

/* A piece of the file has been read. */
static void connection__run_file(struct operation *operation, uint32_t error, uint32_t bytes)
{
    struct file_part *part = LIST_ELEMENT(operation, struct file_part, read);
    struct connection *connection = part->owner;
    struct buffer *piece = file_part_take(part, worker_buffers(connection->worker), &error, bytes);
    if (piece == NULL) {
        connection_reset(connection, CLOSED_ERROR, error);
    } else {
        if (!send_queue_has_front(&connection->queue)) {
            connection->last_progress = connection_tick(connection);
        }
        connection_count_queued(connection, bytes);
        send_queue_add_piece(&connection->queue, piece);
        if (part->left == 0) {
            send_queue_end_file(&connection->queue);
        }
    }
    if (!connection->is_closed) {
        connection_pump(connection);
        connection_settle(connection);
    }
    connection_release(connection);
}

/* As much as the system takes at once, straight from the handler's memory. The first bytes of all are copied and go with
   an overlapped. */
static size_t connection__send_now(struct connection *connection, const uint8_t *at, size_t length)
{
    if (connection->bytes_out == 0 || !connection_use_nonblocking(connection)) {
        return 0;
    }
    length = length < SEND_BYTES ? length : SEND_BYTES; /* Windows would take all of it, however much */
    WSABUF buffer = {.buf = (char *)(uintptr_t)at, .len = (ULONG)length};
    DWORD bytes = 0;
    if (WSASend(connection->socket, &buffer, 1, &bytes, 0, NULL, NULL) == 0) {
        connection__sent_bytes(connection, bytes);
        return bytes;
    }
    const uint32_t error = (uint32_t)WSAGetLastError();
    if (net_outcome_of(error) != NET_BLOCKED) {
        connection_fail(connection, error);
    }
    return 0;
}

/* What is left of it behind its first `sent` bytes. */
static int32_t connection__append(struct connection *connection, const struct reference *given, size_t sent)
{
    struct reference rest = *given;
    rest.at += sent;
    rest.length -= sent;
    if (connection->queued == 0) {
        connection->last_progress = connection_tick(connection);
    }
    const bool is_taken =
        rest.release != NULL
            ? send_queue_refer(&connection->queue, &rest)
            : send_queue_append(&connection->queue, worker_buffers(connection->worker), rest.at, rest.length);
    if (!is_taken) {
        connection_reset(connection, CLOSED_ERROR, ERROR_NOT_ENOUGH_MEMORY);
        return PL_NO_MEMORY;
    }
    connection_count_queued(connection, (int64_t)rest.length);
    connection_pump(connection);
    connection->is_paused = connection->is_paused || connection->queued >= CONNECTION_QUEUE_HIGH;
    return connection->queued > 0 ? PL_QUEUED : PL_OK;
}

static int32_t connection__refuse_full(struct connection *connection)
{
    connection->is_blocked = 1;
    if (connection->endpoint->handler->on_writable == NULL) {
        connection_reset(connection, CLOSED_SLOW_READER, 0);
        connection_settle_later(connection);
    }
    return PL_FULL;
}

int32_t connection_send_file(struct worker *worker, pl_id id, struct file_part *part)
{
    struct connection *connection = slot_table_find(worker_slots(worker), id, SLOT_CONNECTION);
    if (connection == NULL || connection->is_closed || connection->wants_reset || connection->wants_fin) {
        return PL_GONE;
    }
    if (send_queue_file(&connection->queue) != NULL) {
        return connection__refuse_full(connection);
    }
    part->owner = connection;
    part->read.complete = connection__run_file;
    if (!worker_associate(worker, connection->endpoint->lane, part->file) ||
        !send_queue_add_file(&connection->queue, part)) {
        return PL_NO_MEMORY;
    }
    connection->is_paused = 1;
    connection_pump(connection);
    connection_settle_later(connection);
    return PL_QUEUED;
}

int32_t connection_send_ref(struct worker *worker, pl_id id, const struct reference *reference)
{
    const size_t length = reference->length;
    struct connection *connection = slot_table_find(worker_slots(worker), id, SLOT_CONNECTION);
    if (connection == NULL || connection->is_closed || connection->wants_reset || connection->wants_fin) {
        return PL_GONE;
    }
    const uint32_t limit = connection->endpoint->config->send_queue;
    if (length > limit) {
        return PL_LIMIT;
    }
    if (connection->queued > limit || length > limit - connection->queued) { /* a file may have passed it */
        return connection__refuse_full(connection);
    }
    int32_t result = PL_OK;
    const size_t sent = send_queue_is_empty(&connection->queue) && length > 0
                            ? connection__send_now(connection, reference->at, length)
                            : 0;
    if (connection->wants_reset) {
        result = PL_GONE;
    } else if (sent < length) {
        result = connection__append(connection, reference, sent);
    } else {
        reference_release(reference);
    }
    connection_settle_later(connection);
    return result;
}

int32_t connection_send(struct worker *worker, pl_id id, const uint8_t *at, size_t length)
{
    return connection_send_ref(worker, id, &(const struct reference){.at = at, .length = length});
}

/* ---- on_writable ---- */

static bool connection__is_light(const struct connection *connection)
{
    return connection->queued <= CONNECTION_QUEUE_LOW && send_queue_file(&connection->queue) == NULL;
}

bool connection_may_ask(const struct connection *connection)
{
    return connection->is_asked && connection__is_light(connection) && !connection->is_closed &&
           !connection->wants_reset && !connection->wants_fin;
}

void connection_tell_writable(struct connection *connection)
{
    const struct endpoint *endpoint = connection->endpoint;
    const pl_id id = connection_id(connection);
    connection->is_asked = 0;
    connection_enter(connection, "on_writable", id);
    endpoint->handler->on_writable(endpoint->state, id, &connection->user);
    connection_leave(connection);
}

void connection_look_writable(struct connection *connection)
{
    if (!connection__is_light(connection) || (!connection->is_paused && !connection->is_blocked)) {
        return;
    }
    connection->is_paused = 0;
    if (!connection->is_blocked || connection->wants_reset || connection->drops_input) {
        return;
    }
    connection->is_blocked = 0;
    connection_tell_writable(connection);
    if (!connection->is_blocked && !connection->is_held && !connection->wants_reset &&
        connection->input != NULL) {
        connection_deliver(connection);
    }
}

void connection_run_send(struct operation *operation, uint32_t error, uint32_t bytes)
{
    struct connection *connection = LIST_ELEMENT(operation, struct connection, send);
    connection->is_sending = 0;
    if (connection->is_closed || error != 0) {
        connection__count_sent(connection, bytes); /* a part may have gone, and the peer may have it */
    }
    if (!connection->is_closed) {
        if (error != 0) {
            connection_fail(connection, error);
        } else {
            connection__size_sends(connection, connection_tick(connection) - connection->last_progress);
            connection__consume_queue(connection, bytes);
            connection_pump(connection);
        }
        connection_settle(connection);
    }
    connection_release(connection);
}
