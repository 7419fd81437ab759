/* SPDX-License-Identifier: MIT
   Tests of handler/plugin.h, with the DLLs of tests/plugins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "handler/plugin.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/plugin_folders.h"
#include "support/seam.h"
#include "support/support.h"

static struct plugin_folders folders;

static int setup(void **state)
{
    const int result = support_setup(state);
    plugin_folders_init(&folders);
    plugin_folders_trust();
    return result;
}

static int teardown(void **state)
{
    plugin_folders_fini(&folders);
    return support_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static struct plugin *find(const char *name)
{
    struct failure failure;
    struct plugin *plugin = plugins_find(folders.plugins, name, &failure);
    if (plugin == NULL) {
        fail_msg("%s", failure.text);
    }
    return plugin;
}

static void assert_copies(size_t count)
{
    assert_int_equal(folder_list(&folders.cache), count);
    assert_int_equal(ledger_count(LEDGER_LIBRARY), count);
}

static void test_loads(void **state)
{
    (void)state;
    plugin_folders_put(&folders, "echo", 0);
    plugin_folders_start(&folders, true);
    struct plugin *plugin = find("Echo.DLL");
    assert_string_equal(plugin_handler(plugin)->name, "echo");
    assert_string_equal(plugin_handler(plugin)->summary, "Sends back what it receives.");
    assert_copies(1);
    assert_string_equal(folders.cache.names[0], "echo-1.dll");
    plugin_release(plugin);
    assert_copies(0);
    assert_int_equal(folders.warnings, 0);
}

static void test_the_same_bytes_are_one(void **state)
{
    (void)state;
    plugin_folders_put(&folders, "echo", 0);
    plugin_folders_start(&folders, true);
    struct plugin *first = find("echo.dll");
    struct plugin *second = find("echo.dll");
    assert_ptr_equal(first, second);
    assert_copies(1);
    plugin_hold(first);
    plugin_release(first);
    plugin_release(first);
    assert_copies(1);
    assert_string_equal(plugin_handler(second)->name, "echo");
    plugin_release(second);
    assert_copies(0);
}

static void test_the_file_can_be_replaced(void **state)
{
    (void)state;
    plugin_folders_put(&folders, "echo", 0);
    plugin_folders_start(&folders, true);
    struct plugin *old = find("echo.dll");
    plugin_folders_put(&folders, "echo", 1); /* over the one that is in use */
    struct plugin *new = find("echo.dll");
    assert_ptr_not_equal(old, new);
    assert_ptr_not_equal(plugin_handler(old), plugin_handler(new));
    assert_copies(2);
    plugin_release(old);
    assert_copies(1);
    assert_true(folder_delete(&folders.files, "echo.dll"));
    assert_string_equal(plugin_handler(new)->name, "echo");
    plugin_release(new);
    assert_copies(0);
}

/* Another service, or a command, with the same cache. */
static void test_two_use_one_cache(void **state)
{
    (void)state;
    plugin_folders_put(&folders, "echo", 0);
    folder_write(&folders.cache, "echo-1.dll", "left by a crash", 15);
    plugin_folders_start(&folders, true);
    struct plugins *first = folders.plugins;
    struct plugin *plugin = find("echo.dll");
    plugin_folders_start(&folders, true);
    struct plugin *other = find("echo.dll");
    assert_copies(2);
    assert_string_equal(folders.cache.names[0], "echo-1.dll");
    assert_string_equal(folders.cache.names[1], "echo-2.dll");
    plugin_release(plugin);
    plugins_destroy(first);
    assert_copies(1);
    plugin_release(other);
    plugins_destroy(NULL);
}

