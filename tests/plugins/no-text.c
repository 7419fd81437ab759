/* SPDX-License-Identifier: MIT
   A plugin without a version. */
#include "plugins/plugin.h"

PLUGIN_SPOILT("no-text", handler.version = NULL)
