/* SPDX-License-Identifier: MIT
   Tests of config/config_include.h, and of configurations that include files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "config/config_include.h"
#include "config/config_report.h"
#include "support/config_case.h"
#include "support/failing_memory.h"

#define WEB "[endpoint web]\nlisten = tcp://127.0.0.1:80\nhandler = echo\n"

/* The files of a folder that only the test has. */
struct disk {
    const char *folder;            /* that can be listed */
    const char *const (*files)[2]; /* path, text; ends with NULL */
    unsigned many;                 /* that many more names, NUMBER.many */
};

static bool disk_list(void *context, const char *folder, bool (*take)(void *taker, const char *name),
                      void *taker, struct text *problem)
{
    const struct disk *disk = context;
    if (strcmp(folder, disk->folder) != 0) {
        text_add_string(problem, "there is no such folder; create it");
        return false;
    }
    for (size_t i = 0; disk->files[i][0] != NULL; i++) {
        const char *name = strrchr(disk->files[i][0], '\\') + 1;
        if (strncmp(disk->files[i][0], folder, strlen(folder)) == 0 && !take(taker, name)) {
            return true;
        }
    }
    for (unsigned i = 0; i < disk->many; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%u.many", i);
        if (!take(taker, name)) {
            return true;
        }
    }
    return true;
}

static bool disk_read(void *context, const char *path, size_t most, struct whole_file *file_out,
                      struct text *problem)
{
    const struct disk *disk = context;
    (void)most;
    *file_out = (struct whole_file){.at = NULL};
    for (size_t i = 0; disk->files[i][0] != NULL; i++) {
        if (text_equal(path, strlen(path), disk->files[i][0])) {
            file_out->length = strlen(disk->files[i][1]);
            file_out->at = memory_copy_text(disk->files[i][1], file_out->length);
            return file_out->at != NULL;
        }
    }
    text_add_string(problem, "the file cannot be read, error 2; correct the path, or create the file");
    return false;
}

static void parse_on(const struct disk *disk, struct config_case *it, const char *text)
{
    const struct config_include_source includes = {
        .list = disk_list, .read = disk_read, .context = (void *)(uintptr_t)disk};
    struct config_source source = config_case_source;
    source.path = "C:\\conf\\t.ini";
    source.includes = &includes;
    config_problems_init(&it->problems);
    it->config = config_parse(&source, text, strlen(text), &it->problems);
}

static void expect_on(const struct disk *disk, const char *text, const char *problems)
{
    struct config_case it;
    parse_on(disk, &it, text);
    assert_string_equal(it.problems.text.at, problems);
    assert_int_equal(it.config == NULL, it.problems.errors > 0);
    config_case_fini(&it);
}

static const char *const some[][2] = {
    {"C:\\conf\\conf.d\\b.INI", "[endpoint b]\nlisten = tcp://127.0.0.1:2\nhandler = echo\n"},
    {"C:\\conf\\conf.d\\a.ini",
     "; nothing\n[endpoint a]\r\nlisten = tcp://127.0.0.1:1\nhandler = echo\nlifetime = 5s"},
    {"C:\\conf\\conf.d\\c.ini~", "this is not read"},
    {"C:\\conf\\t.ini", "this is the file itself"},
    {"C:\\conf\\one.ini", "[service]\nworkers = 3\n"},
    {"C:\\ProgramData\\x\\bad.ini", "include = y.ini\n[service]\nworkers = 99\n[endpoint b]\nx\n"},
    {NULL, NULL}};
static const struct disk disk = {.folder = "C:\\conf\\conf.d", .files = some};

static void test_config_include__reads_the_files_in_the_order_of_their_names(void **state)
{
    (void)state;
    struct config_case it;
    struct text text;
    text_init_heap(&text);
    parse_on(&disk, &it, "; first\ninclude = conf.d\\*.ini\nINCLUDE = One.ini\n" WEB);
    assert_string_equal(it.problems.text.at, "");
    assert_int_equal(it.config->endpoint_count, 3);
    assert_string_equal(it.config->endpoints[0].name, "web");
    assert_string_equal(it.config->endpoints[1].name, "a");
    assert_string_equal(it.config->endpoints[2].name, "b");
    assert_int_equal(it.config->service.workers, 3);
    config_report_show(&text, it.config);
    assert_non_null(strstr(text.at, "\n[endpoint web]  line 4\n"));
    assert_non_null(strstr(text.at, "\n[endpoint a]  line 2 of a.ini\n"));
    assert_non_null(strstr(text.at, "  5s                                        line 5 of a.ini\n"));
    text_clear(&text);
    config_report_show_json(&text, it.config);
    assert_non_null(strstr(
        text.at,
        "\"lifetime\": {\"value\": 5000, \"text\": \"5s\", \"origin\": \"ini\", \"section\": \"endpoint\", "
        "\"file\": \"C:\\\\conf\\\\conf.d\\\\a.ini\", \"line\": 5},"));
    config_case_fini(&it);
    text_fini(&text);
}

static void test_config_include__messages_name_the_file(void **state)
{
    (void)state;
    expect_on(
        &disk,
        "include = %ProgramData%\\x\\bad.ini\n[service]\n[endpoint B]\nlisten = tcp://*:1\nhandler = echo\n",
        "C:\\ProgramData\\x\\bad.ini:1:1: error: an included file cannot include another; write this line into the "
        "first file\n"
        "C:\\ProgramData\\x\\bad.ini:2:2: error: [service] begins in line 2 of t.ini already; put the keys of both "
        "together\n"
        "C:\\ProgramData\\x\\bad.ini:3:11: error: workers: \"99\" is too large; write 0 (one per logical processor), or "
        "1 to 64\n"
        "C:\\ProgramData\\x\\bad.ini:4:1: error: endpoint \"b\" begins in line 3 of t.ini already; give one of them "
        "another name\n"
        "C:\\ProgramData\\x\\bad.ini:5:1: error: no = in this line; write KEY = VALUE, or begin a comment with ; or #\n");
}

