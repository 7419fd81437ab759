/* SPDX-License-Identifier: MIT
   A plugin that loses 4 KB with each connection. */
#include <stdlib.h>
#include <string.h>

#include "plugins/hostile.h"

enum { LOST = 4096 };

static void *volatile last; /* volatile: else a compiler may see that nobody reads it, and allocate nothing */

static int32_t on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    (void)state, (void)id, (void)user, (void)info;
    void *lost = malloc(LOST);
    if (lost != NULL) {
        memset(lost, 1, LOST);
    }
    last = lost;
    return 0;
}

HOSTILE("leaks-memory", on_open)
