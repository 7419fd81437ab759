/* SPDX-License-Identifier: MIT
   Folders for tests of plugins: one for their files and one for the copies. The plugins of tests/plugins are taken from
   beside the test program. For the test's own thread, with cmocka's asserts inside. */
#ifndef PORTLISTENER_TESTS_SUPPORT_PLUGIN_FOLDERS_H
#define PORTLISTENER_TESTS_SUPPORT_PLUGIN_FOLDERS_H

#include <stdbool.h>

#include "handler/plugin.h"
#include "support/folder.h"

struct plugin_folders {
    struct folder files;
    struct folder cache;
    struct plugins *plugins; /* NULL: none */
    unsigned warnings;
    char warning[1200]; /* the last one */
};

/* plugin_folders_init: both are empty. plugin_folders_fini: destroys `plugins`, too. */
void plugin_folders_init(struct plugin_folders *folders);
void plugin_folders_fini(struct plugin_folders *folders);

/* plugin_folders_put: the plugin `name` of the tests as the file NAME.dll; `extra` bytes are added behind its end, which
   changes nothing that it does. */
void plugin_folders_put(struct plugin_folders *folders, const char *name, size_t extra);

/* plugin_folders_start: creates `plugins` of them. */
void plugin_folders_start(struct plugin_folders *folders, bool must_be_trusted);

/* plugin_folders_trust: from now on, until the seam is restored, all files belong to the administrators, and nobody else
   may do anything. */
void plugin_folders_trust(void);

#endif
