/* SPDX-License-Identifier: MIT
   Tests of config/config_settings.h, config_extras.h and config_unknown.h, through config_parse: what a file says for the
   options of handlers, what is wrong with it, and how it is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_handlers.h"
#include "config/config_report.h"
#include "config/config_settings.h"
#include "support/config_case.h"
#include "support/failing_memory.h"
#include "support/optioned.h"

#define GREETER "[endpoint g]\nlisten = udp://*:1\nhandler = greeter\n"
#define KEEPER  "[endpoint k]\nlisten = udp://*:1\nhandler = keeper\n"

static void parse(struct config_case *it, const char *text)
{
    struct config_source source = config_case_source;
    source.handlers = optioned_handlers;
    config_problems_init(&it->problems);
    it->config = config_parse(&source, text, strlen(text), &it->problems);
}

static void assert_problems(const char *text, const char *problems)
{
    struct config_case it;
    parse(&it, text);
    assert_string_equal(it.problems.text.at, problems);
    assert_int_equal(it.config == NULL, it.problems.errors > 0);
    config_case_fini(&it);
}

/* NULL as `text`: none; the length goes by `text`. */
static void assert_value(const struct config_case *it, const char *name, const char *text, int64_t number)
{
    struct pl_text found = {.length = 99};
    int64_t found_number = 99;
    const struct pl_config *options = &it->config->endpoints[0].options;
    assert_int_equal(config_settings_get(options, name, &found, &found_number), PL_OK);
    assert_int_equal(found.length, text != NULL ? strlen(text) : 0);
    if (text != NULL) {
        assert_memory_equal(found.at, text, found.length);
    } else {
        assert_null(found.at);
    }
    assert_int_equal(found_number, number);
}

static void test_config_settings__has_the_defaults(void **state)
{
    (void)state;
    struct config_case it;
    parse(&it, GREETER);
    assert_string_equal(it.problems.text.at, "");
    assert_value(&it, "polite", NULL, 1);
    assert_value(&it, "times", NULL, 1);
    assert_value(&it, "most", NULL, 4096);
    assert_value(&it, "pause", NULL, 0);
    assert_value(&it, "any", NULL, -1);
    assert_value(&it, "text", "Hello\r\n", 7);
    assert_value(&it, "file", NULL, -1);
    assert_value(&it, "folder", "C:\\conf\\greetings", 17);
    assert_value(&it, "then", "close", 0);
    assert_value(&it, "names", NULL, -1);
    assert_value(&it, "flag", NULL, -1);
    assert_value(&it, "words", NULL, -1);
    assert_value(&it, "mood", NULL, -1);
    assert_int_equal(config_settings_get(&it.config->endpoints[0].options, "greeting", NULL, NULL),
                     PL_INVALID);
    assert_int_equal(config_settings_get(&it.config->endpoints[0].options, "text", NULL, NULL), PL_OK);
    config_case_fini(&it);
}

static void test_config_settings__has_what_the_file_says(void **state)
{
    (void)state;
    struct config_case it;
    parse(
        &it,
        "[endpoint g]\npolite = off\nTimes = 9\nmost = 0\npause = 2h\nany = 9223372036854775807\n"
        "text = \\x48i \\\\ \\t\\x00\\xe9!\nfile = %ProgramData%/x/../a.txt\nfolder = ..\n"
        "then = WAIT\nnames = Ann, Bob ,Eve\nhandler = greeter\nflag = no\nwords = it's \"so\"\nmood = bad\n"
        "listen = tcp://*:1\n");
    assert_string_equal(it.problems.text.at, "");
    assert_value(&it, "polite", NULL, 0);
    assert_value(&it, "times", NULL, 9);
    assert_value(&it, "most", NULL, 0);
    assert_value(&it, "pause", NULL, INT64_C(7200000));
    assert_value(&it, "any", NULL, INT64_MAX);
    struct pl_text text;
    config_settings_get(&it.config->endpoints[0].options, "TEXT", &text, NULL);
    assert_int_equal(text.length, 9);
    assert_memory_equal(text.at, "Hi \\ \t\0\xe9!", 9);
    assert_value(&it, "file", "C:\\ProgramData\\a.txt", 20);
    assert_value(&it, "folder", "C:\\", 3);
    assert_value(&it, "then", "wait", 1);
    assert_value(&it, "names", "Ann\nBob\nEve", 3);
    assert_value(&it, "flag", NULL, 0);
    assert_value(&it, "words", "it's \"so\"", 9);
    assert_value(&it, "mood", "bad", 1);
    config_case_fini(&it);
}

