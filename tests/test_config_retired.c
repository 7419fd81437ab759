/* SPDX-License-Identifier: MIT
   Tests of config/config_retired.h, and of configurations with old names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_retired.h"
#include "support/config_case.h"
#include "support/failing_memory.h"

#define WEB "[endpoint web]\nlisten = tcp://127.0.0.1:80\nhandler = echo\n"

static const struct config_retired retired[] = {
    {"threads", &config_keys_service, "workers", "0.2"},
    {"old_backlog", &config_keys_endpoint, "backlog", "0.2"},
    {"gone", &config_keys_endpoint, NULL, "0.3"},
    {.name = NULL},
};

static void parse(struct config_case *it, const char *text)
{
    struct config_source source = config_case_source;
    source.retired = retired;
    config_problems_init(&it->problems);
    it->config = config_parse(&source, text, strlen(text), &it->problems);
}

static void test_config_retired__old_names_are_read_with_a_warning(void **state)
{
    (void)state;
    struct config_case it;
    parse(&it, "[service]\nThreads = 3\n" WEB "old_backlog = 7\ngone = 5\n");
    assert_string_equal(
        it.problems.text.at,
        "t.ini:2:1: warning: \"Threads\" is called workers since release 0.2; write workers, for the old name will "
        "become an error\n"
        "t.ini:6:1: warning: \"old_backlog\" is called backlog since release 0.2; write backlog, for the old name will "
        "become an error\n"
        "t.ini:7:1: warning: \"gone\" means nothing since release 0.3; remove the line, for it will become an error\n");
    assert_non_null(it.config);
    assert_int_equal(it.config->service.workers, 3);
    assert_int_equal(it.config->endpoints[0].backlog, 7);
    config_case_fini(&it);
}

static void test_config_retired__old_and_new_name_are_the_same_key(void **state)
{
    (void)state;
    struct config_case it;
    parse(&it, "[service]\nworkers = 3\nthreads = 4\n" WEB);
    assert_null(it.config);
    assert_non_null(
        strstr(it.problems.text.at,
               "t.ini:3:1: error: workers is set in line 2 already; remove one of the two lines\n"));
    config_case_fini(&it);
}

static void test_config_retired__are_of_their_own_section(void **state)
{
    (void)state;
    struct config_case it;
    parse(&it, WEB "threads = 4\n");
    assert_null(it.config);
    assert_int_equal(it.problems.warnings, 0);
    config_case_fini(&it);
}

static void test_config_retired__have_successors_and_are_no_keys(void **state)
{
    (void)state;
    for (const struct config_retired *row = config_retired_all; row->name != NULL; row++) {
        assert_null(config_keys_find(row->table, row->name, strlen(row->name)));
        assert_true(row->successor == NULL ||
                    config_keys_find(row->table, row->successor, strlen(row->successor)) != NULL);
        assert_non_null(row->since);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_config_retired__old_names_are_read_with_a_warning),
        failing_memory_test(test_config_retired__old_and_new_name_are_the_same_key),
        failing_memory_test(test_config_retired__are_of_their_own_section),
        failing_memory_test(test_config_retired__have_successors_and_are_no_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
