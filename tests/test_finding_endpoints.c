/* SPDX-License-Identifier: MIT
   Tests of diagnosis/finding_endpoints.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_options.h"
#include "diagnosis/finding_endpoints.h"
#include "support/failing_memory.h"

static struct findings findings;
static struct machine machine;
static struct endpoint_facts facts;
static struct config_listen listens[2];
static char name[] = "web", handler[16], file[] = "a.ini";
static struct config_endpoint endpoint;
static const struct pl_handler relay = {.flags = PL_UDP | PL_RELAY};
static struct config_options options;

static struct pl_address address_of(const char *at, uint16_t port)
{
    struct pl_address address = {0};
    assert_true(address_parse(at, strlen(at), &address));
    address.port = port;
    return address;
}

static void listens_on(size_t index, enum config_protocol protocol, const char *address, uint16_t port)
{
    listens[index] =
        (struct config_listen){.protocol = protocol, .address = address_of(address, port), .last_port = port};
}

static int setup(void **state)
{
    const int result = failing_memory_setup(state);
    findings_init(&findings);
    machine_init(&machine);
    facts = (struct endpoint_facts){&machine, true, {{49152, 65535}, {49152, 65535}}};
    endpoint = (struct config_endpoint){.name = name,
                                        .handler = handler,
                                        .listen = listens,
                                        .listen_count = 1,
                                        .is_enabled = true,
                                        .reply_limit = 1000};
    strcpy(handler, "echo");
    listens_on(0, CONFIG_TCP, "192.0.2.1", 80);
    return result;
}

static int teardown(void **state)
{
    findings_fini(&findings);
    machine_fini(&machine);
    return failing_memory_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* How many there are of this kind; nothing else is found. */
static size_t found(enum finding_kind kind)
{
    const struct config config = {.file = file, .endpoints = &endpoint, .endpoint_count = 1};
    findings_fini(&findings);
    finding_endpoints_add(&findings, &config, &facts);
    for (size_t i = 0; i < findings.count; i++) {
        assert_int_equal(findings.at[i].kind, kind);
        assert_string_equal(findings.at[i].subject, "endpoint web");
        assert_null(strchr(findings.at[i].text, '?'));
        assert_null(strchr(findings.at[i].remedy, '?'));
    }
    return findings.count;
}

static void test_finding_endpoints__nothing_is_said_of_what_is_well(void **state)
{
    (void)state;
    assert_int_equal(found(FINDING_KIND_COUNT), 0);
    listens_on(0, CONFIG_UDP, "0.0.0.0", 65000);
    endpoint.is_enabled = false;
    assert_int_equal(found(FINDING_KIND_COUNT), 0);
}

static void test_finding_endpoints__a_star_without_ipv6_is_told(void **state)
{
    (void)state;
    listens_on(0, CONFIG_TCP, "::", 80);
    listens[0].is_dual_stack = true;
    assert_int_equal(found(FINDING_IPV6_OFF), 0);
    facts.has_ipv6 = false;
    assert_int_equal(found(FINDING_IPV6_OFF), 1);
    assert_non_null(strstr(findings.at[0].text, "tcp://*:80 would"));
}

static void test_finding_endpoints__only_ipv6_clients_are_told(void **state)
{
    (void)state;
    listens_on(0, CONFIG_TCP, "::", 80);
    assert_int_equal(found(FINDING_IPV6_ONLY), 1);
    endpoint.listen_count = 2;
    listens_on(1, CONFIG_UDP, "192.0.2.1", 80);
    strcpy(handler, "discard");
    assert_int_equal(found(FINDING_IPV6_ONLY), 1);
    listens_on(1, CONFIG_TCP, "0.0.0.0", 80);
    assert_int_equal(found(FINDING_IPV6_ONLY), 0);
    listens_on(0, CONFIG_TCP, "::1", 80);
    assert_int_equal(found(FINDING_IPV6_ONLY), 0);
}

