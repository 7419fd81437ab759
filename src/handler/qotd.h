/* SPDX-License-Identifier: MIT
   The handler "qotd" (RFC 865): tells one of the quotes of a file, over TCP and UDP. */
#ifndef PORTLISTENER_HANDLER_QOTD_H
#define PORTLISTENER_HANDLER_QOTD_H

#include "portlistener/handler.h"

extern const struct pl_handler qotd_handler;

#endif
