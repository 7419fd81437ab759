/* SPDX-License-Identifier: MIT
   Tests of config/config_report.h; and docs/configuration.md must be what it prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_file.h"
#include "config/config_keys.h"
#include "config/config_report.h"
#include "handler/handlers.h"
#include "support/config_case.h"
#include "support/failing_memory.h"

enum { WIDTH = 100, DOCUMENT_MAX = 65536 };

static const char config_text[] =
    "[service]\n"
    "log_file = \\\\nas\\an archive with a long name\\and folders\\below\\<service>.log\n"
    "workers = 3\n"
    "[defaults]\n"
    "handler = echo\n"
    "[endpoint web]\n"
    "listen = tcp://*:80, udp://localhost:53\n"
    "idle_timeout = 0\n"
    "allow = 192.0.2.0/24, ::ffff:10.0.0.0/104, 2001:db8::/32\n"
    "[endpoint second]\n"
    "listen = tcp://[2001:db8::1]:8000-8010\n"
    "enabled = no\n"
    "deny =\n";

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("%s\nis not in:\n%s", part, text);
    }
}

static void test_config_report__shows_every_value_and_where_it_comes_from(void **state)
{
    (void)state;
    struct config_case it;
    struct text text;
    text_init_heap(&text);
    config_case_parse(&it, config_text, sizeof config_text - 1);
    assert_non_null(it.config);
    config_report_show(&text, it.config);
    assert_false(text.is_cut);
    assert_contains(text.at,
                    "t.ini\n"
                    "\n"
                    "[service]\n"
                    "  workers                     3                                         line 3\n"
                    "  blocking_threads            16                                        default\n"
                    "  max_connections             0 (no limit)                              default\n"
                    "  drain_timeout               10s                                       default\n");
    assert_contains(
        text.at,
        "\n  log_file                    \\\\nas\\an archive with a long name\\and folders\\below\\PortListener.log\n"
        "                                                                        line 2\n");
    assert_contains(text.at,
                    "\n  log_rotate_interval         0 (not by age)                            default\n");
    assert_contains(text.at,
                    "\n  access_log                                                            default\n");
    assert_contains(
        text.at,
        "\n"
        "[endpoint web]  line 6\n"
        "  enabled                     yes                                       default\n"
        "  listen                      tcp://*:80                                line 7\n"
        "                              udp://127.0.0.1:53\n"
        "                              udp://[::1]:53\n"
        "  handler                     echo                                      line 5, [defaults]\n");
    assert_contains(text.at,
                    "\n  idle_timeout                0 (no limit)                              line 8\n");
    assert_contains(text.at,
                    "\n  allow                       192.0.2.0/24                              line 9\n"
                    "                              10.0.0.0/8\n"
                    "                              2001:db8::/32\n"
                    "  deny                        (nobody)                                  default\n");
    assert_contains(text.at,
                    "\n  trusted_proxies             (no proxy)                                default\n");
    assert_contains(text.at,
                    "\n[endpoint second]  line 10\n"
                    "  enabled                     no                                        line 12\n");
    assert_contains(text.at,
                    "\n  allow                       (everyone)                                default\n"
                    "  deny                        (nobody)                                  line 13\n");
    config_case_fini(&it);
    text_fini(&text);
}

/* Just enough of a JSON reader to say whether a text is one value; returns what follows it, or NULL. */
static const char *skip_json(const char *at, int depth);

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \n");
}

static const char *skip_string(const char *at)
{
    if (*at++ != '"') {
        return NULL;
    }
    while (*at != '"') {
        if ((unsigned char)*at < 0x20) {
            return NULL;
        }
        if (*at == '\\') {
            at++;
            if (*at == 'u') {
                at += strspn(at + 1, "0123456789abcdef") == 4 ? 4 : 0;
            } else if (*at == '\0' || strchr("\"\\", *at) == NULL) {
                return NULL;
            }
        }
        at++;
    }
    return at + 1;
}

static const char *skip_members(const char *at, char close, int depth)
{
    at = skip_blanks(at + 1);
    while (at != NULL && *at != close) {
        if (close == '}') {
            at = skip_string(at);
            at = at != NULL && *at == ':' ? at + 1 : NULL;
        }
        at = at != NULL ? skip_json(at, depth - 1) : NULL;
        if (at != NULL && *at == ',') {
            at = skip_blanks(at + 1);
            at = *at != close ? at : NULL;
        } else if (at != NULL && *at != close) {
            return NULL;
        }
    }
    return at != NULL ? at + 1 : NULL;
}

