/* SPDX-License-Identifier: MIT
   The log, see log.h: events become lines, and copies for the sink. */
#include "base/log.h"

#include <stddef.h>

#include "base/log_line.h"
#include "base/log_time.h"
#include "base/log_writer.h"
#include "base/memory.h"

enum { LOG_ROOM = 256 * 1024 };

struct log {
    struct log_options options; /* without `file` */
    struct log_writer *writer;
};

static bool log__is_logged(const struct log *log, const struct event_row *row)
{
    return row->level <= log->options.level;
}

static bool log__is_reported(const struct log *log, const struct event_row *row)
{
    return log->options.event_sink != NULL && event_passes(row, log->options.event_filter) &&
           (row->event_class != EVENT_CLASS_NEVER || log__is_logged(log, row));
}

bool log_writes(const struct log *log, enum event event)
{
    const struct event_row *row = log != NULL ? event_find(event) : NULL;
    return row != NULL && (log__is_logged(log, row) || log__is_reported(log, row));
}

static void log__add_line(const struct log *log, struct text *text, const struct log_line *line)
{
    char buffer[LOG_TIME_ROOM];
    struct text time;
    text_init(&time, buffer, sizeof buffer);
    log_time_add(&time, log->options.is_local_time);
    if (log->options.is_json) {
        log_line_add_json(text, line, time.at);
    } else {
        log_line_add_text(text, line, time.at);
    }
}

static void log__fill(const struct log *log, struct log_entry *entry, const struct log_line *line)
{
    if (log__is_logged(log, line->row)) {
        log__add_line(log, &entry->line, line);
    }
    if (log__is_reported(log, line->row)) {
        entry->row = line->row;
        log_line_add_event(&entry->event, line);
    }
}

/* An entry is made before, on the caller's stack, so that the queue's lock is held only to copy it. */
void log_write(struct log *log, enum event event, const char *endpoint, uint64_t connection,
               const char *format, ...)
{
    struct log_line line;
    char line_room[LOG_LINE_ROOM], event_room[LOG_LINE_EVENT_ROOM];
    struct log_entry entry = {.row = NULL};
    va_list arguments;
    if (!log_writes(log, event)) {
        return;
    }
    va_start(arguments, format);
    log_line_init(&line, event_find(event), endpoint, connection, format, arguments);
    va_end(arguments);
    text_init(&entry.line, line_room, sizeof line_room);
    text_init(&entry.event, event_room, sizeof event_room);
    log__fill(log, &entry, &line);
    log_writer_add(log->writer, &entry);
}

/* ---- For the writer ---- */

static void log__fill_own(const struct log *log, struct log_entry *entry, enum event event,
                          const char *format, ...) TEXT_FORMAT(4, 5);
static void log__fill_own(const struct log *log, struct log_entry *entry, enum event event,
                          const char *format, ...)
{
    struct log_line line;
    va_list arguments;
    va_start(arguments, format);
    log_line_init(&line, event_find(event), NULL, 0, format, arguments);
    va_end(arguments);
    log__fill(log, entry, &line);
}

static void log__make_gap(void *context, struct log_entry *entry, uint64_t missing, const char *text)
{
    (void)missing;
    log__fill_own(context, entry, EVENT_LOG_DROPPED, "%s", text);
}

static void log__take_event(void *context, const struct event_row *row, const char *text)
{
    const struct log *log = context;
    if (log__is_reported(log, row)) { /* not asked yet where the writer itself tells something */
        log->options.event_sink(log->options.event_context, row, text);
    }
}

/* ---- The log as a whole ---- */

struct log *log_create(const struct log_options *options, struct failure *failure_out)
{
    struct log *log = memory_alloc(sizeof *log);
    const struct log_writer_options writer = {.file = {.path = options->file,
                                                       .rotate_size = options->rotate_size,
                                                       .rotate_interval = options->rotate_interval,
                                                       .keep = options->keep},
                                              .room = LOG_ROOM,
                                              .name = "log",
                                              .key = "log_file",
                                              .unavailable = EVENT_LOG_UNAVAILABLE,
                                              .make_gap = log__make_gap,
                                              .take_event = log__take_event,
                                              .context = log};
    if (log == NULL) {
        log_writer_fail(failure_out, "memory", writer.name);
        return NULL;
    }
    log->options = *options;
    log->options.file = NULL;
    log->writer = log_writer_create(&writer, failure_out);
    if (log->writer == NULL) {
        memory_free(log);
        return NULL;
    }
    return log;
}

void log_destroy(struct log *log)
{
    if (log != NULL) {
        (void)log_writer_destroy(log->writer);
        memory_free(log);
    }
}

void log_flush(struct log *log, uint32_t timeout)
{
    if (log != NULL) {
        log_writer_flush(log->writer, timeout);
    }
}

uint64_t log_dropped(struct log *log)
{
    return log_writer_dropped(log->writer);
}
