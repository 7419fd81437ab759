/* SPDX-License-Identifier: MIT
   Tests of io/buffer_pool.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "io/buffer_pool.h"
#include "support/random.h"
#include "support/support.h"

enum { BUFFER_MEDIUM = 16384 };

static void assert_is_fresh(const struct buffer *buffer)
{
    assert_non_null(buffer);
    assert_null(buffer->next);
    assert_int_equal(buffer->start, 0);
    assert_int_equal(buffer->end, 0);
    assert_int_equal(buffer_used(buffer), 0);
}

static void test_buffer_pool__rounds_sizes_up_to_a_class(void **state)
{
    (void)state;
    static const struct {
        size_t asked;
        uint32_t size;
    } rows[] = {
        {0, 4096},      {1, 4096},      {4096, 4096},   {4097, 16384},    {16384, 16384},
        {16385, 65536}, {65536, 65536}, {65537, 65537}, {131072, 131072}, {1000003, 1000003},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer_pool pool;
        buffer_pool_init(&pool);
        for (int again = 0; again < 2; again++) { /* a new one, then one that was kept */
            struct buffer *buffer = buffer_get(&pool, rows[i].asked);
            assert_is_fresh(buffer);
            assert_int_equal(buffer->size, rows[i].size);
            memset(buffer_bytes(buffer), 0xA5, buffer->size); /* all of it is there: the sanitizer watches */
            buffer_put(&pool, buffer);
        }
        buffer_pool_fini(&pool);
    }
}

static void test_buffer_pool__refuses_what_no_buffer_can_hold(void **state)
{
    (void)state;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - sizeof(struct buffer),
                                   SIZE_MAX - sizeof(struct buffer) + 1, (size_t)UINT32_MAX + 1,
                                   (size_t)UINT32_MAX + 4096};
    struct buffer_pool pool;
    buffer_pool_init(&pool);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_null(buffer_get(&pool, sizes[i]));
        assert_int_equal(pool.borrowed, 0);
    }
    buffer_pool_fini(&pool);
}

static void test_buffer_pool__lends_again_what_came_back(void **state)
{
    (void)state;
    struct buffer_pool pool;
    buffer_pool_init(&pool);
    struct buffer *small = buffer_get(&pool, BUFFER_SMALL), *large = buffer_get(&pool, BUFFER_LARGE);
    assert_int_equal(pool.borrowed, 2);
    small->start = 17; /* as a borrower leaves it */
    small->end = 4000;
    small->next = large;
    buffer_put(&pool, small);
    buffer_put(&pool, large);
    assert_int_equal(pool.borrowed, 0);
    assert_int_equal(pool.kept, BUFFER_SMALL + BUFFER_LARGE);

    struct buffer *medium = buffer_get(&pool, BUFFER_MEDIUM); /* the class has none: not the large one */
    assert_is_fresh(medium);
    assert_ptr_not_equal(medium, large);
    struct buffer *again = buffer_get(&pool, 1);
    assert_ptr_equal(again, small);
    assert_is_fresh(again);
    assert_int_equal(pool.kept, BUFFER_LARGE);
    assert_int_equal(pool.borrowed, 2);
    buffer_put(&pool, medium);
    buffer_put(&pool, again);
    buffer_pool_fini(&pool);
    assert_int_equal(pool.kept, 0);
}

static void test_buffer_pool__giving_back_nothing_is_harmless(void **state)
{
    (void)state;
    struct buffer_pool pool;
    buffer_pool_init(&pool);
    buffer_put(&pool, NULL);
    assert_int_equal(pool.borrowed, 0);
    assert_int_equal(pool.kept, 0);
    buffer_pool_fini(&pool);
}

