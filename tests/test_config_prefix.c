/* SPDX-License-Identifier: MIT
   Tests of config/config_prefix.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_prefix.h"
#include "support/exact.h"
#include "support/support.h"

/* From a block of just its size, so that a sanitizer sees a read behind it. */
static bool parse(const char *item, struct address_prefix *prefix_out, struct config_fault *fault_out)
{
    const size_t length = strlen(item);
    char *copy = exact_copy(item, length);
    const bool is_read = config_prefix_parse(copy, length, prefix_out, fault_out);
    free(copy);
    return is_read;
}

static void test_config_prefix__reads_networks_and_addresses(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"192.0.2.0/24", "192.0.2.0/24"},
        {"192.0.2.1", "192.0.2.1"},
        {"192.0.2.1/32", "192.0.2.1"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"2001:DB8::/32", "2001:db8::/32"},
        {"::1", "::1"},
        {"::/0", "::/0"},
        {"::ffff:192.0.2.0/120", "192.0.2.0/24"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address_prefix prefix;
        struct config_fault fault;
        char room[ADDRESS_PREFIX_TEXT_ROOM];
        struct text text;
        assert_true(parse(rows[i][0], &prefix, &fault));
        text_init(&text, room, sizeof room);
        address_prefix_add(&text, &prefix);
        assert_string_equal(room, rows[i][1]);
    }
}

#define BITS(most) "write 0 to " most ", the number of bits that all addresses of the network share"
#define NUMBERS    "write four numbers from 0 to 255 without leading zeros, such as 192.0.2.0/24"
#define ANY \
    "write one such as 192.0.2.1 or 2001:db8::1, or a network such as 192.0.2.0/24; names are not looked up"
