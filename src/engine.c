/* SPDX-License-Identifier: MIT
   The ladder up and down: network, workers, endpoints, sockets, control thread; see engine.h.

   The control thread tends what no worker owns: binds that wait, sockets that died, wake-ups that could not
   be posted, callbacks that last too long. It and the public functions hold `lock`; nothing on a worker ever does. */
#include "engine_state.h"

#include <assert.h>
#include <string.h>

#include "accept/admission.h"
#include "base/log_time.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/utf16.h"
#include "config/config_options.h"
#include "connection/connection.h"
#include "connection/udp_peer.h"
#include "endpoint/control_calls.h"
#include "engine_report.h"
#include "handler/handlers.h"

enum {
    ENGINE_BIND_PATIENCE = 10000,   /* how long the start waits for a port that may become free */
    ENGINE_EXPLAIN_PATIENCE = 3000, /* how long a start waits for the causes of failed binds */
    ENGINE_TELL = 500,              /* milliseconds between two reports of progress */
    ENGINE_POLL = 10,               /* while the stop waits */
    ENGINE_SWEEP = 100,
    ENGINE_GRACE = 1000,          /* after the stop's deadline, without anything ending, until it gives up */
    ENGINE_WORKER_PATIENCE = 5000 /* for a worker with nothing left to do: the machine may be busy */
};

/* Tells the caller how a long step goes. */
struct telling {
    engine_progress progress;
    void *context;
    uint64_t deadline;
    uint64_t next;
};

static struct telling engine__begin_telling(const struct engine *engine, uint64_t deadline)
{
    return (struct telling){
        .progress = engine->progress, .context = engine->progress_context, .deadline = deadline};
}

static void engine__tell(void *context)
{
    struct telling *telling = context;
    const uint64_t now = GetTickCount64();
    if (telling->progress != NULL && now >= telling->next) {
        telling->next = now + ENGINE_TELL;
        telling->progress(telling->context,
                          telling->deadline > now ? (uint32_t)(telling->deadline - now) : 0);
    }
}

bool engine_fail(struct failure *failure, enum exit_code code, uint32_t error, const char *words)
{
    struct text text;
    failure->code = code;
    failure->win32_error = error;
    text_init(&text, failure->text, sizeof failure->text);
    text_add_string(&text, words);
    if (error != 0) {
        text_add_string(&text, ": ");
        utf16_add_error(&text, error);
    }
    return false;
}

void engine_fail_section(struct failure *failure, const struct config *config,
                         const struct config_endpoint *endpoint)
{
    char room[sizeof failure->text];
    struct text text;
    text_init(&text, room, sizeof room);
    config_places_add_section(&text, &config->places, endpoint->name, endpoint->line);
    text_add_string(&text, failure->text);
    memcpy(failure->text, room, sizeof room);
}

/* ---- Workers ---- */

static void engine__run_refuse(struct signal *signal, struct worker *worker)
{
    (void)signal;
    connection_refuse_all(worker);
    udp_peer_end_all(worker, false);
}

static void engine__run_reset(struct signal *signal, struct worker *worker)
{
    (void)signal;
    connection_reset_all(worker);
    udp_peer_end_all(worker, true);
}

/* The processors that this process may run on. */
static unsigned engine__processors(void)
{
    DWORD_PTR process = 0, machine = 0;
    const DWORD all = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    if (GetActiveProcessorGroupCount() > 1 ||
        !GetProcessAffinityMask(GetCurrentProcess(), &process, &machine) || process == 0) {
        return all > 0 ? all : 1;
    }
    unsigned count = 0;
    for (; process != 0; process &= process - 1) {
        count++;
    }
    return count;
}

static void engine__watch_blocking(struct engine *engine)
{
    const struct blocking_pool *pool = engine->blocking.pool;
    const unsigned threads = pool != NULL ? blocking_pool_threads(pool) : 0;
    for (unsigned i = 0; i < threads; i++) {
        watchdog_watch(engine->watchdog, blocking_pool_mark(pool, i), WATCHDOG_BLOCKING);
    }
}

