/* SPDX-License-Identifier: MIT
   A text that is shown again and again: on a console always at the same place, elsewhere one behind the other. */
#ifndef PORTLISTENER_SERVICE_SCREEN_H
#define PORTLISTENER_SERVICE_SCREEN_H

#include <stdbool.h>

#include "base/text.h"
#include "base/win.h"
#include "output.h"

struct screen {
    struct output *output;
    bool is_console;
    bool is_begun;
    SHORT last_row; /* under what was drawn */
};

void screen_init(struct screen *screen, struct output *output);

/* screen_show: on a console, lines that are too long or too many are cut. */
void screen_show(struct screen *screen, const struct text *text);

/* screen_leave: what is written next stands under it. May be called twice. */
void screen_leave(struct screen *screen);

#endif
