/* SPDX-License-Identifier: MIT
   Tests of base/address_prefix.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/address_prefix.h"
#include "support/exact.h"
#include "support/random.h"
#include "support/support.h"

/* From a block of just its size, so that a sanitizer sees a read behind it. */
static enum address_prefix_result parse(const char *string, struct address_prefix *prefix_out)
{
    const size_t length = strlen(string);
    char *copy = exact_copy(string, length);
    const enum address_prefix_result result = address_prefix_parse(copy, length, prefix_out);
    free(copy);
    return result;
}

static void assert_prints(const struct address_prefix *prefix, const char *expected)
{
    char room[ADDRESS_PREFIX_TEXT_ROOM];
    struct text text;
    text_init(&text, room, sizeof room);
    address_prefix_add(&text, prefix);
    assert_false(text.is_cut);
    assert_string_equal(room, expected);
}

static void test_address_prefix__reads_and_prints_networks(void **state)
{
    (void)state;
    static const struct {
        const char *string;
        const char *same; /* as short as it can be written */
        int family;
        int length;
    } rows[] = {
        {"192.0.2.0/24", "192.0.2.0/24", 4, 24},
        {"0.0.0.0/0", "0.0.0.0/0", 4, 0},
        {"0.0.0.0", "0.0.0.0", 4, 32},
        {"128.0.0.0/1", "128.0.0.0/1", 4, 1},
        {"10.0.0.0/7", "10.0.0.0/7", 4, 7},
        {"10.0.0.0/8", "10.0.0.0/8", 4, 8},
        {"10.128.0.0/9", "10.128.0.0/9", 4, 9},
        {"192.0.2.254/31", "192.0.2.254/31", 4, 31},
        {"192.0.2.7/32", "192.0.2.7", 4, 32},
        {"192.0.2.7", "192.0.2.7", 4, 32},
        {"255.255.255.255/32", "255.255.255.255", 4, 32},
        {"2001:db8::/32", "2001:db8::/32", 6, 32},
        {"2001:DB8:0:0::/32", "2001:db8::/32", 6, 32},
        {"::/0", "::/0", 6, 0},
        {"::", "::", 6, 128},
        {"::/128", "::", 6, 128},
        {"::1", "::1", 6, 128},
        {"8000::/1", "8000::/1", 6, 1},
        {"fe80::/10", "fe80::/10", 6, 10},
        {"2001:db8::ffff:fffe/127", "2001:db8::ffff:fffe/127", 6, 127},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127", 6,
         127},
        {"::192.0.2.0/120", "::c000:200/120", 6, 120},
        /* mapped */
        {"::ffff:192.0.2.0/120", "192.0.2.0/24", 4, 24},
        {"::ffff:c000:200/120", "192.0.2.0/24", 4, 24},
        {"::ffff:0:0/96", "0.0.0.0/0", 4, 0},
        {"::ffff:128.0.0.0/97", "128.0.0.0/1", 4, 1},
        {"::ffff:192.0.2.7/128", "192.0.2.7", 4, 32},
        {"::ffff:192.0.2.7", "192.0.2.7", 4, 32},
        {"::fffe:0:0/95", "::fffe:0:0/95", 6, 95},
        {"::fffe:0:0/96", "::fffe:0:0/96", 6, 96},
        {"::/80", "::/80", 6, 80},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address_prefix prefix, again;
        memset(&prefix, 0xEE, sizeof prefix);
        assert_int_equal(parse(rows[i].string, &prefix), ADDRESS_PREFIX_OK);
        assert_int_equal(prefix.address.family, rows[i].family);
        assert_int_equal(prefix.length, rows[i].length);
        assert_int_equal(prefix.address.port, 0);
        assert_int_equal(prefix.address.scope, 0);
        assert_prints(&prefix, rows[i].same);
        assert_int_equal(parse(rows[i].same, &again), ADDRESS_PREFIX_OK);
        assert_true(address_equal(&prefix.address, &again.address));
        assert_int_equal(prefix.length, again.length);
    }
}

