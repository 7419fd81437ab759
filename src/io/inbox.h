/* SPDX-License-Identifier: MIT
   How other threads reach a worker: they push messages, the worker takes them all, in the order they came. No
   lock. */
#ifndef PORTLISTENER_IO_INBOX_H
#define PORTLISTENER_IO_INBOX_H

#include <stdbool.h>
#include <stddef.h>

struct worker;

/* Lies in the sender's object; it belongs to the inbox from push until `run` is called, on the worker's
   thread. */
struct message {
    struct message *next;
    void (*run)(struct message *message, struct worker *worker);
};

struct inbox {
    struct message *volatile newest;
};

/* inbox_push: `first` to `last`, linked by `next` from the oldest to the newest; what `last` itself points to
   is of no account. Any thread. */
void inbox_push(struct inbox *inbox, struct message *first, struct message *last);

/* inbox_take: all messages, oldest first; NULL when there is none. The worker only. */
struct message *inbox_take(struct inbox *inbox);

static inline bool inbox_is_empty(const struct inbox *inbox)
{
    return inbox->newest == NULL;
}

#endif
