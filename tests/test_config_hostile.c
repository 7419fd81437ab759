/* SPDX-License-Identifier: MIT
   Configurations that are huge, or made to be slow: each is read or refused within seconds, with a bounded list of
   problems. What is merely wrong is in test_config.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "config/config_file.h"
#include "config/config_problems.h"
#include "config/config_registry.h"
#include "support/config_case.h"
#include "support/failing_memory.h"
#include "support/registry_list.h"

/* Seconds of this thread's processor time, with sanitizers and on a slow machine; a plain build takes a hundredth. */
enum { HOSTILE_SECONDS = 10, HOSTILE_MANY = 100000 };

static struct text built;

static int setup(void **state)
{
    const int result = failing_memory_setup(state);
    text_init_heap(&built);
    return result;
}

static int teardown(void **state)
{
    text_fini(&built);
    return failing_memory_teardown(state);
}

static void repeat(const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        text_add_string(&built, text);
    }
}

/* Parses what was built, with the registry; returns how many errors there are. */
static uint32_t parse_both(const struct config_registry *registry, bool is_good)
{
    struct config_problems problems;
    struct config_source source = config_case_source;
    source.registry = registry;
    source.registry_name = "R";
    assert_false(built.is_cut);
    config_problems_init(&problems);
    const clock_t begin = clock();
    struct config *config = config_parse(&source, built.at, built.length, &problems);
    const double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    print_message("%.3f s, %lu errors\n", seconds, (unsigned long)problems.errors);
    assert_true(seconds < HOSTILE_SECONDS);
    assert_true(problems.count <= CONFIG_PROBLEMS_SHOWN_MAX);
    assert_true(problems.text.length < 4 * 1024 * 1024);
    assert_true(text_is_utf8(problems.text.at, problems.text.length));
    assert_int_equal(config != NULL, is_good);
    const uint32_t errors = problems.errors;
    config_destroy(config);
    config_problems_fini(&problems);
    return errors;
}

static uint32_t parse(bool is_good)
{
    return parse_both(NULL, is_good);
}

static void add_endpoint(unsigned number, const char *rest)
{
    text_add_format(&built, "[endpoint e%u]\nlisten=tcp://127.%u.%u.%u:80\nhandler=echo\n%s", number,
                    number >> 16, number >> 8 & 255, number & 255, rest);
}

static void test_config_hostile__many_endpoints(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 60000; i++) { /* there cannot be more than 65536 sockets */
        add_endpoint(i, "");
    }
    assert_true(parse(true) == 0);
}

static void test_config_hostile__many_sections_of_any_kind(void **state)
{
    static const char *const sections[] = {"[endpoint]\n", "[endpoint a]\n",   "[service]\n",
                                           "[zzzzzzzz]\n", "[servise]\n",      "[]\n",
                                           "[\n",          "[endpoint \xFF]\n"};
    (void)state;
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        text_clear(&built);
        repeat(sections[i], HOSTILE_MANY);
        assert_true(parse(false) >= HOSTILE_MANY - 1);
    }
}

static void test_config_hostile__many_errors_of_any_kind(void **state)
{
    static const char *const lines[] = {"zzzzzzzzzzzz=1\n", "backlok=1\n",     "backlog=1\n",
                                        "listen\n",         "\xC0\x80=1\n",    "=\n",
                                        "include=a.ini\n",  "lifetime=9999\n", "a\x01\x02=1\n"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        text_clear(&built);
        text_add_string(&built, "[endpoint a]\nlisten=tcp://*:1\nhandler=echo\nlifetime=1s\n");
        repeat(lines[i], HOSTILE_MANY);
        assert_true(parse(false) >= HOSTILE_MANY - 1);
    }
}

