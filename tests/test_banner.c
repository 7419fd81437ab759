/* SPDX-License-Identifier: MIT
   Tests of handler/banner.c: what it says, from a text and from a file, and what comes then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/civil_time.h"
#include "handler/banner.h"
#include "support/failing_memory.h"
#include "support/lone_host.h"
#include "support/scratch_file.h"

#define NAME     "test_banner.txt"
#define USUAL    "%CLIENT% at %ENDPOINT%, %TIME%\r\n"
#define TOO_LONG "with addresses and names in their places its text is over 4096 bytes; shorten it"

enum { LARGEST = 4096, TIME_LENGTH = 20 };

static struct lone_host host;

/* `file` NULL: none. */
static int32_t start(const char *text, const char *file, bool waits)
{
    struct lone_option options[LONE_HOST_OPTIONS] = {lone_host_text("text", text)};
    options[1] = (struct lone_option){.name = "then", .number = waits};
    if (file != NULL) {
        options[2] = lone_host_text("file", file);
    }
    lone_host_init(&host, &banner_handler, options);
    return lone_host_start(&host);
}

static void start_with(const char *text)
{
    if (start(text, NULL, false) != PL_OK) {
        fail_msg("%s", host.error);
    }
}

static void test_banner__says_its_text_with_what_belongs_in_its_places(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *said;
    } rows[] = {
        {"hello", "hello"},
        {"220 ready\r\n", "220 ready\r\n"},
        {"%CLIENT%", "192.0.2.1:1000"},
        {"%ENDPOINT%", "lone"},
        {"<%ENDPOINT%%CLIENT%>%ENDPOINT%", "<lone192.0.2.1:1000>lone"},
        {"%", "%"},
        {"100 %, 5% %client% %CLIENT %X%CLIENT%", "100 %, 5% %client% %CLIENT %X192.0.2.1:1000"},
        {"%ENDPOINT", "%ENDPOINT"},
        {"%%ENDPOINT%%", "%lone%"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start_with(rows[i].text);
        lone_host_connect(&host);
        lone_host_assert_sent(&host, rows[i].said, strlen(rows[i].said));
        assert_int_equal(host.closed, PL_GRACEFUL);
        lone_host_ask(&host, 1); /* whole: the host drops what is too long */
        lone_host_assert_sent(&host, rows[i].said, strlen(rows[i].said));
        lone_host_stop(&host);
    }
}

static void test_banner__says_the_time(void **state)
{
    (void)state;
    const time_t before = time(NULL);
    bool is_right = false;
    start_with("%TIME%");
    lone_host_connect(&host);
    const time_t after = time(NULL);
    assert_int_equal(host.length, TIME_LENGTH);
    for (time_t moment = before; moment <= after; moment++) {
        char expected[64];
        const struct tm utc = civil_time_utc(moment);
        assert_int_equal(strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &utc), TIME_LENGTH);
        is_right |= memcmp(host.sent, expected, TIME_LENGTH) == 0;
    }
    assert_true(is_right);
    lone_host_stop(&host);
}

static void test_banner__names_a_client_of_ipv6(void **state)
{
    (void)state;
    start_with("%CLIENT%");
    host.peer = (pl_address){.family = 6, .port = 80, .ip = {0x20, 1, 0xD, 0xB8, [15] = 1}};
    lone_host_connect(&host);
    lone_host_assert_sent(&host, "[2001:db8::1]:80", 16);
    lone_host_stop(&host);
}

static void test_banner__waits_for_the_client_when_told_so(void **state)
{
    (void)state;
    assert_int_equal(start("hello", NULL, true), PL_OK);
    lone_host_connect(&host);
    lone_host_assert_sent(&host, "hello", 5);
    assert_int_equal(host.closed, LONE_HOST_OPEN);
    lone_host_stop(&host);
}

static void test_banner__says_what_is_in_its_file(void **state)
{
    (void)state;
    static const char file[] = "\xEF\xBB\xBFWelcome to %ENDPOINT%\n\n";
    scratch_file_write(NAME, file, sizeof file - 1);
    assert_int_equal(start(USUAL, NAME, false), PL_OK);
    lone_host_connect(&host);
    lone_host_assert_sent(&host, "Welcome to lone\n\n", 17);
    lone_host_stop(&host);
}

