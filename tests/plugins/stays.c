/* SPDX-License-Identifier: MIT
   A plugin that stays loaded: it is right. */
#include "plugins/plugin.h"

PLUGIN_SPOILT("stays", handler.flags |= PL_STAYS_LOADED)
