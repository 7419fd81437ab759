/* SPDX-License-Identifier: MIT
   Tests of config/config_options.h and base/descriptor.h: tables of every age, and each mistake in one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/descriptor.h"
#include "config/config_options.h"
#include "handler/handlers.h"
#include "support/failing_memory.h"
#include "support/optioned.h"

/* NULL: nothing is wrong. */
static void assert_problem(const struct pl_handler *handler, const char *expected)
{
    char room[1024];
    struct text problem;
    text_init(&problem, room, sizeof room);
    struct config_options *options = config_options_create(handler, &problem);
    assert_string_equal(room, expected != NULL ? expected : "");
    assert_int_equal(options != NULL, expected == NULL);
    config_options_destroy(options);
}

static void test_config_options__makes_keys_of_options(void **state)
{
    (void)state;
    static const char *const rows[][4] = {
        {"polite", "yes/no", "yes", "yes or no"},
        {"times", "number", "1", "1 to 9"},
        {"most", "size", "4K", "0 (no limit), or 1K to 1M"},
        {"pause", "time", "0", "0, or 100ms or more"},
        {"any", "number", "", "0 or more, or nothing"},
        {"text", "text", "Hello\\r\\n", "text, 1 to 20 bytes"},
        {"file", "path", "", "the path of a file, or nothing"},
        {"folder", "path", "greetings", "the path of a folder"},
        {"then", "choice", "close", "close, wait or reset"},
        {"names", "list", "", "items by commas, 1 to 3 of them, or nothing"},
        {"flag", "yes/no", "", "yes or no, or nothing"},
        {"words", "text", "", "text, or nothing"},
        {"mood", "choice", "", "good or bad, or nothing"},
    };
    struct text problem;
    char room[256];
    text_init(&problem, room, sizeof room);
    struct config_options *options = config_options_create(&optioned_greeter, &problem);
    assert_non_null(options);
    assert_int_equal(options->table.count, sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < options->table.count; i++) {
        const struct config_key *key = &options->table.keys[i];
        struct text range;
        text_init(&range, room, sizeof room);
        config_keys_add_range(&range, key);
        assert_string_equal(key->name, rows[i][0]);
        assert_string_equal(config_keys_type(key), rows[i][1]);
        assert_string_equal(key->value, rows[i][2]);
        assert_string_equal(room, rows[i][3]);
        assert_string_equal(key->help, optioned_greets[i].help);
    }
    config_options_destroy(options);
}

static void test_config_options__finds_nothing_wrong_with_good_tables(void **state)
{
    (void)state;
    for (size_t i = 0; optioned_handlers[i] != NULL; i++) {
        assert_problem(optioned_handlers[i], NULL);
    }
    for (size_t i = 0; handlers_builtin[i] != NULL; i++) {
        assert_problem(handlers_builtin[i], NULL);
    }
}

#define BAD_NAME "the name of its option 1 is not a letter and up to 31 of a-z, 0-9 and _: change it"
#define BAD_RANGE                                                                                           \
    "its option \"a\" has a range that is none: write it as \"1..64K\" or \"0 no limit|1..64K\", the less " \
    "first"
#define BAD_LENGTH \
    "its option \"a\" has a range that is none: write the least and the greatest length, as \"1..100\""
#define BAD_CHOICE \
    "its option \"a\" has no words to choose from: write its range as \"raw|json\", words without blanks"

