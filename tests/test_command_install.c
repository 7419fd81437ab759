/* SPDX-License-Identifier: MIT
   Tests of command_install.c, installer.c and uninstaller.c: the service manager is a fake that notes what it is asked and
   refuses what the test wants; files and registry are real, in a folder and keys of this test's own. */
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
#include "install_files.h"
#include "installer.h"
#include "registration.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/program.h"
#include "support/registry_key.h"
#include "support/seam.h"
#include "support/streams.h"
#include "support/support.h"
#include "uninstaller.h"

#define TEST_SERVICE "PortListenerTestInstaller"
#define TEST_INI     "[service]\ndrain_timeout = 30s\n[endpoint echo]\nlisten = tcp://*:7007\nhandler = echo\n"
#define FEW_SERVICES L"SOFTWARE\\" TEST_SERVICE L"\\Services"
#define SOURCE_KEY   L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\" TEST_SERVICE

/* What the fake service manager has, and what it was asked. */
static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    char *root; /* the same in UTF-8 */
    struct install_places places;
    bool exists;
    DWORD state;
    DWORD states[4]; /* that it comes to, one with each question */
    size_t state_count, state_at;
    DWORD end_error; /* 0: one of its own */
    DWORD ticks;     /* milliseconds from one question to the next */
    DWORD start;
    char image[1024];
    char account[256];
    DWORD levels; /* of ChangeServiceConfig2, bits */
    SC_ACTION actions[4];
    DWORD action_count;
    DWORD preshutdown;
    unsigned created, deleted, started, stopped, changed;
    uintptr_t handles;
    struct {
        enum import import;
        uint32_t nth;
        DWORD error;
        uint32_t times;
    } refusals[2];
    size_t refusal_count;
    enum import tried; /* of the tests that refuse each call */
    uint32_t nth;
    uint32_t refused;             /* calls that the last command was refused */
    bool is_called[IMPORT_COUNT]; /* by it */
    bool is_heard;                /* what it printed came out */
    bool is_real;                 /* files can be trusted, as far as this program is told */
    unsigned later;               /* files that go with the next start of the machine */
    bool refuses_later;
    bool has_password; /* of the account that it was changed to */
    bool has_firewall; /* netsh does what it is asked */
    char rule[1024];
    unsigned rules;
    char printed[8192];
    char complained[8192];
} world;

static SC_HANDLE WINAPI open_manager(LPCWSTR machine, LPCWSTR database, DWORD access)
{
    (void)machine, (void)database, (void)access;
    return (SC_HANDLE)(++world.handles * 16);
}

static SC_HANDLE WINAPI open_service(SC_HANDLE manager, LPCWSTR service, DWORD access)
{
    (void)manager, (void)service, (void)access;
    SetLastError(world.exists ? ERROR_SUCCESS : ERROR_SERVICE_DOES_NOT_EXIST);
    return world.exists ? (SC_HANDLE)(++world.handles * 16) : NULL;
}

static BOOL WINAPI close_handle(SC_HANDLE handle)
{
    (void)handle;
    return TRUE;
}

static void take(char *place, size_t room, const WCHAR *text)
{
    SEAM_REAL(WideCharToMultiByte)(CP_UTF8, 0, text, -1, place, (int)room, NULL, NULL);
}

static SC_HANDLE WINAPI create_service(SC_HANDLE manager, LPCWSTR service, LPCWSTR title, DWORD access,
                                       DWORD type, DWORD start, DWORD severity, LPCWSTR program,
                                       LPCWSTR group, LPDWORD tag, LPCWSTR dependencies, LPCWSTR account,
                                       LPCWSTR password)
{
    (void)manager, (void)service, (void)title, (void)access, (void)severity, (void)group, (void)dependencies;
    assert_int_equal(type, SERVICE_WIN32_OWN_PROCESS);
    assert_null(password);
    assert_null(tag);
    if (world.exists) {
        SetLastError(ERROR_SERVICE_EXISTS);
        return NULL;
    }
    world.created++;
    world.exists = true;
    world.state = SERVICE_STOPPED;
    world.start = start;
    take(world.image, sizeof world.image, program);
    take(world.account, sizeof world.account, account);
    return (SC_HANDLE)(++world.handles * 16);
}

static BOOL WINAPI change_config(SC_HANDLE service, DWORD type, DWORD start, DWORD severity, LPCWSTR program,
                                 LPCWSTR group, LPDWORD tag, LPCWSTR dependencies, LPCWSTR account,
                                 LPCWSTR password, LPCWSTR title)
{
    (void)service, (void)type, (void)severity, (void)group, (void)dependencies, (void)title;
    assert_int_equal(start, SERVICE_NO_CHANGE);
    assert_null(tag);
    world.changed++;
    world.has_password = password != NULL;
    if (program != NULL) {
        take(world.image, sizeof world.image, program);
    }
    if (account != NULL) {
        take(world.account, sizeof world.account, account);
    }
    return TRUE;
}

static BOOL WINAPI change_config2(SC_HANDLE service, DWORD level, LPVOID at)
{
    (void)service;
    world.levels |= 1U << level;
    if (level == SERVICE_CONFIG_FAILURE_ACTIONS) {
        const SERVICE_FAILURE_ACTIONSW *failure = at;
        assert_true(failure->cActions <= 4);
        world.action_count = failure->cActions;
        memcpy(world.actions, failure->lpsaActions, failure->cActions * sizeof world.actions[0]);
        assert_int_equal(failure->dwResetPeriod, 86400);
    } else if (level == SERVICE_CONFIG_PRESHUTDOWN_INFO) {
        world.preshutdown = ((const SERVICE_PRESHUTDOWN_INFO *)at)->dwPreshutdownTimeout;
    } else if (level == SERVICE_CONFIG_SERVICE_SID_INFO) {
        assert_int_equal(((const SERVICE_SID_INFO *)at)->dwServiceSidType, 1);
    } else if (level == SERVICE_CONFIG_FAILURE_ACTIONS_FLAG) {
        assert_false(((const SERVICE_FAILURE_ACTIONS_FLAG *)at)->fFailureActionsOnNonCrashFailures);
    } else if (level == SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO) {
        assert_memory_equal(((const SERVICE_REQUIRED_PRIVILEGES_INFOW *)at)->pmszRequiredPrivileges,
                            L"SeChangeNotifyPrivilege\0", 25 * sizeof(WCHAR));
    }
    return TRUE;
}

static WCHAR *kept(const char *text)
{
    static WCHAR texts[4][1024];
    static size_t next;
    WCHAR *copy = texts[next++ % 4];
    swprintf(copy, 1024, L"%hs", text);
    return copy;
}

static BOOL WINAPI query_config(SC_HANDLE service, LPQUERY_SERVICE_CONFIGW config, DWORD room, LPDWORD needed)
{
    (void)service, (void)room;
    *needed = 0;
    *config = (QUERY_SERVICE_CONFIGW){.dwStartType = world.start,
                                      .lpBinaryPathName = kept(world.image),
                                      .lpServiceStartName = kept(world.account),
                                      .lpDisplayName = kept(TEST_SERVICE)};
    return TRUE;
}

static BOOL WINAPI query_config2(SC_HANDLE service, DWORD level, LPBYTE at, DWORD room, LPDWORD needed)
{
    (void)service, (void)level, (void)room;
    at[0] = 0;
    *needed = 0;
    SetLastError(ERROR_INVALID_LEVEL);
    return FALSE;
}

static BOOL WINAPI query_status(SC_HANDLE service, SC_STATUS_TYPE level, LPBYTE at, DWORD room,
                                LPDWORD needed)
{
    (void)service, (void)level, (void)room;
    *needed = 0;
    clock_advance(world.ticks);
    if (world.state_at < world.state_count) {
        world.state = world.states[world.state_at++];
    }
    SERVICE_STATUS_PROCESS *status = (void *)at;
    *status = (SERVICE_STATUS_PROCESS){.dwCurrentState = world.state,
                                       .dwWin32ExitCode = world.end_error != 0 ? world.end_error
                                                                               : ERROR_SERVICE_SPECIFIC_ERROR,
                                       .dwServiceSpecificExitCode = 3};
    return TRUE;
}

static BOOL WINAPI control_service(SC_HANDLE service, DWORD control, LPSERVICE_STATUS status)
{
    (void)service, (void)status;
    assert_int_equal(control, SERVICE_CONTROL_STOP);
    world.stopped++;
    world.state = SERVICE_STOPPED;
    return TRUE;
}

static BOOL WINAPI start_service(SC_HANDLE service, DWORD count, LPCWSTR *words)
{
    (void)service, (void)count, (void)words;
    world.started++;
    world.state = SERVICE_RUNNING;
    return TRUE;
}

static BOOL WINAPI delete_service(SC_HANDLE service)
{
    (void)service;
    world.deleted++;
    world.exists = false;
    return TRUE;
}

/* At the next start of the machine; never what has the name of a file that an installation makes. */
static BOOL WINAPI move_file(LPCWSTR from, LPCWSTR to, DWORD flags)
{
    if (to != NULL) {
        assert_int_equal(flags & MOVEFILE_DELAY_UNTIL_REBOOT, 0);
        return SEAM_REAL(MoveFileExW)(from, to, flags);
    }
    assert_int_equal(flags, MOVEFILE_DELAY_UNTIL_REBOOT);
    assert_true(GetFileAttributesW(from) != INVALID_FILE_ATTRIBUTES);
    assert_int_not_equal(wcscmp(from + wcslen(from) - 4, L".exe"), 0);
    assert_int_not_equal(wcscmp(from + wcslen(from) - 4, L".dll"), 0);
    world.later++;
    SetLastError(ERROR_ACCESS_DENIED);
    return !world.refuses_later;
}

/* netsh. */
static BOOL WINAPI create_process(LPCWSTR program, LPWSTR line, LPSECURITY_ATTRIBUTES security,
                                  LPSECURITY_ATTRIBUTES thread_security, BOOL inherits, DWORD flags,
                                  LPVOID environment, LPCWSTR folder, LPSTARTUPINFOW start,
                                  LPPROCESS_INFORMATION process)
{
    assert_non_null(wcsstr(program, L"\\netsh.exe"));
    world.rules++;
    take(world.rule, sizeof world.rule, line);
    if (world.has_firewall) {
        WCHAR nothing[] = L"cmd.exe /c exit 0";
        return SEAM_REAL(CreateProcessW)(NULL, nothing, security, thread_security, inherits, flags,
                                         environment, folder, start, process);
    }
    SetLastError(ERROR_FILE_NOT_FOUND);
    return FALSE;
}

static FARPROC WINAPI get_procedure(HMODULE module, LPCSTR name)
{
    return world.is_real && strcmp(name, "wine_get_version") == 0 ? NULL
                                                                  : SEAM_REAL(GetProcAddress)(module, name);
}

