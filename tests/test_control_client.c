/* SPDX-License-Identifier: MIT
   Tests of control_client.c: whom it asks, and what it says when there is nobody, or somebody else. The service manager's
   answers are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/memory.h"
#include "control_client.h"
#include "control_pipe.h"
#include "pipe_access.h"
#include "support/fault.h"
#include "support/seam.h"
#include "support/support.h"

static struct {
    char service[64];
    struct control_pipe *pipe;
    DWORD process, state; /* of the service, as the manager tells it */
    DWORD error;          /* of CreateFile */
    DWORD flags, rights;  /* that it was called with */
} world;

/* ---- The manager, and the pipe ---- */

static SC_HANDLE WINAPI manager_open(LPCWSTR machine, LPCWSTR database, DWORD access)
{
    (void)machine, (void)database;
    assert_int_equal(access, SC_MANAGER_CONNECT);
    return (SC_HANDLE)CreateEventW(NULL, TRUE, FALSE, NULL);
}

static SC_HANDLE WINAPI service_open(SC_HANDLE manager, LPCWSTR service, DWORD access)
{
    (void)manager, (void)service;
    assert_int_equal(access, SERVICE_QUERY_STATUS);
    return (SC_HANDLE)CreateEventW(NULL, TRUE, FALSE, NULL);
}

static BOOL WINAPI handle_close(SC_HANDLE handle)
{
    return CloseHandle((HANDLE)handle);
}

/* The signature is QueryServiceStatusEx's. */
static BOOL WINAPI status_query(SC_HANDLE service, SC_STATUS_TYPE level, LPBYTE at, DWORD room,
                                LPDWORD needed) /* NOLINT(readability-non-const-parameter) */
{
    SERVICE_STATUS_PROCESS *status = (SERVICE_STATUS_PROCESS *)(void *)at;
    (void)service, (void)level, (void)needed;
    assert_int_equal(room, sizeof *status);
    *status = (SERVICE_STATUS_PROCESS){.dwProcessId = world.process, .dwCurrentState = world.state};
    return TRUE;
}

/* From now on the name is a service's. */
static void be_service(DWORD process, DWORD state)
{
    world.process = process;
    world.state = state;
    seam_replace(IMPORT_OpenSCManagerW, (seam_function)(void (*)(void))manager_open);
    seam_replace(IMPORT_OpenServiceW, (seam_function)(void (*)(void))service_open);
    seam_replace(IMPORT_CloseServiceHandle, (seam_function)(void (*)(void))handle_close);
    seam_replace(IMPORT_QueryServiceStatusEx, (seam_function)(void (*)(void))status_query);
}

static HANDLE WINAPI file_create(LPCWSTR path, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security,
                                 DWORD disposition, DWORD flags, HANDLE like)
{
    world.flags = flags;
    world.rights = access;
    if (world.error != 0) {
        SetLastError(world.error);
        return INVALID_HANDLE_VALUE;
    }
    return SEAM_REAL(CreateFileW)(path, access, share, security, disposition, flags, like);
}

static enum exit_code answer(void *context, const struct control_request *request,
                             struct control_answer *answer)
{
    (void)context, (void)request;
    control_answer_format(answer, CONTROL_OUT, "hello\n");
    return EXIT_CODE_DONE;
}

static void start(void)
{
    const struct control_pipe_options options = {.service = world.service, .answer = answer};
    struct failure failure;
    world.pipe = control_pipe_start(&options, &failure);
    assert_non_null(world.pipe);
}

static void expect_failure(enum exit_code code, const char *part)
{
    struct control_client client;
    struct failure failure = {.code = EXIT_CODE_DONE};
    if (control_client_open(&client, world.service, NULL, &failure)) {
        control_client_close(&client);
        fail_msg("it was opened, and not: %s", part);
    }
    if (failure.code != code || strstr(failure.text, part) == NULL) {
        fail_msg("%d: %s", (int)failure.code, failure.text);
    }
}

static void count(void *context, const struct control_piece *piece)
{
    *(size_t *)context += piece->length;
}

static void expect_answer(void)
{
    static const char *const words[] = {"hello"};
    struct control_client client;
    struct failure failure;
    enum exit_code code = EXIT_CODE_FAILED;
    char room[64];
    struct text request;
    size_t length = 0;
    text_init(&request, room, sizeof room);
    assert_true(control_request_add(&request, words, 1));
    if (!control_client_open(&client, world.service, NULL, &failure) ||
        !control_client_ask(&client, &request, count, &length, &code, &failure)) {
        fail_msg("%s", failure.text);
    }
    assert_int_equal(client.process, GetCurrentProcessId());
    control_client_close(&client);
    assert_int_equal(length, 6);
    assert_int_equal(code, EXIT_CODE_DONE);
}

