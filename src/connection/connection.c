/* SPDX-License-Identifier: MIT
   One TCP client, see connection.h.

   Life. A reference is held for each call in flight, each queued task and each entry from outside; the object
   goes with the last one, once its socket is closed. Whatever happens first notes what is wanted
   (wants_reset, wants_fin ...); connection__settle, at the end of each entry, does it. So a handler's
   callback never changes anything under its caller's feet.

   Reading. A connection that waits holds no buffer: a receive of no bytes waits, then the bytes are fetched
   without waiting. One that has just been active, and a new one where few wait so, waits with a small buffer instead,
   which saves a call a message.

   A socket is made to never wait only when a call without an overlapped is to be made: one that brings a request, takes
   its answer and goes needs none. */
#include "connection/connection.h"

#include <assert.h>
#include <string.h>

#include "accept/admission.h"
#include "base/memory.h"
#include "connection/call_size.h"
#include "connection/claim.h"
#include "connection/deadlines.h"
#include "connection/input.h"
#include "connection/send_queue.h"
#include "io/net_error.h"
#include "io/pulse.h"
#include "stats/close_reason.h"

enum {
    READS_A_TURN = 32,
    READ_BYTES_A_TURN = 262144,
    SEND_BUFFERS = 16,  /* gathered into one call */
    SEND_BYTES = 65536, /* and bytes of a send that does not wait */
    RETRY_DELAY = 100,  /* milliseconds until a call that the system had no room for is made again */
    ACTIVE_TICKS = 20   /* active again within this: the next receive waits with a buffer */
};

struct connection {
    struct operation receive;
    struct operation send;
    struct timer timer; /* one for all deadlines, set to the earliest */
    struct task task;   /* read on, look at the deadlines, settle, when its turn comes */
    struct worker *worker;
    struct endpoint *endpoint;
    SOCKET socket;
    void *user;
    struct buffer
        *input; /* what the handler has not consumed, or what a receive waits with; NULL when idle */
    struct send_queue queue;
    uint64_t bytes_in;
    uint64_t bytes_out;
    struct pl_address peer;
    uint32_t slot;
    uint32_t queued; /* bytes in `queue` */
    uint32_t error;
    uint32_t opened; /* these three in ticks of the worker's clock */
    uint32_t last_activity;
    uint32_t last_progress; /* of sending; once our FIN is out: when that was */
    unsigned references : 4;
    unsigned reason : 5;    /* enum close_reason; 0 until something other than the peer's FIN ends it */
    unsigned read_size : 2; /* number of a call_size: of the next read */
    unsigned send_size : 2; /* and of the next send that waits */
    unsigned skips : 1;
    unsigned is_nonblocking : 1;
    unsigned is_drained : 1; /* the last read left nothing: the next one may as well wait */
    unsigned is_in_callback : 1;
    unsigned is_task_queued : 1;
    unsigned is_due : 1;       /* the timer has fired */
    unsigned is_receiving : 1; /* `receive` is in flight */
    unsigned is_parked : 1;    /* with `input` */
    unsigned is_sending : 1;   /* `send` is in flight */
    unsigned is_stalled : 1;   /* the system had no room for a send */
    unsigned is_starved : 1;   /* or for a receive */
    unsigned is_active : 1;    /* more was received soon after the last activity */
    unsigned is_paused : 1;    /* no reading: too much is queued */
    unsigned is_blocked : 1;   /* no reading: the handler met PL_FULL */
    unsigned is_eof : 1;       /* the peer's FIN has come */
    unsigned wants_fin : 1;
    unsigned drops_input : 1;
    unsigned is_fin_sent : 1;
    unsigned wants_reset : 1;
    unsigned is_closed : 1;        /* the socket; what is in flight still comes back */
    unsigned awaits_proxy : 1;     /* the PROXY header has not come yet; nor has on_open */
    unsigned is_proxied : 1;       /* `peer` is the client that the header names */
    unsigned has_source : 1;       /* `peer` counts for max_connections_per_source */
    unsigned has_left : 1;         /* it counts for no limit any more */
    unsigned opened_rest : 7;      /* milliseconds behind the tick `opened` */
    unsigned is_asked : 1;         /* the handler wants on_writable */
    unsigned is_held : 1;          /* no reading: the handler has paused it */
    unsigned is_resumed : 1;       /* what is unconsumed comes again */
    unsigned is_rung : 1;          /* the handler's timer has fired */
    struct pl_address addresses[]; /* those of enum connection_address that its endpoint needs */
};

/* The address that the client asked for, for the access log; where it may come through a proxy, the proxy's, too. */
enum connection_address { ADDRESS_LOCAL, ADDRESS_PROXY, ADDRESS_COUNT };

