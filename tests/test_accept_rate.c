/* SPDX-License-Identifier: MIT
   Tests of accept/accept_rate.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "accept/accept_rate.h"
#include "support/random.h"
#include "support/support.h"

enum { START = 1000000 /* some moment */ };

/* Takes all that are there. Returns how many. */
static uint32_t empty(const struct accept_rate *rate, uint64_t *state, uint64_t now)
{
    uint32_t taken = 0;
    while (accept_rate_tokens(rate, *state, now) > 0) {
        *state = accept_rate_take(rate, *state, now);
        taken++;
    }
    return taken;
}

static void test_accept_rate__is_no_limit_when_it_is_zero(void **state)
{
    (void)state;
    const struct accept_rate rate = accept_rate_make(0, 5);
    uint64_t bucket = 0;
    for (int i = 0; i < 1000; i++) {
        assert_true(accept_rate_tokens(&rate, bucket, START) == UINT32_MAX);
        assert_true(accept_rate_next(&rate, bucket, START) == START);
        bucket = accept_rate_take(&rate, bucket, START);
    }
}

static void test_accept_rate__begins_with_a_full_bucket(void **state)
{
    (void)state;
    static const struct {
        uint32_t per_second, burst, full;
    } cases[] = {
        {1, 0, 1},
        {1, 1, 1},
        {1, 50, 50},
        {10, 0, 10},
        {10, 1, 2},
        {10, 3, 3},
        {10, 4, 4},
        {100, 7, 20},
        {100, 30, 30},
        {5, 1, 1},
        {4, 1, 1},
        {1000000, 0, 1000000},
        {1000000, 1, 200000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct accept_rate rate = accept_rate_make(cases[i].per_second, cases[i].burst);
        uint64_t bucket = 0;
        assert_int_equal(empty(&rate, &bucket, START), cases[i].full);
        assert_int_equal(empty(&rate, &bucket, START), 0);
        assert_int_equal(empty(&rate, &bucket, START + 3600000), cases[i].full); /* and no more than that */
    }
}

static void test_accept_rate__tells_when_the_next_comes(void **state)
{
    (void)state;
    static const uint32_t rates[] = {1, 3, 7, 10, 60, 333, 1000, 1001, 99999, 1000000};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        const struct accept_rate rate = accept_rate_make(rates[i], 0);
        uint64_t bucket = 0, now = START;
        empty(&rate, &bucket, now);
        for (int turn = 0; turn < 200; turn++) {
            const uint64_t next = accept_rate_next(&rate, bucket, now);
            assert_true(next > now);
            assert_int_equal(accept_rate_tokens(&rate, bucket, next - 1), 0);
            assert_int_not_equal(accept_rate_tokens(&rate, bucket, next), 0);
            now = next;
            bucket = accept_rate_take(&rate, bucket, now);
            empty(&rate, &bucket, now);
        }
    }
}

/* Over any time, whatever the pattern: as many as the time brings and the bucket held, and not one more. */
static void test_accept_rate__is_kept_exactly_over_a_long_time(void **state)
{
    (void)state;
    struct random random = {11};
    for (int run = 0; run < 200; run++) {
        const struct accept_rate rate =
            accept_rate_make(1 + random_below(&random, 5000), 1 + random_below(&random, 9000));
        uint64_t bucket = 0, now = START, taken = 0;
        for (int turn = 0; turn < 300; turn++) {
            taken += empty(&rate, &bucket, now);
            now += 1 + random_below(&random, 100); /* less than fills the bucket */
        }
        taken += empty(&rate, &bucket, now);
        assert_true(taken == rate.burst + (now - START) * rate.per_second / 1000);
    }
}

static void test_accept_rate__lasts_longer_than_any_machine(void **state)
{
    (void)state;
    const uint64_t century = UINT64_C(3155760000000);
    const struct accept_rate rate = accept_rate_make(1000000, 0);
    uint64_t bucket = 0;
    assert_int_equal(empty(&rate, &bucket, century), 1000000);
    assert_true(accept_rate_next(&rate, bucket, century) == century + 1);
    assert_int_equal(empty(&rate, &bucket, century + 1), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_accept_rate__is_no_limit_when_it_is_zero),
        support_test(test_accept_rate__begins_with_a_full_bucket),
        support_test(test_accept_rate__tells_when_the_next_comes),
        support_test(test_accept_rate__is_kept_exactly_over_a_long_time),
        support_test(test_accept_rate__lasts_longer_than_any_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
