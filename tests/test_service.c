/* SPDX-License-Identifier: MIT
   The built program under the real service manager: created, started, paused, continued, stopped, deleted,
   and what the manager is told on the way. Needs the right to create services; skipped without. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/failure.h"
#include "support/client.h"
#include "support/program.h"
#include "support/snapshot.h"
#include "support/wine.h"

enum { PATIENCE = 60000, POLL = 20, DRAIN = 2000 };

static struct {
    SC_HANDLE manager;
    SC_HANDLE service; /* of the test that runs; NULL: none */
    SC_HANDLE second;
    WCHAR name[64];
    WCHAR folder[PROGRAM_PATH_MAX];
    uint16_t port;
} world;

/* ---- The service ---- */

static SC_HANDLE create_service(const WCHAR *name, const WCHAR *arguments)
{
    WCHAR line[3 * PROGRAM_PATH_MAX];
    swprintf(line, sizeof line / sizeof line[0], L"\"%ls\" %ls", program_path(), arguments);
    SC_HANDLE service =
        CreateServiceW(world.manager, name, NULL, SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS,
                       SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, line, NULL, NULL, NULL, NULL, NULL);
    assert_non_null(service);
    return service;
}

/* An INI of `first` and an echo endpoint on `port`. */
static void write_ini(const WCHAR *name, const char *first, uint16_t port, WCHAR path_out[PROGRAM_PATH_MAX])
{
    char ini[4096];
    snprintf(ini, sizeof ini, "%s[endpoint echo]\nlisten = tcp://127.0.0.1:%u\nhandler = echo\n", first,
             (unsigned)port);
    program_write(world.folder, name, ini, path_out);
}

static void install(const char *first, const WCHAR *verb)
{
    WCHAR path[PROGRAM_PATH_MAX], arguments[2 * PROGRAM_PATH_MAX];
    write_ini(L"portlistener.ini", first, world.port, path);
    swprintf(arguments, sizeof arguments / sizeof arguments[0], L"%ls --config \"%ls\"", verb, path);
    world.service = create_service(world.name, arguments);
}

static SERVICE_STATUS_PROCESS query(SC_HANDLE service)
{
    SERVICE_STATUS_PROCESS status = {0};
    DWORD needed = 0;
    assert_true(
        QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (BYTE *)&status, sizeof status, &needed));
    return status;
}

static void expect_growing(const SERVICE_STATUS_PROCESS *status, DWORD *checkpoint, unsigned *seen)
{
    assert_true(status->dwCheckPoint >= *checkpoint);
    *seen += status->dwCheckPoint > *checkpoint ? 1U : 0U;
    *checkpoint = status->dwCheckPoint;
}

/* Polls until `state`. On the way there is `before`, then `pending` with checkpoints that grow, and nothing
   else. Returns how many different checkpoints were seen. */
static unsigned wait_for(SC_HANDLE service, DWORD before, DWORD pending, DWORD state)
{
    unsigned seen = 0;
    DWORD checkpoint = 0, last = before;
    for (int waited = 0; waited < PATIENCE; waited += POLL) {
        const SERVICE_STATUS_PROCESS status = query(service);
        const DWORD now = status.dwCurrentState;
        if (now == state) {
            return seen;
        }
        if (now != pending && (now != before || last == pending)) {
            fail_msg("state %lu behind %lu, on the way to %lu", (unsigned long)now, (unsigned long)last,
                     (unsigned long)state);
        }
        if (now == pending) {
            expect_growing(&status, &checkpoint, &seen);
        }
        last = now;
        Sleep(POLL);
    }
    fail_msg("the service is in state %lu, not in %lu", (unsigned long)last, (unsigned long)state);
    return seen;
}

static void wait_until_running(SC_HANDLE service)
{
    wait_for(service, SERVICE_STOPPED, SERVICE_START_PENDING, SERVICE_RUNNING);
}

static void start_service(void)
{
    assert_true(StartServiceW(world.service, 0, NULL));
}

static void control(DWORD code)
{
    SERVICE_STATUS status;
    assert_true(ControlService(world.service, code, &status));
}

static void read_log(const WCHAR *name, char *at, size_t room)
{
    WCHAR path[PROGRAM_PATH_MAX];
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\%ls", world.folder, name);
    assert_true(program_read(path, at, room));
}

