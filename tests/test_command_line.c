/* SPDX-License-Identifier: MIT
   The built program as a person calls it: exit codes and messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "commands.h"
#include "support/program.h"

enum { PATIENCE = 30000 };

static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    struct program_result result;
} world;

static int setup(void **state)
{
    const int result = program_setup(state);
    program_folder(world.folder);
    return result;
}

static int teardown(void **state)
{
    program_remove(world.folder);
    return program_teardown(state);
}

static void run(const WCHAR *arguments)
{
    program_run(NULL, arguments, &world.result);
    assert_true(world.result.has_ended);
}

/* Runs `verb` on an INI of these contents. */
static void run_with(const WCHAR *verb, const char *ini)
{
    WCHAR path[PROGRAM_PATH_MAX], arguments[2 * PROGRAM_PATH_MAX];
    program_write(world.folder, L"portlistener.ini", ini, path);
    swprintf(arguments, sizeof arguments / sizeof arguments[0], L"%ls --config \"%ls\"", verb, path);
    run(arguments);
}

static void expect_code(enum exit_code code)
{
    if (world.result.code != (DWORD)code) {
        print_error("out: %s\nerr: %s\n", world.result.out, world.result.err);
    }
    assert_int_equal(world.result.code, code);
}

static void expect_err(const char *part)
{
    if (strstr(world.result.err, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, world.result.err);
    }
}

static void expect_out(const char *part)
{
    if (strstr(world.result.out, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, world.result.out);
    }
}

/* "check" with the name of a service that is none: other tests install services meanwhile. */
static const char ini_good[] =
    "[endpoint echo]\nlisten = tcp://127.0.0.1:17007, udp://127.0.0.1:17007\nhandler = echo\n";

static void test_command_line__without_a_command_shows_help_and_fails(void **state)
{
    (void)state;
    run(L"");
    expect_code(EXIT_CODE_USAGE);
    assert_string_equal(world.result.out, "");
    expect_err("Usage: portlistener COMMAND");
}