static void replace_service_manager(void)
{
    seam_replace(IMPORT_OpenSCManagerW, (seam_function)open_manager);
    seam_replace(IMPORT_OpenServiceW, (seam_function)open_service);
    seam_replace(IMPORT_CloseServiceHandle, (seam_function)close_handle);
    seam_replace(IMPORT_CreateServiceW, (seam_function)create_service);
    seam_replace(IMPORT_ChangeServiceConfigW, (seam_function)change_config);
    seam_replace(IMPORT_ChangeServiceConfig2W, (seam_function)change_config2);
    seam_replace(IMPORT_QueryServiceConfigW, (seam_function)query_config);
    seam_replace(IMPORT_QueryServiceConfig2W, (seam_function)query_config2);
    seam_replace(IMPORT_QueryServiceStatusEx, (seam_function)query_status);
    seam_replace(IMPORT_ControlService, (seam_function)control_service);
    seam_replace(IMPORT_StartServiceW, (seam_function)start_service);
    seam_replace(IMPORT_DeleteService, (seam_function)delete_service);
    seam_replace(IMPORT_CreateProcessW, (seam_function)create_process);
    seam_replace(IMPORT_GetProcAddress, (seam_function)get_procedure);
}

/* ---- The world ---- */

static void forget_registry(void)
{
    registry_key_remove(TEST_SERVICE);
    RegDeleteTreeW(HKEY_LOCAL_MACHINE, SOURCE_KEY);
    RegDeleteTreeW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\" TEST_SERVICE);
}

static void write_source(const WCHAR *name, const char *contents)
{
    WCHAR folder[PROGRAM_PATH_MAX], path[PROGRAM_PATH_MAX];
    swprintf(folder, PROGRAM_PATH_MAX, L"%ls\\source", world.folder);
    program_write(folder, name, contents, path);
}

static int setup(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    memset(&world, 0, sizeof world);
    forget_registry();
    if (support_setup(state) != 0) {
        return -1;
    }
    program_folder(world.folder);
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\source", world.folder);
    assert_true(CreateDirectoryW(path, NULL));
    write_source(L"portlistener.exe", "new program");
    write_source(L"portlistener-events.dll", "new texts");
    write_source(L"portlistener.ini", TEST_INI);
    world.root = utf16_to_utf8(world.folder);
    world.places = (struct install_places){.source = install_files_join(world.root, "source"),
                                           .program = install_files_join(world.root, "program"),
                                           .data = install_files_join(world.root, "data")};
    world.places.target = install_files_join(world.places.program, INSTALL_PLACES_PROGRAM);
    world.places.own = install_files_join(world.places.source, INSTALL_PLACES_PROGRAM);
    replace_service_manager();
    return 0;
}

static int teardown(void **state)
{
    fault_clear();
    seam_restore();
    install_places_free(&world.places);
    memory_free(world.root);
    forget_registry();
    program_remove(world.folder);
    return support_teardown(state);
}

/* What the next command is refused: its `nth` call, and `times` - 1 behind it. Also of two imports. */
static void refuse_times(enum import import, uint32_t nth, DWORD error, uint32_t times)
{
    assert_true(world.refusal_count < sizeof world.refusals / sizeof world.refusals[0]);
    world.refusals[world.refusal_count].import = import;
    world.refusals[world.refusal_count].nth = nth;
    world.refusals[world.refusal_count].error = error;
    world.refusals[world.refusal_count].times = times;
    world.refusal_count++;
}

static void refuse(enum import import, uint32_t nth, DWORD error)
{
    refuse_times(import, nth, error, 1);
}

static void note_calls(const struct streams *streams)
{
    world.refused = fault_hits();
    world.is_heard = streams->out.error == ERROR_SUCCESS && streams->err.error == ERROR_SUCCESS;
    for (size_t i = 0; i < IMPORT_COUNT; i++) {
        world.is_called[i] = fault_calls((enum import)i) > 0;
    }
}

static enum exit_code with_streams(const struct installer_request *install,
                                   const struct uninstaller_request *uninstall)
{
    struct streams streams;
    streams_open(&streams, world.folder);
    fault_clear();
    for (size_t i = 0; i < world.refusal_count; i++) {
        fault_arm(world.refusals[i].import, world.refusals[i].nth, world.refusals[i].error,
                  world.refusals[i].times);
    }
    world.refusal_count = 0;
    const enum exit_code result =
        install != NULL ? installer_run(install, &streams) : uninstaller_run(uninstall, &streams);
    note_calls(&streams);
    fault_clear();
    streams_end(&streams, world.folder, world.printed, sizeof world.printed, world.complained,
                sizeof world.complained);
    return result;
}

static enum exit_code install(void)
{
    const struct installer_request request = {.service = TEST_SERVICE, .places = &world.places};
    return with_streams(&request, NULL);
}

static enum exit_code uninstall(bool wants_purge)
{
    const struct uninstaller_request request = {
        .service = TEST_SERVICE, .places = &world.places, .wants_purge = wants_purge};
    return with_streams(NULL, &request);
}

static void expect(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, text);
    }
}

static void expect_code(enum exit_code code, enum exit_code expected)
{
    if (code != expected) {
        fail_msg("exit code %d, not %d: %s%s", (int)code, (int)expected, world.printed, world.complained);
    }
}

static bool is_there(const char *folder, const char *name)
{
    char *path = install_files_join(folder, name);
    const bool is = install_files_is_there(path);
    memory_free(path);
    return is;
}

static void expect_file(const char *folder, const char *name, const char *contents)
{
    char room[1024], *path = install_files_join(folder, name);
    WCHAR *wide = utf16_from(path);
    const bool is_read = program_read(wide, room, sizeof room);
    memory_free(wide);
    memory_free(path);
    assert_true(is_read);
    assert_string_equal(room, contents);
}

static bool has_source(void)
{
    return RegGetValueW(HKEY_LOCAL_MACHINE, SOURCE_KEY, L"EventMessageFile", RRF_RT_ANY | RRF_NOEXPAND, NULL,
                        NULL, NULL) == ERROR_SUCCESS;
}

/* As if nothing had ever been installed. */
static void expect_nothing(void)
{
    assert_false(world.exists);
    assert_false(install_files_is_there(world.places.program));
    assert_false(install_files_is_there(world.places.data));
    assert_false(has_source());
}

/* ---- Installing ---- */

static void test_installer__makes_the_hardened_registration(void **state)
{
    char expected[1024];
    (void)state;
    expect_code(install(), EXIT_CODE_DONE);
    assert_string_equal(world.complained, "");
    (void)snprintf(expected, sizeof expected,
                   "\"%s\\portlistener.exe\" service --config \"%s\\portlistener.ini\"", world.places.program,
                   world.places.data);
    assert_string_equal(world.image, expected);
    assert_string_equal(world.account, "NT SERVICE\\" TEST_SERVICE);
    assert_int_equal(world.start, SERVICE_AUTO_START);
    assert_int_equal(world.levels, 1U << SERVICE_CONFIG_DESCRIPTION | 1U << SERVICE_CONFIG_FAILURE_ACTIONS |
                                       1U << SERVICE_CONFIG_FAILURE_ACTIONS_FLAG |
                                       1U << SERVICE_CONFIG_SERVICE_SID_INFO |
                                       1U << SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO |
                                       1U << SERVICE_CONFIG_PRESHUTDOWN_INFO);
    assert_int_equal(world.action_count, 3);
    assert_int_equal(world.actions[1].Type, SC_ACTION_RESTART);
    assert_int_equal(world.actions[1].Delay, 5000);
    assert_int_equal(world.preshutdown, 35000); /* drain_timeout and five seconds */
    assert_int_equal(world.started, 0);
    expect_file(world.places.program, "portlistener.exe", "new program");
    expect_file(world.places.program, "portlistener-events.dll", "new texts");
    expect_file(world.places.data, "portlistener.ini", TEST_INI);
    assert_true(is_there(world.places.data, "logs"));
    assert_true(is_there(world.places.data, "plugin-cache"));
    assert_true(has_source());
    assert_int_equal(world.rules, 0);
    expect(world.printed, "Start it with: net start " TEST_SERVICE);
}

static void test_installer__a_dry_run_changes_nothing(void **state)
{
    const struct installer_request request = {.service = TEST_SERVICE,
                                              .places = &world.places,
                                              .is_delayed = true,
                                              .wants_firewall = true,
                                              .wants_start = true,
                                              .is_dry_run = true};
    (void)state;
    expect_code(with_streams(&request, NULL), EXIT_CODE_DONE);
    expect(world.printed, "35000 ms");
    expect(world.printed,
           "firewall                   1 rule\n    netsh advfirewall firewall add rule name=\"");
    expect(world.printed, "Nothing was changed.");
    assert_int_equal(world.created + world.changed + world.started + world.rules, 0);
    expect_nothing();
}

static void test_installer__goes_by_its_options(void **state)
{
    const struct installer_request request = {.service = TEST_SERVICE,
                                              .places = &world.places,
                                              .account = "NT AUTHORITY\\LocalService",
                                              .is_delayed = true,
                                              .wants_firewall = true,
                                              .wants_start = true};
    (void)state;
    write_source(L"portlistener.ini",
                 "[endpoint a]\nlisten = tcp://*:7007-7009, tcp://127.0.0.1:1, udp://*:7\n"
                 "handler = echo\nallow = 192.0.2.0/24, 2001:db8::/32\n"
                 "[endpoint b]\nlisten = tcp://127.0.0.1:9\nhandler = echo\n");
    expect_code(with_streams(&request, NULL), EXIT_CODE_DONE);
    assert_string_equal(world.account, "NT AUTHORITY\\LocalService");
    assert_true((world.levels & 1U << SERVICE_CONFIG_DELAYED_AUTO_START_INFO) != 0);
    assert_int_equal(world.rules, 1); /* this netsh refuses, and no other is tried */
    expect(world.rule, "advfirewall firewall add rule name=\"" TEST_SERVICE "\" program=\"");
    expect(world.rule,
           "\\program\\portlistener.exe\" service=\"" TEST_SERVICE "\" dir=in action=allow "
           "profile=domain,private protocol=TCP localport=7007-7009 remoteip=192.0.2.0/24,2001:db8::/32");
    expect(world.printed, "firewall                   refused: netsh has not added a rule");
    expect(world.complained, "steps refused by the system: 1");
    assert_int_equal(world.started, 1);
}

/* ---- The firewall alone ---- */

static void write_config(const char *contents)
{
    WCHAR path[PROGRAM_PATH_MAX];
    program_write(world.folder, L"test.ini", contents, path);
}

/* "firewall" for a service that runs the program where it would be installed, or another one. */
static enum exit_code firewall(bool is_ours, bool is_dry)
{
    char *config = install_files_join(world.root, "test.ini");
    const struct arguments arguments = {.options = {[OPTION_SERVICE] = TEST_SERVICE,
                                                    [OPTION_CONFIG] = config,
                                                    [OPTION_DRY_RUN] = is_dry ? "--dry-run" : NULL}};
    struct install_places real;
    struct failure failure;
    struct streams streams;
    assert_true(install_places_find(&real, TEST_SERVICE, &failure));
    snprintf(world.image, sizeof world.image, "\"%s\\%s\" service", real.program,
             is_ours ? INSTALL_PLACES_PROGRAM : "other.exe");
    install_places_free(&real);
    streams_open(&streams, world.folder);
    const enum exit_code code = command_firewall_run(&arguments, &streams);
    streams_end(&streams, world.folder, world.printed, sizeof world.printed, world.complained,
                sizeof world.complained);
    memory_free(config);
    return code;
}