static bool engine__watch_threads(struct engine *engine)
{
    engine->watchdog = watchdog_create(engine->log, engine->worker_count + engine->service.blocking_threads);
    if (engine->watchdog == NULL) {
        return false;
    }
    for (unsigned i = 0; i < engine->worker_count; i++) {
        watchdog_watch(engine->watchdog, worker_mark(engine->workers[i]), WATCHDOG_WORKER);
    }
    engine__watch_blocking(engine);
    return true;
}

static int32_t engine__report(void *context, int32_t format, report_sink sink, void *what)
{
    static_assert((int)REPORT_TEXT == (int)PL_REPORT_TEXT && (int)REPORT_JSON == (int)PL_REPORT_JSON &&
                      (int)REPORT_PROMETHEUS == (int)PL_REPORT_PROMETHEUS,
                  "the contract's formats are ours");
    return engine_report(context, (enum report_format)format, sink, what) ? PL_OK : PL_NO_MEMORY;
}

static bool engine__create_resolver(struct engine *engine, struct failure *failure_out)
{
    engine->resolver = resolver_create();
    return engine->resolver != NULL || engine_fail(failure_out, EXIT_CODE_FAILED, ERROR_NOT_ENOUGH_MEMORY,
                                                   "names of other hosts cannot be resolved");
}

static bool engine__create_workers(struct engine *engine, struct failure *failure_out)
{
    const unsigned wanted = engine->config->service.workers;
    unsigned count = wanted != 0 ? wanted : engine__processors();
    count = count < WORKERS_MAX ? count : WORKERS_MAX;
    DWORD error = ERROR_NOT_ENOUGH_MEMORY;
    engine->workers = memory_alloc(count * sizeof engine->workers[0]);
    for (unsigned i = 0; engine->workers != NULL && i < count; i++) {
        engine->workers[i] = worker_create(i, count, engine->control, &error);
        if (engine->workers[i] == NULL) {
            break;
        }
        worker_publish(engine->workers[i], breadcrumb_place(engine->breadcrumb, i));
        signal_init(&engine->refusals[i], engine__run_refuse);
        signal_init(&engine->resets[i], engine__run_reset);
        engine_init_review(engine, i);
        engine->worker_count++;
    }
    if (engine->workers == NULL || engine->worker_count < count) {
        return engine_fail(failure_out, EXIT_CODE_FAILED, error, "the worker threads could not be created");
    }
    host_init(&engine->host, engine->workers, count);
    engine->host.report = engine__report;
    engine->host.report_context = engine;
    engine->host.dials = (struct dial_world){.network = &engine->network, .resolver = engine->resolver};
    engine->tallies.workers = count;
    return true;
}

static bool engine__start_workers(struct engine *engine, struct failure *failure_out)
{
    if (!engine__watch_threads(engine)) {
        return engine_fail(failure_out, EXIT_CODE_FAILED, ERROR_NOT_ENOUGH_MEMORY,
                           "there is no memory for the watchdog");
    }
    engine->are_workers_started = true; /* those that were are stopped again */
    for (unsigned i = 0; i < engine->worker_count; i++) {
        DWORD error = 0;
        if (!worker_start(engine->workers[i], engine->workers, &error)) {
            return engine_fail(failure_out, EXIT_CODE_FAILED, error, "a worker thread could not be started");
        }
    }
    return true;
}

/* ---- Endpoints ---- */

/* Where the system has no generator, strangers can hardly guess this either. */
static void engine__make_hash_key(struct engine *engine)
{
    LARGE_INTEGER counter;
    if (!random_fill(&engine->hash_key, sizeof engine->hash_key)) {
        QueryPerformanceCounter(&counter);
        engine->hash_key.halves[0] = (uint64_t)counter.QuadPart ^ (uint64_t)(uintptr_t)engine;
        engine->hash_key.halves[1] = GetTickCount64() ^ (uint64_t)GetCurrentProcessId() << 32;
    }
}

bool engine_start_blocking(struct engine *engine, struct failure *failure_out)
{
    DWORD error = 0;
    const bool is_new = engine->blocking.pool == NULL;
    if (is_new &&
        !blocking_start(&engine->blocking, engine->service.blocking_threads, engine->breadcrumb, &error)) {
        return engine_fail(failure_out, EXIT_CODE_FAILED, error,
                           "the threads for handlers that block could not be started");
    }
    if (is_new && engine->watchdog != NULL) { /* by a reload */
        engine__watch_blocking(engine);
    }
    return true;
}

