/* SPDX-License-Identifier: MIT
   Tests of io/blocking_pool.h. What runs on its threads only records; the asserts are the test's own thread's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"
#include <cmocka.h>

#include "base/memory.h"
#include "io/blocking_pool.h"
#include "support/fault.h"
#include "support/patience.h"
#include "support/random.h"
#include "support/support.h"

enum {
    POOLS = 2,
    GROUPS = 6,
    ERRANDS = 2000,
    PATIENCE = 15000, /* milliseconds for what should happen at once, in time that this process was given */
    A_WHILE = 60,     /* in which what must not happen would happen */
    FOR_EVER = 60000
};

/* ---- What is submitted ---- */

/* A job that notes when it began, and does then what it was told to do. */
struct errand {
    struct blocking_job job;
    struct blocking_pool *pool;
    struct group *group;
    void (*what)(struct errand *errand, struct callback_mark *mark);
    unsigned rest;        /* for `what` */
    struct errand *other; /* for `what` */
    char name;
    volatile LONG runs;
};

struct group {
    struct blocking_group group;
    volatile LONG inside;
    volatile LONG most; /* that were inside at a time */
};

static struct {
    struct blocking_pool *pools[POOLS];
    HANDLE gate; /* manual-reset: lets errands go on that wait at it */
    struct group groups[GROUPS];
    struct errand errands[ERRANDS];
    size_t used;
    volatile LONG begun;
    volatile LONG ended;
    volatile LONG refused; /* submits from an errand */
    char order[ERRANDS + 1];
} scene;

static void errand__run(struct blocking_job *job, struct callback_mark *mark)
{
    struct errand *errand = LIST_ELEMENT(job, struct errand, job);
    struct group *group = errand->group;
    const LONG inside = InterlockedIncrement(&group->inside);
    if (inside > group->most) {
        group->most = inside; /* a lost race makes it smaller, by one or two; the next ones find it */
    }
    InterlockedIncrement(&errand->runs);
    const LONG begun = InterlockedIncrement(&scene.begun);
    if (begun <= ERRANDS) {
        scene.order[begun - 1] = errand->name;
    }
    if (errand->what != NULL) {
        errand->what(errand, mark);
    }
    InterlockedDecrement(&group->inside);
    InterlockedIncrement(&scene.ended);
}

static void wait_at_gate(struct errand *errand, struct callback_mark *mark)
{
    (void)errand;
    (void)mark;
    WaitForSingleObject(scene.gate, INFINITE);
}

static void wait_in_callback(struct errand *errand, struct callback_mark *mark)
{
    callback_mark_enter(mark, "slow", "sleeper", "on_data", errand->rest);
    WaitForSingleObject(scene.gate, INFINITE);
    callback_mark_leave(mark);
}

/* ---- Submitting ---- */

static bool submit(struct errand *errand)
{
    return blocking_pool_submit(errand->pool, &errand->group->group, &errand->job);
}

static struct errand *make(unsigned pool, unsigned group,
                           void (*what)(struct errand *errand, struct callback_mark *mark))
{
    assert_true(scene.used < ERRANDS);
    struct errand *errand = &scene.errands[scene.used++];
    *errand = (struct errand){.job.run = errand__run,
                              .pool = scene.pools[pool],
                              .group = &scene.groups[group],
                              .what = what,
                              .name = (char)('A' + group)};
    return errand;
}

/* To the first pool. */
static struct errand *give(unsigned group, void (*what)(struct errand *errand, struct callback_mark *mark))
{
    struct errand *errand = make(0, group, what);
    assert_true(submit(errand));
    return errand;
}

static void give_many(unsigned count, unsigned group,
                      void (*what)(struct errand *errand, struct callback_mark *mark))
{
    for (unsigned i = 0; i < count; i++) {
        give(group, what);
    }
}

/* ---- The pools under test ---- */

static int scene_setup(void **state)
{
    const int result = support_setup(state);
    memset(&scene, 0, sizeof scene);
    scene.gate = CreateEventW(NULL, TRUE, FALSE, NULL);
    for (unsigned i = 0; i < GROUPS; i++) {
        blocking_group_init(&scene.groups[i].group);
    }
    return result;
}

static void pool_start(unsigned index, unsigned threads)
{
    DWORD error = 0;
    scene.pools[index] = blocking_pool_create(threads, NULL, &error);
    assert_non_null(scene.pools[index]);
    assert_int_equal(blocking_pool_threads(scene.pools[index]), threads);
}

