/* SPDX-License-Identifier: MIT
   What is ready on a worker, in the order of its turns. Each endpoint has a lane, and lanes take turns: a flooded endpoint
   costs the others a step of its work, not all that it has ready. In a lane the first comes first, but whose deadline has
   passed comes before who has just become ready, and that before who has had a turn and has more to do: LANE_STREAK to
   one. (What is late ends most often, and leaves room.) */
#ifndef PORTLISTENER_IO_LANES_H
#define PORTLISTENER_IO_LANES_H

#include <stdbool.h>

#include "base/list.h"

enum {
    LANES = 64,     /* endpoints whose numbers are equal modulo this share one */
    LANE_STREAK = 4 /* turns of one rank for one of those behind it */
};

/* What a task is, in the order in which they come. */
enum rank {
    RANK_LATE,  /* its deadline has passed */
    RANK_FRESH, /* has just become ready */
    RANK_AGAIN, /* has had a turn, and has more to do */
    RANKS
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
    struct task_queue queues[RANKS];
    unsigned streaks[RANKS]; /* turns since one of those behind had one */
};

struct lanes {
    struct lane lanes[LANES];
    struct list_node ready; /* those with tasks, the next one first */
    unsigned count;         /* tasks in all of them */
    unsigned last;          /* the lane that got the last one */
};

void lanes_init(struct lanes *lanes);

/* lanes_add: `task` must not be in any. True: the task before this one went into another lane. */
bool lanes_add(struct lanes *lanes, unsigned lane, enum rank rank, struct task *task);

/* lanes_take: whose turn it is; there must be one. `rank_out`: as it was added. */
struct task *lanes_take(struct lanes *lanes, enum rank *rank_out);

#endif
