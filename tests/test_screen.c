/* SPDX-License-Identifier: MIT
   Tests of screen.c: what a console shows of texts that are drawn one over the other. The console is a fake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include "base/win.h"

#include <cmocka.h>

#include "screen.h"
#include "support/fault.h"
#include "support/program.h"
#include "support/seam.h"
#include "support/streams.h"
#include "support/support.h"

enum { ROWS = 40, COLUMNS = 20 };

/* Its buffer; the window shows a part of it. Writing goes on in the next row, as Windows does it. */
static struct {
    WCHAR at[ROWS][COLUMNS + 1];
    COORD cursor;
    SMALL_RECT window;
    int is_asked; /* how often where the window is */
} console;

static HANDLE const console_handle = (HANDLE)(LONG_PTR)0x77;

static void put(WCHAR character)
{
    if (character == L'\n' || console.cursor.X == COLUMNS) {
        console.cursor.X = 0;
        console.cursor.Y++;
    }
    while (console.cursor.Y > console.window.Bottom) { /* it scrolls */
        console.window.Top++;
        console.window.Bottom++;
    }
    assert_in_range(console.cursor.Y, 0, ROWS - 1);
    if (character != L'\n') {
        console.at[console.cursor.Y][console.cursor.X++] = character;
    }
}

static BOOL WINAPI get_info(HANDLE handle, CONSOLE_SCREEN_BUFFER_INFO *info)
{
    assert_ptr_equal(handle, console_handle);
    console.is_asked++;
    *info = (CONSOLE_SCREEN_BUFFER_INFO){
        .dwSize = {COLUMNS, ROWS}, .dwCursorPosition = console.cursor, .srWindow = console.window};
    return TRUE;
}

static BOOL WINAPI set_cursor(HANDLE handle, COORD place)
{
    assert_ptr_equal(handle, console_handle);
    console.cursor = place;
    return TRUE;
}

static BOOL WINAPI write_console(HANDLE handle, const void *at, DWORD length, LPDWORD written,
                                 LPVOID reserved)
{
    const WCHAR *units = at;
    (void)reserved;
    assert_ptr_equal(handle, console_handle);
    for (DWORD i = 0; i < length; i++) {
        put(units[i]);
    }
    *written = length;
    return TRUE;
}

/* Does not move the cursor. */
static BOOL WINAPI fill(HANDLE handle, WCHAR character, DWORD length, COORD place, LPDWORD written)
{
    assert_ptr_equal(handle, console_handle);
    assert_true(place.X + (int)length <= COLUMNS);
    for (DWORD i = 0; i < length; i++) {
        console.at[place.Y][place.X + (SHORT)i] = character;
    }
    *written = length;
    return TRUE;
}

static int setup(void **state)
{
    const int result = support_setup(state);
    memset(&console, 0, sizeof console);
    for (int i = 0; i < ROWS; i++) {
        wmemset(console.at[i], L'.', COLUMNS);
    }
    console.window = (SMALL_RECT){0, 0, COLUMNS - 1, 4};
    seam_replace(IMPORT_GetConsoleScreenBufferInfo, (seam_function)get_info);
    seam_replace(IMPORT_SetConsoleCursorPosition, (seam_function)set_cursor);
    seam_replace(IMPORT_WriteConsoleW, (seam_function)write_console);
    seam_replace(IMPORT_FillConsoleOutputCharacterW, (seam_function)fill);
    return result;
}

static struct screen begin(struct output *output)
{
    struct screen screen;
    *output = (struct output){.handle = console_handle, .is_console = true};
    screen_init(&screen, output);
    return screen;
}

static void show(struct screen *screen, const char *words)
{
    struct text text;
    text_init_heap(&text);
    text_add_string(&text, words);
    screen_show(screen, &text);
    text_fini(&text);
}

/* The row of the window, without the blanks at its end. */
static void assert_row(int row, const WCHAR *wanted)
{
    WCHAR line[COLUMNS + 1];
    memcpy(line, console.at[console.window.Top + row], sizeof line);
    for (int i = COLUMNS; i > 0 && line[i - 1] == L' '; i--) {
        line[i - 1] = L'\0';
    }
    if (wcscmp(line, wanted) != 0) {
        fail_msg("row %d has \"%ls\", not \"%ls\"", row, line, wanted);
    }
}

static void test_screen__draws_one_over_the_other(void **state)
{
    struct output output;
    (void)state;
    struct screen screen = begin(&output);
    show(&screen, "one\ntwo\nthree\n");
    assert_int_equal(console.window.Top, 1); /* what stood there can be read above */
    assert_row(0, L"one");
    assert_row(1, L"two");
    assert_row(2, L"three");
    assert_row(3, L"");
    show(&screen, "1\n\n3");
    assert_int_equal(console.window.Top, 1);
    assert_row(0, L"1");
    assert_row(1, L"");
    assert_row(2, L"3");
    assert_row(4, L"");
    assert_int_equal(console.cursor.Y, console.window.Top + 3); /* the next words stand under it */
    assert_int_equal(console.cursor.X, 0);
}