static void test_buffer_pool__keeps_no_more_than_its_share(void **state)
{
    (void)state;
    enum { COUNT = BUFFER_POOL_KEEPS / BUFFER_LARGE };
    struct buffer *borrowed[COUNT + 2];
    struct buffer_pool pool;
    buffer_pool_init(&pool);
    for (size_t i = 0; i < COUNT + 2; i++) {
        borrowed[i] = buffer_get(&pool, BUFFER_LARGE);
        assert_non_null(borrowed[i]);
    }
    struct buffer *small = buffer_get(&pool, BUFFER_SMALL);
    for (size_t i = 0; i < COUNT; i++) {
        buffer_put(&pool, borrowed[i]);
        assert_int_equal(pool.kept, (i + 1) * BUFFER_LARGE);
    }
    buffer_put(&pool, borrowed[COUNT]); /* full to the byte */
    buffer_put(&pool, small);
    assert_int_equal(pool.kept, BUFFER_POOL_KEEPS);
    assert_int_equal(pool.borrowed, 1);
    struct buffer *again = buffer_get(&pool, BUFFER_LARGE); /* which makes room for one */
    buffer_put(&pool, borrowed[COUNT + 1]);
    assert_int_equal(pool.kept, BUFFER_POOL_KEEPS);
    buffer_put(&pool, again);
    assert_int_equal(pool.borrowed, 0);
    buffer_pool_fini(&pool);
}

static void test_buffer_pool__never_keeps_one_larger_than_its_classes(void **state)
{
    (void)state;
    struct buffer_pool pool;
    buffer_pool_init(&pool);
    struct buffer *buffer = buffer_get(&pool, BUFFER_LARGE + 1);
    assert_non_null(buffer);
    assert_int_equal(pool.borrowed, 1);
    buffer_put(&pool, buffer);
    assert_int_equal(pool.borrowed, 0);
    assert_int_equal(pool.kept, 0);
    buffer_pool_fini(&pool);
}

static void test_buffer_pool__serves_again_after_its_end(void **state)
{
    (void)state;
    struct buffer_pool pool;
    buffer_pool_init(&pool);
    for (int i = 0; i < 3; i++) {
        struct buffer *small = buffer_get(&pool, 1), *large = buffer_get(&pool, BUFFER_LARGE);
        assert_is_fresh(small);
        assert_is_fresh(large);
        buffer_put(&pool, small);
        buffer_put(&pool, large);
        buffer_pool_fini(&pool);
        assert_int_equal(pool.kept, 0);
        assert_int_equal(pool.borrowed, 0);
    }
}

static void test_buffer_pool__leaves_the_account_of_parked_bytes_alone(void **state)
{
    (void)state;
    struct buffer_pool pool;
    buffer_pool_init(&pool);
    assert_int_equal(pool.parked, 0);
    pool.parked = 123456;
    struct buffer *buffer = buffer_get(&pool, 1), *huge = buffer_get(&pool, BUFFER_POOL_KEEPS + 1);
    assert_int_equal(pool.parked, 123456);
    buffer_put(&pool, buffer);
    buffer_put(&pool, huge);
    buffer_pool_fini(&pool);
    assert_int_equal(pool.parked, 123456);
}

/* ---- Random, against an oracle that only adds up ---- */

static size_t expected_size(size_t asked)
{
    return asked <= BUFFER_SMALL    ? BUFFER_SMALL
           : asked <= BUFFER_MEDIUM ? BUFFER_MEDIUM
           : asked <= BUFFER_LARGE  ? BUFFER_LARGE
                                    : asked;
}

static int expected_class(size_t size)
{
    return size == BUFFER_SMALL ? 0 : size == BUFFER_MEDIUM ? 1 : size == BUFFER_LARGE ? 2 : 3;
}

