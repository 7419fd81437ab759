/* SPDX-License-Identifier: MIT
   An endpoint: one [endpoint NAME] of the configuration with its handler's state. Its sockets are listeners
   (see listener.h); its connections and datagrams find here what they need to know. */
#ifndef PORTLISTENER_ENDPOINT_ENDPOINT_H
#define PORTLISTENER_ENDPOINT_ENDPOINT_H

#include <stdbool.h>

#include "base/failure.h"
#include "base/log.h"
#include "base/win.h"
#include "config/config.h"
#include "endpoint/account.h"
#include "endpoint/notice.h"
#include "io/worker.h"
#include "portlistener/handler.h"
#include "stats/access_log.h"

struct admission;
struct explainer;

/* Who sets TCP_NODELAY. */
enum endpoint_nodelay {
    NODELAY_UNKNOWN,   /* the system is asked with the first connection */
    NODELAY_INHERITED, /* the system: an accepted socket has what its listening socket has */
    NODELAY_OWN        /* each connection */
};

struct endpoint {
    const struct config_endpoint *config;
    const struct config_service *service;
    const struct explainer *explainer; /* NULL: nobody knows why a bind fails */
    const struct pl_handler *handler;
    void *state; /* the handler's; before its start: what that finds in pl_start.state, NULL as a rule */
    pl_id id;
    size_t index;         /* in the configuration that is in effect; the control thread's */
    unsigned lane;        /* of its work on each worker */
    bool is_paused_alone; /* not with the whole engine; under the engine's lock */
    struct log *log;
    struct access_log *access_log; /* NULL: none, or not for this endpoint */
    struct admission *admission;   /* who may come in; see accept/admission.h */
    struct tally *tally;           /* that of its name, which it holds; NULL: it counts as nobody's */
    struct handler_counters *handler_counters; /* of the tally; NULL: the handler has none */
    uint32_t udp_sockets;                      /* of its addresses */
    HANDLE control;                            /* set when nobody needs it any more; NULL: nobody asks */
    volatile LONG clients;                     /* who need it: see endpoint_enter */
    volatile LONG udp_sessions;                /* of these */
    volatile LONG is_started;                  /* the handler */
    volatile LONG is_still;                    /* no posted function and no timer runs any more */
    volatile LONG is_paused;                   /* refuse what is new */
    volatile LONG is_stopping;                 /* likewise, and for good */
    volatile LONG nodelay;                     /* enum endpoint_nodelay */
    struct notice_gates gates;
    struct account *volatile account; /* made when it is needed; see endpoint_account */

    /* NULL, or what a later reload says of its clients: whom that denies is reset. */
    struct admission *volatile judge;
};

/* endpoint_enter, endpoint_leave: a connection, from its accept to its end, or a UDP session; and once whoever has made the
   endpoint, as long as it shall live on without them. Behind the last one to leave it may be gone. Any thread. */
void endpoint_enter(struct endpoint *endpoint);
void endpoint_leave(struct endpoint *endpoint);

/* endpoint_enter_again: for a connection that its handler opens; false: nobody needs it any more, and it may be about to end.
   Any thread. */
bool endpoint_enter_again(struct endpoint *endpoint);

/* endpoint_start: the handler's start; `previous` is the state of an endpoint whose handler is the same copy of the same
   one, NULL: none. False: `failure_out`. endpoint_check: likewise, but nothing is left of it; for that the host needs to
   know neither worker nor endpoint. Control thread. */
bool endpoint_start(struct endpoint *endpoint, const struct pl_host *host, void *previous,
                    struct failure *failure_out);
bool endpoint_check(struct endpoint *endpoint, const struct pl_host *host, void *previous,
                    struct failure *failure_out);

/* endpoint_can_drain, endpoint_can_stop: whether endpoint_drain or endpoint_stop would call the handler. */
bool endpoint_can_drain(const struct endpoint *endpoint);
bool endpoint_can_stop(const struct endpoint *endpoint);

/* endpoint_drain: the handler's drain. Control thread. */
void endpoint_drain(struct endpoint *endpoint, uint32_t within);

/* endpoint_stop: the handler's stop, if it was started, and what is left to be told of clients. No connection may be left.
   Control thread. */
void endpoint_stop(struct endpoint *endpoint);

/* endpoint_fini: what it has kept for its handler, and for notices; nobody looks at it any more. Control thread. */
void endpoint_fini(struct endpoint *endpoint);

/* endpoint_account: what it keeps for its handler, made now if it was not needed before; NULL: no memory. endpoint_log: a
   line of the handler's, see pl_host.log. Any thread. */
struct account *endpoint_account(struct endpoint *endpoint);
int32_t endpoint_log(struct endpoint *endpoint, pl_id connection, int32_t level, const char *at,
                     size_t length);

/* endpoint_tell: tells in the log of what `counter` counts, if notices.def has it; `now` of a worker's clock. Any thread.
   endpoint_count: counts one, and tells of it. On W. */
void endpoint_tell(struct endpoint *endpoint, uint64_t now, enum counter counter,
                   const struct pl_address *client);
void endpoint_count(struct endpoint *endpoint, struct worker *worker, enum counter counter,
                    const struct pl_address *client);

/* endpoint_refused: counts and tells of a TCP client that never reached the handler, and writes it to the access log. On
   W. */
void endpoint_refused(struct endpoint *endpoint, struct worker *worker, enum close_reason reason,
                      const struct pl_address *local, const struct pl_address *peer);

/* endpoint_tell_header: logs what is wrong with the PROXY header of this proxy, once a minute. `connection` is its
   id, 0 for a datagram; `now` of a worker's clock. Any thread. */
void endpoint_tell_header(struct endpoint *endpoint, uint64_t now, pl_id connection,
                          const struct pl_address *proxy, const char *problem);

/* endpoint_tell_connect: logs that the handler's connection with this id was not opened, once a minute; `words` say all of it.
   Any thread. */
void endpoint_tell_connect(struct endpoint *endpoint, uint64_t now, pl_id connection, const char *words);

/* endpoint_has_timer: whether its handler has on_timer. */
bool endpoint_has_timer(const struct endpoint *endpoint);

/* endpoint_max_input: what its handler may leave unconsumed, in bytes. */
uint32_t endpoint_max_input(const struct endpoint *endpoint);

#endif
