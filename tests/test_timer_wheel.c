/* SPDX-License-Identifier: MIT
   Tests of io/timer_wheel.h, against an oracle that knows only its promise: never early, at most one tick
   late, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/timer_wheel.h"
#include "support/random.h"
#include "support/support.h"

static const uint64_t round_time = (uint64_t)TIMER_TICK * TIMER_SLOTS;

/* ---- One timer, or a few ---- */

/* A timer that counts, and does one thing to another when it fires. */
struct probe {
    struct timer timer;
    unsigned fired;
    struct timer_wheel *wheel;
    struct probe *other; /* NULL: does nothing */
    uint64_t other_due;  /* 0: clears it */
};

static void probe_fire(struct timer *timer)
{
    struct probe *probe = LIST_ELEMENT(timer, struct probe, timer);
    probe->fired++;
    if (probe->other == NULL) {
        return;
    }
    if (probe->other_due == 0) {
        timer_clear(probe->wheel, &probe->other->timer);
    } else {
        timer_set(probe->wheel, &probe->other->timer, probe->other_due);
    }
}

static void probe_init(struct probe *probe, struct timer_wheel *wheel)
{
    *probe = (struct probe){.wheel = wheel};
    timer_init(&probe->timer, probe_fire);
}

static void test_timer_wheel__fires_once_and_never_early(void **state)
{
    (void)state;
    static const struct {
        uint64_t start, due, last_without, first_with;
    } rows[] = {
        {0, 1, 99, 100},
        {0, 100, 99, 100},
        {0, 101, 199, 200},
        {0, 5000, 4999, 5000},
        {99, 100, 99, 100},
        {1050, 1060, 1099, 1100},
        {1050, 1100, 1099, 1100},
        {1000, 1000, 1099, 1100}, /* due at once: the next tick */
        {1000, 3, 1099, 1100},    /* long overdue */
        {1000, 0, 1099, 1100},
        {0, 51199, 51199, 51200},       /* the last slot of the round */
        {0, 51200, 51199, 51200},       /* a round later, in the slot of now */
        {0, 51201, 51299, 51300},       /* one tick more than a round */
        {0, 5120000, 5119999, 5120000}, /* a hundred rounds */
        {UINT64_C(0xFFFFFFF0), UINT64_C(0x100000010), UINT64_C(4294967399), UINT64_C(4294967400)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct timer_wheel wheel;
        struct probe probe;
        timer_wheel_init(&wheel, rows[i].start);
        probe_init(&probe, &wheel);
        timer_set(&wheel, &probe.timer, rows[i].due);
        timer_wheel_advance(&wheel, rows[i].last_without);
        assert_int_equal(probe.fired, 0);
        timer_wheel_advance(&wheel, rows[i].first_with);
        assert_int_equal(probe.fired, 1);
        timer_wheel_advance(&wheel, rows[i].first_with + 3 * round_time);
        assert_int_equal(probe.fired, 1);
    }
}

static void test_timer_wheel__does_not_fire_at_the_end_of_time(void **state)
{
    (void)state;
    for (uint64_t before_end = 0; before_end < 2 * TIMER_TICK; before_end++) {
        struct timer_wheel wheel;
        struct probe probe;
        timer_wheel_init(&wheel, 1000);
        probe_init(&probe, &wheel);
        timer_set(&wheel, &probe.timer, UINT64_MAX - before_end);
        timer_wheel_advance(&wheel, 1000 + 2 * round_time);
        assert_int_equal(probe.fired, 0);
        timer_clear(&wheel, &probe.timer);
        assert_int_equal(timer_wheel_wait(&wheel, 1000 + 2 * round_time), UINT32_MAX);
    }
}

static void test_timer_wheel__setting_again_moves_the_timer(void **state)
{
    (void)state;
    struct timer_wheel wheel;
    struct probe probe;
    timer_wheel_init(&wheel, 0);
    probe_init(&probe, &wheel);
    timer_set(&wheel, &probe.timer, 300);
    timer_set(&wheel, &probe.timer, 700);
    assert_int_equal(timer_wheel_wait(&wheel, 0), 700);
    timer_wheel_advance(&wheel, 699);
    assert_int_equal(probe.fired, 0);
    timer_set(&wheel, &probe.timer, 800);
    timer_set(&wheel, &probe.timer, 750); /* and back again */
    timer_wheel_advance(&wheel, 800);
    assert_int_equal(probe.fired, 1);
    assert_int_equal(timer_wheel_wait(&wheel, 800), UINT32_MAX);
}

static void test_timer_wheel__clearing_is_harmless_at_any_time(void **state)
{
    (void)state;
    struct timer_wheel wheel;
    struct probe probe, neighbour; /* in the same slot, a round later */
    timer_wheel_init(&wheel, 0);
    probe_init(&probe, &wheel);
    probe_init(&neighbour, &wheel);
    timer_clear(&wheel, &probe.timer);
    timer_set(&wheel, &neighbour.timer, 500 + round_time);
    timer_set(&wheel, &probe.timer, 500);
    timer_clear(&wheel, &probe.timer);
    timer_clear(&wheel, &probe.timer);
    timer_wheel_advance(&wheel, 500);
    assert_int_equal(probe.fired, 0);
    timer_set(&wheel, &probe.timer, 600);
    timer_wheel_advance(&wheel, 600);
    timer_clear(&wheel, &probe.timer); /* has fired */
    assert_int_equal(probe.fired, 1);
    timer_wheel_advance(&wheel, 500 + round_time);
    assert_int_equal(neighbour.fired, 1);
}

static void test_timer_wheel__rounds_share_a_slot(void **state)
{
    (void)state;
    struct timer_wheel wheel;
    struct probe probes[5];
    timer_wheel_init(&wheel, 0);
    for (unsigned i = 0; i < 5; i++) {
        probe_init(&probes[i], &wheel);
        timer_set(&wheel, &probes[i].timer, 200 + (4 - i) * round_time); /* the latest was set first */
    }
    for (unsigned round = 0; round < 5; round++) {
        timer_wheel_advance(&wheel, 200 + round * round_time);
        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(probes[i].fired, 4 - i <= round);
        }
    }
}

