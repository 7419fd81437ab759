/* SPDX-License-Identifier: MIT
   Tests of service_host.c and control.c: one run, above an engine that only notes what is asked of it. */
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
#include "service_host.h"
#include "support/fake_engine.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/program.h"
#include "support/seam.h"
#include "support/support.h"

enum { PATIENCE = 15000, RECORDS = 64 };

/* A run on a thread of its own, and what it reported. */
struct run {
    struct control control;
    struct service_host_options options;
    WCHAR folder[PROGRAM_PATH_MAX];
    char *config_file;
    HANDLE thread;
    enum service_end end;
    struct failure failure;
    SRWLOCK lock;
    struct service_report reports[RECORDS];
    size_t report_count;
    enum event told[RECORDS];
    char tellings[RECORDS][256];
    size_t tell_count;
};

static void record_report(void *context, const struct service_report *report)
{
    struct run *run = context;
    AcquireSRWLockExclusive(&run->lock);
    if (run->report_count < RECORDS) {
        run->reports[run->report_count++] = *report;
    }
    ReleaseSRWLockExclusive(&run->lock);
}

static void record_tell(void *context, enum event event, const char *text)
{
    struct run *run = context;
    AcquireSRWLockExclusive(&run->lock);
    if (run->tell_count < RECORDS) {
        snprintf(run->tellings[run->tell_count], sizeof run->tellings[0], "%s", text);
        run->told[run->tell_count++] = event;
    }
    ReleaseSRWLockExclusive(&run->lock);
}

static DWORD WINAPI run_thread(void *argument)
{
    struct run *run = argument;
    run->end = service_host_run(&run->options, &run->failure);
    return 0;
}

static void prepare(struct run *run, const char *ini)
{
    WCHAR path[PROGRAM_PATH_MAX];
    memset(run, 0, sizeof *run);
    InitializeSRWLock(&run->lock);
    control_init(&run->control);
    program_folder(run->folder);
    program_write(run->folder, L"portlistener.ini", ini, path);
    run->config_file = utf16_to_utf8(path);
    run->options = (struct service_host_options){.service = "Test",
                                                 .config_file = run->config_file,
                                                 .control = &run->control,
                                                 .report = record_report,
                                                 .tell = record_tell,
                                                 .context = run};
}

static void start(struct run *run)
{
    run->thread = CreateThread(NULL, 0, run_thread, run, 0, NULL);
    assert_non_null(run->thread);
}

/* Until the last report is of `state`. */
static void wait_for(struct run *run, enum service_state state)
{
    for (int waited = 0; waited < PATIENCE; waited += 10) {
        AcquireSRWLockShared(&run->lock);
        const bool is_there = run->report_count > 0 && run->reports[run->report_count - 1].state == state;
        ReleaseSRWLockShared(&run->lock);
        if (is_there) {
            return;
        }
        Sleep(10);
    }
    fail_msg("state %d was not reported in time", (int)state);
}

static void wait_for_end(struct run *run)
{
    assert_int_equal(WaitForSingleObject(run->thread, PATIENCE), WAIT_OBJECT_0);
    CloseHandle(run->thread);
}

static void finish(struct run *run)
{
    program_remove(run->folder);
    memory_free(run->config_file);
}

static bool was_told(const struct run *run, enum event event)
{
    for (size_t i = 0; i < run->tell_count; i++) {
        if (run->told[i] == event) {
            return true;
        }
    }
    return false;
}

static void read_file(const struct run *run, const WCHAR *name, char *at, size_t room)
{
    WCHAR path[PROGRAM_PATH_MAX];
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\%ls", run->folder, name);
    assert_true(program_read(path, at, room));
}

static void read_log(const struct run *run, char *at, size_t room)
{
    read_file(run, L"test.log", at, room);
}

static const char ini_text[] = "[service]\nlog_file = test.log\ndrain_timeout = 20s\n"
                               "[endpoint fake]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n";

static int setup(void **state)
{
    fake_engine_reset();
    return support_setup(state);
}

