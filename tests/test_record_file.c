/* SPDX-License-Identifier: MIT
   Tests of base/record_file.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/record_file.h"
#include "base/text.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/folder.h"
#include "support/ledger.h"
#include "support/support.h"
#include "support/wall_clock.h"

static struct folder folder;

static int setup(void **state)
{
    support_setup(state);
    folder_init(&folder);
    wall_clock_set("2026-11-25T02:27:00.123");
    return 0;
}

static int teardown(void **state)
{
    folder_fini(&folder);
    return support_teardown(state);
}

/* For web.log in the folder, unless `options` say otherwise. */
static struct record_file *create(struct record_file_options options)
{
    if (options.path == NULL) {
        options.path = folder_join(&folder, "web.log");
    }
    struct record_file *file = record_file_create(&options);
    assert_non_null(file);
    return file;
}

static void append(struct record_file *file, const char *record)
{
    struct failure failure = {.text = ""};
    if (!record_file_append(file, record, (uint32_t)strlen(record), &failure)) {
        fail_msg("not appended: %s", failure.text);
    }
}

/* It must fail with this error and tell the file's name. */
static void assert_append_fails(struct record_file *file, const char *record, DWORD error, const char *words)
{
    struct failure failure = {.code = EXIT_CODE_DONE};
    assert_false(record_file_append(file, record, (uint32_t)strlen(record), &failure));
    assert_int_equal(failure.win32_error, error);
    assert_int_equal(failure.code, error == ERROR_ACCESS_DENIED ? EXIT_CODE_ACCESS_DENIED : EXIT_CODE_FAILED);
    assert_non_null(strstr(failure.text, folder_join(&folder, "web.log")));
    if (strstr(failure.text, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, failure.text);
    }
}

static void assert_content(const char *name, const char *expected)
{
    size_t length = 0;
    char *bytes = folder_read(&folder, name, &length);
    assert_string_equal(bytes, expected);
    assert_int_equal(length, strlen(expected));
    free(bytes);
}

/* The names in the folder, sorted, each followed by a blank. */
static void assert_names(const char *expected)
{
    char names[FOLDER_NAMES * FOLDER_NAME_ROOM];
    struct text text;
    text_init(&text, names, sizeof names);
    for (size_t i = 0; i < folder_list(&folder); i++) {
        text_add_format(&text, "%s ", folder.names[i]);
    }
    assert_string_equal(text.at, expected);
}

/* Everything in the rotated files, the oldest first, and in web.log. */
static void assert_records(const char *expected)
{
    char records[4096];
    struct text text;
    text_init(&text, records, sizeof records);
    for (size_t i = 0; i < folder_list(&folder); i++) { /* '-' sorts before '.' */
        size_t length = 0;
        char *bytes = folder_read(&folder, folder.names[i], &length);
        text_add(&text, bytes, length);
        free(bytes);
    }
    assert_false(text.is_cut);
    assert_string_equal(text.at, expected);
}

/* ---- opening ---- */

static void test_record_file__begins_with_folder_and_file(void **state)
{
    (void)state;
    struct record_file *file =
        create((struct record_file_options){.path = folder_join(&folder, "a\\b c\\web.log")});
    assert_names(""); /* nothing is touched before it is needed */
    append(file, "one\n");
    append(file, "two\nthree\n");
    assert_content("a\\b c\\web.log", "one\ntwo\nthree\n"); /* readable while it is written */
    record_file_destroy(file);
    assert_content("a\\b c\\web.log", "one\ntwo\nthree\n");
}

static void test_record_file__takes_slashes_and_other_alphabets(void **state)
{
    (void)state;
    char path[FOLDER_PATH_ROOM];
    snprintf(path, sizeof path, "%s/n\xC3\xA9w/\xE2\x82\xAC.log", folder.path);
    struct record_file *file =
        create((struct record_file_options){.path = path, .rotate_size = 4, .keep = 1});
    append(file, "one\n");
    append(file, "two\n");
    record_file_destroy(file);
    assert_content("n\xC3\xA9w\\\xE2\x82\xAC.log", "two\n");
    assert_content("n\xC3\xA9w\\\xE2\x82\xAC-20261125T022700.123Z.log", "one\n");
}

static void test_record_file__goes_on_where_it_ended(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct failure failure;
        struct record_file *file = create((struct record_file_options){0});
        assert_true(record_file_open(file, &failure));
        assert_true(record_file_open(file, &failure)); /* again: nothing happens */
        append(file, "again\n");
        record_file_destroy(file);
    }
    assert_content("web.log", "again\nagain\nagain\n");
}