static_assert(sizeof(struct connection) <= CONNECTION_SIZE, "what an idle connection costs");
static_assert(sizeof(struct pl_address) == CONNECTION_ADDRESS_SIZE, "and what is added, see connection_size");
static_assert(CONNECTION_SIZE + CONNECTION_ADDRESS_SIZE + sizeof(struct slot) <= 300,
              "all of it, with an access log");
static_assert(CLOSE_REASON_COUNT <= 32, "connection.reason has 5 bits");
static void connection__end(struct connection *connection);
static void connection__settle(struct connection *connection);

/* ---- Clock ---- */

static uint32_t connection__tick(const struct connection *connection)
{
    return deadlines_tick(worker_now(connection->worker));
}

/* ---- References and the end ---- */

static void connection__hold(struct connection *connection)
{
    connection->references++;
}

static void connection__release(struct connection *connection)
{
    assert(connection->references > 0);
    if (--connection->references == 0 && connection->is_closed) {
        connection__end(connection);
    }
}

static pl_id connection__id(const struct connection *connection)
{
    return slot_table_id(worker_slots(connection->worker), connection->slot);
}

static void connection__enter(struct connection *connection, pl_id id)
{
    connection->is_in_callback = 1;
    worker_enter(connection->worker, connection->endpoint->config->name, connection->endpoint->handler->name,
                 id);
}

static void connection__leave(struct connection *connection)
{
    connection->is_in_callback = 0;
    worker_leave(connection->worker);
}

/* Settles and reads on, after what is queued already. */
static void connection__queue_task(struct connection *connection, enum rank rank)
{
    if (!connection->is_task_queued) {
        connection->is_task_queued = 1;
        connection__hold(connection);
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

static size_t connection__addresses(const struct endpoint *endpoint)
{
    if (admission_has_proxies(endpoint->admission)) {
        return ADDRESS_COUNT;
    }
    return endpoint->access_log != NULL ? ADDRESS_LOCAL + 1 : 0;
}

/* The handler's timer, behind the addresses, if it has on_timer. */
static struct pulse *connection__pulse(struct connection *connection)
{
    return (struct pulse *)(void *)(connection->addresses + connection__addresses(connection->endpoint));
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
                               .reason = reason};
    if (connection->is_proxied) {
        line.proxy = connection->addresses[ADDRESS_PROXY];
    }
    access_log_write(endpoint->access_log, &line);
}

/* Nothing is in flight any more: tell the handler, if it knows of it, and free it. */
static void connection__end(struct connection *connection)
{
    struct worker *worker = connection->worker;
    const struct pl_handler *handler = connection->endpoint->handler;
    const pl_id id = connection__id(connection);
    const enum close_reason reason = connection__end_reason(connection);
    slot_table_renew(worker_slots(worker),
                     connection->slot); /* the id finds nothing, but is nobody else's yet */
    if (handler->on_close != NULL && !connection->awaits_proxy) {
        connection__enter(connection, id);
        handler->on_close(connection->endpoint->state, id, &connection->user, (int32_t)reason,
                          connection->error);
        connection__leave(connection);
    }
    slot_table_remove(worker_slots(worker), connection->slot);
    worker_count(worker, close_reason_row(reason)->counter, 1);
    connection__log_end(connection, id, reason);
    send_queue_clear(&connection->queue, worker_buffers(worker));
    input_clear(&connection->input, worker_buffers(worker));
    memory_free(connection);
    worker_add_load(worker, -1);
    worker_released(worker);
}

/* Before the client can see that it is over: a client that comes again at once must find its place free. */
static void connection__leave_limits(struct connection *connection)
{
    if (!connection->has_left) {
        connection->has_left = 1;
        admission_leave(connection->endpoint->admission, connection->has_source ? &connection->peer : NULL);
    }
}

static void connection__close_socket(struct connection *connection)
{
    connection->is_closed = 1;
    timer_clear(worker_timers(connection->worker), &connection->timer);
    if (endpoint_has_timer(connection->endpoint)) {
        pulse_clear(connection__pulse(connection), connection->worker);
    }
    connection__leave_limits(connection);
    closesocket(connection->socket);
}

/* Closing with a send stuck leaves it pending, and a receive beside it, until the peer reads: end both
   first. */
static void connection__reset_socket(struct connection *connection)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, (const char *)&reset, sizeof reset);
    if (connection->is_sending) {
        CancelIoEx((HANDLE)connection->socket, NULL);
    }
    connection__close_socket(connection);
}

