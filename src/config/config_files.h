/* SPDX-License-Identifier: MIT
   The files of a configuration on disk: read, listed, and, where they must be trusted, checked. The Win32 edge of
   config_include.h. */
#ifndef PORTLISTENER_CONFIG_CONFIG_FILES_H
#define PORTLISTENER_CONFIG_CONFIG_FILES_H

#include "base/whole_file.h"
#include "config/config.h"

struct config_files {
    struct config_include_source source;
    enum config_trust trust;
    struct config_problems *problems; /* take the warnings */
};

void config_files_init(struct config_files *files, enum config_trust trust, struct config_problems *problems);

/* config_files_read: as whole_file_read; a file that must be trusted and is not cannot be read. One that need not be is told
   of when it is read, once. */
bool config_files_read(const struct config_files *files, const char *path, size_t most,
                       struct whole_file *file_out, struct text *problem);

#endif
