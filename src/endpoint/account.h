/* SPDX-License-Identifier: MIT
   What an endpoint keeps for its handler: how much it has logged of late, its timer. Most endpoints have none. */
#ifndef PORTLISTENER_ENDPOINT_ACCOUNT_H
#define PORTLISTENER_ENDPOINT_ACCOUNT_H

#include "base/win.h"
#include "io/pulse.h"
#include "portlistener/handler.h"

enum {
    ACCOUNT_LEVELS = PL_LOG_DEBUG + 1,
    ACCOUNT_LINES = 10 /* of the log, of each level, that a handler may write in a second */
};

struct account_gate {
    volatile LONG64 second; /* of the clock, in which `lines` were written */
    volatile LONG lines;
    volatile LONG untold; /* since the last one that was written */
};

struct account {
    struct pulse pulse;
    struct worker *home; /* where that is; NULL: it was never set */
    struct account_gate gates[ACCOUNT_LEVELS];
};

/* account_create: all zero; NULL: no memory. Freed with memory_free. */
struct account *account_create(void);

/* account_gate_pass: whether a line may be written now (milliseconds): how many were not since the last one; -1: this one
   may not either. account_gate_take_rest: how many were not written. Any thread, without a lock. */
LONG account_gate_pass(struct account_gate *gate, uint64_t now);
LONG account_gate_take_rest(struct account_gate *gate);

#endif
