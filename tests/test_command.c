/* SPDX-License-Identifier: MIT
   Tests of command.c and the table in commands.c: the help texts say all that the table knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "commands.h"
#include "support/support.h"

static void test_command__the_overview_names_each_command(void **state)
{
    struct text text;
    (void)state;
    text_init_heap(&text);
    command_add_overview(&text, commands_all);
    for (const struct command *command = commands_all; command->name != NULL; command++) {
        assert_non_null(strstr(text.at, command->name));
        assert_non_null(strstr(text.at, command->summary));
    }
    size_t column = 0; /* all summaries begin in the same one */
    for (const struct command *command = commands_all; command->name != NULL; command++) {
        const char *at = strstr(text.at, command->summary), *line = at;
        while (line[-1] != '\n') {
            line--;
        }
        column = column == 0 ? (size_t)(at - line) : column;
        assert_int_equal(at - line, column);
    }
    for (const char *line = text.at; *line != '\0'; line += strcspn(line, "\n") + 1) {
        assert_true(strcspn(line, "\n") <= 100);
    }
    assert_non_null(strstr(text.at, "Exit codes: 0 done"));
    text_fini(&text);
}

static void test_command__each_row_is_complete_and_fits_a_screen(void **state)
{
    (void)state;
    for (const struct command *command = commands_all; command->name != NULL; command++) {
        struct text text;
        text_init_heap(&text);
        command_add_help(&text, command);
        assert_non_null(command->run);
        assert_int_equal(command->operand != NULL, command->operands_max > 0);
        assert_non_null(strstr(text.at, command->details));
        assert_int_equal(strstr(text.at, "--config FILE") == NULL, command->has_no_config);
        for (const char *line = text.at; *line != '\0'; line += strcspn(line, "\n") + 1) {
            assert_true(strcspn(line, "\n") <= 100);
        }
        text_fini(&text);
    }
}

static void test_command__a_name_finds_its_own_row_only(void **state)
{
    (void)state;
    for (const struct command *command = commands_all; command->name != NULL; command++) {
        char copy[64];
        const char *words[3] = {copy, NULL, "more"};
        size_t used = 0;
        snprintf(copy, sizeof copy, "%s", command->name);
        char *space = strchr(copy, ' ');
        if (space != NULL) {
            *space = '\0';
            words[1] = space + 1;
        }
        const size_t count = space != NULL ? 2 : 1;
        assert_ptr_equal(command_find(commands_all, words, count, &used), command);
        assert_int_equal(used, count);
        words[0] = "more";
        assert_null(command_find(commands_all, words, count, &used));
    }
}

static void test_command__a_name_of_two_words_may_be_one(void **state)
{
    static const char *const words[] = {"config show"};
    size_t used = 0;
    (void)state;
    const struct command *command = command_find(commands_all, words, 1, &used);
    assert_non_null(command);
    assert_string_equal(command->name, "config show");
    assert_int_equal(used, 1);
}

static void test_command__the_first_of_two_words_tells_the_second(void **state)
{
    struct text text;
    (void)state;
    text_init_heap(&text);
    assert_true(command_add_group(&text, commands_all, "config"));
    assert_non_null(strstr(text.at, "  config show            prints the effective"));
    assert_non_null(strstr(text.at, "  config import-registry puts a file's"));
    assert_null(strstr(text.at, "handlers"));
    text_clear(&text);
    const char *const words[] = {"config", "shwo"};
    command_add_unknown(&text, commands_all, words, 2);
    assert_string_equal(text.at,
                        "\"config\" is no command; \"portlistener help config\" lists those that begin so");
    assert_false(command_add_group(&text, commands_all, "check"));
    assert_false(command_add_group(&text, commands_all, "conf"));
    text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_command__the_overview_names_each_command),
        support_test(test_command__each_row_is_complete_and_fits_a_screen),
        support_test(test_command__a_name_finds_its_own_row_only),
        support_test(test_command__a_name_of_two_words_may_be_one),
        support_test(test_command__the_first_of_two_words_tells_the_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
