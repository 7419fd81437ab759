/* SPDX-License-Identifier: MIT
   The control pipe's messages, see control_message.h. */
#include "base/control_message.h"

#include <string.h>

/* ---- Requests ---- */

/* One word: not empty, UTF-8, no blank and no control character. */
static bool control__is_word(const char *at, size_t length)
{
    if (length == 0 || !text_is_utf8(at, length)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)at[i] <= ' ' || at[i] == 0x7F) {
            return false;
        }
    }
    return true;
}

bool control_request_add(struct text *text, const char *const *words, size_t count)
{
    const size_t begin = text->length;
    text_add_string(text, CONTROL_GREETING);
    for (size_t i = 0; i < count; i++) {
        if (!control__is_word(words[i], strlen(words[i]))) {
            return false;
        }
        text_add_format(text, " %s", words[i]);
    }
    text_add_string(text, "\n");
    return count >= 1 && count <= CONTROL_WORDS_MAX && !text->is_cut &&
           text->length - begin <= CONTROL_REQUEST_MAX;
}

static enum control_reading control__refuse(const char *problem, const char **problem_out)
{
    *problem_out = problem;
    return CONTROL_BAD;
}

/* Cuts the line, which ends with a NUL now, into its words. */
static bool control__cut(char *at, struct control_request *request_out)
{
    *request_out = (struct control_request){.count = 0};
    for (char *blank = at; blank != NULL;) {
        blank = strchr(at, ' ');
        const size_t length = blank != NULL ? (size_t)(blank - at) : strlen(at);
        if (request_out->count == CONTROL_WORDS_MAX || !control__is_word(at, length)) {
            return false;
        }
        at[length] = '\0';
        request_out->words[request_out->count++] = at;
        at += length + 1;
    }
    return true;
}

enum control_reading control_request_read(char *at, size_t length, struct control_request *request_out,
                                          const char **problem_out)
{
    static const size_t greeting = sizeof CONTROL_GREETING - 1;
    char *end = memchr(at, '\n', length < CONTROL_REQUEST_MAX ? length : CONTROL_REQUEST_MAX);
    if (end == NULL) {
        return length < CONTROL_REQUEST_MAX
                   ? CONTROL_MORE
                   : control__refuse("the request is longer than 4096 bytes", problem_out);
    }
    if (end + 1 != at + length) {
        return control__refuse("something follows the request", problem_out);
    }
    if ((size_t)(end - at) <= greeting || memcmp(at, CONTROL_GREETING " ", greeting + 1) != 0) {
        return control__refuse("it does not begin with \"" CONTROL_GREETING
                               " \"; is the program that asks of "
                               "another version than the service?",
                               problem_out);
    }
    if (memchr(at, '\0', length) != NULL) {
        return control__refuse("it has a NUL", problem_out);
    }
    *end = '\0';
    return control__cut(at + greeting + 1, request_out)
               ? CONTROL_DONE
               : control__refuse("it is not one to eight words of UTF-8 with one blank between them",
                                 problem_out);
}

bool control_request_has(const struct control_request *request, const char *word)
{
    for (size_t i = 1; i < request->count; i++) {
        if (strcmp(request->words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- Answers ---- */

void control_frame_add(struct text *text, enum control_stream stream, size_t length)
{
    text_add_format(text, "%s %zu\n", stream == CONTROL_OUT ? "out" : "err", length);
}

void control_end_add(struct text *text, unsigned code)
{
    text_add_format(text, "end %u\n", code);
}

/* A decimal number without leading zeros, of least to most; *number_out is kept when it is none. */
static bool control__read_number(const char *at, size_t length, size_t least, size_t most, size_t *number_out)
{
    size_t number = 0;
    if (length == 0 || length > 5 || (length > 1 && at[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
        number = number * 10 + (size_t)(at[i] - '0');
    }
    if (number < least || number > most) {
        return false;
    }
    *number_out = number;
    return true;
}

/* The line is complete, without its newline. False: it is none of a frame. */
static bool control__take_line(struct control_answer_reader *reader)
{
    const char *number = reader->line + 4;
    const size_t length = reader->line_length > 4 ? reader->line_length - 4 : 0;
    size_t value = 0;
    reader->line_length = 0;
    if (length == 0) {
        return false;
    }
    if (memcmp(reader->line, "end ", 4) == 0) {
        reader->has_ended = control__read_number(number, length, 0, CONTROL_CODE_MAX, &value);
        reader->code = (unsigned)value;
        return reader->has_ended;
    }
    const bool is_out = memcmp(reader->line, "out ", 4) == 0;
    reader->stream = is_out ? CONTROL_OUT : CONTROL_ERR;
    const bool is_frame = (is_out || memcmp(reader->line, "err ", 4) == 0) &&
                          control__read_number(number, length, 1, CONTROL_FRAME_MAX, &value);
    reader->left = value;
    return is_frame;
}

static void control__take_byte(struct control_answer_reader *reader, char byte)
{
    if (byte == '\n') {
        reader->is_bad = !control__take_line(reader);
    } else if (reader->line_length < CONTROL_LINE_MAX) {
        reader->line[reader->line_length++] = byte;
    } else {
        reader->is_bad = true;
    }
}

bool control_answer_read(struct control_answer_reader *reader, const char **at, size_t *length,
                         struct control_piece *piece_out)
{
    while (*length > 0 && reader->left == 0 && !reader->is_bad) {
        if (reader->has_ended) {
            reader->is_bad = true;
            return false;
        }
        control__take_byte(reader, **at);
        (*at)++;
        (*length)--;
    }
    if (*length == 0 || reader->is_bad) {
        return false;
    }
    const size_t part = *length < reader->left ? *length : reader->left;
    *piece_out = (struct control_piece){.stream = reader->stream, .at = *at, .length = part};
    *at += part;
    *length -= part;
    reader->left -= part;
    return true;
}