static const char *skip_json(const char *at, int depth)
{
    at = skip_blanks(at);
    if (depth == 0) {
        return NULL;
    }
    if (*at == '{' || *at == '[') {
        at = skip_members(at, *at == '{' ? '}' : ']', depth);
    } else if (*at == '"') {
        at = skip_string(at);
    } else if (strncmp(at, "true", 4) == 0) {
        at += 4;
    } else if (strncmp(at, "false", 5) == 0) {
        at += 5;
    } else {
        const size_t digits = strspn(at, "0123456789");
        at = digits > 0 && (digits == 1 || *at != '0') ? at + digits : NULL;
        if (at != NULL && *at == '.') {
            const size_t behind = strspn(at + 1, "0123456789");
            at = behind > 0 ? at + 1 + behind : NULL;
        }
    }
    return at != NULL ? skip_blanks(at) : NULL;
}

static void assert_json(const char *text)
{
    const char *end = skip_json(text, 10);
    assert_non_null(end);
    assert_string_equal(end, "");
}

static void test_config_report__shows_the_same_as_json(void **state)
{
    (void)state;
    struct config_case it;
    struct text text;
    text_init_heap(&text);
    config_case_parse(&it, config_text, sizeof config_text - 1);
    config_report_show_json(&text, it.config);
    assert_false(text.is_cut);
    assert_json(text.at);
    assert_contains(
        text.at, "{\n  \"file\": \"t.ini\",\n  \"service\": {\n"
                 "    \"workers\": {\"value\": 3, \"text\": \"3\", \"origin\": \"ini\", \"section\": "
                 "\"service\", \"line\": 3},\n"
                 "    \"blocking_threads\": {\"value\": 16, \"text\": \"16\", \"origin\": \"default\"},\n"
                 "    \"max_connections\": {\"value\": 0, \"text\": \"0\", \"origin\": \"default\"},\n"
                 "    \"drain_timeout\": {\"value\": 10000, \"text\": \"10s\", \"origin\": \"default\"},\n");
    assert_contains(
        text.at,
        "    \"event_log\": {\"value\": \"lifecycle\", \"text\": \"lifecycle\", \"origin\": "
        "\"default\"},\n    \"plugin_dir\": {\"value\": \"C:\\\\conf\\\\plugins\", \"text\": \"C:\\\\conf\\\\plugins\", "
        "\"origin\": \"default\"},\n    \"control_pipe\": {\"value\": true, \"text\": \"yes\", \"origin\": "
        "\"default\"}\n  },\n  \"endpoints\": [\n    {\n      \"name\": \"web\",\n      \"line\": "
        "6,\n      \"keys\": {\n        \"enabled\": {\"value\": true, ");
    assert_contains(text.at,
                    "\"listen\": {\"value\": [\"tcp://*:80\", \"udp://127.0.0.1:53\", \"udp://[::1]:53\"], "
                    "\"text\": \"tcp://*:80, udp://127.0.0.1:53, udp://[::1]:53\", \"origin\": \"ini\", "
                    "\"section\": \"endpoint\", \"line\": 7}");
    assert_contains(
        text.at, "\"handler\": {\"value\": \"echo\", \"text\": \"echo\", \"origin\": \"ini\", \"section\": "
                 "\"defaults\", \"line\": 5}");
    assert_contains(text.at,
                    "\"allow\": {\"value\": [\"192.0.2.0/24\", \"10.0.0.0/8\", \"2001:db8::/32\"], \"text\": "
                    "\"192.0.2.0/24, 10.0.0.0/8, 2001:db8::/32\", \"origin\": \"ini\", \"section\": "
                    "\"endpoint\", \"line\": 9}");
    assert_contains(text.at, "\"deny\": {\"value\": [], \"text\": \"\", \"origin\": \"default\"}");
    assert_contains(text.at, "\"log_file\": {\"value\": \"\\\\\\\\nas\\\\an archive");
    assert_contains(text.at, "\"reply_limit\": {\"value\": 1.0, \"text\": \"1.0\", \"origin\": \"default\"}");
    assert_contains(text.at, "\"enabled\": {\"value\": false, \"text\": \"no\"");
    config_case_fini(&it);
    text_fini(&text);
}

static void test_config_report__escapes_strings_in_json(void **state)
{
    (void)state;
    struct config_source source = config_case_source;
    struct config_case it;
    struct text text;
    static const char ini[] = "[endpoint a]\nlisten = tcp://*:1\nhandler = echo\n";
    source.file = "a \"b\"\\\x01\x1F\xC3\xA4.ini";
    config_problems_init(&it.problems);
    it.config = config_parse(&source, ini, sizeof ini - 1, &it.problems);
    text_init_heap(&text);
    config_report_show_json(&text, it.config);
    assert_json(text.at);
    assert_contains(text.at, "{\n  \"file\": \"a \\\"b\\\"\\\\\\u0001\\u001f\xC3\xA4.ini\",\n");
    config_case_fini(&it);
    text_fini(&text);
}

