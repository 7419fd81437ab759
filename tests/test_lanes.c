/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "io/lanes.h"

struct named {
    struct task task;
    char name;
};

static struct lanes lanes;
static struct named all[64];
static size_t used;

static int set_up(void **state)
{
    (void)state;
    lanes_init(&lanes);
    used = 0;
    return 0;
}

static bool add(unsigned lane, bool is_again, char name)
{
    all[used].name = name;
    return lanes_add(&lanes, lane, is_again, &all[used++].task);
}

/* Takes as many as `expected` names, in this order. */
static void assert_takes(const char *expected)
{
    for (const char *name = expected; *name != 0; name++) {
        bool is_again = false;
        const unsigned count = lanes.count;
        assert_true(count > 0);
        const struct named *taken = LIST_ELEMENT(lanes_take(&lanes, &is_again), struct named, task);
        assert_int_equal(taken->name, *name);
        assert_int_equal(is_again, taken->name >= 'A' && taken->name <= 'Z');
        assert_int_equal(lanes.count, count - 1);
    }
}

static void test_lanes__take_turns(void **state)
{
    (void)state;
    for (const char *name = "aaaabbc"; *name != 0; name++) {
        add((unsigned)(*name - 'a'), false, *name);
    }
    assert_takes("abcabaa");
    assert_int_equal(lanes.count, 0);
}

static void test_lanes__a_lane_that_was_empty_comes_last(void **state)
{
    (void)state;
    add(3, false, 'x');
    add(5, false, 'y');
    add(3, false, 'x');
    assert_takes("x");
    add(LANES - 1, false, 'z');
    assert_takes("yxz");
    add(5, false, 'y'); /* again and again */
    assert_takes("y");
}

static void test_lanes__in_a_lane_the_first_comes_first(void **state)
{
    (void)state;
    for (const char *name = "abcdef"; *name != '\0'; name++) {
        add(7, false, *name);
    }
    assert_takes("abc");
    add(7, false, 'g');
    assert_takes("defg");
}

static void test_lanes__four_fresh_ones_come_before_one_that_had_a_turn(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        add(0, true, 'M');
    }
    for (int i = 0; i < 10; i++) {
        add(0, false, 'f');
    }
    assert_takes("ffffMffffMffM");
}

/* However the fresh ones come. */
static void test_lanes__one_that_had_a_turn_is_never_forgotten(void **state)
{
    (void)state;
    add(0, true, 'M');
    for (int i = 0; i < LANE_FRESH; i++) {
        add(0, false, 'f');
        assert_takes("f");
    }
    add(0, false, 'f');
    assert_takes("Mf");
}

static void test_lanes__tell_when_another_lane_becomes_ready(void **state)
{
    (void)state;
    assert_false(add(0, false, 'a'));
    assert_true(add(1, false, 'b'));
    assert_false(add(1, false, 'b'));
    assert_false(add(1, true, 'B'));
    assert_takes("abbB");
    assert_false(add(1, false, 'b'));
    assert_true(add(0, false, 'a'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lanes__take_turns, set_up),
        cmocka_unit_test_setup(test_lanes__a_lane_that_was_empty_comes_last, set_up),
        cmocka_unit_test_setup(test_lanes__in_a_lane_the_first_comes_first, set_up),
        cmocka_unit_test_setup(test_lanes__four_fresh_ones_come_before_one_that_had_a_turn, set_up),
        cmocka_unit_test_setup(test_lanes__one_that_had_a_turn_is_never_forgotten, set_up),
        cmocka_unit_test_setup(test_lanes__tell_when_another_lane_becomes_ready, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
