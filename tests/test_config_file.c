/* SPDX-License-Identifier: MIT
   Tests of config/config_file.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "config/config_file.h"
#include "support/exact.h"
#include "support/support.h"

/* Every item of the text, one a line: "3: section 2:web", "4: key 1:a = 5:b", "5!2: what is wrong". */
static void describe(struct text *out, const char *text, size_t length)
{
    struct config_file file;
    struct config_item item;
    config_file_init(&file, text, length);
    while (config_file_next(&file, &item)) {
        if (item.problem != NULL) {
            text_add_format(out, "%lu!%lu: %s\n", (unsigned long)item.line,
                            (unsigned long)item.problem_column, item.problem);
        }
        if (item.kind == CONFIG_ITEM_SECTION) {
            text_add_format(out, "%lu: section %lu:%.*s\n", (unsigned long)item.line,
                            (unsigned long)item.name.column, (int)item.name.length, item.name.at);
        } else if (item.kind == CONFIG_ITEM_ENTRY) {
            text_add_format(out, "%lu: key %lu:%.*s = %lu:%.*s\n", (unsigned long)item.line,
                            (unsigned long)item.name.column, (int)item.name.length, item.name.at,
                            (unsigned long)item.value.column, (int)item.value.length, item.value.at);
        } else {
            assert_non_null(item.problem);
            text_add_string(out, item.may_be_section ? "  a section?\n" : "");
        }
    }
    assert_false(config_file_next(&file, &item));
}

/* The text in a block of just its size, so that a sanitizer sees a read behind it. */
static void assert_items(const char *text, size_t length, const char *expected)
{
    struct text out;
    char *copy = exact_copy(text, length);
    text_init_heap(&out);
    describe(&out, copy, length);
    free(copy);
    assert_string_equal(out.at, expected);
    text_fini(&out);
}

#define assert_file(text, expected) assert_items((text), sizeof(text) - 1, (expected))

static void test_config_file__reads_sections_and_entries(void **state)
{
    (void)state;
    assert_file("", "");
    assert_file("[a]\nb = c\n", "1: section 2:a\n2: key 1:b = 5:c\n");
    assert_file("[a]\nb=c", "1: section 2:a\n2: key 1:b = 3:c\n");
    assert_file("  [ a  b ]  \n\t key one\t= value = 2 \t\n",
                "1: section 5:a  b\n2: key 3:key one = 13:value = 2\n");
    assert_file("[a]\nb =\n", "1: section 2:a\n2: key 1:b = 4:\n");
    assert_file("[a]\nb = \t \n", "1: section 2:a\n2: key 1:b = 4:\n");
    assert_file("[]\n[a][b", "1: section 2:\n"
                             "2!4: text behind the section; put it, also a comment, on a line of its own\n"
                             "2: section 2:a\n");
}

static void test_config_file__passes_over_comments_and_empty_lines(void **state)
{
    (void)state;
    assert_file("; one\n  # two\n\n \t\n[a]\n;b = c\n#d", "5: section 2:a\n");
    assert_file("[a]\nb = c ; d # e\n", "1: section 2:a\n2: key 1:b = 5:c ; d # e\n");
}

static void test_config_file__knows_all_ends_of_lines(void **state)
{
    (void)state;
    assert_file("[a]\r\nb=1\rc=2\n\rd=3\r\n",
                "1: section 2:a\n2: key 1:b = 3:1\n3: key 1:c = 3:2\n5: key 1:d = 3:3\n");
    assert_file("[a]\r", "1: section 2:a\n");
    assert_file("\r\r\n\n[a]", "4: section 2:a\n");
}

static void test_config_file__passes_over_a_byte_order_mark(void **state)
{
    (void)state;
    assert_file("\xEF\xBB\xBF[a]\nb = c\n", "1: section 2:a\n2: key 1:b = 5:c\n");
    assert_file("\xEF\xBB\xBF", "");
    assert_file("[a]\n\xEF\xBB\xBF"
                "b=1\n",
                "1: section 2:a\n2: key 1:\xEF\xBB\xBF"
                "b = 4:1\n");
    assert_file("\xEF\xBB", "1!1: this character is not UTF-8; save the file as UTF-8\n");
}

static void test_config_file__counts_columns_in_characters(void **state)
{
    (void)state;
    assert_file("[\xC3\xA4] x\n",
                "1!5: text behind the section; put it, also a comment, on a line of its own\n"
                "1: section 2:\xC3\xA4\n");
    assert_file("[a]\n\xE2\x82\xAC\xF0\x9F\x98\x80 = b\n", "1: section 2:a\n"
                                                           "2: key 1:\xE2\x82\xAC\xF0\x9F\x98\x80 = 6:b\n");
    assert_int_equal(config_file_characters("\xE2\x82\xAC\xFF\xC3", 5), 3);
    assert_int_equal(config_file_characters("", 0), 0);
}

