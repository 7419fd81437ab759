/* SPDX-License-Identifier: MIT
   The INI syntax, see config_file.h. */
#include "config/config_file.h"

#include <string.h>

#include "base/text.h"

uint32_t config_file_characters(const char *at, size_t length)
{
    uint32_t count = 0;
    while (length > 0) {
        const size_t step = text_utf8_length(at, length);
        at += step > 0 ? step : 1;
        length -= step > 0 ? step : 1;
        count++;
    }
    return count;
}

/* UTF-16 begins with its mark, or with a character of ASCII, one byte of which is zero. */
static bool config_file__is_utf16(const char *text, size_t length)
{
    if (length < 2) {
        return false;
    }
    return memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0 ||
           (text[0] == '\0') != (text[1] == '\0');
}

void config_file_init(struct config_file *file, const char *text, size_t length)
{
    *file = (struct config_file){.at = text, .end = text + length};
    if (length > CONFIG_FILE_SIZE_MAX) {
        file->problem =
            "the file is larger than 4 MB, so this is hardly a configuration; give the right file";
    } else if (config_file__is_utf16(text, length)) {
        file->problem = "the file is UTF-16; save it as UTF-8";
    } else if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        file->at += 3;
    }
}

/* A line without its end: LF, CR LF, or CR alone, which old editors write. */
static struct config_span config_file__take_line(struct config_file *file)
{
    struct config_span line = {.at = file->at, .column = 1};
    while (file->at < file->end && *file->at != '\n' && *file->at != '\r') {
        file->at++;
    }
    line.length = (size_t)(file->at - line.at);
    if (file->end - file->at >= 2 && file->at[0] == '\r' && file->at[1] == '\n') {
        file->at++;
    }
    if (file->at < file->end) {
        file->at++;
    }
    file->line++;
    return line;
}

static bool config_file__is_blank(char character)
{
    return character == ' ' || character == '\t';
}

struct config_span config_file_trim(struct config_span span)
{
    while (span.length > 0 && config_file__is_blank(span.at[0])) {
        span.at++;
        span.length--;
        span.column++;
    }
    while (span.length > 0 && config_file__is_blank(span.at[span.length - 1])) {
        span.length--;
    }
    return span;
}

/* What follows the first `length` bytes of `span`. */
static struct config_span config_file__behind(struct config_span span, size_t length)
{
    return (struct config_span){.at = span.at + length,
                                .length = span.length - length,
                                .column = span.column + config_file_characters(span.at, length)};
}

static void config_file__complain(struct config_item *item, uint32_t column, const char *problem)
{
    item->problem = problem;
    item->problem_column = column;
}

/* Whether the line is text at all; complains otherwise. */
static bool config_file__is_text(struct config_span line, struct config_item *item)
{
    for (size_t i = 0; i < line.length;) {
        const size_t step = text_utf8_length(line.at + i, line.length - i);
        if (step == 0 || line.at[i] == '\0') {
            config_file__complain(
                item, config_file_characters(line.at, i) + 1,
                step == 0 ? "this character is not UTF-8; save the file as UTF-8"
                          : "a NUL byte, so this is not text, or the file is damaged; restore it");
            return false;
        }
        i += step;
    }
    return true;
}

static void config_file__section(struct config_span line, struct config_item *item)
{
    const struct config_span inside = config_file__behind(line, 1);
    const char *close = inside.length > 0 ? memchr(inside.at, ']', inside.length) : NULL;
    const size_t length = close != NULL ? (size_t)(close - inside.at) : inside.length;
    item->kind = CONFIG_ITEM_SECTION;
    item->name =
        config_file_trim((struct config_span){.at = inside.at, .length = length, .column = inside.column});
    if (close == NULL) {
        config_file__complain(item, line.column, "this [ has no ]; write [SECTION]");
        return;
    }
    const struct config_span rest = config_file_trim(config_file__behind(inside, length + 1));
    if (rest.length > 0) {
        config_file__complain(item, rest.column,
                              "text behind the section; put it, also a comment, on a line of its own");
    }
}

static void config_file__entry(struct config_file *file, struct config_span line, struct config_item *item)
{
    const char *equal = memchr(line.at, '=', line.length);
    if (equal == NULL) {
        config_file__complain(item, line.column,
                              "no = in this line; write KEY = VALUE, or begin a comment with ; or #");
        return;
    }
    const size_t length = (size_t)(equal - line.at);
    item->name =
        config_file_trim((struct config_span){.at = line.at, .length = length, .column = line.column});
    item->value = config_file_trim(config_file__behind(line, length + 1));
    if (item->name.length == 0) {
        config_file__complain(item, line.column, "no key before the =; write KEY = VALUE");
    } else if (!file->has_section && text_equal(item->name.at, item->name.length, "include")) {
        item->kind = CONFIG_ITEM_INCLUDE;
    } else if (!file->has_section) {
        file->has_section = true; /* once is enough */
        config_file__complain(item, line.column,
                              "a key before the first section; write the line of its section, such as "
                              "[service], above it");
    } else {
        item->kind = CONFIG_ITEM_ENTRY;
    }
}

/* False for a line that says nothing. */
static bool config_file__read(struct config_file *file, struct config_span whole, struct config_item *item)
{
    *item = (struct config_item){.kind = CONFIG_ITEM_BROKEN, .line = file->line};
    const struct config_span line = config_file_trim(whole);
    if (!config_file__is_text(whole, item)) {
        item->may_be_section = line.at[0] == '['; /* it is not blank */
        return true;
    }
    if (line.length == 0 || line.at[0] == ';' || line.at[0] == '#') {
        return false;
    }
    if (line.at[0] == '[') {
        config_file__section(line, item);
        file->has_section = true;
    } else {
        config_file__entry(file, line, item);
    }
    return true;
}

bool config_file_next(struct config_file *file, struct config_item *item_out)
{
    if (file->problem != NULL) {
        *item_out = (struct config_item){.kind = CONFIG_ITEM_BROKEN, .line = 1};
        config_file__complain(item_out, 1, file->problem);
        file->problem = NULL;
        file->at = file->end;
        return true;
    }
    while (file->at < file->end) {
        const struct config_span line = config_file__take_line(file);
        if (config_file__read(file, line, item_out)) {
            return true;
        }
    }
    return false;
}
