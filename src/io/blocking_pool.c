/* SPDX-License-Identifier: MIT
   Threads, groups and their turns, see blocking_pool.h. */
#include "io/blocking_pool.h"

#include <assert.h>

#include "base/memory.h"
#include "io/worker.h"

enum { BLOCKING_POOL_POLL = 10 /* milliseconds, while the stop waits */ };

struct blocking_thread {
    struct blocking_pool *pool;
    HANDLE handle; /* NULL: it has ended, or never began */
    struct breadcrumb_place
        *place; /* where it is noted which callback it is in: `own_place`, or one that outlives the process */
    struct breadcrumb_place own_place;
};

struct blocking_pool {
    SRWLOCK lock;
    CONDITION_VARIABLE has_work; /* or the stop has begun */
    struct list_node ready;      /* groups, in the order of their turns */
    size_t waiting;              /* jobs, of all groups */
    size_t running;
    unsigned group_most; /* jobs of one group that run at a time */
    bool is_stopping;
    unsigned count;
    struct blocking_thread threads[];
};

/* ---- Turns; all with the lock ---- */

/* Exactly when one of its jobs may begin a group stands among the ready ones: when it has just become so, as the last. */
static void blocking_pool__line_up(struct blocking_pool *pool, struct blocking_group *group)
{
    const bool may_begin = group->first != NULL && group->running < pool->group_most;
    if (may_begin && list_is_empty(&group->ready)) {
        list_append(&pool->ready, &group->ready);
    }
}

static void blocking_pool__put(struct blocking_pool *pool, struct blocking_group *group,
                               struct blocking_job *job)
{
    job->next = NULL;
    if (group->first == NULL) {
        group->first = job;
    } else {
        group->last->next = job;
    }
    group->last = job;
    pool->waiting++;
    blocking_pool__line_up(pool, group);
}

/* The next job of the group whose turn it is. */
static struct blocking_job *blocking_pool__take(struct blocking_pool *pool, struct blocking_group **group_out)
{
    struct blocking_group *group = LIST_ELEMENT(list_take_first(&pool->ready), struct blocking_group, ready);
    struct blocking_job *job = group->first;
    group->first = job->next;
    group->running++;
    pool->waiting--;
    pool->running++;
    blocking_pool__line_up(pool, group);
    *group_out = group;
    return job;
}

/* Who finishes a job looks for the next one itself; nobody needs to be woken. */
static void blocking_pool__finish(struct blocking_pool *pool, struct blocking_group *group)
{
    group->running--;
    pool->running--;
    blocking_pool__line_up(pool, group);
}

/* ---- The threads ---- */

/* False at the stop, when no job may begin: what waits then is behind one that runs, whose thread takes it. */
static bool blocking_pool__wait(struct blocking_pool *pool)
{
    while (list_is_empty(&pool->ready) && !pool->is_stopping) {
        SleepConditionVariableSRW(&pool->has_work, &pool->lock, INFINITE, 0);
    }
    return !list_is_empty(&pool->ready);
}

static DWORD WINAPI blocking_thread__main(void *argument)
{
    struct blocking_thread *thread = argument;
    struct blocking_pool *pool = thread->pool;
    thread->place->thread = GetCurrentThreadId();
    AcquireSRWLockExclusive(&pool->lock);
    while (blocking_pool__wait(pool)) {
        struct blocking_group *group = NULL;
        struct blocking_job *job = blocking_pool__take(pool, &group);
        ReleaseSRWLockExclusive(&pool->lock);
        job->run(job, &thread->place->mark);
        assert(!callback_mark_is_in(&thread->place->mark));
        AcquireSRWLockExclusive(&pool->lock);
        blocking_pool__finish(pool, group);
    }
    ReleaseSRWLockExclusive(&pool->lock);
    return 0;
}

/* ---- Life ---- */

