/* SPDX-License-Identifier: MIT
   Tests of base/log.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/log.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/folder.h"
#include "support/ledger.h"
#include "support/support.h"
#include "support/wall_clock.h"

#define NOW "2026-11-25T02:27:00.123Z"

enum { PATIENCE = 15000 }; /* milliseconds that a loaded machine may take */

static struct folder folder;

/* What the sink was given, each line ended by \n. Only the writer's thread adds to it. */
static struct {
    SRWLOCK lock;
    LONG volatile count;
    struct text text;
} seen = {.lock = SRWLOCK_INIT};
static char seen_buffer[8192];

static int setup(void **state)
{
    support_setup(state);
    folder_init(&folder);
    wall_clock_set("2026-11-25T02:27:00.123");
    seen.count = 0;
    text_init(&seen.text, seen_buffer, sizeof seen_buffer);
    return 0;
}

static int teardown(void **state)
{
    folder_fini(&folder);
    return support_teardown(state);
}

static void sink(void *context, const struct event_row *row, const char *text)
{
    AcquireSRWLockExclusive(&seen.lock);
    text_add_format(context, "%s %s\n", row->name, text);
    ReleaseSRWLockExclusive(&seen.lock);
    InterlockedIncrement(&seen.count);
}

/* For log\a.log in the folder, unless `options` say otherwise. */
static struct log *create_failing(struct log_options options, struct failure *failure_out)
{
    if (options.file == NULL) {
        options.file = folder_join(&folder, "log\\a.log");
    }
    options.event_context = &seen.text;
    return log_create(&options, failure_out);
}

static struct log *create(struct log_options options)
{
    struct failure failure = {.code = EXIT_CODE_FAILED, .text = ""};
    struct log *log = create_failing(options, &failure);
    assert_non_null(log);
    if (failure.code != EXIT_CODE_DONE) {
        fail_msg("the log is not open: %s", failure.text);
    }
    return log;
}

static void assert_content(const char *name, const char *expected)
{
    size_t length = 0;
    char *bytes = folder_read(&folder, name, &length);
    assert_string_equal(bytes, expected);
    assert_int_equal(length, strlen(expected));
    free(bytes);
}

static void assert_seen(const char *expected)
{
    AcquireSRWLockExclusive(&seen.lock);
    assert_string_equal(seen.text.at, expected);
    ReleaseSRWLockExclusive(&seen.lock);
}

static bool wait_until(bool (*is_true)(void))
{
    for (int waited = 0; waited < PATIENCE && !is_true(); waited += 5) {
        Sleep(5);
    }
    return is_true();
}

/* ---- what is written ---- */

static void test_log__writes_text(void **state)
{
    (void)state;
    struct log *log = create((struct log_options){.level = LOG_LEVEL_DEBUG});
    log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "%u sockets listen", 3U);
    wall_clock_move(877);
    log_write(log, EVENT_ACCEPT_TROUBLE, "web", 0xa1b2c3d4e5f607, "a\nb%s", "\x1B[0m");
    log_write(log, EVENT_PROBE_RESULT, NULL, 0, "found");
    log_destroy(log);
    assert_content("log\\a.log",
                   NOW " info    PL1002 3 sockets listen\r\n"
                       "2026-11-25T02:27:01.000Z warning PL1205 [web] #00a1b2c3d4e5f607 a\\nb\\x1B[0m\r\n"
                       "2026-11-25T02:27:01.000Z debug   PL1402 found\r\n");
}

static void test_log__writes_json(void **state)
{
    (void)state;
    struct log *log = create((struct log_options){.level = LOG_LEVEL_INFO, .is_json = true});
    log_write(log, EVENT_ACCEPT_TROUBLE, "web", 1, "\"quoted\"");
    log_write(log, EVENT_SERVICE_STOPPED, NULL, 0, "stopped");
    log_destroy(log);
    assert_content("log\\a.log",
                   "{\"time\":\"" NOW
                   "\",\"level\":\"warning\",\"id\":\"PL1205\",\"event\":\"ACCEPT_TROUBLE\","
                   "\"endpoint\":\"web\",\"connection\":\"0000000000000001\",\"text\":\"\\\"quoted\\\"\"}\n"
                   "{\"time\":\"" NOW "\",\"level\":\"info\",\"id\":\"PL1004\",\"event\":\"SERVICE_STOPPED\","
                   "\"text\":\"stopped\"}\n");
}

/* A zone that many minutes from UTC. */
static LONG64 zone;

