/* SPDX-License-Identifier: MIT
   The clients of the checks: sockets on loopback that wait for nobody longer than is said (milliseconds). One that could
   not be made is INVALID_SOCKET, and the others do nothing with it. */
#ifndef PORTLISTENER_CONFORMANCE_PEER_H
#define PORTLISTENER_CONFORMANCE_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/win.h"
#include "portlistener/handler.h"

/* peer_connect: `receive_buffer` 0: the system's. */
SOCKET peer_connect(const struct pl_address *to, int receive_buffer);

/* peer_port: its own; 0: it has none. */
uint16_t peer_port(SOCKET peer);

/* peer_send: as much as goes within the time; how much that was. What comes meanwhile is read, if `reads`, and dropped. */
size_t peer_send(SOCKET peer, const char *at, size_t length, unsigned within, bool reads);

/* peer_drain: reads and drops until the connection ends; false: it has not. */
bool peer_drain(SOCKET peer, unsigned within);

void peer_finish(SOCKET peer); /* FIN; reading goes on */
void peer_close(SOCKET peer);
void peer_reset(SOCKET peer);

SOCKET peer_open_datagram(void);
void peer_send_datagram(SOCKET peer, const struct pl_address *to, const char *at, size_t length);

#endif