static void test_service_host__runs_pauses_continues_and_stops(void **state)
{
    static struct run run;
    static const enum service_state expected[] = {
        SERVICE_HOST_STARTING, SERVICE_HOST_STARTING, SERVICE_HOST_STARTING, SERVICE_HOST_RUNNING,
        SERVICE_HOST_PAUSED,   SERVICE_HOST_RUNNING,  SERVICE_HOST_STOPPING};
    static char log[8192];
    (void)state;
    prepare(&run, ini_text);
    fake_engine.start_reports = 2;
    start(&run);
    wait_for(&run, SERVICE_HOST_RUNNING);
    control_ask_pause(&run.control, true);
    wait_for(&run, SERVICE_HOST_PAUSED);
    control_ask_pause(&run.control, true); /* again changes nothing */
    control_ask_pause(&run.control, false);
    wait_for(&run, SERVICE_HOST_RUNNING);
    control_ask_stop(&run.control, CONTROL_STOP);
    wait_for_end(&run);
    assert_int_equal(run.end, SERVICE_ENDED);
    assert_int_equal(run.failure.code, EXIT_CODE_DONE);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(run.reports[i].state, expected[i]);
    }
    assert_int_equal(run.reports[1].remaining, 2000);
    assert_int_equal(run.reports[2].remaining, 1000);
    assert_non_null(run.reports[3].engine);
    assert_int_equal(fake_engine.pauses, 1);
    assert_int_equal(fake_engine.continues, 1);
    assert_int_equal(fake_engine.destroys, 1);
    assert_int_equal(fake_engine.hurries, 0);
    assert_true(fake_engine.drain_limit == UINT32_MAX);
    assert_int_equal(run.tell_count, 0);
    read_log(&run, log, sizeof log);
    static const char *const lines[] = {"PL1001", "PL1002", "PL1005", "PL1006", "PL1003", "PL1004"};
    const char *at = log;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        at = strstr(at, lines[i]);
        assert_non_null(at);
    }
    finish(&run);
}

static void wait_for_reloads(LONG count)
{
    for (int waited = 0; fake_engine.reloads < count && waited < PATIENCE; waited += 10) {
        Sleep(10);
    }
    assert_int_equal(fake_engine.reloads, count);
}

/* Until the log has these words. */
static void wait_for_log(const struct run *run, const char *words)
{
    static char log[16384];
    bool is_there = false;
    for (int waited = 0; !is_there && waited < 2 * PATIENCE; waited += 50) {
        Sleep(50);
        read_log(run, log, sizeof log);
        is_there = strstr(log, words) != NULL;
    }
    assert_true(is_there);
}

static void test_service_host__reloads_when_asked(void **state)
{
    static struct run run;
    static char log[8192];
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    prepare(&run, ini_text);
    start(&run);
    wait_for(&run, SERVICE_HOST_RUNNING);
    control_ask(&run.control, CONTROL_RELOAD);
    wait_for_reloads(1);
    program_write(run.folder, L"portlistener.ini",
                  "[service]\nlog_file = test.log\ndrain_timeout = 1m\n"
                  "[endpoint fake]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n",
                  path);
    control_ask(&run.control, CONTROL_RELOAD);
    wait_for_reloads(2);
    program_write(run.folder, L"portlistener.ini", "[endpoint fake]\n\nfoo = 1\n", path);
    control_ask(&run.control, CONTROL_RELOAD);
    control_ask(&run.control, CONTROL_DUMP);
    control_ask_pause(&run.control, true);
    wait_for(&run, SERVICE_HOST_PAUSED);
    run.options.preshutdown_timeout = 60000; /* less than the minute and its margin */
    control_ask_stop(&run.control, CONTROL_PRESHUTDOWN);
    wait_for_end(&run);
    assert_int_equal(fake_engine.reloads, 2);
    assert_int_equal(fake_engine.drain_limit, 8000);
    read_log(&run, log, sizeof log);
    assert_non_null(strstr(log, "PL1011"));
    assert_non_null(strstr(log, "PL1010"));
    assert_non_null(strstr(log, "PL1012"));
    assert_non_null(strstr(log, "fake report"));
    assert_non_null(strstr(log, "portlistener.ini:1:1: error: "));
    finish(&run);
}

static volatile LONG is_reload_held;

static void hold_reload(void)
{
    while (is_reload_held != 0) {
        Sleep(10);
    }
}

static void start_with_a_reload_that_is_held(struct run *run)
{
    prepare(run, ini_text);
    is_reload_held = 1;
    fake_engine.on_reload = hold_reload;
    start(run);
    wait_for(run, SERVICE_HOST_RUNNING);
    control_ask(&run->control, CONTROL_RELOAD);
    wait_for_reloads(1);
}

