/* SPDX-License-Identifier: MIT
   Tests of stats/access_log.h: its lines, and what becomes of them where the disk is slow, full or gone. */
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
#include "support/fault.h"
#include "support/folder.h"
#include "support/support.h"
#include "support/wall_clock.h"

#define NOW "2026-11-25T02:27:00.123Z"

enum { PATIENCE = 15000 }; /* milliseconds that a loaded machine may take */

static struct folder folder;

static const struct access_line line = {.endpoint = "web",
                                        .client = {.family = 4, .port = 51000, .ip = {192, 0, 2, 7}},
                                        .local = {.family = 4, .port = 80, .ip = {127, 0, 0, 1}},
                                        .connection = 1,
                                        .bytes_in = 2,
                                        .bytes_out = 3,
                                        .duration = 4,
                                        .reason = CLOSED_IDLE};

#define LINE_OF(id)                                                                              \
    NOW " endpoint=web protocol=tcp client=192.0.2.7 client_port=51000 proxy=- proxy_port=- "    \
        "local=127.0.0.1 local_port=80 connection=000000000000000" id " bytes_in=2 bytes_out=3 " \
        "duration_ms=4 outcome=closed reason=idle\r\n"
#define JSON_LINE                                                                               \
    "{\"time\":\"" NOW "\",\"endpoint\":\"web\",\"protocol\":\"tcp\",\"client\":\"192.0.2.7\"," \
    "\"client_port\":51000,\"local\":\"127.0.0.1\",\"local_port\":80,"                          \
    "\"connection\":\"0000000000000001\",\"bytes_in\":2,\"bytes_out\":3,\"duration_ms\":4,"     \
    "\"outcome\":\"closed\",\"reason\":\"idle\"}\n"

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

static struct log *create_log(void)
{
    struct failure failure;
    struct log *main_log = log_create(
        &(const struct log_options){.file = folder_join(&folder, "main.log"), .level = LOG_LEVEL_INFO},
        &failure);
    assert_non_null(main_log);
    assert_int_equal(failure.code, EXIT_CODE_DONE);
    return main_log;
}

/* For log\access.log in the folder, unless `options` say otherwise. */
static struct access_log *create_failing(struct access_log_options options, struct failure *failure_out)
{
    if (options.file.path == NULL) {
        options.file.path = folder_join(&folder, "log\\access.log");
    }
    return access_log_create(&options, failure_out);
}

static struct access_log *create(struct access_log_options options)
{
    struct failure failure = {.code = EXIT_CODE_FAILED, .text = ""};
    struct access_log *access = create_failing(options, &failure);
    assert_non_null(access);
    if (failure.code != EXIT_CODE_DONE) {
        fail_msg("the access log is not open: %s", failure.text);
    }
    return access;
}

static void assert_content(const char *name, const char *expected)
{
    size_t length = 0;
    char *bytes = folder_read(&folder, name, &length);
    assert_string_equal(bytes, expected);
    assert_int_equal(length, strlen(expected));
    free(bytes);
}

static bool wait_until(bool (*is_true)(void))
{
    for (int waited = 0; waited < PATIENCE && !is_true(); waited += 5) {
        Sleep(5);
    }
    return is_true();
}

static void write_line(struct access_log *access, uint64_t connection)
{
    struct access_line one = line;
    one.connection = connection;
    access_log_write(access, &one);
}

/* ---- what is written ---- */

static void test_access_log__writes_text(void **state)
{
    (void)state;
    struct access_log *access = create((struct access_log_options){.is_json = false});
    access_log_write(access, &line);
    wall_clock_move(877);
    access_log_write(access,
                     &(const struct access_line){.endpoint = "dns", .is_udp = true, .reason = REFUSED_ACL});
    access_log_destroy(access);
    assert_content(
        "log\\access.log",
        LINE_OF("1") "2026-11-25T02:27:01.000Z endpoint=dns protocol=udp client=- client_port=- proxy=- "
                     "proxy_port=- local=- local_port=- connection=- bytes_in=0 bytes_out=0 duration_ms=0 "
                     "outcome=refused reason=acl\r\n");
}