struct blocking_pool *blocking_pool_create(unsigned threads, struct breadcrumb *breadcrumb, DWORD *error_out)
{
    assert(threads >= 1 && threads <= BLOCKING_THREADS_MAX);
    struct blocking_pool *pool = memory_alloc(sizeof *pool + threads * sizeof pool->threads[0]);
    if (pool == NULL) {
        *error_out = ERROR_NOT_ENOUGH_MEMORY;
        return NULL;
    }
    InitializeSRWLock(&pool->lock);
    InitializeConditionVariable(&pool->has_work);
    list_init(&pool->ready);
    pool->group_most = threads > 1 ? threads - 1 : 1;
    for (; pool->count < threads; pool->count++) {
        struct blocking_thread *thread = &pool->threads[pool->count];
        struct breadcrumb_place *place = breadcrumb_place(breadcrumb, WORKERS_MAX + pool->count);
        thread->pool = pool;
        thread->place = place != NULL ? place : &thread->own_place;
        thread->handle = CreateThread(NULL, 0, blocking_thread__main, thread, 0, NULL);
        if (thread->handle == NULL) {
            *error_out = GetLastError();
            blocking_pool_stop(pool, INFINITE); /* those that were; they have nothing to do */
            blocking_pool_destroy(pool);
            return NULL;
        }
    }
    return pool;
}

static void blocking_pool__begin_stop(struct blocking_pool *pool)
{
    AcquireSRWLockExclusive(&pool->lock);
    pool->is_stopping = true;
    ReleaseSRWLockExclusive(&pool->lock);
    WakeAllConditionVariable(&pool->has_work);
}

static bool blocking_thread__wait(struct blocking_thread *thread, ULONGLONG deadline)
{
    while (WaitForSingleObject(thread->handle, BLOCKING_POOL_POLL) == WAIT_TIMEOUT) {
        if (GetTickCount64() >= deadline) {
            return false;
        }
    }
    CloseHandle(thread->handle);
    thread->handle = NULL;
    return true;
}

bool blocking_pool_stop(struct blocking_pool *pool, DWORD timeout)
{
    const ULONGLONG deadline = GetTickCount64() + timeout;
    blocking_pool__begin_stop(pool);
    for (unsigned i = 0; i < pool->count; i++) {
        if (pool->threads[i].handle != NULL && !blocking_thread__wait(&pool->threads[i], deadline)) {
            return false;
        }
    }
    return true;
}

void blocking_pool_destroy(struct blocking_pool *pool)
{
    if (pool != NULL) {
        assert(pool->waiting == 0 && pool->running == 0 && pool->is_stopping);
        memory_free(pool);
    }
}

/* ---- Jobs ---- */

void blocking_group_init(struct blocking_group *group)
{
    *group = (struct blocking_group){.running = 0};
    list_init(&group->ready);
}

bool blocking_pool_submit(struct blocking_pool *pool, struct blocking_group *group, struct blocking_job *job)
{
    AcquireSRWLockExclusive(&pool->lock);
    const bool is_taken = !pool->is_stopping;
    const bool may_begin = is_taken && group->running < pool->group_most;
    if (is_taken) {
        blocking_pool__put(pool, group, job);
    }
    ReleaseSRWLockExclusive(&pool->lock);
    if (may_begin) {
        WakeConditionVariable(&pool->has_work);
    }
    return is_taken;
}

bool blocking_pool_is_idle(struct blocking_pool *pool, const struct blocking_group *group)
{
    AcquireSRWLockShared(&pool->lock);
    const bool is_idle = group->first == NULL && group->running == 0;
    ReleaseSRWLockShared(&pool->lock);
    return is_idle;
}

size_t blocking_pool_unfinished(struct blocking_pool *pool)
{
    AcquireSRWLockShared(&pool->lock);
    const size_t unfinished = pool->waiting + pool->running;
    ReleaseSRWLockShared(&pool->lock);
    return unfinished;
}

/* ---- What its threads do ---- */

bool blocking_pool_find_stuck(const struct blocking_pool *pool, struct callback *callback_out)
{
    for (unsigned i = 0; i < pool->count; i++) {
        if (callback_mark_read(&pool->threads[i].place->mark, callback_out) != 0) {
            return true;
        }
    }
    return false;
}

unsigned blocking_pool_threads(const struct blocking_pool *pool)
{
    return pool->count;
}

const struct callback_mark *blocking_pool_mark(const struct blocking_pool *pool, unsigned index)
{
    return &pool->threads[index].place->mark;
}
