/* SPDX-License-Identifier: MIT
   Tests of base/crc32c.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "support/random.h"
#include "support/support.h"

/* RFC 3720 writes the lowest byte first. */
static const struct {
    const char *name;
    uint8_t bytes[48];
    size_t length;
    uint8_t sum[4];
} examples[] = {
    {"32 bytes of zeros", {0}, 32, {0xAA, 0x36, 0x91, 0x8A}},
    {"32 bytes of ones",
     {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
      0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
     32,
     {0x43, 0xAB, 0xA8, 0x62}},
    {"32 bytes that rise",
     {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
      16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31},
     32,
     {0x4E, 0x79, 0xDD, 0x46}},
    {"32 bytes that fall",
     {31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16,
      15, 14, 13, 12, 11, 10, 9,  8,  7,  6,  5,  4,  3,  2,  1,  0},
     32,
     {0x5C, 0xDB, 0x3F, 0x11}},
    {"a command of iSCSI",
     {0x01, 0xC0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02},
     48,
     {0x56, 0x3A, 0x96, 0xD9}},
};

static void test_crc32c__sums_the_examples_of_rfc_3720_appendix_b_4(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const uint8_t *sum = examples[i].sum;
        const uint32_t expected =
            sum[0] | (uint32_t)sum[1] << 8 | (uint32_t)sum[2] << 16 | (uint32_t)sum[3] << 24;
        if (crc32c_add(0, examples[i].bytes, examples[i].length) != expected) {
            fail_msg("%s", examples[i].name);
        }
    }
}

static void test_crc32c__is_the_same_however_the_bytes_come(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const uint8_t *at = examples[i].bytes;
        const size_t length = examples[i].length;
        const uint32_t whole = crc32c_add(0, at, length);
        for (size_t first = 0; first <= length; first++) {
            assert_int_equal(crc32c_add(crc32c_add(0, at, first), at + first, length - first), whole);
        }
    }
}

static void test_crc32c__of_no_bytes_is_the_sum_before(void **state)
{
    (void)state;
    assert_int_equal(crc32c_add(0, examples[0].bytes, 0), 0);
    assert_int_equal(crc32c_add(0x12345678, examples[0].bytes, 0), 0x12345678);
}

/* The definition, bit by bit: RFC 3720, section 12.1, mirrored. */
static uint32_t divide(const uint8_t *at, size_t length)
{
    uint32_t rest = UINT32_MAX;
    for (size_t i = 0; i < length * 8; i++) {
        const uint32_t bit = (at[i / 8] >> i % 8 & 1U) ^ (rest & 1U);
        rest = rest >> 1 ^ (bit != 0 ? 0x82F63B78 : 0);
    }
    return ~rest;
}

static void test_crc32c__agrees_with_its_definition(void **state)
{
    (void)state;
    struct random random = {.state = 32};
    uint8_t bytes[300];
    for (size_t length = 0; length < sizeof bytes; length++) {
        bytes[length] = (uint8_t)random_next(&random);
        assert_int_equal(crc32c_add(0, bytes, length), divide(bytes, length));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_crc32c__sums_the_examples_of_rfc_3720_appendix_b_4),
        support_test(test_crc32c__is_the_same_however_the_bytes_come),
        support_test(test_crc32c__of_no_bytes_is_the_sum_before),
        support_test(test_crc32c__agrees_with_its_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
