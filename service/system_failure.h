/* SPDX-License-Identifier: MIT
   A call of the system that failed, as what a command fails with. */
#ifndef PORTLISTENER_SERVICE_SYSTEM_FAILURE_H
#define PORTLISTENER_SERVICE_SYSTEM_FAILURE_H

#include <stdbool.h>

#include "base/failure.h"
#include "base/win.h"

/* system_failure: what could not be done, and the system's words for the error; EXIT_CODE_ACCESS_DENIED where that is the
   reason. Returns false, for who returns it. */
bool system_failure(struct failure *failure_out, DWORD error, const char *what);

#endif
