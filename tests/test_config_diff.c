/* SPDX-License-Identifier: MIT
   Tests of config/config_diff.h and config/config_sockets.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "config/config_diff.h"
#include "config/config_keys.h"
#include "support/config_case.h"
#include "support/failing_memory.h"
#include "support/optioned.h"

struct pair {
    struct config_case before, after;
    struct config_diff diff;
};

static void pair_open(struct pair *pair, const char *before, const char *after)
{
    config_case_parse(&pair->before, before, strlen(before));
    config_case_parse(&pair->after, after, strlen(after));
    assert_non_null(pair->before.config);
    assert_non_null(pair->after.config);
    assert_true(config_diff_init(&pair->diff, pair->before.config, pair->after.config));
}

static void pair_close(struct pair *pair)
{
    config_diff_fini(&pair->diff);
    config_case_fini(&pair->before);
    config_case_fini(&pair->after);
}

static void assert_diff(const char *before, const char *after, const char *expected)
{
    struct pair pair;
    struct text text;
    text_init_heap(&text);
    pair_open(&pair, before, after);
    config_diff_add(&text, &pair.diff);
    assert_string_equal(text.at, expected);
    pair_close(&pair);
    text_fini(&text);
}

static void test_config_diff__tells_what_changed(void **state)
{
    (void)state;
    static const char web[] = "[endpoint web]\nlisten = tcp://127.0.0.1:80\nhandler = echo\n";
    assert_diff(web, web, "");
    assert_diff(web, "; words\n[endpoint web]\nhandler = ECHO\nlisten = tcp://127.0.0.1:80\n", "");
    assert_diff(web, "[endpoint web]\nlisten = tcp://127.0.0.1:80\nhandler = echo\nidle_timeout = 30s\n",
                "endpoint web: idle_timeout 5m -> 30s (new connections)\n");
    assert_diff(web, "[endpoint web]\nlisten = tcp://127.0.0.1:80\nhandler = echo\ndeny = 10.0.0.0/8\n",
                "endpoint web: deny nothing -> 10.0.0.0/8\n");
    assert_diff(web, "[endpoint web]\nlisten = tcp://127.0.0.1:80\nhandler = echo\nbacklog = 9\n",
                "endpoint web: backlog 512 -> 9 (needs a restart)\n");
    assert_diff(web,
                "[service]\nworkers = 4\nmax_connections = 9\n[endpoint web]\n"
                "listen = tcp://127.0.0.1:80\nhandler = discard\n",
                "workers 0 -> 4 (needs a restart)\nmax_connections 0 -> 9\n"
                "endpoint web: handler echo -> discard (new connections)\n");
}

static void test_config_diff__tells_of_sockets(void **state)
{
    (void)state;
    static const char both[] = "[endpoint a]\nlisten = tcp://127.0.0.1:80, udp://127.0.0.1:80\n"
                               "handler = echo\n";
    assert_diff(both, "[endpoint a]\nlisten = tcp://127.0.0.1:80, tcp://127.0.0.1:81-82\nhandler = echo\n",
                "endpoint a: listen tcp://127.0.0.1:80, udp://127.0.0.1:80 -> tcp://127.0.0.1:80, "
                "tcp://127.0.0.1:81-82\n"
                "endpoint a: tcp://127.0.0.1:81 opens\nendpoint a: tcp://127.0.0.1:82 opens\n"
                "endpoint a: udp://127.0.0.1:80 closes\n");
    assert_diff(both, "[endpoint b]\nlisten = tcp://127.0.0.1:80, udp://127.0.0.1:80\nhandler = echo\n",
                "endpoint b: was a\n");
    assert_diff(both,
                "[endpoint a]\nlisten = tcp://127.0.0.1:80\nhandler = echo\n"
                "[endpoint b]\nlisten = udp://127.0.0.1:80\nhandler = echo\n",
                "endpoint a: listen tcp://127.0.0.1:80, udp://127.0.0.1:80 -> tcp://127.0.0.1:80\n"
                "endpoint b: added\nendpoint b: udp://127.0.0.1:80 goes over from endpoint a\n");
    assert_diff(
        both, "[endpoint a]\nlisten = tcp://127.0.0.1:80, udp://127.0.0.1:80\nhandler = echo\nenabled = no\n",
        "endpoint a: enabled yes -> no\nendpoint a: tcp://127.0.0.1:80 closes\n"
        "endpoint a: udp://127.0.0.1:80 closes\n");
    assert_diff(both, "[endpoint z]\nlisten = tcp://127.0.0.1:9\nhandler = echo\n",
                "endpoint z: added\nendpoint a: removed; its connections go on to their end\n"
                "endpoint z: tcp://127.0.0.1:9 opens\n"
                "endpoint a: tcp://127.0.0.1:80 closes\nendpoint a: udp://127.0.0.1:80 closes\n");
}

/* What was read last does not count for sockets that stay, only for those that are opened. */
static void test_config_diff__backlog_is_that_of_the_sockets(void **state)
{
    (void)state;
    static const char old[] =
        "[endpoint a]\nlisten = tcp://127.0.0.1:80, tcp://127.0.0.1:81\nhandler = echo\n";
    assert_diff(old, "[endpoint a]\nlisten = tcp://127.0.0.1:82\nhandler = echo\nbacklog = 9\n",
                "endpoint a: listen tcp://127.0.0.1:80, tcp://127.0.0.1:81 -> tcp://127.0.0.1:82\n"
                "endpoint a: backlog 512 -> 9\nendpoint a: tcp://127.0.0.1:82 opens\n"
                "endpoint a: tcp://127.0.0.1:80 closes\nendpoint a: tcp://127.0.0.1:81 closes\n");
    assert_diff(old,
                "[endpoint a]\nlisten = tcp://127.0.0.1:80\nhandler = echo\n"
                "[endpoint b]\nlisten = tcp://127.0.0.1:81\nhandler = echo\nbacklog = 9\n",
                "endpoint a: listen tcp://127.0.0.1:80, tcp://127.0.0.1:81 -> tcp://127.0.0.1:80\n"
                "endpoint b: added\nendpoint b: backlog 512 -> 9 (needs a restart)\n"
                "endpoint b: tcp://127.0.0.1:81 goes over from endpoint a\n");
}

