/* SPDX-License-Identifier: MIT
   Tests of diagnosis/firewall_reader.h. What the registry of Windows has is recorded here, in the form of [MS-GPFAS]: Wine
   has no firewall. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "diagnosis/firewall_reader.h"
#include "support/fault.h"
#include "support/seam.h"
#include "support/support.h"

static const WCHAR *const local_rules[] = {
    L"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=8080|Name=\u00DCber|",
    L"v2.30|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|",
    L"v2.30|Action=Block|Active=TRUE|Dir=In|",
};
static const WCHAR *const policy_rules[] = {L"v2.30|Action=Allow|Active=TRUE|Dir=In|Svc=*|"};

static struct {
    DWORD open_errors[2]; /* of the machine's key and the policy's */
    DWORD type;
    bool is_too_long; /* the second one */
    const WCHAR *off_key, *open_key;
} world;

static int keys[2];

/* Windows' types are given. NOLINTBEGIN(readability-non-const-parameter) */
static LSTATUS WINAPI open_key(HKEY key, LPCWSTR path, DWORD options, REGSAM access, PHKEY opened)
{
    const size_t which = wcsstr(path, L"Policies") != NULL;
    (void)options, (void)access;
    assert_ptr_equal(key, HKEY_LOCAL_MACHINE);
    assert_non_null(wcsstr(path, L"\\FirewallRules"));
    *opened = (HKEY)&keys[which];
    return (LSTATUS)world.open_errors[which];
}

static LSTATUS WINAPI close_key(HKEY key)
{
    (void)key;
    return ERROR_SUCCESS;
}

static LSTATUS WINAPI enum_value(HKEY key, DWORD index, LPWSTR name, LPDWORD name_length, LPDWORD reserved,
                                 LPDWORD type, LPBYTE data, LPDWORD size)
{
    const bool is_policy = key == (HKEY)&keys[1];
    const DWORD count = is_policy ? 1 : 3;
    (void)reserved, (void)name, (void)name_length;
    if (index >= count) {
        return ERROR_NO_MORE_ITEMS;
    }
    if (world.is_too_long && index == 1) {
        return ERROR_MORE_DATA;
    }
    const WCHAR *text = is_policy ? policy_rules[index] : local_rules[index];
    const DWORD length = (DWORD)(wcslen(text) * sizeof *text); /* without its NUL, as may be */
    assert_true(*size >= length);
    memcpy(data, text, length); /* NOLINT(bugprone-not-null-terminated-result): as the registry may */
    *size = length;
    *type = world.type;
    return ERROR_SUCCESS;
}

static LSTATUS WINAPI get_value(HKEY key, LPCWSTR path, LPCWSTR name, DWORD flags, LPDWORD type, PVOID data,
                                LPDWORD size)
{
    const WCHAR *wanted = wcscmp(name, L"EnableFirewall") == 0 ? world.off_key : world.open_key;
    const DWORD value = 0;
    (void)key, (void)type;
    assert_int_equal(flags, RRF_RT_REG_DWORD);
    assert_int_equal(*size, sizeof value);
    if (wanted == NULL || wcsstr(path, wanted) == NULL) {
        return ERROR_FILE_NOT_FOUND;
    }
    memcpy(data, &value, sizeof value);
    return ERROR_SUCCESS;
}

/* NOLINTEND(readability-non-const-parameter) */

static int setup(void **state)
{
    const int result = support_setup(state);
    memset(&world, 0, sizeof world);
    world.type = REG_SZ;
    seam_replace(IMPORT_RegOpenKeyExW, (seam_function)open_key);
    seam_replace(IMPORT_RegCloseKey, (seam_function)close_key);
    seam_replace(IMPORT_RegEnumValueW, (seam_function)enum_value);
    seam_replace(IMPORT_RegGetValueW, (seam_function)get_value);
    return result;
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, support_teardown)

static DWORD read(struct firewall *firewall)
{
    firewall_init(firewall);
    return firewall_read(firewall);
}

static void test_firewall_reader__reads_the_machines_rules_and_the_policys(void **state)
{
    struct firewall firewall;
    (void)state;
    world.off_key = L"FirewallPolicy\\StandardProfile";
    world.open_key = L"WindowsFirewall\\PublicProfile";
    assert_int_equal(read(&firewall), ERROR_SUCCESS);
    assert_int_equal(firewall.count, 3); /* without the one for what goes out */
    assert_non_null(strstr(firewall.rules[0].text, "Name=\xC3\x9C"
                                                   "ber|"));
    assert_non_null(strstr(firewall.rules[2].text, "Svc=*"));
    assert_int_equal(firewall.off, FIREWALL_PRIVATE);
    assert_int_equal(firewall.open, FIREWALL_PUBLIC);
    firewall_fini(&firewall);
}

static void test_firewall_reader__skips_what_is_no_rule(void **state)
{
    struct firewall firewall;
    (void)state;
    world.open_errors[1] = ERROR_FILE_NOT_FOUND; /* no policy */
    world.is_too_long = true;
    assert_int_equal(read(&firewall), ERROR_SUCCESS);
    assert_int_equal(firewall.count, 2);
    assert_int_equal(firewall.off, 0);
    firewall_fini(&firewall);
    world.type = REG_DWORD;
    assert_int_equal(read(&firewall), ERROR_SUCCESS);
    assert_int_equal(firewall.count, 0);
    firewall_fini(&firewall);
}

static void test_firewall_reader__tells_why_it_cannot(void **state)
{
    struct firewall firewall;
    (void)state;
    world.open_errors[0] = ERROR_FILE_NOT_FOUND; /* no firewall at all */
    assert_int_equal(read(&firewall), ERROR_FILE_NOT_FOUND);
    firewall_fini(&firewall);
    world.open_errors[0] = ERROR_SUCCESS;
    world.open_errors[1] = ERROR_ACCESS_DENIED;
    assert_int_equal(read(&firewall), ERROR_ACCESS_DENIED);
    firewall_fini(&firewall);
    fault_arm(IMPORT_RegEnumValueW, 2, ERROR_ACCESS_DENIED, 1);
    assert_int_equal(read(&firewall), ERROR_ACCESS_DENIED);
    firewall_fini(&firewall);
    for (uint32_t nth = 1; nth <= 4; nth++) {
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        (void)read(&firewall);
        firewall_fini(&firewall);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_firewall_reader__reads_the_machines_rules_and_the_policys),
        test(test_firewall_reader__skips_what_is_no_rule),
        test(test_firewall_reader__tells_why_it_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
