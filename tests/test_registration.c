/* SPDX-License-Identifier: MIT
   Tests of registration.h. What Windows answers of services is recorded here in the shape that its reference gives, as Wine
   keeps only some of it; at the end, what the system at hand answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "registration.h"
#include "support/fault.h"
#include "support/seam.h"
#include "support/support.h"

#define TEST_SERVICE "PortListenerTestRegistration"

static const struct registration_request request = {
    .service = "PortListener",
    .program = "C:\\Program Files\\PortListener\\portlistener.exe",
    .event_file = "C:\\Program Files\\PortListener\\portlistener-events.dll",
    .config_file = "C:\\ProgramData\\PortListener\\portlistener.ini",
    .drain_timeout = 10000};

/* What the fake service manager and registry have. */
static struct {
    const WCHAR *image;
    const WCHAR *account;
    DWORD start;
    const WCHAR *description;
    const WCHAR *privileges; /* as the system has them, a NUL behind each */
    SC_ACTION actions[10];
    DWORD action_count;
    DWORD reset_period;
    BOOL flag;
    DWORD sid;
    DWORD preshutdown;
    const WCHAR *event_file; /* NULL: none */
    const WCHAR *config_file;
    struct registration hardened, actual;
} world;

static WCHAR *text_of(const WCHAR *text)
{
    static WCHAR texts[8][512];
    static size_t next;
    WCHAR *copy = texts[next++ % 8];
    memcpy(copy, text, (wcslen(text) + 1) * sizeof *text);
    return copy;
}

static SC_HANDLE WINAPI open_manager(LPCWSTR machine, LPCWSTR database, DWORD access)
{
    (void)machine, (void)database;
    assert_int_equal(access, SC_MANAGER_CONNECT);
    return (SC_HANDLE)&world;
}

static SC_HANDLE WINAPI open_service(SC_HANDLE manager, LPCWSTR service, DWORD access)
{
    (void)manager, (void)service;
    assert_int_equal(access, SERVICE_QUERY_CONFIG);
    return (SC_HANDLE)&world.actual;
}

static BOOL WINAPI close_handle(SC_HANDLE handle)
{
    (void)handle;
    return TRUE;
}

static BOOL WINAPI query_config(SC_HANDLE service, LPQUERY_SERVICE_CONFIGW config, DWORD room, LPDWORD needed)
{
    (void)service;
    *needed = 0;
    assert_int_equal(room, 8192);
    *config = (QUERY_SERVICE_CONFIGW){.dwServiceType = SERVICE_WIN32_OWN_PROCESS,
                                      .dwStartType = world.start,
                                      .lpBinaryPathName = text_of(world.image),
                                      .lpServiceStartName = text_of(world.account),
                                      .lpDisplayName = text_of(L"PortListener")};
    return TRUE;
}

static BOOL WINAPI query_config2(SC_HANDLE service, DWORD level, LPBYTE at, DWORD room, LPDWORD needed)
{
    void *place = at;
    (void)service;
    *needed = 0;
    assert_int_equal(room, 8192);
    switch (level) {
    case SERVICE_CONFIG_DESCRIPTION:
        ((SERVICE_DESCRIPTIONW *)place)->lpDescription =
            world.description != NULL ? text_of(world.description) : NULL;
        return TRUE;
    case SERVICE_CONFIG_FAILURE_ACTIONS:
        *(SERVICE_FAILURE_ACTIONSW *)place = (SERVICE_FAILURE_ACTIONSW){.dwResetPeriod = world.reset_period,
                                                                        .cActions = world.action_count,
                                                                        .lpsaActions = world.actions};
        return TRUE;
    case SERVICE_CONFIG_FAILURE_ACTIONS_FLAG:
        ((SERVICE_FAILURE_ACTIONS_FLAG *)place)->fFailureActionsOnNonCrashFailures = world.flag;
        return TRUE;
    case SERVICE_CONFIG_SERVICE_SID_INFO:
        ((SERVICE_SID_INFO *)place)->dwServiceSidType = world.sid;
        return TRUE;
    case SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO: {
        static WCHAR list[128];
        size_t length = 0;
        while (world.privileges != NULL &&
               (world.privileges[length] != L'\0' || world.privileges[length + 1] != L'\0')) {
            list[length] = world.privileges[length];
            length++;
        }
        list[length] = list[length + 1] = L'\0';
        ((SERVICE_REQUIRED_PRIVILEGES_INFOW *)place)->pmszRequiredPrivileges =
            world.privileges != NULL ? list : NULL;
        return TRUE;
    }
    case SERVICE_CONFIG_PRESHUTDOWN_INFO:
        ((SERVICE_PRESHUTDOWN_INFO *)place)->dwPreshutdownTimeout = world.preshutdown;
        return TRUE;
    default:
        fail_msg("level %lu", (unsigned long)level);
        return FALSE;
    }
}

