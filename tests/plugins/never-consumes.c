/* SPDX-License-Identifier: MIT
   A plugin that consumes nothing. */
#include "plugins/hostile.h"

static size_t on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at, (void)length;
    return 0;
}

HOSTILE("never-consumes", on_data)
