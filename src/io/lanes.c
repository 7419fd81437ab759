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

bool lanes_add(struct lanes *lanes, unsigned lane, bool is_again, struct task *task)
{
    struct lane *to = &lanes->lanes[lane];
    const bool is_change = lane != lanes->last;
    queue__append(is_again ? &to->again : &to->fresh, task);
    if (list_is_empty(&to->node)) {
        list_append(&lanes->ready, &to->node);
    }
    lanes->count++;
    lanes->last = lane;
    return is_change;
}

struct task *lanes_take(struct lanes *lanes, bool *is_again_out)
{
    struct lane *lane = LIST_ELEMENT(list_take_first(&lanes->ready), struct lane, node);
    const bool is_again =
        lane->fresh.first == NULL || (lane->again.first != NULL && lane->streak >= LANE_FRESH);
    struct task_queue *queue = is_again ? &lane->again : &lane->fresh;
    struct task *task = queue->first;
    queue->first = task->next;
    lane->streak = is_again ? 0 : lane->streak + 1;
    if (lane->fresh.first != NULL || lane->again.first != NULL) {
        list_append(&lanes->ready, &lane->node);
    }
    lanes->count--;
    *is_again_out = is_again;
    return task;
}
