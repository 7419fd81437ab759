/* SPDX-License-Identifier: MIT
   A plugin that takes TCP and has no on_data. */
#include "plugins/plugin.h"

PLUGIN_SPOILT("no-callback", handler.on_data = NULL)
