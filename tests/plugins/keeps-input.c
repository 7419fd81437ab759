/* SPDX-License-Identifier: MIT
   A plugin that retains its input, and never releases it. */
#include "plugins/hostile.h"

static size_t on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)user;
    (void)host->retain(host, id, at, length);
    return length;
}

HOSTILE("keeps-input", on_data)
