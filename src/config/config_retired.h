/* SPDX-License-Identifier: MIT
   Keys that have got another name. The old name is read for two releases, with a warning. No Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_RETIRED_H
#define PORTLISTENER_CONFIG_CONFIG_RETIRED_H

#include "config/config_keys.h"

/* One such name. */
struct config_retired {
    const char *name;                 /* NULL: behind the last one */
    const struct config_table *table; /* of its successor */
    const char *successor; /* a key of that table, which takes its value; NULL: it means nothing any more */
    const char *since;     /* the release that was the first with the new name */
};

/* Those of this release. A row is taken out with the second release after `since`. */
extern const struct config_retired config_retired_all[];

/* config_retired_find: the row of the name at[0..length) in this table, or NULL. */
const struct config_retired *config_retired_find(const struct config_retired *list,
                                                 const struct config_table *table, const char *at,
                                                 size_t length);

#endif
