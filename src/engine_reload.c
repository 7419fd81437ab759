/* SPDX-License-Identifier: MIT
   From one configuration to the next while it runs, see engine_reload in engine.h.

   First everything that can fail: the generations of endpoints that have changed, with their handlers' new states; the new
   sockets, bound beside the old ones. Then what cannot fail: sockets are handed over to their new generations on the
   workers that have them, the old generations end with their clients, sockets that are not wanted any more are closed. */
#include <assert.h>
#include <string.h>

#include "base/log_time.h"
#include "base/memory.h"
#include "bindings_change.h"
#include "config/config_diff.h"
#include "config/config_keys.h"
#include "connection/connection.h"
#include "engine_state.h"
#include "rehearsal.h"

enum {
    RELOAD_LINES_MAX = 100, /* of changes that are logged; of the rest their number is */
    RELOAD_PATIENCE = 5000, /* milliseconds for the workers to have seen the last reload */
    RELOAD_SETTLE = 1000    /* and this one, before it is told to be done */
};

struct reload {
    struct engine *engine;
    const struct config *next;
    struct reload_report *report;
    struct config before; /* what is in effect */
    struct config_diff diff;
    struct config_use *use;      /* of `next` */
    struct generation **current; /* of each endpoint of `next`; NULL: it is disabled */
    struct endpoint **endpoints; /* of these */
    struct bindings_change sockets;
    unsigned lines;    /* logged, and those that are not */
    unsigned restarts; /* of those that are not */
};

/* ---- What is told ---- */

static bool reload__fail_memory(struct reload_report *report)
{
    return engine_fail(&report->failure, EXIT_CODE_FAILED, ERROR_NOT_ENOUGH_MEMORY,
                       "there is no memory for the reload; nothing has changed");
}

/* False: no memory. */
static bool reload__compare(struct reload *reload)
{
    const struct engine *engine = reload->engine;
    struct config_sockets sockets;
    reload->before = *engine->config;
    reload->before.service = engine->service;
    (void)bindings_list(&engine->bindings, &sockets); /* it has none when there is no memory */
    return config_diff_init_sockets(&reload->diff, &reload->before, &sockets, reload->next);
}

static void reload__tell(const struct reload *reload)
{
    struct reload_report *report = reload->report;
    report->changes = reload->diff.changes;
    report->restarts = reload->diff.restarts;
    if (report->told != NULL && report->is_json) {
        config_diff_add_json(report->told, &reload->diff);
    } else if (report->told != NULL) {
        config_diff_add(report->told, &reload->diff);
    }
}

static void reload__end_failure(struct failure *failure, const char *words)
{
    char room[sizeof failure->text];
    struct text text;
    text_init(&text, room, sizeof room);
    text_add_format(&text, "%s; %s", failure->text, words);
    memcpy(failure->text, room, sizeof room);
}

/* Those that would be started, as a check. Not with the lock: a handler may take its time. */
static bool reload__try_handlers(const struct reload *reload)
{
    const struct config *next = reload->next;
    struct failure *failure = &reload->report->failure;
    struct rehearsal *rehearsal = rehearsal_create(failure);
    assert(reload->diff.endpoints != NULL);
    bool is_well = rehearsal != NULL;
    for (size_t i = 0; is_well && i < next->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &next->endpoints[i];
        if (endpoint->is_enabled && endpoint->options.options != NULL && !reload->diff.endpoints[i].is_same &&
            !rehearsal_handler(rehearsal, next, endpoint, failure)) {
            engine_fail_section(failure, next, endpoint);
            reload__end_failure(failure, "a reload would change nothing");
            is_well = false;
        }
    }
    rehearsal_destroy(rehearsal);
    return is_well;
}

bool engine_compare(struct engine *engine, const struct config *next, struct reload_report *report)
{
    struct reload reload = {.engine = engine, .next = next, .report = report};
    report->failure.code = EXIT_CODE_DONE;
    AcquireSRWLockShared(&engine->lock);
    const bool is_made = reload__compare(&reload);
    if (is_made) {
        reload__tell(&reload);
    }
    ReleaseSRWLockShared(&engine->lock);
    const bool is_well = is_made ? reload__try_handlers(&reload) : reload__fail_memory(report);
    if (!is_well && report->told != NULL) {
        text_clear(report->told); /* it would not come to that */
    }
    config_diff_fini(&reload.diff);
    return is_well;
}