static bool engine__create_endpoints(struct engine *engine, struct failure *failure_out)
{
    const struct config *config = engine->config;
    for (size_t i = 0; i < config->endpoint_count; i++) {
        if (config->endpoints[i].is_enabled) {
            engine->current[i] =
                generation_create(engine, engine->use, &config->endpoints[i], NULL, failure_out);
            if (engine->current[i] == NULL) {
                return false;
            }
        }
    }
    return true;
}

static bool engine__start_endpoints(struct engine *engine, struct failure *failure_out)
{
    const struct config *config = engine->config;
    engine->use = config_use_make(&engine->generations, config);
    engine->current = memory_alloc((config->endpoint_count + 1) * sizeof(struct generation *));
    if (engine->current == NULL || engine->use == NULL) {
        return engine_fail(failure_out, EXIT_CODE_FAILED, ERROR_NOT_ENOUGH_MEMORY,
                           "there is no memory for the endpoints");
    }
    if (!engine__create_endpoints(engine, failure_out)) {
        return false;
    }
    for (size_t i = 0; i < config->endpoint_count; i++) { /* a handler may call its host from its start on */
        if (engine->current[i] != NULL && !generation_start(engine, engine->current[i], NULL, failure_out)) {
            return false;
        }
    }
    return true;
}

/* ---- Sockets ---- */

static bool engine__create_bindings(struct engine *engine, struct failure *failure_out)
{
    const struct binding_world world = {.network = &engine->network,
                                        .workers = engine->workers,
                                        .worker_count = engine->worker_count,
                                        .bind_retry = engine->config->service.bind_retry,
                                        .control = engine->control,
                                        .udp.key = engine->hash_key};
    struct endpoint **endpoints =
        memory_alloc((engine->config->endpoint_count + 1) * sizeof(struct endpoint *));
    size_t count = 0;
    for (size_t i = 0; endpoints != NULL && i < engine->config->endpoint_count; i++) {
        if (engine->current[i] != NULL) {
            endpoints[count++] = &engine->current[i]->endpoint;
        }
    }
    const bool is_made = endpoints != NULL && bindings_init(&engine->bindings, &world, endpoints, count);
    memory_free((void *)endpoints);
    return is_made || engine_fail(failure_out, EXIT_CODE_FAILED, ERROR_NOT_ENOUGH_MEMORY,
                                  "there is no memory for the sockets");
}

/* So that the message of a start that fails, and the log, name the cause. */
static void engine__explain(struct engine *engine)
{
    struct telling telling = engine__begin_telling(engine, GetTickCount64() + ENGINE_EXPLAIN_PATIENCE);
    while (!bindings_are_explained(&engine->bindings) && GetTickCount64() < telling.deadline) {
        Sleep(ENGINE_POLL);
        engine__tell(&telling);
    }
}

/* Binds what can be bound, waits a while for ports that may become free, and decides whether that is enough
   (see start_policy). */
static bool engine__bind(struct engine *engine, bool is_automatic_start, struct failure *failure_out)
{
    struct telling telling = engine__begin_telling(engine, GetTickCount64() + ENGINE_BIND_PATIENCE);
    bool is_last = false;
    while (bindings_bind(&engine->bindings, is_last, engine__tell, &telling) > 0 && !is_last) {
        Sleep(ENGINE_SWEEP);
        is_last = GetTickCount64() >= telling.deadline;
    }
    engine__explain(engine);
    struct failure waiting;
    if (!bindings_describe_waiting(&engine->bindings, &waiting) ||
        (engine->config->service.start_policy == CONFIG_START_PARTIAL &&
         bindings_may_run(&engine->bindings, is_automatic_start))) {
        return true;
    }
    *failure_out = waiting;
    return false;
}

/* ---- Control thread ---- */

static bool engine__sweep(const struct engine *engine)
{
    bool is_done = true;
    for (unsigned i = 0; i < engine->worker_count; i++) {
        is_done = worker_sweep(engine->workers[i]) && is_done;
    }
    return is_done;
}

