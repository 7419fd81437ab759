/* SPDX-License-Identifier: MIT
   The life of a UDP socket to one other host, see udp_peer_state.h, and what its handler asks for.

   As that of a connection: a reference for each receive in flight, each queued task and each entry from outside; the socket
   is closed first, the object goes with the last reference. What a callback wants is done when it has returned. */
#include <assert.h>
#include <string.h>

#include "accept/admission.h"
#include "base/memory.h"
#include "connection/udp_peer_state.h"
#include "connection/udp_socket.h"

enum { PEER_PAUSE = 100 /* milliseconds until what failed is tried again */ };

/* ---- Small things ---- */

static bool udp_peer__is_open(const struct udp_peer *peer)
{
    return peer->dial == NULL && !peer->is_ending;
}

void udp_peer_queue(struct udp_peer *peer, enum rank rank)
{
    if (!peer->is_task_queued) {
        peer->is_task_queued = true;
        peer->references++;
        worker_queue(peer->worker, peer->endpoint->lane, rank, &peer->task);
    }
}

void udp_peer_mark(struct udp_peer *peer, enum close_reason reason, uint32_t error)
{
    if (!peer->is_ending) {
        peer->is_ending = true;
        peer->reason = reason;
        peer->error = error;
    }
}

void udp_peer_fill_info(const struct udp_peer *peer, uint32_t seen, pl_info *info_out)
{
    *info_out = (pl_info){.size = sizeof *info_out,
                          .seen = seen | PL_OUTBOUND,
                          .id = udp_peer_id(peer),
                          .endpoint = peer->endpoint->id,
                          .peer = peer->peer,
                          .local = peer->local,
                          .answer = UDP_DATAGRAM_MAX};
}

/* ---- The end ---- */

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
    const pl_id id = udp_peer_id(peer);
    slot_table_renew(worker_slots(worker), peer->slot);
    if (handler->on_close != NULL) {
        udp_peer_enter(peer, "on_close", id);
        handler->on_close(endpoint->state, id, &peer->user, (int32_t)peer->reason, peer->error);
        udp_peer_leave(peer);
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

void udp_peer_release(struct udp_peer *peer)
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
    udp_peer_drop_kept(peer);
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
        udp_peer_mark(peer, CLOSED_LIFETIME, 0);
    } else if (udp_peer__due(peer) <= now) {
        udp_peer_mark(peer, CLOSED_IDLE, 0);
    }
}

void udp_peer_settle(struct udp_peer *peer)
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
        udp_peer_queue(peer, RANK_AGAIN);
    }
}

/* ---- Its turns ---- */

static void udp_peer__ring(struct udp_peer *peer)
{
    const struct endpoint *endpoint = peer->endpoint;
    const pl_id id = udp_peer_id(peer);
    peer->is_rung = false;
    udp_peer_enter(peer, "on_timer", id);
    endpoint->handler->on_timer(endpoint->state, id, &peer->user);
    udp_peer_leave(peer);
}

static void udp_peer__work(struct udp_peer *peer)
{
    const bool is_due = peer->is_due;
    peer->is_due = false;
    if (peer->dial != NULL) {
        udp_peer_go_on(peer);
        return;
    }
    if (peer->is_rung) {
        udp_peer__ring(peer);
    }
    if (!peer->is_ending && !peer->is_receiving && (!peer->is_resting || is_due)) {
        peer->is_resting = false;
        udp_peer_fetch(peer);
    }
    if (is_due && !peer->is_ending && !(peer->is_receiving && operation_has_ended(&peer->receive))) {
        udp_peer__check_deadlines(peer);
    }
}

void udp_peer_run_task(struct task *task)
{
    struct udp_peer *peer = LIST_ELEMENT(task, struct udp_peer, task);
    peer->is_task_queued = false;
    if (!peer->is_ending && !peer->is_closed) {
        udp_peer__work(peer);
    }
    udp_peer_settle(peer);
    udp_peer_release(peer);
}

void udp_peer_run_timer(struct timer *timer)
{
    struct udp_peer *peer = LIST_ELEMENT(timer, struct udp_peer, timer);
    peer->is_due = true;
    udp_peer_queue(peer, RANK_LATE);
}

void udp_peer_run_pulse(struct timer *timer)
{
    struct udp_peer *peer = pulse_owner(timer);
    peer->is_rung = true;
    udp_peer_queue(peer, RANK_LATE);
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
    if (peer == NULL || peer->close != UDP_PEER_OPEN) {
        return PL_GONE;
    }
    if (length > UDP_DATAGRAM_MAX) {
        return PL_LIMIT;
    }
    if (peer->dial != NULL) {
        return udp_peer_keep(peer, at, length);
    }
    udp_peer_send_now(peer, at, length);
    return PL_OK;
}

void udp_peer_abort(struct worker *worker, pl_id id, enum close_reason reason)
{
    struct udp_peer *peer = udp_peer__find(worker, id);
    if (peer != NULL) {
        udp_peer_mark(peer, reason, 0);
        udp_peer__settle_later(peer);
    }
}

int32_t udp_peer_close(struct worker *worker, pl_id id, int32_t how)
{
    struct udp_peer *peer = udp_peer__find(worker, id);
    if (peer == NULL || how <= peer->close) {
        return PL_GONE;
    }
    if (how == PL_RESET || peer->oldest == NULL) {
        udp_peer_abort(worker, id, CLOSED_BY_HANDLER);
    } else { /* when it is open, and what waits has gone */
        peer->close = how;
    }
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
        udp_peer_fill_info(peer, 0, info_out);
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
    udp_peer_enter(peer, CALLBACK_POSTED, id);
    run(peer->endpoint->state, id, &peer->user, what);
    udp_peer_leave(peer);
    udp_peer_settle(peer);
    udp_peer_release(peer);
    return true;
}

bool udp_peer_describe(const struct udp_peer *peer, struct client_row *row_out)
{
    const uint64_t now = worker_now(peer->worker);
    if (peer->is_ending) {
        return false;
    }
    *row_out = (struct client_row){.id = udp_peer_id(peer),
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
            udp_peer_mark(peer, CLOSED_STOPPING, 0);
            udp_peer_settle(peer);
            udp_peer_release(peer);
        }
    }
}