static void test_buffer_pool__agrees_with_the_oracle(void **state)
{
    (void)state;
    enum { ROOM = 400 };
    static struct buffer *out[ROOM];
    size_t out_count = 0, kept[4] = {0}, kept_bytes = 0;
    struct random random = {42};
    struct buffer_pool pool;
    buffer_pool_init(&pool);
    for (unsigned step = 0; step < 30000; step++) {
        const unsigned wave = step / 1500 % 2 == 0 ? 4 : 2; /* more come, then more go */
        if (out_count < ROOM && random_below(&random, 6) < wave) {
            const size_t asked = random_below(&random, 3) == 0 ? random_below(&random, 70000)
                                                               : random_below(&random, 2 * BUFFER_MEDIUM);
            const int class = expected_class(expected_size(asked));
            struct buffer *buffer = buffer_get(&pool, asked);
            assert_is_fresh(buffer);
            assert_int_equal(buffer->size, expected_size(asked));
            if (kept[class] > 0) {
                kept[class]--;
                kept_bytes -= buffer->size;
            }
            memset(buffer_bytes(buffer), (int)(out_count & 0xFF), 64);
            buffer->end = 64;
            out[out_count++] = buffer;
        } else if (out_count > 0) {
            const size_t chosen = random_below(&random, (uint32_t)out_count);
            struct buffer *buffer = out[chosen];
            const uint32_t size = buffer->size;
            const int class = expected_class(size);
            assert_int_equal(buffer->end, 64); /* nobody else has had it meanwhile */
            out[chosen] = out[--out_count];
            if (class < 3 && kept_bytes + size <= BUFFER_POOL_KEEPS) {
                kept[class]++;
                kept_bytes += size;
            }
            buffer_put(&pool, buffer);
        }
        assert_int_equal(pool.borrowed, out_count);
        assert_int_equal(pool.kept, kept_bytes);
    }
    while (out_count > 0) {
        buffer_put(&pool, out[--out_count]);
    }
    assert_int_equal(pool.borrowed, 0);
    buffer_pool_fini(&pool);
}

#ifdef _WIN32

#include "support/fault.h"
#include "support/ledger.h"

static void test_buffer_pool__gives_memory_back_beyond_its_share(void **state)
{
    (void)state;
    struct buffer *borrowed[40];
    struct buffer_pool pool;
    buffer_pool_init(&pool);
    for (size_t i = 0; i < 40; i++) {
        borrowed[i] = buffer_get(&pool, BUFFER_LARGE);
    }
    assert_int_equal(ledger_count(LEDGER_BLOCK), 40);
    for (size_t i = 0; i < 40; i++) {
        buffer_put(&pool, borrowed[i]);
    }
    assert_int_equal(ledger_count(LEDGER_BLOCK), BUFFER_POOL_KEEPS / BUFFER_LARGE);
    assert_in_range(ledger_bytes(), BUFFER_POOL_KEEPS, BUFFER_POOL_KEEPS + 16 * 64);
    buffer_pool_fini(&pool);
    assert_int_equal(ledger_count(LEDGER_BLOCK), 0);
}

static void test_buffer_pool__without_memory_lends_only_what_it_has_kept(void **state)
{
    (void)state;
    struct buffer_pool pool;
    buffer_pool_init(&pool);
    buffer_put(&pool, buffer_get(&pool, BUFFER_SMALL));
    fault_arm(IMPORT_HeapAlloc, 1, 0, FAULT_FOREVER);
    struct buffer *kept = buffer_get(&pool, BUFFER_SMALL);
    assert_non_null(kept);
    assert_int_equal(fault_hits(), 0);
    assert_null(buffer_get(&pool, BUFFER_SMALL));
    assert_null(buffer_get(&pool, BUFFER_LARGE + 1));
    assert_int_equal(fault_hits(), 2);
    assert_int_equal(pool.borrowed, 1);
    assert_int_equal(pool.kept, 0);
    fault_clear();
    buffer_put(&pool, kept);
    buffer_pool_fini(&pool);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_buffer_pool__rounds_sizes_up_to_a_class),
        support_test(test_buffer_pool__refuses_what_no_buffer_can_hold),
        support_test(test_buffer_pool__lends_again_what_came_back),
        support_test(test_buffer_pool__giving_back_nothing_is_harmless),
        support_test(test_buffer_pool__keeps_no_more_than_its_share),
        support_test(test_buffer_pool__never_keeps_one_larger_than_its_classes),
        support_test(test_buffer_pool__serves_again_after_its_end),
        support_test(test_buffer_pool__leaves_the_account_of_parked_bytes_alone),
        support_test(test_buffer_pool__agrees_with_the_oracle),
#ifdef _WIN32
        support_test(test_buffer_pool__gives_memory_back_beyond_its_share),
        support_test(test_buffer_pool__without_memory_lends_only_what_it_has_kept),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
