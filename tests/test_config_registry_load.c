/* SPDX-License-Identifier: MIT
   Tests of config/config_registry_load.h: a real registry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "config/config_registry_load.h"
#include "support/descriptor.h"
#include "support/fault.h"
#include "support/registry_key.h"
#include "support/registry_list.h"
#include "support/seam.h"
#include "support/support.h"

#define TEST_SERVICE "PortListenerTestRegistry"

static int setup(void **state)
{
    registry_key_remove(TEST_SERVICE);
    return support_setup(state);
}

static int teardown(void **state)
{
    registry_key_remove(TEST_SERVICE);
    return support_teardown(state);
}

static void expect_failure(enum exit_code code, const char *part)
{
    struct config_registry registry;
    struct failure failure;
    assert_false(config_registry_load(TEST_SERVICE, &registry, &failure));
    config_registry_fini(&registry);
    assert_int_equal(failure.code, code);
    if (strstr(failure.text, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, failure.text);
    }
}

static void test_config_registry_load__reads_keys_and_values(void **state)
{
    (void)state;
    static uint8_t large[100000];
    struct config_registry expected = {.list = NULL}, found;
    struct failure failure;
    memset(large, 'x', sizeof large);
    registry_key_text(TEST_SERVICE, "", "ConfigFile", "C:\\a.ini");
    registry_key_set(TEST_SERVICE, "endpoint web", "backlog", REG_DWORD, "\5\0\0", 4);
    registry_key_set(TEST_SERVICE, "endpoint web", "large", REG_BINARY, large, sizeof large);
    registry_key_set(TEST_SERVICE, "endpoint web\\deeper", "x", REG_DWORD, "\5\0\0", 4);
    registry_key_text(TEST_SERVICE, "service", "log_level", "info");
    assert_true(config_registry_load(TEST_SERVICE, &found, &failure));
    registry_list_text(&expected, "ConfigFile", "C:\\a.ini");
    registry_list_key(&expected, "endpoint web");
    registry_list_number(&expected, "backlog", 5);
    registry_list_value(&expected, "large", REG_BINARY, large, sizeof large);
    registry_list_key(&expected, "endpoint web\\deeper");
    registry_list_key(&expected, "service");
    registry_list_text(&expected, "log_level", "info");
    assert_true(config_registry_is_equal(&found, &expected));
    config_registry_fini(&found);
    config_registry_fini(&expected);
}

static void test_config_registry_load__no_key_is_an_empty_list(void **state)
{
    (void)state;
    struct config_registry registry;
    struct failure failure;
    assert_true(config_registry_load(TEST_SERVICE, &registry, &failure));
    assert_int_equal(registry.count, 0);
    config_registry_fini(&registry);
}

static void test_config_registry_load__tells_what_it_may_not_read(void **state)
{
    static const struct {
        enum import import;
        DWORD error;
        uint32_t times;
        enum exit_code code;
        const char *part;
    } cases[] = {
        {IMPORT_RegOpenKeyExW, ERROR_ACCESS_DENIED, 1, EXIT_CODE_ACCESS_DENIED,
         "the registry key HKLM\\SYSTEM\\CurrentControlSet\\Services\\" TEST_SERVICE
         "\\Parameters cannot be read, error 5: "},
        {IMPORT_RegEnumValueW, ERROR_ACCESS_DENIED, 1, EXIT_CODE_ACCESS_DENIED,
         "; run elevated, or give this account the right to read the key"},
        {IMPORT_RegEnumKeyExW, ERROR_INVALID_HANDLE, 1, EXIT_CODE_FAILED,
         "; see to it that the key can be read"},
        {IMPORT_RegEnumKeyExW, ERROR_KEY_DELETED, 1000, EXIT_CODE_FAILED,
         "cannot be read, it has changed all the time; try again when nobody writes to it"},
        {IMPORT_RegEnumValueW, ERROR_MORE_DATA, 1000, EXIT_CODE_CONFIGURATION,
         "cannot be read, it has more than 8 MB or 200000 values"},
        {IMPORT_HeapAlloc, 0, 1, EXIT_CODE_FAILED, "out of memory"},
    };
    (void)state;
    registry_key_text(TEST_SERVICE, "service", "log_level", "info");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fault_arm(cases[i].import, 1, cases[i].error, cases[i].times);
        expect_failure(cases[i].code, cases[i].part);
        fault_clear();
    }
}

static void test_config_registry_load__reads_again_when_a_key_goes_away_meanwhile(void **state)
{
    static const enum import imports[] = {IMPORT_RegOpenKeyExW, IMPORT_RegEnumKeyExW, IMPORT_RegEnumValueW};
    (void)state;
    registry_key_text(TEST_SERVICE, "service", "log_level", "info");
    for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
        for (uint32_t nth = 1; nth < 7; nth++) {
            struct config_registry registry;
            struct failure failure;
            fault_arm(imports[i], nth, ERROR_FILE_NOT_FOUND, 1);
            assert_true(config_registry_load(TEST_SERVICE, &registry, &failure));
            fault_clear();
            if (i > 0 ||
                nth > 1) { /* else there was no such key for a moment, and twice the same is what counts */
                assert_int_equal(registry.count, 2);
            }
            config_registry_fini(&registry);
        }
    }
}

