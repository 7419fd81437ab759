/* SPDX-License-Identifier: MIT
   The removal of a service that the installation made, and of nothing that only has the same name. */
#ifndef PORTLISTENER_SERVICE_UNINSTALLER_H
#define PORTLISTENER_SERVICE_UNINSTALLER_H

#include "installer.h"

struct uninstaller_request {
    const char *service;
    const struct install_places *places;
    bool wants_purge;   /* the configuration and the data as well */
    bool keeps_program; /* somebody else removes the program's files */
    bool is_dry_run;    /* nothing is changed */
};

/* uninstaller_run: EXIT_CODE_FAILED when something of it stays that should not; `streams->err` tells. While the service
   cannot be removed, nothing else is. */
enum exit_code uninstaller_run(const struct uninstaller_request *request, struct streams *streams);

#endif
