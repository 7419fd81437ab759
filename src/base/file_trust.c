/* SPDX-License-Identifier: MIT
   The rule for files that are trusted, see file_trust.h. */
#include "base/file_trust.h"

#include <stddef.h>
#include <wchar.h>

#include "base/file_access.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/utf16.h"

enum {
    FILE_TRUST_PATH_ROOM = 32768, /* characters: as long as a path can be */
    FILE_TRUST_ROOT = 7           /* characters of \\?\C:\, which is a folder */
};
#define FILE_TRUST_PREFIX L"\\\\?\\"

/* A check under way. */
struct file_trust {
    HANDLE file;
    WCHAR *path;  /* \\?\C:\..., of what is looked at */
    size_t drive; /* characters before the drive letter */
    struct failure *failure_out;
};

/* Returns false, for the caller to pass on. 0 as `error`: the file is at fault. */
static bool file_trust__fail(const struct file_trust *trust, const char *what, DWORD error)
{
    struct text text;
    struct failure *failure = trust->failure_out;
    failure->code = error == 0 ? EXIT_CODE_CONFIGURATION : EXIT_CODE_FAILED;
    failure->win32_error = error;
    text_init(&text, failure->text, sizeof failure->text);
    utf16_add(&text, trust->path + trust->drive);
    text_add_string(&text, what);
    if (error != 0) {
        text_add_string(&text, ": ");
        utf16_add_error(&text, error);
    }
    return false;
}

/* Whether what `handle` has open is no link. */
static bool file_trust__is_itself(const struct file_trust *trust, HANDLE handle)
{
    FILE_ATTRIBUTE_TAG_INFO tag = {0};
    if (!GetFileInformationByHandleEx(handle, FileAttributeTagInfo, &tag, sizeof tag)) {
        return file_trust__fail(trust, " cannot be checked for being a link", GetLastError());
    }
    if ((tag.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
        return file_trust__fail(
            trust,
            " is a link or another reparse point, whose target can change: put the file itself, "
            "on an ordinary disk, in a folder that only administrators can change",
            0);
    }
    return true;
}

static bool file_trust__is_safe(const struct file_trust *trust, HANDLE handle, enum file_access_kind kind)
{
    struct file_access_flaw flaw;
    struct text text;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    const DWORD error =
        GetSecurityInfo(handle, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, NULL,
                        NULL, NULL, NULL, &descriptor);
    if (error != ERROR_SUCCESS) {
        return file_trust__fail(trust, " cannot be checked: its permissions are not to be had", error);
    }
    const bool is_safe = file_access_is_safe(descriptor, kind, &flaw);
    if (!is_safe) {
        trust->failure_out->code = EXIT_CODE_CONFIGURATION;
        trust->failure_out->win32_error = 0;
        text_init(&text, trust->failure_out->text, sizeof trust->failure_out->text);
        file_access_add_flaw(&text, trust->path + trust->drive, kind, &flaw);
    }
    LocalFree(descriptor);
    return is_safe;
}

static bool file_trust__is_folder_safe(const struct file_trust *trust, enum file_access_kind kind)
{
    const HANDLE folder =
        CreateFileW(trust->path, READ_CONTROL | FILE_READ_ATTRIBUTES,
                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                    FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (folder == INVALID_HANDLE_VALUE) {
        return file_trust__fail(
            trust, " cannot be checked: this account needs the right to read that folder's permissions",
            GetLastError());
    }
    const bool is_safe = file_trust__is_itself(trust, folder) && file_trust__is_safe(trust, folder, kind);
    CloseHandle(folder);
    return is_safe;
}

/* Cuts the last name off the path; false: it is a drive's root already. */
static bool file_trust__go_up(struct file_trust *trust)
{
    WCHAR *separator = wcsrchr(trust->path, L'\\');
    if (separator[1] == L'\0') {
        return false;
    }
    separator[separator == trust->path + FILE_TRUST_ROOT - 1] = L'\0';
    return true;
}

/* Links in the path are resolved here, so that the folders are those that the file lies in. */
static bool file_trust__find_path(struct file_trust *trust)
{
    const DWORD length = GetFinalPathNameByHandleW(trust->file, trust->path, FILE_TRUST_PATH_ROOM,
                                                   FILE_NAME_NORMALIZED | VOLUME_NAME_DOS);
    if (length == 0 || length >= FILE_TRUST_PATH_ROOM) {
        const DWORD error = length == 0 ? GetLastError() : ERROR_FILENAME_EXCED_RANGE;
        wcscpy(trust->path, L"the file");
        return file_trust__fail(trust, " cannot be checked: its full path is not to be had", error);
    }
    if (wcsncmp(trust->path, FILE_TRUST_PREFIX, 4) != 0 || length < FILE_TRUST_ROOT ||
        wcsncmp(trust->path + 5, L":\\", 2) != 0) {
        return file_trust__fail(
            trust,
            " is not on a disk of this machine with a drive letter, so that others may govern it: "
            "move it to one",
            0);
    }
    trust->drive = 4;
    return true;
}

static bool file_trust__check(struct file_trust *trust)
{
    enum file_access_kind kind = FILE_ACCESS_FOLDER;
    if (!file_trust__find_path(trust) || !file_trust__is_itself(trust, trust->file) ||
        !file_trust__is_safe(trust, trust->file, FILE_ACCESS_FILE)) {
        return false;
    }
    while (file_trust__go_up(trust)) {
        if (!file_trust__is_folder_safe(trust, kind)) {
            return false;
        }
        kind = FILE_ACCESS_ANCESTOR;
    }
    return true;
}

HANDLE file_trust_open(const char *path, DWORD *error_out)
{
    WCHAR *wide = utf16_from(path);
    const HANDLE file =
        wide != NULL ? CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                   NULL, OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT, NULL)
                     : INVALID_HANDLE_VALUE;
    *error_out = wide != NULL ? GetLastError() : ERROR_NOT_ENOUGH_MEMORY;
    memory_free(wide);
    return file;
}

bool file_trust_check(HANDLE file, struct failure *failure_out)
{
    struct file_trust trust = {.file = file, .failure_out = failure_out};
    trust.path = memory_alloc(FILE_TRUST_PATH_ROOM * sizeof *trust.path);
    if (trust.path == NULL) {
        *failure_out = (struct failure){.code = EXIT_CODE_FAILED,
                                        .win32_error = ERROR_NOT_ENOUGH_MEMORY,
                                        .text = "the file cannot be checked: there is no memory"};
        return false;
    }
    const bool is_trusted = file_trust__check(&trust);
    memory_free(trust.path);
    return is_trusted;
}

bool file_trust_can_tell(void)
{
    return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") == NULL;
}
