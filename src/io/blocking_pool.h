/* SPDX-License-Identifier: MIT
   The threads on which callbacks run that may block. Jobs of one group (an endpoint) begin in the order in which they
   were submitted; groups take turns, and one group has at most all threads but one, so that another always finds one.
   There is a lock, held for some lines and never while a job runs. */
#ifndef PORTLISTENER_IO_BLOCKING_POOL_H
#define PORTLISTENER_IO_BLOCKING_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/breadcrumb.h"
#include "base/list.h"
#include "base/win.h"

enum { BLOCKING_THREADS_MAX = 512 };

struct blocking_pool;

/* Lies in the submitter's object. `run` is called exactly once for each submit that was taken, on a thread of the pool.
   The job is the pool's until then and the submitter's from then on: `run` may free it or submit it again. What is done
   then `run` itself tells, by worker_send. It enters and leaves `mark`, its thread's, around each callback of a handler. */
struct blocking_job {
    struct blocking_job *next;
    void (*run)(struct blocking_job *job, struct callback_mark *mark);
};

/* The pool's, with its lock; it must stay until blocking_pool_is_idle. */
struct blocking_group {
    struct list_node ready;     /* among those of which a job may begin */
    struct blocking_job *first; /* of those that wait; NULL: none */
    struct blocking_job *last;
    unsigned running;
};

/* blocking_pool_create: what its threads are doing stands in `breadcrumb`, which may be NULL, behind the workers' places,
   as far as there are places. Starts all `threads`, 1 to BLOCKING_THREADS_MAX, at once: so what can fail fails here, where it
   can be told, never a submit; and no submit pays for a thread. NULL: `error_out`. */
struct blocking_pool *blocking_pool_create(unsigned threads, struct breadcrumb *breadcrumb, DWORD *error_out);

/* blocking_pool_stop: takes no more jobs, runs all that it has taken, for each may be somebody's last callback, and ends
   the threads. Waits `timeout` milliseconds for that; false when it was too short: blocking_pool_find_stuck tells who
   holds it up, and it may be called again. Not on a thread of the pool. */
bool blocking_pool_stop(struct blocking_pool *pool, DWORD timeout);

/* blocking_pool_destroy: after blocking_pool_stop. NULL is allowed. */
void blocking_pool_destroy(struct blocking_pool *pool);

void blocking_group_init(struct blocking_group *group);

/* blocking_pool_submit: false once the pool stops: the job was not taken and is not run. A job is in one submit at a
   time, a group in one pool. Never waits for a job. Any thread. */
bool blocking_pool_submit(struct blocking_pool *pool, struct blocking_group *group, struct blocking_job *job);

/* blocking_pool_is_idle: nothing of the group waits or runs, and unless somebody submits to it, the pool does not touch
   it any more. Any thread. */
bool blocking_pool_is_idle(struct blocking_pool *pool, const struct blocking_group *group);

/* blocking_pool_unfinished: jobs that wait or run. Any thread. */
size_t blocking_pool_unfinished(struct blocking_pool *pool);

/* blocking_pool_find_stuck: the callback of which a thread has not come back, of the first such thread. False: no thread
   is in one. Any thread. */
bool blocking_pool_find_stuck(const struct blocking_pool *pool, struct callback *callback_out);

/* blocking_pool_threads; blocking_pool_mark: which callback thread number `index` is in, for the watchdog. Any thread. */
unsigned blocking_pool_threads(const struct blocking_pool *pool);
const struct callback_mark *blocking_pool_mark(const struct blocking_pool *pool, unsigned index);

#endif
