/* SPDX-License-Identifier: MIT
   Printing, see output.h. */
#include "output.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"

void output_init(struct output *output, DWORD which)
{
    HANDLE handle = GetStdHandle(which);
    DWORD mode = 0;
    *output = (struct output){.handle = handle == INVALID_HANDLE_VALUE ? NULL : handle};
    output->is_console = output->handle != NULL && GetConsoleMode(output->handle, &mode);
}

static bool output__write_console(struct output *output, const char *at, size_t length)
{
    char *copy = memory_copy_text(at, length);
    WCHAR *utf16 = copy != NULL ? utf16_from(copy) : NULL;
    const WCHAR *rest = utf16;
    DWORD left = utf16 != NULL ? (DWORD)wcslen(utf16) : 0, written = 0;
    bool is_done = utf16 != NULL;
    if (utf16 == NULL) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    }
    while (is_done && left > 0) {
        is_done = WriteConsoleW(output->handle, rest, left, &written, NULL) && written > 0;
        rest += written;
        left -= written;
    }
    memory_free(utf16);
    memory_free(copy);
    return is_done;
}

static bool output__write_file(struct output *output, const char *at, size_t length)
{
    DWORD written = 0;
    while (length > 0) {
        const DWORD part = length < 65536 ? (DWORD)length : 65536;
        if (!WriteFile(output->handle, at, part, &written, NULL)) {
            return false;
        }
        at += written;
        length -= written;
    }
    return true;
}

void output_write(struct output *output, const char *at, size_t length)
{
    if (output->handle == NULL || output->error != 0 || length == 0) {
        return;
    }
    const bool is_done = output->is_console ? output__write_console(output, at, length)
                                            : output__write_file(output, at, length);
    if (!is_done) {
        output->error = GetLastError();
    }
}

void output_text(struct output *output, const struct text *text)
{
    output_write(output, text->at, text->length);
    if (text->is_cut && output->error == 0) {
        output->error = ERROR_NOT_ENOUGH_MEMORY;
    }
}

void output_format(struct output *output, const char *format, ...)
{
    struct text text;
    va_list arguments;
    text_init_heap(&text);
    va_start(arguments, format);
    text_add_format_list(&text, format, arguments);
    va_end(arguments);
    output_text(output, &text);
    text_fini(&text);
}

enum exit_code output_failure(struct output *output, const struct failure *failure)
{
    output_format(output, "portlistener: %s\n", failure->text);
    return failure->code;
}
