/* SPDX-License-Identifier: MIT
   Lines of text for people: columns, words in lines of one width, the heads of keys. No Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_LAYOUT_H
#define PORTLISTENER_CONFIG_CONFIG_LAYOUT_H

#include "config/config_keys.h"

enum { CONFIG_LAYOUT_WIDTH = 100, CONFIG_LAYOUT_INDENT = 2 };

/* config_layout_pad: blanks up to `column`, counted from 0, of the line that begins at `start`, at least two. */
void config_layout_pad(struct text *text, size_t start, uint32_t column);

/* config_layout_wrap: words, in lines that begin with `indent` blanks; ` becomes ". */
void config_layout_wrap(struct text *text, const char *words, size_t indent);

/* config_layout_key: a key with its type, default and range, `rest` behind these, and its help. */
void config_layout_key(struct text *text, const struct config_key *key, const char *rest);

/* config_layout_cells: the same of a key as the first four cells of a row of a Markdown table. */
void config_layout_cells(struct text *text, const struct config_key *key);

#endif
