/* SPDX-License-Identifier: MIT
   Tests of location.c: where the configuration file is looked for, and what is said when it is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/utf16.h"
#include "location.h"
#include "support/fault.h"
#include "support/program.h"
#include "support/registry_key.h"
#include "support/support.h"

#define TEST_SERVICE "PortListenerTestLocation"
#define TEST_BESIDE  L"portlistener-test-location.ini"
#define TEST_KEY     L"SYSTEM\\CurrentControlSet\\Services\\PortListenerTestLocation"

static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    WCHAR file[PROGRAM_PATH_MAX];
    WCHAR before[PROGRAM_PATH_MAX]; /* the current folder */
    WCHAR beside[PROGRAM_PATH_MAX]; /* TEST_BESIDE in the folder of the program */
    char *file_utf8;
} world;

static int setup(void **state)
{
    if (support_setup(state) != 0) {
        return -1;
    }
    GetCurrentDirectoryW(PROGRAM_PATH_MAX, world.before);
    swprintf(world.beside, PROGRAM_PATH_MAX, L"%ls", program_path());
    wcscpy(wcsrchr(world.beside, L'\\') + 1, TEST_BESIDE);
    program_folder(world.folder);
    program_write(world.folder, L"\u017elut\u00fd k\u016f\u0148.ini", "; nothing\n", world.file);
    world.file_utf8 = utf16_to_utf8(world.file);
    return world.file_utf8 != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    RegDeleteKeyW(HKEY_LOCAL_MACHINE, TEST_KEY L"\\Parameters");
    RegDeleteKeyW(HKEY_LOCAL_MACHINE, TEST_KEY);
    SetCurrentDirectoryW(world.before);
    DeleteFileW(world.beside);
    memory_free(world.file_utf8);
    program_remove(world.folder);
    return support_teardown(state);
}

/* False where this needs administrator rights, and they are missing. */
static bool set_registry(DWORD type, const void *at, size_t size)
{
    HKEY key = NULL;
    if (RegCreateKeyExW(HKEY_LOCAL_MACHINE, TEST_KEY L"\\Parameters", 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key,
                        NULL) != ERROR_SUCCESS) {
        print_message("SKIPPED: no right to write to HKEY_LOCAL_MACHINE\n");
        return false;
    }
    const LSTATUS status = RegSetValueExW(key, L"ConfigFile", 0, type, at, (DWORD)size);
    RegCloseKey(key);
    assert_int_equal(status, ERROR_SUCCESS);
    return true;
}

static bool set_registry_text(DWORD type, const WCHAR *text)
{
    return set_registry(type, text, (wcslen(text) + 1) * sizeof *text);
}

static void expect_found(const char *given, const char *expected)
{
    struct failure failure;
    char *found = location_config(TEST_SERVICE, given, &failure);
    assert_non_null(found);
    assert_string_equal(found, expected);
    memory_free(found);
}

static void expect_failure(const char *given, enum exit_code code, const char *part)
{
    struct failure failure;
    assert_null(location_config(TEST_SERVICE, given, &failure));
    assert_int_equal(failure.code, code);
    if (strstr(failure.text, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, failure.text);
    }
}

static void test_location__the_given_file_comes_first(void **state)
{
    (void)state;
    if (!set_registry_text(REG_SZ, L"C:\\another.ini")) {
        return;
    }
    expect_found(world.file_utf8, world.file_utf8);
}

static void test_location__a_relative_path_becomes_full(void **state)
{
    (void)state;
    assert_true(SetCurrentDirectoryW(world.folder));
    char *name = utf16_to_utf8(wcsrchr(world.file, L'\\') + 1);
    expect_found(name, world.file_utf8);
    memory_free(name);
}

static void test_location__then_the_registry_with_variables(void **state)
{
    (void)state;
    if (!set_registry_text(REG_SZ, world.file)) {
        return;
    }
    expect_found(NULL, world.file_utf8);
    assert_true(SetEnvironmentVariableW(L"PORTLISTENER_TEST", world.folder));
    WCHAR text[PROGRAM_PATH_MAX];
    swprintf(text, PROGRAM_PATH_MAX, L"%%PORTLISTENER_TEST%%%ls", wcsrchr(world.file, L'\\'));
    set_registry_text(REG_EXPAND_SZ, text);
    expect_found(NULL, world.file_utf8);
    SetEnvironmentVariableW(L"PORTLISTENER_TEST", NULL);
}

