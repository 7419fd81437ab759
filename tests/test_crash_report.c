/* SPDX-License-Identifier: MIT
   Tests of crash_report.c from inside: the filter is called with exceptions that nobody raised, and the process lives on.
   test_crash.c has those that it does not survive. */
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
#include "crash_report.h"
#include "support/fault.h"
#include "support/program.h"
#include "support/seam.h"
#include "support/support.h"

/* ---- What stands in for Windows ---- */

static struct {
    LPTOP_LEVEL_EXCEPTION_FILTER filter;
    volatile LONG terminations;
    UINT code;
    DWORD slept;
    bool knows_no_memory;
    WCHAR folder[PROGRAM_PATH_MAX];
    char *log;
    struct breadcrumb *breadcrumb;
} world;

static LPTOP_LEVEL_EXCEPTION_FILTER WINAPI fake_set_filter(LPTOP_LEVEL_EXCEPTION_FILTER filter)
{
    const LPTOP_LEVEL_EXCEPTION_FILTER before = world.filter;
    world.filter = filter;
    return before;
}

static BOOL WINAPI fake_terminate(HANDLE process, UINT code)
{
    (void)process;
    world.code = code;
    InterlockedIncrement(&world.terminations);
    return TRUE;
}

static void WINAPI fake_sleep(DWORD milliseconds)
{
    world.slept = milliseconds;
}

static SIZE_T WINAPI fake_query(LPCVOID address, PMEMORY_BASIC_INFORMATION memory, SIZE_T length)
{
    return world.knows_no_memory ? 0 : VirtualQueryEx(GetCurrentProcess(), address, memory, length);
}

typedef LPTOP_LEVEL_EXCEPTION_FILTER(WINAPI *set_filter_function)(LPTOP_LEVEL_EXCEPTION_FILTER);
typedef void(WINAPI *sleep_function)(DWORD);
typedef SIZE_T(WINAPI *query_function)(LPCVOID, PMEMORY_BASIC_INFORMATION, SIZE_T);

/* What the seam does not have. */
extern set_filter_function __imp_SetUnhandledExceptionFilter;
extern sleep_function __imp_Sleep;
extern query_function __imp_VirtualQuery;
set_filter_function __imp_SetUnhandledExceptionFilter = fake_set_filter;
sleep_function __imp_Sleep = fake_sleep;
query_function __imp_VirtualQuery = fake_query;

/* ---- Around each test ---- */

static const char endpoint[] = "web";

static int setup(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    memset(&world, 0, sizeof world);
    if (support_setup(state) != 0) {
        return -1;
    }
    seam_replace(IMPORT_TerminateProcess, (seam_function)fake_terminate);
    program_folder(world.folder);
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\web.log", world.folder);
    world.log = utf16_to_utf8(path);
    world.breadcrumb = memory_alloc(breadcrumb_size(1));
    breadcrumb_init(world.breadcrumb, 1, "1");
    breadcrumb_add_name(world.breadcrumb, endpoint, "echo");
    return world.log != NULL && world.breadcrumb != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    crash_report_disarm();
    program_remove(world.folder);
    memory_free(world.log);
    memory_free(world.breadcrumb);
    return support_teardown(state);
}

/* This function stands for the code that crashes. */
static void crash_with(EXCEPTION_RECORD *record)
{
    CONTEXT context = {0};
    EXCEPTION_POINTERS pointers = {.ExceptionRecord = record, .ContextRecord = &context};
    assert_non_null(world.filter);
    assert_int_equal(world.filter(&pointers), EXCEPTION_EXECUTE_HANDLER);
    assert_true(world.code == record->ExceptionCode);
}

static EXCEPTION_RECORD record_of(DWORD code, const void *address)
{
    return (EXCEPTION_RECORD){.ExceptionCode = code, .ExceptionAddress = (void *)(uintptr_t)address};
}

/* The reports that there are; the text of one. */
static unsigned read_reports(char *text, size_t room)
{
    return program_read_all(world.folder, L"web-crash-*.txt", text, room);
}

static char report[8192];

static void expect_report(const char *part)
{
    assert_int_equal(read_reports(report, sizeof report), 1);
    if (strstr(report, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, report);
    }
}

static void arm(void)
{
    assert_true(crash_report_arm(world.log, world.breadcrumb));
}

/* ---- Tests ---- */

