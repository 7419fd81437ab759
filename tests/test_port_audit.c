/* SPDX-License-Identifier: MIT
   Tests of diagnosis/port_audit.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "diagnosis/port_audit.h"
#include "support/failing_memory.h"

enum { OWN = 100, SERVICE = 101, WEB = 200, FAKE = 300, TRUE_HOST = 301, TWIN_NAME = 302 };

static struct machine machine;
static struct config_listen listens[3];
static char endpoint_name[] = "web";
static struct config_endpoint endpoints[2] = {
    {.name = endpoint_name, .listen = listens, .listen_count = 2, .is_enabled = true},
    {.name = endpoint_name, .listen = &listens[2], .listen_count = 1, .is_enabled = false},
};
static const struct config config = {.endpoints = endpoints, .endpoint_count = 2};
static struct audit_question question;

static struct pl_address address_of(const char *at, uint16_t port)
{
    struct pl_address address = {0};
    assert_true(address_parse(at, strlen(at), &address));
    address.port = port;
    return address;
}

static int setup(void **state)
{
    const int result = failing_memory_setup(state);
    machine_init(&machine);
    machine.own_pid = OWN;
    assert_true(machine_add_process(&machine, OWN, "portlistener.exe", "C:\\PL\\portlistener.exe"));
    assert_true(machine_add_process(&machine, SERVICE, "other.exe", "C:\\PL\\other.exe"));
    assert_true(machine_add_service(&machine, SERVICE, "PortListener"));
    assert_true(machine_add_process(&machine, WEB, "nginx.exe", "C:\\nginx.exe"));
    assert_true(machine_add_process(&machine, FAKE, "svchost.exe", "C:\\Temp\\svchost.exe"));
    assert_true(
        machine_add_process(&machine, TRUE_HOST, "svchost.exe", "C:\\WINDOWS\\system32\\svchost.exe"));
    assert_true(machine_add_process(&machine, TWIN_NAME, "PortListener.exe", "C:\\Temp\\PortListener.exe"));
    listens[0] =
        (struct config_listen){.protocol = CONFIG_TCP, .address = address_of("0.0.0.0", 80), .last_port = 82};
    listens[1] = (struct config_listen){
        .protocol = CONFIG_UDP, .address = address_of("::", 53), .last_port = 53, .is_dual_stack = true};
    listens[2] =
        (struct config_listen){.protocol = CONFIG_TCP, .address = address_of("0.0.0.0", 99), .last_port = 99};
    question = (struct audit_question){.machine = &machine,
                                       .config = &config,
                                       .service = "portlistener",
                                       .system_folder = "C:\\Windows\\System32"};
    return result;
}

static int teardown(void **state)
{
    machine_fini(&machine);
    return failing_memory_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static struct audit_verdict judge(enum config_protocol protocol, const char *address, uint16_t number,
                                  uint32_t pid)
{
    const struct machine_port port = {.protocol = protocol,
                                      .state = protocol == CONFIG_TCP ? PORT_LISTENING : PORT_BOUND,
                                      .local = address_of(address, number),
                                      .pid = pid};
    struct audit_verdict verdict;
    port_audit_judge(&question, &port, &verdict);
    return verdict;
}

static void test_port_audit__knows_whose_it_is(void **state)
{
    (void)state;
    static const struct {
        enum config_protocol protocol;
        const char *address;
        uint16_t port;
        uint32_t pid;
        enum audit_whose whose;
        unsigned notes;
    } rows[] = {
        {CONFIG_TCP, "0.0.0.0", 80, SERVICE, AUDIT_OURS, 0},
        {CONFIG_TCP, "0.0.0.0", 82, OWN, AUDIT_OURS, 0},
        {CONFIG_TCP, "0.0.0.0", 83, SERVICE, AUDIT_OURS, AUDIT_NOT_CONFIGURED},
        {CONFIG_TCP, "0.0.0.0", 99, SERVICE, AUDIT_OURS, AUDIT_NOT_CONFIGURED}, /* its endpoint is off */
        {CONFIG_TCP, "127.0.0.1", 81, WEB, AUDIT_CONFIGURED, AUDIT_HELD_BY_OTHER},
        {CONFIG_UDP, "127.0.0.1", 53, WEB, AUDIT_CONFIGURED, AUDIT_HELD_BY_OTHER},
        {CONFIG_UDP, "0.0.0.0", 80, WEB, AUDIT_UNKNOWN, 0},
        {CONFIG_TCP, "0.0.0.0", 83, WEB, AUDIT_UNKNOWN, 0},
        {CONFIG_TCP, "::1", 80, WEB, AUDIT_UNKNOWN, 0},
        {CONFIG_TCP, "0.0.0.0", 83, 0, AUDIT_UNKNOWN, 0},
        {CONFIG_TCP, "0.0.0.0", 83, 9999, AUDIT_UNKNOWN, 0},
        {CONFIG_TCP, "0.0.0.0", 135, FAKE, AUDIT_UNKNOWN, AUDIT_UNUSUAL_FOLDER},
        {CONFIG_TCP, "0.0.0.0", 135, TRUE_HOST, AUDIT_UNKNOWN, 0},
        {CONFIG_TCP, "0.0.0.0", 83, TWIN_NAME, AUDIT_UNKNOWN, AUDIT_UNUSUAL_FOLDER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct audit_verdict verdict =
            judge(rows[i].protocol, rows[i].address, rows[i].port, rows[i].pid);
        if (verdict.whose != rows[i].whose || verdict.notes != rows[i].notes) {
            fail_msg("row %zu: %s, notes %u", i, port_audit_whose(verdict.whose), verdict.notes);
        }
    }
    question.config = NULL;
    assert_int_equal(judge(CONFIG_TCP, "0.0.0.0", 83, SERVICE).notes, 0);
    assert_int_equal(judge(CONFIG_TCP, "0.0.0.0", 80, WEB).whose, AUDIT_UNKNOWN);
}

