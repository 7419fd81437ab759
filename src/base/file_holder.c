/* SPDX-License-Identifier: MIT
   Who has a file open, see file_holder.h. The Restart Manager is loaded when it is needed, from System32; without it
   messages only say less. */
#include "base/file_holder.h"

#include "base/system_library.h"
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

static bool restart_manager__load(struct restart_manager *manager)
{
    const struct system_function functions[] = {{"RmStartSession", &manager->start_session},
                                                {"RmRegisterResources", &manager->register_resources},
                                                {"RmGetList", &manager->get_list},
                                                {"RmEndSession", &manager->end_session}};
    manager->library =
        system_library_load(L"rstrtmgr.dll", functions, sizeof functions / sizeof functions[0]);
    return manager->library != NULL;
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
