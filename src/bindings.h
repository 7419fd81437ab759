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
    struct binding **at;
    size_t count;
    struct binding *ending; /* a reload has closed them */
    struct own_ports ports; /* those for UDP, by the bindings' numbers */
};

/* bindings_init: one for each port of each item of `listen` of these endpoints, spread over the workers;
   nothing is bound yet. `world` is copied, what it points to stays the caller's. False: no memory. */
bool bindings_init(struct bindings *bindings, const struct binding_world *world,
                   struct endpoint *const *endpoints, size_t endpoint_count);
void bindings_fini(struct bindings *bindings);

/* For a reload, see bindings_change.h. bindings_make: one more, not among `at`; NULL: no memory. bindings_free: it was
   never served, or has ended. bindings_leave_out: the machine cannot have it ("localhost" without IPv6), which is logged.
   bindings_describe: why it waits; bindings_add_more: and that so many others do. bindings_note_port: whether it is bound
   has changed. bindings_begin: begins to accept or receive, if it is bound, and logs how it stands. bindings_end: it ends,
   and goes when it has. */
struct binding *bindings_make(const struct bindings *bindings, struct endpoint *endpoint,
                              const struct config_listen *listen, uint16_t port, size_t place);
void bindings_free(struct binding *binding);
bool bindings_leave_out(const struct bindings *bindings, const struct endpoint *endpoint,
                        const struct config_listen *listen);
void bindings_describe(const struct listener *listener, struct failure *failure_out);
void bindings_add_more(struct failure *failure, size_t count);
void bindings_note_port(struct bindings *bindings, const struct binding *binding);
void bindings_begin(struct bindings *bindings, struct binding *binding);
void bindings_end(struct bindings *bindings, struct binding *binding);

/* bindings_bind: tries each that waits for its first time, or for what may pass soon (a port that another
   program holds) when its time has come, or, with `is_last`, in any case. How many wait for such still.
   `turn` is called for each one. */
size_t bindings_bind(struct bindings *bindings, bool is_last, void (*turn)(void *context), void *context);

/* bindings_are_explained: whether the causes of all that wait are known. */
bool bindings_are_explained(const struct bindings *bindings);

/* bindings_describe_waiting: the first that waits, with its error and how many others; false when none
   waits. */
bool bindings_describe_waiting(const struct bindings *bindings, struct failure *failure_out);

/* bindings_may_run: whether anything is bound, or, with `is_patient`, may be one day. */
bool bindings_may_run(const struct bindings *bindings, bool is_patient);

/* bindings_serve: begins to accept and receive on all that are bound, and logs how each stands. */
void bindings_serve(struct bindings *bindings);

/* bindings_tend: binds again what has died, and what waits when its time has come or an address has appeared.
   When it should be called again, of GetTickCount64; UINT64_MAX: not before the control event. */
uint64_t bindings_tend(struct bindings *bindings, bool has_new_address);

/* bindings_pause: those of this endpoint (NULL: all) do as their endpoint's is_paused says. */
void bindings_pause(struct bindings *bindings, const struct endpoint *endpoint);

/* bindings_stop: begins to end all, for good. bindings_count_live: how many have not ended; any thread.
   bindings_are_ending: whether one that bindings_end ends has not. bindings_tidy: frees what has. */
void bindings_stop(struct bindings *bindings);
size_t bindings_count_live(const struct bindings *bindings);
bool bindings_are_ending(const struct bindings *bindings);
void bindings_tidy(struct bindings *bindings);

#endif