/* Everything that may be empty, and is. */
static void test_config_settings__takes_nothing_for_no_value(void **state)
{
    (void)state;
    struct config_case it;
    parse(&it, GREETER "any =\nfile =\nnames =\nflag =\nwords =\nmood =\n");
    assert_string_equal(it.problems.text.at, "");
    assert_value(&it, "any", NULL, -1);
    assert_value(&it, "file", NULL, -1);
    assert_value(&it, "names", NULL, -1);
    assert_value(&it, "mood", NULL, -1);
    config_case_fini(&it);
}

#define NO_ESCAPE(escape)    \
    "error: text: \"" escape \
    "\" means nothing; write \\\\ for a backslash; there are \\r, \\n, \\t and \\xHH, too"

static const struct {
    const char *line; /* 4, behind those of the greeter */
    const char *problem;
} wrong_values[] = {
    {"polite = maybe", "10: error: polite: \"maybe\" is neither yes nor no; write yes or no"},
    {"polite =", "9: error: polite has no value; write yes or no, or remove the line for the default yes"},
    {"times = 0", "9: error: times: \"0\" is too small; write 1 to 9"},
    {"times = 10", "9: error: times: \"10\" is too large; write 1 to 9"},
    {"times = \"1\"", "9: error: times: values have no quotes; leave them out"},
    {"times = 1 ; once", "11: error: times: a comment behind the value; put it on a line of its own"},
    {"most = 1", "8: error: most: \"1\" is too small; write 0 (no limit), or 1K to 1M"},
    {"pause = 5",
     "10: error: pause: \"5\" has no unit; write ms, s, m, h or d behind the number, such as 30s or "
     "5m"},
    {"pause = 99ms", "9: error: pause: \"99ms\" is too small; write 0, or 100ms or more"},
    {"any = -1", "7: error: any: \"-1\" has a sign; write 0 or more, or nothing"},
    {"any = 9223372036854775808",
     "7: error: any: \"9223372036854775808\" is too large; write 0 or more, or nothing"},
    {"text =", "7: error: text has no value; write text, 1 to 20 bytes, or remove the line for the default "
               "Hello\\r\\n"},
    {"text = a\\", "9: " NO_ESCAPE("\\")},
    {"text = C:\\dir", "10: " NO_ESCAPE("\\d")},
    {"text = \\x4", "8: " NO_ESCAPE("\\x")},
    {"text = \\xg0", "8: " NO_ESCAPE("\\x")},
    {"text = \\x0/", "8: " NO_ESCAPE("\\x")},
    {"text = \\u00e4", "8: " NO_ESCAPE("\\u")},
    {"text = 123456789012345678901",
     "8: error: text: \"123456789012345678901\" is too long; write text, 1 to 20 "
     "bytes"},
    {"text = # 1",
     "8: error: text has no value, only a comment; write text, 1 to 20 bytes, or remove the line for "
     "the default Hello\\r\\n; \\x23 is a text with #"},
    {"text = \"Hi\"",
     "8: warning: text: the quotes are part of the text; leave them out, or write \\x22 for them"},
    {"text = 'Hi'",
     "8: warning: text: the quotes are part of the text; leave them out, or write \\x27 for them"},
    {"text = Hi ; there",
     "11: warning: text: from here on this is part of the text; if it is a comment, put it on a "
     "line of its own, else write \\x3B for the ;"},
    {"file = a?b", "9: error: file: \"?\" cannot be in the name of a file or folder; leave it out"},
    {"file = .", "8: error: file: \".\" names a folder; write the name of a file behind it"},
    {"file = a \"b\"", "10: error: file: values have no quotes; leave them out"},
    {"folder = %Missing%", "10: error: folder: \"%Missing%\" "},
    {"then = wiat", "8: error: then: \"wiat\" is not known; did you mean wait?"},
    {"then = go", "8: error: then: \"go\" is not known; write close, wait or reset"},
    {"names = a,,b", "11: error: names: \"a,,b\" has an item of no characters; leave out one comma"},
    {"names = a,b,c,d",
     "9: error: names: \"a,b,c,d\" is too long; write items by commas, 1 to 3 of them, or nothing"},
};

