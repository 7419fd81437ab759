/* SPDX-License-Identifier: MIT
   Files of the installation, see install_files.h. */
#include "install_files.h"

#include <string.h>

#include "base/file_access.h"
#include "base/file_trust.h"
#include "base/memory.h"
#include "base/system_library.h"
#include "base/utf16.h"
#include "base/whole_file.h"
#include "base/win.h"

enum {
    INSTALL_FILES_PATH_MAX = 32768,            /* UTF-16 units */
    INSTALL_FILES_SIZE_MAX = 64 * 1024 * 1024, /* bytes of a file that is copied */
    INSTALL_FILES_ASIDE_TRIES = 16,            /* names for a file that is put aside */
    INSTALL_FILES_DEPTH = 32                   /* folders in folders; deeper than any of ours */
};

#define INSTALL_FILES_OWNER \
    "O:BA" /* the user who installs must not own them: he can change what is his without asking */

static bool install_files__fail(struct failure *failure_out, DWORD error, const char *what, const char *path,
                                const char *advice)
{
    struct text text;
    *failure_out =
        (struct failure){.code = error == ERROR_ACCESS_DENIED ? EXIT_CODE_ACCESS_DENIED : EXIT_CODE_FAILED,
                         .win32_error = error};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_format(&text, "%s %s: ", path, what);
    utf16_add_error(&text, error);
    text_add_string(&text, advice);
    return false;
}

/* ---- Places ---- */

/* A known folder. COM's memory comes with it, and goes back to it. */
static char *install_files__known(const GUID *id)
{
    HRESULT(WINAPI * get)(const GUID *, DWORD, HANDLE, PWSTR *) = NULL;
    void(WINAPI * give_back)(void *) = NULL;
    const struct system_function folders[] = {{"SHGetKnownFolderPath", &get}};
    const struct system_function memory[] = {{"CoTaskMemFree", &give_back}};
    HMODULE shell = system_library_load(L"shell32.dll", folders, 1);
    HMODULE com = shell != NULL ? system_library_load(L"ole32.dll", memory, 1) : NULL;
    WCHAR *wide = NULL;
    char *path = NULL;
    if (com != NULL) {
        path = SUCCEEDED(get(id, 0, NULL, &wide)) ? utf16_to_utf8(wide) : NULL;
        give_back(wide);
        FreeLibrary(com);
    }
    if (shell != NULL) {
        FreeLibrary(shell);
    }
    return path;
}

char *install_files_programs(void)
{
    static const GUID programs = {
        0x905e63b6, 0xc1bf, 0x494e, {0xb2, 0x9c, 0x65, 0xb7, 0x32, 0xd3, 0xd2, 0x1a}};
    return install_files__known(&programs);
}

char *install_files_data(void)
{
    static const GUID data = {0x62ab5d82, 0xfdc1, 0x4dc3, {0xa9, 0xdd, 0x07, 0x0d, 0x1d, 0x49, 0x5d, 0x97}};
    return install_files__known(&data);
}

char *install_files_own(void)
{
    WCHAR *path = memory_alloc(INSTALL_FILES_PATH_MAX * sizeof *path);
    const DWORD length = path != NULL ? GetModuleFileNameW(NULL, path, INSTALL_FILES_PATH_MAX) : 0;
    char *own = length > 0 && length < INSTALL_FILES_PATH_MAX ? utf16_to_utf8(path) : NULL;
    memory_free(path);
    return own;
}

char *install_files_join(const char *folder, const char *name)
{
    return text_make("%s\\%s", folder, name);
}

char *install_files_folder(const char *path)
{
    const char *end = strrchr(path, '\\');
    return memory_copy_text(path, end != NULL ? (size_t)(end - path) : 0);
}

uint32_t install_files_look(const char *path)
{
    WCHAR *wide = utf16_from(path);
    DWORD error = ERROR_NOT_ENOUGH_MEMORY;
    if (wide != NULL) {
        error = GetFileAttributesW(wide) != INVALID_FILE_ATTRIBUTES ? ERROR_SUCCESS : GetLastError();
    }
    memory_free(wide);
    return error == ERROR_PATH_NOT_FOUND ? ERROR_FILE_NOT_FOUND : error;
}

bool install_files_is_there(const char *path)
{
    return install_files_look(path) == ERROR_SUCCESS;
}

/* ---- Folders ---- */

