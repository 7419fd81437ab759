/* SPDX-License-Identifier: MIT
   Tests of diagnosis/port_expectations.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "diagnosis/port_expectations.h"
#include "support/failing_memory.h"

static char web_name[] = "nginx.exe", web_path[] = "C:\\Program Files\\nginx\\nginx.exe";
static const struct machine_process web = {7, web_name, web_path};

static struct machine_port port_of(enum config_protocol protocol, const char *address, uint16_t number)
{
    struct machine_port port = {.protocol = protocol, .state = PORT_LISTENING};
    assert_true(address_parse(address, strlen(address), &port.local));
    port.local.port = number;
    return port;
}

static bool has(const char *lines, enum config_protocol protocol, const char *address, uint16_t number,
                const struct machine_process *process)
{
    struct port_expectations expectations;
    char room[256];
    struct text problem;
    const struct machine_port port = port_of(protocol, address, number);
    text_init(&problem, room, sizeof room);
    if (!port_expectations_parse(&expectations, lines, strlen(lines), &problem)) {
        fail_msg("%s", problem.at);
    }
    const bool result = port_expectations_have(&expectations, &port, process);
    port_expectations_free(&expectations);
    return result;
}

static void test_port_expectations__names_sockets(void **state)
{
    (void)state;
    static const struct {
        const char *line, *address;
        uint16_t port;
        bool is_expected;
    } rows[] = {
        {"tcp 127.0.0.1:80 *", "127.0.0.1", 80, true},
        {"tcp 127.0.0.1:80 *", "127.0.0.1", 81, false},
        {"tcp 127.0.0.1:80 *", "127.0.0.2", 80, false},
        {"udp 127.0.0.1:80 *", "127.0.0.1", 80, false},
        {"TCP *:80 *", "::1", 80, true},
        {"tcp [::1]:80 *", "::1", 80, true},
        {"tcp *:49152-65535 *", "0.0.0.0", 49664, true},
        {"tcp *:49152-65535 *", "0.0.0.0", 49151, false},
        {"tcp *:80 nginx.exe", "0.0.0.0", 80, true},
        {"tcp *:80 NGINX.EXE", "0.0.0.0", 80, true},
        {"tcp *:80 apache.exe", "0.0.0.0", 80, false},
        {"tcp *:80 c:\\program files\\nginx\\nginx.exe", "0.0.0.0", 80, true},
        {"tcp *:80 C:\\Temp\\nginx.exe", "0.0.0.0", 80, false}, /* the same name from another folder */
        {"\xEF\xBB\xBF# mine\r\n\r\n; yours\r\n  tcp\t*:80   nginx.exe  \r\n", "0.0.0.0", 80, true},
        {"", "0.0.0.0", 80, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (has(rows[i].line, CONFIG_TCP, rows[i].address, rows[i].port, &web) != rows[i].is_expected) {
            fail_msg("%s", rows[i].line);
        }
    }
    assert_true(has("tcp *:80 *", CONFIG_TCP, "0.0.0.0", 80, NULL));
    assert_false(has("tcp *:80 nginx.exe", CONFIG_TCP, "0.0.0.0", 80, NULL));
}

static void test_port_expectations__tells_what_is_wrong_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *line, *told;
    } rows[] = {
        {"tpc *:80 *", "line 2: it begins with tcp or udp"},
        {"tcp", "line 2: behind the protocol stands an address with a port"},
        {"tcp 80 *", "line 2: behind"},
        {"tcp :80 *", "line 2: behind"},
        {"tcp *:0 *", "line 2: behind"},
        {"tcp *:65536 *", "line 2: behind"},
        {"tcp *:9999999999 *", "line 2: behind"},
        {"tcp *:8a *", "line 2: behind"},
        {"tcp *: *", "line 2: behind"},
        {"tcp *:90-80 *", "line 2: behind"},
        {"tcp *:80- *", "line 2: behind"},
        {"tcp ::1:80 *", "line 2: behind"},
        {"tcp [127.0.0.1]:80 *", "line 2: behind"},
        {"tcp localhost:80 *", "line 2: behind"},
        {"tcp *:80", "line 2: at the end stands the path of a program"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct port_expectations expectations;
        char room[256], lines[128];
        struct text problem;
        snprintf(lines, sizeof lines, "tcp *:1 *\n%s", rows[i].line);
        text_init(&problem, room, sizeof room);
        assert_false(port_expectations_parse(&expectations, lines, strlen(lines), &problem));
        port_expectations_free(&expectations);
        assert_memory_equal(problem.at, rows[i].told, strlen(rows[i].told));
    }
}

static void test_port_expectations__reads_the_lines_that_it_writes(void **state)
{
    (void)state;
    static const struct machine_process nameless = {8, NULL, NULL};
    static const struct machine_process pathless = {9, web_name, NULL};
    const struct machine_process *const processes[] = {&web, &nameless, &pathless, NULL};
    for (size_t i = 0; i < sizeof processes / sizeof processes[0]; i++) {
        const struct machine_port port =
            port_of(i % 2 == 0 ? CONFIG_TCP : CONFIG_UDP, i < 2 ? "::1" : "10.0.0.1", 80);
        char room[256];
        struct text text;
        text_init(&text, room, sizeof room);
        const bool is_named = port_expectations_add_line(&text, &port, processes[i]);
        assert_int_equal(is_named, strstr(text.at, " *\n") == NULL);
        assert_int_equal(is_named, text.at[0] != '#');
        assert_true(has(text.at, port.protocol, i < 2 ? "::1" : "10.0.0.1", 80, processes[i]));
        assert_false(has(text.at, port.protocol, i < 2 ? "::1" : "10.0.0.1", 81, processes[i]));
    }
}

static void test_port_expectations__can_run_out_of_memory(void **state)
{
    (void)state;
    struct port_expectations expectations;
    char room[16];
    struct text problem;
    text_init(&problem, room, sizeof room);
    failing_memory_arm(1, true);
    assert_false(port_expectations_parse(&expectations, "", 0, &problem));
    assert_int_equal(problem.length, 0);
    failing_memory_arm(0, false);
    port_expectations_free(&expectations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_port_expectations__names_sockets),
        failing_memory_test(test_port_expectations__tells_what_is_wrong_and_where),
        failing_memory_test(test_port_expectations__reads_the_lines_that_it_writes),
        failing_memory_test(test_port_expectations__can_run_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
