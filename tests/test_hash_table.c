/* SPDX-License-Identifier: MIT
   Tests of base/hash_table.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash_table.h"
#include "support/failing_memory.h"
#include "support/random.h"

enum { NODES = 3000 };

static struct hash_node nodes[NODES];

/* How many nodes with the hash are found, each of them once. */
static size_t count_found(const struct hash_table *table, uint64_t hash)
{
    size_t count = 0;
    for (const struct hash_node *node = hash_table_first(table, hash); node != NULL;
         node = hash_table_next(node)) {
        assert_true(node->hash == hash);
        count++;
    }
    return count;
}

static bool is_found(const struct hash_table *table, const struct hash_node *wanted)
{
    const struct hash_node *node = hash_table_first(table, wanted->hash);
    while (node != NULL && node != wanted) {
        node = hash_table_next(node);
    }
    return node != NULL;
}

static void test_hash_table__an_empty_one_finds_nothing_and_costs_nothing(void **state)
{
    (void)state;
    struct hash_table table;
    hash_table_init(&table);
    assert_null(hash_table_first(&table, 0));
    assert_int_equal(failing_memory_live(), 0);
    assert_true(hash_table_add(&table, &nodes[0], 7));
    hash_table_remove(&table, &nodes[0]);
    assert_null(hash_table_first(&table, 7));
    hash_table_fini(&table);
    hash_table_fini(&table);
    assert_int_equal(failing_memory_live(), 0);
}

static void test_hash_table__tells_elements_of_one_hash_or_one_bucket_apart(void **state)
{
    (void)state;
    struct hash_table table;
    hash_table_init(&table);
    for (size_t i = 0; i < 12; i++) { /* three of each, all in bucket 5 */
        assert_true(hash_table_add(&table, &nodes[i], 5 + ((uint64_t)(i % 4) << 40)));
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(count_found(&table, 5 + ((uint64_t)i << 40)), 3);
    }
    assert_int_equal(count_found(&table, 6), 0);
    hash_table_remove(&table, &nodes[4]); /* of 0, 4 and 8 */
    assert_int_equal(count_found(&table, 5), 2);
    assert_true(is_found(&table, &nodes[0]) && is_found(&table, &nodes[8]));
    assert_false(is_found(&table, &nodes[4]));
    hash_table_fini(&table);
}

/* Against the plain rule: what was added and not removed is found. */
static void test_hash_table__finds_what_is_in_it_and_nothing_else(void **state)
{
    (void)state;
    static bool is_in[NODES];
    struct random random = {11};
    struct hash_table table;
    size_t count = 0;
    hash_table_init(&table);
    for (unsigned step = 0; step < 60000; step++) {
        const uint32_t i = random_below(&random, step < 30000 ? NODES : 50);
        if (is_in[i]) {
            hash_table_remove(&table, &nodes[i]);
        } else {
            assert_true(
                hash_table_add(&table, &nodes[i], random_next(&random) % 2048 * UINT64_C(0x100000001)));
        }
        is_in[i] = !is_in[i];
        count = is_in[i] ? count + 1 : count - 1;
        assert_int_equal(table.count, count);
        assert_true(table.bucket_count >= count);
        const uint32_t other = random_below(&random, NODES);
        assert_int_equal(is_found(&table, &nodes[other]), is_in[other]);
    }
    hash_table_fini(&table);
    assert_int_equal(failing_memory_live(), 0);
}

static void test_hash_table__goes_on_with_few_buckets_when_memory_runs_out(void **state)
{
    (void)state;
    struct hash_table table;
    hash_table_init(&table);
    failing_memory_arm(1, true);
    assert_false(hash_table_add(&table, &nodes[0], 1));
    assert_int_equal(table.count, 0);
    failing_memory_arm(0, false);
    assert_true(hash_table_add(&table, &nodes[0], 0));
    failing_memory_arm(1, true);
    for (size_t i = 1; i < 100; i++) {
        assert_true(hash_table_add(&table, &nodes[i], i));
    }
    failing_memory_arm(0, false);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(count_found(&table, i), 1);
    }
    const size_t few = table.bucket_count;
    assert_true(hash_table_add(&table, &nodes[100], 100)); /* there is memory again */
    assert_true(table.bucket_count > few);
    hash_table_fini(&table);
    assert_int_equal(failing_memory_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_hash_table__an_empty_one_finds_nothing_and_costs_nothing),
        failing_memory_test(test_hash_table__tells_elements_of_one_hash_or_one_bucket_apart),
        failing_memory_test(test_hash_table__finds_what_is_in_it_and_nothing_else),
        failing_memory_test(test_hash_table__goes_on_with_few_buckets_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
