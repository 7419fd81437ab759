/* SPDX-License-Identifier: MIT
   What a TCP connection receives, see connection_state.h. */
#include "connection/call_size.h"
#include "connection/connection_state.h"
#include "connection/input.h"
#include "connection/kept_input.h"
#include "io/net_error.h"

enum {
    READS_A_TURN = 32,
    READ_BYTES_A_TURN = 262144,
    ACTIVE_TICKS = 20 /* active again within this: the next receive waits with a buffer */
};

/* ---- Handing over what came ---- */

/* `input`, from on_data; what the handler keeps of it stays with it, and we go on with our own. */
static struct buffer *connection__take_back(struct connection *connection)
{
    if (kept_input_is(connection->input) &&
        !kept_input_leave(&connection->input, worker_buffers(connection->worker))) {
        connection_reset(connection, CLOSED_ERROR, ERROR_NOT_ENOUGH_MEMORY);
    }
    return connection->input;
}

void connection_deliver(struct connection *connection)
{
    const struct endpoint *endpoint = connection->endpoint;
    struct buffer *input = connection->input;
    if (!connection->drops_input && input_length(input) > 0) {
        const pl_id id = connection_id(connection);
        connection->is_lending = 1;
        connection_enter(connection, "on_data", id);
        const size_t consumed = endpoint->handler->on_data(endpoint->state, id, &connection->user,
                                                           input_bytes(input), input_length(input));
        connection_leave(connection);
        connection->is_lending = 0;
        input_consume(input, consumed);
        input = connection__take_back(connection);
        if (!connection_is_full(connection) && input_length(input) > endpoint_max_input(endpoint)) {
            connection_reset(connection, CLOSED_INPUT_FULL, 0);
        }
    }
    if (connection->drops_input && input != NULL) {
        input_drop(input);
    }
}

static void connection__end_of_input(struct connection *connection)
{
    const struct endpoint *endpoint = connection->endpoint;
    struct buffer *input = connection->input;
    connection->is_eof = 1;
    if (connection->awaits_proxy) {
        connection_reset(connection, REFUSED_PROXY, 0); /* a check that only connects, perhaps: no message */
        return;
    }
    if (connection->drops_input || endpoint->handler->on_eof == NULL) {
        connection->wants_fin = 1;
        connection->drops_input = 1;
        return;
    }
    const pl_id id = connection_id(connection);
    connection_enter(connection, "on_eof", id);
    endpoint->handler->on_eof(endpoint->state, id, &connection->user, input_bytes(input),
                              input_length(input));
    connection_leave(connection);
    input_clear(&connection->input, worker_buffers(connection->worker));
}

/* ---- Receiving ---- */

bool connection_may_read(const struct connection *connection)
{
    if (connection->is_closed || connection->wants_reset || connection->is_eof || connection->is_receiving ||
        connection->is_starved) {
        return false;
    }
    return connection->drops_input || (!connection->is_held && !connection_is_full(connection) &&
                                       (!connection->is_paused || connection->is_relay));
}

/* `bytes` more lie in `input`. */
static void connection__take_bytes(struct connection *connection, uint32_t bytes)
{
    if (connection->awaits_proxy) {
        connection_take_header(connection);
        if (connection->awaits_proxy) {
            return;
        }
        bytes = input_length(connection->input); /* those behind it */
    }
    connection->bytes_in += bytes;
    worker_count(connection->worker, connection->endpoint->tally,
                 connection->is_outbound ? COUNTER_OUTBOUND_BYTES_RECEIVED : COUNTER_BYTES_RECEIVED, bytes);
    /* on_open may have changed everything a moment ago: what it cannot take yet comes behind on_writable, or when it
       reads again. */
    if (!connection->wants_reset &&
        ((!connection_is_full(connection) && !connection->is_held) || connection->drops_input)) {
        connection_deliver(connection);
    }
}

/* The system has an error, an end or bytes (which lie in `input` already) for us. */
static enum read_result connection__received(struct connection *connection, uint32_t error, uint32_t bytes)
{
    if (error != 0) {
        if (net_outcome_of(error) == NET_BLOCKED) {
            connection->is_starved = 1;
        } else {
            connection_fail(connection, error);
        }
        return READ_STOP;
    }
    if (bytes == 0) {
        if (!connection->is_held || connection->drops_input) { /* else the next read tells it again */
            connection__end_of_input(connection);
        }
        return READ_STOP;
    }
    struct buffer *input = connection->input;
    const uint32_t tick = connection_tick(connection);
    const uint32_t room = input_room(input);
    connection->read_size =
        call_size_after_read(connection->read_size, input->size, room, bytes) & CALL_SIZE_BITS;
    input_add(input, bytes);
    connection->is_active = tick - connection->last_activity <= ACTIVE_TICKS;
    connection->last_activity = tick;
    if (connection->is_fin_sent && !connection->drops_input) {
        connection->last_progress = tick; /* half closed: close_timeout begins again */
    }
    connection__take_bytes(connection, bytes);
    return bytes == room ? READ_MORE : READ_DRAINED;
}