static void test_stays_loaded(void **state)
{
    (void)state;
    plugin_folders_put(&folders, "stays", 0);
    plugin_folders_start(&folders, true);
    struct plugin *plugin = find("stays.dll");
    const struct pl_handler *handler = plugin_handler(plugin);
    plugin_release(plugin);
    assert_copies(1);
    plugin = find("stays.dll"); /* the very same again */
    assert_ptr_equal(plugin_handler(plugin), handler);
    plugin_release(plugin);
    plugins_destroy(folders.plugins);
    folders.plugins = NULL;
    assert_copies(1);
    assert_string_equal(handler->name, "stays"); /* its code and data are there still */
    struct ledger_item library;
    assert_int_equal(ledger_leftovers(&library, 1), 1);
    assert_true(FreeLibrary((HMODULE)library.value));
}

/* Part of what is said. */
struct hostile {
    const char *name;
    const char *says;
};

static void test_hostile(void **state)
{
    (void)state;
    static const struct hostile hostile[] = {
        {"no-export", "the DLL does not export portlistener_handler"},
        {"refuses", "its own start (DllMain) has refused: error 1114"},
        {"returns-null", "portlistener_handler returned NULL: return the address of the descriptor"},
        {"wrong-major", "it was built for ABI 77."},
        {"needs-newer", ".900, this program has "},
        {"small-size", "its descriptor has 16 bytes, too few for ABI"},
        {"no-text", "its descriptor lacks a text"},
        {"bad-name", "its name is not 1 to 32 of a-z, 0-9, _ and -: change .name"},
        {"other-name", "it is named \"another\", not \"other-name\": name the file another.dll"},
        {"unknown-flags", "its flags have unknown bits, 0x40000000"},
        {"no-protocol", "it takes neither TCP nor UDP"},
        {"no-callback", "PL_TCP is set and on_data is NULL"},
    };
    plugin_folders_put(&folders, "echo", 0);
    plugin_folders_start(&folders, true);
    struct plugin *echo = find("echo.dll");
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        struct failure failure;
        char file_name[64];
        char begin[FOLDER_PATH_ROOM + 64];
        plugin_folders_put(&folders, hostile[i].name, 0);
        snprintf(file_name, sizeof file_name, "%s.dll", hostile[i].name);
        if (plugins_find(folders.plugins, file_name, &failure) != NULL) {
            fail_msg("%s was taken", file_name);
        }
        snprintf(begin, sizeof begin, "%s\\%s cannot be loaded: ", folders.files.path, file_name);
        if (strstr(failure.text, hostile[i].says) == NULL ||
            strncmp(failure.text, begin, strlen(begin)) != 0) {
            fail_msg("%s: \"%s\" is not \"%s%s\"", file_name, failure.text, begin, hostile[i].says);
        }
        assert_copies(1);
        assert_string_equal(plugin_handler(echo)->name, "echo");
    }
    plugin_release(echo);
    assert_copies(0);
}

static void test_not_trusted(void **state)
{
    (void)state;
    struct failure failure;
    seam_restore(); /* this machine's permissions */
    plugin_folders_put(&folders, "echo", 0);
    plugin_folders_start(&folders, true);
    assert_null(plugins_find(folders.plugins, "echo.dll", &failure));
    assert_int_equal(failure.code, EXIT_CODE_CONFIGURATION);
    assert_non_null(strstr(failure.text, "icacls"));
    assert_int_equal(folders.warnings, 0);
    assert_copies(0);
    plugins_destroy(folders.plugins);
    plugin_folders_start(&folders, false);
    plugin_release(find("echo.dll"));
    assert_int_equal(folders.warnings, 1);
    assert_non_null(strstr(folders.warning, "plugin echo.dll is loaded although it is not safe: "));
    assert_non_null(strstr(folders.warning, "icacls"));
}

static int lacks; /* so many are there before one is missing */

/* The copy fails as often as it is tried, and each DLL that it needs the n-th time. */
static HMODULE WINAPI lack(LPCWSTR path, HANDLE handle, DWORD flags)
{
    if (wcschr(path, L'\\') != NULL || lacks-- == 0) {
        SetLastError(ERROR_MOD_NOT_FOUND);
        return NULL;
    }
    return SEAM_REAL(LoadLibraryExW)(path, handle, flags);
}

