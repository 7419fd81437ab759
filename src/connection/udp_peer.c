/* SPDX-License-Identifier: MIT
   A UDP socket to one other host, see udp_peer.h.

   Life. As that of a connection: a reference for each receive in flight, each queued task and each entry from outside; the
   socket is closed first, the object goes with the last reference. What a callback wants is done when it has returned.

   Receiving. As an idle UDP endpoint: a receive of no bytes waits with MSG_PEEK, then up to PEER_BATCH datagrams are fetched
   without waiting. Where the machine cannot peek, one with a buffer waits. */
#include "connection/udp_peer.h"

#include <assert.h>
#include <string.h>

#include "accept/admission.h"
#include "base/memory.h"
#include "connection/udp_socket.h"
#include "io/net_error.h"
#include "io/pulse.h"

enum {
    PEER_BATCH = 32,  /* datagrams fetched in one turn */
    PEER_RESETS = 32, /* ICMP answers told in one turn, until it pauses */
    PEER_PAUSE = 100  /* milliseconds until what failed is tried again */
};

/* A datagram that waits until it is open. */
struct udp_peer_waiting {
    struct udp_peer_waiting *next;
    size_t length;
    uint8_t bytes[];
};

struct udp_peer {
    struct operation receive;
    struct task task;
    struct timer timer;
    struct worker *worker;
    struct endpoint *endpoint;
    const struct network *network;
    SOCKET socket;
    void *user;
    struct dial *dial;                        /* until it is open */
    struct buffer *buffer;                    /* of a receive in flight, where the machine cannot peek */
    struct udp_peer_waiting *oldest, *newest; /* of those that wait */
    size_t waiting;                           /* bytes of these */
    struct pl_address peer;
    struct pl_address local;
    uint64_t opened; /* these two of the worker's clock */
    uint64_t last;   /* datagram in either direction */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint32_t slot;
    uint32_t error;
    uint32_t references;
    enum close_reason reason;
    bool is_in_callback;
    bool is_task_queued;
    bool is_due;       /* the timer has fired */
    bool is_rung;      /* that of the handler */
    bool is_receiving; /* `receive` is in flight */
    bool is_resting;   /* until the timer */
    bool is_ending;
    bool is_closed;       /* the socket */
    struct pulse pulse[]; /* the handler's timer, if it has on_timer */
};

/* ---- Small things ---- */

static pl_id udp_peer__id(const struct udp_peer *peer)
{
    return slot_table_id(worker_slots(peer->worker), peer->slot);
}

static void udp_peer__enter(struct udp_peer *peer, const char *name, pl_id id)
{
    peer->is_in_callback = true;
    worker_enter(peer->worker, peer->endpoint->config->name, peer->endpoint->handler->name, name, id);
}

static void udp_peer__leave(struct udp_peer *peer)
{
    peer->is_in_callback = false;
    worker_leave(peer->worker);
}

static bool udp_peer__is_open(const struct udp_peer *peer)
{
    return peer->dial == NULL && !peer->is_ending;
}

static void udp_peer__queue(struct udp_peer *peer, enum rank rank)
{
    if (!peer->is_task_queued) {
        peer->is_task_queued = true;
        peer->references++;
        worker_queue(peer->worker, peer->endpoint->lane, rank, &peer->task);
    }
}

/* The first reason stands. */
static void udp_peer__mark(struct udp_peer *peer, enum close_reason reason, uint32_t error)
{
    if (!peer->is_ending) {
        peer->is_ending = true;
        peer->reason = reason;
        peer->error = error;
    }
}

/* ---- The end ---- */

static void udp_peer__drop_waiting(struct udp_peer *peer)
{
    while (peer->oldest != NULL) {
        struct udp_peer_waiting *next = peer->oldest->next;
        memory_free(peer->oldest);
        peer->oldest = next;
    }
    peer->newest = NULL;
    peer->waiting = 0;
}

static void udp_peer__log_end(const struct udp_peer *peer, pl_id id)
{
    access_log_write(peer->endpoint->access_log,
                     &(const struct access_line){.endpoint = peer->endpoint->config->name,
                                                 .is_udp = true,
                                                 .is_outbound = true,
                                                 .client = peer->peer,
                                                 .local = peer->local,
                                                 .connection = id,
                                                 .bytes_in = peer->bytes_in,
                                                 .bytes_out = peer->bytes_out,
                                                 .duration = worker_now(peer->worker) - peer->opened,
                                                 .reason = peer->reason});
}

