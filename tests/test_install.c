/* SPDX-License-Identifier: MIT
   service/install.cmd and uninstall.cmd, run for real with a service name of this test's own. They use the
   one program folder, so this is skipped where PortListener is installed, and where services cannot be
   created. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "support/program.h"

enum { PATIENCE = 60000, POLL = 50 };

static struct {
    SC_HANDLE manager;
    unsigned number; /* of the test */
    WCHAR name[64];
    WCHAR program[PROGRAM_PATH_MAX]; /* folders */
    WCHAR data[PROGRAM_PATH_MAX];
    WCHAR source_key[256];
    WCHAR service_key[256];
    HANDLE caller;                   /* the token that the scripts run with; NULL: the test's */
    WCHAR folder[PROGRAM_PATH_MAX];  /* of files that the test needs; empty: none */
    WCHAR current[PROGRAM_PATH_MAX]; /* the folder that they are called in; empty: the test's */
    char output[8192];               /* of the last script */
} world;

static bool is_wine(void)
{
    return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL;
}

static bool exists(const WCHAR *path)
{
    return GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES;
}

static bool has_key(const WCHAR *path)
{
    HKEY key = NULL;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_READ, &key) != ERROR_SUCCESS) {
        return false;
    }
    RegCloseKey(key);
    return true;
}

static bool has_service(void)
{
    SC_HANDLE service = OpenServiceW(world.manager, world.name, SERVICE_QUERY_STATUS);
    if (service != NULL) {
        CloseServiceHandle(service);
    }
    return service != NULL;
}

/* The scripts stand beside this test. */
static void script_path(const WCHAR *script, WCHAR path_out[PROGRAM_PATH_MAX])
{
    wcscpy(path_out, program_path());
    wcscpy(wcsrchr(path_out, L'\\') + 1, script);
}

static void read_script(const WCHAR *script, char *at, size_t room)
{
    WCHAR path[PROGRAM_PATH_MAX];
    script_path(script, path);
    assert_true(program_read(path, at, room));
    assert_true(strlen(at) < room - 1);
}

static HANDLE start_script(const WCHAR *script, const WCHAR *arguments, HANDLE output)
{
    WCHAR line[4 * PROGRAM_PATH_MAX], path[PROGRAM_PATH_MAX];
    STARTUPINFOW start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION process;
    const WCHAR *current = world.current[0] != L'\0' ? world.current : NULL;
    start.hStdOutput = output;
    start.hStdError = output;
    script_path(script, path);
    swprintf(line, sizeof line / sizeof line[0], L"cmd.exe /d /c \"\"%ls\" %ls\"", path, arguments);
    const BOOL is_started =
        world.caller == NULL
            ? CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, current, &start, &process)
            : CreateProcessAsUserW(world.caller, NULL, line, NULL, NULL, TRUE, 0, NULL, current, &start,
                                   &process);
    if (!is_started) {
        fail_msg("%ls cannot be started: error %lu", script, (unsigned long)GetLastError());
    }
    CloseHandle(process.hThread);
    return process.hProcess;
}

/* Runs a script; returns its exit code. */
static DWORD run_script(const WCHAR *script, const WCHAR *arguments)
{
    WCHAR folder[PROGRAM_PATH_MAX], path[PROGRAM_PATH_MAX];
    SECURITY_ATTRIBUTES inherit = {.nLength = sizeof inherit, .bInheritHandle = TRUE};
    DWORD code = 0;
    program_folder(folder);
    program_write(folder, L"output", "", path);
    HANDLE output = CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherit,
                                OPEN_EXISTING, 0, NULL);
    HANDLE process = start_script(script, arguments, output);
    assert_int_equal(WaitForSingleObject(process, PATIENCE), WAIT_OBJECT_0);
    GetExitCodeProcess(process, &code);
    CloseHandle(process);
    CloseHandle(output);
    program_read(path, world.output, sizeof world.output);
    program_remove(folder);
    return code;
}

static DWORD install(const WCHAR *more)
{
    WCHAR arguments[2 * PROGRAM_PATH_MAX];
    swprintf(arguments, 2 * PROGRAM_PATH_MAX, L"--service %ls %ls", world.name, more);
    return run_script(L"install.cmd", arguments);
}

static DWORD uninstall(const WCHAR *more)
{
    WCHAR arguments[2 * PROGRAM_PATH_MAX];
    swprintf(arguments, 2 * PROGRAM_PATH_MAX, L"--service %ls %ls", world.name, more);
    return run_script(L"uninstall.cmd", arguments);
}

static void expect_code(DWORD code, DWORD expected)
{
    if (code != expected) {
        print_error("%s\n", world.output);
    }
    assert_int_equal(code, expected);
}

static void path_in(const WCHAR *folder, const WCHAR *name, WCHAR path_out[PROGRAM_PATH_MAX])
{
    swprintf(path_out, PROGRAM_PATH_MAX, L"%ls\\%ls", folder, name);
}

static void remove_service(void)
{
    SC_HANDLE service = OpenServiceW(world.manager, world.name, DELETE);
    if (service != NULL) {
        DeleteService(service);
        CloseServiceHandle(service);
    }
}

/* Also what the scripts leave alone, as a test made it. */
static void remove_all(void)
{
    remove_service();
    RegDeleteKeyW(HKEY_LOCAL_MACHINE, world.source_key);
    program_remove(world.data);
}

