/* SPDX-License-Identifier: MIT
   Tests of base/keyed_hash.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/keyed_hash.h"
#include "support/support.h"

/* The authors' key and input: the bytes 0, 1, 2 and so on. */
static const struct hash_key counting = {{UINT64_C(0x0706050403020100), UINT64_C(0x0F0E0D0C0B0A0908)}};

static void count_up(uint8_t *at, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        at[i] = (uint8_t)i;
    }
}

static void test_keyed_hash__is_siphash_as_its_authors_give_it(void **state)
{
    (void)state;
    static const struct {
        size_t length;
        uint64_t hash;
    } rows[] = {{0, UINT64_C(0x726FDB47DD0E0E31)},
                {1, UINT64_C(0x74F839C593DC67FD)},
                {8, UINT64_C(0x93F5F5799A932462)},
                {15, UINT64_C(0xA129CA6149BE45E5)}, /* appendix A of the paper */
                {63, UINT64_C(0x958A324CEB064572)}};
    uint8_t input[63];
    count_up(input, sizeof input);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(keyed_hash(&counting, input, rows[i].length) == rows[i].hash);
    }
}

static void test_keyed_hash__changes_with_each_bit_of_key_and_input(void **state)
{
    (void)state;
    uint8_t input[24];
    count_up(input, sizeof input);
    const uint64_t hash = keyed_hash(&counting, input, sizeof input);
    for (size_t bit = 0; bit < 8 * sizeof input; bit++) {
        input[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_true(keyed_hash(&counting, input, sizeof input) != hash);
        input[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t bit = 0; bit < 128; bit++) {
        struct hash_key key = counting;
        key.halves[bit / 64] ^= UINT64_C(1) << bit % 64;
        assert_true(keyed_hash(&key, input, sizeof input) != hash);
    }
    assert_true(keyed_hash(&counting, input, sizeof input) == hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_keyed_hash__is_siphash_as_its_authors_give_it),
        support_test(test_keyed_hash__changes_with_each_bit_of_key_and_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