/* The first reason stands. */
static void connection__reset(struct connection *connection, enum close_reason reason, uint32_t error)
{
    connection->wants_reset = 1;
    if (connection->reason == 0) {
        connection->reason = reason & 31U;
        connection->error = error;
    }
}

/* A call on the socket failed. */
static void connection__fail(struct connection *connection, uint32_t error)
{
    connection__reset(connection, net_outcome_of(error) == NET_RESET ? CLOSED_PEER_RESET : CLOSED_ERROR,
                      error);
}

/* ---- Coming in ---- */

static void connection__fill_info(const struct connection *connection, const struct pl_address *local,
                                  pl_info *info_out)
{
    *info_out = (pl_info){.size = sizeof *info_out,
                          .id = connection__id(connection),
                          .endpoint = connection->endpoint->id,
                          .peer = connection->peer,
                          .local = *local};
    if (connection->is_proxied) {
        info_out->seen = PL_PROXIED;
        info_out->proxy = connection->addresses[ADDRESS_PROXY];
    }
}

/* From here on its handler knows of it. */
static void connection__greet(struct connection *connection, const struct pl_address *local)
{
    const struct endpoint *endpoint = connection->endpoint;
    worker_count(connection->worker, COUNTER_ACCEPTED, 1);
    if (endpoint->handler->on_open == NULL) {
        return;
    }
    pl_info info;
    connection__fill_info(connection, local, &info);
    connection__enter(connection, info.id);
    const int32_t result = endpoint->handler->on_open(endpoint->state, info.id, &connection->user, &info);
    connection__leave(connection);
    if (result < 0) {
        connection__reset(connection, CLOSED_BY_HANDLER, 0);
    }
}

static void connection__refuse_header(struct connection *connection, const char *problem)
{
    endpoint_tell_header(connection->endpoint, worker_now(connection->worker), connection__id(connection),
                         &connection->peer, problem);
    connection__reset(connection, REFUSED_PROXY, 0);
}

static void connection__take_claim(struct connection *connection, const struct claim *claim)
{
    if (claim->is_proxied) {
        connection->is_proxied = 1;
        connection->has_source = claim->refusal == CLOSE_REASON_NONE;
        connection->addresses[ADDRESS_PROXY] = connection->peer;
        connection->addresses[ADDRESS_LOCAL] = claim->destination;
        connection->peer = claim->source;
    }
    if (claim->refusal != CLOSE_REASON_NONE) {
        endpoint_tell(connection->endpoint, worker_now(connection->worker),
                      close_reason_row(claim->refusal)->counter, &connection->peer);
        connection__reset(connection, claim->refusal, 0);
        return;
    }
    connection->awaits_proxy = 0;
    connection__greet(connection, &connection->addresses[ADDRESS_LOCAL]);
}

static void connection__take_header(struct connection *connection)
{
    struct buffer *input = connection->input;
    struct claim claim;
    if (!claim_read(connection->endpoint, input_bytes(input), input_length(input), &claim)) {
        return;
    }
    if (claim.problem != NULL) {
        connection__refuse_header(connection, claim.problem);
    } else {
        input_consume(input, claim.length);
        connection__take_claim(connection, &claim);
    }
}

/* ---- Deadlines ---- */

