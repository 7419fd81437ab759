/* SPDX-License-Identifier: MIT
   Tests of config/config_listen.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_listen.h"
#include "support/exact.h"
#include "support/support.h"

/* From a block of just its size, so that a sanitizer sees a read behind it. */
static size_t parse(const char *item, struct config_listen listens_out[2], struct config_fault *fault_out)
{
    const size_t length = strlen(item);
    char *copy = exact_copy(item, length);
    const size_t count = config_listen_parse(copy, length, listens_out, fault_out);
    free(copy);
    return count;
}

static void assert_text(const struct config_listen *listen, const char *expected)
{
    char room[CONFIG_LISTEN_TEXT_ROOM];
    struct text text;
    text_init(&text, room, sizeof room);
    config_listen_add(&text, listen);
    assert_false(text.is_cut);
    assert_string_equal(room, expected);
}

static void test_config_listen__reads_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *item;
        const char *same; /* as it is written back */
        enum config_protocol protocol;
        int family;
        uint16_t port;
        uint16_t last_port;
        bool is_dual_stack;
    } cases[] = {
        {"tcp://192.0.2.1:80", "tcp://192.0.2.1:80", CONFIG_TCP, 4, 80, 80, false},
        {"udp://192.0.2.1:514", "udp://192.0.2.1:514", CONFIG_UDP, 4, 514, 514, false},
        {"TCP://0.0.0.0:65535", "tcp://0.0.0.0:65535", CONFIG_TCP, 4, 65535, 65535, false},
        {"tcp://[::]:1", "tcp://[::]:1", CONFIG_TCP, 6, 1, 1, false},
        {"tcp://*:80", "tcp://*:80", CONFIG_TCP, 6, 80, 80, true},
        {"Udp://*:8000-8010", "udp://*:8000-8010", CONFIG_UDP, 6, 8000, 8010, true},
        {"tcp://*:80-80", "tcp://*:80", CONFIG_TCP, 6, 80, 80, true},
        {"tcp://*:1-65535", "tcp://*:1-65535", CONFIG_TCP, 6, 1, 65535, true},
        {"tcp://[2001:DB8::0:1]:443", "tcp://[2001:db8::1]:443", CONFIG_TCP, 6, 443, 443, false},
        {"udp://[fe80::1%3]:53", "udp://[fe80::1%3]:53", CONFIG_UDP, 6, 53, 53, false},
        {"udp://[febf::1%4294967295]:53", "udp://[febf::1%4294967295]:53", CONFIG_UDP, 6, 53, 53, false},
        {"tcp://[fec0::1]:53", "tcp://[fec0::1]:53", CONFIG_TCP, 6, 53, 53, false},
        {"tcp://127.0.0.1:7", "tcp://127.0.0.1:7", CONFIG_TCP, 4, 7, 7, false},
        {"tcp://255.255.255.254:7", "tcp://255.255.255.254:7", CONFIG_TCP, 4, 7, 7, false},
        {"tcp://223.255.255.255:7", "tcp://223.255.255.255:7", CONFIG_TCP, 4, 7, 7, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config_listen listens[2];
        struct config_fault fault;
        assert_int_equal(parse(cases[i].item, listens, &fault), 1);
        assert_text(&listens[0], cases[i].same);
        assert_int_equal(listens[0].protocol, cases[i].protocol);
        assert_int_equal(listens[0].address.family, cases[i].family);
        assert_int_equal(listens[0].address.port, cases[i].port);
        assert_int_equal(listens[0].last_port, cases[i].last_port);
        assert_int_equal(listens[0].is_dual_stack, cases[i].is_dual_stack);
        assert_false(listens[0].is_localhost);
    }
}

static void test_config_listen__localhost_is_both_loopbacks(void **state)
{
    (void)state;
    struct config_listen listens[2];
    struct config_fault fault;
    assert_int_equal(parse("udp://LocalHost:53-54", listens, &fault), 2);
    assert_text(&listens[0], "udp://127.0.0.1:53-54");
    assert_text(&listens[1], "udp://[::1]:53-54");
    assert_false(listens[0].is_dual_stack || listens[1].is_dual_stack);
    assert_true(listens[0].is_localhost && listens[1].is_localhost);
}

#define PORTS    "write a number from 1 to 65535, or a range such as 8000-8010"
#define BRACKETS "write [ADDRESS]:PORT"
#define ADDRESSES \
    "write an IPv4 address, an IPv6 address in brackets, * or localhost; names are not looked up"