/* Wherever the program is started: a service's current folder is System32, a person's another. */
static void test_location__a_relative_registry_value_begins_beside_the_program(void **state)
{
    static const WCHAR *const values[] = {TEST_BESIDE, L".\\" TEST_BESIDE, L"./" TEST_BESIDE,
                                          L"nowhere\\..\\" TEST_BESIDE};
    char *expected = utf16_to_utf8(world.beside);
    WCHAR folder[PROGRAM_PATH_MAX], path[PROGRAM_PATH_MAX];
    (void)state;
    swprintf(folder, PROGRAM_PATH_MAX, L"%ls", world.beside);
    *wcsrchr(folder, L'\\') = L'\0';
    program_write(folder, TEST_BESIDE, "; nothing\n", path);
    program_write(world.folder, TEST_BESIDE, "; another\n", path);
    assert_true(SetCurrentDirectoryW(world.folder));
    for (size_t i = 0; i < sizeof values / sizeof values[0] && set_registry_text(REG_SZ, values[i]); i++) {
        expect_found(NULL, expected);
    }
    assert_true(DeleteFileW(world.beside));
    if (set_registry_text(REG_SZ, TEST_BESIDE)) {
        expect_failure(NULL, EXIT_CODE_CONFIGURATION, expected); /* names the place that was looked at */
    }
    memory_free(expected);
}

static void test_location__a_registry_value_without_its_drive_or_folder_is_refused(void **state)
{
    static const WCHAR *const values[] = {L"\\x.ini", L"/x.ini", L"C:x.ini", L"C:"};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0] && set_registry_text(REG_SZ, values[i]); i++) {
        expect_failure(NULL, EXIT_CODE_CONFIGURATION, "the registry value ConfigFile names ");
        expect_failure(NULL, EXIT_CODE_CONFIGURATION, "which depends on the current drive or its folder");
    }
    if (set_registry_text(REG_SZ, L"C:/nowhere/x.ini")) {
        expect_failure(NULL, EXIT_CODE_CONFIGURATION, "names C:\\nowhere\\x.ini: error 3");
    }
    if (set_registry_text(REG_SZ, L"\\\\?\\C:\\nowhere\\x.ini")) {
        expect_failure(NULL, EXIT_CODE_CONFIGURATION, "names \\\\?\\C:\\nowhere\\x.ini: error 3");
    }
}

static void test_location__a_registry_value_that_leads_nowhere_is_named(void **state)
{
    const DWORD number = 5;
    (void)state;
    if (!set_registry_text(REG_SZ, L"C:\\nowhere\\x.ini")) {
        return;
    }
    expect_failure(NULL, EXIT_CODE_CONFIGURATION,
                   "the registry value ConfigFile names C:\\nowhere\\x.ini: error ");
    set_registry(REG_DWORD, &number, sizeof number);
    expect_failure(NULL, EXIT_CODE_CONFIGURATION,
                   "the registry value ConfigFile of the service " TEST_SERVICE " cannot be read: error ");
    expect_failure(NULL, EXIT_CODE_CONFIGURATION, "; write it as text, or give --config FILE");
}

static void test_location__a_registry_value_that_may_not_be_read_is_code_5(void **state)
{
    (void)state;
    fault_arm(IMPORT_RegGetValueW, 1, ERROR_ACCESS_DENIED, 1);
    expect_failure(NULL, EXIT_CODE_ACCESS_DENIED,
                   "the registry value ConfigFile of the service " TEST_SERVICE " cannot be read: error 5: ");
    fault_clear();
    fault_arm(IMPORT_RegGetValueW, 1, ERROR_ACCESS_DENIED, 1);
    expect_failure(NULL, EXIT_CODE_ACCESS_DENIED,
                   "; run elevated, or give this account the right to read it");
}

/* As long as the service manager allows, in a script of three bytes a character. */
static void test_location__a_long_service_name_is_looked_for_like_any_other(void **state)
{
    static const DWORD errors[] = {ERROR_FILE_NOT_FOUND, ERROR_BADDB};
    static const char *const parts[] = {"no configuration file: the service \xE2\x82\xAC",
                                        "the registry value ConfigFile of the service \xE2\x82\xAC"};
    char name[3 * 200 + 1];
    struct text text;
    (void)state;
    text_init(&text, name, sizeof name);
    while (text.length < sizeof name - 1) {
        text_add_string(&text, "\xE2\x82\xAC");
    }
    for (size_t i = 0; i < 2; i++) {
        struct failure failure;
        fault_clear();
        fault_arm(IMPORT_CreateFileW, 1, ERROR_FILE_NOT_FOUND, FAULT_FOREVER);
        if (errors[i] != ERROR_FILE_NOT_FOUND) {
            fault_arm(IMPORT_RegGetValueW, 1, errors[i], 1);
        }
        assert_null(location_config(name, NULL, &failure));
        fault_clear();
        assert_int_equal(failure.code, EXIT_CODE_CONFIGURATION);
        assert_int_equal(failure.win32_error, errors[i]);
        assert_memory_equal(failure.text, parts[i], strlen(parts[i]));
        assert_non_null(strstr(failure.text, "give --config FILE"));
        assert_true(text_is_utf8(failure.text, strlen(failure.text)));
    }
}

static void test_location__then_the_file_beside_the_program(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    swprintf(path, PROGRAM_PATH_MAX, L"%ls", program_path());
    wcscpy(wcsrchr(path, L'\\') + 1, L"portlistener.ini");
    char *expected = utf16_to_utf8(path);
    if (GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES) { /* as the build puts it there */
        expect_found(NULL, expected);
    }
    memory_free(expected);
    fault_arm(IMPORT_CreateFileW, 1, ERROR_FILE_NOT_FOUND, FAULT_FOREVER);
    expect_failure(NULL, EXIT_CODE_CONFIGURATION,
                   "no configuration file: the service " TEST_SERVICE " has no registry value ConfigFile");
    expect_failure(NULL, EXIT_CODE_CONFIGURATION, "portlistener.ini; write that file, or give --config FILE");
    fault_clear();
}