static void stop(SC_HANDLE service)
{
    SERVICE_STATUS status;
    const DWORD before = query(service).dwCurrentState;
    assert_true(ControlService(service, SERVICE_CONTROL_STOP, &status));
    wait_for(service, before, SERVICE_STOP_PENDING, SERVICE_STOPPED);
    if (query(service).dwWin32ExitCode != NO_ERROR) {
        static char log[16384];
        read_log(L"test.log", log, sizeof log);
        fail_msg("the stop ended with code %lu; the log:\n%s",
                 (unsigned long)query(service).dwServiceSpecificExitCode, log);
    }
}

static void expect_failed_start(enum exit_code code)
{
    start_service();
    wait_for(world.service, SERVICE_STOPPED, SERVICE_START_PENDING, SERVICE_STOPPED);
    const SERVICE_STATUS_PROCESS status = query(world.service);
    assert_int_equal(status.dwWin32ExitCode, ERROR_SERVICE_SPECIFIC_ERROR);
    assert_int_equal(status.dwServiceSpecificExitCode, code);
}

/* ---- Clients ---- */

/* NULL: refused. */
static struct client *connect_to(uint16_t port)
{
    const struct pl_address to = client_address("127.0.0.1", port);
    struct client *client = NULL;
    const enum client_result result = client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client);
    assert_true(result == CLIENT_OK || result == CLIENT_REFUSED || result == CLIENT_RESET);
    return client;
}

/* A receive stays posted, so that a reset shows. */
static bool echoes(struct client *client, const char *word)
{
    char answer[64];
    const size_t length = strlen(word);
    return client_send(client, word, length, CLIENT_PATIENCE) == CLIENT_OK &&
           client_receive(client, answer, length, CLIENT_PATIENCE) == CLIENT_OK &&
           memcmp(answer, word, length) == 0;
}

static bool echoes_anew(uint16_t port)
{
    struct client *client = connect_to(port);
    const bool is_answered = client != NULL && echoes(client, "ping");
    if (client != NULL) {
        client_close(client);
    }
    return is_answered;
}