static void test_config_settings__tells_what_is_wrong_with_a_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong_values / sizeof wrong_values[0]; i++) {
        struct config_case it;
        char file_room[512], expected_room[512];
        struct text file, expected;
        text_init(&file, file_room, sizeof file_room);
        text_init(&expected, expected_room, sizeof expected_room);
        text_add_format(&file, GREETER "%s\n", wrong_values[i].line);
        text_add_format(&expected, "t.ini:4:%s", wrong_values[i].problem);
        parse(&it, file_room);
        if (strncmp(it.problems.text.at, expected_room, expected.length) != 0 || it.problems.count != 1) {
            fail_msg("%s\n%s\n%s", wrong_values[i].line, it.problems.text.at, expected_room);
        }
        config_case_fini(&it);
    }
}

static void test_config_settings__tells_of_keys_that_are_no_options(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {GREETER "txt = a\n", "t.ini:4:1: error: \"txt\" is not a key; did you mean text?\n"},
        {GREETER "backlg = 1\n", "t.ini:4:1: error: \"backlg\" is not a key; did you mean backlog?\n"},
        {GREETER "colour = red\n",
         "t.ini:4:1: error: \"colour\" is not a key, nor an option of the handler greeter; remove the line "
         "(portlistener handlers greeter lists its options)\n"},
        {GREETER "keep = 1\n",
         "t.ini:4:1: error: \"keep\" is an option of the handler keeper, not of greeter; remove "
         "the line, or write handler = keeper\n"},
        {GREETER "workers = 1\n",
         "t.ini:4:1: error: \"workers\" is not a key of this section; write it in [service]\n"},
        {GREETER "text = a\nTEXT = b\n",
         "t.ini:5:1: error: text is set in line 4 already; remove one of the two lines\n"},
        {"[endpoint p]\nlisten = udp://*:1\nhandler = plain\ncolour = red\n",
         "t.ini:4:1: error: \"colour\" is not a key; remove the line (portlistener config reference lists all "
         "keys)\n"},
        {"[defaults]\ntimes = 2\n" GREETER,
         "t.ini:2:1: error: \"times\" is an option of the handler greeter; write it in each [endpoint NAME] that has "
         "handler = greeter\n"},
        {"[service]\ntimes = 2\n" GREETER,
         "t.ini:2:1: error: \"times\" is an option of the handler greeter; write it in each [endpoint NAME] that has "
         "handler = greeter\n"},
        /* The handler is not known: what may be its option is passed over. */
        {"[endpoint g]\nlisten = udp://*:1\nhandler = greter\ntext = a\nworkers = 1\nbacklg = 1\n",
         "t.ini:3:11: error: handler: \"greter\" is not a handler; did you mean greeter?\n"
         "t.ini:5:1: error: \"workers\" is not a key of this section; write it in [service]\n"
         "t.ini:6:1: error: \"backlg\" is not a key; did you mean backlog?\n"},
        {"[endpoint g]\ntext = a\nlisten = udp://*:1\nhandlr = greeter\n",
         "t.ini:4:1: error: \"handlr\" is not a key; did you mean handler?\n"},
        {"[endpoint g]\nlisten = udp://*:1\ntext = a\ncolour = red\n",
         "t.ini:1:1: error: endpoint \"g\" has no handler; write handler = NAME with one of greeter, keeper, plain, "
         "relay\n"
         "t.ini:3:1: error: \"text\" is an option of the handler greeter; write handler = greeter, or remove the "
         "line\n"
         "t.ini:4:1: error: \"colour\" is not a key; remove the line (portlistener config reference lists all keys)\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_problems(rows[i][0], rows[i][1]);
    }
}

static void test_config_settings__tells_of_options_that_are_missing(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {KEEPER,
         "t.ini:1:1: error: endpoint \"k\" has no file, which the handler keeper needs; write file = VALUE, with the "
         "path of a file\n"
         "t.ini:1:1: error: endpoint \"k\" has no keep, which the handler keeper needs; write keep = VALUE, with 1 to "
         "8\n"},
        {KEEPER "keep = 9\nfile =\n", "t.ini:4:8: error: keep: \"9\" is too large; write 1 to 8\n"
                                      "t.ini:5:7: error: file has no value; write the path of a file\n"},
        /* What is missing may stand there. */
        {KEEPER "file = a\nkeeps = 1\n", "t.ini:5:1: error: \"keeps\" is not a key; did you mean keep?\n"},
        {KEEPER "file = a\nkeep 1\n",
         "t.ini:5:1: error: no = in this line; write KEY = VALUE, or begin a comment with ; or #\n"},
        {KEEPER "file = a\nkeep = 1\n", ""},
        {KEEPER "file = a\n",
         "t.ini:1:1: error: endpoint \"k\" has no keep, which the handler keeper needs; write keep "
         "= VALUE, with 1 to 8\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_problems(rows[i][0], rows[i][1]);
    }
}

