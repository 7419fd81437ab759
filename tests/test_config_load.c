/* SPDX-License-Identifier: MIT
   Tests of config_load: real files, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "config/config.h"
#include "config/config_file.h"
#include "handler/handlers.h"
#include "support/exact.h"
#include "support/failing_memory.h"
#include "support/fault.h"

#define WEB "[endpoint web]\nlisten = tcp://*:80\nhandler = echo\n"

/* A folder of this test alone, and in it a file whose name is not ASCII. */
struct place {
    WCHAR folder[MAX_PATH];
    WCHAR file[MAX_PATH];
    char utf8_folder[MAX_PATH * 3];
    char utf8_file[MAX_PATH * 3];
};

struct loaded {
    struct config *config;
    struct config_problems problems;
};

static void to_utf8(const WCHAR *wide, char *utf8, int room)
{
    assert_true(WideCharToMultiByte(CP_UTF8, 0, wide, -1, utf8, room, NULL, NULL) > 0);
}

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    WCHAR temporary[MAX_PATH];
    if (place == NULL || failing_memory_setup(state) != 0 || GetTempPathW(MAX_PATH, temporary) == 0) {
        free(place);
        return 1;
    }
    *state = place;
    (void)swprintf(place->folder, MAX_PATH, L"%lsportlistener-%lu", temporary, GetCurrentProcessId());
    (void)swprintf(place->file, MAX_PATH, L"%ls\\M\x00FCnchen \x20AC.ini", place->folder);
    to_utf8(place->folder, place->utf8_folder, sizeof place->utf8_folder);
    to_utf8(place->file, place->utf8_file, sizeof place->utf8_file);
    assert_true(CreateDirectoryW(place->folder, NULL));
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    (void)DeleteFileW(place->file);
    const BOOL is_removed = RemoveDirectoryW(place->folder);
    free(place);
    return failing_memory_teardown(state) != 0 || !is_removed;
}

static HANDLE open_file(const WCHAR *path, DWORD access, DWORD share, DWORD disposition)
{
    HANDLE file = CreateFileW(path, access, share, NULL, disposition, FILE_ATTRIBUTE_NORMAL, NULL);
    assert_ptr_not_equal(file, INVALID_HANDLE_VALUE);
    return file;
}

static void write_file(const WCHAR *path, const char *at, size_t length)
{
    DWORD done = 0;
    HANDLE file = open_file(path, GENERIC_WRITE, 0, CREATE_ALWAYS);
    assert_true(WriteFile(file, at, (DWORD)length, &done, NULL));
    assert_int_equal(done, length);
    CloseHandle(file);
}

static void load(struct loaded *it, const char *path)
{
    config_problems_init(&it->problems);
    it->config = config_load(path, "My Service", handlers_builtin, NULL, &it->problems);
}

static void unload(struct loaded *it)
{
    config_destroy(it->config);
    config_problems_fini(&it->problems);
}

static void assert_path(const char *path, const char *folder, const char *rest)
{
    char expected[MAX_PATH * 4];
    struct text text;
    text_init(&text, expected, sizeof expected);
    text_add_format(&text, "%s%s", folder, rest);
    assert_string_equal(path, expected);
}

/* The one message: the name of the file, how it begins, and how it ends; between them speaks the system. */
static void assert_message(const struct loaded *it, const char *file, const char *begin, const char *end)
{
    char expected[MAX_PATH * 4];
    struct text text;
    const struct text *message = &it->problems.text;
    assert_null(it->config);
    assert_int_equal(it->problems.errors, 1);
    text_init(&text, expected, sizeof expected);
    text_add_format(&text, "%s: error: %s", file, begin);
    assert_true(message->length >= text.length + strlen(end));
    if (memcmp(message->at, text.at, text.length) != 0 ||
        strcmp(message->at + message->length - strlen(end), end) != 0) {
        fail_msg("%s", message->at);
    }
    assert_ptr_equal(strchr(message->at, '\n'), message->at + message->length - 1);
}

