/* SPDX-License-Identifier: MIT
   Tests of command_service.c: what the service manager sees and what its controls do, those included that no
   test can have sent. The service manager's functions are fakes here (test_service.c has the real ones), and
   so is the engine. */
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

enum { PATIENCE = 15000, STATUSES = 64 };

/* ---- The fake service manager ---- */

static struct {
    DWORD dispatcher_error; /* not 0: the process was not started by a service manager */
    bool refuses_handler;
    bool refuses_query;
    DWORD granted; /* the preshutdown timeout; 0: cannot be asked */
    DWORD reasons; /* of the start; 0: the function is missing */

    LPHANDLER_FUNCTION_EX handler;
    void *context;
    WCHAR name[64];
    SRWLOCK lock;
    SERVICE_STATUS statuses[STATUSES];
    size_t count;
    volatile LONG terminations;
    UINT termination_code;
    volatile LONG freed;
    DWORD events[STATUSES]; /* in the event log */
    WCHAR event_texts[STATUSES][2048];
    size_t event_count;
} manager;

static DWORD WINAPI service_thread(void *argument)
{
    const SERVICE_TABLE_ENTRYW *entry = argument;
    WCHAR name[] = L"PortListenerT\u00e9st";
    WCHAR *words[] = {name, NULL};
    entry->lpServiceProc(1, words);
    return 0;
}

static BOOL WINAPI fake_dispatcher(const SERVICE_TABLE_ENTRYW *table)
{
    if (manager.dispatcher_error != 0) {
        SetLastError(manager.dispatcher_error);
        return FALSE;
    }
    HANDLE thread = CreateThread(NULL, 0, service_thread, (void *)(ULONG_PTR)table, 0, NULL);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    return TRUE;
}

static SERVICE_STATUS_HANDLE WINAPI fake_register(LPCWSTR name, LPHANDLER_FUNCTION_EX handler, LPVOID context)
{
    if (manager.refuses_handler) {
        SetLastError(ERROR_INVALID_NAME);
        return NULL;
    }
    swprintf(manager.name, 64, L"%ls", name);
    manager.handler = handler;
    manager.context = context;
    return (SERVICE_STATUS_HANDLE)&manager;
}

static BOOL WINAPI fake_set_status(SERVICE_STATUS_HANDLE handle, LPSERVICE_STATUS status)
{
    AcquireSRWLockExclusive(&manager.lock);
    if (handle == (SERVICE_STATUS_HANDLE)&manager && manager.count < STATUSES) {
        manager.statuses[manager.count++] = *status;
    }
    ReleaseSRWLockExclusive(&manager.lock);
    return TRUE;
}

static SC_HANDLE WINAPI fake_open_manager(LPCWSTR machine, LPCWSTR database, DWORD access)
{
    return machine == NULL && database == NULL && access == SC_MANAGER_CONNECT ? (SC_HANDLE)&manager : NULL;
}

static SC_HANDLE WINAPI fake_open_service(SC_HANDLE handle, LPCWSTR name, DWORD access)
{
    const bool is_asked = manager.granted != 0 && handle == (SC_HANDLE)&manager &&
                          wcscmp(name, L"PortListenerT\u00e9st") == 0 && access == SERVICE_QUERY_CONFIG;
    return is_asked ? (SC_HANDLE)&manager.granted : NULL;
}

static BOOL WINAPI fake_close_service(SC_HANDLE handle)
{
    return handle != NULL;
}

static BOOL WINAPI fake_query_config(SC_HANDLE service, DWORD level, LPBYTE at, DWORD room, LPDWORD needed)
{
    const SERVICE_PRESHUTDOWN_INFO info = {manager.granted};
    *needed = sizeof info;
    if (manager.refuses_query || service != (SC_HANDLE)&manager.granted ||
        level != SERVICE_CONFIG_PRESHUTDOWN_INFO || room < sizeof info) {
        return FALSE;
    }
    memcpy(at, &info, sizeof info);
    return TRUE;
}

static BOOL WINAPI fake_terminate(HANDLE process, UINT code)
{
    if (process == GetCurrentProcess()) {
        manager.termination_code = code;
        InterlockedIncrement(&manager.terminations);
    }
    return TRUE;
}

static HANDLE WINAPI fake_register_source(LPCWSTR server, LPCWSTR source)
{
    return server == NULL && wcscmp(source, L"PortListenerT\u00e9st") == 0 ? (HANDLE)&manager.events : NULL;
}

static BOOL WINAPI fake_deregister_source(HANDLE source)
{
    return source == (HANDLE)&manager.events;
}

