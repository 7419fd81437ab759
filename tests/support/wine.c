/* SPDX-License-Identifier: MIT
   Wine's own name for itself, see wine.h. */
#include "support/wine.h"

#include <stdlib.h>
#include <string.h>

#include "base/win.h"

bool wine_is_before(unsigned long version)
{
    const char *(*get_version)(void) = NULL;
    const FARPROC found = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version");
    memcpy((void *)&get_version, &found, sizeof found);
    return get_version != NULL && strtoul(get_version(), NULL, 10) < version;
}