static void test_crash_report__tells_whose_callback_it_was(void **state)
{
    EXCEPTION_RECORD record = record_of(EXCEPTION_INT_DIVIDE_BY_ZERO, (const void *)(uintptr_t)crash_with);
    (void)state;
    struct breadcrumb_place *place = breadcrumb_place(world.breadcrumb, 2);
    place->thread = GetCurrentThreadId();
    callback_mark_enter(&place->mark, endpoint, "is not read", "on_data", 0xABC);
    arm();
    crash_with(&record);
    expect_report("crash of: PortListener " PORTLISTENER_VERSION "\r\ntime: 20");
    expect_report("Z\r\nprocess: ");
    expect_report("\r\nexception: 0xC0000094, integer division by zero\r\naddress: 0x0000");
    expect_report(
        "\r\nhandler: echo\r\ncallback: on_data\r\nendpoint: web\r\nconnection: 0x0000000000000ABC\r\nmodule: ");
    expect_report("\\test_crash_report.exe\r\ncalls:\r\n  ");
    assert_int_equal(world.terminations, 1);
    assert_true(world.breadcrumb->crash_code == EXCEPTION_INT_DIVIDE_BY_ZERO);
    assert_true(world.breadcrumb->crash_thread == GetCurrentThreadId());
    assert_true(world.breadcrumb->crash_time != 0);
}

static void test_crash_report__tells_that_the_thread_was_in_no_callback(void **state)
{
    EXCEPTION_RECORD record = record_of(0x12345678, NULL);
    (void)state;
    arm();
    crash_with(&record);
    expect_report("\r\nexception: 0x12345678, unknown\r\n");
    expect_report("\r\nmodule's base: 0x0000000000000000\r\noffset: 0x0000000000000000\r\nhandler: none: the "
                  "thread was in no callback\r\nmodule: ?\r\n");
}

static void test_crash_report__needs_no_breadcrumb(void **state)
{
    EXCEPTION_RECORD record = record_of(EXCEPTION_BREAKPOINT, (const void *)(uintptr_t)crash_with);
    (void)state;
    assert_true(crash_report_arm(world.log, NULL));
    crash_with(&record);
    expect_report("\r\nhandler: none: the thread was in no callback\r\n");
}

static void test_crash_report__tells_what_was_done_to_which_address(void **state)
{
    static const struct {
        DWORD code;
        DWORD parameters;
        ULONG_PTR kind;
        const char *told;
    } rows[] = {
        {EXCEPTION_ACCESS_VIOLATION, 2, 0, "access violation, reading 0x0000000000001234\r\n"},
        {EXCEPTION_ACCESS_VIOLATION, 2, 1, "access violation, writing 0x0000000000001234\r\n"},
        {EXCEPTION_ACCESS_VIOLATION, 2, 8, "access violation, executing 0x0000000000001234\r\n"},
        {EXCEPTION_ACCESS_VIOLATION, 0, 0, "access violation\r\n"},
        {EXCEPTION_IN_PAGE_ERROR, 3, 0, "from its disk, reading 0x0000000000001234\r\n"},
        {0xE06D7363, 4, 0, "C++ exception that nobody caught (Visual C++)\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        EXCEPTION_RECORD record = record_of(rows[i].code, (const void *)(uintptr_t)crash_with);
        record.NumberParameters = rows[i].parameters;
        record.ExceptionInformation[0] = rows[i].kind;
        record.ExceptionInformation[1] = 0x1234;
        arm();
        crash_with(&record);
        expect_report(rows[i].told);
        crash_report_disarm();
        program_remove(world.folder);
        CreateDirectoryW(world.folder, NULL);
    }
}

static void test_crash_report__begins_the_calls_at_the_address(void **state)
{
    void *calls[8];
    (void)state;
    /* A return address of this very stack: what a crash in a caller would have. */
    const USHORT count = RtlCaptureStackBackTrace(1, 8, calls, NULL);
    assert_true(count > 0);
    EXCEPTION_RECORD record = record_of(EXCEPTION_ACCESS_VIOLATION, calls[0]);
    char line[64];
    arm();
    crash_with(&record);
    snprintf(line, sizeof line, "calls:\r\n  test_crash_report.exe+0x%08llX\r\n",
             (unsigned long long)((uintptr_t)calls[0] - (uintptr_t)GetModuleHandleW(NULL)));
    expect_report(line);
}

static void test_crash_report__does_without_what_cannot_be_asked(void **state)
{
    EXCEPTION_RECORD record = record_of(EXCEPTION_ACCESS_VIOLATION, (const void *)(uintptr_t)crash_with);
    (void)state;
    world.knows_no_memory = true;
    arm();
    crash_with(&record);
    expect_report("\r\nmodule: ?\r\ncalls:\r\n  ?+0x");
}

static void test_crash_report__names_no_module_that_windows_does_not_name(void **state)
{
    static const enum import imports[] = {IMPORT_GetModuleFileNameW, IMPORT_WideCharToMultiByte};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        EXCEPTION_RECORD record = record_of(EXCEPTION_ACCESS_VIOLATION, (const void *)(uintptr_t)crash_with);
        arm();
        fault_arm(imports[i], 1, ERROR_MOD_NOT_FOUND, 1);
        crash_with(&record);
        assert_int_equal(fault_hits(), 1);
        fault_clear();
        expect_report("\r\nmodule: ?\r\n");
        crash_report_disarm();
        program_remove(world.folder);
        CreateDirectoryW(world.folder, NULL);
    }
}

