/* SPDX-License-Identifier: MIT
   Both logs on a disk that is really full, and with files and folders that are taken away (R11). The full disk is a
   small one that tests/small-disk.sh makes and names in PORTLISTENER_TEST_SMALL_DISK; without it that test is skipped. */
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

enum {
    PATIENCE = 15000,          /* milliseconds that a loaded machine may take */
    CHUNK = 4096,              /* bytes of the filler's writes */
    ROTATE_SIZE = 64 * 1024,   /* of the access log, so that rotations meet the full disk, too */
    LINES_BEFORE = 500,        /* in each log, ... */
    DROPPED_AT_LEAST = 500,    /* ... and so many lost, while the disk is full */
    STOP_LOADING_AT = 1000000, /* lines; the queues are full long before */
    RESUME_LIMIT = 1000        /* milliseconds: the figure */
};

static struct folder folder;

static int setup(void **state)
{
    support_setup(state);
    folder_init(&folder);
    return 0;
}

static int teardown(void **state)
{
    folder_fini(&folder);
    return support_teardown(state);
}

static const struct access_line line = {.endpoint = "web", .connection = 1, .reason = CLOSED_IDLE};

/* Both logs, and what was sent to them. */
struct logs {
    struct log *log;
    struct access_log *access;
    uint64_t sent;
};

static void logs_open(struct logs *logs, const char *path, const char *access_path)
{
    struct failure failure;
    *logs = (struct logs){.sent = 0};
    logs->log = log_create(
        &(const struct log_options){
            .file = path, .level = LOG_LEVEL_INFO, .rotate_size = ROTATE_SIZE, .keep = 60},
        &failure);
    assert_non_null(logs->log);
    logs->access = access_log_create(
        &(const struct access_log_options){
            .file = {.path = access_path, .rotate_size = ROTATE_SIZE, .keep = 60}, .is_json = true},
        &failure);
    assert_non_null(logs->access);
}

static void logs_write(struct logs *logs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        log_write(logs->log, EVENT_SERVICE_STARTING, "web", 1, "sent");
        access_log_write(logs->access, &line);
    }
    logs->sent += count;
}

static void logs_flush(struct logs *logs)
{
    log_flush(logs->log, PATIENCE);
    access_log_flush(logs->access, PATIENCE);
}

static void logs_close(struct logs *logs)
{
    access_log_destroy(logs->access);
    log_destroy(logs->log);
}

/* What stands in files; each line must be whole. */
struct tally {
    uint64_t stored;
    uint64_t missing; /* as the files themselves say */
};

static uint64_t number_behind(const char *at, const char *words)
{
    const char *found = strstr(at, words);
    assert_non_null(found);
    return strtoull(found + strlen(words), NULL, 10);
}

static void tally_line(struct tally *tally, const char *at)
{
    if (strstr(at, " PL1501 ") != NULL) {
        tally->missing += number_behind(at, " PL1501 ");
    } else if (strncmp(at, "{\"time\":\"", 9) == 0 && strstr(at, "\"missing\":") != NULL) {
        tally->missing += number_behind(at, "\"missing\":");
    } else if (strstr(at, " PL1001 [web] #0000000000000001 sent\r") != NULL ||
               (strncmp(at, "{\"time\":\"", 9) == 0 && strstr(at, ",\"reason\":\"idle\"}") != NULL)) {
        tally->stored++;
    } else {
        fail_msg("no whole line: %s", at);
    }
}

static void tally_file(struct tally *tally, const char *name)
{
    size_t length = 0;
    char *bytes = folder_read(&folder, name, &length);
    char *at = bytes;
    for (char *end = strchr(at, '\n'); end != NULL; end = strchr(at, '\n')) {
        *end = '\0';
        tally_line(tally, at);
        at = end + 1;
    }
    assert_ptr_equal(at, bytes + length); /* no torn line at the end */
    free(bytes);
}

