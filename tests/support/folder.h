/* SPDX-License-Identifier: MIT
   A folder of the test's own for files that production code writes. Its calls pass the faults and the ledger
   by. */
#ifndef PORTLISTENER_TESTS_SUPPORT_FOLDER_H
#define PORTLISTENER_TESTS_SUPPORT_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "support/seam.h"

enum { FOLDER_NAMES = 64, FOLDER_NAME_ROOM = 64, FOLDER_PATH_ROOM = 512 };

struct folder {
    char path[FOLDER_PATH_ROOM]; /* UTF-8, as names are */
    char joined[FOLDER_PATH_ROOM];
    size_t count; /* of names, by folder_list */
    char names[FOLDER_NAMES][FOLDER_NAME_ROOM];
};

/* folder_init: a new, empty folder below the one for temporary files. folder_fini: with all that is in it. */
void folder_init(struct folder *folder);
void folder_fini(struct folder *folder);

/* folder_join: the full path of a name in it; valid until the next call. */
const char *folder_join(struct folder *folder, const char *name);

/* folder_list: the names of what is in it, sorted. Returns their count. */
size_t folder_list(struct folder *folder);

/* folder_read: the file's bytes and a NUL, in a block of the C library for free(). The test fails where there
   is none. */
char *folder_read(struct folder *folder, const char *name, size_t *length_out);

/* folder_write: a file with these bytes, in place of one that may be there. */
void folder_write(struct folder *folder, const char *name, const char *at, size_t length);

bool folder_delete(struct folder *folder, const char *name);
bool folder_rename(struct folder *folder, const char *from, const char *to);

/* folder_open: for a reader that shares as `share` says; end with folder_close. INVALID_HANDLE_VALUE:
   refused. */
HANDLE folder_open(struct folder *folder, const char *name, DWORD access, DWORD share);
void folder_close(HANDLE handle);

#endif