static BOOL WINAPI tell_local_time(const TIME_ZONE_INFORMATION *information, const SYSTEMTIME *utc,
                                   LPSYSTEMTIME local)
{
    FILETIME time;
    assert_null(information); /* the one in force */
    SystemTimeToFileTime(utc, &time);
    const uint64_t shown =
        ((uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime) + (uint64_t)(zone * 600000000);
    time = (FILETIME){(DWORD)shown, (DWORD)(shown >> 32)};
    return FileTimeToSystemTime(&time, local);
}

static void test_log__writes_local_time_with_its_offset(void **state)
{
    (void)state;
    static const struct {
        int minutes;
        const char *time;
    } rows[] = {
        {0, "2026-11-25T02:27:00.123+00:00"},    {60, "2026-11-25T03:27:00.123+01:00"},
        {-210, "2026-11-24T22:57:00.123-03:30"}, {345, "2026-11-25T08:12:00.123+05:45"},
        {-720, "2026-11-24T14:27:00.123-12:00"}, {840, "2026-11-25T16:27:00.123+14:00"},
    };
    seam_replace(IMPORT_SystemTimeToTzSpecificLocalTime, (seam_function)tell_local_time);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char expected[128];
        zone = rows[i].minutes;
        struct log *log = create((struct log_options){.level = LOG_LEVEL_INFO, .is_local_time = true});
        log_write(log, EVENT_SERVICE_STOPPED, NULL, 0, "stopped");
        log_destroy(log);
        snprintf(expected, sizeof expected, "%s info    PL1004 stopped\r\n", rows[i].time);
        assert_content("log\\a.log", expected);
        assert_true(folder_delete(&folder, "log\\a.log"));
    }
}

static void test_log__writes_utc_when_there_is_no_local_time(void **state)
{
    (void)state;
    fault_arm(IMPORT_SystemTimeToTzSpecificLocalTime, 1, ERROR_INVALID_PARAMETER, FAULT_FOREVER);
    struct log *log = create((struct log_options){.level = LOG_LEVEL_INFO, .is_local_time = true});
    log_write(log, EVENT_SERVICE_STOPPED, NULL, 0, "stopped");
    log_destroy(log);
    assert_content("log\\a.log", NOW " info    PL1004 stopped\r\n");
}

static void test_log__writes_what_the_level_lets_through(void **state)
{
    (void)state;
    static const enum event events[] = {EVENT_SERVICE_FAILED, EVENT_CONFIG_WARNING, EVENT_SERVICE_RUNNING,
                                        EVENT_PROBE_RESULT};
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        char expected[512] = "";
        struct log *log = create((struct log_options){.level = (enum log_level)level});
        for (int i = 0; i < 4; i++) {
            static const char *const names[] = {"error  ", "warning", "info   ", "debug  "};
            log_write(log, events[i], NULL, 0, "text");
            assert_int_equal(log_writes(log, events[i]), i <= level);
            if (i <= level) {
                sprintf(expected + strlen(expected), NOW " %s PL%d text\r\n", names[i], (int)events[i]);
            }
        }
        log_destroy(log);
        assert_content("log\\a.log", expected);
        assert_true(folder_delete(&folder, "log\\a.log"));
    }
}

static void test_log__takes_nothing_of_what_is_no_event(void **state)
{
    (void)state;
    struct log *log = create((struct log_options){.level = LOG_LEVEL_DEBUG});
    log_write(log, EVENT_NONE, NULL, 0, "text");
    log_write(log, (enum event)4711, NULL, 0, "text");
    assert_false(log_writes(log, EVENT_NONE));
    log_destroy(log);
    assert_content("log\\a.log", "");
}

static void test_log__may_be_missing(void **state)
{
    (void)state;
    log_write(NULL, EVENT_SERVICE_FAILED, "web", 1, "text");
    assert_false(log_writes(NULL, EVENT_SERVICE_FAILED));
    log_flush(NULL, 1000);
    log_destroy(NULL);
}

static void test_log__gives_the_sink_what_the_filter_lets_through(void **state)
{
    (void)state;
    static const struct {
        enum event_filter filter;
        enum log_level level;
        const char *expected;
    } rows[] = {
        {EVENT_FILTER_OFF, LOG_LEVEL_DEBUG, ""},
        {EVENT_FILTER_ERRORS, LOG_LEVEL_ERROR, "SERVICE_FAILED [web] #0000000000000002 no\\nway\n"},
        {EVENT_FILTER_LIFECYCLE, LOG_LEVEL_ERROR, /* whatever the level */
         "SERVICE_FAILED [web] #0000000000000002 no\\nway\nSERVICE_RUNNING runs\n"},
        {EVENT_FILTER_ALL, LOG_LEVEL_WARNING,
         "SERVICE_FAILED [web] #0000000000000002 no\\nway\nSERVICE_RUNNING runs\nCONFIG_WARNING hm\n"},
        {EVENT_FILTER_ALL, LOG_LEVEL_DEBUG,
         "SERVICE_FAILED [web] #0000000000000002 no\\nway\nSERVICE_RUNNING runs\nCONFIG_WARNING hm\n"
         "PROBE_RESULT found\n"},
    };
    for (int is_json = 0; is_json < 2; is_json++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            text_clear(&seen.text);
            struct log *log = create((struct log_options){.level = rows[i].level,
                                                          .is_json = is_json != 0,
                                                          .event_filter = rows[i].filter,
                                                          .event_sink = sink});
            log_write(log, EVENT_SERVICE_FAILED, "web", 2, "no\nway");
            log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "runs");
            log_write(log, EVENT_CONFIG_WARNING, NULL, 0, "hm");
            log_write(log, EVENT_PROBE_RESULT, NULL, 0, "found");
            assert_int_equal(log_writes(log, EVENT_SERVICE_RUNNING),
                             rows[i].level >= LOG_LEVEL_INFO || rows[i].filter >= EVENT_FILTER_LIFECYCLE);
            log_destroy(log);
            assert_seen(rows[i].expected);
        }
    }
}