static void test_record_file__ends_a_torn_last_line(void **state)
{
    (void)state;
    static const struct {
        const char *at;
        size_t length;
        const char *expected;
    } rows[] = {
        {"", 0, "new\n"},
        {"\n", 1, "\nnew\n"},
        {"whole\n", 6, "whole\nnew\n"},
        {"whole\r\n", 7, "whole\r\nnew\n"},
        {"torn", 4, "torn\nnew\n"},
        {"whole\nto", 8, "whole\nto\nnew\n"},
        {"torn\r", 5, "torn\r\nnew\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        folder_write(&folder, "web.log", rows[i].at, rows[i].length);
        struct record_file *file = create((struct record_file_options){0});
        append(file, "new\n");
        record_file_destroy(file);
        assert_content("web.log", rows[i].expected);
    }
}

/* What a loss of power leaves on NTFS: the length is there, the bytes are not. */
static void test_record_file__ends_a_last_line_of_zeros(void **state)
{
    (void)state;
    size_t length = 0;
    folder_write(&folder, "web.log", "whole\n\0\0\0\0", 10);
    struct record_file *file = create((struct record_file_options){0});
    append(file, "new\n");
    record_file_destroy(file);
    char *bytes = folder_read(&folder, "web.log", &length);
    assert_int_equal(length, 15);
    assert_memory_equal(bytes, "whole\n\0\0\0\0\nnew\n", 15);
    free(bytes);
}

static void test_record_file__has_one_writer(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){0});
    struct record_file *second = create((struct record_file_options){0});
    append(file, "one\n");
    assert_append_fails(second, "lost\n", ERROR_SHARING_VIOLATION, "another process writes it");
    assert_append_fails(second, "lost\n", ERROR_SHARING_VIOLATION, "another process writes it");
    assert_int_equal(fault_calls(IMPORT_LoadLibraryExW), 1); /* who it is, was asked once */
    assert_ptr_equal(folder_open(&folder, "web.log", GENERIC_WRITE,
                                 FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE),
                     INVALID_HANDLE_VALUE);
    append(file, "two\n");
    record_file_destroy(file);
    append(second, "three\n"); /* no state is left of the refusal */
    record_file_destroy(second);
    assert_content("web.log", "one\ntwo\nthree\n");
}

static void test_record_file__tells_what_cannot_be_opened(void **state)
{
    (void)state;
    static const struct {
        DWORD error;
        const char *words;
    } rows[] = {
        {ERROR_ACCESS_DENIED, "the account of this process needs the right to write there"},
        {ERROR_WRITE_PROTECT, "needs the right to write there"},
        {ERROR_SHARING_VIOLATION, "stop that one, or name another file here"},
        {ERROR_DISK_FULL, "make room on that disk"},
        {ERROR_BAD_NETPATH, "cannot be opened: error 53"},
    };
    struct record_file *file = create((struct record_file_options){0});
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fault_arm(IMPORT_CreateFileW, 1, rows[i].error, 1);
        assert_append_fails(file, "x\n", rows[i].error, rows[i].words);
    }
    append(file, "x\n");
    record_file_destroy(file);
}

static void test_record_file__is_no_folder(void **state)
{
    (void)state;
    WCHAR wide[FOLDER_PATH_ROOM];
    struct record_file *file = create((struct record_file_options){0});
    MultiByteToWideChar(CP_UTF8, 0, folder_join(&folder, "web.log"), -1, wide, FOLDER_PATH_ROOM);
    assert_true(CreateDirectoryW(wide, NULL));
    assert_append_fails(file, "x\n", ERROR_ACCESS_DENIED, "cannot be opened: error 5");
    assert_true(folder_delete(&folder, "web.log"));
    append(file, "x\n");
    record_file_destroy(file);
}

static void test_record_file__tells_when_its_folder_cannot_be_made(void **state)
{
    (void)state;
    struct failure failure;
    folder_write(&folder, "in the way", "", 0);
    struct record_file *file =
        create((struct record_file_options){.path = folder_join(&folder, "in the way\\a\\web.log")});
    assert_false(record_file_open(file, &failure));
    assert_non_null(strstr(failure.text, "in the way\\a\\web.log cannot be opened: error "));
    assert_true(folder_delete(&folder, "in the way"));
    append(file, "x\n");
    record_file_destroy(file);
    assert_content("in the way\\a\\web.log", "x\n");
}

/* NUL is a device in every folder; a log there would be none. */
static void test_record_file__refuses_devices(void **state)
{
    (void)state;
    struct failure failure;
    struct record_file *file = create((struct record_file_options){.path = "NUL"});
    assert_false(record_file_open(file, &failure));
    assert_non_null(strstr(failure.text, "NUL cannot be opened: it is no file on a disk"));
    record_file_destroy(file);
}

/* Every call that opening makes, failing once: told, nothing left open, and the next try works. */
static void test_record_file__survives_each_failure_of_opening(void **state)
{
    (void)state;
    static const enum import imports[] = {IMPORT_CreateFileW, IMPORT_GetFileSizeEx, IMPORT_GetFileTime,
                                          IMPORT_ReadFile, IMPORT_WriteFile};
    for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
        folder_write(&folder, "web.log", "torn", 4);
        struct record_file *file = create((struct record_file_options){0});
        fault_clear();
        fault_arm(imports[i], 1, ERROR_IO_DEVICE, 1);
        assert_append_fails(file, "lost\n", ERROR_IO_DEVICE, "cannot be opened");
        assert_int_equal(fault_hits(), 1);
        assert_int_equal(ledger_count(LEDGER_HANDLE), 0);
        append(file, "new\n");
        record_file_destroy(file);
        assert_content("web.log", "torn\nnew\n");
    }
}