static void pool_end(unsigned index)
{
    assert_true(blocking_pool_stop(scene.pools[index], FOR_EVER));
    assert_int_equal(blocking_pool_unfinished(scene.pools[index]), 0);
    blocking_pool_destroy(scene.pools[index]);
    scene.pools[index] = NULL;
}

/* Also after a test that failed half-way. */
static int scene_teardown(void **state)
{
    fault_clear();
    SetEvent(scene.gate);
    for (unsigned i = 0; i < POOLS; i++) {
        if (scene.pools[i] != NULL && blocking_pool_stop(scene.pools[i], FOR_EVER)) {
            blocking_pool_destroy(scene.pools[i]);
        }
    }
    CloseHandle(scene.gate);
    return support_teardown(state);
}

#define pool_test(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

static void await(const volatile LONG *count, LONG value)
{
    const uint64_t deadline = patience_now() + PATIENCE;
    while (*count < value && patience_now() < deadline) {
        Sleep(1);
    }
    assert_true(*count >= value);
}

static void assert_stays(const volatile LONG *count, LONG value)
{
    Sleep(A_WHILE);
    assert_int_equal(*count, value);
}

static void assert_each_ran_once(void)
{
    for (size_t i = 0; i < scene.used; i++) {
        assert_int_equal(scene.errands[i].runs, 1);
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        assert_int_equal(scene.groups[i].inside, 0);
    }
}

/* ---- Order and turns ---- */

/* With two threads a group has one: its jobs must not overtake each other. */
static void test_blocking_pool__runs_a_group_in_order(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 2; threads++) {
        scene.used = 0;
        scene.begun = 0;
        pool_start(0, threads);
        for (unsigned i = 0; i < 26; i++) {
            struct errand *errand = make(0, 0, NULL);
            errand->name = (char)('a' + i);
            assert_true(submit(errand));
        }
        pool_end(0);
        assert_each_ran_once();
        assert_memory_equal(scene.order, "abcdefghijklmnopqrstuvwxyz", 26);
        assert_int_equal(scene.groups[0].most, 1);
    }
}

static void test_blocking_pool__groups_take_turns(void **state)
{
    (void)state;
    pool_start(0, 1);
    give(2, wait_at_gate);
    await(&scene.begun, 1);
    give_many(6, 0, NULL);
    give_many(3, 1, NULL);
    give_many(2, 2, NULL);
    SetEvent(scene.gate);
    pool_end(0);
    assert_each_ran_once();
    assert_string_equal(scene.order, "CABCABCABAAA");
}

static void submit_other(struct errand *errand, struct callback_mark *mark)
{
    (void)mark;
    InterlockedExchangeAdd(&scene.refused, submit(errand->other) ? 0 : 1);
}

/* However much waits of one group, another waits for a single one of its jobs at most. */
static void test_blocking_pool__a_flood_costs_others_one_job(void **state)
{
    (void)state;
    pool_start(0, 1);
    give(0, wait_at_gate);
    await(&scene.begun, 1);
    for (unsigned i = 0; i < 20; i++) {
        struct errand *errand = make(0, 0, submit_other);
        errand->other = make(0, 1 + i % 3, NULL);
        assert_true(submit(errand));
    }
    SetEvent(scene.gate);
    await(&scene.ended, 41);
    pool_end(0);
    assert_each_ran_once();
    assert_int_equal(scene.refused, 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(scene.order[1 + 2 * i], 'A');
        assert_int_equal(scene.order[2 + 2 * i], 'B' + (int)(i % 3));
    }
}

static void test_blocking_pool__one_group_never_has_all_threads(void **state)
{
    (void)state;
    pool_start(0, 4);
    give_many(10, 0, wait_at_gate);
    await(&scene.begun, 3);
    assert_stays(&scene.begun, 3);
    give(1, NULL);
    give_many(20, 2, NULL);
    await(&scene.ended, 21); /* on the last thread */
    assert_stays(&scene.begun, 24);
    SetEvent(scene.gate);
    pool_end(0);
    assert_each_ran_once();
    assert_int_equal(scene.begun, 31);
}

static void test_blocking_pool__uses_all_threads(void **state)
{
    (void)state;
    pool_start(0, 4);
    for (unsigned i = 0; i < 5; i++) {
        give(i % 4, wait_at_gate);
    }
    await(&scene.begun, 4);
    assert_stays(&scene.begun, 4);
    SetEvent(scene.gate);
    pool_end(0);
    assert_each_ran_once();
}

