/* SPDX-License-Identifier: MIT
   No handle of a running service can be inherited: with sockets for TCP and UDP, a live connection, both logs, the file of
   the run and the control pipe. And a child that is started with everything inherited holds nothing of them. */
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
#include "control.h"
#include "service_host.h"
#include "support/process_handles.h"
#include "support/program.h"

enum { PATIENCE = 30000, HANDLES_MAX = 4096 };

static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    char *file;
    uint16_t tcp, udp;
    struct control control;
    struct failure failure;
    HANDLE thread, is_running;
} world;

/* ---- The service, in this process ---- */

static void report(void *context, const struct service_report *what)
{
    (void)context;
    if (what->state == SERVICE_HOST_RUNNING) {
        SetEvent(world.is_running);
    }
}

static void tell(void *context, enum event event, const char *text)
{
    (void)context, (void)event;
    fprintf(stderr, "%s\n", text);
}

static DWORD WINAPI serve(void *argument)
{
    const struct service_host_options options = {.service = "inheritance",
                                                 .config_file = world.file,
                                                 .control = &world.control,
                                                 .report = report,
                                                 .tell = tell};
    (void)argument;
    service_host_run(&options, &world.failure);
    return 0;
}

static void start(void)
{
    char ini[1024];
    WCHAR path[PROGRAM_PATH_MAX];
    world.tcp = program_free_port();
    do {
        world.udp = program_free_port();
    } while (world.udp == world.tcp);
    program_folder(world.folder);
    snprintf(ini, sizeof ini,
             "[service]\nlog_file = test.log\naccess_log = access.log\ndrain_timeout = 1s\n"
             "[endpoint tcp]\nlisten = tcp://127.0.0.1:%u\nhandler = echo\n"
             "[endpoint udp]\nlisten = udp://127.0.0.1:%u\nhandler = discard\n",
             (unsigned)world.tcp, (unsigned)world.udp);
    program_write(world.folder, L"test.ini", ini, path);
    world.file = utf16_to_utf8(path);
    assert_non_null(world.file);
    control_init(&world.control);
    world.is_running = CreateEventW(NULL, TRUE, FALSE, NULL);
    world.thread = CreateThread(NULL, 0, serve, NULL, 0, NULL);
    HANDLE events[] = {world.is_running, world.thread};
    assert_int_equal(WaitForMultipleObjects(2, events, FALSE, PATIENCE), WAIT_OBJECT_0);
}

static void stop(void)
{
    control_ask_stop(&world.control, CONTROL_STOP);
    assert_int_equal(WaitForSingleObject(world.thread, PATIENCE), WAIT_OBJECT_0);
    CloseHandle(world.thread);
    CloseHandle(world.is_running);
    world.thread = NULL;
    assert_int_equal(world.failure.code, EXIT_CODE_DONE);
}

