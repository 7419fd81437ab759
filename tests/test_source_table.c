/* SPDX-License-Identifier: MIT
   Tests of accept/source_table.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "accept/source_table.h"
#include "base/address.h"
#include "support/failing_memory.h"
#include "support/random.h"

static const struct hash_key key = {{1, 2}};

static struct pl_address address(const char *ip)
{
    struct pl_address parsed;
    assert_true(address_parse(ip, strlen(ip), &parsed));
    parsed.port = 1234;
    return parsed;
}

static enum source_result take(struct source_table *table, const char *ip, uint32_t most)
{
    const struct pl_address client = address(ip);
    return source_table_take(table, &client, most);
}

static void give_back(struct source_table *table, const char *ip)
{
    const struct pl_address client = address(ip);
    source_table_give_back(table, &client);
}

static void test_source_table__counts_up_to_the_limit_and_back(void **state)
{
    (void)state;
    const struct pl_address client = address("192.0.2.1");
    struct source_table table;
    source_table_init(&table, &key);
    assert_int_equal(source_table_count(&table, &client), 0);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(take(&table, "192.0.2.1", 3), SOURCE_TAKEN);
        assert_int_equal(source_table_count(&table, &client), i);
    }
    assert_int_equal(take(&table, "192.0.2.1", 3), SOURCE_FULL);
    assert_int_equal(source_table_count(&table, &client), 3);
    assert_int_equal(take(&table, "192.0.2.2", 3), SOURCE_TAKEN); /* another client */
    give_back(&table, "192.0.2.1");
    assert_int_equal(take(&table, "192.0.2.1", 3), SOURCE_TAKEN);
    assert_int_equal(take(&table, "192.0.2.1", 3), SOURCE_FULL);
    for (int i = 0; i < 3; i++) {
        give_back(&table, "192.0.2.1");
    }
    give_back(&table, "192.0.2.2");
    assert_int_equal(table.sources.count, 0);
    source_table_fini(&table);
}

static void test_source_table__knows_who_is_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *one, *other;
        bool is_same;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true}, /* one /64 */
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
        {"fe80::1%3", "fe80::1%3", true}, /* link-local: each machine of the network */
        {"fe80::1%3", "fe80::2%3", false},
        {"fe80::1%3", "fe80::1%4", false},
        {"fe80::1%3", "::1", false},
        {"0.0.0.0", "::", false},
        {"32.1.13.184", "2001:db8::", false}, /* the same bytes */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct source_table table;
        source_table_init(&table, &key);
        assert_int_equal(take(&table, cases[i].one, 1), SOURCE_TAKEN);
        const enum source_result result = take(&table, cases[i].other, 1);
        assert_int_equal(result, cases[i].is_same ? SOURCE_FULL : SOURCE_TAKEN);
        give_back(&table, cases[i].one);
        if (result == SOURCE_TAKEN) {
            give_back(&table, cases[i].other);
        }
        source_table_fini(&table);
    }
}

enum { CLIENTS = 3000, STEPS = 100000 };

static struct pl_address numbered(uint32_t number)
{
    return (struct pl_address){.family = 4,
                               .ip = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};
}

/* Against a plain array, through several growths and back to nothing. */
static void test_source_table__agrees_with_a_plain_array(void **state)
{
    (void)state;
    static uint32_t counts[CLIENTS];
    struct random random = {5};
    struct source_table table;
    size_t sources = 0;
    source_table_init(&table, &key);
    memset(counts, 0, sizeof counts);
    for (int step = 0; step < STEPS; step++) {
        const uint32_t number = random_below(&random, CLIENTS), most = 1 + random_below(&random, 5);
        const struct pl_address client = numbered(number);
        if (counts[number] > 0 && random_below(&random, 2) == 0) {
            source_table_give_back(&table, &client);
            sources -= --counts[number] == 0;
        } else {
            const bool fits = counts[number] < most;
            assert_int_equal(source_table_take(&table, &client, most), fits ? SOURCE_TAKEN : SOURCE_FULL);
            sources += fits && counts[number]++ == 0;
        }
        assert_int_equal(source_table_count(&table, &client), counts[number]);
        assert_int_equal(table.sources.count, sources);
    }
    for (uint32_t number = 0; number < CLIENTS; number++) {
        const struct pl_address client = numbered(number);
        assert_int_equal(source_table_count(&table, &client), counts[number]);
        for (; counts[number] > 0; counts[number]--) {
            source_table_give_back(&table, &client);
        }
    }
    assert_int_equal(table.sources.count, 0);
    source_table_fini(&table);
}

static void test_source_table__takes_no_memory_before_the_first_source(void **state)
{
    (void)state;
    struct source_table table;
    source_table_init(&table, &key);
    assert_int_equal(failing_memory_live(), 0);
    source_table_fini(&table);
}

static void test_source_table__survives_a_lack_of_memory(void **state)
{
    (void)state;
    struct source_table table;
    source_table_init(&table, &key);
    for (size_t nth = 1; nth <= 2; nth++) { /* the chains, the source */
        failing_memory_arm(nth, false);
        assert_int_equal(take(&table, "192.0.2.1", 1), SOURCE_NO_MEMORY);
        assert_int_equal(table.sources.count, 0);
    }
    failing_memory_arm(0, false);
    assert_int_equal(take(&table, "192.0.2.1", 1), SOURCE_TAKEN);
    give_back(&table, "192.0.2.1");
    source_table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_source_table__counts_up_to_the_limit_and_back),
        failing_memory_test(test_source_table__knows_who_is_the_same),
        failing_memory_test(test_source_table__agrees_with_a_plain_array),
        failing_memory_test(test_source_table__takes_no_memory_before_the_first_source),
        failing_memory_test(test_source_table__survives_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