static void assert_width(const char *text)
{
    for (const char *line = text; *line != '\0';) {
        const size_t length = strcspn(line, "\n");
        if (config_file_characters(line, length) > WIDTH || (length > 0 && line[length - 1] == ' ')) {
            fail_msg("too long, or blanks at the end: %.*s", (int)length, line);
        }
        line += length + (line[length] == '\n');
    }
}

static void test_config_report__keeps_lines_short(void **state)
{
    (void)state;
    struct config_case it;
    struct text text;
    text_init_heap(&text);
    config_case_parse(&it, config_text, sizeof config_text - 1);
    config_report_show(&text, it.config);
    assert_width(text.at);
    text_clear(&text);
    config_report_reference(&text, handlers_builtin);
    assert_width(text.at);
    config_case_fini(&it);
    text_fini(&text);
}

static void assert_names_all_keys(const char *text, const struct config_table *table, const char *before)
{
    for (size_t i = 0; i < table->count; i++) {
        char room[64];
        struct text name;
        text_init(&name, room, sizeof room);
        text_add_format(&name, "\n%s%s", before, table->keys[i].name);
        assert_contains(text, room);
    }
}

static void test_config_report__refers_to_every_key(void **state)
{
    (void)state;
    struct text text;
    text_init_heap(&text);
    config_report_reference(&text, handlers_builtin);
    assert_names_all_keys(text.at, &config_keys_service, "  ");
    assert_names_all_keys(text.at, &config_keys_endpoint, "  ");
    assert_contains(text.at, "\n  backlog\n    number; default 512; 1 to 65535; restart\n    How many");
    assert_contains(text.at, "\n  handler\n    name; required; the name of a handler; live\n");
    assert_contains(text.at, "\n  nodelay\n    yes/no; default yes; yes or no; live\n");
    assert_contains(text.at,
                    "\n  access_log\n    path; default nothing; the path of a file, or -, or nothing "
                    "(off); restart\n");
    assert_contains(text.at, "\n  listen\n    list of addresses; required; tcp://ADDRESS:PORT or ");
    assert_contains(text.at, "; live;\n    not in [defaults]\n    Where to listen");
    assert_contains(text.at,
                    "\n  deny\n    list of networks; default nothing; nothing (nobody), or ADDRESS or "
                    "ADDRESS/LENGTH, several by\n    commas; live\n");
    assert_null(strchr(text.at, '`'));
    text_clear(&text);
    config_report_reference_markdown(&text, handlers_builtin);
    assert_names_all_keys(text.at, &config_keys_service, "| `");
    assert_names_all_keys(text.at, &config_keys_endpoint, "| `");
    assert_contains(text.at, "\n| `backlog` | number | `512` | 1 to 65535 | restart | How many");
    assert_contains(text.at, "\n| `listen` | list of addresses | required | tcp://");
    assert_contains(text.at,
                    "\n| `access_log` | path | nothing | the path of a file, or -, or nothing (off) |");
    assert_contains(text.at, "\n| `allow` | list of networks | nothing | nothing (everyone), or ADDRESS or ");
    assert_contains(text.at, " Not in `[defaults]`. |\n");
    assert_contains(text.at,
                    "\n| `tcp://localhost:80` | `127.0.0.1` and `::1`; only `127.0.0.1` where IPv6 is "
                    "off |\n");
    text_fini(&text);
}

/* What is met in practice, and would not be guessed. */
static void test_config_report__tells_what_a_key_does_at_its_limits(void **state)
{
    static const char *const parts[] = {
        "8s at most, unless the service's PRESHUTDOWN timeout is at least 5s longer",
        "5s longer than this, as `portlistener install` sets it",
        "a start on demand (`net start`, `run`) fails with code 4; an automatic start goes on trying",
        "waits up to 10s for a port that is taken (errors 10048 and 10013)",
        "it has no `on_writable`) loses the connection",
    };
    (void)state;
    struct text text;
    text_init_heap(&text);
    config_report_reference_markdown(&text, handlers_builtin);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        assert_contains(text.at, parts[i]);
    }
    text_fini(&text);
}

static void test_config_report__gives_an_example_that_works(void **state)
{
    (void)state;
    struct config_case it;
    struct text text;
    text_init_heap(&text);
    config_report_reference_markdown(&text, handlers_builtin);
    const char *begin = strstr(text.at, "```ini\n");
    assert_non_null(begin);
    begin += strlen("```ini\n");
    const char *end = strstr(begin, "```\n");
    assert_non_null(end);
    config_case_parse(&it, begin, (size_t)(end - begin));
    assert_string_equal(it.problems.text.at, "");
    assert_int_equal(it.config->endpoint_count, 2);
    config_case_fini(&it);
    text_fini(&text);
}

