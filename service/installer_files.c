/* SPDX-License-Identifier: MIT
   Files and folders of the installation, see installer_files.h. */
#include "installer_files.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "base/win.h"
#include "install_files.h"
#include "system_failure.h"

/* Protected, so that nothing comes from above. Administrators and the system: everything. The service: reads its
   configuration, and changes what is in the folders that it writes to. */
#define INSTALLER_FILES_DATA_SDDL  "O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;%s)"
#define INSTALLER_FILES_WRITE_SDDL "O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;%s)"

enum { INSTALLER_FILES_SDDL_ROOM = 512 };

static const char *const installer_files__program[INSTALLER_FILES_PROGRAM_COUNT] = {INSTALL_PLACES_PROGRAM,
                                                                                    INSTALL_PLACES_EVENTS};
static const char *const installer_files__folders[INSTALLER_FILES_FOLDER_COUNT] = {"logs", "plugin-cache"};

bool installer_files_fail(struct failure *failure_out, DWORD error, const char *what)
{
    struct text text;
    if (error != ERROR_NOT_ENOUGH_MEMORY) {
        return system_failure(failure_out, error, what);
    }
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED, .win32_error = error};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_string(&text, what);
    text_add_string(&text, "out of memory");
    return false;
}

bool installer_files_done(struct failure *failure_out, DWORD error, const char *what)
{
    if (error != ERROR_SUCCESS) {
        installer_files_fail(failure_out, error, what);
    }
    return error == ERROR_SUCCESS;
}

/* ---- The program ---- */

static bool installer_files__make_program_folder(struct installer_files *files, struct failure *failure_out)
{
    WCHAR *wide = utf16_from(files->places->program);
    /* with the permissions of the folder above, which only administrators can write to */
    files->has_program_folder = wide != NULL && CreateDirectoryW(wide, NULL);
    const DWORD error = files->has_program_folder ? ERROR_SUCCESS
                        : wide != NULL            ? GetLastError()
                                                  : ERROR_NOT_ENOUGH_MEMORY;
    memory_free(wide);
    return installer_files_done(failure_out, error == ERROR_ALREADY_EXISTS ? ERROR_SUCCESS : error,
                                "its folder cannot be made: ");
}

static bool installer_files__copy_file(struct installer_files *files, const char *name,
                                       struct failure *failure_out)
{
    char *from = install_files_join(files->places->source, name);
    char *to = install_files_join(files->places->program, name);
    bool is_done = false;
    if (from == NULL || to == NULL) {
        installer_files_fail(failure_out, ERROR_NOT_ENOUGH_MEMORY, "");
    } else {
        bool *had_file = &files->had_file[files->program_count];
        is_done = install_files_replace(from, to, had_file, failure_out);
        files->program_count += is_done || *had_file;
    }
    memory_free(to);
    memory_free(from);
    return is_done;
}

bool installer_files_copy_program(struct installer_files *files, struct failure *failure_out)
{
    bool is_done = installer_files__make_program_folder(files, failure_out);
    for (size_t i = 0; is_done && i < INSTALLER_FILES_PROGRAM_COUNT; i++) {
        is_done = installer_files__copy_file(files, installer_files__program[i], failure_out);
    }
    return is_done;
}

bool installer_files_put_program_back(struct installer_files *files)
{
    bool is_back = true;
    while (files->program_count > 0) {
        const size_t last = --files->program_count;
        char *to = install_files_join(files->places->program, installer_files__program[last]);
        is_back = to != NULL && install_files_put_back(to, files->had_file[last]) && is_back;
        memory_free(to);
    }
    return (!files->has_program_folder || install_files_remove_folder(files->places->program, false)) &&
           is_back;
}

void installer_files_forget_old(const struct installer_files *files)
{
    for (size_t i = 0; i < INSTALLER_FILES_PROGRAM_COUNT && i < files->program_count; i++) {
        char *to = install_files_join(files->places->program, installer_files__program[i]);
        if (to != NULL && files->had_file[i]) {
            install_files_forget(to);
        }
        memory_free(to);
    }
}

/* ---- Its data ---- */

static void installer_files__sddl(const char *sid, const char *pattern, char room[INSTALLER_FILES_SDDL_ROOM])
{
    struct text text;
    const char *place = strstr(pattern, "%s");
    text_init(&text, room, INSTALLER_FILES_SDDL_ROOM);
    text_add(&text, pattern, (size_t)(place - pattern));
    text_add_string(&text, sid);
    text_add_string(&text, place + 2);
}

bool installer_files_make_data(struct installer_files *files, const char *sid, struct failure *failure_out)
{
    char sddl[INSTALLER_FILES_SDDL_ROOM];
    installer_files__sddl(sid, INSTALLER_FILES_DATA_SDDL, sddl);
    return install_files_make_folder(files->places->data, sddl, &files->has_data, failure_out);
}

bool installer_files_remove_data(const struct installer_files *files)
{
    return !files->has_data || install_files_remove_tree(files->places->data, NULL) == ERROR_SUCCESS;
}

static bool installer_files__make_folder(struct installer_files *files, size_t index, const char *sid,
                                         struct failure *failure_out)
{
    char sddl[INSTALLER_FILES_SDDL_ROOM];
    char *path = install_files_join(files->places->data, installer_files__folders[index]);
    installer_files__sddl(sid, INSTALLER_FILES_WRITE_SDDL, sddl);
    /* one that is there lies in a folder that only administrators can change, and the service may write to it */
    const bool is_done =
        path != NULL ? install_files_is_there(path) ||
                           install_files_make_folder(path, sddl, &files->has_folder[index], failure_out)
                     : installer_files_fail(failure_out, ERROR_NOT_ENOUGH_MEMORY, "");
    memory_free(path);
    return is_done;
}

bool installer_files_make_folders(struct installer_files *files, const char *sid, struct failure *failure_out)
{
    bool is_done = true;
    for (size_t i = 0; i < INSTALLER_FILES_FOLDER_COUNT && is_done; i++) {
        is_done = installer_files__make_folder(files, i, sid, failure_out);
    }
    return is_done;
}

bool installer_files_remove_folders(const struct installer_files *files)
{
    bool is_done = true;
    for (size_t i = 0; i < INSTALLER_FILES_FOLDER_COUNT; i++) {
        if (files->has_folder[i]) {
            char *path = install_files_join(files->places->data, installer_files__folders[i]);
            is_done = path != NULL && install_files_remove_tree(path, NULL) == ERROR_SUCCESS && is_done;
            memory_free(path);
        }
    }
    return is_done;
}

void installer_files_add_folders(struct text *text)
{
    for (size_t i = 0; i < INSTALLER_FILES_FOLDER_COUNT; i++) {
        text_add_format(text, "%s%s", i > 0 ? ", " : "", installer_files__folders[i]);
    }
}

bool installer_files_copy_ini(struct installer_files *files, const char *ini, struct failure *failure_out)
{
    char *from = install_files_join(files->places->source, INSTALL_PLACES_INI);
    files->has_ini = from != NULL ? install_files_copy(from, ini, failure_out)
                                  : installer_files_fail(failure_out, ERROR_NOT_ENOUGH_MEMORY, "");
    memory_free(from);
    return files->has_ini;
}

bool installer_files_remove_ini(const struct installer_files *files, const char *ini)
{
    return !files->has_ini || install_files_delete(ini); /* by it a purge knows the folder */
}