/* The process ends all the same, with the exception's code, and the next start learns that. */
static void test_crash_report__that_cannot_be_written_harms_nothing(void **state)
{
    static const enum import imports[] = {IMPORT_CreateFileW, IMPORT_WriteFile};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        EXCEPTION_RECORD record = record_of(EXCEPTION_ACCESS_VIOLATION, (const void *)(uintptr_t)crash_with);
        world.breadcrumb->crash_code = 0;
        arm();
        fault_arm(imports[i], 1, ERROR_ACCESS_DENIED, 1);
        crash_with(&record);
        assert_int_equal(fault_hits(), 1);
        fault_clear();
        assert_true(world.breadcrumb->crash_code == EXCEPTION_ACCESS_VIOLATION);
        assert_true(world.breadcrumb->crash_time == 0);
        crash_report_disarm();
    }
    assert_int_equal(world.terminations, 2);
}

static DWORD WINAPI crash_too(void *argument)
{
    crash_with(argument);
    return 0;
}

static void test_crash_report__is_written_once(void **state)
{
    EXCEPTION_RECORD record = record_of(EXCEPTION_ACCESS_VIOLATION, (const void *)(uintptr_t)crash_with);
    EXCEPTION_RECORD other = record_of(EXCEPTION_BREAKPOINT, NULL);
    (void)state;
    arm();
    crash_with(&record);
    crash_with(&other); /* the report itself crashes */
    assert_int_equal(world.slept, 0);
    HANDLE thread = CreateThread(NULL, 0, crash_too, &other, 0, NULL);
    assert_int_equal(WaitForSingleObject(thread, 15000), WAIT_OBJECT_0);
    CloseHandle(thread);
    assert_true(world.slept >= 5000); /* time for the first one */
    assert_int_equal(world.terminations, 3);
    expect_report("\r\nexception: 0xC0000005, ");
}

static void test_crash_report__keeps_the_youngest(void **state)
{
    WCHAR name[64], path[PROGRAM_PATH_MAX];
    (void)state;
    for (int i = 0; i < 12; i++) {
        swprintf(name, 64, L"web-crash-202611%02dT083100.123Z.txt", i + 1);
        program_write(world.folder, name, "old", path);
    }
    arm();
    assert_int_equal(read_reports(report, sizeof report), CRASH_REPORTS_KEPT - 1);
    assert_true(program_read(path, report, sizeof report)); /* the youngest */
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\web-crash-20261105T083100.123Z.txt", world.folder);
    assert_false(program_read(path, report, sizeof report));
}

static void test_crash_report__is_not_armed_without_memory(void **state)
{
    EXCEPTION_RECORD record = record_of(EXCEPTION_ACCESS_VIOLATION, NULL);
    const LPTOP_LEVEL_EXCEPTION_FILTER before = world.filter; /* cmocka's own */
    unsigned nth = 1;
    (void)state;
    for (bool is_armed = false; !is_armed; nth++) {
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        is_armed = crash_report_arm(world.log, world.breadcrumb);
        assert_true(is_armed == (fault_hits() == 0));
        fault_clear();
    }
    assert_int_equal(nth, 6); /* four allocations */
    LPTOP_LEVEL_EXCEPTION_FILTER filter = world.filter;
    crash_report_disarm();
    assert_true(world.filter == before);
    crash_report_disarm();
    world.filter = filter;
    crash_with(&record); /* that was under way while it was disarmed */
    assert_int_equal(read_reports(report, sizeof report), 0);
}

static void test_crash_report__path_needs_memory(void **state)
{
    char room[PROGRAM_PATH_MAX];
    struct text text;
    (void)state;
    for (unsigned nth = 1; nth <= 4; nth++) {
        text_init(&text, room, sizeof room);
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        crash_report_add_path(&text, world.log, UINT64_C(133774848000000000));
        assert_int_equal(fault_hits(), 1);
        fault_clear();
        assert_true(text.is_cut);
    }
    text_init(&text, room, sizeof room);
    crash_report_add_path(&text, world.log, UINT64_C(133774848000000000));
    assert_non_null(strstr(text.at, "\\web-crash-20241201T000000.000Z.txt"));
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_crash_report__tells_whose_callback_it_was),
        test(test_crash_report__tells_that_the_thread_was_in_no_callback),
        test(test_crash_report__needs_no_breadcrumb),
        test(test_crash_report__tells_what_was_done_to_which_address),
        test(test_crash_report__begins_the_calls_at_the_address),
        test(test_crash_report__does_without_what_cannot_be_asked),
        test(test_crash_report__names_no_module_that_windows_does_not_name),
        test(test_crash_report__that_cannot_be_written_harms_nothing),
        test(test_crash_report__is_written_once),
        test(test_crash_report__keeps_the_youngest),
        test(test_crash_report__is_not_armed_without_memory),
        test(test_crash_report__path_needs_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