/* Which service of this test the world is: the one without a suffix, or another one. */
static void use_service(const WCHAR *suffix)
{
    swprintf(world.name, 64, L"PortListenerTest-%lu-install%u%ls", (unsigned long)GetCurrentProcessId(),
             world.number, suffix);
    const DWORD length = GetEnvironmentVariableW(L"ProgramData", world.data, PROGRAM_PATH_MAX - 128);
    assert_true(length > 0);
    swprintf(world.data + length, 128, L"\\%ls", world.name);
    swprintf(world.source_key, 256, L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\%ls",
             world.name);
    swprintf(world.service_key, 256, L"SYSTEM\\CurrentControlSet\\Services\\%ls", world.name);
}

static int setup(void **state)
{
    world.number++;
    use_service(L"");
    return program_setup(state);
}

static int teardown(void **state)
{
    if (world.caller != NULL) {
        CloseHandle(world.caller);
        world.caller = NULL;
    }
    world.current[0] = L'\0';
    if (world.folder[0] != L'\0') {
        program_remove(world.folder);
        world.folder[0] = L'\0';
    }
    for (size_t i = 0; i < 2; i++) { /* of a test that failed */
        use_service(i == 0 ? L"" : L"-second");
        if (exists(world.program)) {
            uninstall(L"--purge");
        }
        remove_all();
    }
    return program_teardown(state);
}

static void expect_nothing_left(void)
{
    assert_false(has_service());
    assert_false(has_key(world.service_key));
    assert_false(has_key(world.source_key));
    assert_false(exists(world.program));
}

/* ---- What install.cmd makes ---- */

static DWORD read_dword(const WCHAR *key, const WCHAR *value)
{
    DWORD number = 0, size = sizeof number;
    assert_int_equal(RegGetValueW(HKEY_LOCAL_MACHINE, key, value, RRF_RT_REG_DWORD, NULL, &number, &size), 0);
    return number;
}

static void expect_text(const WCHAR *key, const WCHAR *value, const WCHAR *expected)
{
    WCHAR text[PROGRAM_PATH_MAX];
    DWORD size = sizeof text;
    assert_int_equal(RegGetValueW(HKEY_LOCAL_MACHINE, key, value,
                                  RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND, NULL, text, &size),
                     0);
    if (wcscmp(text, expected) != 0) {
        fail_msg("%ls is %ls, not %ls", value, text, expected);
    }
}

static void expect_service_line(void)
{
    WCHAR expected[4 * PROGRAM_PATH_MAX], account[128];
    swprintf(expected, 4 * PROGRAM_PATH_MAX,
             L"\"%ls\\portlistener.exe\" service --config \"%ls\\portlistener.ini\"", world.program,
             world.data);
    expect_text(world.service_key, L"ImagePath", expected);
    swprintf(account, 128, L"NT SERVICE\\%ls", world.name);
    expect_text(world.service_key, L"ObjectName", account);
    assert_int_equal(read_dword(world.service_key, L"Start"), SERVICE_AUTO_START);
    assert_int_equal(read_dword(world.service_key, L"PreshutdownTimeout"), 15000);
    swprintf(expected, 4 * PROGRAM_PATH_MAX, L"%ls\\portlistener-events.dll", world.program);
    expect_text(world.source_key, L"EventMessageFile", expected);
}

/* "check" and so on, of the installed program, need no --config. */
static void expect_commands_find_the_configuration(void)
{
    static const WCHAR *const commands[] = {L"check", L"config show"};
    static struct program_result result;
    WCHAR program[PROGRAM_PATH_MAX], arguments[256];
    path_in(world.program, L"portlistener.exe", program);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        swprintf(arguments, 256, L"%ls --service %ls", commands[i], world.name);
        program_run(program, arguments, &result);
        if (result.code != 0) {
            print_error("%s%s", result.out, result.err);
        }
        assert_int_equal(result.code, 0);
        assert_non_null(strstr(result.out, "portlistener.ini"));
    }
}

/* Three restarts, then none, and only after crashes; the service SID; one privilege. Wine has none of
   them. */
static void expect_hardening(void)
{
    SC_HANDLE service = OpenServiceW(world.manager, world.name, SERVICE_QUERY_CONFIG);
    BYTE room[4096];
    DWORD needed = 0;
    assert_non_null(service);
    assert_true(QueryServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS, room, sizeof room, &needed));
    const SERVICE_FAILURE_ACTIONSW *actions = (const void *)room;
    assert_int_equal(actions->dwResetPeriod, 86400);
    assert_int_equal(actions->cActions, 3);
    assert_int_equal(actions->lpsaActions[0].Delay, 1000);
    assert_int_equal(actions->lpsaActions[2].Delay, 30000);
    assert_true(
        QueryServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, room, sizeof room, &needed));
    assert_false(
        ((const SERVICE_FAILURE_ACTIONS_FLAG *)(const void *)room)->fFailureActionsOnNonCrashFailures);
    assert_true(QueryServiceConfig2W(service, SERVICE_CONFIG_SERVICE_SID_INFO, room, sizeof room, &needed));
    assert_int_equal(((const SERVICE_SID_INFO *)(const void *)room)->dwServiceSidType,
                     1 /* SERVICE_SID_TYPE_UNRESTRICTED */);
    CloseServiceHandle(service);
}

