/* SPDX-License-Identifier: MIT
   The handler "banner": says a text to whoever asks, over TCP and UDP, then closes or waits. For tests of ports, and to
   look like something that is not there. */
#ifndef PORTLISTENER_HANDLER_BANNER_H
#define PORTLISTENER_HANDLER_BANNER_H

#include "portlistener/handler.h"

extern const struct pl_handler banner_handler;

#endif
