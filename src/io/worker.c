/* SPDX-License-Identifier: MIT
   The worker's loop, see worker.h. */
#include "io/worker.h"

#include <assert.h>
#include <stddef.h>

#include "base/memory.h"
#include "io/net_error.h"

enum {
    WORKER_OTHERS = 16, /* tasks of who is late or has more to do, between two looks at the port */
    WORKER_TURN = 250,  /* microseconds between two looks while several lanes are active, and a step more */
    WORKER_MIXED = 1000 /* milliseconds that they are taken for it since the last change between two */
};

/* No end of this turn's time. */
#define WORKER_ENDLESS INT64_MAX

/* Messages on their way to one other worker, gathered during a turn. */
struct outbox {
    struct message *first;
    struct message *last;
};

struct worker {
    HANDLE port;
    HANDLE thread;
    HANDLE trouble;
    DWORD thread_id;
    unsigned index;
    unsigned count;
    bool is_stopping;
    uint64_t now;
    int64_t turn;     /* WORKER_TURN and */
    int64_t turn_end; /* when that is over, of the performance counter */
    int64_t second;   /* likewise, how long one is */
    struct worker *const *peers;
    struct lanes lanes;   /* tasks and ended operations */
    unsigned found;       /* of them, when this turn began */
    uint64_t mixed_until; /* several lanes are taken for active */
    struct list_node release_waiters;
    struct timer_wheel timers;
    struct buffer_pool buffers;
    struct slot_table slots;
    struct breadcrumb_place
        *place; /* where it is noted which callback it is in: `own_place`, or one that outlives the process */
    struct breadcrumb_place own_place;
    struct tally_row nobodys; /* counters */
    struct signal stop;
    struct signal release;
    struct message probing;
    struct queue_probe probe;
    uint8_t apart[64]; /* what follows is written by other threads: keep it off the cache lines above */
    struct inbox inbox;
    volatile LONG is_wake_posted;
    volatile LONG has_waiters;
    volatile LONG load;
    struct outbox outboxes[]; /* one for each peer */
};

/* ---- Who may touch it ---- */

/* What belongs to a worker is touched on its thread; while that does not run, on the thread that made it. Everything
   that a worker owns is reached through the functions that begin with this. */
static void worker__assert_owned(const struct worker *worker)
{
    assert(worker->thread == NULL || worker_is_current(worker));
    (void)worker;
}

/* ---- Messages ---- */

static bool worker__post_wake(struct worker *worker)
{
    if (InterlockedExchange(&worker->is_wake_posted, 1) != 0) {
        return true; /* a wake-up is on its way, and the inbox is read after it */
    }
    if (PostQueuedCompletionStatus(worker->port, 0, 0, NULL)) {
        return true;
    }
    InterlockedExchange(&worker->is_wake_posted, 0);
    return false;
}

static void worker__wake(struct worker *worker)
{
    if (!worker__post_wake(worker)) {
        SetEvent(worker->trouble);
    }
}

void worker_send(struct worker *worker, struct message *message)
{
    inbox_push(&worker->inbox, message, message);
    worker__wake(worker);
}

void worker_send_later(struct worker *from, struct worker *to, struct message *message)
{
    worker__assert_owned(from);
    struct outbox *outbox = &from->outboxes[to->index];
    if (outbox->first == NULL) {
        outbox->first = message;
    } else {
        outbox->last->next = message;
    }
    outbox->last = message;
}

static void worker__flush_outboxes(struct worker *worker)
{
    for (unsigned i = 0; i < worker->count; i++) {
        struct outbox *outbox = &worker->outboxes[i];
        if (outbox->first != NULL) {
            inbox_push(&worker->peers[i]->inbox, outbox->first, outbox->last);
            outbox->first = NULL;
            worker__wake(worker->peers[i]);
        }
    }
}

static void signal__run(struct message *message, struct worker *worker)
{
    struct signal *signal = LIST_ELEMENT(message, struct signal, message);
    InterlockedExchange(&signal->is_under_way, 0);
    signal->run(signal, worker);
}

