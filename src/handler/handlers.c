/* SPDX-License-Identifier: MIT
   The built-in handlers. A new one adds its name here and a file beside this one. */
#include "handler/handlers.h"

#include "handler/banner.h"
#include "handler/chargen.h"
#include "handler/daytime.h"
#include "handler/discard.h"
#include "handler/echo.h"
#include "handler/qotd.h"
#include "handler/time.h"

const struct pl_handler *const handlers_builtin[] = {
    &banner_handler, &chargen_handler, &daytime_handler, &discard_handler,
    &echo_handler,   &qotd_handler,    &time_handler,    NULL,
};