/* Nobody but administrators, the system and the service; the service writes to two folders below only. */
static void expect_protected(void)
{
    WCHAR path[PROGRAM_PATH_MAX];
    BYTE room[4096];
    DWORD needed = 0;
    LPWSTR sddl = NULL;
    assert_true(GetFileSecurityW(world.data, DACL_SECURITY_INFORMATION, room, sizeof room, &needed));
    assert_true(ConvertSecurityDescriptorToStringSecurityDescriptorW(room, 1, DACL_SECURITY_INFORMATION,
                                                                     &sddl, NULL));
    assert_non_null(wcsstr(sddl, L"D:P")); /* inherits nothing */
    assert_non_null(wcsstr(sddl, L"(A;OICI;FA;;;BA)"));
    assert_non_null(wcsstr(sddl, L"(A;OICI;FA;;;SY)"));
    assert_non_null(wcsstr(sddl, L"(A;OICI;0x1200a9;;;S-1-5-80-"));
    assert_null(wcsstr(sddl, L";;;BU)"));
    assert_null(wcsstr(sddl, L";;;WD)"));
    assert_null(wcsstr(sddl, L";;;AU)"));
    LocalFree(sddl);
    for (int i = 0; i < 2; i++) {
        path_in(world.data, i == 0 ? L"logs" : L"plugin-cache", path);
        assert_true(GetFileSecurityW(path, DACL_SECURITY_INFORMATION, room, sizeof room, &needed));
        assert_true(ConvertSecurityDescriptorToStringSecurityDescriptorW(room, 1, DACL_SECURITY_INFORMATION,
                                                                         &sddl, NULL));
        assert_non_null(wcsstr(sddl, L"(A;OICI;0x1301bf;;;S-1-5-80-"));
        LocalFree(sddl);
    }
}

static DWORD state_of(SC_HANDLE service)
{
    SERVICE_STATUS status = {0};
    assert_true(QueryServiceStatus(service, &status));
    return status.dwCurrentState;
}

/* Under its own account, with its own rights. */
static void start_and_expect_it_runs(void)
{
    WCHAR path[PROGRAM_PATH_MAX];
    char ini[256];
    snprintf(ini, sizeof ini, "[endpoint echo]\nlisten = tcp://127.0.0.1:%u\nhandler = echo\n",
             (unsigned)program_free_port());
    program_write(world.data, L"portlistener.ini", ini, path);
    SC_HANDLE service = OpenServiceW(world.manager, world.name, SERVICE_START | SERVICE_QUERY_STATUS);
    assert_true(StartServiceW(service, 0, NULL));
    DWORD state = SERVICE_START_PENDING;
    for (int waited = 0; waited < PATIENCE && state == SERVICE_START_PENDING; waited += POLL) {
        Sleep(POLL);
        state = state_of(service);
    }
    CloseServiceHandle(service);
    assert_int_equal(state, SERVICE_RUNNING);
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\logs\\%ls.log", world.data, world.name);
    assert_true(exists(path));
}

/* ---- Tests ---- */

static void test_install__makes_a_service_and_takes_it_away_again(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    expect_code(install(L""), 0);
    assert_non_null(strstr(world.output, "Installed."));
    expect_service_line();
    path_in(world.program, L"portlistener-events.dll", path);
    assert_true(exists(path));
    path_in(world.data, L"plugin-cache", path);
    assert_true(exists(path));
    if (is_wine()) {
        print_message("SKIPPED in part: Wine keeps no failure actions, service SIDs and access lists\n");
    } else {
        assert_null(strstr(world.output, "refused"));
        expect_hardening();
        expect_protected();
    }
    expect_commands_find_the_configuration();
    start_and_expect_it_runs();
    expect_code(install(L""), 1);
    assert_non_null(strstr(world.output, "there is a service"));
    expect_code(uninstall(L""), 0);
    expect_nothing_left();
    assert_true(exists(world.data));
    expect_code(uninstall(L"--purge"), 0);
    assert_false(exists(world.data));
}

static void test_install__trusts_a_folder_only_when_told(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    char ini[256];
    (void)state;
    assert_true(CreateDirectoryW(world.data, NULL));
    program_write(world.data, L"portlistener.ini", "; mine\n", path);
    expect_code(install(L""), 1);
    assert_non_null(strstr(world.output, "--keep-data"));
    expect_nothing_left();
    expect_code(install(L"--keep-data"), 0);
    assert_true(program_read(path, ini, sizeof ini));
    assert_string_equal(ini, "; mine\n");
    expect_code(uninstall(L"--purge"), 0);
    expect_nothing_left();
    assert_false(exists(world.data));
}

/* Another service has taken the name that ours is shown by: the service manager refuses to create it. */
static void expect_failing_install(void)
{
    WCHAR other_name[80];
    swprintf(other_name, 80, L"%ls-other", world.name);
    SC_HANDLE other = CreateServiceW(world.manager, other_name, world.name, SERVICE_ALL_ACCESS,
                                     SERVICE_WIN32_OWN_PROCESS, SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL,
                                     L"C:\\nowhere.exe", NULL, NULL, NULL, NULL, NULL);
    assert_non_null(other);
    const DWORD code = install(L"");
    DeleteService(other);
    CloseServiceHandle(other);
    expect_code(code, 1);
    assert_non_null(strstr(world.output, "could not create the service; undoing"));
    assert_false(exists(world.data));
    assert_false(has_key(world.source_key));
    assert_false(has_service());
}

static void test_install__undoes_everything_when_a_step_fails(void **state)
{
    (void)state;
    expect_failing_install();
    expect_nothing_left();
}

static void test_install__refuses_wrong_usage(void **state)
{
    static const WCHAR *const wrong[] = {
        L"--bogus",           L"--service",        L"--service \"a b\"", L"--service a\\b",
        L"--service \"a&b\"", L"--service \";x\"", L"--service \"x;\"",  L"--service \"a;b\"",
        L"--service .",       L"--service ..",     L"--service .x",      L"--service x.",
        L"--service ?",       L"--service C:\\x",  L"--service -x",      L"--service --firewall"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        expect_code(run_script(L"install.cmd", wrong[i]), 2);
        expect_code(run_script(L"uninstall.cmd", wrong[i]), 2);
    }
    expect_code(run_script(L"install.cmd", L"--upgrade --delayed"), 2);
    assert_non_null(strstr(world.output, "--upgrade leaves how the service starts"));
    expect_code(run_script(L"install.cmd", L"--from"), 2);
    expect_code(run_script(L"install.cmd", L"--from C:\\nowhere"), 2);
    assert_non_null(strstr(world.output, "--from"));
    expect_code(run_script(L"install.cmd", L"--help"), 0);
    expect_code(run_script(L"uninstall.cmd", L"--help"), 0);
    expect_nothing_left();
}