static void test_command_line__wrong_usage_is_said(void **state)
{
    static const struct {
        const WCHAR *arguments;
        const char *message;
    } rows[] = {
        {L"chekc", "portlistener: \"chekc\" is no command; did you mean \"check\"?\n"},
        {L"enlist", "portlistener: \"enlist\" is no command"},
        {L"config", "\"config\" is no command; \"portlistener help config\" lists those that begin so\n"},
        {L"check --jsno", "portlistener: check takes no option \"--jsno\"; did you mean \"--json\"?\n"},
        {L"run extra", "portlistener: run does not take \"extra\""},
        {L"check --config", "portlistener: the option --config takes a value: FILE\n"},
        {L"ports --json --lines", "portlistener: the options --json and --lines do not go together: "},
        {L"ports --lines --expect nothing.txt", "portlistener: the options --expect and --lines do not go"},
        {L"ports --lines --watch", "portlistener: the options --watch and --lines do not go together: "},
        {L"status --json --metrics", "portlistener: the options --json and --metrics do not go together: "},
        {L"help nothing", "portlistener: \"nothing\" is no command"},
        {L"handlers nothing",
         "portlistener: there is no handler \"nothing\"; there are: banner chargen daytime discard echo qotd time; one in "
         "a DLL is named as that: NAME.dll\n"},
        {L"\u017elutou\u010dk\u00fd", "portlistener: \"\xC5\xBElutou\xC4\x8Dk\xC3\xBD\" is no command"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run(rows[i].arguments);
        expect_code(EXIT_CODE_USAGE);
        expect_err(rows[i].message);
        assert_string_equal(world.result.out, "");
    }
}

static void test_command_line__each_command_has_help_in_two_ways(void **state)
{
    (void)state;
    for (const struct command *command = commands_all; command->name != NULL; command++) {
        static struct program_result first;
        WCHAR arguments[128];
        char usage[128];
        swprintf(arguments, 128, L"%hs --help", command->name);
        run(arguments);
        expect_code(EXIT_CODE_DONE);
        snprintf(usage, sizeof usage, "Usage: portlistener %s", command->name);
        assert_int_equal(strncmp(world.result.out, usage, strlen(usage)), 0);
        assert_string_equal(world.result.err, "");
        first = world.result;
        swprintf(arguments, 128, L"help %hs", command->name);
        run(arguments);
        expect_code(EXIT_CODE_DONE);
        assert_string_equal(world.result.out, first.out);
    }
    run(L"help \"config show\"");
    expect_code(EXIT_CODE_DONE);
    expect_out("Usage: portlistener config show ");
    run(L"help config");
    expect_code(EXIT_CODE_DONE);
    expect_out("  config import-registry ");
    static const WCHAR *const overviews[] = {L"help", L"--help", L"-h", L"/?"};
    for (size_t i = 0; i < sizeof overviews / sizeof overviews[0]; i++) {
        run(overviews[i]);
        expect_code(EXIT_CODE_DONE);
        expect_out("Usage: portlistener COMMAND");
    }
}

static void test_command_line__tells_its_version_and_handlers(void **state)
{
    (void)state;
    run(L"version");
    assert_string_equal(world.result.out, "PortListener " PORTLISTENER_VERSION "\n");
    run(L"--version");
    expect_code(EXIT_CODE_DONE);
    assert_string_equal(world.result.out, "PortListener " PORTLISTENER_VERSION "\n");
    run(L"handlers");
    expect_code(EXIT_CODE_DONE);
    expect_out("\necho ");
    expect_out("tcp udp");
    run(L"handlers ECHO");
    expect_code(EXIT_CODE_DONE);
    expect_out("RFC 862");
}

/* The plugins of the tests lie beside the program. */
static void test_command_line__describes_a_plugin(void **state)
{
    char ini[2 * PROGRAM_PATH_MAX];
    WCHAR folder[PROGRAM_PATH_MAX];
    (void)state;
    swprintf(folder, PROGRAM_PATH_MAX, L"%ls", program_path());
    *wcsrchr(folder, L'\\') = L'\0';
    snprintf(ini, sizeof ini, "[service]\nplugin_dir = %ls\\plugins\n%s", folder, ini_good);
    run_with(L"handlers echo.dll", ini);
    expect_code(EXIT_CODE_DONE);
    expect_out("echo 1.0 (echo.dll)\nSends back what it receives.\nProtocols: tcp udp\n");
    run_with(L"handlers nothing.dll", ini);
    expect_code(EXIT_CODE_CONFIGURATION);
    expect_err("nothing.dll cannot be loaded: there is no such file");
    run_with(L"handlers echo.dll", "[endpoint a]\n");
    expect_code(EXIT_CODE_CONFIGURATION);
    expect_err("has no listen");
    run(L"handlers echo.dll --config C:\\nowhere\\a.ini");
    expect_code(EXIT_CODE_CONFIGURATION);
}

/* By name, for a plugin is not run to be listed. */
static void test_command_line__lists_plugins(void **state)
{
    char ini[2 * PROGRAM_PATH_MAX];
    WCHAR from[PROGRAM_PATH_MAX], to[PROGRAM_PATH_MAX];
    (void)state;
    swprintf(from, PROGRAM_PATH_MAX, L"%ls", program_path());
    wcscpy(wcsrchr(from, L'\\'), L"\\plugins\\echo.dll");
    swprintf(to, PROGRAM_PATH_MAX, L"%ls\\echo.dll", world.folder);
    assert_true(CopyFileW(from, to, TRUE));
    program_write(world.folder, L"text.dll", "not a program", to);
    snprintf(ini, sizeof ini, "[service]\nplugin_dir = .\n%s", ini_good);
    run_with(L"handlers", ini);
    expect_code(EXIT_CODE_DONE);
    expect_out("\nqotd         tcp udp");
    expect_out(" (plugin_dir); \"portlistener handlers NAME.dll\" describes one:\n  echo.dll text.dll\n");
    assert_string_equal(world.result.err, "");
    for (const char *line = world.result.out; *line != '\0'; line += strcspn(line, "\n") + 1) {
        assert_true(strcspn(line, "\n") <= 100);
    }
    assert_null(strchr(world.result.out, '`'));
    run_with(L"handlers", "[endpoint a]\n");
    expect_code(EXIT_CODE_CONFIGURATION);
    expect_out("\nqotd ");
    expect_err("has no listen");
    run(L"handlers --config C:\\nowhere\\a.ini");
    expect_code(EXIT_CODE_CONFIGURATION);
    expect_err("--config names C:\\nowhere\\a.ini");
}

static void test_command_line__a_missing_file_is_code_3_and_named(void **state)
{
    static const WCHAR *const verbs[] = {L"check", L"run", L"config show"};
    (void)state;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        WCHAR arguments[2 * PROGRAM_PATH_MAX];
        swprintf(arguments, 2 * PROGRAM_PATH_MAX, L"%ls --config C:\\nowhere\\\u017elu\u0165.ini", verbs[i]);
        run(arguments);
        expect_code(EXIT_CODE_CONFIGURATION);
        expect_err("portlistener: --config names C:\\nowhere\\\xC5\xBElu\xC5\xA5.ini: error ");
        assert_string_equal(world.result.out, "");
        swprintf(arguments, 2 * PROGRAM_PATH_MAX, L"%ls --config \"%ls\"", verbs[i], world.folder);
        run(arguments); /* a folder */
        expect_code(EXIT_CODE_CONFIGURATION);
    }
    run(L"check --json --config C:\\nowhere\\\u017elu\u0165.ini");
    expect_code(EXIT_CODE_CONFIGURATION);
    expect_out(
        "{\"file\": \"C:\\\\nowhere\\\\\xC5\xBElu\xC5\xA5.ini\", \"errors\": 1, \"warnings\": 0, "
        "\"findings\": [\n  {\"line\": 0, \"column\": 0, \"severity\": \"error\", \"message\": \"--config "
        "names C:\\\\nowhere\\\\\xC5\xBElu\xC5\xA5.ini: error ");
    assert_string_equal(world.result.err, "");
}