static BOOL WINAPI fake_report_event(HANDLE source, WORD type, WORD category, DWORD id, PSID user, WORD count,
                                     DWORD length, LPCWSTR *strings, LPVOID data)
{
    (void)type, (void)category, (void)user, (void)length, (void)data;
    AcquireSRWLockExclusive(&manager.lock);
    if (source == (HANDLE)&manager.events && count == 1 && manager.event_count < STATUSES) {
        swprintf(manager.event_texts[manager.event_count], 2048, L"%.2000ls", strings[0]);
        manager.events[manager.event_count++] = id & 0xFFFF;
    }
    ReleaseSRWLockExclusive(&manager.lock);
    return TRUE;
}

static BOOL WINAPI fake_query_reason(SERVICE_STATUS_HANDLE handle, DWORD level, void **answer_out)
{
    *answer_out = handle == (SERVICE_STATUS_HANDLE)&manager && level == 1 ? &manager.reasons : NULL;
    return *answer_out != NULL;
}

static FARPROC WINAPI fake_get_procedure(HMODULE module, LPCSTR name)
{
    if (strcmp(name, "wine_get_version") == 0) { /* whose files nobody can trust, see file_trust_can_tell */
        return SEAM_REAL(GetProcAddress)(module, name);
    }
    const bool is_asked = module == GetModuleHandleW(L"advapi32.dll") &&
                          strcmp(name, "QueryServiceDynamicInformation") == 0 && manager.reasons != 0;
    return is_asked ? (FARPROC)(void (*)(void))fake_query_reason : NULL;
}

static HLOCAL WINAPI fake_local_free(HLOCAL block)
{
    if (block == &manager.reasons) {
        InterlockedIncrement(&manager.freed);
    }
    return NULL;
}

static void replace_service_manager(void)
{
    static const struct {
        enum import import;
        seam_function function;
    } fakes[] = {{IMPORT_StartServiceCtrlDispatcherW, (seam_function)fake_dispatcher},
                 {IMPORT_RegisterServiceCtrlHandlerExW, (seam_function)fake_register},
                 {IMPORT_SetServiceStatus, (seam_function)fake_set_status},
                 {IMPORT_OpenSCManagerW, (seam_function)fake_open_manager},
                 {IMPORT_OpenServiceW, (seam_function)fake_open_service},
                 {IMPORT_TerminateProcess, (seam_function)fake_terminate},
                 {IMPORT_QueryServiceConfig2W, (seam_function)fake_query_config},
                 {IMPORT_CloseServiceHandle, (seam_function)fake_close_service},
                 {IMPORT_RegisterEventSourceW, (seam_function)fake_register_source},
                 {IMPORT_DeregisterEventSource, (seam_function)fake_deregister_source},
                 {IMPORT_ReportEventW, (seam_function)fake_report_event},
                 {IMPORT_GetProcAddress, (seam_function)fake_get_procedure},
                 {IMPORT_LocalFree, (seam_function)fake_local_free}};
    for (size_t i = 0; i < sizeof fakes / sizeof fakes[0]; i++) {
        seam_replace(fakes[i].import, fakes[i].function);
    }
}

/* ---- A run of the command ---- */

static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    char *config_file;
    HANDLE thread;
    enum exit_code code;
} run;

static const char ini_text[] = "[service]\nlog_file = test.log\ndrain_timeout = 20s\n"
                               "[endpoint fake]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n";

static int setup(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    if (support_setup(state) != 0) {
        return -1;
    }
    fake_engine_reset();
    memset(&manager, 0, sizeof manager);
    InitializeSRWLock(&manager.lock);
    replace_service_manager();
    program_folder(run.folder);
    program_write(run.folder, L"portlistener.ini", ini_text, path);
    run.config_file = utf16_to_utf8(path);
    return run.config_file != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    program_remove(run.folder);
    memory_free(run.config_file);
    return support_teardown(state);
}

static DWORD WINAPI run_thread(void *argument)
{
    const struct arguments arguments = {.options = {[OPTION_CONFIG] = run.config_file}};
    struct streams streams = {.out = {.handle = NULL}};
    (void)argument;
    run.code = command_service_run(&arguments, &streams);
    return 0;
}

static void start(void)
{
    run.thread = CreateThread(NULL, 0, run_thread, NULL, 0, NULL);
    assert_non_null(run.thread);
}

static SERVICE_STATUS last_status(void)
{
    AcquireSRWLockShared(&manager.lock);
    const SERVICE_STATUS status =
        manager.count > 0 ? manager.statuses[manager.count - 1] : (SERVICE_STATUS){0};
    ReleaseSRWLockShared(&manager.lock);
    return status;
}