/* The handler may stand in [defaults], and behind its options. */
static void test_config_settings__belong_to_the_handler_of_defaults_too(void **state)
{
    (void)state;
    struct config_case it;
    parse(&it, "[endpoint a]\nlisten = udp://*:1\ntimes = 2\n[endpoint b]\nlisten = udp://*:2\nkeep = 3\n"
               "handler = keeper\nfile = x\n[endpoint c]\nlisten = udp://*:3\ntimes = 4\n"
               "[defaults]\nhandler = greeter\n");
    assert_string_equal(it.problems.text.at, "");
    assert_value(&it, "times", NULL, 2);
    assert_int_equal(it.config->endpoints[1].options.settings[1].number, 3);
    assert_int_equal(it.config->endpoints[2].options.settings[1].number, 4);
    assert_ptr_equal(it.config->endpoints[0].options.options, it.config->endpoints[2].options.options);
    config_case_fini(&it);
}

static void test_config_settings__refuses_a_handler_with_a_bad_table(void **state)
{
    (void)state;
    static const struct pl_option bad[] = {{"text", PL_TEXT, 0, NULL, "x", "."}};
    static const struct pl_handler handler = {OPTIONED("bad", bad)};
    static const struct pl_handler *const handlers[] = {&handler, NULL};
    static const char text[] = "[endpoint b]\nlisten = udp://*:1\nhandler = bad\ntext = a\n";
    struct config_source source = config_case_source;
    struct config_problems problems;
    source.handlers = handlers;
    config_problems_init(&problems);
    assert_null(config_parse(&source, text, strlen(text), &problems));
    assert_string_equal(
        problems.text.at,
        "t.ini:1:1: error: the handler bad cannot be used: its option \"text\" has a range that is "
        "none: write the least and the greatest length, as \"1..100\"; until it is mended, choose "
        "another handler\n");
    config_problems_fini(&problems);
}

static void test_config_settings__a_handler_has_its_own_defaults_of_keys(void **state)
{
    (void)state;
    struct config_case it;
    parse(&it, "[endpoint a]\nlisten = tcp://*:1\nhandler = relay\n"
               "[endpoint b]\nlisten = tcp://*:2\nhandler = relay\nidle_timeout = 1s\nallow =\n"
               "[endpoint c]\nlisten = udp://*:3\nhandler = greeter\n"
               "[defaults]\nkeepalive = no\ndeny = 10.0.0.1\n");
    assert_string_equal(it.problems.text.at, "");
    const struct config_endpoint *a = &it.config->endpoints[0], *b = a + 1, *c = a + 2;
    assert_int_equal(a->idle_timeout, 0);
    assert_false(a->keepalive);
    assert_int_equal(a->allow.count, 2);
    assert_int_equal(a->deny.count, 1);
    assert_int_equal(b->idle_timeout, 1000);
    assert_int_equal(b->allow.count, 0);
    assert_int_equal(c->idle_timeout, 300000);
    assert_int_equal(c->allow.count, 0);
    config_case_fini(&it);
}

/* ---- shown ---- */

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("%s\nis not in:\n%s", part, text);
    }
}

