/* SPDX-License-Identifier: MIT
   A plugin that sleeps in a callback. */
#include "plugins/hostile.h"

#include "base/win.h"

static size_t on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at;
    Sleep(700);
    return length;
}

HOSTILE("sleeps", on_data)
