/* SPDX-License-Identifier: MIT
   Tests of base/breadcrumb.h: what is written while callbacks run, and what a later process reads there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/breadcrumb.h"
#include "base/memory.h"
#include "support/support.h"

enum { NAMES = 3 };

static const char web[] = "web", mail[] = "mail", unknown[] = "not told";

static struct breadcrumb *make(void)
{
    struct breadcrumb *breadcrumb = memory_alloc(breadcrumb_size(NAMES));
    assert_non_null(breadcrumb);
    breadcrumb_init(breadcrumb, NAMES, "1.2.3");
    breadcrumb->process = 77;
    breadcrumb->began = UINT64_C(133774848000000000); /* 2024-12-01 */
    breadcrumb_add_name(breadcrumb, web, "echo");
    breadcrumb_add_name(breadcrumb, mail, "discard");
    return breadcrumb;
}

static void enter(struct breadcrumb *breadcrumb, unsigned index, const char *endpoint, uint64_t id)
{
    struct breadcrumb_place *place = breadcrumb_place(breadcrumb, index);
    assert_non_null(place);
    place->thread = 100 + index;
    callback_mark_enter(&place->mark, endpoint, "is not read", "on_data", id);
}

static void expect(const struct breadcrumb *breadcrumb, const char *description)
{
    char room[2048];
    struct text text;
    text_init(&text, room, sizeof room);
    breadcrumb_describe(breadcrumb, &text);
    assert_string_equal(text.at, description);
}

static void test_breadcrumb__tells_that_nothing_was_running(void **state)
{
    struct breadcrumb_callback callback;
    (void)state;
    struct breadcrumb *breadcrumb = make();
    assert_true(breadcrumb_is_sound(breadcrumb, breadcrumb_size(NAMES)));
    assert_false(breadcrumb_callback_at(breadcrumb, 0, &callback));
    assert_false(breadcrumb_callback_at(breadcrumb, BREADCRUMB_PLACES, &callback));
    assert_false(breadcrumb_callback_of(breadcrumb, 100, &callback));
    expect(breadcrumb,
           "process 77, version 1.2.3, from 2024-12-01T00:00:00Z; no handler was in a callback then");
    memory_free(breadcrumb);
}

static void test_breadcrumb__finds_callbacks_by_place_and_thread(void **state)
{
    struct breadcrumb_callback callback;
    (void)state;
    struct breadcrumb *breadcrumb = make();
    enter(breadcrumb, 3, mail, 0xABC);
    enter(breadcrumb, 5, unknown, 0);
    assert_true(breadcrumb_callback_of(breadcrumb, 103, &callback));
    assert_string_equal(callback.endpoint, "mail");
    assert_string_equal(callback.handler, "discard");
    assert_true(callback.id == 0xABC);
    assert_int_equal(callback.thread, 103);
    assert_string_equal(callback.name, "on_data");
    assert_false(breadcrumb_callback_of(breadcrumb, 104, &callback));
    expect(breadcrumb, "process 77, version 1.2.3, from 2024-12-01T00:00:00Z; in a callback then: handler "
                       "discard of endpoint mail for #0000000000000abc (thread 103); handler ? of endpoint ? "
                       "(thread 105)");
    callback_mark_leave(&breadcrumb_place(breadcrumb, 3)->mark);
    assert_false(breadcrumb_callback_of(breadcrumb, 103, &callback));
    memory_free(breadcrumb);
}

static void test_breadcrumb__names_eight_callbacks_and_counts_the_others(void **state)
{
    char room[2048];
    struct text text;
    (void)state;
    struct breadcrumb *breadcrumb = make();
    for (unsigned i = 0; i < BREADCRUMB_CONTROL; i++) {
        enter(breadcrumb, i, web, i);
    }
    text_init(&text, room, sizeof room);
    breadcrumb_describe(breadcrumb, &text);
    assert_false(text.is_cut);
    assert_non_null(strstr(text.at, "(thread 107); and 120 more"));
    assert_null(strstr(text.at, "thread 108"));
    memory_free(breadcrumb);
}

