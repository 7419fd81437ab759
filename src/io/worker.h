/* SPDX-License-Identifier: MIT
   A worker: one thread, one completion port, and all that happens on it. What belongs to a worker is touched
   by its thread alone; other threads send it messages. "On W" below: on this worker's thread, or, while that does not
   run, on the thread that made it; builds with assertions see to that. */
#ifndef PORTLISTENER_IO_WORKER_H
#define PORTLISTENER_IO_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/breadcrumb.h"
#include "base/callback_mark.h"
#include "base/win.h"
#include "io/buffer_pool.h"
#include "io/inbox.h"
#include "io/lanes.h"
#include "io/operation.h"
#include "io/queue_probe.h"
#include "io/slot_table.h"
#include "io/timer_wheel.h"
#include "stats/tally.h"

enum {
    WORKERS_MAX = 64,
    WORKER_BATCH = 64 /* completions taken from the port at once */
};

struct worker;

/* A message that may be sent again and again: while it is under way, sending it once more changes nothing. */
struct signal {
    struct message message;
    volatile LONG is_under_way;
    void (*run)(struct signal *signal, struct worker *worker);
};

/* worker_create: number `index` of `count` workers that send to each other. `trouble` is an event, set when a
   wake-up could not be posted: then call worker_sweep until it succeeds. NULL: `error_out`. */
struct worker *worker_create(unsigned index, unsigned count, HANDLE trouble, DWORD *error_out);

/* worker_publish: from now on what worker_enter notes stands in `place`, where others look for it when the process has died;
   kept until worker_destroy. NULL: nowhere but here. Before worker_start. */
void worker_publish(struct worker *worker, struct breadcrumb_place *place);

/* worker_start: begins the thread. `peers` are all `count` workers, this one included; kept until
   worker_destroy. */
bool worker_start(struct worker *worker, struct worker *const *peers, DWORD *error_out);

/* worker_stop: ends the thread, if it was started, and waits `timeout` milliseconds for it; false when it did
   not end: may be called again. Nothing may be in flight on it any more. Not on W. */
bool worker_stop(struct worker *worker, DWORD timeout);

/* worker_destroy: after worker_stop, or without worker_start; runs the messages that nobody has read. NULL is
   allowed. */
void worker_destroy(struct worker *worker);

unsigned worker_index(const struct worker *worker);

/* worker_is_current: whether the caller is on W. */
bool worker_is_current(const struct worker *worker);

/* worker_now: milliseconds of a clock that only goes forward, read once a turn. On W. */
uint64_t worker_now(const struct worker *worker);

/* worker_associate: completions of `handle` arrive on W from now on, for good, in this lane (less than LANES). Any
   thread. */
bool worker_associate(struct worker *worker, unsigned lane, HANDLE handle);

/* worker_send: from any thread. worker_send_later: from the worker `from`, on its thread; leaves at the end
   of its turn, together with all that goes to the same worker. */
void worker_send(struct worker *worker, struct message *message);
void worker_send_later(struct worker *from, struct worker *to, struct message *message);

/* signal_init; worker_signal: from any thread. */
void signal_init(struct signal *signal, void (*run)(struct signal *signal, struct worker *worker));
void worker_signal(struct worker *worker, struct signal *signal);

/* worker_sweep: after trouble; true when no message waits without a wake-up on its way, false: try again in a
   while. Does not set `trouble` itself. Any thread. */
bool worker_sweep(struct worker *worker);

/* worker_queue: `task` runs once, in this lane (less than LANES, see lanes.h); it must not be queued. On W. */
void worker_queue(struct worker *worker, unsigned lane, enum rank rank, struct task *task);

/* worker_waiting: how busy this turn is: what else it found ready, or what is ready by now, if that is more. On W. */
unsigned worker_waiting(const struct worker *worker);

/* worker_is_turn_over: whoever has more to do queues it and returns, for another endpoint may have become ready. Always
   false while only one endpoint is active. On W. */
bool worker_is_turn_over(const struct worker *worker);

/* What the worker lends to those on it. On W. */
struct timer_wheel *worker_timers(struct worker *worker);
struct buffer_pool *worker_buffers(struct worker *worker);
struct slot_table *worker_slots(struct worker *worker);

/* worker_count: adds to a counter of this endpoint, or, `tally` NULL, of nobody; on W. worker_nobodys: what belongs to no
   endpoint, to be read by any thread. */
void worker_count(struct worker *worker, struct tally *tally, enum counter counter, uint64_t add);
const struct tally_row *worker_nobodys(const struct worker *worker);

/* worker_enter, worker_leave: around each callback of a handler; on W; `name` is a constant, "on_data". worker_current_callback, and worker_mark, the mark
   itself: any thread. */
void worker_enter(struct worker *worker, const char *endpoint, const char *handler, const char *name,
                  uint64_t id);
void worker_leave(struct worker *worker);
struct callback worker_current_callback(const struct worker *worker);
const struct callback_mark *worker_mark(const struct worker *worker);

/* worker_probe: sends a message that is timed, unless the last one is still under way. One thread. worker_queue_delay: what
   came of them, see queue_probe.h. Any thread. */
void worker_probe(struct worker *worker);
void worker_queue_delay(const struct worker *worker, struct queue_delay *delay_out);

/* worker_add_load: connections that this worker has or is about to get; for placing new ones. Any thread. */
void worker_add_load(struct worker *worker, LONG add);
LONG worker_load(const struct worker *worker);

/* worker_wait_for_release: `run` is called when somebody calls worker_released, on whichever worker: a socket
   was closed or memory given back, and what failed for the lack of it may succeed. The waiter is off the list
   by then; it may wait again. worker_forget_release: no longer wanted. On W. */
struct release_waiter {
    struct list_node node;
    void (*run)(struct release_waiter *waiter);
};
void release_waiter_init(struct release_waiter *waiter, void (*run)(struct release_waiter *waiter));
void worker_wait_for_release(struct worker *worker, struct release_waiter *waiter);
void worker_forget_release(struct worker *worker, struct release_waiter *waiter);

/* worker_released: costs one read for each worker when nobody waits. On W. */
void worker_released(struct worker *worker);

#endif
