/* SPDX-License-Identifier: MIT
   A text shown at one place, see screen.h. With the console's own functions: they work in every console, and need no mode to
   be turned on and off again. */
#include "screen.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"

void screen_init(struct screen *screen, struct output *output)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    *screen = (struct screen){.output = output};
    screen->is_console = output->is_console && GetConsoleScreenBufferInfo(output->handle, &info);
}

/* What was there is scrolled away at the first time, so that it can be read afterwards. */
static void screen__begin(struct screen *screen, const CONSOLE_SCREEN_BUFFER_INFO *info)
{
    const SHORT rows = (SHORT)(info->srWindow.Bottom - info->srWindow.Top + 1);
    for (SHORT i = 0; !screen->is_begun && i < rows; i++) {
        output_write(screen->output, "\n", 1);
    }
    screen->is_begun = true;
}

/* One line, and blanks to the end of the row; not into the last column, which would scroll. */
static void screen__draw(struct screen *screen, const SMALL_RECT *window, SHORT row, const char *at,
                         size_t length)
{
    const DWORD width = (DWORD)(window->Right - window->Left);
    char *copy = memory_copy_text(at, length);
    WCHAR *utf16 = copy != NULL ? utf16_from(copy) : NULL;
    DWORD units = utf16 != NULL ? (DWORD)wcslen(utf16) : 0, written = 0;
    const COORD place = {window->Left, row};
    COORD rest = {window->Left, row};
    units = units < width ? units : width;
    SetConsoleCursorPosition(screen->output->handle, place);
    if (units > 0) {
        WriteConsoleW(screen->output->handle, utf16, units, &written, NULL);
    }
    rest.X = (SHORT)(rest.X + (SHORT)units);
    FillConsoleOutputCharacterW(screen->output->handle, L' ', width - units + 1, rest, &written);
    memory_free(utf16);
    memory_free(copy);
}

static void screen__draw_all(struct screen *screen, const SMALL_RECT *window, const char *at)
{
    SHORT row = window->Top;
    for (; row < window->Bottom && *at != '\0'; row++) {
        const size_t length = strcspn(at, "\n");
        screen__draw(screen, window, row, at, length);
        at += length + (at[length] == '\n' ? 1 : 0);
    }
    screen->last_row = row;
    for (; row <= window->Bottom; row++) {
        screen__draw(screen, window, row, "", 0);
    }
    screen_leave(screen);
}

void screen_show(struct screen *screen, const struct text *text)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    if (!screen->is_console || !GetConsoleScreenBufferInfo(screen->output->handle, &info)) {
        if (screen->is_begun) {
            output_write(screen->output, "\n", 1);
        }
        screen->is_begun = true;
        output_text(screen->output, text);
        return;
    }
    screen__begin(screen, &info);
    if (GetConsoleScreenBufferInfo(screen->output->handle, &info)) {
        screen__draw_all(screen, &info.srWindow, text->at);
    }
}

void screen_leave(struct screen *screen)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    if (screen->is_console && screen->is_begun && GetConsoleScreenBufferInfo(screen->output->handle, &info)) {
        const COORD under = {0, screen->last_row};
        SetConsoleCursorPosition(screen->output->handle, under);
    }
}
