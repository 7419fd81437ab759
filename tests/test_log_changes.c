/* SPDX-License-Identifier: MIT
   Tests of base/log.h and stats/access_log.h: rotation by command and other options, while lines come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "stats/access_log.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/folder.h"
#include "support/support.h"
#include "support/wall_clock.h"

#define NOW     "2026-11-25T02:27:00.123Z"
#define ROTATED "a-20261125T022700.123Z.log"

enum { PATIENCE = 15000 }; /* milliseconds that a loaded machine may take */

static struct folder folder;

static int setup(void **state)
{
    support_setup(state);
    folder_init(&folder);
    wall_clock_set("2026-11-25T02:27:00.123");
    return 0;
}

static int teardown(void **state)
{
    folder_fini(&folder);
    return support_teardown(state);
}

/* For a.log in the folder. */
static struct log_options at_home(struct log_options options)
{
    options.file = folder_join(&folder, "a.log");
    return options;
}

static struct log *create(struct log_options options)
{
    struct failure failure;
    options = at_home(options);
    struct log *log = log_create(&options, &failure);
    assert_non_null(log);
    assert_int_equal(failure.code, EXIT_CODE_DONE);
    return log;
}

static const struct access_line line = {
    .endpoint = "web", .connection = 1, .bytes_in = 2, .bytes_out = 3, .duration = 4, .reason = CLOSED_IDLE};

static struct access_log *create_access(struct log *log, struct access_log_options options)
{
    struct failure failure;
    options.file.path = folder_join(&folder, "access.log");
    options.log = log;
    struct access_log *access = access_log_create(&options, &failure);
    assert_non_null(access);
    assert_int_equal(failure.code, EXIT_CODE_DONE);
    return access;
}

/* What stands in all files whose names begin so, the oldest first. In a block for free(). */
static char *read_all(const char *name)
{
    char *all = calloc(1, 1);
    size_t total = 0, length = 0;
    assert_non_null(all);
    for (size_t i = 0; i < folder_list(&folder); i++) { /* '-' sorts before '.' */
        if (strncmp(folder.names[i], name, strlen(name)) == 0) {
            char *bytes = folder_read(&folder, folder.names[i], &length);
            char *more = realloc(all, total + length + 1);
            assert_non_null(more);
            all = more;
            memcpy(all + total, bytes, length + 1);
            total += length;
            free(bytes);
        }
    }
    return all;
}

static unsigned count(const char *text, const char *words)
{
    unsigned found = 0;
    for (const char *at = strstr(text, words); at != NULL; at = strstr(at + 1, words)) {
        found++;
    }
    return found;
}

static void assert_content(const char *name, const char *expected)
{
    size_t length = 0;
    char *bytes = folder_read(&folder, name, &length);
    assert_string_equal(bytes, expected);
    free(bytes);
}

static void assert_holds(const char *name, const char *words, unsigned times)
{
    char *bytes = read_all(name);
    if (count(bytes, words) != times) {
        fail_msg("\"%s\" is not %u times in: %s", words, times, bytes);
    }
    free(bytes);
}

static void assert_rotation(const struct rotation *rotation, enum rotation_state state, const char *words)
{
    if (strstr(rotation->text, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, rotation->text);
    }
    assert_int_equal(rotation->state, state);
}

/* ---- rotation ---- */

static void test_log_changes__rotate_when_told_to(void **state)
{
    (void)state;
    struct rotation rotation;
    struct log *log = create((struct log_options){.level = LOG_LEVEL_INFO, .keep = 9});
    log_rotate(log, PATIENCE, &rotation);
    assert_rotation(&rotation, ROTATION_NEEDLESS, "a.log is empty");
    log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "before");
    log_rotate(log, PATIENCE, &rotation);
    assert_rotation(&rotation, ROTATION_DONE, "\\" ROTATED);
    log_write(log, EVENT_SERVICE_STOPPED, NULL, 0, "behind");
    log_destroy(log);
    assert_content(ROTATED, NOW " info    PL1002 before\r\n");
    assert_holds("a.log", NOW " info    PL1505 ", 1); /* the new file begins with where the old one is */
    assert_holds("a.log", ROTATED "\r\n" NOW " info    PL1004 behind\r\n", 1);
}