/* The longest line in the longest format, with the sink's copy. */
static void test_log__has_room_for_the_worst_line_and_its_copy(void **state)
{
    (void)state;
    char endpoint[1000], message[4000];
    size_t length = 0;
    memset(endpoint, '\\', sizeof endpoint - 1);
    endpoint[sizeof endpoint - 1] = '\0';
    memset(message, '\\', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    struct log *log = create((struct log_options){.level = LOG_LEVEL_INFO,
                                                  .is_json = true,
                                                  .is_local_time = true,
                                                  .event_filter = EVENT_FILTER_ALL,
                                                  .event_sink = sink});
    log_write(log, EVENT_ENDPOINT_IPV4_ONLY, endpoint, UINT64_MAX, "%s", message);
    log_write(log, EVENT_SERVICE_STOPPED, NULL, 0, "next");
    log_destroy(log);
    char *bytes = folder_read(&folder, "log\\a.log", &length);
    assert_non_null(strstr(bytes, "...\"}\n{"));
    assert_string_equal(bytes + length - 15, "\"text\":\"next\"}\n");
    free(bytes);
    assert_int_equal(seen.count, 2);
    assert_non_null(strstr(seen.text.at, "...\nSERVICE_STOPPED next\n"));
}

static void test_log__needs_no_sink(void **state)
{
    (void)state;
    struct log *log =
        create((struct log_options){.level = LOG_LEVEL_ERROR, .event_filter = EVENT_FILTER_ALL});
    assert_false(log_writes(log, EVENT_SERVICE_RUNNING));
    log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "text");
    log_destroy(log);
    assert_content("log\\a.log", "");
}

/* ---- many lines, many threads ---- */

enum { THREADS = 8, LINES = 2000 };

struct writer {
    struct log *log;
    unsigned number;
    bool is_patient; /* waits for the log, so that nothing need be dropped */
};

static DWORD WINAPI write_lines(void *context)
{
    const struct writer *writer = context;
    for (unsigned i = 0; i < LINES; i++) {
        log_write(writer->log, EVENT_SERVICE_STARTING, "web", writer->number + 1, "line %u of thread %u%.*s",
                  i, writer->number, (int)(i % 50), "..................................................");
        if (writer->is_patient && i % 100 == 99) {
            log_flush(writer->log, PATIENCE);
        }
    }
    return 0;
}

static void write_from_threads(struct log *log, bool is_patient)
{
    HANDLE threads[THREADS];
    struct writer writers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.log = log, .number = i, .is_patient = is_patient};
        threads[i] = CreateThread(NULL, 0, write_lines, &writers[i], 0, NULL);
        assert_non_null(threads[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(WaitForSingleObject(threads[i], INFINITE), WAIT_OBJECT_0);
        CloseHandle(threads[i]);
    }
}

/* What a log's files tell. */
struct tally {
    uint64_t lines;   /* of the threads */
    uint64_t missing; /* as the log's own lines say */
    uint64_t notices; /* such lines */
    uint64_t next[THREADS];
};

/* The number that follows `words`, and in `*at` what follows it; the test fails where they do not stand. */
static uint64_t take_number(const char **at, const char *words, int base)
{
    char *end = NULL;
    if (strncmp(*at, words, strlen(words)) != 0) {
        fail_msg("\"%s\" does not begin with \"%s\"", *at, words);
    }
    const uint64_t number = strtoull(*at + strlen(words), &end, base);
    assert_ptr_not_equal(end, *at + strlen(words));
    *at = end;
    return number;
}

/* One line without its end; each thread's lines must ascend. */
static void tally_line(struct tally *tally, const char *at)
{
    static const char gap[] = NOW " warning PL1501 ";
    if (strncmp(at, gap, sizeof gap - 1) == 0) {
        tally->missing += take_number(&at, gap, 10);
        assert_non_null(strstr(at, " missing here: "));
        tally->notices++;
        return;
    }
    const uint64_t connection = take_number(&at, NOW " info    PL1001 [web] #", 16);
    const uint64_t index = take_number(&at, " line ", 10);
    const uint64_t number = take_number(&at, " of thread ", 10);
    assert_true(number < THREADS && connection == number + 1);
    assert_int_equal(strlen(at), index % 50);
    assert_int_equal(strspn(at, "."), index % 50);
    assert_true(index >= tally->next[number]);
    tally->next[number] = index + 1;
    tally->lines++;
}

static void tally_file(struct tally *tally, const char *name)
{
    size_t length = 0;
    char *bytes = folder_read(&folder, name, &length);
    assert_int_equal(strlen(bytes), length);
    char *at = bytes;
    for (char *end = strstr(at, "\r\n"); end != NULL; end = strstr(at, "\r\n")) {
        *end = '\0';
        tally_line(tally, at);
        at = end + 2;
    }
    assert_string_equal(at, "");
    free(bytes);
}

/* As fast as they can: what does not fit is dropped, and nobody waits. */
static void test_log__keeps_lines_whole_and_in_each_threads_order(void **state)
{
    (void)state;
    struct tally tally = {0};
    struct log *log = create((struct log_options){.level = LOG_LEVEL_INFO});
    write_from_threads(log, false);
    log_flush(log, PATIENCE);
    const uint64_t dropped = log_dropped(log);
    log_destroy(log);
    tally_file(&tally, "log\\a.log");
    assert_int_equal(tally.lines + dropped, THREADS * LINES);
    assert_int_equal(tally.missing, dropped);
}

