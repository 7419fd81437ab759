/* SPDX-License-Identifier: MIT
   Files that a configuration includes: which ones a line means, and their texts. No Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_INCLUDE_H
#define PORTLISTENER_CONFIG_CONFIG_INCLUDE_H

#include "base/whole_file.h"
#include "config/config.h"
#include "config/config_file.h"
#include "config/config_value.h"

enum {
    CONFIG_INCLUDES_MAX = 1000,                         /* files */
    CONFIG_INCLUDES_SIZE_MAX = 4 * CONFIG_FILE_SIZE_MAX /* bytes of all of them */
};

/* One of them. */
struct config_included {
    char *path;
    struct whole_file file;
    uint32_t line; /* of the line that names it, and the column there */
    uint32_t column;
};

/* All of them, in the order in which they are read. Begins all zero. */
struct config_includes {
    struct config_included *list;
    size_t count;
    size_t room;
    size_t size;                  /* bytes of all texts */
    struct config_include *lines; /* what was looked for */
    size_t line_count;
};

/* What is wrong with a line that includes. */
enum config_include_result { CONFIG_INCLUDE_DONE, CONFIG_INCLUDE_WRONG, CONFIG_INCLUDE_EMPTY };

/* config_includes_add: the files that the value of an include line means, in the order of their names. WRONG: see
   `fault_out`. EMPTY: it is a pattern, and no file has such a name. */
enum config_include_result config_includes_add(struct config_includes *includes, struct config_span value,
                                               uint32_t line, const struct config_source *source,
                                               struct config_fault *fault_out);

/* config_includes_read: the text of one; false: `problem` is "the file cannot be read, ..."; or nothing without memory. */
bool config_includes_read(struct config_includes *includes, size_t index, const struct config_source *source,
                          struct text *problem);
/* config_includes_hand_over: what was looked for is the configuration's from now on, or, where that is refused (NULL), the
   problems'. */
void config_includes_hand_over(struct config_includes *includes, struct config *config,
                               struct config_problems *problems);
void config_includes_fini(struct config_includes *includes);

/* config_include_copy: of the `count` in `list`; NULL: no memory. config_include_free: such a list; NULL is allowed. */
struct config_include *config_include_copy(const struct config_include *list, size_t count);
void config_include_free(struct config_include *list, size_t count);

/* config_include_matches: whether a file's name is as the pattern: * is any characters, ? is any one; without case. */
bool config_include_matches(const char *pattern, const char *name);

#endif
