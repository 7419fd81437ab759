/* SPDX-License-Identifier: MIT
   Tests of diagnosis/finding.h and finding_binds.h: the table, the list, its forms, and the causes of failed binds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "diagnosis/finding_binds.h"
#include "support/failing_memory.h"

static struct findings findings;
static struct machine machine;
static struct text text;

static int setup(void **state)
{
    const int result = failing_memory_setup(state);
    findings_init(&findings);
    machine_init(&machine);
    machine.own_pid = 100;
    machine.known = MACHINE_ALL;
    text_init_heap(&text);
    return result;
}

static int teardown(void **state)
{
    failing_memory_arm(0, false);
    findings_fini(&findings);
    machine_fini(&machine);
    text_fini(&text);
    return failing_memory_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void expect(const char *part)
{
    if (strstr(text.at, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, text.at);
    }
}

/* ---- The table ---- */

static void test_finding__every_row_is_whole(void **state)
{
    (void)state;
    assert_true(FINDING_KIND_COUNT >= 40);
    for (int i = 0; i < FINDING_KIND_COUNT; i++) {
        const struct finding_row *row = finding_row((enum finding_kind)i);
        assert_true(row->id[0] >= 'a' && row->id[0] <= 'z');
        assert_true(row->text[0] != '\0' && row->remedy[0] != '\0');
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(row->id, finding_row((enum finding_kind)k)->id);
        }
    }
}

/* ---- The list ---- */

static void test_finding__fills_in_its_words(void **state)
{
    (void)state;
    findings_add(&findings, FINDING_LIVE_DENIED, "endpoint web",
                 FINDING_WORDS({"unused", "x"}, {"address", "127.0.0.1"}));
    findings_add(&findings, FINDING_LIVE_OLD, "endpoint b", NULL);
    findings_add(&findings, FINDING_LIVE_DENIED, "endpoint c", NULL);
    assert_int_equal(findings.count, 3);
    assert_non_null(strstr(findings.at[0].text, "keeps 127.0.0.1 out"));
    assert_non_null(strstr(findings.at[0].remedy, "add 127.0.0.1 to"));
    assert_non_null(strstr(findings.at[2].text, "keeps ? out"));
}

static void test_finding__the_worst_decides_the_exit_code(void **state)
{
    (void)state;
    assert_int_equal(findings_code(&findings, true), EXIT_CODE_DONE);
    findings_add(&findings, FINDING_SERVICE_MANUAL, "service a", NULL); /* a note */
    assert_int_equal(findings_code(&findings, true), EXIT_CODE_DONE);
    findings_add(&findings, FINDING_SERVICE_NO_SID, "service a", NULL); /* a warning */
    assert_int_equal(findings_code(&findings, false), EXIT_CODE_DONE);
    assert_int_equal(findings_code(&findings, true), EXIT_CODE_FAILED);
    findings_add(&findings, FINDING_FILE_PLUGIN, "a.dll", NULL);
    assert_int_equal(findings_code(&findings, false), EXIT_CODE_FAILED);
    findings_add(&findings, FINDING_BIND_HELD, "endpoint a", NULL);
    assert_int_equal(findings_code(&findings, true), EXIT_CODE_BIND);
    findings_add(&findings, FINDING_CONFIG_ERROR, "a.ini", NULL);
    assert_int_equal(findings_code(&findings, false), EXIT_CODE_CONFIGURATION);
    findings_add(&findings, FINDING_FILE_PROGRAM, "a.exe", NULL);
    assert_int_equal(findings_code(&findings, false), EXIT_CODE_CONFIGURATION);
    assert_int_equal(findings.counts[FINDING_ERROR], 4);
    assert_int_equal(findings.counts[FINDING_WARNING], 1);
    assert_int_equal(findings.counts[FINDING_NOTE], 1);
}

/* What has no memory is not shown as nothing. */
static void test_finding__without_memory_it_says_so(void **state)
{
    (void)state;
    for (size_t nth = 1; nth <= 4; nth++) {
        findings.is_out_of_memory = false;
        failing_memory_arm(nth, true);
        findings_add(&findings, FINDING_LIVE_OLD, "endpoint b", NULL);
        failing_memory_arm(0, false);
        assert_true(findings.is_out_of_memory);
        assert_int_equal(findings.count, 0);
        assert_int_equal(findings_code(&findings, false), EXIT_CODE_FAILED);
    }
}

/* ---- Forms ---- */

static void test_finding__lines_have_100_columns_at_most(void **state)
{
    char subject[300], cause[700];
    (void)state;
    memset(subject, 'x', sizeof subject - 1);
    subject[sizeof subject - 1] = '\0';
    memset(cause, 'y', sizeof cause - 1);
    cause[sizeof cause - 1] = '\0';
    for (size_t i = 7; i < sizeof cause - 1; i += 13) {
        cause[i] = ' ';
    }
    findings_add(
        &findings, FINDING_BIND_HELD, subject,
        FINDING_WORDS({"error", "10048"}, {"cause", cause}, {"remedy", "\xC3\xA4\xC3\xA4 b\x1b[2J"}));
    for (int i = 0; i < FINDING_KIND_COUNT; i++) {
        findings_add(&findings, (enum finding_kind)i, "endpoint web", NULL);
    }
    findings_add_text(&text, &findings);
    size_t columns = 0, lines = 0;
    for (const char *at = text.at; *at != '\0'; at++) {
        columns = *at == '\n' ? 0 : columns + (((unsigned char)*at & 0xC0) != 0x80);
        lines += *at == '\n';
        assert_true(columns <= 100);
        assert_true(*at == '\n' || (unsigned char)*at >= ' ');
    }
    assert_true(lines > FINDING_KIND_COUNT);
    expect("\\x1B[2J");
}

