/* SPDX-License-Identifier: MIT
   What is left when the process dies inside a handler's callback: a child, which is this program again, runs the service
   with a handler that does to it what it is asked; then the files that it left are read, and the next start's log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "handler/handlers.h"
#include "service_host.h"
#include "support/client.h"
#include "support/program.h"
#include "support/support.h"
#include "support/wine.h"

enum {
    PATIENCE = 60000,
    STACK_PATIENCE = 5000,
    WINE_8_STACK_PATIENCE = 500,
    EXIT_CODE_OF_HANDLER = 7,
    EXIT_CODE_OF_KILL = 9
};

/* ---- The child ---- */

static struct control child_control;
static HANDLE child_progress;                 /* a semaphore: it runs, a callback hangs */
static volatile uintptr_t child_address = 16; /* where nothing is */
static volatile int child_zero;

/* Deeper, until the stack is full. The compiler cannot know that it never ends. */
static int child_recurse(int depth)
{
    volatile char room[4096];
    room[0] = (char)depth;
    return child_zero != 0 ? 0 : child_recurse(depth + 1) + room[0];
}

static int32_t child_start(pl_start *start)
{
    start->state = (void *)(uintptr_t)start->host;
    return PL_OK;
}

static size_t child_on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    const pl_host *host = state;
    (void)user;
    switch (at[0]) {
    case 'w':
        *(volatile char *)child_address = 1;
        break;
    case 'd':
        child_zero = div(1, child_zero).quot;
        break;
    case 'f':
        RaiseFailFastException(NULL, NULL, 0);
        break;
    case 's':
        child_zero = child_recurse(0);
        break;
    case 'e':
        exit(EXIT_CODE_OF_HANDLER); /* NOLINT(concurrency-mt-unsafe): that is what it is for */
    case 'p':
        host->send(host, id, at, 1);
        break;
    case 'h':
        ReleaseSemaphore(child_progress, 1, NULL);
        Sleep(INFINITE);
        break;
    default:
        control_ask_stop(&child_control, CONTROL_STOP);
        break;
    }
    return length;
}

static const struct pl_handler crasher = {
    .size = sizeof(struct pl_handler),
    .abi_major = PL_ABI_MAJOR,
    .abi_minor = PL_ABI_MINOR,
    .needs_minor = PL_ABI_MINOR,
    .flags = PL_TCP,
    .name = "crasher",
    .version = "1.0",
    .summary = "Dies as it is asked.",
    .start = child_start,
    .on_data = child_on_data,
};

/* In place of the program's own. */
const struct pl_handler *const handlers_builtin[] = {&crasher, NULL};

static void child_report(void *context, const struct service_report *report)
{
    (void)context;
    if (report->state == SERVICE_HOST_RUNNING) {
        ReleaseSemaphore(child_progress, 1, NULL);
    }
}

/* The arguments: the INI's path, and the name of the semaphore. */
static int child_main(const WCHAR *path, const WCHAR *progress)
{
    struct failure failure;
    char *config_file = utf16_to_utf8(path);
    child_progress = OpenSemaphoreW(SEMAPHORE_MODIFY_STATE, FALSE, progress);
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX); /* no box for what reaches no filter */
    control_init(&child_control);
    const struct service_host_options options = {
        .service = "Test", .config_file = config_file, .control = &child_control, .report = child_report};
    if (service_host_run(&options, &failure) == SERVICE_ABANDONED) {
        TerminateProcess(GetCurrentProcess(), (UINT)failure.code);
    }
    return (int)failure.code;
}

/* ---- Around it ---- */

static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    WCHAR ini[PROGRAM_PATH_MAX];
    uint16_t port;
    HANDLE process;
    HANDLE progress;
} world;

static int setup(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    char ini[1024];
    memset(&world, 0, sizeof world);
    if (support_setup(state) != 0) {
        return -1;
    }
    program_folder(world.folder);
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\logs", world.folder);
    CreateDirectoryW(path, NULL);
    world.port = program_free_port();
    snprintf(ini, sizeof ini,
             "[service]\nlog_file = logs\\test.log\nworkers = 3\ndrain_timeout = 1s\n"
             "[endpoint victim]\nlisten = tcp://127.0.0.1:%u\nhandler = crasher\n",
             (unsigned)world.port);
    program_write(world.folder, L"test.ini", ini, world.ini);
    return 0;
}

static int teardown(void **state)
{
    if (world.process != NULL) {
        TerminateProcess(world.process, EXIT_CODE_OF_KILL);
        WaitForSingleObject(world.process, PATIENCE);
        CloseHandle(world.process);
        CloseHandle(world.progress);
    }
    program_remove(world.folder);
    return support_teardown(state);
}

