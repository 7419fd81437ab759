/* SPDX-License-Identifier: MIT
   Whether a handler's descriptor and this host fit together. No Windows header. */
#ifndef PORTLISTENER_HANDLER_HANDSHAKE_H
#define PORTLISTENER_HANDLER_HANDSHAKE_H

#include <stdbool.h>

#include "base/text.h"
#include "portlistener/handler.h"

/* handshake_check: whether `handler`, what a DLL's portlistener_handler returned or NULL, can be run here and is named
   `name`. False: what is wrong and what to do are added to `problem`. Of the descriptor nothing behind its size is
   read. */
bool handshake_check(const struct pl_handler *handler, const char *name, struct text *problem);

#endif
