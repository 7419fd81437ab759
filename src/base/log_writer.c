/* SPDX-License-Identifier: MIT
   The queue below a log and its thread, see log_writer.h. Two halves of a queue: callers fill one while the
   thread stores the other. */
#include "base/log_writer.h"

#include <string.h>

#include "base/log_line.h"
#include "base/log_output.h"
#include "base/memory.h"
#include "base/win.h"

enum {
    LOG_WRITER_PIECE = 64 * 1024, /* at most this much in one write */
    LOG_WRITER_RETRY = 500,       /* milliseconds from one try to store to the next */
    LOG_WRITER_STOP_GRACE = 2000, /* milliseconds until a write that hangs at the stop is cancelled, ... */
    LOG_WRITER_STOP_AGAIN = 100   /* ... and to the next that hangs */
};

/* In front of each entry in the queue. */
struct log_writer__header {
    const struct event_row *row; /* of the event; NULL: none */
    uint32_t line_length;        /* of the line, which follows; 0: none */
    uint32_t event_length;       /* of the event's text with its NUL, behind the line; 0: none */
};

struct log_writer__half {
    uint32_t used;
    char *at;
};

struct log_writer {
    struct log_writer_options options; /* without the path; `file` with the lock */
    uint32_t piece;
    HANDLE thread;

    /* The thread's. */
    struct log_output output;
    bool was_stored;        /* the last try; when false, another failure is no news */
    struct failure trouble; /* why a try failed since the halves were last changed; else an empty text */
    uint64_t taken;         /* of `queued`, with the back half */
    uint64_t lost;          /* lines dropped at the stop */

    SRWLOCK lock;                   /* for the rest */
    CONDITION_VARIABLE has_entries; /* or orders, or must stop */
    CONDITION_VARIABLE has_settled; /* or has obeyed; or as above */
    bool is_stopping;
    bool is_changed;               /* order: take what is in options.file */
    uint64_t rotations_asked;      /* order: as many as were asked for ... */
    uint64_t rotations_done;       /* ... were tried */
    struct rotation last_rotation; /* what came of the last */
    uint64_t queued;               /* entries since the start, the gaps' included */
    uint64_t settled;              /* of these: stored, or dropped at the stop */
    uint64_t dropped;
    uint64_t gap;                   /* entries dropped since the front half was full */
    struct log_writer__half *front; /* filled by callers */
    struct log_writer__half *back;  /* emptied by the thread, without the lock */
    struct log_writer__half halves[2];
    char rooms[]; /* of the halves */
};

/* With the lock. Once an entry had to be dropped all are, until the halves change: so the gap is in one
   place, and its count can stand there. */
static void log_writer__put(struct log_writer *writer, const struct log_entry *entry)
{
    struct log_writer__half *front = writer->front;
    const struct log_writer__header header = {.row = entry->row,
                                              .line_length = (uint32_t)entry->line.length,
                                              .event_length =
                                                  entry->row != NULL ? (uint32_t)entry->event.length + 1 : 0};
    const size_t length = sizeof header + header.line_length + header.event_length;
    if (writer->gap > 0 || length > writer->options.room - front->used) {
        writer->gap++;
        writer->dropped++;
        return;
    }
    char *at = front->at + front->used;
    memcpy(at, &header, sizeof header);
    memcpy(at + sizeof header, entry->line.at, header.line_length);
    if (header.event_length > 0) {
        memcpy(at + sizeof header + header.line_length, entry->event.at, header.event_length);
    }
    front->used += (uint32_t)length;
    writer->queued++;
}

void log_writer_add(struct log_writer *writer, const struct log_entry *entry)
{
    AcquireSRWLockExclusive(&writer->lock);
    const bool was_empty = writer->front->used == 0;
    log_writer__put(writer, entry);
    ReleaseSRWLockExclusive(&writer->lock);
    if (was_empty) {
        WakeConditionVariable(&writer->has_entries);
    }
}

