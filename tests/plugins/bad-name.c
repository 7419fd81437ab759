/* SPDX-License-Identifier: MIT
   A plugin with a name that is none. */
#include "plugins/plugin.h"

PLUGIN_SPOILT("Bad Name", (void)handler)
