/* SPDX-License-Identifier: MIT
   Tests of diagnosis/firewall.h and finding_firewall.h. The rules are in the form that [MS-GPFAS] 2.2.2.19 gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "diagnosis/finding_firewall.h"
#include "support/failing_memory.h"

#define PROGRAM "C:\\Program Files\\PortListener\\portlistener.exe"
#define ALLOW   "v2.30|Action=Allow|Active=TRUE|Dir=In|"

static struct findings findings;
static struct firewall firewall;
static struct config_listen listen;
static char name[] = "web";
static struct address_prefix networks[2];
static struct config_endpoint endpoint;
static const char *service;

static bool variable(const char *wanted, struct text *value)
{
    if (strcmp(wanted, "ProgramFiles") == 0) {
        text_add_string(value, "c:\\program files");
        return true;
    }
    return false;
}

static void listens_on(enum config_protocol protocol, const char *address, uint16_t first, uint16_t last)
{
    listen = (struct config_listen){.protocol = protocol, .last_port = last};
    assert_true(address_parse(address, strlen(address), &listen.address));
    listen.address.port = first;
}

static int setup(void **state)
{
    const int result = failing_memory_setup(state);
    findings_init(&findings);
    service = "PortListener";
    firewall_init(&firewall);
    listens_on(CONFIG_TCP, "0.0.0.0", 8080, 8080);
    endpoint =
        (struct config_endpoint){.name = name, .listen = &listen, .listen_count = 1, .is_enabled = true};
    return result;
}

static int teardown(void **state)
{
    failing_memory_arm(0, false);
    findings_fini(&findings);
    firewall_fini(&firewall);
    return failing_memory_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void look(void)
{
    const struct config config = {.endpoints = &endpoint, .endpoint_count = 1};
    const struct firewall_facts facts = {.firewall = &firewall,
                                         .program = PROGRAM,
                                         .service = service,
                                         .name = "PortListener",
                                         .variable = variable};
    findings_fini(&findings);
    finding_firewall_add(&findings, &config, &facts);
    for (size_t i = 0; i < findings.count; i++) {
        assert_null(strchr(findings.at[i].text, '?'));
        assert_null(strchr(findings.at[i].remedy, '?'));
    }
}

/* What there is to be said when this is the only rule. */
static bool allows(const char *rule)
{
    firewall_fini(&firewall);
    assert_true(firewall_add_rule(&firewall, rule));
    look();
    assert_true(findings.count <= 1);
    assert_true(findings.count == 0 || findings.at[0].kind == FINDING_FIREWALL_NO_RULE);
    return findings.count == 0;
}

