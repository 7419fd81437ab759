/* SPDX-License-Identifier: MIT */
#include "trust.h"

#include "base/win.h"

static bool trust__is_wine(void)
{
    return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL;
}

enum config_trust trust_wanted(bool is_service)
{
    if (trust__is_wine()) {
        return CONFIG_TRUST_ANYBODY;
    }
    return is_service ? CONFIG_TRUST_ADMINISTRATORS : CONFIG_TRUST_WARN;
}
