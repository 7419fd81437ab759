/* SPDX-License-Identifier: MIT
   The callback that a thread is in, see callback_mark.h. */
#include "base/callback_mark.h"

/* Of the next callback it may be while this one is read; then the number has changed. x64 keeps the order of stores and
   that of loads; on processors that do not, one that ends in this very moment may be told with another one's texts. One
   that lasts long enough to be reported has been in memory for long. */
uint32_t callback_mark_read(const struct callback_mark *mark, struct callback *callback_out)
{
    const uint32_t number = mark->number;
    *callback_out = (struct callback){
        .endpoint = mark->endpoint, .handler = mark->handler, .name = mark->name, .id = mark->id};
    if ((number & 1U) == 0 || mark->number != number) {
        *callback_out = (struct callback){.endpoint = NULL};
        return 0;
    }
    return number;
}

void callback_add(struct text *text, const struct callback *callback)
{
    text_add_format(text, "the handler %s has not returned from %s", callback->handler, callback->name);
}