static void test_log__rotates_between_lines(void **state)
{
    (void)state;
    struct tally tally = {0};
    struct log *log = create((struct log_options){
        .file = folder_join(&folder, "a.log"), .level = LOG_LEVEL_INFO, .rotate_size = 100000, .keep = 60});
    write_from_threads(log, true);
    assert_int_equal(log_dropped(log), 0);
    log_destroy(log);
    assert_in_range(folder_list(&folder), 12, 50);
    for (size_t i = 0; i < folder.count; i++) {
        size_t length = 0;
        free(folder_read(&folder, folder.names[i], &length));
        assert_true(length <= 100000);
        tally_file(&tally, folder.names[i]);
    }
    assert_int_equal(tally.lines, THREADS * LINES);
}

/* Even a limit below one line gives a file for each line, and no endless loop. */
static void test_log__rotates_after_each_line_when_told_to(void **state)
{
    (void)state;
    struct log *log = create((struct log_options){
        .file = folder_join(&folder, "a.log"), .level = LOG_LEVEL_INFO, .rotate_size = 1, .keep = 9});
    for (int i = 0; i < 5; i++) {
        log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "line %d", i);
    }
    log_destroy(log);
    assert_int_equal(folder_list(&folder), 5);
    assert_content(folder.names[0], NOW " info    PL1001 line 0\r\n");
    assert_content("a.log", NOW " info    PL1001 line 4\r\n");
}

/* ---- a disk that is slow, full, or gone ---- */

/* Writes that do not return until they are let go. */
static HANDLE may_write;
static LONG volatile writes_waiting;

static BOOL WINAPI write_when_allowed(HANDLE file, LPCVOID at, DWORD length, LPDWORD written,
                                      LPOVERLAPPED overlapped)
{
    InterlockedIncrement(&writes_waiting);
    SEAM_REAL(WaitForSingleObject)(may_write, INFINITE);
    return SEAM_REAL(WriteFile)(file, at, length, written, overlapped);
}

static bool is_a_write_waiting(void)
{
    return InterlockedCompareExchange(&writes_waiting, 0, 0) > 0;
}

static struct log *create_held_up(enum log_level level)
{
    may_write = CreateSemaphoreW(NULL, 0, 1000, NULL);
    writes_waiting = 0;
    seam_replace(IMPORT_WriteFile, (seam_function)write_when_allowed);
    struct log *log = create((struct log_options){.level = level});
    log_write(log, level == LOG_LEVEL_ERROR ? EVENT_SERVICE_FAILED : EVENT_SERVICE_STARTING, "web", 1,
              "line 0 of thread 0");
    assert_true(wait_until(is_a_write_waiting));
    return log;
}

static void let_go(LONG writes)
{
    assert_true(ReleaseSemaphore(may_write, writes, NULL));
}

static void hold_again(void)
{
    while (SEAM_REAL(WaitForSingleObject)(may_write, 0) == WAIT_OBJECT_0) {}
    InterlockedExchange(&writes_waiting, 0);
}

static void test_log__counts_what_it_drops_where_it_is_missing(void **state)
{
    (void)state;
    struct tally tally = {0};
    struct log *log = create_held_up(LOG_LEVEL_INFO);
    unsigned written = 1;
    while (log_dropped(log) < 100) {
        log_write(log, EVENT_SERVICE_STARTING, "web", 1, "line %u of thread 0%.*s", written,
                  (int)(written % 50), "..................................................");
        written++;
    }
    assert_true(written > 1000); /* the queue holds that many, and does not grow without end */
    assert_true(written < 10000);
    log_write(log, EVENT_SERVICE_STARTING, "web", 1, "line %u of thread 0%.*s", 50 * written, 0, "");
    let_go(100);
    log_flush(log, PATIENCE);
    log_write(log, EVENT_SERVICE_STARTING, "web", 1, "line %u of thread 0", 100 * written);
    log_flush(log, PATIENCE);
    assert_int_equal(log_dropped(log),
                     101); /* a line that would fit behind others that did not is dropped, too */
    log_destroy(log);
    tally_file(&tally, "log\\a.log");
    assert_int_equal(tally.lines + 101, written + 2);
    assert_int_equal(tally.notices, 1);
    assert_int_equal(tally.missing, 101);
    CloseHandle(may_write);
}

static void test_log__says_that_one_line_is_missing(void **state)
{
    (void)state;
    size_t length = 0;
    struct log *log = create_held_up(LOG_LEVEL_INFO);
    while (log_dropped(log) == 0) {
        log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "%01000d", 0);
    }
    let_go(100);
    log_destroy(log); /* writes the notice, too */
    char *bytes = folder_read(&folder, "log\\a.log", &length);
    const char *notice = strstr(bytes, "PL1501");
    assert_non_null(notice);
    assert_string_equal(notice,
                        "PL1501 1 line is missing here: they came faster than they could be written\r\n");
    free(bytes);
    CloseHandle(may_write);
}

/* A short line that would still fit behind a long one that did not is dropped, too: else the notice could not
   stand where the lines are missing. */
