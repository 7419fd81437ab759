/* SPDX-License-Identifier: MIT */
#include "config/config_files.h"

#include "base/file_trust.h"
#include "base/memory.h"
#include "base/utf16.h"
#include "base/win.h"
#include "config/config_problems.h"

/* The file itself, not what a link leads to. */
static HANDLE config_files__open(const char *path, DWORD *error_out)
{
    WCHAR *wide = utf16_from(path);
    *error_out = ERROR_NOT_ENOUGH_MEMORY;
    if (wide == NULL) {
        return INVALID_HANDLE_VALUE;
    }
    HANDLE handle = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                                FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    *error_out = handle == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    memory_free(wide);
    return handle;
}

/* False with a problem: it must not be read. A file that is not there is left to whole_file_read, which tells why. */
static bool config_files__refuse(DWORD error, struct text *problem)
{
    if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) {
        return true;
    }
    if (error != ERROR_NOT_ENOUGH_MEMORY) {
        text_add_string(problem, "the file cannot be opened to see who can change it, ");
        utf16_add_error(problem, error);
        text_add_string(problem,
                        "; give this account the right to read it, or try again when nobody writes to it");
    }
    return false;
}

/* The file is held open, so that nobody can put another one in its place while it is read by its name;
   INVALID_HANDLE_VALUE: it is not. */
static bool config_files__hold(const struct config_files *files, const char *path, HANDLE *handle_out,
                               struct text *problem)
{
    struct failure failure;
    DWORD error = ERROR_SUCCESS;
    *handle_out = config_files__open(path, &error);
    if (*handle_out == INVALID_HANDLE_VALUE) {
        return files->trust == CONFIG_TRUST_WARN || config_files__refuse(error, problem);
    }
    if (file_trust_check(*handle_out, &failure)) {
        return true;
    }
    if (files->trust == CONFIG_TRUST_WARN) {
        config_problems_warning(files->problems, 0, 0, "%s", failure.text);
        return true;
    }
    text_add_string(problem, failure.text);
    return false;
}

bool config_files_read(const struct config_files *files, const char *path, size_t most,
                       struct whole_file *file_out, struct text *problem)
{
    HANDLE held = INVALID_HANDLE_VALUE;
    *file_out = (struct whole_file){.at = NULL};
    const bool is_read =
        (files->trust == CONFIG_TRUST_ANYBODY || config_files__hold(files, path, &held, problem)) &&
        whole_file_read(path, most, file_out, problem);
    if (held != INVALID_HANDLE_VALUE) {
        CloseHandle(held);
    }
    return is_read;
}

static bool config_files__read(void *context, const char *path, size_t most, struct whole_file *file_out,
                               struct text *problem)
{
    return config_files_read(context, path, most, file_out, problem);
}

static bool config_files__fail(struct text *problem, DWORD error)
{
    if (error != ERROR_NOT_ENOUGH_MEMORY) {
        utf16_add_error(problem, error);
        text_add_string(problem, error == ERROR_ACCESS_DENIED
                                     ? "; run elevated, or give this account the right to list the folder"
                                     : "; correct the path, or create the folder");
    }
    return false;
}

static WCHAR *config_files__pattern(const char *folder)
{
    return utf16_make("%s\\*", folder);
}

/* False when `take` wants no more, or without memory. */
static bool config_files__offer(const WIN32_FIND_DATAW *found, bool (*take)(void *taker, const char *name),
                                void *taker, DWORD *error)
{
    if ((found->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
        return true;
    }
    char *name = utf16_to_utf8(found->cFileName);
    *error = name != NULL ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
    const bool is_wanted = name != NULL && take(taker, name);
    memory_free(name);
    return is_wanted;
}

/* All names are looked at here: a pattern would also find the short names that Windows makes of long ones. */
static bool config_files__list(void *context, const char *folder, bool (*take)(void *taker, const char *name),
                               void *taker, struct text *problem)
{
    WIN32_FIND_DATAW found;
    WCHAR *pattern = config_files__pattern(folder);
    DWORD error = ERROR_SUCCESS;
    (void)context;
    if (pattern == NULL) {
        return config_files__fail(problem, ERROR_NOT_ENOUGH_MEMORY);
    }
    HANDLE search = FindFirstFileW(pattern, &found);
    error = search == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    memory_free(pattern);
    if (search == INVALID_HANDLE_VALUE) { /* a drive's root may be empty */
        return error == ERROR_FILE_NOT_FOUND || config_files__fail(problem, error);
    }
    bool is_more = true;
    while (is_more && config_files__offer(&found, take, taker, &error)) {
        is_more = FindNextFileW(search, &found) != 0;
        error = is_more ? ERROR_SUCCESS : GetLastError();
    }
    FindClose(search);
    return error == ERROR_SUCCESS || error == ERROR_NO_MORE_FILES || config_files__fail(problem, error);
}

void config_files_init(struct config_files *files, enum config_trust trust, struct config_problems *problems)
{
    *files = (struct config_files){
        .source = {.list = config_files__list, .read = config_files__read, .context = files},
        .trust = trust,
        .problems = problems};
}
