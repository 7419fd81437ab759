/* SPDX-License-Identifier: MIT
   Tests of check_live.c: the program, run on a console, is asked what it listens on and tried. */
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
#include "check_live.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/program.h"
#include "support/seam.h"
#include "support/streams.h"

enum { PATIENCE = 30000 };

static struct {
    WCHAR folder[PROGRAM_PATH_MAX], ini[PROGRAM_PATH_MAX], service[64];
    HANDLE process;
    unsigned ports[3];
    struct program_result result;
} world;

/* Asks the run, or a service that is none. */
static void ask(const WCHAR *words, const WCHAR *ini)
{
    WCHAR arguments[2 * PROGRAM_PATH_MAX];
    swprintf(arguments, 2 * PROGRAM_PATH_MAX, L"%ls --service %ls%ls%ls%ls", words, world.service,
             ini != NULL ? L" --config \"" : L"", ini != NULL ? ini : L"", ini != NULL ? L"\"" : L"");
    program_run(NULL, arguments, &world.result);
    assert_true(world.result.has_ended);
}

static void live(const WCHAR *words)
{
    WCHAR all[128];
    swprintf(all, 128, L"check --live %ls", words);
    ask(all, world.ini);
}

static void expect(enum exit_code code, const char *part)
{
    if (world.result.code != (DWORD)code || strstr(world.result.out, part) == NULL) {
        fail_msg("code %lu, \"%s\" should be in: %s%s", (unsigned long)world.result.code, part,
                 world.result.out, world.result.err);
    }
}

static void start_run(void)
{
    WCHAR line[3 * PROGRAM_PATH_MAX];
    PROCESS_INFORMATION process;
    STARTUPINFOW start = {.cb = sizeof start};
    swprintf(line, sizeof line / sizeof line[0], L"\"%ls\" run --service %ls --config \"%ls\"",
             program_path(), world.service, world.ini);
    assert_true(CreateProcessW(program_path(), line, NULL, NULL, FALSE, 0, NULL, NULL, &start, &process));
    CloseHandle(process.hThread);
    world.process = process.hProcess;
    for (int waited = 0; waited < PATIENCE; waited += 100) { /* its pipe comes last */
        ask(L"status", NULL);
        if (world.result.code != EXIT_CODE_NOT_RUNNING) {
            return;
        }
        Sleep(100);
    }
}

static int setup(void **state)
{
    char ini[1280];
    WSADATA data;
    if (program_setup(state) != 0) {
        return -1;
    }
    assert_int_equal(WSAStartup(MAKEWORD(2, 2), &data), 0);
    program_folder(world.folder);
    swprintf(world.service, 64, L"live-%lu", (unsigned long)GetCurrentProcessId());
    for (size_t i = 0; i < sizeof world.ports / sizeof world.ports[0]; i++) {
        world.ports[i] = program_free_port();
    }
    const unsigned port = world.ports[0], other = world.ports[1], third = world.ports[2];
    snprintf(ini, sizeof ini,
             "[service]\nlog_file = test.log\naccess_log = access.log\n"
             "[endpoint echo]\nlisten = tcp://127.0.0.1:%u, udp://127.0.0.1:%u\nhandler = echo\n"
             "[endpoint sink]\nlisten = tcp://127.0.0.2:%u, udp://127.0.0.2:%u\nhandler = discard\n"
             "allow = 127.0.0.2\n" /* the probe comes from the address that it tries */
             "[endpoint closed]\nlisten = tcp://127.0.0.3:%u\nhandler = daytime\ndeny = 127.0.0.3\n"
             "[endpoint proxied]\nlisten = tcp://127.0.0.4:%u\nhandler = echo\nproxy_protocol = v2\n"
             "trusted_proxies = 127.0.0.9\n"
             "[endpoint absent]\nlisten = tcp://203.0.113.77:%u\nhandler = echo\n"
             "[endpoint talker]\nlisten = tcp://127.0.0.5:%u\nhandler = chargen\n"
             "[endpoint mute]\nlisten = tcp://127.0.0.6:%u\nhandler = discard\n"
             "[endpoint shut]\nlisten = tcp://127.0.0.7:%u\nhandler = daytime\ndeny = 127.0.0.0/8\n",
             port, port, other, other, third, third, third, third, third, third);
    WSACleanup();
    program_write(world.folder, L"test.ini", ini, world.ini);
    start_run();
    return 0;
}

