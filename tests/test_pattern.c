/* SPDX-License-Identifier: MIT
   Tests of support/pattern.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/pattern.h"
#include "support/support.h"

enum { LENGTH = 100 };

/* However it is cut, the same byte stands at the same place, and nothing behind the length is touched. */
static void test_pattern__is_the_same_in_every_piece(void **state)
{
    (void)state;
    uint8_t whole[LENGTH], piece[LENGTH];
    pattern_fill(whole, 7, 1000, LENGTH);
    for (size_t from = 0; from < LENGTH; from++) {
        for (size_t length = 0; length <= LENGTH - from; length++) {
            memset(piece, 0xEE, sizeof piece);
            pattern_fill(piece, 7, 1000 + from, length);
            assert_memory_equal(piece, whole + from, length);
            assert_true(length == LENGTH || piece[length] == 0xEE);
            assert_int_equal(pattern_compare(piece, 7, 1000 + from, length), length);
        }
    }
}

static void test_pattern__compare_tells_the_first_wrong_byte(void **state)
{
    (void)state;
    uint8_t bytes[LENGTH];
    for (uint64_t offset = 0; offset < 9; offset++) {
        for (size_t wrong = 0; wrong < LENGTH; wrong++) {
            pattern_fill(bytes, 1, offset, LENGTH);
            bytes[wrong] ^= 1;
            bytes[LENGTH - 1] ^= 0x80;
            assert_int_equal(pattern_compare(bytes, 1, offset, LENGTH), wrong);
        }
    }
}

/* What belongs to another stream, or is moved by any number of bytes, is not taken for right. */
static void test_pattern__differs_by_stream_and_place(void **state)
{
    (void)state;
    uint8_t bytes[LENGTH];
    for (uint64_t stream = 0; stream < 50; stream++) {
        pattern_fill(bytes, stream, 0, LENGTH);
        for (uint64_t other = 0; other < 50; other++) {
            assert_true(other == stream || pattern_compare(bytes, other, 0, LENGTH) < 8);
        }
        for (uint64_t offset = 1; offset < 70000; offset += offset < 70 ? 1 : 997) {
            assert_true(pattern_compare(bytes, stream, offset, LENGTH) < 8);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_pattern__is_the_same_in_every_piece),
        support_test(test_pattern__compare_tells_the_first_wrong_byte),
        support_test(test_pattern__differs_by_stream_and_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
