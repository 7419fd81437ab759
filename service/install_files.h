/* SPDX-License-Identifier: MIT
   What the installation does with files: folders that only administrators and the service can use, files that are copied,
   and taking both away. Paths are full, in UTF-8. */
#ifndef PORTLISTENER_SERVICE_INSTALL_FILES_H
#define PORTLISTENER_SERVICE_INSTALL_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "base/text.h"

/* install_files_programs, install_files_data: where Windows has programs, and data of all users ("C:\Program Files",
   "C:\ProgramData"); by its own knowledge, as variables of the environment are the user's. install_files_own: the program
   that runs. Heap copies; NULL: the system does not tell, or no memory. */
char *install_files_programs(void);
char *install_files_data(void);
char *install_files_own(void);

/* install_files_join: "FOLDER\NAME"; install_files_folder: the folder of a path. Heap copies, NULL without memory. */
char *install_files_join(const char *folder, const char *name);
char *install_files_folder(const char *path);

/* install_files_look: ERROR_SUCCESS where something is there, ERROR_FILE_NOT_FOUND where nothing is, else why the system
   does not tell. install_files_is_there: whether something is, for certain. */
uint32_t install_files_look(const char *path);
bool install_files_is_there(const char *path);

/* install_files_make_folder: makes it with the descriptor `sddl`, or finds it and makes sure that nobody but
   administrators, SYSTEM and TrustedInstaller can change what is in it, and that it is no link. False: `failure_out`. */
bool install_files_make_folder(const char *path, const char *sddl, bool *is_new_out,
                               struct failure *failure_out);

/* install_files_check: whether only administrators can change the file (see base/file_trust.h). In Wine neither of the two
   can tell: what is there is taken as safe. */
bool install_files_check(const char *path, struct failure *failure_out);

/* install_files_copy: what is in the file, and nothing of what else the system keeps of it, such as where it was downloaded
   from. `to` must not be there; administrators own it, and its folder decides who may use it. What could not be copied
   to its end is not there. */
bool install_files_copy(const char *from, const char *to, struct failure *failure_out);

/* install_files_replace: the same, but what is there becomes "TO.old", also when the copy fails then; `had_old_out`: there was
   something. A program that runs goes on. install_files_put_back: makes that undone; false: not all of it.
   install_files_forget: removes "TO.old", at the next start of the machine where it is in use. */
bool install_files_replace(const char *from, const char *to, bool *had_old_out, struct failure *failure_out);
bool install_files_put_back(const char *to, bool had_old);
void install_files_forget(const char *to);

/* How a removal ended. */
enum install_files_removal {
    INSTALL_FILES_GONE,
    INSTALL_FILES_LATER /* with the next start of the machine */,
    INSTALL_FILES_STAYS
};

/* install_files_remove: a file. One that is in use gets another name at once, "FILE.NUMBER.old", so that its own is free for
   another. install_files_remove_folder: a folder when it is empty, now or at that start: after the files in it that go then;
   false: it stays. */
enum install_files_removal install_files_remove(const char *path);
bool install_files_remove_folder(const char *path, bool is_later);

/* install_files_delete: a file, now or not at all: it keeps its name. */
bool install_files_delete(const char *path);

/* install_files_find_old: the names of files of the program, in its folder, that a removal or an upgrade has left: each with an
   end of line. ERROR_SUCCESS, also where there are none, or why they are not known. */
uint32_t install_files_find_old(const char *folder, struct text *names);

/* install_files_remove_tree: a folder with all that is in it; of links only themselves. What has the name `last` (NULL: nothing)
   goes when everything else is gone. ERROR_SUCCESS, or why something of it stays: the first error. */
uint32_t install_files_remove_tree(const char *path, const char *last);

#endif