static int teardown(void **state)
{
    TerminateProcess(world.process, 97);
    WaitForSingleObject(world.process, PATIENCE);
    CloseHandle(world.process);
    program_remove(world.folder);
    return program_teardown(state);
}

static void test_check_live__tries_what_the_service_listens_on(void **state)
{
    char access[2048] = "";
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    live(L"--endpoint echo");
    expect(EXIT_CODE_DONE, "echo             tcp://127.0.0.1:");
    expect(EXIT_CODE_DONE, "answered");
    live(L"--endpoint sink");
    expect(EXIT_CODE_DONE, "taken");
    expect(EXIT_CODE_DONE, "bound");
    live(L"--endpoint closed");
    expect(EXIT_CODE_DONE, "note     endpoint closed, tcp://127.0.0.3:");
    expect(EXIT_CODE_DONE, "denied for this machine");
    live(L"--endpoint proxied");
    expect(EXIT_CODE_DONE, "(live-proxy)");
    live(L"");
    expect(EXIT_CODE_FAILED, "error    endpoint absent (live-not-bound)");
    expect(EXIT_CODE_FAILED, "not bound");
    live(L"--json");
    expect(EXIT_CODE_FAILED,
           "{\"exit_code\": 1, \"tries\": [\n  {\"endpoint\": \"echo\", \"address\": \"tcp://127.0.0.1:");
    expect(EXIT_CODE_FAILED, "\"outcome\": \"answered\", \"milliseconds\": ");
    expect(EXIT_CODE_FAILED, "\"outcome\": \"denied\", \"milliseconds\": 0}");
    expect(EXIT_CODE_FAILED, "\"id\": \"live-not-bound\"");
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\access.log", world.folder);
    (void)program_read(path, access, sizeof access);
    assert_null(strstr(access, "acl")); /* nobody was refused for it */
}

static void test_check_live__a_paused_endpoint_is_named(void **state)
{
    (void)state;
    ask(L"endpoint echo pause", NULL);
    live(L"--endpoint ECHO");
    expect(EXIT_CODE_FAILED, "error    endpoint echo (live-paused)");
    live(L"--endpoint sink");
    expect(EXIT_CODE_DONE, "taken");
}

/* The file has changed since, or is another one. */
static void test_check_live__says_when_the_configuration_is_another(void **state)
{
    WCHAR other[PROGRAM_PATH_MAX];
    (void)state;
    program_write(world.folder, L"other.ini", "[endpoint x]\nlisten = tcp://127.0.0.1:1\nhandler = echo\n",
                  other);
    ask(L"check --live --endpoint echo", other);
    expect(EXIT_CODE_DONE, "note     endpoint echo (live-other-config)");
    expect(EXIT_CODE_DONE, "the configuration says: it does not have this endpoint");
    expect(EXIT_CODE_DONE, " answered ");
    ask(L"check --live --endpoint x", other);
    expect(EXIT_CODE_FAILED, "note     endpoint x (live-other-config)");
    expect(EXIT_CODE_FAILED, "the service does not have this endpoint");
    expect(EXIT_CODE_FAILED, "error    endpoint x (live-no-endpoint)");
    ask(L"check --live --endpoint nothing --json", other);
    expect(EXIT_CODE_FAILED, "{\"exit_code\": 1, \"tries\": [], \"findings\": [");
    expect(EXIT_CODE_FAILED, "\"id\": \"live-no-endpoint\", \"subject\": \"endpoint nothing\"");
}

/* It is none of the running service's: what runs is tried all the same. */
static void test_check_live__a_configuration_that_cannot_be_read_is_told(void **state)
{
    WCHAR broken[PROGRAM_PATH_MAX];
    (void)state;
    program_write(world.folder, L"broken.ini", "[endpoint echo]\nhandler = echo\n", broken);
    ask(L"check --live --endpoint echo", broken);
    expect(EXIT_CODE_CONFIGURATION, " answered ");
    expect(EXIT_CODE_CONFIGURATION, "broken.ini (live-config)");
    ask(L"check --live --endpoint echo", L"Z:\\nope.ini");
    expect(EXIT_CODE_CONFIGURATION, " answered ");
    expect(EXIT_CODE_CONFIGURATION, "(live-config)");
    assert_null(strstr(world.result.out, "(live-other-config)"));
}

