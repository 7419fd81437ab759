/* SPDX-License-Identifier: MIT
   Tests of connection/kept_input.c: buffers that are shared with handlers. The ledger sees that each is freed once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "connection/input.h"
#include "connection/kept_input.h"
#include "support/fault.h"
#include "support/support.h"

static struct buffer_pool pool;

/* Twelve bytes have come, and the handler has consumed ten. */
static struct buffer *begin(void)
{
    struct buffer *input = NULL;
    buffer_pool_init(&pool);
    assert_true(input_make_room(&input, &pool, 100));
    memcpy(input_end(input), "0123456789ab", 12);
    input_add(input, 12);
    assert_false(kept_input_is(input));
    return input;
}

static void test_kept_input__leaves_the_rest_to_the_connection(void **state)
{
    (void)state;
    struct buffer *input = begin(), *kept = input;
    kept_input_hold(input, &pool);
    kept_input_hold(input, &pool);
    assert_true(kept_input_is(input));
    assert_int_equal(pool.borrowed, 0);
    input_consume(input, 10);
    assert_true(kept_input_leave(&input, &pool));
    assert_ptr_not_equal(input, kept);
    assert_int_equal(input_length(input), 2);
    assert_memory_equal(input_bytes(input), "ab", 2);
    assert_int_equal(pool.borrowed, 1);
    kept_input_release(kept);
    assert_memory_equal(buffer_bytes(kept), "0123456789ab", 12);
    kept_input_release(kept);
    kept_input_release(NULL);
    input_clear(&input, &pool);
    buffer_pool_fini(&pool);
}

static void test_kept_input__leaves_nothing_when_all_is_consumed(void **state)
{
    (void)state;
    struct buffer *input = begin(), *kept = input;
    kept_input_hold(input, &pool);
    input_consume(input, 12);
    assert_true(kept_input_leave(&input, &pool));
    assert_null(input);
    kept_input_release(kept);
    buffer_pool_fini(&pool);
}

static void test_kept_input__needs_memory_for_the_rest(void **state)
{
    (void)state;
    struct buffer *input = begin(), *kept = input;
    kept_input_hold(input, &pool);
    fault_arm(IMPORT_HeapAlloc, 1, ERROR_NOT_ENOUGH_MEMORY, 1);
    assert_false(kept_input_leave(&input, &pool));
    fault_clear();
    assert_null(input);
    kept_input_release(kept);
    buffer_pool_fini(&pool);
}

static void test_kept_input__is_no_more_when_its_buffer_is_used_again(void **state)
{
    (void)state;
    struct buffer *input = begin();
    buffer_put(&pool, input);
    assert_false(kept_input_is(buffer_get(&pool, 100)));
    buffer_put(&pool, input);
    buffer_pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_kept_input__leaves_the_rest_to_the_connection),
        support_test(test_kept_input__leaves_nothing_when_all_is_consumed),
        support_test(test_kept_input__needs_memory_for_the_rest),
        support_test(test_kept_input__is_no_more_when_its_buffer_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
