/* SPDX-License-Identifier: MIT
   Tests of config/config_plugins.h, through config_parse, with a source of plugins that loads none: what is loaded, held
   and told, and what becomes of it when memory runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_plugins.h"
#include "support/config_case.h"
#include "support/failing_memory.h"
#include "support/optioned.h"

#define GREETER(name) "[endpoint " name "]\nlisten = udp://*:1\nhandler = greeter.dll\n"

static struct {
    const struct pl_handler *handler; /* that it finds; NULL: none */
    const char *problem;
    const char *warning;
    int loads, held;
} shelf;

static const struct pl_handler *shelf_load(void *context, const struct config_service *service,
                                           const char *file, void **held_out, struct text *problem,
                                           struct text *warning)
{
    assert_ptr_equal(context, &shelf);
    assert_non_null(service->plugin_dir);
    assert_true(config_plugins_is_file(file, strlen(file)));
    shelf.loads++;
    text_add_string(problem, shelf.problem != NULL ? shelf.problem : "");
    text_add_string(warning, shelf.warning != NULL ? shelf.warning : "");
    if (shelf.handler != NULL) {
        shelf.held++;
        *held_out = &shelf.held;
    }
    return shelf.handler;
}

static void shelf_release(void *context, void *held)
{
    assert_ptr_equal(context, &shelf);
    assert_ptr_equal(held, &shelf.held);
    shelf.held--;
}

static const struct config_plugin_source shelf_source = {
    .load = shelf_load, .release = shelf_release, .context = &shelf};

static void parse(struct config_case *it, const char *text, const struct config_plugin_source *plugins)
{
    struct config_source source = config_case_source;
    source.plugins = plugins;
    config_problems_init(&it->problems);
    it->config = config_parse(&source, text, strlen(text), &it->problems);
}

static void assert_problems(const char *text, const struct config_plugin_source *plugins,
                            const char *problems)
{
    struct config_case it;
    parse(&it, text, plugins);
    assert_string_equal(it.problems.text.at, problems);
    assert_int_equal(it.config == NULL, it.problems.errors > 0);
    config_case_fini(&it);
    assert_int_equal(shelf.held, 0);
}

static int setup(void **state)
{
    memset(&shelf, 0, sizeof shelf);
    shelf.handler = &optioned_greeter;
    return failing_memory_setup(state);
}

static void test_config_plugins__loads_each_once(void **state)
{
    struct config_case it;
    (void)state;
    parse(&it,
          GREETER("a") "[endpoint b]\nlisten = udp://*:2\nhandler = GREETER.DLL\ntimes = 3\n"
                       "[endpoint c]\nlisten = udp://*:3\nhandler = other.dll\n",
          &shelf_source);
    assert_string_equal(it.problems.text.at, "");
    assert_int_equal(shelf.loads, 2);
    assert_int_equal(shelf.held, 2);
    const struct config_endpoint *endpoints = it.config->endpoints;
    assert_ptr_equal(endpoints[0].options.options, endpoints[1].options.options);
    assert_ptr_not_equal(endpoints[0].options.options, endpoints[2].options.options);
    config_case_fini(&it);
    assert_int_equal(shelf.held, 0);
}

static void test_config_plugins__are_told_at_their_line(void **state)
{
    static const struct pl_option wrong[] = {{"Name", PL_BOOL, 0, NULL, NULL, "."}};
    static const struct pl_handler spoilt = {OPTIONED("greeter", wrong)};
    (void)state;
    shelf.warning = "a thing to look at";
    assert_problems(GREETER("a"), &shelf_source, "t.ini:3:11: warning: handler: a thing to look at\n");
    shelf.warning = NULL;
    shelf.handler = NULL;
    shelf.problem = "it is not there";
    assert_problems(GREETER("a") "[endpoint b]\nlisten = udp://*:2\nhandler = greeter.dll\n", &shelf_source,
                    "t.ini:3:11: error: handler: it is not there\n"); /* once, for both */
    shelf.handler = &spoilt;
    shelf.problem = NULL;
    assert_problems(
        GREETER("a"), &shelf_source,
        "t.ini:3:11: error: handler: greeter.dll cannot be used: the name of its option 1 is not a letter and "
        "up to 31 of a-z, 0-9 and _: change it\n");
}

static void test_config_plugins__are_not_loaded_where_there_is_no_source(void **state)
{
    (void)state;
    assert_problems(GREETER("a"), NULL,
                    "t.ini:3:11: error: handler: greeter.dll: handlers in DLLs are not loaded here\n");
}

/* The folder is refused, and that is told; there is nothing to look into. */
static void test_config_plugins__need_their_folders(void **state)
{
    static const char *const keys[] = {"plugin_dir", "data_dir"};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char text[256];
        struct config_case it;
        snprintf(text, sizeof text, "[service]\n%s = %%NOWHERE%%\n" GREETER("a"), keys[i]);
        parse(&it, text, &shelf_source);
        assert_null(it.config);
        assert_int_equal(it.problems.errors, 1);
        assert_non_null(strstr(it.problems.text.at, "NOWHERE"));
        config_case_fini(&it);
    }
    assert_int_equal(shelf.loads, 0);
}

static void test_config_plugins__need_memory(void **state)
{
    static const char no_memory[] = "t.ini: error: out of memory; end other programs and try again\n";
    (void)state;
    for (int from_then_on = 0; from_then_on < 2; from_then_on++) {
        bool has_failed = true;
        for (size_t nth = 1; has_failed; nth++) {
            struct config_case it;
            failing_memory_arm(nth, from_then_on != 0);
            parse(&it, GREETER("a") "text = hello\n", &shelf_source);
            has_failed = failing_memory_hits() > 0;
            failing_memory_arm(0, false);
            assert_int_equal(it.config == NULL, has_failed);
            assert_string_equal(it.problems.text.at, has_failed ? no_memory : "");
            config_case_fini(&it);
            assert_int_equal(failing_memory_live(), 0);
            assert_int_equal(shelf.held, 0);
        }
    }
    shelf.handler = NULL; /* the source has none */
    assert_problems(GREETER("a"), &shelf_source, no_memory);
}

static void test_config_plugins__are_known_by_their_names(void **state)
{
    (void)state;
    assert_true(config_plugins_is_file("a.DLL", 5));
    assert_false(config_plugins_is_file(".dll", 4));
    assert_false(config_plugins_is_file("echo", 4));
    assert_false(config_plugins_is_file("echo.dl", 7));
}

#define plugins_test(test) cmocka_unit_test_setup_teardown(test, setup, failing_memory_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        plugins_test(test_config_plugins__loads_each_once),
        plugins_test(test_config_plugins__are_told_at_their_line),
        plugins_test(test_config_plugins__are_not_loaded_where_there_is_no_source),
        plugins_test(test_config_plugins__need_their_folders),
        plugins_test(test_config_plugins__need_memory),
        plugins_test(test_config_plugins__are_known_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
