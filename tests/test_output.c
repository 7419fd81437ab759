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
#include "support/program.h"

enum { CONSOLE_BITE = 3 };

static struct {
    HANDLE handle; /* what GetStdHandle gives */
    bool is_console;
    DWORD write_error;       /* of the console and of files; 0: none */
    uint32_t no_memory_from; /* the number of the allocation that fails; 0: none */
    uint32_t allocations;
    WCHAR written[256];
    size_t length;
} terminal;

typedef HANDLE(WINAPI *get_handle_function)(DWORD);
typedef BOOL(WINAPI *get_mode_function)(HANDLE, LPDWORD);
typedef BOOL(WINAPI *write_function)(HANDLE, const void *, DWORD, LPDWORD, LPVOID);
typedef BOOL(WINAPI *write_file_function)(HANDLE, LPCVOID, DWORD, LPDWORD, LPOVERLAPPED);
typedef LPVOID(WINAPI *alloc_function)(HANDLE, DWORD, SIZE_T);

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
    static write_file_function real;
    if (real == NULL) {
        real = (write_file_function)(void (*)(void))GetProcAddress(GetModuleHandleW(L"kernel32.dll"),
                                                                   "WriteFile");
    }
    if (handle == terminal.handle && terminal.write_error != 0) {
        SetLastError(terminal.write_error);
        return FALSE;
    }
    return real(handle, at, length, written, overlapped);
}

static LPVOID WINAPI fake_alloc(HANDLE heap, DWORD flags, SIZE_T size)
{
    static alloc_function real;
    if (real == NULL) {
        real = (alloc_function)(void (*)(void))GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "HeapAlloc");
    }
    return ++terminal.allocations == terminal.no_memory_from ? NULL : real(heap, flags, size);
}

extern write_file_function __imp_WriteFile;
write_file_function __imp_WriteFile = fake_write_file;
extern alloc_function __imp_HeapAlloc;
alloc_function __imp_HeapAlloc = fake_alloc;
extern get_handle_function __imp_GetStdHandle;
get_handle_function __imp_GetStdHandle = fake_get_handle;
extern get_mode_function __imp_GetConsoleMode;
get_mode_function __imp_GetConsoleMode = fake_get_mode;
extern write_function __imp_WriteConsoleW;
write_function __imp_WriteConsoleW = fake_write_console;

static int setup(void **state)
{
    (void)state;
    memset(&terminal, 0, sizeof terminal);
    return 0;
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
        terminal.allocations = 0;
        terminal.no_memory_from = nth;
        output_format(&output, "%s", "a text that needs the heap");
        terminal.no_memory_from = 0;
        assert_true(terminal.allocations >= nth);
        assert_int_equal(output.error, ERROR_NOT_ENOUGH_MEMORY);
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

#define test(name) cmocka_unit_test_setup(name, setup)

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
