/* SPDX-License-Identifier: MIT
   Tests of config/config_value.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_value.h"
#include "support/exact.h"
#include "support/support.h"

typedef bool (*number_reader)(const char *at, size_t length, uint64_t *value_out,
                              struct config_fault *fault_out);

static void assert_reads(number_reader read, const char *value, uint64_t expected)
{
    struct config_fault fault;
    uint64_t number = 12345;
    assert_true(read(value, strlen(value), &number, &fault));
    assert_true(number == expected);
}

static void assert_refuses(number_reader read, const char *value, size_t offset, const char *problem,
                           const char *remedy)
{
    struct config_fault fault;
    uint64_t number = 12345;
    assert_false(read(value, strlen(value), &number, &fault));
    assert_string_equal(fault.problem, problem);
    assert_string_equal(fault.remedy, remedy);
    assert_int_equal(fault.offset, offset);
}

static void test_config_value__reads_yes_and_no(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool value;
    } cases[] = {{"yes", true}, {"no", false},  {"true", true}, {"false", false},
                 {"on", true},  {"off", false}, {"YES", true},  {"oFf", false}};
    static const char *const wrong[] = {"1", "0", "y", "yess", "ye", "no no", "enabled"};
    struct config_fault fault;
    bool value = false;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        value = !cases[i].value;
        assert_true(config_value_bool(cases[i].text, strlen(cases[i].text), &value, &fault));
        assert_int_equal(value, cases[i].value);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(config_value_bool(wrong[i], strlen(wrong[i]), &value, &fault));
        assert_int_equal(fault.offset, 0);
        assert_string_equal(fault.remedy, "");
    }
    assert_string_equal(fault.problem, "\"enabled\" is neither yes nor no");
}

static void test_config_value__reads_numbers(void **state)
{
    (void)state;
    assert_reads(config_value_number, "0", 0);
    assert_reads(config_value_number, "7", 7);
    assert_reads(config_value_number, "65535", 65535);
    assert_reads(config_value_number, "18446744073709551615", UINT64_MAX);
}

static void test_config_value__refuses_what_is_no_number(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
        const char *problem;
        const char *remedy;
    } cases[] = {
        {"18446744073709551616", 0, "\"18446744073709551616\" is too large", ""},
        {"99999999999999999999999", 0, "\"99999999999999999999999\" is too large", ""},
        {"-1", 0, "\"-1\" has a sign", ""},
        {"+1", 0, "\"+1\" has a sign", ""},
        {"007", 0, "\"007\" has a leading zero", "leave it out"},
        {"00", 0, "\"00\" has a leading zero", "leave it out"},
        {"0x1F", 0, "\"0x1F\" is hexadecimal", "write the number in decimal"},
        {"0X", 0, "\"0X\" is hexadecimal", "write the number in decimal"},
        {"1.5", 0, "\"1.5\" is not a whole number", ""},
        {"1,000", 0, "\"1,000\" is not a whole number", ""},
        {"abc", 0, "\"abc\" is not a number", ""},
        {"12 3", 2, "\"12 3\" is not a number", ""},
        {"12K", 2, "\"12K\" is not a number", ""},
        {"0b1", 1, "\"0b1\" is not a number", ""},
        {"\xE2\x82\xAC", 0, "\"\xE2\x82\xAC\" is not a number", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_refuses(config_value_number, cases[i].text, cases[i].offset, cases[i].problem,
                       cases[i].remedy);
    }
}

static void test_config_value__reads_durations(void **state)
{
    (void)state;
    assert_reads(config_value_duration, "0", 0);
    assert_reads(config_value_duration, "0s", 0);
    assert_reads(config_value_duration, "500ms", 500);
    assert_reads(config_value_duration, "30s", 30000);
    assert_reads(config_value_duration, "5m", 300000);
    assert_reads(config_value_duration, "2h", 7200000);
    assert_reads(config_value_duration, "365d", UINT64_C(31536000000));
    assert_reads(config_value_duration, "1 S", 1000);
    assert_reads(config_value_duration, "1\t ms", 1);
    assert_reads(config_value_duration, "213503982334d", UINT64_C(213503982334) * 86400000);
}

static void test_config_value__refuses_what_is_no_duration(void **state)
{
    (void)state;
    static const char units[] = "write ms, s, m, h or d behind the number, such as 30s or 5m";
    assert_refuses(config_value_duration, "30", 2, "\"30\" has no unit", units);
    assert_refuses(config_value_duration, "30sec", 2, "\"sec\" is not a unit here", units);
    assert_refuses(config_value_duration, "1h30m", 1, "\"h30m\" is not a unit here", units);
    assert_refuses(config_value_duration, "5 min", 2, "\"min\" is not a unit here", units);
    assert_refuses(config_value_duration, "1w", 1, "\"w\" is not a unit here", units);
    assert_refuses(config_value_duration, "1.5h", 0, "\"1.5h\" is not a whole number", "");
    assert_refuses(config_value_duration, "-1s", 0, "\"-1s\" has a sign", "");
    assert_refuses(config_value_duration, "s", 0, "\"s\" is not a number", "");
    assert_refuses(config_value_duration, "05s", 0, "\"05s\" has a leading zero", "leave it out");
    assert_refuses(config_value_duration, "213503982335d", 0, "\"213503982335d\" is too large", "");
    assert_refuses(config_value_duration, "18446744073709551616ms", 0,
                   "\"18446744073709551616ms\" is too large", "");
}

static void test_config_value__reads_sizes(void **state)
{
    (void)state;
    assert_reads(config_value_size, "0", 0);
    assert_reads(config_value_size, "65507", 65507);
    assert_reads(config_value_size, "64K", 65536);
    assert_reads(config_value_size, "64kb", 65536);
    assert_reads(config_value_size, "10M", 10485760);
    assert_reads(config_value_size, "10 MB", 10485760);
    assert_reads(config_value_size, "1G", 1073741824);
    assert_reads(config_value_size, "1gB", 1073741824);
    assert_reads(config_value_size, "17179869183G", UINT64_C(17179869183) << 30);
}

static void test_config_value__refuses_what_is_no_size(void **state)
{
    (void)state;
    static const char units[] = "write K, M or G behind the number, such as 64K or 10M, or nothing for bytes";
    assert_refuses(config_value_size, "1T", 1, "\"T\" is not a unit here", units);
    assert_refuses(config_value_size, "1KiB", 1, "\"KiB\" is not a unit here", units);
    assert_refuses(config_value_size, "1B", 1, "\"B\" is not a unit here", units);
    assert_refuses(config_value_size, "17179869184G", 0, "\"17179869184G\" is too large", "");
    assert_refuses(config_value_size, "M", 0, "\"M\" is not a number", "");
}

static void test_config_value__finds_choices_and_near_misses(void **state)
{
    (void)state;
    static const char *const choices[] = {"error", "warning", "info", "debug", NULL};
    static const struct {
        const char *text;
        const char *problem;
        const char *remedy;
    } wrong[] = {
        {"warn", "\"warn\" is not known", "did you mean warning?"},
        {"inof", "\"inof\" is not known", "did you mean info?"},
        {"errors", "\"errors\" is not known", "did you mean error?"},
        {"verbose", "\"verbose\" is not known", ""},
        {"2", "\"2\" is not known", ""},
    };
    struct config_fault fault;
    uint64_t value = 99;
    assert_true(config_value_choice("error", 5, choices, &value, &fault));
    assert_int_equal(value, 0);
    assert_true(config_value_choice("Debug", 5, choices, &value, &fault));
    assert_int_equal(value, 3);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(config_value_choice(wrong[i].text, strlen(wrong[i].text), choices, &value, &fault));
        assert_string_equal(fault.problem, wrong[i].problem);
        assert_string_equal(fault.remedy, wrong[i].remedy);
    }
}

static void test_config_value__checks_names(void **state)
{
    (void)state;
    static const char remedy[] = "a name is 1 to 64 letters, digits, dots, underscores and hyphens";
    char longest[CONFIG_VALUE_NAME_MAX + 2];
    struct config_fault fault;
    memset(longest, 'x', sizeof longest);
    assert_true(config_value_name("web", 3, &fault));
    assert_true(config_value_name("A-Z_a.z09", 9, &fault));
    assert_true(config_value_name(longest, CONFIG_VALUE_NAME_MAX, &fault));
    assert_false(config_value_name(longest, CONFIG_VALUE_NAME_MAX + 1, &fault));
    assert_int_equal(fault.offset, CONFIG_VALUE_NAME_MAX);
    assert_string_equal(fault.remedy, remedy);
    static const struct {
        const char *text;
        size_t offset;
        const char *problem;
    } wrong[] = {
        {"my web", 2, "\" \" cannot be in a name"},
        {"a/b", 1, "\"/\" cannot be in a name"},
        {"b\xC3\xA4", 1, "\"\xC3\xA4\" cannot be in a name"},
        {"a:b", 1, "\":\" cannot be in a name"},
        {"@", 0, "\"@\" cannot be in a name"},
        {"[", 0, "\"[\" cannot be in a name"},
        {"`", 0, "\"`\" cannot be in a name"},
        {"{", 0, "\"{\" cannot be in a name"},
        {"a\x01", 1, "\"\\x01\" cannot be in a name"},
        {"a\xFF", 1, "\"\\xFF\" cannot be in a name"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(config_value_name(wrong[i].text, strlen(wrong[i].text), &fault));
        assert_int_equal(fault.offset, wrong[i].offset);
        assert_string_equal(fault.problem, wrong[i].problem);
        assert_string_equal(fault.remedy, remedy);
    }
    assert_false(config_value_name("a\0b", 3, &fault));
    assert_int_equal(fault.offset, 1);
}

static void test_config_value__takes_a_list_apart(void **state)
{
    (void)state;
    static const char text[] = " a,\xC3\xA4 b ,,c";
    static const struct {
        const char *text;
        uint32_t column;
    } expected[] = {{"a", 12}, {"\xC3\xA4 b", 14}, {"", 19}, {"c", 20}};
    struct config_span list = {.at = text, .length = sizeof text - 1, .column = 11};
    struct config_span item;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(config_value_take_item(&list, &item));
        assert_int_equal(item.length, strlen(expected[i].text));
        assert_memory_equal(item.at, expected[i].text, item.length);
        assert_int_equal(item.column, expected[i].column);
    }
    assert_false(config_value_take_item(&list, &item));
    list = (struct config_span){.at = "a,", .length = 2, .column = 1};
    assert_true(config_value_take_item(&list, &item));
    assert_true(config_value_take_item(&list, &item));
    assert_int_equal(item.length, 0);
    assert_int_equal(item.column, 3);
    assert_false(config_value_take_item(&list, &item));
}

static void test_config_value__writes_amounts_as_short_as_it_can(void **state)
{
    (void)state;
    static const struct {
        uint64_t number;
        const char *duration;
        const char *size;
    } cases[] = {
        {0, "0", "0"},
        {1, "1ms", "1"},
        {1000, "1s", "1000"},
        {1500, "1500ms", "1500"},
        {90000, "90s", "90000"},
        {300000, "5m", "300000"},
        {7200000, "2h", "7200000"},
        {172800000, "2d", "168750K"},
        {65536, "65536ms", "64K"},
        {1048576, "1048576ms", "1M"},
        {UINT64_C(107374182400), "107374182400ms", "100G"},
        {UINT64_MAX, "18446744073709551615ms", "18446744073709551615"},
    };
    char room[64];
    struct text text;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        text_init(&text, room, sizeof room);
        config_value_add_duration(&text, cases[i].number);
        assert_string_equal(room, cases[i].duration);
        text_init(&text, room, sizeof room);
        config_value_add_size(&text, cases[i].number);
        assert_string_equal(room, cases[i].size);
    }
}

static void test_config_value__reads_ratios(void **state)
{
    (void)state;
    assert_reads(config_value_ratio, "0", 0);
    assert_reads(config_value_ratio, "1", 1000);
    assert_reads(config_value_ratio, "1.0", 1000);
    assert_reads(config_value_ratio, "0.5", 500);
    assert_reads(config_value_ratio, "0.05", 50);
    assert_reads(config_value_ratio, "0.005", 5);
    assert_reads(config_value_ratio, "12.345", 12345);
    assert_reads(config_value_ratio, "18446744073709550.999", UINT64_C(18446744073709550999));
}

static void test_config_value__refuses_what_is_no_ratio(void **state)
{
    (void)state;
    static const char digits[] = "write one to three digits behind the point";
    assert_refuses(config_value_ratio, ".5", 0, "\".5\" begins with a point", "write 0 before it");
    assert_refuses(config_value_ratio, ".", 0, "\".\" begins with a point", "write 0 before it");
    assert_refuses(config_value_ratio, "1,5", 0, "\"1,5\" has a comma", "write a point in its place");
    assert_refuses(config_value_ratio, "1.", 1, "\"1.\" is not a ratio", digits);
    assert_refuses(config_value_ratio, "1.0000", 1, "\"1.0000\" is not a ratio", digits);
    assert_refuses(config_value_ratio, "1.2.3", 1, "\"1.2.3\" is not a ratio", digits);
    assert_refuses(config_value_ratio, "1.x", 1, "\"1.x\" is not a ratio", digits);
    assert_refuses(config_value_ratio, "1.5 ", 1, "\"1.5 \" is not a ratio", digits);
    assert_refuses(config_value_ratio, "1/2", 1, "\"1/2\" is not a number", "");
    assert_refuses(config_value_ratio, "-1.0", 0, "\"-1\" has a sign", "");
    assert_refuses(config_value_ratio, "01.0", 0, "\"01\" has a leading zero", "leave it out");
    assert_refuses(config_value_ratio, "18446744073709551", 0, "\"18446744073709551\" is too large", "");
    assert_refuses(config_value_ratio, "99999999999999999999", 0, "\"99999999999999999999\" is too large",
                   "");
}

static void test_config_value__writes_ratios_with_a_point(void **state)
{
    (void)state;
    static const struct {
        uint64_t thousandths;
        const char *text;
    } cases[] = {{0, "0"},        {1, "0.001"},  {10, "0.01"},        {100, "0.1"},
                 {999, "0.999"},  {1000, "1.0"}, {1010, "1.01"},      {1001, "1.001"},
                 {10000, "10.0"}, {2500, "2.5"}, {1000000, "1000.0"}, {UINT64_MAX, "18446744073709551.615"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char room[64];
        struct text text;
        text_init(&text, room, sizeof room);
        config_value_add_ratio(&text, cases[i].thousandths);
        assert_string_equal(room, cases[i].text);
    }
}

static void assert_quoted(const char *at, size_t length, const char *expected)
{
    char room[512];
    struct text text;
    text_init(&text, room, sizeof room);
    config_value_add_quoted(&text, at, length);
    assert_string_equal(room, expected);
}

static void test_config_value__quotes_what_was_written(void **state)
{
    (void)state;
    static const char x63[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    char long_text[80] = "";
    char expected[80] = "";
    assert_quoted("", 0, "\"\"");
    assert_quoted("C:\\a\\", 5, "\"C:\\a\\\"");
    assert_quoted("a\x1B[1m\tb\x7F", 8, "\"a\\x1B[1m\\tb\\x7F\"");
    assert_int_equal(strlen(x63), 63);
    exact_put(long_text, x63);
    exact_put(long_text + 63, "\xE2\x82\xAC!");
    exact_put(expected, "\"");
    exact_put(expected + 1, x63);
    exact_put(expected + 64, "...\""); /* the character at the border is left out, not cut */
    assert_quoted(long_text, strlen(long_text), expected);
    assert_quoted("\x80\x80", 2, "\"\\x80\\x80\"");
    memset(long_text, 0x80, sizeof long_text);
    assert_quoted(long_text, sizeof long_text, "\"...\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_config_value__reads_yes_and_no),
        support_test(test_config_value__reads_numbers),
        support_test(test_config_value__refuses_what_is_no_number),
        support_test(test_config_value__reads_durations),
        support_test(test_config_value__refuses_what_is_no_duration),
        support_test(test_config_value__reads_sizes),
        support_test(test_config_value__refuses_what_is_no_size),
        support_test(test_config_value__finds_choices_and_near_misses),
        support_test(test_config_value__checks_names),
        support_test(test_config_value__takes_a_list_apart),
        support_test(test_config_value__writes_amounts_as_short_as_it_can),
        support_test(test_config_value__reads_ratios),
        support_test(test_config_value__refuses_what_is_no_ratio),
        support_test(test_config_value__writes_ratios_with_a_point),
        support_test(test_config_value__quotes_what_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