static void test_config_file__tells_what_is_wrong_with_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"[a\n", "1!1: this [ has no ]; write [SECTION]\n1: section 2:a\n"},
        {" [ a \nb=1\n", "1!2: this [ has no ]; write [SECTION]\n1: section 4:a\n2: key 1:b = 3:1\n"},
        {"[", "1!1: this [ has no ]; write [SECTION]\n1: section 2:\n"},
        {"[a]b\n",
         "1!4: text behind the section; put it, also a comment, on a line of its own\n1: section 2:a\n"},
        {"[a] ; b\n",
         "1!5: text behind the section; put it, also a comment, on a line of its own\n1: section 2:a\n"},
        {"[a]\n = 5\n", "1: section 2:a\n2!2: no key before the =; write KEY = VALUE\n"},
        {"= 5\n", "1!1: no key before the =; write KEY = VALUE\n"},
        {"b = 5\nc = 6\n[a]\n",
         "1!1: a key before the first section; write the line of its section, such as [service], above it\n"
         "2: key 1:c = 5:6\n3: section 2:a\n"},
        {"]\n", "1!1: no = in this line; write KEY = VALUE, or begin a comment with ; or #\n"},
        {"[a]\n -- b\n",
         "1: section 2:a\n2!2: no = in this line; write KEY = VALUE, or begin a comment with ; or #\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_items(cases[i].text, strlen(cases[i].text), cases[i].expected);
    }
}

static void test_config_file__tells_what_is_not_text(void **state)
{
    (void)state;
    assert_file("[a]\nb=\0c\n; M\xFC\nb=\xC3\xA4\xC3(\n#\xED\xA0\x80\nb=1\n",
                "1: section 2:a\n"
                "2!3: a NUL byte, so this is not text, or the file is damaged; restore it\n"
                "3!4: this character is not UTF-8; save the file as UTF-8\n"
                "4!4: this character is not UTF-8; save the file as UTF-8\n"
                "5!2: this character is not UTF-8; save the file as UTF-8\n"
                "6: key 1:b = 3:1\n");
    assert_file(" [\xFF]\n", "1!3: this character is not UTF-8; save the file as UTF-8\n  a section?\n");
    assert_file("\0\0\0", "1!1: a NUL byte, so this is not text, or the file is damaged; restore it\n");
    assert_file("\0", "1!1: a NUL byte, so this is not text, or the file is damaged; restore it\n");
}

static void test_config_file__refuses_utf16_at_once(void **state)
{
    (void)state;
    static const char expected[] = "1!1: the file is UTF-16; save it as UTF-8\n";
    assert_file("\xFF\xFE[\0a\0]\0\n\0", expected);
    assert_file("\xFE\xFF\0[\0a\0]\0\n", expected);
    assert_file("[\0a\0]\0\n\0", expected);
    assert_file("\0[\0a\0]\0\n", expected);
    assert_file("\xFF\xFE", expected);
}

/* A long list, say. */
static void test_config_file__takes_a_line_as_long_as_the_file(void **state)
{
    (void)state;
    char *text = malloc(CONFIG_FILE_SIZE_MAX);
    struct config_file file;
    struct config_item item;
    assert_non_null(text);
    memset(text, 'x', CONFIG_FILE_SIZE_MAX);
    exact_put(text, "[a]\nb = ");
    config_file_init(&file, text, CONFIG_FILE_SIZE_MAX);
    assert_true(config_file_next(&file, &item));
    assert_int_equal(item.kind, CONFIG_ITEM_SECTION);
    assert_true(config_file_next(&file, &item));
    assert_int_equal(item.kind, CONFIG_ITEM_ENTRY);
    assert_null(item.problem);
    assert_int_equal(item.value.length, CONFIG_FILE_SIZE_MAX - 8);
    assert_false(config_file_next(&file, &item));
    free(text);
}

static void test_config_file__bounds_the_size_of_the_file(void **state)
{
    (void)state;
    char *text = malloc(CONFIG_FILE_SIZE_MAX + 1);
    assert_non_null(text);
    memset(text, '\n', CONFIG_FILE_SIZE_MAX + 1);
    exact_put(text + CONFIG_FILE_SIZE_MAX - 3, "[a]");
    assert_items(text, CONFIG_FILE_SIZE_MAX, "4194302: section 2:a\n");
    assert_items(
        text, CONFIG_FILE_SIZE_MAX + 1,
        "1!1: the file is larger than 4 MB, so this is hardly a configuration; give the right file\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_config_file__reads_sections_and_entries),
        support_test(test_config_file__passes_over_comments_and_empty_lines),
        support_test(test_config_file__knows_all_ends_of_lines),
        support_test(test_config_file__passes_over_a_byte_order_mark),
        support_test(test_config_file__counts_columns_in_characters),
        support_test(test_config_file__tells_what_is_wrong_with_a_line),
        support_test(test_config_file__tells_what_is_not_text),
        support_test(test_config_file__refuses_utf16_at_once),
        support_test(test_config_file__takes_a_line_as_long_as_the_file),
        support_test(test_config_file__bounds_the_size_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
