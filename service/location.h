/* SPDX-License-Identifier: MIT
   Where things are: the program, its folder, the configuration file of a service. */
#ifndef PORTLISTENER_SERVICE_LOCATION_H
#define PORTLISTENER_SERVICE_LOCATION_H

#include "base/failure.h"

/* location_config: the configuration file of `service`: `given` (of --config, may be NULL), else what the
   service's registry value ConfigFile names (a relative path begins in the folder of the program), else
   portlistener.ini beside the program. A full path on the heap for memory_free, of a file that could be
   opened just now; where none was given, it may be missing, if the registry has an endpoint. NULL with EXIT_CODE_CONFIGURATION or EXIT_CODE_ACCESS_DENIED, and where it was looked for,
   or with EXIT_CODE_FAILED, without memory. */
char *location_config(const char *service, const char *given, struct failure *failure_out);

#endif
