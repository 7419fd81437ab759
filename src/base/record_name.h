/* SPDX-License-Identifier: MIT
   What a rotated file is called: logs\web.log becomes logs\web-20261125T022700.123Z.log, with the time (UTC)
   of its rotation. So the names sort by age, the extension stays, and a rotation is one rename. */
#ifndef PORTLISTENER_BASE_RECORD_NAME_H
#define PORTLISTENER_BASE_RECORD_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/win.h"

enum {
    RECORD_NAME_STAMP = 21,         /* characters that a rotated name is longer */
    RECORD_NAME_MILLISECOND = 10000 /* of the unit below; a stamp has no smaller steps */
};

/* Times are those of FILETIME: 100 ns since 1601, as one number. */

/* record_name_stamp: writes the stamp's characters, no NUL. */
void record_name_stamp(WCHAR *stamp, uint64_t time);

/* record_name_read: false where these characters are no stamp as record_name_stamp writes it. */
bool record_name_read(const WCHAR *stamp, uint64_t *time_out);

/* record_name_stem: characters of `path` before the extension of the file's name, or all; `folder_out` how
   many belong to the folder, the last separator included. */
size_t record_name_stem(const WCHAR *path, size_t *folder_out);

/* record_name_beside: of `path` (UTF-8) with `ending` in place of the extension: logs\web.log and "-crash.txt" give
   logs\web-crash.txt. On the heap; NULL: no memory. */
WCHAR *record_name_beside(const char *path, const WCHAR *ending);

/* Below, `path` is the name without a stamp, and `scratch` has room for RECORD_NAME_STAMP characters more than it.

   record_name_compose: into `scratch`, the name with the stamp of `time`. */
void record_name_compose(const WCHAR *path, WCHAR *scratch, uint64_t time);

/* The stamped files that are younger than some time. */
struct record_names {
    uint32_t count;
    uint64_t oldest; /* of none: 0, as the next */
    uint64_t newest;
};

/* record_name_find: those younger than `after`. record_name_delete_surplus: the oldest beyond `keep` go; one that somebody
   holds stays until the next time, but saves no other. Both use `scratch`. */
struct record_names record_name_find(const WCHAR *path, WCHAR *scratch, uint64_t after);
void record_name_delete_surplus(const WCHAR *path, WCHAR *scratch, uint32_t keep);

#endif