static void test_loader_messages(void **state)
{
    (void)state;
    static const struct {
        DWORD error;
        const char *says;
    } rows[] = {
        {ERROR_PROC_NOT_FOUND, "it needs a function that a DLL of this system does not have: error 127"},
        {ERROR_BAD_EXE_FORMAT, "Windows takes it for damaged: error 193"},
        {ERROR_INVALID_IMAGE_HASH, "a policy of this machine forbids it: error 577"},
        {ERROR_ACCESS_DISABLED_BY_POLICY, "a policy of this machine forbids it: error 1260"},
        {ERROR_SYSTEM_INTEGRITY_POLICY_VIOLATION, "a policy of this machine forbids it: error 4551"},
        {ERROR_NOT_ENOUGH_MEMORY, "Windows cannot load it: error 8"}};
    struct failure failure;
    plugin_folders_put(&folders, "echo", 0);
    plugin_folders_start(&folders, true);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fault_arm(IMPORT_LoadLibraryExW, 1, rows[i].error, 1);
        assert_null(plugins_find(folders.plugins, "echo.dll", &failure));
        if (strstr(failure.text, rows[i].says) == NULL) {
            fail_msg("\"%s\" has no \"%s\"", failure.text, rows[i].says);
        }
        assert_int_equal(failure.win32_error, rows[i].error);
    }
    fault_clear();
    seam_replace(IMPORT_LoadLibraryExW, (seam_function)lack);
    lacks = 0; /* the first one */
    assert_null(plugins_find(folders.plugins, "echo.dll", &failure));
    assert_non_null(
        strstr(failure.text, "echo.dll cannot be loaded: it needs KERNEL32.dll, which is not in System32"));
    lacks = 1000; /* none of them: one lacks another */
    assert_null(plugins_find(folders.plugins, "echo.dll", &failure));
    assert_non_null(strstr(
        failure.text, "echo.dll cannot be loaded: a DLL that it needs lacks another one itself: error 126"));
    seam_restore();
    plugin_folders_trust();
    fault_arm(IMPORT_GetProcAddress, 1, ERROR_PROC_NOT_FOUND, 1);
    assert_null(plugins_find(folders.plugins, "echo.dll", &failure));
    assert_non_null(strstr(failure.text, "its portlistener_handler cannot be found: error 127"));
    assert_copies(0);
}

static struct {
    WCHAR path[FOLDER_PATH_ROOM];
    DWORD flags;
} loaded;

static HMODULE WINAPI note_load(LPCWSTR path, HANDLE handle, DWORD flags)
{
    wcscpy(loaded.path, path);
    loaded.flags = flags;
    return SEAM_REAL(LoadLibraryExW)(path, handle, flags);
}

static void test_loads_the_copy_and_searches_system32_only(void **state)
{
    (void)state;
    WCHAR folder[FOLDER_PATH_ROOM];
    plugin_folders_put(&folders, "echo", 0);
    plugin_folders_start(&folders, true);
    seam_replace(IMPORT_LoadLibraryExW, (seam_function)note_load);
    plugin_release(find("echo.dll"));
    assert_int_equal(loaded.flags, LOAD_LIBRARY_SEARCH_SYSTEM32);
    const int length =
        SEAM_REAL(MultiByteToWideChar)(CP_UTF8, 0, folders.cache.path, -1, folder, FOLDER_PATH_ROOM) - 1;
    assert_true(length > 0);
    assert_int_equal(wcsncmp(loaded.path, folder, (size_t)length), 0);
    assert_int_equal(wcscmp(loaded.path + length, L"\\echo-1.dll"), 0);
}

/* The original in place of the copy: Wine keeps a file for good whose DLL lacks another. What it needs lies beside it and
   beside this program. */
