/* SPDX-License-Identifier: MIT
   A plugin that sends to a connection that has ended. */
#include "plugins/hostile.h"

static pl_id last;

static int32_t on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    (void)state, (void)id, (void)user, (void)info;
    if (last != 0) {
        host->send(host, last, "late", 4);
    }
    return 0;
}

static void on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    (void)state, (void)user, (void)reason, (void)win32_error;
    last = id;
}

PLUGIN_SPOILT("stale-send", handler.start = hostile_start; handler.on_open = on_open;
              handler.on_close = on_close)