static void test_config_diff__an_address_in_the_way_needs_a_restart(void **state)
{
    (void)state;
    static const char *const addresses[][2] = {
        {"127.0.0.1", "0.0.0.0"}, {"0.0.0.0", "127.0.0.1"}, {"127.0.0.1", "*"},
        {"*", "127.0.0.1"},       {"[::1]", "[::]"},        {"[::]", "*"},
        {"0.0.0.0", "*"},         {"*", "0.0.0.0"},         {"[::1]", "*"},
        {"*", "[::1]"},           {"[::]", "[::1]"},
    };
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        char before[128], after[128];
        struct text text;
        struct pair pair;
        text_init(&text, before, sizeof before);
        text_add_format(&text, "[endpoint a]\nlisten = tcp://%s:80\nhandler = echo\n", addresses[i][0]);
        text_init(&text, after, sizeof after);
        text_add_format(&text, "[endpoint a]\nlisten = tcp://%s:80\nhandler = echo\n", addresses[i][1]);
        pair_open(&pair, before, after);
        assert_int_equal(pair.diff.restarts, 1);
        assert_int_equal(pair.diff.new_sockets.at[0].fate, CONFIG_SOCKET_HELD);
        assert_ptr_equal(pair.diff.new_sockets.at[0].partner, &pair.diff.old_sockets.at[0]);
        pair_close(&pair);
    }
    assert_diff("[endpoint a]\nlisten = tcp://127.0.0.1:80, tcp://127.0.0.2:80\nhandler = echo\n",
                "[endpoint a]\nlisten = tcp://*:80\nhandler = echo\n",
                "endpoint a: listen tcp://127.0.0.1:80, tcp://127.0.0.2:80 -> tcp://*:80\n"
                "endpoint a: tcp://*:80 cannot be bound beside tcp://127.0.0.1:80, which stays (needs a "
                "restart)\n");
}