static void test_service_host__a_stop_is_reported_while_a_reload_is_under_way(void **state)
{
    static struct run run;
    (void)state;
    start_with_a_reload_that_is_held(&run);
    control_ask_stop(&run.control, CONTROL_STOP);
    wait_for(&run, SERVICE_HOST_STOPPING);
    assert_int_equal(fake_engine.stops, 0);
    is_reload_held = 0;
    wait_for_end(&run);
    assert_int_equal(run.end, SERVICE_ENDED);
    assert_int_equal(run.failure.code, EXIT_CODE_DONE);
    assert_int_equal(fake_engine.stops, 1);
    finish(&run);
}

#define WATCHED_INI "log_file = test.log\n[endpoint fake]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n"

static void test_service_host__reloads_when_it_watches(void **state)
{
    static struct run run;
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    prepare(&run, "[service]\nreload = watch\n" WATCHED_INI);
    start(&run);
    wait_for(&run, SERVICE_HOST_RUNNING);
    program_write(run.folder, L"portlistener.ini",
                  "[service]\nreload = watch\ndrain_timeout = 7s\n" WATCHED_INI, path);
    wait_for_reloads(1);
    program_write(run.folder, L"portlistener.ini", "[service]\ndrain_timeout = 8s\n" WATCHED_INI, path);
    wait_for_reloads(2); /* from now on it does not watch */
    Sleep(100);
    program_write(run.folder, L"portlistener.ini", "[service]\ndrain_timeout = 9s\n" WATCHED_INI, path);
    Sleep(2000);
    assert_int_equal(fake_engine.reloads, 2);
    control_ask_stop(&run.control, CONTROL_STOP);
    wait_for_end(&run);
    finish(&run);
}

/* What is wrong may be mended in a file that only the configuration includes that was refused. */
static void test_service_host__watches_what_a_refused_configuration_includes(void **state)
{
    static struct run run;
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    prepare(&run, "[service]\nreload = watch\n" WATCHED_INI);
    start(&run);
    wait_for(&run, SERVICE_HOST_RUNNING);
    program_write(run.folder, L"x.inc", "[endpoint fak]\nhandler = ecko\n", path);
    program_write(run.folder, L"portlistener.ini", "include = *.inc\n[service]\nreload = watch\n" WATCHED_INI,
                  path);
    wait_for_log(&run, "PL1012");
    for (int i = 0; fake_engine.reloads == 0 && i < PATIENCE / 1000; i++) {
        char text[32];
        snprintf(text, sizeof text, "; mended %d\n", i);
        program_write(run.folder, L"x.inc", text, path);
        for (int waited = 0; fake_engine.reloads == 0 && waited < 3000; waited += 10) {
            Sleep(10);
        }
    }
    assert_true(fake_engine.reloads > 0);
    control_ask_stop(&run.control, CONTROL_STOP);
    wait_for_end(&run);
    finish(&run);
}

/* The folder of the test is its account's, which is no administrator's. */
static void test_service_host__does_not_trust_a_file_that_others_can_change(void **state)
{
    static struct run run;
    (void)state;
    prepare(&run, ini_text);
    run.options.trust = CONFIG_TRUST_ADMINISTRATORS;
    start(&run);
    wait_for_end(&run);
    assert_int_equal(run.failure.code, EXIT_CODE_CONFIGURATION);
    assert_true(strstr(run.tellings[0], " belongs to ") != NULL ||
                strstr(run.tellings[0], " is open to ") != NULL);
    finish(&run);
}

static void test_service_host__the_reason_of_the_stop_limits_the_drain(void **state)
{
    static const struct {
        enum control_stop why;
        uint32_t granted, limit;
    } rows[] = {
        {CONTROL_STOP, 0, UINT32_MAX},      {CONTROL_PRESHUTDOWN, 25000, UINT32_MAX}, /* drain + 5 s */
        {CONTROL_PRESHUTDOWN, 24999, 8000}, {CONTROL_PRESHUTDOWN, 10000, 8000},
        {CONTROL_PRESHUTDOWN, 0, 8000},     {CONTROL_PRESHUTDOWN, 180000, UINT32_MAX},
        {CONTROL_SHUTDOWN, 180000, 4000},
    };
    static struct run run;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_engine_reset();
        prepare(&run, ini_text);
        run.options.preshutdown_timeout = rows[i].granted;
        control_ask_stop(&run.control, rows[i].why); /* before the start is done: it stops right after it */
        start(&run);
        wait_for_end(&run);
        assert_int_equal(run.failure.code, EXIT_CODE_DONE);
        assert_int_equal(fake_engine.stops, 1);
        assert_true(fake_engine.drain_limit == rows[i].limit);
        finish(&run);
    }
}