static void reload__log_change(void *context, const struct config_change *change)
{
    struct reload *reload = context;
    if (reload->lines++ >= RELOAD_LINES_MAX) {
        reload->restarts += change->effect == CONFIG_EFFECT_RESTART;
    } else {
        char room[1024];
        struct text text;
        text_init(&text, room, sizeof room);
        config_change_add(&text, change);
        log_write(reload->engine->log,
                  change->effect == CONFIG_EFFECT_RESTART ? EVENT_RELOAD_RESTART : EVENT_RELOAD_CHANGE, NULL,
                  0, "%s", room);
    }
}

static void reload__log(struct reload *reload)
{
    config_diff_visit(&reload->diff, reload__log_change, reload);
    if (reload->lines > RELOAD_LINES_MAX) {
        log_write(reload->engine->log, EVENT_RELOAD_CHANGE, NULL, 0, "and %u more changes",
                  reload->lines - RELOAD_LINES_MAX);
    }
    if (reload->restarts > 0) { /* a warning, as each of them would be */
        log_write(reload->engine->log, EVENT_RELOAD_RESTART, NULL, 0,
                  "%u of the changes that are not listed need%s a restart", reload->restarts,
                  reload->restarts == 1 ? "s" : "");
    }
}

/* ---- What can fail ---- */

/* All workers have seen the last reload, and the sockets that it closes are closed: their addresses are free. */
static bool reload__is_settled(const struct engine *engine)
{
    return fence_is_passed(&engine->reload) && !bindings_are_ending(&engine->bindings);
}

/* Messages of the last reload must have come through: a worker whose callback does not return holds them up. */
static bool reload__may_begin(const struct reload *reload)
{
    struct engine *engine = reload->engine;
    const uint64_t deadline = GetTickCount64() + RELOAD_PATIENCE;
    while (engine->is_ending == 0 && !reload__is_settled(engine) && GetTickCount64() < deadline) {
        for (unsigned i = 0; i < engine->worker_count; i++) {
            worker_sweep(engine->workers[i]);
        }
        Sleep(1);
    }
    if (engine->is_ending != 0) {
        return engine_fail(&reload->report->failure, EXIT_CODE_NOT_RUNNING, 0,
                           "the service stops: nothing is reloaded");
    }
    return fence_is_passed(&engine->reload) ||
           engine_fail(
               &reload->report->failure, EXIT_CODE_FAILED, 0,
               "a callback of a handler holds a worker up, which has not seen the last reload yet; nothing "
               "has changed: try it again when the callback has returned");
}

/* The configuration that they stand in may go. */
static bool reload__own_texts(struct engine *engine)
{
    struct config_service *service = &engine->service;
    if (engine->has_own_texts) {
        return true;
    }
    char *const texts[] = {service->data_dir, service->log_file, service->access_log, service->plugin_dir};
    char *copies[sizeof texts / sizeof texts[0]] = {NULL};
    bool is_made = true;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        copies[i] = texts[i] != NULL ? memory_copy_text(texts[i], strlen(texts[i])) : NULL;
        is_made = is_made && (texts[i] == NULL || copies[i] != NULL);
    }
    for (size_t i = 0; !is_made && i < sizeof texts / sizeof texts[0]; i++) {
        memory_free(copies[i]);
    }
    if (is_made) {
        service->data_dir = copies[0];
        service->log_file = copies[1];
        service->access_log = copies[2];
        service->plugin_dir = copies[3];
        engine->has_own_texts = true;
    }
    return is_made;
}

void engine_free_texts(struct engine *engine)
{
    if (engine->has_own_texts) {
        memory_free(engine->service.data_dir);
        memory_free(engine->service.log_file);
        memory_free(engine->service.access_log);
        memory_free(engine->service.plugin_dir);
    }
}

static struct generation *reload__previous(const struct reload *reload, size_t index)
{
    assert(reload->diff.endpoints != NULL);
    const size_t before = reload->diff.endpoints[index].before;
    return before != CONFIG_DIFF_NONE ? reload->engine->current[before] : NULL;
}

static bool reload__is_new(const struct reload *reload, size_t index)
{
    return reload->current[index] != NULL && reload->current[index]->use == reload->use;
}