static void test_finding__the_worst_is_told_first(void **state)
{
    (void)state;
    findings_add(&findings, FINDING_SERVICE_MANUAL, "service a", FINDING_WORDS({"command", "sc config"}));
    findings_add(&findings, FINDING_BIND_MANY, "binds", FINDING_WORDS({"count", "7"}));
    findings_add_text(&text, &findings);
    assert_string_equal(text.at, "error    binds (bind-not-all-shown)\n"
                                 "         7 more addresses cannot be bound\n"
                                 "      -> mend those above first\n"
                                 "note     service a (service-manual)\n"
                                 "         the service is started by hand, not at boot\n"
                                 "      -> run elevated:\n"
                                 "         sc config\n");
}

/* A console that gets it in pieces runs the pieces. */
static void test_finding__a_command_is_one_line_however_long(void **state)
{
    char command[300];
    (void)state;
    memset(command, 'x', sizeof command - 1);
    command[sizeof command - 1] = '\0';
    for (size_t i = 7; i < sizeof command - 1; i += 13) {
        command[i] = ' ';
    }
    findings_add(&findings, FINDING_SERVICE_NO_SID, "service a", FINDING_WORDS({"command", command}));
    findings_add_text(&text, &findings);
    expect("\n      -> run elevated:\n         xxxxxxx xx");
    expect(command);
    text_clear(&text);
    findings_add_json(&text, &findings, false);
    expect("\"remedy\": \"run elevated: xxxxxxx xx");
    assert_true(machine_add_range(&machine, &(const struct machine_range){CONFIG_TCP, 4, 50, 90, false}));
    const struct bind_question question = {CONFIG_TCP, {.family = 4, .port = 80}, false, 10013};
    finding_binds_add(&findings, &machine, "web", &question);
    text_clear(&text);
    findings_add_text(&text, &findings);
    expect("(after \"net stop winnat\"):\n         netsh interface ipv4 add excludedportrange protocol=tcp "
           "startport=80 numberofports=1 store=persistent\n");
}

static void test_finding__is_json_for_programs(void **state)
{
    (void)state;
    findings_add(&findings, FINDING_BIND_MANY, "a\"b", FINDING_WORDS({"count", "7"}));
    findings_add_json(&text, &findings, false);
    assert_string_equal(text.at,
                        "\n  {\"line\": 0, \"column\": 0, \"severity\": \"error\", \"message\": \"7 more "
                        "addresses cannot be bound\", \"id\": \"bind-not-all-shown\", \"subject\": "
                        "\"a\\\"b\", \"remedy\": \"mend those above first\"}");
    text_clear(&text);
    findings_add_json(&text, &findings, true);
    assert_memory_equal(text.at, ",\n  {", 5);
}

/* ---- Binds ---- */

static struct pl_address address_of(const char *at, uint16_t port)
{
    struct pl_address address = {0};
    assert_true(address_parse(at, strlen(at), &address));
    address.port = port;
    return address;
}

static const struct finding *bind_of(const char *address, uint32_t error)
{
    const struct bind_question question = {CONFIG_TCP, address_of(address, 80), false, error};
    finding_binds_add(&findings, &machine, "web", &question);
    return findings.count > 0 ? &findings.at[findings.count - 1] : NULL;
}

static void holds(uint32_t pid, enum machine_port_state port_state)
{
    const struct machine_port port = {.protocol = CONFIG_TCP,
                                      .state = port_state,
                                      .local = address_of("0.0.0.0", 80),
                                      .peer = address_of("198.51.100.7", 5000),
                                      .pid = pid};
    machine.ports.count = 0;
    assert_true(machine_add_port(&machine, &port));
}