static void test_finding_endpoints__ports_that_anyone_may_be_given_are_told(void **state)
{
    static const struct machine_range range = {CONFIG_TCP, 4, 50000, 50009, true};
    (void)state;
    listens_on(0, CONFIG_TCP, "192.0.2.1", 49150);
    listens[0].last_port = 49153;
    assert_int_equal(found(FINDING_PORT_DYNAMIC), 1);
    assert_non_null(strstr(findings.at[0].text, "port 49152 is in the range 49152-65535"));
    assert_non_null(strstr(findings.at[0].remedy,
                           "netsh interface ipv4 add excludedportrange protocol=tcp startport=49152 "
                           "numberofports=2 store=persistent"));
    listens_on(0, CONFIG_TCP, "2001:db8::1", 50005);
    assert_int_equal(found(FINDING_PORT_DYNAMIC), 1);
    assert_non_null(strstr(findings.at[0].remedy, "interface ipv6 add"));
    assert_true(machine_add_range(&machine, &range));
    listens_on(0, CONFIG_TCP, "192.0.2.1", 50005); /* reserved by hand */
    assert_int_equal(found(FINDING_PORT_DYNAMIC), 0);
    facts.dynamic[CONFIG_TCP] = (struct port_span){0, 0}; /* not known */
    listens_on(0, CONFIG_TCP, "192.0.2.1", 60000);
    assert_int_equal(found(FINDING_PORT_DYNAMIC), 0);
}

static void test_finding_endpoints__whom_udp_answers_is_told(void **state)
{
    struct address_prefix network = {.address = {.family = 4}, .length = 8};
    (void)state;
    listens_on(0, CONFIG_UDP, "0.0.0.0", 7);
    assert_int_equal(found(FINDING_OPEN_ECHO), 1);
    endpoint.reply_limit = 0;
    assert_int_equal(found(FINDING_OPEN_REFLECTOR), 1);
    strcpy(handler, "discard");
    assert_int_equal(found(FINDING_OPEN_REFLECTOR), 0);
    options.handler = &relay;
    endpoint.options.options = &options;
    assert_int_equal(found(FINDING_OPEN_RELAY), 1);
    endpoint.allow = (struct config_prefixes){&network, 1};
    assert_int_equal(found(FINDING_OPEN_RELAY), 0);
    endpoint.allow = (struct config_prefixes){NULL, 0};
    listens_on(0, CONFIG_UDP, "127.0.0.1", 7);
    assert_int_equal(found(FINDING_OPEN_RELAY), 0);
}

static bool reads(const char *text, unsigned first, unsigned last)
{
    struct port_span span = {1, 1};
    return port_span_parse(text, strlen(text), &span) && span.first == first && span.last == last;
}

/* As netsh prints it, in two languages. */
static void test_finding_endpoints__reads_the_dynamic_ports(void **state)
{
    struct port_span span;
    (void)state;
    assert_true(reads("\r\nProtocol tcp Dynamic Port Range\r\n---------------------------------\r\n"
                      "Start Port      : 49152\r\nNumber of Ports : 16384\r\n\r\n",
                      49152, 65535));
    assert_true(reads("\r\nDynamischer Portbereich f\xFCr Protokoll TCP\r\n---------\r\nStartport  : 1025\r\n"
                      "Anzahl von Ports : 64511\r\n",
                      1025, 65535));
    assert_false(port_span_parse("", 0, &span));
    assert_false(reads("a : 1\nb : 2\nc : 3\n", 1, 2));
    assert_false(reads("a : 60000\nb : 60000\n", 60000, 65535));
    assert_false(reads("a : 0\nb : 2\n", 0, 1));
    assert_false(reads("a 1\nb 2\n", 1, 2));
    assert_false(reads("a : 1234567\nb : 2\n", 1, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_finding_endpoints__nothing_is_said_of_what_is_well),
        test(test_finding_endpoints__a_star_without_ipv6_is_told),
        test(test_finding_endpoints__only_ipv6_clients_are_told),
        test(test_finding_endpoints__ports_that_anyone_may_be_given_are_told),
        test(test_finding_endpoints__whom_udp_answers_is_told),
        test(test_finding_endpoints__reads_the_dynamic_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
