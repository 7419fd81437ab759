/* SPDX-License-Identifier: MIT
   The host's side of the handler contract: the functions that a handler calls. */
#ifndef PORTLISTENER_CONNECTION_HOST_H
#define PORTLISTENER_CONNECTION_HOST_H

#include "connection/dial.h"
#include "connection/directory.h"
#include "endpoint/endpoint.h"
#include "io/worker.h"
#include "portlistener/handler.h"

/* Writes a report, see pl_host.report. */
typedef int32_t (*host_report)(void *context, int32_t format,
                               void (*sink)(void *what, const char *at, size_t length), void *what);

/* One for each engine. Handlers get `functions`, and hand it back with each call. */
struct host {
    struct pl_host functions; /* first */
    struct dial_world dials;  /* what connecting needs; empty: nothing connects */
    host_report report;       /* NULL: none are made */
    void *report_context;
    struct worker *const *workers;
    unsigned worker_count;
    struct directory endpoints;
};

/* host_init: `workers` stay the caller's; without any (0) it is a host for checks, which knows no endpoint. host_fini: nobody calls it any more. */
void host_init(struct host *host, struct worker *const *workers, unsigned worker_count);
void host_fini(struct host *host);

/* host_add_endpoint: its id, 0 when there is no memory. host_remove_endpoint: nobody calls for it any more. Control
   thread. */
pl_id host_add_endpoint(struct host *host, struct endpoint *endpoint);
void host_remove_endpoint(struct host *host, struct endpoint *endpoint);

/* host_connect: pl_host.connect, for whom is on `worker`, which is W of `owner`, if that is no endpoint; *user will be `user`. On
   W. host_explain: pl_host.explain. Any thread. */
int32_t host_connect(const struct host *host, struct worker *worker, pl_id owner, const pl_connect *how,
                     void *user, pl_id *id_out);
int32_t host_explain(const pl_host *functions, uint32_t win32_error, char *at, size_t room);

/* host_worker: W of the id; NULL: there is no such worker. Any thread. */
struct worker *host_worker(const struct host *host, pl_id id);

/* host_end_client: resets the connection, ends the UDP session, for this reason and with this error, if it is still there.
   False: there is no such worker, or no memory for the message, and nothing happens; on W it needs none. Any thread. */
bool host_end_client(struct host *host, pl_id id, enum close_reason reason, uint32_t error);

/* host_still_endpoint: its timer fires no more. On W, or once the workers have ended. */
void host_still_endpoint(const struct host *host, struct endpoint *endpoint);

#endif