/* Neither in the registry nor beside the program. */
static void test_command_line__without_any_file_both_places_are_named(void **state)
{
    static const WCHAR *const verbs[] = {L"check", L"run", L"config show"};
    WCHAR program[PROGRAM_PATH_MAX], arguments[256];
    (void)state;
    swprintf(program, PROGRAM_PATH_MAX, L"%ls\\portlistener.exe", world.folder);
    assert_true(CopyFileW(program_path(), program, TRUE));
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        swprintf(arguments, 256, L"%ls --service PortListenerTestNoSuchService", verbs[i]);
        program_run(program, arguments, &world.result);
        assert_true(world.result.has_ended);
        expect_code(EXIT_CODE_CONFIGURATION);
        expect_err("no configuration file: the service PortListenerTestNoSuchService has no registry value "
                   "ConfigFile");
        expect_err("\\portlistener.ini; write that file, or give --config FILE\n");
    }
}

static void test_command_line__broken_files_are_code_3_with_line_and_column(void **state)
{
    static const struct {
        const char *ini, *place;
    } rows[] = {
        {"", ".ini"}, /* no endpoint */
        {"[endpoint echo\nlisten = tcp://127.0.0.1:17007\nhandler = echo\n", ".ini:1:"},
        {"[endpiont echo]\nlisten = tcp://127.0.0.1:17007\nhandler = echo\n", ".ini:1:"},
        {"[endpoint echo]\nlistne = tcp://127.0.0.1:17007\nhandler = echo\n", ".ini:2:1: error: "},
        {"[endpoint echo]\nlisten = tcp://127.0.0.1:70070\nhandler = echo\n", ".ini:2:"},
        {"[endpoint echo]\nlisten = tcp://127.0.0.1:0\nhandler = echo\n", ".ini:2:"},
        {"[endpoint echo]\nlisten = tcp://127.0.0.1:17007\nhandler = eco\n", ".ini:3:11: error: "},
        {"[endpoint echo]\nlisten = tcp://127.0.0.1:17007\n", ".ini:1:"},
        {"[service]\ndrain_timeout = 10\n[endpoint echo]\nlisten = tcp://127.0.0.1:17007\nhandler = echo\n",
         ".ini:2:"},
        {"[endpoint a]\nlisten = tcp://127.0.0.1:17007\nhandler = echo\n"
         "[endpoint b]\nlisten = tcp://0.0.0.0:17007\nhandler = echo\n",
         ".ini:5:"},
        {"[endpoint a]\nlisten = tcp://127.0.0.1:17007\nlisten = tcp://127.0.0.1:17008\nhandler = echo\n",
         ".ini:3:1: error: "},
        {"[endpoint a]\nlisten = tcp://127.0.0.1:17007\nhandler = echo\nidle_timeout = soon\n", ".ini:4:"},
        {"[endpoint \xFF]\nlisten = tcp://127.0.0.1:17007\nhandler = echo\n", ".ini:1:"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run_with(L"check --service PortListenerTestNone", rows[i].ini);
        expect_code(EXIT_CODE_CONFIGURATION);
        expect_out(rows[i].place);
        expect_out(": error: ");
        run_with(L"run", rows[i].ini);
        expect_code(EXIT_CODE_CONFIGURATION);
        expect_err(rows[i].place);
        expect_err("; nothing was started\n");
        assert_string_equal(world.result.out, "");
    }
}

static void test_command_line__all_errors_come_in_one_go(void **state)
{
    (void)state;
    run_with(L"check --service PortListenerTestNone",
             "[endpoint echo]\nlistne = tcp://127.0.0.1:17007\nhandler = eco\nidle_timeout = 5\n");
    expect_code(EXIT_CODE_CONFIGURATION);
    expect_out(".ini:2:1: error: ");
    expect_out(".ini:3:11: error: ");
    expect_out(".ini:4:");
    run_with(L"check --service PortListenerTestNone --json",
             "[endpoint echo]\nlistne = tcp://127.0.0.1:17007\nhandler = eco\n");
    expect_code(EXIT_CODE_CONFIGURATION);
    expect_out("\"line\": 2, \"column\": 1, \"severity\": \"error\"");
    expect_out("\"line\": 3, \"column\": 11, \"severity\": \"error\"");
}

static void test_command_line__a_good_file_is_code_0(void **state)
{
    (void)state;
    run_with(L"check --service PortListenerTestNone", ini_good);
    expect_code(EXIT_CODE_DONE);
    expect_out("portlistener.ini: no errors, no warnings, ");
    expect_out("; 1 endpoint\n");
    run_with(L"check --service PortListenerTestNone --strict", ini_good);
    expect_code(EXIT_CODE_DONE);
    run_with(L"check --service PortListenerTestNone --json", ini_good);
    expect_code(EXIT_CODE_DONE);
    expect_out("\"errors\": 0, \"warnings\": 0, \"findings\": [");
    expect_out("\"exit_code\": 0}\n");
    assert_string_equal(world.result.err, "");
}

static void test_command_line__a_warning_is_code_0_and_strictly_code_1(void **state)
{
    static const char ini[] =
        "[endpoint echo]\nenabled = no\nlisten = tcp://127.0.0.1:17007\nhandler = echo\n";
    (void)state;
    run_with(L"check --service PortListenerTestNone", ini);
    expect_code(EXIT_CODE_DONE);
    expect_out(".ini:1:1: warning: ");
    expect_out("portlistener.ini: no errors, 1 warning, ");
    run_with(L"check --service PortListenerTestNone --strict", ini);
    expect_code(EXIT_CODE_FAILED);
    run_with(L"check --service PortListenerTestNone --strict --json", ini);
    expect_code(EXIT_CODE_FAILED);
    expect_out("\"errors\": 0, \"warnings\": 1, ");
    expect_out("\"severity\": \"warning\"");
}

static void test_command_line__shows_the_configuration_and_its_keys(void **state)
{
    (void)state;
    run_with(L"config show", ini_good);
    expect_code(EXIT_CODE_DONE);
    expect_out("[endpoint echo]");
    expect_out("drain_timeout               10s");
    assert_string_equal(world.result.err, "");
    run_with(L"config show --json --service Other", ini_good);
    expect_code(EXIT_CODE_DONE);
    expect_out("\"drain_timeout\"");
    expect_out("Other.log"); /* the log goes by the service's name */
    run_with(L"config show", "[endpoint echo]\nlistne = x\n");
    expect_code(EXIT_CODE_CONFIGURATION);
    expect_err(".ini:2:1: error: ");
    assert_string_equal(world.result.out, "");
    run(L"config reference");
    expect_code(EXIT_CODE_DONE);
    expect_out("drain_timeout");
    run(L"config reference --markdown");
    expect_code(EXIT_CODE_DONE);
    expect_out("| `drain_timeout` |");
}

static void test_command_line__a_busy_port_ends_a_run_with_code_4(void **state)
{
    char ini[512], part[64];
    WSADATA data;
    (void)state;
    WSAStartup(MAKEWORD(2, 2), &data);
    const uint16_t port = program_free_port();
    const SOCKET holder = socket(AF_INET, SOCK_STREAM, 0);
    SOCKADDR_IN at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(holder, (const SOCKADDR *)&at, sizeof at), 0);
    assert_int_equal(listen(holder, 1), 0);
    snprintf(ini, sizeof ini, "[endpoint echo]\nlisten = tcp://127.0.0.1:%u\nhandler = echo\n",
             (unsigned)port);
    run_with(L"run", ini);
    closesocket(holder);
    WSACleanup();
    expect_code(EXIT_CODE_BIND);
    snprintf(part, sizeof part, "tcp://127.0.0.1:%u", (unsigned)port);
    expect_err("portlistener: endpoint echo: ");
    expect_err(part);
}

