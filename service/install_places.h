/* SPDX-License-Identifier: MIT
   Where the installation puts things, and which of what is there is its own. */
#ifndef PORTLISTENER_SERVICE_INSTALL_PLACES_H
#define PORTLISTENER_SERVICE_INSTALL_PLACES_H

#include <stdbool.h>

#include "base/failure.h"

#define INSTALL_PLACES_PROGRAM "portlistener.exe"
#define INSTALL_PLACES_EVENTS  "portlistener-events.dll"
#define INSTALL_PLACES_INI     "portlistener.ini"

/* Where things are and go to; full paths of folders, in UTF-8. */
struct install_places {
    char *own;     /* the program that runs: a file */
    char *source;  /* its folder, with the DLL of the event texts and the configuration to begin with */
    char *program; /* where the program goes */
    char *target;  /* the program there: a file */
    char *data;    /* the service's own */
};

/* install_places_find: those of a service of this name on this machine. False: `failure_out`. install_places_free: in
   either case. */
bool install_places_find(struct install_places *places_out, const char *service, struct failure *failure_out);
void install_places_free(struct install_places *places);

/* install_places_is_name: whether the name can be a part of paths and command lines: letters, digits, _, - but not at its beginning
   (it would be an option whose name was forgotten), and dots but not at its ends; at most 80. */
bool install_places_is_name(const char *service);

/* install_places_are_of: whether the command line runs a program of these places. install_places_have_texts: whether the file
   of an event source is one of ours, by its name. */
bool install_places_are_of(const struct install_places *places, const char *image);
bool install_places_have_texts(const char *event_file);

/* install_places_check_rights: whether who runs this may register services and event sources. */
bool install_places_check_rights(struct failure *failure_out);

#endif