static void test_firewall__sets_a_rule_for_each_endpoint_and_protocol(void **state)
{
    static const char *const ends[] = {
        "\\portlistener.exe\"\n", " protocol=TCP localport=7007-7009 remoteip=192.0.2.0/24\n",
        " protocol=UDP localport=7,8 remoteip=192.0.2.0/24\n", " protocol=UDP localport=10\n"};
    static const char rule[] = " rule name=\"" TEST_SERVICE "\" program=\"";
    const char *line = world.printed;
    (void)state;
    world.exists = true;
    write_config("[endpoint a]\nlisten = tcp://*:7007-7009, tcp://127.0.0.1:1, udp://*:7, udp://[::]:8\n"
                 "handler = echo\nallow = 192.0.2.0/24\n"
                 "[endpoint off]\nlisten = tcp://*:11\nhandler = echo\nenabled = no\n"
                 "[endpoint b]\nlisten = tcp://127.0.0.1:9\nhandler = echo\n"
                 "[endpoint c]\nlisten = udp://192.0.2.1:10\nhandler = discard\n");
    expect_code(firewall(true, true), EXIT_CODE_DONE);
    assert_int_equal(world.rules, 0);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        const char *end = strchr(line, '\n') + 1, *at = strstr(line, rule);
        const char *verb = i == 0 ? "netsh advfirewall firewall delete" : "netsh advfirewall firewall add";
        assert_memory_equal(line, verb, strlen(verb));
        assert_ptr_equal(at, line + strlen(verb));
        assert_memory_equal(end - strlen(ends[i]), ends[i], strlen(ends[i]));
        line = end;
    }
    assert_string_equal(line, "");
    expect_code(firewall(true, false), EXIT_CODE_FAILED); /* this netsh refuses */
    assert_int_equal(world.rules, 2);                     /* the removal, and the first rule */
    expect(world.rule, " protocol=TCP localport=7007-7009 remoteip=192.0.2.0/24");
    expect(world.complained, "netsh has not added a rule");
    write_config("[endpoint b]\nlisten = tcp://127.0.0.1:9\nhandler = echo\n");
    expect_code(firewall(true, false), EXIT_CODE_DONE);
    assert_int_equal(world.rules, 3); /* there is nothing to add */
    expect(world.printed,
           TEST_SERVICE ": 0 rules of Windows Firewall, as its configuration lets this machine");
}

static void test_firewall__changes_nothing_when_it_may_not_or_cannot(void **state)
{
    (void)state;
    write_config(TEST_INI);
    expect_code(firewall(true, false), EXIT_CODE_FAILED);
    expect(world.complained, "no rule was set, as " TEST_SERVICE " is not installed");
    world.exists = true;
    expect_code(firewall(false, false), EXIT_CODE_FAILED);
    expect(world.complained, "is not a service of PortListener");
    fault_arm(IMPORT_RegCreateKeyExW, 1, ERROR_ACCESS_DENIED, 1);
    expect_code(firewall(true, false), EXIT_CODE_ACCESS_DENIED);
    fault_clear();
    expect(world.complained, "run elevated");
    write_config("[endpoint a]\n");
    expect_code(firewall(true, false), EXIT_CODE_CONFIGURATION);
    expect(world.complained, "no rule was changed, as the configuration has errors");
    assert_int_equal(world.rules, 0);
}

static void test_installer__sets_the_rules_of_the_firewall(void **state)
{
    const struct installer_request request = {
        .service = TEST_SERVICE, .places = &world.places, .wants_firewall = true};
    (void)state;
    world.has_firewall = true;
    write_source(L"portlistener.ini", "[endpoint a]\nlisten = tcp://*:7007, udp://*:7007\nhandler = echo\n");
    expect_code(with_streams(&request, NULL), EXIT_CODE_DONE);
    expect(world.printed, "firewall                   2 rules\n");
    assert_int_equal(world.rules, 2);
    expect(world.rule, " protocol=UDP localport=7007");
    expect_code(with_streams(&request, NULL), EXIT_CODE_DONE); /* an upgrade takes the old ones away first */
    expect(world.printed, "firewall                   2 rules\n");
    assert_int_equal(world.rules, 5);
    expect_code(uninstall(true), EXIT_CODE_DONE);
    expect(world.printed, "firewall                   rules of this service removed\n");
    expect(world.rule, "advfirewall firewall delete rule name=\"" TEST_SERVICE "\"");
    assert_int_equal(world.rules, 6);
}

/* Its settings are those of the defaults until somebody has mended it. */
static void test_installer__takes_a_configuration_with_errors(void **state)
{
    const struct installer_request request = {
        .service = TEST_SERVICE, .places = &world.places, .wants_firewall = true};
    (void)state;
    write_source(L"portlistener.ini", "[service]\ndrain_timeout = soon\n");
    expect_code(with_streams(&request, NULL), EXIT_CODE_DONE);
    expect(world.printed,
           "\\portlistener.ini: the one to begin with; it has errors, \"portlistener check\" tells which");
    expect(world.printed, "firewall                   refused: the configuration has errors\n");
    expect(world.complained, "steps refused by the system: 1");
    assert_int_equal(world.preshutdown, 15000);
    assert_int_equal(world.rules, 0);
}