/* Output that nobody reads any more. */
static void test_command_line__output_that_cannot_be_written_is_code_1(void **state)
{
    WCHAR line[2 * PROGRAM_PATH_MAX];
    SECURITY_ATTRIBUTES inherit = {.nLength = sizeof inherit, .bInheritHandle = TRUE};
    HANDLE reader = NULL, writer = NULL;
    PROCESS_INFORMATION process;
    DWORD code = 0;
    (void)state;
    assert_true(CreatePipe(&reader, &writer, &inherit, 0));
    assert_true(SetHandleInformation(reader, HANDLE_FLAG_INHERIT, 0));
    CloseHandle(reader);
    STARTUPINFOW start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES, .hStdOutput = writer};
    swprintf(line, sizeof line / sizeof line[0], L"\"%ls\" version", program_path());
    assert_true(CreateProcessW(program_path(), line, NULL, NULL, TRUE, 0, NULL, NULL, &start, &process));
    CloseHandle(writer);
    assert_int_equal(WaitForSingleObject(process.hProcess, PATIENCE), WAIT_OBJECT_0);
    assert_true(GetExitCodeProcess(process.hProcess, &code));
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    assert_int_equal(code, EXIT_CODE_FAILED);
}

/* Whether the program takes connections on `port` within PATIENCE. */
static bool is_listening(uint16_t port)
{
    SOCKADDR_IN to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int waited = 0; waited < PATIENCE; waited += 50) {
        const SOCKET client = socket(AF_INET, SOCK_STREAM, 0);
        const bool is_connected = connect(client, (const SOCKADDR *)&to, sizeof to) == 0;
        closesocket(client);
        if (is_connected) {
            return true;
        }
        Sleep(50);
    }
    return false;
}

