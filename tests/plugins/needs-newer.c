/* SPDX-License-Identifier: MIT
   A plugin that needs a newer host. */
#include "plugins/plugin.h"

PLUGIN_SPOILT("needs-newer", handler.needs_minor = 900)
