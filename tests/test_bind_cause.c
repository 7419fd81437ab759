/* SPDX-License-Identifier: MIT
   Tests of diagnosis/bind_cause.h: what was seen, and the sentence that comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "diagnosis/bind_cause.h"
#include "support/failing_memory.h"

enum { OWN = 100, MINE = 101, WEB = 200, HOST = 300, HIDDEN = 400, BLANK = 500 };

static struct machine machine;

static struct pl_address parse(const char *at)
{
    struct pl_address address = {0};
    const char *port = strrchr(at, '/');
    assert_true(address_parse(at, (size_t)(port - at), &address));
    address.port = (uint16_t)strtoul(port + 1, NULL, 10);
    return address;
}

static void add(enum config_protocol protocol, enum machine_port_state port_state, const char *local,
                uint32_t pid)
{
    struct machine_port port = {.protocol = protocol, .state = port_state, .local = parse(local), .pid = pid};
    if (port_state > PORT_LISTENING) {
        port.peer = parse("198.51.100.7/5555");
    }
    assert_true(machine_add_port(&machine, &port));
}

static void listens(const char *local, uint32_t pid)
{
    add(CONFIG_TCP, PORT_LISTENING, local, pid);
}

static int setup(void **state)
{
    const int result = failing_memory_setup(state);
    machine_init(&machine);
    machine.own_pid = OWN;
    machine.known = ~0U;
    assert_true(machine_add_process(&machine, OWN, "portlistener.exe", "C:\\PL\\portlistener.exe"));
    assert_true(machine_add_process(&machine, MINE, "PortListener.exe", "c:\\pl\\PortListener.exe"));
    assert_true(machine_add_service(&machine, MINE, "PL2"));
    assert_true(machine_add_process(&machine, WEB, "nginx.exe", "C:\\nginx\\nginx.exe"));
    assert_true(machine_add_process(&machine, HOST, "svchost.exe", NULL));
    assert_true(machine_add_service(&machine, HOST, "Dnscache"));
    assert_true(machine_add_service(&machine, HOST, "NlaSvc"));
    assert_true(machine_add_process(&machine, BLANK, "bad\x1b[2J\n.exe", NULL));
    return result;
}

static int teardown(void **state)
{
    machine_fini(&machine);
    return failing_memory_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static char said[2048];
static struct bind_cause cause;

static const char *explain(enum config_protocol protocol, const char *wanted, bool is_dual_stack,
                           uint32_t error)
{
    const struct bind_question question = {protocol, parse(wanted), is_dual_stack, error};
    struct text text;
    text_init(&text, said, sizeof said);
    bind_cause_find(&machine, &question, &cause);
    bind_cause_add(&text, &machine, &question, &cause);
    assert_false(text.is_cut);
    return said;
}

static const char *tcp(const char *wanted, uint32_t error)
{
    return explain(CONFIG_TCP, wanted, false, error);
}

static void expect(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, text);
    }
}

/* ---- 10048 ---- */

static void test_bind_cause__names_the_program_that_holds_it(void **state)
{
    (void)state;
    listens("0.0.0.0/80", WEB);
    assert_string_equal(
        tcp("0.0.0.0/80", BIND_IN_USE),
        "tcp://0.0.0.0:80 is held by nginx.exe (process 200, C:\\nginx\\nginx.exe): end that program, "
        "or choose another port");
    assert_int_equal(cause.kind, CAUSE_HELD);
}

static void test_bind_cause__names_the_services_of_a_shared_host(void **state)
{
    (void)state;
    listens("127.0.0.1/80", HOST);
    assert_string_equal(
        tcp("0.0.0.0/80", BIND_IN_USE),
        "tcp://127.0.0.1:80 is held by svchost.exe (process 300, services Dnscache, NlaSvc; this "
        "account may not see its path: \"portlistener check\", run elevated, tells more): end that "
        "program, or choose another port");
}

static void test_bind_cause__tells_of_a_process_that_may_not_be_looked_at(void **state)
{
    (void)state;
    listens("0.0.0.0/80", HIDDEN);
    expect(tcp("0.0.0.0/80", BIND_IN_USE),
           "is held by process 400 (its name may not be read; this account may");
}

static void test_bind_cause__shows_no_control_characters_of_a_name(void **state)
{
    (void)state;
    listens("0.0.0.0/80", BLANK);
    expect(tcp("0.0.0.0/80", BIND_IN_USE), "is held by bad\\x1B[2J\\n.exe (process 500; this");
}

