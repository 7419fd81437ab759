/* SPDX-License-Identifier: MIT
   The handler "chargen" (RFC 864): characters without end over TCP, a datagram full of them over UDP.

   Over UDP it is what floods were made with: some hundred bytes for one in somebody else's name. Here an answer is no
   longer than reply_limit allows, 1.0 by default: as long as the question, so that nothing is won by asking. Where that
   is lifted, `allow` should say who may ask. Over TCP a client gets what it reads and no more is made than that. */
#ifndef PORTLISTENER_HANDLER_CHARGEN_H
#define PORTLISTENER_HANDLER_CHARGEN_H

#include "portlistener/handler.h"

extern const struct pl_handler chargen_handler;

#endif
