/* SPDX-License-Identifier: MIT
   A configuration while it is read: first its documents (config_document.c), one behind the other, then what they left
   out (config_completion.c). No Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_READING_H
#define PORTLISTENER_CONFIG_CONFIG_READING_H

#include "config/config.h"
#include "config/config_extras.h"
#include "config/config_file.h"
#include "config/config_include.h"
#include "config/config_keys.h"
#include "config/config_names.h"
#include "config/config_problems.h"
#include "config/config_registry.h"

/* A section, and where its values go. */
struct section {
    const struct config_table *table; /* NULL: not known; its keys are passed over */
    void *record;
    struct config_origin *origins;
    bool is_shared;      /* [defaults] */
    uint32_t doubt_line; /* could not be read, or was misspelled: what seems to be missing may stand there */
};

/* A configuration while it is read. */
struct reading {
    const struct config_source *source;
    struct config_problems *problems;
    struct config *config;
    size_t endpoint_room;
    uint32_t service_line; /* of [service], 0: not seen yet */
    uint32_t defaults_line;
    uint32_t before; /* lines of what was read before this document */
    struct config_includes includes;
    bool is_included;          /* this document is one that another includes */
    bool is_registry;          /* its keys may be there already */
    struct section section;    /* where the file is now */
    size_t endpoint;           /* the number of the one that the section is of */
    struct config_names names; /* of the files' endpoints, for the registry */
    bool may_lack_sections; /* a line could not be read, or a section is not known: it may be an endpoint */
    struct config_extras extras;
};

/* config_reading_origins: of all keys of the table, none read yet; NULL when there is no memory. */
struct config_origin *config_reading_origins(const struct config_table *table);

/* config_reading_entry: the value of a key, into the section's record; what is wrong goes to the problems. Line 0: it is a
   default. */
void config_reading_entry(struct reading *reading, const struct config_key *key, struct config_span value,
                          uint32_t line);

/* config_reading_doubt: what is required and may stand in this line of doubt counts as given, so that it is not missed,
   too. */
void config_reading_doubt(const struct config_table *table, struct config_origin *origins, uint32_t line);

/* config_reading_lines: the file's text. config_reading_includes: the files that it names.
   config_reading_registry: behind both; `items` must stay until all problems are written. */
void config_reading_lines(struct reading *reading, const char *text, size_t length);
void config_reading_includes(struct reading *reading);
void config_reading_registry(struct reading *reading, struct config_registry_items *items);

/* config_reading_complete: defaults, the handlers' options, full paths, and what is wrong with the whole. */
void config_reading_complete(struct reading *reading);

#endif
