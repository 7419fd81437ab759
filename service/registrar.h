/* SPDX-License-Identifier: MIT
   Writes what registration.h describes: to the service manager and the registry. Everything returns ERROR_SUCCESS or why
   not. */
#ifndef PORTLISTENER_SERVICE_REGISTRAR_H
#define PORTLISTENER_SERVICE_REGISTRAR_H

#include <stdbool.h>

#include "base/win.h"
#include "registration.h"

/* What a handle to a service needs for all of this, and for starting, stopping and deleting it. */
enum {
    REGISTRAR_ACCESS = SERVICE_CHANGE_CONFIG | SERVICE_QUERY_STATUS | SERVICE_START | SERVICE_STOP | DELETE
};

/* registrar_open: the service of this name, for CloseServiceHandle. */
DWORD registrar_open(SC_HANDLE manager, const char *service, SC_HANDLE *handle_out);

/* registrar_create: a service with its command line, account, start and display name. registrar_change: another command
   line for one that is there, and another account unless it keeps its own. How it starts stays. */
DWORD registrar_create(SC_HANDLE manager, const char *service, const struct registration *registration,
                       SC_HANDLE *handle_out);
DWORD registrar_change(SC_HANDLE handle, const struct registration *registration, bool keeps_account);

/* registrar_set: one of the other parts but the event source. registrar_delay: it starts some minutes after the machine. */
DWORD registrar_set(SC_HANDLE handle, const char *service, enum registration_part part,
                    const struct registration *registration);
DWORD registrar_delay(SC_HANDLE handle);

/* registrar_set_source: the event source of this name, with the file of its texts; `is_new_out`: there was none, also when it
   fails then. registrar_find_source: its file, for memory_free; NULL: there is none. registrar_remove_source: removes it. */
DWORD registrar_set_source(const char *service, const char *event_file, bool *is_new_out);
DWORD registrar_find_source(const char *service, char **file_out);
DWORD registrar_remove_source(const char *service);

#endif
