/* SPDX-License-Identifier: MIT
   Tests of config/config_problems.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_problems.h"
#include "support/failing_memory.h"

static void test_config_problems__come_in_the_order_of_the_file(void **state)
{
    (void)state;
    struct config_problems problems;
    config_problems_init(&problems);
    config_problems_error(&problems, 7, 1, "seven %d", 7);
    config_problems_warning(&problems, 2, 9, "two nine");
    config_problems_error(&problems, 2, 3, "two three");
    config_problems_error(&problems, 0, 0, "whole");
    config_problems_error(&problems, 2, 3, "two three again");
    config_problems_finish(&problems, "a.ini");
    assert_string_equal(problems.text.at, "a.ini: error: whole\n"
                                          "a.ini:2:3: error: two three\n"
                                          "a.ini:2:3: error: two three again\n"
                                          "a.ini:2:9: warning: two nine\n"
                                          "a.ini:7:1: error: seven 7\n");
    assert_int_equal(problems.errors, 4);
    assert_int_equal(problems.warnings, 1);
    config_problems_fini(&problems);
    assert_int_equal(failing_memory_live(), 0);
}

static void test_config_problems__list_them_for_tools(void **state)
{
    (void)state;
    struct config_problems problems;
    config_problems_init(&problems);
    config_problems_warning(&problems, 5, 1, "five");
    config_problems_error(&problems, 4, 2, "four");
    config_problems_finish(&problems, "a.ini");
    assert_int_equal(problems.count, 2);
    assert_true(problems.list[0].is_error);
    assert_int_equal(problems.list[0].line, 4);
    assert_int_equal(problems.list[0].column, 2);
    assert_int_equal(problems.list[0].length, 4);
    assert_memory_equal(problems.text.at + problems.list[0].offset, "four", 4);
    assert_false(problems.list[1].is_error);
    assert_memory_equal(problems.text.at + problems.list[1].offset, "five", 4);
    config_problems_fini(&problems);
}

static void test_config_problems__are_an_empty_text_when_there_are_none(void **state)
{
    (void)state;
    struct config_problems problems;
    config_problems_init(&problems);
    config_problems_finish(&problems, "a.ini");
    assert_string_equal(problems.text.at, "");
    assert_int_equal(problems.errors + problems.warnings, 0);
    config_problems_fini(&problems);
    assert_int_equal(failing_memory_live(), 0);
}

static void test_config_problems__show_a_thousand_and_count_the_rest(void **state)
{
    (void)state;
    for (uint32_t extra = 0; extra <= 2; extra += 2) {
        struct config_problems problems;
        config_problems_init(&problems);
        for (uint32_t i = 0; i < CONFIG_PROBLEMS_SHOWN_MAX + extra; i++) {
            config_problems_error(&problems, i + 1, 1, "wrong");
        }
        config_problems_finish(&problems, "a.ini");
        assert_int_equal(problems.errors, CONFIG_PROBLEMS_SHOWN_MAX + extra);
        assert_int_equal(problems.count, CONFIG_PROBLEMS_SHOWN_MAX);
        const char *end = extra == 0
                              ? "a.ini:1000:1: error: wrong\n"
                              : "a.ini:1000:1: error: wrong\na.ini:1000:1: error: 2 more problems are not "
                                "shown; correct these first\n";
        assert_string_equal(problems.text.at + problems.text.length - strlen(end), end);
        config_problems_fini(&problems);
    }
    assert_int_equal(failing_memory_live(), 0);
}

static void test_config_problems__tell_that_memory_is_out(void **state)
{
    (void)state;
    size_t nth = 1;
    for (bool has_failed = true; has_failed; nth++) {
        struct config_problems problems;
        config_problems_init(&problems);
        failing_memory_arm(nth, true);
        for (uint32_t i = 0; i < 40; i++) {
            config_problems_warning(&problems, i + 1, 1, "a warning that has some length of its own");
        }
        config_problems_finish(&problems, "a.ini");
        has_failed = failing_memory_hits() > 0;
        if (has_failed) {
            assert_string_equal(problems.text.at,
                                "a.ini: error: out of memory; end other programs and try again\n");
            assert_int_equal(problems.errors, 1);
            assert_int_equal(problems.warnings, 0);
            assert_true(problems.is_out_of_memory);
            assert_true(problems.count <= 1);
            if (problems.count == 1) {
                assert_int_equal(problems.list[0].length,
                                 strlen("out of memory; end other programs and try again"));
                assert_memory_equal(problems.text.at + problems.list[0].offset, "out of memory", 13);
            }
        }
        config_problems_fini(&problems);
        assert_int_equal(failing_memory_live(), 0);
    }
    failing_memory_arm(0, false);
    assert_true(nth > 4);
}

static void test_config_problems__cut_a_long_name_when_memory_is_out(void **state)
{
    (void)state;
    static const struct {
        const char *character;
        size_t shown; /* bytes */
    } rows[] = {{"n", 300}, {"\xE2\x82\xAC", 298}, {"\xF0\x9F\x94\x8C", 297}};
    for (size_t i = 0; i < 3; i++) {
        struct config_problems problems;
        char name[1024];
        struct text text;
        text_init(&text, name, sizeof name);
        text_add_string(&text, "n");
        while (!text.is_cut) {
            text_add_string(&text, rows[i].character);
        }
        config_problems_init(&problems);
        config_problems_no_memory(&problems);
        config_problems_finish(&problems, name);
        assert_int_equal(problems.text.length,
                         rows[i].shown +
                             strlen(": error: out of memory; end other programs and try again\n"));
        assert_true(text_is_utf8(problems.text.at, problems.text.length));
        assert_int_equal(problems.count, 0);
        config_problems_fini(&problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_config_problems__come_in_the_order_of_the_file),
        failing_memory_test(test_config_problems__list_them_for_tools),
        failing_memory_test(test_config_problems__are_an_empty_text_when_there_are_none),
        failing_memory_test(test_config_problems__show_a_thousand_and_count_the_rest),
        failing_memory_test(test_config_problems__tell_that_memory_is_out),
        failing_memory_test(test_config_problems__cut_a_long_name_when_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