/* Between the two, any user could put a configuration of his own there. No test can be that quick. */
static void test_install__protects_a_new_folder_before_it_uses_it(void **state)
{
    static char text[32768];
    (void)state;
    read_script(L"install.cmd", text, sizeof text);
    const char *made = strstr(text, "mkdir \"%data%\"\r\n");
    const char *protected = made != NULL ? strstr(made, "icacls.exe \"%data%\" /inheritance:r") : NULL;
    const char *looked = protected != NULL ? strstr(protected, "dir /a /b \"%data%\"") : NULL;
    assert_non_null(looked);
    assert_non_null(strstr(looked, "copy /y \"%ini%\""));
    const char *copied = strstr(text, "copy /y \"%ini%\"");
    assert_true(copied > looked);
}

/* On Windows "shift" moves %1 into %0, and %~dp0 is then the folder of an argument; "shift /1" leaves %0 alone.
   Wine's %~dp0 stays right, so it is the text of the script that shows it. */
static void test_install__knows_its_folder_whatever_the_arguments(void **state)
{
    static const WCHAR *const scripts[] = {L"install.cmd", L"uninstall.cmd"};
    static char text[32768];
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        read_script(scripts[i], text, sizeof text);
        const char *arguments = strstr(text, "\n:arguments");
        assert_non_null(arguments);
        assert_null(strstr(arguments, "%~dp0"));
        for (const char *at = arguments; (at = strstr(at, "shift")) != NULL; at++) {
            assert_memory_equal(at, "shift /1 ", 9);
        }
    }
}

/* "SERVICE_NAME: STOPPED-things" is no state: two blanks stand before that. */
static void test_install__takes_no_name_of_a_service_for_its_state(void **state)
{
    static const WCHAR *const scripts[] = {L"install.cmd", L"uninstall.cmd"};
    static char text[32768];
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        read_script(scripts[i], text, sizeof text);
        assert_non_null(strstr(text, "find.exe \"  STOPPED\""));
        assert_null(strstr(text, "find.exe \"STOPPED"));
    }
}

/* ---- Without rights ---- */

static PSECURITY_DESCRIPTOR descriptor_from(const WCHAR *sddl)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    assert_true(ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, 1, &descriptor, NULL));
    return descriptor;
}

/* The same user, as a prompt that is not elevated has it. What its programs make for themselves is open to
   them: by default it would be the administrators' only. */
static HANDLE create_plain_token(void)
{
    HANDLE own = NULL, plain = NULL;
    BYTE administrators[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof administrators;
    BOOL is_present = FALSE, is_defaulted = FALSE;
    TOKEN_DEFAULT_DACL dacl;
    PSECURITY_DESCRIPTOR descriptor = descriptor_from(L"D:(A;;GA;;;WD)");
    assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &own));
    assert_true(CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, administrators, &size));
    SID_AND_ATTRIBUTES disabled = {.Sid = administrators};
    assert_true(CreateRestrictedToken(own, DISABLE_MAX_PRIVILEGE, 1, &disabled, 0, NULL, 0, NULL, &plain));
    assert_true(GetSecurityDescriptorDacl(descriptor, &is_present, &dacl.DefaultDacl, &is_defaulted));
    assert_true(SetTokenInformation(plain, TokenDefaultDacl, &dacl, sizeof dacl));
    LocalFree(descriptor);
    CloseHandle(own);
    return plain;
}

/* Wine checks the access to those keys only that were given a descriptor; on Windows this one has such a one.
   Its service manager checks none. */
static void protect_event_sources(void)
{
    HKEY key = NULL;
    if (is_wine()) {
        PSECURITY_DESCRIPTOR descriptor = descriptor_from(L"D:(A;CI;KR;;;BU)(A;CI;KA;;;BA)(A;CI;KA;;;SY)");
        assert_int_equal(RegOpenKeyExW(HKEY_LOCAL_MACHINE,
                                       L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application", 0,
                                       WRITE_DAC, &key),
                         0);
        assert_int_equal(RegSetKeySecurity(key, DACL_SECURITY_INFORMATION, descriptor), 0);
        RegCloseKey(key);
        LocalFree(descriptor);
    }
}

static void test_install__without_rights_says_so_and_makes_nothing(void **state)
{
    (void)state;
    protect_event_sources();
    world.caller = create_plain_token();
    expect_code(install(L""), 5);
    assert_non_null(strstr(world.output, "Run as administrator"));
    expect_nothing_left();
    assert_false(exists(world.data));
}

static void test_uninstall__without_rights_leaves_all_as_it_is(void **state)
{
    (void)state;
    expect_code(install(L""), 0);
    start_and_expect_it_runs();
    protect_event_sources();
    world.caller = create_plain_token();
    expect_code(uninstall(L"--purge"), 5); /* within PATIENCE: it does not wait for a stop */
    assert_non_null(strstr(world.output, "Run as administrator"));
    assert_true(has_key(world.source_key));
    assert_true(exists(world.program));
    assert_true(exists(world.data));
    SC_HANDLE service = OpenServiceW(world.manager, world.name, SERVICE_QUERY_STATUS);
    assert_non_null(service);
    assert_int_equal(state_of(service), SERVICE_RUNNING);
    CloseServiceHandle(service);
}

/* ---- What only has the same name ---- */

