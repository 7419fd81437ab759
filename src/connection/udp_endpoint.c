/* SPDX-License-Identifier: MIT
   One UDP socket, see udp_endpoint.h.

   Idle: one receive of no bytes with MSG_PEEK is in flight; when it ends, what has come is fetched without
   waiting. Busy (UDP_BUSY datagrams in a row): several receives with buffers are in flight; all end on this
   worker, in order. While datagrams come in bursts, what has ended is not begun again: when none is left in flight,
   the rest is fetched without waiting, which does not pass through the port, and one receive waits for the next burst.
   When it grows quiet they are cancelled, and it is idle again. Where the machine cannot peek, one receive with a buffer
   takes the peek's place, and it is never busy.

   Answers that a handler makes are limited, so that nobody can use it to flood others (see reply_budget.h), and none go
   where they would be answered again, or by many. The handler is given such a datagram all the same. */
#include "connection/udp_endpoint.h"

#include "accept/admission.h"
#include "accept/proxy_header.h"
#include "base/address.h"
#include "base/memory.h"
#include "connection/own_sources.h"
#include "connection/reply_budget.h"
#include "connection/udp_session.h"
#include "connection/udp_socket.h"
#include "io/backoff.h"
#include "io/net_error.h"
#include "io/packet_info.h"

enum {
    UDP_BATCH = 32,     /* datagrams fetched in one turn */
    UDP_BUSY = 64,      /* that many in a row */
    UDP_BURST = 4,      /* datagrams at once: fetching them costs less than waiting for each */
    UDP_QUIET = 1000,   /* milliseconds between two looks at how busy it is */
    UDP_RESETS_MAX = 64 /* in a row without a datagram: no longer other machines' doing */
};

/* A datagram with where it came from and where it was sent to. */
struct udp_datagram {
    SOCKADDR_STORAGE peer;
    struct udp_arrival arrival;
    WSAMSG message;
    WSABUF buffer;
    struct packet_info control;
};

/* One receive in flight with a buffer of its own. */
struct udp_receive {
    struct operation operation;
    struct list_node node; /* in udp_endpoint.spare while it is not in flight */
    struct udp_endpoint *udp;
    struct buffer *buffer;
    size_t room; /* of it */
    struct udp_datagram datagram;
};

struct udp_endpoint {
    struct udp_socket socket;
    struct endpoint *endpoint;
    const struct udp_events *events;
    void *owner;
    struct operation peek;
    volatile uint32_t in_flight; /* operations; others read it */
    uint32_t receives;           /* of these, with a buffer */
    uint32_t in_a_row;           /* datagrams fetched without waiting */
    uint32_t since_look;         /* datagrams */
    uint32_t since_wait;         /* likewise */
    uint32_t resets;             /* in a row */
    bool is_stopping;
    bool is_broken;
    bool is_peeking; /* `peek` is in flight */
    bool is_busy;
    bool is_bursting; /* while it is busy: one receive is enough */
    bool is_task_queued;
    struct task task;       /* fetch the next batch, or wait, when its turn comes */
    struct list_node spare; /* receives, while it is busy */
    struct backoff backoff;
    struct timer quiet;
    struct message start;
    struct message stop;
    uint32_t broken_error;
    struct own_sources own;
    struct udp_sessions *sessions; /* of a handler that has some, or had, see udp_endpoint_change */
    bool is_limited;               /* by `budget` */
    struct reply_budget budget;
    struct timer expiry; /* of what the budget keeps; set while it keeps something */
    struct reply_credit credit;
    const struct udp_datagram
        *current; /* during on_datagram without a session, and what it may be answered */
};

static void udp__be_busy(struct udp_endpoint *udp);
static void udp__drop_spare(struct udp_endpoint *udp);
static void udp__fetch(struct udp_endpoint *udp);
static void udp__settle(struct udp_endpoint *udp);
static void udp__wait(struct udp_endpoint *udp);

