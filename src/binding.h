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
    struct endpoint
        *endpoint; /* W: who new clients belong to; that of the listener, or, for a moment, the one before */
    struct endpoint *next; /* both: what `endpoint` becomes */
    struct message change;
    volatile LONG is_changing; /* both: `change` is under way */
    struct pl_address wanted;  /* as the configuration has it */
    bool is_dual_stack;        /* likewise */
    bool is_stop_sent;
    unsigned lane;         /* of its work on W, for good */
    size_t number;         /* among the engine's UDP ports */
    struct binding *older; /* in a list of those that end */
    const struct binding_world *world;
    struct worker *home;
    struct acceptor *acceptor;
    struct udp_endpoint *udp;
    unsigned next_worker;    /* W */
    volatile LONG is_live;   /* both: something is in flight on the home worker, or may be */
    volatile LONG is_broken; /* both: the socket has died under what serves it */
    uint32_t broken_error;   /* valid while is_broken */
};

/* binding_init: for the port `port` of one item of `listen`; `place` spreads them over the workers. */
void binding_init(struct binding *binding, const struct binding_world *world, struct endpoint *endpoint,
                  const struct config_listen *listen, uint16_t port, unsigned place);

/* binding_change: new clients are this endpoint's, as soon as the home worker has seen it; the socket stays as it is. Not
   before an earlier change has come through (`is_changing`). */
void binding_change(struct binding *binding, struct endpoint *endpoint);

/* binding_prepare: makes what will serve the listening socket. False: no memory or no handle; the listener waits again.
   binding_abandon: closes a socket that was never served. */
bool binding_prepare(struct binding *binding, uint64_t now);
void binding_abandon(struct binding *binding);

/* binding_serve: prepares it, unless it is, and begins to accept or receive on the listening socket, or to refuse, as its
   endpoint is paused or not. False: no memory or no handle; the listener waits again. */
bool binding_serve(struct binding *binding, uint64_t now);

/* binding_stop: begins to end; `is_live` becomes 0, and `control` is set, when nothing is in flight any
   more. */
void binding_stop(struct binding *binding);

/* binding_tidy: once it is not live: frees what has ended. A broken one waits to be bound again. */
void binding_tidy(struct binding *binding, uint64_t now);

/* binding_pause: refuse what is new, or take it again. */
void binding_pause(struct binding *binding, bool is_paused);

#endif