static struct deadlines connection__deadlines(const struct connection *connection)
{
    return (struct deadlines){.opened = connection->opened,
                              .last_activity = connection->last_activity,
                              .last_progress = connection->last_progress,
                              .awaits_header = connection->awaits_proxy,
                              .awaits_first_byte = connection->bytes_in == 0 && !connection->is_eof,
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
    const bool is_quiet = connection->queued == 0 && (connection->is_receiving || connection->is_eof) &&
                          input_length(connection->input) == 0;
    if (!is_quiet || connection->wants_fin) {
        connection__reset(connection, reason, WSAETIMEDOUT);
        return;
    }
    connection->reason = connection->reason == 0 ? reason & 31U : connection->reason;
    connection->wants_fin = 1;
    connection->drops_input = 1;
}

/* The timer has fired: whether one has passed. What has come before it, and is not read yet, counts: a receive that has
   ended looks again, when it has been told. */
static void connection__check_deadlines(struct connection *connection)
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
        connection__refuse_header(connection, "it did not come within proxy_timeout");
        break;
    case DEADLINE_CLOSE:
        connection__reset(connection, CLOSED_BY_HANDLER, WSAETIMEDOUT);
        break;
    case DEADLINE_SEND:
        connection__reset(connection, CLOSED_SEND_TIMEOUT, WSAETIMEDOUT);
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

/* ---- Sending ---- */

static void connection__count_sent(struct connection *connection, size_t bytes)
{
    connection->bytes_out += bytes;
    worker_count(connection->worker, COUNTER_BYTES_SENT, bytes);
}

static void connection__sent_bytes(struct connection *connection, size_t bytes)
{
    connection__count_sent(connection, bytes);
    connection->last_activity = connection->last_progress = connection__tick(connection);
    connection->is_stalled = 0;
}

static void connection__consume_queue(struct connection *connection, uint32_t bytes)
{
    bytes = bytes < connection->queued ? bytes : connection->queued;
    send_queue_consume(&connection->queue, worker_buffers(connection->worker), bytes);
    connection->queued -= bytes;
    connection__sent_bytes(connection, bytes);
}

static void connection__size_sends(struct connection *connection, uint32_t took)
{
    connection->send_size = call_size_after_send(connection->send_size, took) & CALL_SIZE_BITS;
}

/* Keeps one send in flight while anything is queued. Too little room in the system is no error: it is tried
   again. */
static void connection__pump(struct connection *connection)
{
    while (connection->queued > 0 && !connection->is_sending && !connection->wants_reset) {
        WSABUF buffers[SEND_BUFFERS];
        DWORD bytes = 0;
        const uint32_t size = call_size(connection->send_size);
        const DWORD count = send_queue_gather(&connection->queue, size, buffers, SEND_BUFFERS);
        const int result =
            WSASend(connection->socket, buffers, count, &bytes, 0, operation_begin(&connection->send), NULL);
        const uint32_t error = result == 0 ? 0 : (uint32_t)WSAGetLastError();
        if (error == WSA_IO_PENDING || (error == 0 && !connection->skips)) {
            connection->is_sending = 1;
            connection__hold(connection);
        } else if (error == 0) {
            connection__size_sends(connection, 0);
            connection__consume_queue(connection, bytes);
        } else if (net_outcome_of(error) == NET_BLOCKED) {
            connection->is_stalled = 1;
            return;
        } else {
            connection__fail(connection, error);
        }
    }
}

/* False: calls on this socket without an overlapped might wait, and it is not usable so. */
static bool connection__use_nonblocking(struct connection *connection)
{
    if (!connection->is_nonblocking) {
        const DWORD error = network_set_nonblocking(connection->socket);
        if (error != 0) {
            connection__fail(connection, error);
            return false;
        }
        connection->is_nonblocking = 1;
    }
    return true;
}

/* As much as the system takes at once, straight from the handler's memory. The first bytes of all are copied and go with
   an overlapped. */
static size_t connection__send_now(struct connection *connection, const uint8_t *at, size_t length)
{
    if (connection->bytes_out == 0 || !connection__use_nonblocking(connection)) {
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
        connection__fail(connection, error);
    }
    return 0;
}

/* Settles later, when the caller may be inside a callback: of this connection (its entry settles) or of
   another. */
static void connection__settle_later(struct connection *connection)
{
    if (!connection->is_in_callback) {
        connection__queue_task(connection, RANK_AGAIN);
    }
}

static int32_t connection__append(struct connection *connection, const uint8_t *at, size_t length)
{
    if (connection->queued == 0) {
        connection->last_progress = connection__tick(connection);
    }
    if (!send_queue_append(&connection->queue, worker_buffers(connection->worker), at, length)) {
        connection__reset(connection, CLOSED_ERROR, ERROR_NOT_ENOUGH_MEMORY);
        return PL_NO_MEMORY;
    }
    connection->queued += (uint32_t)length;
    connection__pump(connection);
    connection->is_paused = connection->is_paused || connection->queued >= CONNECTION_QUEUE_HIGH;
    return connection->queued > 0 ? PL_QUEUED : PL_OK;
}

int32_t connection_send(struct worker *worker, pl_id id, const uint8_t *at, size_t length)
{
    struct connection *connection = slot_table_find(worker_slots(worker), id, SLOT_CONNECTION);
    if (connection == NULL || connection->is_closed || connection->wants_reset || connection->wants_fin) {
        return PL_GONE;
    }
    const uint32_t limit = connection->endpoint->config->send_queue;
    if (length > limit) {
        return PL_LIMIT;
    }
    if (length > limit - connection->queued) {
        connection->is_blocked = 1;
        if (connection->endpoint->handler->on_writable == NULL) {
            connection__reset(connection, CLOSED_SLOW_READER, 0);
            connection__settle_later(connection);
        }
        return PL_FULL;
    }
    int32_t result = PL_OK;
    const size_t sent =
        connection->queued == 0 && length > 0 ? connection__send_now(connection, at, length) : 0;
    if (connection->wants_reset) {
        result = PL_GONE;
    } else if (sent < length) {
        result = connection__append(connection, at + sent, length - sent);
    }
    connection__settle_later(connection);
    return result;
}

/* ---- Closing, as asked for ---- */

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
    if (how == PL_RESET) {
        connection__reset(connection, CLOSED_BY_HANDLER, 0);
    } else {
        if (connection->reason == 0 && !connection->is_eof) {
            connection->reason = CLOSED_BY_HANDLER;
        }
        connection->wants_fin = 1;
        connection->drops_input = connection->drops_input || how == PL_GRACEFUL;
    }
    connection__settle_later(connection);
    return PL_OK;
}

