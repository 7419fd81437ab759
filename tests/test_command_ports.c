/* SPDX-License-Identifier: MIT
   Tests of command_ports.c and ports_report.c: what "ports" prints and returns, with sockets that are made up. */
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
#include "support/fault.h"
#include "support/program.h"
#include "support/registry_key.h"
#include "support/seam.h"
#include "support/streams.h"
#include "support/support.h"

#define PORT(number) ((DWORD)((number) >> 8 | ((number)&0xFF) << 8))
#define LOOPBACK     0x0100007F
#define TEST_SERVICE "PortListenerTestPorts"

static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    char *file;   /* the configuration */
    char *expect; /* the file of --expect */
    struct streams streams;
    MIB_TCPROW_OWNER_PID rows[4];
    DWORD count;
    uint16_t ipv6_port; /* that listens on [::]; 0: none */
    bool is_broken;
    unsigned slept;
    char printed[65536], complained[2048];
} world;

static DWORD empty(PVOID table, const DWORD *size)
{
    if (world.is_broken) {
        return ERROR_NOT_SUPPORTED;
    }
    memset(table, 0, *size);
    return NO_ERROR;
}

static DWORD WINAPI tcp_table(PVOID table, PDWORD size, BOOL order, ULONG family, TCP_TABLE_CLASS kind,
                              ULONG reserved)
{
    (void)order, (void)kind, (void)reserved;
    const DWORD error = empty(table, size);
    if (error == NO_ERROR && family == AF_INET) {
        memcpy(table, &world.count, sizeof world.count);
        memcpy((char *)table + offsetof(MIB_TCPTABLE_OWNER_PID, table), world.rows, sizeof world.rows);
    } else if (error == NO_ERROR && world.ipv6_port != 0) {
        const MIB_TCP6TABLE_OWNER_PID one = {
            1, {{.dwLocalPort = PORT(world.ipv6_port), .dwState = MIB_TCP_STATE_LISTEN}}};
        memcpy(table, &one, sizeof one);
    }
    return error;
}

static DWORD WINAPI udp_table(PVOID table, PDWORD size, BOOL order, ULONG family, UDP_TABLE_CLASS kind,
                              ULONG reserved)
{
    (void)order, (void)family, (void)kind, (void)reserved;
    return empty(table, size);
}

static FARPROC WINAPI find_function(HMODULE library, LPCSTR name)
{
    return strcmp(name, "GetExtendedTcpTable") == 0   ? (FARPROC)(void (*)(void))tcp_table
           : strcmp(name, "GetExtendedUdpTable") == 0 ? (FARPROC)(void (*)(void))udp_table
                                                      : SEAM_REAL(GetProcAddress)(library, name);
}

static void add(DWORD port, DWORD address, DWORD state, DWORD pid)
{
    world.rows[world.count++] = (MIB_TCPROW_OWNER_PID){.dwState = state,
                                                       .dwLocalAddr = address,
                                                       .dwLocalPort = PORT(port),
                                                       .dwRemoteAddr = LOOPBACK,
                                                       .dwRemotePort = PORT(5555),
                                                       .dwOwningPid = pid};
}

/* Each pause changes something; the third time nobody reads any more. */
static void WINAPI fake_sleep(DWORD milliseconds)
{
    (void)milliseconds;
    if (world.slept == 0) {
        add(99, 0, MIB_TCP_STATE_LISTEN, 0);
    } else if (world.slept == 1) {
        world.rows[0].dwLocalPort = PORT(98);
    } else {
        world.streams.out.error = ERROR_BROKEN_PIPE;
    }
    world.slept++;
}

typedef void(WINAPI *sleep_function)(DWORD);
extern sleep_function __imp_Sleep; /* the seam does not have it */
sleep_function __imp_Sleep = fake_sleep;

static int setup(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    memset(&world, 0, sizeof world);
    if (support_setup(state) != 0) {
        return -1;
    }
    program_folder(world.folder);
    program_write(world.folder, L"test.ini",
                  "[endpoint echo]\nlisten = tcp://127.0.0.1:7, tcp://127.0.0.1:8\nhandler = echo\n", path);
    world.file = utf16_to_utf8(path);
    program_write(world.folder, L"expected.txt", "# mine\ntcp 127.0.0.1:7 *\n", path);
    world.expect = utf16_to_utf8(path);
    seam_replace(IMPORT_GetProcAddress, (seam_function)find_function);
    add(7, LOOPBACK, MIB_TCP_STATE_LISTEN, GetCurrentProcessId());
    return world.file != NULL && world.expect != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    registry_key_remove(TEST_SERVICE);
    memory_free(world.file);
    memory_free(world.expect);
    program_remove(world.folder);
    return support_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* With the options whose places in the array hold something. */
static enum exit_code run(const char *const options[OPTION_COUNT])
{
    struct arguments arguments = {0};
    memcpy(arguments.options, options, sizeof arguments.options);
    streams_open(&world.streams, world.folder);
    const enum exit_code code = command_ports_run(&arguments, &world.streams);
    fault_clear();
    streams_end(&world.streams, world.folder, world.printed, sizeof world.printed, world.complained,
                sizeof world.complained);
    return code;
}

static void expect(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, text);
    }
}

