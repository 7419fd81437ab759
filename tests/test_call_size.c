/* SPDX-License-Identifier: MIT
   Tests of connection/call_size.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "connection/call_size.h"
#include "support/support.h"

static void test_call_size__is_that_of_a_buffer(void **state)
{
    (void)state;
    assert_int_equal(call_size(0), 4096);
    assert_int_equal(call_size(1), 16384);
    assert_int_equal(call_size(2), 65536);
    assert_int_equal(CALL_SIZES, BUFFER_CLASSES);
    assert_int_equal((CALL_SIZES - 1) & CALL_SIZE_BITS, CALL_SIZES - 1);
}

static void test_call_size__of_reads_follows_what_they_bring(void **state)
{
    (void)state;
    static const struct {
        unsigned number;
        uint32_t size, room, bytes;
        unsigned next;
    } rows[] = {
        {0, 4096, 4096, 4096, 1},      {1, 16384, 16384, 16384, 2}, {2, 65536, 65536, 65536, 2}, /* full */
        {0, 4096, 4096, 4095, 0},      {1, 16384, 16384, 16383, 1}, {2, 65536, 65536, 65535, 2},
        {0, 4096, 4096, 1, 0},         {1, 16384, 16384, 4095, 0},  {2, 65536, 65536, 16383, 1}, /* few */
        {1, 16384, 16384, 4096, 1},    {2, 65536, 65536, 16384, 2}, {0, 4096, 10, 10, 1},
        {2, 65536, 10, 10, 2}, /* full, for much was unconsumed */
        {1, 1000000, 900000, 1000, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(call_size_after_read(rows[i].number, rows[i].size, rows[i].room, rows[i].bytes),
                         rows[i].next);
    }
}

static void test_call_size__of_sends_follows_how_long_they_take(void **state)
{
    (void)state;
    static const struct {
        unsigned number;
        uint32_t ticks;
        unsigned next;
    } rows[] = {{0, 0, 1},  {1, 0, 2},  {2, 0, 2},  {0, 1, 1},  {0, 2, 0},  {1, 2, 1},
                {2, 10, 2}, {1, 10, 1}, {2, 11, 0}, {1, 11, 0}, {0, 11, 0}, {2, UINT32_MAX, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(call_size_after_send(rows[i].number, rows[i].ticks), rows[i].next);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_call_size__is_that_of_a_buffer),
        support_test(test_call_size__of_reads_follows_what_they_bring),
        support_test(test_call_size__of_sends_follows_how_long_they_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
