/* SPDX-License-Identifier: MIT
   A plugin that takes its time to stop. */
#include "plugins/plugin.h"

#include "base/win.h"

static void stop(void *state)
{
    (void)state;
    Sleep(6000);
}

PLUGIN_SPOILT("slow-stop", handler.flags |= PL_BLOCKING; handler.stop = stop)
