/* SPDX-License-Identifier: MIT
   Tests of diagnosis/image_info.h: what WinVerifyTrust, the catalogs and the version resource answer is recorded. At the
   end, the system at hand: Wine has nothing that is signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "diagnosis/image_info.h"
#include "support/fault.h"
#include "support/seam.h"
#include "support/support.h"

static struct {
    LONG file, catalog; /* what is said of the file itself, and by the catalog */
    bool has_catalog, is_refused[4];
    const char *missing;
    int open; /* states, contexts, catalogs */
    WCHAR tag[160];
    DWORD version_size;
    bool has_language, has_company;
} world;

static LONG WINAPI verify(HWND window, GUID *action, LPVOID at)
{
    static const GUID generic = WINTRUST_ACTION_GENERIC_VERIFY_V2;
    const WINTRUST_DATA *data = at;
    if (window != INVALID_HANDLE_VALUE || memcmp(action, &generic, sizeof generic) != 0 ||
        data->dwUIChoice != WTD_UI_NONE || (data->dwProvFlags & WTD_CACHE_ONLY_URL_RETRIEVAL) == 0) {
        return E_INVALIDARG;
    }
    world.open += data->dwStateAction == WTD_STATEACTION_VERIFY ? 1 : -1;
    if (data->dwUnionChoice == WTD_CHOICE_CATALOG) {
        wcscpy(world.tag, data->pCatalog->pcwszMemberTag);
        return world.catalog;
    }
    return world.file;
}

static BOOL WINAPI acquire(HCATADMIN *admin, const GUID *system, PCWSTR hash,
                           const CERT_STRONG_SIGN_PARA *policy, DWORD flags)
{
    (void)system, (void)policy, (void)flags;
    world.open += !world.is_refused[0];
    *admin = (HCATADMIN)(uintptr_t)1;
    return !world.is_refused[0] && wcscmp(hash, L"SHA256") == 0;
}

static BOOL WINAPI make_hash(HCATADMIN admin, HANDLE file, DWORD *size, BYTE *hash, DWORD flags)
{
    (void)admin, (void)flags;
    if (world.is_refused[1] || file == NULL || *size < 32) {
        return FALSE;
    }
    for (BYTE i = 0; i < 32; i++) {
        hash[i] = (BYTE)(i * 8);
    }
    *size = 32;
    return TRUE;
}

/* The signature is CryptCATAdminEnumCatalogFromHash's. NOLINTNEXTLINE(readability-non-const-parameter) */
static HCATINFO WINAPI find_catalog(HCATADMIN admin, BYTE *hash, DWORD size, DWORD flags, HCATINFO *before)
{
    (void)admin, (void)hash, (void)size, (void)flags, (void)before;
    world.open += world.has_catalog;
    return world.has_catalog ? (HCATINFO)(uintptr_t)2 : NULL;
}

static BOOL WINAPI describe(HCATINFO catalog, CATALOG_INFO *information, DWORD flags)
{
    (void)catalog, (void)flags;
    wcscpy(information->wszCatalogFile, L"C:\\a.cat");
    return !world.is_refused[2];
}

static BOOL WINAPI release_catalog(HCATADMIN admin, HCATINFO catalog, DWORD flags)
{
    (void)admin, (void)catalog, (void)flags;
    world.open--;
    return TRUE;
}

static BOOL WINAPI release(HCATADMIN admin, DWORD flags)
{
    (void)admin, (void)flags;
    world.open--;
    return TRUE;
}

static DWORD WINAPI version_size(LPCWSTR file, LPDWORD ignored)
{
    (void)file;
    *ignored = 0;
    return world.version_size;
}

static BOOL WINAPI version_read(LPCWSTR file, DWORD ignored, DWORD size, LPVOID block)
{
    (void)file, (void)ignored;
    memset(block, 0, size);
    return !world.is_refused[3];
}

static BOOL WINAPI version_value(LPCVOID block, LPCWSTR name, LPVOID *value, PUINT length)
{
    static WORD languages[] = {0x0409, 0x04B0, 0x0407, 0x04B0};
    static WCHAR company[] = L"M\x00FCller GmbH";
    (void)block;
    if (wcscmp(name, L"\\VarFileInfo\\Translation") == 0) {
        *value = languages;
        *length = sizeof languages;
        return world.has_language;
    }
    *value = company;
    *length = sizeof company / sizeof company[0];
    return world.has_company && wcscmp(name, L"\\StringFileInfo\\040904b0\\CompanyName") == 0;
}

static FARPROC WINAPI find_function(HMODULE library, LPCSTR name)
{
    static const struct {
        const char *name;
        FARPROC function;
    } functions[] = {{"WinVerifyTrust", (FARPROC)(void (*)(void))verify},
                     {"CryptCATAdminAcquireContext2", (FARPROC)(void (*)(void))acquire},
                     {"CryptCATAdminCalcHashFromFileHandle2", (FARPROC)(void (*)(void))make_hash},
                     {"CryptCATAdminEnumCatalogFromHash", (FARPROC)(void (*)(void))find_catalog},
                     {"CryptCATCatalogInfoFromContext", (FARPROC)(void (*)(void))describe},
                     {"CryptCATAdminReleaseCatalogContext", (FARPROC)(void (*)(void))release_catalog},
                     {"CryptCATAdminReleaseContext", (FARPROC)(void (*)(void))release},
                     {"GetFileVersionInfoSizeW", (FARPROC)(void (*)(void))version_size},
                     {"GetFileVersionInfoW", (FARPROC)(void (*)(void))version_read},
                     {"VerQueryValueW", (FARPROC)(void (*)(void))version_value}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strcmp(functions[i].name, name) == 0) {
            return world.missing != NULL && strcmp(world.missing, name) == 0 ? NULL : functions[i].function;
        }
    }
    return SEAM_REAL(GetProcAddress)(library, name);
}

