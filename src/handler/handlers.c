/* SPDX-License-Identifier: MIT
   The built-in handlers. A new one adds a line here and a file beside this one. */
#include "handler/handlers.h"

#include "handler/discard.h"
#include "handler/echo.h"

const struct pl_handler *const handlers_builtin[] = {
    &discard_handler,
    &echo_handler,
    NULL,
};