/* Of the files whose names begin so. */
static struct tally tally_all(const char *name)
{
    struct tally tally = {0};
    const size_t count = folder_list(&folder);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(folder.names[i], name, strlen(name)) == 0) {
            tally_file(&tally, folder.names[i]);
        }
    }
    return tally;
}

static void assert_conserves(const struct logs *logs, uint64_t log_lost, uint64_t access_lost)
{
    const struct tally log = tally_all("log"), access = tally_all("access");
    print_message("             log: %u sent = %u stored + %u dropped; access log: %u = %u + %u\n",
                  (unsigned)logs->sent, (unsigned)log.stored, (unsigned)log_lost, (unsigned)logs->sent,
                  (unsigned)access.stored, (unsigned)access_lost);
    assert_true(log.stored + log_lost == logs->sent && log.missing == log_lost);
    assert_true(access.stored + access_lost == logs->sent && access.missing == access_lost);
}

/* ---- A disk that is full ---- */

static HANDLE fill_disk(void)
{
    static const char zeros[CHUNK];
    DWORD written = CHUNK;
    HANDLE filler = folder_open(&folder, "filler", GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE);
    assert_ptr_not_equal(filler, INVALID_HANDLE_VALUE);
    while (SEAM_REAL(WriteFile)(filler, zeros, CHUNK, &written, NULL) && written == CHUNK) {}
    return filler;
}

static void write_until_dropped(struct logs *logs)
{
    while (
        (log_dropped(logs->log) < DROPPED_AT_LEAST || access_log_dropped(logs->access) < DROPPED_AT_LEAST) &&
        logs->sent < STOP_LOADING_AT) {
        logs_write(logs, 1);
    }
    assert_true(logs->sent < STOP_LOADING_AT);
}

static void test_log_disk__is_full_and_has_room_again(void **state)
{
    (void)state;
    char path[FOLDER_PATH_ROOM];
    struct logs logs;
    const char *disk = getenv("PORTLISTENER_TEST_SMALL_DISK"); /* NOLINT(concurrency-mt-unsafe): one thread */
    if (disk == NULL) {
        print_message("             no small disk: tests/small-disk.sh makes one, as root\n");
        skip();
    }
    const struct folder own = folder;
    snprintf(folder.path, sizeof folder.path, "%s", disk);
    snprintf(path, sizeof path, "%s", folder_join(&folder, "log.log"));
    folder_write(&folder, "filler", "", 0);
    logs_open(&logs, path, folder_join(&folder, "access.log"));
    logs_write(&logs, LINES_BEFORE);
    logs_flush(&logs);
    HANDLE filler = fill_disk();
    write_until_dropped(&logs);
    folder_close(filler);
    const uint64_t begin = SEAM_REAL(GetTickCount64)();
    assert_true(folder_delete(&folder, "filler"));
    logs_flush(&logs); /* all that has waited is stored */
    const uint64_t took = SEAM_REAL(GetTickCount64)() - begin;
    logs_write(&logs, LINES_BEFORE);
    logs_flush(&logs);
    const uint64_t lost = log_dropped(logs.log), access_lost = access_log_dropped(logs.access);
    logs_close(&logs);
    print_message("             R11: all that had waited was stored %u ms after there was room\n",
                  (unsigned)took);
    assert_conserves(&logs, lost, access_lost);
    for (size_t i = folder_list(&folder); i > 0; i--) {
        assert_true(folder_delete(&folder, folder.names[i - 1]));
    }
    folder = own;
    assert_in_range(took, 0, RESUME_LIMIT + 2000); /* room for a busy machine */
}

/* Whatever write fails, as Windows tells it of a full disk: with an error, or taking a part. */
static LONG volatile failing;

static BOOL WINAPI write_sometimes(HANDLE file, LPCVOID at, DWORD length, LPDWORD written,
                                   LPOVERLAPPED overlapped)
{
    const LONG number = InterlockedIncrement(&failing);
    if (number % 5 > 1 || length < 2) {
        return SEAM_REAL(WriteFile)(file, at, length, written, overlapped);
    }
    if (number % 5 == 1) { /* a part arrives */
        return SEAM_REAL(WriteFile)(file, at, length / 2, written, overlapped);
    }
    *written = 0;
    SetLastError(ERROR_DISK_FULL);
    return FALSE;
}