/* Returns when to call again. */
static uint64_t engine__probe(struct engine *engine, uint64_t now)
{
    if (now >= engine->probe_at) {
        engine->probe_at = now + WATCHDOG_PERIOD;
        for (unsigned i = 0; i < engine->worker_count; i++) {
            worker_probe(engine->workers[i]);
        }
    }
    return engine->probe_at;
}

/* What there is to do now; returns the milliseconds until there is more, by the clock. */
static DWORD engine__tend(struct engine *engine)
{
    const bool has_new_address = address_watch_take(&engine->addresses);
    const bool is_swept = engine__sweep(engine);
    const uint64_t bindings = bindings_tend(&engine->bindings, has_new_address);
    const uint64_t now = GetTickCount64();
    const uint64_t look = watchdog_look(engine->watchdog, now);
    const uint64_t probe = engine__probe(engine, now);
    const uint64_t first = bindings < look ? bindings : look;
    const uint64_t next = first < probe ? first : probe;
    const bool is_settled = generations_tend(&engine->generations);
    if (fence_is_passed(&engine->reload)) {
        own_ports_tidy(&engine->bindings.ports);
    }
    if ((!is_swept || !is_settled || engine->bindings.ending != NULL) && next > now + ENGINE_SWEEP) {
        return ENGINE_SWEEP;
    }
    return next > now ? (DWORD)(next - now) : 1;
}

static DWORD WINAPI engine__control(void *argument)
{
    struct engine *engine = argument;
    address_watch_start(&engine->addresses); /* here: its requests end with their thread */
    for (DWORD wait = 0; engine->is_ending == 0;) {
        HANDLE events[1 + ADDRESS_WATCH_FAMILIES] = {engine->control};
        WaitForMultipleObjects(1 + address_watch_events(&engine->addresses, events + 1), events, FALSE, wait);
        AcquireSRWLockExclusive(&engine->lock);
        wait = engine->is_ending == 0 ? engine__tend(engine) : 0;
        ReleaseSRWLockExclusive(&engine->lock);
    }
    address_watch_stop(&engine->addresses);
    return 0;
}

static bool engine__start_control(struct engine *engine, struct failure *failure_out)
{
    engine->thread = CreateThread(NULL, 0, engine__control, engine, 0, NULL);
    if (engine->thread == NULL) {
        return engine_fail(failure_out, EXIT_CODE_FAILED, GetLastError(),
                           "the control thread could not be started");
    }
    return true;
}

static void engine__stop_control(struct engine *engine)
{
    InterlockedExchange(&engine->is_ending, 1);
    if (engine->thread != NULL) {
        SetEvent(engine->control);
        WaitForSingleObject(engine->thread, INFINITE);
        CloseHandle(engine->thread);
        engine->thread = NULL;
    }
}

/* ---- Stopping ---- */

static void engine__refuse_all(struct engine *engine)
{
    const struct list_node *all = &engine->generations.all;
    for (struct list_node *node = all->next; node != all; node = node->next) {
        InterlockedExchange(&LIST_ELEMENT(node, struct generation, node)->endpoint.is_stopping, 1);
    }
    for (unsigned i = 0; i < engine->worker_count; i++) { /* what has not come in before comes in no more */
        worker_signal(engine->workers[i], &engine->refusals[i]);
    }
    bindings_stop(&engine->bindings);
}

/* Each once: engine_stop may be called again. False: one has not returned. */
static bool engine__tell_drain(struct engine *engine, uint32_t within)
{
    bool has_returned = control_calls_wait(&engine->calls); /* for what did not return last time */
    const struct list_node *all = &engine->generations.all;
    for (struct list_node *node = all->next; has_returned && node != all; node = node->next) {
        struct generation *generation = LIST_ELEMENT(node, struct generation, node);
        if (!generation->is_drain_begun) {
            generation->is_drain_begun = true;
            has_returned = control_calls_drain(&engine->calls, &generation->endpoint, within);
        }
    }
    return has_returned;
}

/* What still lives: sockets of endpoints with their UDP sessions, then connections and those that are being
   handed over, then those whose handler, one that blocks, has not heard of their end. In this order: each is counted in the
   next before it is no more in the one before. */