/* ---- A run that is asked ---- */

/* Starts "run" under a name of its own; the process. */
static HANDLE start_run(const WCHAR *service, uint16_t port)
{
    WCHAR path[PROGRAM_PATH_MAX], line[3 * PROGRAM_PATH_MAX];
    char ini[512];
    PROCESS_INFORMATION process;
    STARTUPINFOW start = {.cb = sizeof start};
    snprintf(ini, sizeof ini,
             "[service]\nlog_file = test.log\n[endpoint echo]\nlisten = tcp://127.0.0.1:%u\nhandler = echo\n",
             (unsigned)port);
    program_write(world.folder, L"portlistener.ini", ini, path);
    swprintf(line, sizeof line / sizeof line[0], L"\"%ls\" run --service %ls --config \"%ls\"",
             program_path(), service, path);
    assert_true(CreateProcessW(program_path(), line, NULL, NULL, FALSE, 0, NULL, NULL, &start, &process));
    CloseHandle(process.hThread);
    return process.hProcess;
}

static void ask(const WCHAR *service, const WCHAR *words)
{
    WCHAR arguments[256];
    swprintf(arguments, 256, L"%ls --service %ls", words, service);
    run(arguments);
}

static void test_command_line__asks_a_run_over_its_control_pipe(void **state)
{
    WCHAR service[64];
    WSADATA data;
    (void)state;
    WSAStartup(MAKEWORD(2, 2), &data);
    const uint16_t port = program_free_port();
    swprintf(service, 64, L"test-%lu", (unsigned long)GetCurrentProcessId());
    HANDLE process = start_run(service, port);
    const bool is_there = is_listening(port);
    for (int waited = 0; waited < PATIENCE; waited += 100) { /* the pipe comes a moment after the sockets */
        ask(service, L"status");
        if (world.result.code != EXIT_CODE_NOT_RUNNING) {
            break;
        }
        Sleep(100);
    }
    static struct program_result results[6];
    static const WCHAR *const words[] = {L"status --json",          L"connections",
                                         L"close 0100000000000001", L"endpoint echo pause",
                                         L"endpoint none pause",    L"rotate"};
    results[0] = world.result;
    for (size_t i = 0; i < 6; i++) {
        ask(service, words[i]);
        results[i] = world.result;
    }
    TerminateProcess(process, 97);
    WaitForSingleObject(process, PATIENCE);
    CloseHandle(process);
    WSACleanup();
    assert_true(is_there);
    static const struct {
        enum exit_code code;
        const char *out, *err;
    } rows[] = {{EXIT_CODE_DONE, "\"endpoints\":[", ""},
                {EXIT_CODE_DONE, "ID ", ""},
                {EXIT_CODE_FAILED, "", "no connection has this id now"},
                {EXIT_CODE_DONE, "endpoint echo is paused", ""},
                {EXIT_CODE_FAILED, "", "there is no endpoint \"none\""},
                {EXIT_CODE_DONE, "was rotated", ""}};
    for (size_t i = 0; i < 6; i++) {
        world.result = results[i];
        expect_code(rows[i].code);
        expect_out(rows[i].out);
        expect_err(rows[i].err);
    }
    ask(service, L"status");
    expect_code(EXIT_CODE_NOT_RUNNING);
    expect_err("portlistener: nothing runs as test-");
}