static void wait_for(DWORD state)
{
    for (int waited = 0; waited < PATIENCE; waited += 10) {
        if (last_status().dwCurrentState == state) {
            return;
        }
        Sleep(10);
    }
    fail_msg("state %lu was not reported in time", (unsigned long)state);
}

static DWORD control(DWORD code)
{
    return manager.handler(code, 0, NULL, manager.context);
}

static void wait_for_end(void)
{
    assert_int_equal(WaitForSingleObject(run.thread, PATIENCE), WAIT_OBJECT_0);
    CloseHandle(run.thread);
}

/* ---- Tests ---- */

static void test_command_service__reports_each_step_of_its_life(void **state)
{
    (void)state;
    fake_engine.start_reports = 3;
    start();
    wait_for(SERVICE_RUNNING);
    assert_int_equal(control(SERVICE_CONTROL_STOP), NO_ERROR);
    wait_for_end();
    assert_int_equal(run.code, EXIT_CODE_DONE);
    assert_int_equal(wcscmp(manager.name, L"PortListenerT\u00e9st"), 0);
    SERVICE_STATUS before = {.dwCurrentState = SERVICE_START_PENDING};
    for (size_t i = 0; i < manager.count; i++) {
        const SERVICE_STATUS *status = &manager.statuses[i];
        const bool is_pending =
            status->dwCurrentState == SERVICE_START_PENDING || status->dwCurrentState == SERVICE_STOP_PENDING;
        const DWORD last = status->dwCurrentState == before.dwCurrentState ? before.dwCheckPoint : 0;
        assert_int_equal(status->dwServiceType, SERVICE_WIN32_OWN_PROCESS);
        assert_int_equal(status->dwCheckPoint, is_pending ? last + 1 : 0);
        assert_int_equal(status->dwWaitHint > 0, is_pending);
        assert_true(!is_pending || status->dwControlsAccepted == 0);
        before = *status;
    }
    assert_int_equal(manager.statuses[0].dwCurrentState, SERVICE_START_PENDING);
    assert_int_equal(last_status().dwCurrentState, SERVICE_STOPPED);
    assert_int_equal(last_status().dwWin32ExitCode, NO_ERROR);
    assert_int_equal(last_status().dwServiceSpecificExitCode, 0);
}

static void test_command_service__wait_hints_are_the_estimate_and_a_margin(void **state)
{
    (void)state;
    fake_engine.start_reports = 2;
    start();
    wait_for(SERVICE_RUNNING);
    control(SERVICE_CONTROL_STOP);
    wait_for_end();
    size_t before_running = 0;
    while (manager.statuses[before_running].dwCurrentState == SERVICE_START_PENDING) {
        before_running++;
    }
    assert_int_equal(manager.statuses[before_running - 2].dwWaitHint, 2000 + 3000);
    assert_int_equal(manager.statuses[before_running - 1].dwWaitHint, 1000 + 3000);
    assert_int_equal(manager.statuses[manager.count - 2].dwWaitHint, 0 + 3000);
}

static void test_command_service__takes_its_controls_while_it_runs(void **state)
{
    const DWORD controls = SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PAUSE_CONTINUE | SERVICE_ACCEPT_PRESHUTDOWN |
                           SERVICE_ACCEPT_SHUTDOWN | SERVICE_ACCEPT_PARAMCHANGE;
    (void)state;
    start();
    wait_for(SERVICE_RUNNING);
    assert_int_equal(last_status().dwControlsAccepted, controls);
    assert_int_equal(control(SERVICE_CONTROL_INTERROGATE), NO_ERROR);
    assert_int_equal(control(SERVICE_CONTROL_PAUSE), NO_ERROR);
    wait_for(SERVICE_PAUSED);
    assert_int_equal(last_status().dwControlsAccepted, controls);
    assert_int_equal(control(SERVICE_CONTROL_CONTINUE), NO_ERROR);
    wait_for(SERVICE_RUNNING);
    static const DWORD known[] = {128, 129, 130, SERVICE_CONTROL_PARAMCHANGE};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_int_equal(control(known[i]), NO_ERROR);
    }
    for (int waited = 0; fake_engine.reloads == 0 && waited < 15000; waited += 10) {
        Sleep(10);
    }
    assert_in_range(fake_engine.reloads, 1, 2); /* both may be one */
    static const DWORD unknown[] = {
        SERVICE_CONTROL_POWEREVENT, SERVICE_CONTROL_SESSIONCHANGE, 127, 131, 255, 0xFFFFFFFF};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_int_equal(control(unknown[i]), ERROR_CALL_NOT_IMPLEMENTED);
    }
    assert_int_equal(last_status().dwCurrentState, SERVICE_RUNNING);
    assert_int_equal(fake_engine.pauses, 1);
    assert_int_equal(fake_engine.continues, 1);
    control(SERVICE_CONTROL_STOP);
    wait_for_end();
}

