/* SPDX-License-Identifier: MIT
   Windows paths of a configuration: variables expanded, made full, checked by name; touches no file, and no
   Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_PATH_H
#define PORTLISTENER_CONFIG_CONFIG_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/config_value.h"

/* config_path_resolve: the full path, on the heap, that at[0..length) means in `folder`, a full path: %NAME%
   and <service> replaced, / as \, without . and .. and double separators. NULL with a fault for what is no
   path or would surprise: names that Windows reserves or changes, a drive without a folder. With `is_file` a
   path that can only be a folder is refused, too. */
char *config_path_resolve(const char *at, size_t length, const char *folder, bool is_file,
                          const struct config_source *source, struct config_fault *fault_out);

#endif
