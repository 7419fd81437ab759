/* SPDX-License-Identifier: MIT
   Tests of arguments.c: what the command line says, and what it may not say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arguments.h"
#include "command.h"
#include "support/support.h"

static enum exit_code nothing(const struct arguments *arguments, struct streams *streams)
{
    (void)arguments, (void)streams;
    return EXIT_CODE_DONE;
}

static const struct command table[] = {
    {.name = "check", .options = 1 << OPTION_JSON | 1 << OPTION_STRICT, .run = nothing},
    {.name = "config show", .options = 1 << OPTION_JSON, .run = nothing},
    {.name = "config reference", .options = 1 << OPTION_MARKDOWN, .run = nothing},
    {.name = "ports",
     .options =
         1 << OPTION_JSON | 1 << OPTION_ALL | 1 << OPTION_WATCH | 1 << OPTION_EXPECT | 1 << OPTION_LINES,
     .run = nothing},
    {.name = "status",
     .options = 1 << OPTION_JSON | 1 << OPTION_METRICS | 1 << OPTION_WATCH,
     .has_no_config = true,
     .run = nothing},
    {.name = "handlers", .operand = "[NAME]", .operands_max = 1, .run = nothing},
    {.name = NULL},
};

struct words {
    const char *words[6];
    size_t count;
};

static struct words split(char *line)
{
    struct words split = {.count = 0};
    for (char *word = line + strspn(line, " "); *word != '\0'; word += strspn(word, " ")) {
        split.words[split.count++] = word;
        word += strcspn(word, " ");
        if (*word != '\0') {
            *word++ = '\0';
        }
    }
    return split;
}

static bool parse(const char *line, struct arguments *arguments_out, struct failure *failure_out)
{
    static char copy[1024];
    assert_true((size_t)snprintf(copy, sizeof copy, "%s", line) < sizeof copy);
    const struct words words = split(copy);
    return arguments_parse(words.words, words.count, table, arguments_out, failure_out);
}

static void test_arguments__take_what_the_table_allows(void **state)
{
    static const struct {
        const char *line, *command, *config, *service, *operand;
        bool is_json;
    } rows[] = {
        {"", NULL, NULL, NULL, NULL, false},
        {"check", "check", NULL, NULL, NULL, false},
        {"check --json --strict", "check", NULL, NULL, NULL, true},
        {"--config a.ini check", "check", "a.ini", NULL, NULL, false},
        {"check --config a.ini", "check", "a.ini", NULL, NULL, false},
        {"check --config=a.ini --service=Two", "check", "a.ini", "Two", NULL, false},
        {"check --config --strict", "check", "--strict", NULL, NULL, false},
        {"check --config a=b", "check", "a=b", NULL, NULL, false},
        {"check --config=a=b", "check", "a=b", NULL, NULL, false},
        {"config show --json", "config show", NULL, NULL, NULL, true},
        {"--service X config reference", "config reference", NULL, "X", NULL, false},
        {"ports --json --all --watch --expect x", "ports", NULL, NULL, NULL, true},
        {"ports --lines", "ports", NULL, NULL, NULL, false},
        {"status --json --watch", "status", NULL, NULL, NULL, true},
        {"status --watch --metrics", "status", NULL, NULL, NULL, false},
        {"config show --config b", "config show", "b", NULL, NULL, false},
        {"status --service X --json", "status", NULL, "X", NULL, true},
        {"handlers echo", "handlers", NULL, NULL, "echo", false},
        {"handlers -", "handlers", NULL, NULL, "-", false},
        {"handlers --config x echo", "handlers", "x", NULL, "echo", false},
        {"--config x", NULL, "x", NULL, NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arguments arguments;
        struct failure failure;
        assert_true(parse(rows[i].line, &arguments, &failure));
        assert_string_equal(arguments.command != NULL ? arguments.command->name : "",
                            rows[i].command != NULL ? rows[i].command : "");
        const char *const pairs[][2] = {{arguments.options[OPTION_CONFIG], rows[i].config},
                                        {arguments.options[OPTION_SERVICE], rows[i].service},
                                        {arguments.operands[0], rows[i].operand}};
        for (size_t k = 0; k < 3; k++) {
            assert_string_equal(pairs[k][0] != NULL ? pairs[k][0] : "none",
                                pairs[k][1] != NULL ? pairs[k][1] : "none");
        }
        assert_int_equal(arguments.options[OPTION_JSON] != NULL, rows[i].is_json);
    }
}

static void test_arguments__say_what_is_wrong_and_what_would_be_right(void **state)
{
    static const struct {
        const char *line, *message;
    } rows[] = {
        {"chekc", "\"chekc\" is no command; did you mean \"check\"?"},
        {"config", "\"config\" is no command; did you mean \"config show\" or \"config reference\"?"},
        {"config shwo", "\"config\" is no command; did you mean \"config show\" or \"config reference\"?"},
        {"confg show", "\"confg\" is no command; did you mean \"config show\"?"},
        {"frobnicate", "\"frobnicate\" is no command; \"portlistener help\" lists them"},
        {"CHECK", "\"CHECK\" is no command; did you mean \"check\"?"},
        {"evil\x1b[2J", "\"evil\\x1B[2J\" is no command; \"portlistener help\" lists them"},
        {"check --jsno", "check takes no option \"--jsno\"; did you mean \"--json\"?"},
        {"check --markdown",
         "check takes no option \"--markdown\"; \"portlistener check --help\" tells what it takes"},
        {"--json check",
         "portlistener takes no option \"--json\"; \"portlistener help\" tells what it takes"},
        {"check -x", "check takes no option \"-x\"; \"portlistener check --help\" tells what it takes"},
        {"status --config a",
         "status takes no option \"--config\"; \"portlistener status --help\" tells what it takes"},
        {"--config=a status --json",
         "status takes no option \"--config\"; \"portlistener status --help\" tells what it takes"},
        {"check --config", "the option --config takes a value: FILE"},
        {"check --config=", "the option --config takes a value: FILE"},
        {"check --json=yes", "the option --json takes no value"},
        {"check --json --json", "the option --json is given twice"},
        {"check --config a --config a", "the option --config is given twice"},
        {"check now", "check does not take \"now\"; \"portlistener check --help\" tells what it takes"},
        {"handlers a b",
         "handlers does not take \"b\"; \"portlistener handlers --help\" tells what it takes"},
        {"ports --json --lines",
         "the options --json and --lines do not go together: each is another form of what is printed"},
        {"ports --lines --all --json",
         "the options --json and --lines do not go together: each is another form of what is printed"},
        {"ports --lines --all",
         "the options --all and --lines do not go together: a connection is no listener that "
         "could be expected"},
        {"ports --lines --expect x", "the options --expect and --lines do not go together: the one reads the "
                                     "file that the other makes"},
        {"ports --watch --lines",
         "the options --watch and --lines do not go together: a line for a file does "
         "not tell what comes and what goes"},
        {"status --metrics --json",
         "the options --json and --metrics do not go together: each is another form of what is printed"},
        {"check --service a\\b", "a service name has at most 256 characters and neither / nor \\"},
        {"check --service a/b", "a service name has at most 256 characters and neither / nor \\"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arguments arguments;
        struct failure failure;
        assert_false(parse(rows[i].line, &arguments, &failure));
        assert_int_equal(failure.code, EXIT_CODE_USAGE);
        assert_string_equal(failure.text, rows[i].message);
    }
}

static void test_arguments__know_help_in_three_spellings(void **state)
{
    static const char *const lines[] = {"check --help", "check -h", "check /?", "--help", "--help check"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct arguments arguments;
        struct failure failure;
        assert_true(parse(lines[i], &arguments, &failure));
        assert_non_null(arguments.options[OPTION_HELP]);
    }
}

/* As Windows counts: in UTF-16 units. */
static void test_arguments__limit_a_service_name(void **state)
{
    static const struct {
        const char *character;
        size_t most;
    } rows[] = {{"x", 256}, {"\xC5\xBE", 256}, {"\xE2\x82\xAC", 256}, {"\xF0\x9F\x94\x8C", 128}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[1024];
        struct text text;
        struct arguments arguments;
        struct failure failure;
        text_init(&text, line, sizeof line);
        text_add_string(&text, "check --service ");
        for (size_t k = 0; k < rows[i].most; k++) {
            text_add_string(&text, rows[i].character);
        }
        assert_true(parse(line, &arguments, &failure));
        text_add_string(&text, rows[i].character);
        assert_false(text.is_cut);
        assert_false(parse(line, &arguments, &failure));
        assert_int_equal(failure.code, EXIT_CODE_USAGE);
    }
}

static void test_arguments__a_message_longer_than_its_room_is_cut(void **state)
{
    static char word[3000];
    const char *const words[] = {word};
    struct arguments arguments;
    struct failure failure;
    (void)state;
    memset(word, 'w', sizeof word - 1);
    assert_false(arguments_parse(words, 1, table, &arguments, &failure));
    assert_int_equal(strlen(failure.text), sizeof failure.text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_arguments__take_what_the_table_allows),
        support_test(test_arguments__say_what_is_wrong_and_what_would_be_right),
        support_test(test_arguments__know_help_in_three_spellings),
        support_test(test_arguments__limit_a_service_name),
        support_test(test_arguments__a_message_longer_than_its_room_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
