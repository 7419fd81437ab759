/* SPDX-License-Identifier: MIT
   Tests of config/config_registry.h, and of what a configuration becomes with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_registry.h"
#include "config/config_report.h"
#include "config/config_settings.h"
#include "support/config_case.h"
#include "support/failing_memory.h"
#include "support/optioned.h"
#include "support/registry_list.h"

#define ROOT "HKLM\\S\\Parameters"
#define WEB  "[endpoint web]\nlisten = tcp://127.0.0.1:80\nhandler = echo\n"

/* A configuration from an INI and a registry. */
struct both {
    struct config_registry registry;
    struct config_case it;
};

static struct both *begin(void)
{
    static struct both both;
    both = (struct both){.registry = {.list = NULL}};
    return &both;
}

/* `ini` NULL: there is no file. */
static void parse_with(struct both *both, const char *ini, const struct pl_handler *const *handlers)
{
    struct config_source source = config_case_source;
    source.handlers = handlers;
    source.registry = &both->registry;
    source.registry_name = ROOT;
    config_problems_init(&both->it.problems);
    both->it.config = config_parse(&source, ini, ini != NULL ? strlen(ini) : 0, &both->it.problems);
}

static void parse(struct both *both, const char *ini)
{
    parse_with(both, ini, config_case_source.handlers);
}

static void end(struct both *both)
{
    config_case_fini(&both->it);
    config_registry_fini(&both->registry);
    assert_int_equal(failing_memory_live(), 0);
}

static void expect_problems(struct both *both, const char *ini, const char *problems)
{
    parse(both, ini);
    assert_string_equal(both->it.problems.text.at, problems);
    assert_int_equal(both->it.config == NULL, both->it.problems.errors > 0);
    end(both);
}

static void test_config_registry__alone_is_a_configuration(void **state)
{
    (void)state;
    struct both *both = begin();
    registry_list_text(&both->registry, "ConfigFile",
                       "C:\\x.ini"); /* of Parameters itself: not ours to read */
    registry_list_key(&both->registry, "service");
    registry_list_number(&both->registry, "workers", 3);
    registry_list_key(&both->registry, "endpoint Web");
    registry_list_items(&both->registry, "listen", "tcp://127.0.0.1:80\0tcp://[::1]:80\0");
    registry_list_text(&both->registry, "handler", "echo");
    registry_list_number(&both->registry, "nodelay", 0);
    parse(both, "");
    assert_string_equal(both->it.problems.text.at, "");
    assert_int_equal(both->it.config->service.workers, 3);
    assert_int_equal(both->it.config->endpoint_count, 1);
    assert_string_equal(both->it.config->endpoints[0].name, "Web");
    assert_int_equal(both->it.config->endpoints[0].listen_count, 2);
    assert_false(both->it.config->endpoints[0].nodelay);
    end(both);
}

static void test_config_registry__comes_before_the_file_key_by_key(void **state)
{
    (void)state;
    struct both *both = begin();
    registry_list_key(&both->registry, "defaults");
    registry_list_text(&both->registry, "idle_timeout", "7s");
    registry_list_text(&both->registry, "lifetime", "8s");
    registry_list_key(&both->registry, "endpoint WEB");
    registry_list_number(&both->registry, "backlog", 9);
    registry_list_text(&both->registry, "listen", "udp://127.0.0.1:53, tcp://127.0.0.1:81");
    registry_list_text(&both->registry, "allow", "");
    registry_list_key(&both->registry, "service");
    registry_list_text(&both->registry, "log_file", "%ProgramData%\\r.log");
    parse(both,
          "[service]\nlog_file = i.log\nlog_keep = 4\n[defaults]\nlifetime = 1s\nidle_timeout = 2s\n" WEB
          "backlog = 5\naccepts_max = 6\nidle_timeout = 3s\nallow = 10.0.0.0/8\n");
    assert_string_equal(both->it.problems.text.at, "");
    const struct config *config = both->it.config;
    const struct config_endpoint *web = &config->endpoints[0];
    assert_int_equal(config->endpoint_count, 1);
    assert_string_equal(web->name, "web");
    assert_int_equal(web->backlog, 9);
    assert_int_equal(web->accepts_max, 6);
    assert_int_equal(web->listen_count, 2);
    assert_int_equal(web->listen[0].protocol, CONFIG_UDP);
    assert_int_equal(web->idle_timeout, 3000); /* the endpoint's own comes before any default */
    assert_int_equal(web->lifetime, 8000);
    assert_int_equal(web->allow.count, 0);
    assert_string_equal(config->service.log_file, "C:\\ProgramData\\r.log");
    assert_int_equal(config->service.log_keep, 4);
    end(both);
}

