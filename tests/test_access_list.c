/* SPDX-License-Identifier: MIT
   Tests of accept/access_list.h: tables, many networks, a heap that runs out, and a million pairs against
   support/access_oracle.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "accept/access_list.h"
#include "support/access_oracle.h"
#include "support/failing_memory.h"
#include "support/random.h"

enum { MANY = 100000, LISTS = 2500, ADDRESSES = 400, RULES_MAX = 40 }; /* 2500 * 400 are the million */

static struct address_prefix prefix_of(const char *string)
{
    struct address_prefix prefix;
    assert_int_equal(address_prefix_parse(string, strlen(string), &prefix), ADDRESS_PREFIX_OK);
    return prefix;
}

/* Of networks by blanks. */
static struct access_list *list_of(const char *string)
{
    struct address_prefix prefixes[16];
    size_t count = 0;
    while (*string != '\0') {
        const size_t length = strcspn(string, " ");
        assert_true(count < sizeof prefixes / sizeof prefixes[0]);
        assert_int_equal(address_prefix_parse(string, length, &prefixes[count++]), ADDRESS_PREFIX_OK);
        string += length + (string[length] == ' ');
    }
    struct access_list *list = access_list_create(prefixes, count);
    assert_non_null(list);
    return list;
}

static bool contains(const struct access_list *list, const char *string)
{
    struct pl_address address;
    assert_true(address_parse(string, strlen(string), &address));
    return access_list_contains(list, &address);
}