/* The file says what the next reload brings; it is tried as it runs. */
static void test_check_live__tries_what_runs_and_not_what_the_file_says(void **state)
{
    char ini[640];
    WCHAR other[PROGRAM_PATH_MAX];
    (void)state;
    snprintf(ini, sizeof ini,
             "[endpoint shut]\nlisten = tcp://127.0.0.7:%u\nhandler = daytime\n"
             "[endpoint talker]\nlisten = tcp://127.0.0.5:%u\nhandler = echo\n"
             "[endpoint mute]\nlisten = tcp://127.0.0.6:%u\nhandler = echo\n"
             "[endpoint echo]\nlisten = tcp://127.0.0.1:%u\nhandler = echo\nallow = 10.0.0.0/8\n"
             "[endpoint closed]\nlisten = tcp://127.0.0.3:%u\nhandler = daytime\ndeny = 127.0.0.3\n",
             world.ports[2], world.ports[2], world.ports[2], world.ports[0], world.ports[2]);
    program_write(world.folder, L"other.ini", ini, other);
    ask(L"check --live --endpoint talker", other);
    expect(EXIT_CODE_DONE, " answered ");
    expect(EXIT_CODE_DONE, "it has another handler, other lists or other");
    ask(L"check --live --endpoint shut", other);
    expect(EXIT_CODE_DONE, " denied ");
    expect(EXIT_CODE_DONE, "note     endpoint shut (live-other-config)");
    ask(L"check --live --endpoint mute", other);
    expect(EXIT_CODE_DONE, " taken ");
    ask(L"check --live --endpoint echo", other); /* its allow has come in since */
    expect(EXIT_CODE_DONE, " answered ");
    expect(EXIT_CODE_DONE, "note     endpoint echo (live-other-config)");
    ask(L"check --live --endpoint closed", other); /* the same */
    assert_null(strstr(world.result.out, "(live-other-config)"));
}

/* ---- From this process, whose calls can fail ---- */

static void live_here_with(const char *endpoint, const char *ini, bool is_strict)
{
    struct streams streams;
    char *service = utf16_to_utf8(world.service);
    const struct arguments arguments = {.options = {[OPTION_CONFIG] = ini,
                                                    [OPTION_SERVICE] = service,
                                                    [OPTION_ENDPOINT] = endpoint,
                                                    [OPTION_STRICT] = is_strict ? "--strict" : NULL}};
    streams_open(&streams, world.folder);
    world.result.code = (DWORD)check_live_run(&arguments, &streams);
    if (streams.out.error != ERROR_SUCCESS && world.result.code == EXIT_CODE_DONE) {
        world.result.code = EXIT_CODE_FAILED; /* as main.c has it */
    }
    streams_end(&streams, world.folder, world.result.out, sizeof world.result.out, world.result.err,
                sizeof world.result.err);
    memory_free(service);
}

static void live_here(const char *endpoint)
{
    char *ini = utf16_to_utf8(world.ini);
    live_here_with(endpoint, ini, false);
    memory_free(ini);
}

/* The one that the next start reads, as far as can be known. */
static void test_check_live__without_a_default_configuration_it_warns(void **state)
{
    (void)state;
    fault_arm(IMPORT_GetModuleFileNameW, 1, ERROR_NOT_ENOUGH_MEMORY, FAULT_FOREVER);
    live_here_with("echo", NULL, false);
    expect(EXIT_CODE_DONE, " answered ");
    expect(EXIT_CODE_DONE, "(live-no-config)");
    assert_null(strstr(world.result.out, "(live-other-config)"));
    live_here_with("echo", NULL, true);
    fault_clear();
    expect(EXIT_CODE_FAILED, "(live-no-config)");
}

static int WSAAPI begin_connect(SOCKET s, const struct sockaddr *address, int length)
{
    (void)s, (void)address, (void)length;
    WSASetLastError(WSAEWOULDBLOCK);
    return SOCKET_ERROR;
}

