/* SPDX-License-Identifier: MIT
   The ids of an engine's endpoints. The control thread adds and removes while any other looks up, without a lock: an entry
   never moves, and one that is removed waits for those who have just found it. */
#ifndef PORTLISTENER_CONNECTION_DIRECTORY_H
#define PORTLISTENER_CONNECTION_DIRECTORY_H

#include <stdint.h>

#include "base/win.h"
#include "portlistener/handler.h"

enum { DIRECTORY_CHUNKS = 16 }; /* each twice as long as the one before */

struct endpoint;

struct directory_entry {
    struct endpoint *volatile endpoint; /* NULL: free */
    volatile LONG generation;           /* of the id */
    volatile LONG readers;              /* who have found it, and may still look at it */
};

struct directory {
    struct directory_entry *volatile chunks[DIRECTORY_CHUNKS];
    uint32_t count;      /* entries that have ever been used; these two are the control thread's */
    uint32_t first_free; /* none before it is */
};

void directory_init(struct directory *directory);
void directory_fini(struct directory *directory);

/* directory_add: its id, 0 when there is no memory. directory_remove: the id finds nothing from now on, and nobody looks at
   the endpoint any more. Control thread. */
pl_id directory_add(struct directory *directory, struct endpoint *endpoint);
void directory_remove(struct directory *directory, pl_id id);

/* directory_enter: the endpoint of `id`, which stays there until directory_leave; NULL: there is none, and nothing to
   leave. Any thread; for a moment, as directory_remove waits so long. */
struct endpoint *directory_enter(const struct directory *directory, pl_id id);
void directory_leave(const struct directory *directory, pl_id id);

#endif