/* ---- Somebody who watches ---- */

static char watched[65536]; /* what the last one printed */

/* Starts "status --watch", which prints to `out`. */
static HANDLE start_watch(const WCHAR *service, HANDLE out)
{
    WCHAR line[2 * PROGRAM_PATH_MAX];
    PROCESS_INFORMATION process;
    STARTUPINFOW start = {
        .cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES, .hStdOutput = out, .hStdError = out};
    swprintf(line, sizeof line / sizeof line[0], L"\"%ls\" status --watch --service %ls", program_path(),
             service);
    assert_true(CreateProcessW(program_path(), line, NULL, NULL, TRUE, 0, NULL, NULL, &start, &process));
    CloseHandle(process.hThread);
    return process.hProcess;
}

static DWORD end_of(HANDLE process)
{
    DWORD code = 0;
    if (WaitForSingleObject(process, PROGRAM_PATIENCE) != WAIT_OBJECT_0) {
        TerminateProcess(process, 97);
        WaitForSingleObject(process, PROGRAM_PATIENCE);
    }
    GetExitCodeProcess(process, &code);
    CloseHandle(process);
    return code;
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

/* A run whose control pipe answers. */
static HANDLE start_run_that_answers(const WCHAR *service, uint16_t port)
{
    HANDLE process = start_run(service, port);
    for (int waited = 0; waited < PROGRAM_PATIENCE; waited += 100) {
        ask(service, L"status");
        if (world.result.code == EXIT_CODE_DONE) {
            return process;
        }
        Sleep(100);
    }
    end_of(process);
    fail_msg("%s", "the run does not answer");
    return NULL;
}

/* Watches a run and, when it has been shown three times, lets `end` end one of the two; how the watch ended. */
static DWORD watch_a_run(void (*end)(HANDLE run))
{
    WCHAR service[64], path[PROGRAM_PATH_MAX];
    SECURITY_ATTRIBUTES inheritable = {.nLength = sizeof inheritable, .bInheritHandle = TRUE};
    WSADATA data;
    WSAStartup(MAKEWORD(2, 2), &data);
    swprintf(service, 64, L"test-watch-%lu", (unsigned long)GetCurrentProcessId());
    HANDLE process = start_run_that_answers(service, program_free_port());
    FreeConsole(); /* the run has no part in Ctrl+C */
    const bool has_console = AllocConsole() && SetConsoleCtrlHandler(NULL, FALSE);
    program_write(world.folder, L"watch.out", "", path);
    HANDLE out = CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ, &inheritable, OPEN_EXISTING, 0, NULL);
    HANDLE watch = start_watch(service, out);
    CloseHandle(out);
    watched[0] = '\0';
    for (int waited = 0; waited < PROGRAM_PATIENCE && count_of(watched, ": running for ") < 3; waited += 50) {
        Sleep(50);
        program_read(path, watched, sizeof watched);
    }
    end(process);
    const DWORD code = end_of(watch);
    SetConsoleCtrlHandler(NULL, FALSE);
    FreeConsole();
    TerminateProcess(process, 97);
    end_of(process);
    WSACleanup();
    assert_true(has_console);
    assert_true(program_read(path, watched, sizeof watched));
    assert_true(count_of(watched, ": running for ") >= 3);
    assert_int_equal(count_of(watched, "CONNECTIONS/s"), count_of(watched, ": running for "));
    return code;
}

