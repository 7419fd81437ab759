/* SPDX-License-Identifier: MIT
   The handlers in DLLs that a configuration names: each loaded once, held as long as the configuration. No Windows
   header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_PLUGINS_H
#define PORTLISTENER_CONFIG_CONFIG_PLUGINS_H

#include "config/config_options.h"

struct config_plugin {
    struct config_plugin *next;
    const struct config_plugin_source *source;
    void *held;                     /* of the source; NULL: it could not be loaded */
    struct config_options *options; /* NULL: it cannot be used */
    char file[];                    /* as the endpoint that came first writes it */
};

/* config_plugins_is_file: whether a value of `handler` names a DLL: it ends with ".dll". */
bool config_plugins_is_file(const char *at, size_t length);

/* config_plugins_find: the options of the handler in this file, for an endpoint that names it in this line; loaded, if it
   is not yet, and then what is wrong with it is a problem there. NULL: it cannot be used, which has been told. */
const struct config_options *config_plugins_find(struct config *config,
                                                 const struct config_plugin_source *source, const char *file,
                                                 const struct config_origin *origin,
                                                 struct config_problems *problems);

void config_plugins_fini(struct config *config);

#endif
