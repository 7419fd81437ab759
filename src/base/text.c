/* SPDX-License-Identifier: MIT
   Building and comparing UTF-8 text, see text.h. */
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { TEXT_FIRST_ROOM = 256, TEXT_WORD_MAX = 64 };

void text_init(struct text *text, char *buffer, size_t room)
{
    *text = (struct text){.at = buffer, .room = room};
    buffer[0] = '\0';
}

void text_init_heap(struct text *text)
{
    static char nothing[] = ""; /* never written: a room of 1 means that there is none yet */
    *text = (struct text){.at = nothing, .room = 1, .may_grow = true};
}

void text_fini(struct text *text)
{
    if (text->may_grow && text->room > 1) {
        memory_free(text->at);
    }
    text_init_heap(text);
}

/* Ends the text with its NUL; with a room of 1 that one is there already. */
static void text__end(struct text *text)
{
    if (text->room > 1) {
        text->at[text->length] = '\0';
    }
}

void text_clear(struct text *text)
{
    text->length = 0;
    text->is_cut = false;
    text__end(text);
}

static bool text__grow(struct text *text, size_t length)
{
    if (length > SIZE_MAX / 4 - text->length) { /* of a block so large the doubling below would not end */
        return false;
    }
    const size_t needed = text->length + length + 1;
    size_t room = text->room > 1 ? text->room : TEXT_FIRST_ROOM;
    while (room < needed) {
        room *= 2;
    }
    char *grown = memory_resize(text->room > 1 ? text->at : NULL, room);
    if (grown == NULL) {
        return false;
    }
    text->at = grown;
    text->room = room;
    text->at[text->length] = '\0';
    return true;
}

static bool text__has_room(struct text *text, size_t length)
{
    return length <= text->room - text->length - 1 || (text->may_grow && text__grow(text, length));
}

/* The longest start of at[0..length) that does not end inside a character. */
static size_t text__whole_characters(const char *at, size_t length)
{
    size_t start = length;
    while (start > 0 && length - start < 3 && ((uint8_t)at[start - 1] & 0xC0U) == 0x80U) {
        start--;
    }
    if (start > 0 && (uint8_t)at[start - 1] >= 0xC0U) {
        return text_utf8_length(at + start - 1, length - start + 1) != 0 ? length : start - 1;
    }
    return length;
}

void text_add(struct text *text, const char *at, size_t length)
{
    if (length == 0 || text->is_cut) {
        return;
    }
    if (!text__has_room(text, length)) {
        text->is_cut = true;
        length = text__whole_characters(at, text->room - text->length - 1);
        if (length == 0) {
            return;
        }
    }
    memcpy(text->at + text->length, at, length);
    text->length += length;
    text->at[text->length] = '\0';
}

