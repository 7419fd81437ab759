/* SPDX-License-Identifier: MIT
   Tests of base/file_holder.h. The Restart Manager is a fake here: Wine's knows no process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/file_holder.h"
#include "support/seam.h"
#include "support/support.h"

static struct {
    DWORD errors[3]; /* of the start of a session, the registration, the list */
    const char *missing;
    RM_PROCESS_INFO holders[2];
    UINT count;
    int open_sessions, asked;
    WCHAR path[64];
} manager;

static DWORD WINAPI start_session(DWORD *session, DWORD flags, WCHAR *key)
{
    if (manager.errors[0] == ERROR_SUCCESS) {
        manager.open_sessions++;
    }
    *session = 77;
    key[CCH_RM_SESSION_KEY] = L'\0'; /* there must be room for it */
    return flags == 0 ? manager.errors[0] : ERROR_BAD_ARGUMENTS;
}

static DWORD WINAPI register_resources(DWORD session, UINT file_count, LPCWSTR *files, UINT process_count,
                                       RM_UNIQUE_PROCESS *processes, UINT service_count, LPCWSTR *services)
{
    if (session != 77 || file_count != 1 || process_count + service_count != 0 || processes != NULL ||
        services != NULL) {
        return ERROR_BAD_ARGUMENTS;
    }
    wcscpy(manager.path, files[0]);
    return manager.errors[1];
}

static DWORD WINAPI get_list(DWORD session, UINT *needed, UINT *count, RM_PROCESS_INFO *holders,
                             LPDWORD reasons)
{
    manager.asked++;
    *reasons = 0;
    *needed = manager.count;
    if (session != 77 || *count < manager.count) {
        return ERROR_MORE_DATA;
    }
    memcpy(holders, manager.holders, manager.count * sizeof holders[0]);
    *count = manager.count;
    return manager.errors[2];
}

static DWORD WINAPI end_session(DWORD session)
{
    manager.open_sessions--;
    return session == 77 ? ERROR_SUCCESS : ERROR_INVALID_HANDLE;
}

static FARPROC WINAPI find_function(HMODULE library, LPCSTR name)
{
    static const struct {
        const char *name;
        FARPROC function;
    } functions[] = {{"RmStartSession", (FARPROC)(void (*)(void))start_session},
                     {"RmRegisterResources", (FARPROC)(void (*)(void))register_resources},
                     {"RmGetList", (FARPROC)(void (*)(void))get_list},
                     {"RmEndSession", (FARPROC)(void (*)(void))end_session}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strcmp(functions[i].name, name) == 0) {
            return manager.missing != NULL && strcmp(manager.missing, name) == 0 ? NULL
                                                                                 : functions[i].function;
        }
    }
    return SEAM_REAL(GetProcAddress)(library, name);
}

static WCHAR loaded[64];
static DWORD load_flags;

static HMODULE WINAPI load_library(LPCWSTR path, HANDLE file, DWORD flags)
{
    wcscpy(loaded, path);
    load_flags = flags;
    return SEAM_REAL(LoadLibraryExW)(L"kernel32.dll", file, flags);
}

static int setup(void **state)
{
    memset(&manager, 0, sizeof manager);
    const int result = support_setup(state);
    seam_replace(IMPORT_LoadLibraryExW, (seam_function)load_library);
    seam_replace(IMPORT_GetProcAddress, (seam_function)find_function);
    return result;
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, support_teardown)

static void add_holder(const WCHAR *name, DWORD process, const WCHAR *service)
{
    RM_PROCESS_INFO *holder = &manager.holders[manager.count++];
    wcscpy(holder->strAppName, name);
    wcscpy(holder->strServiceShortName, service);
    holder->Process.dwProcessId = process;
}

static void assert_says(const char *expected)
{
    char room[256];
    struct text text;
    text_init(&text, room, sizeof room);
    assert_int_equal(file_holder_add(&text, L"C:\\logs\\a.log"), expected[0] != '\0');
    assert_string_equal(text.at, expected);
    assert_int_equal(manager.open_sessions, 0);
}

static void test_file_holder__names_who_has_it(void **state)
{
    (void)state;
    add_holder(L"Notepad", 1234, L"");
    assert_says("Notepad (process 1234)");
    assert_int_equal(wcscmp(manager.path, L"C:\\logs\\a.log"), 0);
    assert_int_equal(wcscmp(loaded, L"rstrtmgr.dll"), 0);
    assert_int_equal(load_flags, LOAD_LIBRARY_SEARCH_SYSTEM32);
    manager.count = 0;
    add_holder(L"caf\x00E9", 5, L"PortListener");
    assert_says("caf\xC3\xA9 (process 5, service PortListener)");
    add_holder(L"other", 6, L"");
    assert_says("caf\xC3\xA9 (process 5, service PortListener) and 1 more");
}

static void test_file_holder__says_nothing_where_it_cannot_know(void **state)
{
    (void)state;
    static const char *const names[] = {"RmStartSession", "RmRegisterResources", "RmGetList", "RmEndSession"};
    assert_says(""); /* nobody */
    assert_int_equal(manager.asked, 1);
    add_holder(L"Notepad", 1234, L"");
    for (size_t i = 0; i < 3; i++) {
        manager.errors[i] = ERROR_ACCESS_DENIED;
        assert_says("");
        manager.errors[i] = ERROR_SUCCESS;
    }
    for (size_t i = 0; i < 4; i++) {
        manager.missing = names[i];
        assert_says("");
    }
}

static HMODULE WINAPI load_nothing(LPCWSTR path, HANDLE file, DWORD flags)
{
    (void)path, (void)file, (void)flags;
    SetLastError(ERROR_MOD_NOT_FOUND);
    return NULL;
}

static void test_file_holder__does_without_the_restart_manager(void **state)
{
    (void)state;
    seam_replace(IMPORT_LoadLibraryExW, (seam_function)load_nothing);
    add_holder(L"Notepad", 1234, L"");
    assert_says("");
}

/* The real one, such as it is here. */
static void test_file_holder__asks_the_system(void **state)
{
    (void)state;
    char room[1024];
    struct text text;
    WCHAR path[MAX_PATH];
    seam_restore();
    assert_true(GetModuleFileNameW(NULL, path, MAX_PATH) > 0);
    text_init(&text, room, sizeof room);
    assert_int_equal(file_holder_add(&text, path), text.length > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_file_holder__names_who_has_it),
        test(test_file_holder__says_nothing_where_it_cannot_know),
        test(test_file_holder__does_without_the_restart_manager),
        test(test_file_holder__asks_the_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