/* An endpoint that has not changed stays as it is. */
static bool reload__create_generations(const struct reload *reload)
{
    for (size_t i = 0; i < reload->next->endpoint_count; i++) {
        struct generation *previous = reload__previous(reload, i);
        if (!reload->next->endpoints[i].is_enabled) {
            continue;
        }
        reload->current[i] = previous != NULL && reload->diff.endpoints[i].is_same
                                 ? previous
                                 : generation_create(reload->engine, reload->use, &reload->next->endpoints[i],
                                                     previous, &reload->report->failure);
        if (reload->current[i] == NULL) {
            return false;
        }
        reload->endpoints[i] = &reload->current[i]->endpoint;
    }
    return true;
}

static bool reload__start_generations(const struct reload *reload)
{
    for (size_t i = 0; i < reload->next->endpoint_count; i++) {
        if (reload__is_new(reload, i) &&
            !generation_start(reload->engine, reload->current[i], reload__previous(reload, i),
                              &reload->report->failure)) {
            reload__end_failure(&reload->report->failure, "nothing has changed");
            return false;
        }
    }
    return true;
}

static bool reload__make_sockets(struct reload *reload)
{
    struct bindings_change *sockets = &reload->sockets;
    if (!bindings_change_init(sockets, &reload->engine->bindings, &reload->diff.old_sockets,
                              &reload->diff.new_sockets, reload->endpoints) ||
        !bindings_change_prepare(sockets)) {
        return reload__fail_memory(reload->report);
    }
    for (size_t i = 0; i < sockets->count; i++) {
        struct endpoint *owner = sockets->owners[i];
        if (reload__is_new(reload, owner->index) && owner == reload->endpoints[owner->index]) {
            owner->udp_sockets += sockets->next[i]->listener.protocol == CONFIG_UDP;
        }
    }
    return true;
}

static void reload__mark_waiting(struct reload *reload)
{
    const struct bindings_change *sockets = &reload->sockets;
    for (size_t i = 0; i < sockets->opened_count; i++) {
        const size_t index = (size_t)(sockets->wanted[i] - reload->diff.new_sockets.at);
        reload->diff.new_sockets.at[index].is_waiting =
            sockets->opened[i]->listener.state == LISTENER_WAITING;
    }
}

/* False: what cannot be bound keeps the whole reload back. */
static bool reload__bind(struct reload *reload)
{
    struct failure *failure = &reload->report->failure;
    const size_t failed = bindings_change_open(&reload->sockets, failure);
    if (failed == 0 || reload->next->service.start_policy == CONFIG_START_PARTIAL) {
        reload__mark_waiting(reload);
        return true;
    }
    reload__end_failure(failure, "start_policy = all: nothing has changed");
    return false;
}

static bool reload__prepare(struct reload *reload)
{
    const size_t count = reload->next->endpoint_count + 1;
    struct engine *engine = reload->engine;
    reload->current = memory_alloc(count * sizeof(struct generation *));
    reload->endpoints = memory_alloc(count * sizeof(struct endpoint *));
    reload->sockets.bindings = &engine->bindings;
    if (reload->current == NULL || reload->endpoints == NULL || !reload__own_texts(engine) ||
        !reload__compare(reload)) {
        return reload__fail_memory(reload->report);
    }
    return reload__create_generations(reload) && reload__start_generations(reload) &&
           reload__make_sockets(reload) && reload__bind(reload);
}

/* ---- What cannot ---- */

/* What a changed value of needs a restart stays. */
static void reload__take_service(struct engine *engine, const struct config_service *next)
{
    for (size_t i = 0; i < config_keys_service.count; i++) {
        const struct config_key *key = &config_keys_service.keys[i];
        if (!key->needs_restart) {
            config_keys_store(key, &engine->service, config_keys_number(key, next));
        }
    }
    engine->connections.most = next->max_connections;
    engine->bindings.world.bind_retry = next->bind_retry;
}

/* Of an endpoint that was there before. */
static struct generation *reload__successor(const struct reload *reload, size_t before)
{
    for (size_t i = 0; i < reload->next->endpoint_count; i++) {
        if (reload->diff.endpoints[i].before == before) {
            return reload->current[i];
        }
    }
    return NULL;
}

static void reload__retire(const struct reload *reload)
{
    struct engine *engine = reload->engine;
    for (size_t i = 0; i < engine->config->endpoint_count; i++) {
        struct generation *old = engine->current[i];
        struct generation *successor = old != NULL ? reload__successor(reload, i) : NULL;
        if (old != NULL && old != successor) {
            generation_retire(engine, old, successor);
        }
    }
    for (size_t i = 0; i < reload->next->endpoint_count; i++) {
        if (reload->current[i] != NULL) {
            reload->current[i]->endpoint.index = i;
        }
    }
}