static void make_service(const WCHAR *image)
{
    SC_HANDLE service =
        CreateServiceW(world.manager, world.name, NULL, SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS,
                       SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, image, NULL, NULL, NULL, NULL, NULL);
    assert_non_null(service);
    CloseServiceHandle(service);
}

static void make_event_source(const WCHAR *file)
{
    const DWORD size = (DWORD)((wcslen(file) + 1) * sizeof *file);
    assert_int_equal(
        RegSetKeyValueW(HKEY_LOCAL_MACHINE, world.source_key, L"EventMessageFile", REG_EXPAND_SZ, file, size),
        0);
}

static void make_data(const WCHAR *name)
{
    WCHAR path[PROGRAM_PATH_MAX];
    assert_true(CreateDirectoryW(world.data, NULL));
    program_write(world.data, name, "; mine\n", path);
}

static void expect_nothing_touched(void)
{
    assert_true(has_key(world.source_key));
    assert_true(exists(world.data));
    assert_false(exists(world.program));
}

static void test_uninstall__refuses_a_service_of_another_program(void **state)
{
    static const WCHAR *const images[] = {
        L"C:\\Windows\\System32\\spoolsv.exe",
        L"\"C:\\Program Files (x86)\\other & more\\portlistener.exe\" service",
        L"C:\\wrap.exe \"%ls\\portlistener.exe\"", /* in which %ls is the program's folder */
    };
    (void)state;
    make_event_source(L"C:\\nowhere.dll");
    make_data(L"portlistener.ini");
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++) {
        WCHAR image[2 * PROGRAM_PATH_MAX];
        swprintf(image, 2 * PROGRAM_PATH_MAX, images[i], world.program);
        make_service(image);
        expect_code(uninstall(L"--purge"), 1);
        assert_non_null(strstr(world.output, "not a service of PortListener"));
        assert_true(has_service());
        expect_nothing_touched();
        expect_code(install(L"--keep-data"), 1);
        assert_non_null(strstr(world.output, "there is a service"));
        expect_nothing_touched();
        expect_code(install(L"--upgrade"), 1);
        assert_non_null(strstr(world.output, "not a service of PortListener"));
        expect_nothing_touched();
        remove_service();
    }
}

static void test_install__leaves_an_event_source_of_another_program_alone(void **state)
{
    (void)state;
    make_event_source(L"C:\\nowhere.dll");
    expect_code(install(L""), 1);
    assert_non_null(strstr(world.output, "event source"));
    assert_true(has_key(world.source_key));
    assert_false(exists(world.data));
    expect_code(uninstall(L""), 0);
    expect_text(world.source_key, L"EventMessageFile", L"C:\\nowhere.dll");
}

/* When the service is gone already. */
static void test_uninstall__removes_what_is_left_when_it_is_its_own(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    path_in(world.program, L"portlistener-events.dll", path);
    make_event_source(path);
    make_data(L"other.txt");
    expect_code(uninstall(L"--purge"), 1);
    assert_non_null(strstr(world.output, "portlistener.ini"));
    assert_false(has_key(world.source_key));
    assert_true(exists(world.data));
    program_write(world.data, L"portlistener.ini", "", path);
    expect_code(uninstall(L""), 0);
    assert_true(exists(world.data));
    expect_code(uninstall(L"--purge"), 0);
    assert_false(exists(world.data));
}

/* ---- The one program of several services ---- */

static bool has_program(void)
{
    WCHAR path[PROGRAM_PATH_MAX];
    path_in(world.program, L"portlistener.exe", path);
    return exists(path);
}

static void test_install__lets_two_services_share_the_program(void **state)
{
    (void)state;
    expect_code(install(L""), 0);
    start_and_expect_it_runs();
    use_service(L"-second");
    expect_failing_install();
    assert_true(has_program());
    expect_code(install(L""), 0);
    expect_service_line();
    use_service(L"");
    expect_code(uninstall(L"--purge"), 0);
    assert_non_null(strstr(world.output, "The program stays"));
    assert_non_null(strstr(world.output, "-second"));
    assert_false(has_service());
    assert_false(has_key(world.source_key));
    assert_false(exists(world.data));
    assert_true(has_program());
    use_service(L"-second");
    expect_commands_find_the_configuration();
    start_and_expect_it_runs();
    expect_code(uninstall(L"--purge"), 0);
    assert_null(strstr(world.output, "The program stays"));
    expect_nothing_left();
}

/* As a firewall rule does, which Windows keeps below the key of a service too. */
static void test_uninstall__removes_the_program_though_other_values_name_it(void **state)
{
    WCHAR key[256], rule[2 * PROGRAM_PATH_MAX];
    (void)state;
    expect_code(install(L""), 0);
    swprintf(key, 256, L"%ls-rules", world.service_key);
    swprintf(rule, 2 * PROGRAM_PATH_MAX, L"v2.31|Action=Allow|App=%ls\\portlistener.exe|", world.program);
    assert_int_equal(RegSetKeyValueW(HKEY_LOCAL_MACHINE, key, L"{1}", REG_SZ, rule,
                                     (DWORD)((wcslen(rule) + 1) * sizeof *rule)),
                     0);
    const DWORD code = uninstall(L"");
    RegDeleteKeyW(HKEY_LOCAL_MACHINE, key);
    expect_code(code, 0);
    expect_nothing_left();
}

/* As services.msc has it open: the service goes when that is closed. */
static void test_uninstall__removes_the_program_of_a_service_that_is_shown(void **state)
{
    (void)state;
    expect_code(install(L""), 0);
    SC_HANDLE shown = OpenServiceW(world.manager, world.name, SERVICE_QUERY_STATUS);
    assert_non_null(shown);
    const DWORD code = uninstall(L"");
    const bool is_kept = has_program();
    CloseServiceHandle(shown);
    expect_code(code, 0);
    assert_false(is_kept);
    expect_nothing_left();
}