static void test_record_file__needs_memory(void **state)
{
    (void)state;
    uint32_t nth = 1;
    struct record_file *file = NULL;
    while (file == NULL) {
        fault_clear();
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        file = record_file_create(&(struct record_file_options){.path = "C:\\web.log"});
        assert_int_equal(fault_hits(), file == NULL ? 1 : 0);
        assert_true(file != NULL || ledger_count(LEDGER_BLOCK) == 0);
        nth++;
    }
    assert_true(nth > 4); /* it did take several blocks */
    record_file_destroy(file);
    record_file_destroy(NULL);
}

/* ---- rotation by size and by age ---- */

static void test_record_file__rotates_by_size(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.rotate_size = 10, .keep = 9});
    append(file, "12345\n");
    append(file, "123\n"); /* ten bytes: as many as may be */
    assert_names("web.log ");
    append(file, "a\n");
    assert_names("web-20261125T022700.123Z.log web.log ");
    assert_content("web-20261125T022700.123Z.log", "12345\n123\n");
    assert_content("web.log", "a\n");
    wall_clock_move(1500);
    append(file, "more than ten bytes\n"); /* never an empty file in between */
    assert_content("web-20261125T022701.623Z.log", "a\n");
    assert_content("web.log", "more than ten bytes\n");
    wall_clock_move(1);
    append(file, "b\n");
    assert_names(
        "web-20261125T022700.123Z.log web-20261125T022701.623Z.log web-20261125T022701.624Z.log web.log ");
    record_file_destroy(file);
    assert_records("12345\n123\na\nmore than ten bytes\nb\n");
}

static void test_record_file__counts_the_size_that_it_finds(void **state)
{
    (void)state;
    folder_write(&folder, "web.log", "12345678\n", 9);
    struct record_file *file = create((struct record_file_options){.rotate_size = 10, .keep = 1});
    append(file, "a\n");
    record_file_destroy(file);
    assert_content("web-20261125T022700.123Z.log", "12345678\n");
    assert_content("web.log", "a\n");
}

static void test_record_file__rotates_never_unless_asked_to(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.keep = 3});
    for (int i = 0; i < 100; i++) {
        append(file, "a line of some bytes\n");
        wall_clock_move(1000LL * 86400 * 365);
    }
    record_file_destroy(file);
    assert_names("web.log ");
}

static void test_record_file__rotates_by_age(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.rotate_interval = 60000, .keep = 9});
    struct failure failure;
    assert_true(record_file_open(file, &failure));
    wall_clock_move(3600000); /* an empty file has no age */
    append(file, "one\n");
    wall_clock_move(59999);
    append(file, "two\n");
    assert_names("web.log ");
    wall_clock_move(1);
    append(file, "three\n");
    assert_names("web-20261125T032800.123Z.log web.log ");
    assert_content("web.log", "three\n");
    wall_clock_move(59999);
    append(file, "four\n");
    wall_clock_move(1);
    append(file, "five\n");
    record_file_destroy(file);
    assert_names("web-20261125T032800.123Z.log web-20261125T032900.123Z.log web.log ");
    assert_records("one\ntwo\nthree\nfour\nfive\n");
}

/* Creation times as NTFS keeps them, and as tunneling hands them on to a new file of the same name. */
static FILETIME creation_time;

static BOOL WINAPI keep_creation_time(HANDLE file, const FILETIME *created, const FILETIME *accessed,
                                      const FILETIME *written)
{
    (void)file;
    assert_non_null(created);
    assert_null(accessed);
    assert_null(written);
    creation_time = *created;
    return TRUE;
}

static BOOL WINAPI tell_creation_time(HANDLE file, LPFILETIME created, LPFILETIME accessed,
                                      LPFILETIME written)
{
    (void)file;
    assert_null(accessed);
    assert_null(written);
    *created = creation_time;
    return TRUE;
}

static void append_in_a_new_run(struct record_file_options options, const char *record)
{
    struct record_file *file = create(options);
    append(file, record);
    record_file_destroy(file);
}

static void test_record_file__remembers_its_age_from_run_to_run(void **state)
{
    (void)state;
    const struct record_file_options options = {.rotate_interval = 60000, .keep = 9};
    seam_replace(IMPORT_SetFileTime, (seam_function)keep_creation_time);
    seam_replace(IMPORT_GetFileTime, (seam_function)tell_creation_time);
    append_in_a_new_run(options, "one\n");
    wall_clock_move(59999);
    append_in_a_new_run(options, "two\n");
    assert_names("web.log ");
    wall_clock_move(1);
    append_in_a_new_run(options, "three\n");
    assert_names("web-20261125T022800.123Z.log web.log ");
    wall_clock_move(59999); /* the new file's age counts from its own first record, not from the old one's */
    append_in_a_new_run(options, "four\n");
    assert_names("web-20261125T022800.123Z.log web.log ");
    wall_clock_move(1);
    append_in_a_new_run(options, "five\n");
    assert_names("web-20261125T022800.123Z.log web-20261125T022900.123Z.log web.log ");
    assert_records("one\ntwo\nthree\nfour\nfive\n");
}

