/* SPDX-License-Identifier: MIT
   The configuration that a command line means, read as a start would read it, with the handlers in DLLs that it names. */
#ifndef PORTLISTENER_LOADED_CONFIG_H
#define PORTLISTENER_LOADED_CONFIG_H

#include "arguments.h"
#include "config/config.h"
#include "config/config_registry.h"
#include "plugin_loader.h"

/* What is read: the file, with or without the registry. */
enum loaded_config_extent {
    LOADED_CONFIG_ALL,
    LOADED_CONFIG_TO_CHECK, /* all; who can change it and its plugins is not told: the check does that itself */
    LOADED_CONFIG_FILE
};

struct loaded_config {
    char *path;                   /* of the file */
    const char *service;          /* its name */
    struct config_registry given; /* what the files say, as they say it; of LOADED_CONFIG_FILE */
    struct plugin_loader loader;
    struct config_problems problems;
    struct config *config; /* NULL: `problems` say why */
};

/* loaded_config_open: with the registry, where `extent` says so. False: there is no such file, see `failure_out`, and nothing to close. */
bool loaded_config_open(struct loaded_config *loaded, const struct arguments *arguments,
                        enum loaded_config_extent extent, struct failure *failure_out);
void loaded_config_close(struct loaded_config *loaded);

/* loaded_config_code: of the command, for one that has problems instead of a configuration. */
enum exit_code loaded_config_code(const struct loaded_config *loaded);

#endif
