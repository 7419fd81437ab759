/* SPDX-License-Identifier: MIT
   One TCP client: its socket, what is queued for it, its deadlines, and its handler's callbacks. All of it on
   its worker W. */
#ifndef PORTLISTENER_CONNECTION_CONNECTION_H
#define PORTLISTENER_CONNECTION_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

#include "connection/client_row.h"
#include "connection/file_part.h"
#include "connection/reference.h"
#include "endpoint/endpoint.h"
#include "io/network.h"
#include "io/worker.h"

enum {
    CONNECTION_QUEUE_HIGH = 65536,   /* queued bytes at which reading pauses */
    CONNECTION_QUEUE_LOW = 32768,    /* and at which it goes on */
    CONNECTION_PARKED_MAX = 4194304, /* bytes that a worker leaves in receives that wait */
    CONNECTION_PARKED_NEW = 262144,  /* up to which that of a new connection is one of these */
    CONNECTION_REVIEW = 256,         /* that connection_review looks at */
    CONNECTION_SIZE = 256,           /* at most, of one idle connection */
    CONNECTION_ADDRESS_SIZE = 24     /* and of each address that it keeps for its endpoint */
};

/* connection_open: takes `socket`, accepted and not associated yet, whatever comes of it, and one load of the
   worker (worker_add_load). On W. */
void connection_open(struct worker *worker, const struct network *network, struct endpoint *endpoint,
                     SOCKET socket, const struct pl_address *local, const struct pl_address *peer);

/* connection_connect: begins to open one; `dial`, of TCP, is taken with PL_OK. PL_NO_MEMORY. The endpoint's clients, its
   outbound connections and the load of the worker have it already. On W. */
struct dial;
int32_t connection_connect(struct worker *worker, struct endpoint *endpoint, struct dial *dial, void *user,
                           pl_id *id_out);

/* connection_endpoint: that of this id; NULL: it is gone. On W. */
struct endpoint *connection_endpoint(struct worker *worker, pl_id id);

/* connection_send, connection_send_ref, connection_send_file, connection_close: the host's send, send_ref, send_file and close for a connection's id, see
   handler.h; but where send_ref's result is below 0, the bytes are still the caller's to give back, and so is the part of a file. On W. */
int32_t connection_send(struct worker *worker, pl_id id, const uint8_t *at, size_t length);
int32_t connection_send_ref(struct worker *worker, pl_id id, const struct reference *reference);
int32_t connection_send_file(struct worker *worker, pl_id id, struct file_part *part);
int32_t connection_close(struct worker *worker, pl_id id, int32_t how);

/* connection_want_writable, connection_read, connection_set_timer: likewise the host's want_writable, read and timer; PL_OK,
   PL_GONE, PL_INVALID. On W. */
int32_t connection_want_writable(struct worker *worker, pl_id id);
int32_t connection_read(struct worker *worker, pl_id id, bool on);
int32_t connection_set_timer(struct worker *worker, pl_id id, uint32_t after);

/* connection_retain: likewise the host's retain. On W. */
void *connection_retain(struct worker *worker, pl_id id, const uint8_t *at, size_t length);

/* connection_info: what on_open was told. connection_run: calls `run` as the host's post has it. False: it is gone. On W. */
bool connection_info(struct worker *worker, pl_id id, pl_info *info_out);
bool connection_run(struct worker *worker, pl_id id,
                    void (*run)(void *state, pl_id id, void **user, void *what), void *what);

/* connection_describe: false: its end is only waited for. On W. */
struct connection;
bool connection_describe(const struct connection *connection, struct client_row *row_out);

/* connection_abort: resets it, for this reason and with this error, if it is still there. On W. */
void connection_abort(struct worker *worker, pl_id id, enum close_reason reason, uint32_t error);

/* connection_refuse_all: the engine stops: resets those of the worker's connections that await their PROXY header, or
   connect. On W. */
void connection_refuse_all(struct worker *worker);

/* connection_reset_all: resets every connection of the worker, PL_STOPPING. On W. */
void connection_reset_all(struct worker *worker);

/* connection_review: holds the next of the worker's connections, from *slot on, against their endpoint's `judge`, and resets
   whom that denies, PL_DENIED. False: that was the last one. On W. */
bool connection_review(struct worker *worker, uint32_t *slot);

/* connection_size: bytes of one idle connection of this endpoint: CONNECTION_SIZE at most, one address more with an
   access log, two more behind proxies, a timer more for a handler with on_timer. Its slot in the worker's table is not among them. Any thread. */
size_t connection_size(const struct endpoint *endpoint);

#endif