/* ---- A job is its owner's from `run` on ---- */

static void submit_again(struct errand *errand, struct callback_mark *mark)
{
    (void)mark;
    if (errand->rest > 0) {
        errand->rest--;
        InterlockedExchangeAdd(&scene.refused, submit(errand) ? 0 : 1);
    }
}

static void test_blocking_pool__a_job_may_submit_itself_again(void **state)
{
    (void)state;
    pool_start(0, 2);
    struct errand *errand = make(0, 0, submit_again);
    errand->rest = 99;
    assert_true(submit(errand));
    await(&scene.ended, 100);
    pool_end(0);
    assert_int_equal(errand->runs, 100);
    assert_int_equal(scene.refused, 0);
    assert_int_equal(scene.groups[0].most, 1);
}

static void free_itself(struct blocking_job *job, struct callback_mark *mark)
{
    (void)mark;
    memory_free(job);
    InterlockedIncrement(&scene.ended);
}

static void test_blocking_pool__a_job_may_free_itself(void **state)
{
    (void)state;
    pool_start(0, 3);
    for (unsigned i = 0; i < 50; i++) {
        struct blocking_job *job = memory_alloc(sizeof *job);
        assert_non_null(job);
        job->run = free_itself;
        assert_true(blocking_pool_submit(scene.pools[0], &scene.groups[i % 2].group, job));
    }
    pool_end(0);
    assert_int_equal(scene.ended, 50);
}

static void await_idle(unsigned group)
{
    const uint64_t deadline = patience_now() + PATIENCE;
    while (!blocking_pool_is_idle(scene.pools[0], &scene.groups[group].group) && patience_now() < deadline) {
        Sleep(1);
    }
    assert_true(blocking_pool_is_idle(scene.pools[0], &scene.groups[group].group));
}

static void test_blocking_pool__tells_when_it_is_done_with_a_group(void **state)
{
    (void)state;
    pool_start(0, 2);
    assert_true(blocking_pool_is_idle(scene.pools[0], &scene.groups[0].group));
    give(0, wait_at_gate);
    await(&scene.begun, 1);
    assert_false(blocking_pool_is_idle(scene.pools[0], &scene.groups[0].group));
    give(0, NULL);
    assert_int_equal(blocking_pool_unfinished(scene.pools[0]), 2);
    give(1, NULL);
    await_idle(1);
    assert_false(blocking_pool_is_idle(scene.pools[0], &scene.groups[0].group));
    SetEvent(scene.gate);
    await_idle(0);
    memset(&scene.groups[0], 0xEE, sizeof scene.groups[0]); /* gone */
    assert_int_equal(scene.ended, 3);
    blocking_group_init(&scene.groups[0].group);
    scene.groups[0].inside = 0;
    give(0, NULL);
    pool_end(0);
    assert_each_ran_once();
}

static void test_blocking_pool__is_not_done_with_a_group_that_waits(void **state)
{
    (void)state;
    pool_start(0, 1);
    give(0, wait_at_gate);
    await(&scene.begun, 1);
    give(1, NULL);
    assert_false(blocking_pool_is_idle(scene.pools[0], &scene.groups[1].group));
    SetEvent(scene.gate);
    await_idle(1);
    pool_end(0);
}

/* ---- The stop ---- */

static void test_stop__runs_what_is_queued(void **state)
{
    (void)state;
    pool_start(0, 3);
    give_many(2, 0, wait_at_gate);
    await(&scene.begun, 2);
    give_many(50, 0, NULL);
    assert_false(blocking_pool_stop(scene.pools[0], A_WHILE));
    assert_int_equal(scene.begun, 2);
    assert_int_equal(blocking_pool_unfinished(scene.pools[0]), 52);
    SetEvent(scene.gate);
    pool_end(0);
    assert_each_ran_once();
    assert_int_equal(scene.begun, 52);
}

static DWORD WINAPI stopper__main(void *argument)
{
    return blocking_pool_stop(argument, FOR_EVER);
}