static enum counter udp_peer__end_counter(const struct udp_peer *peer)
{
    return peer->dial == NULL                      ? COUNTER_OUTBOUND_CLOSED
           : peer->reason == CLOSED_CONNECT_FAILED ? COUNTER_OUTBOUND_CONNECT_FAILED
                                                   : COUNTER_OUTBOUND_ENDED;
}

static void udp_peer__end(struct udp_peer *peer)
{
    struct worker *worker = peer->worker;
    struct endpoint *endpoint = peer->endpoint;
    const struct pl_handler *handler = endpoint->handler;
    const pl_id id = udp_peer__id(peer);
    slot_table_renew(worker_slots(worker), peer->slot);
    if (handler->on_close != NULL) {
        udp_peer__enter(peer, "on_close", id);
        handler->on_close(endpoint->state, id, &peer->user, (int32_t)peer->reason, peer->error);
        udp_peer__leave(peer);
    }
    slot_table_remove(worker_slots(worker), peer->slot);
    worker_count(worker, endpoint->tally, udp_peer__end_counter(peer), 1);
    udp_peer__log_end(peer, id);
    dial_destroy(peer->dial);
    buffer_put(worker_buffers(worker), peer->buffer);
    memory_free(peer);
    endpoint_leave(endpoint);
    worker_add_load(worker, -1);
    worker_released(worker);
}

static void udp_peer__release(struct udp_peer *peer)
{
    assert(peer->references > 0);
    if (--peer->references == 0 && peer->is_closed) {
        udp_peer__end(peer);
    }
}

static void udp_peer__close_socket(struct udp_peer *peer)
{
    peer->is_closed = true;
    timer_clear(worker_timers(peer->worker), &peer->timer);
    if (endpoint_has_timer(peer->endpoint)) {
        pulse_clear(peer->pulse, peer->worker);
    }
    admission_end_outbound(peer->endpoint->admission);
    udp_peer__drop_waiting(peer);
    if (peer->dial != NULL) {
        dial_stop(peer->dial);
    }
    if (peer->socket != INVALID_SOCKET) {
        CancelIoEx((HANDLE)peer->socket, NULL);
        closesocket(peer->socket);
    }
}

/* ---- Deadlines ---- */

static uint64_t udp_peer__sooner(uint64_t due, uint64_t since, uint64_t most)
{
    return most != 0 && since + most < due ? since + most : due;
}

static uint64_t udp_peer__due(const struct udp_peer *peer)
{
    const struct config_endpoint *config = peer->endpoint->config;
    if (peer->dial != NULL) {
        return dial_due(peer->dial);
    }
    const uint64_t due = udp_peer__sooner(UINT64_MAX, peer->last, config->idle_timeout);
    return udp_peer__sooner(due, peer->opened, config->lifetime);
}

static void udp_peer__check_deadlines(struct udp_peer *peer)
{
    const struct config_endpoint *config = peer->endpoint->config;
    const uint64_t now = worker_now(peer->worker);
    if (udp_peer__sooner(UINT64_MAX, peer->opened, config->lifetime) <= now) {
        udp_peer__mark(peer, CLOSED_LIFETIME, 0);
    } else if (udp_peer__due(peer) <= now) {
        udp_peer__mark(peer, CLOSED_IDLE, 0);
    }
}

/* At the end of each entry. */
static void udp_peer__settle(struct udp_peer *peer)
{
    if (peer->is_closed) {
        return;
    }
    if (peer->is_ending) {
        udp_peer__close_socket(peer);
        return;
    }
    uint64_t due = udp_peer__due(peer);
    if (peer->is_resting) {
        due = udp_peer__sooner(due, worker_now(peer->worker), PEER_PAUSE);
    }
    const bool is_set = !list_is_empty(&peer->timer.node);
    if (due != UINT64_MAX && (!is_set || due < peer->timer.due)) {
        timer_set(worker_timers(peer->worker), &peer->timer, due);
    }
}

static void udp_peer__settle_later(struct udp_peer *peer)
{
    if (!peer->is_in_callback) {
        udp_peer__queue(peer, RANK_AGAIN);
    }
}

/* ---- Receiving ---- */

static void udp_peer__fill_info(const struct udp_peer *peer, uint32_t seen, pl_info *info_out)
{
    *info_out = (pl_info){.size = sizeof *info_out,
                          .seen = seen | PL_OUTBOUND,
                          .id = udp_peer__id(peer),
                          .endpoint = peer->endpoint->id,
                          .peer = peer->peer,
                          .local = peer->local,
                          .answer = UDP_DATAGRAM_MAX};
}

