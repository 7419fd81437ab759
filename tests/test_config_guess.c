/* SPDX-License-Identifier: MIT
   Tests of config/config_guess.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_guess.h"
#include "support/support.h"

static const char *guess_of(const char *word)
{
    static const char *const candidates[] = {"listen",        "lifetime",   "backlog",
                                             "drain_timeout", "send_queue", "on"};
    struct config_guess guess = config_guess_begin(word, strlen(word));
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        config_guess_try(&guess, candidates[i]);
    }
    return guess.best;
}

static void test_config_guess__finds_what_is_near(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"listne", "listen"},
        {"LISTENS", "listen"},
        {"lisen", "listen"},
        {"back_log", "backlog"},
        {"baclog", "backlog"},
        {"drain", "drain_timeout"},
        {"drain_timout", "drain_timeout"},
        {"sendqueue", "send_queue"},
        {"send-queue", "send_queue"},
        {"Lif", "lifetime"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(guess_of(cases[i][0]), cases[i][1]);
    }
}

static void test_config_guess__leaves_alone_what_is_far(void **state)
{
    (void)state;
    static const char *const cases[] = {"",     "x", "no", "of", "li", "timeout", "foo", "max_connections",
                                        "queue"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_null(guess_of(cases[i]));
    }
}

static void test_config_guess__prefers_the_nearest(void **state)
{
    (void)state;
    struct config_guess guess = config_guess_begin("timeouts", 8);
    config_guess_try(&guess, "timeo");
    config_guess_try(&guess, "timeout");
    config_guess_try(&guess, "timeou");
    assert_string_equal(guess.best, "timeout");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_config_guess__finds_what_is_near),
        support_test(test_config_guess__leaves_alone_what_is_far),
        support_test(test_config_guess__prefers_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