static int WSAAPI nothing_is_ready(int count, fd_set *reads, fd_set *writes, fd_set *fails,
                                   SEAM_TIMEVAL patience)
{
    (void)count, (void)reads, (void)writes, (void)fails, (void)patience;
    return 0;
}

static void test_check_live__connections_that_fail_are_told(void **state)
{
    (void)state;
    live_here("mute");
    expect(EXIT_CODE_DONE, "taken");
    fault_arm(IMPORT_connect, 1, WSAECONNREFUSED, FAULT_FOREVER);
    live_here("mute");
    fault_clear();
    expect(EXIT_CODE_FAILED, " refused ");
    expect(EXIT_CODE_FAILED, "error    endpoint mute, tcp://127.0.0.6:");
    expect(EXIT_CODE_FAILED, "(live-refused)");
    expect(EXIT_CODE_FAILED, "a connection fails: error 10061: ");
    fault_arm(IMPORT_connect, 1, WSAECONNRESET, FAULT_FOREVER); /* taken, and reset before it was looked at */
    live_here("mute");
    fault_clear();
    expect(EXIT_CODE_FAILED, "(live-reset)");
    seam_replace(IMPORT_connect, (seam_function)begin_connect);
    seam_replace(IMPORT_select, (seam_function)nothing_is_ready);
    live_here("mute");
    seam_restore();
    expect(EXIT_CODE_FAILED, " no connection ");
    expect(EXIT_CODE_FAILED, "(live-timeout)");
    expect(EXIT_CODE_FAILED, "nothing came of the connection within ");
}

/* ---- Answers ---- */

static int WSAAPI receive_nonsense(SOCKET s, char *at, int length, int flags)
{
    (void)s, (void)length, (void)flags;
    memset(at, '?', 8);
    return 8;
}

static int WSAAPI only_writes_are_ready(int count, fd_set *reads, fd_set *writes, fd_set *fails,
                                        SEAM_TIMEVAL patience)
{
    (void)count, (void)reads, (void)fails, (void)patience;
    return writes != NULL;
}

static void test_check_live__answers_are_held_against_the_handler(void **state)
{
    (void)state;
    seam_replace(IMPORT_recv, (seam_function)receive_nonsense);
    live_here("echo");
    seam_restore();
    expect(EXIT_CODE_FAILED, "error    endpoint echo, tcp://127.0.0.1:");
    expect(EXIT_CODE_FAILED, "(live-wrong-answer)");
    expect(EXIT_CODE_FAILED, "the answer is not what the handler echo gives");
    seam_replace(IMPORT_select, (seam_function)only_writes_are_ready);
    live_here("echo");
    seam_restore();
    expect(EXIT_CODE_FAILED, " no answer ");
    expect(EXIT_CODE_FAILED, "error    endpoint echo, udp://127.0.0.1:");
    expect(EXIT_CODE_FAILED, "(live-timeout)");
    expect(EXIT_CODE_FAILED, "nothing came of the answer within ");
}

static int WSAAPI connect_slowly(SOCKET s, const struct sockaddr *address, int length)
{
    const int result = SEAM_REAL(connect)(s, address, length);
    clock_advance(20001);
    return result;
}

/* Others have taken the time: that is no fault of this one. */
static void test_check_live__what_is_not_tried_is_not_called_dead(void **state)
{
    (void)state;
    seam_replace(IMPORT_connect, (seam_function)connect_slowly);
    live_here("echo");
    seam_restore();
    clock_reset();
    const enum exit_code code =
        (enum exit_code)world.result.code; /* that of the first one, which may answer at once */
    assert_true(code == EXIT_CODE_DONE || code == EXIT_CODE_FAILED);
    expect(code, " not tried");
    expect(code, "warning  endpoint echo, udp://127.0.0.1:");
    expect(code, "(live-not-tried)");
}

