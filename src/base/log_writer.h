/* SPDX-License-Identifier: MIT
   What is below each log: callers on any thread put lines into a bounded queue, one thread writes them to the
   file. A caller never waits for the disk; what does not fit the queue is dropped and counted, and a line of
   the owner's tells the count where the lines are missing. While the file cannot be written (no space, no
   right, no folder) the lines wait, and it is tried again twice a second. */
#ifndef PORTLISTENER_BASE_LOG_WRITER_H
#define PORTLISTENER_BASE_LOG_WRITER_H

#include <stdint.h>

#include "base/events.h"
#include "base/failure.h"
#include "base/record_file.h"
#include "base/text.h"

struct log_writer;

/* What goes through the queue: a line, and an event that its owner gets back on the writer's thread, in the
   order of the queue. Each may be missing. */
struct log_entry {
    struct text line;            /* for the file, ended by a line feed; empty: none */
    struct text event;           /* the event's text */
    const struct event_row *row; /* of the event; NULL: none */
};

struct log_writer_options {
    struct record_file_options file; /* "-": standard error */
    uint32_t room;                   /* bytes of each half of the queue */
    const char *name;                /* for messages: "log" */
    const char *key;                 /* of the configuration, which names the file: "log_file" */
    enum event unavailable;          /* goes to `take_event` when the file that was written can be written no
                                        more; once, until it is written again */

    /* make_gap: fills the entry that stands where lines are missing (it has room for any of log_line.h), or
       leaves its line empty: then there is none. `text` is "12 lines are missing here: " and why. On the writer's thread, with its
       lock: without a call to the writer.
       take_event: on the writer's thread.
       tell_rotation: that one must wait, or that one that had to wait is done; on the writer's thread, where
       log_writer_add may be called. */
    void (*make_gap)(void *context, struct log_entry *entry, uint64_t missing, const char *text);
    void (*take_event)(void *context, const struct event_row *row, const char *text);
    void (*tell_rotation)(void *context, const struct rotation *rotation);
    void *context;
};

/* log_writer_create: opens the file (and makes its folder) and starts the thread. A file that cannot be opened
   is told in `failure_out` (EXIT_CODE_DONE: it is open), and opened when it can be. NULL only when there is
   no memory or thread. `name` and `key` are kept, not copied. */
struct log_writer *log_writer_create(const struct log_writer_options *options, struct failure *failure_out);

/* log_writer_destroy: writes what is queued, ends the thread, closes the file. What cannot be written at once
   is dropped, and its lines are counted in what is returned; a call that hangs is cancelled after two
   seconds. No other call may be under way. */
uint64_t log_writer_destroy(struct log_writer *writer);

/* log_writer_add: takes a copy, or counts the line as dropped. Any thread. */
void log_writer_add(struct log_writer *writer, const struct log_entry *entry);

/* log_writer_flush: returns when all that was queued before the call is in the file, or after `timeout`
   milliseconds. Any thread. */
void log_writer_flush(struct log_writer *writer, uint32_t timeout);

/* log_writer_rotate: begins a new file. All that was queued before the call is in the old one, but where the disk
   does not take it. Waits for the writer's thread, `timeout` milliseconds at most: then it is DELAYED. Any
   thread. */
void log_writer_rotate(struct log_writer *writer, uint32_t timeout, struct rotation *rotation_out);

/* log_writer_reconfigure: all of `options` but the path, soon. Any thread. */
void log_writer_reconfigure(struct log_writer *writer, const struct record_file_options *options);

/* log_writer_dropped: lines lost since the start. Any thread. */
uint64_t log_writer_dropped(struct log_writer *writer);

/* log_writer_fail: "there is no memory for the log" and what to do. */
void log_writer_fail(struct failure *failure_out, const char *what, const char *name);

#endif
