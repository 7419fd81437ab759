/* SPDX-License-Identifier: MIT
   The built program from outside: where it is, running it, and a folder for its files. Not for use with
   faults armed.

   A test that lets the program run ends with program_teardown: every process of the program has ended, and
   the test itself has nothing left open. */
#ifndef PORTLISTENER_TESTS_SUPPORT_PROGRAM_H
#define PORTLISTENER_TESTS_SUPPORT_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/win.h"

enum { PROGRAM_PATH_MAX = 1024, PROGRAM_PATIENCE = 90000 /* milliseconds, for a program to end */ };

/* program_setup: support_setup. program_teardown: waits until no more processes of the program run than at
   the setup, wherever its file is; then support_teardown. Anything but 0 fails the test. */
int program_setup(void **state);
int program_teardown(void **state);

/* program_path: the full path of portlistener.exe, beside the test program. */
const WCHAR *program_path(void);

/* program_folder: a fresh folder of this test's own. program_remove: with all that is in it. */
void program_folder(WCHAR folder_out[PROGRAM_PATH_MAX]);
void program_remove(const WCHAR *folder);

/* program_write: the file `name` in `folder`, and its full path. */
void program_write(const WCHAR *folder, const WCHAR *name, const char *contents,
                   WCHAR path_out[PROGRAM_PATH_MAX]);

/* program_read: what a file holds, up to `room` - 1 bytes, as a text; false when it is not there. */
bool program_read(const WCHAR *path, char *at, size_t room);

/* program_read_all: how many files in `folder` have a name like `pattern`; `at` has what the last that is found holds, which
   must be readable. */
unsigned program_read_all(const WCHAR *folder, const WCHAR *pattern, char *at, size_t room);

/* program_free_port: a TCP and UDP port of 127.0.0.1 that nobody holds now. */
uint16_t program_free_port(void);

/* How a run ended. */
struct program_result {
    bool has_ended; /* within PROGRAM_PATIENCE */
    DWORD code;
    char out[16384];
    char err[16384];
};

/* program_run: `program` (NULL: program_path) with `arguments`, UTF-16 as on a command line, to its end; a
   program that does not end is killed. */
void program_run(const WCHAR *program, const WCHAR *arguments, struct program_result *result_out);

#endif
