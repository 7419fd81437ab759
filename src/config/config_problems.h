/* SPDX-License-Identifier: MIT
   Collecting what is wrong with a configuration; struct config_problems, its init and fini are in config.h.
   No Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_PROBLEMS_H
#define PORTLISTENER_CONFIG_CONFIG_PROBLEMS_H

#include "config/config.h"

enum { CONFIG_PROBLEMS_SHOWN_MAX = 1000 };

/* config_problems_error, config_problems_warning: "what is wrong; what would be right", at a line and a
   column of the file; line 0: the whole file. In any order. */
void config_problems_error(struct config_problems *problems, uint32_t line, uint32_t column,
                           const char *format, ...) TEXT_FORMAT(4, 5);
void config_problems_warning(struct config_problems *problems, uint32_t line, uint32_t column,
                             const char *format, ...) TEXT_FORMAT(4, 5);

/* config_problems_are_full: what is told from now on is only counted. */
bool config_problems_are_full(const struct config_problems *problems);

/* config_problems_no_memory: an allocation failed; all other problems are then of no interest. */
void config_problems_no_memory(struct config_problems *problems);

/* config_problems_place: a place for a message that stands at `here`: "line 5", see config_places_add_other. The text is
   on the heap, for text_fini. */
struct text config_problems_place(struct config_problems *problems, uint32_t line, uint32_t here);

/* config_problems_twice: the key is set in the line `earlier` already. */
void config_problems_twice(struct config_problems *problems, const char *key, uint32_t line, uint32_t column,
                           uint32_t earlier);

/* config_problems_overrides: whether what stands in `line` comes before what stands in `earlier`: the registry. */
bool config_problems_overrides(const struct config_problems *problems, uint32_t line, uint32_t earlier);

/* config_problems_finish: sorts them and makes their text, for the file named `file`. Once. */
void config_problems_finish(struct config_problems *problems, const char *file);

#endif