static void test_port_audit__flags_what_is_not_expected(void **state)
{
    (void)state;
    struct port_expectations expectations;
    char room[64];
    struct text problem;
    static const char lines[] = "tcp *:83 nginx.exe\n";
    text_init(&problem, room, sizeof room);
    assert_true(port_expectations_parse(&expectations, lines, sizeof lines - 1, &problem));
    question.expectations = &expectations;
    assert_int_equal(judge(CONFIG_TCP, "0.0.0.0", 83, WEB).notes, 0);
    assert_int_equal(judge(CONFIG_TCP, "0.0.0.0", 84, WEB).notes, AUDIT_UNEXPECTED);
    const struct machine_port connection = {.state = PORT_ESTABLISHED, .local = address_of("10.0.0.1", 84)};
    struct audit_verdict verdict;
    port_audit_judge(&question, &connection, &verdict);
    assert_int_equal(verdict.notes, 0); /* nobody can come in through it */
    port_expectations_free(&expectations);
}

static void test_port_audit__finds_what_nobody_holds(void **state)
{
    (void)state;
    struct machine_port port = {
        .protocol = CONFIG_TCP, .state = PORT_ESTABLISHED, .local = address_of("127.0.0.1", 81)};
    assert_true(machine_add_port(&machine, &port));
    assert_int_equal(port_audit_find_holder(&question, &listens[0], 81), AUDIT_NOBODY);
    port.state = PORT_LISTENING;
    assert_true(machine_add_port(&machine, &port));
    assert_int_equal(port_audit_find_holder(&question, &listens[0], 81), AUDIT_SOMEBODY);
    assert_int_equal(port_audit_find_holder(&question, &listens[0], 80), AUDIT_NOBODY);
    assert_int_equal(port_audit_find_holder(&question, &listens[1], 53), AUDIT_NOBODY);
}

/* No table says whether a socket on [::] takes IPv4 as well. */
static void test_port_audit__does_not_claim_to_know_a_dual_stack(void **state)
{
    (void)state;
    struct machine_port port = {
        .protocol = CONFIG_TCP, .state = PORT_LISTENING, .local = address_of("::", 80), .pid = WEB};
    assert_true(machine_add_port(&machine, &port));
    const struct audit_verdict verdict = judge(CONFIG_TCP, "::", 80, WEB);
    assert_int_equal(verdict.whose, AUDIT_UNKNOWN);
    assert_int_equal(verdict.notes, AUDIT_PERHAPS_HELD);
    assert_int_equal(port_audit_find_holder(&question, &listens[0], 80), AUDIT_PERHAPS_SOMEBODY);
    assert_int_equal(judge(CONFIG_TCP, "::1", 80, WEB).notes, 0);
    port.local = address_of("0.0.0.0", 80); /* somebody has it for sure, so the other one has not */
    assert_true(machine_add_port(&machine, &port));
    assert_int_equal(judge(CONFIG_TCP, "::", 80, WEB).notes, 0);
    assert_int_equal(port_audit_find_holder(&question, &listens[0], 80), AUDIT_SOMEBODY);
    port.local = address_of("::", 81); /* ours takes IPv6 alone, unless it is configured as * */
    port.pid = SERVICE;
    assert_true(machine_add_port(&machine, &port));
    assert_int_equal(port_audit_find_holder(&question, &listens[0], 81), AUDIT_NOBODY);
    port.local = address_of("::", 53);
    port.protocol = CONFIG_UDP;
    port.state = PORT_BOUND;
    assert_true(machine_add_port(&machine, &port));
    assert_int_equal(port_audit_find_holder(&question, &listens[1], 53), AUDIT_SOMEBODY);
}

static void test_port_audit__has_words(void **state)
{
    (void)state;
    static const struct {
        const char *address, *exposure;
    } rows[] = {{"127.0.0.1", "loopback"},
                {"::1", "loopback"},
                {"0.0.0.0", "all"},
                {"::", "all"},
                {"10.0.0.1", "specific"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct machine_port port = {.local = address_of(rows[i].address, 1)};
        assert_string_equal(port_audit_exposure(&port), rows[i].exposure);
    }
    assert_string_equal(port_audit_whose(AUDIT_OURS), "ours");
    for (unsigned i = 0; i < AUDIT_NOTE_COUNT; i++) {
        assert_non_null(port_audit_note(i));
    }
}

static void test_port_audit__cuts_the_middle_out(void **state)
{
    (void)state;
    static const struct {
        const char *string;
        size_t room;
        const char *cut;
    } rows[] = {
        {"C:\\a.exe", 8, "C:\\a.exe"},
        {"C:\\Program Files\\a.exe", 13, "C:\\Pr...a.exe"},
        {"C:\\Program Files\\a.exe", 12, "C:\\P...a.exe"},
        {"\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC", 8, "\xC3\xBC...\xC3\xBC"}, /* never half a character */
        {"a\x1b", 8, "a\\x1B"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char room[64];
        struct text text;
        text_init(&text, room, sizeof room);
        port_audit_add_cut(&text, rows[i].string, rows[i].room);
        assert_string_equal(text.at, rows[i].cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_port_audit__knows_whose_it_is),
        test(test_port_audit__flags_what_is_not_expected),
        test(test_port_audit__finds_what_nobody_holds),
        test(test_port_audit__does_not_claim_to_know_a_dual_stack),
        test(test_port_audit__has_words),
        test(test_port_audit__cuts_the_middle_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
