/* SPDX-License-Identifier: MIT
   Tests of running_file.c: what a run leaves, what the next one reads there, and that neither needs the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "running_file.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/program.h"
#include "support/seam.h"
#include "support/support.h"

static char web[] = "web", mail[] = "mail", echo[] = "echo";
static struct config_endpoint endpoints[] = {{.name = web, .handler = echo}, {.name = mail, .handler = echo}};
static const struct config config = {.endpoints = endpoints, .endpoint_count = 2};

static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    WCHAR path[PROGRAM_PATH_MAX];
    char *log;
    char last[2048];
    struct failure failure;
} world;

static int setup(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    memset(&world, 0, sizeof world);
    if (support_setup(state) != 0) {
        return -1;
    }
    program_folder(world.folder);
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\web.log", world.folder);
    swprintf(world.path, PROGRAM_PATH_MAX, L"%ls\\web.running", world.folder);
    world.log = utf16_to_utf8(path);
    return world.log != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    program_remove(world.folder);
    memory_free(world.log);
    return support_teardown(state);
}

static struct running_file *open_it(void)
{
    struct text last;
    text_init(&last, world.last, sizeof world.last);
    return running_file_open(world.log, &config, &last, &world.failure);
}

static bool is_there(void)
{
    return GetFileAttributesW(world.path) != INVALID_FILE_ATTRIBUTES;
}

/* The file as a run leaves it that dies: a copy, for in this process the run goes on. */
static void die(const struct running_file *file, DWORD length)
{
    static uint8_t bytes[65536];
    DWORD read = 0, written = 0;
    (void)file;
    HANDLE handle =
        CreateFileW(world.path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                    OPEN_EXISTING, 0, NULL);
    assert_true(handle != INVALID_HANDLE_VALUE);
    assert_true(ReadFile(handle, bytes, sizeof bytes, &read, NULL));
    CloseHandle(handle);
    running_file_close((struct running_file *)(uintptr_t)file);
    assert_false(is_there());
    handle = CreateFileW(world.path, GENERIC_WRITE, 0, NULL, CREATE_NEW, 0, NULL);
    assert_true(WriteFile(handle, bytes, read < length ? read : length, &written, NULL));
    CloseHandle(handle);
}

static void enter(struct running_file *file, const char *endpoint)
{
    struct breadcrumb_place *place = breadcrumb_place(running_file_breadcrumb(file), 0);
    place->thread = 12;
    callback_mark_enter(&place->mark, endpoint, "is not read", "on_data", 0xABC);
}

static void expect_last(const char *part)
{
    if (strstr(world.last, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, world.last);
    }
}

/* ---- Tests ---- */

static void test_running_file__is_there_while_it_runs(void **state)
{
    (void)state;
    struct running_file *file = open_it();
    assert_non_null(file);
    assert_int_equal(world.failure.code, EXIT_CODE_DONE);
    assert_string_equal(world.last, "");
    assert_true(is_there());
    assert_true(breadcrumb_is_sound(running_file_breadcrumb(file), breadcrumb_size(2 * 2 + 64)));
    running_file_close(file);
    assert_false(is_there());
    running_file_close(NULL);
    assert_null(running_file_breadcrumb(NULL));
}

static void test_running_file__tells_the_next_start(void **state)
{
    char part[128];
    (void)state;
    struct running_file *file = open_it();
    enter(file, mail);
    die(file, MAXDWORD);
    file = open_it();
    assert_int_equal(world.failure.code, EXIT_CODE_DONE);
    snprintf(part, sizeof part,
             "the last run did not end in order: process %lu, version " PORTLISTENER_VERSION ", from 20",
             (unsigned long)GetCurrentProcessId());
    expect_last(part);
    expect_last("Z; in a callback then: handler echo of endpoint mail for #0000000000000abc (thread 12)");
    assert_null(strstr(world.last, "it died"));
    running_file_close(file);
    file = open_it();
    assert_string_equal(world.last, "");
    running_file_close(file);
}

static void test_running_file__tells_where_the_report_is(void **state)
{
    (void)state;
    struct running_file *file = open_it();
    running_file_breadcrumb(file)->crash_code = 0xC0000005;
    running_file_breadcrumb(file)->crash_thread = 77;
    die(file, MAXDWORD);
    file = open_it();
    expect_last("; no handler was in a callback then; it died of exception 0xC0000005 on thread 77");
    assert_null(strstr(world.last, "see "));
    running_file_breadcrumb(file)->crash_code = 0xC0000005;
    running_file_breadcrumb(file)->crash_time = UINT64_C(133774848000000000);
    die(file, MAXDWORD);
    file = open_it();
    expect_last(" on thread 0, see ");
    expect_last("\\web-crash-20241201T000000.000Z.txt");
    running_file_close(file);
}

/* Somebody held it, so that it could not be deleted. */
static void test_running_file__that_was_left_in_order_tells_nothing(void **state)
{
    (void)state;
    struct running_file *file = open_it();
    running_file_breadcrumb(file)->has_ended = 1;
    die(file, MAXDWORD);
    file = open_it();
    assert_string_equal(world.last, "");
    running_file_close(file);
}