static LSTATUS WINAPI get_value(HKEY key, LPCWSTR path, LPCWSTR name, DWORD flags, LPDWORD type, PVOID data,
                                LPDWORD length)
{
    const bool is_source =
        wcscmp(path, L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\PortListener") == 0;
    const WCHAR *value = is_source ? world.event_file : world.config_file;
    assert_null(type);
    assert_ptr_equal(key, HKEY_LOCAL_MACHINE);
    assert_true(is_source ? wcscmp(name, L"EventMessageFile") == 0 : wcscmp(name, L"ConfigFile") == 0);
    assert_true(is_source ||
                wcscmp(path, L"SYSTEM\\CurrentControlSet\\Services\\PortListener\\Parameters") == 0);
    assert_true((flags & RRF_NOEXPAND) != 0);
    if (value == NULL) {
        return ERROR_FILE_NOT_FOUND;
    }
    *length = (DWORD)((wcslen(value) + 1) * sizeof *value);
    memcpy(data, value, *length);
    return ERROR_SUCCESS;
}

/* As the installation leaves it. */
static void be_hardened(void)
{
    static const DWORD delays[] = {1000, 5000, 30000};
    world.image = L"\"C:\\Program Files\\PortListener\\portlistener.exe\" service --config "
                  L"\"C:\\ProgramData\\PortListener\\portlistener.ini\"";
    world.account = L"NT SERVICE\\PortListener";
    world.start = SERVICE_AUTO_START;
    world.description =
        L"Listens on the TCP and UDP ports that C:\\ProgramData\\PortListener\\portlistener.ini names.";
    world.privileges = L"SeChangeNotifyPrivilege\0";
    world.action_count = 3;
    for (size_t i = 0; i < 3; i++) {
        world.actions[i] = (SC_ACTION){SC_ACTION_RESTART, delays[i]};
    }
    world.reset_period = 86400;
    world.flag = FALSE;
    world.sid = 1;
    world.preshutdown = 15000;
    world.event_file = L"C:\\Program Files\\PortListener\\portlistener-events.dll";
    world.config_file = L"C:\\ProgramData\\PortListener\\portlistener.ini";
}

static void be_recorded(void)
{
    seam_replace(IMPORT_OpenSCManagerW, (seam_function)open_manager);
    seam_replace(IMPORT_OpenServiceW, (seam_function)open_service);
    seam_replace(IMPORT_CloseServiceHandle, (seam_function)close_handle);
    seam_replace(IMPORT_QueryServiceConfigW, (seam_function)query_config);
    seam_replace(IMPORT_QueryServiceConfig2W, (seam_function)query_config2);
    seam_replace(IMPORT_RegGetValueW, (seam_function)get_value);
}

static int setup(void **state)
{
    memset(&world, 0, sizeof world);
    be_hardened();
    if (support_setup(state) != 0) {
        return -1;
    }
    be_recorded();
    assert_true(registration_make(&request, &world.hardened));
    return 0;
}

static int teardown(void **state)
{
    fault_clear();
    registration_fini(&world.hardened);
    registration_fini(&world.actual);
    return support_teardown(state);
}

static void read_again(void)
{
    struct failure failure;
    registration_fini(&world.actual);
    if (!registration_read("PortListener", &world.actual, &failure)) {
        fail_msg("%s", failure.text);
    }
}

static void expect_verdict(enum registration_part part, enum registration_verdict verdict)
{
    const enum registration_verdict judged = registration_judge(part, &world.actual, &world.hardened);
    if (judged != verdict) {
        fail_msg("%s is judged %d, not %d", registration_name(part), (int)judged, (int)verdict);
    }
}

/* All parts are the same but this one. */
static void expect_only(enum registration_part part, enum registration_verdict verdict)
{
    read_again();
    for (enum registration_part i = REGISTRATION_IMAGE; i < REGISTRATION_PART_COUNT; i++) {
        expect_verdict(i, i == part ? verdict : REGISTRATION_SAME);
    }
    be_hardened();
}

/* ---- The hardened one ---- */

static void test_registration__hardened_is_what_the_contract_says(void **state)
{
    (void)state;
    const struct registration *made = &world.hardened;
    assert_string_equal(made->image, "\"C:\\Program Files\\PortListener\\portlistener.exe\" service --config "
                                     "\"C:\\ProgramData\\PortListener\\portlistener.ini\"");
    assert_string_equal(made->account, "NT SERVICE\\PortListener");
    assert_string_equal(made->display_name, "PortListener");
    assert_int_equal(made->start, SERVICE_AUTO_START);
    assert_int_equal(made->sid, REGISTRATION_SID_UNRESTRICTED);
    assert_string_equal(made->privileges, "SeChangeNotifyPrivilege");
    assert_int_equal(made->restart_count, 3);
    assert_int_equal(made->restart_delays[0], 1000);
    assert_int_equal(made->restart_delays[1], 5000);
    assert_int_equal(made->restart_delays[2], 30000);
    assert_int_equal(made->reset_period, 86400);
    assert_false(made->restarts_after_errors);
    assert_int_equal(made->preshutdown, 15000);
    assert_string_equal(made->config_file, request.config_file);
}

static void test_registration__takes_another_account_and_a_long_drain(void **state)
{
    struct registration made;
    struct registration_request other = request;
    (void)state;
    other.account = "NT AUTHORITY\\LocalService";
    other.drain_timeout = UINT64_MAX - 5000;
    assert_true(registration_make(&other, &made));
    assert_string_equal(made.account, "NT AUTHORITY\\LocalService");
    assert_int_equal(made.preshutdown, UINT32_MAX);
    registration_fini(&made);
}

static void test_registration__without_memory_makes_nothing(void **state)
{
    (void)state;
    fault_clear();
    struct registration made;
    assert_true(registration_make(&request, &made));
    registration_fini(&made);
    const uint32_t calls = fault_calls(IMPORT_HeapAlloc);
    assert_true(calls >= 7);
    for (uint32_t i = 1; i <= calls; i++) {
        fault_clear();
        fault_arm(IMPORT_HeapAlloc, i, 0, 1);
        assert_false(registration_make(&request, &made));
        registration_fini(&made);
    }
}

/* ---- Reading and judging ---- */

static void test_registration__what_install_leaves_is_hardened(void **state)
{
    (void)state;
    expect_only(REGISTRATION_PART_COUNT, REGISTRATION_SAME);
    world.image = L"\"c:\\program files\\portlistener\\PORTLISTENER.exe\" service --config "
                  L"\"C:\\ProgramData\\PortListener\\portlistener.ini\"";
    world.account = L"nt service\\portlistener";
    expect_only(REGISTRATION_PART_COUNT, REGISTRATION_SAME);
}

static void test_registration__judges_each_part_alone(void **state)
{
    (void)state;
    world.image = L"C:\\Program Files\\PortListener\\portlistener.exe service";
    expect_only(REGISTRATION_IMAGE, REGISTRATION_WEAKER);
    world.image = L"\"D:\\tools\\portlistener.exe\" service";
    expect_only(REGISTRATION_IMAGE, REGISTRATION_DIFFERENT);
    static const WCHAR *const systems[] = {L"LocalSystem", L".\\localsystem", L"NT AUTHORITY\\SYSTEM",
                                           L"system", L""};
    for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++) {
        world.account = systems[i];
        expect_only(REGISTRATION_ACCOUNT, REGISTRATION_WEAKER);
    }
    world.account = L"NT AUTHORITY\\LocalService";
    expect_only(REGISTRATION_ACCOUNT, REGISTRATION_DIFFERENT);
    world.start = SERVICE_DEMAND_START;
    expect_only(REGISTRATION_START, REGISTRATION_DIFFERENT);
    world.sid = 0;
    expect_only(REGISTRATION_SID, REGISTRATION_WEAKER);
    world.sid = 3;
    expect_only(REGISTRATION_SID, REGISTRATION_DIFFERENT);
    world.privileges = NULL;
    expect_only(REGISTRATION_PRIVILEGES, REGISTRATION_WEAKER);
    world.privileges = L"SeDebugPrivilege\0SeChangeNotifyPrivilege\0";
    expect_only(REGISTRATION_PRIVILEGES, REGISTRATION_DIFFERENT);
    assert_string_equal(world.actual.privileges, "SeDebugPrivilege,SeChangeNotifyPrivilege");
    world.description = NULL;
    expect_only(REGISTRATION_DESCRIPTION, REGISTRATION_DIFFERENT);
    world.flag = TRUE;
    expect_only(REGISTRATION_RESTART_SCOPE, REGISTRATION_WEAKER);
    world.preshutdown = 14999;
    expect_only(REGISTRATION_PRESHUTDOWN, REGISTRATION_WEAKER);
    world.preshutdown = 180000;
    expect_only(REGISTRATION_PRESHUTDOWN, REGISTRATION_DIFFERENT);
    world.event_file = NULL;
    expect_only(REGISTRATION_EVENT_SOURCE, REGISTRATION_WEAKER);
    world.event_file = L"%SystemRoot%\\other.dll";
    expect_only(REGISTRATION_EVENT_SOURCE, REGISTRATION_DIFFERENT);
    world.config_file = NULL;
    expect_only(REGISTRATION_CONFIG_FILE, REGISTRATION_WEAKER);
}