static void udp_peer__deliver(struct udp_peer *peer, const uint8_t *at, size_t length, bool is_truncated)
{
    const struct endpoint *endpoint = peer->endpoint;
    pl_info info;
    peer->last = worker_now(peer->worker);
    peer->bytes_in += length;
    worker_count(peer->worker, endpoint->tally, COUNTER_OUTBOUND_BYTES_RECEIVED, length);
    udp_peer__fill_info(peer, is_truncated ? PL_TRUNCATED : 0U, &info);
    udp_peer__enter(peer, "on_datagram", info.id);
    endpoint->handler->on_datagram(endpoint->state, info.id, &peer->user, at, length, &info);
    udp_peer__leave(peer);
}

/* What a receive brought. 0: there may be more. */
static uint32_t udp_peer__received(struct udp_peer *peer, struct buffer *buffer, uint32_t error,
                                   uint32_t bytes)
{
    const bool is_truncated = net_outcome_of(error) == NET_TRUNCATED;
    if (error == 0 || is_truncated) {
        const uint32_t room = peer->endpoint->config->max_datagram;
        udp_peer__deliver(peer, buffer_bytes(buffer), is_truncated ? room : bytes, is_truncated);
        return 0;
    }
    return error;
}

/* One datagram, without waiting. 0, WSAEWOULDBLOCK, or another error. */
static uint32_t udp_peer__fetch_one(struct udp_peer *peer, struct buffer *buffer)
{
    WSABUF room = {.buf = (char *)buffer_bytes(buffer), .len = peer->endpoint->config->max_datagram};
    DWORD bytes = 0, flags = 0;
    const int result = WSARecv(peer->socket, &room, 1, &bytes, &flags, NULL, NULL);
    return udp_peer__received(peer, buffer, result == 0 ? 0 : (uint32_t)WSAGetLastError(), bytes);
}

/* 0: it is in flight: what it returned at once comes by the port again. */
static uint32_t udp_peer__begin_wait(struct udp_peer *peer)
{
    const bool peeks = peer->network->peeks;
    const uint32_t length = peer->endpoint->config->max_datagram;
    WSABUF room = {0};
    DWORD bytes = 0, flags = peeks ? MSG_PEEK : 0;
    if (!peeks && peer->buffer == NULL) {
        peer->buffer = buffer_get(worker_buffers(peer->worker), length);
        if (peer->buffer == NULL) {
            return ERROR_NOT_ENOUGH_MEMORY;
        }
    }
    if (!peeks) {
        room = (WSABUF){.buf = (char *)buffer_bytes(peer->buffer), .len = length};
    }
    const int result = WSARecv(peer->socket, &room, 1, &bytes, &flags, operation_begin(&peer->receive), NULL);
    const uint32_t error = result == 0 ? 0 : (uint32_t)WSAGetLastError();
    return error == WSA_IO_PENDING || error == WSAEMSGSIZE ? 0 : error;
}

/* An ICMP answer to what was sent, or something that passes: a pause, for it may come again and again. Else the end. */
static void udp_peer__fail(struct udp_peer *peer, uint32_t error)
{
    const enum net_outcome outcome = net_outcome_of(error);
    if (outcome == NET_RESET || outcome == NET_BLOCKED) {
        peer->is_resting = true;
    } else {
        udp_peer__mark(peer, CLOSED_ERROR, error);
    }
}

static void udp_peer__wait(struct udp_peer *peer)
{
    uint32_t error = udp_peer__begin_wait(peer);
    for (int i = 0; net_outcome_of(error) == NET_RESET && i < PEER_RESETS; i++) {
        error = udp_peer__begin_wait(peer);
    }
    if (error == 0) {
        peer->is_receiving = true;
        peer->references++;
    } else {
        udp_peer__fail(peer, error);
    }
}

static void udp_peer__fetch(struct udp_peer *peer)
{
    struct buffer *buffer = buffer_get(worker_buffers(peer->worker), peer->endpoint->config->max_datagram);
    uint32_t error = buffer != NULL ? 0 : ERROR_NOT_ENOUGH_MEMORY;
    for (int i = 0; i < PEER_BATCH && !peer->is_ending &&
                    (error == 0 || (buffer != NULL && net_outcome_of(error) == NET_RESET)) &&
                    !(i > 0 && worker_is_turn_over(peer->worker));
         i++) {
        error = udp_peer__fetch_one(peer, buffer);
    }
    buffer_put(worker_buffers(peer->worker), buffer);
    if (peer->is_ending) {
        return;
    }
    if (error == WSAEWOULDBLOCK) {
        udp_peer__wait(peer);
    } else if (error == 0) { /* more may be there */
        udp_peer__queue(peer, RANK_AGAIN);
    } else {
        udp_peer__fail(peer, error);
    }
}