static void test_config_hostile__one_huge_line(void **state)
{
    static const char *const parts[] = {
        "tcp://127.0.0.1:7,", "tcp://x,", ",", "10.0.0.0/8,", "[", "%ProgramData%", "\\x41", "\xC3\xA4", "*"};
    static const char *const keys[] = {"listen=", "allow=", "handler=", "log_file="};
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            text_clear(&built);
            text_add_format(&built, "%s%s", k == 3 ? "[service]\n" : "[endpoint a]\n", keys[k]);
            repeat(parts[i],
                   CONFIG_FILE_SIZE_MAX / 8 / strlen(parts[i])); /* twice as much takes twice as long */
            assert_true(parse(false) > 0);
        }
    }
}

static void test_config_hostile__many_values_in_the_registry(void **state)
{
    static const char *const keys[] = {"service", "endpoint a", "zzzz"};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct config_registry registry = {.list = NULL};
        registry_list_key(&registry, keys[i]);
        for (unsigned n = 0; n < HOSTILE_MANY; n++) {
            registry_list_number(&registry, n % 2 == 0 ? "backlok" : "zzzzzzzz", n);
        }
        assert_true(parse_both(&registry, false) > 0);
        config_registry_fini(&registry);
    }
}

static void test_config_hostile__many_keys_in_the_registry_and_the_file(void **state)
{
    (void)state;
    struct config_registry registry = {.list = NULL};
    for (unsigned i = 0; i < 50000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "endpoint E%u", i);
        registry_list_key(&registry, name);
        registry_list_number(&registry, "backlog", 9);
        add_endpoint(i, "backlog=8\n");
    }
    assert_true(built.length < CONFIG_FILE_SIZE_MAX);
    assert_int_equal(parse_both(&registry, true), 0);
    config_registry_fini(&registry);
}

static void test_config_hostile__long_names_and_values_in_the_registry(void **state)
{
    static uint16_t name[16383];
    static uint8_t large[1024 * 1024];
    (void)state;
    struct config_registry registry = {.list = NULL};
    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
        name[i] = (uint16_t)(i % 3 == 0 ? 0xD800 : 'a' + i % 26);
    }
    memset(large, 'x', sizeof large);
    registry_list_key(&registry, "service");
    registry_list_units(&registry, false, name, sizeof name / sizeof name[0]);
    registry_list_value(&registry, "log_file", CONFIG_REGISTRY_TEXT, large, sizeof large);
    registry_list_value(&registry, "workers", CONFIG_REGISTRY_ITEMS, large, sizeof large);
    registry_list_value(&registry, "log_level", CONFIG_REGISTRY_NUMBER, large, sizeof large);
    registry_list_key(&registry, "endpoint a");
    registry_list_value(&registry, "listen", CONFIG_REGISTRY_ITEMS, large, sizeof large);
    assert_true(parse_both(&registry, false) >= 4);
    config_registry_fini(&registry);
}

static void test_config_hostile__other_encodings(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {{"\xFF\xFE[\0s\0", 6},
                 {"\xFE\xFF\0[\0s", 6},
                 {"[\0s\0e\0", 6},
                 {"\0[\0s", 4},
                 {"\xEF\xBB\xBF\xEF\xBB\xBF[service]\n", 16},
                 {"\0\0\0\0", 4},
                 {"[service]\n\0\n", 12},
                 {"[service]\nlog_file=M\xFCnchen\n", 28},
                 {"\xC0\xAF=1\n", 5},
                 {"\xF8\x88\x80\x80\x80\n", 6},
                 {"\xED\xA0\x80=1\n", 6},
                 {"\xEF\xBB\xBF", 3},
                 {"", 0},
                 {"\x1A", 1},
                 {"PK\3\4\0\0", 6},
                 {"\x1F\x8B\b\0", 4}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        text_clear(&built);
        text_add(&built, cases[i].bytes, cases[i].length);
        assert_true(parse(false) > 0);
    }
}

#define it(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        it(test_config_hostile__many_endpoints),
        it(test_config_hostile__many_sections_of_any_kind),
        it(test_config_hostile__many_errors_of_any_kind),
        it(test_config_hostile__one_huge_line),
        it(test_config_hostile__many_values_in_the_registry),
        it(test_config_hostile__many_keys_in_the_registry_and_the_file),
        it(test_config_hostile__long_names_and_values_in_the_registry),
        it(test_config_hostile__other_encodings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
