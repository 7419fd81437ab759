/* SPDX-License-Identifier: MIT
   One UDP socket, see udp_endpoint.h.

   Idle: one receive of no bytes with MSG_PEEK is in flight; when it ends, what has come is fetched without
   waiting. Busy (two full batches in a row): several receives with buffers are in flight; all end on this
   worker, in order. When it grows quiet they are cancelled, and it is idle again. Where the machine cannot
   peek, it is always busy, with one receive. */
#include "connection/udp_endpoint.h"

#include "base/memory.h"
#include "io/backoff.h"
#include "io/net_error.h"
#include "io/packet_info.h"

enum {
    UDP_BATCH = 32, /* datagrams fetched in one turn */
    UDP_BUSY_BATCHES = 2,
    UDP_QUIET = 1000,        /* milliseconds between two looks at how busy it is */
    UDP_RESETS_MAX = 64,     /* in a row without a datagram: no longer other machines' doing */
    UDP_DATAGRAM_MAX = 65507 /* RFC 768 over IPv4: 65535 - 20 - 8 */
};

/* A datagram with where it came from and where it was sent to. */
struct udp_datagram {
    SOCKADDR_STORAGE peer;
    struct pl_address local;
    WSAMSG message;
    WSABUF buffer;
    struct packet_info control;
};

/* One receive in flight with a buffer of its own. */
struct udp_receive {
    struct operation operation;
    struct udp_endpoint *udp;
    struct buffer *buffer;
    struct udp_datagram datagram;
};

struct udp_endpoint {
    struct worker *worker;
    const struct network *network;
    struct endpoint *endpoint;
    const struct udp_events *events;
    void *owner;
    SOCKET socket;
    struct pl_address local;
    bool is_any; /* bound to a wildcard: answers must name the address they leave from */
    struct operation peek;
    uint32_t in_flight; /* operations */
    uint32_t receives;  /* of these, with a buffer */
    uint32_t full_batches;
    uint32_t since_look; /* datagrams */
    uint32_t resets;     /* in a row */
    bool is_stopping;
    bool is_broken;
    bool is_peeking; /* `peek` is in flight */
    bool is_busy;
    bool is_task_queued;
    struct task task; /* fetch the next batch, when its turn comes */
    struct backoff backoff;
    struct timer quiet;
    struct message start;
    struct message stop;
    const struct udp_datagram *current; /* during on_datagram */
};

static void udp__be_busy(struct udp_endpoint *udp);
static void udp__fetch(struct udp_endpoint *udp);
static void udp__wait(struct udp_endpoint *udp);

/* ---- Datagrams ---- */

static size_t udp__room(const struct udp_endpoint *udp)
{
    return udp->endpoint->config->max_datagram;
}

static void udp_datagram__init(struct udp_datagram *datagram, struct buffer *buffer, size_t room)
{
    datagram->buffer = (WSABUF){.buf = (char *)buffer_bytes(buffer), .len = (ULONG)room};
    datagram->message =
        (WSAMSG){.name = (SOCKADDR *)&datagram->peer,
                 .namelen = sizeof datagram->peer,
                 .lpBuffers = &datagram->buffer,
                 .dwBufferCount = 1,
                 .Control = {.buf = (char *)&datagram->control, .len = sizeof datagram->control}};
}

static void udp__call_handler(struct udp_endpoint *udp, struct udp_datagram *datagram, uint32_t length,
                              const struct pl_info *info)
{
    const struct pl_handler *handler = udp->endpoint->handler;
    void *user = NULL;
    udp->current = datagram;
    worker_enter(udp->worker, udp->endpoint->config->name, handler->name, info->id);
    handler->on_datagram(udp->endpoint->state, info->id, &user, (const uint8_t *)datagram->buffer.buf, length,
                         info);
    worker_leave(udp->worker);
    udp->current = NULL;
}

