/* SPDX-License-Identifier: MIT
   Tests of command_registry.c: from a file to a real registry key, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "commands.h"
#include "config/config_registry_load.h"
#include "support/fault.h"
#include "support/program.h"
#include "support/registry_key.h"
#include "support/streams.h"
#include "support/support.h"

#define TEST_SERVICE "PortListenerTestImport"
#define TEST_INI                                                                                                 \
    "[service]\nworkers = 3\nlog_level = debug\n\n[endpoint web]\nlisten = tcp://127.0.0.1:80, tcp://[::1]:80\n" \
    "handler = echo\nallow =\nnodelay = no\n"

static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    char *file;
    char printed[8192];
    char complained[8192];
} world;

static int setup(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    memset(&world, 0, sizeof world);
    registry_key_remove(TEST_SERVICE);
    if (support_setup(state) != 0) {
        return -1;
    }
    program_folder(world.folder);
    program_write(world.folder, L"test.ini", TEST_INI, path);
    world.file = utf16_to_utf8(path);
    return 0;
}

static int teardown(void **state)
{
    memory_free(world.file);
    registry_key_remove(TEST_SERVICE);
    program_remove(world.folder);
    return support_teardown(state);
}

static enum exit_code run(enum exit_code (*command)(const struct arguments *, struct streams *))
{
    const struct arguments arguments = {
        .options = {[OPTION_CONFIG] = world.file, [OPTION_SERVICE] = TEST_SERVICE}};
    struct streams streams;
    streams_open(&streams, world.folder);
    const enum exit_code code = command(&arguments, &streams);
    fault_clear();
    streams_end(&streams, world.folder, world.printed, sizeof world.printed, world.complained,
                sizeof world.complained);
    return code;
}

static void expect(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, text);
    }
}

static void load(struct config_registry *registry_out)
{
    struct failure failure;
    assert_true(config_registry_load(TEST_SERVICE, registry_out, &failure));
}

static void test_command_registry__imports_and_exports_the_same(void **state)
{
    (void)state;
    registry_key_text(TEST_SERVICE, "", "ConfigFile", "C:\\x.ini");
    registry_key_text(TEST_SERVICE, "endpoint old", "handler", "echo");
    registry_key_text(TEST_SERVICE, "other", "x", "y"); /* not ours */
    assert_int_equal(run(command_registry_import), EXIT_CODE_DONE);
    assert_string_equal(world.complained, "");
    expect(world.printed, "2 keys with 6 values of ");
    expect(world.printed,
           " are in HKLM\\SYSTEM\\CurrentControlSet\\Services\\" TEST_SERVICE "\\Parameters now");
    registry_key_remove(TEST_SERVICE "\\Parameters\\other");
    assert_int_equal(run(command_registry_export), EXIT_CODE_DONE);
    assert_string_equal(world.complained, "");
    expect(world.printed, "[endpoint web]\n");
    expect(world.printed, "listen = tcp://127.0.0.1:80, tcp://[::1]:80\n");
    expect(world.printed, "allow =\n");
    expect(world.printed, "nodelay = no\n");
    expect(world.printed, "[service]\n");
    expect(world.printed, "workers = 3\n");
    expect(world.printed, "log_level = debug\n");
    assert_null(strstr(world.printed, "old"));
    assert_null(strstr(world.printed, "x.ini"));
}

static void test_command_registry__exports_nothing_where_nothing_is(void **state)
{
    (void)state;
    assert_int_equal(run(command_registry_export), EXIT_CODE_DONE);
    assert_string_equal(world.printed,
                        "; nothing is set in HKLM\\SYSTEM\\CurrentControlSet\\Services\\" TEST_SERVICE
                        "\\Parameters\n");
}

static void test_command_registry__does_not_export_what_is_wrong(void **state)
{
    (void)state;
    registry_key_text(TEST_SERVICE, "service", "workers", "many");
    assert_int_equal(run(command_registry_export), EXIT_CODE_CONFIGURATION);
    assert_string_equal(world.printed, "");
    expect(world.complained, "\\Parameters\\service\\workers: error: workers: \"many\" is not a number");
}