void text_add_string(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_add_format(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_add_format_list(text, format, arguments);
    va_end(arguments);
}

void text_add_format_list(struct text *text, const char *format, va_list arguments)
{
    if (text->is_cut) {
        return;
    }
    va_list again;
    va_copy(again, arguments);
    const size_t room = text->room - text->length;
    const int length =
        vsnprintf(room > 1 ? text->at + text->length : NULL, room > 1 ? room : 0, format, arguments);
    if (length < 0) {
        text->is_cut = true;
        text__end(text);
    } else if ((size_t)length < room) {
        text->length += (size_t)length;
    } else if (text->may_grow && text__grow(text, (size_t)length)) {
        (void)vsnprintf(text->at + text->length, text->room - text->length, format, again);
        text->length += (size_t)length;
    } else {
        text->is_cut = true;
        text->length += room > 1 ? text__whole_characters(text->at + text->length, room - 1) : 0;
        text__end(text);
    }
    va_end(again);
}

char *text_make(const char *format, ...)
{
    struct text text;
    va_list arguments;
    text_init_heap(&text);
    va_start(arguments, format);
    text_add_format_list(&text, format, arguments);
    va_end(arguments);
    char *copy = text.is_cut ? NULL : memory_copy_text(text.at, text.length);
    text_fini(&text);
    return copy;
}

void text_copy(char *room, size_t size, const char *string)
{
    struct text text;
    text_init(&text, room, size);
    text_add_string(&text, string);
}

const char *text_file_name(const char *path)
{
    const char *separator = strrchr(path, '\\');
    return separator != NULL ? separator + 1 : path;
}

size_t text_utf8_length(const char *at, size_t length)
{
    static const struct {
        uint8_t first, last, length, second_first, second_last;
    } forms[] = {
        /* Unicode 15, table 3-7: well-formed byte sequences */
        {0x00, 0x7F, 1, 0, 0},       {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF},
        {0xE1, 0xEC, 3, 0x80, 0xBF}, {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
        {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F},
    };
    const uint8_t *byte = (const uint8_t *)at;
    for (size_t i = 0; length > 0 && i < sizeof forms / sizeof forms[0]; i++) {
        if (byte[0] < forms[i].first || byte[0] > forms[i].last) {
            continue;
        }
        if (forms[i].length > length) {
            return 0;
        }
        for (size_t k = 1; k < forms[i].length; k++) {
            const uint8_t lowest = k == 1 ? forms[i].second_first : 0x80;
            const uint8_t highest = k == 1 ? forms[i].second_last : 0xBF;
            if (byte[k] < lowest || byte[k] > highest) {
                return 0;
            }
        }
        return forms[i].length;
    }
    return 0;
}

bool text_is_utf8(const char *at, size_t length)
{
    while (length > 0) {
        const size_t step = text_utf8_length(at, length);
        if (step == 0) {
            return false;
        }
        at += step;
        length -= step;
    }
    return true;
}

/* Characters that change what a reader sees of the rest of the line: C1, line and paragraph separators, and
   the bidirectional controls of Unicode's property Bidi_Control. */
static bool text__is_deceiving(const char *at, size_t length)
{
    const uint8_t *byte = (const uint8_t *)at;
    if (length == 2) {
        return (byte[0] == 0xC2 && byte[1] < 0xA0) || (byte[0] == 0xD8 && byte[1] == 0x9C);
    }
    if (length == 3 && byte[0] == 0xE2) {
        return (byte[1] == 0x80 &&
                ((byte[2] >= 0xA8 && byte[2] <= 0xAE) || byte[2] == 0x8E || byte[2] == 0x8F)) ||
               (byte[1] == 0x81 && byte[2] >= 0xA6 && byte[2] <= 0xA9);
    }
    return false;
}

/* Whole, or not at all: half an escape could be read as another one. */
static void text__add_whole(struct text *text, const char *at, size_t length)
{
    if (text__has_room(text, length)) {
        text_add(text, at, length);
    } else {
        text->is_cut = true;
    }
}

static void text__add_escape(struct text *text, uint8_t byte)
{
    static const char named[] = "\r\n\t", letters[] = "rnt", digits[] = "0123456789ABCDEF";
    const char *name = byte != 0 ? strchr(named, byte) : NULL;
    if (name != NULL) {
        text__add_whole(text, (const char[]){'\\', letters[name - named]}, 2);
    } else {
        text__add_whole(text, (const char[]){'\\', 'x', digits[byte >> 4], digits[byte & 0x0FU]}, 4);
    }
}

void text_add_escaped(struct text *text, const char *at, size_t length)
{
    while (length > 0 && !text->is_cut) {
        const size_t character = text_utf8_length(at, length);
        const uint8_t byte = (uint8_t)at[0];
        const size_t step = character > 0 ? character : 1;
        const bool is_plain = character == 1 ? byte >= 0x20 && byte != 0x7F
                                             : character > 1 && !text__is_deceiving(at, character);
        if (is_plain) {
            text_add(text, at, step);
        }
        for (size_t i = 0; i < step && !is_plain; i++) {
            text__add_escape(text, (uint8_t)at[i]);
        }
        at += step;
        length -= step;
    }
}

/* How many bytes stand in a JSON string as they are: ASCII alone, the rest is looked at one by one. */
static size_t text__plain_json(const char *at, size_t length)
{
    size_t plain = 0;
    while (plain < length && (uint8_t)at[plain] >= 0x20 && (uint8_t)at[plain] < 0x80 && at[plain] != '"' &&
           at[plain] != '\\') {
        plain++;
    }
    return plain;
}

/* One character; how long it was. */
static size_t text__add_json_character(struct text *text, const char *at, size_t length)
{
    const size_t character = text_utf8_length(at, length);
    const uint8_t byte = (uint8_t)at[0];
    if (byte == '"' || byte == '\\') {
        text_add_format(text, "\\%c", byte);
    } else if (byte < 0x20) {
        text_add_format(text, "\\u%04x", (unsigned)byte);
    } else if (character == 0) {
        text_add_string(text, "\xEF\xBF\xBD");
    } else {
        text_add(text, at, character);
    }
    return character > 0 ? character : 1;
}

void text_add_json(struct text *text, const char *at, size_t length)
{
    text_add(text, "\"", 1);
    while (length > 0 && !text->is_cut) {
        size_t step = text__plain_json(at, length);
        if (step > 0) {
            text_add(text, at, step);
        } else {
            step = text__add_json_character(text, at, length);
        }
        at += step;
        length -= step;
    }
    text_add(text, "\"", 1);
}

char text_lower(char character)
{
    return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

size_t text_fit(const char *at, size_t length, size_t columns)
{
    size_t used = 0, blank = 0;
    for (size_t end = 0; end < length; end++) {
        const bool begins = ((unsigned char)at[end] & 0xC0) != 0x80; /* a character, which takes a column */
        if (at[end] == ' ') {
            blank = end;
        }
        if (begins && used == columns) {
            return blank > 0 ? blank : end;
        }
        used += begins;
    }
    return length;
}

bool text_equal(const char *at, size_t length, const char *string)
{
    for (size_t i = 0; i < length; i++) {
        if (string[i] == '\0' || text_lower(at[i]) != text_lower(string[i])) {
            return false;
        }
    }
    return string[length] == '\0';
}

int text_compare(const char *at, size_t length, const char *string)
{
    size_t i = 0;
    while (i < length && string[i] != '\0' && text_lower(at[i]) == text_lower(string[i])) {
        i++;
    }
    return (i < length ? (unsigned char)text_lower(at[i]) : 0) - (unsigned char)text_lower(string[i]);
}

static size_t text__least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t text_distance(const char *at, size_t length, const char *string, size_t limit)
{
    const size_t other = strlen(string);
    const size_t difference = length > other ? length - other : other - length;
    if (length > TEXT_WORD_MAX || other > TEXT_WORD_MAX ||
        difference > limit) { /* so many inserts at least */
        return limit + 1;
    }
    uint8_t rows[3][TEXT_WORD_MAX + 1]; /* the last two rows of the table and the one being made */
    for (size_t k = 0; k <= other; k++) {
        rows[0][k] = (uint8_t)k;
    }
    for (size_t i = 1; i <= length; i++) {
        const uint8_t *above = rows[(i - 1) % 3], *second = rows[(i + 1) % 3];
        uint8_t *row = rows[i % 3];
        row[0] = (uint8_t)i;
        for (size_t k = 1; k <= other; k++) {
            const char a = text_lower(at[i - 1]), b = text_lower(string[k - 1]);
            size_t cost =
                text__least(text__least(above[k] + 1U, row[k - 1] + 1U), above[k - 1] + (a == b ? 0U : 1U));
            if (i > 1 && k > 1 && a == text_lower(string[k - 2]) && text_lower(at[i - 2]) == b) {
                cost = text__least(cost, second[k - 2] + 1U);
            }
            row[k] = (uint8_t)cost;
        }
    }
    return text__least(rows[length % 3][other], limit + 1);
}