static void test_config_load__reads_a_file_and_its_paths(void **state)
{
    const struct place *place = *state;
    static const char text[] = "[service]\nlog_file = a\\<service>.log\n" WEB;
    struct loaded it;
    write_file(place->file, text, sizeof text - 1);
    load(&it, place->utf8_file);
    assert_string_equal(it.problems.text.at, "");
    assert_non_null(it.config);
    assert_string_equal(it.config->file, place->utf8_file);
    assert_string_equal(it.config->endpoints[0].name, "web");
    assert_string_equal(it.config->service.data_dir, place->utf8_folder);
    assert_path(it.config->service.log_file, place->utf8_folder, "\\a\\My Service.log");
    unload(&it);
}

static void test_config_load__takes_a_path_from_the_current_folder(void **state)
{
    const struct place *place = *state;
    WCHAR before[MAX_PATH];
    struct loaded it;
    write_file(place->file, WEB, sizeof WEB - 1);
    assert_true(GetCurrentDirectoryW(MAX_PATH, before) > 0);
    assert_true(SetCurrentDirectoryW(place->folder));
    load(&it, "./M\xC3\xBCnchen \xE2\x82\xAC.ini");
    assert_true(SetCurrentDirectoryW(before));
    assert_string_equal(it.problems.text.at, "");
    assert_string_equal(it.config->file, "./M\xC3\xBCnchen \xE2\x82\xAC.ini");
    assert_path(it.config->service.log_file, place->utf8_folder, "\\logs\\My Service.log");
    unload(&it);
}

static void test_config_load__takes_a_file_in_a_root(void **state)
{
    (void)state;
    char path[64];
    WCHAR wide[64];
    struct loaded it;
    (void)snprintf(path, sizeof path, "C:\\portlistener-%lu.ini", GetCurrentProcessId());
    (void)swprintf(wide, sizeof wide / sizeof wide[0], L"C:\\portlistener-%lu.ini", GetCurrentProcessId());
    write_file(wide, WEB, sizeof WEB - 1);
    load(&it, path);
    assert_true(DeleteFileW(wide));
    assert_string_equal(it.problems.text.at, "");
    assert_string_equal(it.config->service.data_dir, "C:\\");
    assert_string_equal(it.config->service.log_file, "C:\\logs\\My Service.log");
    unload(&it);
}

static void test_config_load__expands_variables_of_the_environment(void **state)
{
    const struct place *place = *state;
    static const char text[] =
        "[service]\ndata_dir = %PL_TEST_FOLDER%\nlog_file = x%PL_TEST_EMPTY%.log\n" WEB;
    struct loaded it;
    write_file(place->file, text, sizeof text - 1);
    assert_true(SetEnvironmentVariableW(L"PL_TEST_FOLDER", L"D:\\Stra\x00DF"
                                                           L"e"));
    assert_true(SetEnvironmentVariableW(L"PL_TEST_EMPTY", L""));
    load(&it, place->utf8_file);
    assert_true(SetEnvironmentVariableW(L"PL_TEST_FOLDER", NULL));
    assert_true(SetEnvironmentVariableW(L"PL_TEST_EMPTY", NULL));
    assert_string_equal(it.problems.text.at, "");
    assert_string_equal(it.config->service.log_file, "D:\\Stra\xC3\x9F"
                                                     "e\\x.log");
    unload(&it);
    load(&it, place->utf8_file);
    assert_null(it.config);
    assert_int_equal(it.problems.errors, 2);
    assert_non_null(strstr(it.problems.text.at,
                           ".ini:2:12: error: data_dir: \"%PL_TEST_FOLDER%\" is not a variable of "
                           "the environment; "));
    unload(&it);
}

