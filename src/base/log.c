/* SPDX-License-Identifier: MIT
   The log, see log.h. Two halves of a queue: callers fill one while the writer stores the other. */
#include "base/log.h"

#include <string.h>

#include "base/log_line.h"
#include "base/log_output.h"
#include "base/memory.h"
#include "base/win.h"

enum {
    LOG_HALF_ROOM = 256 * 1024,
    LOG_PIECE = 64 * 1024, /* at most this much in one write */
    LOG_RETRY = 500,       /* milliseconds from one try to store to the next */
    LOG_STOP_GRACE = 2000, /* milliseconds until a write that hangs at the stop is cancelled, ... */
    LOG_STOP_AGAIN = 100   /* ... and to the next that hangs */
};

/* In front of each line in the queue. */
struct log_entry {
    const struct event_row *row;
    uint32_t line_length;  /* of the line, which follows; 0: it is for the sink alone */
    uint32_t event_length; /* of the sink's text with its NUL, behind the line; 0: none */
};

enum { LOG_ENTRY_ROOM = (int)sizeof(struct log_entry) + LOG_LINE_ROOM + (int)sizeof(struct log_line) };

struct log_half {
    uint32_t used;
    char at[LOG_HALF_ROOM];
};

struct log {
    struct log_options options; /* without `file` */
    uint32_t piece;
    HANDLE thread;

    /* The writer's. */
    struct log_output output;
    bool was_stored;        /* the last try; when false, another failure is no news */
    struct failure trouble; /* why a try failed since the halves were last changed; else an empty text */
    uint64_t taken;         /* of `queued`, with the back half */

    SRWLOCK lock; /* for the rest */
    CONDITION_VARIABLE has_lines;
    CONDITION_VARIABLE has_settled; /* or must stop */
    bool is_stopping;
    uint64_t queued;  /* lines since the start, the log's own included */
    uint64_t settled; /* of these: stored, or dropped at the stop */
    uint64_t dropped;
    uint64_t gap;           /* lines dropped since the front half was full */
    struct log_half *front; /* filled by callers */
    struct log_half *back;  /* emptied by the writer, without the lock */
    struct log_half halves[2];
};

static LONGLONG log__file_time(const SYSTEMTIME *time)
{
    FILETIME file_time = {0};
    (void)SystemTimeToFileTime(time, &file_time);
    return (LONGLONG)((ULONGLONG)file_time.dwHighDateTime << 32 | file_time.dwLowDateTime);
}

/* "+02:00", as it is at that instant. */
static void log__add_offset(struct text *text, const SYSTEMTIME *local, const SYSTEMTIME *utc)
{
    const LONGLONG minutes = (log__file_time(local) - log__file_time(utc)) / 600000000;
    const LONGLONG distance = minutes < 0 ? -minutes : minutes;
    text_add_format(text, "%c%02d:%02d", minutes < 0 ? '-' : '+', (int)(distance / 60), (int)(distance % 60));
}

/* "2026-11-25T02:27:00.123Z", or with the offset. */
static void log__add_time(struct text *text, bool is_local)
{
    FILETIME now;
    SYSTEMTIME utc = {0}, local;
    GetSystemTimePreciseAsFileTime(&now);
    (void)FileTimeToSystemTime(&now, &utc);
    is_local = is_local && SystemTimeToTzSpecificLocalTime(NULL, &utc, &local);
    const SYSTEMTIME *shown = is_local ? &local : &utc;
    text_add_format(text, "%04u-%02u-%02uT%02u:%02u:%02u.%03u", shown->wYear, shown->wMonth, shown->wDay,
                    shown->wHour, shown->wMinute, shown->wSecond, shown->wMilliseconds);
    if (is_local) {
        log__add_offset(text, &local, &utc);
    } else {
        text_add_string(text, "Z");
    }
}

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
    char buffer[40];
    struct text time;
    text_init(&time, buffer, sizeof buffer);
    log__add_time(&time, log->options.is_local_time);
    if (log->options.is_json) {
        log_line_add_json(text, line, time.at);
    } else {
        log_line_add_text(text, line, time.at);
    }
}

/* An entry with what follows it. */
static void log__make_entry(const struct log *log, struct text *text, const struct log_line *line)
{
    struct log_entry entry = {.row = line->row};
    text_add(text, (const char *)&entry, sizeof entry);
    if (log__is_logged(log, line->row)) {
        log__add_line(log, text, line);
        entry.line_length = (uint32_t)(text->length - sizeof entry);
    }
    if (log__is_reported(log, line->row)) {
        log_line_add_event(text, line);
        text_add(text, "", 1);
        entry.event_length = (uint32_t)(text->length - sizeof entry - entry.line_length);
    }
    memcpy(text->at, &entry, sizeof entry);
}