static const char *const descriptors[] = {"O:BAD:(A;;KA;;;BA)(A;;KR;;;WD)",
                                          "O:BAD:(A;;KA;;;BA)(A;;CCDC;;;BU)", "O:S-1-5-21-1D:(A;;KA;;;BA)"};
static size_t asked, bad_at, bad;

static DWORD WINAPI get_security(HANDLE handle, SE_OBJECT_TYPE type, SECURITY_INFORMATION parts, PSID *owner,
                                 PSID *group, PACL *dacl, PACL *sacl, PSECURITY_DESCRIPTOR *descriptor)
{
    (void)handle, (void)owner, (void)group, (void)dacl, (void)sacl;
    assert_int_equal(type, SE_REGISTRY_KEY);
    assert_int_equal(parts, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION);
    *descriptor = descriptor_make(descriptors[asked++ == bad_at ? bad : 0]);
    return ERROR_SUCCESS;
}

static void test_config_registry_load__trusts_only_keys_that_strangers_cannot_change(void **state)
{
    static const char *const names[] = {"Services\\" TEST_SERVICE " ",
                                        "Services\\" TEST_SERVICE "\\Parameters ", "key service "};
    static const char *const flaws[] = {
        "who may set values in it and is no administrator; as administrator let others "
        "only read it (regedit, Permissions)",
        "belongs to S-1-5-21-1, who is no administrator; as administrator make the "
        "administrators its owner"};
    (void)state;
    struct config_registry registry;
    struct failure failure;
    registry_key_text(TEST_SERVICE, "service", "log_level", "info");
    seam_replace(IMPORT_GetSecurityInfo, (seam_function)get_security);
    asked = 0;
    bad_at = SIZE_MAX;
    assert_true(config_registry_load_trusted(TEST_SERVICE, &registry, &failure));
    assert_int_equal(registry.count, 2);
    config_registry_fini(&registry);
    for (size_t i = 0; i < 6; i++) {
        asked = 0;
        bad_at = i / 2;
        bad = i % 2 + 1;
        assert_false(config_registry_load_trusted(TEST_SERVICE, &registry, &failure));
        config_registry_fini(&registry);
        assert_int_equal(failure.code, EXIT_CODE_CONFIGURATION);
        assert_non_null(strstr(failure.text, names[bad_at]));
        assert_non_null(strstr(failure.text, flaws[bad - 1]));
    }
    seam_replace(IMPORT_GetSecurityInfo, NULL);
    fault_arm(IMPORT_GetSecurityInfo, 1, ERROR_ACCESS_DENIED, 1);
    assert_false(config_registry_load_trusted(TEST_SERVICE, &registry, &failure));
    fault_clear();
    config_registry_fini(&registry);
    assert_int_equal(failure.code, EXIT_CODE_ACCESS_DENIED);
}

static void test_config_registry_load__tells_of_keys_that_strangers_can_change(void **state)
{
    (void)state;
    struct config_registry registry;
    struct failure failure, flaw;
    registry_key_text(TEST_SERVICE, "service", "log_level", "info");
    seam_replace(IMPORT_GetSecurityInfo, (seam_function)get_security);
    for (size_t i = 0; i < 4; i++) { /* the last time there is none */
        flaw = (struct failure){.code = EXIT_CODE_DONE};
        asked = 0;
        bad_at = i < 3 ? i : SIZE_MAX;
        bad = 1;
        assert_true(config_registry_load_told(TEST_SERVICE, &registry, &flaw, &failure));
        assert_int_equal(registry.count, 2);
        config_registry_fini(&registry);
        assert_int_equal(flaw.code, i < 3 ? EXIT_CODE_CONFIGURATION : EXIT_CODE_DONE);
        assert_true(i == 3 || strstr(flaw.text, "who may set values in it and is no administrator") != NULL);
        assert_int_equal(asked, i < 3 ? i + 1 : 6); /* the first one is enough */
    }
    seam_replace(IMPORT_GetSecurityInfo, NULL);
    flaw = (struct failure){.code = EXIT_CODE_DONE};
    fault_arm(IMPORT_GetSecurityInfo, 1, ERROR_ACCESS_DENIED, FAULT_FOREVER);
    assert_true(config_registry_load_told(TEST_SERVICE, &registry, &flaw, &failure));
    fault_clear();
    config_registry_fini(&registry);
    assert_int_equal(flaw.code, EXIT_CODE_DONE);
}

static void test_config_registry_load__refuses_too_much(void **state)
{
    static uint8_t large[3 * 1024 * 1024];
    (void)state;
    registry_key_set(TEST_SERVICE, "service", "a", REG_BINARY, large, sizeof large);
    registry_key_set(TEST_SERVICE, "service", "b", REG_BINARY, large, sizeof large);
    registry_key_set(TEST_SERVICE, "service", "c", REG_BINARY, large, sizeof large);
    expect_failure(EXIT_CODE_CONFIGURATION, "it has more than 8 MB or 200000 values");
}

#define it(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        it(test_config_registry_load__reads_keys_and_values),
        it(test_config_registry_load__no_key_is_an_empty_list),
        it(test_config_registry_load__tells_what_it_may_not_read),
        it(test_config_registry_load__reads_again_when_a_key_goes_away_meanwhile),
        it(test_config_registry_load__trusts_only_keys_that_strangers_cannot_change),
        it(test_config_registry_load__tells_of_keys_that_strangers_can_change),
        it(test_config_registry_load__refuses_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
