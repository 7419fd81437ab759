/* SPDX-License-Identifier: MIT
   Tests of base/record_name.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/record_name.h"
#include "support/support.h"
#include "support/wall_clock.h"

static void test_record_name__stamps_the_time(void **state)
{
    (void)state;
    static const struct {
        const char *time;
        const WCHAR *stamp;
    } rows[] = {
        {"2026-11-25T02:27:00.123", L"-20261125T022700.123Z"},
        {"1601-01-01T00:00:00.001", L"-16010101T000000.001Z"},
        {"2024-02-29T23:59:59.999", L"-20240229T235959.999Z"},
        {"9999-12-31T23:59:59.999", L"-99991231T235959.999Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        WCHAR stamp[RECORD_NAME_STAMP + 1] = {0};
        uint64_t time = 0;
        wall_clock_set(rows[i].time);
        record_name_stamp(stamp, wall_clock_now());
        assert_int_equal(wcscmp(stamp, rows[i].stamp), 0);
        assert_int_equal(stamp[RECORD_NAME_STAMP], 0);
        assert_true(record_name_read(stamp, &time));
        assert_true(time == wall_clock_now());
    }
}

static void test_record_name__reads_nothing_else(void **state)
{
    (void)state;
    static const WCHAR *const rows[] = {
        L"                     ",      L"---------------------", L"_20261125T022700.123Z",
        L"-20261125t022700.123Z",      L"-20261125T022700.123z", L"-20261125T022700,123Z",
        L"-2026112 T022700.123Z",      L"-2026-11-25T02270.00Z", L"-20261325T022700.123Z",
        L"-20261100T022700.123Z",      L"-20260229T022700.123Z", L"-20261125T242700.123Z",
        L"-20261125T026000.123Z",      L"-20261125T022760.123Z", L"-15001125T022700.123Z",
        L"-2026112\x0665T022700.123Z", /* an Arabic digit */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t time = 42;
        if (record_name_read(rows[i], &time)) {
            fail_msg("row %u is taken for a stamp", (unsigned)i);
        }
        assert_true(time == 42);
    }
}

static void test_record_name__finds_folder_and_stem(void **state)
{
    (void)state;
    static const struct {
        const WCHAR *path;
        size_t folder;
        size_t stem;
    } rows[] = {
        {L"C:\\logs\\web.log", 8, 11},
        {L"C:\\logs.d\\web", 10, 13},
        {L"C:/logs/web.x.log", 8, 13},
        {L"\\\\server\\share\\web.log", 15, 18},
        {L"C:\\logs\\.log", 8, 8},
        {L"C:\\logs\\web.", 8, 11},
        {L"C:web.log", 2, 5},
        {L"web.log", 0, 3},
        {L"web", 0, 3},
        {L"C:\\logs\\", 8, 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t folder = 42;
        assert_int_equal(record_name_stem(rows[i].path, &folder), rows[i].stem);
        assert_int_equal(folder, rows[i].folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_record_name__stamps_the_time),
        support_test(test_record_name__reads_nothing_else),
        support_test(test_record_name__finds_folder_and_stem),
    };
    return cmocka_run_group_tests_name("record_name", tests, NULL, NULL);
}
