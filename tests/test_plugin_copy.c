/* SPDX-License-Identifier: MIT
   Tests of handler/plugin_copy.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/text.h"
#include "handler/plugin_copy.h"
#include "support/fault.h"
#include "support/plugin_folders.h"
#include "support/seam.h"
#include "support/support.h"

static struct plugin_folders folders;
static uint8_t bytes[] = "not that a copy is looked at";
static struct plugin_file file;

static int setup(void **state)
{
    static char path[] = "P\\echo.dll";
    const int result = support_setup(state);
    plugin_folders_init(&folders);
    file = (struct plugin_file){.name = "echo", .path = path, .bytes = bytes, .size = sizeof bytes};
    return result;
}

static int teardown(void **state)
{
    plugin_folders_fini(&folders);
    return support_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void assert_files(const char *expected)
{
    char room[512];
    struct text names;
    const size_t count = folder_list(&folders.cache);
    text_init(&names, room, sizeof room);
    for (size_t i = 0; i < count; i++) {
        text_add_format(&names, "%s ", folders.cache.names[i]);
    }
    assert_string_equal(room, expected);
}

static void create(struct plugin_copy *copy)
{
    struct failure failure;
    if (!plugin_copy_create(copy, folders.cache.path, &file, &failure)) {
        fail_msg("%s", failure.text);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    struct plugin_copy first, second;
    size_t length = 0;
    create(&first);
    create(&second);
    assert_files("echo-1.dll echo-2.dll ");
    char *read = folder_read(&folders.cache, "echo-2.dll", &length);
    assert_int_equal(length, sizeof bytes);
    assert_memory_equal(read, bytes, sizeof bytes);
    free(read);
    plugin_copy_destroy(&first);
    assert_files("echo-2.dll ");
    create(&first);
    assert_files("echo-1.dll echo-2.dll ");
    plugin_copy_keep(&first);
    plugin_copy_destroy(&second);
    assert_files("echo-1.dll ");
}

static void test_nobody_can_delete_it(void **state)
{
    (void)state;
    struct plugin_copy copy;
    create(&copy);
    assert_false(folder_delete(&folders.cache, "echo-1.dll"));
    plugin_copy_clear(folders.cache.path);
    assert_files("echo-1.dll ");
    plugin_copy_destroy(&copy);
    assert_files("");
}

static void test_makes_its_folder(void **state)
{
    (void)state;
    struct plugin_copy copy;
    struct failure failure;
    char inner[FOLDER_PATH_ROOM];
    snprintf(inner, sizeof inner, "%s", folder_join(&folders.cache, "inner"));
    assert_true(plugin_copy_create(&copy, inner, &file, &failure));
    plugin_copy_destroy(&copy);
    assert_true(folder_delete(&folders.cache, "inner"));
    snprintf(inner, sizeof inner, "%s", folder_join(&folders.cache, "one\\two")); /* not two at a time */
    assert_false(plugin_copy_create(&copy, inner, &file, &failure));
    assert_non_null(strstr(failure.text, "two\\echo-1.dll cannot be made: error 3"));
}

static void test_is(void **state)
{
    (void)state;
    struct plugin_copy copy;
    uint8_t other[sizeof bytes];
    memcpy(other, bytes, sizeof other);
    create(&copy);
    assert_true(plugin_copy_is(&copy, &file));
    assert_true(plugin_copy_is(&copy, &file)); /* from the beginning each time */
    other[sizeof other - 1] = 'x';
    file.bytes = other;
    assert_false(plugin_copy_is(&copy, &file));
    file.bytes = bytes;
    file.size--;
    assert_false(plugin_copy_is(&copy, &file));
    file.size++;
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_false(plugin_copy_is(&copy, &file));
    fault_arm(IMPORT_ReadFile, 1, ERROR_READ_FAULT, 1);
    assert_false(plugin_copy_is(&copy, &file));
    assert_int_equal(fault_hits(), 2);
    plugin_copy_destroy(&copy);
}

static void test_clears_what_is_left(void **state)
{
    (void)state;
    static const char *const names[] = {"echo-7.dll",   "a_b-c-123.dll", "echo.dll",   "echo-.dll",
                                        "-1.dll",       "notes-1.txt",   "Echo-1.dll", "1.dll",
                                        "echo-1.2.dll", "echo-1x.dll"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        folder_write(&folders.cache, names[i], "x", 1);
    }
    plugin_copy_clear(folders.cache.path);
    assert_files("-1.dll 1.dll Echo-1.dll echo-.dll echo-1.2.dll echo-1x.dll echo.dll notes-1.txt ");
    plugin_copy_clear("Q:\\there\\is\\no\\such\\folder");
}