/* Each call that a step rests on is refused in turn: it is named, and what was done before it is undone. */
static void test_installer__undoes_all_when_a_step_that_matters_fails(void **state)
{
    static const struct {
        enum import import;
        uint32_t nth;
        DWORD error;
        enum exit_code code;
        const char *told;
    } rows[] = {
        {IMPORT_CreateDirectoryW, 1, ERROR_DISK_FULL, EXIT_CODE_FAILED,
         "program                    refused: "},
        {IMPORT_WriteFile, 2, ERROR_DISK_FULL, EXIT_CODE_FAILED, "program                    refused: "},
        {IMPORT_RegCreateKeyExW, 2, ERROR_ACCESS_DENIED, EXIT_CODE_ACCESS_DENIED,
         "event source               refused: "},
        {IMPORT_RegSetValueExW, 1, ERROR_NO_SYSTEM_RESOURCES, EXIT_CODE_FAILED,
         "event source               refused: "},
        {IMPORT_RegSetValueExW, 2, ERROR_NO_SYSTEM_RESOURCES, EXIT_CODE_FAILED,
         "event source               refused: "},
        {IMPORT_CreateDirectoryW, 2, ERROR_ACCESS_DENIED, EXIT_CODE_ACCESS_DENIED,
         "data folder                refused: "},
        {IMPORT_CreateDirectoryW, 3, ERROR_DISK_FULL, EXIT_CODE_FAILED,
         "folders to write to        refused: "},
        {IMPORT_CreateDirectoryW, 4, ERROR_DISK_FULL, EXIT_CODE_FAILED,
         "folders to write to        refused: "},
        {IMPORT_ConvertStringSecurityDescriptorToSecurityDescriptorW, 6, ERROR_NOT_ENOUGH_MEMORY,
         EXIT_CODE_FAILED, "configuration              refused: "},
        {IMPORT_CreateServiceW, 1, ERROR_SERVICE_MARKED_FOR_DELETE, EXIT_CODE_FAILED,
         "registration               refused: the service that was there goes"},
        {IMPORT_CreateServiceW, 1, ERROR_DUPLICATE_SERVICE_NAME, EXIT_CODE_FAILED,
         "registration               refused: error 1078"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        refuse(rows[i].import, rows[i].nth, rows[i].error);
        const enum exit_code code = install();
        expect(world.printed, rows[i].told);
        expect_code(code, rows[i].code);
        expect(world.complained, "what was done is undone");
        expect_nothing();
    }
}

/* Settings that the system does not know, or refuses: each is named, the service is there. */
static void test_installer__goes_on_when_a_setting_is_refused(void **state)
{
    static const char *const told[] = {
        "service SID                refused: error 124", "required privileges        refused: error 124",
        "description                refused: error 124", "restart after a crash      refused: error 124",
        "restart for crashes only   refused: error 124", "time at a shutdown         refused: error 124"};
    (void)state;
    for (uint32_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        refuse(IMPORT_ChangeServiceConfig2W, i + 1, ERROR_INVALID_LEVEL);
        const enum exit_code code = install();
        expect(world.printed, told[i]);
        expect_code(code, EXIT_CODE_DONE);
        expect(world.complained, "steps refused by the system: 1");
        assert_true(world.exists);
        expect_code(uninstall(true), EXIT_CODE_DONE);
        expect_nothing();
    }
    refuse(IMPORT_RegCreateKeyExW, 3, ERROR_ACCESS_DENIED);
    expect_code(install(), EXIT_CODE_DONE);
    expect(world.printed, "registry value ConfigFile  refused: error 5");
}

/* With an account that others have, the folders would be closed to it without the SID. */
static void test_installer__needs_the_service_sid_for_a_shared_account(void **state)
{
    const struct installer_request request = {
        .service = TEST_SERVICE, .places = &world.places, .account = "NT AUTHORITY\\LocalService"};
    (void)state;
    refuse(IMPORT_ChangeServiceConfig2W, 1, ERROR_INVALID_LEVEL);
    expect_code(with_streams(&request, NULL), EXIT_CODE_FAILED);
    expect(world.complained, "service SID: refused");
    assert_int_equal(world.deleted, 1);
    expect_nothing();
}

static void test_installer__without_rights_changes_nothing(void **state)
{
    (void)state;
    refuse(IMPORT_OpenSCManagerW, 2, ERROR_ACCESS_DENIED); /* the first one only reads */
    expect_code(install(), EXIT_CODE_ACCESS_DENIED);
    expect(world.complained, "run elevated");
    expect_nothing();
    refuse(IMPORT_RegCreateKeyExW, 1, ERROR_ACCESS_DENIED);
    expect_code(install(), EXIT_CODE_ACCESS_DENIED);
    expect(world.complained, "run elevated");
    assert_int_equal(world.created, 0);
    expect_nothing();
}

static void test_installer__leaves_what_only_has_the_same_name(void **state)
{
    static const WCHAR other[] = L"C:\\other\\texts.dll";
    (void)state;
    world.exists = true;
    (void)snprintf(world.image, sizeof world.image, "\"C:\\other\\portlistener.exe\" service");
    expect_code(install(), EXIT_CODE_FAILED);
    expect(world.complained, "runs another program");
    expect(world.complained, "--service");
    expect_code(uninstall(true), EXIT_CODE_FAILED);
    expect(world.complained, "nothing was removed");
    assert_int_equal(world.deleted + world.changed, 0);
    world.exists = false;
    assert_int_equal(
        RegSetKeyValueW(HKEY_LOCAL_MACHINE, SOURCE_KEY, L"EventMessageFile", REG_SZ, other, sizeof other), 0);
    expect_code(install(), EXIT_CODE_FAILED);
    expect(world.complained, "another program has an event source");
    expect_code(uninstall(true), EXIT_CODE_DONE);
    assert_true(has_source());
    assert_false(install_files_is_there(world.places.data));
}

/* Any user may make a folder where data of all users goes. */
static void test_installer__refuses_a_folder_that_others_can_change(void **state)
{
    WCHAR *data = utf16_from(world.places.data);
    (void)state;
    world.is_real = true; /* nothing here belongs to administrators: neither on Windows nor in Wine */
    assert_true(CreateDirectoryW(data, NULL));
    memory_free(data);
    const struct installer_request request = {.service = TEST_SERVICE, .places = &world.places};
    struct failure failure;
    bool is_new = true;
    assert_false(install_files_make_folder(world.places.data, "O:BAD:P(A;;FA;;;BA)", &is_new, &failure));
    assert_false(is_new);
    expect(failure.text,
           "this folder is there already; if you do not know it, look into it and remove it first");
    expect(failure.text, "/setowner");
    expect_code(with_streams(&request, NULL), EXIT_CODE_FAILED); /* already for the program's own folder */
    assert_false(world.exists);
    assert_true(install_files_is_there(world.places.data));
    assert_false(install_files_is_there(world.places.program));
}

/* A file elsewhere is read where it is; it must be there. */
static void test_installer__takes_a_configuration_where_it_is(void **state)
{
    char *file = install_files_join(world.root, "my.ini");
    WCHAR path[PROGRAM_PATH_MAX];
    const struct installer_request request = {
        .service = TEST_SERVICE, .places = &world.places, .config_file = file};
    (void)state;
    const enum exit_code without = with_streams(&request, NULL);
    expect(world.printed, "configuration              refused: ");
    program_write(world.folder, L"my.ini", TEST_INI, path);
    const enum exit_code with = with_streams(&request, NULL);
    expect(world.image, "\\my.ini\"");
    memory_free(file);
    expect_code(without, EXIT_CODE_FAILED);
    expect_code(with, EXIT_CODE_DONE);
    assert_false(is_there(world.places.data, "portlistener.ini"));
    assert_int_equal(world.preshutdown, 35000);
    expect_code(install(), EXIT_CODE_DONE); /* an upgrade goes on with it */
    expect(world.image, "\\my.ini\"");
    expect_code(uninstall(true), EXIT_CODE_DONE);
    assert_true(GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES);
    expect_nothing();
}

static void test_installer__needs_the_whole_archive(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\source\\portlistener-events.dll", world.folder);
    assert_true(DeleteFileW(path));
    expect_code(install(), EXIT_CODE_FAILED);
    expect(world.complained, "unpack the whole archive");
    expect_nothing();
}

/* ---- Upgrading ---- */

/* Installed, and running with its files of before. */
static void be_installed(void)
{
    WCHAR folder[PROGRAM_PATH_MAX], path[PROGRAM_PATH_MAX];
    expect_code(install(), EXIT_CODE_DONE);
    swprintf(folder, PROGRAM_PATH_MAX, L"%ls\\program", world.folder);
    program_write(folder, L"portlistener.exe", "old program", path);
    swprintf(folder, PROGRAM_PATH_MAX, L"%ls\\data", world.folder);
    program_write(folder, L"portlistener.ini", "[endpoint mine]\nlisten = tcp://*:1\nhandler = echo\n", path);
    world.state = SERVICE_RUNNING;
    world.created = world.levels = 0;
}

static void test_installer__upgrades_what_runs_and_starts_it_again(void **state)
{
    (void)state;
    be_installed();
    world.start = SERVICE_DEMAND_START;
    (void)snprintf(world.account, sizeof world.account, "NT AUTHORITY\\NetworkService");
    expect_code(install(), EXIT_CODE_DONE);
    expect(world.printed, "Upgraded.");
    assert_int_equal(world.created, 0);
    assert_int_equal(world.changed, 1);
    assert_int_equal(world.stopped, 1);
    assert_int_equal(world.started, 1);
    assert_string_equal(world.account, "NT AUTHORITY\\NetworkService");
    assert_int_equal(world.start, SERVICE_DEMAND_START);
    assert_int_equal(world.preshutdown, 15000);
    expect_file(world.places.program, "portlistener.exe", "new program");
    expect_file(world.places.data, "portlistener.ini",
                "[endpoint mine]\nlisten = tcp://*:1\nhandler = echo\n");
    assert_false(is_there(world.places.program, "portlistener.exe.old"));
}

static void test_installer__an_upgrade_takes_the_service_from_localsystem(void **state)
{
    (void)state;
    be_installed();
    world.state = SERVICE_STOPPED;
    (void)snprintf(world.account, sizeof world.account, "LocalSystem");
    expect_code(install(), EXIT_CODE_DONE);
    assert_string_equal(world.account, "NT SERVICE\\" TEST_SERVICE);
    assert_false(world.has_password);
    assert_int_equal(world.stopped + world.started, 0);
    const struct installer_request request = {
        .service = TEST_SERVICE, .places = &world.places, .account = "NT AUTHORITY\\LocalService"};
    expect_code(with_streams(&request, NULL), EXIT_CODE_DONE);
    assert_string_equal(world.account, "NT AUTHORITY\\LocalService");
    assert_true(world.has_password); /* the empty one */
}

static void test_installer__an_upgrade_that_fails_leaves_the_old_one_running(void **state)
{
    static const WCHAR texts[] = L"C:\\elsewhere\\portlistener-events.dll";
    WCHAR kept_texts[sizeof texts / sizeof texts[0]];
    DWORD size = sizeof kept_texts;
    char image[1024];
    (void)state;
    be_installed();
    memcpy(image, world.image, sizeof image);
    assert_int_equal(
        RegSetKeyValueW(HKEY_LOCAL_MACHINE, SOURCE_KEY, L"EventMessageFile", REG_SZ, texts, sizeof texts), 0);
    refuse(IMPORT_ChangeServiceConfigW, 1, ERROR_INVALID_SERVICE_ACCOUNT);
    expect_code(install(), EXIT_CODE_FAILED);
    expect(world.printed, "registration               refused: error 1057");
    assert_string_equal(world.image, image);
    assert_int_equal(world.state, SERVICE_RUNNING);
    assert_int_equal(world.deleted, 0);
    assert_int_equal(world.levels, 0); /* no setting was touched */
    expect_file(world.places.program, "portlistener.exe", "old program");
    assert_int_equal(RegGetValueW(HKEY_LOCAL_MACHINE, SOURCE_KEY, L"EventMessageFile",
                                  RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND, NULL, kept_texts,
                                  &size),
                     0);
    assert_memory_equal(kept_texts, texts, sizeof texts);
    assert_true(is_there(world.places.data, "portlistener.ini"));
    refuse(IMPORT_ControlService, 1, ERROR_DEPENDENT_SERVICES_RUNNING);
    expect_code(install(), EXIT_CODE_FAILED);
    expect(world.printed,
           "service                    refused: it does not take the request to stop: error 1051");
    expect_file(world.places.program, "portlistener.exe", "old program");
}

/* The accounts of the system have an empty password, which must be given with their names. */
static void test_installer__an_upgrade_that_fails_gives_the_account_back(void **state)
{
    static const char *const accounts[] = {"LocalSystem", "NT AUTHORITY\\NetworkService", ".\\somebody"};
    const struct installer_request request = {
        .service = TEST_SERVICE, .places = &world.places, .account = "NT AUTHORITY\\LocalService"};
    (void)state;
    be_installed();
    for (size_t i = 0; i < sizeof accounts / sizeof accounts[0]; i++) {
        (void)snprintf(world.account, sizeof world.account, "%s", accounts[i]);
        refuse(IMPORT_ChangeServiceConfig2W, 1, ERROR_INVALID_LEVEL);
        expect_code(with_streams(&request, NULL), EXIT_CODE_FAILED);
        expect(world.complained, "service SID: refused, see above; what was done is undone\n");
        assert_string_equal(world.account, accounts[i]);
        assert_int_equal(world.has_password,
                         accounts[i][0] != '.'); /* the system keeps the one that it has */
        assert_int_equal(world.state, SERVICE_RUNNING);
        expect_file(world.places.program, "portlistener.exe", "old program");
    }
}

static void test_installer__a_dry_run_leaves_what_is_installed(void **state)
{
    const struct installer_request request = {.service = TEST_SERVICE,
                                              .places = &world.places,
                                              .wants_firewall = true,
                                              .wants_start = true,
                                              .is_dry_run = true};
    (void)state;
    be_installed();
    expect_code(with_streams(&request, NULL), EXIT_CODE_DONE);
    expect(world.printed,
           "Upgrading " TEST_SERVICE ", dry run\n  service                    stopped, if it runs\n");
    expect(world.printed, "firewall                   1 rule\n");
    expect(world.printed, "start                      started\nNothing was changed.\n");
    assert_int_equal(world.stopped + world.changed + world.started + world.rules, 0);
    expect_file(world.places.program, "portlistener.exe", "old program");
    world.start = SERVICE_DEMAND_START; /* which stays, so that it is not started */
    expect_code(with_streams(&request, NULL), EXIT_CODE_DONE);
    assert_null(strstr(world.printed, "start                      started"));
}

static void test_installer__says_when_it_does_not_start_again(void **state)
{
    (void)state;
    be_installed();
    refuse(IMPORT_StartServiceW, 1, ERROR_SERVICE_LOGON_FAILED);
    expect_code(install(), EXIT_CODE_DONE);
    expect(world.printed, "start                      refused: it cannot be started: error 1069");
    expect(world.complained, "steps refused by the system: 1");
}

static void come_to(DWORD first, DWORD second, DWORD third, DWORD fourth)
{
    const DWORD states[] = {first, second, third, fourth};
    memcpy(world.states, states, sizeof states);
    world.state_count = sizeof states / sizeof states[0];
    world.state_at = 0;
}

static enum exit_code install_and_start(void)
{
    const struct installer_request request = {
        .service = TEST_SERVICE, .places = &world.places, .wants_start = true};
    return with_streams(&request, NULL);
}

/* The exit code comes with the last report; "stopped at once, with error 0" would help nobody. */
static void test_installer__says_how_a_start_ended(void **state)
{
    (void)state;
    come_to(SERVICE_STOPPED, SERVICE_START_PENDING, SERVICE_STOP_PENDING, SERVICE_STOPPED);
    expect_code(install_and_start(), EXIT_CODE_DONE);
    expect(world.printed,
           "start                      refused: it has stopped at once, with exit code 3; its log");
    expect(world.complained, "steps refused by the system: 1");
    world.end_error = ERROR_PROCESS_ABORTED;
    come_to(SERVICE_STOPPED, SERVICE_START_PENDING, SERVICE_START_PENDING, SERVICE_STOPPED);
    expect_code(install_and_start(), EXIT_CODE_DONE);
    expect(world.printed,
           "start                      refused: it has stopped at once, with error 1067; its log");
    come_to(SERVICE_STOPPED, SERVICE_START_PENDING, SERVICE_START_PENDING, SERVICE_PAUSED);
    expect_code(install_and_start(), EXIT_CODE_DONE);
    expect(world.printed, "start                      started");
    assert_int_equal(world.state_at, 4);
}

/* Somebody else starts or stops it meanwhile. */
static void test_installer__is_content_when_another_was_first(void **state)
{
    (void)state;
    be_installed();
    refuse(IMPORT_ControlService, 1, ERROR_SERVICE_NOT_ACTIVE);
    refuse(IMPORT_StartServiceW, 1, ERROR_SERVICE_ALREADY_RUNNING);
    come_to(SERVICE_RUNNING, SERVICE_STOPPED, SERVICE_STOPPED, SERVICE_RUNNING);
    expect_code(install(), EXIT_CODE_DONE);
    expect(world.printed, "service                    stopped\n");
    expect(world.printed, "start                      started\n");
    assert_string_equal(world.complained, "");
}

static void test_installer__does_not_wait_for_ever(void **state)
{
    (void)state;
    clock_stop();
    world.ticks = 60000;
    come_to(SERVICE_STOPPED, SERVICE_START_PENDING, SERVICE_START_PENDING, SERVICE_START_PENDING);
    expect_code(install_and_start(), EXIT_CODE_DONE);
    expect(world.printed,
           "start                      refused: after 150 s it still has not started: error 1053");
    come_to(SERVICE_STOPPED, SERVICE_STOP_PENDING, SERVICE_STOP_PENDING, SERVICE_STOP_PENDING);
    expect_code(install_and_start(), EXIT_CODE_DONE);
    expect(world.printed,
           "start                      refused: after 150 s it still has not stopped: error 1053");
    come_to(SERVICE_START_PENDING, SERVICE_START_PENDING, SERVICE_START_PENDING, SERVICE_START_PENDING);
    expect_code(install(), EXIT_CODE_FAILED);
    expect(world.printed,
           "service                    refused: after 150 s it still has not started: error 1053");
    expect(world.complained, "service: refused, see above; what was done is undone\n");
    come_to(SERVICE_RUNNING, SERVICE_STOP_PENDING, SERVICE_STOP_PENDING, SERVICE_STOP_PENDING);
    expect_code(install(), EXIT_CODE_FAILED);
    expect(world.printed,
           "service                    refused: after 150 s it still has not stopped: error 1053");
    expect(world.complained, "after that, after 150 s it still has not stopped: error 1053");
    expect(world.complained, "service: not undone, or not all of it");
    clock_reset();
}

/* One that stops already is waited for, and started again when the upgrade fails after that. */
static void test_installer__waits_for_one_that_starts_or_stops(void **state)
{
    static const DWORD first[] = {SERVICE_START_PENDING, SERVICE_STOP_PENDING};
    (void)state;
    be_installed();
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        world.stopped = world.started = 0;
        come_to(first[i], i == 0 ? SERVICE_RUNNING : SERVICE_STOP_PENDING, SERVICE_STOP_PENDING,
                SERVICE_STOPPED);
        refuse(IMPORT_ChangeServiceConfigW, 1, ERROR_INVALID_SERVICE_ACCOUNT);
        expect_code(install(), EXIT_CODE_FAILED);
        assert_int_equal(world.stopped, i == 0);
        assert_int_equal(world.started, 1);
        assert_int_equal(world.state, SERVICE_RUNNING);
        expect_file(world.places.program, "portlistener.exe", "old program");
    }
}