static void test_finding_firewall__a_rule_lets_clients_in_when_all_of_it_fits(void **state)
{
    static const struct {
        const char *rule;
        bool allows;
    } rows[] = {
        {ALLOW, true},
        {ALLOW "Protocol=6|LPort=8080|App=" PROGRAM "|Name=Web|", true},
        {ALLOW "Protocol=6|LPort=80|LPort=8080|App=%ProgramFiles%\\PortListener\\PortListener.exe|", true},
        {ALLOW "Protocol=6|LPort2_10=8000-8100|Svc=portlistener|RA4=LocalSubnet|", true},
        {ALLOW "Svc=*|", true},
        {ALLOW "Profile=Domain|Profile=Private|Profile=Public|", true},
        {ALLOW "LA4=0.0.0.0|", true},
        {ALLOW "Protocol=17|LPort=8080|", false},
        {ALLOW "Protocol=6|LPort=8081|", false},
        {ALLOW "Protocol=6|LPort=RPC|", false},
        {ALLOW "Protocol=6|LPort2_10=8081-8100|", false},
        {ALLOW "App=C:\\other.exe|", false},
        {ALLOW "App=%Nothing%\\portlistener.exe|", false},
        {ALLOW "App=System|", false},
        {ALLOW "Svc=Dnscache|", false},
        {ALLOW "LA4=192.0.2.7|", false},
        {ALLOW "IFType=Wireless|", false},
        {ALLOW "AppPkgId=S-1-15-2|", false},
        {ALLOW "Security=Authenticate|", false},
        {"v2.30|Action=Allow|Active=FALSE|Dir=In|", false},
        {"v2.30|Action=Allow|Active=TRUE|Dir=Out|", false},
        {"v2.30|Action=ByPass|Active=TRUE|Dir=In|", false},
        {"v2.30|Action=Allow|Active=TRUE|", false},
        {"", false},
        {"|||=|Dir=In", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (allows(rows[i].rule) != rows[i].allows) {
            fail_msg("%s", rows[i].rule);
        }
    }
}

static void test_finding_firewall__without_a_rule_the_command_adds_it_for_allow_alone(void **state)
{
    static const char first[] = "192.0.2.0/24", second[] = "2001:db8::/32";
    (void)state;
    look();
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.at[0].kind, FINDING_FIREWALL_NO_RULE);
    assert_non_null(strstr(findings.at[0].text, "reach tcp://0.0.0.0:8080"));
    assert_string_equal(
        findings.at[0].remedy,
        "run elevated: netsh advfirewall firewall add rule name=\"PortListener\" program=\"" PROGRAM
        "\" service=\"PortListener\" dir=in action=allow profile=domain,private protocol=TCP "
        "localport=8080");
    service = NULL; /* a run on a console: its rules have the name as well, so that they go with the others */
    look();
    assert_non_null(strstr(findings.at[0].remedy, "name=\"PortListener\" program=\"" PROGRAM "\" dir=in "));
    assert_int_equal(address_prefix_parse(first, strlen(first), &networks[0]), ADDRESS_PREFIX_OK);
    assert_int_equal(address_prefix_parse(second, strlen(second), &networks[1]), ADDRESS_PREFIX_OK);
    endpoint.allow = (struct config_prefixes){networks, 2};
    listens_on(CONFIG_UDP, "192.0.2.7", 514, 520);
    look();
    assert_non_null(strstr(findings.at[0].remedy, " profile=domain,private protocol=UDP localport=514-520 "
                                                  "localip=192.0.2.7 remoteip=192.0.2.0/24,2001:db8::/32"));
}

static void test_finding_firewall__loopback_and_what_is_off_need_no_rule(void **state)
{
    (void)state;
    listens_on(CONFIG_TCP, "127.0.0.1", 80, 80);
    look();
    assert_int_equal(findings.count, 0);
    endpoint.is_enabled = false;
    listens_on(CONFIG_TCP, "192.0.2.1", 80, 80);
    look();
    assert_int_equal(findings.count, 0);
    endpoint.is_enabled = true;
    firewall.open = FIREWALL_ALL; /* lets in what no rule names */
    look();
    assert_int_equal(findings.count, 0);
}

static void test_finding_firewall__says_where_it_is_off(void **state)
{
    (void)state;
    firewall.off = FIREWALL_DOMAIN | FIREWALL_PUBLIC;
    look();
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.at[0].kind, FINDING_FIREWALL_OFF);
    assert_non_null(strstr(findings.at[0].text, "in the profiles domain, public:"));
}

static void test_finding_firewall__names_the_profiles_that_a_rule_has(void **state)
{
    (void)state;
    assert_true(firewall_add_rule(&firewall, ALLOW "Profile=Private|Name=Web|"));
    look();
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.at[0].kind, FINDING_FIREWALL_PROFILES);
    assert_non_null(strstr(findings.at[0].text,
                           "\"Web\" lets clients reach tcp://0.0.0.0:8080 in the profiles private "));
    assert_non_null(strstr(findings.at[0].remedy, "profile=domain,public"));
    assert_true(firewall_add_rule(&firewall, ALLOW "Profile=Domain|Profile=Public|"));
    look();
    assert_int_equal(findings.count, 0);
}

