/* SPDX-License-Identifier: MIT
   Who has a file open, see file_holder.h. The Restart Manager is loaded when it is needed, from System32; without it
   messages only say less. */
#include "base/file_holder.h"

#include <string.h>

#include "base/utf16.h"

enum { HOLDERS_MAX = 4 };

struct restart_manager {
    HMODULE library;
    DWORD(WINAPI *start_session)(DWORD *session_out, DWORD flags, WCHAR *key_out);
    DWORD(WINAPI *register_resources)
    (DWORD session, UINT file_count, LPCWSTR *files, UINT process_count, RM_UNIQUE_PROCESS *processes,
     UINT service_count, LPCWSTR *services);
    DWORD(WINAPI *get_list)
    (DWORD session, UINT *needed_out, UINT *room_and_count, RM_PROCESS_INFO *processes_out,
     LPDWORD reboot_reasons_out);
    DWORD(WINAPI *end_session)(DWORD session);
};

/* Through a pointer to no particular function, which every function pointer may be converted to and from. */
static bool restart_manager__find(const struct restart_manager *manager, const char *name, void *function_out)
{
    const FARPROC found = GetProcAddress(manager->library, name);
    memcpy(function_out, &found, sizeof found);
    return found != NULL;
}

static bool restart_manager__load(struct restart_manager *manager)
{
    manager->library = LoadLibraryExW(L"rstrtmgr.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (manager->library == NULL) {
        return false;
    }
    if (restart_manager__find(manager, "RmStartSession", &manager->start_session) &&
        restart_manager__find(manager, "RmRegisterResources", &manager->register_resources) &&
        restart_manager__find(manager, "RmGetList", &manager->get_list) &&
        restart_manager__find(manager, "RmEndSession", &manager->end_session)) {
        return true;
    }
    FreeLibrary(manager->library);
    return false;
}

/* How many have the file open; at most HOLDERS_MAX are filled in. */
static UINT restart_manager__ask(const struct restart_manager *manager, const WCHAR *path,
                                 RM_PROCESS_INFO holders_out[HOLDERS_MAX])
{
    WCHAR key[CCH_RM_SESSION_KEY + 1] = L"";
    DWORD session = 0, reasons = 0;
    UINT needed = 0, count = HOLDERS_MAX;
    if (manager->start_session(&session, 0, key) != ERROR_SUCCESS) {
        return 0;
    }
    DWORD error = manager->register_resources(session, 1, &path, 0, NULL, 0, NULL);
    if (error == ERROR_SUCCESS) {
        error = manager->get_list(session, &needed, &count, holders_out, &reasons);
    }
    manager->end_session(session);
    return error == ERROR_SUCCESS ? count : 0; /* ERROR_MORE_DATA does not say how many were filled in */
}

bool file_holder_add(struct text *text, const WCHAR *path)
{
    struct restart_manager manager;
    RM_PROCESS_INFO holders[HOLDERS_MAX];
    if (!restart_manager__load(&manager)) {
        return false;
    }
    const UINT count = restart_manager__ask(&manager, path, holders);
    FreeLibrary(manager.library);
    if (count == 0) {
        return false;
    }
    utf16_add(text, holders[0].strAppName);
    text_add_format(text, " (process %lu", holders[0].Process.dwProcessId);
    if (holders[0].strServiceShortName[0] != L'\0') {
        text_add_string(text, ", service ");
        utf16_add(text, holders[0].strServiceShortName);
    }
    text_add_string(text, ")");
    if (count > 1) {
        text_add_format(text, " and %u more", count - 1);
    }
    return true;
}
