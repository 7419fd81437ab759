/* SPDX-License-Identifier: MIT
   Tests of command_run.c: what a console run prints, and what Ctrl+C, Ctrl+Break and a closed console do. The
   console's functions are fakes here, and so is the engine. */
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
#include "commands.h"
#include "support/fake_engine.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/program.h"
#include "support/seam.h"
#include "support/streams.h"
#include "support/support.h"

enum { PATIENCE = 15000 };

/* ---- The fake console ---- */

static struct {
    PHANDLER_ROUTINE volatile handler;
    HANDLE end_of_time; /* lets a Sleep(INFINITE) return, when the test is done with it */
    volatile LONG slept_close, slept_forever;
    volatile LONG terminations;
} console;

typedef void(WINAPI *sleep_function)(DWORD);

static BOOL WINAPI fake_set_handler(PHANDLER_ROUTINE handler, BOOL is_added)
{
    console.handler = is_added ? handler : NULL;
    return TRUE;
}

static void WINAPI fake_sleep(DWORD milliseconds)
{
    if (milliseconds == INFINITE) {
        InterlockedIncrement(&console.slept_forever);
        WaitForSingleObject(console.end_of_time, INFINITE);
    } else if (milliseconds >= 4000) {
        InterlockedIncrement(&console.slept_close);
    } else {
        SleepEx(milliseconds, FALSE);
    }
}

static BOOL WINAPI fake_terminate(HANDLE process, UINT code)
{
    (void)process, (void)code;
    InterlockedIncrement(&console.terminations);
    return TRUE;
}

/* What the seam does not have. */
extern sleep_function __imp_Sleep;
sleep_function __imp_Sleep = fake_sleep;

/* ---- A run of the command ---- */

static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    char *config_file;
    struct streams streams;
    HANDLE thread;
    enum exit_code code;
    char printed[8192];
    char complained[8192];
} run;

static int setup(void **state)
{
    fake_engine_reset();
    memset(&console, 0, sizeof console);
    memset(&run, 0, sizeof run);
    if (support_setup(state) != 0) {
        return -1;
    }
    seam_replace(IMPORT_SetConsoleCtrlHandler, (seam_function)fake_set_handler);
    seam_replace(IMPORT_TerminateProcess, (seam_function)fake_terminate);
    console.end_of_time = CreateEventW(NULL, TRUE, FALSE, NULL);
    program_folder(run.folder);
    streams_open(&run.streams, run.folder);
    return 0;
}

static int teardown(void **state)
{
    CloseHandle(console.end_of_time);
    program_remove(run.folder);
    memory_free(run.config_file);
    return support_teardown(state);
}

static DWORD WINAPI run_thread(void *argument)
{
    const struct arguments arguments = {.options = {[OPTION_CONFIG] = run.config_file}};
    (void)argument;
    run.code = command_run_run(&arguments, &run.streams);
    return 0;
}

static void prepare(const char *ini)
{
    WCHAR path[PROGRAM_PATH_MAX];
    program_write(run.folder, L"portlistener.ini", ini, path);
    run.config_file = utf16_to_utf8(path);
    assert_non_null(run.config_file);
}

static void go(void)
{
    run.thread = CreateThread(NULL, 0, run_thread, NULL, 0, NULL);
    assert_non_null(run.thread);
}

static void start(const char *ini)
{
    prepare(ini);
    go();
}

static const char ini_text[] =
    "[service]\nlog_file = test.log\n[endpoint fake]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n";

static void wait_for_text(const char *part)
{
    for (int waited = 0; waited < PATIENCE; waited += 10) {
        streams_look(run.folder, run.printed, sizeof run.printed);
        if (strstr(run.printed, part) != NULL) {
            return;
        }
        SleepEx(10, FALSE);
    }
    fail_msg("\"%s\" was not printed in time", part);
}

static void wait_for_end(void)
{
    assert_int_equal(WaitForSingleObject(run.thread, PATIENCE), WAIT_OBJECT_0);
    CloseHandle(run.thread);
    streams_end(&run.streams, run.folder, run.printed, sizeof run.printed, run.complained,
                sizeof run.complained);
}

/* ---- Tests ---- */

static void test_command_run__ctrl_c_stops_it_in_order(void **state)
{
    (void)state;
    start(ini_text);
    wait_for_text("Ctrl+C stops it");
    assert_true(console.handler(CTRL_C_EVENT));
    wait_for_end();
    assert_int_equal(run.code, EXIT_CODE_DONE);
    assert_string_equal(run.printed,
                        "PortListener " PORTLISTENER_VERSION " runs; 1 endpoint; Ctrl+C stops it\n"
                        "  listens tcp 127.0.0.1:7 fake\n"
                        "stopping; Ctrl+C again resets the connections that are left\n"
                        "stopped\n");
    assert_string_equal(run.complained, "");
    assert_int_equal(fake_engine.hurries, 0);
    assert_true(fake_engine.drain_limit == UINT32_MAX);
    assert_null(console.handler);
}