static void test_log_changes__have_no_log_to_rotate(void **state)
{
    (void)state;
    struct rotation rotation;
    log_rotate(NULL, PATIENCE, &rotation);
    assert_rotation(&rotation, ROTATION_NEEDLESS, "there is no log, so there is nothing to rotate");
    access_log_rotate(NULL, PATIENCE, &rotation);
    assert_rotation(&rotation, ROTATION_NEEDLESS, "there is no access log, so there is nothing to rotate");
    log_reconfigure(NULL, &(const struct log_options){.keep = 1});
    access_log_reconfigure(NULL, &(const struct access_log_options){.is_json = true});
}

static void test_log_changes__leave_standard_error_alone(void **state)
{
    (void)state;
    struct failure failure;
    struct rotation rotation;
    const struct log_options options = {.file = "-", .level = LOG_LEVEL_ERROR};
    struct log *log = log_create(&options, &failure);
    assert_non_null(log);
    log_rotate(log, PATIENCE, &rotation);
    assert_rotation(&rotation, ROTATION_NEEDLESS, "log_file is standard error");
    log_reconfigure(log, &options);
    log_destroy(log);
}

enum { THREADS = 4, LINES = 3000, ROTATIONS = 25 };

struct writer {
    struct log *log;
    struct access_log *access;
};

static DWORD WINAPI write_lines(void *context)
{
    const struct writer *writer = context;
    for (unsigned i = 0; i < LINES; i++) {
        log_write(writer->log, EVENT_SERVICE_STARTING, "web", 1, "line");
        access_log_write(writer->access, &line);
        if (i % 100 == 99) {
            log_flush(writer->log, PATIENCE);
            access_log_flush(writer->access, PATIENCE);
        }
    }
    return 0;
}

static void start_writers(struct writer *writer, HANDLE threads[THREADS])
{
    for (int i = 0; i < THREADS; i++) {
        threads[i] = CreateThread(NULL, 0, write_lines, writer, 0, NULL);
        assert_non_null(threads[i]);
    }
}

static void join_writers(HANDLE threads[THREADS])
{
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(WaitForSingleObject(threads[i], INFINITE), WAIT_OBJECT_0);
        CloseHandle(threads[i]);
    }
}

/* Every line is in one of the files, whole, while both logs are rotated again and again. */
static void test_log_changes__lose_nothing_while_writers_write(void **state)
{
    (void)state;
    HANDLE threads[THREADS];
    struct rotation rotation;
    unsigned done = 0, access_done = 0;
    struct log *log = create((struct log_options){.level = LOG_LEVEL_INFO, .keep = 60});
    struct access_log *access = create_access(log, (struct access_log_options){.file = {.keep = 60}});
    struct writer writer = {log, access};
    start_writers(&writer, threads);
    while (done < ROTATIONS && access_done < ROTATIONS &&
           WaitForSingleObject(threads[0], 0) == WAIT_TIMEOUT) {
        log_rotate(log, PATIENCE, &rotation);
        done += rotation.state == ROTATION_DONE ? 1U : 0U;
        access_log_rotate(access, PATIENCE, &rotation);
        access_done += rotation.state == ROTATION_DONE ? 1U : 0U;
        assert_true(rotation.state != ROTATION_DELAYED);
    }
    join_writers(threads);
    assert_int_equal(log_dropped(log) + access_log_dropped(access), 0);
    access_log_destroy(access);
    log_destroy(log);
    assert_true(done > 1 && access_done > 1);
    assert_int_equal(folder_list(&folder), done + access_done + 2);
    assert_holds("a", NOW " info    PL1001 [web] #0000000000000001 line\r\n", THREADS * LINES);
    assert_holds("a", NOW " info    PL1505 ", done + access_done);
    assert_holds("access", NOW " endpoint=web ", THREADS * LINES);
    assert_holds("access", " reason=idle\r\n", THREADS * LINES);
}