static void test_finding_firewall__a_rule_that_blocks_is_named(void **state)
{
    (void)state;
    assert_true(firewall_add_rule(&firewall, ALLOW));
    assert_true(
        firewall_add_rule(&firewall, "v2.30|Action=Block|Active=TRUE|Dir=In|App=" PROGRAM "|Name=No|"));
    look();
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.at[0].kind, FINDING_FIREWALL_BLOCKED);
    assert_non_null(strstr(findings.at[0].text, "the rule \"No\" of"));
    firewall.off = FIREWALL_ALL;
    look();
    assert_int_equal(findings.at[0].kind, FINDING_FIREWALL_OFF);
    assert_int_equal(findings.count, 1);
    firewall_fini(&firewall);
    assert_true(firewall_add_rule(&firewall, ALLOW));
    assert_true(firewall_add_rule(&firewall, "v2.30|Action=Block|Active=TRUE|Dir=In|RA4=192.0.2.1|"));
    look();
    assert_int_equal(findings.count, 0); /* it blocks one alone */
}

static void test_finding_firewall__a_rule_for_all_is_wider_than_allow(void **state)
{
    (void)state;
    networks[0] = (struct address_prefix){.address = {.family = 4, .ip = {10}}, .length = 8};
    endpoint.allow = (struct config_prefixes){networks, 1};
    assert_true(firewall_add_rule(&firewall, ALLOW "RA4=10.0.0.0/255.0.0.0|"));
    look();
    assert_int_equal(findings.count, 0);
    assert_true(firewall_add_rule(&firewall, ALLOW));
    look();
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.at[0].kind, FINDING_FIREWALL_WIDE);
    assert_non_null(strstr(findings.at[0].text, "without a name lets every"));
    assert_non_null(strstr(findings.at[0].remedy, "remoteip=10.0.0.0/8"));
}

static void allow(size_t index, const char *network)
{
    assert_int_equal(address_prefix_parse(network, strlen(network), &networks[index]), ADDRESS_PREFIX_OK);
    endpoint.allow = (struct config_prefixes){networks, index + 1};
}

static void test_finding_firewall__a_rule_for_strangers_lets_no_client_in(void **state)
{
    static const struct {
        const char *rule;
        bool allows;
    } rows[] = {
        {ALLOW "RA4=203.0.113.9|", false},
        {ALLOW "RA4=192.168.7.1|", true},
        {ALLOW "RA4=203.0.113.9|RA4=192.168.7.1|", true},
        {ALLOW "RA4=192.0.0.0/255.0.0.0|", true},
        {ALLOW "RA4=192.168.3.0/24|", true},
        {ALLOW "RA4=192.167.0.0/255.255.0.0|", false},
        {ALLOW "RA4=192.169.0.0/16|", false},
        {ALLOW "RA4=192.167.0.0-192.168.0.0|", true},
        {ALLOW "RA4=192.169.0.0-192.170.0.0|", false},
        {ALLOW "RA4=192.169.0.0/255.0.255.0|", true}, /* not to be judged, as the words below */
        {ALLOW "RA4=LocalSubnet|", true},
        {ALLOW "RA42=IntrAnet|", true},
        {ALLOW "RA6=2001:db8::/32|", true},
        {ALLOW "RA6=2001:db9::1-2001:db9::9|", false},
        {ALLOW "RA6=fe80::/64|", false},
        {ALLOW "RA4=/|RA6=-|", true},
        {ALLOW "RPort=53|", true},
    };
    (void)state;
    allow(0, "192.168.0.0/16");
    allow(1, "2001:db8:7::/48");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        firewall_fini(&firewall);
        assert_true(firewall_add_rule(&firewall, rows[i].rule));
        look();
        if ((findings.count == 0) != rows[i].allows) {
            fail_msg("%s", rows[i].rule);
        }
    }
}