static void test_command_run__shows_what_waits_and_why(void **state)
{
    (void)state;
    fake_engine.bind_error = WSAEADDRINUSE;
    start(ini_text);
    wait_for_text("Ctrl+C stops it");
    assert_true(console.handler(CTRL_C_EVENT));
    wait_for_end();
    assert_non_null(strstr(run.printed, "  listens tcp 127.0.0.1:7 fake\n"));
    assert_non_null(strstr(run.printed, "  waits   udp 127.0.0.1:7 fake: error 10048"));
}

static void test_command_run__a_warning_is_printed(void **state)
{
    (void)state;
    start("[service]\nlog_file = test.log\n"
          "[endpoint fake]\nenabled = no\nlisten = tcp://127.0.0.1:7\nhandler = echo\n");
    wait_for_text("runs; 0 endpoints; Ctrl+C stops it");
    assert_true(console.handler(CTRL_C_EVENT));
    wait_for_end();
    assert_int_equal(run.code, EXIT_CODE_DONE);
    assert_non_null(strstr(run.complained, "portlistener.ini:3:1: warning: "));
}

static void test_command_run__ctrl_break_twice_stops_it_now(void **state)
{
    (void)state;
    fake_engine.stops_when_hurried = true;
    start(ini_text);
    wait_for_text("Ctrl+C stops it");
    const PHANDLER_ROUTINE handler = console.handler;
    assert_true(handler(CTRL_BREAK_EVENT));
    wait_for_text("stopping");
    assert_true(handler(CTRL_BREAK_EVENT));
    wait_for_end();
    assert_int_equal(run.code, EXIT_CODE_DONE);
    assert_true(fake_engine.hurries >= 1);
    assert_false(
        handler(CTRL_C_EVENT)); /* nothing runs any more: the system's own handler ends the process */
}

static volatile LONG is_handled;

static void press_ctrl_c(void)
{
    is_handled = console.handler(CTRL_C_EVENT);
}

/* Else the system's handler would end the process before the log is written. */
static void test_command_run__ctrl_c_at_the_end_of_a_stop_changes_nothing(void **state)
{
    (void)state;
    is_handled = FALSE;
    fake_engine.on_destroy = press_ctrl_c;
    start(ini_text);
    wait_for_text("Ctrl+C stops it");
    assert_true(console.handler(CTRL_C_EVENT));
    wait_for_end();
    assert_true(is_handled);
    assert_int_equal(run.code, EXIT_CODE_DONE);
    assert_non_null(strstr(run.printed, "stopped\n"));
}

/* Its sockets may have taken clients by then. */
static void test_command_run__ctrl_c_during_the_start_stops_it_in_order(void **state)
{
    (void)state;
    is_handled = FALSE;
    fake_engine.on_start = press_ctrl_c;
    start(ini_text);
    wait_for_end();
    assert_true(is_handled);
    assert_int_equal(run.code, EXIT_CODE_DONE);
    assert_int_equal(fake_engine.stops, 1);
    assert_int_equal(fake_engine.hurries, 0);
    assert_non_null(strstr(run.printed, "stopped\n"));
}

static void press_ctrl_c_twice(void)
{
    press_ctrl_c();
    press_ctrl_c();
}

/* A start may hang. */
static void test_command_run__ctrl_c_twice_during_the_start_ends_the_process(void **state)
{
    (void)state;
    is_handled = TRUE;
    fake_engine.on_start = press_ctrl_c_twice;
    start(ini_text);
    wait_for_end();
    assert_false(is_handled); /* the system's own handler, which is none here, ends the process */
}

static DWORD WINAPI close_thread(void *argument)
{
    const PHANDLER_ROUTINE *handler = argument;
    return (DWORD)(*handler)(CTRL_CLOSE_EVENT);
}

static void test_command_run__a_closed_console_leaves_four_seconds(void **state)
{
    (void)state;
    start(ini_text);
    wait_for_text("Ctrl+C stops it");
    PHANDLER_ROUTINE handler = console.handler;
    HANDLE thread = CreateThread(NULL, 0, close_thread, &handler, 0, NULL);
    wait_for_end();
    assert_int_equal(run.code, EXIT_CODE_DONE);
    assert_int_equal(fake_engine.drain_limit, 4000);
    for (int waited = 0; waited < PATIENCE && console.slept_forever == 0; waited += 10) {
        SleepEx(10, FALSE);
    }
    assert_int_equal(console.slept_close, 1);
    assert_int_equal(console.slept_forever, 1); /* returning would end the process too early */
    SetEvent(console.end_of_time);
    assert_int_equal(WaitForSingleObject(thread, PATIENCE), WAIT_OBJECT_0);
    CloseHandle(thread);
}

static void test_command_run__a_console_closed_during_the_drain_hurries_it(void **state)
{
    (void)state;
    fake_engine.stops_when_hurried = true;
    start(ini_text);
    wait_for_text("Ctrl+C stops it");
    PHANDLER_ROUTINE handler = console.handler;
    assert_true(handler(CTRL_C_EVENT));
    wait_for_text("stopping");
    HANDLE thread = CreateThread(NULL, 0, close_thread, &handler, 0, NULL);
    wait_for_end();
    assert_true(fake_engine.hurries >= 1);
    SetEvent(console.end_of_time);
    assert_int_equal(WaitForSingleObject(thread, PATIENCE), WAIT_OBJECT_0);
    CloseHandle(thread);
}