static void expect_no(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) {
        fail_msg("\"%s\" is in: %s", part, text);
    }
}

static void test_command_ports__lists_what_listens(void **state)
{
    (void)state;
    add(80, 0, MIB_TCP_STATE_LISTEN, 0);
    add(81, 0, MIB_TCP_STATE_ESTAB, GetCurrentProcessId());
    const char *options[OPTION_COUNT] = {[OPTION_CONFIG] = world.file};
    assert_int_equal(run(options), EXIT_CODE_DONE);
    expect(world.printed,
           "     address                      pid process           state        exposure whose");
    expect(world.printed, "tcp  127.0.0.1:7 ");
    expect(world.printed, " test_co...rts.exe listening    loopback ours ");
    expect(world.printed, "test_command_ports.exe");
    expect(world.printed,
           "tcp  0.0.0.0:80                     0 ?                 listening    all      unknown    "
           "not known\n");
    expect(world.printed, "! tcp://127.0.0.1:8 of the endpoint echo is configured, and nobody holds it\n");
    expect_no(world.printed, ":81");
    for (const char *line = world.printed; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        assert_in_range(end - line, 1, 100);
        line = end + 1;
    }
    options[OPTION_ALL] = "--all";
    assert_int_equal(run(options), EXIT_CODE_DONE);
    expect(world.printed, "tcp  0.0.0.0:81 ");
    expect(world.printed, " established ");
}

static void test_command_ports__lists_for_programs(void **state)
{
    (void)state;
    add(81, LOOPBACK, MIB_TCP_STATE_ESTAB, 0);
    const char *options[OPTION_COUNT] = {
        [OPTION_CONFIG] = world.file, [OPTION_JSON] = "--json", [OPTION_ALL] = "--all"};
    assert_int_equal(run(options), EXIT_CODE_DONE);
    expect(world.printed, "[{\"protocol\": \"tcp\", \"address\": \"127.0.0.1\", \"port\": 7, \"pid\": ");
    expect(world.printed, "\"process\": \"test_command_ports.exe\", \"path\": \"");
    expect(world.printed,
           "\\\\test_command_ports.exe\", \"state\": \"listening\", \"exposure\": \"loopback\", "
           "\"whose\": \"ours\", \"signature\": \"");
    expect(world.printed, ", \"company\": null, \"services\": [], \"notes\": []},\n{\"protocol\"");
    expect(world.printed,
           "\"port\": 81, \"pid\": 0, \"peer\": \"127.0.0.1\", \"peer_port\": 5555, \"process\": null, "
           "\"path\": null, \"state\": \"established\"");
    expect(world.printed, "}]\n");
}

/* As the sockets are, so that a program that knows those reads them, too. */
static void test_command_ports__lists_what_is_missing_for_programs(void **state)
{
    (void)state;
    WCHAR path[PROGRAM_PATH_MAX];
    const char *options[OPTION_COUNT] = {[OPTION_CONFIG] = world.file, [OPTION_JSON] = "--json"};
    assert_int_equal(run(options), EXIT_CODE_DONE);
    expect(world.printed,
           "\"services\": [], \"notes\": []},\n"
           "{\"protocol\": \"tcp\", \"address\": \"127.0.0.1\", \"port\": 8, \"pid\": 0, \"endpoint\": "
           "\"echo\", \"listen\": \"tcp://127.0.0.1:8\", \"process\": null, \"path\": null, \"state\": "
           "\"missing\", \"exposure\": \"loopback\", \"whose\": \"configured\", \"signature\": \"not "
           "known\", \"company\": null, \"services\": [], \"notes\": [\"the configuration wants this port, "
           "and nobody has it\"]}]\n");
    expect_no(world.printed, "\"listen\": \"tcp://127.0.0.1:7\"");
    world.count = 0; /* no socket before the first one; all of them, of enabled endpoints */
    program_write(world.folder, L"test.ini",
                  "[endpoint many]\nlisten = udp://*:1000-1099\nhandler = echo\n"
                  "[endpoint off]\nlisten = tcp://127.0.0.1:9\nhandler = echo\nenabled = no\n",
                  path);
    assert_int_equal(run(options), EXIT_CODE_DONE);
    expect(world.printed, "[{\"protocol\": \"udp\", \"address\": \"::\", \"port\": 1000, ");
    expect(world.printed, ", \"endpoint\": \"many\", \"listen\": \"udp://*:1099\", ");
    expect(world.printed, "\"exposure\": \"all\"");
    expect_no(world.printed, "\"off\"");
    options[OPTION_LINES] = "--lines"; /* of sockets alone */
    options[OPTION_JSON] = NULL;
    assert_int_equal(run(options), EXIT_CODE_DONE);
    assert_string_equal(world.printed, "");
}