static void test_timer_wheel__a_clock_that_stands_or_goes_back_fires_nothing(void **state)
{
    (void)state;
    struct timer_wheel wheel;
    struct probe probe, overdue;
    timer_wheel_init(&wheel, 100000);
    probe_init(&probe, &wheel);
    probe_init(&overdue, &wheel);
    timer_set(&wheel, &probe.timer, 100100);
    timer_wheel_advance(&wheel, 100099);
    timer_wheel_advance(&wheel, 100000);
    timer_wheel_advance(&wheel, 0);
    timer_set(&wheel, &overdue.timer, 0);
    timer_wheel_advance(&wheel, 100099);
    assert_int_equal(probe.fired + overdue.fired, 0);
    timer_wheel_advance(&wheel, 100100);
    assert_int_equal(probe.fired, 1);
    assert_int_equal(overdue.fired, 1);
}

/* ---- Inside fire ---- */

static void test_timer_wheel__a_firing_timer_may_clear_one_that_is_due_with_it(void **state)
{
    (void)state;
    struct timer_wheel wheel;
    struct probe probes[2];
    timer_wheel_init(&wheel, 0);
    for (unsigned i = 0; i < 2; i++) {
        probe_init(&probes[i], &wheel);
        probes[i].other = &probes[1 - i];
        timer_set(&wheel, &probes[i].timer, 300);
    }
    timer_wheel_advance(&wheel, 300);
    assert_int_equal(probes[0].fired + probes[1].fired, 1);
    assert_int_equal(timer_wheel_wait(&wheel, 300), UINT32_MAX);
    timer_wheel_advance(&wheel, 300 + round_time);
    assert_int_equal(probes[0].fired + probes[1].fired, 1);
}