/* The same with the file system's own creation times. */
static void test_record_file__sets_the_creation_time(void **state)
{
    (void)state;
    FILETIME created;
    append_in_a_new_run((struct record_file_options){0}, "one\n");
    HANDLE handle = folder_open(&folder, "web.log", GENERIC_READ, FILE_SHARE_READ);
    assert_true(GetFileTime(handle, &created, NULL, NULL));
    folder_close(handle);
    if (GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL) {
        print_message("SKIP: Wine keeps no creation times\n");
        skip();
    }
    assert_true(((uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime) == wall_clock_now());
}

static void test_record_file__works_where_no_creation_time_can_be_set(void **state)
{
    (void)state;
    fault_arm(IMPORT_SetFileTime, 1, ERROR_INVALID_FUNCTION, FAULT_FOREVER);
    struct record_file *file = create((struct record_file_options){.rotate_interval = 60000, .keep = 9});
    append(file, "one\n");
    wall_clock_move(60000);
    append(file, "two\n");
    record_file_destroy(file);
    assert_int_equal(fault_hits(), 2);
    assert_names("web-20261125T022800.123Z.log web.log ");
}

/* A clock that was years ahead and is put right must not stop the rotation for years. */
static void test_record_file__ages_again_after_the_clock_was_put_back(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.rotate_interval = 60000, .keep = 9});
    wall_clock_set("2036-01-01T00:00:00.000");
    append(file, "one\n");
    wall_clock_set("2026-11-25T02:00:00.000");
    append(file, "two\n");
    wall_clock_move(59999);
    append(file, "three\n");
    assert_names("web.log ");
    wall_clock_move(1);
    append(file, "four\n");
    assert_names("web-20261125T020100.000Z.log web.log ");
    record_file_destroy(file);
}

/* ---- names and what is kept ---- */

static void test_record_file__names_ascend_whatever_the_clock_does(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.rotate_size = 1, .keep = 9});
    wall_clock_set("2036-01-01T00:00:00.000");
    append(file, "one\n");
    append(file, "two\n");
    append(file, "three\n"); /* in the same millisecond */
    wall_clock_set("2026-11-25T02:00:00.000");
    append(file, "four\n");
    record_file_destroy(file);
    assert_names(
        "web-20360101T000000.000Z.log web-20360101T000000.001Z.log web-20360101T000000.002Z.log web.log ");
    assert_records("one\ntwo\nthree\nfour\n");
}

static void test_record_file__keeps_so_many(void **state)
{
    (void)state;
    static const struct {
        uint32_t keep;
        const char *names;
    } rows[] = {
        {0, "web.log "},
        {1, "web-20261125T022705.123Z.log web.log "},
        {3,
         "web-20261125T022703.123Z.log web-20261125T022704.123Z.log web-20261125T022705.123Z.log web.log "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wall_clock_set("2026-11-25T02:27:00.123");
        struct record_file *file =
            create((struct record_file_options){.rotate_size = 1, .keep = rows[i].keep});
        for (int k = 0; k < 6; k++) {
            append(file, "record\n");
            wall_clock_move(1000);
        }
        record_file_destroy(file);
        assert_names(rows[i].names);
        for (size_t k = folder_list(&folder); k > 0; k--) {
            assert_true(folder_delete(&folder, folder.names[k - 1]));
        }
    }
}

static void test_record_file__keeps_fewer_when_asked_to(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.rotate_size = 1, .keep = 5});
    for (int i = 0; i < 6; i++) {
        append(file, "record\n");
    }
    record_file_destroy(file);
    assert_int_equal(folder_list(&folder), 6);
    file = create((struct record_file_options){.keep = 2});
    append(file, "more\n"); /* when the file is opened: no rotation comes */
    record_file_destroy(file);
    assert_names("web-20261125T022700.126Z.log web-20261125T022700.127Z.log web.log ");
    file = create((struct record_file_options){.rotate_size = 1, .keep = 2});
    append(file, "last\n");
    record_file_destroy(file);
    assert_names("web-20261125T022700.127Z.log web-20261125T022700.128Z.log web.log ");
}

static void test_record_file__deletes_no_files_but_its_own(void **state)
{
    (void)state;
    static const char *const others[] = {"web-.log",
                                         "web-1.log",
                                         "web-2-20200101T000000.000Z.log",
                                         "web-20200101T000000.000Z.log.bak",
                                         "web-20200101T000000.000Z.txt",
                                         "web-20201301T000000.000Z.log",
                                         "web-20200102t000000.000z.log",
                                         "web-old.log",
                                         "web20200101T000000.000Z.log",
                                         "xweb-20200101T000000.000Z.log"};
    const size_t count = sizeof others / sizeof others[0];
    for (size_t i = 0; i < count; i++) {
        folder_write(&folder, others[i], "x", 1);
    }
    folder_write(&folder, "web-20200101T000000.000Z.log", "x", 1);
    struct record_file *file = create((struct record_file_options){.rotate_size = 1, .keep = 0});
    append(file, "one\n");
    append(file, "two\n");
    record_file_destroy(file);
    assert_int_equal(folder_list(&folder), count + 1); /* web.log */
    for (size_t i = 0; i < count; i++) {
        assert_content(others[i], "x");
    }
}

/* One that somebody reads without sharing stays, and saves no other; at a later rotation it goes, too. */
static void test_record_file__deletes_around_a_file_in_use(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.rotate_size = 1, .keep = 1});
    append(file, "0\n");
    append(file, "1\n");
    HANDLE reader = folder_open(&folder, "web-20261125T022700.123Z.log", GENERIC_READ, FILE_SHARE_READ);
    append(file, "2\n");
    append(file, "3\n");
    assert_names("web-20261125T022700.123Z.log web-20261125T022700.125Z.log web.log ");
    folder_close(reader);
    append(file, "4\n");
    assert_names("web-20261125T022700.126Z.log web.log ");
    record_file_destroy(file);
}

