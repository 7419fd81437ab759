/* SPDX-License-Identifier: MIT
   Tests of diagnosis/machine_reader.h. What Windows would answer is recorded here, in the shape that its reference gives:
   Wine has no kernel with sockets, no shared hosts, no protected processes and no excluded ports. At the end, what the
   system at hand answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/address.h"
#include "diagnosis/machine_reader.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/seam.h"
#include "support/support.h"

/* ---- The tables of sockets ---- */

#define PORT(number) \
    ((DWORD)(((number) >> 8 & 0xFF) | ((number)&0xFF) << 8) | 0xBEEF0000U) /* the upper half is rubbish */
#define IP(a, b, c, d) ((DWORD)(a) | (DWORD)(b) << 8 | (DWORD)(c) << 16 | (DWORD)(d) << 24)

static const MIB_TCPROW_OWNER_PID tcp4[] = {
    {MIB_TCP_STATE_LISTEN, 0, PORT(80), 0x12345678, PORT(999), 4},
    {MIB_TCP_STATE_LISTEN, IP(127, 0, 0, 1), PORT(8080), 0, 0, 1200},
    {MIB_TCP_STATE_ESTAB, IP(192, 0, 2, 1), PORT(443), IP(198, 51, 100, 7), PORT(50123), 1200},
    {MIB_TCP_STATE_TIME_WAIT, IP(192, 0, 2, 1), PORT(443), IP(198, 51, 100, 8), PORT(50124), 0},
    {77, 0, PORT(1), 0, 0, 1},
};
static const MIB_TCP6ROW_OWNER_PID tcp6[] = {
    {{0}, 0, PORT(80), {0}, 0, 0, MIB_TCP_STATE_LISTEN, 4},
    {{0xFE, 0x80, [15] = 1}, 0x03000000, PORT(81), {0}, 0, 0, MIB_TCP_STATE_LISTEN, 900},
    {{0xFE, 0x80, [15] = 1}, 3, PORT(82), {0x20, 1, [15] = 9}, 0, PORT(5), MIB_TCP_STATE_CLOSE_WAIT, 900},
};
static const MIB_UDPROW_OWNER_PID udp4[] = {{0, PORT(5353), 900}, {IP(127, 0, 0, 1), PORT(514), 1200}};
static const MIB_UDP6ROW_OWNER_PID udp6[] = {{{[15] = 1}, 0, PORT(5353), 900}};

static struct {
    DWORD grows;          /* so many calls find the table grown */
    DWORD errors[2];      /* of IPv4, IPv6 */
    bool is_endless;      /* it grows with each call */
    bool claims_too_many; /* a count that its room does not hold */
    unsigned calls;
    const char *missing;
    ULONG adapters_error;
    unsigned adapters_grow;
} world;

