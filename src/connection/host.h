/* SPDX-License-Identifier: MIT
   The host's side of the handler contract: the functions that a handler calls. */
#ifndef PORTLISTENER_CONNECTION_HOST_H
#define PORTLISTENER_CONNECTION_HOST_H

#include "endpoint/endpoint.h"
#include "io/worker.h"
#include "portlistener/handler.h"

/* One for each engine. Handlers get `functions`, and hand it back with each call. */
struct host {
    struct pl_host functions; /* first */
    struct worker *const *workers;
    unsigned worker_count;
    struct slot_table endpoints; /* any thread reads it, once the first handler has been started */
};

/* host_init: `workers` stay the caller's. host_fini: nobody calls it any more. */
void host_init(struct host *host, struct worker *const *workers, unsigned worker_count);
void host_fini(struct host *host);

/* host_add_endpoint: its id, 0 when there is no memory. Before any handler is started. */
pl_id host_add_endpoint(struct host *host, struct endpoint *endpoint);

/* host_worker: W of the id; NULL: there is no such worker. Any thread. */
struct worker *host_worker(const struct host *host, pl_id id);

/* host_end_client: resets the connection, for this reason; without memory for the message nothing happens, for the
   client's deadlines hold. Any thread. */
void host_end_client(struct host *host, pl_id id, enum close_reason reason);

/* host_still_endpoint: its timer fires no more. The workers have ended. */
void host_still_endpoint(const struct host *host, struct endpoint *endpoint);

#endif
