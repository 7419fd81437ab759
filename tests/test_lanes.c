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

static bool add(unsigned lane, enum rank rank, char name)
{
    all[used].name = name;
    return lanes_add(&lanes, lane, rank, &all[used++].task);
}

/* Takes as many as `expected` names, in this order. */
static void assert_takes(const char *expected)
{
    for (const char *name = expected; *name != 0; name++) {
        enum rank rank = RANKS;
        const unsigned count = lanes.count;
        assert_true(count > 0);
        const struct named *taken = LIST_ELEMENT(lanes_take(&lanes, &rank), struct named, task);
        assert_int_equal(taken->name, *name);
        assert_int_equal(rank, taken->name < 'A' ? RANK_LATE : taken->name <= 'Z' ? RANK_AGAIN : RANK_FRESH);
        assert_int_equal(lanes.count, count - 1);
    }
}

static void test_lanes__take_turns(void **state)
{
    (void)state;
    for (const char *name = "aaaabbc"; *name != 0; name++) {
        add((unsigned)(*name - 'a'), RANK_FRESH, *name);
    }
    assert_takes("abcabaa");
    assert_int_equal(lanes.count, 0);
}

static void test_lanes__a_lane_that_was_empty_comes_last(void **state)
{
    (void)state;
    add(3, RANK_FRESH, 'x');
    add(5, RANK_FRESH, 'y');
    add(3, RANK_FRESH, 'x');
    assert_takes("x");
    add(LANES - 1, RANK_FRESH, 'z');
    assert_takes("yxz");
    add(5, RANK_FRESH, 'y'); /* again and again */
    assert_takes("y");
}

static void test_lanes__in_a_lane_the_first_comes_first(void **state)
{
    (void)state;
    for (const char *name = "abcdef"; *name != '\0'; name++) {
        add(7, RANK_FRESH, *name);
    }
    assert_takes("abc");
    add(7, RANK_FRESH, 'g');
    assert_takes("defg");
}

static void test_lanes__four_fresh_ones_come_before_one_that_had_a_turn(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        add(0, RANK_AGAIN, 'M');
    }
    for (int i = 0; i < 10; i++) {
        add(0, RANK_FRESH, 'f');
    }
    assert_takes("ffffMffffMffM");
}

/* However the fresh ones come. */
static void test_lanes__one_that_had_a_turn_is_never_forgotten(void **state)
{
    (void)state;
    add(0, RANK_AGAIN, 'M');
    for (int i = 0; i < LANE_STREAK; i++) {
        add(0, RANK_FRESH, 'f');
        assert_takes("f");
    }
    add(0, RANK_FRESH, 'f');
    assert_takes("Mf");
}

static void test_lanes__late_ones_come_first_and_leave_a_turn_to_the_others(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        add(0, RANK_AGAIN, 'M');
        add(0, RANK_FRESH, 'f');
    }
    for (int i = 0; i < 30; i++) {
        add(0, RANK_LATE, '0');
    }
    add(1, RANK_FRESH, 'x');
    assert_takes("0x000f0000f0000f0000f0000M0000f0000f00f");
}

static void test_lanes__tell_when_another_lane_becomes_ready(void **state)
{
    (void)state;
    assert_false(add(0, RANK_FRESH, 'a'));
    assert_true(add(1, RANK_FRESH, 'b'));
    assert_false(add(1, RANK_FRESH, 'b'));
    assert_false(add(1, RANK_AGAIN, 'B'));
    assert_takes("abbB");
    assert_false(add(1, RANK_FRESH, 'b'));
    assert_true(add(0, RANK_FRESH, 'a'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lanes__take_turns, set_up),
        cmocka_unit_test_setup(test_lanes__a_lane_that_was_empty_comes_last, set_up),
        cmocka_unit_test_setup(test_lanes__in_a_lane_the_first_comes_first, set_up),
        cmocka_unit_test_setup(test_lanes__four_fresh_ones_come_before_one_that_had_a_turn, set_up),
        cmocka_unit_test_setup(test_lanes__one_that_had_a_turn_is_never_forgotten, set_up),
        cmocka_unit_test_setup(test_lanes__late_ones_come_first_and_leave_a_turn_to_the_others, set_up),
        cmocka_unit_test_setup(test_lanes__tell_when_another_lane_becomes_ready, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