/* What an upgrade could not keep, as it cannot be read, it does not touch. */
static void test_installer__an_upgrade_must_know_what_is_there(void **state)
{
    static const struct {
        enum import import;
        uint32_t nth;
        const char *told;
    } rows[] = {{IMPORT_QueryServiceConfigW, 1, "cannot be read, its command line: error 5"},
                {IMPORT_RegGetValueW, 1, "cannot be read, its event source: error 5"},
                {IMPORT_RegGetValueW, 2, "cannot be read, its registry value ConfigFile: error 5"}};
    (void)state;
    be_installed();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        refuse(rows[i].import, rows[i].nth, ERROR_ACCESS_DENIED);
        expect_code(install(), EXIT_CODE_ACCESS_DENIED);
        expect(world.complained, "nothing was changed, as the service that is there ");
        expect(world.complained, rows[i].told);
        assert_int_equal(world.stopped + world.changed, 0);
        expect_file(world.places.program, "portlistener.exe", "old program");
    }
}

/* ---- Each call refused in turn ---- */

/* As assert_true, and tells which call was refused. */
#define hold(is_so) hold_it(is_so, #is_so)

static void hold_it(bool is_so, const char *what)
{
    if (!is_so) {
        fail_msg("%s, call %u of it refused: not so: %s; %s%s", seam_name(world.tried), world.nth, what,
                 world.printed, world.complained);
    }
}

/* That there is no such thing, or that it goes already, is an answer, and none that can be doubted. */
static bool is_answer(DWORD code)
{
    return code == ERROR_FILE_NOT_FOUND || code == ERROR_NO_MORE_FILES ||
           code == ERROR_SERVICE_DOES_NOT_EXIST || code == ERROR_SERVICE_MARKED_FOR_DELETE;
}

/* Runs `run` again and again, each time with another one of its calls of this import refused. */
static void refuse_each_of(enum import import, enum exit_code (*run)(void),
                           void (*expect_after)(enum exit_code))
{
    DWORD codes[FAULT_CODES];
    const bool can_fail = fault_codes(import, codes);
    bool is_refused = can_fail;
    for (uint32_t nth = 1; is_refused; nth++) {
        const DWORD error = codes[nth % FAULT_CODES];
        world.tried = import;
        world.nth = nth;
        refuse(import, nth, is_answer(error) ? codes[(nth + 1) % FAULT_CODES] : error);
        const enum exit_code code = run();
        is_refused = world.refused > 0;
        expect_after(code);
    }
}

/* Conversions fail where their memory would. */
static bool is_memory(enum import import)
{
    return import == IMPORT_HeapAlloc || import == IMPORT_HeapReAlloc ||
           import == IMPORT_MultiByteToWideChar || import == IMPORT_WideCharToMultiByte;
}

static void refuse_each_call(enum exit_code (*run)(void), void (*expect_after)(enum exit_code))
{
    bool is_called[IMPORT_COUNT];
    const enum exit_code code = run();
    memcpy(is_called, world.is_called, sizeof is_called);
    expect_after(code);
    for (enum import i = 0; i < IMPORT_COUNT; i++) {
        if (is_called[i] && !is_memory(i)) {
            refuse_each_of(i, run, expect_after);
        }
    }
}

static void expect_told(enum exit_code code)
{
    if (code != EXIT_CODE_DONE) {
        hold(code == EXIT_CODE_FAILED || code == EXIT_CODE_ACCESS_DENIED);
        hold(!world.is_heard || world.complained[0] != '\0');
    }
}

/* A new installation is all there, but for settings that were refused and named, or nothing of it is. */
static void expect_all_or_nothing(enum exit_code code)
{
    expect_told(code);
    if (code != EXIT_CODE_DONE) {
        expect_nothing();
        return;
    }
    const bool is_less =
        strstr(world.printed, " refused: ") != NULL || strstr(world.printed, "has errors") != NULL;
    hold(world.exists && has_source());
    assert_string_equal(world.account, "NT SERVICE\\" TEST_SERVICE);
    expect_file(world.places.program, "portlistener.exe", "new program");
    expect_file(world.places.program, "portlistener-events.dll", "new texts");
    expect_file(world.places.data, "portlistener.ini", TEST_INI);
    hold(is_there(world.places.data, "logs") && is_there(world.places.data, "plugin-cache"));
    hold(is_less || !world.is_heard || world.preshutdown == 35000);
    expect_code(uninstall(true), EXIT_CODE_DONE);
    expect_nothing();
}

static void test_installer__without_memory_it_is_all_or_nothing(void **state)
{
    (void)state;
    refuse_each_of(IMPORT_HeapAlloc, install, expect_all_or_nothing);
    refuse_each_of(IMPORT_HeapReAlloc, install, expect_all_or_nothing);
}

static enum exit_code try_dry(void)
{
    const struct installer_request request = {
        .service = TEST_SERVICE, .places = &world.places, .is_dry_run = true};
    return with_streams(&request, NULL);
}

static void expect_nothing_changed(enum exit_code code)
{
    expect_told(code);
    hold(code == EXIT_CODE_DONE || strstr(world.complained, "undone") == NULL);
    expect_nothing();
}

static void test_installer__without_memory_a_dry_run_changes_nothing(void **state)
{
    (void)state;
    refuse_each_of(IMPORT_HeapAlloc, try_dry, expect_nothing_changed);
}

static void test_installer__whatever_is_refused_it_is_all_or_nothing(void **state)
{
    (void)state;
    refuse_each_call(install, expect_all_or_nothing);
}

/* Installed with a configuration that somebody has chosen. */
static void be_chosen(void)
{
    char *file = install_files_join(world.root, "my.ini");
    WCHAR path[PROGRAM_PATH_MAX];
    const struct installer_request request = {
        .service = TEST_SERVICE, .places = &world.places, .config_file = file};
    program_write(world.folder, L"my.ini", TEST_INI, path);
    expect_code(with_streams(&request, NULL), EXIT_CODE_DONE);
    memory_free(file);
}

/* It runs with its files of before, and an account that somebody has chosen. */
static void age(void)
{
    WCHAR folder[PROGRAM_PATH_MAX], path[PROGRAM_PATH_MAX];
    swprintf(folder, PROGRAM_PATH_MAX, L"%ls\\program", world.folder);
    program_write(folder, L"portlistener.exe", "old program", path);
    program_write(folder, L"portlistener-events.dll", "old texts", path);
    (void)snprintf(world.account, sizeof world.account, "NT AUTHORITY\\NetworkService");
    world.state = SERVICE_RUNNING;
    world.preshutdown = 1;
}

static bool is_told(const char *text)
{
    return !world.is_heard || strstr(world.printed, text) != NULL || strstr(world.complained, text) != NULL;
}

/* An upgrade, or the old one goes on; what was chosen stays in either case. */
static void expect_upgraded_or_as_before(enum exit_code code)
{
    const bool is_new = code == EXIT_CODE_DONE;
    expect_told(code);
    hold(world.exists && has_source());
    assert_string_equal(world.account, "NT AUTHORITY\\NetworkService");
    hold(strstr(world.image, "\\my.ini\"") != NULL);
    hold(!is_there(world.places.data, "portlistener.ini"));
    expect_file(world.places.program, "portlistener.exe", is_new ? "new program" : "old program");
    expect_file(world.places.program, "portlistener-events.dll", is_new ? "new texts" : "old texts");
    hold(world.state == SERVICE_RUNNING || (is_new && is_told("start                      refused: ")));
    hold(!is_new || world.preshutdown == 35000 || is_told(" refused: ") || is_told("has errors"));
    hold(is_new || !is_there(world.places.program, "portlistener.exe.old"));
    age();
}

static void test_installer__without_memory_an_upgrade_keeps_what_was_chosen(void **state)
{
    (void)state;
    be_chosen();
    age();
    refuse_each_of(IMPORT_HeapAlloc, install, expect_upgraded_or_as_before);
    refuse_each_of(IMPORT_HeapReAlloc, install, expect_upgraded_or_as_before);
}