static void test_breadcrumb__cuts_long_names_and_takes_no_more_than_it_has_room_for(void **state)
{
    char name[300];
    struct breadcrumb_callback callback;
    (void)state;
    struct breadcrumb *breadcrumb = make();
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    breadcrumb_add_name(breadcrumb, name, name);
    breadcrumb_add_name(breadcrumb, unknown, "echo"); /* the fourth */
    enter(breadcrumb, 0, name, 1);
    enter(breadcrumb, 1, unknown, 1);
    assert_true(breadcrumb_callback_at(breadcrumb, 0, &callback));
    assert_int_equal(strlen(callback.endpoint), sizeof breadcrumb->names[0].endpoint - 1);
    assert_int_equal(strlen(callback.handler), sizeof breadcrumb->names[0].handler - 1);
    assert_true(breadcrumb_callback_at(breadcrumb, 1, &callback));
    assert_string_equal(callback.endpoint, "?");
    assert_true(breadcrumb_is_sound(breadcrumb, breadcrumb_size(NAMES)));
    memory_free(breadcrumb);
}

static void expect_endpoint(struct breadcrumb *breadcrumb, const char *endpoint, const char *told)
{
    struct breadcrumb_callback callback;
    enter(breadcrumb, 0, endpoint, 1);
    assert_true(breadcrumb_callback_at(breadcrumb, 0, &callback));
    assert_string_equal(callback.endpoint, told);
    callback_mark_leave(&breadcrumb_place(breadcrumb, 0)->mark);
}

/* As endpoints come and go with reloads, and the memory of one that has gone is another one's. */
static void test_breadcrumb__takes_new_names_in_place_of_old_ones(void **state)
{
    static char more[NAMES + 1][8];
    (void)state;
    struct breadcrumb *breadcrumb = make();
    for (int i = 0; i < 3 * NAMES; i++) {
        char *name = more[i % (NAMES + 1)];
        snprintf(name, sizeof more[0], "n%d", i);
        breadcrumb_add_name(breadcrumb, name, "echo");
        expect_endpoint(breadcrumb, name, name);
        expect_endpoint(breadcrumb, web, "web");
        breadcrumb_forget_name(breadcrumb, name);
        expect_endpoint(breadcrumb, name, "?");
    }
    breadcrumb_add_name(breadcrumb, more[0], "echo");
    snprintf(more[0], sizeof more[0], "other");
    breadcrumb_add_name(breadcrumb, more[0], "echo"); /* nobody has forgotten the one before */
    expect_endpoint(breadcrumb, more[0], "other");
    assert_int_equal(breadcrumb->name_count, NAMES);
    breadcrumb_forget_name(breadcrumb, unknown);
    breadcrumb_forget_name(NULL, web);
    expect_endpoint(breadcrumb, NULL, "?");
    assert_true(breadcrumb_is_sound(breadcrumb, breadcrumb_size(NAMES)));
    memory_free(breadcrumb);
}

/* A name that may be wrong is told by none. */
static void test_breadcrumb__with_fixed_names_has_those_of_the_start_or_none(void **state)
{
    (void)state;
    struct breadcrumb *breadcrumb = make();
    breadcrumb->are_names_fixed = 1;
    breadcrumb_add_name(breadcrumb, web, "echo");
    breadcrumb_add_name(breadcrumb, unknown, "echo");
    expect_endpoint(breadcrumb, web, "web");
    expect_endpoint(breadcrumb, unknown, "?");
    breadcrumb_forget_name(breadcrumb, unknown);
    expect_endpoint(breadcrumb, mail, "mail");
    breadcrumb_forget_name(breadcrumb, web);
    expect_endpoint(breadcrumb, web, "?");
    expect_endpoint(breadcrumb, mail, "?");
    memory_free(breadcrumb);
}

static void test_breadcrumb__is_nothing_where_there_is_no_memory(void **state)
{
    (void)state;
    breadcrumb_init(NULL, NAMES, "1.2.3");
    breadcrumb_add_name(NULL, web, "echo");
    assert_null(breadcrumb_place(NULL, 0));
    struct breadcrumb *breadcrumb = make();
    assert_null(breadcrumb_control(NULL));
    assert_non_null(breadcrumb_place(breadcrumb, BREADCRUMB_CONTROL - 1));
    assert_null(breadcrumb_place(breadcrumb, BREADCRUMB_CONTROL));
    memory_free(breadcrumb);
}