static void test_finding__every_cause_of_a_failed_bind_has_its_own(void **state)
{
    static const struct machine_range range = {CONFIG_TCP, 4, 50, 90, false};
    const struct pl_address down = address_of("192.0.2.9", 0);
    (void)state;
    assert_true(machine_add_process(&machine, 100, "portlistener.exe", "C:\\a\\portlistener.exe"));
    assert_true(machine_add_process(&machine, 101, "portlistener.exe", "C:\\a\\portlistener.exe"));
    assert_true(machine_add_process(&machine, 200, "nginx.exe", "C:\\nginx.exe"));
    assert_true(machine_add_address(&machine, &down, ADDRESS_DOWN, "WLAN"));
    holds(200, PORT_LISTENING);
    assert_int_equal(bind_of("0.0.0.0", 10048)->kind, FINDING_BIND_HELD);
    assert_string_equal(findings.at[0].subject, "endpoint web, tcp://0.0.0.0:80");
    assert_string_equal(findings.at[0].text,
                        "another program has the port (error 10048): tcp://0.0.0.0:80 is held by nginx.exe "
                        "(process 200, C:\\nginx.exe)");
    assert_string_equal(findings.at[0].remedy, "end that program, or choose another port");
    holds(4, PORT_LISTENING);
    assert_int_equal(bind_of("0.0.0.0", 10048)->kind, FINDING_BIND_HELD_BY_KERNEL);
    holds(100, PORT_LISTENING);
    assert_int_equal(bind_of("0.0.0.0", 10048)->kind, FINDING_BIND_HELD_BY_US);
    holds(101, PORT_LISTENING);
    assert_int_equal(bind_of("0.0.0.0", 10048)->kind, FINDING_BIND_HELD_BY_TWIN);
    holds(0, PORT_LISTENING);
    assert_int_equal(bind_of("0.0.0.0", 10048)->kind, FINDING_BIND_HELD_NAMELESS);
    holds(200, PORT_ESTABLISHED);
    assert_int_equal(bind_of("0.0.0.0", 10048)->kind, FINDING_BIND_CONNECTIONS);
    machine.ports.count = 0;
    assert_int_equal(bind_of("0.0.0.0", 10048)->kind, FINDING_BIND_UNSEEN);
    machine.known = 0;
    assert_int_equal(bind_of("0.0.0.0", 10048)->kind, FINDING_BIND_UNREAD);
    assert_true(machine_add_range(&machine, &range));
    assert_int_equal(bind_of("0.0.0.0", 10013)->kind, FINDING_BIND_RANGE);
    assert_int_equal(bind_of("192.0.2.8", 10049)->kind, FINDING_BIND_NO_ADDRESS);
    assert_non_null(strstr(findings.at[findings.count - 1].text, "it has 192.0.2.9 (WLAN, down)"));
    assert_int_equal(bind_of("192.0.2.9", 10049)->kind, FINDING_BIND_ADDRESS_NOT_READY);
    assert_int_equal(bind_of("::1", 10047)->kind, FINDING_BIND_NO_FAMILY);
    assert_int_equal(bind_of("0.0.0.0", 10055)->kind, FINDING_BIND_RESOURCES);
    assert_int_equal(bind_of("0.0.0.0", 10022)->kind, FINDING_BIND_INVALID);
    assert_int_equal(bind_of("0.0.0.0", 10050)->kind, FINDING_BIND_OTHER);
    assert_int_equal(findings_code(&findings, false), EXIT_CODE_BIND);
}

static void test_finding__the_running_service_holds_its_ports(void **state)
{
    const struct bind_question question = {CONFIG_TCP, address_of("127.0.0.1", 80), false, 0};
    struct bind_question other = question;
    (void)state;
    holds(200, PORT_LISTENING);
    assert_true(finding_binds_is_held_by(&machine, &question, 200));
    assert_false(finding_binds_is_held_by(&machine, &question, 201));
    assert_false(finding_binds_is_held_by(&machine, &question, 0));
    assert_false(finding_binds_is_held_by_another(&machine, &question, 200));
    assert_true(finding_binds_is_held_by_another(&machine, &question, 201));
    other.address.port = 81;
    assert_false(finding_binds_is_held_by(&machine, &other, 200));
    assert_false(finding_binds_is_held_by_another(&machine, &other, 201));
    other = question;
    other.protocol = CONFIG_UDP;
    assert_false(finding_binds_is_held_by(&machine, &other, 200));
    holds(200, PORT_ESTABLISHED);
    assert_false(finding_binds_is_held_by(&machine, &question, 200));
    assert_false(finding_binds_is_held_by_another(&machine, &question, 201));
    holds(0, PORT_LISTENING); /* nobody knows */
    assert_false(finding_binds_is_held_by_another(&machine, &question, 201));
}

static void test_finding__a_cause_without_memory_is_no_small_thing(void **state)
{
    (void)state;
    holds(200, PORT_LISTENING);
    for (size_t nth = 1; nth <= 8; nth++) {
        findings_fini(&findings);
        failing_memory_arm(nth, false);
        (void)bind_of("0.0.0.0", 10048);
        const bool has_failed = failing_memory_hits() > 0;
        failing_memory_arm(0, false);
        assert_true(!has_failed || findings.is_out_of_memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_finding__every_row_is_whole),
        test(test_finding__fills_in_its_words),
        test(test_finding__the_worst_decides_the_exit_code),
        test(test_finding__without_memory_it_says_so),
        test(test_finding__lines_have_100_columns_at_most),
        test(test_finding__the_worst_is_told_first),
        test(test_finding__a_command_is_one_line_however_long),
        test(test_finding__is_json_for_programs),
        test(test_finding__every_cause_of_a_failed_bind_has_its_own),
        test(test_finding__the_running_service_holds_its_ports),
        test(test_finding__a_cause_without_memory_is_no_small_thing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
