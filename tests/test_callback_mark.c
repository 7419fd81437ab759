/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/callback_mark.h"

static void test_callback_mark__is_in_none_at_first(void **state)
{
    (void)state;
    const struct callback_mark mark = {.number = 0};
    struct callback callback = {.endpoint = "left over", .id = 1};
    assert_false(callback_mark_is_in(&mark));
    assert_int_equal(callback_mark_read(&mark, &callback), 0);
    assert_null(callback.endpoint);
    assert_int_equal(callback.id, 0);
}

static void test_callback_mark__tells_the_callback_that_it_is_in(void **state)
{
    (void)state;
    struct callback_mark mark = {.number = 0};
    struct callback callback;
    callback_mark_enter(&mark, "web", "echo", "on_data", 4711);
    assert_true(callback_mark_is_in(&mark));
    assert_int_not_equal(callback_mark_read(&mark, &callback), 0);
    assert_string_equal(callback.endpoint, "web");
    assert_string_equal(callback.handler, "echo");
    assert_string_equal(callback.name, "on_data");
    assert_int_equal(callback.id, 4711);
    callback_mark_leave(&mark);
    assert_false(callback_mark_is_in(&mark));
    assert_int_equal(callback_mark_read(&mark, &callback), 0);
    assert_null(callback.endpoint);
}

/* Also when the count begins anew, which is after two thousand million of them. */
static void test_callback_mark__numbers_each_differently(void **state)
{
    (void)state;
    struct callback_mark mark = {.number = UINT32_MAX - 5};
    struct callback callback;
    for (uint32_t last = 0, i = 0; i < 5; i++) {
        callback_mark_enter(&mark, "web", "echo", "on_data", 4711);
        const uint32_t number = callback_mark_read(&mark, &callback);
        assert_int_not_equal(number, 0);
        assert_int_not_equal(number, last);
        assert_int_equal(callback_mark_read(&mark, &callback), number);
        callback_mark_leave(&mark);
        last = number;
    }
}

static void test_callback__says_who_has_not_returned(void **state)
{
    (void)state;
    char room[128];
    struct text text;
    struct callback callback = {.endpoint = "web", .handler = "echo", .name = "on_data"};
    text_init(&text, room, sizeof room);
    callback_add(&text, &callback);
    assert_string_equal(text.at, "the handler echo has not returned from on_data");
    text_clear(&text);
    callback.name = CALLBACK_POSTED;
    callback_add(&text, &callback);
    assert_string_equal(text.at, "the handler echo has not returned from a posted function");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_callback_mark__is_in_none_at_first),
        cmocka_unit_test(test_callback_mark__tells_the_callback_that_it_is_in),
        cmocka_unit_test(test_callback_mark__numbers_each_differently),
        cmocka_unit_test(test_callback__says_who_has_not_returned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
