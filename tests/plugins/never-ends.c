/* SPDX-License-Identifier: MIT
   A plugin that does not end what its client has ended. */
#include "plugins/hostile.h"

static void on_eof(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at, (void)length;
}

HOSTILE("never-ends", on_eof)