static void test_timer_wheel__a_firing_timer_may_clear_itself(void **state)
{
    (void)state;
    struct timer_wheel wheel;
    struct probe probe;
    timer_wheel_init(&wheel, 0);
    probe_init(&probe, &wheel);
    probe.other = &probe;
    timer_set(&wheel, &probe.timer, 300);
    timer_wheel_advance(&wheel, 300);
    assert_int_equal(probe.fired, 1);
    assert_int_equal(timer_wheel_wait(&wheel, 300), UINT32_MAX);
}

/* What was set within fire runs in a later pass, however late it is already and whichever slots are still to
   come in this one. */
static void test_timer_wheel__a_timer_set_inside_fire_waits_for_the_next_tick(void **state)
{
    (void)state;
    static const uint64_t sleeps[] = {100, 300, 51100, 51200, 51300, 1000000};
    for (size_t i = 0; i < sizeof sleeps / sizeof sleeps[0]; i++) {
        for (uint64_t due = 1; due <= sleeps[i]; due += 100) {
            struct timer_wheel wheel;
            struct probe probe;
            timer_wheel_init(&wheel, 0);
            probe_init(&probe, &wheel);
            probe.other = &probe;
            probe.other_due = due;
            timer_set(&wheel, &probe.timer, 1);
            timer_wheel_advance(&wheel, sleeps[i]);
            assert_int_equal(probe.fired, 1);
            assert_int_equal(timer_wheel_wait(&wheel, sleeps[i]), TIMER_TICK);
            timer_wheel_advance(&wheel, sleeps[i] + TIMER_TICK);
            assert_int_equal(probe.fired, 2);
        }
    }
}

static void test_timer_wheel__a_firing_timer_may_move_one_that_is_due_with_it(void **state)
{
    (void)state;
    struct timer_wheel wheel;
    struct probe first, second;
    timer_wheel_init(&wheel, 0);
    probe_init(&first, &wheel);
    probe_init(&second, &wheel);
    timer_set(&wheel, &first.timer, 300);
    timer_set(&wheel, &second.timer, 300);
    first.other = &second;
    first.other_due = 300 + round_time; /* the slot in hand */
    second.other = &first;
    second.other_due = 300 + round_time;
    timer_wheel_advance(&wheel, 300);
    assert_int_equal(first.fired + second.fired, 1);
    first.other = second.other = NULL;
    timer_wheel_advance(&wheel, 299 + round_time);
    assert_int_equal(first.fired + second.fired, 1);
    timer_wheel_advance(&wheel, 300 + round_time);
    assert_int_equal(first.fired + second.fired, 2);
}

/* ---- The wait ---- */

static void test_timer_wheel__waits_to_the_millisecond(void **state)
{
    (void)state;
    for (uint64_t start = 0; start < TIMER_SLOTS; start += 3) {
        struct timer_wheel wheel;
        struct probe probe;
        timer_wheel_init(&wheel, start * TIMER_TICK);
        probe_init(&probe, &wheel);
        assert_int_equal(timer_wheel_wait(&wheel, start * TIMER_TICK), UINT32_MAX);
        for (uint64_t ticks = 1; ticks <= TIMER_SLOTS; ticks++) {
            const uint64_t passed = ticks % TIMER_TICK; /* since the wheel was last looked at */
            timer_set(&wheel, &probe.timer, (start + ticks) * TIMER_TICK);
            assert_int_equal(timer_wheel_wait(&wheel, start * TIMER_TICK + passed),
                             ticks * TIMER_TICK - passed);
        }
        timer_clear(&wheel, &probe.timer);
        assert_int_equal(timer_wheel_wait(&wheel, start * TIMER_TICK), UINT32_MAX);
    }
}

static void test_timer_wheel__does_not_wait_for_what_is_overdue(void **state)
{
    (void)state;
    struct timer_wheel wheel;
    struct probe probe;
    timer_wheel_init(&wheel, 0);
    probe_init(&probe, &wheel);
    timer_set(&wheel, &probe.timer, 40000);
    assert_int_equal(timer_wheel_wait(&wheel, 39999), 1);
    assert_int_equal(timer_wheel_wait(&wheel, 40000), 0);
    assert_int_equal(timer_wheel_wait(&wheel, 40001), 0);
    assert_int_equal(timer_wheel_wait(&wheel, 100 * round_time), 0);
}

