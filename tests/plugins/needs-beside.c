/* SPDX-License-Identifier: MIT
   A plugin that needs a DLL which is not in System32. */
#include "plugins/plugin.h"

__declspec(dllimport) int beside_answer(void);

PLUGIN_SPOILT("needs-beside", handler.max_input = (uint32_t)beside_answer())