static void test_config_settings__are_shown(void **state)
{
    (void)state;
    struct config_case it;
    struct text text;
    text_init_heap(&text);
    parse(&it,
          GREETER "text = \\x20a\\\\\\x22\nnames = Ann, Bob\nwords = \\x3Bx \\x23 \\xff y\\x20\nmost = 0\n"
                  "[endpoint r]\nlisten = tcp://*:2\nhandler = relay\n");
    assert_string_equal(it.problems.text.at, "");
    config_report_show(&text, it.config);
    assert_contains(text.at,
                    "\n  polite                      yes                                       default\n"
                    "  times                       1                                         default\n"
                    "  most                        0 (no limit)                              line 7\n"
                    "  pause                       0                                         default\n"
                    "  any                                                                   default\n"
                    "  text                        \\x20a\\\\\"                                  line 4\n"
                    "  file                                                                  default\n"
                    "  folder                      C:\\conf\\greetings                         default\n"
                    "  then                        close                                     default\n"
                    "  names                       Ann                                       line 5\n"
                    "                              Bob\n"
                    "  flag                                                                  default\n"
                    "  words                       \\x3Bx \\x23 \\xFF y\\x20                     line 6\n");
    assert_contains(
        text.at, "\n  idle_timeout                0 (no limit)                              default of the "
                 "handler\n");
    text_clear(&text);
    config_report_show_json(&text, it.config);
    assert_contains(
        text.at,
        "\n      \"options\": {\n"
        "        \"polite\": {\"value\": true, \"text\": \"yes\", \"origin\": \"default\"},\n"
        "        \"times\": {\"value\": 1, \"text\": \"1\", \"origin\": \"default\"},\n"
        "        \"most\": {\"value\": 0, \"text\": \"0\", \"origin\": \"ini\", \"section\": "
        "\"endpoint\", \"line\": 7},\n"
        "        \"pause\": {\"value\": 0, \"text\": \"0\", \"origin\": \"default\"},\n"
        "        \"any\": {\"value\": null, \"text\": \"\", \"origin\": \"default\"},\n"
        "        \"text\": {\"value\": \"\\\\x20a\\\\\\\\\\\"\", \"text\": \"\\\\x20a\\\\\\\\\\\"\", "
        "\"origin\": \"ini\", \"section\": \"endpoint\", \"line\": 4},\n");
    assert_contains(text.at, "\"names\": {\"value\": [\"Ann\", \"Bob\"], \"text\": \"Ann, Bob\", ");
    assert_contains(text.at,
                    "\"mood\": {\"value\": null, \"text\": \"\", \"origin\": \"default\"}\n      }\n    }");
    assert_contains(text.at, "\"idle_timeout\": {\"value\": 0, \"text\": \"0\", \"origin\": \"handler\"},\n");
    assert_contains(text.at, "\n      \"options\": {\n      }\n    }\n  ]\n}\n");
    config_case_fini(&it);
    text_fini(&text);
}

static void test_config_settings__say_the_same_when_they_are_read_again(void **state)
{
    (void)state;
    struct config_case it, again;
    struct text once, twice;
    text_init_heap(&once);
    text_init_heap(&twice);
    parse(&it, GREETER
          "text = \\x22 ;\\x27\\x00\\x80\nwords = '\\xe2\\x80\\xa8'\nnames = a b, \\x\nany = 7\nfile = f\n"
          "mood = good\n");
    config_case_write(&once, it.config);
    parse(&again, once.at);
    config_case_write(&twice, again.config);
    assert_string_equal(once.at, twice.at);
    assert_contains(once.at, "\nwords = \\x27\\xE2\\x80\\xA8\\x27\n");
    config_case_fini(&it);
    config_case_fini(&again);
    text_fini(&once);
    text_fini(&twice);
}

static void test_config_settings__handlers_are_described(void **state)
{
    (void)state;
    struct text text;
    text_init_heap(&text);
    config_handlers_show(&text, &optioned_greeter);
    assert_contains(
        text.at, "Does nothing.\nProtocols: tcp udp\nOptions:\n\n  polite\n    yes/no; default yes; yes or "
                 "no\n    Whether it says \"please\".\n\n  times\n    number; default 1; 1 to 9\n    How "
                 "often.\n\n");
    assert_contains(
        text.at, "\n  file\n    path; default nothing; the path of a file, or nothing\n    Where it is.\n");
    assert_contains(text.at, "\n    Perhaps a mood.\n\nCounters:\n"
                             "  portlistener_greeter_greetings_total  what was said, in greetings\n"
                             "  portlistener_greeter_answers_total  what was heard, in answers\n");
    text_clear(&text);
    config_handlers_show(&text, &optioned_relay);
    assert_string_equal(text.at,
                        "Does nothing.\nProtocols: tcp\nOptions: none of its own\nIts own defaults: "
                        "idle_timeout = 0, keepalive=yes, allow = 127.0.0.0/8, ::1, idle_timeout = 1s\n");
    text_clear(&text);
    config_handlers_show(&text, &optioned_keeper);
    assert_contains(text.at, "\n  file\n    path; required; the path of a file\n    Where to.\n");
    text_clear(&text);
    config_handlers_markdown(&text, optioned_handlers);
    assert_contains(text.at, "\n### `greeter`\n\nDoes nothing. Protocols: tcp udp.\n\n"
                             "| option | type | default | range | meaning |\n|---|---|---|---|---|\n"
                             "| `polite` | yes/no | `yes` | yes or no | Whether it says `please`. |\n");
    assert_contains(text.at, "\n| counter | unit | meaning |\n|---|---|---|\n"
                             "| `portlistener_greeter_greetings_total` | greetings | what was said |\n");
    assert_contains(text.at, "\n### `plain`\n\nDoes nothing. Protocols: udp. No options.\n");
    assert_contains(
        text.at, "\n### `relay`\n\nDoes nothing. Protocols: tcp. No options. Its own defaults: "
                 "`idle_timeout = 0`, `keepalive=yes`, `allow = 127.0.0.0/8, ::1`, `idle_timeout = 1s`.\n");
    text_fini(&text);
}

