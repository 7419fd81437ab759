/* SPDX-License-Identifier: MIT
   The access log: one line for each TCP connection and UDP session that ends, and for each client that is
   refused. It is queued, written, rotated and kept going as the log is; what goes wrong with it is told in
   the log, and what it lost also where its lines are missing. */
#ifndef PORTLISTENER_STATS_ACCESS_LOG_H
#define PORTLISTENER_STATS_ACCESS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "base/log.h"
#include "base/record_file.h"
#include "base/rotation.h"
#include "stats/access_line.h"

struct access_log;

struct access_log_options {
    struct record_file_options file; /* "-": standard error */
    bool is_json;
    bool is_local_time;
    struct log *log; /* where its troubles are told; may be NULL */
};

/* access_log_create: opens the file (and makes its folder) and starts a thread that writes. A file that cannot
   be opened is told in `failure_out` (EXIT_CODE_DONE: it is open), and opened when it can be; the lines wait
   so long, as many as fit the queue. NULL only when there is no memory or thread. */
struct access_log *access_log_create(const struct access_log_options *options, struct failure *failure_out);

/* access_log_destroy: writes what is queued, ends the thread, closes the file. What cannot be written at once
   is dropped, and told in the log, which must still be there; a call that hangs is cancelled after two
   seconds. No other call may be under way. NULL is allowed. */
void access_log_destroy(struct access_log *log);

/* access_log_write: one line, with the time of now. Waits for nothing. A NULL log takes nothing. Any
   thread. */
void access_log_write(struct access_log *log, const struct access_line *line);

/* access_log_flush: returns when all that was queued before the call is in the file, or after `timeout`
   milliseconds. A NULL log has nothing queued. Any thread. */
void access_log_flush(struct access_log *log, uint32_t timeout);

/* access_log_rotate: begins a new file, as log_writer_rotate does, and tells of it in the log. A NULL log has
   nothing to rotate. Any thread. */
void access_log_rotate(struct access_log *log, uint32_t timeout, struct rotation *rotation_out);

/* access_log_reconfigure: from the next line on all of `options` holds, but for the file's path and `log`: these
   stay. A NULL log takes nothing. Any thread, one at a time. */
void access_log_reconfigure(struct access_log *log, const struct access_log_options *options);

/* access_log_dropped: lines lost since the start. Any thread. */
uint64_t access_log_dropped(struct access_log *log);

#endif