/* A socket of this test's own on the service's port. */
static SOCKET hold_port(void)
{
    const SOCKET holder = socket(AF_INET, SOCK_STREAM, 0);
    const BOOL yes = TRUE;
    SOCKADDR_IN at = {.sin_family = AF_INET, .sin_port = htons(world.port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(holder, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&yes, sizeof yes);
    assert_int_equal(bind(holder, (const SOCKADDR *)&at, sizeof at), 0);
    assert_int_equal(listen(holder, 1), 0);
    return holder;
}

/* ---- Fixtures ---- */

static const char ini_echo[] = "[service]\nlog_file = test.log\ndrain_timeout = 2s\n"; /* DRAIN */
static const char ini_all[] = "[service]\nlog_file = test.log\nstart_policy = all\n";

static int setup(void **state)
{
    static unsigned count;
    const int result = program_setup(state);
    swprintf(world.name, 64, L"PortListenerTest-%lu-%u", (unsigned long)GetCurrentProcessId(), ++count);
    program_folder(world.folder);
    world.port = program_free_port();
    return result;
}

static void remove_service(SC_HANDLE *service)
{
    SERVICE_STATUS status;
    if (*service == NULL) {
        return;
    }
    ControlService(*service, SERVICE_CONTROL_STOP, &status); /* of a test that failed */
    for (int waited = 0; waited < PATIENCE && query(*service).dwCurrentState != SERVICE_STOPPED;
         waited += POLL) {
        Sleep(POLL);
    }
    DeleteService(*service);
    CloseServiceHandle(*service);
    *service = NULL;
}

static int teardown(void **state)
{
    remove_service(&world.service);
    remove_service(&world.second);
    program_remove(world.folder);
    return program_teardown(state);
}

/* ---- Tests ---- */

static void test_service__starts_pauses_continues_and_stops(void **state)
{
    static char log[16384];
    (void)state;
    install(ini_echo, L"service");
    start_service();
    wait_until_running(world.service);
    assert_true(echoes_anew(world.port)); /* at once: RUNNING means bound */
    struct client *live = connect_to(world.port);
    assert_non_null(live);
    assert_true(echoes(live, "before"));
    control(SERVICE_CONTROL_INTERROGATE);
    control(SERVICE_CONTROL_PAUSE);
    wait_for(world.service, SERVICE_RUNNING, SERVICE_PAUSE_PENDING, SERVICE_PAUSED);
    assert_false(echoes_anew(world.port));
    assert_true(echoes(live, "still there")); /* live connections go on */
    control(SERVICE_CONTROL_CONTINUE);
    wait_for(world.service, SERVICE_PAUSED, SERVICE_CONTINUE_PENDING, SERVICE_RUNNING);
    assert_true(echoes_anew(world.port));
    client_close(live);
    stop(world.service);
    assert_false(echoes_anew(world.port));
    read_log(L"test.log", log, sizeof log);
    assert_non_null(strstr(log, "PL1002"));
    assert_non_null(strstr(log, "PL1004"));
}

static void test_service__a_line_without_the_verb_runs_as_a_service(void **state)
{
    (void)state;
    install(ini_echo, L"");
    start_service();
    wait_until_running(world.service);
    assert_true(echoes_anew(world.port));
    stop(world.service);
}

static void test_service__starts_again_right_after_a_stop(void **state)
{
    (void)state;
    install(ini_echo, L"service");
    for (int i = 0; i < 10; i++) {
        start_service();
        wait_until_running(world.service);
        assert_true(echoes_anew(world.port));
        stop(world.service);
    }
}

static void test_service__stops_while_it_is_paused(void **state)
{
    (void)state;
    install(ini_echo, L"service");
    start_service();
    wait_until_running(world.service);
    control(SERVICE_CONTROL_PAUSE);
    wait_for(world.service, SERVICE_RUNNING, SERVICE_PAUSE_PENDING, SERVICE_PAUSED);
    stop(world.service);
}

static void test_service__an_unknown_control_changes_nothing(void **state)
{
    SERVICE_STATUS status;
    (void)state;
    install(ini_echo, L"service");
    start_service();
    wait_until_running(world.service);
    ControlService(world.service, 200, &status); /* refused: Wine does not pass the handler's answer on */
    assert_int_equal(query(world.service).dwCurrentState, SERVICE_RUNNING);
    assert_true(echoes_anew(world.port));
    stop(world.service);
}

static void test_service__waits_with_checkpoints_for_a_port_that_becomes_free(void **state)
{
    unsigned seen = 0;
    (void)state;
    install(ini_all, L"service");
    const SOCKET holder = hold_port();
    start_service();
    DWORD checkpoint = 0;
    for (int waited = 0; waited < 3000; waited += POLL) {
        const SERVICE_STATUS_PROCESS status = query(world.service);
        assert_int_equal(status.dwCurrentState, SERVICE_START_PENDING); /* never RUNNING before it is bound */
        assert_int_equal(status.dwControlsAccepted, 0);
        expect_growing(&status, &checkpoint, &seen);
        assert_true(checkpoint == 0 || status.dwWaitHint > 0);
        Sleep(POLL);
    }
    assert_true(seen >= 3); /* at least one a second */
    closesocket(holder);
    wait_for(world.service, SERVICE_START_PENDING, SERVICE_START_PENDING, SERVICE_RUNNING);
    assert_true(echoes_anew(world.port));
    stop(world.service);
}

static void test_service__a_busy_port_fails_the_start_with_code_4(void **state)
{
    static char log[16384];
    char address[64];
    (void)state;
    install(ini_all, L"service");
    const SOCKET holder = hold_port();
    expect_failed_start(EXIT_CODE_BIND);
    closesocket(holder);
    read_log(L"test.log", log, sizeof log);
    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)world.port);
    assert_non_null(strstr(log, "PL1007"));
    assert_non_null(strstr(log, address));
}

static void test_service__a_broken_file_fails_the_start_with_code_3(void **state)
{
    (void)state;
    install("[service]\nlgo_level = info\n", L"service");
    expect_failed_start(EXIT_CODE_CONFIGURATION);
}

static void test_service__a_missing_file_fails_the_start_with_code_3(void **state)
{
    (void)state;
    world.service = create_service(world.name, L"service --config C:\\nowhere\\portlistener.ini");
    expect_failed_start(EXIT_CODE_CONFIGURATION);
}