static void test_installer__whatever_is_refused_an_upgrade_keeps_what_was_chosen(void **state)
{
    (void)state;
    be_chosen();
    age();
    refuse_each_call(install, expect_upgraded_or_as_before);
}

/* What cannot be undone is named. */
static void test_installer__names_what_it_could_not_undo(void **state)
{
    const struct installer_request request = {
        .service = TEST_SERVICE, .places = &world.places, .account = "NT AUTHORITY\\LocalService"};
    static const struct {
        enum import import, undo;
        DWORD error;
        const char *told;
    } rows[] = {
        {IMPORT_ChangeServiceConfig2W, IMPORT_DeleteService, ERROR_ACCESS_DENIED,
         "portlistener: registration: not undone"},
        {IMPORT_CreateServiceW, IMPORT_RemoveDirectoryW, ERROR_DIR_NOT_EMPTY,
         "portlistener: data folder: not undone"},
        {IMPORT_CreateServiceW, IMPORT_RemoveDirectoryW, ERROR_DIR_NOT_EMPTY,
         "portlistener: folders to write to: not undone"},
        {IMPORT_CreateServiceW, IMPORT_RemoveDirectoryW, ERROR_DIR_NOT_EMPTY,
         "portlistener: program: not undone"},
        {IMPORT_CreateServiceW, IMPORT_DeleteFileW, ERROR_SHARING_VIOLATION,
         "portlistener: configuration: not undone"},
        {IMPORT_CreateServiceW, IMPORT_DeleteFileW, ERROR_SHARING_VIOLATION,
         "portlistener: program: not undone"},
        {IMPORT_CreateServiceW, IMPORT_RegDeleteTreeW, ERROR_NO_SYSTEM_RESOURCES,
         "portlistener: event source: not undone"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        refuse(rows[i].import, 1, ERROR_DUPLICATE_SERVICE_NAME);
        refuse_times(rows[i].undo, 1, rows[i].error, FAULT_FOREVER);
        const enum exit_code code = with_streams(&request, NULL);
        expect(world.complained, rows[i].told);
        expect(world.complained,
               ": refused, see above; what was done is undone, but for what is named before");
        expect_code(code, EXIT_CODE_FAILED);
        expect_code(uninstall(true), EXIT_CODE_DONE); /* which is the way out */
        expect_nothing();
    }
}

/* Of an upgrade: it is all still there, the old program beside the new one. */
static void test_installer__loses_nothing_of_an_upgrade_that_it_could_not_undo(void **state)
{
    static const WCHAR texts[] = L"C:\\elsewhere\\portlistener-events.dll";
    (void)state;
    be_installed();
    refuse(IMPORT_ChangeServiceConfigW, 1, ERROR_INVALID_SERVICE_ACCOUNT);
    refuse_times(IMPORT_MoveFileExW, 3, ERROR_SHARING_VIOLATION, FAULT_FOREVER);
    expect_code(install(), EXIT_CODE_FAILED);
    expect(world.complained, "portlistener: program: not undone, or not all of it\n");
    expect_file(world.places.program, "portlistener.exe.old", "old program");
    assert_int_equal(world.state, SERVICE_RUNNING);
    assert_int_equal(
        RegSetKeyValueW(HKEY_LOCAL_MACHINE, SOURCE_KEY, L"EventMessageFile", REG_SZ, texts, sizeof texts), 0);
    refuse(IMPORT_ChangeServiceConfigW, 1, ERROR_INVALID_SERVICE_ACCOUNT);
    refuse_times(IMPORT_RegSetValueExW, 3, ERROR_NO_SYSTEM_RESOURCES, FAULT_FOREVER);
    expect_code(install(), EXIT_CODE_FAILED);
    expect(world.complained, "portlistener: event source: not undone, or not all of it\n");
    const struct installer_request shared = {
        .service = TEST_SERVICE, .places = &world.places, .account = "NT AUTHORITY\\LocalService"};
    refuse(IMPORT_ChangeServiceConfig2W, 1, ERROR_INVALID_LEVEL);
    refuse_times(IMPORT_StartServiceW, 1, ERROR_SERVICE_LOGON_FAILED, FAULT_FOREVER);
    expect_code(with_streams(&shared, NULL), EXIT_CODE_FAILED);
    expect(world.complained, "portlistener: after that, it cannot be started: error 1069");
    expect(world.complained, "portlistener: service: not undone, or not all of it\n");
    expect_code(install(), EXIT_CODE_DONE); /* the way out */
    assert_false(is_there(world.places.program, "portlistener.exe.old"));
}

/* ---- Removing ---- */

static void test_uninstaller__takes_all_away_but_the_data(void **state)
{
    (void)state;
    be_installed();
    expect_code(uninstall(false), EXIT_CODE_DONE);
    assert_int_equal(world.stopped, 1);
    assert_int_equal(world.deleted, 1);
    assert_false(has_source());
    assert_false(install_files_is_there(world.places.program));
    assert_true(is_there(world.places.data, "portlistener.ini"));
    expect(world.printed, "--purge removes it");
    expect_code(uninstall(true), EXIT_CODE_DONE);
    expect(world.printed, "there is none; what else is left of it is removed");
    expect_nothing();
}

static void test_uninstaller__removes_nothing_while_the_service_stays(void **state)
{
    static const struct {
        enum import import;
        uint32_t nth;
        DWORD error;
        enum exit_code code;
    } rows[] = {
        {IMPORT_ControlService, 1, ERROR_INVALID_SERVICE_CONTROL, EXIT_CODE_FAILED},
        {IMPORT_DeleteService, 1, ERROR_ACCESS_DENIED, EXIT_CODE_ACCESS_DENIED},
        {IMPORT_OpenServiceW, 2, ERROR_ACCESS_DENIED, EXIT_CODE_ACCESS_DENIED},
        {IMPORT_OpenSCManagerW, 3, RPC_S_SERVER_UNAVAILABLE, EXIT_CODE_FAILED},
        {IMPORT_QueryServiceStatusEx, 1, ERROR_SHUTDOWN_IN_PROGRESS, EXIT_CODE_FAILED},
    };
    (void)state;
    be_installed();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world.state = SERVICE_RUNNING;
        refuse(rows[i].import, rows[i].nth, rows[i].error);
        expect_code(uninstall(true), rows[i].code);
        expect(world.complained, "nothing was removed, as the service " TEST_SERVICE " stays");
        assert_true(world.exists);
        assert_true(has_source());
        assert_true(is_there(world.places.program, "portlistener.exe"));
        assert_true(is_there(world.places.data, "portlistener.ini"));
    }
    refuse(IMPORT_DeleteService, 1, ERROR_SERVICE_MARKED_FOR_DELETE);
    expect_code(uninstall(true), EXIT_CODE_DONE);
    assert_false(is_there(world.places.program, "portlistener.exe"));
}

static void test_uninstaller__names_what_stays(void **state)
{
    (void)state;
    be_installed();
    refuse(IMPORT_RegDeleteTreeW, 1, ERROR_NO_SYSTEM_RESOURCES);
    expect_code(uninstall(false), EXIT_CODE_FAILED);
    expect(world.printed, "event source               stays: error 1450");
    expect(world.complained, "could not be removed: 1");
    refuse(IMPORT_RemoveDirectoryW, 2, ERROR_DIR_NOT_EMPTY);
    expect_code(uninstall(true), EXIT_CODE_FAILED);
    expect(world.printed, "configuration and data     stay, at least in part");
    assert_false(has_source());
}

/* As when it is the program that runs, or the event log has the texts open. */
static void test_uninstaller__leaves_files_in_use_to_the_next_start(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    be_installed();
    seam_replace(IMPORT_MoveFileExW, (seam_function)move_file);
    refuse(IMPORT_DeleteFileW, 1, ERROR_ACCESS_DENIED);
    expect_code(uninstall(false), EXIT_CODE_DONE);
    expect(world.printed, "portlistener.exe           in use: goes when the machine starts again");
    expect(world.printed, "portlistener-events.dll    removed");
    assert_int_equal(world.later, 2); /* the folder behind the file */
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\program", world.folder);
    assert_true(GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES);
    assert_false(is_there(world.places.program, "portlistener.exe")); /* its name is free for the next one */
    world.refuses_later = true;
    refuse(IMPORT_DeleteFileW, 1, ERROR_ACCESS_DENIED);
    expect_code(uninstall(false), EXIT_CODE_FAILED); /* the one that was put aside */
    expect(world.printed, ".old stays: in use");
    world.refuses_later = false;
    expect_code(uninstall(false), EXIT_CODE_DONE);
    expect(world.printed, ".old removed");
    be_installed();
    world.refuses_later = true;
    refuse(IMPORT_DeleteFileW, 1, ERROR_ACCESS_DENIED);
    expect_code(uninstall(false), EXIT_CODE_FAILED);
    expect(world.printed, "portlistener.exe           stays: in use");
    assert_true(is_there(world.places.program, "portlistener.exe")); /* under its own name */
}

static bool is_put_aside(const char *name, const WCHAR *new_name)
{
    char *path = install_files_join(world.places.program, name);
    WCHAR *wide = utf16_from(path), other[PROGRAM_PATH_MAX];
    swprintf(other, PROGRAM_PATH_MAX, L"%ls%ls", wide, new_name);
    const bool is_done = CopyFileW(wide, other, TRUE) != FALSE;
    memory_free(wide);
    memory_free(path);
    return is_done;
}

static void test_uninstaller__takes_what_upgrades_have_left(void **state)
{
    (void)state;
    be_installed();
    assert_true(is_put_aside("portlistener-events.dll", L".old"));
    assert_true(is_put_aside("portlistener.exe", L".4711.new"));
    expect_code(uninstall(false), EXIT_CODE_DONE);
    expect(world.printed, "portlistener-events.dll.old removed\n");
    expect(world.printed, "portlistener.exe.4711.new  removed\n");
    assert_false(install_files_is_there(world.places.program));
    be_installed();
    refuse(IMPORT_FindFirstFileW, 1, ERROR_ACCESS_DENIED);
    expect_code(uninstall(false), EXIT_CODE_FAILED);
    expect(world.printed, "old files                  stay, where there are any: error 5");
}

/* Of a program that runs: its file can get another name, and nothing else. */
static BOOL WINAPI delete_no_old(LPCWSTR path)
{
    if (wcscmp(path + wcslen(path) - 4, L".old") == 0) {
        SetLastError(ERROR_ACCESS_DENIED);
        return FALSE;
    }
    return SEAM_REAL(DeleteFileW)(path);
}

static BOOL WINAPI replace_no_old(LPCWSTR from, LPCWSTR to, DWORD flags)
{
    if (to != NULL && (world.refuses_later || GetFileAttributesW(to) != INVALID_FILE_ATTRIBUTES)) {
        SetLastError(ERROR_ACCESS_DENIED);
        return FALSE;
    }
    return move_file(from, to, flags);
}