static void test_access_list__has_what_lies_in_a_network(void **state)
{
    (void)state;
    static const struct {
        const char *networks;
        const char *inside;
        const char *outside; /* addresses, by blanks */
    } rows[] = {
        {"", "", "0.0.0.0 255.255.255.255 :: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"192.0.2.0/24", "192.0.2.0 192.0.2.1 192.0.2.255 ::ffff:192.0.2.7",
         "192.0.1.255 192.0.3.0 0.0.0.0 ::c000:200 c000:200::"},
        {"192.0.2.7", "192.0.2.7", "192.0.2.6 192.0.2.8"},
        {"0.0.0.0/0", "0.0.0.0 255.255.255.255 ::ffff:1.2.3.4", ":: ::1 ::fffe:ffff:ffff ::1:0:0:0"},
        {"::/0", ":: ::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fe80::1%3 ::fffe:ffff:ffff ::1:0:0:0",
         "0.0.0.0 192.0.2.1 ::ffff:192.0.2.1"},
        {"::fffe:0:0/95", "::fffe:0:0 ::fffe:ffff:ffff", "::ffff:0.0.0.0 0.0.0.0 ::fffd:ffff:ffff"},
        {"::ffff:192.0.2.0/120", "192.0.2.0 ::ffff:192.0.2.255", "192.0.3.0 ::c000:200"},
        {"2001:db8::/32", "2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 2001:db8::1%7",
         "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff 2001:db9:: 32.1.13.184"},
        {"::1", "::1", ":: ::2 127.0.0.1"},
        /* adjacent, nested in any order, twice, both families */
        {"10.0.0.0/9 10.128.0.0/9", "10.0.0.0 10.127.255.255 10.128.0.0 10.255.255.255",
         "9.255.255.255 11.0.0.0"},
        {"10.1.2.3 10.0.0.0/8 10.1.0.0/16", "10.0.0.0 10.1.2.3 10.1.2.4 10.255.255.255", "11.0.0.0"},
        {"10.0.0.0/8 10.0.0.0 10.0.0.0/8 10.0.0.0/31", "10.0.0.0 10.0.0.2 10.255.255.255", "11.0.0.0"},
        {"0.0.0.0/0 ::/0 1.2.3.4 ::1", "0.0.0.0 255.255.255.255 :: ffff::", ""},
        {"2001:db8::/32 192.0.2.0/24", "192.0.2.1 2001:db8::1", "192.0.3.1 2001:db9::1"},
        {"255.255.255.255 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         "255.255.255.255 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         "255.255.255.254 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe 0.0.0.0 ::"},
        {"1.0.0.0 3.0.0.0 5.0.0.0 7.0.0.0", "1.0.0.0 3.0.0.0 5.0.0.0 7.0.0.0",
         "0.0.0.0 2.0.0.0 4.0.0.0 6.0.0.0 8.0.0.0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct access_list *list = list_of(rows[i].networks);
        for (int is_outside = 0; is_outside <= 1; is_outside++) {
            const char *at = is_outside ? rows[i].outside : rows[i].inside;
            while (*at != '\0') {
                struct pl_address address;
                const size_t length = strcspn(at, " ");
                assert_true(address_parse(at, length, &address));
                if (access_list_contains(list, &address) == is_outside) {
                    fail_msg("[%s]: %.*s is on the wrong side", rows[i].networks, (int)length, at);
                }
                at += length + (at[length] == ' ');
            }
        }
        access_list_destroy(list);
    }
}

static void test_access_list__ignores_port_and_scope_and_unused_bytes(void **state)
{
    (void)state;
    struct access_list *list = list_of("192.0.2.7 fe80::1");
    struct pl_address address = {.family = 4, .port = 80, .scope = 3, .ip = {192, 0, 2, 7}};
    assert_true(access_list_contains(list, &address));
    memset(address.ip + 4, 0xEE, 12);
    assert_true(access_list_contains(list, &address));
    address.ip[3] = 8;
    assert_false(access_list_contains(list, &address));
    address = (struct pl_address){.family = 6, .port = 80, .scope = 3, .ip = {0xFE, 0x80, [15] = 1}};
    assert_true(access_list_contains(list, &address));
    access_list_destroy(list);
}

static void test_access_list__has_no_address_without_a_family(void **state)
{
    (void)state;
    struct access_list *list = list_of("0.0.0.0/0 ::/0");
    const struct pl_address none = {0};
    const struct pl_address unknown = {.family = 5};
    assert_false(access_list_contains(list, &none));
    assert_false(access_list_contains(list, &unknown));
    access_list_destroy(list);
}

static void test_access_list__keeps_nothing_of_its_source(void **state)
{
    (void)state;
    struct address_prefix prefix = prefix_of("192.0.2.0/24");
    struct access_list *list = access_list_create(&prefix, 1);
    assert_non_null(list);
    prefix = prefix_of("10.0.0.0/8");
    assert_true(contains(list, "192.0.2.1"));
    assert_false(contains(list, "10.0.0.1"));
    access_list_destroy(list);
}

static void test_access_list__takes_no_memory_to_look_up(void **state)
{
    (void)state;
    struct access_list *list = list_of("192.0.2.0/24 2001:db8::/32");
    failing_memory_arm(1, true);
    assert_true(contains(list, "192.0.2.1"));
    assert_true(contains(list, "2001:db8::1"));
    assert_false(contains(list, "192.0.3.1"));
    assert_int_equal(failing_memory_hits(), 0);
    failing_memory_arm(0, false);
    access_list_destroy(list);
}

static void test_access_list__is_none_when_memory_is_out(void **state)
{
    (void)state;
    const struct address_prefix prefix = prefix_of("192.0.2.0/24");
    for (int once = 0; once <= 1; once++) {
        size_t nth = 0;
        for (bool has_failed = true; has_failed;) {
            failing_memory_arm(++nth, once == 0);
            struct access_list *list = access_list_create(&prefix, 1);
            has_failed = failing_memory_hits() > 0;
            failing_memory_arm(0, false);
            assert_int_equal(list == NULL, has_failed);
            access_list_destroy(list);
            assert_int_equal(failing_memory_live(), 0);
        }
        assert_true(nth > 1);
    }
}

/* ---- many ---- */

/* Every other address of 10.0.0.0/8, and every other of 2001:db8::/32; the step mixes the order. */
static struct address_prefix nth_of_many(uint32_t number)
{
    const uint32_t mixed = (uint32_t)((uint64_t)number * 7919 % MANY) * 2;
    struct address_prefix prefix = {.address = {.family = 4, .ip = {10}}, .length = 32};
    uint8_t *end = prefix.address.ip + 4;
    if (mixed % 4 == 0) {
        prefix =
            (struct address_prefix){.address = {.family = 6, .ip = {0x20, 0x01, 0x0D, 0xB8}}, .length = 128};
        end = prefix.address.ip + 16;
    }
    end[-3] = (uint8_t)(mixed >> 16);
    end[-2] = (uint8_t)(mixed >> 8);
    end[-1] = (uint8_t)mixed;
    return prefix;
}

static void test_access_list__finds_each_of_a_hundred_thousand(void **state)
{
    (void)state;
    struct address_prefix *prefixes = calloc(MANY, sizeof *prefixes);
    assert_non_null(prefixes);
    for (uint32_t i = 0; i < MANY; i++) {
        prefixes[i] = nth_of_many(i);
    }
    struct access_list *list = access_list_create(prefixes, MANY);
    assert_non_null(list);
    for (uint32_t i = 0; i < MANY; i++) {
        struct pl_address address = prefixes[i].address;
        assert_true(access_list_contains(list, &address));
        address.ip[address.family == 4 ? 3 : 15] |= 1; /* its neighbour */
        assert_false(access_list_contains(list, &address));
    }
    assert_false(contains(list, "9.255.255.255"));
    assert_false(contains(list, "10.3.13.65"));
    access_list_destroy(list);
    free(prefixes);
}

/* Ascending, descending, and all alike: some sorts do not like that. */
static void test_access_list__takes_any_order_of_a_hundred_thousand(void **state)
{
    (void)state;
    struct address_prefix *prefixes = calloc(MANY, sizeof *prefixes);
    assert_non_null(prefixes);
    for (int order = 0; order < 3; order++) {
        for (uint32_t i = 0; i < MANY; i++) {
            const uint32_t number = order == 0 ? i : order == 1 ? MANY - 1 - i : 7;
            prefixes[i] = (struct address_prefix){
                .address = {.family = 4, .ip = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8)}},
                .length = 32};
            prefixes[i].address.ip[3] = (uint8_t)number;
        }
        struct access_list *list = access_list_create(prefixes, MANY);
        assert_non_null(list);
        assert_true(contains(list, "10.0.0.7"));
        assert_int_equal(contains(list, "10.0.0.0"), order < 2);
        assert_int_equal(contains(list, "10.1.134.159"), order < 2); /* the last one */
        assert_false(contains(list, "10.1.134.160"));
        access_list_destroy(list);
    }
    free(prefixes);
}