void signal_init(struct signal *signal, void (*run)(struct signal *signal, struct worker *worker))
{
    *signal = (struct signal){.message.run = signal__run, .run = run};
}

void worker_signal(struct worker *worker, struct signal *signal)
{
    if (InterlockedExchange(&signal->is_under_way, 1) == 0) {
        worker_send(worker, &signal->message);
    }
}

bool worker_sweep(struct worker *worker)
{
    if (!inbox_is_empty(&worker->inbox)) {
        worker__post_wake(worker); /* without telling `trouble`: who sweeps would never rest */
    }
    return inbox_is_empty(&worker->inbox) || worker->is_wake_posted != 0;
}

/* ---- The loop ---- */

static void worker__add(struct worker *worker, unsigned lane, enum rank rank, struct task *task)
{
    if (lanes_add(&worker->lanes, lane, rank, task)) {
        worker->mixed_until = worker->now + WORKER_MIXED;
    }
}

static void worker__run_ended(struct task *task)
{
    struct operation *operation = LIST_ELEMENT(task, struct operation, ended.turn);
    operation->complete(operation, operation->ended.error, operation->ended.bytes);
}

static void worker__take_entry(struct worker *worker, const OVERLAPPED_ENTRY *entry)
{
    if (entry->lpOverlapped == NULL) { /* a wake-up */
        InterlockedExchange(&worker->is_wake_posted, 0);
        return;
    }
    struct operation *operation = LIST_ELEMENT(entry->lpOverlapped, struct operation, overlapped);
    const uint32_t error = net_error_of_status((uint32_t)entry->lpOverlapped->Internal);
    operation->ended.turn.run = worker__run_ended;
    operation->ended.error = error;
    operation->ended.bytes = entry->dwNumberOfBytesTransferred;
    operation->ended.is_taken = true;
    worker__add(worker, (unsigned)entry->lpCompletionKey, RANK_FRESH, &operation->ended.turn);
}

static void worker__read_inbox(struct worker *worker)
{
    if (inbox_is_empty(&worker->inbox)) {
        return;
    }
    struct message *message = inbox_take(&worker->inbox);
    while (message != NULL) {
        struct message *next = message->next;
        message->run(message, worker);
        message = next;
    }
}

static int64_t worker__clock(void)
{
    LARGE_INTEGER counter;
    QueryPerformanceCounter(&counter);
    return counter.QuadPart;
}

bool worker_is_turn_over(const struct worker *worker)
{
    return worker->turn_end != WORKER_ENDLESS && worker__clock() >= worker->turn_end;
}

/* What the port has, without more waiting than there is time for. */
static void worker__look(struct worker *worker)
{
    OVERLAPPED_ENTRY entries[WORKER_BATCH];
    ULONG count = 0;
    const DWORD wait = worker->lanes.count > 0 ? 0 : timer_wheel_wait(&worker->timers, GetTickCount64());
    if (!GetQueuedCompletionStatusEx(worker->port, entries, WORKER_BATCH, &count, wait, FALSE)) {
        count = 0; /* is not set on a time-out */
        if (GetLastError() != WAIT_TIMEOUT) {
            Sleep(1); /* out of something: do not spin */
        }
    }
    worker->now = GetTickCount64();
    for (ULONG i = 0; i < count; i++) {
        worker__take_entry(worker, &entries[i]);
    }
    worker->found = worker->lanes.count;
    worker->turn_end = worker->now < worker->mixed_until ? worker__clock() + worker->turn : WORKER_ENDLESS;
}

/* What was ready at the look, and what those that were fresh then have queued. What the others queue, themselves perhaps,
   comes behind what the port has by then. */
static void worker__run_ready(struct worker *worker)
{
    unsigned others = 0, ready = worker->lanes.count;
    while (ready > 0 && others < WORKER_OTHERS) {
        enum rank rank = RANK_FRESH;
        const unsigned before = worker->lanes.count;
        struct task *task = lanes_take(&worker->lanes, &rank);
        task->run(task);
        if (rank == RANK_FRESH) {
            ready += worker->lanes.count - before;
        } else {
            others++;
            ready--;
        }
        if (worker_is_turn_over(worker)) {
            return;
        }
    }
}

