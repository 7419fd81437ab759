/* SPDX-License-Identifier: MIT
   Tests of command_check.c and the parts of the check: what it prints and returns, with sockets, a service and rights that
   are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/file_trust.h"
#include "base/memory.h"
#include "base/utf16.h"
#include "check.h"
#include "commands.h"
#include "control_pipe.h"
#include "loaded_config.h"
#include "pipe_access.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/plugin_folders.h"
#include "support/program.h"
#include "support/registry_key.h"
#include "support/seam.h"
#include "support/streams.h"
#include "support/support.h"
#include "trust.h"

#define SERVICE      "PortListenerTestCheck"
#define PORT(number) ((DWORD)((number) >> 8 | ((number)&0xFF) << 8))
#define LOOPBACK     0x0100007F

enum { HOLDER = 7777 };

static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    char *file;
    struct streams streams;
    bool is_strict, is_json, is_registered, is_hardened, has_rights, denies_rights;
    DWORD start, delayed;
    const WCHAR *event_file; /* of the event source; NULL: there is none */
    uint16_t held;           /* a port that the table has, 0: none */
    SOCKET holder;           /* and who has it */
    DWORD holder_pid;        /* as the table tells, 0: not */
    const char *says;        /* of that port, in the status of the service; NULL: not that it is running */
    bool answers_with_error;
    unsigned asked;
    unsigned waited;    /* seconds for an answer */
    DWORD service_pid;  /* 0: it does not run */
    const WCHAR *image; /* of the registration */
    char printed[32768], complained[4096];
} world;

/* ---- What Windows would answer ---- */

/* Its types are given. NOLINTBEGIN(readability-non-const-parameter) */

static DWORD WINAPI tcp_table(PVOID table, PDWORD size, BOOL order, ULONG family, TCP_TABLE_CLASS kind,
                              ULONG reserved)
{
    const MIB_TCPROW_OWNER_PID row = {.dwState = MIB_TCP_STATE_LISTEN,
                                      .dwLocalAddr = LOOPBACK,
                                      .dwLocalPort = PORT(world.held),
                                      .dwOwningPid = world.holder_pid};
    const DWORD count = family == AF_INET && world.held != 0;
    (void)order, (void)kind, (void)reserved;
    memset(table, 0, *size);
    memcpy(table, &count, sizeof count);
    memcpy((char *)table + offsetof(MIB_TCPTABLE_OWNER_PID, table), &row, sizeof row);
    return NO_ERROR;
}

static DWORD WINAPI udp_table(PVOID table, PDWORD size, BOOL order, ULONG family, UDP_TABLE_CLASS kind,
                              ULONG reserved)
{
    (void)order, (void)family, (void)kind, (void)reserved;
    memset(table, 0, *size);
    return NO_ERROR;
}

static FARPROC WINAPI find_function(HMODULE library, LPCSTR name)
{
    return strcmp(name, "GetExtendedTcpTable") == 0   ? (FARPROC)(void (*)(void))tcp_table
           : strcmp(name, "GetExtendedUdpTable") == 0 ? (FARPROC)(void (*)(void))udp_table
           : strcmp(name, "wine_get_version") == 0 && world.has_rights
               ? NULL
               : SEAM_REAL(GetProcAddress)(library, name);
}

static BOOL WINAPI enum_services(SC_HANDLE manager, SC_ENUM_TYPE level, DWORD type, DWORD state, LPBYTE at,
                                 DWORD room, LPDWORD needed, LPDWORD count, LPDWORD resume, LPCWSTR group)
{
    static WCHAR name[] = L"portlistenertestcheck";
    (void)manager, (void)level, (void)type, (void)state, (void)room, (void)needed, (void)resume, (void)group;
    *count = world.service_pid != 0;
    *(ENUM_SERVICE_STATUS_PROCESSW *)(void *)at = (ENUM_SERVICE_STATUS_PROCESSW){
        .lpServiceName = name, .ServiceStatusProcess = {.dwProcessId = world.service_pid}};
    return TRUE;
}

static SC_HANDLE WINAPI open_manager(LPCWSTR machine, LPCWSTR database, DWORD access)
{
    (void)machine, (void)database, (void)access;
    return (SC_HANDLE)&world;
}

static SC_HANDLE WINAPI open_service(SC_HANDLE manager, LPCWSTR service, DWORD access)
{
    (void)manager, (void)service, (void)access;
    SetLastError(ERROR_SERVICE_DOES_NOT_EXIST);
    return world.is_registered ? (SC_HANDLE)&world.held : NULL;
}

static BOOL WINAPI close_handle(SC_HANDLE handle)
{
    (void)handle;
    return TRUE;
}