/* The last column and the last row stay free: to write there scrolls. */
static void test_screen__cuts_what_is_too_long_and_too_much(void **state)
{
    struct output output;
    (void)state;
    struct screen screen = begin(&output);
    show(&screen, "0123456789012345678901234567890\nb\nc\nd\ne\nf\n");
    const SHORT top = console.window.Top;
    assert_row(0, L"0123456789012345678");
    assert_row(3, L"d");
    assert_row(4, L"");
    show(&screen, "\xc3\xa4\xc3\xb6 in UTF-8\n");
    assert_row(0, L"\x00e4\x00f6 in UTF-8");
    assert_row(1, L"");
    assert_int_equal(console.window.Top, top);
}

static void test_screen__follows_the_window(void **state)
{
    struct output output;
    (void)state;
    struct screen screen = begin(&output);
    show(&screen, "one\ntwo\nthree\nfour\n");
    console.window = (SMALL_RECT){2, 10, 9, 12}; /* smaller, and somewhere else */
    show(&screen, "0123456789\ntwo\nthree\n");
    assert_int_equal(wcsncmp(console.at[10], L"..0123456 .", 11), 0);
    assert_int_equal(wcsncmp(console.at[11], L"..two     .", 11), 0);
    assert_int_equal(wcsncmp(console.at[12], L"..        .", 11), 0);
    assert_int_equal(console.cursor.Y, 12);
    console.window = (SMALL_RECT){0, 20, COLUMNS - 1, 29};
    show(&screen, "a\nb\nc\nd\ne\nf\n");
    assert_row(5, L"f");
    assert_int_equal(console.cursor.Y, 26);
    assert_int_equal(console.window.Top, 20);
}

static void test_screen__what_cannot_be_had_is_left_out(void **state)
{
    struct output output;
    (void)state;
    for (uint32_t nth = 1; nth <= 2; nth++) {
        struct screen screen = begin(&output);
        fault_clear();
        show(&screen, "one\n");
        struct text text;
        text_init_heap(&text);
        text_add_string(&text, "a line\n");
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1); /* of the first line, in UTF-8 and in UTF-16 */
        screen_show(&screen, &text);
        assert_int_equal(fault_hits(), 1);
        fault_clear();
        text_fini(&text);
        assert_row(0, L"");
        assert_row(1, L"");
    }
}

/* No console any more, or none that tells its size: then it is as a file. */
static void test_screen__goes_on_without_the_console(void **state)
{
    struct output output;
    (void)state;
    struct screen screen = begin(&output);
    show(&screen, "one\n");
    fault_arm(IMPORT_GetConsoleScreenBufferInfo, 2, ERROR_INVALID_HANDLE, 1);
    show(&screen, "two\n"); /* is not drawn */
    assert_int_equal(fault_hits(), 1);
    assert_row(0, L"one");
    fault_arm(IMPORT_GetConsoleScreenBufferInfo, 1, ERROR_INVALID_HANDLE, 1);
    show(&screen, "three\n");
    assert_row(1, L"");
    assert_row(2, L"three");
    fault_arm(IMPORT_GetConsoleScreenBufferInfo, 1, ERROR_INVALID_HANDLE, FAULT_FOREVER);
    console.cursor = (COORD){7, 3};
    screen_leave(&screen);
    assert_int_equal(console.cursor.X, 7);
    struct screen other = begin(&output);
    assert_false(other.is_console);
    fault_clear();
}

static void test_screen__elsewhere_one_stands_behind_the_other(void **state)
{
    WCHAR folder[PROGRAM_PATH_MAX];
    char printed[64];
    struct streams streams;
    struct screen screen;
    (void)state;
    program_folder(folder);
    streams_open(&streams, folder);
    screen_init(&screen, &streams.out);
    show(&screen, "one\ntwo\n");
    show(&screen, "three\n");
    screen_leave(&screen);
    streams_end(&streams, folder, printed, sizeof printed, NULL, 0);
    assert_string_equal(printed, "one\ntwo\n\nthree\n");
    assert_int_equal(console.is_asked, 0);
    program_remove(folder);
}

static void test_screen__leaves_what_it_never_drew(void **state)
{
    struct output output;
    (void)state;
    struct screen screen = begin(&output);
    console.cursor = (COORD){3, 2};
    screen_leave(&screen);
    assert_int_equal(console.cursor.X, 3);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, support_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_screen__draws_one_over_the_other),
        test(test_screen__cuts_what_is_too_long_and_too_much),
        test(test_screen__follows_the_window),
        test(test_screen__what_cannot_be_had_is_left_out),
        test(test_screen__goes_on_without_the_console),
        test(test_screen__elsewhere_one_stands_behind_the_other),
        test(test_screen__leaves_what_it_never_drew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
