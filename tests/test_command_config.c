/* SPDX-License-Identifier: MIT
   Tests of command_config.c and command_check.c: what "check" and "config show" print and return when the file cannot be had. */
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
#include "support/descriptor.h"
#include "support/fault.h"
#include "support/program.h"
#include "support/registry_key.h"
#include "support/seam.h"
#include "support/streams.h"
#include "support/support.h"
#include "trust.h"

#define JSON_END "\", \"id\": \"config-error\", \"subject\": "

typedef enum exit_code (*command_function)(const struct arguments *arguments, struct streams *streams);

static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    char *file;
    struct streams streams;
    char printed[8192];
    char complained[8192];
} world;

static int setup(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    memset(&world, 0, sizeof world);
    if (support_setup(state) != 0) {
        return -1;
    }
    program_folder(world.folder);
    program_write(world.folder, L"test.ini", "[endpoint echo]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n",
                  path);
    world.file = utf16_to_utf8(path);
    return world.file != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    memory_free(world.file);
    program_remove(world.folder);
    return support_teardown(state);
}

/* Runs `command` on `file`, while the nth call of `import` and those behind it, `times` in all, fail. Returns
   whether any did. */
static bool run(command_function command, const char *file, bool is_json, enum import import, uint32_t nth,
                DWORD error, uint32_t times, enum exit_code *code_out)
{
    const struct arguments arguments = {.options = {[OPTION_CONFIG] = file,
                                                    [OPTION_SERVICE] = "PortListenerTestConfig",
                                                    [OPTION_JSON] = is_json ? "--json" : NULL}};
    streams_open(&world.streams, world.folder);
    fault_clear();
    fault_arm(import, nth, error, times);
    *code_out = command(&arguments, &world.streams);
    const bool was_hit = fault_hits() > 0;
    fault_clear();
    streams_end(&world.streams, world.folder, world.printed, sizeof world.printed, world.complained,
                sizeof world.complained);
    return was_hit;
}

static enum exit_code run_without_rights(command_function command, bool is_json)
{
    enum exit_code code = EXIT_CODE_DONE;
    assert_true(run(command, world.file, is_json, IMPORT_CreateFileW, 1, ERROR_ACCESS_DENIED, 1, &code));
    return code;
}

static void expect(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, text);
    }
}

static void test_command_config__without_the_right_to_read_it_is_code_5(void **state)
{
    static const command_function commands[] = {command_check_run, command_config_show};
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        assert_int_equal(run_without_rights(commands[i], false), EXIT_CODE_ACCESS_DENIED);
        expect(world.complained, "portlistener: --config names ");
        expect(world.complained, "error 5: ");
        expect(world.complained, "; run elevated, or give this account the right to read it\n");
        assert_string_equal(world.printed, "");
    }
}

static void test_command_config__checks_for_programs_without_the_right_to_read_it(void **state)
{
    (void)state;
    assert_int_equal(run_without_rights(command_check_run, true), EXIT_CODE_ACCESS_DENIED);
    expect(world.printed,
           "test.ini\", \"errors\": 1, \"warnings\": 0, \"findings\": [\n"
           "  {\"line\": 0, \"column\": 0, \"severity\": \"error\", \"message\": \"--config names ");
    expect(world.printed, "; run elevated, or give this account the right to read it" JSON_END);
    assert_string_equal(world.complained, "");
}

/* Neither given, nor in the registry, nor beside the program: there is no name to tell. */
static void test_command_config__checks_for_programs_when_there_is_no_file(void **state)
{
    enum exit_code code = EXIT_CODE_DONE;
    (void)state;
    assert_true(run(command_check_run, NULL, true, IMPORT_CreateFileW, 1, ERROR_FILE_NOT_FOUND, FAULT_FOREVER,
                    &code));
    assert_int_equal(code, EXIT_CODE_CONFIGURATION);
    assert_memory_equal(world.printed, "{\"file\": \"\", \"errors\": 1, ", 24);
    expect(world.printed, "\"message\": \"no configuration file: the service PortListenerTestConfig has no ");
    expect(world.printed, "; write that file, or give --config FILE" JSON_END);
    assert_string_equal(world.complained, "");
}