/* ---- Options, and where it is called ---- */

/* What --from takes, in a folder with a blank in its name, below a folder of the test's own. */
static void make_other_program(WCHAR folder_out[PROGRAM_PATH_MAX])
{
    WCHAR path[PROGRAM_PATH_MAX];
    program_folder(world.folder);
    path_in(world.folder, L"a folder", folder_out);
    assert_true(CreateDirectoryW(folder_out, NULL));
    program_write(folder_out, L"portlistener.exe", "other program", path);
    program_write(folder_out, L"portlistener-events.dll", "other texts", path);
}

static void expect_begin(const WCHAR *folder, const WCHAR *name, const char *expected)
{
    WCHAR path[PROGRAM_PATH_MAX];
    char text[64];
    path_in(folder, name, path);
    assert_true(program_read(path, text, sizeof text));
    assert_memory_equal(text, expected, strlen(expected));
}

static void test_install__takes_the_program_from_the_folder_that_is_named(void **state)
{
    WCHAR folder[PROGRAM_PATH_MAX], from[2 * PROGRAM_PATH_MAX];
    (void)state;
    make_other_program(folder);
    swprintf(from, 2 * PROGRAM_PATH_MAX, L"--from \"%ls\"", folder);
    expect_code(install(from), 0);
    expect_begin(world.program, L"portlistener.exe", "other program");
    expect_begin(world.program, L"portlistener-events.dll", "other texts");
    expect_begin(world.data, L"portlistener.ini", "; PortListener: the ports");
    expect_code(uninstall(L"--purge"), 0);
    expect_nothing_left();
}

/* Neither the programs nor the INI of the current folder are taken for those that are meant. */
static void test_install__may_be_called_in_any_folder(void **state)
{
    static const WCHAR *const traps[] = {L"cmd.exe",    L"fc.exe",    L"find.exe",
                                         L"icacls.exe", L"netsh.exe", L"ping.exe",
                                         L"reg.exe",    L"sc.exe",    L"portlistener.ini"};
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    make_other_program(world.current);
    for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++) {
        program_write(world.current, traps[i], "a trap", path);
    }
    expect_code(install(L""), 0);
    expect_begin(world.program, L"portlistener.exe", "MZ");
    expect_begin(world.data, L"portlistener.ini", "; PortListener: the ports");
    start_and_expect_it_runs();
    expect_code(uninstall(L"--purge"), 0);
    expect_nothing_left();
    expect_code(install(L"--from ."), 0);
    expect_begin(world.program, L"portlistener.exe", "other program");
    expect_code(uninstall(L"--purge"), 0);
    expect_nothing_left();
}

/* ---- Upgrading ---- */

/* A newer program: what is appended to an exe does not hinder it. */
#define NEWER "newer"

static void append(const WCHAR *path, const char *text)
{
    DWORD written = 0;
    HANDLE file = CreateFileW(path, FILE_APPEND_DATA, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    assert_true(file != INVALID_HANDLE_VALUE);
    assert_true(WriteFile(file, text, (DWORD)strlen(text), &written, NULL));
    CloseHandle(file);
}

/* Whether the installed exe is the newer one. */
static bool is_newer(void)
{
    char end[sizeof NEWER] = "";
    DWORD size = 0;
    WCHAR path[PROGRAM_PATH_MAX];
    path_in(world.program, L"portlistener.exe", path);
    HANDLE file =
        CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0, NULL);
    assert_true(file != INVALID_HANDLE_VALUE);
    assert_true(SetFilePointer(file, -(LONG)(sizeof NEWER - 1), NULL, FILE_END) != INVALID_SET_FILE_POINTER);
    assert_true(ReadFile(file, end, sizeof NEWER - 1, &size, NULL));
    CloseHandle(file);
    return strcmp(end, NEWER) == 0;
}

/* Upgrades with the newer program, or with one that is none. */
static DWORD upgrade(bool is_program)
{
    WCHAR folder[PROGRAM_PATH_MAX], from[PROGRAM_PATH_MAX], to[PROGRAM_PATH_MAX], more[2 * PROGRAM_PATH_MAX];
    if (world.folder[0] != L'\0') {
        program_remove(world.folder);
    }
    make_other_program(folder);
    if (is_program) {
        script_path(L"portlistener.exe", from);
        path_in(folder, L"portlistener.exe", to);
        assert_true(CopyFileW(from, to, FALSE));
        append(to, NEWER);
    }
    swprintf(more, 2 * PROGRAM_PATH_MAX, L"--upgrade --from \"%ls\"", folder);
    return install(more);
}

static SC_HANDLE open_service(void)
{
    SC_HANDLE service = OpenServiceW(world.manager, world.name, SERVICE_ALL_ACCESS);
    assert_non_null(service);
    return service;
}

static bool runs(void)
{
    SC_HANDLE service = open_service();
    const DWORD state = state_of(service);
    CloseServiceHandle(service);
    return state == SERVICE_RUNNING;
}

static void expect_only_the_program(void)
{
    WIN32_FIND_DATAW found;
    WCHAR pattern[PROGRAM_PATH_MAX];
    unsigned count = 0;
    path_in(world.program, L"*", pattern);
    HANDLE search = FindFirstFileW(pattern, &found);
    assert_true(search != INVALID_HANDLE_VALUE);
    do {
        count += found.cFileName[0] != L'.';
    } while (FindNextFileW(search, &found));
    FindClose(search);
    assert_int_equal(count, 2);
}

