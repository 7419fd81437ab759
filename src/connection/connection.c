/* SPDX-License-Identifier: MIT
   One TCP client, see connection.h.

   Life. A reference is held for each call in flight, each queued task and each entry from outside; the object
   goes with the last one, once its socket is closed. Whatever happens first notes what is wanted
   (wants_reset, wants_fin ...); connection_settle, at the end of each entry, does it. So a handler's
   callback never changes anything under its caller's feet.

   Reading. A connection that waits holds no buffer: a receive of no bytes waits, then the bytes are fetched
   without waiting. One that has just been active, and a new one where few wait so, waits with a small buffer instead,
   which saves a call a message.

   A socket is made to never wait only when a call without an overlapped is to be made: one that brings a request, takes
   its answer and goes needs none. */
#include "connection/connection.h"

#include <assert.h>

#include "accept/admission.h"
#include "base/memory.h"
#include "connection/connection_state.h"
#include "connection/input.h"
#include "io/net_error.h"

enum {
    RETRY_DELAY = 100 /* milliseconds until a call that the system had no room for is made again */
};

static_assert(sizeof(struct connection) <= CONNECTION_SIZE, "what an idle connection costs");
static_assert(sizeof(struct pl_address) == CONNECTION_ADDRESS_SIZE, "and what is added, see connection_size");
static_assert(CONNECTION_SIZE + CONNECTION_ADDRESS_SIZE + sizeof(struct slot) <= 300,
              "all of it, with an access log");
static_assert(CLOSE_REASON_COUNT <= 32, "connection.reason has 5 bits");

static void connection__end(struct connection *connection);

/* ---- References and the end ---- */

void connection_release(struct connection *connection)
{
    assert(connection->references > 0);
    if (--connection->references == 0 && connection->is_closed) {
        connection__end(connection);
    }
}

/* Settles and reads on, after what is queued already. */
void connection_queue_task(struct connection *connection, enum rank rank)
{
    if (!connection->is_task_queued) {
        connection->is_task_queued = 1;
        connection_hold(connection);
        worker_queue(connection->worker, connection->endpoint->lane, rank, &connection->task);
    }
}

/* Why it ended; nobody else did it: the peer. What ends before the PROXY header has come was never accepted. */
static enum close_reason connection__end_reason(const struct connection *connection)
{
    const enum close_reason reason =
        connection->reason != 0 ? (enum close_reason)connection->reason : CLOSED_BY_PEER;
    if (!connection->awaits_proxy || close_reason_row(reason)->is_refusal) {
        return reason;
    }
    return reason == CLOSED_STOPPING ? REFUSED_STOPPING
           : reason == CLOSED_ERROR  ? REFUSED_ERROR
                                     : REFUSED_PROXY;
}

static void connection__log_end(const struct connection *connection, pl_id id, enum close_reason reason)
{
    const struct endpoint *endpoint = connection->endpoint;
    if (endpoint->access_log == NULL) {
        return;
    }
    struct access_line line = {.endpoint = endpoint->config->name,
                               .client = connection->peer,
                               .local = connection->addresses[ADDRESS_LOCAL],
                               .connection = id,
                               .bytes_in = connection->bytes_in,
                               .bytes_out = connection->bytes_out,
                               .duration = deadlines_age(connection->opened, connection->opened_rest,
                                                         worker_now(connection->worker)),
                               .reason = reason,
                               .is_outbound = connection->is_outbound != 0};
    if (connection->is_proxied) {
        line.proxy = connection->addresses[ADDRESS_PROXY];
    }
    access_log_write(endpoint->access_log, &line);
}

static enum counter connection__end_counter(const struct connection *connection, enum close_reason reason)
{
    if (connection->is_outbound == 0) {
        return close_reason_row(reason)->counter;
    }
    return connection->is_connecting == 0    ? COUNTER_OUTBOUND_CLOSED
           : reason == CLOSED_CONNECT_FAILED ? COUNTER_OUTBOUND_CONNECT_FAILED
                                             : COUNTER_OUTBOUND_ENDED;
}

