/* SPDX-License-Identifier: MIT
   The installation of a service, step by step: a ladder in which each step is told, one that matters for safety ends it and
   has the steps before it undone, and any other that the system refuses is named and passed over. Over a service of
   ours that is there already it is an upgrade. */
#ifndef PORTLISTENER_SERVICE_INSTALLER_H
#define PORTLISTENER_SERVICE_INSTALLER_H

#include <stdbool.h>

#include "output.h"

#define INSTALLER_PROGRAM "portlistener.exe"
#define INSTALLER_EVENTS  "portlistener-events.dll"
#define INSTALLER_INI     "portlistener.ini"

/* Where things are and go to; full paths of folders, in UTF-8. */
struct installer_places {
    char *own;     /* the program that runs: a file */
    char *source;  /* its folder, with the DLL of the event texts and the configuration to begin with */
    char *program; /* where the program goes */
    char *data;    /* the service's own */
};

/* installer_find_places: those of a service of this name on this machine. False: `failure_out`. installer_free_places: in
   either case. */
bool installer_find_places(struct installer_places *places_out, const char *service,
                           struct failure *failure_out);
void installer_free_places(struct installer_places *places);

/* installer_is_name: whether the name can be a part of paths and command lines: letters, digits, - and _, and dots but not
   at its ends; at most 80. */
bool installer_is_name(const char *service);

/* installer_is_ours: whether the command line runs a program of these places. */
bool installer_is_ours(const struct installer_places *places, const char *image);

/* installer_check_rights: whether who runs this may register services and event sources. */
bool installer_check_rights(struct failure *failure_out);

struct installer_request {
    const char *service;
    const struct installer_places *places;
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