/* Gone, or written to, between the look for it and the reading. */
static void test_command_config__a_file_that_cannot_be_read_any_more_is_code_3(void **state)
{
    enum exit_code code = EXIT_CODE_DONE;
    (void)state;
    assert_true(
        run(command_check_run, world.file, true, IMPORT_CreateFileW, 2, ERROR_SHARING_VIOLATION, 1, &code));
    assert_int_equal(code, EXIT_CODE_CONFIGURATION);
    expect(world.printed,
           "{\"line\": 0, \"column\": 0, \"severity\": \"error\", \"message\": \"the file cannot be "
           "read, error 32: ");
    assert_string_equal(world.complained, "");
}

/* An answer that is cut is known by the stream's error; main makes it code 1, too. */
static void check_memory(command_function command, bool is_json, enum import import, uint32_t times)
{
    bool was_hit = true;
    for (uint32_t nth = 1; was_hit; nth++) {
        enum exit_code code = EXIT_CODE_DONE;
        was_hit = run(command, world.file, is_json, import, nth, 0, times, &code);
        assert_true(code == EXIT_CODE_FAILED || code == EXIT_CODE_DONE);
        if (code == EXIT_CODE_DONE) {
            assert_int_equal(world.streams.out.error != 0, was_hit);
        }
    }
}