static BOOL WINAPI query_config(SC_HANDLE service, LPQUERY_SERVICE_CONFIGW config, DWORD room, LPDWORD needed)
{
    static WCHAR image[PROGRAM_PATH_MAX], account[] = L"LocalSystem", own[] = L"NT SERVICE\\" SERVICE,
                                          shown[] = L"Test";
    (void)service, (void)room, (void)needed;
    wcscpy(image, world.image);
    *config = (QUERY_SERVICE_CONFIGW){.dwServiceType = SERVICE_WIN32_OWN_PROCESS,
                                      .dwStartType = world.start,
                                      .lpBinaryPathName = image,
                                      .lpServiceStartName = world.is_hardened ? own : account,
                                      .lpDisplayName = shown};
    return TRUE;
}

/* As the installation leaves it. */
static void harden(DWORD level, void *at)
{
    static WCHAR description[] = L"Listens.", privileges[] = L"SeChangeNotifyPrivilege\0";
    static SC_ACTION restart = {SC_ACTION_RESTART, 1000};
    if (level == SERVICE_CONFIG_DESCRIPTION) {
        ((SERVICE_DESCRIPTIONW *)at)->lpDescription = description;
    } else if (level == SERVICE_CONFIG_FAILURE_ACTIONS) {
        *(SERVICE_FAILURE_ACTIONSW *)at = (SERVICE_FAILURE_ACTIONSW){.cActions = 1, .lpsaActions = &restart};
    } else if (level == SERVICE_CONFIG_SERVICE_SID_INFO) {
        ((SERVICE_SID_INFO *)at)->dwServiceSidType = 1;
    } else if (level == SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO) {
        ((SERVICE_REQUIRED_PRIVILEGES_INFOW *)at)->pmszRequiredPrivileges = privileges;
    } else if (level == SERVICE_CONFIG_PRESHUTDOWN_INFO) {
        ((SERVICE_PRESHUTDOWN_INFO *)at)->dwPreshutdownTimeout = 15000;
    }
}

static BOOL WINAPI query_config2(SC_HANDLE service, DWORD level, LPBYTE at, DWORD room, LPDWORD needed)
{
    (void)service, (void)needed;
    memset(at, 0, room);
    if (level == SERVICE_CONFIG_DELAYED_AUTO_START_INFO) {
        memcpy(at, &world.delayed, sizeof world.delayed);
    } else if (world.is_hardened) {
        harden(level, at);
    }
    return TRUE;
}

static DWORD WINAPI get_security(HANDLE handle, SE_OBJECT_TYPE type, SECURITY_INFORMATION parts, PSID *owner,
                                 PSID *group, PACL *dacl, PACL *sacl, PSECURITY_DESCRIPTOR *descriptor)
{
    static const SID everyone = {SID_REVISION, 1, {SECURITY_WORLD_SID_AUTHORITY}, {SECURITY_WORLD_RID}};
    (void)handle, (void)type, (void)parts, (void)owner, (void)group, (void)dacl, (void)sacl;
    if (world.denies_rights) {
        return ERROR_ACCESS_DENIED;
    }
    /* self-relative: the owner is everyone, so everything is at fault */
    SECURITY_DESCRIPTOR_RELATIVE *made = LocalAlloc(LMEM_ZEROINIT, sizeof *made + sizeof everyone);
    assert_non_null(made);
    made->Revision = SECURITY_DESCRIPTOR_REVISION;
    made->Control = SE_SELF_RELATIVE;
    made->Owner = sizeof *made;
    memcpy(made + 1, &everyone, sizeof everyone);
    *descriptor = made;
    return ERROR_SUCCESS;
}

static LSTATUS WINAPI get_value(HKEY key, LPCWSTR path, LPCWSTR name, DWORD flags, LPDWORD type, PVOID data,
                                LPDWORD length)
{
    if (wcscmp(name, L"EventMessageFile") != 0) {
        return SEAM_REAL(RegGetValueW)(key, path, name, flags, type, data, length);
    }
    if (world.event_file == NULL) {
        return ERROR_FILE_NOT_FOUND;
    }
    wcscpy(data, world.event_file);
    *length = (DWORD)((wcslen(world.event_file) + 1) * sizeof(WCHAR));
    return ERROR_SUCCESS;
}

/* The rules of the firewall are for others. */
static LSTATUS WINAPI open_key(HKEY key, LPCWSTR path, DWORD options, REGSAM access, PHKEY opened)
{
    return wcsstr(path, L"\\FirewallRules") != NULL
               ? ERROR_ACCESS_DENIED
               : SEAM_REAL(RegOpenKeyExW)(key, path, options, access, opened);
}

/* NOLINTEND(readability-non-const-parameter) */

/* ---- Running it ---- */

static void write_file(const char *contents)
{
    WCHAR path[PROGRAM_PATH_MAX];
    memory_free(world.file);
    program_write(world.folder, L"test.ini", contents, path);
    world.file = utf16_to_utf8(path);
    assert_non_null(world.file);
}