static void start(void)
{
    WCHAR self[PROGRAM_PATH_MAX], line[4 * PROGRAM_PATH_MAX], name[64];
    STARTUPINFOW info = {.cb = sizeof info};
    PROCESS_INFORMATION process;
    swprintf(name, 64, L"portlistener-test-crash-%lu", (unsigned long)GetCurrentProcessId());
    world.progress = CreateSemaphoreW(NULL, 0, 10, name);
    assert_non_null(world.progress);
    GetModuleFileNameW(NULL, self, PROGRAM_PATH_MAX);
    swprintf(line, sizeof line / sizeof line[0], L"\"%ls\" child \"%ls\" %ls", self, world.ini, name);
    assert_true(CreateProcessW(self, line, NULL, NULL, FALSE, 0, NULL, world.folder, &info, &process));
    CloseHandle(process.hThread);
    world.process = process.hProcess;
    const HANDLE either[] = {world.progress, world.process};
    assert_int_equal(WaitForMultipleObjects(2, either, FALSE, PATIENCE), WAIT_OBJECT_0);
}

/* A client that has come in. */
static struct client *come_in(void)
{
    const struct pl_address to = client_address("127.0.0.1", world.port);
    struct client *client = NULL;
    char answer = 0;
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    assert_int_equal(client_send(client, "p", 1, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(client, &answer, 1, CLIENT_PATIENCE), CLIENT_OK);
    return client;
}

static void ask(struct client *client, char what)
{
    assert_int_equal(client_send(client, &what, 1, CLIENT_PATIENCE), CLIENT_OK);
}

/* Until one more callback hangs. */
static void ask_to_hang(struct client *client)
{
    ask(client, 'h');
    assert_int_equal(WaitForSingleObject(world.progress, PATIENCE), WAIT_OBJECT_0);
}

/* Its exit code. */
static DWORD wait_for_end(void)
{
    DWORD code = 0;
    assert_int_equal(WaitForSingleObject(world.process, PATIENCE), WAIT_OBJECT_0);
    assert_true(GetExitCodeProcess(world.process, &code));
    CloseHandle(world.process);
    CloseHandle(world.progress);
    world.process = NULL;
    return code;
}

static DWORD run_and(char what)
{
    start();
    struct client *client = come_in();
    ask(client, what);
    const DWORD code = wait_for_end();
    client_close(client);
    return code;
}

static bool is_there(const WCHAR *name)
{
    WCHAR path[PROGRAM_PATH_MAX];
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\logs\\%ls", world.folder, name);
    return GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES;
}

/* How many reports there are; one of them, the last that is found, in `text`. */
static unsigned read_reports(char *text, size_t room)
{
    WCHAR logs[PROGRAM_PATH_MAX];
    swprintf(logs, PROGRAM_PATH_MAX, L"%ls\\logs", world.folder);
    return program_read_all(logs, L"test-crash-*.txt", text, room);
}

static char log_text[65536];

static void read_log(void)
{
    WCHAR path[PROGRAM_PATH_MAX];
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\logs\\test.log", world.folder);
    assert_true(program_read(path, log_text, sizeof log_text));
}

static void expect_part(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, text);
    }
}

/* A start, and an end in order. */
static void run_in_peace(void)
{
    assert_int_equal(run_and('q'), EXIT_CODE_DONE);
    assert_false(is_there(L"test.running"));
    read_log();
}

/* What the next start tells; the one after it has nothing to tell. */
static void expect_next_start_tells(const char *part)
{
    assert_true(is_there(L"test.running"));
    run_in_peace();
    expect_part(log_text, "PL1008 the last run did not end in order: process ");
    expect_part(log_text, "; in a callback then: handler crasher of endpoint victim for #");
    expect_part(log_text, part);
    const char *first = strstr(log_text, "PL1008"); /* before all that this run tells of itself */
    const char *begin = strstr(first, "PL1001");
    assert_non_null(begin);
    assert_null(strstr(begin, "the last run ended in order"));
    const size_t length = strlen(log_text);
    run_in_peace();
    assert_null(strstr(log_text + length, "PL1008"));
    expect_part(log_text + length, "test.ini; the last run ended in order, if there was one\r\n");
}

/* ---- Tests ---- */

static void test_crash__of_an_access_leaves_a_report(void **state)
{
    static char report[8192];
    (void)state;
    assert_int_equal(run_and('w'), EXCEPTION_ACCESS_VIOLATION);
    assert_int_equal(read_reports(report, sizeof report), 1);
    expect_part(report, "crash of: PortListener " PORTLISTENER_VERSION "\r\ntime: 20");
    expect_part(report, "\r\nexception: 0xC0000005, access violation, writing 0x0000000000000010\r\n");
    expect_part(report, "\r\nhandler: crasher\r\ncallback: on_data\r\nendpoint: victim\r\nconnection: 0x");
    expect_part(report, "\\test_crash.exe\r\ncalls:\r\n  test_crash.exe+0x");
    expect_next_start_tells("; it died of exception 0xC0000005 on thread ");
    expect_part(log_text, "logs\\test-crash-20");
}

