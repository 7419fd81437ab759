/* SPDX-License-Identifier: MIT
   Tests of base/address.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "support/support.h"

#ifndef _WIN32
#include <arpa/inet.h>
#endif

/* From the end of an array, without a NUL, so that a sanitizer sees a byte read behind it. */
static bool parse(const char *string, struct pl_address *address_out)
{
    char at[64];
    const size_t length = strlen(string);
    assert_true(length <= sizeof at);
    for (size_t i = 0; i < length; i++) {
        at[sizeof at - length + i] = string[i];
    }
    return address_parse(at + sizeof at - length, length, address_out);
}

static void assert_prints(const struct pl_address *address, const char *expected)
{
    char buffer[ADDRESS_TEXT_ROOM];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    address_add(&text, address);
    assert_false(text.is_cut);
    assert_string_equal(text.at, expected);
}

static void test_address__reads_and_prints_as_rfc_5952_has_it(void **state)
{
    (void)state;
    static const struct {
        const char *string;
        const char *canonical;
        uint16_t family;
        uint8_t ip[16];
        uint32_t scope;
    } rows[] = {
        {"0.0.0.0", "0.0.0.0", 4, {0}, 0},
        {"127.0.0.1", "127.0.0.1", 4, {127, 0, 0, 1}, 0},
        {"192.0.2.33", "192.0.2.33", 4, {192, 0, 2, 33}, 0},
        {"255.255.255.255", "255.255.255.255", 4, {255, 255, 255, 255}, 0},
        /* RFC 4291, section 2.2 */
        {"ABCD:EF01:2345:6789:ABCD:EF01:2345:6789",
         "abcd:ef01:2345:6789:abcd:ef01:2345:6789",
         6,
         {0xAB, 0xCD, 0xEF, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0x01, 0x23, 0x45, 0x67, 0x89},
         0},
        {"2001:DB8:0:0:8:800:200C:417A",
         "2001:db8::8:800:200c:417a",
         6,
         {0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 8, 8, 0, 0x20, 0x0C, 0x41, 0x7A},
         0},
        {"FF01:0:0:0:0:0:0:101", "ff01::101", 6, {0xFF, 0x01, [14] = 0x01, 0x01}, 0},
        {"0:0:0:0:0:0:0:1", "::1", 6, {[15] = 1}, 0},
        {"0:0:0:0:0:0:0:0", "::", 6, {0}, 0},
        {"::", "::", 6, {0}, 0},
        {"::1", "::1", 6, {[15] = 1}, 0},
        {"FF01::101", "ff01::101", 6, {0xFF, 0x01, [14] = 0x01, 0x01}, 0},
        {"0:0:0:0:0:0:13.1.68.3", "::d01:4403", 6, {[12] = 13, 1, 68, 3}, 0},
        {"0:0:0:0:0:FFFF:129.144.52.38", "::ffff:129.144.52.38", 6, {[10] = 0xFF, 0xFF, 129, 144, 52, 38}, 0},
        {"::13.1.68.3", "::d01:4403", 6, {[12] = 13, 1, 68, 3}, 0},
        {"::FFFF:129.144.52.38", "::ffff:129.144.52.38", 6, {[10] = 0xFF, 0xFF, 129, 144, 52, 38}, 0},
        {"::ffff:8190:3426", "::ffff:129.144.52.38", 6, {[10] = 0xFF, 0xFF, 129, 144, 52, 38}, 0},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221", 6, {0, 0x64, 0xFF, 0x9B, [12] = 192, 0, 2, 33}, 0},
        /* RFC 5952, sections 1, 2 and 4 */
        {"2001:0db8:0:0:1:0:0:1",
         "2001:db8::1:0:0:1",
         6,
         {0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1},
         0},
        {"2001:db8:0:0:1::1",
         "2001:db8::1:0:0:1",
         6,
         {0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1},
         0},
        {"2001:db8:aaaa:bbbb:cccc:dddd::1",
         "2001:db8:aaaa:bbbb:cccc:dddd:0:1",
         6,
         {0x20, 0x01, 0x0D, 0xB8, 0xAA, 0xAA, 0xBB, 0xBB, 0xCC, 0xCC, 0xDD, 0xDD, 0, 0, 0, 1},
         0},
        {"2001:db8:0:1:1:1:1:1",
         "2001:db8:0:1:1:1:1:1",
         6,
         {0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1},
         0},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1", 6, {0x20, 0x01, [7] = 1, [15] = 1}, 0},
        {"0:0:1::", "0:0:1::", 6, {[5] = 1}, 0},
        {"1::", "1::", 6, {[1] = 1}, 0},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", 6, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0}, 0},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8", 6, {0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}, 0},
        {"0001:0:0:0:0:0:0:0", "1::", 6, {[1] = 1}, 0},
        /* RFC 4007 */
        {"fe80::1234%1", "fe80::1234%1", 6, {0xFE, 0x80, [14] = 0x12, 0x34}, 1},
        {"ff02::5678%4294967295", "ff02::5678%4294967295", 6, {0xFF, 0x02, [14] = 0x56, 0x78}, UINT32_MAX},
        {"fe80::1%0", "fe80::1", 6, {0xFE, 0x80, [15] = 1}, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_address address, again;
        memset(&address, 0xEE, sizeof address);
        assert_true(parse(rows[i].string, &address));
        assert_int_equal(address.family, rows[i].family);
        assert_int_equal(address.port, 0);
        assert_int_equal(address.scope, rows[i].scope);
        assert_memory_equal(address.ip, rows[i].ip, 16);
        assert_prints(&address, rows[i].canonical);
        assert_true(parse(rows[i].canonical, &again));
        assert_true(address_equal(&address, &again));
    }
}

