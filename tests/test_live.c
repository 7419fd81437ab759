/* SPDX-License-Identifier: MIT
   Tests of diagnosis/live.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "diagnosis/live.h"
#include "support/failing_memory.h"

static const char metrics[] = "# HELP portlistener_paused 1 while the service is paused, else 0\n"
                              "# TYPE portlistener_paused gauge\n"
                              "portlistener_paused 0\n"
                              "portlistener_endpoint_paused{endpoint=\"web\"} 1\n"
                              "portlistener_listeners{endpoint=\"web\",state=\"listening\"} 2\n"
                              "portlistener_listeners{endpoint=\"web\",state=\"waiting\"} 12\n"
                              "portlistener_endpoint_paused{endpoint=\"names\"} 0\n"
                              "portlistener_listeners{endpoint=\"names\",state=\"waiting\"} 0\n"
                              "portlistener_listener_armed{endpoint=\"web\",address=\"tcp://[::1]:80\"} 0\n"
                              "portlistener_listener_armed{endpoint=\"names\",address=\"udp://*:53\"} 3\n"
                              "portlistener_listener_armed{endpoint=\"names\"} 3\n"
                              "portlistener_listener_armed{address=\"udp://*:54\"} 3\n"
                              "portlistener_connections_accepted_total{endpoint=\"web\"} 1234\n";

static void test_live__reads_what_the_service_has(void **state)
{
    struct live_report report;
    (void)state;
    assert_true(live_report_read(metrics, &report));
    assert_false(report.is_paused);
    assert_int_equal(report.endpoints.count, 2);
    assert_int_equal(report.addresses.count, 2);
    assert_string_equal(live_address_at(&report, 0)->endpoint, "web");
    assert_string_equal(live_address_at(&report, 0)->address, "tcp://[::1]:80");
    assert_false(live_address_at(&report, 0)->is_armed);
    assert_string_equal(live_address_at(&report, 1)->address, "udp://*:53");
    assert_true(live_address_at(&report, 1)->is_armed);
    assert_true(live_endpoint_find(&report, "web")->is_paused);
    assert_int_equal(live_endpoint_find(&report, "web")->waiting, 12);
    assert_false(live_endpoint_find(&report, "names")->is_paused);
    assert_int_equal(live_endpoint_find(&report, "names")->waiting, 0);
    assert_null(live_endpoint_find(&report, "nobody"));
    live_report_fini(&report);
    assert_true(live_report_read("portlistener_paused 1\nportlistener_paused", &report));
    assert_true(report.is_paused);
    live_report_fini(&report);
}

/* Another program behind the pipe, or another version: nothing is believed that does not fit. */
static void test_live__takes_no_rubbish(void **state)
{
    char text[400], name[201];
    struct live_report report;
    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(
        text, sizeof text,
        "portlistener_endpoint_paused{endpoint=\"%s\"} 1\nportlistener_listener_armed{endpoint=\"a\",address=\"",
        name);
    assert_true(live_report_read(text, &report));
    assert_int_equal(report.addresses.count, 0);
    live_report_fini(&report);
    assert_true(
        live_report_read("portlistener_listeners{\n\n{}\nportlistener_listener_armed{endpoint=\"", &report));
    assert_int_equal(report.endpoints.count, 0);
    live_report_fini(&report);
}

static const char access_lines[] = "endpoint web\nhandler echo\nallow 10.0.0.0/8\nallow 2001:db8::/32\n"
                                   "deny 10.1.0.0/16\nendpoint names\nhandler names.dll\nproxied yes\n";

static void test_live__reads_whom_it_serves(void **state)
{
    struct live_report report;
    struct config_endpoint running, other;
    (void)state;
    assert_true(live_report_read(metrics, &report));
    assert_false(live_endpoint_find(&report, "web")->has_access);
    assert_true(live_report_read_access(access_lines, &report));
    assert_int_equal(report.endpoints.count, 2);
    assert_true(live_endpoint_find(&report, "web")->has_access);
    live_config(live_endpoint_find(&report, "names"), &running);
    assert_string_equal(running.handler, "names.dll");
    assert_int_not_equal(running.proxy_protocol, CONFIG_PROXY_OFF);
    assert_int_equal(running.allow.count + running.deny.count, 0);
    live_config(live_endpoint_find(&report, "web"), &running);
    assert_string_equal(running.handler, "echo");
    assert_int_equal(running.proxy_protocol, CONFIG_PROXY_OFF);
    assert_int_equal(running.allow.count, 2);
    assert_int_equal(running.allow.at[0].length, 8);
    assert_int_equal(running.allow.at[1].address.family, 6);
    assert_int_equal(running.deny.count, 1);
    other = running;
    assert_true(live_is_as(&running, &other));
    other.allow.count = 1;
    assert_false(live_is_as(&running, &other));
    other = running;
    other.handler = (char[]){"discard"};
    assert_false(live_is_as(&running, &other));
    other = running;
    other.proxy_protocol = CONFIG_PROXY_V2;
    assert_false(live_is_as(&running, &other));
    other = running;
    other.deny.at = running.allow.at;
    assert_false(live_is_as(&running, &other));
    live_report_fini(&report);
}