/* ---- Datagrams ---- */

static size_t udp__room(const struct udp_endpoint *udp)
{
    return udp->endpoint->config->max_datagram;
}

/* Where the system writes no address and no packet information, none is found: what stands there may be of the datagram
   before. */
static void udp_datagram__init(struct udp_datagram *datagram, struct buffer *buffer, size_t room)
{
    datagram->peer.ss_family = AF_UNSPEC;
    datagram->control.words[0] = 0; /* the length of the first message */
    datagram->buffer = (WSABUF){.buf = (char *)buffer_bytes(buffer), .len = (ULONG)room};
    datagram->message =
        (WSAMSG){.name = (SOCKADDR *)&datagram->peer,
                 .namelen = sizeof datagram->peer,
                 .lpBuffers = &datagram->buffer,
                 .dwBufferCount = 1,
                 .Control = {.buf = (char *)&datagram->control, .len = sizeof datagram->control}};
}

/* ---- What may be answered ---- */

/* Services that answer whatever they are sent, or with much more than they are sent: RFC 862 to 868, and what has been
   used to reflect. Port 0 cannot be answered at all. */
static bool udp__is_loop_port(uint16_t port)
{
    static const uint16_t ports[] = {0, 7, 9, 13, 17, 19, 37, 53, 69, 123, 161, 514, 1900, 5353};
    size_t i = 0;
    while (i < sizeof ports / sizeof ports[0] && ports[i] != port) {
        i++;
    }
    return i < sizeof ports / sizeof ports[0];
}

/* By the system's word, or by the address itself. */
static bool udp__went_to_many(const struct udp_datagram *datagram, const struct pl_address *asked)
{
    return (datagram->message.dwFlags & (MSG_BCAST | MSG_MCAST)) != 0 || address_is_multicast(asked) ||
           address_is_broadcast(asked);
}

/* What counts an answer that is not allowed; COUNTER_COUNT: answers are. */
static enum counter udp__find_mute(struct udp_endpoint *udp, const struct udp_datagram *datagram,
                                   bool went_to_many)
{
    const struct pl_address *peer = &datagram->arrival.peer;
    if ((udp->endpoint->handler->flags & PL_RELAY) != 0) {
        return COUNTER_COUNT;
    }
    if (went_to_many) {
        return COUNTER_ANSWERS_DROPPED_BROADCAST;
    }
    if (udp__is_loop_port(peer->port)) {
        return COUNTER_ANSWERS_DROPPED_LOOP_PORT;
    }
    return own_sources_has(&udp->own, peer, worker_now(udp->socket.worker))
               ? COUNTER_ANSWERS_DROPPED_OWN_ENDPOINT
               : COUNTER_COUNT;
}

static void udp__begin_credit(struct udp_endpoint *udp, const struct udp_arrival *arrival)
{
    if (udp->is_limited) {
        const size_t earns = arrival->mute == COUNTER_COUNT ? arrival->length : 0;
        reply_budget_begin(&udp->budget, &arrival->peer, (uint32_t)earns, worker_now(udp->socket.worker),
                           &udp->credit);
    }
}

static void udp__end_credit(struct udp_endpoint *udp)
{
    if (!udp->is_limited) {
        return;
    }
    reply_budget_end(&udp->credit);
    if (udp->budget.clients.count > 0 && list_is_empty(&udp->expiry.node)) {
        timer_set(worker_timers(udp->socket.worker), &udp->expiry,
                  worker_now(udp->socket.worker) + REPLY_CREDIT_LIFE);
    }
}

static void udp__run_expiry(struct timer *timer)
{
    struct udp_endpoint *udp = LIST_ELEMENT(timer, struct udp_endpoint, expiry);
    const uint64_t next = reply_budget_expire(&udp->budget, worker_now(udp->socket.worker));
    if (next != UINT64_MAX) {
        timer_set(worker_timers(udp->socket.worker), timer, next);
    }
}

/* ---- Delivering ---- */