/* Without FILE_SHARE_DELETE: nobody can rename the file. */
static HANDLE open_in_the_way(const char *name)
{
    HANDLE reader = folder_open(&folder, name, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE);
    assert_ptr_not_equal(reader, INVALID_HANDLE_VALUE);
    return reader;
}

static void test_log_changes__tell_that_a_reader_is_in_the_way(void **state)
{
    (void)state;
    struct rotation rotation;
    struct log *log = create((struct log_options){.level = LOG_LEVEL_INFO, .keep = 9});
    log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "one");
    log_flush(log, PATIENCE);
    HANDLE reader = open_in_the_way("a.log");
    log_rotate(log, PATIENCE, &rotation);
    assert_rotation(&rotation, ROTATION_DELAYED, "a.log cannot be renamed: error 32");
    log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "two");
    log_flush(log, PATIENCE);
    assert_int_equal(folder_list(&folder), 1);
    assert_holds("a.log", " warning PL1506 ", 1);
    folder_close(reader);
    clock_advance(1000);
    log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "three");
    log_flush(log, PATIENCE);
    log_destroy(log);
    assert_holds(ROTATED, " PL1001 two\r\n", 1);
    assert_holds("a.log", NOW " info    PL1001 three\r\n" NOW " info    PL1505 ", 1);
    assert_holds("a", " PL1506 ", 1);
    assert_int_equal(folder_list(&folder), 2);
}

/* Its troubles stand in the log. */
static void test_log_changes__tell_of_the_access_log_in_the_log(void **state)
{
    (void)state;
    struct log *log = create((struct log_options){.level = LOG_LEVEL_INFO});
    struct access_log *access =
        create_access(log, (struct access_log_options){.file = {.rotate_size = 1, .keep = 9}});
    access_log_write(access, &line);
    access_log_flush(access, PATIENCE);
    HANDLE reader = open_in_the_way("access.log");
    for (int i = 0; i < 3; i++) {
        access_log_write(access, &line);
        access_log_flush(access, PATIENCE);
        clock_advance(1000);
    }
    folder_close(reader);
    access_log_write(access, &line);
    access_log_destroy(access);
    log_destroy(log);
    assert_holds("access", " reason=idle\r\n", 5);
    assert_holds("a.log", "access.log cannot be renamed: error 32", 1);
    assert_holds("a.log", " PL1506 ", 1);
    assert_holds("a.log", "access.log was rotated", 1);
    assert_holds("a.log", " PL1505 ", 1);
}

/* Writes that do not return until they are let go. */
static HANDLE may_write;

static BOOL WINAPI write_when_allowed(HANDLE file, LPCVOID at, DWORD length, LPDWORD written,
                                      LPOVERLAPPED overlapped)
{
    SEAM_REAL(WaitForSingleObject)(may_write, INFINITE);
    return SEAM_REAL(WriteFile)(file, at, length, written, overlapped);
}

static void test_log_changes__wait_no_longer_than_told_for_a_disk_that_hangs(void **state)
{
    (void)state;
    struct rotation rotation;
    may_write = CreateSemaphoreW(NULL, 0, 1000, NULL);
    struct log *log = create((struct log_options){.level = LOG_LEVEL_INFO, .keep = 9});
    seam_replace(IMPORT_WriteFile, (seam_function)write_when_allowed);
    log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "one");
    log_rotate(log, 100, &rotation);
    assert_rotation(&rotation, ROTATION_DELAYED,
                    "the log is not rotated yet: its disk has not answered for 100 ms");
    assert_true(ReleaseSemaphore(may_write, 1000, NULL));
    log_flush(log, PATIENCE);
    log_destroy(log);
    assert_int_equal(folder_list(&folder), 2); /* it was done as soon as it could be */
    CloseHandle(may_write);
}