/* ---- against the oracle ---- */

/* Another one each time, or the one that PORTLISTENER_TEST_SEED gives. */
static struct random random_start(void)
{
    const char *given = getenv("PORTLISTENER_TEST_SEED"); /* NOLINT(concurrency-mt-unsafe): one thread */
    struct random random = {.state = (uint64_t)time(NULL) * 1000003U + (uint64_t)clock()};
    if (given != NULL) {
        random.state = strtoull(given, NULL, 10);
    }
    print_message("PORTLISTENER_TEST_SEED=%llu\n", (unsigned long long)random.state);
    return random;
}

static unsigned bytes_of(int family)
{
    return family == 4 ? 4 : 16;
}

static void clear_behind(struct access_rule *rule)
{
    for (unsigned i = rule->length; i < bytes_of(rule->family) * 8; i++) {
        rule->ip[i / 8] &= (uint8_t) ~(0x80U >> i % 8);
    }
}

/* One more or less, as a number; past its end it begins at the other. */
static void step(uint8_t *ip, unsigned bytes, int by)
{
    for (unsigned i = bytes; i-- > 0;) {
        const uint8_t before = ip[i];
        ip[i] = (uint8_t)(ip[i] + by);
        if (before != (by > 0 ? 0xFF : 0)) {
            return;
        }
    }
}

