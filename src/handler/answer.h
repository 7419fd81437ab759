/* SPDX-License-Identifier: MIT
   One answer, whatever was asked: the form of daytime, time, qotd and banner, and of chargen over UDP. Over TCP it is
   sent to whoever connects, and the connection closed; over UDP it is one datagram for each that comes. A state of such
   a handler begins with a struct answer, and its callbacks are those of this file. */
#ifndef PORTLISTENER_HANDLER_ANSWER_H
#define PORTLISTENER_HANDLER_ANSWER_H

#include <stdbool.h>

#include "portlistener/handler.h"

enum { ANSWER_MAX = 4096, ANSWER_ROOM = ANSWER_MAX + 1 /* a NUL may stand behind it */ };

struct answer {
    const pl_host *host;
    size_t (*write)(const struct answer *answer, const pl_info *info, char *room);
    bool waits;   /* TCP: until the client closes */
    bool may_cut; /* UDP: what is longer than reply_limit allows is cut, not dropped */
};

/* answer_create: the state of an endpoint, `size` bytes that begin with a struct answer, all else 0; start->state is
   set to it. `write` writes at most ANSWER_ROOM bytes and returns how many of them, up to ANSWER_MAX, are the answer;
   several workers call it at once. NULL, with a message, when there is no memory. */
void *answer_create(pl_start *start, size_t size,
                    size_t (*write)(const struct answer *answer, const pl_info *info, char *room));

/* answer_stop: frees it. */
void answer_stop(void *state);

/* answer_pick: a number below `count`, as likely as any other, and another one for each connection and datagram. */
uint32_t answer_pick(const pl_info *info, uint32_t count);

int32_t answer_on_open(void *state, pl_id id, void **user, const pl_info *info);
size_t answer_on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length);
void answer_on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                        const pl_info *info);

#endif