/* ---- rotations that are in the way of somebody ---- */

static void test_record_file__goes_on_while_a_reader_blocks_the_rotation(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.rotate_size = 4, .keep = 9});
    append(file, "one\n");
    HANDLE reader = folder_open(&folder, "web.log", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE);
    append(file, "two\n");
    append(file, "three\n");
    assert_names("web.log ");
    assert_content("web.log", "one\ntwo\nthree\n");
    folder_close(reader);
    const uint32_t calls = fault_calls(IMPORT_MoveFileExW);
    append(file, "four\n"); /* not tried again with each record */
    assert_int_equal(fault_calls(IMPORT_MoveFileExW), calls);
    clock_advance(1000);
    append(file, "five\n");
    record_file_destroy(file);
    assert_names("web-20261125T022700.123Z.log web.log ");
    assert_content("web-20261125T022700.123Z.log", "one\ntwo\nthree\nfour\n");
    assert_content("web.log", "five\n");
}

/* The file has its new name, and no other can be made: records go on in it, then in a new one. */
static void test_record_file__goes_on_when_no_new_file_can_be_made(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.rotate_size = 4, .keep = 9});
    append(file, "one\n");
    fault_arm(IMPORT_CreateFileW, 1, ERROR_ACCESS_DENIED, 1);
    append(file, "two\n");
    assert_int_equal(fault_hits(), 1);
    assert_names("web-20261125T022700.123Z.log ");
    append(file, "three\n");
    assert_content("web-20261125T022700.123Z.log", "one\ntwo\nthree\n");
    clock_advance(1000);
    append(file, "four\n");
    record_file_destroy(file);
    assert_names("web-20261125T022700.123Z.log web.log ");
    assert_records("one\ntwo\nthree\nfour\n");
}

/* As after a crash between the two steps of a rotation. */
static void test_record_file__begins_anew_after_half_a_rotation(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.rotate_size = 4, .keep = 9});
    append(file, "one\n");
    record_file_destroy(file);
    assert_true(folder_rename(&folder, "web.log", "web-20261125T022700.123Z.log"));
    file = create((struct record_file_options){.rotate_size = 4, .keep = 9});
    append(file, "two\n");
    append(file, "three\n");
    record_file_destroy(file);
    assert_names("web-20261125T022700.123Z.log web-20261125T022700.124Z.log web.log ");
    assert_records("one\ntwo\nthree\n");
}

static void test_record_file__follows_a_file_that_was_renamed(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.rotate_size = 8, .keep = 9});
    append(file, "one\n");
    assert_true(folder_rename(&folder, "web.log", "mine.log"));
    append(file, "two\n");
    assert_names("mine.log ");
    append(file, "three\n"); /* due: the new one gets the name that is free */
    record_file_destroy(file);
    assert_names("mine.log web.log ");
    assert_content("mine.log", "one\ntwo\n");
    assert_content("web.log", "three\n");
}

/* As Windows tells it of a file that was deleted while we have it open. */
static BOOL WINAPI tell_deleted(HANDLE file, FILE_INFO_BY_HANDLE_CLASS kind, LPVOID information, DWORD length)
{
    assert_int_equal(kind, FileStandardInfo);
    assert_true(SEAM_REAL(GetFileInformationByHandleEx)(file, kind, information, length));
    ((FILE_STANDARD_INFO *)information)->DeletePending = TRUE;
    return TRUE;
}

static BOOL WINAPI tell_no_links(HANDLE file, FILE_INFO_BY_HANDLE_CLASS kind, LPVOID information,
                                 DWORD length)
{
    assert_int_equal(kind, FileStandardInfo);
    assert_true(SEAM_REAL(GetFileInformationByHandleEx)(file, kind, information, length));
    ((FILE_STANDARD_INFO *)information)->NumberOfLinks = 0;
    return TRUE;
}

static void test_record_file__replaces_a_file_that_was_deleted(void **state)
{
    (void)state;
    static const seam_function tells[] = {(seam_function)tell_deleted, (seam_function)tell_no_links};
    for (size_t i = 0; i < 2; i++) {
        struct record_file *file = create((struct record_file_options){0});
        append(file, "deleted with the file\n");
        assert_true(folder_delete(&folder, "web.log")); /* Wine: it goes when the last handle is closed */
        seam_replace(IMPORT_GetFileInformationByHandleEx, tells[i]);
        append(file, "one\n");
        seam_restore();
        append(file, "two\n");
        record_file_destroy(file);
        assert_content("web.log", "one\ntwo\n");
        assert_true(folder_delete(&folder, "web.log"));
    }
}

static void test_record_file__keeps_what_it_cannot_put_in_place_of_a_deleted_file(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){0});
    append(file, "deleted with the file\n");
    assert_true(folder_delete(&folder, "web.log"));
    seam_replace(IMPORT_GetFileInformationByHandleEx, (seam_function)tell_deleted);
    fault_arm(IMPORT_CreateFileW, 1, ERROR_ACCESS_DENIED, 1);
    assert_append_fails(file, "one\n", ERROR_ACCESS_DENIED, "cannot be opened");
    seam_restore();
    append(file, "one\n");
    record_file_destroy(file);
    assert_content("web.log", "one\n");
}

