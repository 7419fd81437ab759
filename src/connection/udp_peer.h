/* SPDX-License-Identifier: MIT
   A UDP socket that a handler has opened to one other host, see handler.h: a connection of its own, with on_open,
   on_datagram and on_close. All of it on its worker W. */
#ifndef PORTLISTENER_CONNECTION_UDP_PEER_H
#define PORTLISTENER_CONNECTION_UDP_PEER_H

#include <stddef.h>
#include <stdint.h>

#include "connection/client_row.h"
#include "connection/dial.h"
#include "endpoint/endpoint.h"
#include "io/worker.h"

enum { UDP_PEER_WAITING = 65536 /* bytes that datagrams take which wait until it is open */ };

/* udp_peer_connect: as connection_connect; `dial` is of UDP. */
int32_t udp_peer_connect(struct worker *worker, struct endpoint *endpoint, struct dial *dial, void *user,
                         pl_id *id_out);

/* udp_peer_send, udp_peer_close, udp_peer_set_timer: the host's send, close and timer for its id, see handler.h.
   udp_peer_info: what on_open was told. udp_peer_run: calls `run` as the host's post has it. False: it is gone.
   udp_peer_endpoint: NULL: likewise. */
int32_t udp_peer_send(struct worker *worker, pl_id id, const uint8_t *at, size_t length);
int32_t udp_peer_close(struct worker *worker, pl_id id, int32_t how);
int32_t udp_peer_set_timer(struct worker *worker, pl_id id, uint32_t after);
bool udp_peer_info(struct worker *worker, pl_id id, pl_info *info_out);
bool udp_peer_run(struct worker *worker, pl_id id,
                  void (*run)(void *state, pl_id id, void **user, void *what), void *what);
struct endpoint *udp_peer_endpoint(struct worker *worker, pl_id id);

/* udp_peer_abort: ends it for this reason, if it is still there. udp_peer_end_all: those of the worker, or only those that are not open
   yet, PL_STOPPING. udp_peer_describe: false: it is ending. */
void udp_peer_abort(struct worker *worker, pl_id id, enum close_reason reason);
void udp_peer_end_all(struct worker *worker, bool is_for_all);
struct udp_peer;
bool udp_peer_describe(const struct udp_peer *peer, struct client_row *row_out);

#endif
