/* SPDX-License-Identifier: MIT
   Handlers in DLLs. A plugin is one loaded copy of a DLL's file; when the file is replaced, the next one who asks gets
   another plugin, and those who hold the old one go on with it. What the code of a DLL does in DllMain and in
   portlistener_handler nothing protects from: it may hang or crash the process.

       plugin = plugins_find(plugins, "echo.dll", &failure);
       handler = plugin_handler(plugin);    valid while it is held
       ...
       plugin_release(plugin);

   Any thread, unless said otherwise; one loads or unloads at a time. Not on a worker: the disk is slow. */
#ifndef PORTLISTENER_HANDLER_PLUGIN_H
#define PORTLISTENER_HANDLER_PLUGIN_H

#include <stdbool.h>

#include "base/failure.h"
#include "portlistener/handler.h"

struct plugin;
struct plugins;

struct plugins_options {
    const char *folder;       /* full path, plugin_dir: where the files are */
    const char *cache_folder; /* full path: where their copies go; for this program alone */
    bool must_be_trusted; /* a file that others than administrators can change: refused; else only told ... */
    void (*warn)(void *context, const char *text); /* ... here, inside of plugins_find */
    void (*late)(void *context, const char *text); /* its DllMain or portlistener_handler lasts, see below */
    void *context;
};

enum { PLUGIN_LOAD_LIMIT = 5000 /* milliseconds until that is told, by whoever calls plugins_find */ };

/* plugins_create: the options are copied. Copies that crashed processes have left in the cache are deleted. NULL: no
   memory. */
struct plugins *plugins_create(const struct plugins_options *options);

/* plugins_destroy: none is held any more. NULL is allowed. */
void plugins_destroy(struct plugins *plugins);

/* plugins_find: the plugin in this file of the folder ("echo.dll"), loaded, or held by somebody already with the very
   same bytes. The caller holds it, and releases it. NULL: `failure_out` says why and what to do. With `late`, what runs of
   the plugin does on a thread of its own, if one can be had, so that it can be told that it does not return: nobody else
   could tell why its caller waits. Without, there is nothing to be told. */
struct plugin *plugins_find(struct plugins *plugins, const char *file_name, struct failure *failure_out);

void plugin_hold(struct plugin *plugin);

/* plugin_release: with the last one its DLL is unloaded, and its copy deleted; but not where it has PL_STAYS_LOADED. No
   code of it may run any more. */
void plugin_release(struct plugin *plugin);

/* plugin_handler: never NULL, checked by handshake.h. */
const struct pl_handler *plugin_handler(const struct plugin *plugin);

#endif