static void test_record_file__does_not_care_when_nobody_knows_of_a_deletion(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){0});
    fault_arm(IMPORT_GetFileInformationByHandleEx, 1, ERROR_INVALID_FUNCTION, FAULT_FOREVER);
    append(file, "one\n");
    append(file, "two\n");
    record_file_destroy(file);
    assert_content("web.log", "one\ntwo\n");
}

/* ---- writes that fail ---- */

static void test_record_file__takes_all_or_nothing_of_a_full_disk(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){0});
    append(file, "one\n");
    fault_arm(IMPORT_WriteFile, 1, ERROR_DISK_FULL, 3);
    for (int i = 0; i < 3; i++) {
        assert_append_fails(file, "two\n", ERROR_DISK_FULL, "make room on that disk");
        assert_content("web.log", "one\n");
    }
    append(file, "two\n");
    record_file_destroy(file);
    assert_content("web.log", "one\ntwo\n");
}

/* A disk that is full in the middle of a record: the half is on it, and told in one way or the other. */
static BOOL half_result;

static BOOL WINAPI write_half(HANDLE file, LPCVOID at, DWORD length, LPDWORD written, LPOVERLAPPED overlapped)
{
    assert_true(SEAM_REAL(WriteFile)(file, at, length / 2, written, overlapped));
    SetLastError(ERROR_DISK_FULL);
    return half_result;
}

static void test_record_file__takes_half_a_record_back(void **state)
{
    (void)state;
    for (half_result = FALSE; half_result <= TRUE; half_result++) {
        folder_write(&folder, "web.log", "one\n", 4);
        struct record_file *file = create((struct record_file_options){0});
        seam_replace(IMPORT_WriteFile, (seam_function)write_half);
        assert_append_fails(file, "a long record\n", ERROR_DISK_FULL, "cannot be written");
        assert_content("web.log", "one\n"); /* nobody sees the half */
        seam_restore();
        append(file, "two\n");
        record_file_destroy(file);
        assert_content("web.log", "one\ntwo\n");
    }
}

/* When the half cannot even be taken back, it becomes a line of its own. */
static void test_record_file__ends_half_a_record_that_it_cannot_take_back(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){0});
    append(file, "one\n");
    half_result = FALSE;
    seam_replace(IMPORT_WriteFile, (seam_function)write_half);
    fault_arm(IMPORT_SetFileInformationByHandle, 1, ERROR_IO_DEVICE, 1);
    assert_append_fails(file, "record\n", ERROR_DISK_FULL, "cannot be written");
    assert_int_equal(ledger_count(LEDGER_HANDLE), 0);
    seam_restore();
    append(file, "record\n");
    record_file_destroy(file);
    assert_content("web.log", "one\nrec\nrecord\n");
}

static void test_record_file__rotates_although_the_disk_was_full(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.rotate_size = 4, .keep = 9});
    append(file, "one\n");
    fault_arm(IMPORT_WriteFile, 1, ERROR_DISK_FULL, 2);
    assert_append_fails(file, "two\n", ERROR_DISK_FULL, "cannot be written"); /* into the new file */
    assert_append_fails(file, "two\n", ERROR_DISK_FULL, "cannot be written");
    append(file, "two\n");
    record_file_destroy(file);
    assert_names("web-20261125T022700.123Z.log web.log ");
    assert_records("one\ntwo\n");
}

/* Faults at random at every call that the file makes: what was taken is there, in order, once. */
static void test_record_file__keeps_what_it_took_through_random_faults(void **state)
{
    (void)state;
    static const enum import imports[] = {IMPORT_CreateFileW,   IMPORT_WriteFile,   IMPORT_MoveFileExW,
                                          IMPORT_DeleteFileW,   IMPORT_GetFileTime, IMPORT_SetFileTime,
                                          IMPORT_GetFileSizeEx, IMPORT_ReadFile,    IMPORT_FindFirstFileW};
    struct record_file *file = create((struct record_file_options){.rotate_size = 200, .keep = 60});
    char expected[4096], record[16];
    struct text text;
    uint32_t random = 7, refused = 0;
    text_init(&text, expected, sizeof expected);
    for (int i = 0; i < 600; i++) {
        struct failure failure;
        random = random * 1664525u + 1013904223u;
        fault_arm(imports[(random >> 16) % (sizeof imports / sizeof imports[0])], 1 + (random >> 28),
                  ERROR_IO_DEVICE, 1);
        snprintf(record, sizeof record, "%04d\n", i);
        if (record_file_append(file, record, 5, &failure)) {
            text_add_string(&text, record);
        } else {
            refused++;
        }
        wall_clock_move(10);
        clock_advance(300);
        if (random >> 26 == 0) { /* another run */
            record_file_destroy(file);
            file = create((struct record_file_options){.rotate_size = 200, .keep = 60});
        }
    }
    fault_clear();
    record_file_destroy(file);
    assert_true(refused > 10);
    assert_true(folder_list(&folder) > 10);
    assert_records(expected);
}

/* ---- rotation by command ---- */

#define ROTATED "web-20261125T022700.123Z.log"

