/* SPDX-License-Identifier: MIT
   What the log tells of that strangers can bring about at will: one table, notices.def. At most once a minute for each
   endpoint and row, with the number since the last line; what is left is told when the endpoint stops. */
#ifndef PORTLISTENER_ENDPOINT_NOTICE_H
#define PORTLISTENER_ENDPOINT_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/events.h"
#include "base/text.h"
#include "base/win.h"
#include "config/config.h"
#include "stats/stats.h"

#define NOTICE(counter, kind, section, key, why) NOTICE_##counter,
enum notice {
#include "endpoint/notices.def"
    NOTICE_PROXY_HEADER, /* a bad one; see endpoint_tell_header */
    NOTICE_CONNECT,      /* one of the handler's that failed; see endpoint_tell_connect */
    NOTICE_COUNT
};
#undef NOTICE

/* Where the values of keys come from. */
struct notice_configs {
    const struct config_endpoint *endpoint;
    const struct config_service *service;
};

/* notice_of: what is told of the thing that `counter` counts; COUNT: nothing. */
enum notice notice_of(enum counter counter);

/* notice_event: what it is logged as. */
enum event notice_event(enum notice notice);

/* notice_add: one of them, under this configuration. `client` may be NULL where the kind has none. Not of
   PROXY_HEADER and CONNECT. */
void notice_add(struct text *text, enum notice notice, const struct notice_configs *configs,
                const struct pl_address *client);

/* notice_add_rest: `count` more of them, when no other line will tell. */
void notice_add_rest(struct text *text, enum notice notice, const struct notice_configs *configs, LONG count);

/* notice_add_untold: to a line, that there were `count` more since the last one; nothing when there were none. */
void notice_add_untold(struct text *text, LONG count);

/* One for each notice; all zero at first. */
struct notice_gate {
    volatile LONG64 told_at; /* 0: never */
    volatile LONG untold;    /* since then */
};

/* notice_gate_pass: one more of them, now (milliseconds): how many others there were since one was told; -1: this one is
   not told either, only counted. notice_gate_take_rest: how many were not told. Any thread, without a lock. */
LONG notice_gate_pass(struct notice_gate *gate, uint64_t now);
LONG notice_gate_take_rest(struct notice_gate *gate);

/* Those of an endpoint; all zero at first. Most endpoints never need them: they are made when something is to be told for
   the first time. */
struct notice_gates {
    void *volatile at;
};

/* notice_gates_pass: of this notice, as notice_gate_pass; -1 as well when there is no memory for the gates: then it is not
   told of, ever. Any thread. */
LONG notice_gates_pass(struct notice_gates *gates, enum notice notice, uint64_t now);

/* notice_gates_take_rest: likewise, as notice_gate_take_rest. notice_gates_fini: nobody passes any more; what was not
   told is forgotten. */
LONG notice_gates_take_rest(struct notice_gates *gates, enum notice notice);
void notice_gates_fini(struct notice_gates *gates);

#endif