/* One option with this mistake. */
static const struct {
    struct pl_option option;
    const char *problem;
} wrong_options[] = {
    {{NULL, PL_BOOL, 0, NULL, NULL, "."}, BAD_NAME},
    {{"", PL_BOOL, 0, NULL, NULL, "."}, BAD_NAME},
    {{"1st", PL_BOOL, 0, NULL, NULL, "."}, BAD_NAME},
    {{"Name", PL_BOOL, 0, NULL, NULL, "."}, BAD_NAME},
    {{"a23456789_123456789_123456789_123", PL_BOOL, 0, NULL, NULL, "."}, BAD_NAME},
    {{"listen", PL_BOOL, 0, NULL, NULL, "."},
     "its option \"listen\" is a key of the host's: give it another name"},
    {{"a", PL_BOOL, 0, NULL, NULL, NULL}, "its option \"a\" has no help: set .help"},
    {{"a", PL_BOOL, 1, "yes", NULL, "."},
     "its option \"a\" is required and has a default: clear one of them"},
    {{"a", 8, 0, NULL, NULL, "."},
     "its option \"a\" has a type that is not known: take a pl_type, or update this program"},
    {{"a", PL_BOOL, 0, NULL, "0..1", "."}, "its option \"a\" has a range: a PL_BOOL has none: clear it"},
    {{"a", PL_NUMBER, 0, NULL, "", "."}, BAD_RANGE},
    {{"a", PL_NUMBER, 0, NULL, "1", "."}, BAD_RANGE},
    {{"a", PL_NUMBER, 0, NULL, "..1", "."}, BAD_RANGE},
    {{"a", PL_NUMBER, 0, NULL, "x..1", "."}, BAD_RANGE},
    {{"a", PL_NUMBER, 0, NULL, "1..x", "."}, BAD_RANGE},
    {{"a", PL_NUMBER, 0, NULL, "2..1", "."}, BAD_RANGE},
    {{"a", PL_NUMBER, 0, NULL, "1..9223372036854775808", "."}, BAD_RANGE},
    {{"a", PL_NUMBER, 0, NULL, "0|", "."}, BAD_RANGE},
    {{"a", PL_NUMBER, 0, NULL, "1|2..3", "."}, BAD_RANGE},
    {{"a", PL_SIZE, 0, NULL, "1..2s", "."}, BAD_RANGE},
    {{"a", PL_TIME, 0, NULL, "1..2", "."}, BAD_RANGE},
    {{"a", PL_TEXT, 0, NULL, "2..1", "."}, BAD_LENGTH},
    {{"a", PL_LIST, 0, NULL, "x", "."}, BAD_LENGTH},
    {{"a", PL_PATH, 0, NULL, "file", "."},
     "its option \"a\" has a range that is none: a path's is \"folder\" or NULL"},
    {{"a", PL_CHOICE, 0, NULL, NULL, "."}, BAD_CHOICE},
    {{"a", PL_CHOICE, 0, NULL, "a||b", "."}, BAD_CHOICE},
    {{"a", PL_CHOICE, 0, NULL, "a|b c", "."}, BAD_CHOICE},
    {{"a", PL_CHOICE, 0, NULL, "a|", "."}, BAD_CHOICE},
    {{"a", PL_BOOL, 0, "maybe", NULL, "."},
     "a default of its is none: a: \"maybe\" is neither yes nor no; write yes or no"},
    {{"a", PL_NUMBER, 0, "7", "1..6", "."}, "a default of its is none: a: \"7\" is too large; write 1 to 6"},
    {{"a", PL_TEXT, 0, "\\", NULL, "."},
     "a default of its is none: a: \"\\\" means nothing; write \\\\ for a backslash; there are \\r, \\n, \\t and "
     "\\xHH, too"},
    {{"a", PL_TEXT, 0, "x", "2..3", "."},
     "a default of its is none: a: \"x\" is too short; write text, 2 to 3 bytes"},
    {{"a", PL_TEXT, 0, "long", "2..3", "."},
     "a default of its is none: a: \"long\" is too long; write text, 2 to 3 bytes"},
    {{"a", PL_LIST, 0, "x", "2..3", "."},
     "a default of its is none: a: \"x\" is too short; write items by commas, 2 to 3 of them"},
    {{"a", PL_CHOICE, 0, "Raw", "json|csv", "."},
     "a default of its is none: a: \"Raw\" is not known; write json or csv"},
};