static void udp_peer__run_receive(struct operation *operation, uint32_t error, uint32_t bytes)
{
    struct udp_peer *peer = LIST_ELEMENT(operation, struct udp_peer, receive);
    struct buffer *buffer = peer->buffer;
    peer->is_receiving = false;
    peer->buffer = NULL;
    if (!peer->is_ending && !peer->is_closed) {
        const enum net_outcome outcome = net_outcome_of(error);
        if (buffer != NULL) {
            error = udp_peer__received(peer, buffer, error, bytes);
        } else if (outcome == NET_TRUNCATED || outcome == NET_RESET) {
            error = 0; /* there is a datagram, or may be one behind the reset */
        }
        if (error != 0 && net_outcome_of(error) != NET_RESET) {
            udp_peer__fail(peer, error);
        } else if (!peer->is_ending) {
            udp_peer__fetch(peer);
        }
    }
    buffer_put(worker_buffers(peer->worker), buffer);
    udp_peer__settle(peer);
    udp_peer__release(peer);
}

/* ---- Sending ---- */

/* The network may lose it, as any. */
static void udp_peer__send_now(struct udp_peer *peer, const uint8_t *at, size_t length)
{
    WSABUF buffer = {.buf = (char *)(uintptr_t)at, .len = (ULONG)length};
    DWORD bytes = 0;
    if (WSASend(peer->socket, &buffer, 1, &bytes, 0, NULL, NULL) == 0) {
        peer->bytes_out += length;
        worker_count(peer->worker, peer->endpoint->tally, COUNTER_OUTBOUND_BYTES_SENT, length);
    } else {
        worker_count(peer->worker, peer->endpoint->tally, COUNTER_DATAGRAMS_UNSENT, 1);
    }
    peer->last = worker_now(peer->worker);
}

static int32_t udp_peer__keep(struct udp_peer *peer, const uint8_t *at, size_t length)
{
    if (peer->waiting + length > UDP_PEER_WAITING) {
        return PL_LIMIT;
    }
    struct udp_peer_waiting *kept = memory_alloc(sizeof *kept + length);
    if (kept == NULL) {
        return PL_NO_MEMORY;
    }
    kept->length = length;
    if (length > 0) {
        memcpy(kept->bytes, at, length);
    }
    if (peer->oldest == NULL) {
        peer->oldest = kept;
    } else {
        peer->newest->next = kept;
    }
    peer->newest = kept;
    peer->waiting += length;
    return PL_QUEUED;
}

/* ---- Opening ---- */

static void udp_peer__greet(struct udp_peer *peer)
{
    const struct endpoint *endpoint = peer->endpoint;
    pl_info info;
    if (endpoint->handler->on_open == NULL) {
        return;
    }
    udp_peer__fill_info(peer, 0, &info);
    udp_peer__enter(peer, "on_open", info.id);
    const int32_t result = endpoint->handler->on_open(endpoint->state, info.id, &peer->user, &info);
    udp_peer__leave(peer);
    if (result < 0) {
        udp_peer__mark(peer, CLOSED_BY_HANDLER, 0);
    }
}

/* What was sent before goes first, in its order. */
static void udp_peer__begin(struct udp_peer *peer)
{
    dial_destroy(peer->dial);
    peer->dial = NULL;
    timer_clear(worker_timers(peer->worker), &peer->timer);
    peer->local = network_own_address(peer->socket);
    peer->opened = peer->last = worker_now(peer->worker);
    worker_count(peer->worker, peer->endpoint->tally, COUNTER_OUTBOUND_OPENED, 1);
    for (const struct udp_peer_waiting *kept = peer->oldest; kept != NULL; kept = kept->next) {
        udp_peer__send_now(peer, kept->bytes, kept->length);
    }
    udp_peer__drop_waiting(peer);
    udp_peer__greet(peer);
    if (!peer->is_ending) {
        udp_peer__wait(peer);
    }
}