static int setup(void **state)
{
    memset(&world, 0, sizeof world);
    world.holder = INVALID_SOCKET;
    world.holder_pid = HOLDER;
    if (support_setup(state) != 0) {
        return -1;
    }
    program_folder(world.folder);
    write_file("[endpoint echo]\nlisten = tcp://127.0.0.1:17007\nhandler = echo\n");
    world.image = L"C:\\Program Files\\PL\\portlistener.exe";
    world.start = SERVICE_AUTO_START;
    seam_replace(IMPORT_GetProcAddress, (seam_function)find_function);
    seam_replace(IMPORT_EnumServicesStatusExW, (seam_function)enum_services);
    seam_replace(IMPORT_OpenSCManagerW, (seam_function)open_manager);
    seam_replace(IMPORT_OpenServiceW, (seam_function)open_service);
    seam_replace(IMPORT_CloseServiceHandle, (seam_function)close_handle);
    seam_replace(IMPORT_QueryServiceConfigW, (seam_function)query_config);
    seam_replace(IMPORT_QueryServiceConfig2W, (seam_function)query_config2);
    seam_replace(IMPORT_RegGetValueW, (seam_function)get_value);
    fault_arm(IMPORT_CreateProcessW, 1, ERROR_FILE_NOT_FOUND, FAULT_FOREVER); /* netsh */
    return 0;
}

static int teardown(void **state)
{
    fault_clear();
    memory_free(world.file);
    registry_key_remove(SERVICE);
    program_remove(world.folder);
    return support_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static enum exit_code check(void)
{
    const struct arguments arguments = {.options = {[OPTION_CONFIG] = world.file,
                                                    [OPTION_SERVICE] = SERVICE,
                                                    [OPTION_STRICT] = world.is_strict ? "--strict" : NULL,
                                                    [OPTION_JSON] = world.is_json ? "--json" : NULL}};
    streams_open(&world.streams, world.folder);
    const enum exit_code code = command_check_run(&arguments, &world.streams);
    streams_end(&world.streams, world.folder, world.printed, sizeof world.printed, world.complained,
                sizeof world.complained);
    return code;
}

static void expect(const char *part)
{
    if (strstr(world.printed, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, world.printed);
    }
}

static void expect_not(const char *part)
{
    if (strstr(world.printed, part) != NULL) {
        fail_msg("\"%s\" is in: %s", part, world.printed);
    }
}

/* ---- Binds ---- */

static void hold_port(void)
{
    WSADATA data;
    SOCKADDR_IN address = {.sin_family = AF_INET, .sin_addr.s_addr = LOOPBACK};
    int length = sizeof address;
    char ini[128];
    assert_int_equal(WSAStartup(MAKEWORD(2, 2), &data), 0);
    world.holder = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_int_equal(bind(world.holder, (const SOCKADDR *)&address, sizeof address), 0);
    assert_int_equal(listen(world.holder, 1), 0);
    assert_int_equal(getsockname(world.holder, (SOCKADDR *)&address, &length), 0);
    world.held = ntohs(address.sin_port);
    snprintf(ini, sizeof ini, "[endpoint echo]\nlisten = tcp://127.0.0.1:%u\nhandler = echo\n",
             (unsigned)world.held);
    write_file(ini);
}

static void let_go(void)
{
    closesocket(world.holder);
    WSACleanup();
}

static void test_command_check__names_who_holds_a_port(void **state)
{
    (void)state;
    hold_port();
    assert_int_equal(check(), EXIT_CODE_BIND);
    expect("error    endpoint echo, tcp://127.0.0.1:");
    expect("(bind-held)");
    expect("process 7777");
    world.is_json = true;
    assert_int_equal(check(), EXIT_CODE_BIND);
    expect("\"id\": \"bind-held\", \"subject\": \"endpoint echo, tcp://127.0.0.1:");
    expect("\"exit_code\": 4}");
    let_go();
}

/* The service runs, and it is its port. */
static void test_command_check__what_the_service_has_counts_as_bound(void **state)
{
    (void)state;
    hold_port();
    world.service_pid = HOLDER;
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect_not("(bind-held");
    expect("note     service " SERVICE " (bind-by-service)");
    expect("process 7777 runs as this service and has 1 of the addresses");
    world.service_pid = HOLDER + 1;
    assert_int_equal(check(), EXIT_CODE_BIND);
    expect_not("(bind-by-service)");
    let_go();
}

/* ---- Where the system does not tell whose a socket is ---- */

static enum exit_code answer_status(void *context, const struct control_request *request,
                                    struct control_answer *answer)
{
    (void)context;
    assert_int_equal(request->count, 2);
    assert_string_equal(request->words[0], "status");
    assert_string_equal(request->words[1], "--json");
    world.asked++;
    control_answer_format(answer, CONTROL_OUT,
                          "{\"endpoints\": [{\"name\": \"echo\", \"listeners\": [%s]}]}\n", world.says);
    return world.answers_with_error ? EXIT_CODE_FAILED : EXIT_CODE_DONE;
}

/* What "check" makes of it when the service says this of the port that cannot be bound. `says`: PORT stands for it. */
static enum exit_code check_beside(const char *says)
{
    const struct control_pipe_options options = {.service = SERVICE, .answer = answer_status};
    const char *port = strstr(says, "PORT");
    char room[512];
    struct text text;
    struct failure failure;
    text_init(&text, room, sizeof room);
    text_add(&text, says, port != NULL ? (size_t)(port - says) : strlen(says));
    if (port != NULL) {
        text_add_format(&text, "%u%s", (unsigned)world.held, port + strlen("PORT"));
    }
    world.says = room;
    world.asked = 0;
    world.service_pid = GetCurrentProcessId();
    struct control_pipe *pipe = control_pipe_start(&options, &failure);
    assert_non_null(pipe);
    const enum exit_code code = check();
    control_pipe_stop(pipe);
    return code;
}

static void test_command_check__what_the_service_says_it_has_counts_as_bound(void **state)
{
    static const struct {
        const char *says;
        enum exit_code code;
    } rows[] = {
        {"{\"address\": \"tcp://127.0.0.1:PORT\", \"state\": \"listening\"}", EXIT_CODE_DONE},
        {"{\"address\": \"tcp://127.0.0.1:PORT\", \"state\": \"waiting\", \"error\": 10048}", EXIT_CODE_BIND},
        {"{\"address\": \"tcp://127.0.0.2:PORT\", \"state\": \"listening\"}", EXIT_CODE_BIND},
        {"{\"address\": \"tcp://0.0.0.0:PORT\", \"state\": \"listening\"}", EXIT_CODE_BIND},
        {"{\"address\": \"udp://127.0.0.1:PORT\", \"state\": \"listening\"}", EXIT_CODE_BIND},
        {"{\"address\": \"tcp://127.0.0.1:1\", \"state\": \"listening\"}", EXIT_CODE_BIND},
        {"", EXIT_CODE_BIND},
    };
    (void)state;
    hold_port();
    world.holder_pid = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(check_beside(rows[i].says), rows[i].code);
        expect(rows[i].code == EXIT_CODE_DONE ? "runs as this service and has 1 of the addresses"
                                              : "(bind-held-nameless)");
        assert_int_equal(world.asked, 1);
    }
    world.answers_with_error = true;
    assert_int_equal(check_beside(rows[0].says), EXIT_CODE_BIND);
    let_go();
}