static void test_finding_firewall__a_rule_that_blocks_a_network_of_clients_is_named(void **state)
{
    static const struct {
        const char *remotes;
        bool blocks;
    } rows[] = {
        {"RA4=192.168.0.0/255.255.0.0|", true},
        {"RA4=192.0.0.0-193.0.0.0|", true},
        {"RA4=192.168.0.0/17|", false},
        {"RA4=192.168.0.0/255.255.0.0|RPort=53|", false},
        {"RA4=LocalSubnet|", false},
    };
    (void)state;
    allow(0, "192.168.0.0/16");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char rule[200];
        snprintf(rule, sizeof rule, "v2.30|Action=Block|Active=TRUE|Dir=In|%sName=No|", rows[i].remotes);
        firewall_fini(&firewall);
        assert_true(firewall_add_rule(&firewall, ALLOW "RA4=192.168.0.0/255.255.0.0|"));
        assert_true(firewall_add_rule(&firewall, rule));
        look();
        if ((findings.count == 1 && findings.at[0].kind == FINDING_FIREWALL_BLOCKED) != rows[i].blocks) {
            fail_msg("%s: %zu", rule, findings.count);
        }
    }
}

static void test_finding_firewall__each_port_of_a_range_is_looked_at(void **state)
{
    (void)state;
    listens_on(CONFIG_TCP, "0.0.0.0", 28960, 28969);
    assert_true(firewall_add_rule(&firewall, ALLOW "Protocol=6|LPort=28960|"));
    look();
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.at[0].kind, FINDING_FIREWALL_NO_RULE);
    assert_non_null(strstr(findings.at[0].text, "reach tcp://0.0.0.0:28961-28969"));
    assert_non_null(strstr(findings.at[0].remedy, " localport=28961-28969"));
    assert_true(firewall_add_rule(&firewall, ALLOW "Protocol=6|LPort2_10=28963-28964|LPort=28966|"));
    assert_true(firewall_add_rule(&firewall, ALLOW "Protocol=17|LPort=28961|")); /* not of TCP */
    look();
    assert_int_equal(findings.count, 3);
    assert_non_null(strstr(findings.at[0].text, "reach tcp://0.0.0.0:28961-28962"));
    assert_non_null(strstr(findings.at[1].text, "reach tcp://0.0.0.0:28965"));
    assert_non_null(strstr(findings.at[2].text, "reach tcp://0.0.0.0:28967-28969"));
    assert_true(
        firewall_add_rule(&firewall, ALLOW "Protocol=6|LPort2_10=28900-28968|LPort2_10=28969-65535|"));
    look();
    assert_int_equal(findings.count, 0);
    assert_true(
        firewall_add_rule(&firewall, "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=28969|"));
    look();
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.at[0].kind, FINDING_FIREWALL_BLOCKED);
    assert_non_null(strstr(findings.at[0].text, "blocks clients of tcp://0.0.0.0:28969,"));
    listens_on(CONFIG_TCP, "0.0.0.0", 1, 65535);
    look();
    assert_int_equal(findings.count, 2); /* 1-28899, and the one above */
}

static void test_finding_firewall__a_rule_without_memory_is_told(void **state)
{
    (void)state;
    for (size_t nth = 1; nth <= 2; nth++) {
        failing_memory_arm(nth, true);
        assert_false(firewall_add_rule(&firewall, ALLOW));
        failing_memory_arm(0, false);
    }
    assert_true(firewall_add_rule(&firewall, ALLOW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_finding_firewall__a_rule_lets_clients_in_when_all_of_it_fits),
        test(test_finding_firewall__without_a_rule_the_command_adds_it_for_allow_alone),
        test(test_finding_firewall__loopback_and_what_is_off_need_no_rule),
        test(test_finding_firewall__says_where_it_is_off),
        test(test_finding_firewall__names_the_profiles_that_a_rule_has),
        test(test_finding_firewall__a_rule_that_blocks_is_named),
        test(test_finding_firewall__a_rule_for_all_is_wider_than_allow),
        test(test_finding_firewall__a_rule_for_strangers_lets_no_client_in),
        test(test_finding_firewall__a_rule_that_blocks_a_network_of_clients_is_named),
        test(test_finding_firewall__each_port_of_a_range_is_looked_at),
        test(test_finding_firewall__a_rule_without_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
