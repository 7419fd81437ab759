/* SPDX-License-Identifier: MIT
   What its handler asks of a TCP connection, see connection.h. */
#include "connection/connection.h"

#include <string.h>

#include "connection/connection_state.h"
#include "connection/input.h"
#include "connection/kept_input.h"
#include "io/network.h"

/* ---- Closing ---- */

int32_t connection_close(struct worker *worker, pl_id id, int32_t how)
{
    struct connection *connection = slot_table_find(worker_slots(worker), id, SLOT_CONNECTION);
    if (how < PL_FINISH || how > PL_RESET) {
        return PL_INVALID;
    }
    if (connection == NULL || connection->is_closed || connection->wants_reset ||
        (how == PL_GRACEFUL && connection->drops_input) || (how == PL_FINISH && connection->wants_fin)) {
        return PL_GONE;
    }
    const bool is_idle = connection->is_connecting && send_queue_is_empty(&connection->queue);
    if (how == PL_RESET || is_idle) {
        connection_reset(connection, CLOSED_BY_HANDLER, 0);
    } else {
        if (connection->reason == 0 && !connection->is_eof) {
            connection->reason = CLOSED_BY_HANDLER;
        }
        connection->wants_fin = 1;
        connection->drops_input = connection->drops_input || how == PL_GRACEFUL;
    }
    connection_settle_later(connection);
    return PL_OK;
}

/* ---- The rest ---- */

struct endpoint *connection_endpoint(struct worker *worker, pl_id id)
{
    const struct connection *connection = slot_table_find(worker_slots(worker), id, SLOT_CONNECTION);
    return connection != NULL ? connection->endpoint : NULL;
}

/* NULL: it is gone, or ends already. */
static struct connection *connection__find(struct worker *worker, pl_id id)
{
    struct connection *connection = slot_table_find(worker_slots(worker), id, SLOT_CONNECTION);
    return connection == NULL || connection->is_closed || connection->wants_reset ? NULL : connection;
}

/* Likewise; nor is it one that connects. */
static struct connection *connection__find_open(struct worker *worker, pl_id id)
{
    struct connection *connection = connection__find(worker, id);
    return connection == NULL || connection->is_connecting ? NULL : connection;
}

int32_t connection_want_writable(struct worker *worker, pl_id id)
{
    struct connection *connection = connection__find_open(worker, id);
    if (connection == NULL || connection->wants_fin) {
        return PL_GONE;
    }
    if (connection->endpoint->handler->on_writable == NULL) {
        return PL_INVALID;
    }
    connection->is_asked = 1;
    connection_settle_later(connection);
    return PL_OK;
}

int32_t connection_read(struct worker *worker, pl_id id, bool on)
{
    struct connection *connection = connection__find_open(worker, id);
    if (connection == NULL) {
        return PL_GONE;
    }
    connection->is_resumed = connection->is_resumed || (connection->is_held && on);
    connection->is_held = !on;
    connection_settle_later(connection);
    return PL_OK;
}

int32_t connection_set_timer(struct worker *worker, pl_id id, uint32_t after)
{
    struct connection *connection = connection__find_open(worker, id);
    if (connection == NULL) {
        return PL_GONE;
    }
    if (!endpoint_has_timer(connection->endpoint)) {
        return PL_INVALID;
    }
    connection->is_rung = 0; /* what has fired, and was not told yet, counts no more */
    pulse_set(connection_pulse(connection), worker, after);
    return PL_OK;
}

/* That of the socket, for it is not kept. A socket that ends may not know it: none. */
static struct pl_address connection__local(const struct connection *connection)
{
    return connection_address_count(connection->endpoint) > 0 ? connection->addresses[ADDRESS_LOCAL]
                                                              : network_own_address(connection->socket);
}

void *connection_retain(struct worker *worker, pl_id id, const uint8_t *at, size_t length)
{
    struct connection *connection = slot_table_find(worker_slots(worker), id, SLOT_CONNECTION);
    struct buffer *input = connection != NULL && connection->is_lending ? connection->input : NULL;
    if (input == NULL || at < input_bytes(input) || at > input_end(input) ||
        length > (size_t)(input_end(input) - at)) {
        return NULL;
    }
    kept_input_hold(input, worker_buffers(worker));
    return input;
}

bool connection_info(struct worker *worker, pl_id id, pl_info *info_out)
{
    const struct connection *connection = connection__find(worker, id);
    if (connection != NULL) {
        const struct pl_address local = connection__local(connection);
        connection_fill_info(connection, &local, info_out);
    }
    return connection != NULL;
}

static enum client_state connection__state(const struct connection *connection)
{
    if (connection->wants_reset || connection->wants_fin) {
        return CLIENT_CLOSING;
    }
    if (connection->awaits_proxy) {
        return CLIENT_HEADER;
    }
    if (connection->is_connecting) {
        return CLIENT_CONNECTING;
    }
    if (connection->is_eof) {
        return CLIENT_HALF;
    }
    return connection->queued > 0 ? CLIENT_SENDING : CLIENT_OPEN;
}

bool connection_describe(const struct connection *connection, struct client_row *row_out)
{
    const uint64_t now = worker_now(connection->worker);
    if (connection->is_closed) {
        return false;
    }
    *row_out = (struct client_row){.id = connection_id(connection),
                                   .is_outbound = connection->is_outbound != 0,
                                   .state = connection__state(connection),
                                   .client = connection->peer,
                                   .local = connection__local(connection),
                                   .age = deadlines_age(connection->opened, connection->opened_rest, now),
                                   .idle = deadlines_age(connection->last_activity, 0, now),
                                   .bytes_in = connection->bytes_in,
                                   .bytes_out = connection->bytes_out};
    strncpy(row_out->endpoint, connection->endpoint->config->name, CONFIG_VALUE_NAME_MAX);
    row_out->idle = row_out->idle < row_out->age ? row_out->idle : row_out->age;
    return true;
}

bool connection_run(struct worker *worker, pl_id id,
                    void (*run)(void *state, pl_id id, void **user, void *what), void *what)
{
    struct connection *connection = slot_table_find(worker_slots(worker), id, SLOT_CONNECTION);
    if (connection == NULL || connection->awaits_proxy || connection->is_connecting) {
        return false;
    }
    connection_hold(connection);
    connection_enter(connection, CALLBACK_POSTED, id);
    run(connection->endpoint->state, id, &connection->user, what);
    connection_leave(connection);
    connection_settle(connection);
    connection_release(connection);
    return true;
}

void connection_abort(struct worker *worker, pl_id id, enum close_reason reason, uint32_t error)
{
    struct connection *connection = slot_table_find(worker_slots(worker), id, SLOT_CONNECTION);
    if (connection != NULL && !connection->is_closed) {
        connection_reset(connection, reason, error);
        connection_settle_later(connection);
    }
}