static void test_address__refuses_what_is_none_and_writes_nothing(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        " ",
        ".",
        ":",
        "%",
        "-",
        /* IPv4 */
        "1",
        "1.2",
        "1.2.3",
        "1.2.3.",
        "1.2.3.4.",
        ".1.2.3.4",
        "1..2.3",
        "1.2.3.4.5",
        "256.0.0.1",
        "1.2.3.256",
        "1.2.3.999999999999999999999",
        "01.2.3.4",
        "1.2.3.04",
        "1.2.3.00",
        "0x7f.0.0.1",
        "1.2.3.-4",
        "+1.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4\n",
        "1.2.3.4:80",
        "1,2,3,4",
        "127.1",
        "2130706433",
        "1.2.3.4/24",
        "1.2.3.4%1",
        "localhost",
        "*",
        /* IPv6 */
        ":::",
        "::::",
        ":1",
        "1:",
        ":1::",
        "1::2::3",
        "::1::",
        "1:::2",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:",
        "1:2:3:4:5:6:7:8:",
        ":1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
        "12345::",
        "::12345",
        "::g",
        "g::",
        "::-1",
        ":: 1",
        "::1 ",
        " ::1",
        "[::1]",
        "::1/64",
        "1.2.3.4::",
        "::1.2.3.4:5",
        "::1.2.3",
        "::1.2.3.4.5",
        "::01.2.3.4",
        "::256.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:1.2.3.4",
        "::1:2:3:4:5:6:1.2.3.4:7",
        "::.1.2.3",
        /* scopes */
        "fe80::1%",
        "fe80::1%%1",
        "fe80::1%eth0",
        "fe80::1%01",
        "fe80::1%-1",
        "fe80::1%1 ",
        "fe80::1%4294967296",
        "fe80::1%99999999999999999999",
        "%1",
        "fe80%1::1",
        "fe80::1%1%2",
        "%::1",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_address address, before;
        memset(&address, 0xEE, sizeof address);
        before = address;
        if (parse(rows[i], &address)) {
            fail_msg("taken for an address: \"%s\"", rows[i]);
        }
        assert_memory_equal(&address, &before, sizeof address);
    }
}

