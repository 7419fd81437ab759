/* SPDX-License-Identifier: MIT
   Tests of connection/input.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "connection/input.h"
#include "support/failing_memory.h"

static struct buffer_pool pool;
static struct buffer *input;
static uint8_t next_in, next_out; /* every byte is one more than the one before */

static int setup(void **state)
{
    buffer_pool_init(&pool);
    input = NULL;
    next_in = next_out = 0;
    return failing_memory_setup(state);
}

static int teardown(void **state)
{
    const size_t borrowed = pool.borrowed;
    buffer_pool_fini(&pool);
    const int result = failing_memory_teardown(state);
    return borrowed != 0 ? -1 : result;
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void receive(uint32_t bytes)
{
    assert_in_range(bytes, 0, input_room(input));
    for (uint32_t i = 0; i < bytes; i++) {
        input_end(input)[i] = next_in++;
    }
    input_add(input, bytes);
}

static void consume(uint32_t bytes)
{
    assert_in_range(bytes, 0, input_length(input));
    for (uint32_t i = 0; i < bytes; i++) {
        assert_int_equal(input_bytes(input)[i], next_out++);
    }
    input_consume(input, bytes);
}

static void make_room(uint32_t wanted)
{
    assert_true(input_make_room(&input, &pool, wanted));
    assert_in_range(input_room(input), 1, UINT32_MAX);
}

static void test_input__is_nothing_at_first(void **state)
{
    (void)state;
    assert_int_equal(input_length(input), 0);
    assert_null(input_bytes(input));
    input_clear(&input, &pool);
    assert_null(input);
}

static void test_input__makes_as_much_room_as_is_wanted_when_it_is_empty(void **state)
{
    (void)state;
    static const uint32_t wanted[] = {4096, 16384, 65536, 4096};
    static const uint32_t sizes[] = {4096, 16384, 65536, 65536}; /* a larger one is kept */
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        make_room(wanted[i]);
        assert_int_equal(input_room(input), sizes[i]);
        receive(100);
        consume(100);
    }
    input_clear(&input, &pool);
    assert_int_equal(pool.borrowed, 0);
}

static void test_input__keeps_what_is_unconsumed(void **state)
{
    (void)state;
    make_room(4096);
    receive(4096);
    consume(1000);
    for (uint32_t rest = 3096; rest < 300000; rest = input_length(input)) {
        make_room(4096);
        receive(input_room(input));
        assert_in_range(input_length(input), rest + BUFFER_SMALL + rest / 2, rest + 65536 + rest / 2);
    }
    consume(input_length(input));
    assert_int_equal(input_length(input), 0);
    assert_int_equal(input_room(input), input->size); /* from the beginning again */
    input_clear(&input, &pool);
}

static void test_input__reads_on_behind_what_is_unconsumed_while_there_is_room(void **state)
{
    (void)state;
    make_room(4096);
    const struct buffer *first = input;
    receive(4000);
    consume(10);
    make_room(65536);
    assert_ptr_equal(input, first);
    receive(96);
    assert_int_equal(input_length(input), 4086);
    consume(4086);
    input_clear(&input, &pool);
}

static void test_input__consumes_no_more_than_there_is(void **state)
{
    (void)state;
    make_room(4096);
    receive(10);
    input_consume(input, SIZE_MAX);
    assert_int_equal(input_length(input), 0);
    receive(10);
    input_consume(input, 3);
    assert_int_equal(input_length(input), 7);
    input_drop(input);
    assert_int_equal(input_length(input), 0);
    assert_int_equal(input_room(input), 4096);
    input_clear(&input, &pool);
}

static void test_input__waits_with_a_small_buffer_or_none(void **state)
{
    (void)state;
    assert_false(input_prepare_wait(&input, &pool, false));
    assert_null(input);
    assert_true(input_prepare_wait(&input, &pool, true));
    const struct buffer *small = input;
    assert_int_equal(input->size, BUFFER_SMALL);
    assert_true(input_prepare_wait(&input, &pool, true));
    assert_ptr_equal(input, small);
    assert_false(input_prepare_wait(&input, &pool, false));
    assert_null(input);
    make_room(65536);
    assert_true(input_prepare_wait(&input, &pool, true));
    assert_int_equal(input->size, BUFFER_SMALL);
    input_clear(&input, &pool);
}

static void test_input__does_not_wait_with_what_is_unconsumed(void **state)
{
    (void)state;
    make_room(4096);
    receive(10);
    assert_false(input_prepare_wait(&input, &pool, true));
    assert_false(input_prepare_wait(&input, &pool, false));
    consume(10);
    input_clear(&input, &pool);
}

static void test_input__loses_nothing_when_there_is_no_memory(void **state)
{
    (void)state;
    failing_memory_arm(1, true);
    assert_false(input_make_room(&input, &pool, 4096));
    assert_null(input);
    assert_false(input_prepare_wait(&input, &pool, true));
    assert_null(input);
    failing_memory_arm(0, false);
    make_room(4096);
    receive(4096);
    failing_memory_arm(1, true);
    assert_false(input_make_room(&input, &pool, 4096));
    consume(4096);
    assert_false(input_make_room(&input, &pool, 65536));
    assert_int_equal(input->size, 4096);
    assert_int_equal(failing_memory_hits(), 2);
    failing_memory_arm(0, false);
    input_clear(&input, &pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_input__is_nothing_at_first),
        test(test_input__makes_as_much_room_as_is_wanted_when_it_is_empty),
        test(test_input__keeps_what_is_unconsumed),
        test(test_input__reads_on_behind_what_is_unconsumed_while_there_is_room),
        test(test_input__consumes_no_more_than_there_is),
        test(test_input__waits_with_a_small_buffer_or_none),
        test(test_input__does_not_wait_with_what_is_unconsumed),
        test(test_input__loses_nothing_when_there_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
