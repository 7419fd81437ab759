/* SPDX-License-Identifier: MIT
   Tests of base/system_library.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/system_library.h"
#include "support/fault.h"
#include "support/seam.h"
#include "support/support.h"

static DWORD(WINAPI *size_of)(LPCWSTR file, LPDWORD handle);
static BOOL(WINAPI *value_of)(LPCVOID block, LPCWSTR name, LPVOID *value, PUINT length);
static const struct system_function functions[] = {{"GetFileVersionInfoSizeW", &size_of},
                                                   {"VerQueryValueW", &value_of}};

static DWORD load_flags;

static HMODULE WINAPI load(LPCWSTR path, HANDLE file, DWORD flags)
{
    load_flags = flags;
    return SEAM_REAL(LoadLibraryExW)(path, file, flags);
}

static void test_system_library__has_what_was_asked_for(void **state)
{
    DWORD ignored = 0;
    (void)state;
    seam_replace(IMPORT_LoadLibraryExW, (seam_function)load);
    const HMODULE library = system_library_load(L"version.dll", functions, 2);
    assert_non_null(library);
    assert_int_equal(load_flags, LOAD_LIBRARY_SEARCH_SYSTEM32);
    size_of(L"version.dll", &ignored);
    assert_non_null(value_of);
    FreeLibrary(library);
}

static void test_system_library__is_all_or_nothing(void **state)
{
    (void)state;
    for (uint32_t nth = 1; nth <= 2; nth++) {
        fault_arm(IMPORT_GetProcAddress, nth, ERROR_PROC_NOT_FOUND, 1);
        assert_null(
            system_library_load(L"version.dll", functions, 2)); /* and nothing stays loaded: the ledger */
    }
    assert_null(system_library_load(L"no-such-library.dll", functions, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_system_library__has_what_was_asked_for),
        support_test(test_system_library__is_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
