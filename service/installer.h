/* SPDX-License-Identifier: MIT
   The installation of a service, step by step: a ladder in which each step is told, one that matters for safety ends it and
   has the steps before it undone, and any other that the system refuses is named and passed over. Over a service of
   ours that is there already it is an upgrade. */
#ifndef PORTLISTENER_SERVICE_INSTALLER_H
#define PORTLISTENER_SERVICE_INSTALLER_H

#include <stdbool.h>

#include "install_places.h"
#include "output.h"

struct installer_request {
    const char *service;
    const struct install_places *places;
    const char *account; /* NULL: what an upgrade finds, unless it is LocalSystem; else the service's own */
    const char *config_file; /* NULL: what an upgrade finds, else that of the data folder */
    bool is_delayed;         /* it starts some minutes after the machine */
    bool wants_firewall;
    bool wants_start; /* starts it at the end, unless it is for manual start only or disabled */
    bool is_dry_run;  /* nothing is changed */
};

/* installer_run: EXIT_CODE_DONE also where a step that may be refused was; `streams->err` tells how many. */
enum exit_code installer_run(const struct installer_request *request, struct streams *streams);

#endif