/* What the system knows comes first, and only who runs is asked. */
static void test_command_check__the_service_cannot_hide_another_holder(void **state)
{
    static const char says[] = "{\"address\": \"tcp://127.0.0.1:PORT\", \"state\": \"listening\"}";
    (void)state;
    hold_port();
    assert_int_equal(check_beside(says), EXIT_CODE_BIND);
    expect("(bind-held)");
    expect("process 7777");
    assert_int_equal(world.asked, 0);
    let_go();
}

/* A slice of a wait, which takes a second of the virtual clock. */
static DWORD WINAPI never_ready(DWORD count, const HANDLE *handles, BOOL all, DWORD patience)
{
    world.waited++;
    clock_advance(1000);
    return SEAM_REAL(WaitForMultipleObjects)(count, handles, all, patience);
}

static void test_command_check__a_service_that_does_not_answer_changes_nothing(void **state)
{
    WCHAR *name = pipe_access_name(SERVICE);
    (void)state;
    hold_port();
    world.holder_pid = 0;
    world.service_pid = GetCurrentProcessId(); /* and nobody is behind the pipe */
    assert_int_equal(check(), EXIT_CODE_BIND);
    expect("(bind-held-nameless)");
    HANDLE server = CreateNamedPipeW(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, 1, 4096, 4096, 0, NULL);
    assert_true(server != INVALID_HANDLE_VALUE);
    seam_replace(IMPORT_WaitForMultipleObjects, (seam_function)never_ready);
    assert_int_equal(check(), EXIT_CODE_BIND);
    seam_replace(IMPORT_WaitForMultipleObjects, NULL);
    expect("(bind-held-nameless)");
    assert_in_range(world.waited, 5, 8);
    clock_reset();
    CloseHandle(server);
    memory_free(name);
    let_go();
}

static void test_command_check__many_failed_binds_are_counted(void **state)
{
    (void)state;
    write_file("[endpoint echo]\nlisten = tcp://203.0.113.77:2000-2024\nhandler = echo\n");
    assert_int_equal(check(), EXIT_CODE_BIND);
    expect("tcp://203.0.113.77:2019 (bind-no-address)");
    expect_not("tcp://203.0.113.77:2020 (");
    expect("5 more addresses cannot be bound");
}

static void test_command_check__a_handler_that_refuses_is_code_3(void **state)
{
    (void)state;
    write_file("[endpoint banner]\nlisten = tcp://127.0.0.1:17007\nhandler = banner\nfile = nowhere.txt\n");
    assert_int_equal(check(), EXIT_CODE_CONFIGURATION);
    expect("error    endpoint banner (handler-refuses)");
    expect("nowhere.txt");
}