static void test_log_disk__is_full_now_and_then(void **state)
{
    (void)state;
    char path[FOLDER_PATH_ROOM];
    struct logs logs;
    snprintf(path, sizeof path, "%s", folder_join(&folder, "log.log"));
    logs_open(&logs, path, folder_join(&folder, "access.log"));
    seam_replace(IMPORT_WriteFile, (seam_function)write_sometimes);
    write_until_dropped(&logs);
    logs_flush(&logs);
    seam_restore();
    logs_write(&logs, LINES_BEFORE);
    logs_flush(&logs);
    const uint64_t lost = log_dropped(logs.log), access_lost = access_log_dropped(logs.access);
    logs_close(&logs);
    assert_conserves(&logs, lost, access_lost);
}

/* ---- Files and folders that are read-only, moved, or taken away ---- */

/* Here root may write to a read-only file: so the system is made to say what it would. */
static void test_log_disk__is_read_only_at_first(void **state)
{
    (void)state;
    char path[FOLDER_PATH_ROOM];
    struct logs logs;
    snprintf(path, sizeof path, "%s", folder_join(&folder, "log.log"));
    fault_arm(IMPORT_CreateFileW, 1, ERROR_ACCESS_DENIED, FAULT_FOREVER);
    logs_open(&logs, path, folder_join(&folder, "access.log"));
    logs_write(&logs, LINES_BEFORE);
    Sleep(700); /* tried again, in vain */
    assert_int_equal(folder_list(&folder), 0);
    fault_clear();
    const uint64_t begin = SEAM_REAL(GetTickCount64)();
    logs_flush(&logs);
    const uint64_t took = SEAM_REAL(GetTickCount64)() - begin;
    logs_close(&logs);
    print_message(
        "             R11: all that had waited was stored %u ms after there was the right to write\n",
        (unsigned)took);
    assert_in_range(took, 0, RESUME_LIMIT + 2000);
    assert_conserves(&logs, 0, 0);
}

static void test_log_disk__has_files_that_are_moved_and_a_folder_in_their_place(void **state)
{
    (void)state;
    char path[FOLDER_PATH_ROOM];
    struct rotation rotation;
    struct logs logs;
    WCHAR wide[FOLDER_PATH_ROOM];
    snprintf(path, sizeof path, "%s", folder_join(&folder, "log.log"));
    logs_open(&logs, path, folder_join(&folder, "access.log"));
    logs_write(&logs, 10);
    logs_flush(&logs);
    assert_true(folder_rename(&folder, "log.log", "log-mine.log"));
    assert_true(folder_rename(&folder, "access.log", "access-mine.log"));
    MultiByteToWideChar(CP_UTF8, 0, folder_join(&folder, "access.log"), -1, wide, FOLDER_PATH_ROOM);
    assert_true(CreateDirectoryW(wide, NULL)); /* no file can be opened by this name */
    logs_write(&logs, 10);
    logs_flush(&logs);
    log_rotate(logs.log, PATIENCE, &rotation);
    assert_int_equal(rotation.state, ROTATION_DONE);
    logs_write(&logs, 10);
    logs_flush(&logs);
    assert_true(RemoveDirectoryW(wide));
    logs_close(&logs);
    const struct tally access = tally_all("access");
    assert_true(access.stored == 30);
}

#define disk_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        disk_test(test_log_disk__is_full_and_has_room_again),
        disk_test(test_log_disk__is_full_now_and_then),
        disk_test(test_log_disk__is_read_only_at_first),
        disk_test(test_log_disk__has_files_that_are_moved_and_a_folder_in_their_place),
    };
    return cmocka_run_group_tests_name("log_disk", tests, NULL, NULL);
}