/* Nothing is in flight any more: tell the handler, if it knows of it, and free it. */
static void connection__end(struct connection *connection)
{
    struct worker *worker = connection->worker;
    const struct pl_handler *handler = connection->endpoint->handler;
    const pl_id id = connection_id(connection);
    const enum close_reason reason = connection__end_reason(connection);
    slot_table_renew(worker_slots(worker),
                     connection->slot); /* the id finds nothing, but is nobody else's yet */
    if (handler->on_close != NULL && !connection->awaits_proxy) {
        connection_enter(connection, "on_close", id);
        handler->on_close(connection->endpoint->state, id, &connection->user, (int32_t)reason,
                          connection->error);
        connection_leave(connection);
    }
    slot_table_remove(worker_slots(worker), connection->slot);
    connection_count_queued(connection, -(int64_t)connection->queued);
    send_queue_clear(&connection->queue, worker_buffers(worker));
    worker_count(worker, connection->endpoint->tally, connection__end_counter(connection, reason), 1);
    connection__log_end(connection, id, reason);
    input_clear(&connection->input, worker_buffers(worker));
    struct endpoint *endpoint = connection->endpoint;
    memory_free(connection);
    endpoint_leave(endpoint);
    worker_add_load(worker, -1);
    worker_released(worker);
}

/* Before the client can see that it is over: a client that comes again at once must find its place free. */
static void connection__leave_limits(struct connection *connection)
{
    if (connection->has_left) {
        return;
    }
    connection->has_left = 1;
    if (connection->is_outbound) {
        admission_end_outbound(connection->endpoint->admission);
    } else {
        admission_leave(connection->endpoint->admission, connection->has_source ? &connection->peer : NULL);
    }
}

static void connection__close_socket(struct connection *connection)
{
    connection->is_closed = 1;
    timer_clear(worker_timers(connection->worker), &connection->timer);
    if (endpoint_has_timer(connection->endpoint)) {
        pulse_clear(connection_pulse(connection), connection->worker);
    }
    connection__leave_limits(connection);
    const struct file_part *part = send_queue_file(&connection->queue);
    if (part != NULL && part->piece != NULL) {
        CancelIoEx(part->file, NULL);
    }
    connection_end_dial(connection);
    if (connection->socket != INVALID_SOCKET) {
        closesocket(connection->socket);
    }
}

/* Closing with a send stuck leaves it pending, and a receive beside it, until the peer reads: end both
   first. */
void connection_reset_socket(struct connection *connection)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (connection->socket != INVALID_SOCKET) { /* one that connects may be between two */
        setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, (const char *)&reset, sizeof reset);
    }
    if (connection->is_sending && connection->socket != INVALID_SOCKET) {
        CancelIoEx((HANDLE)connection->socket, NULL);
    }
    connection__close_socket(connection);
}

/* The first reason stands. */
void connection_reset(struct connection *connection, enum close_reason reason, uint32_t error)
{
    connection->wants_reset = 1;
    if (connection->reason == 0) {
        connection->reason = reason & 31U;
        connection->error = error;
    }
}

/* A call on the socket failed. */
void connection_fail(struct connection *connection, uint32_t error)
{
    connection_reset(connection, net_outcome_of(error) == NET_RESET ? CLOSED_PEER_RESET : CLOSED_ERROR,
                     error);
}

/* False: calls on this socket without an overlapped might wait, and it is not usable so. */
bool connection_use_nonblocking(struct connection *connection)
{
    if (!connection->is_nonblocking) {
        const DWORD error = network_set_nonblocking(connection->socket);
        if (error != 0) {
            connection_fail(connection, error);
            return false;
        }
        connection->is_nonblocking = 1;
    }
    return true;
}

/* ---- Deadlines ---- */

static struct deadlines connection__deadlines(const struct connection *connection)
{
    return (struct deadlines){.opened = connection->opened,
                              .last_activity = connection->last_activity,
                              .last_progress = connection->last_progress,
                              .awaits_header = connection->awaits_proxy,
                              .awaits_first_byte = connection->bytes_in == 0 && !connection->is_eof &&
                                                   !connection->is_outbound,
                              .is_sending = connection->queued > 0,
                              .is_fin_sent = connection->is_fin_sent,
                              .is_past_lifetime = connection->reason == CLOSED_LIFETIME};
}

