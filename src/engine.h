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
#include "clients.h"
#include "config/config.h"
#include "diagnosis/explainer.h"
#include "endpoint/listener_state.h"
#include "portlistener/handler.h"
#include "stats/access_log.h"
#include "stats/stats.h"

struct engine;

/* Called now and then, at least every second, while engine_start and engine_stop wait; `remaining` is their
   own estimate in milliseconds. On the calling thread. */
typedef void (*engine_progress)(void *context, uint32_t remaining);

struct engine_options {
    const struct config *config;   /* kept, not copied; see config_done */
    struct log *log;               /* kept until engine_destroy; may be NULL */
    struct access_log *access_log; /* likewise; NULL: none is written */
    struct breadcrumb *breadcrumb; /* likewise; NULL: nobody asks what was running in a process that died */
    const struct pl_handler *const *handlers; /* ends with NULL; NULL: the built-in ones */
    const struct explainer *explainer; /* kept until engine_destroy; NULL: nobody knows why a bind fails */
    bool is_automatic_start;  /* at boot a bind that may succeed later never fails the start (product:
                                 start_policy) */
    engine_progress progress; /* may be NULL */
    void *progress_context;

    /* Nothing uses this configuration any more; on a thread that is no worker. Once for each one that is the engine's:
       that of a start that succeeds, and of each reload, also of one that is refused. NULL: they stay the caller's, all of
       them valid until engine_destroy. */
    void (*config_done)(void *context, const struct config *config);
    void *config_context;
};

/* engine_start: workers, handlers, sockets; returns when each bind is decided, its retries included. NULL:
   `failure_out` has the exit code and the text; nothing is left, and no connection was taken. */
struct engine *engine_start(const struct engine_options *options, struct failure *failure_out);

/* engine_pause, engine_continue: refuse new connections and datagrams, and take them again. Sockets stay
   bound and live connections go on. Any thread. */
void engine_pause(struct engine *engine);
void engine_continue(struct engine *engine);

/* What a reload changes. */
struct reload_report {
    struct text *told; /* takes the changes, one line each, or as JSON; may be NULL */
    bool is_json;      /* see config_diff_add_json */
    size_t changes;    /* from here on: how it went */
    size_t restarts;   /* of these, wait for the next start */
    struct failure
        failure; /* DONE; BIND: it runs as `next` says, but for sockets that wait to be bound, perhaps for
                               longer */
};

/* engine_reload: from now on it runs as `next` says, but for what needs a restart. Listening sockets that `next` has as
   well stay bound and go on accepting; live connections keep the settings that they began with, but whom `allow` and
   `deny` of `next` deny is reset. Each change is logged. False: everything goes on as before, and `failure` tells why.
   `next` is the engine's in either case: a refused one is done when what was begun of it has ended. engine_compare: tells
   what engine_reload would change, and changes nothing; `next` stays the caller's. False: no memory, or a handler that
   would be started says, asked by a check, that it would not. Any thread but a
   worker; one at a time. */
bool engine_reload(struct engine *engine, const struct config *next, struct reload_report *report);
bool engine_compare(struct engine *engine, const struct config *next, struct reload_report *report);

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
uint64_t engine_handler_counter(struct engine *engine, const char *endpoint, uint32_t counter);

enum { ENGINE_NAME_ROOM = 72 }; /* of an endpoint's name, and its NUL */

/* engine_clients: clients_read over its workers. engine_find_client: clients_find. Any thread but a worker. */
bool engine_clients(struct engine *engine, struct clients_reading *reading,
                    struct client_row rows_out[CLIENTS_PIECE], size_t *count_out);
enum clients_answer engine_find_client(struct engine *engine, uint64_t id, struct client_row *row_out);

/* engine_pause_endpoint: as engine_pause, engine_continue for the endpoint with this name alone; it takes new clients when
   neither it nor the whole engine is paused. False: there is no such endpoint. Any thread. */
bool engine_pause_endpoint(struct engine *engine, const char *name, bool is_paused, bool *has_changed_out);

/* One socket of an endpoint, for reports. */
struct engine_listener {
    char endpoint[ENGINE_NAME_ROOM];
    enum config_protocol protocol;
    struct pl_address address; /* as bound: with the real port */
    enum listener_state state;
    uint32_t win32_error; /* WAITING: why the last bind failed */
    uint64_t retry_at;    /* WAITING: when it is tried again, of GetTickCount64 */
};

/* engine_listener_at: fills `listener_out`; false behind the last. Any thread. */
bool engine_listener_at(struct engine *engine, size_t index, struct engine_listener *listener_out);

#endif
