/* SPDX-License-Identifier: MIT
   How many connections a second may be taken: a bucket of tokens, one for each connection, that fills by itself. It is
   one 64-bit number, so that several acceptors can share it by compare and exchange; see admission.c. Integers only. No
   Windows header. */
#ifndef PORTLISTENER_ACCEPT_ACCEPT_RATE_H
#define PORTLISTENER_ACCEPT_ACCEPT_RATE_H

#include <stdint.h>

struct accept_rate {
    uint32_t per_second; /* 1 to 1,000,000; 0: no limit */
    uint32_t burst;      /* tokens in a full bucket */
};

/* accept_rate_make: `burst` 0 is as much as a second brings. It is never less than a fifth of that: timers come every
   tenth of a second, and what they bring must fit. */
struct accept_rate accept_rate_make(uint32_t per_second, uint32_t burst);

/* The state of a bucket is when it will be full, in thousandths of a token since time 0; 0 at first. `now` is in
   milliseconds and never goes back.

   accept_rate_tokens: connections that may be taken now; UINT32_MAX: as many as come. */
uint32_t accept_rate_tokens(const struct accept_rate *rate, uint64_t state, uint64_t now);

/* accept_rate_take: the state when one is taken; there is one. */
uint64_t accept_rate_take(const struct accept_rate *rate, uint64_t state, uint64_t now);

/* accept_rate_next: when there is a token, at the earliest; `now` when there is one. */
uint64_t accept_rate_next(const struct accept_rate *rate, uint64_t state, uint64_t now);

#endif
