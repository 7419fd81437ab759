/* SPDX-License-Identifier: MIT
   A plugin that adds to a counter that it does not have. */
#include "plugins/hostile.h"

static int32_t on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    (void)state, (void)id, (void)user, (void)info;
    host->count(host, endpoint, 7, 1);
    return 0;
}

HOSTILE("wrong-counter", on_open)