static void test_address_prefix__tells_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *string;
        enum address_prefix_result result;
        int family; /* where there is an address */
    } rows[] = {
        {"", ADDRESS_PREFIX_NO_ADDRESS, 0},
        {"/", ADDRESS_PREFIX_NO_ADDRESS, 0},
        {"/24", ADDRESS_PREFIX_NO_ADDRESS, 0},
        {"%", ADDRESS_PREFIX_NO_ADDRESS, 0},
        {"%1/24", ADDRESS_PREFIX_NO_ADDRESS, 0},
        {"192.0.2/24", ADDRESS_PREFIX_NO_ADDRESS, 0},
        {"192.0.02.0/24", ADDRESS_PREFIX_NO_ADDRESS, 0},
        {"192.0.2.256/33", ADDRESS_PREFIX_NO_ADDRESS, 0},
        {"localhost", ADDRESS_PREFIX_NO_ADDRESS, 0},
        {"[::1]/128", ADDRESS_PREFIX_NO_ADDRESS, 0},
        {" 192.0.2.0/24", ADDRESS_PREFIX_NO_ADDRESS, 0},
        {"192.0.2.0 /24", ADDRESS_PREFIX_NO_ADDRESS, 0},
        {"12345::/16", ADDRESS_PREFIX_NO_ADDRESS, 0},
        {"192.0.2.0:80/24", ADDRESS_PREFIX_NO_ADDRESS, 0},
        {"fe80::1%3", ADDRESS_PREFIX_SCOPE, 6},
        {"fe80::1%0", ADDRESS_PREFIX_SCOPE, 6},
        {"fe80::%eth0/64", ADDRESS_PREFIX_SCOPE, 6},
        {"fe80::%/64", ADDRESS_PREFIX_SCOPE, 6},
        {"192.0.2.1%1", ADDRESS_PREFIX_SCOPE, 4},
        {"192.0.2.0/", ADDRESS_PREFIX_NO_LENGTH, 4},
        {"::/", ADDRESS_PREFIX_NO_LENGTH, 6},
        {"192.0.2.0/x", ADDRESS_PREFIX_BAD_LENGTH, 4},
        {"192.0.2.0/24x", ADDRESS_PREFIX_BAD_LENGTH, 4},
        {"192.0.2.0/ 24", ADDRESS_PREFIX_BAD_LENGTH, 4},
        {"192.0.2.0/24 ", ADDRESS_PREFIX_BAD_LENGTH, 4},
        {"192.0.2.0/-1", ADDRESS_PREFIX_BAD_LENGTH, 4},
        {"192.0.2.0/+24", ADDRESS_PREFIX_BAD_LENGTH, 4},
        {"192.0.2.0/0x18", ADDRESS_PREFIX_BAD_LENGTH, 4},
        {"192.0.2.0//24", ADDRESS_PREFIX_BAD_LENGTH, 4},
        {"192.0.2.0/24/24", ADDRESS_PREFIX_BAD_LENGTH, 4},
        {"192.0.2.0/255.255.255.0", ADDRESS_PREFIX_BAD_LENGTH, 4},
        {"fe80::/64%3", ADDRESS_PREFIX_BAD_LENGTH, 6},
        {"192.0.2.0/99999999999999999999x", ADDRESS_PREFIX_BAD_LENGTH, 4},
        {"192.0.2.0/024", ADDRESS_PREFIX_LEADING_ZERO, 4},
        {"0.0.0.0/00", ADDRESS_PREFIX_LEADING_ZERO, 4},
        {"::/0128", ADDRESS_PREFIX_LEADING_ZERO, 6},
        {"::/0129", ADDRESS_PREFIX_LEADING_ZERO, 6},
        {"0.0.0.0/33", ADDRESS_PREFIX_TOO_LONG, 4},
        {"0.0.0.0/128", ADDRESS_PREFIX_TOO_LONG, 4},
        {"0.0.0.0/256", ADDRESS_PREFIX_TOO_LONG, 4},
        {"0.0.0.0/4294967296", ADDRESS_PREFIX_TOO_LONG, 4},
        {"0.0.0.0/18446744073709551616", ADDRESS_PREFIX_TOO_LONG, 4},
        {"0.0.0.0/4294967320", ADDRESS_PREFIX_TOO_LONG, 4},
        {"::/129", ADDRESS_PREFIX_TOO_LONG, 6},
        {"::/1280", ADDRESS_PREFIX_TOO_LONG, 6},
        {"::ffff:0:0/129", ADDRESS_PREFIX_TOO_LONG, 6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address_prefix prefix;
        memset(&prefix, 0xEE, sizeof prefix);
        if (parse(rows[i].string, &prefix) != rows[i].result) {
            print_error("of %s:\n", rows[i].string);
        }
        assert_int_equal(parse(rows[i].string, &prefix), rows[i].result);
        assert_int_equal(prefix.address.family, rows[i].family);
    }
}

