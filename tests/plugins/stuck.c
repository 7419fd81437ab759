/* SPDX-License-Identifier: MIT
   A plugin that does not return from a callback. */
#include "plugins/hostile.h"

#include "base/win.h"

static int32_t on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    (void)state, (void)id, (void)user, (void)info;
    Sleep(INFINITE);
    return 0;
}

HOSTILE("stuck", on_open)