static size_t engine__count_live(const struct engine *engine)
{
    size_t live = bindings_count_live(&engine->bindings);
    const struct list_node *all = &engine->generations.all;
    for (struct list_node *node = all->next; node != all; node = node->next) {
        const struct generation *generation = LIST_ELEMENT(node, struct generation, node);
        live += (size_t)generation->endpoint.udp_sessions;
    }
    MemoryBarrier();
    for (unsigned i = 0; i < engine->worker_count; i++) {
        live += (size_t)worker_load(engine->workers[i]);
    }
    MemoryBarrier();
    for (struct list_node *node = all->next; node != all; node = node->next) {
        const struct generation *generation = LIST_ELEMENT(node, struct generation, node);
        live += generation->bridge != NULL ? blocking_bridge_clients(generation->bridge) : 0;
    }
    return live;
}

/* The first callback that holds a worker up, or keeps a client. */
static bool engine__find_stuck(const struct engine *engine, struct callback *callback_out)
{
    for (unsigned i = 0; i < engine->worker_count; i++) {
        *callback_out = worker_current_callback(engine->workers[i]);
        if (callback_out->endpoint != NULL) {
            return true;
        }
    }
    return callback_mark_read(control_calls_mark(&engine->calls), callback_out) != 0 ||
           (engine->blocking.pool != NULL && blocking_pool_find_stuck(engine->blocking.pool, callback_out));
}

static bool engine__give_up(struct engine *engine, size_t live, struct failure *failure_out)
{
    struct callback callback;
    struct text text;
    failure_out->code = EXIT_CODE_FAILED;
    failure_out->win32_error = 0;
    text_init(&text, failure_out->text, sizeof failure_out->text);
    if (engine__find_stuck(engine, &callback)) {
        text_add_format(&text, "endpoint %s: ", callback.endpoint);
        callback_add(&text, &callback);
        if (callback.id != 0) {
            text_add_format(&text, " for connection %016llx", (unsigned long long)callback.id);
        }
    } else if (live > 0) {
        text_add_format(&text, "%zu connections or sockets did not end", live);
    } else {
        text_add_string(&text, "a worker thread does not end");
    }
    text_add_string(&text, "; the process ends without waiting for it");
    log_write(engine->log, EVENT_CALLBACK_STUCK, NULL, 0, "%s", failure_out->text);
    return false;
}

/* The handlers' drain: while one of them does not return, connections go on. */
static bool engine__say_farewell(struct engine *engine, uint32_t within, struct failure *failure_out)
{
    return engine__tell_drain(engine, within) || engine__give_up(engine, 0, failure_out);
}

/* True when everything has ended by itself in time. */
static bool engine__drain(struct engine *engine, uint64_t drain)
{
    struct telling telling = engine__begin_telling(engine, GetTickCount64() + drain);
    for (;;) {
        if (engine__count_live(engine) == 0) {
            return true;
        }
        if (GetTickCount64() >= telling.deadline ||
            WaitForSingleObject(engine->hurry, ENGINE_POLL) == WAIT_OBJECT_0) {
            return false;
        }
        engine__tell(&telling);
        engine__sweep(engine);
    }
}

/* Resets the rest, and waits as long as something ends every now and then. */
static bool engine__reset_all(struct engine *engine, struct failure *failure_out)
{
    struct telling telling = engine__begin_telling(engine, 0);
    for (unsigned i = 0; i < engine->worker_count; i++) {
        worker_signal(engine->workers[i], &engine->resets[i]);
    }
    for (size_t last = SIZE_MAX;;) {
        const uint64_t now = GetTickCount64();
        const size_t live = engine__count_live(engine);
        if (live == 0) {
            return true;
        }
        telling.deadline = live < last ? now + ENGINE_GRACE : telling.deadline;
        last = live;
        if (now >= telling.deadline) {
            return engine__give_up(engine, live, failure_out);
        }
        engine__tell(&telling);
        engine__sweep(engine);
        Sleep(ENGINE_POLL);
    }
}

/* The ladder down, from wherever the way up ended; nothing is live. The workers end before the handlers: none of their
   timers and posted functions runs beside or behind their stop. */