static bool udp__refuse(const struct udp_endpoint *udp, enum counter counter, const struct pl_address *client)
{
    endpoint_count(udp->endpoint, udp->socket.worker, counter, client);
    return false;
}

/* The header that a trusted proxy has put before the client's own bytes. */
static bool udp__read_header(const struct udp_endpoint *udp, struct udp_arrival *arrival)
{
    struct endpoint *endpoint = udp->endpoint;
    struct proxy_header header;
    const enum proxy_result result =
        proxy_header_read(endpoint->config->proxy_protocol, true, arrival->at, arrival->length, &header);
    if (result != PROXY_DONE) {
        endpoint_tell_header(endpoint, worker_now(udp->socket.worker), 0, &arrival->from, header.problem);
        worker_count(udp->socket.worker, udp->endpoint->tally, COUNTER_DATAGRAMS_REFUSED_PROXY, 1);
        return false;
    }
    arrival->at += header.length;
    arrival->length -= header.length;
    if (header.is_local) {
        return true;
    }
    arrival->seen |= PL_PROXIED;
    arrival->peer = header.source;
    arrival->local = header.destination;
    return admission_permits(endpoint->admission, &arrival->peer) ||
           udp__refuse(udp, COUNTER_DATAGRAMS_REFUSED_ACL, &arrival->peer);
}

/* Before any other work: decided from the addresses alone. */
static bool udp__admits(const struct udp_endpoint *udp, struct udp_arrival *arrival)
{
    const struct admission *admission = udp->endpoint->admission;
    if (udp->endpoint->is_paused != 0) {
        return udp__refuse(udp, COUNTER_DATAGRAMS_REFUSED_PAUSED, &arrival->from);
    }
    const enum admission_verdict verdict = admission_check(admission, &arrival->from);
    if (verdict != ADMISSION_GRANTED) {
        return udp__refuse(
            udp, verdict == ADMISSION_PROXY ? COUNTER_DATAGRAMS_REFUSED_PROXY : COUNTER_DATAGRAMS_REFUSED_ACL,
            &arrival->from);
    }
    return !admission_has_proxies(admission) || udp__read_header(udp, arrival);
}

static void udp__describe(struct udp_endpoint *udp, struct udp_datagram *datagram)
{
    struct udp_arrival *arrival = &datagram->arrival;
    struct pl_address asked = udp->socket.local; /* where the system does not tell which one it was */
    packet_info_find(&datagram->control, datagram->message.Control.len, &asked);
    const bool went_to_many = udp__went_to_many(datagram, &asked);
    arrival->source = went_to_many ? udp->socket.local : asked; /* a relay may answer it */
    arrival->mute = udp__find_mute(udp, datagram, went_to_many);
    arrival->seen |= arrival->mute != COUNTER_COUNT ? PL_NO_REPLY : 0U;
    if ((arrival->seen & PL_PROXIED) == 0) {
        arrival->local = asked;
    }
}

static void udp__count(const struct udp_endpoint *udp, const struct udp_arrival *arrival)
{
    struct worker *worker = udp->socket.worker;
    worker_count(worker, udp->endpoint->tally, COUNTER_DATAGRAMS_RECEIVED, 1);
    worker_count(worker, udp->endpoint->tally, COUNTER_DATAGRAM_BYTES_RECEIVED, arrival->length);
    worker_count(worker, udp->endpoint->tally, COUNTER_DATAGRAMS_TRUNCATED,
                 (arrival->seen & PL_TRUNCATED) != 0);
}

/* For sure: what is kept of earlier datagrams would have to be looked up. */
static uint32_t udp__answer(const struct udp_endpoint *udp, const struct udp_arrival *arrival)
{
    if (arrival->mute != COUNTER_COUNT) {
        return 0;
    }
    return udp->is_limited ? reply_credit_bytes(udp->credit.own, UDP_DATAGRAM_MAX) : UDP_DATAGRAM_MAX;
}