static void reload__commit(struct reload *reload)
{
    struct engine *engine = reload->engine;
    struct config_use *old = engine->use;
    reload__retire(reload);
    bindings_change_commit(&reload->sockets);
    memory_free((void *)engine->current);
    engine->current = reload->current;
    reload->current = NULL;
    engine->config = reload->next;
    engine->use = reload->use;
    reload__take_service(engine, &reload->next->service);
    InterlockedExchange64(&engine->loaded, log_time_now());
    InterlockedIncrement(&engine->generation);
    fence_begin(&engine->reload, engine->workers, engine->worker_count);
    for (unsigned i = 0; i < engine->worker_count; i++) {
        worker_signal(engine->workers[i], &engine->reviews[i].signal);
    }
    config_use_release(&engine->generations, old);
    SetEvent(engine->control); /* old generations may be over already, and new sockets wait */
}

/* Those that were made go as old ones do: their handlers may have posted something already. */
static void reload__undo(struct reload *reload)
{
    struct engine *engine = reload->engine;
    for (size_t i = 0; reload->current != NULL && i < reload->next->endpoint_count; i++) {
        if (reload__is_new(reload, i)) {
            generation_retire(engine, reload->current[i], NULL);
        }
    }
    config_use_release(&engine->generations, reload->use);
    SetEvent(engine->control);
}

/* ---- Walking over what there is ---- */

static void review__run_task(struct task *task)
{
    struct review *review = LIST_ELEMENT(task, struct review, task);
    review->is_queued = connection_review(review->worker, &review->slot);
    if (review->is_queued) {
        worker_queue(review->worker, 0, RANK_AGAIN, &review->task);
    }
}

/* From the beginning, also when one is under way. */
static void review__run_signal(struct signal *signal, struct worker *worker)
{
    struct review *review = LIST_ELEMENT(signal, struct review, signal);
    review->slot = 0;
    if (!review->is_queued) {
        review->is_queued = true;
        worker_queue(worker, 0, RANK_AGAIN, &review->task);
    }
}

void engine_init_reload(struct engine *engine)
{
    fence_init(&engine->reload, engine->control, NULL);
    engine->generations.fence.control = engine->control;
}

void engine_init_review(struct engine *engine, unsigned index)
{
    struct review *review = &engine->reviews[index];
    review->worker = engine->workers[index];
    review->task.run = review__run_task;
    signal_init(&review->signal, review__run_signal);
}

/* ---- All of it ---- */

/* With the lock held. */
static bool reload__run(struct reload *reload)
{
    struct engine *engine = reload->engine;
    reload->use = reload__may_begin(reload) ? config_use_make(&engine->generations, reload->next) : NULL;
    if (reload->use == NULL) {
        if (reload->report->failure.code == EXIT_CODE_DONE) {
            reload__fail_memory(reload->report);
        }
        if (engine->config_done != NULL) {
            engine->config_done(engine->config_context, reload->next);
        }
        return false;
    }
    const bool is_done = reload__prepare(reload);
    if (is_done) {
        reload__tell(reload);
        reload__log(reload);
        reload__commit(reload);
        (void)bindings_describe_waiting(&engine->bindings, &reload->report->failure); /* also from before */
    }
    bindings_change_fini(&reload->sockets);
    config_diff_fini(&reload->diff);
    if (!is_done) {
        reload__undo(reload);
    }
    memory_free((void *)reload->current);
    memory_free((void *)reload->endpoints);
    return is_done;
}

/* Who is told that it is done finds it so. Once the lock is free the control thread tidies. */
static void reload__settle(struct engine *engine)
{
    bool is_settled = false;
    for (unsigned waited = 0; !is_settled && waited < RELOAD_SETTLE; waited++) {
        AcquireSRWLockShared(&engine->lock);
        is_settled = reload__is_settled(engine);
        ReleaseSRWLockShared(&engine->lock);
        if (!is_settled) {
            Sleep(1);
        }
    }
}

bool engine_reload(struct engine *engine, const struct config *next, struct reload_report *report)
{
    struct reload reload = {.engine = engine, .next = next, .report = report};
    report->failure = (struct failure){.code = EXIT_CODE_DONE};
    AcquireSRWLockExclusive(&engine->lock);
    const bool is_done = reload__run(&reload);
    ReleaseSRWLockExclusive(&engine->lock);
    if (is_done) {
        reload__settle(engine);
    }
    return is_done;
}
