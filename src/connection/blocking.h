/* SPDX-License-Identifier: MIT
   Handlers that may block (PL_BLOCKING). Between the engine and such a handler stands a bridge: to the engine a handler
   like any other, on the workers; its own handler it calls on the threads of a pool. What happens to one client is handed
   over in order, one callback at a time, and meanwhile the client's connection is not read from; datagrams wait, within
   bounds. */
#ifndef PORTLISTENER_CONNECTION_BLOCKING_H
#define PORTLISTENER_CONNECTION_BLOCKING_H

#include <stdbool.h>

#include "connection/host.h"
#include "endpoint/endpoint.h"
#include "io/blocking_pool.h"

/* Bytes of datagrams that wait for the handler: of one session, of one endpoint. */
enum { BLOCKING_SESSION_MOST = 65536, BLOCKING_ENDPOINT_MOST = 4194304 };

/* The threads of an engine, and what they are doing. */
struct blocking {
    struct blocking_pool *pool; /* NULL: there is no such handler */
    DWORD current;              /* thread local storage: the client whose callback runs */
};

/* blocking_start: `threads` of them; `breadcrumb` may be NULL. False: `error_out`. blocking_stop: as blocking_pool_stop. blocking_destroy: behind
   that; of one that was never started, too. */
bool blocking_start(struct blocking *blocking, unsigned threads, struct breadcrumb *breadcrumb,
                    DWORD *error_out);
bool blocking_stop(struct blocking *blocking, DWORD timeout);
void blocking_destroy(struct blocking *blocking);

struct blocking_bridge;

/* blocking_bridge_create: for an endpoint whose `handler` blocks; all arguments are kept. NULL: no memory.
   blocking_bridge_install: from now on the endpoint's handler is the bridge; before endpoint_start. */
struct blocking_bridge *blocking_bridge_create(struct blocking *blocking, struct host *host,
                                               struct endpoint *endpoint);
void blocking_bridge_install(struct blocking_bridge *bridge, struct endpoint *endpoint);

/* blocking_bridge_clients: for which the handler has work to do; connections and sessions that have ended but whose
   on_close has not returned are among them. Any thread. */
size_t blocking_bridge_clients(const struct blocking_bridge *bridge);

/* blocking_bridge_is_idle: nothing of the endpoint's own (posts, its timer) waits or runs. On W of the endpoint. */
bool blocking_bridge_is_idle(const struct blocking_bridge *bridge);

/* blocking_bridge_destroy: after endpoint_stop. NULL is allowed. */
void blocking_bridge_destroy(struct blocking_bridge *bridge);

#endif