static void test_installer__upgrades_again_while_an_old_program_runs(void **state)
{
    (void)state;
    be_installed();
    seam_replace(IMPORT_MoveFileExW, (seam_function)replace_no_old);
    seam_replace(IMPORT_DeleteFileW, (seam_function)delete_no_old);
    for (int i = 0; i < 2; i++) {
        assert_true(is_put_aside("portlistener.exe", L".old"));
        world.later = 0;
        expect_code(install(), EXIT_CODE_DONE);
        expect(world.printed, "Upgraded. ");
        assert_false(is_there(world.places.program, "portlistener.exe.old"));
        assert_int_equal(world.later, 3); /* that one, and both that this upgrade replaced */
    }
    world.refuses_later = true;
    expect_code(install(), EXIT_CODE_FAILED); /* not 5, as no rights are missing */
    expect(world.printed, "program                    refused: ");
    expect(world.printed, "cannot be replaced: error 5: ");
    expect(world.printed, "; end what uses it and try again");
    assert_true(is_there(world.places.program, "portlistener.exe"));
}

/* A link in the data, aimed at another folder: what is there stays. */
static void test_uninstaller__follows_no_link(void **state)
{
    WCHAR link[PROGRAM_PATH_MAX], target[PROGRAM_PATH_MAX], path[PROGRAM_PATH_MAX];
    (void)state;
    be_installed();
    swprintf(link, PROGRAM_PATH_MAX, L"%ls\\data\\logs\\link", world.folder);
    swprintf(target, PROGRAM_PATH_MAX, L"%ls\\target", world.folder);
    assert_true(CreateDirectoryW(target, NULL));
    program_write(target, L"file", "precious", path);
    if (!CreateSymbolicLinkW(link, target, SYMBOLIC_LINK_FLAG_DIRECTORY)) {
        print_message("SKIPPED in part: links cannot be made here, error %lu\n",
                      (unsigned long)GetLastError());
        return;
    }
    expect_code(uninstall(true), EXIT_CODE_DONE);
    assert_false(install_files_is_there(world.places.data));
    assert_true(GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES);
}

static void test_uninstaller__leaves_the_data_of_another_program(void **state)
{
    WCHAR *data = utf16_from(world.places.data);
    (void)state;
    assert_true(CreateDirectoryW(data, NULL));
    memory_free(data);
    expect_code(uninstall(true), EXIT_CODE_FAILED);
    expect(world.printed, "may be another program's");
    assert_true(install_files_is_there(world.places.data));
}

static void test_uninstaller__a_dry_run_changes_nothing(void **state)
{
    (void)state;
    be_installed();
    const struct uninstaller_request request = {
        .service = TEST_SERVICE, .places = &world.places, .wants_purge = true, .is_dry_run = true};
    expect_code(with_streams(NULL, &request), EXIT_CODE_DONE);
    expect(world.printed, "firewall                   rules of this service removed, where there are any\n");
    expect(world.printed, "Nothing was changed.");
    assert_true(world.exists && has_source());
    assert_true(is_there(world.places.program, "portlistener.exe"));
    assert_true(is_there(world.places.data, "portlistener.ini"));
}

/* The services of the machine are few here. */
static LSTATUS WINAPI open_few_services(HKEY key, LPCWSTR path, DWORD options, REGSAM access, PHKEY opened)
{
    return SEAM_REAL(RegOpenKeyExW)(
        key, wcscmp(path, L"SYSTEM\\CurrentControlSet\\Services") == 0 ? FEW_SERVICES : path, options, access,
        opened);
}

static void add_service(const WCHAR *name, const char *image)
{
    WCHAR key[256], *wide = utf16_from(image);
    swprintf(key, 256, FEW_SERVICES L"\\%ls", name);
    assert_int_equal(RegSetKeyValueW(HKEY_LOCAL_MACHINE, key, L"ImagePath", REG_EXPAND_SZ, wide,
                                     (DWORD)((wcslen(wide) + 1) * sizeof *wide)),
                     0);
    memory_free(wide);
}

static enum exit_code install_and_uninstall(void)
{
    const size_t count = world.refusal_count;
    world.refusal_count = 0;
    expect_code(install(), EXIT_CODE_DONE);
    world.state = SERVICE_RUNNING;
    world.refusal_count = count;
    return uninstall(true);
}

/* Whether nothing but the folder of the data is there still; then it is taken away here. */
static bool is_emptied(void)
{
    WCHAR path[PROGRAM_PATH_MAX];
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\data", world.folder);
    return !world.exists && !install_files_is_there(world.places.program) && !has_source() &&
           RemoveDirectoryW(path);
}

/* Whatever is left of it is named, and the next try takes it away. */
static void expect_gone_or_told(enum exit_code code)
{
    const bool has_program = is_there(world.places.program, "portlistener.exe");
    const bool has_texts = is_there(world.places.program, "portlistener-events.dll");
    expect_told(code);
    if (code == EXIT_CODE_DONE) {
        hold(!(world.exists || has_source() || install_files_is_there(world.places.data)));
        hold((!has_program && !has_texts) || is_told("stays, as other services run it") ||
             is_told("in use: goes when the machine starts again"));
    } else if (world.exists) { /* then nothing is touched */
        hold(has_source() && has_program && has_texts && is_there(world.places.data, "portlistener.ini"));
    } else {
        hold(!has_source() || is_told("event source               stays: "));
        hold(!has_program || is_told("portlistener.exe           stays: ") ||
             is_told("program                    stays"));
        hold(!has_texts || is_told("portlistener-events.dll    stays: ") ||
             is_told("program                    stays"));
        hold(!install_files_is_there(world.places.data) || is_told("configuration and data     stay"));
    }
    if (!is_emptied()) { /* of that nothing tells whose it is */
        expect_code(uninstall(true), EXIT_CODE_DONE);
    }
}

static void expect_gone_but_program(enum exit_code code)
{
    hold(is_there(world.places.program, "portlistener.exe"));
    hold(is_there(world.places.program, "portlistener-events.dll"));
    expect_gone_or_told(code);
}

static void be_among_few(void)
{
    seam_replace(IMPORT_RegOpenKeyExW, (seam_function)open_few_services);
    add_service(L"AnotherProgram", "C:\\other\\portlistener.exe service");
    add_service(L"" TEST_SERVICE, world.places.target);
}

static void test_uninstaller__without_memory_names_what_stays(void **state)
{
    (void)state;
    be_among_few();
    refuse_each_of(IMPORT_HeapAlloc, install_and_uninstall, expect_gone_or_told);
    expect_nothing();
}

static void test_uninstaller__whatever_is_refused_names_what_stays(void **state)
{
    (void)state;
    be_among_few();
    refuse_each_call(install_and_uninstall, expect_gone_or_told);
    expect_nothing();
}

/* A key without a command line, that is going, or that is closed, is no service that runs it; any other error may hide one. */
static void test_uninstaller__knows_what_is_no_service_of_ours(void **state)
{
    static const DWORD none[] = {ERROR_FILE_NOT_FOUND, ERROR_UNSUPPORTED_TYPE, ERROR_KEY_DELETED,
                                 ERROR_ACCESS_DENIED};
    (void)state;
    be_among_few();
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        refuse(IMPORT_RegGetValueW, 4,
               none[i]); /* behind two of the registration and one of the event source */
        expect_code(install_and_uninstall(), EXIT_CODE_DONE);
        assert_int_equal(world.refused, 1);
        expect_nothing();
    }
    refuse(IMPORT_RegGetValueW, 4, ERROR_NO_SYSTEM_RESOURCES);
    expect_code(install_and_uninstall(), EXIT_CODE_FAILED);
    expect(world.printed,
           "program                    stays: the registry does not tell who else runs it: error 1450");
    assert_true(is_there(world.places.program, "portlistener.exe"));
}

/* The Windows Installer takes its files away itself. */
static void test_uninstaller__keeps_the_program_for_another_to_remove(void **state)
{
    const struct uninstaller_request request = {
        .service = TEST_SERVICE, .places = &world.places, .wants_purge = true, .keeps_program = true};
    (void)state;
    be_installed();
    expect_code(with_streams(NULL, &request), EXIT_CODE_DONE);
    assert_false(world.exists || has_source() || install_files_is_there(world.places.data));
    assert_true(is_there(world.places.program, "portlistener.exe"));
    assert_null(strstr(world.printed, "portlistener.exe  "));
}

/* Who cannot be asked might run it. */
static void test_uninstaller__leaves_the_program_to_other_services(void **state)
{
    char image[1024];
    (void)state;
    be_among_few();
    (void)snprintf(image, sizeof image, "\"%s\" service --config other.ini", world.places.target);
    add_service(L"AnotherOfOurs", image);
    expect_code(install_and_uninstall(), EXIT_CODE_DONE);
    expect(world.printed, "program                    stays, as other services run it: AnotherOfOurs\n");
    refuse_each_of(IMPORT_HeapAlloc, install_and_uninstall, expect_gone_but_program);
    refuse_each_of(IMPORT_RegEnumKeyExW, install_and_uninstall, expect_gone_but_program);
    refuse_each_of(IMPORT_RegOpenKeyExW, install_and_uninstall, expect_gone_but_program);
}

/* ---- Files and folders ---- */

/* Nothing here belongs to administrators, neither on Windows nor in Wine: it does as far as this program is told. */
static DWORD WINAPI get_security(HANDLE handle, SE_OBJECT_TYPE type, SECURITY_INFORMATION parts, PSID *owner,
                                 PSID *group, PACL *dacl, PACL *sacl, PSECURITY_DESCRIPTOR *descriptor)
{
    (void)handle, (void)type, (void)parts, (void)owner, (void)group, (void)dacl, (void)sacl;
    assert_true(SEAM_REAL(ConvertStringSecurityDescriptorToSecurityDescriptorW)(
        L"O:BAD:P(A;;FA;;;BA)(A;;FR;;;WD)", SDDL_REVISION_1, descriptor, NULL));
    return ERROR_SUCCESS;
}

static void test_installer__where_only_administrators_can_change_things(void **state)
{
    (void)state;
    world.is_real = true;
    seam_replace(IMPORT_GetSecurityInfo, (seam_function)get_security);
    expect_code(install(), EXIT_CODE_DONE);
    expect(world.printed, "program's protection       only administrators can change it\n");
    refuse(IMPORT_GetSecurityInfo, 1, ERROR_ACCESS_DENIED);
    expect_code(install(), EXIT_CODE_FAILED); /* an upgrade */
    expect(world.complained, "program's protection: refused, see above; what was done is undone");
    expect_code(uninstall(true), EXIT_CODE_DONE);
    expect_nothing();
}