static void test_config_diff__others_are_not_in_the_way(void **state)
{
    (void)state;
    static const char *const listens[][2] = {
        {"tcp://127.0.0.1:80", "tcp://127.0.0.2:80"}, {"tcp://0.0.0.0:80", "udp://0.0.0.0:80"},
        {"tcp://0.0.0.0:80", "tcp://[::]:80"},        {"tcp://[::]:80", "tcp://127.0.0.1:80"},
        {"tcp://[::1]:80", "tcp://0.0.0.0:80"},       {"tcp://127.0.0.1:80", "tcp://0.0.0.0:81"},
    };
    for (size_t i = 0; i < sizeof listens / sizeof listens[0]; i++) {
        char before[128], after[128];
        struct text text;
        struct pair pair;
        text_init(&text, before, sizeof before);
        text_add_format(&text, "[endpoint a]\nlisten = %s\nhandler = echo\n", listens[i][0]);
        text_init(&text, after, sizeof after);
        text_add_format(&text, "[endpoint a]\nlisten = %s\nhandler = echo\n", listens[i][1]);
        pair_open(&pair, before, after);
        assert_int_equal(pair.diff.restarts, 0);
        assert_int_equal(pair.diff.new_sockets.at[0].fate, CONFIG_SOCKET_ALONE);
        pair_close(&pair);
    }
}

static void take_any_port(const struct config *config)
{
    for (size_t i = 0; i < config->endpoint_count; i++) {
        config->endpoints[i].listen[0].address.port = config->endpoints[i].listen[0].last_port = 0;
    }
}

/* As only tests have it: any port is nobody's in particular, and those of one name belong together. */
static void test_config_diff__any_port_goes_by_the_name(void **state)
{
    (void)state;
    struct pair pair;
    pair_open(&pair,
              "[endpoint a]\nlisten = tcp://127.0.0.1:1\nhandler = echo\n"
              "[endpoint b]\nlisten = tcp://127.0.0.1:2\nhandler = echo\n",
              "[endpoint c]\nlisten = tcp://127.0.0.1:3\nhandler = echo\n"
              "[endpoint b]\nlisten = tcp://127.0.0.1:2\nhandler = echo\n");
    config_diff_fini(&pair.diff);
    take_any_port(pair.before.config);
    take_any_port(pair.after.config);
    assert_true(config_diff_init(&pair.diff, pair.before.config, pair.after.config));
    assert_int_equal(pair.diff.endpoints[1].before, 1);
    assert_true(pair.diff.endpoints[1].is_same);
    assert_int_equal(pair.diff.endpoints[0].before, 0);
    assert_true(pair.diff.endpoints[0].is_renamed);
    assert_false(pair.diff.endpoints[0].is_same);
    pair_close(&pair);
}

static void test_config_diff__long_values_are_cut(void **state)
{
    (void)state;
    struct text after, lines;
    struct pair pair;
    text_init_heap(&after);
    text_init_heap(&lines);
    text_add_string(&after, "[endpoint a]\nlisten = tcp://127.0.0.1:80\nhandler = echo\ndeny = 10.0.0.0");
    for (int i = 1; i < 200; i++) {
        text_add_format(&after, ", 10.0.0.%d", i);
    }
    text_add_string(&after, "\n");
    pair_open(&pair, "[endpoint a]\nlisten = tcp://127.0.0.1:80\nhandler = echo\n", after.at);
    config_diff_add(&lines, &pair.diff);
    assert_true(lines.length < 256);
    assert_non_null(strstr(lines.at, "...\n"));
    pair_close(&pair);
    text_fini(&lines);
    text_fini(&after);
}

