/* SPDX-License-Identifier: MIT
   Tests of config/config_exchange.h: from a file to the registry and back nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_exchange.h"
#include "config/config_problems.h"
#include "support/config_case.h"
#include "support/failing_memory.h"
#include "support/registry_list.h"

enum { FILE_ROOM = 65536 };

static struct config *parse(const char *text, size_t length, const struct config_registry *registry,
                            struct config_registry *taken)
{
    struct config_problems problems;
    struct config_source source = config_case_source;
    source.registry = registry;
    source.registry_name = "R";
    if (taken != NULL) {
        source.given = config_exchange_take;
        source.given_context = taken;
    }
    config_problems_init(&problems);
    struct config *config = config_parse(&source, text, length, &problems);
    if (problems.errors > 0 && !problems.is_out_of_memory) {
        fail_msg("%s", problems.text.at);
    }
    config_problems_fini(&problems);
    return config;
}

static void expect_same(const struct config *left, const struct config *right)
{
    struct text a, b;
    text_init_heap(&a);
    text_init_heap(&b);
    config_case_write(&a, left);
    config_case_write(&b, right);
    assert_string_equal(a.at, b.at);
    text_fini(&a);
    text_fini(&b);
}

/* From text to the registry, from there to text, and each is the same configuration. */
static void expect_round_trip(const char *text, size_t length)
{
    struct config_registry taken = {.list = NULL}, registry, again = {.list = NULL}, registry_again;
    struct text back;
    text_init_heap(&back);
    struct config *first = parse(text, length, NULL, &taken);
    assert_non_null(first);
    assert_true(config_exchange_to_registry(first, &taken, &registry));
    struct config *second = parse("", 0, &registry, NULL);
    assert_non_null(second);
    expect_same(first, second);
    assert_true(config_exchange_to_text(second, &registry, &back));
    struct config *third = parse(back.at, back.length, NULL, &again);
    assert_non_null(third);
    expect_same(first, third);
    assert_true(config_exchange_to_registry(third, &again, &registry_again));
    assert_true(config_registry_is_equal(&registry, &registry_again));
    config_destroy(first);
    config_destroy(second);
    config_destroy(third);
    config_registry_fini(&taken);
    config_registry_fini(&registry);
    config_registry_fini(&again);
    config_registry_fini(&registry_again);
    text_fini(&back);
}

static void test_config_exchange__each_key_comes_back_as_it_was(void **state)
{
    static char file[FILE_ROOM];
    (void)state;
    FILE *stream = fopen(PORTLISTENER_TEST_DATA "/complete.ini", "rb");
    assert_non_null(stream);
    const size_t length = fread(file, 1, sizeof file, stream);
    (void)fclose(stream);
    expect_round_trip(file, length);
}

static void test_config_exchange__so_does_each_key_with_its_default(void **state)
{
    static const char text[] =
        "[endpoint web]\nlisten = tcp://127.0.0.1:80, udp://127.0.0.1:80\nhandler = echo\n";
    (void)state;
    struct text all;
    text_init_heap(&all);
    struct config *config = parse(text, sizeof text - 1, NULL, NULL);
    config_case_write(&all, config);
    expect_round_trip(all.at, all.length);
    config_destroy(config);
    text_fini(&all);
}