static int setup(void **state)
{
    static unsigned number;
    const int result = support_setup(state);
    memset(&world, 0, sizeof world);
    snprintf(world.service, sizeof world.service, "client%lu-%u", (unsigned long)GetCurrentProcessId(),
             ++number);
    return result;
}

static int teardown(void **state)
{
    fault_clear();
    control_pipe_stop(world.pipe);
    return support_teardown(state);
}

/* ---- Tests ---- */

static void test_control_client__asks_a_run_on_a_console(void **state)
{
    (void)state;
    start();
    seam_replace(IMPORT_CreateFileW, (seam_function)(void (*)(void))file_create);
    expect_answer();
    assert_int_equal(world.rights, PIPE_CLIENT_RIGHTS);
    assert_int_equal(world.flags, FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION);
}

static void test_control_client__asks_the_process_of_the_service_alone(void **state)
{
    (void)state;
    start();
    be_service(GetCurrentProcessId(), SERVICE_RUNNING);
    expect_answer();
    be_service(GetCurrentProcessId(), SERVICE_PAUSED);
    expect_answer();
    be_service(GetCurrentProcessId() + 4, SERVICE_RUNNING);
    expect_failure(EXIT_CODE_FAILED, "another program has taken its name");
    fault_arm(IMPORT_GetNamedPipeServerProcessId, 1, ERROR_INVALID_HANDLE, 1);
    expect_failure(EXIT_CODE_FAILED, "does not tell whose pipe this is");
}

static void test_control_client__says_why_nobody_answers(void **state)
{
    (void)state;
    expect_failure(EXIT_CODE_NOT_RUNNING, "nothing runs as client");
    expect_failure(EXIT_CODE_NOT_RUNNING,
                   "no run on a console, unless its configuration says control_pipe = no");
    be_service(0, SERVICE_STOPPED);
    expect_failure(EXIT_CODE_NOT_RUNNING, "does not run; \"net start client");
    be_service(1234, SERVICE_START_PENDING);
    expect_failure(EXIT_CODE_NOT_RUNNING, "it is starting");
    be_service(1234, SERVICE_STOP_PENDING);
    expect_failure(EXIT_CODE_NOT_RUNNING, "it is stopping");
    be_service(1234, SERVICE_RUNNING);
    expect_failure(EXIT_CODE_FAILED,
                   "runs, but has no control pipe: its configuration says control_pipe = no");
    be_service(1234, SERVICE_PAUSED);
    expect_failure(EXIT_CODE_FAILED, "runs, but has no control pipe");
}

static void test_control_client__says_why_it_may_not_ask(void **state)
{
    (void)state;
    seam_replace(IMPORT_CreateFileW, (seam_function)(void (*)(void))file_create);
    world.error = ERROR_ACCESS_DENIED;
    expect_failure(EXIT_CODE_ACCESS_DENIED, "administrators only: run this elevated");
    world.error = ERROR_INVALID_NAME;
    expect_failure(EXIT_CODE_FAILED, "cannot be opened: error 123");
    fault_arm(IMPORT_OpenSCManagerW, 1, ERROR_ACCESS_DENIED, 1);
    expect_failure(EXIT_CODE_ACCESS_DENIED, "the service manager cannot be reached");
    fault_arm(IMPORT_OpenSCManagerW, 1, RPC_S_SERVER_UNAVAILABLE, 1);
    expect_failure(EXIT_CODE_FAILED, "the service manager cannot be reached");
    fault_arm(IMPORT_OpenServiceW, 1, ERROR_ACCESS_DENIED, 1);
    expect_failure(EXIT_CODE_ACCESS_DENIED, "does not tell of this service");
    fault_arm(IMPORT_OpenServiceW, 1, ERROR_INVALID_HANDLE, 1);
    expect_failure(EXIT_CODE_FAILED, "does not tell of this service");
    be_service(1, SERVICE_RUNNING);
    fault_arm(IMPORT_QueryServiceStatusEx, 1, ERROR_ACCESS_DENIED, 1);
    expect_failure(EXIT_CODE_FAILED, "does not tell whether the service runs");
}