static void test_config_registry__has_the_same_messages_at_its_values(void **state)
{
    (void)state;
    struct both *both = begin();
    registry_list_text(&both->registry, "log_level", "info");
    registry_list_key(&both->registry, "endpoint web");
    registry_list_number(&both->registry, "backlog", 0);
    registry_list_number(&both->registry, "backlok", 5);
    registry_list_number(&both->registry, "idle_timeout", 30);
    registry_list_items(&both->registry, "send_queue", "1M\0");
    registry_list_number(&both->registry, "nodelay", 2);
    registry_list_key(&both->registry, "endpoint dns");
    registry_list_text(&both->registry, "listen", "tcp://127.0.0.1:80");
    registry_list_text(&both->registry, "handler", "discard");
    registry_list_key(&both->registry, "servise");
    expect_problems(
        both, "[service]\nlog_level = loud\n" WEB,
        "t.ini:2:13: error: log_level: \"loud\" is not known; write error, warning, info or "
        "debug\n" ROOT
        "\\log_level: warning: this value is not read here; put it into the key service, defaults or endpoint "
        "NAME, or delete it\n" ROOT
        "\\endpoint web\\backlog: error: backlog: \"0\" is too small; write 1 to 65535\n" ROOT
        "\\endpoint web\\backlok: error: \"backlok\" is not a key; did you mean backlog?\n" ROOT
        "\\endpoint web\\idle_timeout: error: idle_timeout: \"30\" has no unit; write ms, s, m, h or d behind the number, such as 30s or 5m, in a value of type REG_SZ, "
        "for a number has no unit\n" ROOT
        "\\endpoint web\\send_queue: error: send_queue: a list of texts (REG_MULTI_SZ), where one value belongs; "
        "write it as REG_SZ\n" ROOT
        "\\endpoint web\\nodelay: error: nodelay: \"2\" is neither yes nor no; write yes or no\n" ROOT
        "\\endpoint dns\\listen: error: listen: tcp://127.0.0.1:80 overlaps tcp://127.0.0.1:80 of endpoint "
        "\"web\" in line 4 of t.ini, both need port 80; give one of them another port or address\n" ROOT
        "\\servise: error: \"servise\" is not a section; did you mean [service]?\n");
}

/* What is missing may be in the file that is not there. */
static void test_config_registry__says_that_there_is_no_file_when_something_is_wrong(void **state)
{
    (void)state;
    struct both *both = begin();
    registry_list_key(&both->registry, "endpoint web");
    registry_list_text(&both->registry, "handler", "echo");
    expect_problems(
        both, NULL,
        "t.ini: warning: there is no such file, so this is what the registry has alone\n" ROOT
        "\\endpoint web: error: endpoint \"web\" has no listen; write where it shall listen, such as listen = tcp://*:8080\n");
    both = begin();
    registry_list_key(&both->registry, "endpoint web");
    registry_list_text(&both->registry, "handler", "echo");
    registry_list_text(&both->registry, "listen", "tcp://*:80");
    parse(both, NULL);
    assert_string_equal(both->it.problems.text.at, "");
    end(both);
}

static void test_config_registry__a_misspelled_key_is_not_in_the_way_of_the_right_one(void **state)
{
    (void)state;
    struct both *both = begin();
    registry_list_key(&both->registry, "servce");
    registry_list_number(&both->registry, "workers", 1);
    registry_list_key(&both->registry, "service");
    registry_list_number(&both->registry, "workers", 2);
    expect_problems(both, WEB,
                    ROOT "\\servce: error: \"servce\" is not a section; did you mean [service]?\n" ROOT
                         "\\service\\workers: error: workers is set in " ROOT
                         "\\servce\\workers already; remove one of the two values\n");
}

