/* SPDX-License-Identifier: MIT
   The handler "time" (RFC 868): tells the seconds since 1900 as four bytes, over TCP and UDP. */
#ifndef PORTLISTENER_HANDLER_TIME_H
#define PORTLISTENER_HANDLER_TIME_H

#include "portlistener/handler.h"

extern const struct pl_handler time_handler;

#endif