static bool has_a_write_failed(void)
{
    return fault_hits() > 0;
}

static bool are_two_files_left(void)
{
    return folder_list(&folder) == 2;
}

static bool wait_until(bool (*is_true)(void))
{
    for (int waited = 0; waited < PATIENCE && !is_true(); waited += 5) {
        Sleep(5);
    }
    return is_true();
}

/* An administrator whose disk is full lowers log_keep: that must work just then. */
static void test_log_changes__make_room_on_a_full_disk(void **state)
{
    (void)state;
    struct log_options options = {.level = LOG_LEVEL_INFO, .rotate_size = 1, .keep = 9};
    struct log *log = create(options);
    struct rotation rotation;
    for (int i = 0; i < 6; i++) {
        log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "%d", i);
    }
    log_flush(log, PATIENCE);
    assert_int_equal(folder_list(&folder), 6);
    fault_arm(IMPORT_WriteFile, 1, ERROR_DISK_FULL, FAULT_FOREVER);
    log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "waits");
    assert_true(wait_until(has_a_write_failed));
    options.keep = 1;
    log_reconfigure(log, &options);
    assert_true(wait_until(are_two_files_left));
    log_rotate(log, PATIENCE, &rotation);                      /* nor need this wait for the disk */
    assert_rotation(&rotation, ROTATION_NEEDLESS, "is empty"); /* it was due with the line that waits */
    fault_clear();
    log_flush(log, PATIENCE);
    log_destroy(log);
    assert_holds("a.log", " PL1001 waits\r\n", 1);
}

/* ---- other options ---- */

static LONG volatile told;

static void sink(void *context, const struct event_row *row, const char *text)
{
    (void)row;
    (void)text;
    InterlockedIncrement(context);
}

static BOOL WINAPI tell_local_time(const TIME_ZONE_INFORMATION *information, const SYSTEMTIME *utc,
                                   LPSYSTEMTIME local)
{
    (void)information;
    *local = *utc;
    local->wHour = (WORD)(local->wHour + 1);
    return TRUE;
}

static void test_log_changes__take_each_option(void **state)
{
    (void)state;
    seam_replace(IMPORT_SystemTimeToTzSpecificLocalTime, (seam_function)tell_local_time);
    told = 0;
    struct log_options options = {
        .level = LOG_LEVEL_WARNING, .keep = 9, .event_sink = sink, .event_context = (void *)(uintptr_t)&told};
    struct log *log = create(options);
    log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "below the level");
    options.level = LOG_LEVEL_INFO;
    options.event_sink = NULL; /* that stays */
    options.file = "elsewhere";
    log_reconfigure(log, &options);
    log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "a");
    options.is_local_time = true;
    options.event_filter = EVENT_FILTER_LIFECYCLE;
    log_reconfigure(log, &options);
    log_write(log, EVENT_SERVICE_RUNNING, NULL, 0, "b");
    options.is_json = true;
    options.level = LOG_LEVEL_DEBUG;
    log_reconfigure(log, &options);
    log_write(log, EVENT_PROBE_RESULT, NULL, 0, "c");
    log_flush(log, PATIENCE);
    options.rotate_size = 1;
    log_reconfigure(log, &options);
    log_write(log, EVENT_SERVICE_STOPPED, NULL, 0, "d");
    log_destroy(log);
    assert_content(ROTATED,
                   NOW " info    PL1002 a\r\n2026-11-25T03:27:00.123+01:00 info    PL1002 b\r\n"
                       "{\"time\":\"2026-11-25T03:27:00.123+01:00\",\"level\":\"debug\",\"id\":\"PL1402\","
                       "\"event\":\"PROBE_RESULT\",\"text\":\"c\"}\n");
    assert_holds("a.log", "\"text\":\"d\"}\n", 1);
    assert_int_equal(told, 2);
    assert_int_equal(folder_list(&folder), 2);
}