/* ---- What else the handler asks for ---- */

/* NULL: it is gone, or ends already. */
static struct connection *connection__find(struct worker *worker, pl_id id)
{
    struct connection *connection = slot_table_find(worker_slots(worker), id, SLOT_CONNECTION);
    return connection == NULL || connection->is_closed || connection->wants_reset ? NULL : connection;
}

int32_t connection_want_writable(struct worker *worker, pl_id id)
{
    struct connection *connection = connection__find(worker, id);
    if (connection == NULL || connection->wants_fin) {
        return PL_GONE;
    }
    if (connection->endpoint->handler->on_writable == NULL) {
        return PL_INVALID;
    }
    connection->is_asked = 1;
    connection__settle_later(connection);
    return PL_OK;
}

int32_t connection_read(struct worker *worker, pl_id id, bool on)
{
    struct connection *connection = connection__find(worker, id);
    if (connection == NULL) {
        return PL_GONE;
    }
    connection->is_resumed = connection->is_resumed || (connection->is_held && on);
    connection->is_held = !on;
    connection__settle_later(connection);
    return PL_OK;
}

int32_t connection_set_timer(struct worker *worker, pl_id id, uint32_t after)
{
    struct connection *connection = connection__find(worker, id);
    if (connection == NULL) {
        return PL_GONE;
    }
    if (!endpoint_has_timer(connection->endpoint)) {
        return PL_INVALID;
    }
    connection->is_rung = 0; /* what has fired, and was not told yet, counts no more */
    pulse_set(connection__pulse(connection), worker, after);
    return PL_OK;
}

/* That of the socket, for it is not kept. A socket that ends may not know it: none. */
static struct pl_address connection__local(const struct connection *connection)
{
    struct pl_address local = {0};
    SOCKADDR_STORAGE address;
    int length = sizeof address;
    if (connection__addresses(connection->endpoint) > 0) {
        local = connection->addresses[ADDRESS_LOCAL];
    } else if (getsockname(connection->socket, (SOCKADDR *)&address, &length) == 0) {
        network_address_from((const SOCKADDR *)&address, &local);
    }
    return local;
}

bool connection_info(struct worker *worker, pl_id id, pl_info *info_out)
{
    const struct connection *connection = connection__find(worker, id);
    if (connection != NULL) {
        const struct pl_address local = connection__local(connection);
        connection__fill_info(connection, &local, info_out);
    }
    return connection != NULL;
}

bool connection_run(struct worker *worker, pl_id id,
                    void (*run)(void *state, pl_id id, void **user, void *what), void *what)
{
    struct connection *connection = slot_table_find(worker_slots(worker), id, SLOT_CONNECTION);
    if (connection == NULL || connection->awaits_proxy) {
        return false;
    }
    connection__hold(connection);
    connection__enter(connection, id);
    run(connection->endpoint->state, id, &connection->user, what);
    connection__leave(connection);
    connection__settle(connection);
    connection__release(connection);
    return true;
}

void connection_abort(struct worker *worker, pl_id id, enum close_reason reason)
{
    struct connection *connection = slot_table_find(worker_slots(worker), id, SLOT_CONNECTION);
    if (connection != NULL && !connection->is_closed) {
        connection__reset(connection, reason, 0);
        connection__settle_later(connection);
    }
}

/* ---- Handing over what came ---- */

static void connection__deliver(struct connection *connection)
{
    const struct endpoint *endpoint = connection->endpoint;
    struct buffer *input = connection->input;
    if (!connection->drops_input && input_length(input) > 0) {
        const pl_id id = connection__id(connection);
        connection__enter(connection, id);
        const size_t consumed = endpoint->handler->on_data(endpoint->state, id, &connection->user,
                                                           input_bytes(input), input_length(input));
        connection__leave(connection);
        input_consume(input, consumed);
        if (!connection->is_blocked && input_length(input) > endpoint_max_input(endpoint)) {
            connection__reset(connection, CLOSED_INPUT_FULL, 0);
        }
    }
    if (connection->drops_input) {
        input_drop(input);
    }
}

