/* SPDX-License-Identifier: MIT
   A plugin that loses 4 KB with each connection. */
#include <stdlib.h>
#include <string.h>

#include "plugins/hostile.h"

enum { LOST = 4096 };

static void *last;

static int32_t on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    (void)state, (void)id, (void)user, (void)info;
    last = malloc(LOST);
    if (last != NULL) {
        memset(last, 1, LOST);
    }
    return 0;
}

HOSTILE("leaks-memory", on_open)
