/* SPDX-License-Identifier: MIT
   Rotations, see rotation.h. */
#include "base/rotation.h"

#include "base/text.h"

void rotation_tell(struct rotation *rotation_out, enum rotation_state state, const char *what,
                   const char *why)
{
    struct text text;
    rotation_out->state = state;
    text_init(&text, rotation_out->text, sizeof rotation_out->text);
    text_add_string(&text, what);
    text_add_string(&text, why);
}
