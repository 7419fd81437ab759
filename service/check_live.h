/* SPDX-License-Identifier: MIT
   "check --live": what the running service listens on, tried from this machine. */
#ifndef PORTLISTENER_SERVICE_CHECK_LIVE_H
#define PORTLISTENER_SERVICE_CHECK_LIVE_H

#include "arguments.h"
#include "output.h"

enum exit_code check_live_run(const struct arguments *arguments, struct streams *streams);

#endif