static void test_registration__counts_the_restarts(void **state)
{
    (void)state;
    world.action_count = 0;
    expect_only(REGISTRATION_RESTARTS, REGISTRATION_WEAKER);
    world.actions[0].Type = SC_ACTION_NONE;
    expect_only(REGISTRATION_RESTARTS, REGISTRATION_WEAKER);
    world.actions[1].Type = SC_ACTION_REBOOT;
    expect_only(REGISTRATION_RESTARTS, REGISTRATION_DIFFERENT);
    assert_int_equal(world.actual.restart_count, 1);
    world.actions[2].Delay = 60000;
    expect_only(REGISTRATION_RESTARTS, REGISTRATION_DIFFERENT);
    world.reset_period = INFINITE;
    expect_only(REGISTRATION_RESTARTS, REGISTRATION_DIFFERENT);
    for (size_t i = 0; i < 10; i++) {
        world.actions[i] = (SC_ACTION){SC_ACTION_RESTART, 1};
    }
    world.action_count = 10;
    expect_only(REGISTRATION_RESTARTS, REGISTRATION_DIFFERENT);
    assert_int_equal(world.actual.restart_count, REGISTRATION_RESTARTS_MAX);
}

/* Each call fails in turn: that part is unknown, the others are told. */
static void test_registration__what_cannot_be_read_is_unknown(void **state)
{
    static const enum registration_part levels[] = {REGISTRATION_DESCRIPTION,   REGISTRATION_RESTARTS,
                                                    REGISTRATION_RESTART_SCOPE, REGISTRATION_SID,
                                                    REGISTRATION_PRIVILEGES,    REGISTRATION_PRESHUTDOWN};
    static const enum registration_part values[] = {REGISTRATION_EVENT_SOURCE, REGISTRATION_CONFIG_FILE};
    (void)state;
    for (uint32_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        fault_clear();
        fault_arm(IMPORT_QueryServiceConfig2W, i + 1, ERROR_INVALID_LEVEL, 1);
        expect_only(levels[i], REGISTRATION_UNKNOWN);
        assert_int_equal(world.actual.errors[levels[i]], ERROR_INVALID_LEVEL);
    }
    for (uint32_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        fault_clear();
        fault_arm(IMPORT_RegGetValueW, i + 1, ERROR_ACCESS_DENIED, 1);
        expect_only(values[i], REGISTRATION_UNKNOWN);
    }
    fault_clear();
    fault_arm(IMPORT_QueryServiceConfigW, 1, ERROR_ACCESS_DENIED, 1);
    read_again();
    expect_verdict(REGISTRATION_IMAGE, REGISTRATION_UNKNOWN);
    expect_verdict(REGISTRATION_ACCOUNT, REGISTRATION_UNKNOWN);
    expect_verdict(REGISTRATION_START, REGISTRATION_UNKNOWN);
    expect_verdict(REGISTRATION_DISPLAY_NAME, REGISTRATION_UNKNOWN);
    expect_verdict(REGISTRATION_SID, REGISTRATION_SAME);
}

