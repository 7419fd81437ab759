/* SPDX-License-Identifier: MIT
   The log: callers on any thread put lines into a bounded queue, one thread writes them to the file. A caller
   never waits for the disk; what does not fit the queue is dropped and counted, and the count is logged where
   the lines are missing. While the file cannot be written (no space, no right, no folder) the lines wait, and
   it is tried again twice a second. */
#ifndef PORTLISTENER_BASE_LOG_H
#define PORTLISTENER_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/events.h"
#include "base/failure.h"
#include "base/rotation.h"
#include "base/text.h"

struct log;

/* A copy of each line that `event_filter` lets through, whatever the log's level; called on the writer's
   thread. LOG_UNAVAILABLE comes once when the file that was written can be written no more. */
typedef void (*log_event_sink)(void *context, const struct event_row *row, const char *text);

struct log_options {
    const char *file; /* full path; "-": standard error */
    enum log_level level;
    bool is_json;
    bool is_local_time;
    uint64_t rotate_size;           /* bytes; 0: never */
    uint64_t rotate_interval;       /* milliseconds; 0: never */
    uint32_t keep;                  /* rotated files */
    enum event_filter event_filter; /* what goes to event_sink; with ALL: what the level lets through */
    log_event_sink event_sink;      /* may be NULL */
    void *event_context;
};

/* log_create: opens the file (and makes its folder) and starts the writer. A file that cannot be opened is
   told in `failure_out` (EXIT_CODE_DONE: it is open), and the log works without it: events still reach the
   sink, and the file is opened when it can be. NULL only when there is no memory or thread. */
struct log *log_create(const struct log_options *options, struct failure *failure_out);

/* log_destroy: writes what is queued, ends the thread, closes the file. What cannot be written at once is
   dropped; a call that hangs is cancelled after two seconds. No other call may be under way. NULL is
   allowed. */
void log_destroy(struct log *log);

/* log_write: one line. `endpoint` may be NULL and `connection` 0. The text is escaped; about 2,000 bytes of
   it are kept. A NULL log takes nothing. Any thread. */
void log_write(struct log *log, enum event event, const char *endpoint, uint64_t connection,
               const char *format, ...) TEXT_FORMAT(5, 6);

/* log_writes: whether an event of this kind goes anywhere; to save the making of its text. Any thread. */
bool log_writes(const struct log *log, enum event event);

/* log_flush: returns when all that was queued before the call is in the file, or after `timeout`
   milliseconds. A NULL log has nothing queued. Any thread. */
void log_flush(struct log *log, uint32_t timeout);

/* log_rotate: begins a new file, as log_writer_rotate does, and tells of it in the log. A NULL log has nothing to
   rotate. Any thread. */
void log_rotate(struct log *log, uint32_t timeout, struct rotation *rotation_out);

/* log_write_rotation: the line that tells of one. Any thread. */
void log_write_rotation(struct log *log, const struct rotation *rotation);

/* log_reconfigure: from the next line on all of `options` holds, but for `file`, `event_sink` and its context:
   these stay. A NULL log takes nothing. Any thread, one at a time. */
void log_reconfigure(struct log *log, const struct log_options *options);

/* log_dropped: lines lost since the start. Any thread. */
uint64_t log_dropped(struct log *log);

#endif
