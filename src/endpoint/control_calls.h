/* SPDX-License-Identifier: MIT
   What is called of a handler on no worker: start, drain and stop. Which of them runs is noted, as a worker's callbacks are.
   Each runs on a thread of its own. A start that lasts is told in the log, by name: nobody else could tell why the service
   does not start. A drain or a stop that does not return must not keep the service from its end: who waits for it may give
   up. Where no thread can be had they run on the caller's, nothing is told, and there is no limit. */
#ifndef PORTLISTENER_ENDPOINT_CONTROL_CALLS_H
#define PORTLISTENER_ENDPOINT_CONTROL_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/breadcrumb.h"
#include "base/failure.h"
#include "base/win.h"
#include "endpoint/endpoint.h"

/* Milliseconds. */
enum {
    CONTROL_CALLS_PATIENCE = 10000, /* it is long, for a stop joins threads, and each handler has all of it */
    CONTROL_CALLS_START_LIMIT = 5000, /* then it is told */
    CONTROL_CALLS_POLL = 20
};

/* What a start takes and gives. */
struct control_start {
    const struct pl_host *host;
    void *previous;
    struct failure *failure;
    bool is_started;
};

/* All zero but for what control_calls_init sets. */
struct control_calls {
    struct breadcrumb_place
        *place; /* where the call is noted: `own_place`, or one that outlives the process */
    struct breadcrumb_place own_place;
    void (*tell)(void *context); /* called now and then while a call is waited for */
    void *context;
    HANDLE thread; /* of the call that is under way; NULL: none */
    struct endpoint *endpoint;
    void (*run)(struct control_calls *calls);
    uint32_t within;
    struct control_start start;
};

/* control_calls_init: `place` may be NULL; `calls` stays where it is. */
void control_calls_init(struct control_calls *calls, struct breadcrumb_place *place);

/* control_calls_start: endpoint_start; returns when it has. */
bool control_calls_start(struct control_calls *calls, struct endpoint *endpoint, const struct pl_host *host,
                         void *previous, struct failure *failure_out);

/* control_calls_drain, control_calls_stop: endpoint_drain and endpoint_stop. False: it has not returned within
   CONTROL_CALLS_PATIENCE; then `calls` and the endpoint must stay, and before the next call control_calls_wait must have
   returned true: it waits once more, if there is something to wait for. */
bool control_calls_drain(struct control_calls *calls, struct endpoint *endpoint, uint32_t within);
bool control_calls_stop(struct control_calls *calls, struct endpoint *endpoint);
bool control_calls_wait(struct control_calls *calls);

/* control_calls_mark: which call it is in. Any thread. */
const struct callback_mark *control_calls_mark(const struct control_calls *calls);

#endif
