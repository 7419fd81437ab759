/* SPDX-License-Identifier: MIT
   The files of a configuration on disk: read, listed, and, where they must be trusted, checked. The Win32 edge of
   config_include.h. */
#ifndef PORTLISTENER_CONFIG_CONFIG_FILES_H
#define PORTLISTENER_CONFIG_CONFIG_FILES_H

#include "base/whole_file.h"
#include "config/config.h"

struct config_files {
    struct config_include_source source;
    bool must_be_trusted; /* a file that others than administrators can change is not read */
};

void config_files_init(struct config_files *files, bool must_be_trusted);

/* config_files_read: as whole_file_read; a file that must be trusted and is not cannot be read. */
bool config_files_read(const struct config_files *files, const char *path, size_t most,
                       struct whole_file *file_out, struct text *problem);

#endif
