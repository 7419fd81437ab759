/* SPDX-License-Identifier: MIT
   Signatures and version resources, see image_info.h; wintrust.dll and version.dll are loaded when they are needed. */
#include "diagnosis/image_info.h"

#include <string.h>

#include "base/memory.h"
#include "base/system_library.h"
#include "base/utf16.h"

enum { IMAGE_HASH_MAX = 64, IMAGE_VERSION_MAX = 1048576, IMAGE_COMPANY_MAX = 256 };

struct trust {
    HMODULE library;
    LONG(WINAPI *verify)(HWND window, GUID *action, LPVOID data);
    BOOL(WINAPI *acquire)
    (HCATADMIN *admin, const GUID *system, PCWSTR hash, const CERT_STRONG_SIGN_PARA *policy, DWORD flags);
    BOOL(WINAPI *hash)(HCATADMIN admin, HANDLE file, DWORD *size, BYTE *hash, DWORD flags);
    HCATINFO(WINAPI *find)(HCATADMIN admin, BYTE *hash, DWORD size, DWORD flags, HCATINFO *before);
    BOOL(WINAPI *describe)(HCATINFO catalog, CATALOG_INFO *information, DWORD flags);
    BOOL(WINAPI *release_catalog)(HCATADMIN admin, HCATINFO catalog, DWORD flags);
    BOOL(WINAPI *release)(HCATADMIN admin, DWORD flags);
};

/* WINTRUST_CATALOG_INFO as it is since Windows 8; not every header has its last member. */
struct trust_member {
    DWORD size, version;
    LPCWSTR catalog, tag, path;
    HANDLE file;
    BYTE *hash;
    DWORD hash_size;
    PCCTL_CONTEXT context;
    HCATADMIN admin; /* which kind of hash it is */
};

static bool trust__load(struct trust *trust)
{
    const struct system_function functions[] = {
        {"WinVerifyTrust", &trust->verify},
        {"CryptCATAdminAcquireContext2", &trust->acquire},
        {"CryptCATAdminCalcHashFromFileHandle2", &trust->hash},
        {"CryptCATAdminEnumCatalogFromHash", &trust->find},
        {"CryptCATCatalogInfoFromContext", &trust->describe},
        {"CryptCATAdminReleaseCatalogContext", &trust->release_catalog},
        {"CryptCATAdminReleaseContext", &trust->release},
    };
    trust->library = system_library_load(L"wintrust.dll", functions, sizeof functions / sizeof functions[0]);
    return trust->library != NULL;
}

/* ---- Signatures ---- */

static LONG trust__verify(const struct trust *trust, WINTRUST_DATA *data)
{
    GUID action = WINTRUST_ACTION_GENERIC_VERIFY_V2;
    data->cbStruct = sizeof *data;
    data->dwUIChoice = WTD_UI_NONE;
    data->fdwRevocationChecks = WTD_REVOKE_NONE;
    data->dwStateAction = WTD_STATEACTION_VERIFY;
    data->dwProvFlags = WTD_CACHE_ONLY_URL_RETRIEVAL | WTD_REVOCATION_CHECK_NONE;
    const LONG status = trust->verify(INVALID_HANDLE_VALUE, &action, data);
    data->dwStateAction = WTD_STATEACTION_CLOSE;
    trust->verify(INVALID_HANDLE_VALUE, &action, data);
    return status;
}

static LONG trust__verify_file(const struct trust *trust, const WCHAR *path, HANDLE file)
{
    WINTRUST_FILE_INFO information = {.cbStruct = sizeof information, .pcwszFilePath = path, .hFile = file};
    WINTRUST_DATA data = {.dwUnionChoice = WTD_CHOICE_FILE, .pFile = &information};
    return trust__verify(trust, &data);
}

/* What a catalog calls its members: their hashes in hexadecimal digits. */
static void trust__tag(const BYTE *hash, DWORD size, WCHAR tag[IMAGE_HASH_MAX * 2 + 1])
{
    static const WCHAR digits[] = L"0123456789ABCDEF";
    for (DWORD i = 0; i < size; i++) {
        tag[i * 2] = digits[hash[i] >> 4];
        tag[i * 2 + 1] = digits[hash[i] & 15];
    }
    tag[size * 2] = L'\0';
}

static LONG trust__verify_member(const struct trust *trust, HCATADMIN admin, const WCHAR *path, HANDLE file)
{
    BYTE hash[IMAGE_HASH_MAX];
    WCHAR tag[IMAGE_HASH_MAX * 2 + 1];
    DWORD size = sizeof hash;
    if (!trust->hash(admin, file, &size, hash, 0) || size > sizeof hash) {
        return TRUST_E_PROVIDER_UNKNOWN;
    }
    HCATINFO catalog = trust->find(admin, hash, size, 0, NULL);
    if (catalog == NULL) {
        return TRUST_E_NOSIGNATURE;
    }
    CATALOG_INFO found = {.cbStruct = sizeof found};
    LONG status = TRUST_E_PROVIDER_UNKNOWN;
    if (trust->describe(catalog, &found, 0)) {
        trust__tag(hash, size, tag);
        struct trust_member member = {.size = sizeof member,
                                      .catalog = found.wszCatalogFile,
                                      .tag = tag,
                                      .path = path,
                                      .file = file,
                                      .hash = hash,
                                      .hash_size = size,
                                      .admin = admin};
        WINTRUST_DATA data = {.dwUnionChoice = WTD_CHOICE_CATALOG, .pCatalog = (void *)&member};
        status = trust__verify(trust, &data);
    }
    trust->release_catalog(admin, catalog, 0);
    return status;
}

