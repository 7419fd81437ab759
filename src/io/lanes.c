/* SPDX-License-Identifier: MIT
   Turns, see lanes.h. */
#include "io/lanes.h"

#include <stddef.h>

static void queue__append(struct task_queue *queue, struct task *task)
{
    task->next = NULL;
    if (queue->first == NULL) {
        queue->first = task;
    } else {
        queue->last->next = task;
    }
    queue->last = task;
}

void lanes_init(struct lanes *lanes)
{
    *lanes = (struct lanes){0};
    list_init(&lanes->ready);
    for (unsigned i = 0; i < LANES; i++) {
        list_init(&lanes->lanes[i].node);
    }
}

bool lanes_add(struct lanes *lanes, unsigned lane, enum rank rank, struct task *task)
{
    struct lane *to = &lanes->lanes[lane];
    const bool is_change = lane != lanes->last;
    queue__append(&to->queues[rank], task);
    if (list_is_empty(&to->node)) {
        list_append(&lanes->ready, &to->node);
    }
    lanes->count++;
    lanes->last = lane;
    return is_change;
}

/* Of two that have tasks the first, unless it has had its streak. RANKS: there is none. */
static enum rank lane__choose(const struct lane *lane)
{
    enum rank chosen = RANKS;
    for (enum rank rank = RANKS; rank-- > 0;) {
        if (lane->queues[rank].first != NULL && (chosen == RANKS || lane->streaks[rank] < LANE_STREAK)) {
            chosen = rank;
        }
    }
    return chosen;
}

struct task *lanes_take(struct lanes *lanes, enum rank *rank_out)
{
    struct lane *lane = LIST_ELEMENT(list_take_first(&lanes->ready), struct lane, node);
    const enum rank chosen = lane__choose(lane);
    struct task_queue *queue = &lane->queues[chosen];
    struct task *task = queue->first;
    queue->first = task->next;
    lane->streaks[chosen]++;
    for (enum rank rank = 0; rank < chosen; rank++) {
        lane->streaks[rank] = 0;
    }
    if (lane__choose(lane) != RANKS) {
        list_append(&lanes->ready, &lane->node);
    }
    lanes->count--;
    *rank_out = chosen;
    return task;
}
