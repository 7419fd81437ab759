/* SPDX-License-Identifier: MIT
   The file of a plugin, the DLL of a handler, before anything of it runs: found by its name in one folder, opened once,
   checked, and read from the very handle that was checked. */
#ifndef PORTLISTENER_HANDLER_PLUGIN_FILE_H
#define PORTLISTENER_HANDLER_PLUGIN_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "base/win.h"

enum { PLUGIN_FILE_NAME_MAX = 32, PLUGIN_FILE_SIZE_MAX = 64 * 1024 * 1024 };

struct plugin_file {
    char name[PLUGIN_FILE_NAME_MAX + 1]; /* without .dll, in lower case: the handler's name */
    char *path;                          /* for messages */
    HANDLE handle;                       /* while it is open nobody writes, renames or deletes the file */
    uint8_t *bytes;
    uint32_t size;
    bool is_trusted;         /* nobody but an administrator can have changed it, see base/file_trust.h */
    struct failure distrust; /* where not: why */
};

/* plugin_file_open: the file `file_name` ("echo.dll", in any case, without a path) of `folder`. With `must_be_trusted`
   one that is not trusted is refused; else that is only told, in `distrust`. False: `failure_out` says what is wrong and
   what to do, and nothing is left open. Any thread. */
bool plugin_file_open(struct plugin_file *file_out, const char *folder, const char *file_name,
                      bool must_be_trusted, struct failure *failure_out);
void plugin_file_close(struct plugin_file *file);

/* plugin_file_refuse: "PATH cannot be loaded: WHAT: error 5: ...; REMEDY". `error` 0: there was none, and the file or the
   configuration is at fault; `remedy` may be NULL. Returns false, for the caller to pass on. */
bool plugin_file_refuse(const struct plugin_file *file, const char *what, DWORD error, const char *remedy,
                        struct failure *failure_out);

#endif