static void test_config_load__names_file_line_and_column(void **state)
{
    const struct place *place = *state;
    static const char text[] = WEB "backlog = x\n";
    char expected[MAX_PATH * 4];
    struct text line;
    struct loaded it;
    write_file(place->file, text, sizeof text - 1);
    load(&it, place->utf8_file);
    text_init(&line, expected, sizeof expected);
    text_add_format(&line, "%s:4:11: error: backlog: \"x\" is not a number; write 1 to 65535\n",
                    place->utf8_file);
    assert_string_equal(it.problems.text.at, expected);
    unload(&it);
}

static void test_config_load__says_that_a_file_is_missing(void **state)
{
    const struct place *place = *state;
    struct loaded it;
    load(&it, place->utf8_file);
    assert_message(&it, place->utf8_file,
                   "the file cannot be read, error 2: ", "; correct the path, or create the file\n");
    assert_int_equal(it.problems.count, 1);
    assert_int_equal(it.problems.list[0].line, 0);
    unload(&it);
    load(&it, "C:\\no such folder\\a.ini");
    assert_message(&it, "C:\\no such folder\\a.ini",
                   "the file cannot be read, error 3: ", "; correct the path, or create the file\n");
    unload(&it);
}

static void test_config_load__says_that_it_is_a_folder(void **state)
{
    const struct place *place = *state;
    struct loaded it;
    load(&it, place->utf8_folder);
    assert_message(&it, place->utf8_folder, "the file cannot be read, error 5: ",
                   "; it is a folder; give the path of the file in it\n");
    unload(&it);
}

static void test_config_load__refuses_a_path_that_is_none(void **state)
{
    (void)state;
    struct loaded it;
    load(&it, "");
    assert_message(&it, "", "the file cannot be read, error ", "; correct the path\n");
    unload(&it);
    load(&it, "C:\\a?b*.ini");
    assert_message(&it, "C:\\a?b*.ini", "the file cannot be read, error ",
                   "; see to it that the file can be read\n");
    unload(&it);
}

static void test_config_load__waits_for_nobody_who_writes(void **state)
{
    const struct place *place = *state;
    static const char remedy[] = "; another program is writing to it; close it there and try again\n";
    struct loaded it;
    write_file(place->file, WEB, sizeof WEB - 1);
    HANDLE writer = open_file(place->file, GENERIC_WRITE,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, OPEN_EXISTING);
    load(&it, place->utf8_file);
    assert_message(&it, place->utf8_file, "the file cannot be read, error 32: ", remedy);
    unload(&it);
    CloseHandle(writer);
    HANDLE reader = open_file(place->file, GENERIC_READ, FILE_SHARE_READ, OPEN_EXISTING);
    load(&it, place->utf8_file);
    assert_non_null(it.config);
    unload(&it);
    CloseHandle(reader);
}

static void test_config_load__bounds_what_it_reads(void **state)
{
    const struct place *place = *state;
    const size_t size = (size_t)2 * CONFIG_FILE_SIZE_MAX;
    char *text = malloc(size);
    struct loaded it;
    assert_non_null(text);
    memset(text, '\n', size);
    exact_put(text, WEB);
    write_file(place->file, text, CONFIG_FILE_SIZE_MAX);
    load(&it, place->utf8_file);
    assert_string_equal(it.problems.text.at, "");
    assert_non_null(it.config);
    unload(&it);
    write_file(place->file, text, size);
    free(text);
    load(&it, place->utf8_file);
    assert_null(it.config);
    assert_non_null(strstr(it.problems.text.at, ".ini:1:1: error: the file is larger than 4 MB"));
    unload(&it);
}

static void test_config_load__reads_an_empty_file(void **state)
{
    const struct place *place = *state;
    struct loaded it;
    write_file(place->file, "", 0);
    load(&it, place->utf8_file);
    assert_null(it.config);
    assert_non_null(strstr(it.problems.text.at, ".ini:1:1: error: there is no endpoint; "));
    unload(&it);
}

