/* SPDX-License-Identifier: MIT
   The handler "echo" (RFC 862): sends back what it receives, over TCP and UDP. */
#ifndef PORTLISTENER_HANDLER_ECHO_H
#define PORTLISTENER_HANDLER_ECHO_H

#include "portlistener/handler.h"

extern const struct pl_handler echo_handler;

#endif