static void test_log__keeps_a_gap_in_one_place(void **state)
{
    (void)state;
    struct log *log = create_held_up(LOG_LEVEL_INFO);
    while (log_dropped(log) == 0) {
        log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "%02000d", 0);
    }
    log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "short");
    assert_int_equal(log_dropped(log), 2);
    let_go(100);
    log_destroy(log);
    CloseHandle(may_write);
}

/* An outage in which nothing was lost is not the reason of a later loss. */
static void test_log__forgets_an_outage_that_lost_nothing(void **state)
{
    (void)state;
    size_t length = 0;
    fault_arm(IMPORT_WriteFile, 1, ERROR_DISK_FULL, 1);
    struct log *log = create_held_up(LOG_LEVEL_INFO);
    assert_int_equal(fault_hits(), 1);
    while (log_dropped(log) == 0) {
        log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "%01000d", 0);
    }
    let_go(900); /* however many writes the queue becomes: what is flushed must be done */
    log_flush(log, PATIENCE);
    hold_again();
    log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "first of the next");
    assert_true(wait_until(is_a_write_waiting));
    while (log_dropped(log) == 1) {
        log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "%01000d", 0);
    }
    let_go(100);
    log_destroy(log);
    char *bytes = folder_read(&folder, "log\\a.log", &length);
    const char *notice = strstr(bytes, "PL1501");
    assert_non_null(notice);
    assert_memory_equal(notice, "PL1501 1 line is missing here: ", 31);
    assert_non_null(strstr(notice, "cannot be written: error 112"));
    notice = strstr(notice + 1, "PL1501");
    assert_non_null(notice);
    assert_string_equal(notice,
                        "PL1501 1 line is missing here: they came faster than they could be written\r\n");
    free(bytes);
    CloseHandle(may_write);
}

/* The notice is a warning. */
static void test_log__says_nothing_missing_below_its_level(void **state)
{
    (void)state;
    size_t length = 0;
    struct log *log = create_held_up(LOG_LEVEL_ERROR);
    while (log_dropped(log) == 0) {
        log_write(log, EVENT_SERVICE_FAILED, NULL, 0, "%01000d", 0);
    }
    let_go(100);
    log_flush(log, PATIENCE);
    log_write(log, EVENT_SERVICE_FAILED, NULL, 0, "last");
    log_destroy(log);
    char *bytes = folder_read(&folder, "log\\a.log", &length);
    assert_null(strstr(bytes, "PL1501"));
    assert_string_equal(bytes + length - 13, "PL1007 last\r\n");
    free(bytes);
    CloseHandle(may_write);
}

static void test_log__flush_waits_no_longer_than_it_is_told(void **state)
{
    (void)state;
    struct log *log = create_held_up(LOG_LEVEL_INFO);
    const uint64_t begin = GetTickCount64();
    log_flush(log, 300);
    assert_true(GetTickCount64() - begin >= 280);
    log_flush(log, 0);
    let_go(100);
    log_flush(log, PATIENCE);
    assert_content("log\\a.log", NOW " info    PL1001 [web] #0000000000000001 line 0 of thread 0\r\n");
    log_destroy(log);
    CloseHandle(may_write);
}

static bool are_two_writes_waiting(void)
{
    return InterlockedCompareExchange(&writes_waiting, 0, 0) >= 2;
}

/* A line that came while others were being written is in the next write. */
static void test_log__flush_waits_for_the_write_after_this(void **state)
{
    (void)state;
    struct log *log = create_held_up(LOG_LEVEL_INFO);
    log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "second");
    let_go(1);
    assert_true(wait_until(are_two_writes_waiting));
    const uint64_t begin = GetTickCount64();
    log_flush(log, 300);
    assert_true(GetTickCount64() - begin >= 280);
    let_go(100);
    log_flush(log, PATIENCE);
    log_destroy(log);
    CloseHandle(may_write);
}

static bool is_sink_called(void)
{
    return InterlockedCompareExchange(&seen.count, 0, 0) > 0;
}

static struct log *create_with_sink(void)
{
    return create((struct log_options){
        .level = LOG_LEVEL_INFO, .event_filter = EVENT_FILTER_LIFECYCLE, .event_sink = sink});
}

static void test_log__waits_for_space_and_tells_it_once(void **state)
{
    (void)state;
    char expected[512];
    struct log *log = create_with_sink();
    for (int outage = 0; outage < 2; outage++) {
        seen.count = 0;
        text_clear(&seen.text);
        fault_clear();
        fault_arm(IMPORT_WriteFile, 1, ERROR_DISK_FULL, FAULT_FOREVER);
        log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "first");
        assert_true(wait_until(is_sink_called));
        while (fault_hits() < 3) { /* tried again, and not told again */
            Sleep(5);
        }
        log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "second");
        assert_int_equal(seen.count, 1);
        assert_memory_equal(seen.text.at, "LOG_UNAVAILABLE ", 16);
        assert_non_null(strstr(seen.text.at, "\\log\\a.log cannot be written: error 112"));
        assert_non_null(strstr(seen.text.at, "; make room on that disk\n"));
        fault_clear();
        log_flush(log, PATIENCE);
        assert_int_equal(log_dropped(log), 0);
    }
    log_destroy(log);
    snprintf(expected, sizeof expected, "%s%s%s%s", NOW " info    PL1001 first\r\n",
             NOW " info    PL1001 second\r\n", NOW " info    PL1001 first\r\n",
             NOW " info    PL1001 second\r\n");
    assert_content("log\\a.log", expected);
}