/* ---- The registration ---- */

static void test_command_check__tells_what_a_registration_lacks(void **state)
{
    (void)state;
    world.is_registered = true;
    world.delayed = TRUE;
    assert_int_equal(check(), EXIT_CODE_FAILED);
    expect("error    service " SERVICE " (service-path-unquoted)");
    expect("(service-no-verb)");
    expect("(service-other-program)");
    expect("(service-local-system)");
    expect("(service-no-recovery)");
    expect("(service-no-sid)");
    expect("(service-privileges)");
    expect("(service-no-description)");
    expect("(service-preshutdown)");
    expect("(service-delayed)");
    expect("(service-no-event-source)");
    expect_not("service-not-registered");
}

static void test_command_check__tells_how_a_service_starts(void **state)
{
    (void)state;
    world.is_registered = true;
    world.image = L"\"C:\\Program Files\\PL\\portlistener.exe\" service";
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect_not("(service-manual)");
    expect_not("(service-disabled)");
    expect_not("(service-delayed)");
    world.start = SERVICE_DEMAND_START;
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect("note     service " SERVICE " (service-manual)");
    world.start = SERVICE_DISABLED;
    world.delayed = TRUE; /* of one that never starts, it means nothing */
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect("warning  service " SERVICE " (service-disabled)");
    expect_not("(service-delayed)");
}

static void test_command_check__tells_where_the_texts_of_events_lack(void **state)
{
    (void)state;
    world.is_registered = true;
    world.image = L"\"C:\\Program Files\\PL\\portlistener.exe\" service";
    world.event_file = L"%nothing such%\\portlistener-events.dll";
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect("warning  service " SERVICE " (service-event-file)");
    expect("%nothing such%\\portlistener-events.dll");
    expect_not("(service-no-event-source)");
    world.event_file = L"%windir%\\system32\\kernel32.dll"; /* which is there */
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect_not("(service-event-file)");
}

static void test_command_check__warnings_are_code_0_and_strictly_1(void **state)
{
    (void)state;
    world.is_registered = true;
    world.image = L"\"C:\\Program Files\\PL\\portlistener.exe\" service";
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect("no errors, ");
    world.is_strict = true;
    assert_int_equal(check(), EXIT_CODE_FAILED);
}

static void test_command_check__says_when_there_is_no_service(void **state)
{
    (void)state;
    world.is_strict = true;
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect("note     service " SERVICE " (service-not-registered)");
    fault_arm(IMPORT_OpenSCManagerW, 1, ERROR_ACCESS_DENIED, FAULT_FOREVER);
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect("note     service " SERVICE " (service-unread)");
}

static void test_command_check__has_nothing_to_say_of_a_hardened_service(void **state)
{
    WCHAR program[PROGRAM_PATH_MAX], image[PROGRAM_PATH_MAX];
    (void)state;
    assert_true(GetModuleFileNameW(NULL, program, PROGRAM_PATH_MAX) > 0);
    swprintf(image, PROGRAM_PATH_MAX, L"\"%ls\" service", program);
    world.is_registered = world.is_hardened = true;
    world.image = image;
    world.event_file = L"%windir%\\system32\\kernel32.dll";
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect_not("(service-");
}

/* A part that could not be read is not held against the service; without its command line nothing is known of it. */
static void test_command_check__tells_what_it_could_not_read(void **state)
{
    static const char *const held[] = {
        "(service-no-recovery)", "(service-no-sid)",  "(service-privileges)",     "(service-no-description)",
        "(service-preshutdown)", "(service-delayed)", "(service-no-event-source)"};
    (void)state;
    world.is_registered = true;
    world.delayed = TRUE;
    world.image = L"\"C:\\Program Files\\PL\\portlistener.exe\" service";
    fault_arm(IMPORT_QueryServiceConfig2W, 1, ERROR_INVALID_LEVEL, FAULT_FOREVER);
    fault_arm(IMPORT_RegGetValueW, 1, ERROR_ACCESS_DENIED, FAULT_FOREVER);
    (void)check();
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) {
        expect_not(held[i]);
    }
    expect("(service-local-system)"); /* which is known */
    fault_clear();
    fault_arm(IMPORT_CreateProcessW, 1, ERROR_FILE_NOT_FOUND, FAULT_FOREVER);
    fault_arm(IMPORT_QueryServiceConfigW, 1, ERROR_ACCESS_DENIED, FAULT_FOREVER);
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect("note     service " SERVICE " (service-unread)");
    expect("its registration could not be read: its command line, error 5: ");
    expect_not("(service-local-system)");
}

static DWORD WINAPI no_attributes(LPCWSTR path)
{
    (void)path;
    SetLastError(ERROR_ACCESS_DENIED);
    return INVALID_FILE_ATTRIBUTES;
}