#define NUMBERS "write four numbers from 0 to 255 without leading zeros, such as 192.0.2.1"
#define OWN     "write an address of this machine, or *"
#define X64     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
    const char *item;
    size_t offset;
    const char *problem;
    const char *remedy;
} wrong[] = {
    /* protocol */
    {"0.0.0.0:80", 0, "\"0.0.0.0:80\" does not begin with tcp:// or udp://",
     "write tcp://0.0.0.0:80 (or udp:// for UDP)"},
    {"8080", 0, "\"8080\" does not begin with tcp:// or udp://", "write tcp://*:8080 (or udp:// for UDP)"},
    {"8000-8010", 0, "\"8000-8010\" does not begin with tcp:// or udp://",
     "write tcp://*:8000-8010 (or udp:// for UDP)"},
    {":80", 0, "\":80\" does not begin with tcp:// or udp://", "write tcp://*:80 (or udp:// for UDP)"},
    {"a", 0, "\"a\" does not begin with tcp:// or udp://", "write tcp://a:PORT (or udp:// for UDP)"},
    {"tcp:0.0.0.0:80", 0, "\"tcp:0.0.0.0:80\" does not begin with tcp:// or udp://",
     "write tcp://0.0.0.0:80"},
    {"UDP:/*:80", 0, "\"UDP:/*:80\" does not begin with tcp:// or udp://", "write udp://*:80"},
    {"tcp//*:80", 0, "\"tcp//*:80\" does not begin with tcp:// or udp://", "write tcp://*:80"},
    {"tcp", 0, "\"tcp\" does not begin with tcp:// or udp://", "write tcp://"},
    {"http://*:80", 0, "\"http\" is not a protocol here", "write tcp or udp"},
    {"://*:80", 0, "\"\" is not a protocol here", "write tcp or udp"},
    {X64 "xx:80", 0, "\"" X64 "...\" does not begin with tcp:// or udp://",
     "write tcp://ADDRESS:PORT (or udp:// for UDP)"},
    /* shape */
    {"tcp://", 0, "\"tcp://\" has no address and no port",
     "write them as in tcp://*:80 or tcp://192.0.2.1:80"},
    {"tcp://*", 0, "\"tcp://*\" has no port", "write tcp://*:PORT, with a number for PORT"},
    {"tcp://*:", 0, "\"tcp://*:\" has no port", "write tcp://*:PORT, with a number for PORT"},
    {"tcp://1.2.3.4", 0, "\"tcp://1.2.3.4\" has no port", "write tcp://1.2.3.4:PORT, with a number for PORT"},
    {"tcp://[::1]", 0, "\"tcp://[::1]\" has no port", "write tcp://[::1]:PORT, with a number for PORT"},
    {"tcp://:80", 0, "\"tcp://:80\" has no address",
     "write * for all addresses of this machine, such as tcp://*:80"},
    {"tcp://[::1:80", 6, "\"[::1:80\" has no ]", BRACKETS},
    {"tcp://[::1]80", 11, "\"80\" stands where :PORT should", BRACKETS},
    {"tcp://::1:80", 6, "\"::1\" has colons, but no brackets around it", "write [::1]:80"},
    {"tcp://2001:db8::1:80", 6, "\"2001:db8::1\" has colons, but no brackets around it",
     "write [2001:db8::1]:80"},
    {"tcp://1.2.3.4:80:90", 6, "\"1.2.3.4:80\" has colons, but no brackets around it",
     "write an IPv6 address in brackets: [ADDRESS]:PORT"},
    {"tcp://1:2:3:4:5:6:7:8:8000000000000000000000000000000000000000000000000", 6,
     "\"1:2:3:4:5:6:7:8\" has colons, but no brackets around it",
     "write an IPv6 address in brackets: [ADDRESS]:PORT"},
    {"tcp://*:80 udp://*:80", 10, "\"tcp://*:80 udp://*:80\" has a blank inside",
     "put a comma between two items, and none inside one"},
    {"tcp://*:\t80", 8, "\"tcp://*:\\t80\" has a blank inside",
     "put a comma between two items, and none inside one"},
    /* ports */
    {"tcp://*:0", 8, "\"0\" is not a port", PORTS},
    {"tcp://*:65536", 8, "\"65536\" is not a port", PORTS},
    {"tcp://*:99999999999999999999", 8, "\"99999999999999999999\" is not a port", PORTS},
    {"tcp://*:080", 8, "\"080\" has a leading zero", "write the port without it"},
    {"tcp://*:http", 8, "\"http\" is not a port number", PORTS},
    {"tcp://*:+80", 8, "\"+80\" is not a port number", PORTS},
    {"tcp://*:0x50", 8, "\"0x50\" is not a port number", PORTS},
    {"tcp://*:80/", 8, "\"80/\" is not a port number", PORTS},
    {"tcp://*:-80", 8, "\"\" is not a port number", PORTS},
    {"tcp://*:80-", 11, "\"\" is not a port number", PORTS},
    {"tcp://*:1-2-3", 10, "\"2-3\" is not a port number", PORTS},
    {"tcp://*:0-80", 8, "\"0\" is not a port", PORTS},
    {"tcp://*:80-0", 11, "\"0\" is not a port", PORTS},
    {"tcp://*:8010-8000", 8, "\"8010-8000\" runs backwards", "write 8000-8010"},
    {"tcp://[::1]:", 12, "\"\" is not a port number", PORTS},
    /* addresses */
    {"tcp://example.com:80", 6, "\"example.com\" is not an address", ADDRESSES},
    {"tcp://**:80", 6, "\"**\" is not an address", ADDRESSES},
    {"tcp://eth0:80", 6, "\"eth0\" is not an address", ADDRESSES},
    {"tcp://1.2.3:80", 6, "\"1.2.3\" is not an IPv4 address", NUMBERS},
    {"tcp://1.2.3.256:80", 6, "\"1.2.3.256\" is not an IPv4 address", NUMBERS},
    {"tcp://01.2.3.4:80", 6, "\"01.2.3.4\" is not an IPv4 address", NUMBERS},
    {"tcp://2130706433:80", 6, "\"2130706433\" is not an IPv4 address", NUMBERS},
    {"tcp://0x7f.0.0.1:80", 6, "\"0x7f.0.0.1\" is not an address", ADDRESSES},
    {"tcp://224.0.0.1:80", 6, "\"224.0.0.1\" is a multicast address, which nobody can listen on", OWN},
    {"udp://239.255.255.255:80", 6, "\"239.255.255.255\" is a multicast address, which nobody can listen on",
     OWN},
    {"udp://[ff02::1]:80", 7, "\"ff02::1\" is a multicast address, which nobody can listen on", OWN},
    {"udp://[ff02::1%3]:80", 7, "\"ff02::1%3\" is a multicast address, which nobody can listen on", OWN},
    {"udp://255.255.255.255:80", 6,
     "\"255.255.255.255\" is the broadcast address, which nobody can listen on", OWN},
    {"tcp://[::ffff:1.2.3.4]:80", 7, "\"::ffff:1.2.3.4\" is an IPv4 address written as IPv6",
     "write 1.2.3.4, without brackets"},
    {"tcp://[::ffff:0:0]:80", 7, "\"::ffff:0:0\" is an IPv4 address written as IPv6",
     "write 0.0.0.0, without brackets"},
    {"tcp://[fe80::1]:80", 7, "\"fe80::1\" is a link-local address without its network interface",
     "write the interface's number behind it, such as fe80::1%3"},
    {"tcp://[fe80::1%0]:80", 7, "\"fe80::1%0\" is a link-local address without its network interface",
     "write the interface's number behind it, such as fe80::1%3"},
    {"tcp://[2001:db8::1%3]:80", 7, "\"2001:db8::1%3\" is not link-local, so it has no %scope",
     "leave out the % and what follows it"},
    {"tcp://[fe80::1%eth0]:80", 7, "\"fe80::1%eth0\" is not an IPv6 address",
     "write the number of the network interface behind the %, such as fe80::1%3"},
    {"tcp://[1.2.3.4]:80", 7, "\"1.2.3.4\" is not an IPv6 address", "leave out the brackets"},
    {"tcp://[*]:80", 7, "\"*\" is not an IPv6 address", "leave out the brackets"},
    {"tcp://[localhost]:80", 7, "\"localhost\" is not an IPv6 address",
     "write one such as 2001:db8::1 or ::"},
    {"tcp://[]:80", 7, "\"\" is not an IPv6 address", "write one such as 2001:db8::1 or ::"},
    {"tcp://[12345::]:80", 7, "\"12345::\" is not an IPv6 address", "write one such as 2001:db8::1 or ::"},
};

static void test_config_listen__tells_what_is_wrong_with_an_item(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct config_listen listens[2];
        struct config_fault fault;
        assert_int_equal(parse(wrong[i].item, listens, &fault), 0);
        if (strcmp(fault.problem, wrong[i].problem) != 0 || strcmp(fault.remedy, wrong[i].remedy) != 0) {
            print_error("of %s:\n", wrong[i].item);
        }
        assert_string_equal(fault.problem, wrong[i].problem);
        assert_string_equal(fault.remedy, wrong[i].remedy);
        assert_int_equal(fault.offset, wrong[i].offset);
    }
}

static void test_config_listen__takes_a_nul_for_a_character(void **state)
{
    (void)state;
    struct config_listen listens[2];
    struct config_fault fault;
    assert_int_equal(config_listen_parse("tcp://*:8\0", 10, listens, &fault), 0);
    assert_string_equal(fault.problem, "\"8\\x00\" is not a port number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_config_listen__reads_every_form),
        support_test(test_config_listen__localhost_is_both_loopbacks),
        support_test(test_config_listen__tells_what_is_wrong_with_an_item),
        support_test(test_config_listen__takes_a_nul_for_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
