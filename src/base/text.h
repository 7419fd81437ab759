/* SPDX-License-Identifier: MIT
   Building and comparing UTF-8 text. No locale, no allocation unless asked for. */
#ifndef PORTLISTENER_BASE_TEXT_H
#define PORTLISTENER_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Which argument is a printf format, and where what it prints begins: the compiler then checks both. */
#if defined(__clang__)
#define TEXT_FORMAT(text, rest) __attribute__((format(printf, text, rest)))
#elif defined(__GNUC__)
#define TEXT_FORMAT(text, rest) __attribute__((format(gnu_printf, text, rest)))
#else
#define TEXT_FORMAT(text, rest)
#endif

/* A text under construction: in a caller's buffer (cut at its end, never past a whole character), or on the
   heap. */
struct text {
    char *at; /* always ends with a NUL */
    size_t length;
    size_t room;   /* bytes at `at`, the NUL included */
    bool may_grow; /* `at` is on the heap */
    bool is_cut;   /* something did not fit: buffer full, or no memory */
};

/* text_init: in `buffer` of `room` bytes (>= 1), which the caller keeps. */
void text_init(struct text *text, char *buffer, size_t room);

/* text_init_heap: grows on the heap; end with text_fini. */
void text_init_heap(struct text *text);
void text_fini(struct text *text);

/* text_clear: back to the empty text, the room is kept. */
void text_clear(struct text *text);

void text_add(struct text *text, const char *at, size_t length);
void text_add_string(struct text *text, const char *string);
void text_add_format(struct text *text, const char *format, ...) TEXT_FORMAT(2, 3);
void text_add_format_list(struct text *text, const char *format, va_list arguments) TEXT_FORMAT(2, 0);

/* text_add_escaped: so that no byte can end a line, drive a terminal or hide what stands beside it: control
   characters, DEL, C1, U+2028, U+2029, bidirectional controls and every byte of invalid UTF-8 become \xHH,
   one for each byte (and \r \n \t as such). A backslash stays one: paths are to be copied. An escape is never
   cut. */
void text_add_escaped(struct text *text, const char *at, size_t length);

/* text_add_json: as a JSON string (RFC 8259, section 7), in its quotation marks. Bytes of invalid UTF-8
   become U+FFFD. */
void text_add_json(struct text *text, const char *at, size_t length);

/* text_make: what the format gives, on the heap, for memory_free; NULL: no memory. */
char *text_make(const char *format, ...) TEXT_FORMAT(1, 2);

/* text_copy: the string into `room`, cut where it is too long; never past a whole character. */
void text_copy(char *room, size_t size, const char *string);

/* text_file_name: of a path, what stands behind its last backslash. */
const char *text_file_name(const char *path);

/* text_utf8_length: the length, 1 to 4, of the valid UTF-8 character at `at` (shortest form, no surrogate,
   <= U+10FFFF), or 0 where there is none. */
size_t text_utf8_length(const char *at, size_t length);

bool text_is_utf8(const char *at, size_t length);

/* text_fit: how many of the bytes go onto a line of `columns` (>= 1), one for each character: whole words, or as much of one
   as fits. */
size_t text_fit(const char *at, size_t length, size_t columns);

/* text_equal: as the INI compares, without case of ASCII letters. */
bool text_equal(const char *at, size_t length, const char *string);

/* text_lower: the character, an ASCII letter as its small form. text_compare: their order by these, as bytes: below 0 where
   at[0..length) comes first, 0 where they are equal. A NUL in at[0..length) ends it. */
char text_lower(char character);
int text_compare(const char *at, size_t length, const char *string);

/* text_distance: edits (insert, delete, replace, swap neighbours), without case, from one word to another; at
   most `limit` + 1 is returned. For "did you mean". Words longer than 64 bytes are `limit` + 1 apart. */
size_t text_distance(const char *at, size_t length, const char *string, size_t limit);

#endif
