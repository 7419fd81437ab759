/* SPDX-License-Identifier: MIT
   Tests of bench/load/histogram.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/load/histogram.h"
#include "support/support.h"

static void test_histogram__tells_nothing_of_nothing(void **state)
{
    (void)state;
    struct histogram histogram;
    histogram_init(&histogram);
    assert_int_equal(histogram.count, 0);
    assert_int_equal(histogram.max, 0);
    assert_int_equal(histogram_percentile(&histogram, 500), 0);
    assert_int_equal(histogram_percentile(&histogram, 1000), 0);
}

static void test_histogram__is_exact_below_256(void **state)
{
    (void)state;
    struct histogram histogram;
    histogram_init(&histogram);
    for (unsigned value = 1; value <= 200; value++) {
        histogram_add(&histogram, value);
    }
    assert_int_equal(histogram.count, 200);
    assert_int_equal(histogram_percentile(&histogram, 0), 1);
    assert_int_equal(histogram_percentile(&histogram, 5), 1);
    assert_int_equal(histogram_percentile(&histogram, 6), 2);
    assert_int_equal(histogram_percentile(&histogram, 500), 100);
    assert_int_equal(histogram_percentile(&histogram, 900), 180);
    assert_int_equal(histogram_percentile(&histogram, 999), 200);
    assert_int_equal(histogram_percentile(&histogram, 1000), 200);
}

static void assert_near(uint64_t value, uint64_t told)
{
    const uint64_t difference = value > told ? value - told : told - value;
    if (difference * 250 > value) { /* 0.4 % */
        print_error("%llu is told as %llu\n", (unsigned long long)value, (unsigned long long)told);
        fail();
    }
}

/* At, below and above each power of two, and between them. */
static void test_histogram__tells_each_value_within_its_error(void **state)
{
    (void)state;
    struct histogram histogram;
    for (uint64_t power = 1; power < (uint64_t)1 << 39; power *= 2) {
        const uint64_t values[] = {power - 1, power, power + 1, power + power / 3, power + power / 2 + 1};
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            histogram_init(&histogram);
            histogram_add(&histogram, values[i]);
            histogram_add(&histogram, (uint64_t)1 << 39);
            assert_near(values[i], histogram_percentile(&histogram, 500));
        }
    }
}

static void test_histogram__maximum_is_exact_and_never_exceeded(void **state)
{
    (void)state;
    struct histogram histogram;
    histogram_init(&histogram);
    histogram_add(&histogram, 1000001);
    assert_int_equal(histogram.max, 1000001);
    assert_true(histogram_percentile(&histogram, 999) <= 1000001);
    assert_near(1000001, histogram_percentile(&histogram, 999));
}

static void test_histogram__takes_what_is_too_long_for_a_bucket(void **state)
{
    (void)state;
    struct histogram histogram;
    histogram_init(&histogram);
    histogram_add(&histogram, 7);
    histogram_add(&histogram, (uint64_t)1 << 40);
    histogram_add(&histogram, UINT64_MAX);
    assert_int_equal(histogram.count, 3);
    assert_true(histogram.max == UINT64_MAX);
    assert_int_equal(histogram_percentile(&histogram, 333), 7);
    assert_true(histogram_percentile(&histogram, 1000) == UINT64_MAX);
}

static int compare(const void *a, const void *b)
{
    const uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

/* Against the sorted values themselves. */
static void test_histogram__percentiles_agree_with_sorting(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    static uint64_t values[COUNT];
    static const unsigned per_mille[] = {1, 100, 500, 900, 990, 999};
    struct histogram histogram;
    uint64_t random = 1;
    histogram_init(&histogram);
    for (size_t i = 0; i < COUNT; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        values[i] = (random >> 33) >> (random >> 30 & 7);
        histogram_add(&histogram, values[i]);
    }
    qsort(values, COUNT, sizeof values[0], compare);
    for (size_t i = 0; i < sizeof per_mille / sizeof per_mille[0]; i++) {
        assert_near(values[COUNT / 1000 * per_mille[i] - 1], histogram_percentile(&histogram, per_mille[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_histogram__tells_nothing_of_nothing),
        support_test(test_histogram__is_exact_below_256),
        support_test(test_histogram__tells_each_value_within_its_error),
        support_test(test_histogram__maximum_is_exact_and_never_exceeded),
        support_test(test_histogram__takes_what_is_too_long_for_a_bucket),
        support_test(test_histogram__percentiles_agree_with_sorting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
