/* SPDX-License-Identifier: MIT
   Why a client's connection ended, or never began: one table, close_reasons.def, gives the words of the access
   log and the counters. A word is never changed and never given another meaning. */
#ifndef PORTLISTENER_STATS_CLOSE_REASON_H
#define PORTLISTENER_STATS_CLOSE_REASON_H

#include <stdbool.h>

#include "portlistener/handler.h"
#include "stats/stats.h"

/* CLOSED_IDLE is PL_IDLE, and so on: a pl_reason is a close_reason. Refusals follow behind them. */
#define CLOSED(name, word, label, help)   CLOSED_##name,
#define SESSION(name, word, label, help)  CLOSED_##name,
#define OUTBOUND(name, word, label, help) CLOSED_##name,
#define REFUSED(name, word, label, help)  REFUSED_##name,
enum close_reason {
    CLOSE_REASON_NONE = 0,
#include "stats/close_reasons.def"
    CLOSE_REASON_COUNT
};
#undef CLOSED
#undef SESSION
#undef OUTBOUND
#undef REFUSED

struct close_reason_row {
    const char *word; /* of the access log: "per-source" */
    enum counter counter;
    bool is_refusal;
};

/* close_reason_row: the row of `reason`, which is not NONE. */
const struct close_reason_row *close_reason_row(enum close_reason reason);

#endif