static void udp__deliver(struct udp_endpoint *udp, struct udp_datagram *datagram, uint32_t length,
                         bool is_truncated)
{
    struct worker *worker = udp->worker;
    udp->since_look++;
    if (udp->endpoint->is_paused != 0) {
        worker_count(worker, COUNTER_DATAGRAMS_REFUSED_PAUSED, 1);
        return;
    }
    const uint32_t slot = slot_table_add(worker_slots(worker), SLOT_DATAGRAM, udp);
    if (slot == SLOT_NONE) {
        worker_count(worker, COUNTER_RECEIVE_FAILURES, 1);
        return;
    }
    struct pl_info info = {.size = sizeof info,
                           .seen = is_truncated ? PL_TRUNCATED : 0,
                           .id = slot_table_id(worker_slots(worker), slot),
                           .endpoint = udp->endpoint->id};
    network_address_from((const SOCKADDR *)&datagram->peer, &info.peer);
    datagram->local = udp->local; /* where the system does not tell which one was asked */
    packet_info_find(&datagram->control, datagram->message.Control.len, &datagram->local);
    info.local = datagram->local;
    worker_count(worker, COUNTER_DATAGRAMS_RECEIVED, 1);
    worker_count(worker, COUNTER_DATAGRAM_BYTES_RECEIVED, length);
    worker_count(worker, COUNTER_DATAGRAMS_TRUNCATED, is_truncated);
    udp__call_handler(udp, datagram, length, &info);
    slot_table_remove(worker_slots(worker), slot);
}

/* ---- Answers ---- */

int32_t udp_endpoint_send(struct worker *worker, pl_id id, const uint8_t *at, size_t length)
{
    struct udp_endpoint *udp = slot_table_find(worker_slots(worker), id, SLOT_DATAGRAM);
    if (udp == NULL || udp->current == NULL) {
        return PL_GONE;
    }
    if (length > UDP_DATAGRAM_MAX) {
        return PL_LIMIT;
    }
    const struct udp_datagram *question = udp->current;
    struct packet_info control;
    SOCKADDR_STORAGE peer = question->peer;
    WSABUF buffer = {.buf = (char *)(uintptr_t)at, .len = (ULONG)length};
    WSAMSG answer = {.name = (SOCKADDR *)&peer,
                     .namelen = question->message.namelen,
                     .lpBuffers = &buffer,
                     .dwBufferCount = 1};
    if (udp->is_any && !address_is_any(&question->local)) {
        answer.Control =
            (WSABUF){.buf = (char *)&control, .len = packet_info_set(&control, &question->local)};
    }
    DWORD bytes = 0;
    if (udp->network->send_message(udp->socket, &answer, 0, &bytes, NULL, NULL) != 0) {
        worker_count(worker, COUNTER_DATAGRAMS_UNSENT, 1);
    } else {
        worker_count(worker, COUNTER_DATAGRAMS_SENT, 1);
        worker_count(worker, COUNTER_DATAGRAM_BYTES_SENT, length);
    }
    return PL_OK;
}

/* ---- Ending and failing ---- */

static void udp__end_if_done(struct udp_endpoint *udp)
{
    if (udp->is_stopping && udp->in_flight == 0 && !udp->is_task_queued) {
        udp->events->stopped(udp->owner);
    }
}

static void udp__run_stop(struct message *message, struct worker *worker)
{
    (void)worker;
    struct udp_endpoint *udp = LIST_ELEMENT(message, struct udp_endpoint, stop);
    udp->is_stopping = true;
    backoff_stop(&udp->backoff);
    timer_clear(worker_timers(udp->worker), &udp->quiet);
    CancelIoEx((HANDLE)udp->socket, NULL);
    closesocket(udp->socket);
    udp__end_if_done(udp);
}

static bool udp__socket_is_dead(const struct udp_endpoint *udp)
{
    int type = 0, length = sizeof type;
    return getsockopt(udp->socket, SOL_SOCKET, SO_TYPE, (char *)&type, &length) != 0;
}