static void test_command_service__stops_as_fast_as_the_machine_needs(void **state)
{
    static const struct {
        DWORD code, granted;
        uint32_t limit;
    } rows[] = {{SERVICE_CONTROL_STOP, 0, UINT32_MAX},
                {SERVICE_CONTROL_PRESHUTDOWN, 25000, UINT32_MAX},
                {SERVICE_CONTROL_PRESHUTDOWN, 10000, 8000},
                {SERVICE_CONTROL_PRESHUTDOWN, 0, 8000},
                {SERVICE_CONTROL_SHUTDOWN, 25000, 4000}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        manager.count = 0;
        manager.granted = rows[i].granted;
        start();
        wait_for(SERVICE_RUNNING);
        assert_int_equal(control(rows[i].code), NO_ERROR);
        wait_for_end();
        assert_true(fake_engine.drain_limit == rows[i].limit);
        assert_int_equal(last_status().dwCurrentState, SERVICE_STOPPED);
    }
}

static void test_command_service__stops_early_where_the_time_cannot_be_asked(void **state)
{
    (void)state;
    manager.granted = 25000;
    manager.refuses_query = true;
    start();
    wait_for(SERVICE_RUNNING);
    control(SERVICE_CONTROL_PRESHUTDOWN);
    wait_for_end();
    assert_int_equal(fake_engine.drain_limit, 8000);
}

static void test_command_service__reports_its_end_without_memory(void **state)
{
    (void)state;
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    start();
    wait_for_end();
    assert_int_equal(last_status().dwCurrentState, SERVICE_STOPPED);
    assert_int_equal(last_status().dwServiceSpecificExitCode, EXIT_CODE_FAILED);
    assert_int_equal(fake_engine.starts, 0);
}

static void test_command_service__knows_whether_anybody_waits_for_the_start(void **state)
{
    static const struct {
        DWORD reasons;
        bool is_automatic;
    } rows[] = {{0, false},  {0x1, false}, {0x2, true},       {0x4, true},
                {0x8, true}, {0x10, true}, {0x2 | 0x1, false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        manager.count = 0;
        manager.freed = 0;
        manager.reasons = rows[i].reasons;
        start();
        wait_for(SERVICE_RUNNING);
        control(SERVICE_CONTROL_STOP);
        wait_for_end();
        assert_int_equal(fake_engine.was_automatic, rows[i].is_automatic);
        assert_int_equal(manager.freed, rows[i].reasons != 0 ? 1 : 0);
    }
}

static void test_command_service__failures_become_specific_exit_codes(void **state)
{
    static const enum exit_code codes[] = {EXIT_CODE_FAILED, EXIT_CODE_CONFIGURATION, EXIT_CODE_BIND};
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        manager.count = 0;
        fake_engine.start_code = codes[i];
        start();
        wait_for_end();
        assert_int_equal(last_status().dwCurrentState, SERVICE_STOPPED);
        assert_int_equal(last_status().dwWin32ExitCode, ERROR_SERVICE_SPECIFIC_ERROR);
        assert_int_equal(last_status().dwServiceSpecificExitCode, codes[i]);
        assert_int_equal(manager.statuses[manager.count - 2].dwCurrentState, SERVICE_START_PENDING);
    }
    assert_int_equal(manager.terminations, 0);
}

/* All of them, in their order. */
static void expect_events(const DWORD *expected, size_t count)
{
    assert_int_equal(manager.event_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(manager.events[i], expected[i]);
    }
}

static void test_command_service__tells_the_event_log_of_its_life(void **state)
{
    static const DWORD expected[] = {EVENT_SERVICE_RUNNING, EVENT_SERVICE_PAUSED, EVENT_SERVICE_CONTINUED,
                                     EVENT_SERVICE_STOPPED};
    (void)state;
    start();
    wait_for(SERVICE_RUNNING);
    control(SERVICE_CONTROL_PAUSE);
    wait_for(SERVICE_PAUSED);
    control(SERVICE_CONTROL_CONTINUE);
    wait_for(SERVICE_RUNNING);
    control(SERVICE_CONTROL_STOP);
    wait_for_end();
    expect_events(expected, sizeof expected / sizeof expected[0]);
}