/* Who starts handlers may be a worker's thread, or have been one: the place that is in a callback counts. */
static void test_breadcrumb__knows_who_starts_and_stops(void **state)
{
    struct breadcrumb_callback callback;
    (void)state;
    struct breadcrumb *breadcrumb = make();
    struct breadcrumb_place *control = breadcrumb_control(breadcrumb);
    breadcrumb_place(breadcrumb, 0)->thread = 100;
    control->thread = 100;
    assert_false(breadcrumb_callback_of(breadcrumb, 100, &callback));
    callback_mark_enter(&control->mark, web, "is not read", "start", 0);
    assert_true(breadcrumb_callback_at(breadcrumb, BREADCRUMB_CONTROL, &callback));
    assert_true(breadcrumb_callback_of(breadcrumb, 100, &callback));
    assert_string_equal(callback.endpoint, "web");
    assert_string_equal(callback.name, "start");
    memory_free(breadcrumb);
}

/* A file of another version, cut, or written by whoever. */
static void test_breadcrumb__takes_nothing_else_for_one(void **state)
{
    const size_t size = breadcrumb_size(NAMES);
    (void)state;
    struct breadcrumb *good = make();
    char *bad = memory_alloc(size);
    assert_non_null(bad);
    struct breadcrumb *breadcrumb = (struct breadcrumb *)(void *)bad;
    for (size_t length = 0; length < size; length += 8) {
        assert_false(breadcrumb_is_sound(good, length));
    }
    for (int damage = 0; damage < 7; damage++) {
        memcpy(bad, good, size);
        assert_true(breadcrumb_is_sound(bad, size));
        switch (damage) {
        case 0:
            breadcrumb->magic[7] = '2';
            break;
        case 1:
            breadcrumb->size--;
            break;
        case 2:
            breadcrumb->name_room++;
            break;
        case 3:
            breadcrumb->name_count = NAMES + 1;
            break;
        case 4:
            memset(breadcrumb->version, 'v', sizeof breadcrumb->version);
            break;
        case 5:
            memset(breadcrumb->names[1].endpoint, 'e', sizeof breadcrumb->names[1].endpoint);
            break;
        default:
            memset(breadcrumb->names[0].handler, 'h', sizeof breadcrumb->names[0].handler);
            break;
        }
        assert_false(breadcrumb_is_sound(bad, size));
    }
    memory_free(bad);
    memory_free(good);
}

static void test_breadcrumb__escapes_what_it_read_and_takes_any_time(void **state)
{
    (void)state;
    struct breadcrumb *breadcrumb = make();
    breadcrumb->names[0].endpoint[0] = '\n';
    breadcrumb->version[0] = '\x1b';
    breadcrumb->began = 0;
    enter(breadcrumb, 0, web, 0);
    expect(breadcrumb, "process 77, version \\x1B.2.3, from a time that is not known; in a callback then: "
                       "handler echo of endpoint \\neb (thread 100)");
    breadcrumb->began = UINT64_MAX;
    callback_mark_leave(&breadcrumb_place(breadcrumb, 0)->mark);
    expect(breadcrumb, "process 77, version \\x1B.2.3, from a time that is not known; no handler was in a "
                       "callback then");
    memory_free(breadcrumb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_breadcrumb__tells_that_nothing_was_running),
        support_test(test_breadcrumb__finds_callbacks_by_place_and_thread),
        support_test(test_breadcrumb__names_eight_callbacks_and_counts_the_others),
        support_test(test_breadcrumb__cuts_long_names_and_takes_no_more_than_it_has_room_for),
        support_test(test_breadcrumb__takes_new_names_in_place_of_old_ones),
        support_test(test_breadcrumb__with_fixed_names_has_those_of_the_start_or_none),
        support_test(test_breadcrumb__is_nothing_where_there_is_no_memory),
        support_test(test_breadcrumb__knows_who_starts_and_stops),
        support_test(test_breadcrumb__takes_nothing_else_for_one),
        support_test(test_breadcrumb__escapes_what_it_read_and_takes_any_time),
    };
    return cmocka_run_group_tests_name("breadcrumb", tests, NULL, NULL);
}
