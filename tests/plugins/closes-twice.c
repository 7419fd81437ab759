/* SPDX-License-Identifier: MIT
   A plugin that closes what it has closed. */
#include "plugins/hostile.h"

static size_t on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)user, (void)at;
    host->close(host, id, PL_GRACEFUL);
    host->close(host, id, PL_GRACEFUL);
    return length;
}

HOSTILE("closes-twice", on_data)
