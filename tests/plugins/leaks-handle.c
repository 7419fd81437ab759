/* SPDX-License-Identifier: MIT
   A plugin that leaves a handle open with each connection. */
#include "plugins/hostile.h"

#include "base/win.h"

static HANDLE last;

static int32_t on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    (void)state, (void)id, (void)user, (void)info;
    last = CreateEventW(NULL, TRUE, FALSE, NULL);
    return 0;
}

HOSTILE("leaks-handle", on_open)