static void test_service__finds_its_file_by_the_registry(void **state)
{
    WCHAR key[256], path[PROGRAM_PATH_MAX];
    HKEY parameters = NULL;
    (void)state;
    write_ini(L"by registry.ini", ini_echo, world.port, path);
    world.service = create_service(world.name, L"service");
    swprintf(key, 256, L"SYSTEM\\CurrentControlSet\\Services\\%ls\\Parameters", world.name);
    assert_int_equal(
        RegCreateKeyExW(HKEY_LOCAL_MACHINE, key, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &parameters, NULL), 0);
    RegSetValueExW(parameters, L"ConfigFile", 0, REG_SZ, (const BYTE *)path,
                   (DWORD)((wcslen(path) + 1) * sizeof(WCHAR)));
    RegCloseKey(parameters);
    start_service();
    wait_until_running(world.service);
    assert_true(echoes_anew(world.port));
    stop(world.service);
    RegDeleteKeyW(HKEY_LOCAL_MACHINE, key);
}

static WORD digits(const char *at, size_t count)
{
    unsigned number = 0;
    for (size_t i = 0; i < count; i++) {
        assert_in_range(at[i], '0', '9');
        number = number * 10 + (unsigned)(at[i] - '0');
    }
    return (WORD)number;
}

/* When the log's line of this event was written, in milliseconds: "2026-11-25T02:27:00.123Z". */
static uint64_t log_time(const char *log, const char *event)
{
    const char *at = strstr(log, event);
    FILETIME time;
    assert_non_null(at);
    while (at > log && at[-1] != '\n') {
        at--;
    }
    const SYSTEMTIME parts = {.wYear = digits(at, 4),
                              .wMonth = digits(at + 5, 2),
                              .wDay = digits(at + 8, 2),
                              .wHour = digits(at + 11, 2),
                              .wMinute = digits(at + 14, 2),
                              .wSecond = digits(at + 17, 2),
                              .wMilliseconds = digits(at + 20, 3)};
    assert_true(SystemTimeToFileTime(&parts, &time));
    return ((uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime) / 10000;
}

static void test_service__drains_with_checkpoints_and_then_resets(void **state)
{
    static char log[16384];
    char byte = 0;
    (void)state;
    install(ini_echo, L"service");
    start_service();
    wait_until_running(world.service);
    struct client *live = connect_to(world.port);
    assert_non_null(live);
    assert_true(echoes(live, "hello"));
    const ULONGLONG begin = GetTickCount64();
    control(SERVICE_CONTROL_STOP);
    assert_true(echoes(live, "while it drains"));
    const unsigned seen = wait_for(world.service, SERVICE_RUNNING, SERVICE_STOP_PENDING, SERVICE_STOPPED);
    const ULONGLONG took = GetTickCount64() - begin;
    assert_true(seen >= 2);
    assert_in_range(took, DRAIN - 250, DRAIN + 1000 + POLL);
    assert_int_equal(client_receive(live, &byte, 1, CLIENT_PATIENCE), CLIENT_RESET);
    client_close(live);
    assert_int_equal(query(world.service).dwWin32ExitCode, NO_ERROR);
    read_log(L"test.log", log, sizeof log);
    assert_in_range(log_time(log, "PL1004") - log_time(log, "PL1003"), DRAIN - 250, DRAIN + 250);
}

/* ---- What it leaves on the disk ---- */

struct footprint {
    size_t prefix; /* of the service's folder */
    unsigned inside, outside;
    char names[2048];
};

static void note_change(void *context, const WCHAR *path)
{
    struct footprint *footprint = context;
    char name[PROGRAM_PATH_MAX];
    if (_wcsnicmp(path, world.folder, footprint->prefix) == 0) {
        footprint->inside++;
        snprintf(name, sizeof name, "%ls\n", path + footprint->prefix);
        strncat(footprint->names, name, sizeof footprint->names - strlen(footprint->names) - 1);
    } else {
        footprint->outside++;
        print_message("changed: %ls\n", path);
    }
}

static void wait_for_log(const char *event)
{
    static char log[65536];
    WCHAR path[PROGRAM_PATH_MAX];
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\test.log", world.folder);
    for (int waited = 0; waited < PATIENCE; waited += POLL) {
        if (program_read(path, log, sizeof log) &&
            strstr(log, event) != NULL) { /* not there while it is rotated */
            return;
        }
        Sleep(POLL);
    }
    fail_msg("no %s in the log:\n%s", event, log);
}

/* A whole life: a plugin (which is copied), connections, a pause, a reload, a rotation, a dump, the stop. */
static void live(void)
{
    start_service();
    wait_until_running(world.service);
    assert_true(echoes_anew(world.port));
    control(SERVICE_CONTROL_PAUSE);
    wait_for(world.service, SERVICE_RUNNING, SERVICE_PAUSE_PENDING, SERVICE_PAUSED);
    control(SERVICE_CONTROL_CONTINUE);
    wait_for(world.service, SERVICE_PAUSED, SERVICE_CONTINUE_PENDING, SERVICE_RUNNING);
    control(130);
    wait_for_log("PL1015");
    control(SERVICE_CONTROL_PARAMCHANGE);
    wait_for_log("PL1011");
    control(129);
    wait_for_log("PL1505");
    assert_true(echoes_anew(world.port));
    stop(world.service);
}

static void test_service__writes_to_its_own_folders_only(void **state)
{
    static const char *const expected[] = {"\\test.log\n", "\\access.log\n", "\\plugin-cache\n"};
    struct footprint footprint = {.prefix = wcslen(world.folder)};
    WCHAR plugins[PROGRAM_PATH_MAX];
    char ini[2 * PROGRAM_PATH_MAX];
    (void)state;
    if (!wine_is_before(ULONG_MAX)) {
        print_message("SKIP: other programs write to this drive, too\n");
        return;
    }
    swprintf(plugins, PROGRAM_PATH_MAX, L"%ls", program_path());
    wcscpy(wcsrchr(plugins, L'\\'), L"\\plugins");
    snprintf(ini, sizeof ini,
             "[service]\nlog_file = test.log\naccess_log = access.log\nplugin_dir = %ls\n"
             "[endpoint plugin]\nlisten = tcp://127.0.0.1:%u\nhandler = echo.dll\n",
             plugins, (unsigned)program_free_port());
    install(ini, L"service");
    struct snapshot *before = snapshot_take(L"C:");
    live();
    struct snapshot *after = snapshot_take(L"C:");
    snapshot_compare(before, after, note_change, &footprint);
    snapshot_destroy(before);
    snapshot_destroy(after);
    print_message("             %u files and folders changed in its folder, %u elsewhere\n%s",
                  footprint.inside, footprint.outside, footprint.names);
    assert_int_equal(footprint.outside, 0);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_non_null(strstr(footprint.names, expected[i]));
    }
}

