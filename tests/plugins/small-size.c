/* SPDX-License-Identifier: MIT
   A plugin whose descriptor is too small to be one. */
#include "plugins/plugin.h"

PLUGIN_SPOILT("small-size", handler.size = 16)
