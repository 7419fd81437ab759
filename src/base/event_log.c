/* SPDX-License-Identifier: MIT
   Events for the Windows event log, see event_log.h. */
#include "base/event_log.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/utf16.h"
#include "base/win.h"

enum {
    EVENT_LOG_BURST = 10,      /* events of a kind ... */
    EVENT_LOG_PERIOD = 60000,  /* ... in so many milliseconds */
    EVENT_LOG_TEXT_MAX = 30000 /* bytes; ReportEvent takes 31,839 characters */
};

struct event_log_kind {
    uint64_t began; /* tick of the first event of the period */
    uint32_t reported;
    uint32_t left_out;
};

struct event_log {
    SRWLOCK lock;
    enum event_filter filter;
    WCHAR *source;
    HANDLE handle; /* NULL until the first event, and after a failure */
    struct event_log_kind kinds[EVENT_COUNT];
};

struct event_log *event_log_create(const char *source, enum event_filter filter)
{
    struct event_log *log = memory_alloc(sizeof *log);
    WCHAR *source_copy = utf16_from(source);
    if (log == NULL || source_copy == NULL) {
        memory_free(source_copy);
        memory_free(log);
        return NULL;
    }
    log->filter = filter;
    log->source = source_copy;
    return log;
}

static void event_log__close(struct event_log *log)
{
    if (log->handle != NULL) {
        DeregisterEventSource(log->handle);
        log->handle = NULL;
    }
}

/* By level: the severity in the id, and the icon. */
static const struct {
    uint32_t severity;
    WORD type;
} event_log__looks[] = {[LOG_LEVEL_ERROR] = {3, EVENTLOG_ERROR_TYPE},
                        [LOG_LEVEL_WARNING] = {2, EVENTLOG_WARNING_TYPE},
                        [LOG_LEVEL_INFO] = {1, EVENTLOG_INFORMATION_TYPE},
                        [LOG_LEVEL_DEBUG] = {1, EVENTLOG_INFORMATION_TYPE}};

uint32_t event_log_id(const struct event_row *row)
{
    return event_log__looks[row->level].severity << 30 | (uint32_t)row->event;
}

static bool event_log__try(struct event_log *log, const struct event_row *row, const WCHAR *text)
{
    if (log->handle == NULL) {
        log->handle = RegisterEventSourceW(NULL, log->source);
    }
    return log->handle != NULL && ReportEventW(log->handle, event_log__looks[row->level].type, 0,
                                               event_log_id(row), NULL, 1, 0, &text, NULL);
}

/* Twice, as a handle does not outlive a restart of the event log's service. */
static void event_log__write(struct event_log *log, const struct event_row *row, const char *utf8)
{
    WCHAR *text = utf16_from(utf8);
    if (text != NULL && !event_log__try(log, row, text)) {
        event_log__close(log);
        (void)event_log__try(log, row, text);
    }
    memory_free(text);
}

static void event_log__add_literally(struct text *text, const char *string)
{
    for (const char *at = strchr(string, '%'); at != NULL; at = strchr(string, '%')) {
        text_add(text, string, (size_t)(at + 1 - string));
        string = at + 1;
        text_add_string(text, *string >= '0' && *string <= '9' ? " " : "");
    }
    text_add_string(text, string);
}

static void event_log__write_literally(struct event_log *log, const struct event_row *row, const char *string)
{
    char *buffer = memory_alloc(EVENT_LOG_TEXT_MAX);
    struct text text;
    if (buffer == NULL) {
        return;
    }
    text_init(&text, buffer, EVENT_LOG_TEXT_MAX);
    event_log__add_literally(&text, string);
    event_log__write(log, row, text.at);
    memory_free(buffer);
}

static void event_log__tell_rest(struct event_log *log, const struct event_row *row, uint32_t count)
{
    char buffer[128];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    text_add_format(&text, "%lu more of these came within a minute; they are in the log only",
                    (unsigned long)count);
    event_log__write(log, row, text.at);
}

static void event_log__end_period(struct event_log *log, unsigned index)
{
    struct event_log_kind *kind = &log->kinds[index];
    if (kind->left_out > 0 && event_passes(event_at(index), log->filter)) { /* as it is now */
        event_log__tell_rest(log, event_at(index), kind->left_out);
    }
    *kind = (struct event_log_kind){0};
}

static void event_log__end_periods(struct event_log *log, uint64_t now)
{
    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        if (log->kinds[i].reported > 0 && now - log->kinds[i].began >= EVENT_LOG_PERIOD) {
            event_log__end_period(log, i);
        }
    }
}

/* With the lock. */
static void event_log__report(struct event_log *log, const struct event_row *row, const char *text)
{
    struct event_log_kind *kind = &log->kinds[event_index(row)];
    const uint64_t now = GetTickCount64();
    event_log__end_periods(log, now);
    if (kind->reported == EVENT_LOG_BURST) {
        kind->left_out++;
        return;
    }
    if (kind->reported == 0) {
        kind->began = now;
    }
    kind->reported++;
    event_log__write_literally(log, row, text);
}

void event_log_report(struct event_log *log, const struct event_row *row, const char *text)
{
    if (log == NULL) {
        return;
    }
    AcquireSRWLockExclusive(&log->lock);
    if (event_passes(row, log->filter)) {
        event_log__report(log, row, text);
    }
    ReleaseSRWLockExclusive(&log->lock);
}

void event_log_set_filter(struct event_log *log, enum event_filter filter)
{
    AcquireSRWLockExclusive(&log->lock);
    log->filter = filter;
    ReleaseSRWLockExclusive(&log->lock);
}

void event_log_destroy(struct event_log *log)
{
    if (log == NULL) {
        return;
    }
    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        event_log__end_period(log, i);
    }
    event_log__close(log);
    memory_free(log->source);
    memory_free(log);
}