static char *own_path;

static int setup(void **state)
{
    WCHAR path[MAX_PATH];
    memset(&world, 0, sizeof world);
    const int result = support_setup(state);
    assert_true(GetModuleFileNameW(NULL, path, MAX_PATH) > 0);
    own_path = utf16_to_utf8(path);
    seam_replace(IMPORT_GetProcAddress, (seam_function)find_function);
    return result;
}

static int teardown(void **state)
{
    memory_free(own_path);
    return support_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void test_image_info__has_a_word_for_each_outcome(void **state)
{
    (void)state;
    static const struct {
        LONG file, catalog;
        bool has_catalog;
        enum image_signature signature;
        const char *name;
    } rows[] = {
        {0, 0, false, IMAGE_SIGNED, "signed"},
        {TRUST_E_NOSIGNATURE, 0, true, IMAGE_SIGNED_BY_CATALOG, "catalog"},
        {TRUST_E_NOSIGNATURE, 0, false, IMAGE_UNSIGNED, "unsigned"},
        {TRUST_E_NOSIGNATURE, TRUST_E_NOSIGNATURE, true, IMAGE_UNSIGNED, "unsigned"},
        {TRUST_E_NOSIGNATURE, TRUST_E_BAD_DIGEST, true, IMAGE_INVALID, "invalid"},
        {TRUST_E_SUBJECT_FORM_UNKNOWN, 0, false, IMAGE_UNSIGNED, "unsigned"},
        {TRUST_E_BAD_DIGEST, 0, true, IMAGE_INVALID, "invalid"},
        {CERT_E_EXPIRED, 0, true, IMAGE_INVALID, "invalid"},
        {CERT_E_UNTRUSTEDROOT, 0, true, IMAGE_UNTRUSTED, "untrusted"},
        {CERT_E_CHAINING, 0, true, IMAGE_UNTRUSTED, "untrusted"},
        {TRUST_E_PROVIDER_UNKNOWN, 0, true, IMAGE_NOT_KNOWN, "not known"},
        {ERROR_SHARING_VIOLATION, 0, true, IMAGE_NOT_KNOWN, "not known"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world.file = rows[i].file;
        world.catalog = rows[i].catalog;
        world.has_catalog = rows[i].has_catalog;
        const enum image_signature signature = image_info_signature(own_path);
        assert_int_equal(signature, rows[i].signature);
        assert_string_equal(image_info_signature_name(signature), rows[i].name);
        assert_int_equal(world.open, 0);
    }
    assert_int_equal(wcscmp(world.tag, L"0008101820283038404850586068707880889098A0A8B0B8C0C8D0D8E0E8F0F8"),
                     0);
}

static void test_image_info__knows_nothing_where_a_step_fails(void **state)
{
    (void)state;
    static const char *const names[] = {"WinVerifyTrust", "CryptCATAdminReleaseContext"};
    world.file = TRUST_E_NOSIGNATURE;
    world.has_catalog = true;
    for (size_t i = 0; i < 3; i++) {
        world.is_refused[i] = true;
        assert_int_equal(image_info_signature(own_path), IMAGE_NOT_KNOWN);
        assert_int_equal(world.open, 0);
        world.is_refused[i] = false;
    }
    for (size_t i = 0; i < 2; i++) {
        world.missing = names[i];
        assert_int_equal(image_info_signature(own_path), IMAGE_NOT_KNOWN);
    }
    world.missing = NULL;
    assert_int_equal(image_info_signature("C:\\no such file.exe"), IMAGE_NOT_KNOWN);
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_int_equal(image_info_signature(own_path), IMAGE_NOT_KNOWN);
}

static const char *company(void)
{
    static char room[64];
    struct text text;
    text_init(&text, room, sizeof room);
    image_info_add_company(&text, own_path);
    return text.at;
}

static void test_image_info__tells_what_the_file_says_of_its_maker(void **state)
{
    (void)state;
    world.version_size = 1000;
    world.has_language = world.has_company = true;
    assert_string_equal(company(), "M\xC3\xBCller GmbH");
    world.has_company = false;
    assert_string_equal(company(), "");
    world.has_language = false;
    assert_string_equal(company(), "");
    world.has_language = world.has_company = world.is_refused[3] = true;
    assert_string_equal(company(), "");
    world.is_refused[3] = false;
    world.version_size = 0x7FFFFFFF;
    assert_string_equal(company(), "");
    world.version_size = 0;
    assert_string_equal(company(), "");
    world.missing = "VerQueryValueW";
    assert_string_equal(company(), "");
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_string_equal(company(), "");
}

static void test_image_info__asks_this_system(void **state)
{
    (void)state;
    seam_restore();
    const enum image_signature signature = image_info_signature(own_path);
    assert_true(signature == IMAGE_UNSIGNED || signature == IMAGE_NOT_KNOWN);
    if (signature == IMAGE_NOT_KNOWN) {
        print_message("SKIP: this Wine has no catalogs\n");
    }
    assert_string_equal(company(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_image_info__has_a_word_for_each_outcome),
        test(test_image_info__knows_nothing_where_a_step_fails),
        test(test_image_info__tells_what_the_file_says_of_its_maker),
        test(test_image_info__asks_this_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