/* ---- Random, against the oracle ---- */

enum { SUBJECTS = 48 };

struct world;

struct subject {
    struct timer timer;
    struct world *world;
    bool is_set;
    uint64_t due;    /* as asked for */
    uint64_t set_at; /* the clock at that moment */
};

struct world {
    struct timer_wheel wheel;
    struct random random;
    uint64_t now;
    uint64_t looked; /* the clock at the last advance */
    bool is_advancing;
    unsigned fired;
    struct subject subjects[SUBJECTS];
};

/* Anything from "overdue" over "this tick" to "in weeks". */
static uint64_t world__some_due(struct world *world)
{
    const uint32_t some = random_next(&world->random);
    switch (random_below(&world->random, 6)) {
    case 0:
        return some % 3 == 0 ? 0 : world->now - (some % 5000 < world->now ? some % 5000 : 0);
    case 1:
        return world->now + some % 250;
    case 2:
        return world->now + some % 10000;
    case 3:
        return world->now + some % (4 * round_time);
    case 4:
        return world->now + (1 + some % 4) * round_time - some % 2; /* the slot of now, in later rounds */
    default:
        return world->now + some; /* up to 49 days */
    }
}

static uint64_t world__some_step(struct world *world)
{
    const uint32_t some = random_next(&world->random);
    switch (random_below(&world->random, 8)) {
    case 0:
        return 0;
    case 1:
    case 2:
        return some % 100;
    case 3:
    case 4:
        return some % 1000;
    case 5:
        return some % (2 * round_time);
    case 6:
        return round_time - 100 + some % 300;
    default:
        return some % (100 * round_time);
    }
}

static void world__act(struct world *world)
{
    struct subject *subject = &world->subjects[random_below(&world->random, SUBJECTS)];
    if (random_below(&world->random, 4) == 0) {
        timer_clear(&world->wheel, &subject->timer);
        subject->is_set = false;
    } else {
        subject->due = world__some_due(world);
        subject->set_at = world->now;
        subject->is_set = true;
        timer_set(&world->wheel, &subject->timer, subject->due);
    }
}

static void subject__fire(struct timer *timer)
{
    struct subject *subject = LIST_ELEMENT(timer, struct subject, timer);
    struct world *world = subject->world;
    assert_true(world->is_advancing);
    assert_true(subject->is_set);
    assert_true(subject->due <= world->now); /* never early */
    subject->is_set = false;
    world->fired++;
    for (uint32_t i = random_below(&world->random, 4); i > 0; i--) {
        world__act(world); /* on any timer, this one included */
    }
}

static void world__init(struct world *world, uint64_t start, uint64_t seed)
{
    *world = (struct world){.random = {seed}, .now = start, .looked = start};
    timer_wheel_init(&world->wheel, start);
    for (size_t i = 0; i < SUBJECTS; i++) {
        world->subjects[i].world = world;
        timer_init(&world->subjects[i].timer, subject__fire);
    }
}

/* At most one tick late. */
static void world__assert_none_missed(const struct world *world)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        const struct subject *subject = &world->subjects[i];
        const uint64_t from = subject->due > subject->set_at ? subject->due : subject->set_at;
        assert_true(!subject->is_set || world->now < from + TIMER_TICK);
    }
}

/* The wait ends with the first slot in which a timer lies: what lies there for a later round wakes for
   nothing, but nothing is overslept. */
static void world__assert_wait(const struct world *world)
{
    const uint64_t tick = world->looked / TIMER_TICK;
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < SUBJECTS; i++) {
        const struct subject *subject = &world->subjects[i];
        uint64_t due_tick = subject->due / TIMER_TICK + (subject->due % TIMER_TICK != 0);
        due_tick = due_tick > tick ? due_tick : tick + 1;
        const uint64_t candidate = tick + 1 + (due_tick - tick - 1) % TIMER_SLOTS;
        if (subject->is_set && candidate < next) {
            next = candidate;
        }
    }
    const uint32_t wait = timer_wheel_wait(&world->wheel, world->now);
    if (next == UINT64_MAX) {
        assert_int_equal(wait, UINT32_MAX);
    } else {
        assert_int_equal(wait, next * TIMER_TICK > world->now ? next * TIMER_TICK - world->now : 0);
    }
}

