/* SPDX-License-Identifier: MIT
   One UDP socket of an endpoint: waits for datagrams without holding a buffer, hands them to the handler,
   sends its answers back, those that are allowed. All of it on its worker W. */
#ifndef PORTLISTENER_CONNECTION_UDP_ENDPOINT_H
#define PORTLISTENER_CONNECTION_UDP_ENDPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/keyed_hash.h"
#include "endpoint/endpoint.h"
#include "endpoint/own_ports.h"
#include "io/network.h"
#include "io/worker.h"

struct udp_endpoint;

/* On W. */
struct udp_events {
    /* trouble: receiving fails, and is tried again. recovered: for a second nothing has failed. broken: the
       socket itself is dead; only udp_endpoint_stop is left. */
    void (*trouble)(void *owner, uint32_t error);
    void (*recovered)(void *owner);
    void (*broken)(void *owner, uint32_t error);

    /* After udp_endpoint_stop: nothing is in flight, the socket is closed. Last. */
    void (*stopped)(void *owner);
};

/* What all UDP sockets of an engine share. */
struct udp_shared {
    const struct own_ports *ports;
    struct hash_key key; /* random: for tables of clients */
};

/* udp_endpoint_create: `socket` is bound to `local`, non-blocking and asks for packet information; it is
   closed by udp_endpoint_stop, or stays the caller's when NULL comes back (GetLastError). Any thread. */
struct udp_endpoint *udp_endpoint_create(struct worker *worker, const struct network *network,
                                         const struct udp_shared *shared, struct endpoint *endpoint,
                                         SOCKET socket, const struct pl_address *local,
                                         const struct udp_events *events, void *owner);

/* udp_endpoint_start, udp_endpoint_stop: return at once; stop only after start. Any thread. */
void udp_endpoint_start(struct udp_endpoint *udp);
void udp_endpoint_stop(struct udp_endpoint *udp);

/* udp_endpoint_change: this endpoint takes what comes from now on; sessions go on with the one that they began with, but
   whom the new one denies they end. On W. */
void udp_endpoint_change(struct udp_endpoint *udp, struct endpoint *endpoint);

/* udp_endpoint_destroy: after `stopped`, or without udp_endpoint_start. */
void udp_endpoint_destroy(struct udp_endpoint *udp);

/* udp_endpoint_armed: the number of receives that are outstanding; valid until udp_endpoint_destroy. Any thread. */
const volatile uint32_t *udp_endpoint_armed(const struct udp_endpoint *udp);

/* udp_endpoint_send: the host's send for a datagram's id, see handler.h. On W. */
int32_t udp_endpoint_send(struct worker *worker, pl_id id, const uint8_t *at, size_t length);

/* udp_endpoint_of: whose handler has the datagram with this id now; NULL: none. On W. */
struct endpoint *udp_endpoint_of(struct worker *worker, pl_id id);

#endif
