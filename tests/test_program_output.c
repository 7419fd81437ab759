/* SPDX-License-Identifier: MIT
   Tests of diagnosis/program_output.h, with cmd.exe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "diagnosis/program_output.h"
#include "support/fault.h"
#include "support/seam.h"
#include "support/support.h"

enum { PATIENCE = 30000 };

static bool read_output(const WCHAR *arguments, uint64_t patience, HANDLE stop, struct text *text)
{
    text_init_heap(text);
    return program_output_read(L"cmd.exe", arguments, GetTickCount64() + patience, stop, text);
}

static void test_program_output__is_what_the_program_prints(void **state)
{
    (void)state;
    struct text text;
    assert_true(read_output(L"/c \"echo out& echo err>&2\"", PATIENCE, NULL, &text));
    assert_non_null(strstr(text.at, "out"));
    assert_non_null(strstr(text.at, "err"));
    text_fini(&text);
}

static void test_program_output__tells_of_a_program_that_fails(void **state)
{
    (void)state;
    struct text text;
    assert_false(read_output(L"/c exit 3", PATIENCE, NULL, &text));
    text_fini(&text);
    text_init_heap(&text);
    assert_false(program_output_read(L"no-such-program.exe", L"", GetTickCount64() + PATIENCE, NULL, &text));
    text_fini(&text);
}

/* "pause" would read the console; here there is none, so something that takes its time. */
static void test_program_output__ends_a_program_that_takes_too_long(void **state)
{
    (void)state;
    struct text text;
    const uint64_t begin = GetTickCount64();
    assert_false(read_output(L"/c \"for /l %i in (1,0,2) do @rem\"", 300, NULL, &text));
    assert_in_range(GetTickCount64() - begin, 280, PATIENCE);
    text_fini(&text);
}

static void test_program_output__ends_when_it_is_told_to(void **state)
{
    (void)state;
    struct text text;
    HANDLE stop = CreateEventW(NULL, TRUE, TRUE, NULL);
    assert_false(read_output(L"/c \"for /l %i in (1,0,2) do @rem\"", PATIENCE, stop, &text));
    text_fini(&text);
    CloseHandle(stop);
}

static BOOL WINAPI create_process(LPCWSTR program, LPWSTR line, LPSECURITY_ATTRIBUTES security,
                                  LPSECURITY_ATTRIBUTES thread_security, BOOL inherits, DWORD flags,
                                  LPVOID environment, LPCWSTR folder, LPSTARTUPINFOW start,
                                  LPPROCESS_INFORMATION process)
{
    const STARTUPINFOEXW *extended = (const STARTUPINFOEXW *)(const void *)start;
    WCHAR system[MAX_PATH];
    const UINT length = GetSystemDirectoryW(system, MAX_PATH);
    assert_int_equal(_wcsnicmp(program, system, length), 0);
    assert_true(line[0] == L'"' && wcsstr(line, L"\\cmd.exe\" /c ver") != NULL);
    assert_true(inherits && (flags & EXTENDED_STARTUPINFO_PRESENT) != 0 && extended->lpAttributeList != NULL);
    assert_true((flags & CREATE_NO_WINDOW) != 0);
    return SEAM_REAL(CreateProcessW)(program, line, security, thread_security, inherits, flags, environment,
                                     folder, start, process);
}

static void test_program_output__gives_the_child_one_handle_and_a_full_path(void **state)
{
    (void)state;
    struct text text;
    seam_replace(IMPORT_CreateProcessW, (seam_function)create_process);
    assert_true(read_output(L"/c ver", PATIENCE, NULL, &text));
    text_fini(&text);
}

static void test_program_output__leaves_nothing_behind_when_a_step_fails(void **state)
{
    (void)state;
    static const struct {
        enum import import;
        uint32_t nth;
    } steps[] = {
        {IMPORT_GetSystemDirectoryW, 1},
        {IMPORT_CreatePipe, 1},
        {IMPORT_SetHandleInformation, 1},
        {IMPORT_InitializeProcThreadAttributeList, 2}, /* the first only asks for the size */
        {IMPORT_UpdateProcThreadAttribute, 1},
        {IMPORT_CreateProcessW, 1},
        {IMPORT_HeapAlloc, 1},
        {IMPORT_GetExitCodeProcess, 1},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        DWORD codes[FAULT_CODES];
        struct text text;
        fault_codes(steps[i].import, codes);
        fault_arm(steps[i].import, steps[i].nth, codes[0], 1);
        if (read_output(L"/c ver", PATIENCE, NULL, &text)) {
            fail_msg("step %zu", i);
        }
        assert_int_equal(fault_hits(), i + 1);
        text_fini(&text);
    }
}

static void test_program_output__has_an_end(void **state)
{
    (void)state;
    struct text text;
    assert_true(read_output(L"/c \"for /l %i in (1,1,3) do @echo 0123456789\"", PATIENCE, NULL, &text));
    text_fini(&text);
    fault_arm(IMPORT_PeekNamedPipe, 1, ERROR_BROKEN_PIPE, FAULT_FOREVER);
    assert_true(read_output(L"/c ver", PATIENCE, NULL, &text));
    assert_int_equal(text.length, 0);
    text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_program_output__is_what_the_program_prints),
        support_test(test_program_output__tells_of_a_program_that_fails),
        support_test(test_program_output__ends_a_program_that_takes_too_long),
        support_test(test_program_output__ends_when_it_is_told_to),
        support_test(test_program_output__gives_the_child_one_handle_and_a_full_path),
        support_test(test_program_output__leaves_nothing_behind_when_a_step_fails),
        support_test(test_program_output__has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
