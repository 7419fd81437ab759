/* SPDX-License-Identifier: MIT
   Tests of bench/load/result.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/load/result.h"
#include "support/support.h"

static const struct settings settings = {.kind = KIND_ECHO, .clients = 64, .depth = 2, .size = 100};
static struct tally tally;
static char text[2000];

/* 1,000 messages in half a second: 1 to 1,000 us; one is lost. */
static struct result sample(void)
{
    const struct result result = {
        .settings = &settings, .tally = &tally, .connect_seconds = 0.25, .errors = 3};
    tally_init(&tally, 0, 1001, 0, 0);
    for (unsigned i = 1; i <= 1000; i++) {
        tally_take(&tally, 0);
        tally_answer(&tally, i * 1000u, true, i * 500000u);
    }
    tally_take(&tally, 0);
    tally_lose(&tally, 0);
    return result;
}

static void test_result__json_is_one_line_in_the_agreed_order(void **state)
{
    (void)state;
    const struct result result = sample();
    result_json(&result, text, sizeof text);
    assert_non_null(strstr(text,
                           "{\"kind\":\"echo\",\"clients\":64,\"depth\":2,\"size\":100,\"messages\":1000,"
                           "\"bytes\":100000,\"seconds\":0.500,\"messages_per_second\":2000,\"p50_us\":"));
    assert_non_null(strstr(text, ",\"max_us\":1000.0,\"lost\":1,\"errors\":3,\"connect_seconds\":0.250}\n"));
    assert_int_equal(strcspn(text, "\n"), strlen(text) - 1);
    static const char *const names[] = {"p50_us", "p90_us", "p99_us", "p999_us", "max_us"};
    const char *at = text;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        at = strstr(at, names[i]);
        assert_non_null(at);
    }
}

static void test_result__of_nothing_divides_by_nothing(void **state)
{
    (void)state;
    const struct result result = {.settings = &settings, .tally = &tally};
    tally_init(&tally, 0, 5, 0, 77);
    result_json(&result, text, sizeof text);
    assert_non_null(strstr(
        text, "\"messages\":0,\"bytes\":0,\"seconds\":0.000,\"messages_per_second\":0,\"p50_us\":0.0,"));
    result_table(&result, text, sizeof text);
    assert_non_null(strstr(text, "echo: clients 64"));
    result_progress(&result, 0, 0, 0, text, sizeof text);
    assert_non_null(strstr(text, "0 answered, 0 a second"));
}

static void test_result__table_tells_the_same(void **state)
{
    (void)state;
    const struct result result = sample();
    result_table(&result, text, sizeof text);
    assert_non_null(strstr(text, "echo: clients 64, depth 2, size 100\n"));
    assert_non_null(strstr(text, "1000          2000 a second\n"));
    assert_non_null(strstr(text, "1000.0\n")); /* the maximum */
}

static void test_result__progress_is_a_line(void **state)
{
    (void)state;
    const struct result result = sample();
    result_progress(&result, 7.2, 500, 2, text, sizeof text);
    assert_string_equal(text, "bench_load:    7 s: 1001 answered, 250 a second, 1 lost, 3 errors\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_result__json_is_one_line_in_the_agreed_order),
        support_test(test_result__of_nothing_divides_by_nothing),
        support_test(test_result__table_tells_the_same),
        support_test(test_result__progress_is_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
