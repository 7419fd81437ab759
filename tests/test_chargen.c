/* SPDX-License-Identifier: MIT
   Tests of handler/chargen.c: its characters, piece by piece and in datagrams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "handler/chargen.h"
#include "support/exact.h"
#include "support/failing_memory.h"
#include "support/lone_host.h"

enum { WIDTH = 72, LINE = 74, LINES = 95, PIECE_MIN = 8192, PIECE_MAX = 16384, MOST = 512, ASKS = 2000 };

static struct lone_host host;
static char lines[2 * LINES * LINE]; /* twice all of them */

/* From RFC 864's words and its first lines: each is the one before, one character further in a ring of 95. */
static void make_lines(void)
{
    static const char ring[] =
        " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrst"
        "uvwxyz{|}~";
    assert_int_equal(sizeof ring - 1, LINES);
    for (size_t line = 0; line < (size_t)2 * LINES; line++) {
        for (size_t column = 0; column < WIDTH; column++) {
            lines[line * LINE + column] = ring[(line + column) % LINES];
        }
        exact_put(lines + line * LINE + WIDTH, "\r\n");
    }
}

static void start(void)
{
    const struct lone_option options[LONE_HOST_OPTIONS] = {{.name = NULL}};
    make_lines();
    lone_host_init(&host, &chargen_handler, options);
    assert_int_equal(lone_host_start(&host), PL_OK);
}

static void test_chargen__sends_lines_without_end_a_piece_at_a_time(void **state)
{
    (void)state;
    start();
    lone_host_connect(&host);
    assert_int_equal(host.sends, 0); /* in its turn */
    size_t at = 0;                   /* in all lines */
    for (int piece = 0; piece < 20; piece++) {
        lone_host_write_on(&host);
        assert_int_equal(host.sends, 1);
        assert_in_range(host.length, PIECE_MIN, PIECE_MAX);
        for (size_t i = 0; i < host.length; i++) {
            assert_int_equal(host.sent[i], lines[(at + i) % ((size_t)LINES * LINE)]);
        }
        at += host.length;
        assert_int_equal(host.closed, LONE_HOST_OPEN);
    }
    lone_host_stop(&host);
}

static void test_chargen__begins_as_the_rfc_shows(void **state)
{
    (void)state;
    static const char first[] =
        " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n"
        "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh\r\n";
    start();
    lone_host_connect(&host);
    lone_host_write_on(&host);
    assert_memory_equal(host.sent, first, sizeof first - 1);
    lone_host_stop(&host);
}

static void test_chargen__goes_on_when_its_client_has_ended_its_side(void **state)
{
    (void)state;
    void *user = NULL;
    start();
    lone_host_connect(&host);
    chargen_handler.on_eof(host.state, host.id, &user, NULL, 0);
    assert_int_equal(host.closed, LONE_HOST_OPEN);
    lone_host_write_on(&host);
    assert_int_equal(host.sends, 1);
    lone_host_stop(&host);
}

static void test_chargen__ends_with_its_client(void **state)
{
    (void)state;
    start();
    lone_host_connect(&host);
    host.is_gone = true;
    lone_host_write_on(&host);
    assert_false(host.wants_writable);
    lone_host_stop(&host);
}

static void test_chargen__answers_with_any_number_of_characters_up_to_512(void **state)
{
    (void)state;
    size_t least = SIZE_MAX, most = 0, sum = 0;
    bool begins[256] = {false};
    start();
    for (int i = 0; i < ASKS; i++) {
        lone_host_ask(&host, 65507);
        assert_int_equal(host.sends, 1);
        assert_in_range(host.length, 1, MOST);
        const size_t line = (size_t)(host.sent[0] - ' ');
        assert_memory_equal(host.sent, lines + line * LINE, host.length);
        least = host.length < least ? host.length : least;
        most = host.length > most ? host.length : most;
        sum += host.length;
        begins[(uint8_t)host.sent[0]] = true;
    }
    assert_in_range(least, 1, 20);
    assert_in_range(most, MOST - 20, MOST);
    assert_in_range(sum / ASKS, MOST / 2 - 40, MOST / 2 + 40);
    for (size_t i = 0; i < LINES; i++) {
        assert_true(begins[' ' + i]);
    }
    lone_host_stop(&host);
}

/* Where none is, it is sent all the same, for the host to drop and to tell. */
static void test_chargen__answers_no_longer_than_is_allowed(void **state)
{
    (void)state;
    start();
    for (uint32_t allowed = 0; allowed < 100; allowed++) {
        lone_host_ask(&host, allowed);
        assert_int_equal(host.sends, 1);
        assert_in_range(host.length, 1, allowed > 0 ? allowed : MOST);
    }
    lone_host_stop(&host);
}

static void test_chargen__tells_that_memory_is_out(void **state)
{
    (void)state;
    const struct lone_option options[LONE_HOST_OPTIONS] = {{.name = NULL}};
    lone_host_init(&host, &chargen_handler, options);
    failing_memory_arm(1, false);
    assert_int_equal(lone_host_start(&host), PL_NO_MEMORY);
    failing_memory_arm(0, false);
    assert_string_equal(host.error, "out of memory; end other programs and try again");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_chargen__sends_lines_without_end_a_piece_at_a_time),
        failing_memory_test(test_chargen__begins_as_the_rfc_shows),
        failing_memory_test(test_chargen__goes_on_when_its_client_has_ended_its_side),
        failing_memory_test(test_chargen__ends_with_its_client),
        failing_memory_test(test_chargen__answers_with_any_number_of_characters_up_to_512),
        failing_memory_test(test_chargen__answers_no_longer_than_is_allowed),
        failing_memory_test(test_chargen__tells_that_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