/* Activity only moves deadlines away: a timer that is set early enough stays, and looks again when it
   fires. */
static void connection__set_timer(struct connection *connection)
{
    const struct deadlines deadlines = connection__deadlines(connection);
    const uint64_t now = worker_now(connection->worker);
    uint64_t due = deadlines_next(&deadlines, connection->endpoint->config, now);
    if ((connection->is_stalled || connection->is_starved) && now + RETRY_DELAY < due) {
        due = now + RETRY_DELAY;
    }
    const bool is_set = !list_is_empty(&connection->timer.node);
    if (due != UINT64_MAX && (!is_set || due < connection->timer.due)) {
        timer_set(worker_timers(connection->worker), &connection->timer, due);
    }
}

/* In order when nothing is queued or unread; with a receive waiting there is nothing unread. */
static void connection__expire(struct connection *connection, enum close_reason reason)
{
    const bool is_quiet = send_queue_is_empty(&connection->queue) &&
                          (connection->is_receiving || connection->is_eof) &&
                          input_length(connection->input) == 0;
    if (!is_quiet || connection->wants_fin) {
        connection_reset(connection, reason, WSAETIMEDOUT);
        return;
    }
    connection->reason = connection->reason == 0 ? reason & 31U : connection->reason;
    connection->wants_fin = 1;
    connection->drops_input = 1;
}

/* The timer has fired: whether one has passed. What has come before it, and is not read yet, counts: a receive that has
   ended looks again, when it has been told. */
void connection_check_deadlines(struct connection *connection)
{
    if (!connection->is_due || connection->is_closed || connection->wants_reset) {
        return;
    }
    connection->is_due = 0;
    struct deadlines deadlines = connection__deadlines(connection);
    deadlines.has_unseen = connection->is_receiving && operation_has_ended(&connection->receive);
    switch (deadlines_passed(&deadlines, connection->endpoint->config, worker_now(connection->worker))) {
    case DEADLINE_NONE:
        connection->is_due = deadlines.has_unseen;
        break;
    case DEADLINE_HEADER:
        connection_refuse_header(connection, "it did not come within proxy_timeout");
        break;
    case DEADLINE_CLOSE:
        connection_reset(connection, CLOSED_BY_HANDLER, WSAETIMEDOUT);
        break;
    case DEADLINE_SEND:
        connection_reset(connection, CLOSED_SEND_TIMEOUT, WSAETIMEDOUT);
        break;
    case DEADLINE_FIRST_BYTE:
        connection__expire(connection, CLOSED_FIRST_BYTE_TIMEOUT);
        break;
    case DEADLINE_IDLE:
        connection__expire(connection, CLOSED_IDLE);
        break;
    case DEADLINE_LIFETIME:
        connection__expire(connection, CLOSED_LIFETIME);
        break;
    }
}

/* ---- Settling ---- */

static void connection__send_fin(struct connection *connection)
{
    if (shutdown(connection->socket, SD_SEND) != 0) {
        connection_fail(connection, (uint32_t)WSAGetLastError());
        return;
    }
    connection->is_fin_sent = 1;
    connection->last_progress = connection_tick(connection);
}

/* Does what is wanted by now. */
void connection_settle(struct connection *connection)
{
    if (connection->is_closed) {
        return;
    }
    if (connection->is_connecting) {
        connection_settle_connect(connection);
        return;
    }
    connection_look_writable(connection);
    const bool has_said_all = connection->wants_fin && send_queue_is_empty(&connection->queue);
    if (has_said_all && !connection->is_eof && !connection->is_fin_sent && !connection->wants_reset) {
        connection__send_fin(connection);
    }
    if (connection->wants_reset) {
        connection_reset_socket(connection);
    } else if (has_said_all && connection->is_eof) { /* closing sends our FIN, if it is not out */
        connection__close_socket(connection);
    } else {
        connection__set_timer(connection);
        if (connection_may_read(connection) || connection_may_ask(connection) || connection->is_resumed) {
            /* in its turn, others first */
            connection_queue_task(connection, RANK_AGAIN);
        }
    }
}

