/* SPDX-License-Identifier: MIT
   The host's side of the handler contract: the functions that a handler calls. */
#ifndef PORTLISTENER_CONNECTION_HOST_H
#define PORTLISTENER_CONNECTION_HOST_H

#include "io/worker.h"
#include "portlistener/handler.h"

/* One for each engine. Handlers get `functions`, and hand it back with each call. */
struct host {
    struct pl_host functions; /* first */
    struct worker *const *workers;
    unsigned worker_count;
};

/* host_init: `workers` stay the caller's. */
void host_init(struct host *host, struct worker *const *workers, unsigned worker_count);

#endif