static void test_command_check__texts_that_cannot_be_seen_are_not_missing(void **state)
{
    (void)state;
    world.is_registered = true;
    world.image = L"\"C:\\Program Files\\PL\\portlistener.exe\" service";
    world.event_file = L"C:\\closed\\portlistener-events.dll";
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect("(service-event-file)");
    seam_replace(IMPORT_GetFileAttributesW, (seam_function)no_attributes);
    assert_int_equal(check(), EXIT_CODE_DONE);
    seam_replace(IMPORT_GetFileAttributesW, NULL);
    expect_not("(service-event-file)");
}

/* ---- Files ---- */

static void test_command_check__tells_who_can_change_files(void **state)
{
    (void)state;
    world.has_rights = true;
    assert_true(file_trust_can_tell());
    seam_replace(IMPORT_GetSecurityInfo, (seam_function)get_security);
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect("(file-open)"); /* a console's: a warning */
    expect_not("file-program-open");
    world.is_registered = true;
    world.image = L"\"C:\\windows\\system32\\cmd.exe\" service";
    assert_int_equal(check(), EXIT_CODE_FAILED);
    expect("(file-program-open)");
    world.denies_rights = true;
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect("(file-unchecked)");
    seam_replace(IMPORT_GetSecurityInfo, NULL);
}

/* The one that the registered service reads. */
static void test_command_check__the_services_own_files_are_errors(void **state)
{
    WCHAR image[PROGRAM_PATH_MAX];
    WCHAR *wide = utf16_from(world.file);
    (void)state;
    swprintf(image, PROGRAM_PATH_MAX, L"\"C:\\windows\\system32\\nothing.exe\" service --config \"%ls\"",
             wide);
    memory_free(wide);
    world.image = image;
    world.has_rights = world.is_registered = true;
    seam_replace(IMPORT_GetSecurityInfo, (seam_function)get_security);
    assert_int_equal(check(), EXIT_CODE_FAILED);
    expect("(file-config-open)");
    seam_replace(IMPORT_GetSecurityInfo, NULL);
}

static void test_command_check__tells_who_can_change_the_registry(void **state)
{
    (void)state;
    registry_key_text(SERVICE, "endpoint echo", "lifetime", "7s");
    world.has_rights = world.is_registered = true;
    seam_replace(IMPORT_GetSecurityInfo, (seam_function)get_security);
    assert_int_equal(check(), EXIT_CODE_FAILED);
    expect("error    " SERVICE " (file-registry-open)");
    world.is_registered = false; /* then it is nobody's */
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect_not("(file-registry-open)");
    seam_replace(IMPORT_GetSecurityInfo, NULL);
}

static void test_trust__a_service_trusts_administrators_alone(void **state)
{
    (void)state;
    world.has_rights = true;
    assert_int_equal(trust_wanted(true), CONFIG_TRUST_ADMINISTRATORS);
    assert_int_equal(trust_wanted(false), CONFIG_TRUST_WARN);
    world.has_rights = false;
    if (!file_trust_can_tell()) { /* Wine */
        assert_int_equal(trust_wanted(true), CONFIG_TRUST_ANYBODY);
        assert_int_equal(trust_wanted(false), CONFIG_TRUST_ANYBODY);
    }
}

/* A configuration that includes another, with a plugin: what others can change of it. */
static void load(struct loaded_config *loaded, const struct plugin_folders *folders)
{
    WCHAR path[PROGRAM_PATH_MAX];
    char ini[2048];
    struct failure failure;
    snprintf(ini, sizeof ini,
             "include = other.ini\n[service]\nplugin_dir = %s\ndata_dir = %s\nlog_file = %s\\none\\test.log\n"
             "access_log = -\n"
             "[endpoint echo]\nlisten = tcp://127.0.0.1:17007\nhandler = echo.dll\n",
             folders->files.path, folders->cache.path, folders->cache.path);
    write_file(ini);
    program_write(world.folder, L"other.ini", "[defaults]\nlifetime = 7s\n", path);
    const struct arguments arguments = {
        .options = {[OPTION_CONFIG] = world.file, [OPTION_SERVICE] = SERVICE}};
    assert_true(loaded_config_open(loaded, &arguments, LOADED_CONFIG_TO_CHECK, &failure));
    if (loaded->config == NULL) {
        fail_msg("%s", loaded->problems.text.at);
    }
}

static void look(const struct loaded_config *loaded, struct findings *findings)
{
    struct check check = {.findings = findings,
                          .config = loaded->config,
                          .service = SERVICE,
                          .config_file = loaded->path,
                          .program = "C:\\portlistener.exe"};
    findings_init(findings);
    machine_init(&check.machine);
    check_service_begin(&check);
    check_files(&check);
    check_service(&check);
    check_service_end(&check);
    machine_fini(&check.machine);
}

static size_t count_of(const struct findings *findings, enum finding_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++) {
        count += findings->at[i].kind == kind;
    }
    return count;
}