/* With the lock. Once a line had to be dropped all are, until the halves change: so the gap is in one place,
   and its count can stand there. */
static void log__put(struct log *log, const struct text *entry)
{
    struct log_half *front = log->front;
    if (log->gap > 0 || entry->length > LOG_HALF_ROOM - front->used) {
        log->gap++;
        log->dropped++;
        return;
    }
    memcpy(front->at + front->used, entry->at, entry->length);
    front->used += (uint32_t)entry->length;
    log->queued++;
}

/* What is put is made before, on the caller's stack, so that the lock is held only to copy it. */
void log_write(struct log *log, enum event event, const char *endpoint, uint64_t connection,
               const char *format, ...)
{
    struct log_line line;
    char buffer[LOG_ENTRY_ROOM];
    struct text entry;
    va_list arguments;
    if (!log_writes(log, event)) {
        return;
    }
    va_start(arguments, format);
    log_line_init(&line, event_find(event), endpoint, connection, format, arguments);
    va_end(arguments);
    text_init(&entry, buffer, sizeof buffer);
    log__make_entry(log, &entry, &line);
    AcquireSRWLockExclusive(&log->lock);
    const bool was_empty = log->front->used == 0;
    log__put(log, &entry);
    ReleaseSRWLockExclusive(&log->lock);
    if (was_empty) {
        WakeConditionVariable(&log->has_lines);
    }
}

/* A line of the log's own, with the lock held. */
static void log__put_own(struct log *log, enum event event, const char *format, ...) TEXT_FORMAT(3, 4);
static void log__put_own(struct log *log, enum event event, const char *format, ...)
{
    struct log_line line;
    char buffer[LOG_ENTRY_ROOM];
    struct text entry;
    va_list arguments;
    va_start(arguments, format);
    log_line_init(&line, event_find(event), NULL, 0, format, arguments);
    va_end(arguments);
    text_init(&entry, buffer, sizeof buffer);
    log__make_entry(log, &entry, &line);
    log__put(log, &entry);
}

/* With the lock. The new front half is empty: here the lines are missing. */
static void log__put_gap(struct log *log)
{
    const uint64_t gap = log->gap;
    log->gap = 0;
    if (gap > 0 && log_writes(log, EVENT_LOG_DROPPED)) {
        log__put_own(log, EVENT_LOG_DROPPED, "%llu line%s missing here: %s", (unsigned long long)gap,
                     gap == 1 ? " is" : "s are",
                     log->trouble.text[0] != '\0' ? log->trouble.text
                                                  : "they came faster than they could be written");
    }
    log->trouble.text[0] = '\0';
}

/* Waits for lines, and makes their half the back half. False when there are none and none will come. */
static bool log__swap(struct log *log)
{
    AcquireSRWLockExclusive(&log->lock);
    while (log->front->used == 0 && !log->is_stopping) {
        SleepConditionVariableSRW(&log->has_lines, &log->lock, INFINITE, 0);
    }
    struct log_half *full = log->front;
    log->front = log->back;
    log->front->used = 0;
    log->back = full;
    log->taken = log->queued;
    log__put_gap(log);
    ReleaseSRWLockExclusive(&log->lock);
    return full->used > 0;
}

/* Hands the events to the sink and moves the lines together. Returns their length. */
static uint32_t log__unpack(const struct log *log, struct log_half *half)
{
    uint32_t lines = 0;
    struct log_entry entry;
    for (uint32_t at = 0; at < half->used; at += entry.line_length + entry.event_length) {
        memcpy(&entry, half->at + at, sizeof entry);
        at += (uint32_t)sizeof entry;
        if (entry.event_length > 0) {
            log->options.event_sink(log->options.event_context, entry.row, half->at + at + entry.line_length);
        }
        memmove(half->at + lines, half->at + at, entry.line_length);
        lines += entry.line_length;
    }
    return lines;
}

/* Whole lines, as many as go into one write; at least one. */
static uint32_t log__piece(const struct log *log, const char *at, uint32_t length)
{
    uint32_t piece = length < log->piece ? length : log->piece;
    while (piece > 0 && at[piece - 1] != '\n') {
        piece--;
    }
    return piece > 0 ? piece : (uint32_t)((const char *)memchr(at, '\n', length) - at) + 1;
}

static void log__tell_trouble(struct log *log)
{
    const struct event_row *row = event_find(EVENT_LOG_UNAVAILABLE);
    if (log->was_stored && log__is_reported(log, row)) {
        log->options.event_sink(log->options.event_context, row, log->trouble.text);
    }
    log->was_stored = false;
}