static void expect_failure(enum import import, DWORD error, enum exit_code code, const char *part)
{
    struct failure failure;
    fault_clear();
    registration_fini(&world.actual);
    fault_arm(import, 1, error, 1);
    assert_false(registration_read("PortListener", &world.actual, &failure));
    registration_fini(&world.actual);
    assert_int_equal(failure.code, code);
    assert_int_equal(failure.win32_error, error);
    if (strstr(failure.text, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, failure.text);
    }
}

static void test_registration__tells_why_there_is_none(void **state)
{
    (void)state;
    expect_failure(IMPORT_OpenServiceW, ERROR_SERVICE_DOES_NOT_EXIST, EXIT_CODE_FAILED,
                   "there is no service PortListener");
    expect_failure(IMPORT_OpenServiceW, ERROR_ACCESS_DENIED, EXIT_CODE_ACCESS_DENIED, "run elevated");
    expect_failure(IMPORT_OpenSCManagerW, RPC_S_SERVER_UNAVAILABLE, EXIT_CODE_FAILED, "error 1722");
}

static void test_registration__without_memory_says_so_or_knows_less(void **state)
{
    struct failure failure;
    (void)state;
    fault_clear();
    read_again();
    const uint32_t calls = fault_calls(IMPORT_HeapAlloc);
    unsigned refused = 0;
    for (uint32_t i = 1; i <= calls; i++) {
        fault_clear();
        registration_fini(&world.actual);
        fault_arm(IMPORT_HeapAlloc, i, 0, 1);
        if (!registration_read("PortListener", &world.actual, &failure)) {
            assert_string_equal(failure.text, "out of memory");
            refused++;
        }
        unsigned unknown = 0;
        for (enum registration_part part = REGISTRATION_IMAGE; part < REGISTRATION_PART_COUNT; part++) {
            unknown += world.actual.errors[part] == ERROR_NOT_ENOUGH_MEMORY;
        }
        assert_true(unknown <= 1);
    }
    assert_int_equal(refused, 2); /* the room for answers, the name */
}