/* Every allocation fails once, alone and with all behind it. Returns how many there are. */
static size_t load_with_failures(const struct place *place, bool from_then_on, const char *begin,
                                 const char *end)
{
    size_t nth = 0;
    for (bool has_failed = true; has_failed;) {
        struct loaded it;
        failing_memory_arm(++nth, from_then_on);
        load(&it, place->utf8_file);
        has_failed = failing_memory_hits() > 0;
        failing_memory_arm(0, false);
        if (has_failed) {
            assert_message(&it, place->utf8_file, "out of memory;", " end other programs and try again\n");
        } else if (begin != NULL) {
            assert_message(&it, place->utf8_file, begin, end);
        } else {
            assert_non_null(it.config);
        }
        unload(&it);
        assert_int_equal(failing_memory_live(), 0);
    }
    return nth;
}

static void test_config_load__tells_that_memory_is_out_wherever_that_happens(void **state)
{
    const struct place *place = *state;
    static const char text[] = "[service]\nlog_file = %TEMP%\\a.log\n" WEB;
    write_file(place->file, text, sizeof text - 1);
    assert_true(load_with_failures(place, false, NULL, NULL) > 20);
    assert_true(load_with_failures(place, true, NULL, NULL) > 20);
    assert_true(DeleteFileW(place->file));
    assert_true(load_with_failures(place, false, "the file cannot be read, error 2: ",
                                   "; correct the path, or create the file\n") > 4);
    assert_true(load_with_failures(place, true, "the file cannot be read, error 2: ",
                                   "; correct the path, or create the file\n") > 4);
}

/* A call of the system fails; the message says so and what to do. */
static void test_config_load__tells_what_the_system_refuses(void **state)
{
    const struct place *place = *state;
    static const struct {
        enum import import;
        uint32_t nth;
        DWORD code;
        const char *begin;
        const char *end;
    } cases[] = {
        {IMPORT_GetFullPathNameW, 1, ERROR_INVALID_NAME,
         "the file cannot be read, error 123: ", "; correct the path\n"},
        {IMPORT_CreateFileW, 1, ERROR_ACCESS_DENIED, "the file cannot be read, error 5: ",
         "; run elevated, or give this account the right to read the file\n"},
        {IMPORT_CreateFileW, 1, ERROR_BAD_NETPATH,
         "the file cannot be read, error 53: ", "; see to it that the file can be read\n"},
        {IMPORT_ReadFile, 1, ERROR_LOCK_VIOLATION, "the file cannot be read, error 33: ",
         "; another program is writing to it; close it there and try again\n"},
        {IMPORT_ReadFile, 2, ERROR_CRC,
         "the file cannot be read, error 23: ", "; see to it that the file can be read\n"},
        {IMPORT_ReadFile, 3, ERROR_NETNAME_DELETED,
         "the file cannot be read, error 64: ", "; see to it that the file can be read\n"},
    };
    const size_t size = 100000; /* two reads, and one that finds the end */
    char *text = calloc(1, size);
    assert_non_null(text);
    memset(text, '\n', size);
    exact_put(text, WEB);
    write_file(place->file, text, size);
    free(text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct loaded it;
        fault_clear();
        fault_arm(cases[i].import, cases[i].nth, cases[i].code, 1);
        load(&it, place->utf8_file);
        assert_int_equal(fault_hits(), 1);
        assert_message(&it, place->utf8_file, cases[i].begin, cases[i].end);
        unload(&it);
    }
    fault_clear();
    struct loaded whole;
    load(&whole, place->utf8_file);
    assert_non_null(whole.config);
    unload(&whole);
}

static void test_config_load__refuses_a_path_longer_than_windows_can(void **state)
{
    (void)state;
    enum { LENGTH = 40000 };
    char *path = calloc(1, LENGTH + 1);
    struct loaded it;
    assert_non_null(path);
    memset(path, 'x', LENGTH);
    exact_put(path, "C:\\");
    load(&it, path);
    assert_null(it.config);
    assert_int_equal(it.problems.errors, 1);
    assert_non_null(strstr(it.problems.text.at, ": error: the file cannot be read, error "));
    unload(&it);
    free(path);
}