static void test_config_registry__refuses_what_is_no_text_or_number(void **state)
{
    static const struct {
        uint32_t type;
        const char *data;
        size_t size;
        const char *problem;
    } cases[] = {
        {CONFIG_REGISTRY_NUMBER, "\1\0\0", 3,
         "a number of a wrong size; write the value again, as REG_DWORD of 4 bytes or as REG_SZ"},
        {CONFIG_REGISTRY_NUMBER, "", 0,
         "a number of a wrong size; write the value again, as REG_DWORD of 4 bytes or as REG_SZ"},
        {CONFIG_REGISTRY_LONG_NUMBER, "\1\0\0\0", 4,
         "a number of a wrong size; write the value again, as REG_DWORD of 4 bytes or as REG_SZ"},
        {CONFIG_REGISTRY_TEXT, "5", 1, "an odd number of bytes, so this is no text; write the value again"},
        {CONFIG_REGISTRY_ITEMS, "5\0\0", 3,
         "an odd number of bytes, so this is no text; write the value again"},
        {CONFIG_REGISTRY_TEXT, "5\0\0\0006\0", 6,
         "a NUL in the value, so that other programs see only a part of it; write it again"},
        {CONFIG_REGISTRY_ITEMS, "5\0\0\0\0\0006\0", 8,
         "an empty text in the list, which for other programs is its end; write it again"},
        {CONFIG_REGISTRY_TEXT, "5\0\n\0", 4, "a line break in the value; write it in one line"},
        {CONFIG_REGISTRY_ITEMS, "5\0\0\0\r\0", 6, "a line break in the value; write it in one line"},
        {CONFIG_REGISTRY_EXPAND_TEXT, "5\0\0\xD8", 4,
         "half of a UTF-16 pair in the value, so this is no text; write it again"},
        {CONFIG_REGISTRY_TEXT,
         "\0\xDC"
         "5\0",
         4, "half of a UTF-16 pair in the value, so this is no text; write it again"},
        {3 /* REG_BINARY */, "5\0\0\0", 4,
         "a type that is not read; write the value as REG_SZ, REG_DWORD or REG_MULTI_SZ"},
        {0, "", 0, "a type that is not read; write the value as REG_SZ, REG_DWORD or REG_MULTI_SZ"},
        {UINT32_MAX, "", 0, "a type that is not read; write the value as REG_SZ, REG_DWORD or REG_MULTI_SZ"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct both *both = begin();
        char room[512];
        struct text expected;
        text_init(&expected, room, sizeof room);
        text_add_format(&expected, ROOT "\\service\\log_keep: error: %s\n", cases[i].problem);
        registry_list_key(&both->registry, "service");
        registry_list_value(&both->registry, "log_keep", cases[i].type, cases[i].data, cases[i].size);
        expect_problems(both, WEB, room);
    }
}

static void test_config_registry__takes_texts_without_their_ends(void **state)
{
    static const struct {
        uint32_t type;
        const char *data;
        size_t size;
    } cases[] = {
        {CONFIG_REGISTRY_TEXT, "5", 2},
        {CONFIG_REGISTRY_TEXT, "5\0\0\0\0\0", 6},
        {CONFIG_REGISTRY_TEXT, " \0005\0\t\0", 6},
        {CONFIG_REGISTRY_EXPAND_TEXT, "5\0\0", 4},
        {CONFIG_REGISTRY_NUMBER, "\5\0\0", 4},
        {CONFIG_REGISTRY_LONG_NUMBER, "\5\0\0\0\0\0\0", 8},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct both *both = begin();
        registry_list_key(&both->registry, "service");
        registry_list_value(&both->registry, "log_keep", cases[i].type, cases[i].data, cases[i].size);
        registry_list_value(&both->registry, "workers", CONFIG_REGISTRY_LONG_NUMBER, "\4\0\0\0\0\0\0", 8);
        parse(both, WEB);
        assert_string_equal(both->it.problems.text.at, "");
        assert_int_equal(both->it.config->service.log_keep, 5);
        end(both);
    }
}

static void test_config_registry__refuses_odd_names(void **state)
{
    (void)state;
    struct both *both = begin();
    registry_list_key(&both->registry, "service");
    registry_list_text(&both->registry, "", "x");
    registry_list_units(&both->registry, false, (const uint16_t[]){'a', 0xD800}, 2);
    registry_list_units(&both->registry, false, (const uint16_t[]){'b', '\n', 0xD83D, 0xDE00}, 4);
    registry_list_key(&both->registry, "service\\deeper");
    registry_list_text(&both->registry, "log_keep", "5");
    registry_list_units(&both->registry, true, (const uint16_t[]){0xDFFF}, 1);
    registry_list_text(&both->registry, "log_keep", "5");
    registry_list_key(&both->registry, " service");
    expect_problems(
        both, WEB,
        ROOT "\\service\\: error: a value without a name (the default of its key); delete it\n" ROOT
             "\\service\\a\xEF\xBF\xBD: error: half of a UTF-16 pair in the name, so this is no name; "
             "delete it\n" ROOT
             "\\service\\b\\n\xF0\x9F\x98\x80: error: \"b\\n\xF0\x9F\x98\x80\" is not a key; remove the "
             "line (portlistener config reference lists all keys)\n" ROOT
             "\\service\\deeper: error: a key below one that is read, which itself is not; delete it\n" ROOT
             "\\\xEF\xBF\xBD: error: half of a UTF-16 pair in the name, so this is no name; delete it\n" ROOT
             "\\ service: error: \" service\" is not a section; write [service], [defaults] or "
             "[endpoint NAME]\n");
}

static void test_config_registry__is_told_once_when_there_are_many_problems(void **state)
{
    (void)state;
    struct both *both = begin();
    registry_list_key(&both->registry, "service");
    for (unsigned i = 0; i < 1500; i++) {
        char name[16];
        struct text text;
        text_init(&text, name, sizeof name);
        text_add_format(&text, "zzzz%u", i);
        registry_list_number(&both->registry, name, i);
    }
    parse(both, WEB);
    assert_int_equal(both->it.problems.errors, 1500);
    assert_non_null(strstr(both->it.problems.text.at,
                           "\n" ROOT
                           "\\service\\zzzz999: error: 500 more problems are not shown; correct these "
                           "first\n"));
    end(both);
}

static void test_config_registry__is_named_as_the_origin(void **state)
{
    (void)state;
    struct both *both = begin();
    struct text text;
    text_init_heap(&text);
    registry_list_key(&both->registry, "service");
    registry_list_number(&both->registry, "workers", 3);
    registry_list_key(&both->registry, "defaults");
    registry_list_text(&both->registry, "lifetime", "8s");
    registry_list_key(&both->registry, "endpoint web");
    registry_list_number(&both->registry, "backlog", 9);
    registry_list_key(&both->registry, "endpoint dns");
    registry_list_text(&both->registry, "listen", "udp://127.0.0.1:53");
    registry_list_text(&both->registry, "handler", "discard");
    parse(both, WEB);
    assert_non_null(both->it.config);
    config_report_show(&text, both->it.config);
    assert_non_null(strstr(
        text.at, "\n  workers                     3                                         registry\n"));
    assert_non_null(strstr(text.at, "\n[endpoint web]  line 1\n"));
    assert_non_null(strstr(
        text.at, "\n  backlog                     9                                         registry\n"));
    assert_non_null(strstr(
        text.at,
        "\n  lifetime                    8s                                        registry, [defaults]\n"));
    assert_non_null(strstr(text.at, "\n[endpoint dns]  registry\n"));
    text_clear(&text);
    config_report_show_json(&text, both->it.config);
    assert_non_null(strstr(
        text.at,
        "\"workers\": {\"value\": 3, \"text\": \"3\", \"origin\": \"registry\", \"section\": \"service\", \"registry\": \"HKLM\\\\S\\\\Parameters\\\\service\\\\workers\"},"));
    assert_non_null(strstr(
        text.at,
        "\"origin\": \"registry\", \"section\": \"defaults\", \"registry\": \"HKLM\\\\S\\\\Parameters\\\\defaults\\\\lifetime\"},"));
    assert_non_null(strstr(
        text.at,
        "\"backlog\": {\"value\": 9, \"text\": \"9\", \"origin\": \"registry\", \"section\": \"endpoint\", \"registry\": \"HKLM\\\\S\\\\Parameters\\\\endpoint web\\\\backlog\"},"));
    assert_non_null(strstr(
        text.at, "\"name\": \"dns\",\n      \"registry\": \"HKLM\\\\S\\\\Parameters\\\\endpoint dns\",\n"));
    text_fini(&text);
    end(both);
}

static void test_config_registry__has_a_limit(void **state)
{
    static uint8_t data[CONFIG_REGISTRY_SIZE_MAX / 4];
    (void)state;
    struct config_registry registry = {.list = NULL};
    const uint16_t name[] = {'a'};
    unsigned count = 0;
    while (config_registry_add_value(&registry, name, 1, CONFIG_REGISTRY_TEXT, data, sizeof data)) {
        count++;
    }
    assert_int_equal(count, 3);
    assert_true(config_registry_is_full(&registry, sizeof data));
    assert_false(config_registry_is_full(&registry, 100));
    config_registry_fini(&registry);
    while (config_registry_add_key(&registry, name, 1)) {}
    assert_int_equal(registry.count, CONFIG_REGISTRY_COUNT_MAX);
    assert_true(config_registry_is_full(&registry, 0));
    config_registry_fini(&registry);
}

static void test_config_registry__compares(void **state)
{
    (void)state;
    struct config_registry a = {.list = NULL}, b = {.list = NULL};
    assert_true(config_registry_is_equal(&a, &b));
    registry_list_key(&a, "service");
    assert_false(config_registry_is_equal(&a, &b));
    registry_list_text(&b, "service", "");
    assert_false(config_registry_is_equal(&a, &b));
    config_registry_fini(&b);
    registry_list_key(&b, "service");
    assert_true(config_registry_is_equal(&a, &b));
    registry_list_value(&a, "x", CONFIG_REGISTRY_TEXT, "12", 2);
    registry_list_value(&b, "x", CONFIG_REGISTRY_EXPAND_TEXT, "12", 2);
    assert_false(config_registry_is_equal(&a, &b));
    config_registry_fini(&b);
    registry_list_key(&b, "service");
    registry_list_value(&b, "x", CONFIG_REGISTRY_TEXT, "13", 2);
    assert_false(config_registry_is_equal(&a, &b));
    config_registry_fini(&a);
    config_registry_fini(&b);
}

static void test_config_registry__knows_whether_it_has_an_endpoint(void **state)
{
    (void)state;
    struct config_registry registry = {.list = NULL};
    registry_list_text(&registry, "endpoint x", "1");
    registry_list_key(&registry, "endpoint ");
    registry_list_key(&registry, "endpoints a");
    registry_list_key(&registry, "service");
    assert_false(config_registry_has_endpoint(&registry));
    registry_list_key(&registry, "EndPoint a");
    assert_true(config_registry_has_endpoint(&registry));
    config_registry_fini(&registry);
}

static void test_config_registry__overrides_options(void **state)
{
    (void)state;
    struct both *both = begin();
    registry_list_key(&both->registry, "endpoint b");
    registry_list_text(&both->registry, "nothing", "x");
    registry_list_key(&both->registry, "endpoint a");
    registry_list_text(&both->registry, "nothing", "x");
    registry_list_number(&both->registry, "other", 5);
    expect_problems(
        both,
        "[endpoint a]\nlisten = tcp://127.0.0.1:1\nhandler = echo\nwhat = 1\n[endpoint b]\n"
        "listen = tcp://127.0.0.1:2\nhandler = echo\nwhy = 1\n",
        "t.ini:4:1: error: \"what\" is not a key; remove the line (portlistener config reference lists all keys)\n"
        "t.ini:8:1: error: \"why\" is not a key; remove the line (portlistener config reference lists all keys)\n" ROOT
        "\\endpoint b\\nothing: error: \"nothing\" is not a key; remove the line (portlistener config reference lists all keys)\n" ROOT
        "\\endpoint a\\nothing: error: \"nothing\" is not a key; remove the line (portlistener config reference lists all keys)\n" ROOT
        "\\endpoint a\\other: error: \"other\" is not a key; remove the line (portlistener config reference lists all keys)\n");
}

/* Those that a handler has. */
static void test_config_registry__comes_before_the_file_for_options_of_handlers(void **state)
{
    (void)state;
    struct pl_text text;
    int64_t number = 0;
    struct both *both = begin();
    registry_list_key(&both->registry, "endpoint g");
    registry_list_number(&both->registry, "polite", 0);
    registry_list_number(&both->registry, "flag", 1);
    registry_list_text(&both->registry, "text", "from here");
    registry_list_number(&both->registry, "times", 7);
    parse_with(
        both,
        "[endpoint g]\nlisten = udp://*:1\nhandler = greeter\npolite = yes\ntext = from the file\nthen = wait\n",
        optioned_handlers);
    assert_string_equal(both->it.problems.text.at, "");
    const struct pl_config *options = &both->it.config->endpoints[0].options;
    config_settings_get(options, "polite", NULL, &number);
    assert_int_equal(number, 0);
    config_settings_get(options, "flag", NULL, &number);
    assert_int_equal(number, 1);
    config_settings_get(options, "times", NULL, &number);
    assert_int_equal(number, 7);
    config_settings_get(options, "text", &text, NULL);
    assert_int_equal(text.length, 9);
    assert_memory_equal(text.at, "from here", 9);
    config_settings_get(options, "then", NULL, &number);
    assert_int_equal(number, 1);
    end(both);
}

static void test_config_registry__takes_only_0_and_1_for_no_and_yes(void **state)
{
    (void)state;
    struct both *both = begin();
    registry_list_key(&both->registry, "endpoint web");
    registry_list_number(&both->registry, "nodelay", 1);
    registry_list_number(&both->registry, "keepalive", 10);
    expect_problems(
        both, WEB,
        ROOT "\\endpoint web\\keepalive: error: keepalive: \"10\" is neither yes nor no; write yes or no\n");
}

static void test_config_registry__survives_a_lack_of_memory(void **state)
{
    (void)state;
    for (int from_then_on = 0; from_then_on < 2; from_then_on++) {
        bool has_failed = true;
        for (size_t nth = 1; has_failed; nth++) {
            struct both *both = begin();
            registry_list_key(&both->registry, "endpoint web");
            registry_list_number(&both->registry, "backlog", 9);
            registry_list_text(&both->registry, "nothing", "x");
            registry_list_key(&both->registry, "endpoint dns");
            registry_list_text(&both->registry, "listen", "tcp://127.0.0.1:80");
            failing_memory_arm(nth, from_then_on != 0);
            parse(both, "[service]\nworkers = 3\nworkers = 4\n[service]\n" WEB WEB);
            has_failed = failing_memory_hits() > 0;
            failing_memory_arm(0, false);
            assert_null(both->it.config);
            assert_int_equal(both->it.problems.is_out_of_memory, has_failed);
            end(both);
        }
    }
}

static void test_config_registry__lists_fail_without_memory(void **state)
{
    (void)state;
    bool has_failed = true;
    for (size_t nth = 1; has_failed; nth++) {
        struct config_registry registry = {.list = NULL};
        const uint16_t name[] = {'a'};
        failing_memory_arm(nth, false);
        const bool is_added = config_registry_add_key(&registry, name, 1);
        has_failed = failing_memory_hits() > 0;
        failing_memory_arm(0, false);
        assert_int_equal(is_added, !has_failed);
        config_registry_fini(&registry);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_config_registry__alone_is_a_configuration),
        failing_memory_test(test_config_registry__comes_before_the_file_key_by_key),
        failing_memory_test(test_config_registry__has_the_same_messages_at_its_values),
        failing_memory_test(test_config_registry__says_that_there_is_no_file_when_something_is_wrong),
        failing_memory_test(test_config_registry__a_misspelled_key_is_not_in_the_way_of_the_right_one),
        failing_memory_test(test_config_registry__refuses_what_is_no_text_or_number),
        failing_memory_test(test_config_registry__takes_texts_without_their_ends),
        failing_memory_test(test_config_registry__refuses_odd_names),
        failing_memory_test(test_config_registry__is_told_once_when_there_are_many_problems),
        failing_memory_test(test_config_registry__is_named_as_the_origin),
        failing_memory_test(test_config_registry__has_a_limit),
        failing_memory_test(test_config_registry__compares),
        failing_memory_test(test_config_registry__knows_whether_it_has_an_endpoint),
        failing_memory_test(test_config_registry__overrides_options),
        failing_memory_test(test_config_registry__comes_before_the_file_for_options_of_handlers),
        failing_memory_test(test_config_registry__takes_only_0_and_1_for_no_and_yes),
        failing_memory_test(test_config_registry__survives_a_lack_of_memory),
        failing_memory_test(test_config_registry__lists_fail_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
