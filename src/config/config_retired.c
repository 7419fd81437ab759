/* SPDX-License-Identifier: MIT */
#include "config/config_retired.h"

const struct config_retired config_retired_all[] = {
    {.name = NULL}, /* none yet */
};

const struct config_retired *config_retired_find(const struct config_retired *list,
                                                 const struct config_table *table, const char *at,
                                                 size_t length)
{
    while (list->name != NULL && (list->table != table || !text_equal(at, length, list->name))) {
        list++;
    }
    return list->name != NULL ? list : NULL;
}
