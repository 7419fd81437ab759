/* SPDX-License-Identifier: MIT
   The access log, see access_log.h: a second writer beside the log's. */
#include "stats/access_log.h"

#include <stddef.h>

#include "base/log_time.h"
#include "base/log_writer.h"
#include "base/memory.h"
#include "base/win.h"

/* More than the log has: every connection writes here, and thousands may end within one pause of the disk. */
enum { ACCESS_LOG_ROOM = 1024 * 1024 };

struct access_log {
    struct log_writer *writer;
    struct log *log;
    LONG volatile form; /* access_log__form; in one number, so that no line is half by old options */
};

enum access_log__form { ACCESS_LOG_IS_JSON = 1, ACCESS_LOG_IS_LOCAL_TIME = 2 };

static LONG access_log__pack(const struct access_log_options *options)
{
    return (options->is_json ? ACCESS_LOG_IS_JSON : 0) |
           (options->is_local_time ? ACCESS_LOG_IS_LOCAL_TIME : 0);
}

void access_log_write(struct access_log *log, const struct access_line *line)
{
    char room[ACCESS_LINE_ROOM], time_room[LOG_TIME_ROOM];
    struct log_entry entry = {.row = NULL};
    struct text time;
    if (log == NULL) {
        return;
    }
    const LONG form = log->form;
    text_init(&time, time_room, sizeof time_room);
    log_time_add(&time, (form & ACCESS_LOG_IS_LOCAL_TIME) != 0);
    text_init(&entry.line, room, sizeof room);
    access_line_add(&entry.line, line, (form & ACCESS_LOG_IS_JSON) != 0, time.at);
    log_writer_add(log->writer, &entry);
}

/* ---- For the writer ---- */

/* Its event comes back with the lines around it, without the writer's lock: then the log is told. */
static void access_log__make_gap(void *context, struct log_entry *entry, uint64_t missing, const char *text)
{
    const struct access_log *log = context;
    const LONG form = log->form;
    char time_room[LOG_TIME_ROOM];
    struct text time;
    text_init(&time, time_room, sizeof time_room);
    log_time_add(&time, (form & ACCESS_LOG_IS_LOCAL_TIME) != 0);
    access_line_add_gap(&entry->line, missing, text, (form & ACCESS_LOG_IS_JSON) != 0, time.at);
    entry->row = event_find(EVENT_ACCESS_LOG_DROPPED);
    text_add_format(&entry->event, "access log: %s", text);
}

static void access_log__take_event(void *context, const struct event_row *row, const char *text)
{
    const struct access_log *log = context;
    log_write(log->log, row->event, NULL, 0, "%s", text);
}

static void access_log__tell_rotation(void *context, const struct rotation *rotation)
{
    const struct access_log *log = context;
    log_write_rotation(log->log, rotation);
}

/* ---- The access log as a whole ---- */

struct access_log *access_log_create(const struct access_log_options *options, struct failure *failure_out)
{
    struct access_log *log = memory_alloc(sizeof *log);
    const struct log_writer_options writer = {.file = options->file,
                                              .room = ACCESS_LOG_ROOM,
                                              .name = "access log",
                                              .key = "access_log",
                                              .unavailable = EVENT_ACCESS_LOG_UNAVAILABLE,
                                              .make_gap = access_log__make_gap,
                                              .take_event = access_log__take_event,
                                              .tell_rotation = access_log__tell_rotation,
                                              .context = log};
    if (log == NULL) {
        log_writer_fail(failure_out, "memory", writer.name);
        return NULL;
    }
    log->log = options->log;
    log->form = access_log__pack(options);
    log->writer = log_writer_create(&writer, failure_out);
    if (log->writer == NULL) {
        memory_free(log);
        return NULL;
    }
    return log;
}

void access_log_destroy(struct access_log *log)
{
    if (log == NULL) {
        return;
    }
    const uint64_t lost = log_writer_destroy(log->writer);
    if (lost > 0) {
        log_write(log->log, EVENT_ACCESS_LOG_DROPPED, NULL, 0,
                  "access log: %llu line%s could not be written before the stop", (unsigned long long)lost,
                  lost == 1 ? "" : "s");
    }
    memory_free(log);
}

void access_log_flush(struct access_log *log, uint32_t timeout)
{
    if (log != NULL) {
        log_writer_flush(log->writer, timeout);
    }
}

void access_log_rotate(struct access_log *log, uint32_t timeout, struct rotation *rotation_out)
{
    if (log == NULL) {
        rotation_tell(rotation_out, ROTATION_NEEDLESS, "there is no access log",
                      ", so there is nothing to rotate");
        return;
    }
    log_writer_rotate(log->writer, timeout, rotation_out);
    log_write_rotation(log->log, rotation_out);
}

void access_log_reconfigure(struct access_log *log, const struct access_log_options *options)
{
    if (log != NULL) {
        InterlockedExchange(&log->form, access_log__pack(options));
        log_writer_reconfigure(log->writer, &options->file);
    }
}

uint64_t access_log_dropped(struct access_log *log)
{
    return log_writer_dropped(log->writer);
}