/* What is found when nothing fails is found, or it is told that something is not known: never is less than all taken for
   all. */
static void expect_no_less(const struct findings *all, const struct findings *some, uint32_t nth)
{
    const bool is_told = some->is_out_of_memory || count_of(some, FINDING_SERVICE_UNREAD) > 0 ||
                         count_of(some, FINDING_FILE_UNCHECKED) > 0;
    for (enum finding_kind kind = 0; kind < FINDING_KIND_COUNT; kind++) {
        if (count_of(some, kind) < count_of(all, kind) && !is_told) {
            fail_msg("allocation %u: %s is not told of", nth, finding_row(kind)->id);
        }
        if (count_of(some, kind) > count_of(all, kind) && !is_told) {
            fail_msg("allocation %u: %s is told without need", nth, finding_row(kind)->id);
        }
    }
}

static void test_check__without_memory_says_that_it_does_not_know(void **state)
{
    struct plugin_folders folders;
    struct loaded_config loaded;
    struct findings all, some;
    (void)state;
    plugin_folders_init(&folders);
    plugin_folders_put(&folders, "echo", 0);
    load(&loaded, &folders);
    registry_key_text(SERVICE, "endpoint echo", "lifetime", "7s");
    world.has_rights = world.is_registered = true;
    world.image = L"\"C:\\windows\\system32\\cmd.exe\" service";
    world.event_file = L"%windir%\\system32\\kernel32.dll";
    seam_replace(IMPORT_GetSecurityInfo, (seam_function)get_security);
    look(&loaded, &all);
    assert_int_equal(count_of(&all, FINDING_FILE_PROGRAM), 1);
    assert_int_equal(count_of(&all, FINDING_FILE_CONSOLE), 2); /* the configuration, and what it includes */
    assert_int_equal(count_of(&all, FINDING_FILE_REGISTRY), 1);
    assert_int_equal(count_of(&all, FINDING_FILE_PLUGIN), 1);
    assert_int_equal(count_of(&all, FINDING_FILE_PLUGIN_FOLDER), 1);
    assert_int_equal(count_of(&all, FINDING_SERVICE_SOURCE_FILE), 0);
    bool is_refused = true;
    for (uint32_t nth = 1; is_refused; nth++) {
        fault_clear();
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        look(&loaded, &some);
        is_refused = fault_hits() > 0;
        fault_clear();
        expect_no_less(&all, &some, nth);
        findings_fini(&some);
    }
    findings_fini(&all);
    seam_replace(IMPORT_GetSecurityInfo, NULL);
    loaded_config_close(&loaded);
    plugin_folders_fini(&folders);
}

/* As a finding, and not as a warning of the configuration that names it besides. */
static void test_command_check__tells_once_who_can_change_a_plugin(void **state)
{
    char ini[2048];
    struct plugin_folders folders;
    (void)state;
    plugin_folders_init(&folders);
    plugin_folders_put(&folders, "echo", 0);
    snprintf(ini, sizeof ini,
             "[service]\nplugin_dir = %s\ndata_dir = %s\n"
             "[endpoint echo]\nlisten = tcp://127.0.0.1:17007\nhandler = echo.dll\n",
             folders.files.path, folders.cache.path);
    write_file(ini);
    seam_replace(IMPORT_GetSecurityInfo, (seam_function)get_security);
    world.has_rights = true;
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect("echo.dll (file-open)");
    expect_not("warning: handler: ");
    world.is_registered = true;
    assert_int_equal(check(), EXIT_CODE_FAILED);
    expect("echo.dll (file-plugin-open)");
    expect("(file-plugin-folder-open)");
    expect_not("warning: handler: ");
    world.has_rights = false;
    assert_int_equal(check(), EXIT_CODE_FAILED); /* of the line that is registered */
    if (!file_trust_can_tell()) {                /* nor in Wine, where nobody asks */
        expect_not("echo.dll");
    }
    seam_replace(IMPORT_GetSecurityInfo, NULL);
    plugin_folders_fini(&folders);
}

static HANDLE WINAPI no_folder(LPCWSTR path, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security,
                               DWORD disposition, DWORD flags, HANDLE like)
{
    if ((flags & FILE_FLAG_BACKUP_SEMANTICS) != 0 && access != (READ_CONTROL | FILE_READ_ATTRIBUTES)) {
        SetLastError(access == FILE_ADD_FILE && wcsstr(path, L"\\logs") != NULL ? ERROR_FILE_NOT_FOUND
                                                                                : ERROR_ACCESS_DENIED);
        return INVALID_HANDLE_VALUE;
    }
    return SEAM_REAL(CreateFileW)(path, access, share, security, disposition, flags, like);
}

static void test_command_check__tells_where_it_cannot_write(void **state)
{
    (void)state;
    seam_replace(IMPORT_CreateFileW, (seam_function)no_folder);
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect("(folder-not-writable)");
    expect("(folder-missing)");
    seam_replace(IMPORT_CreateFileW, NULL);
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect_not("folder-");
}

