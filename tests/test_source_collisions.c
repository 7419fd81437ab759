/* SPDX-License-Identifier: MIT
   Tests of accept/source_table.h where all sources have the same hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "accept/source_table.h"
#include "support/failing_memory.h"

/* In place of base/keyed_hash.c: no test could find two names whose 64 bits are equal. */
uint64_t keyed_hash(const struct hash_key *key, const void *at, size_t length)
{
    (void)key, (void)at, (void)length;
    return 1;
}

static void test_source_table__tells_apart_those_with_one_hash(void **state)
{
    (void)state;
    static const struct hash_key key = {{1, 2}};
    struct pl_address clients[3] = {{.family = 4, .ip = {192, 0, 2, 1}},
                                    {.family = 4, .ip = {192, 0, 2, 2}},
                                    {.family = 6, .ip = {192, 0, 2, 1}}};
    struct source_table table;
    source_table_init(&table, &key);
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t k = 0; k <= i; k++) {
            assert_int_equal(source_table_take(&table, &clients[i], 3), SOURCE_TAKEN);
        }
    }
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(source_table_count(&table, &clients[i]), i + 1);
    }
    assert_int_equal(source_table_take(&table, &clients[2], 3), SOURCE_FULL);
    source_table_give_back(&table, &clients[0]);
    assert_int_equal(source_table_count(&table, &clients[0]), 0);
    assert_int_equal(source_table_count(&table, &clients[1]), 2);
    for (uint32_t i = 1; i < 3; i++) {
        for (uint32_t k = 0; k <= i; k++) {
            source_table_give_back(&table, &clients[i]);
        }
    }
    assert_int_equal(table.sources.count, 0);
    source_table_give_back(&table, &clients[0]); /* it has none */
    assert_int_equal(table.sources.count, 0);
    source_table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_source_table__tells_apart_those_with_one_hash)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