static DWORD answer(PVOID table, PDWORD size, ULONG family, size_t offset, const void *rows, size_t row,
                    DWORD count)
{
    const DWORD error = world.errors[family == AF_INET6];
    const DWORD needed = (DWORD)(offset + row * count);
    world.calls++;
    if (error != NO_ERROR) {
        return error;
    }
    if (world.grows > 0 || world.is_endless || *size < needed) {
        world.grows -= world.grows > 0;
        *size = *size < needed ? needed : *size + 40000;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    memcpy((char *)table + offset, rows, row * count);
    count = world.claims_too_many ? 100000 : count;
    memcpy(table, &count, sizeof count);
    return NO_ERROR;
}

static DWORD WINAPI tcp_table(PVOID table, PDWORD size, BOOL order, ULONG family, TCP_TABLE_CLASS kind,
                              ULONG reserved)
{
    if (order || reserved != 0 || kind != TCP_TABLE_OWNER_PID_ALL) {
        return ERROR_INVALID_PARAMETER;
    }
    return family == AF_INET
               ? answer(table, size, family, offsetof(MIB_TCPTABLE_OWNER_PID, table), tcp4, sizeof tcp4[0], 5)
               : answer(table, size, family, offsetof(MIB_TCP6TABLE_OWNER_PID, table), tcp6, sizeof tcp6[0],
                        3);
}

static DWORD WINAPI udp_table(PVOID table, PDWORD size, BOOL order, ULONG family, UDP_TABLE_CLASS kind,
                              ULONG reserved)
{
    if (order || reserved != 0 || kind != UDP_TABLE_OWNER_PID) {
        return ERROR_INVALID_PARAMETER;
    }
    return family == AF_INET
               ? answer(table, size, family, offsetof(MIB_UDPTABLE_OWNER_PID, table), udp4, sizeof udp4[0], 2)
               : answer(table, size, family, offsetof(MIB_UDP6TABLE_OWNER_PID, table), udp6, sizeof udp6[0],
                        1);
}

/* ---- The adapters ---- */

static SOCKADDR_IN address4[3];
static SOCKADDR_IN6 address6;
static WCHAR adapter_names[2][16] = {L"Ethernet", L"WLAN \x00FC"};

static void lay_out(IP_ADAPTER_ADDRESSES *adapters, IP_ADAPTER_UNICAST_ADDRESS *rows)
{
    static const DWORD ips[] = {IP(192, 0, 2, 1), IP(192, 0, 2, 2), IP(10, 0, 0, 5)};
    static const NL_DAD_STATE states[] = {IpDadStatePreferred, IpDadStateTentative, IpDadStatePreferred,
                                          IpDadStateDuplicate, IpDadStateInvalid};
    memset(adapters, 0, 3 * sizeof *adapters);
    memset(rows, 0, 6 * sizeof *rows);
    for (int i = 0; i < 3; i++) {
        address4[i] = (SOCKADDR_IN){.sin_family = AF_INET};
        memcpy(&address4[i].sin_addr, &ips[i], 4);
        rows[i].Address.lpSockaddr = (SOCKADDR *)(void *)&address4[i];
        rows[i].DadState = states[i];
    }
    address6 = (SOCKADDR_IN6){.sin6_family = AF_INET6, .sin6_scope_id = 7, .sin6_addr = {{{0xFE, 0x80}}}};
    rows[3].Address.lpSockaddr = (SOCKADDR *)(void *)&address6;
    rows[3].DadState = IpDadStateDuplicate;
    rows[4].Address.lpSockaddr = (SOCKADDR *)(void *)&address4[0];
    rows[4].DadState = IpDadStateInvalid;
    rows[0].Next = &rows[1];
    rows[1].Next = &rows[3];
    rows[3].Next = &rows[4];
    adapters[0].FirstUnicastAddress = &rows[0];
    adapters[0].FriendlyName = adapter_names[0];
    adapters[0].OperStatus = IfOperStatusUp;
    adapters[0].Next = &adapters[1];
    adapters[1].FirstUnicastAddress = &rows[2];
    adapters[1].FriendlyName = adapter_names[1];
    adapters[1].OperStatus = IfOperStatusDown;
    adapters[1].Next = &adapters[2]; /* which has no address and no name */
}

static ULONG WINAPI adapters_addresses(ULONG family, ULONG flags, PVOID reserved,
                                       PIP_ADAPTER_ADDRESSES adapters, PULONG size)
{
    const ULONG needed = 3 * sizeof *adapters + 6 * sizeof(IP_ADAPTER_UNICAST_ADDRESS);
    if (family != AF_UNSPEC || reserved != NULL || (flags & GAA_FLAG_SKIP_UNICAST) != 0) {
        return ERROR_INVALID_PARAMETER;
    }
    if (world.adapters_error != 0) {
        return world.adapters_error;
    }
    if (world.adapters_grow > 0 || *size < needed) {
        world.adapters_grow -= world.adapters_grow > 0;
        *size += 20000;
        return ERROR_BUFFER_OVERFLOW;
    }
    lay_out(adapters, (IP_ADAPTER_UNICAST_ADDRESS *)(void *)(adapters + 3));
    return ERROR_SUCCESS;
}

static HANDLE WINAPI snapshot(DWORD flags, DWORD pid);
static BOOL WINAPI next_process(HANDLE handle, LPPROCESSENTRY32W entry);
static bool has_processes;

static FARPROC WINAPI find_function(HMODULE library, LPCSTR name)
{
    static const struct {
        const char *name;
        FARPROC function;
    } functions[] = {{"GetExtendedTcpTable", (FARPROC)(void (*)(void))tcp_table},
                     {"GetExtendedUdpTable", (FARPROC)(void (*)(void))udp_table},
                     {"GetAdaptersAddresses", (FARPROC)(void (*)(void))adapters_addresses},
                     {"CreateToolhelp32Snapshot", (FARPROC)(void (*)(void))snapshot},
                     {"Process32FirstW", (FARPROC)(void (*)(void))next_process},
                     {"Process32NextW", (FARPROC)(void (*)(void))next_process}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if ((i < 3 || has_processes) && strcmp(functions[i].name, name) == 0) {
            return world.missing != NULL && strcmp(world.missing, name) == 0 ? NULL : functions[i].function;
        }
    }
    return SEAM_REAL(GetProcAddress)(library, name);
}

static struct machine machine;

static int setup(void **state)
{
    memset(&world, 0, sizeof world);
    const int result = support_setup(state);
    machine_init(&machine);
    has_processes = false;
    seam_replace(IMPORT_GetProcAddress, (seam_function)find_function);
    return result;
}

static int teardown(void **state)
{
    machine_fini(&machine);
    return support_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void assert_address(const struct pl_address *address, const char *expected)
{
    char room[ADDRESS_TEXT_ROOM];
    struct text text;
    text_init(&text, room, sizeof room);
    address_add_with_port(&text, address);
    assert_string_equal(text.at, expected);
}

static void assert_port(size_t index, const char *local, const char *peer, enum machine_port_state port_state,
                        uint32_t pid)
{
    const struct machine_port *port = machine_port_at(&machine, index);
    assert_address(&port->local, local);
    assert_address(&port->peer, peer);
    assert_int_equal(port->state, port_state);
    assert_int_equal(port->pid, pid);
}

static void test_port_reader__reads_tcp_of_both_families(void **state)
{
    (void)state;
    assert_true(port_reader_read(&machine, CONFIG_TCP));
    assert_int_equal(machine.ports.count, 8);
    assert_port(0, "0.0.0.0:80", "-:0", PORT_LISTENING, 4);
    assert_port(1, "127.0.0.1:8080", "-:0", PORT_LISTENING, 1200);
    assert_port(2, "192.0.2.1:443", "198.51.100.7:50123", PORT_ESTABLISHED, 1200);
    assert_port(3, "192.0.2.1:443", "198.51.100.8:50124", PORT_TIME_WAIT, 0);
    assert_int_equal(machine_port_at(&machine, 4)->state, PORT_CLOSED); /* no state that is known */
    assert_port(5, "[::]:80", "-:0", PORT_LISTENING, 4);
    assert_port(6, "[fe80::1%3]:81", "-:0", PORT_LISTENING, 900);
    assert_port(7, "[fe80::1%3]:82", "[2001::9]:5", PORT_CLOSE_WAIT, 900);
}

static void test_port_reader__reads_udp_of_both_families(void **state)
{
    (void)state;
    assert_true(port_reader_read(&machine, CONFIG_UDP));
    assert_int_equal(machine.ports.count, 3);
    assert_port(0, "0.0.0.0:5353", "-:0", PORT_BOUND, 900);
    assert_port(1, "127.0.0.1:514", "-:0", PORT_BOUND, 1200);
    assert_port(2, "[::1]:5353", "-:0", PORT_BOUND, 900);
    assert_int_equal(machine_port_at(&machine, 2)->protocol, CONFIG_UDP);
}

static void test_port_reader__copes_with_a_table_that_grows(void **state)
{
    (void)state;
    world.grows = 3;
    assert_true(port_reader_read(&machine, CONFIG_TCP));
    assert_int_equal(machine.ports.count, 8);
    assert_int_equal(world.calls, 5);
    world.is_endless = true;
    world.calls = 0;
    assert_false(port_reader_read(&machine, CONFIG_TCP));
    assert_int_equal(world.calls, 12); /* and no more */
}

static void test_port_reader__does_not_read_beyond_the_table(void **state)
{
    (void)state;
    world.claims_too_many = true;
    assert_true(port_reader_read(&machine, CONFIG_UDP));
    assert_in_range(machine.ports.count, 3, 3000);
}

static void test_port_reader__one_family_is_enough(void **state)
{
    (void)state;
    world.errors[1] = ERROR_NOT_SUPPORTED;
    assert_true(port_reader_read(&machine, CONFIG_TCP));
    assert_int_equal(machine.ports.count, 5);
    world.errors[0] = ERROR_INVALID_PARAMETER;
    assert_false(port_reader_read(&machine, CONFIG_TCP));
}

static void test_port_reader__says_when_it_cannot_read(void **state)
{
    (void)state;
    world.missing = "GetExtendedUdpTable";
    assert_false(port_reader_read(&machine, CONFIG_TCP));
    world.missing = NULL;
    fault_arm(IMPORT_LoadLibraryExW, 1, ERROR_MOD_NOT_FOUND, 1);
    assert_false(port_reader_read(&machine, CONFIG_TCP));
    fault_arm(IMPORT_HeapAlloc, 1, 0, FAULT_FOREVER);
    assert_false(port_reader_read(&machine, CONFIG_TCP));
    fault_clear();
    fault_arm(IMPORT_HeapReAlloc, 1, 0, 1);
    fault_arm(IMPORT_HeapAlloc, 2, 0, 1);
    assert_false(port_reader_read(&machine, CONFIG_TCP));
}

static void test_address_reader__knows_adapters_and_states(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        enum machine_address_state state;
        const char *adapter;
    } rows[] = {{"192.0.2.1", ADDRESS_USABLE, "Ethernet"},
                {"192.0.2.2", ADDRESS_TENTATIVE, "Ethernet"},
                {"fe80::%7", ADDRESS_DUPLICATE, "Ethernet"},
                {"192.0.2.1", ADDRESS_DOWN, "Ethernet"},
                {"10.0.0.5", ADDRESS_DOWN, "WLAN \xC3\xBC"}};
    world.adapters_grow = 2;
    assert_true(address_reader_read(&machine));
    assert_int_equal(machine.addresses.count, 5);
    for (size_t i = 0; i < 5; i++) {
        const struct machine_address *row = machine_address_at(&machine, i);
        char room[ADDRESS_TEXT_ROOM];
        struct text text;
        text_init(&text, room, sizeof room);
        address_add(&text, &row->address);
        assert_string_equal(text.at, rows[i].address);
        assert_int_equal(row->state, rows[i].state);
        assert_string_equal(row->adapter, rows[i].adapter);
    }
}

static void test_address_reader__says_when_it_cannot_read(void **state)
{
    (void)state;
    world.adapters_error = ERROR_NO_DATA;
    assert_false(address_reader_read(&machine));
    world.adapters_error = 0;
    world.adapters_grow = 100;
    assert_false(address_reader_read(&machine));
    world.adapters_grow = 0;
    world.missing = "GetAdaptersAddresses";
    assert_false(address_reader_read(&machine));
    world.missing = NULL;
    fault_arm(IMPORT_HeapAlloc, 1, 0, FAULT_FOREVER);
    assert_false(address_reader_read(&machine));
    fault_clear();
    fault_arm(IMPORT_HeapAlloc, 3, 0, FAULT_FOREVER);
    assert_false(address_reader_read(&machine));
}

/* ---- Processes ---- */

static const struct {
    const WCHAR *file, *path; /* path NULL: access denied */
    DWORD pid;
    bool is_newer;
} processes[] = {
    {L"[System Process]", NULL, 0, false},       {L"System", NULL, 4, false},
    {L"svchost.exe", NULL, 900, false},          {L"w\x00FC.exe", L"C:\\Programs\\w\x00FC.exe", 1200, false},
    {L"idle.exe", L"C:\\idle.exe", 1300, false}, /* no socket */
    {L"late.exe", L"C:\\late.exe", 1, true},     /* its number was another's when the sockets were read */
};
static size_t walked;
static bool is_snapshot_denied;

static HANDLE WINAPI snapshot(DWORD flags, DWORD pid)
{
    assert_int_equal(flags, TH32CS_SNAPPROCESS);
    assert_int_equal(pid, 0);
    if (is_snapshot_denied) {
        SetLastError(ERROR_ACCESS_DENIED);
        return INVALID_HANDLE_VALUE;
    }
    walked = 0;
    return SEAM_REAL(CreateEventW)(NULL, TRUE, FALSE, NULL); /* a handle to close */
}

static BOOL WINAPI next_process(HANDLE handle, LPPROCESSENTRY32W entry)
{
    (void)handle;
    if (walked == sizeof processes / sizeof processes[0]) {
        SetLastError(ERROR_NO_MORE_FILES);
        return FALSE;
    }
    entry->th32ProcessID = processes[walked].pid;
    wcscpy(entry->szExeFile, processes[walked].file);
    walked++;
    return TRUE;
}

static HANDLE WINAPI open_process(DWORD access, BOOL inherits, DWORD pid)
{
    assert_int_equal(access, PROCESS_QUERY_LIMITED_INFORMATION);
    assert_false(inherits);
    (void)pid;
    if (processes[walked - 1].path == NULL) {
        SetLastError(ERROR_ACCESS_DENIED);
        return NULL;
    }
    return SEAM_REAL(CreateEventW)(NULL, TRUE, FALSE, NULL);
}

static BOOL WINAPI image_name(HANDLE process, DWORD flags, LPWSTR path, PDWORD size)
{
    (void)process;
    assert_int_equal(flags, 0);
    wcscpy(path, processes[walked - 1].path);
    *size = (DWORD)wcslen(path);
    return TRUE;
}

static BOOL WINAPI process_times(HANDLE process, LPFILETIME created, LPFILETIME ended, LPFILETIME kernel,
                                 LPFILETIME user)
{
    (void)process;
    memset(ended, 0, sizeof *ended);
    memset(kernel, 0, sizeof *kernel);
    memset(user, 0, sizeof *user);
    *created = (FILETIME){.dwLowDateTime = processes[walked - 1].is_newer ? 2000 : 10};
    return TRUE;
}

static void replace_processes(void)
{
    has_processes = true;
    seam_replace(IMPORT_OpenProcess, (seam_function)open_process);
    seam_replace(IMPORT_QueryFullProcessImageNameW, (seam_function)image_name);
    seam_replace(IMPORT_GetProcessTimes, (seam_function)process_times);
}

static void test_process_reader__tells_names_and_the_paths_that_it_may_see(void **state)
{
    (void)state;
    replace_processes();
    assert_true(port_reader_read(&machine, CONFIG_TCP));
    assert_true(process_reader_read(&machine, 1000));
    assert_string_equal(machine_find_process(&machine, 4)->name, "System");
    assert_null(machine_find_process(&machine, 4)->path);
    assert_string_equal(machine_find_process(&machine, 900)->name, "svchost.exe");
    assert_null(machine_find_process(&machine, 900)->path);
    assert_string_equal(machine_find_process(&machine, 1200)->name, "w\xC3\xBC.exe");
    assert_string_equal(machine_find_process(&machine, 1200)->path, "C:\\Programs\\w\xC3\xBC.exe");
    assert_null(machine_find_process(&machine, 1300));
    assert_null(machine_find_process(&machine, 1)); /* never a wrong name */
}

static void test_process_reader__says_when_it_cannot_read(void **state)
{
    (void)state;
    has_processes = is_snapshot_denied = true;
    assert_false(process_reader_read(&machine, 1000));
    is_snapshot_denied = false;
    world.missing = "Process32NextW";
    assert_false(process_reader_read(&machine, 1000));
    world.missing = NULL;
    has_processes = false;
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_false(process_reader_read(&machine, 1000));
    fault_clear();
    fault_arm(IMPORT_QueryFullProcessImageNameW, 1, ERROR_ACCESS_DENIED, FAULT_FOREVER);
    fault_arm(IMPORT_GetProcessTimes, 1, ERROR_ACCESS_DENIED, FAULT_FOREVER);
    machine.own_pid = GetCurrentProcessId();
    assert_true(process_reader_read(&machine, UINT64_MAX));
    assert_null(machine_find_process(&machine, machine.own_pid)->path);
    machine_fini(&machine);
    fault_clear();
    replace_processes();
    assert_true(port_reader_read(&machine, CONFIG_TCP));
    for (uint32_t nth = 2; nth <= 4; nth++) {
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        assert_false(process_reader_read(&machine, 1000));
    }
}

/* ---- Services ---- */

static const struct {
    const WCHAR *name;
    DWORD pid;
} services[] = {{L"RpcSs", 900}, {L"Dcom\x00FC", 900}, {L"PortListener", 1200}};
static DWORD services_error;
static bool is_stuck;

/* Two in the first part, the rest in the second. */
static BOOL WINAPI enum_services(SC_HANDLE manager, SC_ENUM_TYPE level, DWORD type, DWORD service_state,
                                 LPBYTE at, DWORD size, LPDWORD needed, LPDWORD count, LPDWORD resume,
                                 LPCWSTR group)
{
    ENUM_SERVICE_STATUS_PROCESSW *rows = (ENUM_SERVICE_STATUS_PROCESSW *)(void *)at;
    (void)manager, (void)size, (void)group;
    assert_true(level == SC_ENUM_PROCESS_INFO && type == SERVICE_WIN32 && service_state == SERVICE_ACTIVE);
    if (services_error != 0) {
        SetLastError(services_error);
        return FALSE;
    }
    const DWORD from = *resume;
    *count = is_stuck ? 0 : from == 0 ? 2 : 1;
    for (DWORD i = 0; i < *count; i++) {
        rows[i].lpServiceName = (LPWSTR)(uintptr_t)services[from + i].name;
        rows[i].ServiceStatusProcess.dwProcessId = services[from + i].pid;
    }
    *needed = from == 0 ? 100 : 0;
    *resume = from == 0 ? 2 : 0;
    SetLastError(ERROR_MORE_DATA);
    return from != 0;
}

static SC_HANDLE WINAPI open_manager(LPCWSTR host, LPCWSTR database, DWORD access)
{
    assert_int_equal(access, SC_MANAGER_CONNECT | SC_MANAGER_ENUMERATE_SERVICE);
    return SEAM_REAL(OpenSCManagerW)(host, database, access);
}

static void test_service_reader__knows_all_services_of_a_shared_host(void **state)
{
    char room[64];
    struct text text;
    (void)state;
    services_error = 0;
    is_stuck = false;
    seam_replace(IMPORT_EnumServicesStatusExW, (seam_function)enum_services);
    seam_replace(IMPORT_OpenSCManagerW, (seam_function)open_manager);
    assert_true(service_reader_read(&machine));
    assert_int_equal(machine.services.count, 3);
    text_init(&text, room, sizeof room);
    assert_int_equal(machine_list_services(&text, &machine, 900), 2);
    assert_string_equal(text.at, "RpcSs, Dcom\xC3\xBC");
    assert_true(machine_has_service(&machine, 1200, "portlistener"));
}

static void test_service_reader__says_when_it_cannot_read(void **state)
{
    (void)state;
    seam_replace(IMPORT_EnumServicesStatusExW, (seam_function)enum_services);
    services_error = ERROR_ACCESS_DENIED;
    assert_false(service_reader_read(&machine));
    services_error = 0;
    is_stuck = true; /* more data, and none comes */
    assert_false(service_reader_read(&machine));
    is_stuck = false;
    fault_arm(IMPORT_OpenSCManagerW, 1, ERROR_ACCESS_DENIED, 1);
    assert_false(service_reader_read(&machine));
    fault_clear();
    for (uint32_t nth = 1; nth <= 3; nth++) {
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        assert_false(service_reader_read(&machine));
    }
}

/* ---- Excluded ports ---- */

static unsigned children;

/* In netsh's place cmd.exe, that prints what netsh would. */
static BOOL WINAPI run_netsh(LPCWSTR program, LPWSTR line, LPSECURITY_ATTRIBUTES security,
                             LPSECURITY_ATTRIBUTES thread_security, BOOL inherits, DWORD flags,
                             LPVOID environment, LPCWSTR folder, LPSTARTUPINFOW start,
                             LPPROCESS_INFORMATION process)
{
    WCHAR other[MAX_PATH], replaced[512];
    const WCHAR *name = wcsrchr(program, L'\\');
    assert_int_equal(wcscmp(name, L"\\netsh.exe"), 0);
    assert_non_null(wcsstr(line, L"show excludedportrange protocol="));
    wcscpy(other, program);
    wcscpy(other + (name - program), L"\\cmd.exe");
    const bool is_six = wcsstr(line, L"ipv6") != NULL, is_udp = wcsstr(line, L"=udp") != NULL;
    swprintf(replaced, 512,
             is_six ? L"cmd /c exit 1"
                    : L"cmd /c \"echo Bereich %ls& echo    %d   50051& echo 50000 50059 *\"",
             is_udp ? L"udp" : L"tcp", is_udp ? 40000 : 49952);
    children++;
    return SEAM_REAL(CreateProcessW)(other, replaced, security, thread_security, inherits, flags, environment,
                                     folder, start, process);
}

static void test_range_reader__asks_netsh_for_each_protocol_and_family(void **state)
{
    (void)state;
    children = 0;
    clock_stop(); /* however long the machine takes */
    seam_replace(IMPORT_CreateProcessW, (seam_function)run_netsh);
    assert_true(range_reader_read(&machine, NULL)); /* IPv6 is off: its answers do not matter */
    assert_int_equal(children, 4);
    assert_int_equal(machine.ranges.count, 4);
    assert_int_equal(machine_range_at(&machine, 0)->first, 49952);
    assert_int_equal(machine_range_at(&machine, 0)->family, 4);
    assert_true(machine_range_at(&machine, 1)->is_administered);
    assert_int_equal(machine_range_at(&machine, 2)->protocol, CONFIG_UDP);
    assert_int_equal(machine_range_at(&machine, 2)->first, 40000);
}

static void test_range_reader__says_when_it_cannot_read(void **state)
{
    (void)state;
    fault_arm(IMPORT_CreateProcessW, 1, ERROR_FILE_NOT_FOUND, FAULT_FOREVER);
    assert_false(range_reader_read(&machine, NULL));
    assert_int_equal(machine.ranges.count, 0);
}

/* ---- All of it ---- */

static void test_machine_reader__notes_what_it_could_read(void **state)
{
    (void)state;
    replace_processes();
    services_error = 0;
    clock_stop();
    seam_replace(IMPORT_EnumServicesStatusExW, (seam_function)enum_services);
    seam_replace(IMPORT_CreateProcessW, (seam_function)run_netsh);
    machine_read(&machine, MACHINE_ALL, NULL);
    assert_int_equal(machine.known, MACHINE_ALL);
    assert_int_equal(machine.own_pid, GetCurrentProcessId());
    machine_fini(&machine);
    services_error = ERROR_ACCESS_DENIED;
    world.errors[0] = world.errors[1] = world.adapters_error = ERROR_NOT_SUPPORTED;
    is_snapshot_denied = true;
    fault_arm(IMPORT_CreatePipe, 1, ERROR_NOT_ENOUGH_MEMORY, FAULT_FOREVER);
    machine_read(&machine, MACHINE_ALL, NULL);
    assert_int_equal(machine.known, 0);
    machine_read(&machine, 0, NULL);
    assert_int_equal(machine.known, 0);
    is_snapshot_denied = false;
}

/* The system at hand: a socket of ours is in its tables, and so is our name. Wine 8 tells of no socket whose it is. */
static void test_machine_reader__reads_this_system(void **state)
{
    (void)state;
    WSADATA data;
    SOCKADDR_IN address = {.sin_family = AF_INET};
    int length = sizeof address;
    bool is_found = false;
    seam_restore();
    assert_int_equal(WSAStartup(MAKEWORD(2, 2), &data), 0);
    SOCKET s = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_NO_HANDLE_INHERIT);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(s, (SOCKADDR *)(void *)&address, sizeof address), 0);
    assert_int_equal(listen(s, 1), 0);
    assert_int_equal(getsockname(s, (SOCKADDR *)(void *)&address, &length), 0);
    machine_read(&machine, MACHINE_ALL & ~(unsigned)MACHINE_RANGES, NULL);
    assert_int_equal(machine.known, MACHINE_ALL & ~(unsigned)MACHINE_RANGES);
    for (size_t i = 0; i < machine.ports.count; i++) {
        const struct machine_port *port = machine_port_at(&machine, i);
        if (port->protocol == CONFIG_TCP && port->local.port == ntohs(address.sin_port) &&
            port->state == PORT_LISTENING) {
            is_found = true;
            if (port->pid == 0) {
                print_message("SKIP: this Wine does not tell whose a socket is\n");
            } else {
                assert_int_equal(port->pid, machine.own_pid);
            }
        }
    }
    assert_true(is_found);
    assert_non_null(strstr(machine_find_process(&machine, machine.own_pid)->path, "test_machine_reader"));
    assert_true(machine.addresses.count > 0);
    closesocket(s);
    WSACleanup();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_port_reader__reads_tcp_of_both_families),
        test(test_port_reader__reads_udp_of_both_families),
        test(test_port_reader__copes_with_a_table_that_grows),
        test(test_port_reader__does_not_read_beyond_the_table),
        test(test_port_reader__one_family_is_enough),
        test(test_port_reader__says_when_it_cannot_read),
        test(test_address_reader__knows_adapters_and_states),
        test(test_address_reader__says_when_it_cannot_read),
        test(test_process_reader__tells_names_and_the_paths_that_it_may_see),
        test(test_process_reader__says_when_it_cannot_read),
        test(test_service_reader__knows_all_services_of_a_shared_host),
        test(test_service_reader__says_when_it_cannot_read),
        test(test_range_reader__asks_netsh_for_each_protocol_and_family),
        test(test_range_reader__says_when_it_cannot_read),
        test(test_machine_reader__notes_what_it_could_read),
        test(test_machine_reader__reads_this_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