/* Nothing is sent for it: it fails where there is no way to that address. */
static void udp_peer__try(struct udp_peer *peer)
{
    const SOCKET socket = dial_open(peer->dial, peer->endpoint);
    if (socket == INVALID_SOCKET) {
        return;
    }
    SOCKADDR_STORAGE to;
    peer->peer = dial_address(peer->dial);
    const int length = network_address_to(&peer->peer, network_family(&peer->peer), &to);
    if (connect(socket, (const SOCKADDR *)&to, length) != 0) {
        const uint32_t error = (uint32_t)WSAGetLastError();
        closesocket(socket);
        dial_failed(peer->dial, error);
        return;
    }
    peer->socket = socket;
    udp_peer__begin(peer);
}

static void udp_peer__fail_to_open(struct udp_peer *peer)
{
    dial_tell(peer->dial, peer->endpoint, udp_peer__id(peer));
    peer->peer = dial_address(peer->dial);
    udp_peer__mark(peer, CLOSED_CONNECT_FAILED, dial_error(peer->dial));
}

static void udp_peer__go_on(struct udp_peer *peer)
{
    while (peer->dial != NULL && !peer->is_ending) {
        switch (dial_next(peer->dial)) {
        case DIAL_WAITS:
            return;
        case DIAL_TRIES:
            udp_peer__try(peer);
            break;
        case DIAL_ENDS:
            udp_peer__fail_to_open(peer);
            break;
        }
    }
}

/* ---- Its turns ---- */

static void udp_peer__ring(struct udp_peer *peer)
{
    const struct endpoint *endpoint = peer->endpoint;
    const pl_id id = udp_peer__id(peer);
    peer->is_rung = false;
    udp_peer__enter(peer, "on_timer", id);
    endpoint->handler->on_timer(endpoint->state, id, &peer->user);
    udp_peer__leave(peer);
}

static void udp_peer__work(struct udp_peer *peer)
{
    const bool is_due = peer->is_due;
    peer->is_due = false;
    if (peer->dial != NULL) {
        udp_peer__go_on(peer);
        return;
    }
    if (peer->is_rung) {
        udp_peer__ring(peer);
    }
    if (!peer->is_ending && !peer->is_receiving && (!peer->is_resting || is_due)) {
        peer->is_resting = false;
        udp_peer__fetch(peer);
    }
    if (is_due && !peer->is_ending && !(peer->is_receiving && operation_has_ended(&peer->receive))) {
        udp_peer__check_deadlines(peer);
    }
}

static void udp_peer__run_task(struct task *task)
{
    struct udp_peer *peer = LIST_ELEMENT(task, struct udp_peer, task);
    peer->is_task_queued = false;
    if (!peer->is_ending && !peer->is_closed) {
        udp_peer__work(peer);
    }
    udp_peer__settle(peer);
    udp_peer__release(peer);
}

static void udp_peer__run_timer(struct timer *timer)
{
    struct udp_peer *peer = LIST_ELEMENT(timer, struct udp_peer, timer);
    peer->is_due = true;
    udp_peer__queue(peer, RANK_LATE);
}

static void udp_peer__run_pulse(struct timer *timer)
{
    struct udp_peer *peer = pulse_owner(timer);
    peer->is_rung = true;
    udp_peer__queue(peer, RANK_LATE);
}

static void udp_peer__wake(void *owner)
{
    udp_peer__queue(owner, RANK_FRESH);
}

/* ---- The beginning ---- */

int32_t udp_peer_connect(struct worker *worker, struct endpoint *endpoint, struct dial *dial, void *user,
                         pl_id *id_out)
{
    const bool has_timer = endpoint_has_timer(endpoint);
    struct udp_peer *peer = memory_alloc(sizeof *peer + (has_timer ? sizeof peer->pulse[0] : 0));
    const uint32_t slot = peer != NULL ? slot_table_add(worker_slots(worker), SLOT_PEER, peer) : SLOT_NONE;
    if (slot == SLOT_NONE) {
        memory_free(peer);
        return PL_NO_MEMORY;
    }
    peer->worker = worker;
    peer->endpoint = endpoint;
    peer->network = dial_network(dial);
    peer->socket = INVALID_SOCKET;
    peer->user = user;
    peer->dial = dial;
    peer->peer = dial_address(dial);
    peer->slot = slot;
    peer->opened = peer->last = worker_now(worker);
    peer->receive.complete = udp_peer__run_receive;
    peer->task.run = udp_peer__run_task;
    timer_init(&peer->timer, udp_peer__run_timer);
    if (has_timer) {
        pulse_init(peer->pulse, peer, udp_peer__run_pulse);
    }
    dial_begin(dial, udp_peer__wake, peer);
    *id_out = udp_peer__id(peer);
    udp_peer__queue(peer, RANK_FRESH);
    return PL_OK;
}