static HMODULE WINAPI load_original(LPCWSTR path, HANDLE handle, DWORD flags)
{
    WCHAR original[MAX_PATH];
    if (wcsstr(path, L"\\needs-beside-1.dll") == NULL) {
        return SEAM_REAL(LoadLibraryExW)(path, handle, flags);
    }
    assert_true(SEAM_REAL(GetModuleFileNameW)(NULL, original, MAX_PATH) > 0);
    wcscpy(wcsrchr(original, L'\\') + 1, L"plugins\\needs-beside.dll");
    return SEAM_REAL(LoadLibraryExW)(original, handle, flags);
}

static void test_needs_a_dll_that_is_not_in_system32(void **state)
{
    (void)state;
    struct failure failure;
    plugin_folders_put(&folders, "needs-beside", 0);
    plugin_folders_start(&folders, true);
    seam_replace(IMPORT_LoadLibraryExW, (seam_function)load_original);
    assert_null(plugins_find(folders.plugins, "needs-beside.dll", &failure));
    if (strstr(
            failure.text,
            "needs-beside.dll cannot be loaded: it needs plugin_beside.dll, which is not in System32, where "
            "alone it is looked for: error 126") == NULL) {
        fail_msg("%s", failure.text);
    }
    assert_copies(0);
}

/* One life, in which a call fails. */
static bool live(bool must_be_trusted)
{
    struct failure failure = {.code = EXIT_CODE_DONE};
    plugin_folders_start(&folders, must_be_trusted);
    if (folders.plugins == NULL) {
        return false;
    }
    struct plugin *plugin = plugins_find(folders.plugins, "echo.dll", &failure);
    struct plugin *again = plugin != NULL ? plugins_find(folders.plugins, "echo.dll", &failure) : NULL;
    const bool is_loaded = again != NULL;
    if (plugin == NULL) {
        assert_true(failure.code != EXIT_CODE_DONE);
        assert_true(failure.text[0] != '\0');
    }
    if (again != NULL) {
        plugin_release(again);
    }
    if (plugin != NULL) {
        plugin_release(plugin);
    }
    plugins_destroy(folders.plugins);
    folders.plugins = NULL;
    return is_loaded;
}

static void test_any_call_may_fail(void **state)
{
    (void)state;
    static const enum import imports[] = {
        IMPORT_HeapAlloc,        IMPORT_HeapReAlloc,    IMPORT_CreateFileW,
        IMPORT_GetFileType,      IMPORT_GetFileSizeEx,  IMPORT_GetFileInformationByHandleEx,
        IMPORT_ReadFile,         IMPORT_WriteFile,      IMPORT_GetFinalPathNameByHandleW,
        IMPORT_GetSecurityInfo,  IMPORT_DeleteFileW,    IMPORT_MultiByteToWideChar,
        IMPORT_LoadLibraryExW,   IMPORT_GetProcAddress, IMPORT_WideCharToMultiByte,
        IMPORT_FindFirstFileW,   IMPORT_FindNextFileW,  IMPORT_LookupAccountSidW,
        IMPORT_CreateDirectoryW, IMPORT_FormatMessageW};
    plugin_folders_put(&folders, "echo", 0);
    for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
        DWORD codes[FAULT_CODES] = {0};
        assert_true(fault_codes(imports[i], codes));
        uint32_t hits = 1;
        for (uint32_t nth = 1; hits > 0; nth++) {
            fault_arm(imports[i], nth, codes[nth % FAULT_CODES], 1);
            const bool is_loaded = live(true);
            hits = fault_hits();
            fault_clear();
            assert_true(is_loaded || hits > 0);
            assert_int_equal(ledger_print(), 0);
        }
    }
    assert_true(live(true));
    assert_copies(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_loads),
        test(test_the_same_bytes_are_one),
        test(test_the_file_can_be_replaced),
        test(test_two_use_one_cache),
        test(test_stays_loaded),
        test(test_hostile),
        test(test_not_trusted),
        test(test_loader_messages),
        test(test_loads_the_copy_and_searches_system32_only),
        test(test_needs_a_dll_that_is_not_in_system32),
        test(test_any_call_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
