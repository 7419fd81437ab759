/* SPDX-License-Identifier: MIT
   From one generation of an endpoint to the next, see generations.h.

   The way out of an old one. Its last client has left it; then, in rounds, all workers pass twice: first each of them has
   run what was posted to it, and its timer is cleared where it ticks; then its handler is stopped, and its id finds nothing
   any more; then each worker has dropped what was posted meanwhile. So nothing of it, and nothing of a DLL, can run when
   its configuration is given back. */
#include "generations.h"

#include <string.h>

#include "base/memory.h"
#include "config/config_options.h"
#include "connection/host.h"
#include "engine_state.h"

/* ---- Configurations ---- */

struct config_use *config_use_make(struct generations *generations, const struct config *config)
{
    struct config_use *use = memory_alloc(sizeof *use);
    if (use != NULL) {
        use->config = config;
        use->holders = 1;
        access_lists_init(&use->lists);
        use->older = generations->uses;
        generations->uses = use;
    }
    return use;
}

void config_use_hold(struct config_use *use)
{
    use->holders++;
}

void config_use_release(struct generations *generations, struct config_use *use)
{
    const struct engine *engine = generations->engine;
    if (--use->holders > 0) {
        return;
    }
    struct config_use **at = &generations->uses;
    while (*at != use) {
        at = &(*at)->older;
    }
    *at = use->older;
    access_lists_fini(&use->lists);
    if (engine->config_done != NULL) {
        engine->config_done(engine->config_context, use->config);
    }
    memory_free(use);
}

/* ---- The beginning ---- */

static const struct pl_handler *generation__find_handler(const struct engine *engine,
                                                         const struct config_endpoint *config)
{
    if (config->options.options != NULL) {
        return config->options.options->handler;
    }
    for (size_t i = 0; engine->handlers[i] != NULL; i++) {
        if (text_equal(config->handler, strlen(config->handler), engine->handlers[i]->name)) {
            return engine->handlers[i];
        }
    }
    return NULL;
}

/* Between the workers and a handler that blocks. */
static bool generation__bridge(struct engine *engine, struct generation *generation,
                               struct failure *failure_out)
{
    if (!engine_start_blocking(engine, failure_out)) {
        return false;
    }
    generation->bridge = blocking_bridge_create(&engine->blocking, &engine->host, &generation->endpoint);
    if (generation->bridge == NULL) {
        return engine_fail(failure_out, EXIT_CODE_FAILED, ERROR_NOT_ENOUGH_MEMORY,
                           "there is no memory for the endpoints");
    }
    blocking_bridge_install(generation->bridge, &generation->endpoint);
    return true;
}

/* Its id, where it counts, and who may come in. */
static bool generation__identify(struct engine *engine, struct generation *generation,
                                 const struct generation *previous)
{
    struct endpoint *endpoint = &generation->endpoint;
    struct access_lists *lists = &generation->use->lists;
    endpoint->id = host_add_endpoint(&engine->host, endpoint);
    endpoint->tally = tally_hold(&engine->tallies, endpoint->config->name);
    if (endpoint->id == 0 || endpoint->tally == NULL) {
        return false;
    }
    endpoint->admission =
        previous != NULL ? admission_create_next(previous->endpoint.admission, endpoint->config, lists)
                         : admission_create(endpoint->config, lists, &engine->connections, &engine->hash_key);
    return endpoint->admission != NULL;
}

static void generation__fill(struct engine *engine, struct generation *generation,
                             const struct config_endpoint *config, const struct generation *previous)
{
    struct endpoint *endpoint = &generation->endpoint;
    const size_t index = (size_t)(config - generation->use->config->endpoints);
    endpoint->config = config;
    endpoint->index = index;
    endpoint->service = &engine->service;
    endpoint->explainer = engine->explainer;
    endpoint->lane = previous != NULL ? previous->endpoint.lane : (unsigned)(index % LANES);
    endpoint->log = engine->log;
    endpoint->access_log = config->access_log ? engine->access_log : NULL;
    endpoint->control = engine->control;
    endpoint->clients = 1; /* until it is retired */
    endpoint->is_paused_alone = previous != NULL && previous->endpoint.is_paused_alone;
    endpoint->is_paused = engine->is_paused != 0 || endpoint->is_paused_alone;
}