/* Whether [::] takes IPv4 as well is in no table, and neither said nor denied. */
static void test_command_ports__does_not_guess_what_takes_ipv4(void **state)
{
    (void)state;
    WCHAR path[PROGRAM_PATH_MAX];
    program_write(world.folder, L"test.ini", "[endpoint web]\nlisten = tcp://0.0.0.0:80\nhandler = echo\n",
                  path);
    world.ipv6_port = 80;
    const char *options[OPTION_COUNT] = {[OPTION_CONFIG] = world.file};
    assert_int_equal(run(options), EXIT_CODE_DONE);
    expect(world.printed,
           "! the configuration wants this port on IPv4, which a socket on [::] may take as well\n");
    expect(world.printed,
           "! tcp://0.0.0.0:80 of the endpoint web is configured, and nobody holds it, unless [::] "
           "takes IPv4 as well\n");
    expect_no(world.printed, "another program has it");
    options[OPTION_JSON] = "--json";
    assert_int_equal(run(options), EXIT_CODE_DONE);
    expect(world.printed, "\"state\": \"missing\"");
    expect_no(world.printed, "nobody has it");
}

static void test_command_ports__holds_it_against_what_is_expected(void **state)
{
    (void)state;
    const char *options[OPTION_COUNT] = {[OPTION_CONFIG] = world.file, [OPTION_EXPECT] = world.expect};
    assert_int_equal(run(options), EXIT_CODE_DONE);
    add(80, 0, MIB_TCP_STATE_LISTEN, 0);
    assert_int_equal(run(options), EXIT_CODE_FAILED);
    expect(world.printed, "     ! not expected: the file of --expect does not name it\n");
    options[OPTION_JSON] = "--json";
    assert_int_equal(run(options), EXIT_CODE_FAILED);
    expect(world.printed, "\"notes\": [\"not expected: the file");
}

/* What a first run prints is what a second one expects. */
static void test_command_ports__makes_the_file_itself(void **state)
{
    (void)state;
    WCHAR path[PROGRAM_PATH_MAX];
    add(80, 0, MIB_TCP_STATE_LISTEN, 0);
    add(80, 0, MIB_TCP_STATE_LISTEN, 0); /* a socket that shares the address */
    const char *options[OPTION_COUNT] = {[OPTION_CONFIG] = world.file, [OPTION_LINES] = "--lines"};
    assert_int_equal(run(options), EXIT_CODE_DONE);
    expect(world.printed, "tcp 127.0.0.1:7 ");
    expect(world.printed,
           "test_command_ports.exe\n# The program (process 0) is not seen: this line allows any.\n"
           "tcp 0.0.0.0:80 *\n");
    expect(world.complained,
           "portlistener: 1 line allows any program (*), as the one that listens is not seen");
    assert_null(strstr(strstr(world.printed, ":80 *\n") + 1, ":80 *\n"));
    program_write(world.folder, L"expected.txt", world.printed, path);
    options[OPTION_LINES] = NULL;
    options[OPTION_EXPECT] = world.expect;
    assert_int_equal(run(options), EXIT_CODE_DONE);
    add(82, 0, MIB_TCP_STATE_LISTEN, 0);
    assert_int_equal(run(options), EXIT_CODE_FAILED);
}

static void test_command_ports__tells_what_is_wrong_with_its_files(void **state)
{
    (void)state;
    WCHAR path[PROGRAM_PATH_MAX];
    const char *options[OPTION_COUNT] = {[OPTION_CONFIG] = world.file, [OPTION_EXPECT] = "C:\\no such file"};
    assert_int_equal(run(options), EXIT_CODE_USAGE);
    expect(world.complained, "portlistener: --expect C:\\no such file: the file cannot be read");
    program_write(world.folder, L"expected.txt", "tcp *:80 *\nudp\n", path);
    options[OPTION_EXPECT] = world.expect;
    assert_int_equal(run(options), EXIT_CODE_USAGE);
    expect(world.complained, "expected.txt: line 2: behind the protocol stands");
    program_write(world.folder, L"test.ini", "[nonsense]\n", path);
    options[OPTION_EXPECT] = NULL;
    assert_int_equal(run(options), EXIT_CODE_CONFIGURATION);
    expect(world.complained, "the configuration has errors; \"portlistener check\" shows them");
    options[OPTION_CONFIG] = "C:\\no such file";
    assert_int_equal(run(options), EXIT_CODE_CONFIGURATION);
}

