/* SPDX-License-Identifier: MIT
   A plugin for neither TCP nor UDP. */
#include "plugins/plugin.h"

PLUGIN_SPOILT("no-protocol", handler.flags = 0)