/* So it goes on within half a second, and a full disk costs no more than two tries a second. */
static void test_log__tries_twice_a_second(void **state)
{
    (void)state;
    struct log *log = create_with_sink();
    fault_arm(IMPORT_WriteFile, 1, ERROR_DISK_FULL, FAULT_FOREVER);
    log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "first");
    assert_true(wait_until(is_sink_called));
    Sleep(1200);
    assert_in_range(fault_hits(), 2, 4);
    fault_clear();
    const uint64_t begin = GetTickCount64();
    log_flush(log, PATIENCE);
    assert_true(GetTickCount64() - begin < 5000);
    assert_content("log\\a.log", NOW " info    PL1001 first\r\n");
    log_destroy(log);
}

static void test_log__says_why_lines_are_missing(void **state)
{
    (void)state;
    size_t length = 0;
    struct log *log = create_with_sink();
    fault_arm(IMPORT_WriteFile, 1, ERROR_DISK_FULL, FAULT_FOREVER);
    log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "first");
    assert_true(wait_until(is_sink_called));
    while (log_dropped(log) < 7) {
        log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "%01000d", 0);
    }
    fault_clear();
    log_flush(log, PATIENCE);
    log_destroy(log);
    char *bytes = folder_read(&folder, "log\\a.log", &length);
    const char *notice = strstr(bytes, "PL1501");
    assert_non_null(notice);
    assert_memory_equal(notice, "PL1501 7 lines are missing here: ", 33);
    assert_non_null(strstr(notice, "cannot be written: error 112"));
    assert_int_equal(strcspn(notice, "\n"), strlen(notice) - 1);
    free(bytes);
}

/* At a stop nothing waits for a disk that stays full: all that is queued is lost, and counted. */
static void test_log__loses_what_is_queued_when_it_must_stop(void **state)
{
    (void)state;
    struct log *log = create_with_sink();
    log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "stored");
    log_flush(log, PATIENCE);
    fault_arm(IMPORT_WriteFile, 1, ERROR_DISK_FULL, FAULT_FOREVER);
    for (int i = 0; i < 10; i++) {
        log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "lost");
    }
    const uint64_t begin = GetTickCount64();
    log_destroy(log);
    assert_true(GetTickCount64() - begin < 5000);
    assert_content("log\\a.log", NOW " info    PL1001 stored\r\n");
}

/* Asked for when the writer has ended and the log is still there: its thread's handle is being closed. */
static struct log *dropped_log;
static uint64_t dropped_at_end;

static BOOL WINAPI ask_at_close(HANDLE handle)
{
    if (dropped_log != NULL) { /* the first handle; then the file's, when the log may be gone */
        dropped_at_end = log_dropped(dropped_log);
        dropped_log = NULL;
    }
    return SEAM_REAL(CloseHandle)(handle);
}

static void test_log__counts_what_it_loses_at_the_stop(void **state)
{
    (void)state;
    struct log *log = create_with_sink();
    fault_arm(IMPORT_WriteFile, 1, ERROR_DISK_FULL, FAULT_FOREVER);
    for (int i = 0; i < 10; i++) {
        log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "lost");
    }
    dropped_log = log;
    dropped_at_end = 0;
    seam_replace(IMPORT_CloseHandle, (seam_function)ask_at_close);
    log_destroy(log);
    assert_int_equal(dropped_at_end, 10);
}

static void test_log__tries_once_more_at_the_stop(void **state)
{
    (void)state;
    struct log *log = create_with_sink();
    fault_arm(IMPORT_WriteFile, 1, ERROR_DISK_FULL, 1);
    log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "kept");
    assert_true(wait_until(is_sink_called));
    log_destroy(log); /* while the writer waits for its next try */
    assert_content("log\\a.log", NOW " info    PL1001 kept\r\n");
}

static void test_log__works_without_its_file_until_there_is_one(void **state)
{
    (void)state;
    struct failure failure;
    folder_write(&folder, "log", "in the way", 10);
    struct log *log = create_failing((struct log_options){.level = LOG_LEVEL_INFO,
                                                          .event_filter = EVENT_FILTER_LIFECYCLE,
                                                          .event_sink = sink},
                                     &failure);
    assert_non_null(log);
    assert_int_equal(failure.code, EXIT_CODE_FAILED);
    assert_non_null(strstr(failure.text, "\\log\\a.log cannot be opened: error "));
    log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "runs");
    assert_true(wait_until(is_sink_called));
    log_flush(log, 600);
    assert_seen("SERVICE_RUNNING runs\n"); /* the failure was told already */
    assert_true(folder_delete(&folder, "log"));
    log_flush(log, PATIENCE);
    assert_content("log\\a.log", NOW " info    PL1002 runs\r\n");
    log_destroy(log);
}