static void test_service_host__the_first_reason_to_stop_stays(void **state)
{
    struct control control;
    bool is_pause_wanted = true;
    (void)state;
    control_init(&control);
    assert_false(control_is_stopping(&control));
    control_ask_stop(&control, CONTROL_PRESHUTDOWN);
    control_ask_stop(&control, CONTROL_STOP);
    assert_true(control_is_stopping(&control));
    assert_int_equal(control_wait(&control, false, &is_pause_wanted), CONTROL_PRESHUTDOWN);
    assert_false(is_pause_wanted);
}

static void test_service_host__a_hurry_reaches_an_engine_that_drains(void **state)
{
    static struct run run;
    (void)state;
    prepare(&run, ini_text);
    fake_engine.stops_when_hurried = true;
    start(&run);
    wait_for(&run, SERVICE_HOST_RUNNING);
    control_ask_stop(&run.control, CONTROL_STOP);
    wait_for(&run, SERVICE_HOST_STOPPING);
    assert_true(control_has_started(&run.control));
    control_hurry(&run.control);
    wait_for_end(&run);
    assert_true(fake_engine.hurries >= 1);
    assert_true(control_has_started(&run.control));
    assert_null(run.control.engine);
    control_hurry(&run.control); /* nobody there: harmless */
    finish(&run);
}

static void test_service_host__a_hurry_before_the_start_is_done_is_kept(void **state)
{
    static struct run run;
    (void)state;
    prepare(&run, ini_text);
    fake_engine.stops_when_hurried = true;
    control_hurry(&run.control);
    start(&run);
    wait_for_end(&run);
    assert_int_equal(fake_engine.hurries, 1);
    assert_int_equal(run.failure.code, EXIT_CODE_DONE);
    finish(&run);
}

static void test_service_host__a_start_that_fails_is_logged_and_returned(void **state)
{
    static struct run run;
    static char log[8192];
    (void)state;
    prepare(&run, ini_text);
    fake_engine.start_code = EXIT_CODE_BIND;
    run.options.is_automatic_start = true;
    start(&run);
    wait_for_end(&run);
    assert_int_equal(run.end, SERVICE_ENDED);
    assert_int_equal(run.failure.code, EXIT_CODE_BIND);
    assert_string_equal(run.failure.text, "the fake engine does not start");
    assert_true(fake_engine.was_automatic);
    assert_int_equal(fake_engine.stops, 0);
    assert_int_equal(run.reports[run.report_count - 1].state, SERVICE_HOST_STARTING);
    read_log(&run, log, sizeof log);
    assert_non_null(strstr(log, "PL1007"));
    assert_non_null(strstr(log, "the fake engine does not start"));
    finish(&run);
}

static void test_service_host__a_missing_file_is_told_and_returned(void **state)
{
    static struct run run;
    (void)state;
    prepare(&run, ini_text);
    run.options.config_file = "Q:\\nowhere\\missing.ini";
    start(&run);
    wait_for_end(&run);
    assert_int_equal(run.failure.code, EXIT_CODE_CONFIGURATION);
    assert_non_null(strstr(run.failure.text, "missing.ini"));
    assert_int_equal(run.tell_count, 1);
    assert_int_equal(run.told[0], EVENT_SERVICE_FAILED);
    assert_string_equal(run.tellings[0], run.failure.text);
    assert_int_equal(fake_engine.starts, 0);
    finish(&run);
}

static void test_service_host__an_invalid_file_is_told_with_all_its_errors(void **state)
{
    static struct run run;
    (void)state;
    prepare(&run, "[endpoint fake]\nlistne = tcp://127.0.0.1:7\nhandler = echo\nfoo = 1\n");
    start(&run);
    wait_for_end(&run);
    assert_int_equal(run.failure.code, EXIT_CODE_CONFIGURATION);
    assert_non_null(strstr(run.failure.text, "errors; nothing was started"));
    assert_int_equal(run.told[0], EVENT_CONFIG_INVALID);
    assert_non_null(strstr(run.tellings[0], "listne"));
    assert_int_equal(fake_engine.starts, 0);
    finish(&run);
}

