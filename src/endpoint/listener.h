/* SPDX-License-Identifier: MIT
   One socket of an endpoint: an address that should be bound, whether it is, and when to try again. Control
   thread. */
#ifndef PORTLISTENER_ENDPOINT_LISTENER_H
#define PORTLISTENER_ENDPOINT_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "diagnosis/explainer.h"
#include "endpoint/endpoint.h"
#include "endpoint/listener_state.h"
#include "io/network.h"

/* What others read of it (its endpoint, its address, its state) changes under the lock of the endpoint's tally, in whose
   list it is. */
struct listener {
    struct list_node node; /* in its endpoint's tally */
    struct endpoint *endpoint;
    enum config_protocol protocol;
    bool is_dual_stack;
    int family;                /* AF_INET or AF_INET6 */
    struct pl_address address; /* once bound, with the port that it got */
    enum listener_state state;
    uint32_t backlog;     /* LISTENING, TCP: that it was opened with */
    SOCKET socket;        /* LISTENING */
    uint32_t win32_error; /* WAITING: why the last try failed */
    uint32_t delay;       /* milliseconds between the last try and the next; 0: none failed yet */
    uint64_t bound_at;    /* LISTENING: of GetTickCount64 */
    uint64_t retry_at;    /* WAITING: of GetTickCount64 */
    uint64_t failed_at;   /* WAITING: likewise, of the last try */
    const struct explainer *explainer; /* NULL: nobody knows why a bind fails */
    uint64_t told_cause;               /* WAITING: what was logged last; 0: nothing yet */
    uint64_t tell_by; /* WAITING: when it is logged at the latest, with or without its cause; 0: it is done */
    const volatile uint32_t *armed; /* accepts or receives outstanding; NULL: nothing serves it */
};

/* listener_init: for the port `port` of one item of `listen`. */
void listener_init(struct listener *listener, struct endpoint *endpoint, const struct config_listen *listen,
                   uint16_t port);

/* listener_fini: nobody reads it any more; before its endpoint goes. */
void listener_fini(struct listener *listener);

/* listener_move: it belongs to this endpoint from now on. listener_arm: where the number of its outstanding calls is; NULL
   before that goes. listener_stop: it is not wanted any more. */
void listener_move(struct listener *listener, struct endpoint *endpoint);
void listener_arm(struct listener *listener, const volatile uint32_t *armed);
void listener_stop(struct listener *listener);

/* listener_change: its endpoint's next generation has it from now on; options that accepted sockets inherit, and the buffers
   of UDP, are set as that says. */
void listener_change(struct listener *listener, struct endpoint *endpoint);

/* listener_open: socket, options, bind and, for TCP, listen. 0: LISTENING. Else the error: WAITING, and
   `retry_at` is set after `first_delay` milliseconds, doubling to 30 s. A dual-stack address becomes 0.0.0.0
   where IPv6 is off. */
uint32_t listener_open(struct listener *listener, const struct network *network, uint64_t first_delay,
                       uint64_t now);

/* listener_lost: it could not be bound, or the bound socket is gone; WAITING, and `retry_at` is set after
   `first_delay` milliseconds, doubling to 30 s, until one has lived that long: what is lost again and again
   is not tried without pause. */
void listener_lost(struct listener *listener, uint32_t error, uint64_t first_delay, uint64_t now);

/* listener_error_may_pass: whether the bind error can go away in seconds, as when a program ends that holds
   the port. */
bool listener_error_may_pass(uint32_t error);

/* listener_error_is_lasting: whether only a change of the configuration or of the machine's set-up can mend
   it. */
bool listener_error_is_lasting(uint32_t error);

/* listener_backlog: that of its socket, or, while it waits, what it would be opened with; 0 of UDP. */
uint32_t listener_backlog(const struct listener *listener);

/* listener_add_name: "tcp://127.0.0.1:80", as `listen` has it. */
void listener_add_name(struct text *text, const struct listener *listener);

/* listener_must_tell: whether it is time to log why it waits: when the cause is known, or is not found out in time, and it
   is not what was logged last. `again_out` becomes earlier where it should be asked for again before. */
bool listener_must_tell(struct listener *listener, uint64_t now, uint64_t *again_out);

/* listener_is_explained: it is bound, or its cause is known. */
bool listener_is_explained(const struct listener *listener);

/* listener_add_error: what the last bind error means and what to do. Never waits. */
void listener_add_error(struct text *text, const struct listener *listener);

#endif
