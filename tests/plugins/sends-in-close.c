/* SPDX-License-Identifier: MIT
   A plugin that sends when all is over. */
#include "plugins/hostile.h"

static void on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    (void)state, (void)user, (void)reason, (void)win32_error;
    host->send(host, id, "bye", 3);
}

HOSTILE("sends-in-close", on_close)