static void test_bind_cause__knows_the_kernel(void **state)
{
    (void)state;
    listens("::/80", MACHINE_KERNEL);
    listens("0.0.0.0/80", MACHINE_KERNEL);
    listens("0.0.0.0/445", MACHINE_KERNEL);
    expect(tcp("0.0.0.0/80", BIND_IN_USE),
           "tcp://0.0.0.0:80 is held by the kernel (process 4) (and 1 more socket on "
           "this port): most often HTTP.sys");
    expect(said, "\"netsh http show servicestate\" shows for whom");
    expect(tcp("192.0.2.1/445", BIND_ACCESS), "Windows file sharing");
    assert_int_equal(cause.kind, CAUSE_HELD_BY_KERNEL);
    add(CONFIG_UDP, PORT_BOUND, "0.0.0.0/137", MACHINE_KERNEL);
    expect(explain(CONFIG_UDP, "0.0.0.0/137", false, BIND_IN_USE), "udp://0.0.0.0:137 is held by the kernel");
    expect(said, "Windows file sharing");
}

static void test_bind_cause__knows_itself_and_its_twins(void **state)
{
    (void)state;
    listens("0.0.0.0/80", OWN);
    listens("0.0.0.0/81", MINE);
    expect(tcp("0.0.0.0/80", BIND_IN_USE), "is held by this process itself (100): two endpoints");
    expect(tcp("0.0.0.0/81", BIND_IN_USE), "is held by another PortListener: PortListener.exe (process 101, "
                                           "c:\\pl\\PortListener.exe, service PL2): end that one, or");
}

static void test_bind_cause__never_invents_a_name(void **state)
{
    (void)state;
    listens("0.0.0.0/80", 0);
    expect(tcp("0.0.0.0/80", BIND_IN_USE),
           "tcp://0.0.0.0:80 is held by a program that the system does not name:");
    assert_null(strstr(said, "process"));
}

static void test_bind_cause__names_nobody_who_cannot_be_it(void **state)
{
    (void)state;
    listens("127.0.0.2/80", WEB);                   /* another address */
    listens("::1/80", WEB);                         /* another family */
    listens("0.0.0.0/8080", WEB);                   /* another port */
    add(CONFIG_UDP, PORT_BOUND, "0.0.0.0/80", WEB); /* another protocol */
    add(CONFIG_TCP, PORT_TIME_WAIT, "127.0.0.1/80", 0);
    add(CONFIG_TCP, PORT_CLOSED, "127.0.0.1/80", WEB);
    expect(tcp("127.0.0.1/80", BIND_IN_USE),
           "held by a bound socket that does not listen, which no table of the "
           "system shows: \"netstat -qano\" shows it; or by something that is not "
           "of this system");
    assert_int_equal(cause.kind, CAUSE_UNSEEN);
    expect(explain(CONFIG_UDP, "127.0.0.1/81", false, BIND_IN_USE),
           "no table of the system shows who has it");
}

static void test_bind_cause__says_when_it_could_not_look(void **state)
{
    (void)state;
    machine.known = MACHINE_UDP;
    expect(tcp("127.0.0.1/80", BIND_IN_USE),
           "who has the port could not be found out (\"netstat -ano\" shows it): end");
    expect(tcp("127.0.0.1/80", BIND_ACCESS), "; administrator rights do not help");
    expect(explain(CONFIG_UDP, "127.0.0.1/80", false, BIND_IN_USE), "no table of the system");
    machine.known = MACHINE_TCP;
    expect(explain(CONFIG_UDP, "127.0.0.1/80", false, BIND_IN_USE), "could not be found out");
}

static void test_bind_cause__prefers_the_socket_that_explains_it_best(void **state)
{
    (void)state;
    listens("0.0.0.0/80", HOST);
    listens("192.0.2.1/80", WEB);
    listens("192.0.2.1/80", 0);
    expect(tcp("192.0.2.1/80", BIND_IN_USE), "tcp://192.0.2.1:80 is held by nginx.exe");
    expect(said, "(and 2 more sockets on this port)");
    expect(tcp("192.0.2.1/80", BIND_ACCESS), "tcp://0.0.0.0:80 is held by svchost.exe"); /* the matrix */
    expect(said, "; administrator rights do not help");
    expect(tcp("192.0.2.2/80", BIND_ACCESS), "tcp://0.0.0.0:80 is held by svchost.exe");
}

