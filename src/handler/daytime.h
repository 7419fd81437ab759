/* SPDX-License-Identifier: MIT
   The handler "daytime" (RFC 867): tells the date and time as a line of text, over TCP and UDP. */
#ifndef PORTLISTENER_HANDLER_DAYTIME_H
#define PORTLISTENER_HANDLER_DAYTIME_H

#include "portlistener/handler.h"

extern const struct pl_handler daytime_handler;

#endif