static PSECURITY_DESCRIPTOR install_files__descriptor(const char *sddl, DWORD *error_out)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    WCHAR *wide = utf16_from(sddl);
    *error_out = ERROR_NOT_ENOUGH_MEMORY;
    if (wide != NULL &&
        !ConvertStringSecurityDescriptorToSecurityDescriptorW(wide, SDDL_REVISION_1, &descriptor, NULL)) {
        *error_out = GetLastError();
        descriptor = NULL;
    }
    memory_free(wide);
    return descriptor;
}

static HANDLE install_files__open_folder(const WCHAR *path)
{
    return CreateFileW(path, READ_CONTROL | FILE_READ_ATTRIBUTES,
                       FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                       FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
}

/* Whether strangers can change what is in the folder, whoever may read it. */
static bool install_files__is_safe(HANDLE folder, const WCHAR *wide, const char *path,
                                   struct failure *failure_out)
{
    struct file_access_flaw flaw;
    struct text text;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    if (!file_trust_can_tell()) {
        return true;
    }
    const DWORD error =
        GetSecurityInfo(folder, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, NULL,
                        NULL, NULL, NULL, &descriptor);
    if (error != ERROR_SUCCESS) {
        return install_files__fail(failure_out, error,
                                   "is there already, and its permissions are not to be had", path, "");
    }
    const bool is_safe = file_access_is_safe(descriptor, FILE_ACCESS_FOLDER, &flaw);
    if (!is_safe) {
        *failure_out = (struct failure){.code = EXIT_CODE_FAILED};
        text_init(&text, failure_out->text, sizeof failure_out->text);
        text_add_string(
            &text, "this folder is there already; if you do not know it, look into it and remove it first: ");
        file_access_add_flaw(&text, wide, FILE_ACCESS_FOLDER, &flaw);
    }
    LocalFree(descriptor);
    return is_safe;
}

static bool install_files__check_folder(const WCHAR *wide, const char *path, struct failure *failure_out)
{
    FILE_BASIC_INFO information;
    const HANDLE folder = install_files__open_folder(wide);
    if (folder == INVALID_HANDLE_VALUE) {
        return install_files__fail(failure_out, GetLastError(), "is there already, and cannot be looked at",
                                   path, "");
    }
    bool is_safe =
        GetFileInformationByHandleEx(folder, FileBasicInfo, &information, sizeof information) != FALSE;
    if (!is_safe) {
        install_files__fail(failure_out, GetLastError(), "is there already, and cannot be looked at", path,
                            "");
    } else if ((information.FileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0 ||
               (information.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
        is_safe = install_files__fail(failure_out, ERROR_DIRECTORY, "is there already, as a file or a link",
                                      path, "; remove it first");
    } else {
        is_safe = install_files__is_safe(folder, wide, path, failure_out);
    }
    CloseHandle(folder);
    return is_safe;
}

static bool install_files__make_folder(const WCHAR *wide, const char *path, const char *sddl,
                                       bool *is_new_out, struct failure *failure_out)
{
    DWORD error = ERROR_SUCCESS;
    SECURITY_ATTRIBUTES security = {.nLength = sizeof security,
                                    .lpSecurityDescriptor = install_files__descriptor(sddl, &error)};
    if (security.lpSecurityDescriptor == NULL) {
        return install_files__fail(failure_out, error, "cannot be protected", path, "");
    }
    *is_new_out = CreateDirectoryW(wide, &security) != FALSE; /* protected from its first moment on */
    error = *is_new_out ? ERROR_SUCCESS : GetLastError();
    LocalFree(security.lpSecurityDescriptor);
    if (error == ERROR_ALREADY_EXISTS) {
        return install_files__check_folder(wide, path, failure_out);
    }
    return error == ERROR_SUCCESS || install_files__fail(failure_out, error, "cannot be made", path, "");
}

bool install_files_make_folder(const char *path, const char *sddl, bool *is_new_out,
                               struct failure *failure_out)
{
    WCHAR *wide = utf16_from(path);
    *is_new_out = false;
    const bool is_done =
        wide != NULL ? install_files__make_folder(wide, path, sddl, is_new_out, failure_out)
                     : install_files__fail(failure_out, ERROR_NOT_ENOUGH_MEMORY, "cannot be made", path, "");
    memory_free(wide);
    return is_done;
}

/* ---- Files ---- */

bool install_files_check(const char *path, struct failure *failure_out)
{
    DWORD error = 0;
    const HANDLE file = file_trust_open(path, &error);
    if (file == INVALID_HANDLE_VALUE) {
        return install_files__fail(failure_out, error, "cannot be opened", path, "");
    }
    const bool is_safe = !file_trust_can_tell() || file_trust_check(file, failure_out);
    CloseHandle(file);
    return is_safe;
}

static DWORD install_files__write(const WCHAR *to, const struct whole_file *contents)
{
    DWORD error = ERROR_SUCCESS, written = 0;
    SECURITY_ATTRIBUTES security = {.nLength = sizeof security,
                                    .lpSecurityDescriptor =
                                        install_files__descriptor(INSTALL_FILES_OWNER, &error)};
    if (security.lpSecurityDescriptor == NULL) {
        return error;
    }
    const HANDLE file = CreateFileW(to, GENERIC_WRITE, 0, &security, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
    error = file != INVALID_HANDLE_VALUE ? ERROR_SUCCESS : GetLastError();
    LocalFree(security.lpSecurityDescriptor);
    if (file == INVALID_HANDLE_VALUE) {
        return error;
    }
    if (contents->length > 0 && !WriteFile(file, contents->at, (DWORD)contents->length, &written, NULL)) {
        error = GetLastError();
    }
    CloseHandle(file);
    if (error != ERROR_SUCCESS) {
        DeleteFileW(to);
    }
    return error;
}

bool install_files_copy(const char *from, const char *to, struct failure *failure_out)
{
    struct whole_file contents;
    struct text text;
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_format(&text, "%s: ", from);
    const size_t lead = text.length;
    bool is_done = whole_file_read(from, INSTALL_FILES_SIZE_MAX, &contents, &text) &&
                   contents.length <= INSTALL_FILES_SIZE_MAX;
    if (!is_done && text.length == lead) {
        text_add_string(&text,
                        contents.length > INSTALL_FILES_SIZE_MAX ? "it is too large" : "out of memory");
    }
    WCHAR *wide = is_done ? utf16_from(to) : NULL;
    if (is_done) {
        const DWORD error = wide != NULL ? install_files__write(wide, &contents) : ERROR_NOT_ENOUGH_MEMORY;
        is_done =
            error == ERROR_SUCCESS || install_files__fail(failure_out, error, "cannot be written", to, "");
    }
    memory_free(wide);
    whole_file_free(&contents);
    return is_done;
}

static DWORD install_files__move(const char *from, const char *to)
{
    WCHAR *wide_from = utf16_from(from);
    WCHAR *wide_to = utf16_from(to);
    DWORD error = ERROR_NOT_ENOUGH_MEMORY;
    if (wide_from != NULL && wide_to != NULL) {
        error = MoveFileExW(wide_from, wide_to, MOVEFILE_REPLACE_EXISTING) ? ERROR_SUCCESS : GetLastError();
    }
    memory_free(wide_to);
    memory_free(wide_from);
    return error;
}

static char *install_files__old(const char *path)
{
    return text_make("%s.old", path);
}

/* The old one of an earlier upgrade may be in use still: then it goes out of the way. */
static DWORD install_files__move_to_old(const char *path, const char *old)
{
    const DWORD error = install_files__move(path, old);
    if (error == ERROR_SUCCESS || error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) {
        return error;
    }
    install_files_remove(old);
    return install_files__move(path, old);
}

bool install_files_replace(const char *from, const char *to, bool *had_old_out, struct failure *failure_out)
{
    char *old = install_files__old(to);
    DWORD error = old != NULL ? install_files__move_to_old(to, old) : ERROR_NOT_ENOUGH_MEMORY;
    *had_old_out = error == ERROR_SUCCESS;
    memory_free(old);
    if (error != ERROR_SUCCESS && error != ERROR_FILE_NOT_FOUND && error != ERROR_PATH_NOT_FOUND) {
        install_files__fail(failure_out, error, "cannot be replaced", to, "; end what uses it and try again");
        failure_out->code = EXIT_CODE_FAILED; /* also when access is denied: rights were looked at before */
        return false;
    }
    return install_files_copy(from, to, failure_out);
}

bool install_files_put_back(const char *to, bool had_old)
{
    if (!had_old) {
        return install_files_remove(to) == INSTALL_FILES_GONE;
    }
    char *old = install_files__old(to);
    const bool is_back = old != NULL && install_files__move(old, to) == ERROR_SUCCESS;
    memory_free(old);
    return is_back;
}

void install_files_forget(const char *to)
{
    char *old = install_files__old(to);
    if (old != NULL) {
        install_files_remove(old);
    }
    memory_free(old);
}

/* ---- Removing ---- */

static WCHAR *install_files__aside(const char *path, uint64_t number)
{
    struct text text;
    text_init_heap(&text);
    text_add_format(&text, "%s.%llx.old", path, (unsigned long long)number);
    WCHAR *aside = text.is_cut ? NULL : utf16_from(text.at);
    text_fini(&text);
    return aside;
}

/* To a name beside the file that nothing has: "FILE.16f3a2b.old". The name that it then has; NULL: it stays where it is. */
static WCHAR *install_files__move_aside(const char *path, const WCHAR *wide)
{
    const uint64_t now = GetTickCount64();
    bool is_taken = true;
    for (uint64_t i = 0; i < INSTALL_FILES_ASIDE_TRIES && is_taken; i++) {
        WCHAR *aside = install_files__aside(path, now + i);
        if (aside != NULL && MoveFileExW(wide, aside, 0)) {
            return aside;
        }
        is_taken =
            aside != NULL && (GetLastError() == ERROR_ALREADY_EXISTS || GetLastError() == ERROR_FILE_EXISTS);
        memory_free(aside);
    }
    return NULL;
}

/* Not under its own name: whoever installs before the machine starts again would lose the new file of that name. */
static bool install_files__remove_later(const char *path, const WCHAR *wide)
{
    WCHAR *aside = install_files__move_aside(path, wide);
    const bool is_done = aside != NULL && MoveFileExW(aside, NULL, MOVEFILE_DELAY_UNTIL_REBOOT);
    if (aside != NULL && !is_done) {
        MoveFileExW(aside, wide, 0);
    }
    memory_free(aside);
    return is_done;
}

static bool install_files__delete(const WCHAR *wide)
{
    const DWORD error = DeleteFileW(wide) ? ERROR_SUCCESS : GetLastError();
    return error == ERROR_SUCCESS || error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
}

bool install_files_delete(const char *path)
{
    WCHAR *wide = utf16_from(path);
    const bool is_gone = wide != NULL && install_files__delete(wide);
    memory_free(wide);
    return is_gone;
}

enum install_files_removal install_files_remove(const char *path)
{
    WCHAR *wide = utf16_from(path);
    enum install_files_removal removal = INSTALL_FILES_STAYS;
    if (wide == NULL) {
        return removal;
    }
    if (install_files__delete(wide)) {
        removal = INSTALL_FILES_GONE;
    } else if (install_files__remove_later(path, wide)) {
        removal = INSTALL_FILES_LATER;
    }
    memory_free(wide);
    return removal;
}

static bool install_files__is_old(const WIN32_FIND_DATAW *found)
{
    const size_t length = wcslen(found->cFileName);
    const WCHAR *end = found->cFileName + (length > 4 ? length - 4 : 0);
    return (found->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0 &&
           (_wcsicmp(end, L".old") == 0 || _wcsicmp(end, L".new") == 0);
}

static void install_files__add_old(const WIN32_FIND_DATAW *found, struct text *names)
{
    char *name = install_files__is_old(found) ? utf16_to_utf8(found->cFileName) : NULL;
    names->is_cut = names->is_cut || (name == NULL && install_files__is_old(found));
    if (name != NULL) {
        text_add_format(names, "%s\n", name);
    }
    memory_free(name);
}

uint32_t install_files_find_old(const char *folder, struct text *names)
{
    WIN32_FIND_DATAW found;
    char *all = install_files_join(folder, "portlistener*");
    WCHAR *pattern = all != NULL ? utf16_from(all) : NULL;
    const HANDLE search = pattern != NULL ? FindFirstFileW(pattern, &found) : INVALID_HANDLE_VALUE;
    DWORD error = pattern == NULL                  ? ERROR_NOT_ENOUGH_MEMORY
                  : search == INVALID_HANDLE_VALUE ? GetLastError()
                                                   : ERROR_SUCCESS;
    memory_free(pattern);
    memory_free(all);
    if (search == INVALID_HANDLE_VALUE) {
        return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND ? ERROR_SUCCESS : error;
    }
    do {
        install_files__add_old(&found, names);
    } while (FindNextFileW(search, &found));
    error = GetLastError();
    FindClose(search);
    return error != ERROR_NO_MORE_FILES ? error : names->is_cut ? ERROR_NOT_ENOUGH_MEMORY : ERROR_SUCCESS;
}

bool install_files_remove_folder(const char *path, bool is_later)
{
    WCHAR *wide = utf16_from(path);
    const bool is_done = wide != NULL && (is_later ? MoveFileExW(wide, NULL, MOVEFILE_DELAY_UNTIL_REBOOT)
                                                   : RemoveDirectoryW(wide));
    memory_free(wide);
    return is_done;
}

static DWORD install_files__remove_entry(const char *folder, const WIN32_FIND_DATAW *found, int depth);

static bool install_files__is_to_stay(const WCHAR *name, const WCHAR *but)
{
    return wcscmp(name, L".") == 0 || wcscmp(name, L"..") == 0 || (but != NULL && _wcsicmp(name, but) == 0);
}

/* All that is in the folder but what has this name (NULL: all). The first error; it goes on all the same. */
static DWORD install_files__remove_contents(const char *folder, const WCHAR *pattern, const WCHAR *but,
                                            int depth)
{
    WIN32_FIND_DATAW found;
    DWORD first = ERROR_SUCCESS, error = ERROR_SUCCESS;
    const HANDLE search = FindFirstFileW(pattern, &found);
    if (search == INVALID_HANDLE_VALUE) {
        return GetLastError();
    }
    do {
        error = install_files__is_to_stay(found.cFileName, but)
                    ? ERROR_SUCCESS
                    : install_files__remove_entry(folder, &found, depth);
        first = first != ERROR_SUCCESS ? first : error;
    } while (FindNextFileW(search, &found));
    error = GetLastError();
    FindClose(search);
    return first == ERROR_SUCCESS && error != ERROR_NO_MORE_FILES ? error : first;
}

static DWORD install_files__empty(const char *path, const WCHAR *but, int depth)
{
    char *all = install_files_join(path, "*");
    WCHAR *pattern = all != NULL ? utf16_from(all) : NULL;
    DWORD error = ERROR_NOT_ENOUGH_MEMORY;
    if (pattern != NULL) {
        error =
            depth > 0 ? install_files__remove_contents(path, pattern, but, depth - 1) : ERROR_DIR_NOT_EMPTY;
    }
    memory_free(pattern);
    memory_free(all);
    return error;
}

/* The folder's contents, and then the folder. */
static DWORD install_files__remove_tree(const char *path, int depth)
{
    WCHAR *wide = utf16_from(path);
    DWORD error = wide != NULL ? install_files__empty(path, NULL, depth) : ERROR_NOT_ENOUGH_MEMORY;
    if (error == ERROR_SUCCESS && !RemoveDirectoryW(wide)) {
        error = GetLastError();
    }
    memory_free(wide);
    return error;
}

/* A link to a folder is removed as what it is: who could write here might have aimed it at any folder. */
static DWORD install_files__remove_file_or_link(const WCHAR *path, DWORD attributes)
{
    const bool is_done =
        (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? RemoveDirectoryW(path) : DeleteFileW(path);
    return is_done ? ERROR_SUCCESS : GetLastError();
}

static DWORD install_files__remove_entry(const char *folder, const WIN32_FIND_DATAW *found, int depth)
{
    const DWORD attributes = found->dwFileAttributes;
    const bool is_folder =
        (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 && (attributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0;
    char *name = utf16_to_utf8(found->cFileName);
    char *path = name != NULL ? install_files_join(folder, name) : NULL;
    WCHAR *wide = path != NULL ? utf16_from(path) : NULL;
    DWORD error = ERROR_NOT_ENOUGH_MEMORY;
    if (wide != NULL) {
        error = is_folder ? install_files__remove_tree(path, depth)
                          : install_files__remove_file_or_link(wide, attributes);
    }
    memory_free(wide);
    memory_free(path);
    memory_free(name);
    return error;
}

uint32_t install_files_remove_tree(const char *path, const char *last)
{
    WCHAR *but = last != NULL ? utf16_from(last) : NULL;
    DWORD error = last == NULL || but != NULL ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
    if (but != NULL) {
        error = install_files__empty(path, but, INSTALL_FILES_DEPTH);
    }
    memory_free(but);
    return error == ERROR_SUCCESS ? install_files__remove_tree(path, INSTALL_FILES_DEPTH) : error;
}
