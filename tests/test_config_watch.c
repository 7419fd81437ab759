/* SPDX-License-Identifier: MIT
   Tests of config_watch.h: real files and a real registry key. */
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
#include "config_watch.h"
#include "support/fault.h"
#include "support/program.h"
#include "support/registry_key.h"
#include "support/support.h"

#define TEST_SERVICE "PortListenerTestWatch"

enum { LONG_ENOUGH = 60000 /* milliseconds */, A_WHILE = 3 * CONFIG_WATCH_QUIET };

static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    WCHAR file[PROGRAM_PATH_MAX];
    char *path;
    char *folder_utf8;
    struct config_watch *watch;
    HANDLE told;
    volatile LONG count;
    struct config_include include;
    struct config config;
} world;

static void changed(void *context)
{
    (void)context;
    InterlockedIncrement(&world.count);
    SetEvent(world.told);
}

static int setup(void **state)
{
    memset(&world, 0, sizeof world);
    registry_key_remove(TEST_SERVICE);
    if (support_setup(state) != 0) {
        return -1;
    }
    program_folder(world.folder);
    program_write(world.folder, L"a.ini", "first", world.file);
    world.path = utf16_to_utf8(world.file);
    world.folder_utf8 = utf16_to_utf8(world.folder);
    world.told = CreateEventW(NULL, FALSE, FALSE, NULL);
    return 0;
}

static int teardown(void **state)
{
    config_watch_stop(world.watch);
    CloseHandle(world.told);
    memory_free(world.path);
    memory_free(world.folder_utf8);
    registry_key_remove(TEST_SERVICE);
    program_remove(world.folder);
    return support_teardown(state);
}

static void start(void)
{
    const struct config_watch_options options = {
        .path = world.path, .service = TEST_SERVICE, .changed = changed};
    struct failure failure;
    world.watch = config_watch_start(&options, &world.config, &failure);
    assert_non_null(world.watch);
}

static void put(const WCHAR *name, const char *text)
{
    WCHAR path[PROGRAM_PATH_MAX];
    program_write(world.folder, name, text, path);
}

/* One call, and no other one soon. */
static void expect_told_once(void)
{
    assert_int_equal(WaitForSingleObject(world.told, LONG_ENOUGH), WAIT_OBJECT_0);
    Sleep(A_WHILE);
    assert_int_equal(InterlockedExchange(&world.count, 0), 1);
    ResetEvent(world.told);
}

static void expect_nothing(void)
{
    Sleep(A_WHILE);
    assert_int_equal(world.count, 0);
}

static void move(const WCHAR *from, const WCHAR *to)
{
    WCHAR source[PROGRAM_PATH_MAX], target[PROGRAM_PATH_MAX];
    swprintf(source, PROGRAM_PATH_MAX, L"%ls\\%ls", world.folder, from);
    swprintf(target, PROGRAM_PATH_MAX, L"%ls\\%ls", world.folder, to);
    assert_true(MoveFileExW(source, target, MOVEFILE_REPLACE_EXISTING));
}

static void test_config_watch__tells_of_each_change_once(void **state)
{
    (void)state;
    start();
    expect_nothing();
    put(L"a.ini", "second");
    expect_told_once();
    put(L"a.ini", "third");
    put(L"a.ini", "fourth"); /* soon after: one change */
    expect_told_once();
}

static void test_config_watch__an_editor_that_writes_and_renames_is_one_change(void **state)
{
    (void)state;
    start();
    put(L"a.ini.tmp", "second");
    move(L"a.ini", L"a.ini~");
    move(L"a.ini.tmp", L"a.ini");
    expect_told_once();
    put(L"a.ini.tmp", "third");
    move(L"a.ini.tmp", L"a.ini");
    expect_told_once();
}

static void test_config_watch__other_files_and_the_same_text_again_are_no_change(void **state)
{
    (void)state;
    start();
    put(L"log.txt", "a line");
    put(L"a.ini", "first");
    expect_nothing();
}

static void test_config_watch__a_file_that_is_gone_for_a_moment_is_one_change(void **state)
{
    (void)state;
    start();
    DeleteFileW(world.file);
    Sleep(50);
    put(L"a.ini", "second");
    expect_told_once();
}