static void test_access_log__writes_json(void **state)
{
    (void)state;
    struct access_log *access = create((struct access_log_options){.is_json = true});
    access_log_write(access, &line);
    access_log_destroy(access);
    assert_content("log\\access.log", JSON_LINE);
}

static BOOL WINAPI tell_local_time(const TIME_ZONE_INFORMATION *information, const SYSTEMTIME *utc,
                                   LPSYSTEMTIME local)
{
    assert_null(information); /* the one in force */
    *local = *utc;
    local->wHour = (WORD)(local->wHour + 1);
    return TRUE;
}

static void test_access_log__writes_local_time_with_its_offset(void **state)
{
    static const char expected[] = "2026-11-25T03:27:00.123+01:00 endpoint=web ";
    (void)state;
    size_t length = 0;
    seam_replace(IMPORT_SystemTimeToTzSpecificLocalTime, (seam_function)tell_local_time);
    struct access_log *access = create((struct access_log_options){.is_local_time = true});
    access_log_write(access, &line);
    access_log_destroy(access);
    char *bytes = folder_read(&folder, "log\\access.log", &length);
    assert_memory_equal(bytes, expected, sizeof expected - 1);
    free(bytes);
}

static void test_access_log__may_be_missing(void **state)
{
    (void)state;
    access_log_write(NULL, &line);
    access_log_flush(NULL, 1000);
    access_log_destroy(NULL);
}

static void test_access_log__rotates_between_lines(void **state)
{
    (void)state;
    struct access_log *access = create((struct access_log_options){
        .file = {.path = folder_join(&folder, "a.log"), .rotate_size = sizeof LINE_OF("1") - 1, .keep = 2}});
    for (uint64_t i = 1; i <= 5; i++) {
        write_line(access, i);
    }
    access_log_destroy(access);
    assert_int_equal(folder_list(&folder), 3);
    assert_content(folder.names[0], LINE_OF("3"));
    assert_content(folder.names[1], LINE_OF("4"));
    assert_content("a.log", LINE_OF("5"));
}

enum { THREADS = 4, LINES = 2000 };

static DWORD WINAPI write_lines(void *context)
{
    for (int i = 0; i < LINES; i++) {
        access_log_write(context, &line);
        if (i % 100 == 99) {
            access_log_flush(context, PATIENCE);
        }
    }
    return 0;
}

