/* SPDX-License-Identifier: MIT
   Tests of base/random.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/random.h"

#include <cmocka.h>

#include "support/fault.h"
#include "support/support.h"

static void test_random__fills_just_what_it_is_given(void **state)
{
    (void)state;
    uint8_t first[40] = {0}, second[40] = {0};
    static const uint8_t zeros[4];
    assert_true(random_fill(first + 4, 32));
    assert_true(random_fill(second + 4, 32));
    assert_memory_equal(first, zeros, 4);
    assert_memory_equal(first + 36, zeros, 4);
    assert_memory_not_equal(first + 4, second + 4, 32); /* but once in 2^256 runs */
    for (size_t i = 4; i < 36; i += 8) {
        uint64_t word = 0;
        memcpy(&word, first + i, sizeof word);
        assert_true(word != 0);
    }
}

static void test_random__tells_when_there_is_no_generator(void **state)
{
    (void)state;
    uint8_t bytes[8] = {0};
    fault_arm(IMPORT_LoadLibraryExW, 1, ERROR_MOD_NOT_FOUND, 1);
    assert_false(random_fill(bytes, sizeof bytes));
    fault_arm(IMPORT_GetProcAddress, 1, ERROR_PROC_NOT_FOUND, 1);
    assert_false(random_fill(bytes, sizeof bytes));
    assert_int_equal(fault_hits(), 2);
    assert_true(random_fill(bytes, sizeof bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_random__fills_just_what_it_is_given),
        support_test(test_random__tells_when_there_is_no_generator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
