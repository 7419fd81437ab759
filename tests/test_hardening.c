/* SPDX-License-Identifier: MIT
   Tests of hardening.h. Windows' policies are a fake here: Wine takes everything and does nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "hardening.h"
#include "support/fault.h"
#include "support/program.h"
#include "support/seam.h"
#include "support/support.h"

enum { POLICIES_MAX = 32 };

/* A Windows that knows some policies. */
static struct {
    uint32_t known; /* a bit for each */
    uint32_t flags[POLICIES_MAX];
    unsigned set, refused;
    bool has_functions;
} world;

static BOOL WINAPI set_policy(int policy, void *flags, SIZE_T size)
{
    assert_in_range(policy, 0, POLICIES_MAX - 1);
    assert_int_equal(size, sizeof(DWORD));
    if ((world.known >> policy & 1) == 0) {
        world.refused++;
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    memcpy(&world.flags[policy], flags, size);
    world.set++;
    return TRUE;
}

static BOOL WINAPI get_policy(HANDLE process, int policy, void *flags, SIZE_T size)
{
    assert_ptr_equal(process, GetCurrentProcess());
    assert_int_equal(size, sizeof(DWORD));
    memcpy(flags, &world.flags[policy], size);
    return (world.known >> policy & 1) != 0;
}

static FARPROC WINAPI find_function(HMODULE library, LPCSTR name)
{
    if (strcmp(name, "SetProcessMitigationPolicy") == 0) {
        return world.has_functions ? (FARPROC)(void (*)(void))set_policy : NULL;
    }
    if (strcmp(name, "GetProcessMitigationPolicy") == 0) {
        return world.has_functions ? (FARPROC)(void (*)(void))get_policy : NULL;
    }
    return SEAM_REAL(GetProcAddress)(library, name);
}

static int setup(void **state)
{
    memset(&world, 0, sizeof world);
    world.known = UINT32_MAX;
    world.has_functions = true;
    if (support_setup(state) != 0) {
        return -1;
    }
    seam_replace(IMPORT_GetProcAddress, (seam_function)find_function);
    return 0;
}

static unsigned count_policies(void)
{
    unsigned count = 0;
    while (hardening_policy_at(count) != NULL) {
        count++;
    }
    return count;
}

static void expect_missing(const char *expected)
{
    char room[512];
    struct text text;
    text_init(&text, room, sizeof room);
    assert_int_equal(hardening_add_missing(&text) > 0, expected[0] != '\0');
    assert_string_equal(room, expected);
}

#define ALL \
    "ProcessASLRPolicy, ProcessExtensionPointDisablePolicy, ProcessFontDisablePolicy, ProcessImageLoadPolicy"

static void test_hardening__turns_on_all_of_its_table(void **state)
{
    (void)state;
    expect_missing(ALL);
    hardening_apply();
    assert_int_equal(world.set, count_policies());
    for (size_t i = 0; i < count_policies(); i++) {
        const struct hardening_policy *row = hardening_policy_at(i);
        assert_int_equal(world.flags[row->policy], row->flags);
    }
    expect_missing("");
}

/* What MinGW's header calls it is what Windows calls it. */
static void test_hardening__has_the_numbers_of_windows(void **state)
{
    static const struct {
        const char *name;
        int policy;
    } rows[] = {{"ProcessASLRPolicy", ProcessASLRPolicy},
                {"ProcessExtensionPointDisablePolicy", ProcessExtensionPointDisablePolicy},
                {"ProcessFontDisablePolicy", ProcessFontDisablePolicy},
                {"ProcessImageLoadPolicy", ProcessImageLoadPolicy}};
    (void)state;
    assert_int_equal(sizeof rows / sizeof rows[0], count_policies());
    for (size_t i = 0; i < count_policies(); i++) {
        assert_string_equal(hardening_policy_at(i)->name, rows[i].name);
        assert_int_equal(hardening_policy_at(i)->policy, rows[i].policy);
    }
}

static void test_hardening__goes_on_with_what_is_refused(void **state)
{
    (void)state;
    world.known = ~(1U << ProcessImageLoadPolicy);
    hardening_apply();
    assert_int_equal(world.refused, 1);
    expect_missing("ProcessImageLoadPolicy");
    world.flags[ProcessImageLoadPolicy] = 7; /* what a refused answer holds says nothing */
    expect_missing("ProcessImageLoadPolicy");
    world.known = UINT32_MAX;
    world.flags[ProcessImageLoadPolicy] = 5; /* a part of it */
    expect_missing("ProcessImageLoadPolicy");
}

static void test_hardening__goes_on_where_windows_has_no_policies(void **state)
{
    (void)state;
    world.has_functions = false;
    hardening_apply();
    expect_missing(ALL);
    world.has_functions = true;
    fault_arm(IMPORT_GetModuleHandleW, 1, ERROR_MOD_NOT_FOUND, FAULT_FOREVER);
    hardening_apply();
    assert_int_equal(world.set, 0);
    expect_missing(ALL);
}

/* docs/security.md has the table as it is here, and no more. */
static void test_hardening__is_documented(void **state)
{
    static char page[65536];
    WCHAR path[PROGRAM_PATH_MAX];
    char line[512];
    unsigned lines = 0;
    (void)state;
    swprintf(path, PROGRAM_PATH_MAX, L"%hs", PORTLISTENER_SECURITY_MD);
    if (!program_read(path, page, sizeof page)) {
        print_message("SKIP: docs/security.md is not on this machine\n");
        return;
    }
    for (const char *at = strstr(page, "\n| `Process"); at != NULL; at = strstr(at + 1, "\n| `Process")) {
        lines++;
    }
    assert_int_equal(lines, count_policies());
    for (size_t i = 0; i < count_policies(); i++) {
        const struct hardening_policy *row = hardening_policy_at(i);
        snprintf(line, sizeof line, "| `%s` | %s | %s |", row->name, row->parts, row->why);
        if (strstr(page, line) == NULL) {
            fail_msg("docs/security.md lacks: %s", line);
        }
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, support_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_hardening__turns_on_all_of_its_table),
        test(test_hardening__has_the_numbers_of_windows),
        test(test_hardening__goes_on_with_what_is_refused),
        test(test_hardening__goes_on_where_windows_has_no_policies),
        test(test_hardening__is_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