static void test_config_exchange__has_the_types_that_one_expects(void **state)
{
    static const char text[] =
        "[SERVICE]\nworkers = 3\nlog_file = \xC3\xA4\xF0\x9F\x98\x80.log\n"
        "[endpoint \t web]\nlisten = tcp://127.0.0.1:80, tcp://127.0.0.1:81\nhandler=echo\n"
        "nodelay = no\nallow =\n";
    static const uint16_t name[] = {0xE4, 0xD83D, 0xDE00, '.', 'l', 'o', 'g', 0};
    static const uint16_t empty[] = {0};
    (void)state;
    struct config_registry taken = {.list = NULL}, registry, expected = {.list = NULL};
    struct config *config = parse(text, sizeof text - 1, NULL, &taken);
    assert_true(config_exchange_to_registry(config, &taken, &registry));
    registry_list_key(&expected, "SERVICE");
    registry_list_number(&expected, "workers", 3);
    registry_list_value(&expected, "log_file", CONFIG_REGISTRY_TEXT, name, sizeof name);
    registry_list_key(&expected, "endpoint web");
    registry_list_items(&expected, "listen", "tcp://127.0.0.1:80\0tcp://127.0.0.1:81\0");
    registry_list_text(&expected, "handler", "echo");
    registry_list_text(&expected, "nodelay", "no");
    registry_list_value(&expected, "allow", CONFIG_REGISTRY_TEXT, empty, sizeof empty);
    assert_true(config_registry_is_equal(&registry, &expected));
    config_destroy(config);
    config_registry_fini(&taken);
    config_registry_fini(&registry);
    config_registry_fini(&expected);
}

static void test_config_exchange__writes_flags_as_words_and_leaves_out_what_is_no_setting(void **state)
{
    (void)state;
    struct config_registry registry = {.list = NULL};
    struct text text;
    text_init_heap(&text);
    registry_list_text(&registry, "ConfigFile", "C:\\x.ini");
    registry_list_key(&registry, "endpoint web");
    registry_list_number(&registry, "nodelay", 0);
    registry_list_number(&registry, "keepalive", 1);
    registry_list_items(&registry, "listen", "tcp://127.0.0.1:80\0");
    registry_list_text(&registry, "handler", "echo");
    registry_list_text(&registry, "allow", "");
    registry_list_key(&registry, "service");
    struct config *config = parse("", 0, &registry, NULL);
    assert_true(config_exchange_to_text(config, &registry, &text));
    assert_string_equal(text.at,
                        "[endpoint web]\nnodelay = no\nkeepalive = yes\nlisten = tcp://127.0.0.1:80\n"
                        "handler = echo\nallow =\n\n[service]\n");
    config_destroy(config);
    config_registry_fini(&registry);
    text_fini(&text);
}

static void test_config_exchange__survives_a_lack_of_memory(void **state)
{
    static const char text[] =
        "[service]\nworkers = 3\n[endpoint web]\nlisten = tcp://127.0.0.1:80, tcp://[::1]:1\n"
        "handler = echo\n";
    (void)state;
    struct config_registry taken = {.list = NULL};
    struct config *config = parse(text, sizeof text - 1, NULL, &taken);
    bool has_failed = true;
    for (size_t nth = 1; has_failed; nth++) {
        struct config_registry registry;
        struct text back;
        text_init_heap(&back);
        failing_memory_arm(nth, false);
        const bool is_made = config_exchange_to_registry(config, &taken, &registry) &&
                             config_exchange_to_text(config, &registry, &back);
        has_failed = failing_memory_hits() > 0;
        failing_memory_arm(0, false);
        assert_int_equal(is_made, !has_failed);
        config_registry_fini(&registry);
        text_fini(&back);
    }
    config_destroy(config);
    config_registry_fini(&taken);
    has_failed = true;
    for (size_t nth = 1; has_failed; nth++) {
        failing_memory_arm(nth, false);
        config = parse(text, sizeof text - 1, NULL, &taken);
        has_failed = failing_memory_hits() > 0;
        failing_memory_arm(0, false);
        assert_int_equal(config == NULL, has_failed);
        config_destroy(config);
        config_registry_fini(&taken);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_config_exchange__each_key_comes_back_as_it_was),
        failing_memory_test(test_config_exchange__so_does_each_key_with_its_default),
        failing_memory_test(test_config_exchange__has_the_types_that_one_expects),
        failing_memory_test(test_config_exchange__writes_flags_as_words_and_leaves_out_what_is_no_setting),
        failing_memory_test(test_config_exchange__survives_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