static void worker__turn(struct worker *worker)
{
    worker__look(worker);
    worker__run_ready(worker);
    worker__read_inbox(worker);
    timer_wheel_advance(&worker->timers, worker->now);
    worker__flush_outboxes(worker);
}

static DWORD WINAPI worker__main(void *argument)
{
    struct worker *worker = argument;
    worker->thread_id = GetCurrentThreadId();
    worker->place->thread = worker->thread_id;
    while (!worker->is_stopping) {
        worker__turn(worker);
    }
    return 0;
}

static void worker__run_stop(struct signal *signal, struct worker *worker)
{
    (void)signal;
    worker->is_stopping = true;
}

/* ---- Waiting for something to be given back ---- */

void release_waiter_init(struct release_waiter *waiter, void (*run)(struct release_waiter *waiter))
{
    list_init(&waiter->node);
    waiter->run = run;
}

void worker_wait_for_release(struct worker *worker, struct release_waiter *waiter)
{
    worker__assert_owned(worker);
    list_remove(&waiter->node);
    list_append(&worker->release_waiters, &waiter->node);
    worker->has_waiters = 1;
}

void worker_forget_release(struct worker *worker, struct release_waiter *waiter)
{
    worker__assert_owned(worker);
    list_remove(&waiter->node);
    worker->has_waiters = !list_is_empty(&worker->release_waiters);
}

void worker_released(struct worker *worker)
{
    worker__assert_owned(worker);
    for (unsigned i = 0; i < worker->count; i++) {
        if (worker->peers[i]->has_waiters != 0) {
            worker_signal(worker->peers[i], &worker->peers[i]->release);
        }
    }
}

static void worker__run_release(struct signal *signal, struct worker *worker)
{
    (void)signal;
    struct list_node waiters; /* one that waits again is not run again in this pass */
    list_init(&waiters);
    while (!list_is_empty(&worker->release_waiters)) {
        list_append(&waiters, list_take_first(&worker->release_waiters));
    }
    worker->has_waiters = 0;
    while (!list_is_empty(&waiters)) {
        struct release_waiter *waiter = LIST_ELEMENT(list_take_first(&waiters), struct release_waiter, node);
        waiter->run(waiter);
    }
}

/* ---- How long messages wait ---- */

/* Never 0. */
static int64_t worker__microseconds(const struct worker *worker)
{
    const int64_t clock = worker__clock();
    return clock / worker->second * 1000000 + clock % worker->second * 1000000 / worker->second + 1;
}

static void worker__run_probe(struct message *message, struct worker *worker)
{
    (void)message;
    queue_probe_end(&worker->probe, worker__microseconds(worker));
}

void worker_probe(struct worker *worker)
{
    if (queue_probe_begin(&worker->probe, worker__microseconds(worker))) {
        worker_send(worker, &worker->probing);
    }
}

void worker_queue_delay(const struct worker *worker, struct queue_delay *delay_out)
{
    queue_probe_read(&worker->probe, worker__microseconds(worker), delay_out);
}

/* ---- Life ---- */

/* In steps of the performance counter. */
static int64_t worker__second_of_the_counter(void)
{
    LARGE_INTEGER a_second;
    QueryPerformanceFrequency(&a_second);
    return a_second.QuadPart;
}

struct worker *worker_create(unsigned index, unsigned count, HANDLE trouble, DWORD *error_out)
{
    struct worker *worker = memory_alloc(sizeof *worker + count * sizeof worker->outboxes[0]);
    if (worker == NULL) {
        *error_out = ERROR_NOT_ENOUGH_MEMORY;
        return NULL;
    }
    worker->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    if (worker->port == NULL) {
        *error_out = GetLastError();
        memory_free(worker);
        return NULL;
    }
    worker->index = index;
    worker->count = count;
    worker->trouble = trouble;
    worker->now = GetTickCount64();
    worker->second = worker__second_of_the_counter();
    worker->turn = worker->second * WORKER_TURN / 1000000;
    worker->place = &worker->own_place;
    lanes_init(&worker->lanes);
    list_init(&worker->release_waiters);
    signal_init(&worker->stop, worker__run_stop);
    signal_init(&worker->release, worker__run_release);
    worker->probing.run = worker__run_probe;
    timer_wheel_init(&worker->timers, worker->now);
    buffer_pool_init(&worker->buffers);
    slot_table_init(&worker->slots, index);
    return worker;
}