static void test_banner__takes_no_text_besides_a_file(void **state)
{
    (void)state;
    static const char message[] = "it has both a text and a file; leave one of them out";
    scratch_file_write(NAME, "hello", 5);
    assert_int_equal(start("hello", NAME, false), PL_INVALID);
    assert_string_equal(host.error, message);
    static const char other[] = "%CLIENT% at %ENDPOINT%, %TIME%!\n"; /* as long as the usual one */
    assert_int_equal(start(other, NAME, false), PL_INVALID);
    assert_string_equal(host.error, message);
}

static void test_banner__does_not_start_with_a_file_that_will_not_do(void **state)
{
    (void)state;
    static const char missing[] = NAME ": the file cannot be read, ";
    scratch_file_remove(NAME);
    assert_int_equal(start(USUAL, NAME, false), PL_INVALID);
    assert_memory_equal(host.error, missing, sizeof missing - 1);
    scratch_file_write(NAME, "\xFC", 1);
    assert_int_equal(start(USUAL, NAME, false), PL_INVALID);
    assert_string_equal(host.error, NAME ": line 1 of the file is not UTF-8; save it as UTF-8");
}

/* The longest client is [fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe%4294967295]:65535, 58 bytes. */
static void test_banner__says_up_to_4096_bytes_to_every_client(void **state)
{
    (void)state;
    char text[LARGEST + 2];
    memset(text, 'x', sizeof text);
    text[LARGEST] = '\0';
    start_with(text);
    lone_host_connect(&host);
    lone_host_assert_sent(&host, text, LARGEST);
    lone_host_stop(&host);
    text[LARGEST] = 'x';
    text[LARGEST + 1] = '\0';
    assert_int_equal(start(text, NULL, false), PL_INVALID);
    assert_string_equal(host.error, TOO_LONG);

    memcpy(text, "%CLIENT%", 8);
    text[LARGEST - 58 + 8] = '\0';
    start_with(text);
    host.peer = (pl_address){.family = 6, .port = UINT16_MAX, .scope = UINT32_MAX};
    memset(host.peer.ip, 0xFE, sizeof host.peer.ip);
    lone_host_connect(&host);
    assert_int_equal(host.length, LARGEST);
    lone_host_stop(&host);
    text[LARGEST - 58 + 8] = 'x';
    text[LARGEST - 58 + 9] = '\0';
    assert_int_equal(start(text, NULL, false), PL_INVALID);
    assert_string_equal(host.error, TOO_LONG);
    scratch_file_write(NAME, text, strlen(text));
    assert_int_equal(start(USUAL, NAME, false), PL_INVALID);
    assert_string_equal(host.error, TOO_LONG);
}

static void test_banner__tells_that_memory_is_out(void **state)
{
    (void)state;
    static const char end[] = "out of memory; end other programs and try again";
    size_t nth = 0;
    scratch_file_write(NAME, "hello", 5);
    for (bool has_failed = true; has_failed;) {
        failing_memory_arm(++nth, false);
        const int32_t result = start(USUAL, NAME, false);
        has_failed = failing_memory_hits() > 0;
        failing_memory_arm(0, false);
        if (has_failed) {
            assert_int_equal(result < 0, 1);
            assert_string_equal(host.error + strlen(host.error) - (sizeof end - 1), end);
        } else {
            lone_host_stop(&host);
        }
        assert_int_equal(failing_memory_live(), 0);
    }
    assert_true(nth > 3);
}

static int teardown(void **state)
{
    scratch_file_remove(NAME);
    return failing_memory_teardown(state);
}

#define banner_test(test) cmocka_unit_test_setup_teardown(test, failing_memory_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        banner_test(test_banner__says_its_text_with_what_belongs_in_its_places),
        banner_test(test_banner__says_the_time),
        banner_test(test_banner__names_a_client_of_ipv6),
        banner_test(test_banner__waits_for_the_client_when_told_so),
        banner_test(test_banner__says_what_is_in_its_file),
        banner_test(test_banner__takes_no_text_besides_a_file),
        banner_test(test_banner__does_not_start_with_a_file_that_will_not_do),
        banner_test(test_banner__says_up_to_4096_bytes_to_every_client),
        banner_test(test_banner__tells_that_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
