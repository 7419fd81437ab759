/* SPDX-License-Identifier: MIT
   Tests of handler/qotd.c: what it makes of a file, and what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "handler/qotd.h"
#include "support/exact.h"
#include "support/failing_memory.h"
#include "support/lone_host.h"
#include "support/scratch_file.h"

#define NAME     "test_qotd.txt"
#define NO_QUOTE "there is no quote in it; write some, with a line of a single % between them"

enum { LARGEST = 1024 * 1024, ASKS = 200 };

static struct lone_host host;

static int32_t start(void)
{
    const struct lone_option options[LONE_HOST_OPTIONS] = {lone_host_text("file", NAME)};
    lone_host_init(&host, &qotd_handler, options);
    return lone_host_start(&host);
}

static void start_with(const char *at, size_t length)
{
    scratch_file_write(NAME, at, length);
    if (start() != PL_OK) {
        fail_msg("%s", host.error);
    }
}

static void assert_fails(const char *at, size_t length, const char *message)
{
    char expected[400] = NAME ": ";
    scratch_file_write(NAME, at, length);
    assert_int_equal(start(), PL_INVALID);
    strncat(expected, message, sizeof expected - strlen(expected) - 1);
    assert_string_equal(host.error, expected);
}

static void test_qotd__says_quotes_as_lines_of_text(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        const char *said;
    } rows[] = {
        {"One.", "One.\r\n"},
        {"One.\n", "One.\r\n"},
        {"One.\r\n\tTwo. \r\n", "One.\r\n\tTwo.\r\n"},
        {"One.\n\nTwo.\n%\n", "One.\r\n\r\nTwo.\r\n"},
        {"\xEF\xBB\xBFOne.\n", "One.\r\n"},
        {"%\n%\n\n%  \r\nOne.\n%", "One.\r\n"},
        {"100 %\n%%\n", "100 %\r\n%%\r\n"},
        {"Gr\xC3\xBC\xC3\x9F"
         "e\n",
         "Gr\xC3\xBC\xC3\x9F"
         "e\r\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start_with(rows[i].file, strlen(rows[i].file));
        lone_host_connect(&host);
        lone_host_assert_sent(&host, rows[i].said, strlen(rows[i].said));
        assert_int_equal(host.closed, PL_GRACEFUL);
        lone_host_ask(&host, 65507);
        lone_host_assert_sent(&host, rows[i].said, strlen(rows[i].said));
        lone_host_stop(&host);
    }
}

static void test_qotd__says_each_quote_about_as_often(void **state)
{
    (void)state;
    static const char file[] = "a\n%\nb\n%\nc\n%\nd\n";
    int said[4] = {0};
    start_with(file, sizeof file - 1);
    for (int i = 0; i < ASKS; i++) {
        lone_host_connect(&host);
        assert_int_equal(host.length, 3);
        assert_in_range(host.sent[0], 'a', 'd');
        said[host.sent[0] - 'a']++;
    }
    lone_host_stop(&host);
    for (size_t i = 0; i < 4; i++) {
        assert_in_range(said[i], ASKS / 8, ASKS / 2);
    }
}

/* Not inside a character; and whole where nothing would be left, so that the host tells that it was dropped. */
static void test_qotd__over_udp_is_cut_to_what_is_allowed(void **state)
{
    (void)state;
    static const char file[] = "\xC3\xBC"
                               "ber\xE2\x82\xAC!";
    static const struct {
        uint32_t allowed;
        size_t said;
    } rows[] = {{0, 11}, {1, 11},  {2, 2},   {5, 5},   {6, 5},     {7, 5},
                {8, 8},  {10, 10}, {11, 11}, {12, 11}, {65507, 11}};
    start_with(file, sizeof file - 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        lone_host_ask(&host, rows[i].allowed);
        lone_host_assert_sent(&host,
                              "\xC3\xBC"
                              "ber\xE2\x82\xAC!\r\n",
                              rows[i].said);
    }
    lone_host_stop(&host);
}