static void end_the_run(HANDLE run)
{
    TerminateProcess(run, 97);
}

static void press_ctrl_c(HANDLE run)
{
    (void)run;
    SetConsoleCtrlHandler(NULL, TRUE);
    GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0);
}

static void test_command_line__watches_a_run_until_it_stops(void **state)
{
    (void)state;
    assert_int_equal(watch_a_run(end_the_run), EXIT_CODE_NOT_RUNNING);
    assert_non_null(strstr(watched, "portlistener: nothing runs as test-watch-"));
}

static void test_command_line__watches_until_ctrl_c(void **state)
{
    (void)state;
    assert_int_equal(watch_a_run(press_ctrl_c), EXIT_CODE_DONE);
    assert_null(strstr(watched, "portlistener: "));
}

static void test_command_line__asks_nobody_what_it_cannot_say(void **state)
{
    static const struct {
        const WCHAR *arguments;
        const char *message;
    } rows[] = {
        {L"close", "portlistener: close takes ID; \"portlistener close --help\" tells"},
        {L"endpoint web", "portlistener: endpoint takes NAME ACTION; "},
        {L"close \"a b\"", "portlistener: what follows \"close\" has a blank"},
        {L"reload --dry-run --config a.ini", "portlistener: reload takes no option \"--config\""},
        {L"--config a.ini status", "portlistener: status takes no option \"--config\""},
        {L"status --dry-run", "portlistener: status takes no option \"--dry-run\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run(rows[i].arguments);
        expect_code(EXIT_CODE_USAGE);
        expect_err(rows[i].message);
    }
    static const WCHAR *const watches[] = {L"status --watch", L"connections --watch",
                                           L"connections --watch --json"};
    for (size_t i = 0; i < sizeof watches / sizeof watches[0]; i++) {
        ask(L"nobody-of-this-name", watches[i]);
        expect_code(EXIT_CODE_NOT_RUNNING);
        expect_err("nothing runs as nobody-of-this-name");
    }
}

/* In a console of this test's own: Ctrl+C goes to everybody there. */
static void test_command_line__ctrl_c_ends_a_run_in_order(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX], line[3 * PROGRAM_PATH_MAX];
    char ini[512], log[8192];
    PROCESS_INFORMATION process;
    STARTUPINFOW start = {.cb = sizeof start};
    WSADATA data;
    DWORD code = 0;
    (void)state;
    WSAStartup(MAKEWORD(2, 2), &data);
    const uint16_t port = program_free_port();
    snprintf(ini, sizeof ini,
             "[service]\nlog_file = test.log\naccess_log = logs\\<service>-access.log\n"
             "[endpoint echo]\nlisten = tcp://127.0.0.1:%u\nhandler = echo\n",
             (unsigned)port);
    program_write(world.folder, L"portlistener.ini", ini, path);
    swprintf(line, sizeof line / sizeof line[0], L"\"%ls\" run --config \"%ls\"", program_path(), path);
    FreeConsole();
    assert_true(AllocConsole());
    assert_true(SetConsoleCtrlHandler(NULL, FALSE)); /* a child inherits whether Ctrl+C is ignored */
    assert_true(CreateProcessW(program_path(), line, NULL, NULL, FALSE, 0, NULL, NULL, &start, &process));
    const bool has_started = is_listening(port);
    SetConsoleCtrlHandler(NULL, TRUE);
    GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0);
    const DWORD waited = WaitForSingleObject(process.hProcess, PATIENCE);
    if (waited != WAIT_OBJECT_0) {
        TerminateProcess(process.hProcess, 97);
    }
    GetExitCodeProcess(process.hProcess, &code);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    SetConsoleCtrlHandler(NULL, FALSE);
    FreeConsole();
    WSACleanup();
    assert_true(has_started);
    assert_int_equal(waited, WAIT_OBJECT_0);
    assert_int_equal(code, EXIT_CODE_DONE);
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\test.log", world.folder);
    assert_true(program_read(path, log, sizeof log));
    assert_non_null(strstr(log, "PL1003"));
    assert_non_null(strstr(log, "PL1004"));
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\logs\\console-access.log", world.folder);
    assert_true(program_read(path, log, sizeof log));
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_command_line__without_a_command_shows_help_and_fails),
        test(test_command_line__wrong_usage_is_said),
        test(test_command_line__each_command_has_help_in_two_ways),
        test(test_command_line__tells_its_version_and_handlers),
        test(test_command_line__describes_a_plugin),
        test(test_command_line__lists_plugins),
        test(test_command_line__a_missing_file_is_code_3_and_named),
        test(test_command_line__without_any_file_both_places_are_named),
        test(test_command_line__broken_files_are_code_3_with_line_and_column),
        test(test_command_line__all_errors_come_in_one_go),
        test(test_command_line__a_good_file_is_code_0),
        test(test_command_line__a_warning_is_code_0_and_strictly_code_1),
        test(test_command_line__shows_the_configuration_and_its_keys),
        test(test_command_line__a_busy_port_ends_a_run_with_code_4),
        test(test_command_line__output_that_cannot_be_written_is_code_1),
        test(test_command_line__asks_a_run_over_its_control_pipe),
        test(test_command_line__asks_nobody_what_it_cannot_say),
        test(test_command_line__watches_a_run_until_it_stops),
        test(test_command_line__watches_until_ctrl_c),
        test(test_command_line__ctrl_c_ends_a_run_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