static void test_config_options__tells_what_is_wrong_with_an_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong_options / sizeof wrong_options[0]; i++) {
        const struct pl_handler handler = {.size = sizeof handler,
                                           .name = "wrong",
                                           .option_size = sizeof(struct pl_option),
                                           .option_count = 1,
                                           .options = &wrong_options[i].option};
        assert_problem(&handler, wrong_options[i].problem);
    }
}

static void test_config_options__tells_of_a_name_that_is_there_twice(void **state)
{
    (void)state;
    static const struct pl_option twice[] = {{"a", PL_BOOL, 0, NULL, NULL, "."},
                                             {"a", PL_TEXT, 0, NULL, NULL, "."}};
    const struct pl_handler handler = {
        .size = sizeof handler, .option_size = sizeof twice[0], .option_count = 2, .options = twice};
    assert_problem(&handler, "its option \"a\" is there twice: give one of them another name");
}

static void test_config_options__tells_what_is_wrong_with_a_table(void **state)
{
    (void)state;
    struct pl_handler handler = optioned_greeter;
    handler.option_size = 8;
    assert_problem(&handler,
                   "its table of options has 13 elements of 8 bytes, not up to 256 of at least 40: set "
                   ".option_count and .option_size = sizeof(pl_option)");
    handler = optioned_greeter;
    handler.option_count = 257;
    assert_problem(&handler,
                   "its table of options has 257 elements of 40 bytes, not up to 256 of at least 40: set "
                   ".option_count and .option_size = sizeof(pl_option)");
    handler = optioned_greeter;
    handler.counter_size = 0;
    assert_problem(&handler,
                   "its table of counters has 2 elements of 0 bytes, not up to 256 of at least 24: set "
                   ".counter_count and .counter_size = sizeof(pl_counter)");
}