struct generation *generation_create(struct engine *engine, struct config_use *use,
                                     const struct config_endpoint *config, const struct generation *previous,
                                     struct failure *failure_out)
{
    const struct pl_handler *handler = generation__find_handler(engine, config);
    if (handler == NULL) {
        struct text text;
        failure_out->code = EXIT_CODE_CONFIGURATION;
        failure_out->win32_error = 0;
        text_init(&text, failure_out->text, sizeof failure_out->text);
        text_add_format(&text, "endpoint %s: there is no handler %s", config->name, config->handler);
        return NULL;
    }
    struct generation *generation = memory_alloc(sizeof *generation);
    if (generation == NULL) {
        engine_fail(failure_out, EXIT_CODE_FAILED, ERROR_NOT_ENOUGH_MEMORY,
                    "there is no memory for the endpoints");
        return NULL;
    }
    generation->use = use;
    config_use_hold(use);
    list_append(&engine->generations.all, &generation->node); /* from here on it goes as all do */
    list_init(&generation->round_node);
    generation->handler = generation->endpoint.handler = handler;
    breadcrumb_add_name(engine->breadcrumb, config->name, config->handler);
    generation__fill(engine, generation, config, previous);
    if (!generation__identify(engine, generation, previous)) {
        engine_fail(failure_out, EXIT_CODE_FAILED, ERROR_NOT_ENOUGH_MEMORY,
                    "there is no memory for the endpoints");
    } else if ((handler->flags & PL_BLOCKING) == 0 || generation__bridge(engine, generation, failure_out)) {
        return generation;
    }
    generation_retire(engine, generation, NULL);
    return NULL;
}

bool generation_start(struct engine *engine, struct generation *generation, const struct generation *previous,
                      struct failure *failure_out)
{
    void *state =
        previous != NULL && previous->handler == generation->handler ? previous->endpoint.state : NULL;
    const bool is_started = control_calls_start(&engine->calls, &generation->endpoint,
                                                &engine->host.functions, state, failure_out);
    if (!is_started) {
        engine_fail_section(failure_out, generation->use->config, generation->endpoint.config);
    }
    return is_started;
}

/* ---- The end ---- */

static void generation__set_judge(struct generation *generation, struct generation *judge)
{
    if (generation->judge != NULL) {
        generation->judge->judged--;
    }
    generation->judge = judge;
    if (judge != NULL) {
        judge->judged++;
    }
    InterlockedExchangePointer((PVOID volatile *)&generation->endpoint.judge,
                               judge != NULL ? judge->endpoint.admission : NULL);
}

void generation_retire(struct engine *engine, struct generation *generation, struct generation *successor)
{
    const struct list_node *all = &engine->generations.all;
    generation->phase = GENERATION_ENDS;
    for (struct list_node *node = all->next; successor != NULL && node != all; node = node->next) {
        struct generation *older = LIST_ELEMENT(node, struct generation, node);
        if (older == generation || older->judge == generation) {
            generation__set_judge(older, successor);
        }
    }
    endpoint_leave(&generation->endpoint);
}

/* ---- Rounds ---- */

/* On each worker; those of the round stay the same meanwhile. */
static void generations__visit(struct fence *fence, const struct worker *worker)
{
    struct generations *generations = LIST_ELEMENT(fence, struct generations, fence);
    const struct host *host = &generations->engine->host;
    const struct list_node *round = &generations->round;
    for (struct list_node *node = round->next; node != round; node = node->next) {
        struct generation *generation = LIST_ELEMENT(node, struct generation, round_node);
        if (generation->phase == GENERATION_STILLS && host_worker(host, generation->endpoint.id) == worker) {
            host_still_endpoint(host, &generation->endpoint);
            generation->is_busy = generation->bridge != NULL && !blocking_bridge_is_idle(generation->bridge);
        }
    }
}

void generations_init(struct generations *generations, struct engine *engine)
{
    generations->engine = engine;
    list_init(&generations->all);
    list_init(&generations->round);
    fence_init(&generations->fence, engine->control, generations__visit);
}

static void generation__free(struct generations *generations, struct generation *generation)
{
    struct config_use *use = generation->use;
    breadcrumb_forget_name(generations->engine->breadcrumb, generation->endpoint.config->name);
    endpoint_fini(&generation->endpoint);
    generation__set_judge(generation, NULL);
    list_remove(&generation->node);
    blocking_bridge_destroy(generation->bridge);
    admission_destroy(generation->endpoint.admission);
    tally_release(generation->endpoint.tally);
    memory_free(generation);
    config_use_release(generations, use);
}