/* "12 lines are missing here: they came faster than they could be written". */
static void log_writer__describe_gap(const struct log_writer *writer, struct text *text)
{
    text_add_format(text, "%llu line%s missing here: %s", (unsigned long long)writer->gap,
                    writer->gap == 1 ? " is" : "s are",
                    writer->trouble.text[0] != '\0' ? writer->trouble.text
                                                    : "they came faster than they could be written");
}

/* With the lock. The new front half is empty: here the lines are missing. */
static void log_writer__put_gap(struct log_writer *writer)
{
    char line[LOG_LINE_ROOM], event[LOG_LINE_EVENT_ROOM], words[sizeof writer->trouble.text + 64];
    struct log_entry entry = {.row = NULL};
    struct text text;
    text_init(&entry.line, line, sizeof line);
    text_init(&entry.event, event, sizeof event);
    text_init(&text, words, sizeof words);
    log_writer__describe_gap(writer, &text);
    writer->options.make_gap(writer->options.context, &entry, writer->gap, words);
    writer->gap = 0;
    if (entry.line.length > 0) {
        log_writer__put(writer, &entry);
    }
}

/* With the lock. */
static bool log_writer__has_orders(const struct log_writer *writer)
{
    return writer->is_changed || writer->rotations_done < writer->rotations_asked;
}

/* Waits for entries or orders, and makes the half of the entries the back half. False when there are none and
   none will come. */
static bool log_writer__swap(struct log_writer *writer)
{
    AcquireSRWLockExclusive(&writer->lock);
    while (writer->front->used == 0 && !writer->is_stopping && !log_writer__has_orders(writer)) {
        SleepConditionVariableSRW(&writer->has_entries, &writer->lock, INFINITE, 0);
    }
    struct log_writer__half *full = writer->front;
    writer->front = writer->back;
    writer->front->used = 0;
    writer->back = full;
    writer->taken = writer->queued;
    if (writer->gap > 0) {
        log_writer__put_gap(writer);
    }
    writer->trouble.text[0] = '\0';
    const bool has_work = full->used > 0 || log_writer__has_orders(writer);
    ReleaseSRWLockExclusive(&writer->lock);
    return has_work;
}

/* Hands the events to their owner and moves the lines together. Returns their length. */
static uint32_t log_writer__unpack(const struct log_writer *writer, struct log_writer__half *half)
{
    uint32_t lines = 0;
    struct log_writer__header header;
    for (uint32_t at = 0; at < half->used; at += header.line_length + header.event_length) {
        memcpy(&header, half->at + at, sizeof header);
        at += (uint32_t)sizeof header;
        if (header.row != NULL) {
            writer->options.take_event(writer->options.context, header.row,
                                       half->at + at + header.line_length);
        }
        memmove(half->at + lines, half->at + at, header.line_length);
        lines += header.line_length;
    }
    return lines;
}

/* So that a file is not longer than it may be. */
static uint32_t log_writer__piece_limit(const struct record_file_options *file)
{
    return file->rotate_size != 0 && file->rotate_size < LOG_WRITER_PIECE ? (uint32_t)file->rotate_size
                                                                          : LOG_WRITER_PIECE;
}

/* Whole lines, as many as go into one write; at least one. */
static uint32_t log_writer__piece(const struct log_writer *writer, const char *at, uint32_t length)
{
    uint32_t piece = length < writer->piece ? length : writer->piece;
    while (piece > 0 && at[piece - 1] != '\n') {
        piece--;
    }
    return piece > 0 ? piece : (uint32_t)((const char *)memchr(at, '\n', length) - at) + 1;
}

static void log_writer__tell_trouble(struct log_writer *writer)
{
    if (writer->was_stored) {
        writer->options.take_event(writer->options.context, event_find(writer->options.unavailable),
                                   writer->trouble.text);
    }
    writer->was_stored = false;
}

/* What log_writer_rotate and log_writer_reconfigure ask for: between two writes, also while they fail, for what
   is no longer kept may make room. */
static void log_writer__change(struct log_writer *writer)
{
    AcquireSRWLockExclusive(&writer->lock);
    const struct record_file_options file = writer->options.file;
    const bool is_changed = writer->is_changed;
    writer->is_changed = false;
    ReleaseSRWLockExclusive(&writer->lock);
    if (is_changed) {
        writer->piece = log_writer__piece_limit(&file);
        log_output_reconfigure(&writer->output, &file);
    }
}