static void test_service_host__a_warning_is_told_and_logged(void **state)
{
    static struct run run;
    static char log[8192];
    (void)state;
    prepare(&run, "[service]\nlog_file = test.log\n"
                  "[endpoint fake]\nenabled = no\nlisten = tcp://127.0.0.1:7\nhandler = echo\n");
    control_ask_stop(&run.control, CONTROL_STOP);
    start(&run);
    wait_for_end(&run);
    assert_int_equal(run.failure.code, EXIT_CODE_DONE);
    assert_true(was_told(&run, EVENT_CONFIG_WARNING));
    read_log(&run, log, sizeof log);
    assert_non_null(strstr(log, "PL1102"));
    finish(&run);
}

static void test_service_host__goes_on_without_a_log(void **state)
{
    static struct run run;
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    prepare(&run, "[service]\nlog_file = taken\\test.log\n"
                  "[endpoint fake]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n");
    program_write(run.folder, L"taken", "a file where the log's folder should be", path);
    start(&run);
    wait_for(&run, SERVICE_HOST_RUNNING);
    control_ask_stop(&run.control, CONTROL_STOP);
    wait_for_end(&run);
    assert_int_equal(run.failure.code, EXIT_CODE_DONE);
    assert_true(was_told(&run, EVENT_LOG_UNAVAILABLE));
    assert_int_equal(fake_engine.destroys, 1);
    finish(&run);
}

#define ACCESS_LOG(keys, path)                                                         \
    "[service]\nlog_file = test.log\n" keys "access_log = " path "\n[endpoint fake]\n" \
    "listen = tcp://127.0.0.1:7\nhandler = echo\n"

static void write_access_line(void)
{
    static const struct access_line line = {.endpoint = "fake", .reason = CLOSED_IDLE};
    access_log_write(fake_engine.access_log, &line);
}

/* What the engine writes to its very end is in the file when the run has ended. */
static void test_service_host__gives_the_engine_an_access_log(void **state)
{
    static const struct {
        const char *ini;
        const char *line;
    } rows[] = {
        {ACCESS_LOG("", "<service>-access.log"), "Z endpoint=fake protocol=tcp "},
        {ACCESS_LOG("log_format = json\nlog_time = local\n", "<service>-access.log"),
         "\",\"endpoint\":\"fake\",\"protocol\":\"tcp\","},
    };
    static struct run run;
    static char log[8192];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_engine_reset();
        fake_engine.on_destroy = write_access_line;
        prepare(&run, rows[i].ini);
        start(&run);
        wait_for(&run, SERVICE_HOST_RUNNING);
        write_access_line();
        control_ask_stop(&run.control, CONTROL_STOP);
        wait_for_end(&run);
        assert_int_equal(run.failure.code, EXIT_CODE_DONE);
        assert_int_equal(run.tell_count, 0);
        read_file(&run, L"Test-access.log", log, sizeof log);
        const char *at = strstr(log, rows[i].line);
        assert_non_null(at);
        assert_non_null(strstr(at + 1, rows[i].line));
        finish(&run);
    }
}

static void test_service_host__makes_no_access_log_unasked(void **state)
{
    static struct run run;
    (void)state;
    prepare(&run, ini_text);
    control_ask_stop(&run.control, CONTROL_STOP);
    start(&run);
    wait_for_end(&run);
    assert_int_equal(fake_engine.starts, 1);
    assert_null(fake_engine.access_log);
    finish(&run);
}

/* Also when the engine does not start. */
static void test_service_host__goes_on_without_an_access_log(void **state)
{
    static const enum exit_code codes[] = {EXIT_CODE_DONE, EXIT_CODE_BIND};
    static struct run run;
    static char log[8192];
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fake_engine_reset();
        fake_engine.start_code = codes[i];
        prepare(&run, ACCESS_LOG("", "taken\\access.log"));
        program_write(run.folder, L"taken", "a file where the log's folder should be", path);
        control_ask_stop(&run.control, CONTROL_STOP);
        start(&run);
        wait_for_end(&run);
        assert_int_equal(run.failure.code, codes[i]);
        assert_int_equal(fake_engine.starts, 1);
        assert_int_equal(run.tell_count, 1);
        assert_int_equal(run.told[0], EVENT_ACCESS_LOG_UNAVAILABLE);
        assert_non_null(strstr(run.tellings[0], "\\taken\\access.log cannot be opened: error "));
        read_log(&run, log, sizeof log);
        assert_non_null(strstr(log, "error   PL1504 "));
        finish(&run);
    }
}

