/* SPDX-License-Identifier: MIT
   Every way in which a client's connection ends, or never begins, brought about on purpose: one row for each
   close_reason. There is one engine, with an endpoint for each need. For the test's own thread; with cmocka's
   asserts inside. */
#ifndef PORTLISTENER_TESTS_SUPPORT_ENDS_H
#define PORTLISTENER_TESTS_SUPPORT_ENDS_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/access_log.h"
#include "stats/close_reason.h"
#include "support/rig.h"

extern struct rig ends_rig;

/* What the clients of arrangements that lose no byte have sent (PROXY headers not counted) and got. */
struct ends_totals {
    uint64_t sent, received;
};

/* ends_begin: starts the engine; `access_log` may be NULL. ends_stop: with no time to drain; the engine is
   still there, for its counters, until rig_stop. */
void ends_begin(struct access_log *access_log);
void ends_stop(void);

/* ends_excuse: why nobody can bring this one about yet; NULL: ends_arrange can. A reason without either fails
   the test: give it a row in ends.c. */
const char *ends_excuse(enum close_reason reason);

/* ends_is_at_stop: it only comes about in ends_stop; arrange it last. */
bool ends_is_at_stop(enum close_reason reason);

/* ends_is_lossy: bytes are lost on the way, by its nature. */
bool ends_is_lossy(enum close_reason reason);

/* ends_arrange: one connection ends so, and has ended when it returns, but for those at the stop. Others may
   be needed for it: they count, too. */
void ends_arrange(enum close_reason reason);

/* ends_arranged: how many have ended, or are to end, so. */
uint64_t ends_arranged(enum close_reason reason);
struct ends_totals ends_totals(void);

#endif