/* No receive error ends the receiving, but our own close and the death of the socket. */
static void udp__fail(struct udp_endpoint *udp, uint32_t error)
{
    worker_count(udp->worker, COUNTER_RECEIVE_FAILURES, 1);
    if ((error == WSAENOTSOCK || error == WSAEINVAL) && udp__socket_is_dead(udp)) {
        if (!udp->is_broken) {
            udp->is_broken = true;
            udp->events->broken(udp->owner, error);
        }
        return;
    }
    backoff_fail(&udp->backoff, worker_now(udp->worker), error, BACKOFF_MAX);
}

/* An ICMP answer to an earlier datagram of ours: the next receive may bring more. True: it is too many of them. */
static bool udp__reset(struct udp_endpoint *udp)
{
    worker_count(udp->worker, COUNTER_RECEIVE_FAILURES, 1);
    return ++udp->resets > UDP_RESETS_MAX;
}

/* ---- Idle: peek and fetch ---- */

static void udp__run_peek(struct operation *operation, uint32_t error, uint32_t bytes)
{
    (void)bytes;
    struct udp_endpoint *udp = LIST_ELEMENT(operation, struct udp_endpoint, peek);
    udp->is_peeking = false;
    udp->in_flight--;
    const enum net_outcome outcome = net_outcome_of(error);
    if (udp->is_stopping) {
        udp__end_if_done(udp);
    } else if (outcome == NET_DONE || outcome == NET_TRUNCATED ||
               (outcome == NET_RESET && !udp__reset(udp))) {
        udp__fetch(udp); /* a datagram of no bytes, or of some; behind a reset there may be one as well */
    } else {
        udp__fail(udp, error);
    }
}

static void udp__peek(struct udp_endpoint *udp)
{
    WSABUF nothing = {0};
    DWORD bytes = 0, flags = MSG_PEEK;
    const int result = WSARecv(udp->socket, &nothing, 1, &bytes, &flags, operation_begin(&udp->peek), NULL);
    const uint32_t error = result == 0 ? 0 : (uint32_t)WSAGetLastError();
    if (error != 0 && error != WSA_IO_PENDING && error != WSAEMSGSIZE) {
        udp__fail(udp, error);
        return;
    }
    udp->is_peeking =
        true; /* what it returned at once, a message that is too long included, comes by the port again */
    udp->in_flight++;
}

/* Hands over what a receive brought. 0, or an error that is none of a datagram. */
static uint32_t udp__received(struct udp_endpoint *udp, struct udp_datagram *datagram, uint32_t error,
                              uint32_t bytes)
{
    if (net_outcome_of(error) == NET_RESET) {
        return udp__reset(udp) ? error : 0;
    }
    if (error != 0 && net_outcome_of(error) != NET_TRUNCATED) {
        return error;
    }
    const DWORD flags = datagram->message.dwFlags; /* the packet information may be what was cut */
    const bool is_truncated = (flags & MSG_TRUNC) != 0 || (error != 0 && (flags & MSG_CTRUNC) == 0);
    udp->resets = 0;
    backoff_succeed(&udp->backoff, worker_now(udp->worker));
    udp__deliver(udp, datagram, is_truncated ? (uint32_t)udp__room(udp) : bytes, is_truncated);
    return 0;
}

/* One datagram, without waiting. 0, WSAEWOULDBLOCK, or another error. */
static uint32_t udp__fetch_one(struct udp_endpoint *udp, struct buffer *buffer)
{
    struct udp_datagram datagram;
    DWORD bytes = 0;
    udp_datagram__init(&datagram, buffer, udp__room(udp));
    const int result = udp->network->receive_message(udp->socket, &datagram.message, &bytes, NULL, NULL);
    return udp__received(udp, &datagram, result == 0 ? 0 : (uint32_t)WSAGetLastError(), bytes);
}

