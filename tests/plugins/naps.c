/* SPDX-License-Identifier: MIT
   A plugin that blocks: it sleeps a tenth of a second for each message, and sends it back. The benchmark's. */
#include "plugins/hostile.h"

#include "base/win.h"

static size_t on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)user;
    Sleep(100);
    return host->send(host, id, at, length) >= 0 ? length : 0;
}

static void on_writable(void *state, pl_id id, void **user)
{
    (void)state, (void)id, (void)user; /* what is left comes again */
}

PLUGIN_SPOILT("naps", handler.flags |= PL_BLOCKING; handler.start = hostile_start; handler.on_data = on_data;
              handler.on_writable = on_writable)
