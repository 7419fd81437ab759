/* SPDX-License-Identifier: MIT
   Which callback of a handler a thread is in: written by the thread, at the price of some stores, read by others: for
   the report on one that does not return. No clock is read: who looks twice and finds the same number knows how long
   it lasts at least. */
#ifndef PORTLISTENER_BASE_CALLBACK_MARK_H
#define PORTLISTENER_BASE_CALLBACK_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* The texts are kept, not copied: they live as long as the mark is read. */
struct callback {
    const char *endpoint; /* NULL: none */
    const char *handler;
    const char *name; /* "on_data" */
    uint64_t id;
};

/* The name of what a handler has posted. */
#define CALLBACK_POSTED "a posted function"

/* All zero at first. */
struct callback_mark {
    const char *volatile endpoint;
    const char *volatile handler;
    const char *volatile name;
    volatile uint64_t id;
    volatile uint32_t number; /* one more at each enter and leave: odd inside */
};

/* callback_mark_enter, callback_mark_leave: around each callback; on the thread itself, by turns. */
static inline void callback_mark_enter(struct callback_mark *mark, const char *endpoint, const char *handler,
                                       const char *name, uint64_t id)
{
    mark->endpoint = endpoint;
    mark->handler = handler;
    mark->name = name;
    mark->id = id;
    mark->number = mark->number + 1;
}

static inline void callback_mark_leave(struct callback_mark *mark)
{
    mark->number = mark->number + 1;
}

/* callback_mark_is_in: whether it is inside. Any thread. */
static inline bool callback_mark_is_in(const struct callback_mark *mark)
{
    return (mark->number & 1U) != 0;
}

/* callback_mark_read: the number of the callback that it is in, of this thread's in the order in which they came, and
   which it is; 0: none, and `callback_out` is all zero. Any thread. */
uint32_t callback_mark_read(const struct callback_mark *mark, struct callback *callback_out);

/* callback_add: "the handler echo has not returned from on_data". */
void callback_add(struct text *text, const struct callback *callback);

#endif