static void test_config_options__tells_what_is_wrong_with_a_counter(void **state)
{
    (void)state;
    static const struct pl_counter wrong[][2] = {
        {{"a", "a", "."}, {NULL, "a", "."}}, {{"a", "a", "."}, {"A", "a", "."}},
        {{"a", "a", "."}, {"b", NULL, "."}}, {{"a", "a", "."}, {"b", "a", NULL}},
        {{"a", "a", "."}, {"a", "b", "."}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct pl_handler handler = {.size = sizeof handler,
                                           .name = "a-handler",
                                           .counter_size = sizeof wrong[0][0],
                                           .counter_count = 2,
                                           .counters = wrong[i]};
        assert_problem(&handler,
                       "its counter 2 is not good: give it a name of its own, a letter and up to 31 of "
                       "a-z, 0-9 and _, a unit and a help");
    }
}

/* Such names make a metric that there is. */
static void test_config_options__refuses_a_counter_with_the_name_of_a_metric(void **state)
{
    (void)state;
    static const struct {
        const char *handler;
        struct pl_counter counter;
        const char *metric; /* NULL: there is none */
    } rows[] = {
        {"connections", {"accepted", "a", "."}, "connections_accepted_total"},
        {"log-lines", {"dropped", "a", "."}, "log_lines_dropped_total"},
        {"worker", {"queue_delay_probes", "a", "."}, "worker_queue_delay_probes_total"},
        {"connections", {"active", "a", "."}, NULL}, /* connections_active is a gauge; this has another end */
        {"connections", {"accept", "a", "."}, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char problem[256];
        const struct pl_handler handler = {.size = sizeof handler,
                                           .name = rows[i].handler,
                                           .counter_size = sizeof rows[0].counter,
                                           .counter_count = 1,
                                           .counters = &rows[i].counter};
        if (rows[i].metric != NULL) {
            snprintf(
                problem, sizeof problem,
                "its counter \"%s\" would be the metric portlistener_%s, which this program has itself: give "
                "the counter another name",
                rows[i].counter.name, rows[i].metric);
            assert_problem(&handler, problem);
        } else {
            struct text none;
            text_init(&none, problem, sizeof problem);
            struct config_options *options = config_options_create(&handler, &none);
            assert_non_null(options);
            config_options_destroy(options);
        }
    }
}

#define NO_DEFAULT(line) \
    "its default \"" line "\" is not of a key that may have one: write it as \"idle_timeout = 0\""

static void test_config_options__tells_what_is_wrong_with_a_default_of_a_key(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"idle_timeout", NO_DEFAULT("idle_timeout")},
        {"listen = tcp://*:1", NO_DEFAULT("listen = tcp://*:1")},
        {"handler = echo", NO_DEFAULT("handler = echo")},
        {"workers = 1", NO_DEFAULT("workers = 1")},
        {"allow = 10.0.0.0/8, x",
         "a default of its is none: allow: \"x\" is not an address; write one such as 192.0.2.1 or 2001:db8::1, or a "
         "network such as 192.0.2.0/24; names are not looked up"},
        {"nodelay =",
         "a default of its is none: nodelay has no value; write yes or no, or remove the line for the "
         "default yes"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *const defaults[] = {"keepalive = yes", wrong[i][0], NULL};
        const struct pl_handler handler = {.size = sizeof handler, .name = "wrong", .defaults = defaults};
        assert_problem(&handler, wrong[i][1]);
    }
}

/* An option of a later version, with more behind it, and a descriptor of an earlier one. */
static void test_config_options__reads_tables_of_every_age(void **state)
{
    (void)state;
    static const struct {
        struct pl_option option;
        const char *more;
    } newer[] = {{{"a", PL_TEXT, 0, "x", NULL, "A."}, "?"}, {{"b", PL_TEXT, 0, "y", NULL, "B."}, "?"}};
    struct pl_handler handler = {.size = sizeof handler,
                                 .option_size = sizeof newer[0],
                                 .option_count = 2,
                                 .options = &newer[0].option};
    char room[64];
    struct text problem;
    text_init(&problem, room, sizeof room);
    struct config_options *options = config_options_create(&handler, &problem);
    assert_non_null(options);
    assert_string_equal(options->table.keys[1].name, "b");
    assert_string_equal(options->table.keys[1].value, "y");
    config_options_destroy(options);
    handler.size = offsetof(struct pl_handler, option_size);
    assert_int_equal(descriptor_option_count(&handler), 0);
    assert_int_equal(descriptor_counter_count(&handler), 0);
    assert_null(descriptor_default(&handler, 0));
    assert_problem(&handler, NULL);
}

static void test_config_options__survives_a_lack_of_memory(void **state)
{
    (void)state;
    for (size_t i = 0; optioned_handlers[i] != NULL; i++) {
        bool has_failed = true;
        for (size_t nth = 1; has_failed; nth++) {
            char room[64];
            struct text problem;
            text_init(&problem, room, sizeof room);
            failing_memory_arm(nth, false);
            struct config_options *options = config_options_create(optioned_handlers[i], &problem);
            has_failed = failing_memory_hits() > 0;
            failing_memory_arm(0, false);
            assert_int_equal(options == NULL, has_failed);
            assert_string_equal(room, "");
            config_options_destroy(options);
            assert_int_equal(failing_memory_live(), 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_config_options__makes_keys_of_options),
        failing_memory_test(test_config_options__finds_nothing_wrong_with_good_tables),
        failing_memory_test(test_config_options__tells_what_is_wrong_with_an_option),
        failing_memory_test(test_config_options__tells_of_a_name_that_is_there_twice),
        failing_memory_test(test_config_options__tells_what_is_wrong_with_a_table),
        failing_memory_test(test_config_options__tells_what_is_wrong_with_a_counter),
        failing_memory_test(test_config_options__refuses_a_counter_with_the_name_of_a_metric),
        failing_memory_test(test_config_options__tells_what_is_wrong_with_a_default_of_a_key),
        failing_memory_test(test_config_options__reads_tables_of_every_age),
        failing_memory_test(test_config_options__survives_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
