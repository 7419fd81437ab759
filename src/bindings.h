/* SPDX-License-Identifier: MIT
   All addresses that an engine is to listen on: bound at the start as far as they can be, tended while it
   runs, ended together. One thread at a time: the engine's lock sees to it. */
#ifndef PORTLISTENER_BINDINGS_H
#define PORTLISTENER_BINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"
#include "binding.h"

struct bindings {
    struct binding_world world;
    struct binding *at;
    size_t count;
    struct own_ports ports; /* those for UDP, by the number of the binding */
};

/* bindings_init: one for each port of each item of `listen` of these endpoints, spread over the workers;
   nothing is bound yet. `world` is copied, what it points to stays the caller's. False: no memory. */
bool bindings_init(struct bindings *bindings, const struct binding_world *world, struct endpoint *endpoints,
                   size_t endpoint_count);
void bindings_fini(struct bindings *bindings);

/* bindings_bind: tries each that waits for its first time, or for what may pass soon (a port that another
   program holds) when its time has come, or, with `is_last`, in any case. How many wait for such still.
   `turn` is called for each one. */
size_t bindings_bind(struct bindings *bindings, bool is_last, void (*turn)(void *context), void *context);

/* bindings_describe_waiting: the first that waits, with its error and how many others; false when none
   waits. */
bool bindings_describe_waiting(const struct bindings *bindings, struct failure *failure_out);

/* bindings_may_run: whether anything is bound, or, with `is_patient`, may be one day. */
bool bindings_may_run(const struct bindings *bindings, bool is_patient);

/* bindings_serve: begins to accept and receive on all that are bound, and logs how each stands. */
void bindings_serve(struct bindings *bindings, bool is_paused);

/* bindings_tend: binds again what has died, and what waits when its time has come or an address has appeared.
   When it should be called again, of GetTickCount64; UINT64_MAX: not before the control event. */
uint64_t bindings_tend(struct bindings *bindings, bool has_new_address, bool is_paused);

void bindings_pause(struct bindings *bindings, bool is_paused);

/* bindings_stop: begins to end all, for good. bindings_count_live: how many have not ended; any thread.
   bindings_tidy: frees what has. */
void bindings_stop(struct bindings *bindings);
size_t bindings_count_live(const struct bindings *bindings);
void bindings_tidy(struct bindings *bindings);

#endif