void worker_publish(struct worker *worker, struct breadcrumb_place *place)
{
    worker->place = place != NULL ? place : &worker->own_place;
}

bool worker_start(struct worker *worker, struct worker *const *peers, DWORD *error_out)
{
    worker->peers = peers;
    worker->thread = CreateThread(NULL, 0, worker__main, worker, 0, &worker->thread_id);
    *error_out = worker->thread == NULL ? GetLastError() : 0;
    return worker->thread != NULL;
}

bool worker_stop(struct worker *worker, DWORD timeout)
{
    const ULONGLONG deadline = GetTickCount64() + timeout;
    if (worker->thread == NULL) {
        return true;
    }
    worker_signal(worker, &worker->stop); /* which may be under way from a call before */
    while (WaitForSingleObject(worker->thread, 10) == WAIT_TIMEOUT) {
        if (GetTickCount64() >= deadline) {
            return false;
        }
        worker_sweep(worker);
    }
    CloseHandle(worker->thread);
    worker->thread = NULL;
    return true;
}

void worker_destroy(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    worker__read_inbox(worker); /* what came too late frees what it has */
    slot_table_fini(&worker->slots);
    buffer_pool_fini(&worker->buffers);
    CloseHandle(worker->port);
    memory_free(worker);
}

/* ---- What it lends ---- */

unsigned worker_index(const struct worker *worker)
{
    return worker->index;
}

bool worker_is_current(const struct worker *worker)
{
    return GetCurrentThreadId() == worker->thread_id;
}

uint64_t worker_now(const struct worker *worker)
{
    worker__assert_owned(worker);
    return worker->now;
}

bool worker_associate(struct worker *worker, unsigned lane, HANDLE handle)
{
    return CreateIoCompletionPort(handle, worker->port, lane, 0) == worker->port;
}

void worker_queue(struct worker *worker, unsigned lane, enum rank rank, struct task *task)
{
    worker__assert_owned(worker);
    worker__add(worker, lane, rank, task);
}

unsigned worker_waiting(const struct worker *worker)
{
    const unsigned ready = worker->lanes.count;
    return ready + 1 > worker->found ? ready : worker->found - 1;
}

struct timer_wheel *worker_timers(struct worker *worker)
{
    worker__assert_owned(worker);
    return &worker->timers;
}

struct buffer_pool *worker_buffers(struct worker *worker)
{
    worker__assert_owned(worker);
    return &worker->buffers;
}

struct slot_table *worker_slots(struct worker *worker)
{
    worker__assert_owned(worker);
    return &worker->slots;
}

void worker_count(struct worker *worker, struct tally *tally, enum counter counter, uint64_t add)
{
    worker__assert_owned(worker);
    struct tally_row *row =
        tally != NULL ? tally_row(tally, worker->index, &worker->nobodys) : &worker->nobodys;
    row->at[counter] += add;
}

const struct tally_row *worker_nobodys(const struct worker *worker)
{
    return &worker->nobodys;
}

void worker_enter(struct worker *worker, const char *endpoint, const char *handler, const char *name,
                  uint64_t id)
{
    worker__assert_owned(worker);
    callback_mark_enter(&worker->place->mark, endpoint, handler, name, id);
}

void worker_leave(struct worker *worker)
{
    worker__assert_owned(worker);
    callback_mark_leave(&worker->place->mark);
}

struct callback worker_current_callback(const struct worker *worker)
{
    struct callback callback;
    callback_mark_read(&worker->place->mark, &callback);
    return callback;
}

const struct callback_mark *worker_mark(const struct worker *worker)
{
    return &worker->place->mark;
}

void worker_add_load(struct worker *worker, LONG add)
{
    InterlockedExchangeAdd(&worker->load, add);
}

LONG worker_load(const struct worker *worker)
{
    return worker->load;
}