static void test_config_watch__a_file_that_cannot_be_read_is_looked_at_again(void **state)
{
    (void)state;
    start();
    put(L"a.ini", "second");
    HANDLE held = CreateFileW(world.file, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
    assert_ptr_not_equal(held, INVALID_HANDLE_VALUE);
    expect_nothing();
    CloseHandle(held);
    expect_told_once();
}

static void test_config_watch__the_registry_key_is_watched(void **state)
{
    (void)state;
    registry_key_text(TEST_SERVICE, "service", "log_level", "info");
    start();
    registry_key_text(TEST_SERVICE, "service", "log_level", "debug");
    expect_told_once();
    registry_key_text(TEST_SERVICE, "endpoint web", "handler", "echo");
    expect_told_once();
    registry_key_text(TEST_SERVICE, "service", "log_level", "debug");
    expect_nothing();
}

static void test_config_watch__included_files_are_watched(void **state)
{
    (void)state;
    world.include = (struct config_include){.folder = world.folder_utf8, .pattern = (char[]){"*.inc"}};
    world.config = (struct config){.includes = &world.include, .include_count = 1};
    start();
    put(L"x.inc", "new");
    expect_told_once();
    world.config.include_count = 0;
    assert_true(config_watch_update(world.watch, &world.config, NULL, 0));
    Sleep(100);
    put(L"x.inc", "newer");
    expect_nothing();
    put(L"a.ini", "second");
    expect_told_once();
    assert_true(
        config_watch_update(world.watch, &world.config, &world.include, 1)); /* of one that was refused */
    Sleep(100);
    put(L"x.inc", "newest");
    expect_told_once();
}

/* A thread cannot wait for so many; those left over are looked at now and then. */
static void test_config_watch__folders_beyond_those_it_can_wait_for_are_watched(void **state)
{
    enum { MANY = 64 };
    static char pattern[] = "*.inc";
    static struct config_include includes[MANY];
    static char folders[MANY][1024];
    WCHAR last[PROGRAM_PATH_MAX];
    (void)state;
    swprintf(last, PROGRAM_PATH_MAX, L"%ls\\last", world.folder);
    assert_true(CreateDirectoryW(last, NULL));
    for (int i = 0; i < MANY; i++) { /* each is another name of the same folder, but for the last one */
        struct text text;
        text_init(&text, folders[i], sizeof folders[i]);
        text_add_string(&text, world.folder_utf8);
        for (int k = 0; k <= i && i < MANY - 1; k++) {
            text_add_string(&text, "\\.");
        }
        text_add_string(&text, i < MANY - 1 ? "" : "\\last");
        includes[i] = (struct config_include){.folder = folders[i], .pattern = pattern};
    }
    world.config = (struct config){.includes = includes, .include_count = MANY};
    start();
    put(L"last\\x.inc", "new");
    expect_told_once();
    swprintf(last, PROGRAM_PATH_MAX, L"%ls\\last\\x.inc", world.folder);
    DeleteFileW(last);
    swprintf(last, PROGRAM_PATH_MAX, L"%ls\\last", world.folder);
    RemoveDirectoryW(last);
}

static void test_config_watch__tells_when_it_cannot_be(void **state)
{
    static const enum import imports[] = {IMPORT_CreateThread, IMPORT_CreateEventW, IMPORT_HeapAlloc};
    const struct config_watch_options options = {
        .path = world.path, .service = TEST_SERVICE, .changed = changed};
    (void)state;
    for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
        for (uint32_t nth = 1; nth < 3; nth++) {
            struct failure failure = {.code = EXIT_CODE_DONE};
            fault_arm(imports[i], nth, ERROR_NOT_ENOUGH_MEMORY, 1);
            struct config_watch *watch = config_watch_start(&options, &world.config, &failure);
            fault_clear();
            if (watch == NULL) {
                assert_int_equal(failure.code, EXIT_CODE_FAILED);
                assert_non_null(strstr(failure.text, "cannot be watched for: error 8: "));
            }
            config_watch_stop(watch);
        }
    }
}

static void test_config_watch__goes_on_where_the_system_refuses(void **state)
{
    static const enum import imports[] = {IMPORT_FindFirstChangeNotificationW,
                                          IMPORT_FindNextChangeNotification};
    (void)state;
    for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
        fault_arm(imports[i], 1, ERROR_INVALID_HANDLE, 1);
        start();
        Sleep(100);
        put(L"a.ini", i == 0 ? "second" : "third"); /* seen when the folder is tried again */
        expect_told_once();
        fault_clear();
        config_watch_stop(world.watch);
        world.watch = NULL;
    }
}

#define it(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        it(test_config_watch__tells_of_each_change_once),
        it(test_config_watch__an_editor_that_writes_and_renames_is_one_change),
        it(test_config_watch__other_files_and_the_same_text_again_are_no_change),
        it(test_config_watch__a_file_that_is_gone_for_a_moment_is_one_change),
        it(test_config_watch__a_file_that_cannot_be_read_is_looked_at_again),
        it(test_config_watch__the_registry_key_is_watched),
        it(test_config_watch__included_files_are_watched),
        it(test_config_watch__folders_beyond_those_it_can_wait_for_are_watched),
        it(test_config_watch__tells_when_it_cannot_be),
        it(test_config_watch__goes_on_where_the_system_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
