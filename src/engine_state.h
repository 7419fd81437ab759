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
#include "generations.h"
#include "io/fence.h"
#include "io/watchdog.h"

/* A walk over a worker's connections, in steps, for those that a reload denies. */
struct review {
    struct signal signal;
    struct task task;
    struct worker *worker;
    uint32_t slot; /* where it goes on */
    bool is_queued;
};

struct engine {
    const struct config *config; /* in effect */
    struct config_use *use;      /* of it */
    struct log *log;
    struct access_log *access_log;
    struct breadcrumb *breadcrumb; /* NULL: none */
    const struct explainer *explainer;
    struct network network;
    struct resolver *resolver;
    struct host host;
    struct worker **workers;
    unsigned worker_count;
    struct control_calls calls;
    struct watchdog *watchdog; /* over the workers; the control thread's */
    uint64_t probe_at;         /* likewise: when the workers' queues are probed next */
    struct blocking blocking;
    const struct pl_handler *const *handlers; /* ends with NULL */
    bool has_own_texts;                       /* below */
    struct config_service
        service; /* the values in effect, see engine__take_service; texts are none of its own */
    struct generations generations;
    struct generation **current;         /* of each endpoint of `config`; NULL: it is disabled */
    struct connection_limit connections; /* of all endpoints */
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
    struct fence reload; /* what a reload has told the workers */
    struct review reviews[WORKERS_MAX];
    bool is_network_started;
    bool are_workers_started;
    volatile LONG is_paused;
    volatile LONG is_ending;
    uint64_t started_at;      /* of GetTickCount64 */
    volatile LONG64 loaded;   /* the configuration in effect, in seconds since 1970 */
    volatile LONG generation; /* its number: 1 with the start */
};

/* engine_init_reload: when its control event is there; engine_init_review: when that worker is. engine_free_texts: what reloads have made of engine.service. */
void engine_init_reload(struct engine *engine);
void engine_init_review(struct engine *engine, unsigned index);
void engine_free_texts(struct engine *engine);

/* engine_start_blocking: the threads for handlers that block, unless they run. */
bool engine_start_blocking(struct engine *engine, struct failure *failure_out);

/* engine_fail: fills `failure`, with the words of the error unless that is 0; false, for the caller to pass on.
   engine_fail_section: says before what `failure` tells where the endpoint's section stands. */
bool engine_fail(struct failure *failure, enum exit_code code, uint32_t error, const char *words);
void engine_fail_section(struct failure *failure, const struct config *config,
                         const struct config_endpoint *endpoint);

#endif