/* What failure actions go by: the manager sees that the process is gone, and that nobody stopped it. */
static void test_service__a_crash_is_a_failed_stop_for_the_manager(void **state)
{
    (void)state;
    if (wine_is_before(10)) {
        print_message("SKIP: this Wine's service manager does not notice that a service has crashed\n");
        return;
    }
    install(ini_echo, L"service");
    start_service();
    wait_until_running(world.service);
    const HANDLE process = OpenProcess(PROCESS_TERMINATE, FALSE, query(world.service).dwProcessId);
    assert_non_null(process);
    assert_true(TerminateProcess(process, (UINT)EXCEPTION_ACCESS_VIOLATION));
    CloseHandle(process);
    wait_for(world.service, SERVICE_RUNNING, SERVICE_RUNNING, SERVICE_STOPPED);
    assert_int_equal(query(world.service).dwWin32ExitCode, ERROR_PROCESS_ABORTED);
    start_service();
    wait_until_running(world.service);
    assert_true(echoes_anew(world.port));
    stop(world.service);
}

/* ---- The figures of docs/reliability.md, printed; what is asserted leaves room for a busy machine ---- */

enum { TRANSFERS = 1000, RESETS = 200, PIECE = 2000, LONG_DRAIN = 20000, ENDPOINTS = 1000 };

/* R9: until ControlService returns, which is when the handler has. */
static uint64_t time_of_control(DWORD code)
{
    LARGE_INTEGER frequency, begin, end;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&begin);
    control(code);
    QueryPerformanceCounter(&end);
    return (uint64_t)((end.QuadPart - begin.QuadPart) * 1000000 / frequency.QuadPart);
}