/* What the system had no room for. */
static void connection__try_again(struct connection *connection)
{
    connection->is_starved = 0;
    if (connection->is_stalled) {
        connection->is_stalled = 0;
        connection_pump(connection);
    }
}

/* What its handler has asked for. */
static void connection__call_handler(struct connection *connection)
{
    const struct endpoint *endpoint = connection->endpoint;
    if (connection->is_rung && !connection->is_closed) {
        const pl_id id = connection_id(connection);
        connection->is_rung = 0;
        connection_enter(connection, "on_timer", id);
        endpoint->handler->on_timer(endpoint->state, id, &connection->user);
        connection_leave(connection);
    }
    if (connection_may_ask(connection)) {
        connection_tell_writable(connection);
    }
    const bool has_rest = connection->is_resumed && !connection->is_held && !connection_is_full(connection);
    connection->is_resumed = 0;
    if (has_rest && connection->input != NULL && !connection->is_closed && !connection->wants_reset) {
        connection_deliver(connection);
    }
}

void connection_run_task(struct task *task)
{
    struct connection *connection = LIST_ELEMENT(task, struct connection, task);
    connection->is_task_queued = 0;
    if (connection->is_connecting) {
        connection_go_on(connection);
        connection_settle(connection);
        connection_release(connection);
        return;
    }
    if (connection->is_due && !connection->is_closed) {
        connection__try_again(connection);
    }
    connection__call_handler(connection);
    if (connection_may_read(connection)) {
        connection_receive(connection, connection->is_drained ? READ_DRAINED : READ_MORE);
    }
    connection_check_deadlines(connection);
    connection_settle(connection);
    connection_release(connection);
}

/* In its turn, likewise. */
void connection_run_pulse(struct timer *timer)
{
    struct connection *connection = pulse_owner(timer);
    connection->is_rung = 1;
    connection_queue_task(connection, RANK_LATE);
}

/* In its turn: thousands may be late at once. */
void connection_run_timer(struct timer *timer)
{
    struct connection *connection = LIST_ELEMENT(timer, struct connection, timer);
    connection->is_due = 1;
    connection_queue_task(connection, RANK_LATE);
}

/* ---- The end of all ---- */

/* All of the worker's, or those that no handler knows of. */
static void connection__stop(struct worker *worker, bool is_for_all)
{
    struct connection *connection = NULL;
    for (uint32_t slot = 0;
         (connection = slot_table_next(worker_slots(worker), SLOT_CONNECTION, &slot)) != NULL;) {
        if (!connection->is_closed && (is_for_all || connection->awaits_proxy || connection->is_connecting)) {
            connection_hold(connection);
            connection_reset(connection, CLOSED_STOPPING, 0);
            connection_settle(connection);
            connection_release(connection);
        }
    }
}

void connection_refuse_all(struct worker *worker)
{
    connection__stop(worker, false);
}

void connection_reset_all(struct worker *worker)
{
    connection__stop(worker, true);
}

static bool connection__is_denied(const struct connection *connection)
{
    const struct admission *judge = connection->endpoint->judge;
    return judge != NULL && !connection->awaits_proxy && !connection->is_outbound &&
           admission_denies(judge, &connection->peer,
                            connection->is_proxied ? &connection->addresses[ADDRESS_PROXY] : NULL);
}

bool connection_review(struct worker *worker, uint32_t *slot)
{
    for (unsigned i = 0; i < CONNECTION_REVIEW; i++) {
        struct connection *connection = slot_table_next(worker_slots(worker), SLOT_CONNECTION, slot);
        if (connection == NULL) {
            return false;
        }
        if (!connection->is_closed && connection__is_denied(connection)) {
            connection_hold(connection);
            connection_reset(connection, CLOSED_DENIED, 0);
            connection_settle(connection);
            connection_release(connection);
        }
    }
    return true;
}