static void test_install__upgrades_what_runs_and_starts_it_again(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX], cache[PROGRAM_PATH_MAX];
    char before[256], after[256];
    const DWORD longer = 40000;
    (void)state;
    expect_code(install(L""), 0);
    start_and_expect_it_runs();
    path_in(world.data, L"portlistener.ini", path);
    assert_true(program_read(path, before, sizeof before));
    path_in(world.data, L"plugin-cache", cache);
    assert_true(RemoveDirectoryW(cache)); /* as older versions had none */
    SC_HANDLE service = open_service();
    assert_true(ChangeServiceConfigW(service, SERVICE_NO_CHANGE, SERVICE_DEMAND_START, SERVICE_NO_CHANGE,
                                     NULL, NULL, NULL, NULL, L"NT AUTHORITY\\LocalService", L"", NULL));
    CloseServiceHandle(service);
    assert_int_equal(RegSetKeyValueW(HKEY_LOCAL_MACHINE, world.service_key, L"PreshutdownTimeout", REG_DWORD,
                                     &longer, sizeof longer),
                     0);
    assert_int_equal(RegSetKeyValueW(HKEY_LOCAL_MACHINE, world.service_key, L"Description", REG_SZ, L"old",
                                     4 * sizeof(WCHAR)),
                     0);
    expect_code(upgrade(true), 0);
    assert_non_null(strstr(world.output, "Upgraded."));
    assert_true(runs());
    assert_true(is_newer());
    expect_begin(world.program, L"portlistener-events.dll", "other texts");
    expect_only_the_program();
    assert_true(program_read(path, after, sizeof after));
    assert_string_equal(after, before);
    assert_true(exists(cache));
    expect_text(world.service_key, L"ObjectName", L"NT AUTHORITY\\LocalService");
    assert_int_equal(read_dword(world.service_key, L"Start"), SERVICE_DEMAND_START);
    assert_int_equal(read_dword(world.service_key, L"PreshutdownTimeout"), longer);
    swprintf(path, PROGRAM_PATH_MAX, L"Listens on the TCP and UDP ports that %ls\\portlistener.ini names.",
             world.data);
    expect_text(world.service_key, L"Description", path);
    expect_code(uninstall(L"--purge"), 0);
    expect_nothing_left();
}

static HANDLE hold(const WCHAR *path)
{
    HANDLE held = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    assert_true(held != INVALID_HANDLE_VALUE);
    return held;
}

/* And what earlier upgrades have left there is not taken for the program. */
static void test_install__upgrades_what_stands_and_leaves_it_so(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    expect_code(install(L"--upgrade"), 1);
    assert_non_null(strstr(world.output, "to upgrade"));
    expect_nothing_left();
    expect_code(install(L""), 0);
    program_write(world.program, L"portlistener.exe.7.old", "older", path);
    program_write(world.program, L"portlistener.exe.old", "older", path);
    HANDLE held = hold(path);
    const DWORD code = upgrade(true);
    CloseHandle(held);
    expect_code(code, 1);
    assert_non_null(strstr(world.output, "could not copy the program"));
    expect_begin(world.program, L"portlistener.exe", "MZ");
    assert_false(is_newer());
    expect_code(upgrade(true), 0);
    assert_non_null(strstr(world.output, "Start it with: net start"));
    assert_false(runs());
    assert_true(is_newer());
    expect_service_line();
    expect_only_the_program();
    program_write(world.program, L"portlistener-events.dll.7.old", "older", path);
    expect_code(uninstall(L"--purge"), 0);
    expect_nothing_left();
}

/* The second file cannot be replaced, or the new program cannot be started. */
static void test_install__undoes_an_upgrade_that_fails(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    expect_code(install(L""), 0);
    start_and_expect_it_runs();
    path_in(world.program, L"portlistener-events.dll", path);
    HANDLE held = hold(path);
    const DWORD code = upgrade(true);
    CloseHandle(held);
    expect_code(code, 1);
    assert_non_null(strstr(world.output, "could not replace the program"));
    assert_non_null(strstr(world.output, "runs again, with the old program"));
    assert_true(runs());
    assert_false(is_newer());
    expect_only_the_program();
    expect_code(upgrade(false), 1);
    assert_non_null(strstr(world.output, "could not start the service with the new program"));
    assert_non_null(strstr(world.output, "runs again, with the old program"));
    assert_true(runs());
    expect_begin(world.program, L"portlistener.exe", "MZ");
    expect_begin(world.program, L"portlistener-events.dll", "MZ");
    expect_only_the_program();
    expect_code(uninstall(L"--purge"), 0);
    expect_nothing_left();
}

/* ---- What Wine has not ---- */

static void expect_in_script(const WCHAR *script, const char *text)
{
    static char all[32768];
    read_script(script, all, sizeof all);
    if (strstr(all, text) == NULL) {
        fail_msg("there is no %s in %ls", text, script);
    }
}

/* Wine's sc takes delayed-auto for a start on demand. */
static void test_install__starts_later_when_asked(void **state)
{
    (void)state;
    expect_code(install(L"--delayed"), 0);
    if (is_wine()) {
        print_message("SKIPPED in part: Wine knows no delayed start\n");
        expect_in_script(L"install.cmd", "\"--delayed\" set \"start=delayed-auto\"");
        expect_in_script(L"install.cmd", " start= %start% ");
    } else {
        assert_int_equal(read_dword(world.service_key, L"Start"), SERVICE_AUTO_START);
        assert_int_equal(read_dword(world.service_key, L"DelayedAutostart"), 1);
    }
    expect_code(uninstall(L"--purge"), 0);
    expect_nothing_left();
}