static void test_access_log__keeps_lines_of_many_threads_whole(void **state)
{
    (void)state;
    HANDLE threads[THREADS];
    size_t length = 0;
    struct access_log *access = create((struct access_log_options){.is_json = true});
    for (size_t i = 0; i < THREADS; i++) {
        threads[i] = CreateThread(NULL, 0, write_lines, access, 0, NULL);
        assert_non_null(threads[i]);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(WaitForSingleObject(threads[i], INFINITE), WAIT_OBJECT_0);
        CloseHandle(threads[i]);
    }
    assert_int_equal(access_log_dropped(access), 0);
    access_log_destroy(access);
    char *bytes = folder_read(&folder, "log\\access.log", &length);
    assert_int_equal(length, (size_t)THREADS * LINES * (sizeof JSON_LINE - 1));
    for (size_t at = 0; at < length; at += sizeof JSON_LINE - 1) {
        assert_memory_equal(bytes + at, JSON_LINE, sizeof JSON_LINE - 1);
    }
    free(bytes);
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

static struct access_log *create_held_up(bool is_json, struct log *main_log)
{
    may_write = CreateSemaphoreW(NULL, 0, 1000, NULL);
    writes_waiting = 0;
    seam_replace(IMPORT_WriteFile, (seam_function)write_when_allowed);
    struct access_log *access = create((struct access_log_options){.is_json = is_json, .log = main_log});
    access_log_write(access, &line);
    assert_true(wait_until(is_a_write_waiting));
    return access;
}

/* Until `count` lines are missing. How many were written. */
static uint64_t write_until_dropped(struct access_log *access, uint64_t count)
{
    uint64_t written = 0;
    while (access_log_dropped(access) < count) {
        access_log_write(access, &line);
        written++;
    }
    return written;
}

#define TOO_FAST "12 lines are missing here: they came faster than they could be written"

/* The lines of the file: those of connections are counted, another one must be `gap`. */
static uint64_t count_lines(const char *expected_line, const char *gap)
{
    size_t length = 0;
    uint64_t lines = 0, gaps = 0;
    char *bytes = folder_read(&folder, "log\\access.log", &length);
    for (const char *at = bytes; *at != '\0';) {
        const bool is_gap = strncmp(at, gap, strlen(gap)) == 0;
        assert_true(is_gap || strncmp(at, expected_line, strlen(expected_line)) == 0);
        gaps += is_gap ? 1U : 0U;
        lines += is_gap ? 0U : 1U;
        at += strlen(is_gap ? gap : expected_line);
    }
    assert_int_equal(gaps, 1);
    free(bytes);
    return lines;
}

static void test_access_log__counts_what_it_drops_where_it_is_missing(void **state)
{
    static const struct {
        bool is_json;
        const char *line;
        const char *gap;
    } rows[] = {
        {false, LINE_OF("1"), "# " NOW " " TOO_FAST "\r\n"},
        {true, JSON_LINE, "{\"time\":\"" NOW "\",\"missing\":12,\"text\":\"" TOO_FAST "\"}\n"},
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct log *main_log = create_log();
        struct access_log *access = create_held_up(rows[i].is_json, main_log);
        const uint64_t written = write_until_dropped(access, 12);
        assert_in_range(written, 1000, 20000); /* the queue holds that many, and does not grow without end */
        assert_true(ReleaseSemaphore(may_write, 1000, NULL));
        access_log_flush(access, PATIENCE);
        access_log_write(access, &line);
        access_log_destroy(access);
        log_destroy(main_log);
        assert_int_equal(count_lines(rows[i].line, rows[i].gap), 1 + written - 12 + 1);
        assert_content("main.log", NOW " warning PL1503 access log: " TOO_FAST "\r\n");
        assert_true(folder_delete(&folder, "main.log"));
        assert_true(folder_delete(&folder, "log\\access.log"));
        CloseHandle(may_write);
    }
}

/* Without a log there is nobody to tell, but the file. */
static void test_access_log__needs_no_log(void **state)
{
    (void)state;
    struct access_log *access = create_held_up(false, NULL);
    write_until_dropped(access, 12);
    assert_true(ReleaseSemaphore(may_write, 1000, NULL));
    access_log_destroy(access);
    count_lines(LINE_OF("1"), "# " NOW " " TOO_FAST "\r\n");
    CloseHandle(may_write);
}

static void fill_disk(void)
{
    fault_arm(IMPORT_WriteFile, 1, ERROR_DISK_FULL, FAULT_FOREVER);
}

static bool has_a_write_failed(void)
{
    return fault_hits() > 0;
}

static void assert_log_tells(const char *first, const char *second)
{
    size_t length = 0;
    char *bytes = folder_read(&folder, "main.log", &length);
    const char *at = strstr(bytes, first);
    assert_non_null(at);
    assert_null(strstr(at + 1, first)); /* once */
    assert_non_null(strstr(at, second));
    free(bytes);
}

static void test_access_log__waits_for_space_and_tells_it_once(void **state)
{
    (void)state;
    struct log *main_log = create_log();
    struct access_log *access = create((struct access_log_options){.log = main_log});
    write_line(access, 1);
    access_log_flush(access, PATIENCE);
    fill_disk();
    write_line(access, 2);
    assert_true(wait_until(has_a_write_failed));
    write_line(access, 3);
    Sleep(700); /* another try has failed */
    fault_clear();
    access_log_flush(access, PATIENCE);
    assert_content("log\\access.log", LINE_OF("1") LINE_OF("2") LINE_OF("3"));
    assert_int_equal(access_log_dropped(access), 0);
    access_log_destroy(access);
    log_destroy(main_log);
    assert_log_tells("error   PL1504 ", "\\log\\access.log cannot be written: error 112");
}

static void test_access_log__tells_the_log_what_the_stop_loses(void **state)
{
    (void)state;
    static const char *const told[] = {"PL1503 access log: 1 line could not be written before the stop\r\n",
                                       "PL1503 access log: 2 lines could not be written before the stop\r\n"};
    for (uint64_t lost = 1; lost <= 2; lost++) {
        struct log *main_log = create_log();
        struct access_log *access = create((struct access_log_options){.log = main_log});
        write_line(access, 1);
        access_log_flush(access, PATIENCE);
        fill_disk();
        for (uint64_t i = 0; i < lost; i++) {
            write_line(access, 2);
        }
        const uint64_t begin = GetTickCount64();
        access_log_destroy(access);
        assert_true(GetTickCount64() - begin < 5000);
        fault_clear();
        log_destroy(main_log);
        assert_content("log\\access.log", LINE_OF("1"));
        assert_log_tells("PL1503", told[lost - 1]);
        assert_true(folder_delete(&folder, "main.log"));
        assert_true(folder_delete(&folder, "log\\access.log"));
    }
}

/* As Windows tells it of a file that was deleted while we have it open; Wine does not. */
static BOOL WINAPI tell_deleted(HANDLE file, FILE_INFO_BY_HANDLE_CLASS kind, LPVOID information, DWORD length)
{
    assert_true(SEAM_REAL(GetFileInformationByHandleEx)(file, kind, information, length));
    ((FILE_STANDARD_INFO *)information)->DeletePending = TRUE;
    return TRUE;
}

static WCHAR removed_folder[FOLDER_PATH_ROOM];
static LONG volatile removals;

/* A folder can go when the last handle of the deleted file in it has gone. */
static BOOL WINAPI close_and_remove(HANDLE handle)
{
    const BOOL is_closed = SEAM_REAL(CloseHandle)(handle);
    if (removals == 0 && RemoveDirectoryW(removed_folder)) {
        InterlockedIncrement(&removals);
    }
    return is_closed;
}

static void test_access_log__begins_a_new_file_where_its_folder_was_removed(void **state)
{
    (void)state;
    struct access_log *access = create((struct access_log_options){.is_json = false});
    removals = 0;
    MultiByteToWideChar(CP_UTF8, 0, folder_join(&folder, "log"), -1, removed_folder, FOLDER_PATH_ROOM);
    write_line(access, 1);
    access_log_flush(access, PATIENCE);
    assert_true(folder_delete(&folder, "log\\access.log"));
    seam_replace(IMPORT_GetFileInformationByHandleEx, (seam_function)tell_deleted);
    seam_replace(IMPORT_CloseHandle, (seam_function)close_and_remove);
    write_line(access, 2);
    access_log_flush(access, PATIENCE);
    assert_int_equal(removals, 1);
    access_log_destroy(access);
    assert_content("log\\access.log", LINE_OF("2"));
}

static void test_access_log__waits_for_a_file_that_cannot_be_opened(void **state)
{
    (void)state;
    struct failure failure;
    struct log *main_log = create_log();
    folder_write(&folder, "log", "in the way", 10);
    struct access_log *access = create_failing((struct access_log_options){.log = main_log}, &failure);
    assert_non_null(access);
    assert_int_equal(failure.code, EXIT_CODE_FAILED);
    assert_non_null(strstr(failure.text, "\\log\\access.log cannot be opened: error "));
    write_line(access, 1);
    access_log_flush(access, 600);
    assert_true(folder_delete(&folder, "log"));
    access_log_flush(access, PATIENCE);
    assert_content("log\\access.log", LINE_OF("1"));
    access_log_destroy(access);
    log_destroy(main_log);
    assert_content("main.log", ""); /* the failure was told already */
}

static void test_access_log__waits_for_the_right_to_write(void **state)
{
    (void)state;
    struct failure failure;
    fault_arm(IMPORT_CreateFileW, 1, ERROR_ACCESS_DENIED, FAULT_FOREVER);
    struct access_log *access = create_failing((struct access_log_options){.is_json = false}, &failure);
    assert_non_null(access);
    assert_int_equal(failure.code, EXIT_CODE_ACCESS_DENIED);
    assert_non_null(strstr(failure.text, "the file must not be read-only"));
    write_line(access, 1);
    access_log_flush(access, 600);
    fault_clear();
    access_log_flush(access, PATIENCE);
    access_log_destroy(access);
    assert_content("log\\access.log", LINE_OF("1"));
}

static void test_access_log__is_not_there_without_memory_or_thread(void **state)
{
    (void)state;
    uint32_t nth = 1;
    struct access_log *access = NULL;
    struct failure failure;
    fault_arm(IMPORT_CreateThread, 1, ERROR_NOT_ENOUGH_MEMORY, 1);
    assert_null(create_failing((struct access_log_options){.is_json = false}, &failure));
    assert_non_null(strstr(failure.text, "no thread for the access log"));
    while (access == NULL) {
        fault_clear();
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        access = create_failing((struct access_log_options){.is_json = false}, &failure);
        assert_true(access != NULL || failure.code == EXIT_CODE_FAILED);
        assert_true(access != NULL || strstr(failure.text, "no memory for the access log") != NULL);
        nth++;
    }
    assert_true(nth > 5);
    access_log_destroy(access);
}

static void test_access_log__needs_no_memory_to_write(void **state)
{
    (void)state;
    struct access_log *access = create((struct access_log_options){.is_json = false});
    fault_arm(IMPORT_HeapAlloc, 1, 0, FAULT_FOREVER);
    fault_arm(IMPORT_HeapReAlloc, 1, 0, FAULT_FOREVER);
    access_log_write(access, &line);
    access_log_flush(access, PATIENCE);
    assert_int_equal(fault_hits(), 0);
    fault_clear();
    access_log_destroy(access);
    assert_content("log\\access.log", LINE_OF("1"));
}

/* ---- standard error ---- */

static HANDLE standard_error;

static HANDLE WINAPI tell_standard_error(DWORD which)
{
    return which == STD_ERROR_HANDLE ? standard_error : SEAM_REAL(GetStdHandle)(which);
}

static void test_access_log__writes_to_standard_error(void **state)
{
    (void)state;
    folder_write(&folder, "stderr", "", 0);
    standard_error = folder_open(&folder, "stderr", GENERIC_WRITE, FILE_SHARE_READ);
    seam_replace(IMPORT_GetStdHandle, (seam_function)tell_standard_error);
    struct access_log *access = create((struct access_log_options){.file = {.path = "-"}});
    access_log_write(access, &line);
    access_log_destroy(access);
    folder_close(standard_error); /* which the log leaves open */
    assert_content("stderr", LINE_OF("1"));
}

static void test_access_log__names_its_key_where_there_is_no_standard_error(void **state)
{
    (void)state;
    struct failure failure;
    standard_error = NULL;
    seam_replace(IMPORT_GetStdHandle, (seam_function)tell_standard_error);
    struct access_log *access = create_failing((struct access_log_options){.file = {.path = "-"}}, &failure);
    assert_non_null(access);
    assert_int_equal(failure.code, EXIT_CODE_FAILED);
    assert_non_null(strstr(failure.text, "standard error is not there: "));
    assert_non_null(strstr(failure.text, "; give access_log the name of a file"));
    access_log_destroy(access);
}

#define log_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        log_test(test_access_log__writes_text),
        log_test(test_access_log__writes_json),
        log_test(test_access_log__writes_local_time_with_its_offset),
        log_test(test_access_log__may_be_missing),
        log_test(test_access_log__rotates_between_lines),
        log_test(test_access_log__keeps_lines_of_many_threads_whole),
        log_test(test_access_log__counts_what_it_drops_where_it_is_missing),
        log_test(test_access_log__needs_no_log),
        log_test(test_access_log__waits_for_space_and_tells_it_once),
        log_test(test_access_log__tells_the_log_what_the_stop_loses),
        log_test(test_access_log__begins_a_new_file_where_its_folder_was_removed),
        log_test(test_access_log__waits_for_a_file_that_cannot_be_opened),
        log_test(test_access_log__waits_for_the_right_to_write),
        log_test(test_access_log__is_not_there_without_memory_or_thread),
        log_test(test_access_log__needs_no_memory_to_write),
        log_test(test_access_log__writes_to_standard_error),
        log_test(test_access_log__names_its_key_where_there_is_no_standard_error),
    };
    return cmocka_run_group_tests_name("access_log", tests, NULL, NULL);
}
