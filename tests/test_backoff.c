/* SPDX-License-Identifier: MIT
   Tests of io/backoff.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/backoff.h"
#include "support/support.h"

/* Times of a virtual clock, which begins here. */
enum { START = 1000 };

static struct {
    struct timer_wheel wheel;
    struct backoff backoff;
    uint64_t now;
    int retries, troubles, recoveries;
    uint32_t error;
    uint64_t retried_at;
} world;

static void note_retry(struct backoff *backoff)
{
    assert_ptr_equal(backoff, &world.backoff);
    assert_false(backoff_is_pausing(backoff)); /* it may fail again inside */
    world.retries++;
    world.retried_at = world.now;
}

static void note_trouble(struct backoff *backoff, uint32_t error)
{
    assert_true(backoff_is_pausing(backoff));
    world.troubles++;
    world.error = error;
}

static void note_recovery(struct backoff *backoff)
{
    (void)backoff;
    world.recoveries++;
}

static void begin(void)
{
    world.now = START;
    world.retries = world.troubles = world.recoveries = 0;
    timer_wheel_init(&world.wheel, world.now);
    backoff_init(&world.backoff, &world.wheel, note_retry, note_trouble, note_recovery);
}

static void pass(uint64_t milliseconds)
{
    for (uint64_t end = world.now + milliseconds; world.now < end;) {
        world.now += TIMER_TICK;
        timer_wheel_advance(&world.wheel, world.now);
    }
}

static void fail_with(uint32_t error)
{
    backoff_fail(&world.backoff, world.now, error, BACKOFF_MAX);
}

static void test_backoff__pauses_twice_as_long_each_time(void **state)
{
    (void)state;
    static const uint32_t delays[] = {10, 20, 40, 80, 160, 320, 640, 900, 900};
    begin();
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        fail_with(5);
        assert_int_equal(world.backoff.delay, delays[i]);
        const uint64_t failed_at = world.now;
        while (backoff_is_pausing(&world.backoff)) {
            pass(TIMER_TICK);
        }
        assert_int_equal(world.retries, i + 1);
        assert_in_range(world.retried_at - failed_at, delays[i], delays[i] + TIMER_TICK);
    }
    backoff_fail(&world.backoff, world.now, 5, 100); /* this one must not pause for longer */
    assert_int_equal(world.backoff.delay, 100);
    assert_int_equal(world.troubles, 1);
    assert_int_equal(world.error, 5);
}

/* Whenever it fails between two ticks of the timers. */
static void test_backoff__tries_again_within_a_second(void **state)
{
    (void)state;
    for (uint64_t late = 0; late < TIMER_TICK; late++) {
        begin();
        for (int i = 0; i < 10; i++) {
            pass(2 * TIMER_TICK);
            fail_with(5);
        }
        pass(TIMER_TICK - world.now % TIMER_TICK);
        world.now += late;
        timer_wheel_advance(&world.wheel, world.now);
        backoff_end_pause(&world.backoff);
        fail_with(5);
        const uint64_t failed_at = world.now;
        while (backoff_is_pausing(&world.backoff)) {
            world.now++;
            timer_wheel_advance(&world.wheel, world.now);
        }
        assert_in_range(world.now - failed_at, 900, 1000);
    }
}

static void test_backoff__begins_anew_after_a_success(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 5; i++) {
        fail_with(5);
        pass(TIMER_TICK);
    }
    backoff_succeed(&world.backoff, world.now);
    fail_with(5);
    assert_int_equal(world.backoff.delay, BACKOFF_FIRST);
}

static void test_backoff__tells_of_the_end_after_a_second_without_a_failure(void **state)
{
    (void)state;
    begin();
    backoff_succeed(&world.backoff, world.now);
    backoff_rest(&world.backoff, world.now);
    pass(3 * BACKOFF_CALM);
    assert_int_equal(world.recoveries, 0); /* there was no trouble */
    for (int i = 0; i < 100; i++) {        /* works and fails by turns: one trouble */
        fail_with(5);
        pass(TIMER_TICK);
        backoff_succeed(&world.backoff, world.now);
        pass(BACKOFF_CALM - 2 * TIMER_TICK);
    }
    assert_int_equal(world.troubles, 1);
    assert_int_equal(world.recoveries, 0);
    pass(2 * TIMER_TICK);
    assert_int_equal(world.recoveries, 1);
    pass(3 * BACKOFF_CALM);
    assert_int_equal(world.recoveries, 1);
    fail_with(6); /* the next trouble */
    assert_int_equal(world.troubles, 2);
    assert_int_equal(world.error, 6);
}

/* What was tried again and waits now has not succeeded; when it goes on waiting, the trouble is over. */
static void test_backoff__rests_are_no_successes(void **state)
{
    (void)state;
    begin();
    fail_with(5);
    fail_with(5);
    pass(TIMER_TICK);
    backoff_rest(&world.backoff, world.now);
    fail_with(5);
    assert_int_equal(world.backoff.delay, 4 * BACKOFF_FIRST);
    pass(TIMER_TICK);
    for (int i = 0; i < 9; i++) { /* a later rest does not begin the second again */
        backoff_rest(&world.backoff, world.now);
        pass(TIMER_TICK);
    }
    assert_int_equal(world.recoveries, 0);
    pass(TIMER_TICK);
    assert_int_equal(world.recoveries, 1);
    fail_with(5);
    assert_int_equal(world.backoff.delay, BACKOFF_FIRST);
}

static void test_backoff__says_no_more_once_it_is_stopped(void **state)
{
    (void)state;
    begin();
    fail_with(5);
    backoff_end_pause(&world.backoff);
    pass(2 * BACKOFF_MAX);
    assert_int_equal(world.retries, 0); /* the caller has tried by itself */
    fail_with(5);
    backoff_rest(&world.backoff, world.now);
    backoff_stop(&world.backoff);
    pass(2 * BACKOFF_MAX);
    assert_int_equal(world.retries + world.recoveries, 0);
    assert_int_equal(timer_wheel_wait(&world.wheel, world.now), UINT32_MAX);
}

/* What ends behind the stop may have worked after all. */
static void test_backoff__sets_nothing_once_it_is_stopped(void **state)
{
    (void)state;
    begin();
    fail_with(5);
    backoff_stop(&world.backoff);
    backoff_succeed(&world.backoff, world.now);
    backoff_rest(&world.backoff, world.now);
    assert_int_equal(timer_wheel_wait(&world.wheel, world.now), UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_backoff__pauses_twice_as_long_each_time),
        support_test(test_backoff__tries_again_within_a_second),
        support_test(test_backoff__begins_anew_after_a_success),
        support_test(test_backoff__tells_of_the_end_after_a_second_without_a_failure),
        support_test(test_backoff__rests_are_no_successes),
        support_test(test_backoff__says_no_more_once_it_is_stopped),
        support_test(test_backoff__sets_nothing_once_it_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
