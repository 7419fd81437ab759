/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/queue_probe.h"

static struct queue_delay delay_at(const struct queue_probe *probe, int64_t now)
{
    struct queue_delay delay;
    queue_probe_read(probe, now, &delay);
    return delay;
}

static void measure(struct queue_probe *probe, int64_t delay)
{
    assert_true(queue_probe_begin(probe, 1000));
    queue_probe_end(probe, 1000 + delay);
}

static void test_queue_probe__has_nothing_before_the_first(void **state)
{
    (void)state;
    const struct queue_probe probe = {0};
    const struct queue_delay delay = delay_at(&probe, 5);
    assert_int_equal(delay.latest + delay.longest + delay.sum + delay.count, 0);
}

static void test_queue_probe__adds_up_and_keeps_the_longest(void **state)
{
    (void)state;
    struct queue_probe probe = {0};
    measure(&probe, 30);
    measure(&probe, 700);
    measure(&probe, 20);
    const struct queue_delay delay = delay_at(&probe, 5000);
    assert_int_equal(delay.latest, 20);
    assert_int_equal(delay.longest, 700);
    assert_int_equal(delay.sum, 750);
    assert_int_equal(delay.count, 3);
}

static void test_queue_probe__forgets_the_longest_after_as_many_as_it_keeps(void **state)
{
    (void)state;
    struct queue_probe probe = {0};
    measure(&probe, 700);
    for (int i = 1; i < QUEUE_PROBES; i++) {
        measure(&probe, 3);
        assert_int_equal(delay_at(&probe, 5000).longest, 700);
    }
    measure(&probe, 4);
    assert_int_equal(delay_at(&probe, 5000).longest, 4);
    assert_int_equal(delay_at(&probe, 5000).sum, 700 + 3 * (QUEUE_PROBES - 1) + 4);
}

/* A worker that is held up must not look like one that is quick. */
static void test_queue_probe__shows_one_that_still_waits(void **state)
{
    (void)state;
    struct queue_probe probe = {0};
    measure(&probe, 500);
    assert_true(queue_probe_begin(&probe, 1000));
    assert_false(queue_probe_begin(&probe, 1100));
    assert_int_equal(delay_at(&probe, 1400).latest, 500);
    assert_int_equal(delay_at(&probe, 900).longest, 500);
    assert_int_equal(delay_at(&probe, 1600).latest, 600);
    assert_int_equal(delay_at(&probe, 1600).longest, 600);
    assert_int_equal(delay_at(&probe, 1600).count, 1);
    queue_probe_end(&probe, 1900);
    assert_int_equal(delay_at(&probe, 2000).longest, 900);
    assert_true(queue_probe_begin(&probe, 2000));
}

static void test_queue_probe__takes_a_clock_that_went_back_for_no_time(void **state)
{
    (void)state;
    struct queue_probe probe = {0};
    measure(&probe, -5);
    assert_int_equal(delay_at(&probe, 5000).latest, 0);
    assert_int_equal(delay_at(&probe, 5000).count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_probe__has_nothing_before_the_first),
        cmocka_unit_test(test_queue_probe__adds_up_and_keeps_the_longest),
        cmocka_unit_test(test_queue_probe__forgets_the_longest_after_as_many_as_it_keeps),
        cmocka_unit_test(test_queue_probe__shows_one_that_still_waits),
        cmocka_unit_test(test_queue_probe__takes_a_clock_that_went_back_for_no_time),
    };
    return cmocka_run_group_tests_name("queue probe", tests, NULL, NULL);
}
