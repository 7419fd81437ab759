/* SPDX-License-Identifier: MIT
   One address of an endpoint with what serves it: the listener below, and on its home worker an acceptor or a
   UDP endpoint. Places accepted connections on workers. */
#ifndef PORTLISTENER_BINDING_H
#define PORTLISTENER_BINDING_H

#include <stdbool.h>

#include "accept/acceptor.h"
#include "connection/udp_endpoint.h"
#include "endpoint/listener.h"

/* What all bindings of an engine share. */
struct binding_world {
    const struct network *network;
    struct udp_shared udp;
    struct worker *const *workers;
    unsigned worker_count;
    uint64_t bind_retry; /* see listener_open */
    HANDLE control;      /* set when a binding wants the control thread's attention */
};

/* Control thread, but for what is marked W (the home worker) or both. */
struct binding {
    struct listener listener;
    const struct binding_world *world;
    struct worker *home;
    struct acceptor *acceptor;
    struct udp_endpoint *udp;
    bool is_stop_sent;
    unsigned next_worker;    /* W */
    volatile LONG is_live;   /* both: something is in flight on the home worker, or may be */
    volatile LONG is_broken; /* both: the socket has died under what serves it */
    uint32_t broken_error;   /* valid while is_broken */
};

/* binding_serve: begins to accept or receive on the listening socket. False: no memory or no handle; the
   listener waits again. */
bool binding_serve(struct binding *binding, bool is_paused, uint64_t now);

/* binding_stop: begins to end; `is_live` becomes 0, and `control` is set, when nothing is in flight any
   more. */
void binding_stop(struct binding *binding);

/* binding_tidy: once it is not live: frees what has ended. A broken one waits to be bound again. */
void binding_tidy(struct binding *binding, uint64_t now);

/* binding_pause: refuse what is new, or take it again. */
void binding_pause(struct binding *binding, bool is_paused);

#endif