static void test_log__is_alone_in_its_file(void **state)
{
    (void)state;
    struct failure failure;
    struct log *log = create((struct log_options){.level = LOG_LEVEL_INFO});
    struct log *second = create_failing((struct log_options){.level = LOG_LEVEL_INFO}, &failure);
    assert_non_null(second);
    assert_int_equal(failure.win32_error, ERROR_SHARING_VIOLATION);
    assert_non_null(strstr(failure.text, "another process writes it"));
    log_write(second, EVENT_SERVICE_RUNNING, NULL, 0, "second");
    log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "first");
    log_flush(log, PATIENCE);
    assert_content("log\\a.log", NOW " info    PL1002 first\r\n");
    log_destroy(second);
    log_destroy(log);
    assert_content("log\\a.log", NOW " info    PL1002 first\r\n");
}

static void test_log__is_not_there_without_memory_or_thread(void **state)
{
    (void)state;
    uint32_t nth = 1;
    struct log *log = NULL;
    struct failure failure;
    fault_arm(IMPORT_CreateThread, 1, ERROR_NOT_ENOUGH_MEMORY, 1);
    assert_null(create_failing((struct log_options){.level = LOG_LEVEL_INFO}, &failure));
    assert_non_null(strstr(failure.text, "no thread for the log"));
    while (log == NULL) {
        fault_clear();
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        log = create_failing((struct log_options){.level = LOG_LEVEL_INFO}, &failure);
        assert_true(log != NULL || failure.code == EXIT_CODE_FAILED);
        assert_true(log != NULL || strstr(failure.text, "no memory for the log") != NULL);
        assert_int_equal(fault_hits(), log == NULL ? 1 : 0);
        nth++;
    }
    assert_true(nth > 5);
    log_destroy(log);
}

static void test_log__needs_no_memory_to_write(void **state)
{
    (void)state;
    struct log *log = create_with_sink();
    fault_arm(IMPORT_HeapAlloc, 1, 0, FAULT_FOREVER);
    fault_arm(IMPORT_HeapReAlloc, 1, 0, FAULT_FOREVER);
    log_write(log, EVENT_SERVICE_RUNNING, "web", 3, "runs %d", 1);
    log_flush(log, PATIENCE);
    assert_int_equal(fault_hits(), 0);
    fault_clear();
    log_destroy(log);
    assert_content("log\\a.log", NOW " info    PL1002 [web] #0000000000000003 runs 1\r\n");
}

/* ---- standard error ---- */

static HANDLE standard_error;

static HANDLE WINAPI tell_standard_error(DWORD which)
{
    return which == STD_ERROR_HANDLE ? standard_error : SEAM_REAL(GetStdHandle)(which);
}

static struct log *create_for(HANDLE handle, struct failure *failure_out)
{
    standard_error = handle;
    seam_replace(IMPORT_GetStdHandle, (seam_function)tell_standard_error);
    return create_failing((struct log_options){.file = "-", .level = LOG_LEVEL_INFO}, failure_out);
}

static void test_log__writes_to_standard_error(void **state)
{
    (void)state;
    struct failure failure;
    folder_write(&folder, "stderr", "", 0);
    HANDLE handle = folder_open(&folder, "stderr", GENERIC_WRITE, FILE_SHARE_READ);
    struct log *log = create_for(handle, &failure);
    assert_int_equal(failure.code, EXIT_CODE_DONE);
    log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "first");
    log_flush(log, PATIENCE);
    log_write(log, EVENT_SERVICE_STOPPED, NULL, 0, "second");
    log_destroy(log);
    folder_close(handle); /* which the log leaves open */
    assert_content("stderr", NOW " info    PL1002 first\r\n" NOW " info    PL1004 second\r\n");
}

static void test_log__tells_that_there_is_no_standard_error(void **state)
{
    (void)state;
    const HANDLE none[] = {NULL, INVALID_HANDLE_VALUE};
    for (size_t i = 0; i < 2; i++) {
        struct failure failure;
        struct log *log = create_for(none[i], &failure);
        assert_non_null(log);
        assert_int_equal(failure.code, EXIT_CODE_FAILED);
        assert_non_null(strstr(failure.text, "standard error is not there"));
        log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "lost");
        log_destroy(log);
    }
}

/* A console takes UTF-16. */
static WCHAR console[256];
static LONG volatile console_failures;

static BOOL WINAPI tell_console_mode(HANDLE handle, LPDWORD mode)
{
    *mode = 0;
    return handle == standard_error;
}

static BOOL WINAPI write_console(HANDLE handle, const VOID *at, DWORD length, LPDWORD written,
                                 LPVOID reserved)
{
    (void)reserved;
    if (InterlockedDecrement(&console_failures) >= 0 || handle != standard_error) {
        SetLastError(ERROR_GEN_FAILURE);
        return FALSE;
    }
    *written = length > 7 ? 7 : length; /* a console may take less than it is given */
    wcsncat(console, at, *written);
    return TRUE;
}

static void test_log__writes_utf16_to_a_console(void **state)
{
    (void)state;
    struct failure failure;
    console[0] = L'\0';
    console_failures = 1; /* the first try fails */
    seam_replace(IMPORT_GetConsoleMode, (seam_function)tell_console_mode);
    seam_replace(IMPORT_WriteConsoleW, (seam_function)write_console);
    struct log *log = create_for((HANDLE)(ULONG_PTR)0x1234, &failure);
    assert_int_equal(failure.code, EXIT_CODE_DONE);
    log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "caf\xC3\xA9 \xF0\x9F\x98\x80");
    log_flush(log, PATIENCE);
    log_destroy(log);
    assert_int_equal(wcscmp(console, L"2026-11-25T02:27:00.123Z info    PL1002 caf\x00E9 \xD83D\xDE00\r\n"),
                     0);
}