static void test_bind_cause__tells_of_connections_that_outlive_a_listener(void **state)
{
    (void)state;
    add(CONFIG_TCP, PORT_ESTABLISHED, "192.0.2.1/80", WEB);
    expect(
        tcp("0.0.0.0/80", BIND_IN_USE),
        "nobody listens on this port, but 1 connection lives on it, from 198.51.100.7:5555, of nginx.exe (process "
        "200, C:\\nginx\\nginx.exe): Windows gives a port whose exclusive listener was closed to nobody before");
    add(CONFIG_TCP, PORT_CLOSE_WAIT, "192.0.2.1/80", WEB);
    add(CONFIG_TCP, PORT_TIME_WAIT, "192.0.2.1/80", 0);
    expect(tcp("0.0.0.0/80", BIND_IN_USE),
           "but 2 connections live on it, from 198.51.100.7:5555 and others, of nginx");
    const uint64_t key = bind_cause_key(&cause);
    add(CONFIG_TCP, PORT_FIN_WAIT_2, "192.0.2.1/80", 0);
    tcp("0.0.0.0/80", BIND_IN_USE);
    assert_true(bind_cause_key(&cause) == key); /* nothing new */
    listens("0.0.0.0/80", HOST);
    expect(tcp("0.0.0.0/80", BIND_IN_USE), "is held by svchost.exe");
    assert_true(bind_cause_key(&cause) != key);
}

static void test_bind_cause__connections_of_nobody_have_no_name(void **state)
{
    (void)state;
    add(CONFIG_TCP, PORT_FIN_WAIT_2, "192.0.2.1/80", 0);
    expect(tcp("0.0.0.0/80", BIND_IN_USE), "from 198.51.100.7:5555: Windows gives");
}

/* ---- 10013 ---- */

static void test_bind_cause__searches_both_stacks_for_a_dual_stack_address(void **state)
{
    (void)state;
    listens("127.0.0.1/80", WEB);
    expect(explain(CONFIG_TCP, "::/80", true, BIND_ACCESS), "tcp://127.0.0.1:80 is held by nginx.exe");
    expect(said, "; administrator rights do not help");
    expect(explain(CONFIG_TCP, "::/80", false, BIND_ACCESS), "no socket on this port explains it");
    listens("::/81", WEB);
    expect(tcp("127.0.0.1/81", BIND_ACCESS),
           "tcp://[::]:81, which may take IPv4 as well, is held by nginx.exe");
    listens("::1/82", WEB);
    expect(tcp("127.0.0.1/82", BIND_ACCESS), "no socket on this port");
}

static void test_bind_cause__names_the_range_that_windows_has_set_aside(void **state)
{
    (void)state;
    assert_true(
        machine_add_range(&machine, &(const struct machine_range){CONFIG_TCP, 4, 49952, 50051, false}));
    assert_true(
        machine_add_range(&machine, &(const struct machine_range){CONFIG_TCP, 4, 50000, 50000, true}));
    expect(tcp("0.0.0.0/50000", BIND_ACCESS),
           "port 50000 is in the range 49952-50051, which Windows has set aside");
    expect(said, "administrator rights do not help; choose a port outside of it");
    expect(said, "netsh interface ipv4 add excludedportrange protocol=tcp startport=50000 numberofports=1 "
                 "store=persistent");
    const uint64_t key = bind_cause_key(&cause);
    listens("0.0.0.0/50001", WEB);
    expect(tcp("0.0.0.0/50001", BIND_ACCESS), "; tcp://0.0.0.0:50001 is held by nginx.exe");
    assert_true(bind_cause_key(&cause) == key);
    assert_null(strstr(tcp("0.0.0.0/50052", BIND_ACCESS), "range 4"));
    assert_null(strstr(explain(CONFIG_UDP, "0.0.0.0/50000", false, BIND_ACCESS), "49952"));
    assert_null(strstr(explain(CONFIG_TCP, "::/50000", false, BIND_ACCESS), "49952"));
    expect(explain(CONFIG_TCP, "::/50000", true, BIND_ACCESS), "49952");
    assert_null(strstr(tcp("0.0.0.0/50000", BIND_IN_USE), "49952")); /* another error, another cause */
}

static void test_bind_cause__an_administered_range_is_not_to_blame(void **state)
{
    (void)state;
    assert_true(
        machine_add_range(&machine, &(const struct machine_range){CONFIG_TCP, 4, 50000, 50059, true}));
    expect(tcp("0.0.0.0/50000", BIND_ACCESS),
           "no socket on this port explains it, and no range that Windows has set "
           "aside has it; security software");
    expect(said, "administrator rights do not help");
    machine.known &= ~(unsigned)MACHINE_RANGES;
    expect(tcp("0.0.0.0/50000", BIND_ACCESS), "whether Windows has set it aside could not be found out");
}

/* ---- The others ---- */

static void have(const char *address, enum machine_address_state address_state, const char *adapter)
{
    const struct pl_address parsed = parse(address);
    assert_true(machine_add_address(&machine, &parsed, address_state, adapter));
}

