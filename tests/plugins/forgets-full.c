/* SPDX-License-Identifier: MIT
   A plugin that goes on as if all had been taken. */
#include "plugins/hostile.h"

static size_t on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)user;
    host->send(host, id, at, length);
    return length;
}

static void on_writable(void *state, pl_id id, void **user)
{
    (void)state, (void)id, (void)user;
}

PLUGIN_SPOILT("forgets-full", handler.start = hostile_start; handler.on_data = on_data;
              handler.on_writable = on_writable)
