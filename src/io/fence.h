/* SPDX-License-Identifier: MIT
   Knows when every worker has read all that was sent to it before: what they could not reach any more before that, none of
   them can be looking at then. One at a time; of the control thread, but for what a worker does. */
#ifndef PORTLISTENER_IO_FENCE_H
#define PORTLISTENER_IO_FENCE_H

#include "io/worker.h"

struct fence;

struct fence_post {
    struct message message;
    struct fence *fence;
};

struct fence {
    void (*visit)(struct fence *fence, const struct worker *worker); /* NULL: nothing is to be done there */
    HANDLE control;
    volatile LONG missing; /* workers that have not passed */
    struct fence_post posts[WORKERS_MAX];
};

/* fence_init: `control` is set when all have passed. `visit` is called on each worker as it passes. */
void fence_init(struct fence *fence, HANDLE control,
                void (*visit)(struct fence *fence, const struct worker *worker));

/* fence_begin: not while it is under way. fence_is_passed: it is not. Any thread. */
void fence_begin(struct fence *fence, struct worker *const *workers, unsigned count);
bool fence_is_passed(const struct fence *fence);

#endif