/* ---- Parts of a command line, and words ---- */

static void test_registration__finds_the_program_of_a_command_line(void **state)
{
    static const struct {
        const char *image, *program;
        bool is_quoted;
    } rows[] = {{"\"C:\\a b\\x.exe\" service", "C:\\a b\\x.exe", true},
                {"C:\\a b\\x.exe service", "C:\\a b\\x.exe", false},
                {"C:\\ab\\x.exe service", "C:\\ab\\x.exe", true},
                {"C:\\a b\\X.EXE", "C:\\a b\\X.EXE", false},
                {"C:\\x.executable\\y.exe z", "C:\\x.executable\\y.exe", true},
                {"C:\\ab\\x service --config \"C:\\a b\"", "C:\\ab\\x", true},
                {"\"C:\\a b", "C:\\a b", true},
                {"", "", true},
                {".ex", ".ex", true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *program = registration_program(rows[i].image);
        assert_string_equal(program, rows[i].program);
        HeapFree(GetProcessHeap(), 0, program);
        assert_int_equal(registration_is_quoted(rows[i].image), rows[i].is_quoted);
    }
}

static void test_registration__knows_the_account_of_its_own(void **state)
{
    (void)state;
    assert_true(registration_has_own_account("PortListener", "nt service\\PORTLISTENER"));
    assert_false(registration_has_own_account("PortListener", "NT SERVICE\\Other"));
    assert_false(registration_has_own_account("PortListener", "NT SERVICE"));
    assert_false(registration_has_own_account("PortListener", "LocalSystem"));
}

static void test_registration__has_words_for_every_part(void **state)
{
    static const char *const words[REGISTRATION_PART_COUNT] = {
        [REGISTRATION_ACCOUNT] = "NT SERVICE\\PortListener",
        [REGISTRATION_START] = "automatic",
        [REGISTRATION_SID] = "unrestricted",
        [REGISTRATION_PRIVILEGES] = "SeChangeNotifyPrivilege",
        [REGISTRATION_RESTARTS] =
            "after 1000 ms, 5000 ms, 30000 ms; the first again after 86400 s without a crash",
        [REGISTRATION_RESTART_SCOPE] = "yes",
        [REGISTRATION_PRESHUTDOWN] = "15000 ms",
    };
    static const struct {
        struct registration registration;
        enum registration_part part;
        const char *words;
    } others[] = {
        {{.start = SERVICE_DEMAND_START}, REGISTRATION_START, "manual"},
        {{.start = SERVICE_DISABLED}, REGISTRATION_START, "disabled"},
        {{.start = SERVICE_BOOT_START}, REGISTRATION_START, "of another kind"},
        {{.sid = REGISTRATION_SID_RESTRICTED}, REGISTRATION_SID, "restricted"},
        {{.sid = REGISTRATION_SID_NONE}, REGISTRATION_SID, "none"},
        {{.account = NULL}, REGISTRATION_ACCOUNT, "none"},
        {{.restart_count = 0}, REGISTRATION_RESTARTS, "none"},
        {{.restarts_after_errors = true}, REGISTRATION_RESTART_SCOPE, "no: after errors of its own too"},
    };
    static const struct registration nothing = {.restarts_after_errors = true, .start = SERVICE_DISABLED};
    char room[512];
    struct text text;
    (void)state;
    for (enum registration_part part = REGISTRATION_IMAGE; part < REGISTRATION_PART_COUNT; part++) {
        assert_non_null(registration_name(part));
        text_init(&text, room, sizeof room);
        registration_add_value(&text, part, &world.hardened);
        assert_true(text.length > 0);
        if (words[part] != NULL) {
            assert_string_equal(room, words[part]);
        }
        text_init(&text, room, sizeof room);
        registration_add_value(&text, part, &nothing);
        assert_true(text.length > 0);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        text_init(&text, room, sizeof room);
        registration_add_value(&text, others[i].part, &others[i].registration);
        assert_string_equal(room, others[i].words);
    }
}

/* ---- The system at hand ---- */

static void test_registration__reads_a_real_service(void **state)
{
    (void)state;
    seam_restore();
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CREATE_SERVICE);
    if (manager == NULL) {
        print_message("SKIPPED in part: services cannot be created here, error %lu\n",
                      (unsigned long)GetLastError());
        return;
    }
    SC_HANDLE service = CreateServiceW(manager, L"" TEST_SERVICE, L"A name", SERVICE_CHANGE_CONFIG | DELETE,
                                       SERVICE_WIN32_OWN_PROCESS, SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL,
                                       L"C:\\no where\\x.exe service", NULL, NULL, NULL, NULL, NULL);
    struct failure failure;
    SERVICE_PRESHUTDOWN_INFO preshutdown = {.dwPreshutdownTimeout = 12345};
    assert_non_null(service);
    ChangeServiceConfig2W(service, SERVICE_CONFIG_PRESHUTDOWN_INFO, &preshutdown);
    const bool is_read = registration_read(TEST_SERVICE, &world.actual, &failure);
    DeleteService(service);
    CloseServiceHandle(service);
    CloseServiceHandle(manager);
    assert_true(is_read);
    assert_string_equal(world.actual.image, "C:\\no where\\x.exe service");
    assert_string_equal(world.actual.display_name, "A name");
    assert_int_equal(world.actual.start, SERVICE_DEMAND_START);
    assert_int_equal(world.actual.preshutdown, 12345);
    assert_null(world.actual.config_file);
    expect_verdict(REGISTRATION_IMAGE, REGISTRATION_WEAKER);
    expect_verdict(REGISTRATION_ACCOUNT, REGISTRATION_WEAKER);
    expect_verdict(REGISTRATION_CONFIG_FILE, REGISTRATION_WEAKER);
    registration_fini(&world.actual);
    assert_false(registration_read(TEST_SERVICE, &world.actual, &failure));
    assert_int_equal(failure.win32_error, ERROR_SERVICE_DOES_NOT_EXIST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_registration__hardened_is_what_the_contract_says, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_registration__takes_another_account_and_a_long_drain, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_registration__without_memory_makes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registration__what_install_leaves_is_hardened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registration__judges_each_part_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registration__counts_the_restarts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registration__what_cannot_be_read_is_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registration__tells_why_there_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registration__without_memory_says_so_or_knows_less, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_registration__finds_the_program_of_a_command_line, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_registration__knows_the_account_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registration__has_words_for_every_part, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registration__reads_a_real_service, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