static bool engine__descend(struct engine *engine, struct failure *failure_out)
{
    AcquireSRWLockExclusive(&engine->lock);
    bindings_tidy(&engine->bindings);
    ReleaseSRWLockExclusive(&engine->lock);
    if (!blocking_stop(&engine->blocking, ENGINE_WORKER_PATIENCE)) {
        return engine__give_up(engine, 0, failure_out);
    }
    if (engine->resolver != NULL) {
        resolver_settle(engine->resolver);
    }
    for (unsigned i = 0; engine->are_workers_started && i < engine->worker_count; i++) {
        if (!worker_stop(engine->workers[i], ENGINE_WORKER_PATIENCE)) {
            return engine__give_up(engine, 0, failure_out);
        }
    }
    engine->are_workers_started = false;
    AcquireSRWLockExclusive(&engine->lock);
    bindings_tidy(&engine->bindings); /* those that the last reload has changed */
    ReleaseSRWLockExclusive(&engine->lock);
    if (!generations_stop(&engine->generations)) {
        return engine__give_up(engine, 0, failure_out);
    }
    return true;
}

/* ---- Public ---- */

static bool engine__climb(struct engine *engine, const struct engine_options *options,
                          struct failure *failure_out)
{
    engine->handlers = options->handlers != NULL ? options->handlers : handlers_builtin;
    engine->control = CreateEventW(NULL, FALSE, FALSE, NULL);
    engine->hurry = engine->control != NULL ? CreateEventW(NULL, TRUE, FALSE, NULL) : NULL;
    if (engine->hurry == NULL) {
        return engine_fail(failure_out, EXIT_CODE_FAILED, GetLastError(), "an event could not be created");
    }
    engine_init_reload(engine);
    engine->is_network_started = network_start(&engine->network, failure_out);
    return engine->is_network_started && engine__create_resolver(engine, failure_out) &&
           engine__create_workers(engine, failure_out) && engine__start_endpoints(engine, failure_out) &&
           engine__create_bindings(engine, failure_out) &&
           engine__bind(engine, options->is_automatic_start, failure_out) &&
           engine__start_workers(engine, failure_out) && engine__start_control(engine, failure_out);
}

static void engine__log_probes(const struct engine *engine)
{
    log_write(engine->log, EVENT_PROBE_RESULT, NULL, 0,
              "%u workers; IPv6 %s; completions of calls that succeed at once are %s; datagrams are waited "
              "for by %s",
              engine->worker_count, engine->network.has_ipv6 ? "on" : "off",
              engine->network.skips_on_success ? "skipped" : "taken from the port",
              engine->network.peeks ? "peeking" : "a receive with a buffer");
}

struct engine *engine_start(const struct engine_options *options, struct failure *failure_out)
{
    struct engine *engine = memory_alloc(sizeof *engine);
    if (engine == NULL) {
        engine_fail(failure_out, EXIT_CODE_FAILED, ERROR_NOT_ENOUGH_MEMORY,
                    "there is no memory for the engine");
        return NULL;
    }
    engine->config = options->config;
    generations_init(&engine->generations, engine);
    engine->service = options->config->service;
    engine->log = options->log;
    engine->access_log = options->access_log;
    engine->breadcrumb = options->breadcrumb;
    engine->explainer = options->explainer;
    engine->started_at = GetTickCount64();
    engine->loaded = log_time_now();
    engine->generation = 1;
    control_calls_init(&engine->calls, breadcrumb_control(engine->breadcrumb));
    engine->connections.most = options->config->service.max_connections;
    tallies_init(&engine->tallies);
    engine__make_hash_key(engine);
    engine->progress = options->progress;
    engine->progress_context = options->progress_context;
    InitializeSRWLock(&engine->lock);
    AcquireSRWLockExclusive(&engine->lock); /* the control thread waits until everything serves */
    const bool is_up = engine__climb(engine, options, failure_out);
    if (is_up) {
        engine->config_done = options->config_done;
        engine->config_context = options->config_context;
        engine__log_probes(engine);
        bindings_serve(&engine->bindings);
    }
    ReleaseSRWLockExclusive(&engine->lock);
    if (is_up) {
        return engine;
    }
    struct failure ignored;
    if (engine_stop(engine, 0, &ignored)) {
        engine_destroy(engine);
    }
    return NULL;
}

