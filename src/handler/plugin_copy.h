/* SPDX-License-Identifier: MIT
   The copy of a plugin's file that is loaded in its place: so the file itself can be replaced while it is in use. Each
   copy has a name of its own in the cache folder, NAME-NUMBER.dll; while this process has it, nobody can delete it. */
#ifndef PORTLISTENER_HANDLER_PLUGIN_COPY_H
#define PORTLISTENER_HANDLER_PLUGIN_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "base/win.h"
#include "handler/plugin_file.h"

struct plugin_copy {
    WCHAR *path;
    HANDLE handle; /* to read */
    uint32_t size;
};

/* plugin_copy_create: what was read of the open `file`, as a new file in `folder`, which is made where it is missing.
   False: nothing is left. */
bool plugin_copy_create(struct plugin_copy *copy_out, const char *folder, const struct plugin_file *file,
                        struct failure *failure_out);

/* plugin_copy_destroy: deletes it, too; where the system refuses that, plugin_copy_clear will. */
void plugin_copy_destroy(struct plugin_copy *copy);

/* plugin_copy_keep: as plugin_copy_destroy, but the file stays, for its code may still run. */
void plugin_copy_keep(struct plugin_copy *copy);

/* plugin_copy_is: whether the copy is of just these bytes; false also where it cannot be read. */
bool plugin_copy_is(const struct plugin_copy *copy, const struct plugin_file *file);

/* plugin_copy_clear: deletes the copies in `folder` that no process has, such as those of one that crashed. */
void plugin_copy_clear(const char *folder);

#endif