static void test_config_include__a_file_is_included_once(void **state)
{
    (void)state;
    expect_on(
        &disk, "include = conf.d\\*.ini\ninclude = CONF.D\\A.ini\n" WEB,
        "t.ini:2:11: error: include: \"CONF.D\\A.ini\" is included twice; line 1 includes a.ini already: "
        "take it out of one of the two\n");
    expect_on(
        &disk, "include = conf.d\\b.ini\ninclude = conf.d\\*.ini\n" WEB,
        "t.ini:2:11: error: include: \"conf.d\\*.ini\" means a file that is included twice; line 1 includes "
        "b.ini already: take it out of one of the two\n");
}

static void test_config_include__tells_what_cannot_be_included(void **state)
{
    static const char *const cases[][2] = {
        {"include = conf.d\\*.txt\n" WEB,
         "t.ini:1:11: warning: include: no file is named like \"conf.d\\*.txt\"; create one, or remove the line\n"},
        {"include = t.ini\n" WEB,
         "t.ini:1:11: warning: include: no file is named like \"t.ini\"; create one, or remove the line\n"},
        {"include = none.ini\n" WEB,
         "t.ini:1:11: error: include: C:\\conf\\none.ini: the file cannot be read, error 2; correct the path, or create "
         "the file\n"},
        {"include = elsewhere\\*.ini\n" WEB,
         "t.ini:1:11: error: include: \"elsewhere\\*.ini\" cannot be looked for; there is no such folder; create it\n"},
        {"include = conf.d\\\n" WEB,
         "t.ini:1:11: error: include: \"conf.d\\\" is no file; write the path of a file, or a pattern such as conf.d\\*.ini\n"},
        {"include = a|b\n" WEB,
         "t.ini:1:11: error: include: \"a|b\" is no file; write the path of a file, or a pattern such as conf.d\\*.ini\n"},
        {"include =\n" WEB,
         "t.ini:1:10: error: include has no value; write the path of a file, or a pattern such as conf.d\\*.ini\n"},
        {"include = %None%\\a.ini\n" WEB, NULL},
        {"include = c*\\a.ini\n" WEB, NULL},
        {WEB "include = a.ini\n",
         "t.ini:4:1: error: \"include\" belongs before the first section; move the line up\n"},
        {"[service]\ninclude = a.ini\n" WEB,
         "t.ini:2:1: error: \"include\" belongs before the first section; move the line up\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i][1] != NULL) {
            expect_on(&disk, cases[i][0], cases[i][1]);
        } else {
            struct config_case it;
            parse_on(&disk, &it, cases[i][0]);
            assert_int_equal(it.problems.errors, 1);
            assert_non_null(strstr(it.problems.text.at, "t.ini:1:11: error: include: "));
            config_case_fini(&it);
        }
    }
}

static void test_config_include__there_is_a_limit(void **state)
{
    (void)state;
    struct disk many = disk;
    many.many = 1001;
    expect_on(
        &many, "include = conf.d\\*.many\n" WEB,
        "t.ini:1:11: error: include: \"conf.d\\*.many\" includes more than 1000 files; put several of them together\n");
}

static void test_config_include__without_a_disk_nothing_is_included(void **state)
{
    (void)state;
    config_case_assert("include = a.ini\n" WEB,
                       "t.ini:1:1: error: nothing can be included here; remove the line\n");
}

static void test_config_include__matches_names(void **state)
{
    static const struct {
        const char *pattern;
        const char *name;
        bool is_match;
    } cases[] = {{"*.ini", "a.ini", true},
                 {"*.ini", "A.INI", true},
                 {"*.ini", ".ini", true},
                 {"*.ini", "a.ini~", false},
                 {"*.ini", "a.inix", false},
                 {"*", "", true},
                 {"?", "", false},
                 {"?", "\xC3\xA4", true},
                 {"??", "\xC3\xA4", false},
                 {"a*b*c", "aXbXbXc", true},
                 {"a*b*c", "aXcXb", false},
                 {"a**", "a", true},
                 {"\xC3\xA4*", "\xC3\xA4x", true},
                 {"a?c", "abc", true},
                 {"a?c", "ac", false},
                 {"?", "\xFF", true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(config_include_matches(cases[i].pattern, cases[i].name), cases[i].is_match);
    }
}

static void test_config_include__survives_a_lack_of_memory(void **state)
{
    (void)state;
    for (int from_then_on = 0; from_then_on < 2; from_then_on++) {
        bool has_failed = true;
        for (size_t nth = 1; has_failed; nth++) {
            struct config_case it;
            failing_memory_arm(nth, from_then_on != 0);
            parse_on(&disk, &it, "include = conf.d\\*.ini\ninclude = one.ini\ninclude = none\\*\n" WEB);
            has_failed = failing_memory_hits() > 0;
            failing_memory_arm(0, false);
            assert_null(it.config);
            assert_int_equal(it.problems.is_out_of_memory, has_failed);
            config_case_fini(&it);
            assert_int_equal(failing_memory_live(), 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_config_include__reads_the_files_in_the_order_of_their_names),
        failing_memory_test(test_config_include__messages_name_the_file),
        failing_memory_test(test_config_include__a_file_is_included_once),
        failing_memory_test(test_config_include__tells_what_cannot_be_included),
        failing_memory_test(test_config_include__there_is_a_limit),
        failing_memory_test(test_config_include__without_a_disk_nothing_is_included),
        failing_memory_test(test_config_include__matches_names),
        failing_memory_test(test_config_include__survives_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
