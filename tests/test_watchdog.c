/* SPDX-License-Identifier: MIT
   Tests of io/watchdog.h: threads are marks here, and time is a number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "io/watchdog.h"
#include "support/fault.h"
#include "support/journal.h"
#include "support/support.h"

enum { THREADS = 3, START = 1000000 };

static struct {
    struct watchdog *watchdog;
    struct callback_mark marks[THREADS]; /* the first two are workers */
    uint64_t now;
} scene;

static int scene_setup(void **state)
{
    const int result = support_setup(state);
    memset(&scene, 0, sizeof scene);
    scene.now = START;
    return result;
}

static int scene_teardown(void **state)
{
    fault_clear();
    watchdog_destroy(scene.watchdog);
    journal_close();
    return support_teardown(state);
}

static void begin(void)
{
    scene.watchdog = watchdog_create(journal_open(), THREADS);
    assert_non_null(scene.watchdog);
    for (unsigned i = 0; i < THREADS; i++) {
        watchdog_watch(scene.watchdog, &scene.marks[i], i < 2 ? WATCHDOG_WORKER : WATCHDOG_BLOCKING);
    }
}

static void look(void)
{
    assert_int_equal(watchdog_look(scene.watchdog, scene.now), scene.now + WATCHDOG_PERIOD);
}

/* Looks every period for so long. */
static void pass(uint64_t milliseconds)
{
    for (; milliseconds > WATCHDOG_PERIOD; milliseconds -= WATCHDOG_PERIOD) {
        scene.now += WATCHDOG_PERIOD;
        look();
    }
    scene.now += milliseconds;
    look();
}

static void enter(unsigned thread, const char *name, uint64_t id)
{
    callback_mark_enter(&scene.marks[thread], "web", "echo", name, id);
}

static void leave(unsigned thread)
{
    callback_mark_leave(&scene.marks[thread]);
}

static void assert_told(size_t late, size_t returned)
{
    assert_int_equal(journal_count(EVENT_CALLBACK_LATE), late);
    assert_int_equal(journal_count(EVENT_CALLBACK_RETURNED), returned);
}

static void test_watchdog__tells_once_of_a_worker_that_is_late(void **state)
{
    (void)state;
    begin();
    look();
    enter(1, "on_data", 0x4711);
    pass(WATCHDOG_PERIOD);
    pass(WATCHDOG_WORKER_LIMIT - 1);
    assert_told(0, 0);
    pass(1);
    assert_told(1, 0);
    journal_assert_last(EVENT_CALLBACK_LATE, "[web] ");
    journal_assert_last(
        EVENT_CALLBACK_LATE,
        "4711 the handler echo has not returned from on_data for at least 5 seconds: all connections of its worker");
    pass(60000);
    assert_told(1, 0);
}

static void test_watchdog__tells_when_it_has_come_back(void **state)
{
    (void)state;
    begin();
    enter(0, CALLBACK_POSTED, 0x4711);
    look();
    pass(61000);
    leave(0);
    scene.marks[0].endpoint = scene.marks[0].handler = NULL; /* its texts are gone */
    assert_told(1, 0);
    pass(1600);
    assert_told(1, 1);
    journal_assert_last(EVENT_CALLBACK_RETURNED, "[web] ");
    journal_assert_last(EVENT_CALLBACK_RETURNED,
                        "4711 the handler echo has returned from a posted function after about 63 seconds");
    pass(60000);
    assert_told(1, 1);
}

/* It has come back, too, when it is in another one by now; and that one's time begins anew. */
static void test_watchdog__tells_each_callback_apart(void **state)
{
    (void)state;
    begin();
    enter(0, "on_data", 1);
    look();
    pass(WATCHDOG_WORKER_LIMIT);
    leave(0);
    enter(0, "on_data", 1);
    pass(WATCHDOG_PERIOD);
    assert_told(1, 1);
    pass(WATCHDOG_WORKER_LIMIT - 1);
    assert_told(1, 1);
    pass(1);
    assert_told(2, 1);
}

static void test_watchdog__says_nothing_of_many_short_callbacks(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 100; i++) {
        enter(0, "on_data", 1);
        pass(WATCHDOG_WORKER_LIMIT / 2);
        leave(0);
        if (i % 2 == 0) {
            pass(i);
        }
    }
    assert_told(0, 0);
}

static void test_watchdog__leaves_blocking_threads_more_time(void **state)
{
    (void)state;
    begin();
    enter(2, "on_close", 7);
    look();
    pass(WATCHDOG_BLOCKING_LIMIT - 1);
    assert_told(0, 0);
    pass(1);
    assert_told(1, 0);
    journal_assert_last(
        EVENT_CALLBACK_LATE,
        "the handler echo has not returned from on_close for at least 30 seconds: its thread serves nobody else");
    leave(2);
    pass(1);
    assert_told(1, 1);
}

static void test_watchdog__looks_at_all_threads(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < THREADS; i++) {
        enter(i, "on_data", i);
    }
    look();
    pass(WATCHDOG_BLOCKING_LIMIT);
    assert_told(3, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        leave(i);
    }
    look();
    assert_told(3, 3);
}

/* The machine slept, or whoever looks was held up: of that time a period counts. */
static void test_watchdog__counts_no_time_in_which_nobody_looked(void **state)
{
    (void)state;
    begin();
    enter(0, "on_data", 1);
    look();
    scene.now += 8 * 3600 * UINT64_C(1000);
    look();
    assert_told(0, 0);
    pass(WATCHDOG_WORKER_LIMIT - WATCHDOG_PERIOD - 1);
    assert_told(0, 0);
    pass(1);
    assert_told(1, 0);
    journal_assert_last(EVENT_CALLBACK_LATE, "at least 5 seconds");
}

static void test_watchdog__cuts_what_is_too_long_for_its_copy(void **state)
{
    (void)state;
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    begin();
    callback_mark_enter(&scene.marks[0], "web", name, "on_data", 1);
    look();
    pass(WATCHDOG_WORKER_LIMIT);
    leave(0);
    look();
    assert_told(1, 1);
}

static void test_watchdog__needs_memory(void **state)
{
    (void)state;
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_null(watchdog_create(NULL, THREADS));
    watchdog_destroy(NULL);
}

#define watchdog_test(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        watchdog_test(test_watchdog__tells_once_of_a_worker_that_is_late),
        watchdog_test(test_watchdog__tells_when_it_has_come_back),
        watchdog_test(test_watchdog__tells_each_callback_apart),
        watchdog_test(test_watchdog__says_nothing_of_many_short_callbacks),
        watchdog_test(test_watchdog__leaves_blocking_threads_more_time),
        watchdog_test(test_watchdog__looks_at_all_threads),
        watchdog_test(test_watchdog__counts_no_time_in_which_nobody_looked),
        watchdog_test(test_watchdog__cuts_what_is_too_long_for_its_copy),
        watchdog_test(test_watchdog__needs_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
