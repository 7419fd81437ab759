/* SPDX-License-Identifier: MIT
   The Win32 edge: UTF-8 inside, UTF-16 for Windows. */
#ifndef PORTLISTENER_BASE_UTF16_H
#define PORTLISTENER_BASE_UTF16_H

#include <stddef.h>

#include "base/text.h"
#include "base/win.h"

/* utf16_from: a heap copy for memory_free; NULL when there is no memory, or the system
   does not convert it. Invalid bytes become U+FFFD. */
WCHAR *utf16_from(const char *utf8);

/* utf16_make: the same of what the format gives. */
WCHAR *utf16_make(const char *format, ...) TEXT_FORMAT(1, 2);

/* utf16_to_utf8: a heap copy for memory_free; NULL likewise. Lone surrogates become U+FFFD. */
char *utf16_to_utf8(const WCHAR *utf16);

/* utf16_add: appends `utf16` to `text` as UTF-8. */
void utf16_add(struct text *text, const WCHAR *utf16);

/* utf16_add_error: appends "error 10048: Only one usage of ..." as the system words it, on one line. */
void utf16_add_error(struct text *text, DWORD error);

#endif