/* Threads that have nothing to do end; the others do the rest. */
static void test_stop__waits_for_the_last_job(void **state)
{
    (void)state;
    DWORD has_stopped = 0;
    pool_start(0, 4);
    give_many(2, 0, wait_at_gate);
    give(1, wait_at_gate);
    await(&scene.begun, 3);
    give_many(20, 0, NULL);
    await(&scene.ended, 20);       /* on the fourth */
    give_many(3, 0, wait_at_gate); /* of which one begins */
    await(&scene.begun, 24);
    HANDLE stopper = CreateThread(NULL, 0, stopper__main, scene.pools[0], 0, NULL);
    assert_non_null(stopper);
    assert_int_equal(WaitForSingleObject(stopper, A_WHILE), WAIT_TIMEOUT);
    SetEvent(scene.gate);
    assert_int_equal(WaitForSingleObject(stopper, FOR_EVER), WAIT_OBJECT_0);
    GetExitCodeThread(stopper, &has_stopped);
    CloseHandle(stopper);
    assert_true(has_stopped);
    assert_each_ran_once();
    pool_end(0);
}

static void test_stop__takes_no_more_jobs(void **state)
{
    (void)state;
    pool_start(0, 2);
    struct errand *holder = give(0, wait_at_gate);
    await(&scene.begun, 1);
    struct errand *inner = give(0, submit_other); /* which is too late when it runs */
    inner->other = make(0, 1, NULL);
    assert_false(blocking_pool_stop(scene.pools[0], 0));
    struct errand *late = make(0, 1, NULL);
    assert_false(submit(late));
    SetEvent(scene.gate);
    assert_true(blocking_pool_stop(scene.pools[0], FOR_EVER));
    assert_false(submit(late));
    pool_end(0); /* once more does nothing */
    assert_int_equal(holder->runs, 1);
    assert_int_equal(inner->runs, 1);
    assert_int_equal(scene.refused, 1);
    assert_int_equal(scene.begun, 2);
}

static void test_stop__tells_who_is_stuck(void **state)
{
    (void)state;
    struct callback callback;
    pool_start(0, 3);
    assert_false(blocking_pool_find_stuck(scene.pools[0], &callback));
    give(0, wait_in_callback)->rest = 4711;
    await(&scene.begun, 1);
    const uint64_t deadline = patience_now() + PATIENCE;
    while (!blocking_pool_find_stuck(scene.pools[0], &callback) && patience_now() < deadline) {
        Sleep(1);
    }
    assert_false(blocking_pool_stop(scene.pools[0], A_WHILE));
    assert_true(blocking_pool_find_stuck(scene.pools[0], &callback));
    assert_string_equal(callback.endpoint, "slow");
    assert_string_equal(callback.handler, "sleeper");
    assert_string_equal(callback.name, "on_data");
    SetEvent(scene.gate);
    assert_true(blocking_pool_stop(scene.pools[0], FOR_EVER));
    assert_false(blocking_pool_find_stuck(scene.pools[0], &callback));
    for (unsigned i = 0; i < 3; i++) {
        assert_false(callback_mark_is_in(blocking_pool_mark(scene.pools[0], i)));
    }
    pool_end(0);
}

static void test_stop__of_one_that_never_had_a_job(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 16; threads += 5) {
        pool_start(0, threads);
        pool_end(0);
    }
    blocking_pool_destroy(NULL);
}

/* ---- What can fail ---- */

static void test_create__fails_without_a_thread(void **state)
{
    (void)state;
    DWORD codes[FAULT_CODES];
    assert_true(fault_codes(IMPORT_CreateThread, codes));
    for (uint32_t nth = 1; nth <= 4; nth++) {
        for (unsigned i = 0; i < FAULT_CODES; i++) {
            DWORD error = 0;
            fault_arm(IMPORT_CreateThread, nth, codes[i], 1);
            assert_null(blocking_pool_create(4, NULL, &error));
            assert_int_equal(error, codes[i]);
            fault_clear();
        }
    }
}

static void test_create__fails_without_memory(void **state)
{
    (void)state;
    DWORD error = 0;
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_null(blocking_pool_create(4, NULL, &error));
    assert_int_equal(error, ERROR_NOT_ENOUGH_MEMORY);
}

/* ---- Many at once ---- */

static void test_blocking_pool__two_do_not_know_each_other(void **state)
{
    (void)state;
    pool_start(0, 1);
    pool_start(1, 2);
    give(0, wait_at_gate);
    await(&scene.begun, 1);
    struct errand *other = make(1, 1, NULL);
    assert_true(submit(other));
    await(&scene.ended, 1);
    pool_end(1);
    give(2, NULL);
    assert_stays(&scene.begun, 2);
    SetEvent(scene.gate);
    pool_end(0);
    assert_each_ran_once();
}

static void rest_a_little(struct errand *errand, struct callback_mark *mark)
{
    callback_mark_enter(mark, "stress", "sleeper", "on_data", errand->rest);
    if (errand->rest < 3) {
        Sleep(errand->rest);
    }
    callback_mark_leave(mark);
    if (errand->other != NULL) {
        submit_other(errand, mark);
    }
}

