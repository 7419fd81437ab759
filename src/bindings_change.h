/* SPDX-License-Identifier: MIT
   A reload's change of the sockets: first everything that can fail, then what cannot. With the engine's lock. */
#ifndef PORTLISTENER_BINDINGS_CHANGE_H
#define PORTLISTENER_BINDINGS_CHANGE_H

#include "bindings.h"
#include "config/config_sockets.h"

struct bindings_change {
    struct bindings *bindings;
    struct binding **next;    /* all, when it is done */
    struct endpoint **owners; /* of each of these, from then on */
    size_t count;
    struct binding **closing; /* all that end then */
    size_t closing_count;
    struct binding **opened;             /* those of `next` that are new */
    const struct config_socket **wanted; /* what each of these is for */
    size_t opened_count;
};

/* bindings_list: those there are, as config_sockets_match takes them: `number` is their endpoint's index, `place` their own.
   False: no memory; either way end with config_sockets_fini. */
bool bindings_list(const struct bindings *bindings, struct config_sockets *sockets);

/* bindings_change_init: from those that match (see config_sockets_match), `before` from bindings_list; endpoints[i] has the
   sockets of number i of `after`. The new ones are made, not bound. False: no memory; either way end with
   bindings_change_fini. */
bool bindings_change_init(struct bindings_change *change, struct bindings *bindings,
                          const struct config_sockets *before, const struct config_sockets *after,
                          struct endpoint *const *endpoints);

/* bindings_change_open: binds the new ones, and makes what serves them. How many could not be: `failure_out` has the
   first. */
size_t bindings_change_open(struct bindings_change *change, struct failure *failure_out);

/* bindings_change_prepare: what bindings_change_commit needs; false: no memory. bindings_change_commit: makes it so. */
bool bindings_change_prepare(struct bindings_change *change);
void bindings_change_commit(struct bindings_change *change);

/* bindings_change_fini: without bindings_change_commit nothing has changed, and the new sockets are closed. */
void bindings_change_fini(struct bindings_change *change);

#endif