static void test_service__takes_controls_at_once(void **state)
{
    (void)state;
    uint64_t least = UINT64_MAX, most = 0;
    install(ini_echo, L"service");
    start_service();
    wait_until_running(world.service);
    for (int i = 0; i < 20; i++) {
        const DWORD to = i % 2 == 0 ? SERVICE_PAUSED : SERVICE_RUNNING;
        const uint64_t took = time_of_control(i % 2 == 0 ? SERVICE_CONTROL_PAUSE : SERVICE_CONTROL_CONTINUE);
        least = took < least ? took : least;
        most = took > most ? took : most;
        for (int waited = 0; waited < PATIENCE && query(world.service).dwCurrentState != to; waited += POLL) {
            Sleep(POLL);
        }
    }
    struct client *live = connect_to(world.port);
    assert_non_null(live);
    assert_true(echoes(live, "hello"));
    const uint64_t stop_took = time_of_control(SERVICE_CONTROL_STOP); /* while a connection lives */
    wait_for(world.service, SERVICE_RUNNING, SERVICE_STOP_PENDING, SERVICE_STOPPED);
    client_close(live);
    print_message("             R9: pause and continue 20 times, %u to %u us; stop %u us\n", (unsigned)least,
                  (unsigned)most, (unsigned)stop_took);
    assert_true(least <= 100000);
    assert_true(stop_took <= (uint64_t)DRAIN * 1000 / 2); /* that is: it did not wait for the drain */
}

/* All have an echo behind them, so the service has all of them. */
static void connect_all(struct client **clients, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        clients[i] = connect_to(world.port);
        assert_non_null(clients[i]);
        assert_true(echoes(clients[i], "hello"));
        client_watch(clients[i]);
    }
}

/* What could be done before the deadline is: a piece is sent and comes back, and both ends finish in order. */
static void finish_all(struct client **clients, unsigned count)
{
    static char piece[PIECE], answer[PIECE];
    char byte = 0;
    memset(piece, 'x', sizeof piece);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(client_send(clients[i], piece, PIECE, CLIENT_PATIENCE), CLIENT_OK);
    }
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(client_receive(clients[i], answer, PIECE, CLIENT_PATIENCE), CLIENT_OK);
        assert_memory_equal(answer, piece, PIECE);
        assert_int_equal(client_finish(clients[i]), CLIENT_OK);
    }
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(client_receive(clients[i], &byte, 1, CLIENT_PATIENCE), CLIENT_EOF);
        client_close(clients[i]);
    }
}

static void test_service__finishes_transfers_and_resets_the_rest(void **state)
{
    static struct client *finishing[TRANSFERS], *staying[RESETS];
    char byte = 0;
    (void)state;
    install("[service]\nlog_file = test.log\ndrain_timeout = 20s\n", L"service"); /* LONG_DRAIN */
    start_service();
    wait_until_running(world.service);
    connect_all(finishing, TRANSFERS);
    connect_all(staying, RESETS);
    const ULONGLONG begin = GetTickCount64();
    control(SERVICE_CONTROL_STOP);
    finish_all(finishing, TRANSFERS);
    const ULONGLONG finished = GetTickCount64() - begin;
    assert_int_equal(client_receive(staying[0], &byte, 1, 2 * LONG_DRAIN), CLIENT_RESET);
    const ULONGLONG first = GetTickCount64() - begin;
    for (unsigned i = 1; i < RESETS; i++) {
        assert_int_equal(client_receive(staying[i], &byte, 1, CLIENT_PATIENCE), CLIENT_RESET);
    }
    const ULONGLONG last = GetTickCount64() - begin;
    wait_for(world.service, SERVICE_RUNNING, SERVICE_STOP_PENDING, SERVICE_STOPPED);
    const ULONGLONG stopped = GetTickCount64() - begin;
    for (unsigned i = 0; i < RESETS; i++) {
        client_close(staying[i]);
    }
    print_message(
        "             R9: %u transfers finished after %u ms; deadline %u ms: %u reset after %u to %u ms, "
        "stopped after %u ms\n",
        (unsigned)TRANSFERS, (unsigned)finished, (unsigned)LONG_DRAIN, (unsigned)RESETS, (unsigned)first,
        (unsigned)last, (unsigned)stopped);
    assert_in_range(first, LONG_DRAIN - 250, LONG_DRAIN + 4000);
    assert_in_range(stopped, LONG_DRAIN - 250, LONG_DRAIN + 8000);
    assert_int_equal(query(world.service).dwWin32ExitCode, NO_ERROR);
}