static void udp__fetch(struct udp_endpoint *udp)
{
    struct buffer *buffer = buffer_get(worker_buffers(udp->worker), udp__room(udp));
    uint32_t error = buffer != NULL ? 0 : ERROR_NOT_ENOUGH_MEMORY;
    for (int fetched = 0; error == 0 && fetched < UDP_BATCH; fetched++) {
        error = udp__fetch_one(udp, buffer);
    }
    buffer_put(worker_buffers(udp->worker), buffer);
    udp->full_batches = error == 0 ? udp->full_batches + 1 : 0;
    if (error == 0 && udp->full_batches < UDP_BUSY_BATCHES) { /* more may be there: after the others' turn */
        udp->is_task_queued = true;
        worker_queue(udp->worker, &udp->task);
    } else if (error == 0) {
        udp->full_batches = 0;
        udp__be_busy(udp);
    } else if (error == WSAEWOULDBLOCK) {
        udp__wait(udp);
    } else {
        udp__fail(udp, error);
    }
}

static void udp__run_task(struct task *task)
{
    struct udp_endpoint *udp = LIST_ELEMENT(task, struct udp_endpoint, task);
    udp->is_task_queued = false;
    if (udp->is_stopping) {
        udp__end_if_done(udp);
    } else {
        udp__fetch(udp);
    }
}

/* ---- Busy: receives with buffers ---- */

static void udp_receive__destroy(struct udp_receive *receive)
{
    buffer_put(worker_buffers(receive->udp->worker), receive->buffer);
    memory_free(receive);
}

/* 0: it is in flight. Else it is the caller's again. */
static uint32_t udp_receive__post(struct udp_receive *receive)
{
    struct udp_endpoint *udp = receive->udp;
    DWORD bytes = 0;
    udp_datagram__init(&receive->datagram, receive->buffer, udp__room(udp));
    const int result = udp->network->receive_message(udp->socket, &receive->datagram.message, &bytes,
                                                     operation_begin(&receive->operation), NULL);
    const uint32_t error = result == 0 ? 0 : (uint32_t)WSAGetLastError();
    if (error != 0 && error != WSA_IO_PENDING && error != WSAEMSGSIZE) {
        return error;
    }
    udp->in_flight++;
    udp->receives++;
    return 0;
}

static uint32_t udp__receives_wanted(const struct udp_endpoint *udp)
{
    if (udp->is_busy) {
        return udp->endpoint->config->receives_max;
    }
    return udp->network->peeks ? 0 : 1;
}

/* Nothing is to be posted now. */
static bool udp__is_resting(const struct udp_endpoint *udp)
{
    return udp->is_broken || backoff_is_pausing(&udp->backoff);
}

static void udp__run_receive(struct operation *operation, uint32_t error, uint32_t bytes)
{
    struct udp_receive *receive = LIST_ELEMENT(operation, struct udp_receive, operation);
    struct udp_endpoint *udp = receive->udp;
    udp->in_flight--;
    udp->receives--;
    if (!udp->is_stopping) {
        error = udp__received(udp, &receive->datagram, error, bytes);
        const bool is_quieting = !udp->is_busy && net_outcome_of(error) == NET_ABORTED;
        if (error == 0 && udp->receives < udp__receives_wanted(udp) && !udp__is_resting(udp)) {
            error = udp_receive__post(receive);
            receive = error == 0 ? NULL : receive;
        }
        if (error != 0 && !is_quieting && !udp__is_resting(udp)) {
            udp__fail(udp, error);
        }
    }
    if (receive != NULL) {
        udp_receive__destroy(receive);
    }
    if (udp->is_stopping) {
        udp__end_if_done(udp);
    } else if (!udp__is_resting(udp)) {
        udp__wait(udp);
    }
}

