/* SPDX-License-Identifier: MIT
   The datagrams of a UDP socket to one other host, see udp_peer_state.h.

   Received as at an idle UDP endpoint: a receive of no bytes waits with MSG_PEEK, then up to PEER_BATCH datagrams are fetched
   without waiting. Where the machine cannot peek, one with a buffer waits. */
#include "connection/udp_peer_state.h"
#include "io/net_error.h"

enum {
    PEER_BATCH = 32, /* datagrams fetched in one turn */
    PEER_RESETS = 32 /* ICMP answers told in one turn, until it pauses */
};

/* ---- Receiving ---- */

static void udp_peer__deliver(struct udp_peer *peer, const uint8_t *at, size_t length, bool is_truncated)
{
    const struct endpoint *endpoint = peer->endpoint;
    pl_info info;
    peer->last = worker_now(peer->worker);
    peer->bytes_in += length;
    worker_count(peer->worker, endpoint->tally, COUNTER_OUTBOUND_BYTES_RECEIVED, length);
    udp_peer_fill_info(peer, is_truncated ? PL_TRUNCATED : 0U, &info);
    udp_peer_enter(peer, "on_datagram", info.id);
    endpoint->handler->on_datagram(endpoint->state, info.id, &peer->user, at, length, &info);
    udp_peer_leave(peer);
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
        udp_peer_mark(peer, CLOSED_ERROR, error);
    }
}

void udp_peer_wait(struct udp_peer *peer)
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

void udp_peer_fetch(struct udp_peer *peer)
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
        udp_peer_wait(peer);
    } else if (error == 0) { /* more may be there */
        udp_peer_queue(peer, RANK_AGAIN);
    } else {
        udp_peer__fail(peer, error);
    }
}

void udp_peer_run_receive(struct operation *operation, uint32_t error, uint32_t bytes)
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
            udp_peer_fetch(peer);
        }
    }
    buffer_put(worker_buffers(peer->worker), buffer);
    udp_peer_settle(peer);
    udp_peer_release(peer);
}

/* ---- Sending ---- */

void udp_peer_send_now(struct udp_peer *peer, const uint8_t *at, size_t length)
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