/* Fetches what is there, without waiting. */
static enum read_result connection__fetch(struct connection *connection)
{
    if (!input_make_room(&connection->input, worker_buffers(connection->worker),
                         call_size(connection->read_size))) {
        connection->is_starved = 1;
        return READ_STOP;
    }
    if (!connection_use_nonblocking(connection)) {
        return READ_STOP;
    }
    struct buffer *input = connection->input;
    WSABUF room = {.buf = (char *)input_end(input), .len = input_room(input)};
    DWORD bytes = 0, flags = 0;
    const int result = WSARecv(connection->socket, &room, 1, &bytes, &flags, NULL, NULL);
    const uint32_t error = result == 0 ? 0 : (uint32_t)WSAGetLastError();
    return error == WSAEWOULDBLOCK ? READ_DRAINED : connection__received(connection, error, bytes);
}

/* What a receive is to wait with: a small buffer for a connection that was active just now, else nothing. */
static WSABUF connection__waiting_room(struct connection *connection)
{
    struct buffer_pool *pool = worker_buffers(connection->worker);
    const bool parks = connection->is_active && pool->parked + BUFFER_SMALL <= CONNECTION_PARKED_MAX;
    if (!input_prepare_wait(&connection->input, pool, parks)) {
        return (WSABUF){0};
    }
    return (WSABUF){.buf = (char *)input_end(connection->input), .len = input_room(connection->input)};
}

static void connection__park(struct connection *connection, bool is_parked)
{
    struct buffer_pool *pool = worker_buffers(connection->worker);
    if (is_parked != (connection->is_parked != 0)) {
        pool->parked = is_parked ? pool->parked + BUFFER_SMALL : pool->parked - BUFFER_SMALL;
        connection->is_parked = is_parked;
    }
}

static enum read_result connection__wait(struct connection *connection)
{
    WSABUF room = connection__waiting_room(connection);
    DWORD bytes = 0, flags = 0;
    const int result =
        WSARecv(connection->socket, &room, 1, &bytes, &flags, operation_begin(&connection->receive), NULL);
    const uint32_t error = result == 0 ? 0 : (uint32_t)WSAGetLastError();
    if (error == WSA_IO_PENDING || (error == 0 && !connection->skips)) {
        connection->is_receiving = 1;
        connection__park(connection, room.len > 0);
        connection_hold(connection);
        return READ_STOP;
    }
    if (error == 0 && room.len == 0) {
        return READ_MORE; /* bytes, or the end: the next fetch tells */
    }
    return connection__received(connection, error, bytes);
}

/* Reads that come back full, shared with those that wait in this turn: a hundred busy connections must not keep
   a quiet one waiting for a hundred times READS_A_TURN. */
static unsigned connection__share(const struct connection *connection)
{
    const unsigned share = READS_A_TURN / (1 + worker_waiting(connection->worker));
    return share > 0 ? share : 1;
}

/* What is there, in its share, and once what came while that was handled: a client that answers at once, as fast as it
   is served, must not keep others waiting that have spoken once. */
void connection_receive(struct connection *connection, enum read_result state)
{
    const uint64_t enough = connection->bytes_in + READ_BYTES_A_TURN;
    unsigned share = connection__share(connection);
    for (int i = 0; i < READS_A_TURN && share > 0 && connection->bytes_in < enough && state == READ_MORE;
         i++) {
        const uint64_t before = connection->bytes_in;
        state = connection_may_read(connection) ? connection__fetch(connection) : READ_STOP;
        if (connection->bytes_in != before) {
            share = worker_is_turn_over(connection->worker) ? 0 : share - 1;
        }
    }
    if (state == READ_DRAINED && connection_may_read(connection)) {
        state = connection__wait(connection); /* now, and not behind those that have more to say */
    }
    connection->is_drained = state == READ_DRAINED;
}

/* A receive has ended; its reference is ours to give back. */
void connection_run_receive(struct operation *operation, uint32_t error, uint32_t bytes)
{
    struct connection *connection = LIST_ELEMENT(operation, struct connection, receive);
    const bool had_room = connection->is_parked != 0;
    connection->is_receiving = 0;
    connection__park(connection, false);
    if (!connection->is_closed) {
        enum read_result state = READ_MORE;
        if (error != 0 || had_room) {
            state = connection__received(connection, error, bytes);
        }
        connection_receive(connection, state);
        connection_check_deadlines(connection);
        connection_settle(connection);
    }
    connection_release(connection);
}