/* A list of which a part is not known would let in, or keep out, whom the service does not. */
static void test_live__takes_no_list_in_part(void **state)
{
    static const char *const wrong[] = {"allow 10.0.0.0/8\n", "endpoint web\nallow 10.0.0.0/99\n",
                                        "endpoint web\ndeny \n"};
    char text[600], handler[401];
    struct live_report report;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        report = (struct live_report){.is_paused = false};
        assert_true(i == 2 || !live_report_read_access(wrong[i], &report));
        live_report_fini(&report);
    }
    memset(handler, 'x', sizeof handler - 1);
    handler[sizeof handler - 1] = '\0';
    snprintf(text, sizeof text, "endpoint web\nhandler %s\n", handler);
    assert_false(live_report_read_access(text, &report));
    live_report_fini(&report);
    snprintf(text, sizeof text, "endpoint %s\nhandler echo\n", handler);
    assert_false(live_report_read_access(text, &report));
    live_report_fini(&report);
    for (size_t nth = 1; nth <= 3; nth++) { /* the endpoints, each of the lists */
        failing_memory_arm(nth, true);
        assert_false(live_report_read_access(access_lines, &report));
        failing_memory_arm(0, false);
        live_report_fini(&report);
    }
}

static void test_live__without_memory_it_says_so(void **state)
{
    (void)state;
    for (size_t nth = 1; nth <= 2; nth++) {
        struct live_report report;
        failing_memory_arm(nth, true);
        assert_false(live_report_read(metrics, &report));
        failing_memory_arm(0, false);
        live_report_fini(&report);
    }
}

/* ---- Which address ---- */

static struct machine machine;
static struct config_endpoint endpoint;
static struct address_prefix allow[1], deny[1];

static struct pl_address address_of(const char *at)
{
    struct pl_address address = {0};
    assert_true(address_parse(at, strlen(at), &address));
    address.port = 80;
    return address;
}

static struct config_prefixes network(struct address_prefix *room, const char *at)
{
    assert_int_equal(address_prefix_parse(at, strlen(at), room), ADDRESS_PREFIX_OK);
    return (struct config_prefixes){room, 1};
}

static bool is_target(const char *bound, bool is_dual_stack, const char *expected)
{
    const struct pl_address from = address_of(bound), to = address_of(expected);
    struct pl_address target;
    const bool may = live_target(&endpoint, &from, is_dual_stack, &machine, &target);
    assert_true(address_equal(&target, &to));
    return may;
}

static void test_live__chooses_an_address_that_may_come_in(void **state)
{
    struct pl_address own = address_of("192.0.2.7"), down = address_of("192.0.2.8"),
                      six = address_of("2001:db8::7");
    (void)state;
    machine_init(&machine);
    endpoint = (struct config_endpoint){.listen_count = 0};
    own.port = down.port = six.port = 0;
    assert_true(machine_add_address(&machine, &down, ADDRESS_DOWN, NULL));
    assert_true(machine_add_address(&machine, &six, ADDRESS_USABLE, NULL));
    assert_true(machine_add_address(&machine, &own, ADDRESS_USABLE, NULL));
    assert_true(is_target("0.0.0.0", false, "127.0.0.1"));
    assert_true(is_target("::", true, "127.0.0.1"));
    assert_true(is_target("::", false, "::1"));
    assert_true(is_target("192.0.2.7", false, "192.0.2.7"));
    endpoint.allow = network(allow, "192.0.2.0/24");
    assert_true(is_target("0.0.0.0", false, "192.0.2.7"));
    assert_true(is_target("::", true, "192.0.2.7"));
    assert_false(is_target("::", false, "::1"));
    assert_false(is_target("127.0.0.1", false, "127.0.0.1"));
    endpoint.deny = network(deny, "192.0.2.7");
    assert_false(is_target("0.0.0.0", false, "127.0.0.1"));
    assert_false(is_target("192.0.2.7", false, "192.0.2.7"));
    endpoint.allow = network(allow, "2001:db8::/32");
    assert_true(is_target("::", false, "2001:db8::7"));
    assert_true(is_target("::", true, "2001:db8::7"));
    machine_fini(&machine);
}

static void test_live__knows_what_handlers_answer(void **state)
{
    static const struct {
        const char *handler;
        enum config_protocol protocol;
        bool is_seen, sends;
        enum live_expectation expects;
    } rows[] = {
        {"Echo", CONFIG_TCP, true, true, LIVE_SAME},
        {"echo", CONFIG_UDP, true, true, LIVE_SAME},
        {"discard", CONFIG_TCP, true, true, LIVE_NOTHING},
        {"discard", CONFIG_UDP, false, false, LIVE_NOTHING},
        {"daytime", CONFIG_TCP, true, false, LIVE_ANYTHING},
        {"time", CONFIG_UDP, true, true, LIVE_ANYTHING},
        {"banner", CONFIG_TCP, true, false, LIVE_ANYTHING},
        {"banner", CONFIG_UDP, false, false, LIVE_NOTHING},
        {"mine.dll", CONFIG_TCP, true, false, LIVE_NOTHING},
        {"mine.dll", CONFIG_UDP, false, false, LIVE_NOTHING},
        {"", CONFIG_TCP, true, false, LIVE_NOTHING},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct live_script script;
        assert_int_equal(live_script_of(rows[i].handler, rows[i].protocol, &script), rows[i].is_seen);
        assert_int_equal(script.send != NULL, rows[i].sends);
        assert_int_equal(script.length > 0, rows[i].sends);
        assert_int_equal(script.expects, rows[i].expects);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_live__reads_what_the_service_has),
        failing_memory_test(test_live__takes_no_rubbish),
        failing_memory_test(test_live__reads_whom_it_serves),
        failing_memory_test(test_live__takes_no_list_in_part),
        failing_memory_test(test_live__without_memory_it_says_so),
        failing_memory_test(test_live__chooses_an_address_that_may_come_in),
        failing_memory_test(test_live__knows_what_handlers_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
