/* SPDX-License-Identifier: MIT
   Where the program's configurations have their handlers in DLLs from. */
#ifndef PORTLISTENER_PLUGIN_LOADER_H
#define PORTLISTENER_PLUGIN_LOADER_H

#include <stdbool.h>

#include "base/win.h"
#include "config/config.h"

struct plugins;

struct plugin_loader {
    struct config_plugin_source source; /* for configurations, which end before it does */
    struct plugins *plugins; /* NULL: nobody has asked for one; then of the folders of who asked first */
    struct text *warning;    /* of who asks now */
    enum config_trust trust; /* whether a DLL that others can change is refused, told of, or taken */
    /* Set before it is used; NULL: nobody wants to know. A plugin does not return from DllMain or from its export; on the
       thread that reads the configuration, which waits. */
    void (*late)(void *context, const char *text);
    void *late_context;
    SRWLOCK lock; /* for `loading`: the file that is being loaded, cut where it is long; "": none */
    char loading[64];
};

void plugin_loader_init(struct plugin_loader *loader, enum config_trust trust);
void plugin_loader_fini(struct plugin_loader *loader);

/* plugin_loader_is_loading: adds to `text` which plugin is being loaded, as "the plugin NAME.dll"; false: none is. Any
   thread; waits for no plugin. */
bool plugin_loader_is_loading(const struct plugin_loader *loader, struct text *text);

#endif