static void test_config_diff__json(void **state)
{
    (void)state;
    struct pair pair;
    struct text text;
    text_init_heap(&text);
    pair_open(&pair, "[endpoint a]\nlisten = tcp://127.0.0.1:80\nhandler = echo\n",
              "[service]\nworkers = 2\n[endpoint b]\nlisten = tcp://127.0.0.1:80\nhandler = echo\n"
              "send_queue = 2M\n[endpoint c]\nlisten = tcp://*:9\nhandler = echo\n");
    config_diff_add_json(&text, &pair.diff);
    assert_string_equal(
        text.at,
        "{\n  \"changes\": [\n"
        "    {\"endpoint\": null, \"what\": \"value\", \"effect\": \"restart\", \"key\": \"workers\", "
        "\"before\": \"0\", \"after\": \"2\"},\n"
        "    {\"endpoint\": \"b\", \"what\": \"renamed\", \"effect\": \"at once\", \"before\": \"a\"},\n"
        "    {\"endpoint\": \"b\", \"what\": \"value\", \"effect\": \"new connections\", \"key\": "
        "\"send_queue\", \"before\": \"1M\", \"after\": \"2M\"},\n"
        "    {\"endpoint\": \"c\", \"what\": \"added\", \"effect\": \"at once\"},\n"
        "    {\"endpoint\": \"c\", \"what\": \"opened\", \"effect\": \"at once\", \"socket\": "
        "\"tcp://*:9\"}\n  ],\n  \"restarts\": 1\n}\n");
    pair_close(&pair);
    text_fini(&text);
}

/* ---- Handlers with options, and another of the same name ---- */

static const struct pl_handler new_greeter = {OPTIONED("greeter", optioned_greets)};
static const struct pl_handler *const new_handlers[] = {&new_greeter, NULL};

static void case_parse(struct config_case *it, const struct pl_handler *const *handlers, const char *options)
{
    char words[256];
    struct config_source source = config_case_source;
    struct text text;
    source.handlers = handlers;
    text_init(&text, words, sizeof words);
    text_add_format(&text, "[endpoint g]\nlisten = tcp://127.0.0.1:80\nhandler = greeter\n%s", options);
    config_problems_init(&it->problems);
    it->config = config_parse(&source, text.at, text.length, &it->problems);
    if (it->config == NULL) {
        fail_msg("%s", it->problems.text.at);
    }
}

static void assert_options_diff(const struct pl_handler *const *handlers, const char *before,
                                const char *after, const char *expected)
{
    struct pair pair;
    struct text text;
    text_init_heap(&text);
    case_parse(&pair.before, optioned_handlers, before);
    case_parse(&pair.after, handlers, after);
    assert_true(config_diff_init(&pair.diff, pair.before.config, pair.after.config));
    assert_int_equal(pair.diff.endpoints[0].is_same, expected[0] == '\0');
    config_diff_add(&text, &pair.diff);
    assert_string_equal(text.at, expected);
    pair_close(&pair);
    text_fini(&text);
}

static void test_config_diff__tells_of_options(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *expected;
    } rows[] = {
        {"", "", ""},
        {"", "times = 1\ntext = Hello\\r\\n\n", ""}, /* as by default */
        {"", "times = 2\n", "endpoint g: times 1 -> 2 (new connections)\n"},
        {"", "any = 7\n", "endpoint g: any nothing -> 7 (new connections)\n"},
        {"any = 7\n", "", "endpoint g: any 7 -> nothing (new connections)\n"},
        {"any = 7\n", "any = 7\n", ""},
        {"", "text = Hallo\\r\\n\n", "endpoint g: text Hello\\r\\n -> Hallo\\r\\n (new connections)\n"},
        {"", "text = Hi\n", "endpoint g: text Hello\\r\\n -> Hi (new connections)\n"},
        {"names = a, b\n", "names = a, c\n", "endpoint g: names a, b -> a, c (new connections)\n"},
        {"", "names = a\n", "endpoint g: names nothing -> a (new connections)\n"},
        {"names = a\n", "", "endpoint g: names a -> nothing (new connections)\n"},
        {"names = a\n", "names = a\n", ""},
        {"", "file = C:\\f\n", "endpoint g: file nothing -> C:\\f (new connections)\n"},
        {"file = C:\\f\n", "", "endpoint g: file C:\\f -> nothing (new connections)\n"},
        {"allow = 10.0.0.0/8\n", "allow = 10.0.0.0/9\n", "endpoint g: allow 10.0.0.0/8 -> 10.0.0.0/9\n"},
        {"allow = 10.0.0.0/8\n", "allow = 11.0.0.0/8\n", "endpoint g: allow 10.0.0.0/8 -> 11.0.0.0/8\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_options_diff(optioned_handlers, rows[i].before, rows[i].after, rows[i].expected);
    }
}