static void test_command_registry__needs_a_service(void **state)
{
    (void)state;
    assert_int_equal(run(command_registry_import), EXIT_CODE_FAILED);
    expect(world.complained, "there is no service " TEST_SERVICE);
}

static void test_command_registry__a_wrong_file_changes_nothing(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    struct config_registry before, after;
    registry_key_text(TEST_SERVICE, "service", "workers", "2");
    program_write(world.folder, L"test.ini", TEST_INI "x = y\n", path);
    load(&before);
    assert_int_equal(run(command_registry_import), EXIT_CODE_CONFIGURATION);
    expect(world.complained, "test.ini:10:1: error: \"x\" is not a key");
    load(&after);
    assert_true(config_registry_is_equal(&before, &after));
    config_registry_fini(&before);
    config_registry_fini(&after);
}

static void test_command_registry__all_or_nothing(void **state)
{
    static const enum import imports[] = {IMPORT_RegSetValueExW, IMPORT_RegCreateKeyExW,
                                          IMPORT_RegDeleteTreeW};
    (void)state;
    struct config_registry before, after;
    registry_key_text(TEST_SERVICE, "service", "workers", "2");
    registry_key_text(TEST_SERVICE, "endpoint old", "listen", "tcp://127.0.0.1:81");
    registry_key_text(TEST_SERVICE, "endpoint old", "handler", "echo");
    load(&before);
    for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
        enum exit_code code = EXIT_CODE_ACCESS_DENIED;
        for (uint32_t nth = 1; nth < 20 && code != EXIT_CODE_DONE; nth++) {
            fault_arm(imports[i], nth, ERROR_ACCESS_DENIED, 1);
            code = run(command_registry_import);
            if (code == EXIT_CODE_DONE) {
                break;
            }
            assert_int_equal(code, EXIT_CODE_ACCESS_DENIED);
            expect(world.complained, "error 5: ");
            expect(world.complained, "; it is as it was; run elevated\n");
            load(&after);
            assert_true(config_registry_is_equal(&before, &after));
            config_registry_fini(&after);
        }
        assert_int_equal(code, EXIT_CODE_DONE);
        registry_key_remove(TEST_SERVICE);
        registry_key_text(TEST_SERVICE, "service", "workers", "2");
        registry_key_text(TEST_SERVICE, "endpoint old", "listen", "tcp://127.0.0.1:81");
        registry_key_text(TEST_SERVICE, "endpoint old", "handler", "echo");
    }
    config_registry_fini(&before);
}

static void test_command_registry__what_is_half_written_is_marked(void **state)
{
    (void)state;
    registry_key_text(TEST_SERVICE, "service", "workers", "2");
    fault_arm(IMPORT_RegSetValueExW, 3, ERROR_ACCESS_DENIED, 1000);
    assert_int_equal(run(command_registry_import), EXIT_CODE_ACCESS_DENIED);
    expect(world.complained, "no start uses it while it has the value ImportUnfinished; import again");
    assert_int_equal(run(command_check_run), EXIT_CODE_CONFIGURATION);
    expect(world.printed,
           "\\Parameters\\ImportUnfinished: error: an import into this key has not come to its end");
    assert_int_equal(run(command_registry_import), EXIT_CODE_DONE);
    assert_int_equal(run(command_check_run), EXIT_CODE_DONE);
}

#define it(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        it(test_command_registry__imports_and_exports_the_same),
        it(test_command_registry__exports_nothing_where_nothing_is),
        it(test_command_registry__does_not_export_what_is_wrong),
        it(test_command_registry__needs_a_service),
        it(test_command_registry__a_wrong_file_changes_nothing),
        it(test_command_registry__all_or_nothing),
        it(test_command_registry__what_is_half_written_is_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
