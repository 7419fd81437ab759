/* SPDX-License-Identifier: MIT
   Handlers in DLLs, named by a configuration: from the file to a client's echo, with the DLLs of tests/plugins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "config/config_options.h"
#include "config/config_plugins.h"
#include "engine.h"
#include "handler/handlers.h"
#include "plugin_loader.h"
#include "support/client.h"
#include "support/plugin_folders.h"
#include "support/rig.h"

static struct plugin_folders folders;
static struct plugin_loader loader;
static struct config_problems problems;
static char ini[4096];

static int setup(void **state)
{
    const int result = rig_setup(state);
    plugin_folders_init(&folders);
    plugin_loader_init(&loader, CONFIG_TRUST_WARN);
    config_problems_init(&problems);
    return result;
}

static int teardown(void **state)
{
    plugin_loader_fini(&loader);
    config_problems_fini(&problems);
    plugin_folders_fini(&folders);
    return rig_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* The file of a configuration with these endpoints; the DLLs lie in `files`, everything else in `cache`. */
static const char *write_ini(const char *endpoints)
{
    const int length =
        snprintf(ini, sizeof ini, "[service]\nlog_file = -\nplugin_dir = %s\ndata_dir = %s\n%s",
                 folders.files.path, folders.cache.path, endpoints);
    folder_write(&folders.cache, "test.ini", ini, (size_t)length);
    return folder_join(&folders.cache, "test.ini");
}

static struct config *load(const char *endpoints)
{
    config_problems_fini(&problems);
    config_problems_init(&problems);
    return config_load(write_ini(endpoints), "Test", handlers_builtin, &loader.source, &problems);
}

static struct config *load_good(const char *endpoints)
{
    struct config *config = load(endpoints);
    if (config == NULL) {
        fail_msg("%s", problems.text.at);
    }
    return config;
}

static void assert_problem(const char *words)
{
    if (strstr(problems.text.at, words) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", words, problems.text.at);
    }
}

static struct engine *run(struct config *config)
{
    struct failure failure;
    for (size_t i = 0; i < config->endpoint_count; i++) { /* the system chooses */
        config->endpoints[i].listen->address.port = config->endpoints[i].listen->last_port = 0;
    }
    struct engine *engine = engine_start(&(const struct engine_options){.config = config}, &failure);
    if (engine == NULL) {
        fail_msg("%s", failure.text);
    }
    return engine;
}