/* The access log's lines take longer than the log's. */
static BOOL WINAPI write_access_lines_slowly(HANDLE file, LPCVOID at, DWORD length, LPDWORD written,
                                             LPOVERLAPPED overlapped)
{
    const char *end = (const char *)at + length;
    if (length > 6 && memcmp(end - 6, "idle\r\n", 6) == 0) {
        Sleep(500);
    }
    return SEAM_REAL(WriteFile)(file, at, length, written, overlapped);
}

static void test_service_host__an_engine_that_hangs_is_abandoned(void **state)
{
    static struct run run;
    static char log[8192];
    (void)state;
    prepare(&run, ACCESS_LOG("", "access.log"));
    fake_engine.never_ends = true;
    fake_engine.on_stop = write_access_line;
    seam_replace(IMPORT_WriteFile, (seam_function)write_access_lines_slowly);
    start(&run);
    control_ask_stop(&run.control, CONTROL_STOP);
    wait_for_end(&run);
    read_file(&run, L"access.log", log, sizeof log);
    assert_non_null(strstr(log, " endpoint=fake ")); /* what is known is not lost with the process */
    assert_int_equal(run.end, SERVICE_ABANDONED);
    assert_int_equal(run.failure.code, EXIT_CODE_FAILED);
    assert_string_equal(run.failure.text, "the fake engine does not end");
    assert_int_equal(fake_engine.destroys, 0);
    assert_true(ledger_count(LEDGER_HANDLE) > 0); /* the log is left to the callback that hangs */
    ledger_begin();                               /* and goes with the process */
    program_remove(run.folder);
}

/* Every allocation of a run fails once, and from then on: it ends in order, with nothing left. */
static void test_service_host__ends_in_order_without_memory(void **state)
{
    static struct run run;
    uint32_t nth = 0;
    bool was_hit = true;
    (void)state;
    while (was_hit) {
        for (uint32_t times = 1; times != 0; times = times == 1 ? FAULT_FOREVER : 0) {
            fake_engine_reset();
            prepare(&run, ACCESS_LOG("", "access.log"));
            control_ask_stop(&run.control, CONTROL_STOP);
            fault_clear();
            fault_arm(IMPORT_HeapAlloc, nth + 1, 0, times);
            run.end = service_host_run(&run.options, &run.failure);
            was_hit = fault_hits() > 0;
            fault_clear();
            assert_int_equal(run.end, SERVICE_ENDED);
            assert_int_equal(fake_engine.starts, fake_engine.destroys);
            assert_true(run.failure.code == EXIT_CODE_DONE || run.failure.code == EXIT_CODE_FAILED);
            assert_true(run.failure.code != EXIT_CODE_DONE || fake_engine.starts == 1);
            assert_true(fake_engine.starts == 0 || fake_engine.access_log != NULL ||
                        was_told(&run, EVENT_ACCESS_LOG_UNAVAILABLE));
            assert_false(was_told(&run, EVENT_CONFIG_INVALID)); /* nobody has to look for a mistake in it */
            assert_true(run.failure.code == EXIT_CODE_DONE || run.failure.text[0] != '\0');
            finish(&run);
        }
        nth++;
    }
    assert_true(nth > 10); /* it did allocate */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_service_host__runs_pauses_continues_and_stops, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__reloads_when_asked, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__a_stop_is_reported_while_a_reload_is_under_way,
                                        setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__reloads_when_it_watches, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__watches_what_a_refused_configuration_includes,
                                        setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__does_not_trust_a_file_that_others_can_change,
                                        setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__the_reason_of_the_stop_limits_the_drain, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__the_first_reason_to_stop_stays, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__a_hurry_reaches_an_engine_that_drains, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__a_hurry_before_the_start_is_done_is_kept, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__a_start_that_fails_is_logged_and_returned, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__a_missing_file_is_told_and_returned, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__an_invalid_file_is_told_with_all_its_errors, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__a_warning_is_told_and_logged, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__goes_on_without_a_log, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__gives_the_engine_an_access_log, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__makes_no_access_log_unasked, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__goes_on_without_an_access_log, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__ends_in_order_without_memory, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_service_host__an_engine_that_hangs_is_abandoned, setup,
                                        support_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
