/* SPDX-License-Identifier: MIT
   How a UDP socket to one other host is opened, see udp_peer_state.h.

   In its turn, never inside the call that asked for it, it takes the next address of its dial. What is sent meanwhile is
   kept, and goes first once it is open. */
#include <string.h>

#include "base/memory.h"
#include "connection/udp_peer_state.h"

/* ---- What waits ---- */

/* A datagram that is sent once it is open. */
struct udp_peer_kept {
    struct udp_peer_kept *next;
    size_t length;
    uint8_t bytes[];
};

int32_t udp_peer_keep(struct udp_peer *peer, const uint8_t *at, size_t length)
{
    const size_t size = sizeof(struct udp_peer_kept) + length;
    if (peer->waiting + size > UDP_PEER_WAITING) {
        return PL_LIMIT;
    }
    struct udp_peer_kept *kept = memory_alloc(size);
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
    peer->waiting += size;
    return PL_QUEUED;
}

void udp_peer_drop_kept(struct udp_peer *peer)
{
    while (peer->oldest != NULL) {
        struct udp_peer_kept *next = peer->oldest->next;
        memory_free(peer->oldest);
        peer->oldest = next;
    }
    peer->newest = NULL;
    peer->waiting = 0;
}

/* ---- Opening ---- */

static void udp_peer__greet(struct udp_peer *peer)
{
    const struct endpoint *endpoint = peer->endpoint;
    pl_info info;
    if (endpoint->handler->on_open == NULL) {
        return;
    }
    udp_peer_fill_info(peer, 0, &info);
    udp_peer_enter(peer, "on_open", info.id);
    const int32_t result = endpoint->handler->on_open(endpoint->state, info.id, &peer->user, &info);
    udp_peer_leave(peer);
    if (result < 0) {
        udp_peer_mark(peer, CLOSED_BY_HANDLER, 0);
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
    for (const struct udp_peer_kept *kept = peer->oldest; kept != NULL; kept = kept->next) {
        udp_peer_send_now(peer, kept->bytes, kept->length);
    }
    udp_peer_drop_kept(peer);
    udp_peer__greet(peer);
    if (peer->close != UDP_PEER_OPEN) {
        udp_peer_mark(peer, CLOSED_BY_HANDLER, 0);
    }
    if (!peer->is_ending) {
        udp_peer_wait(peer);
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
    dial_tell(peer->dial, peer->endpoint, udp_peer_id(peer));
    peer->peer = dial_address(peer->dial);
    udp_peer_mark(peer, CLOSED_CONNECT_FAILED, dial_error(peer->dial));
}

void udp_peer_go_on(struct udp_peer *peer)
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

/* ---- The beginning ---- */

static void udp_peer__wake(void *owner)
{
    udp_peer_queue(owner, RANK_FRESH);
}

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
    peer->close = UDP_PEER_OPEN;
    peer->opened = peer->last = worker_now(worker);
    peer->receive.complete = udp_peer_run_receive;
    peer->task.run = udp_peer_run_task;
    timer_init(&peer->timer, udp_peer_run_timer);
    if (has_timer) {
        pulse_init(peer->pulse, peer, udp_peer_run_pulse);
    }
    dial_begin(dial, udp_peer__wake, peer);
    *id_out = udp_peer_id(peer);
    udp_peer_queue(peer, RANK_FRESH);
    return PL_OK;
}