static uint32_t udp__add_receive(struct udp_endpoint *udp)
{
    struct udp_receive *receive = memory_alloc(sizeof *receive);
    if (receive == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    receive->udp = udp;
    receive->operation.complete = udp__run_receive;
    receive->buffer = buffer_get(worker_buffers(udp->worker), udp__room(udp));
    const uint32_t error = receive->buffer != NULL ? udp_receive__post(receive) : ERROR_NOT_ENOUGH_MEMORY;
    if (error != 0) {
        udp_receive__destroy(receive);
    }
    return error;
}

static void udp__be_busy(struct udp_endpoint *udp)
{
    if (!udp->is_busy) {
        udp->is_busy = true;
        udp->since_look = 0;
        timer_set(worker_timers(udp->worker), &udp->quiet, worker_now(udp->worker) + UDP_QUIET);
    }
    udp__wait(udp);
}

/* Has what should be in flight in flight: the peek, or the receives. */
static void udp__wait(struct udp_endpoint *udp)
{
    uint32_t error = 0;
    while (error == 0 && udp->receives < udp__receives_wanted(udp)) {
        error = udp__add_receive(udp);
    }
    if (error != 0 && udp->receives == 0) {
        udp__fail(udp, error);
    } else if (udp->receives == 0 && !udp->is_peeking) {
        udp__peek(udp);
    }
    if (!udp__is_resting(udp)) {
        backoff_rest(&udp->backoff, worker_now(udp->worker));
    }
}

/* ---- Timers ---- */

static void udp__run_retry(struct backoff *backoff)
{
    udp__wait(LIST_ELEMENT(backoff, struct udp_endpoint, backoff));
}

static void udp__run_trouble(struct backoff *backoff, uint32_t error)
{
    const struct udp_endpoint *udp = LIST_ELEMENT(backoff, struct udp_endpoint, backoff);
    udp->events->trouble(udp->owner, error);
}

static void udp__run_recovered(struct backoff *backoff)
{
    const struct udp_endpoint *udp = LIST_ELEMENT(backoff, struct udp_endpoint, backoff);
    udp->events->recovered(udp->owner);
}

static void udp__run_quiet(struct timer *timer)
{
    struct udp_endpoint *udp = LIST_ELEMENT(timer, struct udp_endpoint, quiet);
    udp->is_busy = udp->since_look >= UDP_BATCH;
    udp->since_look = 0;
    if (udp->is_busy) {
        timer_set(worker_timers(udp->worker), &udp->quiet, worker_now(udp->worker) + UDP_QUIET);
    } else if (udp->network->peeks) {
        CancelIoEx((HANDLE)udp->socket, NULL); /* the last one to end brings the peek back */
    }
}

/* ---- Life ---- */

static void udp__run_start(struct message *message, struct worker *worker)
{
    struct udp_endpoint *udp = LIST_ELEMENT(message, struct udp_endpoint, start);
    backoff_init(&udp->backoff, worker_timers(worker), udp__run_retry, udp__run_trouble, udp__run_recovered);
    udp__wait(udp);
}

struct udp_endpoint *udp_endpoint_create(struct worker *worker, const struct network *network,
                                         struct endpoint *endpoint, SOCKET socket,
                                         const struct pl_address *local, const struct udp_events *events,
                                         void *owner)
{
    struct udp_endpoint *udp = memory_alloc(sizeof *udp);
    if (udp == NULL) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    if (!worker_associate(worker, (HANDLE)socket)) {
        memory_free(udp);
        return NULL;
    }
    udp->worker = worker;
    udp->network = network;
    udp->endpoint = endpoint;
    udp->events = events;
    udp->owner = owner;
    udp->socket = socket;
    udp->local = *local;
    udp->is_any = address_is_any(local);
    udp->peek.complete = udp__run_peek;
    udp->task.run = udp__run_task;
    timer_init(&udp->quiet, udp__run_quiet);
    udp->start.run = udp__run_start;
    udp->stop.run = udp__run_stop;
    return udp;
}

void udp_endpoint_start(struct udp_endpoint *udp)
{
    worker_send(udp->worker, &udp->start);
}

void udp_endpoint_stop(struct udp_endpoint *udp)
{
    worker_send(udp->worker, &udp->stop);
}

void udp_endpoint_destroy(struct udp_endpoint *udp)
{
    memory_free(udp);
}