static void test_crash__of_a_division_has_its_code(void **state)
{
    static char report[8192];
    (void)state;
    assert_int_equal(run_and('d'), EXCEPTION_INT_DIVIDE_BY_ZERO);
    assert_int_equal(read_reports(report, sizeof report), 1);
    expect_part(report, "\r\nexception: 0xC0000094, integer division by zero\r\n");
    expect_part(report, "\r\nhandler: crasher\r\n");
    expect_next_start_tells("; it died of exception 0xC0000094 on thread ");
}

static void test_crash__by_fail_fast_is_told_by_the_next_start(void **state)
{
    static char report[8192];
    (void)state;
    assert_true(run_and('f') >= 0xC0000000);
    assert_int_equal(read_reports(report, sizeof report), 0);
    expect_next_start_tells("");
    assert_null(strstr(log_text, "it died of exception"));
}

static void test_crash__by_exit_in_a_callback_is_told_by_the_next_start(void **state)
{
    static char report[8192];
    (void)state;
    assert_int_equal(run_and('e'), EXIT_CODE_OF_HANDLER);
    assert_int_equal(read_reports(report, sizeof report), 0);
    expect_next_start_tells("");
}

static void test_crash__by_a_kill_tells_each_callback_that_was_running(void **state)
{
    (void)state;
    start();
    struct client *first = come_in(), *second = come_in();
    ask_to_hang(first);
    ask_to_hang(second);
    TerminateProcess(world.process, EXIT_CODE_OF_KILL);
    assert_int_equal(wait_for_end(), EXIT_CODE_OF_KILL);
    client_close(first);
    client_close(second);
    expect_next_start_tells("); handler crasher of endpoint victim for #");
}

/* A handler that has not returned by the end of a stop: the process ends without it. */
static void test_crash__of_a_stop_that_gave_up_is_told_by_the_next_start(void **state)
{
    (void)state;
    start();
    struct client *first = come_in(), *second = come_in();
    ask_to_hang(first);
    ask(second, 'q');
    assert_int_equal(wait_for_end(), EXIT_CODE_FAILED);
    client_close(first);
    client_close(second);
    expect_next_start_tells("");
    expect_part(log_text, "PL1401");
}

/* Wine 8 ends the thread and lets the process live; a report may have been begun. */
static void test_crash__by_a_full_stack_is_told_by_the_next_start(void **state)
{
    (void)state;
    start();
    struct client *client = come_in();
    ask(client, 's');
    if (WaitForSingleObject(world.process, wine_is_before(10) ? WINE_8_STACK_PATIENCE : STACK_PATIENCE) ==
        WAIT_TIMEOUT) {
        TerminateProcess(world.process, EXIT_CODE_OF_KILL);
    }
    assert_int_not_equal(wait_for_end(), EXIT_CODE_DONE);
    client_close(client);
    expect_next_start_tells("");
}

/* Neither log nor report nor running file can be written: the end is the same. */
static void test_crash__where_nothing_can_be_written_harms_nothing(void **state)
{
    char ini[1024];
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    snprintf(ini, sizeof ini,
             "[service]\nlog_file = taken\\test.log\n"
             "[endpoint victim]\nlisten = tcp://127.0.0.1:%u\nhandler = crasher\n",
             (unsigned)world.port);
    program_write(world.folder, L"test.ini", ini, world.ini);
    program_write(world.folder, L"taken", "a file where the log's folder should be", path);
    assert_int_equal(run_and('w'), EXCEPTION_ACCESS_VIOLATION);
    assert_int_equal(run_and('q'), EXIT_CODE_DONE);
}

static void test_crash__reports_are_eight_at_most(void **state)
{
    static char report[8192];
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(run_and('w'), EXCEPTION_ACCESS_VIOLATION);
    }
    assert_int_equal(read_reports(report, sizeof report), 8);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int wmain(int count, WCHAR **arguments);

int wmain(int count, WCHAR **arguments)
{
    const struct CMUnitTest tests[] = {
        test(test_crash__of_an_access_leaves_a_report),
        test(test_crash__of_a_division_has_its_code),
        test(test_crash__by_fail_fast_is_told_by_the_next_start),
        test(test_crash__by_exit_in_a_callback_is_told_by_the_next_start),
        test(test_crash__by_a_kill_tells_each_callback_that_was_running),
        test(test_crash__of_a_stop_that_gave_up_is_told_by_the_next_start),
        test(test_crash__by_a_full_stack_is_told_by_the_next_start),
        test(test_crash__where_nothing_can_be_written_harms_nothing),
        test(test_crash__reports_are_eight_at_most),
    };
    if (count == 4 && wcscmp(arguments[1], L"child") == 0) {
        return child_main(arguments[2], arguments[3]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