static void test_command_ports__needs_no_configuration(void **state)
{
    (void)state;
    const char *options[OPTION_COUNT] = {[OPTION_SERVICE] = TEST_SERVICE};
    fault_arm(IMPORT_CreateFileW, 5, ERROR_FILE_NOT_FOUND, FAULT_FOREVER); /* behind those of the streams */
    assert_int_equal(run(options), EXIT_CODE_DONE);
    expect(world.printed, "tcp  127.0.0.1:7 ");
    expect_no(world.printed, "configured");
}

static void test_command_ports__does_without_a_broken_configuration(void **state)
{
    (void)state;
    WCHAR path[PROGRAM_PATH_MAX];
    program_write(world.folder, L"test.ini", "[nonsense]\n", path);
    registry_key_text(TEST_SERVICE, "", "ConfigFile", world.file);
    const char *options[OPTION_COUNT] = {[OPTION_SERVICE] = TEST_SERVICE, [OPTION_EXPECT] = world.expect};
    assert_int_equal(run(options), EXIT_CODE_DONE);
    expect(world.printed, "tcp  127.0.0.1:7 ");
    expect(world.complained,
           "portlistener: the configuration has errors, so sockets are not compared with it; "
           "\"portlistener check\" shows them\n");
    add(80, 0, MIB_TCP_STATE_LISTEN, 0);
    assert_int_equal(run(options), EXIT_CODE_FAILED); /* the answer of the audit */
}

static void test_command_ports__says_when_it_cannot_look(void **state)
{
    (void)state;
    const char *options[OPTION_COUNT] = {[OPTION_CONFIG] = world.file};
    world.is_broken = true;
    assert_int_equal(run(options), EXIT_CODE_FAILED);
    expect(world.complained, "portlistener: the sockets of this machine could not be read");
}

static void test_command_ports__watches(void **state)
{
    (void)state;
    const char *options[OPTION_COUNT] = {[OPTION_CONFIG] = world.file, [OPTION_WATCH] = "--watch"};
    assert_int_equal(run(options), EXIT_CODE_DONE);
    expect(world.printed, "\n+ tcp  0.0.0.0:99 ");
    expect(world.printed, "\n- tcp  127.0.0.1:7 ");
    expect(world.printed, "\n+ tcp  127.0.0.1:98 ");
    world.slept = 0;
    world.count = 1;
    options[OPTION_JSON] = "--json";
    assert_int_equal(run(options), EXIT_CODE_DONE);
    expect(world.printed,
           "\n{\"change\": \"opened\", \"socket\": {\"protocol\": \"tcp\", \"address\": \"0.0.0.0\", "
           "\"port\": 99,");
    expect(world.printed, "\"notes\": []}}\n");
}

static void test_command_ports__lists_many_that_are_missing(void **state)
{
    (void)state;
    WCHAR path[PROGRAM_PATH_MAX];
    program_write(world.folder, L"test.ini",
                  "[endpoint many]\nlisten = tcp://127.0.0.1:1000-1099\nhandler = echo\n", path);
    const char *options[OPTION_COUNT] = {[OPTION_CONFIG] = world.file};
    assert_int_equal(run(options), EXIT_CODE_DONE);
    expect(world.printed, "tcp://127.0.0.1:1063 of");
    expect_no(world.printed, "tcp://127.0.0.1:1064 of");
    expect(world.printed, "! and 36 more that are configured\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_command_ports__lists_what_listens),
        test(test_command_ports__lists_for_programs),
        test(test_command_ports__lists_what_is_missing_for_programs),
        test(test_command_ports__does_not_guess_what_takes_ipv4),
        test(test_command_ports__holds_it_against_what_is_expected),
        test(test_command_ports__makes_the_file_itself),
        test(test_command_ports__tells_what_is_wrong_with_its_files),
        test(test_command_ports__needs_no_configuration),
        test(test_command_ports__does_without_a_broken_configuration),
        test(test_command_ports__says_when_it_cannot_look),
        test(test_command_ports__watches),
        test(test_command_ports__lists_many_that_are_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
