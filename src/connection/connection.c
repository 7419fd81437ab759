/* SPDX-License-Identifier: MIT
   One TCP client, see connection.h.

   Life. A reference is held for each call in flight, each queued task and each entry from outside; the object
   goes with the last one, once its socket is closed. Whatever happens first notes what is wanted
   (wants_reset, wants_fin ...); connection__settle, at the end of each entry, does it. So a handler's
   callback never changes anything under its caller's feet.

   Reading. A connection that waits holds no buffer: a receive of no bytes waits, then the bytes are fetched
   without waiting. One that has just been active waits with a small buffer instead, which saves a call a
   message. */
#include "connection/connection.h"

#include <assert.h>
#include <string.h>

#include "accept/admission.h"
#include "accept/proxy_header.h"
#include "base/memory.h"
#include "connection/send_queue.h"
#include "io/net_error.h"
#include "stats/close_reason.h"

enum {
    READS_A_TURN = 32,
    READ_BYTES_A_TURN = 262144,
    SIZE_CLASSES = 3,   /* reads, and sends that wait, of 4, 16 and 64 KB */
    SEND_BUFFERS = 16,  /* gathered into one call */
    SEND_BYTES = 65536, /* and bytes of a send that does not wait */
    SEND_QUICK = 1,     /* a send that waited for so many ticks or less: the next one may be larger */
    SEND_SLOW = 10,     /* for more than so many: it must be small */
    RETRY_DELAY = 100,  /* milliseconds until a call that the system had no room for is made again */
    ACTIVE_TICKS = 1    /* active again within this: the next receive waits with a buffer */
};

struct connection {
    struct operation receive;
    struct operation send;
    struct timer timer; /* one for all deadlines, set to the earliest */
    struct task task;   /* settle and read on, when its turn comes */
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
    unsigned reason : 5;     /* enum close_reason; 0 until something other than the peer's FIN ends it */
    unsigned read_class : 2; /* size of the next read */
    unsigned send_class : 2; /* and of the next send that waits */
    unsigned skips : 1;
    unsigned is_in_callback : 1;
    unsigned is_task_queued : 1;
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
    struct pl_address addresses[]; /* see connection__addresses */
};

/* The address that the client asked for, for the access log; where it may come through a proxy, the proxy's, too. */
enum { ADDRESS_LOCAL, ADDRESS_PROXY, ADDRESSES };

static_assert(sizeof(struct connection) <= 256, "what an idle connection costs");

static void connection__end(struct connection *connection);
static void connection__settle(struct connection *connection);

/* ---- Clock ---- */

static uint32_t connection__tick(const struct connection *connection)
{
    return (uint32_t)(worker_now(connection->worker) / TIMER_TICK);
}

static uint32_t connection__class_size(unsigned size_class)
{
    return (uint32_t)BUFFER_SMALL << 2 * size_class;
}

/* When `delay` milliseconds have passed since some moment of the tick `stamp`, in the time of the worker's
   clock. */