static void udp__call_handler(struct udp_endpoint *udp, const struct udp_datagram *datagram, pl_id id)
{
    const struct endpoint *endpoint = udp->endpoint;
    const struct udp_arrival *arrival = &datagram->arrival;
    struct pl_info info = {.size = sizeof info,
                           .seen = arrival->seen,
                           .id = id,
                           .endpoint = endpoint->id,
                           .peer = arrival->peer,
                           .local = arrival->local};
    void *user = NULL;
    if ((arrival->seen & PL_PROXIED) != 0) {
        info.proxy = arrival->from;
    }
    udp->current = datagram;
    udp__begin_credit(udp, arrival);
    info.answer = udp__answer(udp, arrival);
    worker_enter(udp->socket.worker, endpoint->config->name, endpoint->handler->name, "on_datagram", id);
    endpoint->handler->on_datagram(endpoint->state, id, &user, arrival->at, arrival->length, &info);
    worker_leave(udp->socket.worker);
    udp__end_credit(udp);
    udp->current = NULL;
}

static void udp__deliver_alone(struct udp_endpoint *udp, const struct udp_datagram *datagram)
{
    struct worker *worker = udp->socket.worker;
    const uint32_t slot = slot_table_add(worker_slots(worker), SLOT_DATAGRAM, udp);
    if (slot == SLOT_NONE) {
        worker_count(worker, udp->endpoint->tally, COUNTER_RECEIVE_FAILURES, 1);
        return;
    }
    udp__count(udp, &datagram->arrival);
    udp__call_handler(udp, datagram, slot_table_id(worker_slots(worker), slot));
    slot_table_remove(worker_slots(worker), slot);
}

static bool udp__has_sessions(const struct udp_endpoint *udp)
{
    return (udp->endpoint->handler->flags & PL_SESSIONS) != 0;
}

/* False: it is in none, and none was begun. */
static bool udp__deliver_to_session(struct udp_endpoint *udp, const struct udp_datagram *datagram)
{
    const struct udp_arrival *arrival = &datagram->arrival;
    struct udp_session *session = udp__has_sessions(udp) ? udp_sessions_take(udp->sessions, arrival)
                                                         : udp_sessions_find(udp->sessions, arrival);
    if (session != NULL) {
        udp__count(udp, arrival);
        udp_session_deliver(session, arrival);
    }
    return session != NULL;
}

static void udp__deliver(struct udp_endpoint *udp, struct udp_datagram *datagram, uint32_t length,
                         bool is_truncated)
{
    struct udp_arrival *arrival = &datagram->arrival;
    udp->since_look++;
    udp->since_wait++;
    *arrival = (struct udp_arrival){.at = (const uint8_t *)datagram->buffer.buf,
                                    .length = length,
                                    .seen = is_truncated ? PL_TRUNCATED : 0U};
    network_address_from((const SOCKADDR *)&datagram->peer, &arrival->from);
    arrival->peer = arrival->from;
    if (!udp__admits(udp, arrival)) {
        return;
    }
    udp__describe(udp, datagram);
    if (!udp__deliver_to_session(udp, datagram) && !udp__has_sessions(udp)) {
        udp__deliver_alone(udp, datagram);
    }
}

/* ---- Answers ---- */

/* Pays for the answer; false: it is not allowed, and counted. */
static bool udp__may_send(struct udp_endpoint *udp, size_t length)
{
    const struct udp_arrival *arrival = &udp->current->arrival;
    if (arrival->mute != COUNTER_COUNT) {
        return udp__refuse(udp, arrival->mute, &arrival->peer);
    }
    if (udp->is_limited && !reply_budget_take(&udp->credit, length)) {
        return udp__refuse(udp, COUNTER_ANSWERS_DROPPED_REPLY_LIMIT, &arrival->peer);
    }
    return true;
}