static bool generation__is_over(const struct generation *generation)
{
    return generation->endpoint.clients == 0 &&
           (generation->bridge == NULL || blocking_bridge_clients(generation->bridge) == 0);
}

/* One that does not return stays as it is: it is named when the engine stops. */
static void generations__stop_one(struct generations *generations, struct generation *generation)
{
    struct engine *engine = generations->engine;
    generation->is_stop_begun = true;
    if (control_calls_stop(&engine->calls, &generation->endpoint)) {
        host_remove_endpoint(&engine->host, &generation->endpoint);
        generation->phase = GENERATION_STOPPED;
        list_append(&generations->round, &generation->round_node);
    } else {
        generations->is_stuck = true;
    }
}

/* All of the round have passed the fence: the next step of each. */
static void generations__step(struct generations *generations)
{
    struct list_node passed;
    list_init(&passed);
    while (!list_is_empty(&generations->round)) {
        list_append(&passed, list_take_first(&generations->round));
    }
    while (!list_is_empty(&passed)) {
        struct generation *generation = LIST_ELEMENT(list_take_first(&passed), struct generation, round_node);
        if (generation->phase == GENERATION_STOPPED) {
            generation->phase = GENERATION_GONE;
        } else if (generation->is_busy || generations->is_stuck) {
            generation->phase = GENERATION_ENDS; /* later, see generations__gather */
        } else {
            generations__stop_one(generations, generation);
        }
    }
}

/* Until all workers have seen the reload, a socket may still bring new clients to the one that had it; and one that is
   closed is its endpoint's until it has ended. */
static void generations__gather(struct generations *generations)
{
    const struct engine *engine = generations->engine;
    const struct list_node *all = &generations->all;
    if (!fence_is_passed(&engine->reload) || engine->bindings.ending != NULL) {
        return;
    }
    for (struct list_node *node = all->next; node != all; node = node->next) {
        struct generation *generation = LIST_ELEMENT(node, struct generation, node);
        const bool was_busy = generation->is_busy;
        generation->is_busy = false;
        if (generation->phase == GENERATION_ENDS && !was_busy && generation__is_over(generation)) {
            generation->phase = GENERATION_STILLS;
            InterlockedExchange(&generation->endpoint.is_still, 1);
            list_append(&generations->round, &generation->round_node);
        }
    }
}

static void generations__free_gone(struct generations *generations)
{
    for (struct list_node *node = generations->all.next; node != &generations->all;) {
        struct generation *generation = LIST_ELEMENT(node, struct generation, node);
        node = node->next;
        if (generation->phase == GENERATION_GONE && generation->judged == 0) {
            generation__free(generations, generation);
        }
    }
}

static bool generations__wait(const struct generations *generations)
{
    const struct list_node *all = &generations->all;
    for (struct list_node *node = all->next; node != all; node = node->next) {
        const struct generation *generation = LIST_ELEMENT(node, struct generation, node);
        if (generation->phase != GENERATION_SERVES &&
            (generation->phase != GENERATION_ENDS || generation->bridge != NULL)) {
            return true;
        }
    }
    return false;
}

bool generations_tend(struct generations *generations)
{
    const struct engine *engine = generations->engine;
    if (fence_is_passed(&generations->fence)) {
        generations__step(generations);
        generations__free_gone(generations);
        generations__gather(generations);
        if (!list_is_empty(&generations->round)) {
            fence_begin(&generations->fence, engine->workers, engine->worker_count);
        }
    }
    return !generations__wait(generations);
}

/* ---- The engine's end ---- */

bool generations_stop(struct generations *generations)
{
    struct engine *engine = generations->engine;
    const struct list_node *all = &generations->all;
    for (struct list_node *node = all->previous; node != all; node = node->previous) {
        struct generation *generation = LIST_ELEMENT(node, struct generation, node);
        if (generation->endpoint.id != 0) {
            host_still_endpoint(&engine->host, &generation->endpoint);
        }
        if (!generation->is_stop_begun) {
            generation->is_stop_begun = true;
            if (!control_calls_stop(&engine->calls, &generation->endpoint)) {
                return false;
            }
        }
    }
    return true;
}

void generations_fini(struct generations *generations)
{
    for (struct list_node *node = generations->all.next; node != &generations->all; node = node->next) {
        generation__set_judge(LIST_ELEMENT(node, struct generation, node), NULL);
    }
    while (!list_is_empty(&generations->all)) {
        generation__free(generations, LIST_ELEMENT(generations->all.next, struct generation, node));
    }
}
