/* SPDX-License-Identifier: MIT
   Tests of output.c: to a console, to a file, to nobody. The console is a fake that takes three characters at
   a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "output.h"
#include "support/fault.h"
#include "support/program.h"
#include "support/seam.h"
#include "support/support.h"

enum { CONSOLE_BITE = 3 };

static struct {
    HANDLE handle; /* what GetStdHandle gives */
    bool is_console;
    DWORD write_error; /* of the console and of files; 0: none */
    WCHAR written[256];
    size_t length;
} terminal;

static HANDLE WINAPI fake_get_handle(DWORD which)
{
    (void)which;
    return terminal.handle;
}

static BOOL WINAPI fake_get_mode(HANDLE handle, LPDWORD mode)
{
    *mode = 0;
    return terminal.is_console && handle == terminal.handle;
}

static BOOL WINAPI fake_write_console(HANDLE handle, const void *at, DWORD length, LPDWORD written,
                                      LPVOID reserved)
{
    const DWORD part = length < CONSOLE_BITE ? length : CONSOLE_BITE;
    (void)handle, (void)reserved;
    if (terminal.write_error != 0) {
        SetLastError(terminal.write_error);
        return FALSE;
    }
    memcpy(terminal.written + terminal.length, at, part * sizeof(WCHAR));
    terminal.length += part;
    *written = part;
    return TRUE;
}

static BOOL WINAPI fake_write_file(HANDLE handle, LPCVOID at, DWORD length, LPDWORD written,
                                   LPOVERLAPPED overlapped)
{
    if (handle == terminal.handle && terminal.write_error != 0) {
        SetLastError(terminal.write_error);
        return FALSE;
    }
    return SEAM_REAL(WriteFile)(handle, at, length, written, overlapped);
}

static int setup(void **state)
{
    const int result = support_setup(state);
    memset(&terminal, 0, sizeof terminal);
    seam_replace(IMPORT_GetStdHandle, (seam_function)fake_get_handle);
    seam_replace(IMPORT_GetConsoleMode, (seam_function)fake_get_mode);
    seam_replace(IMPORT_WriteConsoleW, (seam_function)fake_write_console);
    seam_replace(IMPORT_WriteFile, (seam_function)fake_write_file);
    return result;
}

static struct output open_console(void)
{
    struct output output;
    terminal.handle = (HANDLE)&terminal;
    terminal.is_console = true;
    output_init(&output, STD_OUTPUT_HANDLE);
    assert_true(output.is_console);
    return output;
}

static void test_output__a_console_gets_utf_16_to_the_last_character(void **state)
{
    struct output output = open_console();
    (void)state;
    output_format(&output, "%s: %d\n", "\xC5\xBElut\xC3\xBD \xF0\x9F\x98\x80", 7);
    assert_int_equal(output.error, 0);
    assert_int_equal(wcscmp(terminal.written, L"\u017elut\u00fd \xD83D\xDE00: 7\n"), 0);
}

static void test_output__what_fails_once_is_kept_and_ends_it(void **state)
{
    struct output output = open_console();
    (void)state;
    terminal.write_error = ERROR_NO_DATA;
    output_format(&output, "one");
    terminal.write_error = 0;
    output_format(&output, "two");
    assert_int_equal(output.error, ERROR_NO_DATA);
    assert_int_equal(terminal.length, 0);
}

static void test_output__without_memory_it_says_so(void **state)
{
    (void)state;
    for (uint32_t nth = 1; nth <= 3; nth++) {
        struct output output = open_console();
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        output_format(&output, "%s", "a text that needs the heap");
        assert_int_equal(fault_hits(), 1);
        assert_int_equal(output.error, ERROR_NOT_ENOUGH_MEMORY);
        fault_clear();
    }
}

static void test_output__a_file_gets_the_bytes_as_they_are(void **state)
{
    static char text[200001], read[200100];
    WCHAR folder[PROGRAM_PATH_MAX], path[PROGRAM_PATH_MAX];
    struct output output;
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[0] = '\xC5';
    text[1] = '\xBE';
    text[2] = '\n';
    program_folder(folder);
    program_write(folder, L"out", "", path);
    terminal.handle = CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    output_init(&output, STD_OUTPUT_HANDLE);
    assert_false(output.is_console);
    output_write(&output, text, sizeof text - 1);
    CloseHandle(terminal.handle);
    assert_int_equal(output.error, 0);
    assert_true(program_read(path, read, sizeof read));
    assert_string_equal(read, text);
    program_remove(folder);
}

static void test_output__a_full_disk_is_kept(void **state)
{
    struct output output;
    (void)state;
    terminal.handle = (HANDLE)&terminal;
    output_init(&output, STD_ERROR_HANDLE);
    terminal.write_error = ERROR_DISK_FULL;
    output_format(&output, "one");
    assert_int_equal(output.error, ERROR_DISK_FULL);
}

static void test_output__without_a_handle_nothing_happens(void **state)
{
    static const HANDLE handles[] = {NULL, INVALID_HANDLE_VALUE};
    (void)state;
    for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++) {
        struct output output;
        terminal.handle = handles[i];
        output_init(&output, STD_OUTPUT_HANDLE);
        output_format(&output, "one");
        assert_null(output.handle);
        assert_int_equal(output.error, 0);
    }
}

static void test_output__a_failure_is_one_line_and_returns_its_code(void **state)
{
    struct output output = open_console();
    const struct failure failure = {.code = EXIT_CODE_BIND, .text = "no"};
    (void)state;
    assert_int_equal(output_failure(&output, &failure), EXIT_CODE_BIND);
    assert_int_equal(wcscmp(terminal.written, L"portlistener: no\n"), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, support_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_output__a_console_gets_utf_16_to_the_last_character),
        test(test_output__what_fails_once_is_kept_and_ends_it),
        test(test_output__without_memory_it_says_so),
        test(test_output__a_file_gets_the_bytes_as_they_are),
        test(test_output__a_full_disk_is_kept),
        test(test_output__without_a_handle_nothing_happens),
        test(test_output__a_failure_is_one_line_and_returns_its_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