static void assert_rotation(struct record_file *file, enum rotation_state state, const char *words)
{
    struct rotation rotation = {.text = ""};
    record_file_rotate(file, &rotation);
    if (strstr(rotation.text, words) == NULL || strstr(rotation.text, folder.path) == NULL) {
        fail_msg("\"%s\" or the folder is not in: %s", words, rotation.text);
    }
    assert_int_equal(rotation.state, state);
}

static void test_record_file__rotates_when_told_to(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.keep = 9});
    assert_rotation(file, ROTATION_NEEDLESS, "web.log is empty, so there is nothing to rotate");
    append(file, "one\n");
    assert_rotation(file, ROTATION_DONE, "web.log was rotated: what was in it is now ");
    assert_names(ROTATED " web.log ");
    assert_content("web.log", "");
    assert_rotation(file, ROTATION_NEEDLESS, "is empty"); /* no files without records */
    append(file, "two\n");
    append(file, "three\n");
    assert_null(record_file_take_news(file));
    record_file_destroy(file);
    assert_names(ROTATED " web.log ");
    assert_records("one\ntwo\nthree\n");
}

static void test_record_file__tells_that_it_keeps_none(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.keep = 0});
    append(file, "one\n");
    assert_rotation(file, ROTATION_DONE, "deleted, since no rotated files are to be kept");
    record_file_destroy(file);
    assert_names("web.log ");
}

/* What tools do that rotate by themselves: rename, then tell the program. */
static void test_record_file__begins_anew_when_told_after_it_was_moved(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.keep = 9});
    append(file, "one\n");
    assert_true(folder_rename(&folder, "web.log", "mine.log"));
    assert_rotation(file, ROTATION_DONE, "web.log has been begun anew");
    append(file, "two\n");
    record_file_destroy(file);
    assert_content("mine.log", "one\n");
    assert_content("web.log", "two\n");
}

static void test_record_file__rotates_later_when_a_reader_is_in_the_way(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.keep = 9});
    append(file, "one\n");
    HANDLE reader = folder_open(&folder, "web.log", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE);
    assert_rotation(file, ROTATION_DELAYED, "web.log cannot be renamed: error 32");
    assert_rotation(file, ROTATION_DELAYED,
                    " has it open and lets nobody rename it: close it there; until it can be rotated, it is "
                    "written on");
    append(file, "two\n");
    assert_null(record_file_take_news(file)); /* it was told already */
    folder_close(reader);
    append(file, "three\n"); /* not tried again with each record */
    assert_names("web.log ");
    clock_advance(1000);
    append(file, "four\n");
    assert_names(ROTATED " web.log ");
    const struct rotation *news = record_file_take_news(file);
    assert_non_null(news);
    assert_int_equal(news->state, ROTATION_DONE);
    assert_non_null(strstr(news->text, "web.log was rotated"));
    assert_null(record_file_take_news(file));
    append(file, "five\n"); /* once */
    record_file_destroy(file);
    assert_content(ROTATED, "one\ntwo\nthree\n");
    assert_content("web.log", "four\nfive\n");
}

static void test_record_file__tells_of_a_rotation_that_must_wait_once(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.rotate_size = 4, .keep = 9});
    append(file, "one\n");
    HANDLE reader = folder_open(&folder, "web.log", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE);
    append(file, "two\n");
    const struct rotation *news = record_file_take_news(file);
    assert_non_null(news);
    assert_int_equal(news->state, ROTATION_DELAYED);
    assert_non_null(strstr(news->text, "web.log cannot be renamed: error 32"));
    clock_advance(1000);
    append(file, "three\n"); /* tried again, and no news */
    assert_null(record_file_take_news(file));
    folder_close(reader);
    assert_rotation(file, ROTATION_DONE, "web.log was rotated");
    append(file, "four\n");
    append(file, "five\n"); /* due and possible at once: no news either */
    assert_null(record_file_take_news(file));
    record_file_destroy(file);
    assert_records("one\ntwo\nthree\nfour\nfive\n");
}

static void test_record_file__rotates_later_what_cannot_be_opened(void **state)
{
    (void)state;
    folder_write(&folder, "web.log", "one\n", 4);
    struct record_file *file = create((struct record_file_options){.keep = 9});
    fault_arm(IMPORT_CreateFileW, 1, ERROR_ACCESS_DENIED, 1);
    assert_rotation(file, ROTATION_DELAYED, "it is rotated when it can be");
    append(file, "two\n");
    append(file, "three\n");
    record_file_destroy(file);
    assert_names(ROTATED " web.log ");
    assert_content(ROTATED, "one\n");
    assert_content("web.log", "two\nthree\n");
}

/* A wish for what is not there any more is none for what comes. */
static void test_record_file__forgets_a_rotation_that_has_nothing_to_rotate(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.keep = 9});
    fault_arm(IMPORT_CreateFileW, 1, ERROR_ACCESS_DENIED, 1);
    assert_rotation(file, ROTATION_DELAYED, "cannot be opened");
    append(file, "one\n");
    append(file, "two\n");
    record_file_destroy(file);
    assert_names("web.log ");
}

static void test_record_file__keeps_its_records_when_no_new_file_can_be_made_as_told(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.keep = 9});
    append(file, "one\n");
    fault_arm(IMPORT_CreateFileW, 1, ERROR_DISK_FULL, 1);
    assert_rotation(file, ROTATION_DELAYED, "make room on that disk; until it can be rotated");
    append(file, "two\n");
    clock_advance(1000);
    append(file, "three\n");
    record_file_destroy(file);
    assert_content(ROTATED, "one\ntwo\n");
    assert_content("web.log", "three\n");
}