/* By the engine's pause or its own. */
static void engine__set_paused(const struct engine *engine, struct endpoint *endpoint)
{
    InterlockedExchange(&endpoint->is_paused, engine->is_paused || endpoint->is_paused_alone);
}

static void engine__pause(struct engine *engine, bool is_paused)
{
    AcquireSRWLockExclusive(&engine->lock);
    engine->is_paused = is_paused;
    const struct list_node *all = &engine->generations.all;
    for (struct list_node *node = all->next; node != all; node = node->next) {
        engine__set_paused(engine, &LIST_ELEMENT(node, struct generation, node)->endpoint);
    }
    bindings_pause(&engine->bindings, NULL);
    ReleaseSRWLockExclusive(&engine->lock);
}

void engine_pause(struct engine *engine)
{
    engine__pause(engine, true);
}

void engine_continue(struct engine *engine)
{
    engine__pause(engine, false);
}

/* The generation that serves: those whose clients go on have no sockets any more. */
bool engine_pause_endpoint(struct engine *engine, const char *name, bool is_paused, bool *has_changed_out)
{
    const char *written = NULL; /* as the configuration has it */
    *has_changed_out = false;
    AcquireSRWLockExclusive(&engine->lock);
    const struct list_node *all = &engine->generations.all;
    for (struct list_node *node = all->next; node != all; node = node->next) {
        struct generation *generation = LIST_ELEMENT(node, struct generation, node);
        struct endpoint *endpoint = &generation->endpoint;
        if (generation->phase != GENERATION_SERVES ||
            !text_equal(name, strlen(name), endpoint->config->name)) {
            continue;
        }
        written = endpoint->config->name;
        *has_changed_out = endpoint->is_paused_alone != is_paused;
        endpoint->is_paused_alone = is_paused;
        engine__set_paused(engine, endpoint);
        bindings_pause(&engine->bindings, endpoint);
    }
    if (*has_changed_out) {
        log_write(engine->log, is_paused ? EVENT_ENDPOINT_PAUSED : EVENT_ENDPOINT_RESUMED, written, 0, "%s",
                  is_paused ? "paused: new connections and datagrams are refused"
                            : "resumed: new connections and datagrams are taken again");
    }
    ReleaseSRWLockExclusive(&engine->lock);
    return written != NULL;
}

bool engine_clients(struct engine *engine, struct clients_reading *reading,
                    struct client_row rows_out[CLIENTS_PIECE], size_t *count_out)
{
    return clients_read(reading, engine->workers, engine->worker_count, rows_out, count_out);
}

enum clients_answer engine_find_client(struct engine *engine, uint64_t id, struct client_row *row_out)
{
    return clients_find(engine->workers, engine->worker_count, id, row_out);
}

bool engine_stop(struct engine *engine, uint32_t drain_limit, struct failure *failure_out)
{
    engine__stop_control(engine); /* and no reload comes in any more */
    AcquireSRWLockShared(&engine->lock);
    const uint64_t wanted = engine->service.drain_timeout;
    ReleaseSRWLockShared(&engine->lock);
    const uint32_t within = wanted < drain_limit ? (uint32_t)wanted : drain_limit;
    AcquireSRWLockExclusive(&engine->lock);
    engine__refuse_all(engine);
    ReleaseSRWLockExclusive(&engine->lock);
    struct telling telling = engine__begin_telling(engine, GetTickCount64() + within);
    engine->calls.tell = engine__tell;
    engine->calls.context = &telling;
    const bool has_ended = engine__say_farewell(engine, within, failure_out) &&
                           (engine__drain(engine, within) || engine__reset_all(engine, failure_out)) &&
                           engine__descend(engine, failure_out);
    engine->calls.tell = NULL;
    return has_ended;
}

void engine_hurry(struct engine *engine)
{
    SetEvent(engine->hurry);
}