static void test_control_client__without_memory_or_handles_it_says_so(void **state)
{
    (void)state;
    start();
    for (uint32_t nth = 1; nth <= 4; nth++) { /* its allocations */
        struct control_client client;
        struct failure failure;
        fault_arm(IMPORT_HeapAlloc, nth, 0, FAULT_FOREVER);
        const bool is_open = control_client_open(&client, world.service, NULL, &failure);
        fault_clear();
        if (is_open) {
            control_client_close(&client);
        } else {
            assert_int_equal(failure.code, EXIT_CODE_FAILED);
        }
    }
    fault_arm(IMPORT_CreateEventW, 1, ERROR_NOT_ENOUGH_MEMORY, 1);
    expect_failure(EXIT_CODE_FAILED, "an event could not be created");
    expect_answer();
}

/* A server that answers with something else, over one real pipe. */
static void test_control_client__knows_an_answer_that_is_none(void **state)
{
    static const struct {
        const char *answer;
        enum exit_code code;
        const char *part;
    } rows[] = {
        {"hello\n", EXIT_CODE_FAILED, "cannot be understood"},
        {"out 5\nhel", EXIT_CODE_NOT_RUNNING, "before the answer was complete"},
        {"end 0\nmore", EXIT_CODE_FAILED, "cannot be understood"},
    };
    WCHAR *name = pipe_access_name(world.service);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const char *const words[] = {"hello"};
        struct control_client client;
        struct failure failure;
        enum exit_code code = EXIT_CODE_DONE;
        char room[64];
        struct text request;
        size_t length = 0;
        DWORD written = 0;
        HANDLE server = CreateNamedPipeW(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, 1, 4096, 4096, 0, NULL);
        assert_true(server != INVALID_HANDLE_VALUE);
        assert_true(control_client_open(&client, world.service, NULL, &failure));
        text_init(&request, room, sizeof room);
        assert_true(control_request_add(&request, words, 1));
        assert_true(WriteFile(server, rows[i].answer, (DWORD)strlen(rows[i].answer), &written, NULL));
        if (rows[i].code == EXIT_CODE_NOT_RUNNING) {
            CloseHandle(server);
        }
        const bool is_answered = control_client_ask(&client, &request, count, &length, &code, &failure);
        control_client_close(&client);
        if (rows[i].code != EXIT_CODE_NOT_RUNNING) {
            CloseHandle(server);
        }
        if (is_answered || failure.code != rows[i].code || strstr(failure.text, rows[i].part) == NULL) {
            fail_msg("row %d: %s", (int)i, is_answered ? "taken" : failure.text);
        }
    }
    memory_free(name);
}

/* Nothing comes, however long the client would wait otherwise. */
static void test_control_client__waits_no_longer_than_it_may(void **state)
{
    static const char *const words[] = {"hello"};
    WCHAR *name = pipe_access_name(world.service);
    HANDLE server = CreateNamedPipeW(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, 1, 4096, 4096, 0, NULL);
    const ULONGLONG begin = GetTickCount64();
    struct control_client client, second;
    struct failure failure;
    enum exit_code code = EXIT_CODE_DONE;
    char room[64];
    struct text request;
    size_t length = 0;
    (void)state;
    assert_true(server != INVALID_HANDLE_VALUE);
    text_init(&request, room, sizeof room);
    assert_true(control_request_add(&request, words, 1));
    assert_true(control_client_open_within(&client, world.service, 1000, &failure));
    assert_false(
        control_client_open_within(&second, world.service, 1000, &failure)); /* its only place is taken */
    assert_non_null(strstr(failure.text, "none of them was done within 1 seconds"));
    assert_false(control_client_ask(&client, &request, count, &length, &code, &failure));
    assert_non_null(strstr(failure.text, "has not answered within 1 seconds"));
    assert_in_range(GetTickCount64() - begin, 900, CONTROL_BUSY_PATIENCE - 1);
    control_client_close(&client);
    CloseHandle(server);
    memory_free(name);
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_control_client__asks_a_run_on_a_console),
        test(test_control_client__asks_the_process_of_the_service_alone),
        test(test_control_client__says_why_nobody_answers),
        test(test_control_client__says_why_it_may_not_ask),
        test(test_control_client__without_memory_or_handles_it_says_so),
        test(test_control_client__knows_an_answer_that_is_none),
        test(test_control_client__waits_no_longer_than_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
