/* SPDX-License-Identifier: MIT
   A plugin that keeps something with a datagram. */
#include "plugins/plugin.h"

static void on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                        const pl_info *info)
{
    static char something;
    (void)state, (void)id, (void)at, (void)length, (void)info;
    *user = &something;
}

PLUGIN_SPOILT("user-of-datagram", handler.flags |= PL_UDP; handler.on_datagram = on_datagram)