static void test_command_service__tells_the_event_log_why_it_does_not_start(void **state)
{
    static const DWORD failed[] = {EVENT_SERVICE_FAILED}, invalid[] = {EVENT_CONFIG_INVALID};
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    fake_engine.start_code = EXIT_CODE_BIND;
    start();
    wait_for_end();
    expect_events(failed, 1);
    assert_non_null(wcsstr(manager.event_texts[0], L"the fake engine does not start"));
    manager.event_count = 0;
    program_write(run.folder, L"portlistener.ini", "[endpoint fake]\nfoo = 1\nbar = 2\n", path);
    start();
    wait_for_end();
    expect_events(invalid, 1);
    assert_non_null(wcsstr(manager.event_texts[0], L"\"foo\"")); /* all errors, one a line */
    assert_non_null(wcsstr(manager.event_texts[0], L"\"bar\""));
    manager.event_count = 0;
    DeleteFileW(path);
    start();
    wait_for_end();
    expect_events(failed, 1);
    assert_non_null(wcsstr(manager.event_texts[0], L"portlistener.ini"));
    assert_int_equal(last_status().dwServiceSpecificExitCode, EXIT_CODE_CONFIGURATION);
}

static void test_command_service__tells_the_event_log_nothing_when_it_is_off(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    program_write(run.folder, L"portlistener.ini",
                  "[service]\nevent_log = off\nlog_file = test.log\n"
                  "[endpoint fake]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n",
                  path);
    start();
    wait_for(SERVICE_RUNNING);
    control(SERVICE_CONTROL_STOP);
    wait_for_end();
    expect_events(NULL, 0);
}

static void test_command_service__ends_the_process_when_a_handler_hangs(void **state)
{
    (void)state;
    fake_engine.never_ends = true;
    start();
    wait_for(SERVICE_RUNNING);
    control(SERVICE_CONTROL_STOP);
    wait_for_end();
    assert_int_equal(last_status().dwCurrentState, SERVICE_STOPPED);
    assert_int_equal(last_status().dwServiceSpecificExitCode, EXIT_CODE_FAILED);
    assert_int_equal(manager.terminations, 1);
    assert_int_equal(manager.termination_code, EXIT_CODE_FAILED);
    assert_int_equal(ledger_count(LEDGER_EVENT_SOURCE), 1); /* the callback may still use everything */
    ledger_begin();                                         /* what is left goes with the process */
}

static void test_command_service__ends_the_process_when_it_cannot_report(void **state)
{
    (void)state;
    manager.refuses_handler = true;
    start();
    wait_for_end();
    assert_int_equal(manager.terminations, 1);
    assert_int_equal(manager.count, 0);
    assert_int_equal(fake_engine.starts, 0);
}

static void test_command_service__says_what_to_do_when_a_person_starts_it(void **state)
{
    static const struct {
        DWORD error;
        enum exit_code code;
        const char *part;
    } rows[] = {{ERROR_FAILED_SERVICE_CONTROLLER_CONNECT, EXIT_CODE_USAGE, "\"portlistener run\""},
                {ERROR_INVALID_DATA, EXIT_CODE_FAILED, "the service manager cannot be reached: error 13"}};
    char said[1024];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct arguments arguments = {.options = {NULL}};
        struct streams streams;
        manager.dispatcher_error = rows[i].error;
        streams_open(&streams, run.folder);
        assert_int_equal(command_service_run(&arguments, &streams), rows[i].code);
        streams_end(&streams, run.folder, NULL, 0, said, sizeof said);
        assert_non_null(strstr(said, "portlistener: "));
        assert_non_null(strstr(said, rows[i].part));
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_command_service__reports_each_step_of_its_life),
        test(test_command_service__wait_hints_are_the_estimate_and_a_margin),
        test(test_command_service__takes_its_controls_while_it_runs),
        test(test_command_service__stops_as_fast_as_the_machine_needs),
        test(test_command_service__stops_early_where_the_time_cannot_be_asked),
        test(test_command_service__reports_its_end_without_memory),
        test(test_command_service__knows_whether_anybody_waits_for_the_start),
        test(test_command_service__failures_become_specific_exit_codes),
        test(test_command_service__tells_the_event_log_of_its_life),
        test(test_command_service__tells_the_event_log_why_it_does_not_start),
        test(test_command_service__tells_the_event_log_nothing_when_it_is_off),
        test(test_command_service__ends_the_process_when_a_handler_hangs),
        test(test_command_service__ends_the_process_when_it_cannot_report),
        test(test_command_service__says_what_to_do_when_a_person_starts_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
