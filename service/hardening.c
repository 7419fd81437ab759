/* SPDX-License-Identifier: MIT
   Calls of Windows that can only take rights away, see hardening.h. */
#include "hardening.h"

#include "base/win.h"

/* By number, for older headers lack the later ones. What is not here, and why, stands in docs/security.md. */
static const struct hardening_policy hardening__policies[] = {
    {1, 2, "ProcessASLRPolicy", "EnableForceRelocateImages",
     "a plugin or DLL that was linked without ASLR is moved all the same"},
    {6, 1, "ProcessExtensionPointDisablePolicy", "DisableExtensionPoints",
     "no code of window hooks, AppInit DLLs or input methods comes into the process"},
    {9, 1, "ProcessFontDisablePolicy", "DisableNonSystemFonts", "the program draws nothing"},
    {10, 7, "ProcessImageLoadPolicy", "NoRemoteImages, NoLowMandatoryLabelImages, PreferSystem32Images",
     "plugins are copied to a local folder that only trusted accounts write to, and all else is in System32"},
};

typedef BOOL(WINAPI *hardening_set)(int policy, void *flags, SIZE_T size);
typedef BOOL(WINAPI *hardening_get)(HANDLE process, int policy, void *flags, SIZE_T size);

const struct hardening_policy *hardening_policy_at(size_t index)
{
    return index < sizeof hardening__policies / sizeof hardening__policies[0] ? &hardening__policies[index]
                                                                              : NULL;
}

/* Of kernel32; NULL: this Windows does not have it. */
static FARPROC hardening__find(const char *name)
{
    const HMODULE kernel = GetModuleHandleW(L"kernel32.dll");
    return kernel != NULL ? GetProcAddress(kernel, name) : NULL;
}

void hardening_apply(void)
{
    SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32); /* before anything is loaded at run time */
    SetErrorMode(SEM_FAILCRITICALERRORS); /* an error is returned, not shown in a box that nobody sees */
    HeapSetInformation(NULL, HeapEnableTerminationOnCorruption, NULL, 0);
    const hardening_set set = (hardening_set)(void (*)(void))hardening__find("SetProcessMitigationPolicy");
    const struct hardening_policy *row = NULL;
    for (size_t i = 0; set != NULL && (row = hardening_policy_at(i)) != NULL; i++) {
        uint32_t flags = row->flags;
        set(row->policy, &flags, sizeof flags); /* refused by a Windows that does not know it */
    }
}

size_t hardening_add_missing(struct text *text)
{
    const hardening_get get = (hardening_get)(void (*)(void))hardening__find("GetProcessMitigationPolicy");
    const struct hardening_policy *row = NULL;
    size_t count = 0;
    for (size_t i = 0; (row = hardening_policy_at(i)) != NULL; i++) {
        uint32_t flags = 0;
        if (get == NULL || !get(GetCurrentProcess(), row->policy, &flags, sizeof flags) ||
            (flags & row->flags) != row->flags) {
            text_add_format(text, "%s%s", count > 0 ? ", " : "", row->name);
            count++;
        }
    }
    return count;
}