static void test_running_file__that_is_damaged_says_so(void **state)
{
    static const DWORD lengths[] = {0, 1, 8000};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        die(open_it(), lengths[i]);
        struct running_file *file = open_it();
        expect_last("the last run did not end in order, and which callbacks were running cannot be read in ");
        expect_last("\\web.running");
        assert_int_equal(world.failure.code, EXIT_CODE_DONE);
        running_file_close(file);
    }
}

static void test_running_file__that_cannot_be_read_says_so(void **state)
{
    static const enum import imports[] = {IMPORT_GetFileSizeEx, IMPORT_ReadFile};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        die(open_it(), MAXDWORD);
        fault_arm(imports[i], 1, ERROR_READ_FAULT, 1);
        struct running_file *file = open_it();
        assert_int_equal(fault_hits(), 1);
        fault_clear();
        expect_last("cannot be read in ");
        running_file_close(file);
    }
}

static void expect_without_file(const char *part)
{
    struct running_file *file = open_it();
    assert_non_null(file);
    assert_int_equal(world.failure.code, EXIT_CODE_FAILED);
    if (strstr(world.failure.text, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, world.failure.text);
    }
    assert_true(breadcrumb_is_sound(running_file_breadcrumb(file), breadcrumb_size(2 * 2 + 64)));
    enter(file, web);
    running_file_close(file);
}

static void test_running_file__is_done_without_where_it_cannot_be_made(void **state)
{
    static const struct {
        enum import import;
        DWORD code;
        const char *told;
    } rows[] = {
        {IMPORT_WriteFile, ERROR_DISK_FULL, "\\web.running cannot be written: error 112"},
        {IMPORT_CreateFileMappingW, ERROR_DISK_FULL, "cannot be kept in memory: error 112"},
        {IMPORT_MapViewOfFile, ERROR_NOT_ENOUGH_MEMORY, "cannot be kept in memory: error 8"},
        {IMPORT_VirtualLock, ERROR_WORKING_SET_QUOTA, "cannot be kept in memory: error 1453"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint32_t times = rows[i].import == IMPORT_VirtualLock ? 2 : 1; /* not even without the names */
        fault_arm(rows[i].import, 1, rows[i].code, times);
        expect_without_file(rows[i].told);
        assert_int_equal(fault_hits(), times);
        fault_clear();
        assert_false(is_there());
    }
    fault_arm(IMPORT_CreateFileW, 2, ERROR_ACCESS_DENIED, 1);
    expect_without_file("; the account of this process needs the right to write there");
    fault_clear();
}

/* More endpoints than a process may keep pages in memory. */
static void test_running_file__is_locked_without_its_names_where_they_are_too_many(void **state)
{
    (void)state;
    fault_arm(IMPORT_VirtualLock, 1, ERROR_WORKING_SET_QUOTA, 1);
    struct running_file *file = open_it();
    fault_clear();
    assert_non_null(file);
    assert_int_equal(world.failure.code, EXIT_CODE_DONE);
    assert_true(is_there());
    assert_int_equal(running_file_breadcrumb(file)->are_names_fixed, 1);
    running_file_close(file);
    file = open_it();
    assert_int_equal(running_file_breadcrumb(file)->are_names_fixed, 0);
    running_file_close(file);
}

static BOOL WINAPI write_half(HANDLE file, LPCVOID at, DWORD length, LPDWORD done, LPOVERLAPPED overlapped)
{
    return SEAM_REAL(WriteFile)(file, at, length / 2, done, overlapped);
}

static void test_running_file__that_is_cut_is_not_kept(void **state)
{
    (void)state;
    seam_replace(IMPORT_WriteFile, (seam_function)write_half);
    expect_without_file("cannot be written: error 112");
    assert_false(is_there());
}

static void test_running_file__of_another_run_stays_its_own(void **state)
{
    (void)state;
    struct running_file *first = open_it();
    expect_without_file("; another run with this log has it, or somebody reads it");
    assert_string_equal(world.last, "");
    assert_true(is_there());
    running_file_close(first);
}

static void test_running_file__is_nothing_without_memory(void **state)
{
    uint32_t nth = 1;
    struct running_file *file = NULL;
    (void)state;
    for (; nth < 20 && file == NULL; nth++) {
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        file = open_it();
        assert_true((file != NULL) == (fault_hits() == 0));
        fault_clear();
    }
    assert_int_equal(nth, 6); /* four allocations */
    running_file_close(file);
    assert_int_equal(ledger_count(LEDGER_BLOCK), 1); /* world.log */
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_running_file__is_there_while_it_runs),
        test(test_running_file__tells_the_next_start),
        test(test_running_file__tells_where_the_report_is),
        test(test_running_file__that_was_left_in_order_tells_nothing),
        test(test_running_file__that_is_damaged_says_so),
        test(test_running_file__that_cannot_be_read_says_so),
        test(test_running_file__is_done_without_where_it_cannot_be_made),
        test(test_running_file__is_locked_without_its_names_where_they_are_too_many),
        test(test_running_file__that_is_cut_is_not_kept),
        test(test_running_file__of_another_run_stays_its_own),
        test(test_running_file__is_nothing_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