static void test_command_config__without_memory_is_code_1(void **state)
{
    static const struct {
        command_function command;
        bool is_json;
    } rows[] = {{command_config_show, false}, {command_config_show, true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_memory(rows[i].command, rows[i].is_json, IMPORT_HeapAlloc, 1);
        check_memory(rows[i].command, rows[i].is_json, IMPORT_HeapAlloc, FAULT_FOREVER);
        check_memory(rows[i].command, rows[i].is_json, IMPORT_HeapReAlloc, 1);
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void test_command_config__shows_what_the_registry_has(void **state)
{
    (void)state;
    enum exit_code code = EXIT_CODE_DONE;
    registry_key_text("PortListenerTestConfig", "endpoint echo", "lifetime", "7s");
    run(command_config_show, world.file, false, IMPORT_CreateFileW, 1, 0, 0, &code);
    registry_key_text("PortListenerTestConfig", "endpoint echo", "lifetime", "7");
    assert_int_equal(code, EXIT_CODE_DONE);
    expect(world.printed,
           "\n  lifetime                    7s                                        registry\n");
    run(command_check_run, world.file, true, IMPORT_CreateFileW, 1, 0, 0, &code);
    assert_int_equal(code, EXIT_CODE_CONFIGURATION);
    expect(world.printed,
           "{\"registry\": \"HKLM\\\\SYSTEM\\\\CurrentControlSet\\\\Services\\\\PortListenerTestConfig\\\\"
           "Parameters\\\\endpoint echo\\\\lifetime\", \"line\": 0, \"column\": 0, \"severity\": \"error\", "
           "\"message\": \"lifetime: \\\"7\\\" has no unit");
    assert_true(
        run(command_config_show, world.file, false, IMPORT_RegEnumKeyExW, 1, ERROR_ACCESS_DENIED, 1, &code));
    registry_key_remove("PortListenerTestConfig");
    assert_int_equal(code, EXIT_CODE_ACCESS_DENIED);
    expect(world.complained, "\\Parameters cannot be read, error 5: ");
}

/* ---- What others can change ---- */

#define SAFE "O:BAD:(A;;FA;;;BA)(A;;FR;;;WD)"
#define OPEN "O:BAD:(A;;FA;;;BA)(A;;FA;;;BU)"

static const char *file_descriptor, *key_descriptor;
static size_t files_asked;

/* The file is the first that is asked about, its folders follow. */
static DWORD WINAPI get_security(HANDLE handle, SE_OBJECT_TYPE type, SECURITY_INFORMATION parts, PSID *owner,
                                 PSID *group, PACL *dacl, PACL *sacl, PSECURITY_DESCRIPTOR *descriptor)
{
    (void)handle, (void)parts, (void)owner, (void)group, (void)dacl, (void)sacl;
    const bool is_file = type == SE_FILE_OBJECT && files_asked++ == 0;
    *descriptor = descriptor_make(is_file ? file_descriptor : type == SE_FILE_OBJECT ? SAFE : key_descriptor);
    return ERROR_SUCCESS;
}

/* The machine is none with Wine, whose files nobody can trust, see trust.c. */
static FARPROC WINAPI find_procedure(HMODULE library, LPCSTR name)
{
    return strcmp(name, "wine_get_version") == 0 ? NULL : SEAM_REAL(GetProcAddress)(library, name);
}

static enum exit_code run_as(command_function command, bool is_json, const char *of_file, const char *of_keys)
{
    enum exit_code code = EXIT_CODE_USAGE;
    files_asked = 0;
    file_descriptor = of_file;
    key_descriptor = of_keys;
    run(command, world.file, is_json, IMPORT_CreateFileW, 1, 0, 0, &code);
    return code;
}

static void test_command_config__warns_of_what_others_can_change(void **state)
{
    (void)state;
    registry_key_text("PortListenerTestConfig", "endpoint echo", "lifetime", "7s");
    seam_replace(IMPORT_GetSecurityInfo, (seam_function)get_security);
    assert_int_equal(run_as(command_config_show, false, OPEN, OPEN), EXIT_CODE_DONE);
    assert_string_equal(world.complained, ""); /* in Wine */
    seam_replace(IMPORT_GetProcAddress, (seam_function)find_procedure);
    assert_int_equal(run_as(command_config_show, false, SAFE, SAFE), EXIT_CODE_DONE);
    assert_string_equal(world.complained, "");
    assert_int_equal(run_as(command_config_show, false, OPEN, SAFE), EXIT_CODE_DONE);
    expect(world.complained, "test.ini: warning: ");
    expect(world.complained, "\\test.ini is open to ");
    assert_null(strstr(world.complained, "registry key"));
    assert_int_equal(run_as(command_config_show, false, OPEN, OPEN), EXIT_CODE_DONE);
    expect(world.complained, "\\test.ini is open to ");
    expect(world.complained, "test.ini: warning: the registry key SYSTEM\\CurrentControlSet\\Services\\");
    expect(world.complained, " is open to ");
    expect(world.printed, "\n  lifetime                    7s ");
    registry_key_remove("PortListenerTestConfig");
}

static void test_command_config__in_wine_nobody_asks_whom_it_trusts(void **state)
{
    (void)state;
    seam_replace(IMPORT_GetProcAddress, (seam_function)find_procedure);
    assert_int_equal(trust_wanted(true), CONFIG_TRUST_ADMINISTRATORS);
    assert_int_equal(trust_wanted(false), CONFIG_TRUST_WARN);
    seam_replace(IMPORT_GetProcAddress, NULL);
    if (GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL) {
        assert_int_equal(trust_wanted(true), CONFIG_TRUST_ANYBODY);
        assert_int_equal(trust_wanted(false), CONFIG_TRUST_ANYBODY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_command_config__without_the_right_to_read_it_is_code_5),
        test(test_command_config__checks_for_programs_without_the_right_to_read_it),
        test(test_command_config__checks_for_programs_when_there_is_no_file),
        test(test_command_config__a_file_that_cannot_be_read_any_more_is_code_3),
        test(test_command_config__without_memory_is_code_1),
        test(test_command_config__shows_what_the_registry_has),
        test(test_command_config__warns_of_what_others_can_change),
        test(test_command_config__in_wine_nobody_asks_whom_it_trusts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