/* ---- other limits while it is written ---- */

static void test_record_file__takes_other_limits(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.keep = 9});
    append(file, "one\n");
    append(file, "two\n");
    record_file_reconfigure(file, &(const struct record_file_options){.rotate_size = 12, .keep = 9});
    append(file, "three\n");
    assert_names(ROTATED " web.log ");
    record_file_reconfigure(file, &(const struct record_file_options){.rotate_interval = 60000, .keep = 9});
    append(file, "more than twelve bytes\n");
    assert_int_equal(folder_list(&folder), 2);
    wall_clock_move(60000);
    append(file, "four\n");
    assert_int_equal(folder_list(&folder), 3);
    record_file_reconfigure(file, &(const struct record_file_options){.keep = 1});
    assert_names("web-20261125T022800.123Z.log web.log "); /* at once, not with the next rotation */
    record_file_reconfigure(file, &(const struct record_file_options){.keep = 2});
    append(file, "five\n");
    record_file_destroy(file);
    assert_records("three\nmore than twelve bytes\nfour\nfive\n");
}

/* It has no right to the folder's files where it does not hold the name that they belong to. */
static void test_record_file__deletes_nothing_that_another_writer_keeps(void **state)
{
    (void)state;
    struct record_file *file = create((struct record_file_options){.rotate_size = 1, .keep = 9});
    struct record_file *second = create((struct record_file_options){.keep = 9});
    append(file, "one\n");
    append(file, "two\n");
    record_file_reconfigure(second, &(const struct record_file_options){.keep = 0});
    assert_append_fails(second, "lost\n", ERROR_SHARING_VIOLATION, "another process writes it");
    assert_names(ROTATED " web.log ");
    record_file_destroy(second);
    record_file_destroy(file);
}

#define file_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        file_test(test_record_file__begins_with_folder_and_file),
        file_test(test_record_file__takes_slashes_and_other_alphabets),
        file_test(test_record_file__goes_on_where_it_ended),
        file_test(test_record_file__ends_a_torn_last_line),
        file_test(test_record_file__ends_a_last_line_of_zeros),
        file_test(test_record_file__has_one_writer),
        file_test(test_record_file__tells_what_cannot_be_opened),
        file_test(test_record_file__is_no_folder),
        file_test(test_record_file__tells_when_its_folder_cannot_be_made),
        file_test(test_record_file__refuses_devices),
        file_test(test_record_file__survives_each_failure_of_opening),
        file_test(test_record_file__needs_memory),
        file_test(test_record_file__rotates_by_size),
        file_test(test_record_file__counts_the_size_that_it_finds),
        file_test(test_record_file__rotates_never_unless_asked_to),
        file_test(test_record_file__rotates_by_age),
        file_test(test_record_file__remembers_its_age_from_run_to_run),
        file_test(test_record_file__sets_the_creation_time),
        file_test(test_record_file__works_where_no_creation_time_can_be_set),
        file_test(test_record_file__ages_again_after_the_clock_was_put_back),
        file_test(test_record_file__names_ascend_whatever_the_clock_does),
        file_test(test_record_file__keeps_so_many),
        file_test(test_record_file__keeps_fewer_when_asked_to),
        file_test(test_record_file__deletes_no_files_but_its_own),
        file_test(test_record_file__deletes_around_a_file_in_use),
        file_test(test_record_file__goes_on_while_a_reader_blocks_the_rotation),
        file_test(test_record_file__goes_on_when_no_new_file_can_be_made),
        file_test(test_record_file__begins_anew_after_half_a_rotation),
        file_test(test_record_file__follows_a_file_that_was_renamed),
        file_test(test_record_file__replaces_a_file_that_was_deleted),
        file_test(test_record_file__keeps_what_it_cannot_put_in_place_of_a_deleted_file),
        file_test(test_record_file__does_not_care_when_nobody_knows_of_a_deletion),
        file_test(test_record_file__takes_all_or_nothing_of_a_full_disk),
        file_test(test_record_file__takes_half_a_record_back),
        file_test(test_record_file__ends_half_a_record_that_it_cannot_take_back),
        file_test(test_record_file__rotates_although_the_disk_was_full),
        file_test(test_record_file__keeps_what_it_took_through_random_faults),
        file_test(test_record_file__rotates_when_told_to),
        file_test(test_record_file__tells_that_it_keeps_none),
        file_test(test_record_file__begins_anew_when_told_after_it_was_moved),
        file_test(test_record_file__rotates_later_when_a_reader_is_in_the_way),
        file_test(test_record_file__tells_of_a_rotation_that_must_wait_once),
        file_test(test_record_file__rotates_later_what_cannot_be_opened),
        file_test(test_record_file__forgets_a_rotation_that_has_nothing_to_rotate),
        file_test(test_record_file__keeps_its_records_when_no_new_file_can_be_made_as_told),
        file_test(test_record_file__takes_other_limits),
        file_test(test_record_file__deletes_nothing_that_another_writer_keeps),
    };
    return cmocka_run_group_tests_name("record_file", tests, NULL, NULL);
}