enum { STRESS_THREADS = 5, SUBMITTERS = 4, SHARE = ERRANDS / SUBMITTERS };

static DWORD WINAPI submitter__main(void *argument)
{
    struct errand *errands = argument; /* SHARE of them; the odd ones are submitted by the even ones */
    for (unsigned i = 0; i < SHARE; i += 2) {
        InterlockedExchangeAdd(&scene.refused, submit(&errands[i]) ? 0 : 1);
        if (errands[i].rest == 7) {
            Sleep(0);
        }
    }
    return 0;
}

static void test_blocking_pool__runs_each_of_many_exactly_once(void **state)
{
    (void)state;
    struct random random = {.state = support_seed()};
    HANDLE threads[SUBMITTERS];
    struct callback callback;
    pool_start(0, STRESS_THREADS);
    for (unsigned i = 0; i < ERRANDS; i++) {
        make(0, random_below(&random, GROUPS) * random_below(&random, 2), rest_a_little)->rest =
            random_below(&random, 40);
    }
    for (unsigned i = 0; i < ERRANDS; i += 2) {
        scene.errands[i].other = &scene.errands[i + 1];
    }
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        threads[i] = CreateThread(NULL, 0, submitter__main, &scene.errands[i * SHARE], 0, NULL);
        assert_non_null(threads[i]);
    }
    for (LONG i = 1; i <= ERRANDS / 4; i++) { /* looking on must not disturb */
        await(&scene.ended, i);
        blocking_pool_find_stuck(scene.pools[0], &callback);
        blocking_pool_unfinished(scene.pools[0]);
    }
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        WaitForSingleObject(threads[i], INFINITE);
        CloseHandle(threads[i]);
    }
    await(&scene.ended, ERRANDS);
    pool_end(0);
    assert_each_ran_once();
    assert_int_equal(scene.refused, 0);
    for (unsigned i = 0; i < GROUPS; i++) {
        assert_in_range(scene.groups[i].most, 1, STRESS_THREADS - 1);
    }
}

/* The stop comes while others submit: what was taken is run, what was refused is not. */
static void test_stop__loses_nothing_that_was_taken(void **state)
{
    (void)state;
    for (LONG round = 0; round < 20; round++) {
        HANDLE thread = NULL;
        LONG runs = 0;
        scene.used = 0;
        scene.begun = scene.ended = scene.refused = 0;
        pool_start(0, 3);
        for (unsigned i = 0; i < SHARE; i++) {
            make(0, i % GROUPS, NULL);
        }
        thread = CreateThread(NULL, 0, submitter__main, scene.errands, 0, NULL);
        assert_non_null(thread);
        await(&scene.begun, round * 5);
        assert_true(blocking_pool_stop(scene.pools[0], FOR_EVER));
        WaitForSingleObject(thread, INFINITE);
        CloseHandle(thread);
        for (unsigned i = 0; i < SHARE; i++) {
            assert_in_range(scene.errands[i].runs, 0, 1);
            runs += scene.errands[i].runs;
        }
        assert_int_equal(runs + scene.refused, SHARE / 2);
        pool_end(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_test(test_blocking_pool__runs_a_group_in_order),
        pool_test(test_blocking_pool__groups_take_turns),
        pool_test(test_blocking_pool__a_flood_costs_others_one_job),
        pool_test(test_blocking_pool__one_group_never_has_all_threads),
        pool_test(test_blocking_pool__uses_all_threads),
        pool_test(test_blocking_pool__a_job_may_submit_itself_again),
        pool_test(test_blocking_pool__a_job_may_free_itself),
        pool_test(test_blocking_pool__tells_when_it_is_done_with_a_group),
        pool_test(test_blocking_pool__is_not_done_with_a_group_that_waits),
        pool_test(test_blocking_pool__two_do_not_know_each_other),
        pool_test(test_blocking_pool__runs_each_of_many_exactly_once),
        pool_test(test_stop__runs_what_is_queued),
        pool_test(test_stop__waits_for_the_last_job),
        pool_test(test_stop__takes_no_more_jobs),
        pool_test(test_stop__tells_who_is_stuck),
        pool_test(test_stop__of_one_that_never_had_a_job),
        pool_test(test_stop__loses_nothing_that_was_taken),
        pool_test(test_create__fails_without_a_thread),
        pool_test(test_create__fails_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
