/* SPDX-License-Identifier: MIT
   A plugin that leaves a handle and much memory with each start. */
#include <string.h>

#include "plugins/plugin.h"

#include "base/win.h"

static HANDLE last;
static void *memory;

static int32_t start(pl_start *start)
{
    (void)start;
    last = CreateEventW(NULL, TRUE, FALSE, NULL);
    memory = VirtualAlloc(NULL, 1024 * 1024, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    memset(memory, 1, 1024 * 1024);
    return 0;
}

PLUGIN_SPOILT("leaks-start", handler.start = start)