int32_t udp_endpoint_send(struct worker *worker, pl_id id, const uint8_t *at, size_t length)
{
    struct udp_endpoint *udp = slot_table_find(worker_slots(worker), id, SLOT_DATAGRAM);
    if (udp == NULL || udp->current == NULL) {
        return PL_GONE;
    }
    if (length > UDP_DATAGRAM_MAX || !udp__may_send(udp, length)) {
        return PL_LIMIT;
    }
    const struct udp_datagram *question = udp->current;
    (void)udp_socket_send(&udp->socket, udp->endpoint->tally, &question->peer, question->message.namelen,
                          &question->arrival.source, at, length);
    return PL_OK;
}

struct endpoint *udp_endpoint_of(struct worker *worker, pl_id id)
{
    const struct udp_endpoint *udp = slot_table_find(worker_slots(worker), id, SLOT_DATAGRAM);
    return udp != NULL && udp->current != NULL ? udp->endpoint : NULL;
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
    udp_sessions_end(udp->sessions, udp->is_broken ? PL_ERROR : PL_STOPPING, udp->broken_error);
    udp->is_stopping = true;
    backoff_stop(&udp->backoff);
    timer_clear(worker_timers(udp->socket.worker), &udp->quiet);
    timer_clear(worker_timers(udp->socket.worker), &udp->expiry);
    CancelIoEx((HANDLE)udp->socket.socket, NULL);
    closesocket(udp->socket.socket);
    udp__drop_spare(udp);
    udp__end_if_done(udp);
}

static bool udp__socket_is_dead(const struct udp_endpoint *udp)
{
    int type = 0, length = sizeof type;
    return getsockopt(udp->socket.socket, SOL_SOCKET, SO_TYPE, (char *)&type, &length) != 0;
}

/* Whether the error is that; then it is told, once. */
static bool udp__is_death(struct udp_endpoint *udp, uint32_t error)
{
    if ((error != WSAENOTSOCK && error != WSAEINVAL) || !udp__socket_is_dead(udp)) {
        return false;
    }
    if (!udp->is_broken) {
        udp->is_broken = true;
        udp->broken_error = error;
        udp->events->broken(udp->owner, error);
    }
    return true;
}

/* No receive error ends the receiving, but our own close and the death of the socket. */
static void udp__fail(struct udp_endpoint *udp, uint32_t error)
{
    worker_count(udp->socket.worker, udp->endpoint->tally, COUNTER_RECEIVE_FAILURES, 1);
    if (!udp__is_death(udp, error)) {
        backoff_fail(&udp->backoff, worker_now(udp->socket.worker), error, BACKOFF_MAX);
    }
}

/* An ICMP answer to an earlier datagram of ours, told by the call or by its completion, or a datagram of nobody: the next
   receive may bring more. True: it is too many of them. */
