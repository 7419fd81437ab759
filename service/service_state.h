/* SPDX-License-Identifier: MIT
   Stopping and starting a service, as the installation needs it: done when these return. */
#ifndef PORTLISTENER_SERVICE_SERVICE_STATE_H
#define PORTLISTENER_SERVICE_SERVICE_STATE_H

#include <stdbool.h>

#include "base/failure.h"
#include "base/win.h"

/* How long both wait: longer than any drain that people have. */
enum { SERVICE_STATE_PATIENCE = 150000, SERVICE_STATE_POLL = 50 /* milliseconds */ };

/* service_state_stop: `ran_out`: whether it was not stopped before. The handle needs SERVICE_STOP | SERVICE_QUERY_STATUS. */
bool service_state_stop(SC_HANDLE service, bool *ran_out, struct failure *failure_out);

/* service_state_start: until it runs; false also when it stops instead. SERVICE_START | SERVICE_QUERY_STATUS. */
bool service_state_start(SC_HANDLE service, struct failure *failure_out);

#endif
