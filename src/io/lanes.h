/* SPDX-License-Identifier: MIT
   What is ready on a worker, in the order of its turns. Each endpoint has a lane, and lanes take turns: a flooded endpoint
   costs the others a step of its work, not all that it has ready. In a lane the first comes first, but who has just
   become ready comes before who has had a turn and has more to do, LANE_FRESH to one. */
#ifndef PORTLISTENER_IO_LANES_H
#define PORTLISTENER_IO_LANES_H

#include <stdbool.h>

#include "base/list.h"

enum {
    LANES = 64,    /* endpoints whose numbers are equal modulo this share one */
    LANE_FRESH = 4 /* turns of the fresh for one of those that have more to do */
};

/* Work that waits for its turn. Lies in its owner. */
struct task {
    struct task *next;
    void (*run)(struct task *task);
};

struct task_queue {
    struct task *first;
    struct task *last;
};

struct lane {
    struct list_node node; /* in lanes.ready while something is */
    struct task_queue fresh;
    struct task_queue again;
    unsigned streak; /* turns of the fresh in a row */
};

struct lanes {
    struct lane lanes[LANES];
    struct list_node ready; /* those with tasks, the next one first */
    unsigned count;         /* tasks in all of them */
    unsigned last;          /* the lane that got the last one */
};

void lanes_init(struct lanes *lanes);

/* lanes_add: `task` must not be in any; `is_again`: it had a turn and has more to do. True: the task before this one went
   into another lane. */
bool lanes_add(struct lanes *lanes, unsigned lane, bool is_again, struct task *task);

/* lanes_take: whose turn it is; there must be one. `is_again_out`: as it was added. */
struct task *lanes_take(struct lanes *lanes, bool *is_again_out);

#endif