/* ---- The firewall ---- */

static void test_command_check__tells_that_the_firewall_could_not_be_read(void **state)
{
    (void)state;
    seam_replace(IMPORT_RegOpenKeyExW, (seam_function)open_key);
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect_not("firewall"); /* nobody from outside comes to loopback */
    write_file("[endpoint echo]\nlisten = tcp://203.0.113.77:17007\nhandler = echo\n");
    assert_int_equal(check(), EXIT_CODE_BIND);
    expect("note     firewall (firewall-unread)");
    expect("error 5: ");
    seam_replace(IMPORT_RegOpenKeyExW, NULL);
}

/* ---- The configuration ---- */

static void test_command_check__problems_of_the_configuration_have_their_ids(void **state)
{
    (void)state;
    world.is_json = true;
    write_file("[service]\nlog_file = test.log ; mine\n"
               "[endpoint echo]\nlisten = tcp://127.0.0.1:17007\nhandler = echo\n");
    assert_int_equal(check(), EXIT_CODE_DONE);
    expect("\"severity\": \"warning\", \"message\": \"log_file: ");
    expect("\"id\": \"config-warning\", \"subject\": ");
    write_file("[endpoint echo]\nlisten = tcp://127.0.0.1:17007\nhandler = ecco\n");
    assert_int_equal(check(), EXIT_CODE_CONFIGURATION);
    expect("\"severity\": \"error\", \"message\": \"handler: ");
    expect("\"id\": \"config-error\", \"subject\": ");
}

static void test_command_check__a_file_that_is_not_there_has_no_line_to_correct(void **state)
{
    (void)state;
    char missing[] = "C:\\no such.ini", *file = world.file;
    world.is_json = true;
    world.file = missing;
    const enum exit_code code = check();
    world.file = file;
    assert_int_equal(code, EXIT_CODE_CONFIGURATION);
    expect("\"line\": 0, \"column\": 0, \"severity\": \"error\", \"message\": ");
    expect("\"id\": \"config-error\", \"subject\": \"C:\\\\no such.ini\"");
    expect("\"remedy\": \"correct it: while");
    expect_not("that line");
}

/* ---- Usage ---- */

static void test_command_check__endpoint_is_for_live_alone(void **state)
{
    const struct arguments arguments = {
        .options = {[OPTION_CONFIG] = world.file, [OPTION_ENDPOINT] = "echo"}};
    (void)state;
    streams_open(&world.streams, world.folder);
    assert_int_equal(command_check_run(&arguments, &world.streams), EXIT_CODE_USAGE);
    streams_end(&world.streams, world.folder, world.printed, sizeof world.printed, world.complained,
                sizeof world.complained);
    assert_non_null(strstr(world.complained, "add --live"));
}

/* Whatever has no memory, it ends, and says no more than it knows. */
static void test_command_check__without_memory_it_ends(void **state)
{
    (void)state;
    for (uint32_t nth = 1; nth <= 120; nth += 7) {
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        const enum exit_code code = check();
        assert_true(code == EXIT_CODE_DONE || code == EXIT_CODE_FAILED || code == EXIT_CODE_CONFIGURATION ||
                    code == EXIT_CODE_BIND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_command_check__names_who_holds_a_port),
        test(test_command_check__what_the_service_has_counts_as_bound),
        test(test_command_check__what_the_service_says_it_has_counts_as_bound),
        test(test_command_check__the_service_cannot_hide_another_holder),
        test(test_command_check__a_service_that_does_not_answer_changes_nothing),
        test(test_command_check__many_failed_binds_are_counted),
        test(test_command_check__a_handler_that_refuses_is_code_3),
        test(test_command_check__tells_what_a_registration_lacks),
        test(test_command_check__tells_how_a_service_starts),
        test(test_command_check__tells_where_the_texts_of_events_lack),
        test(test_command_check__warnings_are_code_0_and_strictly_1),
        test(test_command_check__says_when_there_is_no_service),
        test(test_command_check__has_nothing_to_say_of_a_hardened_service),
        test(test_command_check__tells_what_it_could_not_read),
        test(test_command_check__texts_that_cannot_be_seen_are_not_missing),
        test(test_command_check__tells_who_can_change_files),
        test(test_command_check__the_services_own_files_are_errors),
        test(test_command_check__tells_who_can_change_the_registry),
        test(test_trust__a_service_trusts_administrators_alone),
        test(test_check__without_memory_says_that_it_does_not_know),
        test(test_command_check__tells_once_who_can_change_a_plugin),
        test(test_command_check__tells_where_it_cannot_write),
        test(test_command_check__tells_that_the_firewall_could_not_be_read),
        test(test_command_check__problems_of_the_configuration_have_their_ids),
        test(test_command_check__a_file_that_is_not_there_has_no_line_to_correct),
        test(test_command_check__endpoint_is_for_live_alone),
        test(test_command_check__without_memory_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
