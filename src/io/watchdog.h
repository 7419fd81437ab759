/* SPDX-License-Identifier: MIT
   The watchdog: who looks at the threads' marks now and then (callback_mark.h) finds the callbacks that last too long.
   Each is told in the log once, and once more when it has come back. What a thread pays for it is its mark alone. One
   thread only. */
#ifndef PORTLISTENER_IO_WATCHDOG_H
#define PORTLISTENER_IO_WATCHDOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/callback_mark.h"
#include "base/log.h"

/* Milliseconds. A callback is taken for begun when it is seen first, up to a period late; a time in which nobody looked
   counts as one period, for the machine may have slept. */
enum {
    WATCHDOG_PERIOD = 2000,
    WATCHDOG_WORKER_LIMIT = 5000,   /* everybody else on that worker waits */
    WATCHDOG_BLOCKING_LIMIT = 30000 /* to wait is what such a thread is for, but not without end */
};

enum watchdog_kind { WATCHDOG_WORKER, WATCHDOG_BLOCKING };

struct watchdog;

/* watchdog_create: for at most `threads`; NULL: no memory. `log` is kept. */
struct watchdog *watchdog_create(struct log *log, size_t threads);
void watchdog_destroy(struct watchdog *watchdog); /* NULL is allowed */

/* watchdog_watch: one thread more. Its mark stays until watchdog_destroy; the texts of a callback only while it runs, and
   they are not freed during a look; its name is there always. */
void watchdog_watch(struct watchdog *watchdog, const struct callback_mark *mark, enum watchdog_kind kind);

/* watchdog_look: `now` of a clock that only goes forward. A call that comes early does no harm. Returns when to look
   again. */
uint64_t watchdog_look(struct watchdog *watchdog, uint64_t now);

#endif