static void test_command_run__a_failed_start_is_said_with_its_code(void **state)
{
    (void)state;
    fake_engine.start_code = EXIT_CODE_BIND;
    start(ini_text);
    wait_for_end();
    assert_int_equal(run.code, EXIT_CODE_BIND);
    assert_string_equal(run.printed, "");
    assert_string_equal(run.complained, "portlistener: the fake engine does not start\n");
}

static void test_command_run__all_errors_of_a_file_are_printed(void **state)
{
    (void)state;
    start("[endpoint fake]\nlistne = tcp://127.0.0.1:7\nhandler = echo\nfoo = 1\n");
    wait_for_end();
    assert_int_equal(run.code, EXIT_CODE_CONFIGURATION);
    assert_non_null(strstr(run.complained, "portlistener.ini:2:1: error: "));
    assert_non_null(strstr(run.complained, "portlistener.ini:4:1: error: "));
    assert_non_null(strstr(run.complained, "errors; nothing was started\n"));
}

static void test_command_run__without_the_right_to_read_its_file_it_is_code_5(void **state)
{
    (void)state;
    prepare(ini_text);
    fault_arm(IMPORT_CreateFileW, 1, ERROR_ACCESS_DENIED, 1);
    go();
    wait_for_end();
    assert_int_equal(fault_hits(), 1);
    assert_int_equal(run.code, EXIT_CODE_ACCESS_DENIED);
    assert_int_equal(fake_engine.starts, 0);
    assert_string_equal(run.printed, "");
    assert_memory_equal(run.complained, "portlistener: --config names ", 29);
    assert_non_null(strstr(run.complained, "portlistener.ini: error 5: "));
    assert_non_null(strstr(run.complained, "; run elevated, or give this account the right to read it\n"));
    assert_null(strstr(strchr(run.complained, '\n') + 1, "\n")); /* said once */
}

static void test_command_run__goes_on_without_a_log_and_says_so(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    program_write(run.folder, L"taken", "a file where the log's folder should be", path);
    start("[service]\nlog_file = taken\\test.log\n"
          "[endpoint fake]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n");
    wait_for_text("Ctrl+C stops it");
    assert_true(console.handler(CTRL_C_EVENT));
    wait_for_end();
    assert_int_equal(run.code, EXIT_CODE_DONE);
    assert_non_null(strstr(run.complained, "portlistener: "));
    assert_non_null(strstr(run.complained, "test.log"));
}

static void test_command_run__goes_on_without_an_access_log_and_says_so(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    program_write(run.folder, L"taken", "a file where the log's folder should be", path);
    start("[service]\nlog_file = test.log\naccess_log = taken\\access.log\n"
          "[endpoint fake]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n");
    wait_for_text("Ctrl+C stops it");
    assert_true(console.handler(CTRL_C_EVENT));
    wait_for_end();
    assert_int_equal(run.code, EXIT_CODE_DONE);
    assert_memory_equal(run.complained, "portlistener: ", 14);
    assert_non_null(strstr(run.complained, "access.log cannot be opened: error "));
    assert_int_equal(strcspn(run.complained, "\n"), strlen(run.complained) - 1);
}

static void test_command_run__ends_the_process_when_a_handler_hangs(void **state)
{
    (void)state;
    fake_engine.never_ends = true;
    start(ini_text);
    wait_for_text("Ctrl+C stops it");
    console.handler(CTRL_C_EVENT);
    wait_for_end();
    assert_int_equal(run.code, EXIT_CODE_FAILED);
    assert_string_equal(run.complained, "portlistener: the fake engine does not end\n");
    assert_int_equal(console.terminations, 1);
    assert_true(ledger_bytes() > 0); /* the callback may still use everything */
    ledger_begin();                  /* it goes with the process */
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_command_run__ctrl_c_stops_it_in_order),
        test(test_command_run__shows_what_waits_and_why),
        test(test_command_run__a_warning_is_printed),
        test(test_command_run__ctrl_break_twice_stops_it_now),
        test(test_command_run__ctrl_c_at_the_end_of_a_stop_changes_nothing),
        test(test_command_run__ctrl_c_during_the_start_stops_it_in_order),
        test(test_command_run__ctrl_c_twice_during_the_start_ends_the_process),
        test(test_command_run__a_closed_console_leaves_four_seconds),
        test(test_command_run__a_console_closed_during_the_drain_hurries_it),
        test(test_command_run__a_failed_start_is_said_with_its_code),
        test(test_command_run__all_errors_of_a_file_are_printed),
        test(test_command_run__without_the_right_to_read_its_file_it_is_code_5),
        test(test_command_run__goes_on_without_a_log_and_says_so),
        test(test_command_run__goes_on_without_an_access_log_and_says_so),
        test(test_command_run__ends_the_process_when_a_handler_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