/* ---- Whom it trusts ---- */

static void load_with_trust(struct loaded *it, const struct place *place, enum config_trust trust)
{
    const struct config_request request = {.path = place->utf8_file,
                                           .trust = trust,
                                           .is_file_only = true,
                                           .service = "My Service",
                                           .handlers = handlers_builtin};
    config_problems_init(&it->problems);
    it->config = config_load_request(&request, &it->problems);
}

/* A service does not read what it cannot check; a console tells only what it has seen. */
static void test_config_load__that_cannot_see_who_can_change_the_file(void **state)
{
    const struct place *place = *state;
    struct loaded it;
    write_file(place->file, WEB, strlen(WEB));
    fault_arm(IMPORT_CreateFileW, 1, ERROR_SHARING_VIOLATION, 1);
    load_with_trust(&it, place, CONFIG_TRUST_WARN);
    assert_int_equal(fault_hits(), 1);
    assert_non_null(it.config);
    assert_int_equal(it.problems.warnings, 0);
    unload(&it);
    fault_arm(IMPORT_CreateFileW, 1, ERROR_SHARING_VIOLATION, 1);
    load_with_trust(&it, place, CONFIG_TRUST_ADMINISTRATORS);
    assert_null(it.config);
    assert_non_null(strstr(it.problems.text.at,
                           ": error: the file cannot be opened to see who can change it, error 32: "));
    assert_non_null(strstr(it.problems.text.at, "or try again when nobody writes to it"));
    unload(&it);
    fault_clear();
}

static void test_config_load__that_trusts_tells_of_a_file_that_is_missing(void **state)
{
    const struct place *place = *state;
    static const enum config_trust trusts[] = {CONFIG_TRUST_WARN, CONFIG_TRUST_ADMINISTRATORS};
    for (size_t i = 0; i < 2; i++) {
        struct loaded it;
        load_with_trust(&it, place, trusts[i]);
        assert_null(it.config);
        assert_non_null(strstr(it.problems.text.at, ": error: the file cannot be read, error 2: "));
        unload(&it);
    }
}

static void test_config_load__that_trusts_needs_memory(void **state)
{
    const struct place *place = *state;
    write_file(place->file, WEB, strlen(WEB));
    bool was_hit = true;
    for (uint32_t nth = 1; was_hit; nth++) {
        struct loaded it;
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        load_with_trust(&it, place, CONFIG_TRUST_WARN);
        was_hit = fault_hits() > 0;
        fault_clear();
        assert_true(was_hit || it.config != NULL);
        assert_true(it.config != NULL || it.problems.errors > 0);
        unload(&it);
    }
}

#define load_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        load_test(test_config_load__reads_a_file_and_its_paths),
        load_test(test_config_load__takes_a_path_from_the_current_folder),
        load_test(test_config_load__takes_a_file_in_a_root),
        load_test(test_config_load__expands_variables_of_the_environment),
        load_test(test_config_load__names_file_line_and_column),
        load_test(test_config_load__says_that_a_file_is_missing),
        load_test(test_config_load__says_that_it_is_a_folder),
        load_test(test_config_load__refuses_a_path_that_is_none),
        load_test(test_config_load__waits_for_nobody_who_writes),
        load_test(test_config_load__tells_what_the_system_refuses),
        load_test(test_config_load__refuses_a_path_longer_than_windows_can),
        load_test(test_config_load__bounds_what_it_reads),
        load_test(test_config_load__reads_an_empty_file),
        load_test(test_config_load__tells_that_memory_is_out_wherever_that_happens),
        load_test(test_config_load__that_cannot_see_who_can_change_the_file),
        load_test(test_config_load__that_trusts_tells_of_a_file_that_is_missing),
        load_test(test_config_load__that_trusts_needs_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