static void test_config_settings__a_bad_handler_is_described(void **state)
{
    (void)state;
    static const struct pl_option bad[] = {{"text", PL_TEXT, 0, NULL, NULL, NULL}};
    static const struct pl_handler handler = {OPTIONED("bad", bad)};
    static const struct pl_handler *const handlers[] = {&handler, NULL};
    struct text text;
    text_init_heap(&text);
    config_handlers_show(&text, &handler);
    assert_string_equal(text.at,
                        "Does nothing.\nProtocols: tcp udp\nIt cannot be used: its option \"text\" has no "
                        "help: set .help\n");
    text_clear(&text);
    config_handlers_markdown(&text, handlers);
    assert_contains(text.at, "It cannot be used: its option \"text\" has no help: set .help\n");
    text_fini(&text);
}

/* ---- no memory ---- */

static void test_config_settings__survive_a_lack_of_memory(void **state)
{
    (void)state;
    static const char file[] =
        GREETER "text = a\nnames = a, b\nfile = x\nfolder = y\nwords = b\n"
                "[endpoint r]\nlisten = tcp://*:2\nhandler = relay\n"
                "[endpoint k]\nlisten = tcp://*:3\nhandler = keeper\nfile = z\nkeep = 3\n";
    for (int from_then_on = 0; from_then_on < 2; from_then_on++) {
        bool has_failed = true;
        for (size_t nth = 1; has_failed; nth++) {
            struct config_case it;
            failing_memory_arm(nth, from_then_on != 0);
            parse(&it, file);
            has_failed = failing_memory_hits() > 0;
            failing_memory_arm(0, false);
            assert_int_equal(it.config == NULL, has_failed);
            assert_string_equal(it.problems.text.at,
                                has_failed ? "t.ini: error: out of memory; end other programs and try again\n"
                                           : "");
            config_case_fini(&it);
            assert_int_equal(failing_memory_live(), 0);
        }
    }
}

static void test_config_settings__say_when_memory_has_cut_a_description(void **state)
{
    (void)state;
    bool has_failed = true;
    for (size_t nth = 1; has_failed; nth++) {
        struct text text;
        text_init_heap(&text);
        failing_memory_arm(nth, false);
        config_handlers_show(&text, &optioned_greeter);
        config_handlers_markdown(&text, optioned_handlers);
        has_failed = failing_memory_hits() > 0;
        failing_memory_arm(0, false);
        assert_int_equal(text.is_cut, has_failed);
        text_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_config_settings__has_the_defaults),
        failing_memory_test(test_config_settings__has_what_the_file_says),
        failing_memory_test(test_config_settings__takes_nothing_for_no_value),
        failing_memory_test(test_config_settings__tells_what_is_wrong_with_a_value),
        failing_memory_test(test_config_settings__tells_of_keys_that_are_no_options),
        failing_memory_test(test_config_settings__tells_of_options_that_are_missing),
        failing_memory_test(test_config_settings__belong_to_the_handler_of_defaults_too),
        failing_memory_test(test_config_settings__refuses_a_handler_with_a_bad_table),
        failing_memory_test(test_config_settings__a_handler_has_its_own_defaults_of_keys),
        failing_memory_test(test_config_settings__are_shown),
        failing_memory_test(test_config_settings__say_the_same_when_they_are_read_again),
        failing_memory_test(test_config_settings__handlers_are_described),
        failing_memory_test(test_config_settings__a_bad_handler_is_described),
        failing_memory_test(test_config_settings__survive_a_lack_of_memory),
        failing_memory_test(test_config_settings__say_when_memory_has_cut_a_description),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
