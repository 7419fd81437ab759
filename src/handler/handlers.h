/* SPDX-License-Identifier: MIT
   The built-in handlers: one explicit array. */
#ifndef PORTLISTENER_HANDLER_HANDLERS_H
#define PORTLISTENER_HANDLER_HANDLERS_H

#include "portlistener/handler.h"

/* In alphabetical order, ends with NULL. */
extern const struct pl_handler *const handlers_builtin[];

#endif