/* Whether the firewall has a rule with the service's name, for that service. */
static bool has_firewall_rule(void)
{
    WCHAR name[256], rule[4 * PROGRAM_PATH_MAX], name_part[96], service_part[96];
    HKEY key = NULL;
    bool is_found = false;
    swprintf(name_part, 96, L"|Name=%ls|", world.name);
    swprintf(service_part, 96, L"|Svc=%ls|", world.name);
    assert_int_equal(RegOpenKeyExW(HKEY_LOCAL_MACHINE,
                                   L"SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\"
                                   L"FirewallPolicy\\FirewallRules",
                                   0, KEY_QUERY_VALUE, &key),
                     0);
    for (DWORD i = 0; !is_found; i++) {
        DWORD name_length = 256, size = sizeof rule - sizeof rule[0];
        memset(rule, 0, sizeof rule);
        const LSTATUS status = RegEnumValueW(key, i, name, &name_length, NULL, NULL, (BYTE *)rule, &size);
        if (status == ERROR_NO_MORE_ITEMS) {
            break;
        }
        is_found = status == 0 && wcsstr(rule, name_part) != NULL && wcsstr(rule, service_part) != NULL;
    }
    RegCloseKey(key);
    return is_found;
}

/* What the program would have netsh do for this service. */
static void expect_rules(const char *expected)
{
    WCHAR program[PROGRAM_PATH_MAX], arguments[128];
    struct program_result result;
    swprintf(program, PROGRAM_PATH_MAX, L"%ls\\portlistener.exe", world.program);
    swprintf(arguments, 128, L"firewall --dry-run --service %ls", world.name);
    program_run(program, arguments, &result);
    if (!result.has_ended || result.code != 0 || strstr(result.out, expected) == NULL) {
        fail_msg("\"%s\" is not in: %s%s", expected, result.out, result.err);
    }
}

/* Wine's netsh does nothing, and says that it did. */
static void test_install__opens_the_firewall_when_asked(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    char begin[256];
    (void)state;
    expect_code(install(L"--firewall"), 0);
    assert_non_null(strstr(world.output, ": 0 rules of Windows Firewall, as its configuration"));
    program_write(world.data, L"portlistener.ini",
                  "[endpoint a]\nlisten = tcp://*:17007, udp://127.0.0.1:17007\nhandler = echo\n"
                  "allow = 192.0.2.0/24\n",
                  path);
    expect_code(install(L"--upgrade --firewall"), 0);
    assert_non_null(strstr(world.output, ": 1 rule of Windows Firewall"));
    assert_null(strstr(world.output, "firewall rules"));
    snprintf(begin, sizeof begin, "netsh advfirewall firewall delete rule name=\"%ls\" program=\"",
             world.name);
    expect_rules(begin);
    snprintf(begin, sizeof begin, "\nnetsh advfirewall firewall add rule name=\"%ls\" program=\"",
             world.name);
    expect_rules(begin);
    snprintf(begin, sizeof begin,
             "\\portlistener.exe\" service=\"%ls\" dir=in action=allow profile=domain,private protocol=TCP "
             "localport=17007 remoteip=192.0.2.0/24\n",
             world.name);
    expect_rules(begin);
    if (is_wine()) {
        print_message("SKIPPED in part: Wine has no firewall\n");
    } else {
        assert_true(has_firewall_rule());
    }
    program_write(world.data, L"portlistener.ini", "[endpoint a]\n", path);
    expect_code(install(L"--upgrade --firewall"), 0);
    assert_non_null(strstr(world.output, "no rule was changed, as the configuration has errors"));
    assert_non_null(strstr(world.output, "refused by the system: the firewall rules"));
    expect_in_script(L"uninstall.cmd", "firewall delete rule name=\"%service%\" program=\"%program%\\");
    expect_code(uninstall(L"--purge"), 0);
    if (!is_wine()) {
        assert_false(has_firewall_rule());
    }
    expect_nothing_left();
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_install__makes_a_service_and_takes_it_away_again),
        test(test_install__trusts_a_folder_only_when_told),
        test(test_install__undoes_everything_when_a_step_fails),
        test(test_install__refuses_wrong_usage),
        test(test_install__protects_a_new_folder_before_it_uses_it),
        test(test_install__knows_its_folder_whatever_the_arguments),
        test(test_install__takes_no_name_of_a_service_for_its_state),
        test(test_install__without_rights_says_so_and_makes_nothing),
        test(test_uninstall__without_rights_leaves_all_as_it_is),
        test(test_uninstall__refuses_a_service_of_another_program),
        test(test_install__leaves_an_event_source_of_another_program_alone),
        test(test_uninstall__removes_what_is_left_when_it_is_its_own),
        test(test_install__lets_two_services_share_the_program),
        test(test_uninstall__removes_the_program_though_other_values_name_it),
        test(test_uninstall__removes_the_program_of_a_service_that_is_shown),
        test(test_install__takes_the_program_from_the_folder_that_is_named),
        test(test_install__may_be_called_in_any_folder),
        test(test_install__upgrades_what_runs_and_starts_it_again),
        test(test_install__upgrades_what_stands_and_leaves_it_so),
        test(test_install__undoes_an_upgrade_that_fails),
        test(test_install__starts_later_when_asked),
        test(test_install__opens_the_firewall_when_asked),
    };
    const DWORD length = GetEnvironmentVariableW(L"ProgramFiles", world.program, PROGRAM_PATH_MAX - 32);
    wcscpy(world.program + length, L"\\PortListener");
    world.manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    if (world.manager == NULL || exists(world.program)) {
        printf("SKIPPED: %s\n", world.manager == NULL ? "no right to create services; run elevated"
                                                      : "PortListener is installed on this machine");
        return 77;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    CloseServiceHandle(world.manager);
    return failed;
}