/* The network's neighbour of the same length, behind it or before it. */
static void step_network(struct access_rule *rule, int by)
{
    const unsigned whole = rule->length / 8, rest = rule->length % 8;
    if (rest > 0) {
        const uint8_t before = rule->ip[whole];
        const int unit = 1 << (8 - rest);
        rule->ip[whole] = (uint8_t)(before + by * unit);
        if (by > 0 ? before + unit <= 0xFF : before >= unit) {
            return;
        }
    }
    step(rule->ip, whole, by);
}

/* From `least` on. Not often 0, for that decides everything. */
static unsigned random_length(struct random *random, unsigned least, unsigned most)
{
    switch (random_below(random, 8)) {
    case 0:
        return random_below(random, 8) == 0 ? least : most;
    case 1:
    case 2:
        return most;
    case 3:
        return least + 8 + random_below(random, (most - least) / 8) * 8;
    default:
        return least + 1 + random_below(random, most - least);
    }
}

/* Few bits differ from one to the next, so that networks often meet. */
static struct access_rule random_rule(struct random *random)
{
    static const struct access_rule anchors[] = {
        {4, {10, 1, 2, 3}, 0},
        {4, {192, 0, 2, 255}, 0},
        {4, {255, 255, 255, 255}, 0},
        {4, {0}, 0},
        {6, {0x20, 0x01, 0x0D, 0xB8, [15] = 1}, 0},
        {6, {[10] = 0xFF, [11] = 0xFF, [12] = 10, [13] = 1, [14] = 2, [15] = 3}, 0}, /* mapped */
        {6, {[10] = 0xFF, [11] = 0xFE, [12] = 0xFF, [13] = 0xFF, [14] = 0xFF, [15] = 0xFF}, 0},
        {6, {[9] = 1}, 0}, /* next to the mapped ones, on their other side */
        {6, {0}, 0},
        {6, {10, 1, 2, 3}, 0},
    };
    struct access_rule rule = anchors[random_below(random, sizeof anchors / sizeof anchors[0])];
    const unsigned bytes = bytes_of(rule.family);
    for (uint32_t flips = random_below(random, 3); flips > 0; flips--) {
        const uint32_t byte = random_below(random, bytes);
        rule.ip[byte] ^= (uint8_t)(1U << random_below(random, 8));
    }
    const bool is_mapped = rule.family == 6 && access_oracle_is_mapped(rule.ip);
    const unsigned least = is_mapped && random_below(random, 4) > 0 ? 96 : 0;
    rule.length = random_length(random, least, bytes * 8);
    clear_behind(&rule);
    return rule;
}

/* Inside, around, next to, or the same as one that is there. */
static struct access_rule related_rule(struct random *random, struct access_rule rule)
{
    const unsigned bytes = bytes_of(rule.family);
    const unsigned most = bytes * 8;
    switch (random_below(random, 5)) {
    case 0:
        for (unsigned i = rule.length; i < most; i++) {
            rule.ip[i / 8] |= (uint8_t)(random_below(random, 2) << (7 - i % 8));
        }
        rule.length += random_below(random, most - rule.length + 1);
        break;
    case 1:
        rule.length -= random_below(random, rule.length < 8 ? rule.length + 1 : 8);
        break;
    case 2:
        step_network(&rule, 1);
        break;
    case 3:
        step_network(&rule, -1);
        break;
    default:
        break;
    }
    clear_behind(&rule);
    return rule;
}

static size_t draw_rules(struct random *random, struct access_rule rules[RULES_MAX])
{
    const size_t wanted = random_below(random, RULES_MAX + 1);
    for (size_t i = 0; i < wanted; i++) {
        const bool is_fresh = i == 0 || random_below(random, 3) == 0;
        rules[i] =
            is_fresh ? random_rule(random) : related_rule(random, rules[random_below(random, (uint32_t)i)]);
    }
    return wanted;
}