/* Each address that the reference shows as an example must be one. */
static void test_config_report__gives_addresses_that_work(void **state)
{
    (void)state;
    struct text text;
    size_t count = 0;
    text_init_heap(&text);
    config_report_reference_markdown(&text, handlers_builtin);
    for (const char *at = strstr(text.at, "| `tcp://"); at != NULL; at = strstr(at + 1, "| `tcp://")) {
        struct config_case it;
        char room[256];
        struct text ini;
        text_init(&ini, room, sizeof room);
        text_add_format(&ini, "[endpoint a]\nhandler = echo\nlisten = %.*s\n", (int)strcspn(at + 3, "`"),
                        at + 3);
        config_case_parse(&it, room, ini.length);
        assert_string_equal(it.problems.text.at, "");
        config_case_fini(&it);
        count++;
    }
    assert_int_equal(count, 7);
    text_fini(&text);
}

/* A file of the sources, for free(). */
static char *read_document(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *document = calloc(1, DOCUMENT_MAX);
    assert_non_null(document);
    if (file == NULL) {
        fail_msg("%s cannot be opened", path);
    }
    assert_true(fread(document, 1, DOCUMENT_MAX - 1, file) > 0);
    fclose(file);
    return document;
}

static void test_config_report__is_what_the_document_says(void **state)
{
    (void)state;
    struct text text;
    char *document = read_document(PORTLISTENER_CONFIGURATION_MD);
    text_init_heap(&text);
    config_report_reference_markdown(&text, handlers_builtin);
    if (strcmp(text.at, document) != 0) {
        fail_msg(
            "docs/configuration.md is stale; write it anew with: portlistener config reference --markdown");
    }
    text_fini(&text);
    free(document);
}

/* Turns samples into what they show: ";[endpoint x]" and ";key = value", but not "; a remark". */
static size_t uncomment(char *at)
{
    size_t count = 0;
    for (; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (at[0] == ';' && at[1] != ' ') {
            at[0] = ' ';
            count++;
        }
    }
    return count;
}

static bool system_root(const char *name, struct text *value)
{
    text_add_string(value, "C:\\Windows");
    return strcmp(name, "SystemRoot") == 0;
}

static void test_config_report__the_file_that_is_installed_has_samples_that_work(void **state)
{
    (void)state;
    struct config_problems problems;
    struct config_source source = config_case_source;
    char *file = read_document(PORTLISTENER_INI);
    source.handlers = handlers_builtin;
    source.variable = system_root;
    for (int i = 0; i < 2; i++) { /* as it is, and with all samples */
        config_problems_init(&problems);
        struct config *config = config_parse(&source, file, strlen(file), &problems);
        assert_string_equal(problems.text.at, "");
        assert_int_equal(config->endpoint_count, i == 0 ? 2 : 9);
        config_destroy(config);
        config_problems_fini(&problems);
        assert_int_equal(uncomment(file) > 0, i == 0);
    }
    free(file);
}

static void test_config_report__says_when_memory_has_cut_it(void **state)
{
    (void)state;
    struct config_case it;
    config_case_parse(&it, config_text, sizeof config_text - 1);
    for (int kind = 0; kind < 4; kind++) {
        size_t nth = 0;
        for (bool has_failed = true; has_failed;) {
            struct text text;
            text_init_heap(&text);
            failing_memory_arm(++nth, true);
            switch (kind) {
            case 0:
                config_report_show(&text, it.config);
                break;
            case 1:
                config_report_show_json(&text, it.config);
                break;
            case 2:
                config_report_reference(&text, handlers_builtin);
                break;
            default:
                config_report_reference_markdown(&text, handlers_builtin);
                break;
            }
            has_failed = failing_memory_hits() > 0;
            failing_memory_arm(0, false);
            assert_int_equal(text.is_cut, has_failed);
            text_fini(&text);
        }
        assert_true(nth > 2);
    }
    config_case_fini(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_config_report__shows_every_value_and_where_it_comes_from),
        failing_memory_test(test_config_report__shows_the_same_as_json),
        failing_memory_test(test_config_report__escapes_strings_in_json),
        failing_memory_test(test_config_report__keeps_lines_short),
        failing_memory_test(test_config_report__refers_to_every_key),
        failing_memory_test(test_config_report__tells_what_a_key_does_at_its_limits),
        failing_memory_test(test_config_report__gives_an_example_that_works),
        failing_memory_test(test_config_report__gives_addresses_that_work),
        failing_memory_test(test_config_report__is_what_the_document_says),
        failing_memory_test(test_config_report__the_file_that_is_installed_has_samples_that_work),
        failing_memory_test(test_config_report__says_when_memory_has_cut_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
