/* SPDX-License-Identifier: MIT
   A plugin with flags that nobody knows. */
#include "plugins/plugin.h"

PLUGIN_SPOILT("unknown-flags", handler.flags |= 0x40000000)