static struct access_list *compile(struct random *random, const struct access_rule *rules, size_t count)
{
    struct address_prefix prefixes[RULES_MAX];
    for (size_t i = 0; i < count; i++) {
        const struct access_rule *rule = &rules[i];
        char room[ADDRESS_PREFIX_TEXT_ROOM];
        struct text text;
        text_init(&text, room, sizeof room);
        if (rule->family == 4) {
            text_add_format(&text, "%u.%u.%u.%u", rule->ip[0], rule->ip[1], rule->ip[2], rule->ip[3]);
        }
        for (unsigned k = 0; rule->family == 6 && k < 16; k += 2) {
            text_add_format(&text, "%s%x", k > 0 ? ":" : "", rule->ip[k] * 256U + rule->ip[k + 1]);
        }
        if (rule->length < bytes_of(rule->family) * 8 || random_below(random, 2) == 0) {
            text_add_format(&text, "/%u", rule->length);
        }
        prefixes[i] = prefix_of(room);
    }
    struct access_list *list = access_list_create(prefixes, count);
    assert_non_null(list);
    return list;
}

/* The first or last address of a network or its neighbour outside, or some address in it. */
static struct pl_address address_at(struct random *random, const struct access_rule *rule)
{
    struct pl_address address = {.family = (uint16_t)rule->family};
    const unsigned bytes = bytes_of(rule->family);
    const uint32_t kind = random_below(random, 5);
    memcpy(address.ip, rule->ip, sizeof address.ip);
    for (unsigned i = rule->length; i < bytes * 8; i++) {
        const uint32_t bit = kind < 2 ? 0 : kind < 4 ? 1 : random_below(random, 2);
        address.ip[i / 8] |= (uint8_t)(bit << (7 - i % 8));
    }
    if (kind == 1 || kind == 3) {
        step(address.ip, bytes, kind == 1 ? -1 : 1);
    }
    return address;
}

static struct pl_address draw_address(struct random *random, const struct access_rule *rules, size_t count)
{
    const struct access_rule other = random_rule(random);
    const bool is_near = count > 0 && random_below(random, 2) > 0;
    struct pl_address address =
        address_at(random, is_near ? &rules[random_below(random, (uint32_t)count)] : &other);
    if (address.family == 4 && random_below(random, 3) == 0) { /* as a dual-stack socket names it */
        memmove(address.ip + 12, address.ip, 4);
        memset(address.ip, 0, 10);
        memset(address.ip + 10, 0xFF, 2);
        address.family = 6;
    }
    address.port = (uint16_t)random_next(random);
    address.scope = address.family == 6 ? random_below(random, 3) : 0;
    return address;
}

static void test_access_list__agrees_with_the_oracle_a_million_times(void **state)
{
    (void)state;
    struct random random = random_start();
    unsigned inside = 0;
    for (int i = 0; i < LISTS; i++) {
        struct access_rule rules[RULES_MAX];
        const size_t count = draw_rules(&random, rules);
        struct access_list *list = compile(&random, rules, count);
        for (int k = 0; k < ADDRESSES; k++) {
            const struct pl_address address = draw_address(&random, rules, count);
            const bool expected = access_oracle_contains(rules, count, &address);
            inside += expected;
            if (access_list_contains(list, &address) != expected) {
                char room[ADDRESS_TEXT_ROOM];
                struct text text;
                text_init(&text, room, sizeof room);
                address_add(&text, &address);
                fail_msg("list %d, address %d: %s is %sin it", i, k, room, expected ? "" : "not ");
            }
        }
        access_list_destroy(list);
    }
    print_message("%u of %d were inside\n", inside, LISTS * ADDRESSES);
    assert_in_range(inside, LISTS * ADDRESSES / 5, LISTS * ADDRESSES / 5 * 4); /* both are tried */
}