static SOCKET open_socket(int type, uint16_t port, int (*what)(SOCKET, const SOCKADDR *, int))
{
    SOCKADDR_IN at = {.sin_family = AF_INET, .sin_port = htons(port)};
    const BOOL yes = TRUE;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const SOCKET s = WSASocketW(AF_INET, type, 0, NULL, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    setsockopt(s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&yes, sizeof yes);
    if (what(s, (const SOCKADDR *)&at, sizeof at) != 0) {
        fail_msg("port %u: error %d", (unsigned)port, WSAGetLastError());
    }
    return s;
}

static int connect_and_echo(SOCKET s, const SOCKADDR *at, int length)
{
    char byte = 'x';
    return connect(s, at, length) == 0 && send(s, &byte, 1, 0) == 1 && recv(s, &byte, 1, 0) == 1 ? 0 : -1;
}

static int bind_only(SOCKET s, const SOCKADDR *at, int length)
{
    return bind(s, at, length);
}

/* ---- A child that lives until it is told ---- */

static HANDLE child_event(const WCHAR *what, unsigned long parent)
{
    WCHAR name[64];
    swprintf(name, 64, L"PortListenerTestChild-%ls-%lu", what, parent);
    return CreateEventW(NULL, TRUE, FALSE, name);
}

static int be_child(const char *parent)
{
    const unsigned long number = strtoul(parent, NULL, 10);
    const HANDLE ready = child_event(L"ready", number), end = child_event(L"end", number);
    SetEvent(ready);
    WaitForSingleObject(end, 4 * PATIENCE);
    CloseHandle(ready);
    CloseHandle(end);
    return 0;
}

struct child {
    HANDLE process, ready, end;
};

/* With every handle that can be inherited. */
static void child_start(struct child *child)
{
    WCHAR path[PROGRAM_PATH_MAX], line[PROGRAM_PATH_MAX + 64];
    STARTUPINFOW info = {.cb = sizeof info};
    PROCESS_INFORMATION process;
    child->ready = child_event(L"ready", GetCurrentProcessId());
    child->end = child_event(L"end", GetCurrentProcessId());
    GetModuleFileNameW(NULL, path, PROGRAM_PATH_MAX);
    swprintf(line, sizeof line / sizeof line[0], L"\"%ls\" child %lu", path,
             (unsigned long)GetCurrentProcessId());
    assert_true(CreateProcessW(path, line, NULL, NULL, TRUE, 0, NULL, NULL, &info, &process));
    CloseHandle(process.hThread);
    child->process = process.hProcess;
    assert_int_equal(WaitForSingleObject(child->ready, PATIENCE), WAIT_OBJECT_0);
}

static void child_end(struct child *child)
{
    SetEvent(child->end);
    assert_int_equal(WaitForSingleObject(child->process, PATIENCE), WAIT_OBJECT_0);
    CloseHandle(child->process);
    CloseHandle(child->ready);
    CloseHandle(child->end);
}

/* ---- Tests ---- */

static int setup(void **state)
{
    memset(&world, 0, sizeof world);
    return program_setup(state);
}

static int teardown(void **state)
{
    if (world.thread != NULL) { /* of a test that failed */
        control_ask_stop(&world.control, CONTROL_STOP);
        WaitForSingleObject(world.thread, PATIENCE);
        CloseHandle(world.thread);
        CloseHandle(world.is_running);
    }
    memory_free(world.file);
    program_remove(world.folder);
    return program_teardown(state);
}

static bool is_listed(const uintptr_t *at, size_t count, uintptr_t handle)
{
    for (size_t i = 0; i < count; i++) {
        if (at[i] == handle) {
            return true;
        }
    }
    return false;
}

static void test_inheritance__no_handle_of_a_running_service_can_be_inherited(void **state)
{
    static uintptr_t before[HANDLES_MAX], now[HANDLES_MAX];
    unsigned own = 0, inheritable = 0;
    (void)state;
    const size_t before_count = process_handles_list(before, HANDLES_MAX);
    start();
    const SOCKET client = open_socket(SOCK_STREAM, world.tcp, connect_and_echo);
    const size_t count = process_handles_list(now, HANDLES_MAX);
    assert_in_range(count, before_count + 10, HANDLES_MAX);
    for (size_t i = 0; i < count; i++) {
        DWORD flags = 0;
        if (is_listed(before, before_count, now[i]) || !GetHandleInformation((HANDLE)now[i], &flags)) {
            continue; /* the test's own; or closed meanwhile */
        }
        own++;
        if ((flags & HANDLE_FLAG_INHERIT) != 0) {
            inheritable++;
            print_message("handle %#llx can be inherited\n", (unsigned long long)now[i]);
        }
    }
    print_message("             %u handles, %u can be inherited\n", own, inheritable);
    assert_true(own >= 10);
    assert_int_equal(inheritable, 0);
    closesocket(client);
    stop();
}

/* Else the ports would stay bound, the pipe there, and the files open. */
static void test_inheritance__a_child_holds_nothing_of_the_service(void **state)
{
    struct child child;
    WCHAR path[PROGRAM_PATH_MAX];
    static const WCHAR *const files[] = {L"test.log", L"access.log"};
    (void)state;
    start();
    const SOCKET client = open_socket(SOCK_STREAM, world.tcp, connect_and_echo);
    child_start(&child);
    closesocket(client);
    stop();
    closesocket(open_socket(SOCK_STREAM, world.tcp, bind_only));
    closesocket(open_socket(SOCK_DGRAM, world.udp, bind_only));
    assert_false(WaitNamedPipeW(L"\\\\.\\pipe\\portlistener-inheritance", 1));
    assert_int_equal(GetLastError(), ERROR_FILE_NOT_FOUND);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        swprintf(path, PROGRAM_PATH_MAX, L"%ls\\%ls", world.folder, files[i]);
        const HANDLE file = CreateFileW(path, GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
        assert_true(file != INVALID_HANDLE_VALUE); /* nobody else has it open */
        CloseHandle(file);
    }
    child_end(&child);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        test(test_inheritance__no_handle_of_a_running_service_can_be_inherited),
        test(test_inheritance__a_child_holds_nothing_of_the_service),
    };
    WSADATA data;
    if (count == 3 && strcmp(words[1], "child") == 0) {
        return be_child(words[2]);
    }
    WSAStartup(MAKEWORD(2, 2), &data);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    WSACleanup();
    return failed;
}
