/* SPDX-License-Identifier: MIT
   Tests of base/utf16.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "support/fault.h"
#include "support/support.h"

static void assert_from(const char *utf8, const WCHAR *expected)
{
    WCHAR *utf16 = utf16_from(utf8);
    assert_non_null(utf16);
    assert_int_equal(wcslen(utf16), wcslen(expected));
    assert_memory_equal(utf16, expected, (wcslen(expected) + 1) * sizeof *expected);
    memory_free(utf16);
}

static void assert_to_utf8(const WCHAR *utf16, const char *expected)
{
    char *utf8 = utf16_to_utf8(utf16);
    assert_non_null(utf8);
    assert_string_equal(utf8, expected);
    memory_free(utf8);
}

static void test_utf16__goes_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *utf8;
        WCHAR utf16[16];
    } rows[] = {
        {"", L""},
        {"C:\\logs\\a.log", L"C:\\logs\\a.log"},
        {"\xC3\xA9", {0xE9, 0}},
        {"\xE2\x82\xAC", {0x20AC, 0}},
        {"\xEF\xBF\xBF", {0xFFFF, 0}},
        {"\xF0\x9F\x98\x80", {0xD83D, 0xDE00, 0}}, /* a pair of surrogates */
        {"\xF4\x8F\xBF\xBF", {0xDBFF, 0xDFFF, 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_from(rows[i].utf8, rows[i].utf16);
        assert_to_utf8(rows[i].utf16, rows[i].utf8);
    }
}

static void test_utf16__replaces_what_is_invalid(void **state)
{
    (void)state;
    assert_from("a\xFFz", (const WCHAR[]){'a', 0xFFFD, 'z', 0});
    assert_to_utf8((const WCHAR[]){'a', 0xD83D, 'z', 0}, "a\xEF\xBF\xBDz"); /* the first half alone */
    assert_to_utf8((const WCHAR[]){'a', 0xDE00, 'z', 0}, "a\xEF\xBF\xBDz"); /* the second half alone */
    assert_to_utf8((const WCHAR[]){0xD83D, 0}, "\xEF\xBF\xBD");
}

static void test_utf16__is_added_to_a_text(void **state)
{
    (void)state;
    char buffer[8];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    text_add_string(&text, "a");
    utf16_add(&text, (const WCHAR[]){0xE9, 0});
    assert_string_equal(text.at, "a\xC3\xA9");
    utf16_add(&text, (const WCHAR[]){'b', 0x20AC, 0x20AC, 0}); /* the second does not fit */
    assert_string_equal(text.at, "a\xC3\xA9"
                                 "b\xE2\x82\xAC");
    assert_true(text.is_cut);
}

static void test_utf16__words_an_error_on_one_line(void **state)
{
    (void)state;
    static const DWORD errors[] = {ERROR_FILE_NOT_FOUND, ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION,
                                   ERROR_DISK_FULL};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        char buffer[1024], begin[32];
        struct text text, expected;
        text_init(&text, buffer, sizeof buffer);
        text_init(&expected, begin, sizeof begin);
        text_add_format(&expected, "error %lu: ", (unsigned long)errors[i]);
        utf16_add_error(&text, errors[i]);
        assert_memory_equal(text.at, begin, expected.length);
        assert_true(text.length > expected.length);
        assert_null(strpbrk(text.at, "\r\n"));
        assert_int_not_equal(text.at[text.length - 1], '.');
        assert_int_not_equal(text.at[text.length - 1], ' ');
    }
}

static void test_utf16__tells_the_number_of_an_unknown_error(void **state)
{
    (void)state;
    char buffer[64];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    utf16_add_error(&text, 0x2FFFFFFF);
    assert_string_equal(text.at, "error 805306367");
}

static void test_utf16__needs_memory(void **state)
{
    (void)state;
    char buffer[8];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    fault_arm(IMPORT_HeapAlloc, 1, 0, 3);
    assert_null(utf16_from("a"));
    assert_null(utf16_to_utf8(L"a"));
    utf16_add(&text, L"a");
    assert_string_equal(text.at, "");
    assert_true(text.is_cut);
    assert_int_equal(fault_hits(), 3);
}

/* Neither the length nor the text: half of one would be a path that nobody named. */
static void test_utf16__gives_all_of_a_text_or_nothing(void **state)
{
    (void)state;
    for (uint32_t nth = 1; nth <= 2; nth++) {
        fault_arm(IMPORT_MultiByteToWideChar, nth, ERROR_NO_UNICODE_TRANSLATION, 1);
        assert_null(utf16_from("a"));
        fault_arm(IMPORT_WideCharToMultiByte, nth, ERROR_NO_UNICODE_TRANSLATION, 1);
        assert_null(utf16_to_utf8(L"a"));
    }
    assert_int_equal(fault_hits(), 4);
}

static void test_utf16__is_made_whole_or_not_at_all(void **state)
{
    (void)state;
    WCHAR *made = utf16_make("\\\\.\\%s-%d", "\xC3\xA9", 7);
    assert_non_null(made);
    assert_int_equal(wcscmp(made, (const WCHAR[]){'\\', '\\', '.', '\\', 0xE9, '-', '7', 0}), 0);
    memory_free(made);
    for (uint32_t nth = 1; nth <= 2; nth++) { /* of the text, then of its UTF-16 */
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        assert_null(utf16_make("%s", "a"));
        assert_int_equal(fault_hits(), nth);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_utf16__goes_both_ways),
        support_test(test_utf16__replaces_what_is_invalid),
        support_test(test_utf16__is_added_to_a_text),
        support_test(test_utf16__words_an_error_on_one_line),
        support_test(test_utf16__tells_the_number_of_an_unknown_error),
        support_test(test_utf16__needs_memory),
        support_test(test_utf16__gives_all_of_a_text_or_nothing),
        support_test(test_utf16__is_made_whole_or_not_at_all),
    };
    return cmocka_run_group_tests_name("utf16", tests, NULL, NULL);
}