/* Each may fail: then what can be deleted is deleted the next time. */
static void test_clearing_may_fail(void **state)
{
    (void)state;
    static const enum import imports[] = {IMPORT_HeapAlloc,           IMPORT_FindFirstFileW,
                                          IMPORT_FindNextFileW,       IMPORT_DeleteFileW,
                                          IMPORT_WideCharToMultiByte, IMPORT_MultiByteToWideChar};
    for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
        for (uint32_t nth = 1, hits = 1; hits > 0; nth++) {
            folder_write(&folders.cache, "echo-1.dll", "x", 1);
            folder_write(&folders.cache, "echo-2.dll", "x", 1);
            fault_arm(imports[i], nth, ERROR_NOT_ENOUGH_MEMORY, 1);
            plugin_copy_clear(folders.cache.path);
            hits = fault_hits();
            fault_clear();
        }
        assert_files("");
    }
}

static BOOL WINAPI write_less(HANDLE handle, LPCVOID at, DWORD length, LPDWORD done, LPOVERLAPPED overlapped)
{
    return SEAM_REAL(WriteFile)(handle, at, length - 1, done, overlapped);
}

static void assert_refused(enum exit_code code, const char *expected)
{
    struct plugin_copy copy;
    struct failure failure;
    assert_false(plugin_copy_create(&copy, folders.cache.path, &file, &failure));
    if (strstr(failure.text, expected) == NULL ||
        strstr(failure.text, "P\\echo.dll cannot be loaded: ") == NULL) {
        fail_msg("\"%s\" has no \"%s\"", failure.text, expected);
    }
    assert_int_equal(failure.code, code);
    assert_files("");
}

static void assert_fails(enum import import, uint32_t nth, DWORD error, uint32_t times, enum exit_code code,
                         const char *expected)
{
    fault_arm(import, nth, error, times);
    assert_refused(code, expected);
    assert_true(fault_hits() >= 1);
    fault_clear();
}

static void test_calls_that_fail(void **state)
{
    (void)state;
    assert_fails(IMPORT_CreateFileW, 1, ERROR_ACCESS_DENIED, FAULT_FOREVER, EXIT_CODE_ACCESS_DENIED,
                 "cannot be made: error 5");
    assert_fails(IMPORT_CreateFileW, 1, ERROR_FILE_EXISTS, FAULT_FOREVER, EXIT_CODE_FAILED,
                 "echo-1000.dll cannot be made: error 80");
    assert_fails(IMPORT_CreateFileW, 1, ERROR_WRITE_PROTECT, 1, EXIT_CODE_FAILED, "cannot be made: error 19");
    assert_fails(IMPORT_CreateFileW, 2, ERROR_SHARING_VIOLATION, 1, EXIT_CODE_FAILED,
                 "echo-1.dll cannot be opened: error 32");
    assert_fails(IMPORT_WriteFile, 1, ERROR_DISK_FULL, 1, EXIT_CODE_FAILED, "make room on that disk");
    assert_fails(IMPORT_WriteFile, 1, ERROR_ACCESS_DENIED, 1, EXIT_CODE_ACCESS_DENIED,
                 "needs the right to write in that folder");
    for (uint32_t nth = 1; nth <= 2; nth++) { /* the path, as UTF-8 and for Windows */
        assert_fails(IMPORT_HeapAlloc, nth, 0, 1, EXIT_CODE_FAILED, "its copy  cannot be made: error 8");
    }
    seam_replace(IMPORT_WriteFile, (seam_function)write_less);
    assert_refused(EXIT_CODE_FAILED, "cannot be written: error 112");
}

static void test_folder_that_cannot_be_made(void **state)
{
    (void)state;
    struct plugin_copy copy;
    struct failure failure;
    char inner[FOLDER_PATH_ROOM];
    snprintf(inner, sizeof inner, "%s", folder_join(&folders.cache, "inner"));
    fault_arm(IMPORT_CreateDirectoryW, 1, ERROR_ACCESS_DENIED, 1);
    assert_false(plugin_copy_create(&copy, inner, &file, &failure));
    assert_int_equal(failure.win32_error, ERROR_PATH_NOT_FOUND);
    fault_clear();
    fault_arm(IMPORT_MultiByteToWideChar, 3, ERROR_NOT_ENOUGH_MEMORY, 1);
    assert_false(plugin_copy_create(&copy, inner, &file, &failure));
    assert_int_equal(fault_hits(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_numbers),
        test(test_nobody_can_delete_it),
        test(test_makes_its_folder),
        test(test_is),
        test(test_clears_what_is_left),
        test(test_clearing_may_fail),
        test(test_calls_that_fail),
        test(test_folder_that_cannot_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
