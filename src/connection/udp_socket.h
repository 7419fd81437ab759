/* SPDX-License-Identifier: MIT
   Sending through one bound UDP socket. On its worker. */
#ifndef PORTLISTENER_CONNECTION_UDP_SOCKET_H
#define PORTLISTENER_CONNECTION_UDP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/network.h"
#include "io/worker.h"

enum { UDP_DATAGRAM_MAX = 65507 }; /* RFC 768 over IPv4: 65535 - 20 - 8 */

struct udp_socket {
    struct worker *worker;
    const struct network *network;
    SOCKET socket;
    struct pl_address local; /* what it is bound to */
};

/* udp_socket_send: one datagram of at most UDP_DATAGRAM_MAX bytes to `peer`; `source` is the address that it leaves
   from where the socket has several; 0.0.0.0 or ::, the system chooses. False: the network did not take it;
   it is lost like any datagram. Either is counted in `tally`. */
bool udp_socket_send(const struct udp_socket *udp, struct tally *tally, const SOCKADDR_STORAGE *peer,
                     int peer_length, const struct pl_address *source, const uint8_t *at, size_t length);

#endif
