/* SPDX-License-Identifier: MIT
   UTF-8 and UTF-16, see utf16.h. */
#include "base/utf16.h"

#include "base/memory.h"

WCHAR *utf16_from(const char *utf8)
{
    const int length = MultiByteToWideChar(CP_UTF8, 0, utf8, -1, NULL, 0);
    WCHAR *utf16 = length > 0 ? memory_alloc((size_t)length * sizeof *utf16) : NULL;
    if (utf16 != NULL && MultiByteToWideChar(CP_UTF8, 0, utf8, -1, utf16, length) == 0) {
        memory_free(utf16);
        return NULL;
    }
    return utf16;
}

WCHAR *utf16_make(const char *format, ...)
{
    struct text text;
    va_list arguments;
    text_init_heap(&text);
    va_start(arguments, format);
    text_add_format_list(&text, format, arguments);
    va_end(arguments);
    WCHAR *utf16 = text.is_cut ? NULL : utf16_from(text.at);
    text_fini(&text);
    return utf16;
}

char *utf16_to_utf8(const WCHAR *utf16)
{
    const int length = WideCharToMultiByte(CP_UTF8, 0, utf16, -1, NULL, 0, NULL, NULL);
    char *utf8 = length > 0 ? memory_alloc((size_t)length) : NULL;
    if (utf8 != NULL && WideCharToMultiByte(CP_UTF8, 0, utf16, -1, utf8, length, NULL, NULL) == 0) {
        memory_free(utf8);
        return NULL;
    }
    return utf8;
}

void utf16_add(struct text *text, const WCHAR *utf16)
{
    char *utf8 = utf16_to_utf8(utf16);
    if (utf8 == NULL) {
        text->is_cut = true;
        return;
    }
    text_add_string(text, utf8);
    memory_free(utf8);
}

void utf16_add_error(struct text *text, DWORD error)
{
    WCHAR words[512];
    const DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS |
                                            FORMAT_MESSAGE_MAX_WIDTH_MASK,
                                        NULL, error, 0, words, sizeof words / sizeof words[0], NULL);
    text_add_format(text, "error %lu", (unsigned long)error);
    if (length == 0) {
        return;
    }
    DWORD end = length;
    while (end > 0 && (words[end - 1] == L' ' || words[end - 1] == L'.')) {
        end--;
    }
    words[end] = L'\0';
    text_add_string(text, ": ");
    utf16_add(text, words);
}
