/* SPDX-License-Identifier: MIT
   Tests of bench/load/tally.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/load/tally.h"
#include "support/support.h"

enum { SECOND = 1000000000 };

static void assert_seconds(const struct tally *tally, double expected)
{
    const double difference = tally_seconds(tally) - expected;
    assert_true(difference < 1e-9 && difference > -1e-9);
}

static void test_tally__gives_out_each_message_once(void **state)
{
    (void)state;
    struct tally tally;
    tally_init(&tally, 2, 3, 0, 0);
    for (int i = 0; i < 5; i++) {
        assert_false(tally.is_over);
        assert_true(tally_take(&tally, 0));
    }
    assert_false(tally_take(&tally, 0));
    assert_false(tally_take(&tally, 0));
    assert_true(tally.is_over);
    assert_int_equal(tally.taken, 5);
}

static void test_tally__clock_starts_with_the_last_of_the_warm_up(void **state)
{
    (void)state;
    struct tally tally;
    tally_init(&tally, 2, 3, 0, 100);
    for (int i = 0; i < 5; i++) {
        assert_true(tally_take(&tally, 100));
    }
    tally_answer(&tally, 7777, true, 1 * (uint64_t)SECOND);
    assert_false(tally.is_running);
    tally_answer(&tally, 8888, true, 2 * (uint64_t)SECOND);
    assert_true(tally.is_running);
    assert_int_equal(tally.answered, 0);
    assert_int_equal(tally.times.count, 0);
    tally_answer(&tally, 50, true, 3 * (uint64_t)SECOND);
    tally_answer(&tally, 60, true, 4 * (uint64_t)SECOND);
    assert_int_equal(tally.answered, 2);
    assert_seconds(&tally, 2.0);
    tally_lose(&tally, 9 * (uint64_t)SECOND); /* waiting for what is lost is no work */
    assert_seconds(&tally, 2.0);
    assert_int_equal(tally.lost, 1);
    assert_int_equal(tally.done, 5);
    assert_int_equal(tally.times.count, 2);
    assert_int_equal(tally.times.max, 60);
}

static void test_tally__clock_starts_at_once_without_a_warm_up(void **state)
{
    (void)state;
    struct tally tally;
    tally_init(&tally, 0, 1, 0, SECOND);
    assert_true(tally_take(&tally, SECOND));
    tally_answer(&tally, 5, false, 3 * (uint64_t)SECOND);
    assert_int_equal(tally.answered, 1);
    assert_int_equal(tally.times.count, 0); /* not timed */
    assert_seconds(&tally, 2.0);
}

/* Also when nobody asks for one more: who took the last may have failed. */
static void test_tally__is_over_when_the_last_is_taken(void **state)
{
    (void)state;
    struct tally tally;
    tally_init(&tally, 0, 2, 0, 0);
    assert_true(tally_take(&tally, 0));
    tally_watch(&tally, 1);
    assert_false(tally.is_over);
    assert_true(tally_take(&tally, 1));
    tally_watch(&tally, 1);
    assert_true(tally.is_over);
}

/* What is answered when the time is up was in flight, and does not count. */
static void test_tally__ends_with_the_time(void **state)
{
    (void)state;
    struct tally tally;
    tally_init(&tally, 0, 0, 5 * (uint64_t)SECOND, SECOND);
    for (int i = 0; i < 3; i++) {
        assert_true(tally_take(&tally, SECOND));
    }
    tally_answer(&tally, 5, true, 6 * (uint64_t)SECOND - 1);
    assert_true(tally_take(&tally, 6 * (uint64_t)SECOND - 1));
    tally_answer(&tally, 5, true, 6 * (uint64_t)SECOND);
    assert_false(tally_take(&tally, 6 * (uint64_t)SECOND));
    tally_lose(&tally, 7 * (uint64_t)SECOND);
    assert_int_equal(tally.answered, 1);
    assert_int_equal(tally.lost, 0);
    assert_int_equal(tally.taken, 4);
    assert_int_equal(tally.done, 3);
    assert_seconds(&tally, 5.0);
}

/* The time begins behind the warm-up, and ends also when nothing comes. */
static void test_tally__time_is_watched(void **state)
{
    (void)state;
    struct tally tally;
    tally_init(&tally, 1, 0, SECOND, 0);
    assert_true(tally_take(&tally, 0));
    tally_watch(&tally, 5 * (uint64_t)SECOND);
    assert_false(tally.is_over);
    tally_answer(&tally, 5, true, 6 * (uint64_t)SECOND);
    tally_watch(&tally, 7 * (uint64_t)SECOND - 1);
    assert_false(tally.is_over);
    tally_watch(&tally, 7 * (uint64_t)SECOND);
    assert_true(tally.is_over);
    assert_seconds(&tally, 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_tally__gives_out_each_message_once),
        support_test(test_tally__clock_starts_with_the_last_of_the_warm_up),
        support_test(test_tally__clock_starts_at_once_without_a_warm_up),
        support_test(test_tally__is_over_when_the_last_is_taken),
        support_test(test_tally__ends_with_the_time),
        support_test(test_tally__time_is_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
