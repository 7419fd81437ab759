/* SPDX-License-Identifier: MIT
   A plugin with the name of another. */
#include "plugins/plugin.h"

PLUGIN_SPOILT("another", (void)handler)