static uint64_t connection__due(const struct connection *connection, uint32_t stamp, uint64_t delay)
{
    const uint64_t now = worker_now(connection->worker) / TIMER_TICK;
    const uint64_t since = (uint32_t)now - stamp;
    return delay == 0 ? UINT64_MAX : (now - since + 1) * TIMER_TICK + delay;
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
static void connection__queue_task(struct connection *connection)
{
    if (!connection->is_task_queued) {
        connection->is_task_queued = 1;
        connection__hold(connection);
        worker_queue(connection->worker, &connection->task);
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
    return admission_has_proxies(endpoint->admission) ? ADDRESSES : endpoint->access_log != NULL;
}

static uint64_t connection__age(const struct connection *connection)
{
    const uint64_t now = worker_now(connection->worker);
    const uint64_t ticks = now / TIMER_TICK - (uint32_t)(now / TIMER_TICK - connection->opened);
    return now - (ticks * TIMER_TICK + connection->opened_rest);
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
                               .duration = connection__age(connection),
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
    buffer_put(worker_buffers(worker), connection->input);
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

/* From here on its handler knows of it. */
static void connection__greet(struct connection *connection, const struct pl_address *local)
{
    const struct endpoint *endpoint = connection->endpoint;
    worker_count(connection->worker, COUNTER_ACCEPTED, 1);
    if (endpoint->handler->on_open == NULL) {
        return;
    }
    pl_info info = {.size = sizeof info,
                    .id = connection__id(connection),
                    .endpoint = endpoint->id,
                    .peer = connection->peer,
                    .local = *local};
    if (connection->is_proxied) {
        info.seen = PL_PROXIED;
        info.proxy = connection->addresses[ADDRESS_PROXY];
    }
    connection__enter(connection, info.id);
    const int32_t result = endpoint->handler->on_open(endpoint->state, info.id, &connection->user, &info);
    connection__leave(connection);
    if (result < 0) {
        connection__reset(connection, CLOSED_BY_HANDLER, 0);
    }
}

/* Told now and then; each one is counted. */
static void connection__refuse_header(struct connection *connection, const char *problem)
{
    struct endpoint *endpoint = connection->endpoint;
    if (endpoint_may_tell(endpoint, worker_now(connection->worker))) {
        char room[ADDRESS_TEXT_ROOM];
        struct text peer;
        text_init(&peer, room, sizeof room);
        address_add_with_port(&peer, &connection->peer);
        log_write(endpoint->log, EVENT_PROXY_HEADER_REFUSED, endpoint->config->name,
                  connection__id(connection),
                  "the proxy %s sent no good PROXY header: %s; more of these are only counted for a minute",
                  room, problem);
    }
    connection__reset(connection, REFUSED_PROXY, 0);
}

/* The header names the client, unless the proxy itself is one: a health check. */
static void connection__take_claim(struct connection *connection, const struct proxy_header *header)
{
    static const enum close_reason reasons[] = {[ADMISSION_ACL] = REFUSED_ACL,
                                                [ADMISSION_PER_SOURCE] = REFUSED_PER_SOURCE,
                                                [ADMISSION_NO_MEMORY] = REFUSED_ERROR};
    if (!header->is_local) {
        connection->is_proxied = 1;
        connection->addresses[ADDRESS_PROXY] = connection->peer;
        connection->addresses[ADDRESS_LOCAL] = header->destination;
        connection->peer = header->source;
        const enum admission_verdict verdict =
            admission_claim(connection->endpoint->admission, &connection->peer);
        if (verdict != ADMISSION_GRANTED) {
            connection__reset(connection, reasons[verdict], 0);
            return;
        }
        connection->has_source = 1;
    }
    connection->awaits_proxy = 0;
    connection__greet(connection, &connection->addresses[ADDRESS_LOCAL]);
}

static void connection__take_header(struct connection *connection)
{
    struct buffer *input = connection->input;
    struct proxy_header header;
    const enum proxy_result result =
        proxy_header_read(connection->endpoint->config->proxy_protocol, false,
                          buffer_bytes(input) + input->start, buffer_used(input), &header);
    if (result == PROXY_BAD) {
        connection__refuse_header(connection, header.problem);
    } else if (result == PROXY_DONE) {
        input->start += (uint32_t)header.length;
        connection__take_claim(connection, &header);
    }
}

/* ---- Deadlines ---- */

static uint64_t connection__earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t connection__next_deadline(const struct connection *connection)
{
    const struct config_endpoint *config = connection->endpoint->config;
    uint64_t due = UINT64_MAX;
    if (connection->is_stalled || connection->is_starved) {
        due = worker_now(connection->worker) + RETRY_DELAY;
    }
    if (connection->awaits_proxy) {
        return connection__earliest(due,
                                    connection__due(connection, connection->opened, config->proxy_timeout));
    }
    due = connection__earliest(due, connection__due(connection, connection->opened, config->lifetime));
    if (connection->is_fin_sent) {
        return connection__earliest(
            due, connection__due(connection, connection->last_progress, config->close_timeout));
    }
    if (connection->bytes_in == 0 && !connection->is_eof) {
        due = connection__earliest(
            due, connection__due(connection, connection->opened, config->first_byte_timeout));
    }
    if (connection->queued > 0) {
        due = connection__earliest(
            due, connection__due(connection, connection->last_progress, config->send_timeout));
    }
    return connection__earliest(due,
                                connection__due(connection, connection->last_activity, config->idle_timeout));
}

/* Activity only moves deadlines away: a timer that is set early enough stays, and looks again when it
   fires. */
static void connection__set_timer(struct connection *connection)
{
    const uint64_t due = connection__next_deadline(connection);
    const bool is_set = !list_is_empty(&connection->timer.node);
    if (due != UINT64_MAX && (!is_set || due < connection->timer.due)) {
        timer_set(worker_timers(connection->worker), &connection->timer, due);
    }
}

static bool connection__is_past(const struct connection *connection, uint32_t stamp, uint64_t delay)
{
    return connection__due(connection, stamp, delay) <= worker_now(connection->worker);
}

/* In order when nothing is queued or unread; with a receive waiting there is nothing unread. */
static void connection__expire(struct connection *connection, enum close_reason reason)
{
    const bool is_quiet = connection->queued == 0 && (connection->is_receiving || connection->is_eof) &&
                          (connection->input == NULL || buffer_used(connection->input) == 0);
    if (!is_quiet || connection->wants_fin) {
        connection__reset(connection, reason, WSAETIMEDOUT);
        return;
    }
    connection->reason = connection->reason == 0 ? reason & 31U : connection->reason;
    connection->wants_fin = 1;
    connection->drops_input = 1;
}

static void connection__check_deadlines(struct connection *connection)
{
    const struct config_endpoint *config = connection->endpoint->config;
    if (connection->awaits_proxy) {
        if (connection__is_past(connection, connection->opened, config->proxy_timeout)) {
            connection__refuse_header(connection, "it did not come within proxy_timeout");
        }
    } else if (connection->is_fin_sent) {
        if (connection__is_past(connection, connection->last_progress, config->close_timeout)) {
            connection__reset(connection, CLOSED_BY_HANDLER, WSAETIMEDOUT);
        } else if (connection__is_past(connection, connection->opened, config->lifetime)) {
            connection__reset(connection, CLOSED_LIFETIME, WSAETIMEDOUT);
        }
    } else if (connection->queued > 0 &&
               connection__is_past(connection, connection->last_progress, config->send_timeout)) {
        connection__reset(connection, CLOSED_SEND_TIMEOUT, WSAETIMEDOUT);
    } else if (connection->bytes_in == 0 && !connection->is_eof &&
               connection__is_past(connection, connection->opened, config->first_byte_timeout)) {
        connection__expire(connection, CLOSED_FIRST_BYTE_TIMEOUT);
    } else if (connection__is_past(connection, connection->last_activity, config->idle_timeout)) {
        connection__expire(connection, CLOSED_IDLE);
    } else if (connection__is_past(connection, connection->opened, config->lifetime)) {
        connection__expire(connection, CLOSED_LIFETIME);
    }
}

/* ---- Sending ---- */

static void connection__sent_bytes(struct connection *connection, size_t bytes)
{
    connection->bytes_out += bytes;
    connection->last_activity = connection->last_progress = connection__tick(connection);
    connection->is_stalled = 0;
    worker_count(connection->worker, COUNTER_BYTES_SENT, bytes);
}

static void connection__consume_queue(struct connection *connection, uint32_t bytes)
{
    bytes = bytes < connection->queued ? bytes : connection->queued;
    send_queue_consume(&connection->queue, worker_buffers(connection->worker), bytes);
    connection->queued -= bytes;
    connection__sent_bytes(connection, bytes);
}

/* A send that waits tells of no progress before its last byte has gone: to a slow reader they are small, so that
   send_timeout sees a byte now and then. `took` ticks. */
static void connection__size_sends(struct connection *connection, uint32_t took)
{
    if (took > SEND_SLOW) {
        connection->send_class = 0;
    } else if (took <= SEND_QUICK && connection->send_class < SIZE_CLASSES - 1) {
        connection->send_class = (connection->send_class + 1U) & 3U;
    }
}

/* Keeps one send in flight while anything is queued. Too little room in the system is no error: it is tried
   again. */
static void connection__pump(struct connection *connection)
{
    while (connection->queued > 0 && !connection->is_sending && !connection->wants_reset) {
        WSABUF buffers[SEND_BUFFERS];
        DWORD bytes = 0;
        const uint32_t size = connection__class_size(connection->send_class);
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

/* As much as the system takes at once, straight from the handler's memory. */
static size_t connection__send_now(struct connection *connection, const uint8_t *at, size_t length)
{
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
        connection__queue_task(connection);
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

void connection_overrun(struct worker *worker, pl_id id)
{
    struct connection *connection = slot_table_find(worker_slots(worker), id, SLOT_CONNECTION);
    if (connection != NULL && !connection->is_closed) {
        connection__reset(connection, CLOSED_SLOW_READER, 0);
        connection__settle_later(connection);
    }
}

/* ---- Handing over what came ---- */

static void connection__deliver(struct connection *connection)
{
    const struct endpoint *endpoint = connection->endpoint;
    struct buffer *input = connection->input;
    const uint32_t length = buffer_used(input);
    if (!connection->drops_input && length > 0) {
        const pl_id id = connection__id(connection);
        connection__enter(connection, id);
        const size_t consumed = endpoint->handler->on_data(endpoint->state, id, &connection->user,
                                                           buffer_bytes(input) + input->start, length);
        connection__leave(connection);
        input->start += consumed < length ? (uint32_t)consumed : length;
        if (!connection->is_blocked && buffer_used(input) > endpoint_max_input(endpoint)) {
            connection__reset(connection, CLOSED_INPUT_FULL, 0);
        }
    }
    if (connection->drops_input || buffer_used(input) == 0) {
        input->start = input->end = 0;
    }
}

static void connection__writable(struct connection *connection)
{
    const struct endpoint *endpoint = connection->endpoint;
    if (connection->queued > CONNECTION_QUEUE_LOW || (!connection->is_paused && !connection->is_blocked)) {
        return;
    }
    connection->is_paused = 0;
    if (!connection->is_blocked || connection->wants_reset || connection->drops_input) {
        return;
    }
    connection->is_blocked = 0;
    const pl_id id = connection__id(connection);
    connection__enter(connection, id);
    endpoint->handler->on_writable(endpoint->state, id, &connection->user);
    connection__leave(connection);
    if (!connection->is_blocked && !connection->wants_reset && connection->input != NULL) {
        connection__deliver(connection);
    }
}

static void connection__end_of_input(struct connection *connection)
{
    const struct endpoint *endpoint = connection->endpoint;
    const struct buffer *input = connection->input;
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
    endpoint->handler->on_eof(endpoint->state, id, &connection->user,
                              input != NULL ? buffer_bytes(connection->input) + input->start : NULL,
                              input != NULL ? buffer_used(input) : 0);
    connection__leave(connection);
    buffer_put(worker_buffers(connection->worker), connection->input);
    connection->input = NULL;
}

/* ---- Receiving ---- */

enum read_result { READ_MORE, READ_DRAINED, READ_STOP };

static bool connection__may_read(const struct connection *connection)
{
    if (connection->is_closed || connection->wants_reset || connection->is_eof || connection->is_receiving ||
        connection->is_starved) {
        return false;
    }
    return connection->drops_input || (!connection->is_blocked && !connection->is_paused);
}

/* `bytes` more lie in `input`. */
static void connection__take_bytes(struct connection *connection, uint32_t bytes)
{
    if (connection->awaits_proxy) {
        connection__take_header(connection);
        if (connection->awaits_proxy) {
            return;
        }
        bytes = buffer_used(connection->input); /* those behind it */
    }
    connection->bytes_in += bytes;
    worker_count(connection->worker, COUNTER_BYTES_RECEIVED, bytes);
    if (!connection->wants_reset) { /* by on_open, a moment ago */
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
        connection__end_of_input(connection);
        return READ_STOP;
    }
    struct buffer *input = connection->input;
    const uint32_t tick = connection__tick(connection);
    const bool is_filled = bytes == input->size - input->end, is_sparse = bytes < input->size / 4;
    input->end += bytes;
    connection->is_active = tick - connection->last_activity <= ACTIVE_TICKS;
    connection->last_activity = tick;
    if (connection->is_fin_sent && !connection->drops_input) {
        connection->last_progress = tick; /* half closed: close_timeout begins again */
    }
    if (is_filled && connection->read_class < SIZE_CLASSES - 1) {
        connection->read_class = (connection->read_class + 1U) & 3U;
    } else if (is_sparse && connection->read_class > 0) {
        connection->read_class = (connection->read_class - 1U) & 3U;
    }
    connection__take_bytes(connection, bytes);
    return is_filled ? READ_MORE : READ_DRAINED;
}

/* A buffer with room behind what is not consumed yet. */
static bool connection__make_room(struct connection *connection)
{
    struct buffer_pool *pool = worker_buffers(connection->worker);
    struct buffer *input = connection->input;
    const uint32_t wanted = connection__class_size(connection->read_class);
    const uint32_t rest = input != NULL ? buffer_used(input) : 0;
    if (input != NULL && (rest == 0 ? input->size >= wanted : input->end < input->size)) {
        return true;
    }
    struct buffer *larger = buffer_get(pool, rest == 0 ? wanted : rest + BUFFER_SMALL + rest / 2);
    if (larger == NULL) {
        return false;
    }
    if (rest > 0) {
        memcpy(buffer_bytes(larger), buffer_bytes(input) + input->start, rest);
        larger->end = rest;
    }
    buffer_put(pool, input);
    connection->input = larger;
    return true;
}

/* Fetches what is there, without waiting. */
static enum read_result connection__fetch(struct connection *connection)
{
    if (!connection__make_room(connection)) {
        connection->is_starved = 1;
        return READ_STOP;
    }
    struct buffer *input = connection->input;
    WSABUF room = {.buf = (char *)buffer_bytes(input) + input->end, .len = input->size - input->end};
    DWORD bytes = 0, flags = 0;
    const int result = WSARecv(connection->socket, &room, 1, &bytes, &flags, NULL, NULL);
    const uint32_t error = result == 0 ? 0 : (uint32_t)WSAGetLastError();
    return error == WSAEWOULDBLOCK ? READ_DRAINED : connection__received(connection, error, bytes);
}

/* What a receive is to wait with: a small buffer for a connection that was active just now, else nothing. */
static WSABUF connection__waiting_room(struct connection *connection)
{
    struct buffer_pool *pool = worker_buffers(connection->worker);
    WSABUF nothing = {0};
    if (connection->input != NULL && buffer_used(connection->input) > 0) {
        return nothing;
    }
    const bool parks = connection->is_active && pool->parked + BUFFER_SMALL <= CONNECTION_PARKED_MAX;
    if (connection->input != NULL && (!parks || connection->input->size != BUFFER_SMALL)) {
        buffer_put(pool, connection->input);
        connection->input = NULL;
    }
    if (parks && connection->input == NULL) {
        connection->input = buffer_get(pool, BUFFER_SMALL);
    }
    if (connection->input == NULL) {
        return nothing;
    }
    return (WSABUF){.buf = (char *)buffer_bytes(connection->input), .len = connection->input->size};
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

/* Reads that bring something, shared with those that wait in this turn: a hundred busy connections must not keep
   a quiet one waiting for a hundred times READS_A_TURN. */
static unsigned connection__share(const struct connection *connection)
{
    const unsigned share = READS_A_TURN / (1 + worker_waiting(connection->worker));
    return share > 0 ? share : 1;
}

static void connection__read(struct connection *connection, enum read_result state)
{
    const uint64_t enough = connection->bytes_in + READ_BYTES_A_TURN;
    unsigned share = connection__share(connection);
    for (int i = 0; i < READS_A_TURN && share > 0 && connection->bytes_in < enough && state != READ_STOP;
         i++) {
        const uint64_t before = connection->bytes_in;
        if (!connection__may_read(connection)) {
            state = READ_STOP;
        } else {
            state = state == READ_DRAINED ? connection__wait(connection) : connection__fetch(connection);
        }
        share -= connection->bytes_in != before;
    }
    if (share == 0 && state == READ_DRAINED && connection__may_read(connection)) {
        connection__wait(connection); /* now, and not behind those that have more to say */
    }
}

/* ---- Settling ---- */

static void connection__send_fin(struct connection *connection)
{
    if (connection->is_eof) {
        connection__leave_limits(connection);
    }
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
    if (connection->wants_fin && !connection->is_fin_sent && connection->queued == 0 &&
        !connection->wants_reset) {
        connection__send_fin(connection);
    }
    if (connection->wants_reset) {
        connection__reset_socket(connection);
    } else if (connection->is_fin_sent && connection->is_eof) {
        connection__close_socket(connection);
    } else {
        connection__set_timer(connection);
        if (connection__may_read(connection)) { /* in its turn, others first */
            connection__queue_task(connection);
        }
    }
}

static void connection__run_task(struct task *task)
{
    struct connection *connection = LIST_ELEMENT(task, struct connection, task);
    connection->is_task_queued = 0;
    if (connection__may_read(connection)) {
        connection__read(connection, READ_MORE);
    }
    connection__settle(connection);
    connection__release(connection);
}

static void connection__run_timer(struct timer *timer)
{
    struct connection *connection = LIST_ELEMENT(timer, struct connection, timer);
    connection__hold(connection);
    connection->is_starved = 0;
    if (connection->is_stalled) {
        connection->is_stalled = 0;
        connection__pump(connection);
    }
    connection__check_deadlines(connection);
    connection__settle(connection);
    connection__release(connection);
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
        connection__settle(connection);
    }
    connection__release(connection);
}

static void connection__run_send(struct operation *operation, uint32_t error, uint32_t bytes)
{
    struct connection *connection = LIST_ELEMENT(operation, struct connection, send);
    connection->is_sending = 0;
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

static void connection__set_options(const struct connection *connection)
{
    const struct config_endpoint *config = connection->endpoint->config;
    if (config->nodelay) {
        network_set_option(connection->socket, IPPROTO_TCP, TCP_NODELAY, TRUE);
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
    struct connection *connection =
        memory_alloc(sizeof *connection + connection__addresses(endpoint) * sizeof connection->addresses[0]);
    const uint32_t slot =
        connection != NULL ? slot_table_add(worker_slots(worker), SLOT_CONNECTION, connection) : SLOT_NONE;
    if (slot == SLOT_NONE) {
        memory_free(connection);
        return NULL;
    }
    if (network_set_nonblocking(socket) != 0 || !worker_associate(worker, (HANDLE)socket)) {
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
    connection->awaits_proxy = admission_has_proxies(endpoint->admission);
    connection->has_source = !connection->awaits_proxy;
    if (connection__addresses(endpoint) > 0) {
        connection->addresses[ADDRESS_LOCAL] = *local;
    }
    connection->opened = connection->last_activity = connection->last_progress = connection__tick(connection);
    connection->opened_rest = worker_now(worker) % TIMER_TICK & 127U;
}

static void connection__refuse(struct worker *worker, const struct endpoint *endpoint, SOCKET socket,
                               enum close_reason reason, const struct pl_address *local,
                               const struct pl_address *peer)
{
    admission_leave(endpoint->admission, admission_has_proxies(endpoint->admission) ? NULL : peer);
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

void connection_reset_all(struct worker *worker)
{
    struct connection *connection = NULL;
    for (uint32_t slot = 0;
         (connection = slot_table_next(worker_slots(worker), SLOT_CONNECTION, &slot)) != NULL;) {
        if (!connection->is_closed) {
            connection__hold(connection);
            connection__reset(connection, CLOSED_STOPPING, 0);
            connection__settle(connection);
            connection__release(connection);
        }
    }
}

size_t connection_size(void)
{
    return sizeof(struct connection);
}
