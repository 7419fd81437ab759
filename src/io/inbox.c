/* SPDX-License-Identifier: MIT
   Messages between threads, see inbox.h. Inside, the newest comes first. */
#include "io/inbox.h"

#include "base/win.h"

static struct message *inbox__reverse(struct message *message)
{
    struct message *reversed = NULL;
    while (message != NULL) {
        struct message *next = message->next;
        message->next = reversed;
        reversed = message;
        message = next;
    }
    return reversed;
}

void inbox_push(struct inbox *inbox, struct message *first, struct message *last)
{
    last->next = NULL;
    struct message *newest = inbox__reverse(first); /* `first` is its end now */
    struct message *seen = inbox->newest;
    for (;;) {
        first->next = seen;
        struct message *found =
            InterlockedCompareExchangePointer((PVOID volatile *)&inbox->newest, newest, seen);
        if (found == seen) {
            return;
        }
        seen = found;
    }
}

struct message *inbox_take(struct inbox *inbox)
{
    return inbox__reverse(InterlockedExchangePointer((PVOID volatile *)&inbox->newest, NULL));
}
