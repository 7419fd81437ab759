/* SPDX-License-Identifier: MIT
   The handler "discard" (RFC 863): takes everything and answers nothing, over TCP and UDP. */
#ifndef PORTLISTENER_HANDLER_DISCARD_H
#define PORTLISTENER_HANDLER_DISCARD_H

#include "portlistener/handler.h"

extern const struct pl_handler discard_handler;

#endif