static void test_location__a_missing_file_and_a_folder_are_code_3(void **state)
{
    char *folder = utf16_to_utf8(world.folder);
    (void)state;
    expect_failure("C:\\nowhere\\x.ini", EXIT_CODE_CONFIGURATION,
                   "--config names C:\\nowhere\\x.ini: error 3");
    expect_failure(folder, EXIT_CODE_CONFIGURATION, "error 267");
    expect_failure("", EXIT_CODE_CONFIGURATION, "--config names ");
    memory_free(folder);
}

static void test_location__a_file_that_may_not_be_read_is_code_5(void **state)
{
    (void)state;
    fault_arm(IMPORT_CreateFileW, 1, ERROR_ACCESS_DENIED, 1);
    expect_failure(world.file_utf8, EXIT_CODE_ACCESS_DENIED,
                   "run elevated, or give this account the right to read it");
}

static void test_location__a_path_that_is_too_long_is_said(void **state)
{
    char *path = memory_alloc(70000);
    (void)state;
    memset(path, 'x', 69999);
    expect_failure(path, EXIT_CODE_CONFIGURATION, "--config names xxx");
    memory_free(path);
}

static void find_without_memory(const char *given, bool is_there)
{
    bool was_hit = true;
    for (uint32_t nth = 1; was_hit; nth++) {
        struct failure failure = {.code = EXIT_CODE_DONE};
        fault_clear();
        fault_arm(IMPORT_HeapAlloc, nth, 0, FAULT_FOREVER);
        char *found = location_config(TEST_SERVICE, given, &failure);
        was_hit = fault_hits() > 0;
        fault_clear();
        assert_int_equal(found != NULL, is_there && !was_hit);
        memory_free(found);
        if (was_hit) {
            assert_int_equal(failure.code, EXIT_CODE_FAILED);
            assert_string_equal(failure.text, "out of memory");
        }
    }
}

static void test_location__without_memory_it_says_so_and_keeps_none(void **state)
{
    (void)state;
    find_without_memory(world.file_utf8, true);
    if (set_registry_text(REG_SZ, world.file)) {
        find_without_memory(NULL, true);
        set_registry_text(REG_SZ, L"C:x.ini"); /* refused */
        find_without_memory(NULL, false);
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void test_location__a_default_file_may_be_missing_when_the_registry_has_an_endpoint(void **state)
{
    (void)state;
    WCHAR expected[PROGRAM_PATH_MAX];
    swprintf(expected, PROGRAM_PATH_MAX, L"%ls", program_path());
    wcscpy(wcsrchr(expected, L'\\') + 1, L"portlistener-none.ini");
    char *utf8 = utf16_to_utf8(expected);
    registry_key_text(TEST_SERVICE, "endpoint web", "handler", "echo");
    registry_key_text(TEST_SERVICE, "", "ConfigFile", "portlistener-none.ini");
    expect_found(NULL, utf8);
    registry_key_text(TEST_SERVICE, "", "ConfigFile", utf8);
    expect_found(NULL, utf8);
    expect_failure("C:\\nowhere\\x.ini", EXIT_CODE_CONFIGURATION,
                   "--config names C:\\nowhere\\x.ini: error 3");
    fault_arm(IMPORT_RegEnumKeyExW, 1, ERROR_ACCESS_DENIED, 1); /* whoever reads it then tells */
    expect_found(NULL, utf8);
    fault_clear();
    registry_key_remove(TEST_SERVICE);
    registry_key_text(TEST_SERVICE, "", "ConfigFile", utf8);
    registry_key_text(TEST_SERVICE, "service", "log_level", "info");
    expect_failure(NULL, EXIT_CODE_CONFIGURATION, "the registry value ConfigFile names ");
    registry_key_remove(TEST_SERVICE);
    memory_free(utf8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_location__the_given_file_comes_first),
        test(test_location__a_relative_path_becomes_full),
        test(test_location__then_the_registry_with_variables),
        test(test_location__a_relative_registry_value_begins_beside_the_program),
        test(test_location__a_registry_value_without_its_drive_or_folder_is_refused),
        test(test_location__a_registry_value_that_leads_nowhere_is_named),
        test(test_location__a_registry_value_that_may_not_be_read_is_code_5),
        test(test_location__a_long_service_name_is_looked_for_like_any_other),
        test(test_location__then_the_file_beside_the_program),
        test(test_location__a_missing_file_and_a_folder_are_code_3),
        test(test_location__a_file_that_may_not_be_read_is_code_5),
        test(test_location__a_path_that_is_too_long_is_said),
        test(test_location__without_memory_it_says_so_and_keeps_none),
        test(test_location__a_default_file_may_be_missing_when_the_registry_has_an_endpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