static void assert_echoes(struct engine *engine, size_t index)
{
    char heard[6] = "";
    struct client *client = NULL;
    struct engine_listener listener;
    assert_true(engine_listener_at(engine, index, &listener));
    assert_int_equal(client_connect(&listener.address, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    assert_int_equal(client_send(client, "hello", 5, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(client, heard, 5, CLIENT_PATIENCE), CLIENT_OK);
    assert_string_equal(heard, "hello");
    client_close(client);
}

static void stop(struct engine *engine)
{
    struct failure failure;
    assert_true(engine_stop(engine, 0, &failure));
    engine_destroy(engine);
}

static void test_plugin__serves_the_endpoints_that_name_it(void **state)
{
    (void)state;
    plugin_folders_put(&folders, "echo", 0);
    struct config *config = load_good("[endpoint a]\nlisten = tcp://127.0.0.1:1\nhandler = echo.dll\n"
                                      "[endpoint b]\nlisten = tcp://127.0.0.1:2\nhandler = ECHO.DLL\n"
                                      "[endpoint c]\nlisten = tcp://127.0.0.1:3\nhandler = echo\n");
    const struct pl_handler *handler = config->endpoints[0].options.options->handler;
    assert_ptr_equal(handler, config->endpoints[1].options.options->handler); /* loaded once */
    assert_ptr_not_equal(handler, config->endpoints[2].options.options->handler);
    struct engine *engine = run(config);
    for (size_t i = 0; i < 3; i++) {
        assert_echoes(engine, i);
    }
    stop(engine);
    config_destroy(config);
}

/* As a reload will have it: the new configuration is there before the old one goes. */
static void test_plugin__can_be_replaced_while_it_serves(void **state)
{
    (void)state;
    static const char endpoints[] = "[endpoint a]\nlisten = tcp://127.0.0.1:1\nhandler = echo.dll\n";
    plugin_folders_put(&folders, "echo", 0);
    struct config *old_config = load_good(endpoints);
    struct engine *old_engine = run(old_config);
    plugin_folders_put(&folders, "echo", 16); /* over the one that is in use */
    struct config *new_config = load_good(endpoints);
    assert_ptr_not_equal(old_config->plugins->options->handler, new_config->plugins->options->handler);
    struct engine *new_engine = run(new_config);
    assert_echoes(new_engine, 0);
    assert_echoes(old_engine, 0);
    stop(old_engine);
    config_destroy(old_config);
    assert_echoes(new_engine, 0);
    stop(new_engine);
    config_destroy(new_config);
}

static void test_plugin__that_cannot_be_used_is_told_at_its_line(void **state)
{
    (void)state;
    static const char good[] = "[endpoint a]\nlisten = tcp://127.0.0.1:1\nhandler = echo.dll\n";
    assert_null(load(good));
    assert_problem("test.ini:7:11: error: handler: ");
    assert_problem("echo.dll");
    folder_write(&folders.files, "text.dll", "no DLL", 6);
    assert_null(load("[endpoint a]\nlisten = tcp://127.0.0.1:1\nhandler = text.dll\n"
                     "[endpoint b]\nlisten = tcp://127.0.0.1:2\nhandler = text.dll\n"));
    assert_int_equal(problems.errors, 1); /* once, for both */
    assert_problem("text.dll");
    plugin_folders_put(&folders, "echo", 0);
    assert_null(load("[endpoint a]\nlisten = tcp://127.0.0.1:1\nhandler = echo.dll\ncolour = red\n"));
    assert_problem("colour");
    assert_null(load("[endpoint a]\nlisten = tcp://127.0.0.1:1\nhandler = ..\\echo.dll\n"));
    assert_problem("..\\echo.dll");
    plugin_folders_put(&folders, "wrong-major", 0);
    assert_null(load("[endpoint a]\nlisten = tcp://127.0.0.1:1\nhandler = wrong-major.dll\n"));
    assert_problem("it was built for ABI");
}

static void test_plugin__needs_a_loader(void **state)
{
    (void)state;
    static const char endpoints[] = "[endpoint a]\nlisten = tcp://127.0.0.1:1\nhandler = echo.dll\n";
    assert_null(config_load(write_ini(endpoints), "Test", handlers_builtin, NULL, &problems));
    assert_problem("handlers in DLLs are not loaded here");
}

static void test_plugin__is_refused_where_others_can_change_it(void **state)
{
    (void)state;
    static const char endpoints[] = "[endpoint a]\nlisten = tcp://127.0.0.1:1\nhandler = echo.dll\n";
    plugin_folders_put(&folders, "echo", 0);
    loader.trust = CONFIG_TRUST_ADMINISTRATORS;
    assert_null(load(endpoints)); /* the folder for temporary files is everybody's */
    assert_int_equal(problems.errors, 1);
    plugin_loader_fini(&loader);
    plugin_loader_init(&loader, CONFIG_TRUST_WARN);
    struct config *config = load_good(endpoints);
    assert_int_equal(problems.warnings, 1);
    assert_problem("test.ini:7:11: warning: handler: ");
    config_destroy(config);
    plugin_folders_trust();
    plugin_loader_fini(&loader);
    plugin_loader_init(&loader, CONFIG_TRUST_ADMINISTRATORS);
    config = load_good(endpoints);
    assert_int_equal(problems.warnings, 0);
    config_destroy(config);
}

/* As where the system cannot tell, and for a check, which tells it itself. */
static void test_plugin__is_taken_without_a_word_where_nobody_asks(void **state)
{
    (void)state;
    plugin_folders_put(&folders, "echo", 0);
    loader.trust = CONFIG_TRUST_ANYBODY;
    struct config *config = load_good("[endpoint a]\nlisten = tcp://127.0.0.1:1\nhandler = echo.dll\n");
    assert_int_equal(problems.warnings, 0);
    config_destroy(config);
}

static void test_plugin__is_found_by_name_alone(void **state)
{
    (void)state;
    assert_true(config_plugins_is_file("echo.dll", 8));
    assert_true(config_plugins_is_file("a.DLL", 5));
    assert_false(config_plugins_is_file(".dll", 4));
    assert_false(config_plugins_is_file("echo", 4));
    assert_false(config_plugins_is_file("echo.dl", 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_plugin__serves_the_endpoints_that_name_it),
        test(test_plugin__can_be_replaced_while_it_serves),
        test(test_plugin__that_cannot_be_used_is_told_at_its_line),
        test(test_plugin__needs_a_loader),
        test(test_plugin__is_refused_where_others_can_change_it),
        test(test_plugin__is_taken_without_a_word_where_nobody_asks),
        test(test_plugin__is_found_by_name_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