static void test_address_prefix__finds_host_bits_and_clears_them(void **state)
{
    (void)state;
    static const struct {
        const char *string;
        const char *network;
    } rows[] = {
        {"192.0.2.7/24", "192.0.2.0/24"},
        {"192.0.2.1/31", "192.0.2.0/31"},
        {"0.0.0.1/0", "0.0.0.0/0"},
        {"128.0.0.0/0", "0.0.0.0/0"},
        {"10.1.0.0/8", "10.0.0.0/8"},
        {"10.128.0.0/8", "10.0.0.0/8"},
        {"255.255.255.255/1", "128.0.0.0/1"},
        {"::1/0", "::/0"},
        {"2001:db8::1/64", "2001:db8::/64"},
        {"2001:db8:ffff::/33", "2001:db8:8000::/33"},
        {"::1/127", "::/127"},
        {"::ffff:192.0.2.7/120", "192.0.2.0/24"},
        {"::ffff:0.0.0.1/96", "0.0.0.0/0"},
        {"::ffff:0.0.0.0/95", "::fffe:0:0/95"},
        {"::ffff:0.0.0.0/0", "::/0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address_prefix prefix;
        assert_int_equal(parse(rows[i].string, &prefix), ADDRESS_PREFIX_HOST_BITS);
        address_prefix_clear(&prefix);
        assert_prints(&prefix, rows[i].network);
        assert_int_equal(parse(rows[i].network, &prefix), ADDRESS_PREFIX_OK);
    }
}

static void test_address_prefix__fills_to_the_last_address(void **state)
{
    (void)state;
    static const struct {
        const char *string;
        const char *last;
    } rows[] = {
        {"192.0.2.0/24", "192.0.2.255"},
        {"192.0.2.7", "192.0.2.7"},
        {"192.0.2.6/31", "192.0.2.7"},
        {"0.0.0.0/0", "255.255.255.255"},
        {"128.0.0.0/1", "255.255.255.255"},
        {"10.0.0.0/9", "10.127.255.255"},
        {"::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"2001:db8::/33", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"},
        {"2001:db8::1", "2001:db8::1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address_prefix prefix;
        struct pl_address last;
        assert_int_equal(parse(rows[i].string, &prefix), ADDRESS_PREFIX_OK);
        address_prefix_fill(&prefix);
        assert_true(address_parse(rows[i].last, strlen(rows[i].last), &last));
        assert_true(address_equal(&prefix.address, &last));
        address_prefix_clear(&prefix);
        assert_prints(&prefix, rows[i].string);
    }
}

static void test_address_prefix__reads_no_further_than_its_length(void **state)
{
    (void)state;
    struct address_prefix prefix;
    assert_int_equal(address_prefix_parse("192.0.2.0/244", 12, &prefix), ADDRESS_PREFIX_OK);
    assert_prints(&prefix, "192.0.2.0/24");
    assert_int_equal(address_prefix_parse("192.0.2.0/24", 9, &prefix), ADDRESS_PREFIX_OK);
    assert_prints(&prefix, "192.0.2.0");
    assert_int_equal(address_prefix_parse("192.0.2.0/2\0", 12, &prefix), ADDRESS_PREFIX_BAD_LENGTH);
    assert_int_equal(address_prefix_parse("192.0.2.0\0/24", 13, &prefix), ADDRESS_PREFIX_NO_ADDRESS);
}

/* Every length of both families, with addresses at random. */
static void test_address_prefix__comes_back_as_it_was_printed(void **state)
{
    (void)state;
    struct random random = {0x9F12};
    for (int round = 0; round < 20000; round++) {
        struct address_prefix prefix = {.address.family = random_below(&random, 2) == 0 ? 4 : 6};
        struct address_prefix again;
        char room[ADDRESS_PREFIX_TEXT_ROOM];
        struct text text;
        const uint8_t width = address_prefix_width(prefix.address.family);
        for (int i = 0; i < width / 8; i++) {
            prefix.address.ip[i] = (uint8_t)random_next(&random);
        }
        prefix.length = (uint8_t)random_below(&random, width + 1U);
        address_prefix_clear(&prefix);
        text_init(&text, room, sizeof room);
        address_prefix_add(&text, &prefix);
        assert_int_equal(parse(room, &again), ADDRESS_PREFIX_OK);
        assert_true(address_equal(&prefix.address, &again.address));
        assert_int_equal(prefix.length, again.length);
        assert_int_equal(strchr(room, '/') == NULL, prefix.length == width);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_address_prefix__reads_and_prints_networks),
        support_test(test_address_prefix__tells_what_is_wrong),
        support_test(test_address_prefix__finds_host_bits_and_clears_them),
        support_test(test_address_prefix__fills_to_the_last_address),
        support_test(test_address_prefix__reads_no_further_than_its_length),
        support_test(test_address_prefix__comes_back_as_it_was_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
