/* SPDX-License-Identifier: MIT
   The engine: from a configuration to listening sockets with handlers behind them, and back to nothing. It
   knows no service manager and no console; several engines can run in one process. */
#ifndef PORTLISTENER_ENGINE_H
#define PORTLISTENER_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/breadcrumb.h"
#include "base/failure.h"
#include "base/log.h"
#include "config/config.h"
#include "endpoint/listener_state.h"
#include "portlistener/handler.h"
#include "stats/access_log.h"
#include "stats/stats.h"

struct engine;

/* Called now and then, at least every second, while engine_start and engine_stop wait; `remaining` is their
   own estimate in milliseconds. On the calling thread. */
typedef void (*engine_progress)(void *context, uint32_t remaining);

struct engine_options {
    const struct config *config;   /* kept, not copied: valid until engine_destroy */
    struct log *log;               /* likewise; may be NULL */
    struct access_log *access_log; /* likewise; NULL: none is written */
    struct breadcrumb *breadcrumb; /* likewise; NULL: nobody asks what was running in a process that died */
    const struct pl_handler *const *handlers; /* ends with NULL; NULL: the built-in ones */
    bool is_automatic_start;  /* at boot a bind that may succeed later never fails the start (product:
                                 start_policy) */
    engine_progress progress; /* may be NULL */
    void *progress_context;
};

/* engine_start: workers, handlers, sockets; returns when each bind is decided, its retries included. NULL:
   `failure_out` has the exit code and the text; nothing is left, and no connection was taken. */
struct engine *engine_start(const struct engine_options *options, struct failure *failure_out);

/* engine_pause, engine_continue: refuse new connections and datagrams, and take them again. Sockets stay
   bound and live connections go on. Any thread. */
void engine_pause(struct engine *engine);
void engine_continue(struct engine *engine);

/* engine_stop: stops accepting, lets connections finish for drain_timeout (at most `drain_limit`
   milliseconds), resets the rest. True when everything ended. False when a callback of a handler has not
   returned one second after the deadline: it is named in `failure_out`; then engine_destroy must not be
   called and the process should end, unless another engine_stop returns true. */
bool engine_stop(struct engine *engine, uint32_t drain_limit, struct failure *failure_out);

/* engine_hurry: a running or later engine_stop resets what is left without waiting. Any thread. */
void engine_hurry(struct engine *engine);

/* engine_destroy: frees it; after engine_stop. NULL is allowed. */
void engine_destroy(struct engine *engine);

/* engine_close_client: resets the connection with this id, ends the UDP session, PL_BY_ADMIN, a moment later and if it is
   still there. False: it cannot be one, or there is no memory to ask for it. Until engine_stop; any thread. */
bool engine_close_client(struct engine *engine, pl_id id);

/* engine_counters: the sums over all workers at this moment, indexed by enum counter. Any thread. */
void engine_counters(struct engine *engine, uint64_t sums_out[COUNTER_COUNT]);

/* engine_endpoint_counters: the same of the endpoint with this name; false: there is none. Any thread. */
bool engine_endpoint_counters(struct engine *engine, const char *endpoint, uint64_t sums_out[COUNTER_COUNT]);

/* engine_handler_counter: what the handler of the endpoint with this name has counted, by the number in its table. 0: there
   is no such endpoint or counter. Any thread. */
uint64_t engine_handler_counter(const struct engine *engine, const char *endpoint, uint32_t counter);

/* One socket of an endpoint, for reports. */
struct engine_listener {
    const char *endpoint;
    enum config_protocol protocol;
    struct pl_address address; /* as bound: with the real port */
    enum listener_state state;
    uint32_t win32_error; /* WAITING: why the last bind failed */
    uint64_t retry_at;    /* WAITING: when it is tried again, of GetTickCount64 */
};

/* engine_listener_at: fills `listener_out`; false behind the last. Any thread. */
bool engine_listener_at(struct engine *engine, size_t index, struct engine_listener *listener_out);

#endif