static void test_log__survives_a_console_without_memory(void **state)
{
    (void)state;
    for (uint32_t nth = 1; nth <= 2; nth++) {
        struct failure failure;
        console[0] = L'\0';
        console_failures = 0;
        seam_replace(IMPORT_GetConsoleMode, (seam_function)tell_console_mode);
        seam_replace(IMPORT_WriteConsoleW, (seam_function)write_console);
        struct log *log = create_for((HANDLE)(ULONG_PTR)0x1234, &failure);
        fault_clear();
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "text");
        log_flush(log, PATIENCE);
        assert_int_equal(fault_hits(), 1);
        log_destroy(log);
        assert_int_equal(wcscmp(console, L"2026-11-25T02:27:00.123Z info    PL1002 text\r\n"), 0);
    }
}

/* A stream that takes a few bytes at a time loses none and doubles none. */
static LONG volatile short_writes;

static BOOL WINAPI write_shortly(HANDLE file, LPCVOID at, DWORD length, LPDWORD written,
                                 LPOVERLAPPED overlapped)
{
    const bool is_short = InterlockedDecrement(&short_writes) >= 0;
    return SEAM_REAL(WriteFile)(file, at, is_short ? length / 2 : length, written, overlapped);
}

static void test_log__goes_on_in_the_middle_of_a_line_on_a_stream(void **state)
{
    (void)state;
    struct failure failure;
    folder_write(&folder, "stderr", "", 0);
    HANDLE handle = folder_open(&folder, "stderr", GENERIC_WRITE, FILE_SHARE_READ);
    short_writes = 2;
    seam_replace(IMPORT_WriteFile, (seam_function)write_shortly);
    struct log *log = create_for(handle, &failure);
    log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "first");
    log_write(log, EVENT_SERVICE_STOPPED, NULL, 0, "second");
    log_flush(log, PATIENCE);
    assert_int_equal(log_dropped(log), 0);
    log_destroy(log);
    folder_close(handle);
    assert_content("stderr", NOW " info    PL1002 first\r\n" NOW " info    PL1004 second\r\n");
}

/* Nobody reads the other end of a full pipe: the stop cancels the write instead of waiting for ever. */
static void test_log__stops_although_a_write_hangs(void **state)
{
    (void)state;
    HANDLE read_end, write_end;
    struct failure failure;
    assert_true(CreatePipe(&read_end, &write_end, NULL, 4096));
    struct log *log = create_for(write_end, &failure);
    assert_int_equal(failure.code, EXIT_CODE_DONE);
    for (int i = 0; i < 200; i++) {
        log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "%01000d", 0);
    }
    log_flush(log, 300);
    const uint64_t begin = GetTickCount64();
    log_destroy(log);
    assert_in_range(GetTickCount64() - begin, 1900, PATIENCE);
    CloseHandle(read_end);
    CloseHandle(write_end);
}

#define log_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        log_test(test_log__writes_text),
        log_test(test_log__writes_json),
        log_test(test_log__writes_local_time_with_its_offset),
        log_test(test_log__writes_utc_when_there_is_no_local_time),
        log_test(test_log__writes_what_the_level_lets_through),
        log_test(test_log__takes_nothing_of_what_is_no_event),
        log_test(test_log__may_be_missing),
        log_test(test_log__gives_the_sink_what_the_filter_lets_through),
        log_test(test_log__has_room_for_the_worst_line_and_its_copy),
        log_test(test_log__needs_no_sink),
        log_test(test_log__keeps_lines_whole_and_in_each_threads_order),
        log_test(test_log__rotates_between_lines),
        log_test(test_log__rotates_after_each_line_when_told_to),
        log_test(test_log__counts_what_it_drops_where_it_is_missing),
        log_test(test_log__says_that_one_line_is_missing),
        log_test(test_log__keeps_a_gap_in_one_place),
        log_test(test_log__forgets_an_outage_that_lost_nothing),
        log_test(test_log__says_nothing_missing_below_its_level),
        log_test(test_log__flush_waits_no_longer_than_it_is_told),
        log_test(test_log__flush_waits_for_the_write_after_this),
        log_test(test_log__waits_for_space_and_tells_it_once),
        log_test(test_log__tries_twice_a_second),
        log_test(test_log__says_why_lines_are_missing),
        log_test(test_log__loses_what_is_queued_when_it_must_stop),
        log_test(test_log__counts_what_it_loses_at_the_stop),
        log_test(test_log__tries_once_more_at_the_stop),
        log_test(test_log__works_without_its_file_until_there_is_one),
        log_test(test_log__is_alone_in_its_file),
        log_test(test_log__is_not_there_without_memory_or_thread),
        log_test(test_log__needs_no_memory_to_write),
        log_test(test_log__writes_to_standard_error),
        log_test(test_log__tells_that_there_is_no_standard_error),
        log_test(test_log__writes_utf16_to_a_console),
        log_test(test_log__survives_a_console_without_memory),
        log_test(test_log__goes_on_in_the_middle_of_a_line_on_a_stream),
        log_test(test_log__stops_although_a_write_hangs),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