static void log_writer__rotate(struct log_writer *writer)
{
    struct rotation rotation;
    AcquireSRWLockExclusive(&writer->lock);
    const uint64_t asked = writer->rotations_asked;
    const bool is_asked = asked > writer->rotations_done;
    ReleaseSRWLockExclusive(&writer->lock);
    if (is_asked) {
        log_output_rotate(&writer->output, &rotation);
        AcquireSRWLockExclusive(&writer->lock);
        writer->last_rotation = rotation;
        writer->rotations_done = asked;
        ReleaseSRWLockExclusive(&writer->lock);
        WakeAllConditionVariable(&writer->has_settled);
    }
}

static void log_writer__tell_news(struct log_writer *writer)
{
    const struct rotation *news = log_output_take_news(&writer->output);
    if (news != NULL) {
        writer->options.tell_rotation(writer->options.context, news);
    }
}

/* False at the stop; one that comes while this waits leaves one try more. */
static bool log_writer__wait_for_retry(struct log_writer *writer)
{
    AcquireSRWLockExclusive(&writer->lock);
    const bool has_time = !writer->is_stopping;
    if (has_time && !log_writer__has_orders(writer)) {
        SleepConditionVariableSRW(&writer->has_settled, &writer->lock, LOG_WRITER_RETRY, 0);
    }
    ReleaseSRWLockExclusive(&writer->lock);
    return has_time;
}

static void log_writer__drop(struct log_writer *writer, const char *at, uint32_t length)
{
    uint64_t lines = 0;
    for (uint32_t i = 0; i < length; i++) {
        lines += at[i] == '\n' ? 1U : 0U;
    }
    writer->lost += lines;
    AcquireSRWLockExclusive(&writer->lock);
    writer->dropped += lines;
    ReleaseSRWLockExclusive(&writer->lock);
}

static void log_writer__store(struct log_writer *writer, const char *at, uint32_t length)
{
    bool has_time = true;
    while (length > 0 && has_time) {
        const uint32_t piece = log_writer__piece(writer, at, length);
        const uint32_t stored = log_output_write(&writer->output, at, piece, &writer->trouble);
        at += stored;
        length -= stored;
        if (stored == piece) {
            writer->was_stored = true;
        } else {
            log_writer__tell_trouble(writer);
            has_time = log_writer__wait_for_retry(writer);
            log_writer__change(writer);
            log_writer__rotate(writer);
        }
        log_writer__tell_news(writer);
    }
    log_writer__drop(writer, at, length);
}

static void log_writer__settle(struct log_writer *writer)
{
    AcquireSRWLockExclusive(&writer->lock);
    writer->settled = writer->taken;
    ReleaseSRWLockExclusive(&writer->lock);
    WakeAllConditionVariable(&writer->has_settled);
}

static DWORD WINAPI log_writer__main(void *context)
{
    struct log_writer *writer = context;
    while (log_writer__swap(writer)) {
        log_writer__change(writer);
        log_writer__store(writer, writer->back->at, log_writer__unpack(writer, writer->back));
        log_writer__rotate(writer); /* behind what was queued before it was asked for */
        log_writer__settle(writer);
    }
    return 0;
}

void log_writer_fail(struct failure *failure_out, const char *what, const char *name)
{
    struct text text;
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED, .win32_error = ERROR_NOT_ENOUGH_MEMORY};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_format(&text, "there is no %s for the %s; end other programs, or give the machine more memory",
                    what, name);
}

static void log_writer__init(struct log_writer *writer, const struct log_writer_options *options)
{
    writer->options = *options;
    writer->options.file.path = NULL;
    writer->piece = log_writer__piece_limit(&options->file);
    writer->halves[0].at = writer->rooms;
    writer->halves[1].at = writer->rooms + options->room;
    writer->front = &writer->halves[0];
    writer->back = &writer->halves[1];
}

static void log_writer__free(struct log_writer *writer)
{
    log_output_fini(&writer->output);
    memory_free(writer);
}

