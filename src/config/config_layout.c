/* SPDX-License-Identifier: MIT */
#include "config/config_layout.h"

#include <string.h>

#include "config/config_file.h"

void config_layout_pad(struct text *text, size_t start, uint32_t column)
{
    const uint32_t used = config_file_characters(text->at + start, text->length - start);
    text_add_format(text, "%*s", used + 2 < column ? (int)(column - used) : 2, "");
}

void config_layout_wrap(struct text *text, const char *words, size_t indent)
{
    size_t used = 0;
    while (*words != '\0') {
        const size_t length = strcspn(words, " ");
        if (used > 0 && used + 1 + length > CONFIG_LAYOUT_WIDTH) {
            text_add_string(text, "\n");
            used = 0;
        }
        text_add_format(text, "%*s", used == 0 ? (int)indent : 1, "");
        used += (used == 0 ? indent : 1) + length;
        for (size_t i = 0; i < length; i++) {
            text_add(text, words[i] == '`' ? "\"" : words + i, 1);
        }
        words += length + (words[length] == ' ');
    }
    text_add_string(text, "\n");
}

void config_layout_key(struct text *text, const struct config_key *key, const char *rest)
{
    char room[512];
    struct text line;
    text_init(&line, room, sizeof room);
    text_add_format(text, "\n%*s%s\n", CONFIG_LAYOUT_INDENT, "", key->name);
    text_add_format(&line, "%s; %s%s; ", config_keys_type(key), key->value != NULL ? "default " : "required",
                    config_keys_may_be_empty(key) ? "nothing"
                    : key->value != NULL          ? key->value
                                                  : "");
    config_keys_add_range(&line, key);
    text_add_string(&line, rest);
    config_layout_wrap(text, room, 2 * CONFIG_LAYOUT_INDENT);
    config_layout_wrap(text, key->help, 2 * CONFIG_LAYOUT_INDENT);
}

void config_layout_cells(struct text *text, const struct config_key *key)
{
    text_add_format(text, "| `%s` | %s | ", key->name, config_keys_type(key));
    if (key->value != NULL && !config_keys_may_be_empty(key)) {
        text_add_format(text, "`%s` | ", key->value);
    } else {
        text_add_string(text, key->value != NULL ? "nothing | " : "required | ");
    }
    config_keys_add_range(text, key);
    text_add_string(text, " | ");
}
