/* SPDX-License-Identifier: MIT
   The log, see log.h: events become lines, and copies for the sink. */
#include "base/log.h"

#include <stddef.h>

#include "base/log_line.h"
#include "base/log_time.h"
#include "base/log_writer.h"
#include "base/memory.h"
#include "base/win.h"

enum { LOG_ROOM = 256 * 1024 };

/* What a line is made by. In one number, so that none is half by old options and half by new ones. */
struct log__form {
    enum log_level level;
    enum event_filter event_filter;
    bool is_json;
    bool is_local_time;
};

struct log {
    log_event_sink event_sink; /* may be NULL */
    void *event_context;
    LONG volatile form; /* a packed log__form */
    struct log_writer *writer;
};

static LONG log__pack(const struct log_options *options)
{
    return (LONG)((unsigned)options->level | (unsigned)options->event_filter << 2 |
                  (unsigned)options->is_json << 4 | (unsigned)options->is_local_time << 5);
}

static struct log__form log__form(const struct log *log)
{
    const unsigned packed = (unsigned)log->form;
    return (struct log__form){.level = (enum log_level)(packed & 3),
                              .event_filter = (enum event_filter)(packed >> 2 & 3),
                              .is_json = (packed >> 4 & 1) != 0,
                              .is_local_time = (packed >> 5 & 1) != 0};
}

static bool log__is_logged(const struct log__form *form, const struct event_row *row)
{
    return row->level <= form->level;
}

static bool log__is_reported(const struct log *log, const struct log__form *form, const struct event_row *row)
{
    return log->event_sink != NULL && event_passes(row, form->event_filter) &&
           (row->event_class != EVENT_CLASS_NEVER || log__is_logged(form, row));
}

bool log_writes(const struct log *log, enum event event)
{
    const struct event_row *row = log != NULL ? event_find(event) : NULL;
    if (row == NULL) {
        return false;
    }
    const struct log__form form = log__form(log);
    return log__is_logged(&form, row) || log__is_reported(log, &form, row);
}

static void log__add_line(const struct log__form *form, struct text *text, const struct log_line *line)
{
    char buffer[LOG_TIME_ROOM];
    struct text time;
    text_init(&time, buffer, sizeof buffer);
    log_time_add(&time, form->is_local_time);
    if (form->is_json) {
        log_line_add_json(text, line, time.at);
    } else {
        log_line_add_text(text, line, time.at);
    }
}

static void log__fill(const struct log *log, struct log_entry *entry, const struct log_line *line)
{
    const struct log__form form = log__form(log);
    if (log__is_logged(&form, line->row)) {
        log__add_line(&form, &entry->line, line);
    }
    if (log__is_reported(log, &form, line->row)) {
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
    const struct log__form form = log__form(log);
    if (log__is_reported(log, &form, row)) { /* not asked yet where the writer itself tells something */
        log->event_sink(log->event_context, row, text);
    }
}

static void log__tell_rotation(void *context, const struct rotation *rotation)
{
    log_write_rotation(context, rotation);
}

/* ---- The log as a whole ---- */

static struct record_file_options log__file_options(const struct log_options *options)
{
    return (struct record_file_options){.path = options->file,
                                        .rotate_size = options->rotate_size,
                                        .rotate_interval = options->rotate_interval,
                                        .keep = options->keep};
}

struct log *log_create(const struct log_options *options, struct failure *failure_out)
{
    struct log *log = memory_alloc(sizeof *log);
    const struct log_writer_options writer = {.file = log__file_options(options),
                                              .room = LOG_ROOM,
                                              .name = "log",
                                              .key = "log_file",
                                              .unavailable = EVENT_LOG_UNAVAILABLE,
                                              .make_gap = log__make_gap,
                                              .take_event = log__take_event,
                                              .tell_rotation = log__tell_rotation,
                                              .context = log};
    if (log == NULL) {
        log_writer_fail(failure_out, "memory", writer.name);
        return NULL;
    }
    log->event_sink = options->event_sink;
    log->event_context = options->event_context;
    log->form = log__pack(options);
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

void log_write_rotation(struct log *log, const struct rotation *rotation)
{
    if (rotation->state != ROTATION_NEEDLESS) { /* else the line would be what there is to rotate */
        log_write(log, rotation->state == ROTATION_DONE ? EVENT_LOG_ROTATED : EVENT_LOG_ROTATION_DELAYED,
                  NULL, 0, "%s", rotation->text);
    }
}

void log_rotate(struct log *log, uint32_t timeout, struct rotation *rotation_out)
{
    if (log == NULL) {
        rotation_tell(rotation_out, ROTATION_NEEDLESS, "there is no log", ", so there is nothing to rotate");
        return;
    }
    log_writer_rotate(log->writer, timeout, rotation_out);
    log_write_rotation(log, rotation_out);
}

void log_reconfigure(struct log *log, const struct log_options *options)
{
    if (log != NULL) {
        const struct record_file_options file = log__file_options(options);
        InterlockedExchange(&log->form, log__pack(options));
        log_writer_reconfigure(log->writer, &file);
    }
}

uint64_t log_dropped(struct log *log)
{
    return log_writer_dropped(log->writer);
}
