/* SPDX-License-Identifier: MIT
   Random bytes, see entropy.h. RtlGenRandom of advapi32, which the program imports anyway; it has a name of its own
   there and no import library, so it is looked up. */
#include "base/entropy.h"

#include <string.h>

#include "base/win.h"

typedef BOOLEAN(WINAPI *entropy_function)(void *at, ULONG length);

static entropy_function entropy__find(void)
{
    const FARPROC found = GetProcAddress(GetModuleHandleW(L"advapi32.dll"), "SystemFunction036");
    entropy_function function = NULL;
    memcpy(&function, &found, sizeof function);
    return function;
}

bool entropy_fill(void *at, uint32_t length)
{
    const entropy_function fill = entropy__find();
    if (fill == NULL) {
        return false;
    }
    if (!fill(at, length)) {
        SetLastError(ERROR_GEN_FAILURE); /* it gives no reason */
        return false;
    }
    return true;
}