/* By its name it is the same handler. */
static void test_config_diff__tells_of_a_handler_that_has_been_replaced(void **state)
{
    (void)state;
    assert_options_diff(new_handlers, "", "times = 2\n",
                        "endpoint g: greeter has been replaced (new connections)\n");
}

static void test_config_diff__json_of_what_moves_is_held_or_closes(void **state)
{
    (void)state;
    struct pair pair;
    struct text text;
    text_init_heap(&text);
    pair_open(&pair,
              "[endpoint a]\nlisten = tcp://127.0.0.1:80, tcp://127.0.0.1:81, tcp://127.0.0.1:82\n"
              "handler = echo\n",
              "[endpoint a]\nlisten = tcp://127.0.0.1:80\nhandler = echo\n"
              "[endpoint b]\nlisten = tcp://127.0.0.1:81, tcp://*:82\nhandler = echo\n");
    config_diff_add_json(&text, &pair.diff);
    assert_non_null(strstr(text.at, "{\"endpoint\": \"b\", \"what\": \"moved\", \"effect\": \"at once\", "
                                    "\"socket\": \"tcp://127.0.0.1:81\", \"before\": \"a\"}"));
    assert_non_null(strstr(text.at, "{\"endpoint\": \"b\", \"what\": \"held\", \"effect\": \"restart\", "
                                    "\"socket\": \"tcp://*:82\", \"before\": \"tcp://127.0.0.1:82\"}"));
    pair_close(&pair);
    text_fini(&text);
}

/* With each allocation missing once. */
static void test_config_diff__says_when_there_is_no_memory(void **state)
{
    (void)state;
    static const char text[] = "[endpoint a]\nlisten = tcp://127.0.0.1:80\nhandler = echo\n";
    struct config_case before, after;
    config_case_parse(&before, text, strlen(text));
    config_case_parse(&after, text, strlen(text));
    bool is_made = false;
    for (size_t nth = 1; !is_made; nth++) {
        struct config_diff diff;
        failing_memory_arm(nth, false);
        is_made = config_diff_init(&diff, before.config, after.config);
        assert_int_equal(is_made, failing_memory_hits() == 0);
        failing_memory_arm(0, false);
        config_diff_fini(&diff);
    }
    config_case_fini(&before);
    config_case_fini(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_config_diff__tells_what_changed),
        failing_memory_test(test_config_diff__tells_of_sockets),
        failing_memory_test(test_config_diff__backlog_is_that_of_the_sockets),
        failing_memory_test(test_config_diff__an_address_in_the_way_needs_a_restart),
        failing_memory_test(test_config_diff__others_are_not_in_the_way),
        failing_memory_test(test_config_diff__any_port_goes_by_the_name),
        failing_memory_test(test_config_diff__long_values_are_cut),
        failing_memory_test(test_config_diff__json),
        failing_memory_test(test_config_diff__tells_of_options),
        failing_memory_test(test_config_diff__tells_of_a_handler_that_has_been_replaced),
        failing_memory_test(test_config_diff__json_of_what_moves_is_held_or_closes),
        failing_memory_test(test_config_diff__says_when_there_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
