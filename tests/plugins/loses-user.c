/* SPDX-License-Identifier: MIT
   A plugin that forgets what *user points to. */
#include "plugins/plugin.h"

static int32_t on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    static char something;
    (void)state, (void)id, (void)info;
    *user = &something;
    return 0;
}

static size_t on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)at;
    *user = NULL;
    return length;
}

static void on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    (void)state, (void)id, (void)user, (void)reason, (void)win32_error;
}

PLUGIN_SPOILT("loses-user", handler.on_open = on_open; handler.on_data = on_data; handler.on_close = on_close)