/* False at the stop; one that comes while this waits leaves one try more. */
static bool log__wait_for_retry(struct log *log)
{
    AcquireSRWLockExclusive(&log->lock);
    const bool has_time = !log->is_stopping;
    if (has_time) {
        SleepConditionVariableSRW(&log->has_settled, &log->lock, LOG_RETRY, 0);
    }
    ReleaseSRWLockExclusive(&log->lock);
    return has_time;
}

static void log__drop(struct log *log, const char *at, uint32_t length)
{
    uint64_t lines = 0;
    for (uint32_t i = 0; i < length; i++) {
        lines += at[i] == '\n' ? 1U : 0U;
    }
    AcquireSRWLockExclusive(&log->lock);
    log->dropped += lines;
    ReleaseSRWLockExclusive(&log->lock);
}

static void log__store(struct log *log, const char *at, uint32_t length)
{
    bool has_time = true;
    while (length > 0 && has_time) {
        const uint32_t piece = log__piece(log, at, length);
        const uint32_t stored = log_output_write(&log->output, at, piece, &log->trouble);
        at += stored;
        length -= stored;
        if (stored == piece) {
            log->was_stored = true;
        } else {
            log__tell_trouble(log);
            has_time = log__wait_for_retry(log);
        }
    }
    log__drop(log, at, length);
}

static void log__settle(struct log *log)
{
    AcquireSRWLockExclusive(&log->lock);
    log->settled = log->taken;
    ReleaseSRWLockExclusive(&log->lock);
    WakeAllConditionVariable(&log->has_settled);
}

static DWORD WINAPI log__main(void *context)
{
    struct log *log = context;
    while (log__swap(log)) {
        log__store(log, log->back->at, log__unpack(log, log->back));
        log__settle(log);
    }
    return 0;
}

static struct log *log__fail(struct log *log, const char *what, struct failure *failure_out)
{
    struct text text;
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED, .win32_error = ERROR_NOT_ENOUGH_MEMORY};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_format(&text, "there is no %s for the log; end other programs, or give the machine more memory",
                    what);
    if (log != NULL) {
        log_output_fini(&log->output);
    }
    memory_free(log);
    return NULL;
}

struct log *log_create(const struct log_options *options, struct failure *failure_out)
{
    struct log *log = memory_alloc(sizeof *log);
    const struct record_file_options file = {.path = options->file,
                                             .rotate_size = options->rotate_size,
                                             .rotate_interval = options->rotate_interval,
                                             .keep = options->keep};
    *failure_out = (struct failure){.code = EXIT_CODE_DONE};
    if (log == NULL || !log_output_init(&log->output, &file)) {
        return log__fail(log, "memory", failure_out);
    }
    log->options = *options;
    log->options.file = NULL;
    log->piece =
        file.rotate_size != 0 && file.rotate_size < LOG_PIECE ? (uint32_t)file.rotate_size : LOG_PIECE;
    log->front = &log->halves[0];
    log->back = &log->halves[1];
    log->was_stored = log_output_open(&log->output, failure_out);
    log->thread = CreateThread(NULL, 0, log__main, log, 0, NULL);
    return log->thread != NULL ? log : log__fail(log, "thread", failure_out);
}

void log_destroy(struct log *log)
{
    DWORD patience = LOG_STOP_GRACE;
    if (log == NULL) {
        return;
    }
    AcquireSRWLockExclusive(&log->lock);
    log->is_stopping = true;
    ReleaseSRWLockExclusive(&log->lock);
    WakeAllConditionVariable(&log->has_lines);
    WakeAllConditionVariable(&log->has_settled);
    while (WaitForSingleObject(log->thread, patience) == WAIT_TIMEOUT) {
        CancelSynchronousIo(log->thread);
        patience = LOG_STOP_AGAIN;
    }
    CloseHandle(log->thread);
    log_output_fini(&log->output);
    memory_free(log);
}

void log_flush(struct log *log, uint32_t timeout)
{
    const uint64_t end = GetTickCount64() + timeout;
    if (log == NULL) {
        return;
    }
    AcquireSRWLockExclusive(&log->lock);
    const uint64_t queued = log->queued;
    for (uint64_t now = GetTickCount64(); log->settled < queued && now < end; now = GetTickCount64()) {
        SleepConditionVariableSRW(&log->has_settled, &log->lock, (DWORD)(end - now), 0);
    }
    ReleaseSRWLockExclusive(&log->lock);
}

uint64_t log_dropped(struct log *log)
{
    AcquireSRWLockExclusive(&log->lock);
    const uint64_t dropped = log->dropped;
    ReleaseSRWLockExclusive(&log->lock);
    return dropped;
}