static void connection__tell_writable(struct connection *connection)
{
    const struct endpoint *endpoint = connection->endpoint;
    const pl_id id = connection__id(connection);
    connection->is_asked = 0;
    connection__enter(connection, id);
    endpoint->handler->on_writable(endpoint->state, id, &connection->user);
    connection__leave(connection);
}

static bool connection__may_ask(const struct connection *connection)
{
    return connection->is_asked && connection->queued <= CONNECTION_QUEUE_LOW && !connection->is_closed &&
           !connection->wants_reset && !connection->wants_fin;
}

static void connection__writable(struct connection *connection)
{
    if (connection->queued > CONNECTION_QUEUE_LOW || (!connection->is_paused && !connection->is_blocked)) {
        return;
    }
    connection->is_paused = 0;
    if (!connection->is_blocked || connection->wants_reset || connection->drops_input) {
        return;
    }
    connection->is_blocked = 0;
    connection__tell_writable(connection);
    if (!connection->is_blocked && !connection->is_held && !connection->wants_reset &&
        connection->input != NULL) {
        connection__deliver(connection);
    }
}

static void connection__end_of_input(struct connection *connection)
{
    const struct endpoint *endpoint = connection->endpoint;
    struct buffer *input = connection->input;
    connection->is_eof = 1;
    if (connection->awaits_proxy) {
        connection__reset(connection, REFUSED_PROXY, 0); /* a check that only connects, perhaps: no message */
        return;
    }
    if (connection->drops_input || endpoint->handler->on_eof == NULL) {
        connection->wants_fin = 1;
        connection->drops_input = 1;
        return;
    }
    const pl_id id = connection__id(connection);
    connection__enter(connection, id);
    endpoint->handler->on_eof(endpoint->state, id, &connection->user, input_bytes(input),
                              input_length(input));
    connection__leave(connection);
    input_clear(&connection->input, worker_buffers(connection->worker));
}

/* ---- Receiving ---- */

enum read_result { READ_MORE, READ_DRAINED, READ_STOP };

static bool connection__may_read(const struct connection *connection)
{
    if (connection->is_closed || connection->wants_reset || connection->is_eof || connection->is_receiving ||
        connection->is_starved) {
        return false;
    }
    return connection->drops_input ||
           (!connection->is_blocked && !connection->is_paused && !connection->is_held);
}

/* `bytes` more lie in `input`. */
static void connection__take_bytes(struct connection *connection, uint32_t bytes)
{
    if (connection->awaits_proxy) {
        connection__take_header(connection);
        if (connection->awaits_proxy) {
            return;
        }
        bytes = input_length(connection->input); /* those behind it */
    }
    connection->bytes_in += bytes;
    worker_count(connection->worker, COUNTER_BYTES_RECEIVED, bytes);
    /* on_open may have changed everything a moment ago: what it cannot take yet comes behind on_writable, or when it
       reads again. */
    if (!connection->wants_reset &&
        ((!connection->is_blocked && !connection->is_held) || connection->drops_input)) {
        connection__deliver(connection);
    }
}