void engine_destroy(struct engine *engine)
{
    if (engine == NULL) {
        return;
    }
    for (unsigned i = 0; i < engine->worker_count; i++) {
        /* Whoever set a timer has gone, and it with him. */
        assert(timer_wheel_wait(worker_timers(engine->workers[i]), 0) == UINT32_MAX);
        worker_destroy(engine->workers[i]);
    }
    watchdog_destroy(engine->watchdog);
    memory_free(engine->workers);
    host_fini(&engine->host);
    bindings_fini(&engine->bindings);
    if (engine->use != NULL) {
        config_use_release(&engine->generations, engine->use);
    }
    generations_fini(&engine->generations);
    blocking_destroy(&engine->blocking);
    memory_free((void *)engine->current);
    engine_free_texts(engine);
    tallies_fini(&engine->tallies);
    if (engine->resolver != NULL) {
        resolver_release(engine->resolver);
    }
    if (engine->is_network_started) {
        network_stop(&engine->network);
    }
    if (engine->control != NULL) {
        CloseHandle(engine->control);
    }
    if (engine->hurry != NULL) {
        CloseHandle(engine->hurry);
    }
    memory_free(engine);
}

bool engine_close_client(struct engine *engine, pl_id id)
{
    return host_end_client(&engine->host, id, CLOSED_BY_ADMIN, 0);
}

void engine_view(const struct engine *engine, struct engine_view *view_out)
{
    *view_out = (struct engine_view){
        .tallies = (struct tallies *)(uintptr_t)&engine->tallies,
        .workers = engine->workers,
        .worker_count = engine->worker_count,
        .log = engine->log,
        .access_log = engine->access_log,
        .state = engine->is_ending != 0   ? REPORT_STOPPING
                 : engine->is_paused != 0 ? REPORT_PAUSED
                                          : REPORT_RUNNING,
        .started_at = engine->started_at,
        .loaded = engine->loaded,
        .generation = (uint32_t)engine->generation,
    };
}

void engine_counters(struct engine *engine, uint64_t sums_out[COUNTER_COUNT])
{
    for (int k = 0; k < COUNTER_COUNT; k++) {
        sums_out[k] = 0;
    }
    tallies_sum(&engine->tallies, sums_out);
    for (unsigned i = 0; i < engine->worker_count; i++) {
        tally_row_sum(worker_nobodys(engine->workers[i]), sums_out);
    }
}

bool engine_endpoint_counters(struct engine *engine, const char *endpoint, uint64_t sums_out[COUNTER_COUNT])
{
    for (int k = 0; k < COUNTER_COUNT; k++) {
        sums_out[k] = 0;
    }
    return tallies_sum_of(&engine->tallies, endpoint, sums_out);
}

static uint64_t engine__handler_counter(const struct endpoint *endpoint, uint32_t counter)
{
    const struct handler_counters *counters = endpoint->handler_counters;
    return counters != NULL && counter < counters->count
               ? (uint64_t)InterlockedCompareExchange64(&endpoint->handler_counters->values[counter], 0, 0)
               : 0;
}

uint64_t engine_handler_counter(struct engine *engine, const char *endpoint, uint32_t counter)
{
    uint64_t value = 0;
    AcquireSRWLockShared(&engine->lock);
    for (size_t i = 0; i < engine->config->endpoint_count; i++) {
        if (engine->current[i] != NULL && strcmp(engine->config->endpoints[i].name, endpoint) == 0) {
            value = engine__handler_counter(&engine->current[i]->endpoint, counter);
        }
    }
    ReleaseSRWLockShared(&engine->lock);
    return value;
}

bool engine_listener_at(struct engine *engine, size_t index, struct engine_listener *listener_out)
{
    AcquireSRWLockShared(&engine->lock);
    const bool is_found = index < engine->bindings.count;
    if (is_found) {
        const struct listener *listener = &engine->bindings.at[index]->listener;
        struct text text;
        *listener_out = (struct engine_listener){.protocol = listener->protocol,
                                                 .address = listener->address,
                                                 .state = listener->state,
                                                 .win32_error = listener->win32_error,
                                                 .retry_at = listener->retry_at};
        text_init(&text, listener_out->endpoint, sizeof listener_out->endpoint);
        text_add_string(&text, listener->endpoint->config->name);
    }
    ReleaseSRWLockShared(&engine->lock);
    return is_found;
}
