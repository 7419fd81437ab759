/* SPDX-License-Identifier: MIT
   The endpoints of an engine, and what they hold. A reload makes a new generation of an endpoint beside the one that
   serves; the old one lives on until its last client has ended, then its handler is stopped, and it goes. A configuration
   lives as long as a generation refers to it. Of the thread that holds the engine's lock, unless said otherwise. */
#ifndef PORTLISTENER_GENERATIONS_H
#define PORTLISTENER_GENERATIONS_H

#include "accept/access_lists.h"
#include "base/list.h"
#include "endpoint/endpoint.h"
#include "io/fence.h"

struct engine;

/* A configuration with those who need it. */
struct config_use {
    struct config_use *older;
    const struct config *config;
    size_t holders;
    struct access_lists lists; /* of its endpoints */
};

/* What becomes of a generation, step by step. */
enum generation_phase {
    GENERATION_SERVES,  /* it has the endpoint's sockets, or will */
    GENERATION_ENDS,    /* its clients go on */
    GENERATION_STILLS,  /* it has none; what was posted runs, and its timer ends */
    GENERATION_STOPPED, /* its handler is; what was posted meanwhile runs, with id 0 */
    GENERATION_GONE     /* but an older one is held against its lists yet */
};

struct generation {
    struct list_node node;       /* in generations.all */
    struct list_node round_node; /* in generations.round */
    struct endpoint endpoint;
    const struct pl_handler *handler; /* its own, before a bridge */
    struct config_use *use;
    struct blocking_bridge *bridge; /* NULL: the handler does not block */
    struct generation *judge;       /* whose lists its clients are held against, see endpoint.judge; held */
    size_t judged;                  /* older ones that hold it */
    enum generation_phase phase;
    bool is_drain_begun; /* its handler's drain, and stop */
    bool is_stop_begun;
    bool is_busy; /* W's: something of it ran when it was to be still */
};

struct generations {
    struct engine *engine;
    struct list_node all; /* in the order in which they were made */
    struct config_use *uses;
    struct list_node round; /* those that go through the next steps together, one round at a time */
    struct fence fence;     /* of the round */
    bool is_stuck; /* a handler's stop has not returned: no other one is stopped before the engine's end */
};

void generations_init(struct generations *generations, struct engine *engine);

/* config_use_make: NULL: no memory. config_use_hold, config_use_release: with the last one the configuration is done. */
struct config_use *config_use_make(struct generations *generations, const struct config *config);
void config_use_hold(struct config_use *use);
void config_use_release(struct generations *generations, struct config_use *use);

/* generation_create: of an endpoint of this configuration, which it holds; `previous`, that of the same endpoint before,
   NULL: there is none. NULL: `failure_out`. generation_start: its handler. */
struct generation *generation_create(struct engine *engine, struct config_use *use,
                                     const struct config_endpoint *config, const struct generation *previous,
                                     struct failure *failure_out);
bool generation_start(struct engine *engine, struct generation *generation, const struct generation *previous,
                      struct failure *failure_out);

/* generation_retire: nothing new comes to it any more; `successor`, NULL: none, says who of its clients may stay. */
void generation_retire(struct engine *engine, struct generation *generation, struct generation *successor);

/* generations_tend: takes the steps that can be taken now; false: there is more to do, but not before a while. */
bool generations_tend(struct generations *generations);

/* generations_stop: the handlers of all, the last one first: the workers have ended. False: one has not returned; it may be
   called again. generations_fini: nobody reads
   anything of them; all configurations are done. */
bool generations_stop(struct generations *generations);
void generations_fini(struct generations *generations);

#endif