static void test_qotd__takes_quotes_of_up_to_511_bytes(void **state)
{
    (void)state;
    char file[1024];
    memset(file, 'x', sizeof file);
    file[100] = '\n'; /* as it is said, 102 and 409 bytes */
    start_with(file, 508);
    lone_host_connect(&host);
    assert_int_equal(host.length, 511);
    lone_host_stop(&host);
    assert_fails(file, 509, "the quote at line 1 is 512 bytes long; make it 511 or less, as RFC 865 has it");
    exact_put(file, "a\n%\nb\n%\n");
    file[600] = '\n';
    file[601] = '%';
    assert_fails(file, 602, "the quote at line 5 is 595 bytes long; make it 511 or less, as RFC 865 has it");
}

static void test_qotd__does_not_start_without_a_quote(void **state)
{
    (void)state;
    char *large = calloc(1, LARGEST + 1);
    assert_non_null(large);
    memset(large, '\n', LARGEST + 1);
    assert_fails("", 0, "the file is empty; write into it what is to be said");
    assert_fails("\xEF\xBB\xBF", 3, "the file is empty; write into it what is to be said");
    assert_fails("\n%\n\n%\n", 6, NO_QUOTE);
    assert_fails(large, LARGEST, NO_QUOTE);
    assert_fails(large, LARGEST + 1, "the file is larger than 1048576 bytes; make it shorter");
    assert_fails("a\nb\xFC\n", 5, "line 2 of the file is not UTF-8; save it as UTF-8");
    assert_fails("\xFF\xFE"
                 "a\0",
                 4, "line 1 of the file is not UTF-8; save it as UTF-8");
    free(large);
}

static void test_qotd__says_that_its_file_is_missing(void **state)
{
    (void)state;
    static const char begin[] = NAME ": the file cannot be read, ";
    static const char end[] = "; correct the path, or create the file";
    scratch_file_remove(NAME);
    assert_int_equal(start(), PL_INVALID);
    assert_memory_equal(host.error, begin, sizeof begin - 1);
    assert_string_equal(host.error + strlen(host.error) - (sizeof end - 1), end);
}

static void test_qotd__tells_that_memory_is_out(void **state)
{
    (void)state;
    static const char end[] = "out of memory; end other programs and try again";
    char file[4096];
    size_t nth = 0;
    memset(file, 'x', sizeof file);
    for (size_t i = 99; i < sizeof file; i += 100) {
        exact_put(file + i - 2, "\n%\n");
    }
    scratch_file_write(NAME, file, sizeof file);
    for (bool has_failed = true; has_failed;) {
        failing_memory_arm(++nth, false);
        const int32_t result = start();
        has_failed = failing_memory_hits() > 0;
        failing_memory_arm(0, false);
        if (has_failed) {
            assert_int_equal(result < 0, 1);
            assert_string_equal(host.error + strlen(host.error) - (sizeof end - 1), end);
        } else {
            assert_int_equal(result, PL_OK);
            lone_host_stop(&host);
        }
        assert_int_equal(failing_memory_live(), 0);
    }
    assert_true(nth > 6);
}

static int teardown(void **state)
{
    scratch_file_remove(NAME);
    return failing_memory_teardown(state);
}

#define qotd_test(test) cmocka_unit_test_setup_teardown(test, failing_memory_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        qotd_test(test_qotd__says_quotes_as_lines_of_text),
        qotd_test(test_qotd__says_each_quote_about_as_often),
        qotd_test(test_qotd__over_udp_is_cut_to_what_is_allowed),
        qotd_test(test_qotd__takes_quotes_of_up_to_511_bytes),
        qotd_test(test_qotd__does_not_start_without_a_quote),
        qotd_test(test_qotd__says_that_its_file_is_missing),
        qotd_test(test_qotd__tells_that_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