static void test_address__reads_no_further_than_its_length(void **state)
{
    (void)state;
    struct pl_address address;
    assert_true(address_parse("192.0.2.11", 9, &address));
    assert_prints(&address, "192.0.2.1");
    assert_true(address_parse("2001:db8::11", 11, &address));
    assert_prints(&address, "2001:db8::1");
    assert_true(address_parse("fe80::1%34", 9, &address));
    assert_int_equal(address.scope, 3);
    assert_false(address_parse("1.2.3.4\0", 8, &address));
    assert_false(address_parse("::1\0", 4, &address));
    assert_false(address_parse("1\0.2.3.4", 8, &address));
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Half of the groups are zero, so that there are gaps of all lengths. */
static struct pl_address random_address(uint32_t *seed)
{
    struct pl_address address = {.family = next_random(seed) % 4 == 0 ? 4 : 6};
    const int groups = address.family == 4 ? 2 : 8;
    for (int i = 0; i < groups; i++) {
        const uint32_t random = next_random(seed);
        const uint32_t group = random % 2 == 0 ? 0 : random >> (8 + random / 2 % 16);
        address.ip[2 * i] = (uint8_t)(group >> 8);
        address.ip[2 * i + 1] = (uint8_t)group;
    }
    if (address.family == 6 && next_random(seed) % 4 == 0) {
        address.scope = next_random(seed);
    }
    return address;
}

static void test_address__comes_back_as_it_was_printed(void **state)
{
    (void)state;
    uint32_t seed = 0xADD4E550;
    for (int round = 0; round < 50000; round++) {
        const struct pl_address address = random_address(&seed);
        struct pl_address again;
        char buffer[ADDRESS_TEXT_ROOM];
        struct text text;
        text_init(&text, buffer, sizeof buffer);
        address_add(&text, &address);
        assert_false(text.is_cut);
        assert_true(parse(text.at, &again));
        assert_true(address_equal(&address, &again));
        assert_null(strpbrk(text.at, "ABCDEF"));
    }
}

/* Strings of the characters that addresses are made of: whatever is taken must print as itself again. */
static void test_address__survives_random_strings(void **state)
{
    (void)state;
    static const char characters[] = "0123456789abcdefABCDEF::::....%%g /-";
    uint32_t seed = 0xBADADD55;
    unsigned taken = 0;
    for (int round = 0; round < 300000; round++) {
        char string[24], buffer[ADDRESS_TEXT_ROOM];
        struct pl_address address, again;
        struct text text;
        const size_t length = next_random(&seed) % sizeof string;
        for (size_t i = 0; i < length; i++) {
            string[i] = characters[next_random(&seed) % (sizeof characters - 1)];
        }
        string[length] = '\0';
        const bool is_taken = parse(string, &address);
#ifndef _WIN32 /* the C library's word on all but scopes */
        uint8_t ip[16] = {0};
        const bool is_ipv6 = strchr(string, ':') != NULL;
        if (strchr(string, '%') == NULL) {
            assert_int_equal(is_taken, inet_pton(is_ipv6 ? AF_INET6 : AF_INET, string, ip) == 1);
            assert_true(!is_taken || memcmp(ip, address.ip, sizeof ip) == 0);
        }
#endif
        if (is_taken) {
            taken++;
            text_init(&text, buffer, sizeof buffer);
            address_add(&text, &address);
            assert_true(parse(text.at, &again));
            assert_true(address_equal(&address, &again));
        }
    }
    assert_true(taken > 100); /* the test did try addresses, too */
}

static void test_address__prints_the_port(void **state)
{
    (void)state;
    static const struct {
        const char *string;
        uint16_t port;
        const char *expected;
    } rows[] = {
        {"192.0.2.1", 80, "192.0.2.1:80"},
        {"0.0.0.0", 0, "0.0.0.0:0"},
        {"2001:db8::1", 65535, "[2001:db8::1]:65535"},
        {"fe80::1%7", 1, "[fe80::1%7]:1"},
        {"::", 514, "[::]:514"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buffer[ADDRESS_TEXT_ROOM];
        struct pl_address address;
        struct text text;
        assert_true(parse(rows[i].string, &address));
        address.port = rows[i].port;
        text_init(&text, buffer, sizeof buffer);
        address_add_with_port(&text, &address);
        assert_string_equal(text.at, rows[i].expected);
    }
}

static void test_address__has_room_for_the_longest_text(void **state)
{
    (void)state;
    char buffer[ADDRESS_TEXT_ROOM];
    struct pl_address address;
    struct text text;
    assert_true(parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295", &address));
    address.port = 65535;
    text_init(&text, buffer, sizeof buffer);
    address_add_with_port(&text, &address);
    assert_false(text.is_cut);
    assert_string_equal(text.at, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
}

static void test_address__prints_a_dash_for_none(void **state)
{
    (void)state;
    assert_prints(&(const struct pl_address){0}, "-");
}

static void test_address__folds_mapped_addresses_only(void **state)
{
    (void)state;
    static const struct {
        const char *string;
        const char *folded;
    } rows[] = {
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::ffff:0.0.0.0", "0.0.0.0"},
        {"::ffff:192.0.2.1%5", "192.0.2.1"},
        {"::192.0.2.1", "::c000:201"},
        {"::fffe:c000:201", "::fffe:c000:201"},
        {"1::ffff:192.0.2.1", "1::ffff:c000:201"},
        {"192.0.2.1", "192.0.2.1"},
        {"::", "::"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_address address, expected;
        assert_true(parse(rows[i].string, &address));
        assert_true(parse(rows[i].folded, &expected));
        address.port = expected.port = 7;
        address_fold(&address);
        assert_true(address_equal(&address, &expected));
        assert_prints(&address, rows[i].folded);
    }
}

static void test_address__is_equal_in_all_its_parts(void **state)
{
    (void)state;
    struct pl_address address, other;
    assert_true(parse("fe80::1%3", &address));
    address.port = 80;
    other = address;
    assert_true(address_equal(&address, &other));
    other.port = 81;
    assert_false(address_equal(&address, &other));
    other = address;
    other.scope = 4;
    assert_false(address_equal(&address, &other));
    other = address;
    other.ip[15] = 2;
    assert_false(address_equal(&address, &other));
    other = address;
    other.family = 4;
    assert_false(address_equal(&address, &other));
}

static void test_address__knows_broadcasts(void **state)
{
    (void)state;
    static const struct {
        const char *string;
        bool is_broadcast;
    } rows[] = {
        {"255.255.255.255", true},  {"127.255.255.255", true},  {"128.255.255.255", false},
        {"126.255.255.255", false}, {"255.255.255.254", false}, {"127.0.255.255", false},
        {"127.255.0.255", false},   {"0.0.0.0", false},         {"ffff:ffff::", false},
        {"7fff:ffff::", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_address address;
        assert_true(parse(rows[i].string, &address));
        assert_int_equal(address_is_broadcast(&address), rows[i].is_broadcast);
    }
}

static void test_address__knows_its_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *string;
        bool is_any, is_loopback, is_multicast;
    } rows[] = {
        {"0.0.0.0", true, false, false},
        {"0.0.0.1", false, false, false},
        {"126.255.255.255", false, false, false},
        {"127.0.0.0", false, true, false},
        {"127.255.255.255", false, true, false},
        {"128.0.0.0", false, false, false},
        {"223.255.255.255", false, false, false},
        {"224.0.0.0", false, false, true},
        {"239.255.255.255", false, false, true},
        {"240.0.0.0", false, false, false},
        {"255.255.255.255", false, false, false},
        {"::", true, false, false},
        {"::1", false, true, false},
        {"::2", false, false, false},
        {"1::", false, false, false},
        {"fe80::1", false, false, false},
        {"ff00::", false, false, true},
        {"ff02::1%2", false, false, true},
        {"7f00::", false, false, false},
        {"e000::", false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_address address;
        assert_true(parse(rows[i].string, &address));
        assert_int_equal(address_is_any(&address), rows[i].is_any);
        assert_int_equal(address_is_loopback(&address), rows[i].is_loopback);
        assert_int_equal(address_is_multicast(&address), rows[i].is_multicast);
    }
    const struct pl_address none = {0};
    assert_false(address_is_any(&none));
    assert_false(address_is_loopback(&none));
    assert_false(address_is_multicast(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_address__reads_and_prints_as_rfc_5952_has_it),
        support_test(test_address__refuses_what_is_none_and_writes_nothing),
        support_test(test_address__reads_no_further_than_its_length),
        support_test(test_address__comes_back_as_it_was_printed),
        support_test(test_address__survives_random_strings),
        support_test(test_address__prints_the_port),
        support_test(test_address__has_room_for_the_longest_text),
        support_test(test_address__prints_a_dash_for_none),
        support_test(test_address__folds_mapped_addresses_only),
        support_test(test_address__is_equal_in_all_its_parts),
        support_test(test_address__knows_broadcasts),
        support_test(test_address__knows_its_kinds),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