static bool udp__reset(struct udp_endpoint *udp)
{
    worker_count(udp->socket.worker, udp->endpoint->tally, COUNTER_RECEIVE_FAILURES, 1);
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

/* 0: it is in flight: what it returned at once, a message that is too long included, comes by the port again. */
static uint32_t udp__begin_peek(struct udp_endpoint *udp)
{
    WSABUF nothing = {0};
    DWORD bytes = 0, flags = MSG_PEEK;
    const int result =
        WSARecv(udp->socket.socket, &nothing, 1, &bytes, &flags, operation_begin(&udp->peek), NULL);
    const uint32_t error = result == 0 ? 0 : (uint32_t)WSAGetLastError();
    return error == WSA_IO_PENDING || error == WSAEMSGSIZE ? 0 : error;
}

static void udp__peek(struct udp_endpoint *udp)
{
    uint32_t error = udp__begin_peek(udp);
    while (net_outcome_of(error) == NET_RESET && !udp__reset(udp)) {
        error = udp__begin_peek(udp);
    }
    if (error != 0) {
        udp__fail(udp, error);
        return;
    }
    udp->is_peeking = true;
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
    if (datagram->peer.ss_family == AF_UNSPEC) {
        return udp__reset(udp) ? WSAEMSGSIZE : 0;
    }
    const DWORD flags = datagram->message.dwFlags; /* the packet information may be what was cut */
    const bool is_truncated = (flags & MSG_TRUNC) != 0 || (error != 0 && (flags & MSG_CTRUNC) == 0);
    udp->resets = 0;
    backoff_succeed(&udp->backoff, worker_now(udp->socket.worker));
    udp__deliver(udp, datagram, is_truncated ? (uint32_t)datagram->buffer.len : bytes, is_truncated);
    return 0;
}

/* One datagram, without waiting. 0, WSAEWOULDBLOCK, or another error. */
static uint32_t udp__fetch_one(struct udp_endpoint *udp, struct buffer *buffer)
{
    struct udp_datagram datagram;
    DWORD bytes = 0;
    udp_datagram__init(&datagram, buffer, udp__room(udp));
    const int result =
        udp->socket.network->receive_message(udp->socket.socket, &datagram.message, &bytes, NULL, NULL);
    return udp__received(udp, &datagram, result == 0 ? 0 : (uint32_t)WSAGetLastError(), bytes);
}

/* Goes on after the others' turn. */
static void udp__queue(struct udp_endpoint *udp)
{
    if (!udp->is_task_queued) {
        udp->is_task_queued = true;
        worker_queue(udp->socket.worker, udp->endpoint->lane, RANK_AGAIN, &udp->task);
    }
}

/* Nothing is to be posted now. */
static bool udp__is_resting(const struct udp_endpoint *udp)
{
    return udp->is_broken || backoff_is_pausing(&udp->backoff);
}

static void udp__fetch(struct udp_endpoint *udp)
{
    struct buffer *buffer = buffer_get(worker_buffers(udp->socket.worker), udp__room(udp));
    uint32_t error = buffer != NULL ? 0 : ERROR_NOT_ENOUGH_MEMORY;
    unsigned fetched = 0;
    for (bool goes_on = true; error == 0 && goes_on;) {
        error = udp__fetch_one(udp, buffer);
        goes_on = ++fetched < UDP_BATCH && !worker_is_turn_over(udp->socket.worker);
    }
    buffer_put(worker_buffers(udp->socket.worker), buffer);
    udp->in_a_row = error == 0 ? udp->in_a_row + fetched : 0;
    if (error == 0) { /* more may be there */
        if (udp->in_a_row >= UDP_BUSY) {
            udp__be_busy(udp);
        }
        udp__queue(udp);
    } else if (error == WSAEWOULDBLOCK) {
        udp__settle(udp);
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
    } else if (udp__is_resting(udp)) {
        return;                      /* until it is tried again */
    } else if (udp->receives == 0) { /* all that they brought has been handed over: the order is kept */
        udp__fetch(udp);
    } else {
        udp__settle(udp);
    }
}

/* ---- Busy: receives with buffers ---- */

static void udp_receive__destroy(struct udp_receive *receive)
{
    buffer_put(worker_buffers(receive->udp->socket.worker), receive->buffer);
    memory_free(receive);
}

/* 0: it is in flight, as a peek would be. */
static uint32_t udp_receive__begin(struct udp_receive *receive)
{
    struct udp_endpoint *udp = receive->udp;
    DWORD bytes = 0;
    udp_datagram__init(&receive->datagram, receive->buffer, receive->room);
    const int result = udp->socket.network->receive_message(
        udp->socket.socket, &receive->datagram.message, &bytes, operation_begin(&receive->operation), NULL);
    const uint32_t error = result == 0 ? 0 : (uint32_t)WSAGetLastError();
    return error == WSA_IO_PENDING || error == WSAEMSGSIZE ? 0 : error;
}

/* 0: it is in flight. Else it is the caller's again. */
static uint32_t udp_receive__post(struct udp_receive *receive)
{
    struct udp_endpoint *udp = receive->udp;
    uint32_t error = udp_receive__begin(receive);
    while (net_outcome_of(error) == NET_RESET && !udp__reset(udp)) {
        error = udp_receive__begin(receive);
    }
    if (error == 0) {
        udp->in_flight++;
        udp->receives++;
    }
    return error;
}

static uint32_t udp__receives_wanted(const struct udp_endpoint *udp)
{
    if (udp->is_busy) {
        return udp->is_bursting ? 1 : udp->endpoint->config->receives_max;
    }
    return udp->socket.network->peeks ? 0 : 1;
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
        if (error != 0 && !is_quieting && !udp__is_resting(udp)) {
            udp__fail(udp, error);
        }
    }
    list_append(&udp->spare, &receive->node);
    if (udp->is_stopping) {
        udp__drop_spare(udp);
        udp__end_if_done(udp);
    } else if (udp->is_busy) {
        udp__queue(udp);
    } else if (!udp__is_resting(udp)) {
        udp__wait(udp);
    }
}

