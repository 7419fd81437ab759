/* SPDX-License-Identifier: MIT
   A plugin that pauses reading from a thread of its own. */
#include "plugins/hostile.h"

#include "base/win.h"

static DWORD WINAPI run(void *what)
{
    host->read(host, *(pl_id *)what, 0);
    return 0;
}

static int32_t on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    (void)state, (void)user, (void)info;
    HANDLE thread = CreateThread(NULL, 0, run, &id, 0, NULL);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    return 0;
}

HOSTILE("wrong-thread", on_open)