static void test_installer__tells_why_a_folder_is_not_taken(void **state)
{
    static const char sddl[] = "O:BAD:P(A;;FA;;;BA)";
    static const struct {
        enum import import;
        DWORD error;
        enum exit_code code;
        const char *told;
    } rows[] = {
        {IMPORT_CreateFileW, ERROR_SHARING_VIOLATION, EXIT_CODE_FAILED,
         "\\data is there already, and cannot be looked at: error 32: "},
        {IMPORT_GetFileInformationByHandleEx, ERROR_NOT_SUPPORTED, EXIT_CODE_FAILED,
         "\\data is there already, and cannot be looked at: error 50: "},
        {IMPORT_GetSecurityInfo, ERROR_ACCESS_DENIED, EXIT_CODE_ACCESS_DENIED,
         "\\data is there already, and its permissions are not to be had: error 5: "},
    };
    WCHAR path[PROGRAM_PATH_MAX];
    struct failure failure;
    bool is_new = true;
    (void)state;
    world.is_real = true;
    seam_replace(IMPORT_GetSecurityInfo, (seam_function)get_security);
    program_write(world.folder, L"data", "a file", path);
    assert_false(install_files_make_folder(world.places.data, sddl, &is_new, &failure));
    expect(failure.text, "\\data is there already, as a file or a link: error 267: ");
    expect(failure.text, "; remove it first");
    assert_true(DeleteFileW(path));
    assert_true(install_files_make_folder(world.places.data, sddl, &is_new, &failure));
    assert_true(is_new);
    assert_true(install_files_make_folder(world.places.data, sddl, &is_new, &failure));
    assert_false(is_new);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fault_arm(rows[i].import, 1, rows[i].error, 1);
        assert_false(install_files_make_folder(world.places.data, sddl, &is_new, &failure));
        expect(failure.text, rows[i].told);
        assert_int_equal(failure.code, rows[i].code);
        assert_false(is_new);
    }
}

static BOOL WINAPI read_without_end(HANDLE file, LPVOID at, DWORD room, LPDWORD done, LPOVERLAPPED overlapped)
{
    (void)file, (void)at, (void)overlapped;
    *done = room;
    return TRUE;
}

static void test_install_files__copies_all_or_nothing(void **state)
{
    char *from = install_files_join(world.places.source, INSTALL_PLACES_PROGRAM);
    char *to = install_files_join(world.root, "copy");
    struct failure failure;
    (void)state;
    write_source(L"portlistener.exe", "");
    assert_true(install_files_copy(from, to, &failure));
    expect_file(world.root, "copy", "");
    assert_false(install_files_copy(from, to, &failure)); /* there is one */
    expect(failure.text, "\\copy cannot be written: error 80: ");
    assert_int_equal(install_files_remove(to), INSTALL_FILES_GONE);
    seam_replace(IMPORT_ReadFile, (seam_function)read_without_end);
    assert_false(install_files_copy(from, to, &failure));
    seam_replace(IMPORT_ReadFile, NULL);
    expect(failure.text, "\\portlistener.exe: it is too large");
    assert_false(install_files_is_there(to));
    memory_free(to);
    memory_free(from);
}

static void test_install_files__what_is_not_there_needs_no_removal(void **state)
{
    char *path = install_files_join(world.places.data, "file"), *none = install_files_folder("file");
    bool had_old = true;
    struct failure failure;
    (void)state;
    assert_string_equal(none, "");
    assert_int_equal(install_files_look(path), ERROR_FILE_NOT_FOUND);
    assert_int_equal(install_files_remove(path), INSTALL_FILES_GONE);
    assert_false(install_files_replace(world.places.own, path, &had_old, &failure)); /* no folder */
    assert_false(had_old);
    expect(failure.text, "\\data\\file cannot be written: error 3: ");
    assert_true(install_files_put_back(path, false));
    assert_false(install_files_put_back(path, true)); /* the old one is gone */
    memory_free(none);
    memory_free(path);
}

/* Somebody has made folders in folders, or a link. */
static HANDLE WINAPI find_link(LPCWSTR pattern, LPWIN32_FIND_DATAW found)
{
    const HANDLE search = SEAM_REAL(FindFirstFileW)(pattern, found);
    while (wcscmp(found->cFileName, L"link") != 0 && SEAM_REAL(FindNextFileW)(search, found)) {}
    found->dwFileAttributes |= FILE_ATTRIBUTE_REPARSE_POINT;
    return search;
}

static void make_file_in(const char *folder)
{
    WCHAR *wide = utf16_from(folder), path[PROGRAM_PATH_MAX];
    program_write(wide, L"file", "", path);
    memory_free(wide);
}

static void test_install_files__removes_no_more_than_it_knows(void **state)
{
    char *link = install_files_join(world.places.data, "link");
    char *path = memory_copy_text(world.places.data, strlen(world.places.data));
    bool is_new;
    struct failure failure;
    (void)state;
    assert_true(install_files_make_folder(path, "D:", &is_new, &failure));
    assert_true(install_files_make_folder(link, "D:", &is_new, &failure));
    make_file_in(link);
    seam_replace(IMPORT_FindFirstFileW, (seam_function)find_link);
    assert_int_equal(install_files_remove_tree(path, NULL), ERROR_DIR_NOT_EMPTY);
    seam_replace(IMPORT_FindFirstFileW, NULL);
    expect_file(link, "file", "");
    assert_int_equal(install_files_remove_tree(path, NULL), ERROR_SUCCESS);
    for (size_t i = 0; i < 34; i++) {
        char *deeper = install_files_join(path, "d");
        assert_true(install_files_make_folder(path, "D:", &is_new, &failure));
        memory_free(path);
        path = deeper;
    }
    assert_int_equal(install_files_remove_tree(world.places.data, NULL), ERROR_DIR_NOT_EMPTY);
    memory_free(path);
    memory_free(link);
}

/* ---- The commands ---- */

static void test_command_install__refuses_names_that_are_no_part_of_paths(void **state)
{
    static const char *const wrong[] = {
        "",
        ".",
        "..",
        ".x",
        "x.",
        "-x",
        "--firewall",
        "a b",
        "a\"b",
        "a&b",
        "caf\xC3\xA9",
        "123456789012345678901234567890123456789012345678901234567890123456789012345678901"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct arguments arguments = {.options = {[OPTION_SERVICE] = wrong[i]}};
        struct streams streams;
        assert_false(install_places_is_name(wrong[i]));
        streams_open(&streams, world.folder);
        assert_int_equal(command_install_run(&arguments, &streams), EXIT_CODE_USAGE);
        assert_int_equal(command_uninstall_run(&arguments, &streams), EXIT_CODE_USAGE);
        streams_end(&streams, world.folder, world.printed, sizeof world.printed, world.complained,
                    sizeof world.complained);
        expect(world.complained, "this name is refused");
    }
    assert_true(install_places_is_name("PortListener-2.x_y"));
}

static HRESULT WINAPI no_folder(const GUID *id, DWORD flags, HANDLE token, PWSTR *path)
{
    (void)id, (void)flags, (void)token;
    *path = NULL;
    return HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND);
}

static FARPROC WINAPI get_no_folder(HMODULE module, LPCSTR name)
{
    return strcmp(name, "SHGetKnownFolderPath") == 0 ? (FARPROC)(void (*)(void))no_folder
                                                     : SEAM_REAL(GetProcAddress)(module, name);
}

/* Where this machine would have it: nothing is changed. */
static void test_command_install__finds_the_places_of_the_machine(void **state)
{
    struct install_places places = {.own = NULL};
    struct failure failure;
    (void)state;
    assert_true(install_places_find(&places, TEST_SERVICE, &failure));
    expect(places.program, ":\\Program Files\\PortListener");
    expect(places.data, ":\\ProgramData\\" TEST_SERVICE);
    expect(places.own, places.source);
    assert_true(install_places_are_of(&places, places.own));
    assert_false(install_places_are_of(&places, "C:\\Windows\\System32\\svchost.exe -k x"));
    assert_false(install_places_are_of(&places, NULL));
    install_places_free(&places);
    fault_arm(IMPORT_GetModuleFileNameW, 1, ERROR_INSUFFICIENT_BUFFER, 1);
    assert_false(install_places_find(&places, TEST_SERVICE, &failure));
    install_places_free(&places);
    for (uint32_t nth = 1; nth <= 4; nth++) {
        fault_arm(IMPORT_LoadLibraryExW, nth, ERROR_MOD_NOT_FOUND, 1);
        assert_false(install_places_find(&places, TEST_SERVICE, &failure));
        install_places_free(&places);
    }
    fault_clear();
    for (uint32_t nth = 1; nth == 1 || fault_hits() > 0; nth++) {
        fault_clear();
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        const bool is_found = install_places_find(&places, TEST_SERVICE, &failure);
        install_places_free(&places);
        assert_int_equal(is_found, fault_hits() == 0);
        assert_true(is_found ||
                    strcmp(failure.text, "the system does not tell where programs and their data go") == 0);
    }
    seam_replace(IMPORT_GetProcAddress, (seam_function)get_no_folder);
    assert_false(install_places_find(&places, TEST_SERVICE, &failure));
    install_places_free(&places);
    assert_false(install_places_have_texts("nothing.dll"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_installer__makes_the_hardened_registration, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__a_dry_run_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__goes_by_its_options, setup, teardown),
        cmocka_unit_test_setup_teardown(test_firewall__sets_a_rule_for_each_endpoint_and_protocol, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_firewall__changes_nothing_when_it_may_not_or_cannot, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_installer__sets_the_rules_of_the_firewall, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__takes_a_configuration_with_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__undoes_all_when_a_step_that_matters_fails, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_installer__goes_on_when_a_setting_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__needs_the_service_sid_for_a_shared_account, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_installer__without_rights_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__leaves_what_only_has_the_same_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__refuses_a_folder_that_others_can_change, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_installer__takes_a_configuration_where_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__needs_the_whole_archive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__upgrades_what_runs_and_starts_it_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_installer__an_upgrade_takes_the_service_from_localsystem, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_installer__an_upgrade_that_fails_leaves_the_old_one_running,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__an_upgrade_that_fails_gives_the_account_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_installer__a_dry_run_leaves_what_is_installed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__says_when_it_does_not_start_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__says_how_a_start_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__is_content_when_another_was_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__does_not_wait_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__waits_for_one_that_starts_or_stops, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__an_upgrade_must_know_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__without_memory_it_is_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__without_memory_a_dry_run_changes_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_installer__whatever_is_refused_it_is_all_or_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_installer__without_memory_an_upgrade_keeps_what_was_chosen,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__whatever_is_refused_an_upgrade_keeps_what_was_chosen,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__names_what_it_could_not_undo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__loses_nothing_of_an_upgrade_that_it_could_not_undo,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_uninstaller__takes_all_away_but_the_data, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uninstaller__removes_nothing_while_the_service_stays, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_uninstaller__names_what_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uninstaller__takes_what_upgrades_have_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_installer__upgrades_again_while_an_old_program_runs, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_uninstaller__leaves_files_in_use_to_the_next_start, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_uninstaller__follows_no_link, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uninstaller__leaves_the_data_of_another_program, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_uninstaller__a_dry_run_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uninstaller__without_memory_names_what_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uninstaller__whatever_is_refused_names_what_stays, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_uninstaller__knows_what_is_no_service_of_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uninstaller__keeps_the_program_for_another_to_remove, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_uninstaller__leaves_the_program_to_other_services, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_installer__where_only_administrators_can_change_things, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_installer__tells_why_a_folder_is_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_install_files__copies_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_install_files__what_is_not_there_needs_no_removal, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_install_files__removes_no_more_than_it_knows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_command_install__refuses_names_that_are_no_part_of_paths, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_command_install__finds_the_places_of_the_machine, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