/* ---- What the handler asks for ---- */

/* NULL: it is gone, or ending. */
static struct udp_peer *udp_peer__find(struct worker *worker, pl_id id)
{
    struct udp_peer *peer = slot_table_find(worker_slots(worker), id, SLOT_PEER);
    return peer == NULL || peer->is_ending ? NULL : peer;
}

struct endpoint *udp_peer_endpoint(struct worker *worker, pl_id id)
{
    const struct udp_peer *peer = slot_table_find(worker_slots(worker), id, SLOT_PEER);
    return peer != NULL ? peer->endpoint : NULL;
}

int32_t udp_peer_send(struct worker *worker, pl_id id, const uint8_t *at, size_t length)
{
    struct udp_peer *peer = udp_peer__find(worker, id);
    if (peer == NULL) {
        return PL_GONE;
    }
    if (length > UDP_DATAGRAM_MAX) {
        return PL_LIMIT;
    }
    if (peer->dial != NULL) {
        return udp_peer__keep(peer, at, length);
    }
    udp_peer__send_now(peer, at, length);
    return PL_OK;
}

void udp_peer_abort(struct worker *worker, pl_id id, enum close_reason reason)
{
    struct udp_peer *peer = udp_peer__find(worker, id);
    if (peer != NULL) {
        udp_peer__mark(peer, reason, 0);
        udp_peer__settle_later(peer);
    }
}

int32_t udp_peer_close(struct worker *worker, pl_id id)
{
    if (udp_peer__find(worker, id) == NULL) {
        return PL_GONE;
    }
    udp_peer_abort(worker, id, CLOSED_BY_HANDLER);
    return PL_OK;
}

int32_t udp_peer_set_timer(struct worker *worker, pl_id id, uint32_t after)
{
    struct udp_peer *peer = udp_peer__find(worker, id);
    if (peer == NULL || !udp_peer__is_open(peer)) {
        return PL_GONE;
    }
    if (!endpoint_has_timer(peer->endpoint)) {
        return PL_INVALID;
    }
    peer->is_rung = false; /* what has fired, and was not told yet, counts no more */
    pulse_set(peer->pulse, worker, after);
    return PL_OK;
}

bool udp_peer_info(struct worker *worker, pl_id id, pl_info *info_out)
{
    const struct udp_peer *peer = udp_peer__find(worker, id);
    if (peer != NULL) {
        udp_peer__fill_info(peer, 0, info_out);
    }
    return peer != NULL;
}

bool udp_peer_run(struct worker *worker, pl_id id,
                  void (*run)(void *state, pl_id id, void **user, void *what), void *what)
{
    struct udp_peer *peer = slot_table_find(worker_slots(worker), id, SLOT_PEER);
    if (peer == NULL || peer->dial != NULL) {
        return false;
    }
    peer->references++;
    udp_peer__enter(peer, CALLBACK_POSTED, id);
    run(peer->endpoint->state, id, &peer->user, what);
    udp_peer__leave(peer);
    udp_peer__settle(peer);
    udp_peer__release(peer);
    return true;
}

bool udp_peer_describe(const struct udp_peer *peer, struct client_row *row_out)
{
    const uint64_t now = worker_now(peer->worker);
    if (peer->is_ending) {
        return false;
    }
    *row_out = (struct client_row){.id = udp_peer__id(peer),
                                   .is_udp = true,
                                   .is_outbound = true,
                                   .state = peer->dial != NULL ? CLIENT_CONNECTING : CLIENT_OPEN,
                                   .client = peer->peer,
                                   .local = peer->local,
                                   .age = now - peer->opened,
                                   .idle = now - peer->last,
                                   .bytes_in = peer->bytes_in,
                                   .bytes_out = peer->bytes_out};
    strncpy(row_out->endpoint, peer->endpoint->config->name, CONFIG_VALUE_NAME_MAX);
    return true;
}

void udp_peer_end_all(struct worker *worker, bool is_for_all)
{
    struct udp_peer *peer = NULL;
    for (uint32_t slot = 0; (peer = slot_table_next(worker_slots(worker), SLOT_PEER, &slot)) != NULL;) {
        if (!peer->is_closed && (is_for_all || peer->dial != NULL)) {
            peer->references++;
            udp_peer__mark(peer, CLOSED_STOPPING, 0);
            udp_peer__settle(peer);
            udp_peer__release(peer);
        }
    }
}
