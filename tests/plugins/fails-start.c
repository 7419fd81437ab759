/* SPDX-License-Identifier: MIT
   A plugin that does not start. */
#include <string.h>

#include "plugins/plugin.h"

static int32_t start(pl_start *start)
{
    memcpy(start->error, "no, never", sizeof "no, never");
    return -1;
}

PLUGIN_SPOILT("fails-start", handler.start = start)
