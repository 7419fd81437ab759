/* SPDX-License-Identifier: MIT
   Tests of bench/load/settings.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bench/load/settings.h"
#include "support/support.h"

enum { WORDS = 16 };

static char problem[200];

/* The words of `line` behind the program's name. */
static bool parse(struct settings *settings, const char *line)
{
    static char copy[300], program[] = "bench_load";
    char *words[WORDS] = {program};
    int count = 1;
    assert_true(strlen(line) < sizeof copy);
    memcpy(copy, line, strlen(line) + 1);
    for (char *at = copy; *at != '\0';) {
        assert_true(count < WORDS);
        words[count++] = at;
        at += strcspn(at, " ");
        if (*at != '\0') {
            *at++ = '\0';
        }
    }
    problem[0] = '\0';
    return settings_parse(settings, count, words, problem, sizeof problem);
}

static void test_settings__have_defaults(void **state)
{
    (void)state;
    struct settings settings;
    assert_true(parse(&settings, "echo --port 7"));
    assert_int_equal(settings.kind, KIND_ECHO);
    assert_int_equal(settings.host, 0x7F000001);
    assert_int_equal(settings.port, 7);
    assert_int_equal(settings.clients, 1);
    assert_int_equal(settings.depth, 1);
    assert_int_equal(settings.size, 64);
    assert_int_equal(settings.messages, 100000);
    assert_int_equal(settings.seconds, 0);
    assert_int_equal(settings.warm_up, 0);
    assert_int_equal(settings.patience, 10000);
    assert_false(settings.as_json);
    assert_false(settings.shows_progress);
    assert_true(parse(&settings, "stream --port 7"));
    assert_int_equal(settings.size, 65536);
    assert_true(parse(&settings, "idle --port 7 --clients 300"));
    assert_int_equal(settings.seconds, 10);
    assert_int_equal(settings.messages, 300);
}

static void test_settings__are_taken(void **state)
{
    (void)state;
    struct settings settings;
    assert_true(parse(&settings,
                      "udp --json --port 65535 --host 127.1.2.255 --clients 20000 --depth 20 --size "
                      "8 --progress --warm-up 5"));
    assert_int_equal(settings.kind, KIND_UDP);
    assert_int_equal(settings.host, 0x7F0102FF);
    assert_int_equal(settings.clients, 20000);
    assert_int_equal(settings.depth, 20);
    assert_int_equal(settings.size, 8);
    assert_int_equal(settings.warm_up, 5);
    assert_true(settings.as_json);
    assert_true(settings.shows_progress);
    assert_true(parse(&settings, "churn --connections 50 --port 1 --patience 20"));
    assert_int_equal(settings.messages, 50);
    assert_int_equal(settings.patience, 20);
    assert_true(parse(&settings, "stream --seconds 600 --port 1"));
    assert_int_equal(settings.seconds, 600);
    assert_int_equal(settings.messages, 0);
}

static void test_settings__say_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *told;
    } cases[] = {
        {"", "no KIND"},
        {"nonsense --port 1", "no KIND: nonsense"},
        {"--port 1", "no KIND"},
        {"echo", "--port"},
        {"echo --port", "--port"},
        {"echo --port 0", "--port 0"},
        {"echo --port 65536", "--port 65536"},
        {"echo --port 4294967297", "--port 4294967297"},
        {"echo --port 42949672960", "--port 42949672960"},
        {"echo --port -1", "--port -1"},
        {"echo --port +1", "--port +1"},
        {"echo --port 1x", "--port 1x"},
        {"echo --port 1 --clients 20001", "--clients 20001"},
        {"echo --port 1 --clients 0", "--clients 0"},
        {"echo --port 1 --seconds 601", "--seconds 601"},
        {"echo --port 1 --size 1048577", "--size 1048577"},
        {"echo --port 1 --patience 9", "--patience 9"},
        {"echo --port 1 --speed 9", "--speed 9"},
        {"echo --port 1 more", "more"},
        {"echo --port 1 --host 128.0.0.1", "--host 128.0.0.1"},
        {"echo --port 1 --host 10.0.0.1", "--host 10.0.0.1"},
        {"echo --port 1 --host 127.0.0", "--host"},
        {"echo --port 1 --host 127.0.0.1.1", "--host"},
        {"echo --port 1 --host 127.0.0.256", "--host"},
        {"echo --port 1 --host 127..0.1", "--host"},
        {"echo --port 1 --host 127.0.0.", "--host"},
        {"echo --port 1 --host localhost", "--host"},
        {"echo --port 1 --host", "--host"},
        {"echo --port 1 --messages 5 --seconds 5", "either"},
        {"churn --port 1 --depth 2", "--depth"},
        {"stream --port 1 --depth 2", "--depth"},
        {"idle --port 1 --depth 2", "--depth"},
        {"idle --port 1 --warm-up 1", "--warm-up"},
        {"udp --port 1 --size 7", "8 to 65507"},
        {"udp --port 1 --size 65508", "8 to 65507"},
        {"echo --port 1 --clients 20000 --depth 1000", "4194304"},
        {"stream --port 1 --clients 20000", "gigabyte"},
    };
    struct settings settings;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (parse(&settings, cases[i].line) || strstr(problem, cases[i].told) == NULL) {
            print_error("\"%s\": \"%s\"\n", cases[i].line, problem);
            fail();
        }
    }
}

static void test_settings__tell_what_buffers_are_needed(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        size_t send, receive;
    } cases[] = {
        {"echo --port 1 --size 64", 64, 64},
        {"echo --port 1 --size 64 --depth 10", 640, 640},
        {"echo --port 1 --size 1000 --depth 100", 65536, 65536},
        {"churn --port 1 --size 1000000", 65536, 65536},
        {"stream --port 1 --size 10", 10, 65536},
        {"stream --port 1 --size 1000000", 1000000, 65536},
        {"udp --port 1 --size 65507 --depth 9", 65507, 65508},
    };
    struct settings settings;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(parse(&settings, cases[i].line));
        assert_int_equal(settings_send_buffer(&settings), cases[i].send);
        assert_int_equal(settings_receive_buffer(&settings), cases[i].receive);
    }
}

static void test_settings__names_of_kinds_are_those_of_the_command_line(void **state)
{
    (void)state;
    for (int kind = KIND_ECHO; kind <= KIND_UDP; kind++) {
        struct settings settings;
        char line[50];
        snprintf(line, sizeof line, "%s --port 1", settings_kind_name((enum kind)kind));
        assert_true(parse(&settings, line));
        assert_int_equal(settings.kind, kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_settings__have_defaults),
        support_test(test_settings__are_taken),
        support_test(test_settings__say_what_is_wrong),
        support_test(test_settings__tell_what_buffers_are_needed),
        support_test(test_settings__names_of_kinds_are_those_of_the_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
