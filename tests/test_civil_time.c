/* SPDX-License-Identifier: MIT
   Tests of base/civil_time.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/civil_time.h"

static void assert_as_gmtime(int64_t seconds)
{
    const time_t moment = (time_t)seconds;
    const struct tm *expected = gmtime(&moment); /* NOLINT(concurrency-mt-unsafe): there is one thread */
    const struct tm found = civil_time_utc(seconds);
    if (found.tm_year != expected->tm_year || found.tm_mon != expected->tm_mon ||
        found.tm_mday != expected->tm_mday || found.tm_wday != expected->tm_wday ||
        found.tm_hour != expected->tm_hour || found.tm_min != expected->tm_min ||
        found.tm_sec != expected->tm_sec) {
        fail_msg("%lld: %d-%d-%d, day %d of the week, %d:%d:%d", (long long)seconds, found.tm_year + 1900,
                 found.tm_mon + 1, found.tm_mday, found.tm_wday, found.tm_hour, found.tm_min, found.tm_sec);
    }
}

/* Two centuries and what they have besides: 2000 is a leap year, 2100 is none. */
static void test_civil_time__is_that_of_the_c_library_on_each_day(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 74000; day++) {
        assert_as_gmtime(day * 86400);
        assert_as_gmtime(day * 86400 + 86399);
    }
}

static void test_civil_time__is_that_of_the_c_library_in_each_second_of_a_day(void **state)
{
    (void)state;
    for (int64_t second = 0; second < 86400; second++) {
        assert_as_gmtime(1795759200 + second);
    }
}

static void test_civil_time__knows_the_last_second_of_9999(void **state)
{
    (void)state;
    const struct tm last = civil_time_utc(253402300799);
    assert_int_equal(last.tm_year, 9999 - 1900);
    assert_int_equal(last.tm_mon, 11);
    assert_int_equal(last.tm_mday, 31);
    assert_int_equal(last.tm_hour * 10000 + last.tm_min * 100 + last.tm_sec, 235959);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_civil_time__is_that_of_the_c_library_on_each_day),
        cmocka_unit_test(test_civil_time__is_that_of_the_c_library_in_each_second_of_a_day),
        cmocka_unit_test(test_civil_time__knows_the_last_second_of_9999),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
