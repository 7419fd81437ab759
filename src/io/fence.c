/* SPDX-License-Identifier: MIT */
#include "io/fence.h"

#include "base/list.h"

static void fence__run(struct message *message, struct worker *worker)
{
    struct fence *fence = LIST_ELEMENT(message, struct fence_post, message)->fence;
    const HANDLE control = fence->control;
    if (fence->visit != NULL) {
        fence->visit(fence, worker);
    }
    if (InterlockedDecrement(&fence->missing) == 0) {
        SetEvent(control);
    }
}

void fence_init(struct fence *fence, HANDLE control,
                void (*visit)(struct fence *fence, const struct worker *worker))
{
    *fence = (struct fence){.visit = visit, .control = control};
}

void fence_begin(struct fence *fence, struct worker *const *workers, unsigned count)
{
    fence->missing = (LONG)count;
    for (unsigned i = 0; i < count; i++) {
        fence->posts[i] = (struct fence_post){.message.run = fence__run, .fence = fence};
        worker_send(workers[i], &fence->posts[i].message);
    }
}

bool fence_is_passed(const struct fence *fence)
{
    return fence->missing == 0;
}