/* How often the generator came across what matters. */
struct seen {
    unsigned everything, single, nested, adjacent, mapped_rules; /* networks, or pairs of them */
    unsigned mapped, first, last, before, behind;                /* addresses */
};

static void see_pair(struct seen *seen, const struct access_rule *a, const struct access_rule *b)
{
    struct access_rule next = *a;
    struct pl_address begin = {.family = (uint16_t)b->family};
    memcpy(begin.ip, b->ip, sizeof begin.ip);
    step_network(&next, 1);
    seen->nested += a->family == b->family && b->length > a->length && access_oracle_matches(a, &begin);
    seen->adjacent += a->family == b->family && b->length == a->length && a->length > 0 &&
                      memcmp(next.ip, b->ip, sizeof next.ip) == 0;
}

static void see_rules(struct seen *seen, const struct access_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        seen->everything += rules[i].length == 0;
        seen->single += rules[i].length == bytes_of(rules[i].family) * 8;
        seen->mapped_rules += rules[i].family == 6 && access_oracle_is_mapped(rules[i].ip);
        for (size_t k = 0; k < count; k++) {
            see_pair(seen, &rules[i], &rules[k]);
        }
    }
}

static void see_address(struct seen *seen, const struct access_rule *rules, size_t count,
                        const struct pl_address *address)
{
    struct pl_address lower = *address, upper = *address;
    step(lower.ip, bytes_of(address->family), -1);
    step(upper.ip, bytes_of(address->family), 1);
    const bool is_in = access_oracle_contains(rules, count, address);
    const bool is_lower_in = access_oracle_contains(rules, count, &lower);
    const bool is_upper_in = access_oracle_contains(rules, count, &upper);
    seen->mapped += address->family == 6 && access_oracle_is_mapped(address->ip);
    seen->first += is_in && !is_lower_in;
    seen->last += is_in && !is_upper_in;
    seen->before += !is_in && is_upper_in;
    seen->behind += !is_in && is_lower_in;
}

static void test_access_list__is_tried_where_mistakes_would_hide(void **state)
{
    (void)state;
    struct random random = {1};
    struct seen seen = {0};
    for (int i = 0; i < 200; i++) {
        struct access_rule rules[RULES_MAX];
        const size_t count = draw_rules(&random, rules);
        see_rules(&seen, rules, count);
        for (int k = 0; k < 100; k++) {
            const struct pl_address address = draw_address(&random, rules, count);
            see_address(&seen, rules, count, &address);
        }
    }
    print_message("networks: /0 %u, single %u, nested %u, adjacent %u, mapped %u\n", seen.everything,
                  seen.single, seen.nested, seen.adjacent, seen.mapped_rules);
    print_message("addresses: mapped %u, first %u, last %u, before %u, behind %u\n", seen.mapped, seen.first,
                  seen.last, seen.before, seen.behind);
    assert_true(seen.everything >= 50 && seen.single >= 500 && seen.nested >= 500 && seen.adjacent >= 500);
    assert_true(seen.mapped_rules >= 100 && seen.mapped >= 500);
    assert_true(seen.first >= 500 && seen.last >= 500 && seen.before >= 500 && seen.behind >= 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_access_list__has_what_lies_in_a_network),
        failing_memory_test(test_access_list__ignores_port_and_scope_and_unused_bytes),
        failing_memory_test(test_access_list__has_no_address_without_a_family),
        failing_memory_test(test_access_list__keeps_nothing_of_its_source),
        failing_memory_test(test_access_list__takes_no_memory_to_look_up),
        failing_memory_test(test_access_list__is_none_when_memory_is_out),
        failing_memory_test(test_access_list__finds_each_of_a_hundred_thousand),
        failing_memory_test(test_access_list__takes_any_order_of_a_hundred_thousand),
        failing_memory_test(test_access_list__agrees_with_the_oracle_a_million_times),
        failing_memory_test(test_access_list__is_tried_where_mistakes_would_hide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
