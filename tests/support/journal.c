/* SPDX-License-Identifier: MIT
   A log for tests, see journal.h: the sink for the event log, which gets every line, writes them down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "support/journal.h"

#include <cmocka.h>

#include "support/folder.h"
#include "support/rig.h"

enum { JOURNAL_LINES = 256, JOURNAL_ROOM = 512, JOURNAL_FLUSH = 10000 };

static struct log *journal;
static struct folder folder;
static SRWLOCK lock = SRWLOCK_INIT;
static size_t lines; /* of these the first JOURNAL_LINES are kept */
static enum event events[JOURNAL_LINES];
static char texts[JOURNAL_LINES][JOURNAL_ROOM];

static void journal__write(void *context, const struct event_row *row, const char *text)
{
    (void)context;
    AcquireSRWLockExclusive(&lock);
    if (lines < JOURNAL_LINES) {
        events[lines] = row->event;
        snprintf(texts[lines], sizeof texts[lines], "%s", text);
    }
    lines++;
    ReleaseSRWLockExclusive(&lock);
}

struct log *journal_open(void)
{
    struct failure failure = {EXIT_CODE_DONE, 0, ""};
    lines = 0;
    folder_init(&folder);
    const struct log_options options = {.file = folder_join(&folder, "test.log"),
                                        .level = LOG_LEVEL_DEBUG,
                                        .event_filter = EVENT_FILTER_ALL,
                                        .event_sink = journal__write};
    journal = log_create(&options, &failure);
    assert_non_null(journal);
    return journal;
}

void journal_close(void)
{
    if (journal == NULL) {
        return;
    }
    log_destroy(journal);
    journal = NULL;
    folder_fini(&folder);
}

/* The last line of this event, NULL when there is none. */
static const char *journal__find(enum event event, size_t *count_out)
{
    const char *last = NULL;
    *count_out = 0;
    log_flush(journal, JOURNAL_FLUSH);
    AcquireSRWLockExclusive(&lock);
    assert_in_range(lines, 0, JOURNAL_LINES);
    for (size_t i = 0; i < lines; i++) {
        if (events[i] == event) {
            last = texts[i];
            (*count_out)++;
        }
    }
    ReleaseSRWLockExclusive(&lock);
    return last;
}

size_t journal_count(enum event event)
{
    size_t count = 0;
    journal__find(event, &count);
    return count;
}

void journal_wait(enum event event, size_t count)
{
    const uint64_t deadline = rig_deadline();
    while (journal_count(event) < count) {
        rig_nap(deadline, event_find(event)->name);
    }
    assert_int_equal(journal_count(event), count);
}

void journal_assert_last(enum event event, const char *words)
{
    size_t count = 0;
    const char *last = journal__find(event, &count);
    if (last == NULL || strstr(last, words) == NULL) {
        fail_msg("\"%s\" does not say: %s", last != NULL ? last : "(no line)", words);
    }
}