static struct udp_receive *udp_receive__create(struct udp_endpoint *udp)
{
    struct udp_receive *receive = memory_alloc(sizeof *receive);
    if (receive != NULL) {
        receive->udp = udp;
        receive->operation.complete = udp__run_receive;
        receive->room = udp__room(udp);
        receive->buffer = buffer_get(worker_buffers(udp->socket.worker), receive->room);
        if (receive->buffer == NULL) {
            memory_free(receive);
            receive = NULL;
        }
    }
    return receive;
}

/* One that is there with just the room that is needed, or a new one; NULL: no memory. */
static struct udp_receive *udp__take_receive(struct udp_endpoint *udp)
{
    while (!list_is_empty(&udp->spare)) {
        struct udp_receive *receive = LIST_ELEMENT(list_take_first(&udp->spare), struct udp_receive, node);
        if (receive->room == udp__room(udp)) {
            return receive;
        }
        udp_receive__destroy(receive);
    }
    return udp_receive__create(udp);
}

static uint32_t udp__add_receive(struct udp_endpoint *udp)
{
    struct udp_receive *receive = udp__take_receive(udp);
    const uint32_t error = receive != NULL ? udp_receive__post(receive) : ERROR_NOT_ENOUGH_MEMORY;
    if (error != 0 && receive != NULL) {
        udp_receive__destroy(receive);
    }
    return error;
}

static void udp__drop_spare(struct udp_endpoint *udp)
{
    while (!list_is_empty(&udp->spare)) {
        udp_receive__destroy(LIST_ELEMENT(list_take_first(&udp->spare), struct udp_receive, node));
    }
}

static void udp__be_busy(struct udp_endpoint *udp)
{
    if (!udp->is_busy && udp->socket.network->peeks) {
        udp->is_busy = true;
        udp->since_look = 0;
        timer_set(worker_timers(udp->socket.worker), &udp->quiet, worker_now(udp->socket.worker) + UDP_QUIET);
    }
}

/* Nothing more has come, or what will come is awaited already. */
static void udp__settle(struct udp_endpoint *udp)
{
    udp->is_bursting = udp->since_wait >= UDP_BURST;
    udp->since_wait = 0;
    udp__wait(udp);
}

/* Has what should be in flight in flight: the peek, or the receives. */
static void udp__wait(struct udp_endpoint *udp)
{
    uint32_t error = 0;
    while (error == 0 && udp->receives < udp__receives_wanted(udp)) {
        error = udp__add_receive(udp);
    }
    if (!udp->is_busy) {
        udp__drop_spare(udp);
    }
    if (error != 0 && udp->receives == 0) {
        udp__fail(udp, error);
    } else if (error != 0) { /* the others receive on, unless it is dead: then they may never end */
        (void)udp__is_death(udp, error);
    } else if (udp->receives == 0 && !udp->is_peeking) {
        udp__peek(udp);
    }
    if (!udp__is_resting(udp)) {
        backoff_rest(&udp->backoff, worker_now(udp->socket.worker));
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
        timer_set(worker_timers(udp->socket.worker), &udp->quiet, worker_now(udp->socket.worker) + UDP_QUIET);
    } else {
        CancelIoEx((HANDLE)udp->socket.socket, NULL); /* the last one to end brings the peek back */
    }
}

