/* SPDX-License-Identifier: MIT
   A plugin that says that it consumed more than there was. */
#include "plugins/hostile.h"

static size_t on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at;
    return length + 1000;
}

HOSTILE("over-consumes", on_data)