static void test_log_changes__take_each_option_of_the_access_log(void **state)
{
    (void)state;
    seam_replace(IMPORT_SystemTimeToTzSpecificLocalTime, (seam_function)tell_local_time);
    struct access_log_options options = {.file = {.keep = 9}};
    struct access_log *access = create_access(NULL, options);
    access_log_write(access, &line);
    options.is_local_time = true;
    access_log_reconfigure(access, &options);
    access_log_write(access, &line);
    options.is_json = true;
    access_log_reconfigure(access, &options);
    access_log_write(access, &line);
    access_log_flush(access, PATIENCE);
    options.file.rotate_size = 1;
    access_log_reconfigure(access, &options);
    access_log_write(access, &line);
    access_log_destroy(access);
    assert_holds("access-", NOW " endpoint=web", 1);
    assert_holds("access-", "2026-11-25T03:27:00.123+01:00 endpoint=web", 1);
    assert_holds("access-", "{\"time\":\"2026-11-25T03:27:00.123+01:00\",\"endpoint\":\"web\"", 1);
    assert_holds("access.log", "{\"time\":\"2026-11-25T03:27:00.123+01:00\",\"endpoint\":\"web\"", 1);
}

/* Each line has one form or the other, and none is lost. */
static void test_log_changes__change_between_lines(void **state)
{
    (void)state;
    HANDLE threads[THREADS];
    struct log_options options = {.level = LOG_LEVEL_INFO, .keep = 60};
    struct access_log_options access_options = {.file = {.keep = 60}};
    struct log *log = create(options);
    struct access_log *access = create_access(log, access_options);
    struct writer writer = {log, access};
    start_writers(&writer, threads);
    while (WaitForSingleObject(threads[0], 1) == WAIT_TIMEOUT) {
        options.is_json = access_options.is_json = !options.is_json;
        options.keep = access_options.file.keep = options.keep == 60 ? 50 : 60;
        log_reconfigure(log, &options);
        access_log_reconfigure(access, &access_options);
    }
    join_writers(threads);
    access_log_destroy(access);
    log_destroy(log);
    char *all = read_all("a.log");
    assert_int_equal(
        count(all, NOW " info    PL1001 [web] #0000000000000001 line\r\n") +
            count(all, "\",\"connection\":\"0000000000000001\",\"text\":\"line\"}\n{\"time\":\"") +
            count(all, "\",\"connection\":\"0000000000000001\",\"text\":\"line\"}\n" NOW),
        THREADS * LINES - (all[strlen(all) - 2] == '}' ? 1 : 0));
    free(all);
    all = read_all("access");
    assert_int_equal(count(all, NOW " endpoint=web ") +
                         count(all, "{\"time\":\"" NOW "\",\"endpoint\":\"web\","),
                     THREADS * LINES);
    assert_int_equal(count(all, "\n"), THREADS * LINES);
    free(all);
}

#define log_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        log_test(test_log_changes__rotate_when_told_to),
        log_test(test_log_changes__have_no_log_to_rotate),
        log_test(test_log_changes__leave_standard_error_alone),
        log_test(test_log_changes__lose_nothing_while_writers_write),
        log_test(test_log_changes__tell_that_a_reader_is_in_the_way),
        log_test(test_log_changes__tell_of_the_access_log_in_the_log),
        log_test(test_log_changes__wait_no_longer_than_told_for_a_disk_that_hangs),
        log_test(test_log_changes__make_room_on_a_full_disk),
        log_test(test_log_changes__take_each_option),
        log_test(test_log_changes__take_each_option_of_the_access_log),
        log_test(test_log_changes__change_between_lines),
    };
    return cmocka_run_group_tests_name("log_changes", tests, NULL, NULL);
}