#define COMMA   "put a comma between two items, and none inside one"
#define HOST    " is not a network, for bits behind its length are set"
#define SCOPE   " has a %scope, but the network interface does not count here"
#define NO_MARK "leave out the % and what follows it, up to the / if there is one"
#define X64     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
    const char *item;
    size_t offset;
    const char *problem;
    const char *remedy;
} wrong[] = {
    /* addresses */
    {"example.com", 0, "\"example.com\" is not an address", ANY},
    {"any", 0, "\"any\" is not an address", ANY},
    {"example.com/24", 0, "\"example.com\" is not an address", ANY},
    {"192.0.2.1-192.0.2.9", 0, "\"192.0.2.1-192.0.2.9\" is not an address", ANY},
    {"tcp://192.0.2.1", 0, "\"tcp:\" is not an address", ANY},
    {X64 "xx", 0, "\"" X64 "...\" is not an address", ANY},
    {"192.0.2/24", 0, "\"192.0.2\" is not an IPv4 address", NUMBERS},
    {"10/8", 0, "\"10\" is not an IPv4 address", NUMBERS},
    {"192.0.02.0/24", 0, "\"192.0.02.0\" is not an IPv4 address", NUMBERS},
    {"192.0.2.256", 0, "\"192.0.2.256\" is not an IPv4 address", NUMBERS},
    {"2001:db8/32", 0, "\"2001:db8\" is not an IPv6 address", "write one such as 2001:db8::1 or ::"},
    {"1::2::3", 0, "\"1::2::3\" is not an IPv6 address", "write one such as 2001:db8::1 or ::"},
    {":1:2", 0, "\":1:2\" is not an IPv6 address", "write one such as 2001:db8::1 or ::"},
    {"192.0.2.1:80", 0, "\"192.0.2.1:80\" has a port, but no port counts here",
     "leave out the : and what follows it"},
    {"[2001:db8::]/32", 0, "\"[2001:db8::]\" is not an address", "leave out the brackets"},
    {"[::1]", 0, "\"[::1]\" is not an address", "leave out the brackets"},
    {"[::1]:80", 0, "\"[::1]:80\" is not an address", ANY},
    {"[::1", 0, "\"[::1\" is not an address", ANY},
    {"[x]", 0, "\"[x]\" is not an address", ANY},
    {"[]", 0, "\"[]\" is not an address", ANY},
    {"*", 0, "\"*\" is not an address",
     "write 0.0.0.0/0 for all IPv4 addresses, ::/0 for all IPv6 addresses"},
    {"/24", 0, "\"/24\" has no address", "write one before the /, such as 192.0.2.0/24"},
    {"/", 0, "\"/\" has no address", "write one before the /, such as 192.0.2.0/24"},
    /* scopes */
    {"fe80::1%3", 7, "\"fe80::1%3\"" SCOPE, NO_MARK},
    {"fe80::%eth0/64", 6, "\"fe80::%eth0\"" SCOPE, NO_MARK},
    {"192.0.2.0%1/24", 9, "\"192.0.2.0%1\"" SCOPE, NO_MARK},
    /* lengths */
    {"192.0.2.0/", 10, "\"192.0.2.0/\" has no length behind the /",
     "write 0 to 32 there, or leave out the / for the one address"},
    {"2001:db8::/", 11, "\"2001:db8::/\" has no length behind the /",
     "write 0 to 128 there, or leave out the / for the one address"},
    {"192.0.2.0/255.255.255.0", 10, "\"255.255.255.0\" is not the length of a network", BITS("32")},
    {"192.0.2.0/-1", 10, "\"-1\" is not the length of a network", BITS("32")},
    {"fe80::/64%3", 7, "\"64%3\" is not the length of a network", BITS("128")},
    {"192.0.2.0/024", 10, "\"024\" has a leading zero", BITS("32")},
    {"192.0.2.0/33", 10, "\"33\" is more bits than such an address has", BITS("32")},
    {"2001:db8::/129", 11, "\"129\" is more bits than such an address has", BITS("128")},
    /* host bits */
    {"192.0.2.7/24", 0, "\"192.0.2.7/24\"" HOST,
     "write 192.0.2.0/24 for the network, or 192.0.2.7 for the one address"},
    {"0.0.0.1/0", 0, "\"0.0.0.1/0\"" HOST, "write 0.0.0.0/0 for the network, or 0.0.0.1 for the one address"},
    {"2001:db8::1/32", 0, "\"2001:db8::1/32\"" HOST,
     "write 2001:db8::/32 for the network, or 2001:db8::1 for the one address"},
    {"::ffff:192.0.2.7/120", 0, "\"::ffff:192.0.2.7/120\"" HOST,
     "write 192.0.2.0/24 for the network, or 192.0.2.7 for the one address"},
    {"::ffff:0:0/64", 0, "\"::ffff:0:0/64\"" HOST,
     "write ::/64 for the network, or ::ffff:0.0.0.0 for the one address"},
    /* blanks */
    {"192.0.2.1 192.0.2.2", 9, "\"192.0.2.1 192.0.2.2\" has a blank inside", COMMA},
    {"192.0.2.0\t/24", 9, "\"192.0.2.0\\t/24\" has a blank inside", COMMA},
};

static void test_config_prefix__tells_what_is_wrong_with_an_item(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct address_prefix prefix;
        struct config_fault fault;
        assert_false(parse(wrong[i].item, &prefix, &fault));
        if (strcmp(fault.problem, wrong[i].problem) != 0 || strcmp(fault.remedy, wrong[i].remedy) != 0) {
            print_error("of %s:\n", wrong[i].item);
        }
        assert_string_equal(fault.problem, wrong[i].problem);
        assert_string_equal(fault.remedy, wrong[i].remedy);
        assert_int_equal(fault.offset, wrong[i].offset);
    }
}

static void test_config_prefix__takes_a_nul_for_a_character(void **state)
{
    (void)state;
    struct address_prefix prefix;
    struct config_fault fault;
    assert_false(config_prefix_parse("192.0.2.1\0", 10, &prefix, &fault));
    assert_string_equal(fault.problem, "\"192.0.2.1\\x00\" is not an address");
    assert_false(config_prefix_parse("192.0.2.0/2\0", 12, &prefix, &fault));
    assert_string_equal(fault.problem, "\"2\\x00\" is not the length of a network");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_config_prefix__reads_networks_and_addresses),
        support_test(test_config_prefix__tells_what_is_wrong_with_an_item),
        support_test(test_config_prefix__takes_a_nul_for_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