static void world__advance(struct world *world)
{
    world->looked = world->now;
    world->is_advancing = true;
    timer_wheel_advance(&world->wheel, world->now);
    world->is_advancing = false;
    world__assert_none_missed(world);
    world__assert_wait(world);
}

static void test_timer_wheel__agrees_with_the_oracle(void **state)
{
    (void)state;
    static const uint64_t starts[] = {0, 99, 123456789, UINT64_C(0xFFFF0000), UINT64_C(0x1FFFF0000)};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct world world;
        world__init(&world, starts[i], i + 1);
        for (unsigned step = 0; step < 5000; step++) {
            for (uint32_t acts = random_below(&world.random, 5); acts > 0; acts--) {
                world__act(&world);
                world__assert_wait(&world);
            }
            world.now += world__some_step(&world);
            if (random_below(&world.random, 4) == 0) {
                world__act(&world); /* the clock has gone on and nobody has looked yet */
                world__assert_wait(&world);
            }
            world__advance(&world);
        }
        assert_true(world.fired > 5000);
    }
}

/* ---- A hundred days ---- */

struct periodic {
    struct timer timer;
    struct world *world; /* only its wheel and its clock */
    uint64_t period;
    uint64_t fired;
};

static void periodic__fire(struct timer *timer)
{
    struct periodic *periodic = LIST_ELEMENT(timer, struct periodic, timer);
    const uint64_t due = ++periodic->fired * periodic->period;
    assert_true(due <= periodic->world->now);
    assert_true(periodic->world->now < due + TIMER_TICK);
    timer_set(&periodic->world->wheel, timer, due + periodic->period);
}

/* As a worker lives it: asleep until the wheel says so, over two wraps of a 32-bit clock. */
static void test_timer_wheel__keeps_time_for_a_hundred_days(void **state)
{
    (void)state;
    static const uint64_t periods[] = {4567, 60000, 3600000, 86400000, UINT64_C(2592000000)};
    enum { COUNT = sizeof periods / sizeof periods[0] };
    const uint64_t end = UINT64_C(2) << 32;
    struct world world;
    struct periodic timers[COUNT];
    world__init(&world, 0, 0);
    for (size_t i = 0; i < COUNT; i++) {
        timers[i] = (struct periodic){.world = &world, .period = periods[i]};
        timer_init(&timers[i].timer, periodic__fire);
        timer_set(&world.wheel, &timers[i].timer, periods[i]);
    }
    while (world.now < end + 86400000) {
        const uint32_t wait = timer_wheel_wait(&world.wheel, world.now);
        assert_in_range(wait, 1, 4567 + TIMER_TICK);
        world.now += wait;
        timer_wheel_advance(&world.wheel, world.now);
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(timers[i].fired, world.now / periods[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_timer_wheel__fires_once_and_never_early),
        support_test(test_timer_wheel__does_not_fire_at_the_end_of_time),
        support_test(test_timer_wheel__setting_again_moves_the_timer),
        support_test(test_timer_wheel__clearing_is_harmless_at_any_time),
        support_test(test_timer_wheel__rounds_share_a_slot),
        support_test(test_timer_wheel__a_clock_that_stands_or_goes_back_fires_nothing),
        support_test(test_timer_wheel__a_firing_timer_may_clear_one_that_is_due_with_it),
        support_test(test_timer_wheel__a_firing_timer_may_clear_itself),
        support_test(test_timer_wheel__a_timer_set_inside_fire_waits_for_the_next_tick),
        support_test(test_timer_wheel__a_firing_timer_may_move_one_that_is_due_with_it),
        support_test(test_timer_wheel__waits_to_the_millisecond),
        support_test(test_timer_wheel__does_not_wait_for_what_is_overdue),
        support_test(test_timer_wheel__agrees_with_the_oracle),
        support_test(test_timer_wheel__keeps_time_for_a_hundred_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
