/* SPDX-License-Identifier: MIT
   A plugin that does not want to be loaded. */
#include "base/win.h"

#include "plugins/plugin.h"

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID reserved);

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID reserved)
{
    (void)module, (void)reserved;
    return reason != DLL_PROCESS_ATTACH;
}

PLUGIN_SPOILT("refuses", (void)handler)