/* The system has an error, an end or bytes (which lie in `input` already) for us. */
static enum read_result connection__received(struct connection *connection, uint32_t error, uint32_t bytes)
{
    if (error != 0) {
        if (net_outcome_of(error) == NET_BLOCKED) {
            connection->is_starved = 1;
        } else {
            connection__fail(connection, error);
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
    const uint32_t tick = connection__tick(connection);
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
    if (!connection__use_nonblocking(connection)) {
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
        connection__hold(connection);
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
static void connection__read(struct connection *connection, enum read_result state)
{
    const uint64_t enough = connection->bytes_in + READ_BYTES_A_TURN;
    unsigned share = connection__share(connection);
    for (int i = 0; i < READS_A_TURN && share > 0 && connection->bytes_in < enough && state == READ_MORE;
         i++) {
        const uint64_t before = connection->bytes_in;
        state = connection__may_read(connection) ? connection__fetch(connection) : READ_STOP;
        if (connection->bytes_in != before) {
            share = worker_is_turn_over(connection->worker) ? 0 : share - 1;
        }
    }
    if (state == READ_DRAINED && connection__may_read(connection)) {
        state = connection__wait(connection); /* now, and not behind those that have more to say */
    }
    connection->is_drained = state == READ_DRAINED;
}

/* ---- Settling ---- */

static void connection__send_fin(struct connection *connection)
{
    if (shutdown(connection->socket, SD_SEND) != 0) {
        connection__fail(connection, (uint32_t)WSAGetLastError());
        return;
    }
    connection->is_fin_sent = 1;
    connection->last_progress = connection__tick(connection);
}

/* Does what is wanted by now. */
static void connection__settle(struct connection *connection)
{
    if (connection->is_closed) {
        return;
    }
    connection__writable(connection);
    const bool has_said_all = connection->wants_fin && connection->queued == 0;
    if (has_said_all && !connection->is_eof && !connection->is_fin_sent && !connection->wants_reset) {
        connection__send_fin(connection);
    }
    if (connection->wants_reset) {
        connection__reset_socket(connection);
    } else if (has_said_all && connection->is_eof) { /* closing sends our FIN, if it is not out */
        connection__close_socket(connection);
    } else {
        connection__set_timer(connection);
        if (connection__may_read(connection) || connection__may_ask(connection) || connection->is_resumed) {
            /* in its turn, others first */
            connection__queue_task(connection, RANK_AGAIN);
        }
    }
}

/* What the system had no room for. */
static void connection__try_again(struct connection *connection)
{
    connection->is_starved = 0;
    if (connection->is_stalled) {
        connection->is_stalled = 0;
        connection__pump(connection);
    }
}

/* What its handler has asked for. */
static void connection__call_handler(struct connection *connection)
{
    const struct endpoint *endpoint = connection->endpoint;
    if (connection->is_rung && !connection->is_closed) {
        const pl_id id = connection__id(connection);
        connection->is_rung = 0;
        connection__enter(connection, id);
        endpoint->handler->on_timer(endpoint->state, id, &connection->user);
        connection__leave(connection);
    }
    if (connection__may_ask(connection)) {
        connection__tell_writable(connection);
    }
    const bool has_rest = connection->is_resumed && !connection->is_held && !connection->is_blocked;
    connection->is_resumed = 0;
    if (has_rest && connection->input != NULL && !connection->is_closed && !connection->wants_reset) {
        connection__deliver(connection);
    }
}

static void connection__run_task(struct task *task)
{
    struct connection *connection = LIST_ELEMENT(task, struct connection, task);
    connection->is_task_queued = 0;
    if (connection->is_due && !connection->is_closed) {
        connection__try_again(connection);
    }
    connection__call_handler(connection);
    if (connection__may_read(connection)) {
        connection__read(connection, connection->is_drained ? READ_DRAINED : READ_MORE);
    }
    connection__check_deadlines(connection);
    connection__settle(connection);
    connection__release(connection);
}

/* In its turn, likewise. */
static void connection__run_pulse(struct timer *timer)
{
    struct connection *connection = pulse_owner(timer);
    connection->is_rung = 1;
    connection__queue_task(connection, RANK_LATE);
}

/* In its turn: thousands may be late at once. */
static void connection__run_timer(struct timer *timer)
{
    struct connection *connection = LIST_ELEMENT(timer, struct connection, timer);
    connection->is_due = 1;
    connection__queue_task(connection, RANK_LATE);
}

/* A receive has ended; its reference is ours to give back. */
static void connection__run_receive(struct operation *operation, uint32_t error, uint32_t bytes)
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
        connection__read(connection, state);
        connection__check_deadlines(connection);
        connection__settle(connection);
    }
    connection__release(connection);
}

static void connection__run_send(struct operation *operation, uint32_t error, uint32_t bytes)
{
    struct connection *connection = LIST_ELEMENT(operation, struct connection, send);
    connection->is_sending = 0;
    if (connection->is_closed || error != 0) {
        connection__count_sent(connection, bytes); /* a part may have gone, and the peer may have it */
    }
    if (!connection->is_closed) {
        if (error != 0) {
            connection__fail(connection, error);
        } else {
            connection__size_sends(connection, connection__tick(connection) - connection->last_progress);
            connection__consume_queue(connection, bytes);
            connection__pump(connection);
        }
        connection__settle(connection);
    }
    connection__release(connection);
}

/* ---- Opening ---- */

/* Windows does not say whether an accepted socket inherits it; where it does, a call for each is saved. */
static void connection__set_nodelay(const struct connection *connection)
{
    struct endpoint *endpoint = connection->endpoint;
    if (endpoint->nodelay == NODELAY_UNKNOWN) {
        DWORD is_on = FALSE;
        int length = sizeof is_on;
        const int result = getsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, (char *)&is_on, &length);
        InterlockedExchange(&endpoint->nodelay,
                            result == 0 && is_on != FALSE ? NODELAY_INHERITED : NODELAY_OWN);
    }
    if (endpoint->nodelay == NODELAY_OWN) {
        network_set_option(connection->socket, IPPROTO_TCP, TCP_NODELAY, TRUE);
    }
}

static void connection__set_options(const struct connection *connection)
{
    const struct config_endpoint *config = connection->endpoint->config;
    if (config->nodelay) {
        connection__set_nodelay(connection);
    }
    if (config->keepalive) {
        struct tcp_keepalive keepalive = {.onoff = 1,
                                          .keepalivetime = (ULONG)config->keepalive_time,
                                          .keepaliveinterval = (ULONG)config->keepalive_interval};
        DWORD bytes = 0;
        WSAIoctl(connection->socket, SIO_KEEPALIVE_VALS, &keepalive, sizeof keepalive, NULL, 0, &bytes, NULL,
                 NULL);
    }
}

static struct connection *connection__create(struct worker *worker, const struct network *network,
                                             const struct endpoint *endpoint, SOCKET socket)
{
    struct connection *connection = memory_alloc(connection_size(endpoint));
    const uint32_t slot =
        connection != NULL ? slot_table_add(worker_slots(worker), SLOT_CONNECTION, connection) : SLOT_NONE;
    if (slot == SLOT_NONE) {
        memory_free(connection);
        return NULL;
    }
    if (!worker_associate(worker, endpoint->lane, (HANDLE)socket)) {
        slot_table_remove(worker_slots(worker), slot);
        memory_free(connection);
        return NULL;
    }
    connection->slot = slot;
    connection->skips = network_use_skip(network, socket);
    return connection;
}

static void connection__init(struct connection *connection, struct worker *worker, struct endpoint *endpoint,
                             SOCKET socket, const struct pl_address *local, const struct pl_address *peer)
{
    connection->worker = worker;
    connection->endpoint = endpoint;
    connection->socket = socket;
    connection->peer = *peer;
    connection->receive.complete = connection__run_receive;
    connection->send.complete = connection__run_send;
    connection->task.run = connection__run_task;
    timer_init(&connection->timer, connection__run_timer);
    if (endpoint_has_timer(endpoint)) {
        pulse_init(connection__pulse(connection), connection, connection__run_pulse);
    }
    connection->awaits_proxy = admission_has_proxies(endpoint->admission);
    connection->has_source = !connection->awaits_proxy;
    if (connection__addresses(endpoint) > 0) {
        connection->addresses[ADDRESS_LOCAL] = *local;
    }
    connection->opened = connection->last_activity = connection->last_progress = connection__tick(connection);
    connection->opened_rest = deadlines_rest(worker_now(worker)) & 127U;
    connection->is_active = worker_buffers(worker)->parked < CONNECTION_PARKED_NEW;
}

static void connection__refuse(struct worker *worker, struct endpoint *endpoint, SOCKET socket,
                               enum close_reason reason, const struct pl_address *local,
                               const struct pl_address *peer)
{
    admission_turn_back(endpoint->admission, peer);
    network_close_hard(socket);
    endpoint_refused(endpoint, worker, reason, local, peer);
    worker_add_load(worker, -1);
    worker_released(worker);
}

void connection_open(struct worker *worker, const struct network *network, struct endpoint *endpoint,
                     SOCKET socket, const struct pl_address *local, const struct pl_address *peer)
{
    if (endpoint->is_stopping != 0) {
        connection__refuse(worker, endpoint, socket, REFUSED_STOPPING, local, peer);
        return;
    }
    struct connection *connection = connection__create(worker, network, endpoint, socket);
    if (connection == NULL) {
        connection__refuse(worker, endpoint, socket, REFUSED_ERROR, local, peer);
        return;
    }
    connection__init(connection, worker, endpoint, socket, local, peer);
    connection__set_options(connection);
    connection__hold(connection);
    if (connection->awaits_proxy == 0) {
        connection__greet(connection, local);
    }
    connection__read(connection, READ_DRAINED); /* a client usually speaks a moment later */
    connection__settle(connection);
    connection__release(connection);
}

/* All of the worker's, or those that no handler knows of. */
static void connection__stop(struct worker *worker, bool is_for_all)
{
    struct connection *connection = NULL;
    for (uint32_t slot = 0;
         (connection = slot_table_next(worker_slots(worker), SLOT_CONNECTION, &slot)) != NULL;) {
        if (!connection->is_closed && (is_for_all || connection->awaits_proxy)) {
            connection__hold(connection);
            connection__reset(connection, CLOSED_STOPPING, 0);
            connection__settle(connection);
            connection__release(connection);
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

size_t connection_size(const struct endpoint *endpoint)
{
    return sizeof(struct connection) + connection__addresses(endpoint) * sizeof(struct pl_address) +
           (endpoint_has_timer(endpoint) ? sizeof(struct pulse) : 0);
}
