/* SPDX-License-Identifier: MIT
   The file and folder steps of the installation, and what they have made, so that it can be undone. */
#ifndef PORTLISTENER_SERVICE_INSTALLER_FILES_H
#define PORTLISTENER_SERVICE_INSTALLER_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "base/win.h"
#include "install_places.h"
#include "output.h"

/* The files of the program, and the folders that the service writes to. */
enum { INSTALLER_FILES_PROGRAM_COUNT = 2, INSTALLER_FILES_FOLDER_COUNT = 2 };

struct installer_files {
    const struct install_places *places;
    size_t program_count; /* files of the program that were copied or moved away */
    bool has_program_folder;
    bool had_file[INSTALLER_FILES_PROGRAM_COUNT]; /* the old one stands beside it */
    bool has_data;
    bool has_folder[INSTALLER_FILES_FOLDER_COUNT];
    bool has_ini;
};

/* Each step, and what makes it undone, also when it was made in part; false: not all of it is as it was.

   The program, from the folder that it was unpacked in. */
bool installer_files_copy_program(struct installer_files *files, struct failure *failure_out);
bool installer_files_put_program_back(struct installer_files *files);

/* installer_files_forget_old: when nothing will be undone any more. */
void installer_files_forget_old(const struct installer_files *files);

/* The data folder: administrators, and `sid`, the service, to read. */
bool installer_files_make_data(struct installer_files *files, const char *sid, struct failure *failure_out);
bool installer_files_remove_data(const struct installer_files *files);

/* The folders in it that the service writes to, and their names. */
bool installer_files_make_folders(struct installer_files *files, const char *sid,
                                  struct failure *failure_out);
bool installer_files_remove_folders(const struct installer_files *files);
void installer_files_add_folders(struct text *text);

/* The configuration to begin with. */
bool installer_files_copy_ini(struct installer_files *files, const char *ini, struct failure *failure_out);
bool installer_files_remove_ini(const struct installer_files *files, const char *ini);

/* installer_files_fail: as system_failure, with words of its own where there is no memory. For all steps. */
bool installer_files_fail(struct failure *failure_out, DWORD error, const char *what);

/* installer_files_done: whether that is ERROR_SUCCESS; else as installer_files_fail. */
bool installer_files_done(struct failure *failure_out, DWORD error, const char *what);

#endif