/* R18: each on an address of its own. */
static void test_service__starts_a_thousand_endpoints(void **state)
{
    static char ini[128 * ENDPOINTS], log[512 * ENDPOINTS];
    WCHAR path[PROGRAM_PATH_MAX], arguments[2 * PROGRAM_PATH_MAX];
    size_t length = (size_t)snprintf(ini, sizeof ini, "%s", ini_echo);
    (void)state;
    for (unsigned i = 0; i < ENDPOINTS; i++) {
        length += (size_t)snprintf(ini + length, sizeof ini - length,
                                   "[endpoint e%u]\nlisten = tcp://127.%u.%u.%u:%u\nhandler = echo\n", i,
                                   (unsigned)world.port >> 8, (unsigned)world.port & 255, 1 + i % 250,
                                   23000 + i / 250);
    }
    program_write(world.folder, L"portlistener.ini", ini, path);
    swprintf(arguments, sizeof arguments / sizeof arguments[0], L"service --config \"%ls\"", path);
    world.service = create_service(world.name, arguments);
    const ULONGLONG begin = GetTickCount64();
    start_service();
    wait_until_running(world.service);
    const ULONGLONG took = GetTickCount64() - begin;
    read_log(L"test.log", log, sizeof log);
    print_message(
        "             R18: running after %u ms, %u ms behind the log's first line, with %u endpoints\n",
        (unsigned)took, (unsigned)(log_time(log, "PL1002") - log_time(log, "PL1001")), (unsigned)ENDPOINTS);
    stop(world.service);
    assert_in_range(took, 0, 20000);
}

static void test_service__two_services_share_one_program(void **state)
{
    WCHAR name[80], path[PROGRAM_PATH_MAX], arguments[2 * PROGRAM_PATH_MAX];
    static char log[16384];
    (void)state;
    install("", L"service");
    const uint16_t second_port = program_free_port();
    write_ini(L"second.ini", "", second_port, path);
    swprintf(arguments, sizeof arguments / sizeof arguments[0], L"service --config \"%ls\"", path);
    swprintf(name, 80, L"%ls-second", world.name);
    world.second = create_service(name, arguments);
    start_service();
    assert_true(StartServiceW(world.second, 0, NULL));
    wait_until_running(world.service);
    wait_until_running(world.second);
    assert_true(echoes_anew(world.port));
    assert_true(echoes_anew(second_port));
    stop(world.service);
    assert_true(echoes_anew(second_port));
    stop(world.second);
    swprintf(path, PROGRAM_PATH_MAX, L"logs\\%ls.log", world.name); /* each has a log of its own name */
    read_log(path, log, sizeof log);
    swprintf(path, PROGRAM_PATH_MAX, L"logs\\%ls.log", name);
    read_log(path, log, sizeof log);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_service__starts_pauses_continues_and_stops),
        test(test_service__a_line_without_the_verb_runs_as_a_service),
        test(test_service__starts_again_right_after_a_stop),
        test(test_service__stops_while_it_is_paused),
        test(test_service__an_unknown_control_changes_nothing),
        test(test_service__waits_with_checkpoints_for_a_port_that_becomes_free),
        test(test_service__a_busy_port_fails_the_start_with_code_4),
        test(test_service__a_broken_file_fails_the_start_with_code_3),
        test(test_service__a_missing_file_fails_the_start_with_code_3),
        test(test_service__finds_its_file_by_the_registry),
        test(test_service__drains_with_checkpoints_and_then_resets),
        test(test_service__writes_to_its_own_folders_only),
        test(test_service__a_crash_is_a_failed_stop_for_the_manager),
        test(test_service__takes_controls_at_once),
        test(test_service__finishes_transfers_and_resets_the_rest),
        test(test_service__starts_a_thousand_endpoints),
        test(test_service__two_services_share_one_program),
    };
    WSADATA data;
    world.manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    if (world.manager == NULL) {
        printf("SKIPPED: no right to create services (error %lu); run elevated\n",
               (unsigned long)GetLastError());
        return 77;
    }
    WSAStartup(MAKEWORD(2, 2), &data);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    WSACleanup();
    CloseServiceHandle(world.manager);
    return failed;
}
