/* SPDX-License-Identifier: MIT
   The deadlines of one connection: when the first of them is due, and which one has passed. No Windows header.

   Moments are ticks of the worker's clock (see timer_wheel.h) in 32 bits, so that each costs a connection 4 bytes; they
   wrap around after 13 years. A deadline is due when its time has passed since the end of its moment's tick: never
   early, and less than a tick late. */
#ifndef PORTLISTENER_CONNECTION_DEADLINES_H
#define PORTLISTENER_CONNECTION_DEADLINES_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

enum deadline {
    DEADLINE_NONE,
    DEADLINE_HEADER, /* proxy_timeout */
    DEADLINE_CLOSE,
    DEADLINE_SEND,
    DEADLINE_FIRST_BYTE,
    DEADLINE_IDLE,
    DEADLINE_LIFETIME
};

/* How a connection stands. */
struct deadlines {
    uint32_t opened; /* these three in ticks */
    uint32_t last_activity;
    uint32_t last_progress; /* of sending; once our FIN is out: when that was, or bytes came since */
    bool awaits_header;     /* of the PROXY protocol */
    bool awaits_first_byte;
    bool is_sending; /* something is queued */
    bool is_fin_sent;
    bool is_past_lifetime; /* and closing for that: close_timeout is all that is left of it */
    bool has_unseen;       /* bytes or the end have come, in time perhaps, and nobody has looked at them */
};

/* deadlines_tick: the moment of a time in milliseconds. deadlines_rest: what that leaves out. */
uint32_t deadlines_tick(uint64_t now);
uint32_t deadlines_rest(uint64_t now);

/* deadlines_age: milliseconds since a moment and its rest. */
uint64_t deadlines_age(uint32_t moment, uint32_t rest, uint64_t now);

/* deadlines_next: when the first one is due, or was; UINT64_MAX: never. */
uint64_t deadlines_next(const struct deadlines *deadlines, const struct config_endpoint *config,
                        uint64_t now);

/* deadlines_passed: the one that is due; of several the first in the enum. NONE: none is, or what is unseen may move it. */
enum deadline deadlines_passed(const struct deadlines *deadlines, const struct config_endpoint *config,
                               uint64_t now);

#endif
