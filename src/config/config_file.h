/* SPDX-License-Identifier: MIT
   The INI syntax: sections and entries of one snapshot of a file. Knows no key and takes no memory; no
   Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_FILE_H
#define PORTLISTENER_CONFIG_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONFIG_FILE_SIZE_MAX = 4 * 1024 * 1024 }; /* bytes; all of it may be one line, such as a long list */

/* How a value is written: a value of the registry has a type, a file has text only. */
enum config_form { CONFIG_FORM_TEXT, CONFIG_FORM_NUMBER, CONFIG_FORM_ITEMS /* several texts */ };

/* A piece of a line, without blanks around it and without a NUL behind it. */
struct config_span {
    const char *at;
    size_t length;
    uint32_t column; /* of its first character; counted in characters, from 1 */
    enum config_form form;
};

enum config_item_kind {
    CONFIG_ITEM_SECTION, /* [name] */
    CONFIG_ITEM_ENTRY,   /* name = value */
    CONFIG_ITEM_INCLUDE, /* include = value, before the first section */
    CONFIG_ITEM_BROKEN   /* a line that is neither: only its problem counts */
};

struct config_item {
    enum config_item_kind kind;
    uint32_t line;
    struct config_span name;
    struct config_span value;
    const char *problem; /* "what is wrong; what would be right", or NULL. A section may have one, too. */
    uint32_t problem_column;
    bool may_be_section; /* a broken line that begins like one */
};

struct config_file {
    const char *at;
    const char *end;
    uint32_t line;
    bool has_section;
    const char *problem; /* with the file as a whole */
};

/* config_file_init: text[0..length) must stay where it is. */
void config_file_init(struct config_file *file, const char *text, size_t length);

/* config_file_next: the next section, entry or broken line; false at the end. */
bool config_file_next(struct config_file *file, struct config_item *item_out);

/* config_file_trim: without the blanks (spaces and tabs) around it. */
struct config_span config_file_trim(struct config_span span);

/* config_file_characters: how many characters at[0..length) has; a byte that is not UTF-8 counts as one. */
uint32_t config_file_characters(const char *at, size_t length);

#endif