/* ---- Life ---- */

static void udp__run_start(struct message *message, struct worker *worker)
{
    struct udp_endpoint *udp = LIST_ELEMENT(message, struct udp_endpoint, start);
    backoff_init(&udp->backoff, worker_timers(worker), udp__run_retry, udp__run_trouble, udp__run_recovered);
    udp__wait(udp);
}

/* Its share of the clients for whom credit is kept. */
static uint32_t udp__clients_max(const struct endpoint *endpoint)
{
    const uint32_t clients = endpoint->config->udp_sessions_max / endpoint->udp_sockets;
    return clients > 0 ? clients : 1;
}

static void udp__take_endpoint(struct udp_endpoint *udp, struct endpoint *endpoint)
{
    udp->endpoint = endpoint;
    udp->is_limited = (endpoint->handler->flags & PL_RELAY) == 0 && endpoint->config->reply_limit != 0;
}

void udp_endpoint_change(struct udp_endpoint *udp, struct endpoint *endpoint)
{
    udp__take_endpoint(udp, endpoint);
    udp->budget.limit = endpoint->config->reply_limit;
    udp->budget.clients_max = udp__clients_max(endpoint);
    udp_sessions_change(udp->sessions, endpoint);
}

static void udp__init(struct udp_endpoint *udp, struct endpoint *endpoint, const struct udp_shared *shared)
{
    udp__take_endpoint(udp, endpoint);
    udp->peek.complete = udp__run_peek;
    udp->task.run = udp__run_task;
    list_init(&udp->spare);
    udp->start.run = udp__run_start;
    udp->stop.run = udp__run_stop;
    timer_init(&udp->quiet, udp__run_quiet);
    timer_init(&udp->expiry, udp__run_expiry);
    own_sources_init(&udp->own, shared->ports, &shared->key);
    reply_budget_init(&udp->budget, endpoint->config->reply_limit, udp__clients_max(endpoint), &shared->key);
}

struct udp_endpoint *udp_endpoint_create(struct worker *worker, const struct network *network,
                                         const struct udp_shared *shared, struct endpoint *endpoint,
                                         SOCKET socket, const struct pl_address *local,
                                         const struct udp_events *events, void *owner)
{
    struct udp_endpoint *udp = memory_alloc(sizeof *udp);
    if (udp == NULL) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    udp->socket =
        (struct udp_socket){.worker = worker, .network = network, .socket = socket, .local = *local};
    udp->events = events;
    udp->owner = owner;
    udp__init(udp, endpoint, shared);
    udp->sessions = udp_sessions_create(&udp->socket, endpoint, &shared->key);
    if (udp->sessions == NULL) {
        udp_endpoint_destroy(udp);
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    if (!worker_associate(worker, endpoint->lane, (HANDLE)socket)) {
        const DWORD error = GetLastError();
        udp_endpoint_destroy(udp);
        SetLastError(error);
        return NULL;
    }
    return udp;
}

void udp_endpoint_start(struct udp_endpoint *udp)
{
    worker_send(udp->socket.worker, &udp->start);
}

void udp_endpoint_stop(struct udp_endpoint *udp)
{
    worker_send(udp->socket.worker, &udp->stop);
}

const volatile uint32_t *udp_endpoint_armed(const struct udp_endpoint *udp)
{
    return &udp->in_flight;
}

void udp_endpoint_destroy(struct udp_endpoint *udp)
{
    udp_sessions_destroy(udp->sessions);
    reply_budget_fini(&udp->budget);
    own_sources_fini(&udp->own);
    memory_free(udp);
}