static LONG trust__verify_by_catalog(const struct trust *trust, const WCHAR *path, HANDLE file)
{
    HCATADMIN admin = NULL;
    if (!trust->acquire(&admin, NULL, L"SHA256", NULL, 0)) {
        return TRUST_E_PROVIDER_UNKNOWN;
    }
    const LONG status = trust__verify_member(trust, admin, path, file);
    trust->release(admin, 0);
    return status;
}

static enum image_signature trust__conclude(LONG status, enum image_signature good)
{
    switch ((DWORD)status) {
    case ERROR_SUCCESS:
        return good;
    case (DWORD)TRUST_E_NOSIGNATURE:
    case (DWORD)TRUST_E_SUBJECT_FORM_UNKNOWN: /* no program at all */
        return IMAGE_UNSIGNED;
    case (DWORD)CERT_E_UNTRUSTEDROOT:
    case (DWORD)CERT_E_CHAINING:
        return IMAGE_UNTRUSTED;
    case (DWORD)TRUST_E_PROVIDER_UNKNOWN:
    case (DWORD)TRUST_E_ACTION_UNKNOWN:
        return IMAGE_NOT_KNOWN;
    default:
        return (DWORD)status < 0x80000000 ? IMAGE_NOT_KNOWN : IMAGE_INVALID; /* the file cannot be read */
    }
}

static enum image_signature image_info__judge(const WCHAR *path, HANDLE file)
{
    struct trust trust;
    if (!trust__load(&trust)) {
        return IMAGE_NOT_KNOWN;
    }
    enum image_signature signature = trust__conclude(trust__verify_file(&trust, path, file), IMAGE_SIGNED);
    if (signature == IMAGE_UNSIGNED) {
        signature = trust__conclude(trust__verify_by_catalog(&trust, path, file), IMAGE_SIGNED_BY_CATALOG);
    }
    FreeLibrary(trust.library);
    return signature;
}

enum image_signature image_info_signature(const char *path)
{
    WCHAR *utf16 = utf16_from(path);
    HANDLE file = utf16 != NULL ? CreateFileW(utf16, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                                              OPEN_EXISTING, 0, NULL)
                                : INVALID_HANDLE_VALUE;
    enum image_signature signature = IMAGE_NOT_KNOWN;
    if (file != INVALID_HANDLE_VALUE) {
        signature = image_info__judge(utf16, file);
        CloseHandle(file);
    }
    memory_free(utf16);
    return signature;
}

const char *image_info_signature_name(enum image_signature signature)
{
    static const char *const names[IMAGE_SIGNATURE_COUNT] = {
        [IMAGE_NOT_KNOWN] = "not known",       [IMAGE_SIGNED] = "signed",
        [IMAGE_SIGNED_BY_CATALOG] = "catalog", [IMAGE_UNSIGNED] = "unsigned",
        [IMAGE_UNTRUSTED] = "untrusted",       [IMAGE_INVALID] = "invalid"};
    return names[signature];
}

/* ---- The maker ---- */

struct version {
    HMODULE library;
    DWORD(WINAPI *size)(LPCWSTR file, LPDWORD ignored);
    BOOL(WINAPI *read)(LPCWSTR file, DWORD ignored, DWORD size, LPVOID block);
    BOOL(WINAPI *value)(LPCVOID block, LPCWSTR name, LPVOID *value, PUINT length);
};

static bool version__load(struct version *version)
{
    const struct system_function functions[] = {{"GetFileVersionInfoSizeW", &version->size},
                                                {"GetFileVersionInfoW", &version->read},
                                                {"VerQueryValueW", &version->value}};
    version->library = system_library_load(L"version.dll", functions, sizeof functions / sizeof functions[0]);
    return version->library != NULL;
}

/* The texts of the first language that the file has. */
static void version__add_company(const struct version *version, const void *block, struct text *text)
{
    static const WCHAR digits[] = L"0123456789abcdef";
    WCHAR name[] = L"\\StringFileInfo\\xxxxxxxx\\CompanyName", company[IMAGE_COMPANY_MAX + 1];
    LPVOID value = NULL;
    UINT length = 0;
    WORD language[2];
    if (!version->value(block, L"\\VarFileInfo\\Translation", &value, &length) || length < sizeof language) {
        return;
    }
    memcpy(language, value, sizeof language);
    for (int i = 0; i < 8; i++) {
        name[16 + i] = digits[language[i / 4] >> (12 - i % 4 * 4) & 15];
    }
    if (version->value(block, name, &value, &length) && value != NULL) {
        length = length < IMAGE_COMPANY_MAX ? length : IMAGE_COMPANY_MAX;
        memcpy(company, value, length * sizeof *company);
        company[length] = L'\0';
        utf16_add(text, company);
    }
}

static void version__read(const struct version *version, const WCHAR *path, struct text *text)
{
    DWORD ignored = 0;
    const DWORD size = version->size(path, &ignored);
    void *block = size > 0 && size <= IMAGE_VERSION_MAX ? memory_alloc(size) : NULL;
    if (block != NULL && version->read(path, 0, size, block)) {
        version__add_company(version, block, text);
    }
    memory_free(block);
}

void image_info_add_company(struct text *text, const char *path)
{
    struct version version;
    WCHAR *utf16 = utf16_from(path);
    if (utf16 != NULL && version__load(&version)) {
        version__read(&version, utf16, text);
        FreeLibrary(version.library);
    }
    memory_free(utf16);
}
