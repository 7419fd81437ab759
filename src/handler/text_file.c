/* SPDX-License-Identifier: MIT
   Files of text, see text_file.h. */
#include "handler/text_file.h"

#include <string.h>

#include "base/memory.h"

static void text_file__cut_mark(struct whole_file *file)
{
    static const char mark[] = {'\xEF', '\xBB', '\xBF'};
    if (file->length >= sizeof mark && memcmp(file->at, mark, sizeof mark) == 0) {
        file->length -= sizeof mark;
        memmove(file->at, file->at + sizeof mark, file->length);
    }
}

/* The line of the first byte that is no UTF-8; 0: all is. */
static size_t text_file__bad_line(const struct whole_file *file)
{
    size_t line = 1;
    for (size_t i = 0; i < file->length;) {
        const size_t step = text_utf8_length(file->at + i, file->length - i);
        if (step == 0) {
            return line;
        }
        line += file->at[i] == '\n';
        i += step;
    }
    return 0;
}

static bool text_file__check(const struct whole_file *file, size_t most, struct text *error)
{
    if (file->length > most) {
        text_add_format(error, "the file is larger than %lu bytes; make it shorter", (unsigned long)most);
        return false;
    }
    if (file->length == 0) {
        text_add_string(error, "the file is empty; write into it what is to be said");
        return false;
    }
    const size_t line = text_file__bad_line(file);
    if (line != 0) {
        text_add_format(error, "line %lu of the file is not UTF-8; save it as UTF-8", (unsigned long)line);
    }
    return line == 0;
}

bool text_file_read(pl_text path, size_t most, struct whole_file *file_out, struct text *error)
{
    *file_out = (struct whole_file){.at = NULL};
    char *copy = memory_copy_text(path.at, path.length);
    text_add_escaped(error, path.at, path.length);
    text_add_string(error, ": ");
    const size_t begin = error->length;
    bool is_good = copy != NULL && whole_file_read(copy, most, file_out, error);
    memory_free(copy);
    if (is_good) {
        text_file__cut_mark(file_out);
        return text_file__check(file_out, most, error);
    }
    if (error->length == begin) {
        text_add_string(error, "out of memory; end other programs and try again");
    }
    return false;
}
