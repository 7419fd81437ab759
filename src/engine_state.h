/* SPDX-License-Identifier: MIT
   What an engine is made of, for the files that make it up: engine.c, the ladder, and engine_reload.c. */
#ifndef PORTLISTENER_ENGINE_STATE_H
#define PORTLISTENER_ENGINE_STATE_H

#include "accept/access_lists.h"
#include "accept/admission.h"
#include "bindings.h"
#include "connection/blocking.h"
#include "connection/host.h"
#include "endpoint/address_watch.h"
#include "endpoint/control_calls.h"
#include "engine.h"
#include "io/watchdog.h"

struct engine {
    const struct config *config;
    struct log *log;
    struct access_log *access_log;
    struct breadcrumb *breadcrumb; /* NULL: none */
    struct network network;
    struct host host;
    struct worker **workers;
    unsigned worker_count;
    struct control_calls calls;
    size_t drains; /* of endpoints, and stops, that were begun */
    size_t stops;
    struct watchdog *watchdog; /* over the workers; the control thread's */
    struct blocking blocking;
    struct endpoint *endpoints;
    struct blocking_bridge **bridges; /* of those endpoints whose handlers block */
    size_t bridge_count;
    size_t endpoint_count;
    struct connection_limit connections; /* of all endpoints */
    struct access_lists lists;           /* likewise */
    struct tallies tallies;              /* likewise */
    struct hash_key hash_key;
    struct bindings bindings;
    struct address_watch addresses;
    HANDLE control; /* auto-reset: something wants the control thread */
    HANDLE hurry;   /* manual-reset */
    HANDLE thread;
    SRWLOCK lock;
    engine_progress progress;
    void *progress_context;
    void (*config_done)(void *context, const struct config *config); /* NULL: nobody asks */
    void *config_context;
    struct signal refusals[WORKERS_MAX];
    struct signal resets[WORKERS_MAX];
    bool is_network_started;
    bool are_workers_started;
    volatile LONG is_paused;
    volatile LONG is_ending;
    uint64_t started_at;      /* of GetTickCount64 */
    volatile LONG64 loaded;   /* the configuration in effect, in seconds since 1970 */
    volatile LONG generation; /* its number: 1 with the start */
};

/* engine_fail: fills `failure`, with the words of the error unless that is 0; false, for the caller to pass on. */
bool engine_fail(struct failure *failure, enum exit_code code, uint32_t error, const char *words);

#endif