struct log_writer *log_writer_create(const struct log_writer_options *options, struct failure *failure_out)
{
    struct log_writer *writer = memory_alloc(sizeof *writer + 2 * (size_t)options->room);
    if (writer == NULL || !log_output_init(&writer->output, &options->file, options->key)) {
        memory_free(writer);
        log_writer_fail(failure_out, "memory", options->name);
        return NULL;
    }
    *failure_out = (struct failure){.code = EXIT_CODE_DONE};
    log_writer__init(writer, options);
    writer->was_stored = log_output_open(&writer->output, failure_out);
    writer->thread = CreateThread(NULL, 0, log_writer__main, writer, 0, NULL);
    if (writer->thread == NULL) {
        log_writer__free(writer);
        log_writer_fail(failure_out, "thread", options->name);
        return NULL;
    }
    return writer;
}

uint64_t log_writer_destroy(struct log_writer *writer)
{
    DWORD patience = LOG_WRITER_STOP_GRACE;
    AcquireSRWLockExclusive(&writer->lock);
    writer->is_stopping = true;
    ReleaseSRWLockExclusive(&writer->lock);
    WakeAllConditionVariable(&writer->has_entries);
    WakeAllConditionVariable(&writer->has_settled);
    while (WaitForSingleObject(writer->thread, patience) == WAIT_TIMEOUT) {
        CancelSynchronousIo(writer->thread);
        patience = LOG_WRITER_STOP_AGAIN;
    }
    CloseHandle(writer->thread);
    const uint64_t lost = writer->lost;
    log_writer__free(writer);
    return lost;
}

void log_writer_flush(struct log_writer *writer, uint32_t timeout)
{
    const uint64_t end = GetTickCount64() + timeout;
    AcquireSRWLockExclusive(&writer->lock);
    const uint64_t queued = writer->queued;
    for (uint64_t now = GetTickCount64(); writer->settled < queued && now < end; now = GetTickCount64()) {
        SleepConditionVariableSRW(&writer->has_settled, &writer->lock, (DWORD)(end - now), 0);
    }
    ReleaseSRWLockExclusive(&writer->lock);
}

static void log_writer__wake(struct log_writer *writer)
{
    WakeConditionVariable(&writer->has_entries);
    WakeAllConditionVariable(&writer->has_settled);
}

static void log_writer__tell_late(const struct log_writer *writer, uint32_t timeout,
                                  struct rotation *rotation_out)
{
    struct text text;
    rotation_out->state = ROTATION_DELAYED;
    text_init(&text, rotation_out->text, sizeof rotation_out->text);
    text_add_format(
        &text, "the %s is not rotated yet: its disk has not answered for %lu ms; it is rotated when it does",
        writer->options.name, (unsigned long)timeout);
}

void log_writer_rotate(struct log_writer *writer, uint32_t timeout, struct rotation *rotation_out)
{
    const uint64_t end = GetTickCount64() + timeout;
    AcquireSRWLockExclusive(&writer->lock);
    const uint64_t number = ++writer->rotations_asked;
    log_writer__wake(writer);
    for (uint64_t now = GetTickCount64(); writer->rotations_done < number && now < end;
         now = GetTickCount64()) {
        SleepConditionVariableSRW(&writer->has_settled, &writer->lock, (DWORD)(end - now), 0);
    }
    if (writer->rotations_done < number) {
        log_writer__tell_late(writer, timeout, rotation_out);
    } else {
        *rotation_out = writer->last_rotation;
    }
    ReleaseSRWLockExclusive(&writer->lock);
}

void log_writer_reconfigure(struct log_writer *writer, const struct record_file_options *options)
{
    AcquireSRWLockExclusive(&writer->lock);
    writer->options.file = *options;
    writer->options.file.path = NULL;
    writer->is_changed = true;
    ReleaseSRWLockExclusive(&writer->lock);
    log_writer__wake(writer);
}

uint64_t log_writer_dropped(struct log_writer *writer)
{
    AcquireSRWLockExclusive(&writer->lock);
    const uint64_t dropped = writer->dropped;
    ReleaseSRWLockExclusive(&writer->lock);
    return dropped;
}