/* "check" binds as well; what the run has is no error, whatever the system tells of sockets: Wine 8 not whose they are. */
static void test_check_live__check_beside_a_run_takes_its_addresses_as_bound(void **state)
{
    char ini[512], part[96];
    WCHAR other[PROGRAM_PATH_MAX];
    (void)state;
    ask(L"check", world.ini);
    expect(EXIT_CODE_BIND,
           "endpoint absent, tcp://203.0.113.77:"); /* that one the run does not have either */
    expect(EXIT_CODE_BIND, "(bind-no-address)");
    expect(EXIT_CODE_BIND, "runs as this service and has 9 of the addresses: they count as bound");
    assert_null(strstr(world.result.out, "(bind-held"));
    snprintf(ini, sizeof ini,
             "[endpoint echo]\nlisten = tcp://127.0.0.1:%u\nhandler = echo\n"
             "[endpoint all]\nlisten = tcp://0.0.0.0:%u\nhandler = echo\n",
             world.ports[0], world.ports[1]);
    program_write(world.folder, L"other.ini", ini, other);
    ask(L"check", other);
    snprintf(part, sizeof part, "endpoint echo, tcp://127.0.0.1:%u", world.ports[0]);
    assert_null(strstr(world.result.out, part));
    expect((enum exit_code)world.result.code, "has 1 of the addresses");
}

static uint32_t refused_allocation;

/* From the connection on: what was tried is to be told. */
static int WSAAPI connect_without_memory(SOCKET s, const struct sockaddr *address, int length)
{
    fault_arm(IMPORT_HeapAlloc, refused_allocation, 0, 1);
    return SEAM_REAL(connect)(s, address, length);
}

static void test_check_live__without_memory_nothing_passes_for_tried(void **state)
{
    bool is_refused = true;
    (void)state;
    for (refused_allocation = 1; is_refused; refused_allocation++) {
        fault_clear();
        seam_replace(IMPORT_connect, (seam_function)connect_without_memory);
        live_here("mute");
        is_refused = fault_hits() > 0;
        seam_restore();
        fault_clear();
        const bool is_done = world.result.code == EXIT_CODE_DONE;
        if (is_done ? strstr(world.result.out, " taken ") == NULL : world.result.code != EXIT_CODE_FAILED) {
            fail_msg("allocation %u: code %lu: %s%s", refused_allocation, (unsigned long)world.result.code,
                     world.result.out, world.result.err);
        }
    }
    assert_true(refused_allocation > 2);
}

static void test_check_live__needs_winsock(void **state)
{
    (void)state;
    fault_arm(IMPORT_WSAStartup, 1, WSASYSNOTREADY, 1);
    live_here("mute");
    fault_clear();
    assert_int_equal(world.result.code, EXIT_CODE_FAILED);
    assert_string_equal(world.result.out, "");
    assert_non_null(strstr(world.result.err, "Winsock could not be started"));
}

static void test_check_live__is_code_6_when_nothing_runs(void **state)
{
    (void)state;
    wcscpy(world.service, L"live-nobody");
    live(L"");
    assert_int_equal(world.result.code, EXIT_CODE_NOT_RUNNING);
    assert_string_equal(world.result.out, "");
    assert_non_null(strstr(world.result.err, "live-nobody"));
    live(L"--json");
    expect(EXIT_CODE_NOT_RUNNING, "{\"exit_code\": 6, \"tries\": [], \"findings\": [");
    expect(EXIT_CODE_NOT_RUNNING, "\"id\": \"live-not-asked\", \"subject\": \"service live-nobody\"");
    assert_string_equal(world.result.err, "");
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_check_live__tries_what_the_service_listens_on),
        test(test_check_live__a_paused_endpoint_is_named),
        test(test_check_live__says_when_the_configuration_is_another),
        test(test_check_live__a_configuration_that_cannot_be_read_is_told),
        test(test_check_live__without_a_default_configuration_it_warns),
        test(test_check_live__tries_what_runs_and_not_what_the_file_says),
        test(test_check_live__what_is_not_tried_is_not_called_dead),
        test(test_check_live__answers_are_held_against_the_handler),
        test(test_check_live__connections_that_fail_are_told),
        test(test_check_live__check_beside_a_run_takes_its_addresses_as_bound),
        test(test_check_live__without_memory_nothing_passes_for_tried),
        test(test_check_live__needs_winsock),
        test(test_check_live__is_code_6_when_nothing_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