static void test_bind_cause__lists_the_addresses_that_there_are(void **state)
{
    (void)state;
    expect(tcp("10.0.0.5/80", BIND_NO_ADDRESS),
           "this machine does not have the address 10.0.0.5 (\"ipconfig\" shows");
    have("192.0.2.1/0", ADDRESS_USABLE, "Ethernet");
    have("2001:db8::1/0", ADDRESS_DOWN, "WLAN\x07");
    have("127.0.0.1/0", ADDRESS_USABLE, NULL);
    expect(
        tcp("10.0.0.5/80", BIND_NO_ADDRESS),
        "this machine does not have the address 10.0.0.5; it has 192.0.2.1 (Ethernet), 2001:db8::1 (WLAN\\x07, "
        "down), 127.0.0.1 (?): correct \"listen\"; or wait: it is bound when the address appears");
    for (int i = 0; i < 7; i++) {
        have("192.0.2.9/0", ADDRESS_USABLE, "Ethernet");
    }
    expect(tcp("10.0.0.5/80", BIND_NO_ADDRESS), "192.0.2.9 (Ethernet) and 2 more: correct");
}

static void test_bind_cause__tells_why_an_address_is_not_ready(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        enum machine_address_state state;
        const char *said;
    } rows[] = {
        {"10.0.0.1/0", ADDRESS_DOWN, "10.0.0.1 (LAN) belongs to an adapter that is down: plug"},
        {"10.0.0.2/0", ADDRESS_TENTATIVE, "10.0.0.2 (LAN) is new, and Windows still checks"},
        {"10.0.0.3/0", ADDRESS_DUPLICATE, "10.0.0.3 (LAN) is also another machine's"},
        {"10.0.0.4/0", ADDRESS_USABLE, "10.0.0.4 (LAN) has appeared by now"},
    };
    uint64_t key = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        have(rows[i].address, rows[i].state, "LAN");
        expect(tcp(rows[i].address, BIND_NO_ADDRESS), rows[i].said);
        assert_true(bind_cause_key(&cause) != key);
        key = bind_cause_key(&cause);
    }
}

static void test_bind_cause__has_words_for_each_other_error(void **state)
{
    (void)state;
    expect(tcp("::1/80", BIND_NO_FAMILY),
           "IPv6 is switched off on this machine: switch it on, or listen on an IPv4");
    expect(tcp("127.0.0.1/80", BIND_NO_FAMILY),
           "IPv4 is switched off on this machine: switch it on, or listen on an "
           "IPv6");
    expect(tcp("127.0.0.1/80", BIND_NO_BUFFERS), "out of memory for sockets, or of ports");
    expect(tcp("127.0.0.1/80", BIND_TOO_MANY), "out of sockets for this process");
    expect(tcp("127.0.0.1/80", BIND_INVALID), "does not take this combination");
    assert_string_equal(tcp("127.0.0.1/80", 10050), "");
}

static void test_bind_cause__needs_only_what_the_error_asks_for(void **state)
{
    (void)state;
    struct bind_question question = {.protocol = CONFIG_UDP, .error = BIND_IN_USE};
    assert_int_equal(bind_cause_parts(&question), MACHINE_UDP | MACHINE_PROCESSES | MACHINE_SERVICES);
    question.error = BIND_ACCESS;
    question.protocol = CONFIG_TCP;
    assert_int_equal(bind_cause_parts(&question),
                     MACHINE_TCP | MACHINE_PROCESSES | MACHINE_SERVICES | MACHINE_RANGES);
    question.error = BIND_NO_ADDRESS;
    assert_int_equal(bind_cause_parts(&question), MACHINE_ADDRESSES);
    question.error = BIND_NO_FAMILY;
    assert_int_equal(bind_cause_parts(&question), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_bind_cause__names_the_program_that_holds_it),
        test(test_bind_cause__names_the_services_of_a_shared_host),
        test(test_bind_cause__tells_of_a_process_that_may_not_be_looked_at),
        test(test_bind_cause__shows_no_control_characters_of_a_name),
        test(test_bind_cause__knows_the_kernel),
        test(test_bind_cause__knows_itself_and_its_twins),
        test(test_bind_cause__never_invents_a_name),
        test(test_bind_cause__names_nobody_who_cannot_be_it),
        test(test_bind_cause__says_when_it_could_not_look),
        test(test_bind_cause__prefers_the_socket_that_explains_it_best),
        test(test_bind_cause__tells_of_connections_that_outlive_a_listener),
        test(test_bind_cause__connections_of_nobody_have_no_name),
        test(test_bind_cause__searches_both_stacks_for_a_dual_stack_address),
        test(test_bind_cause__names_the_range_that_windows_has_set_aside),
        test(test_bind_cause__an_administered_range_is_not_to_blame),
        test(test_bind_cause__lists_the_addresses_that_there_are),
        test(test_bind_cause__tells_why_an_address_is_not_ready),
        test(test_bind_cause__has_words_for_each_other_error),
        test(test_bind_cause__needs_only_what_the_error_asks_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
