/* SPDX-License-Identifier: MIT
   The table of reasons, see close_reason.h. */
#include "stats/close_reason.h"

#include <assert.h>

#define CLOSED(name, word, label, help)                 \
    static_assert((int)CLOSED_##name == (int)PL_##name, \
                  "close_reasons.def is in the order of enum pl_reason");
#define SESSION  CLOSED
#define OUTBOUND CLOSED
#define REFUSED(name, word, label, help)
#include "stats/close_reasons.def"
#undef CLOSED
#undef SESSION
#undef OUTBOUND
#undef REFUSED

#define CLOSED(name, word, label, help)   [CLOSED_##name] = {word, COUNTER_CLOSED_##name, false},
#define SESSION(name, word, label, help)  [CLOSED_##name] = {word, COUNTER_SESSIONS_CLOSED_##name, false},
#define OUTBOUND(name, word, label, help) [CLOSED_##name] = {word, COUNTER_OUTBOUND_##name, false},
#define REFUSED(name, word, label, help)  [REFUSED_##name] = {word, COUNTER_REFUSED_##name, true},
static const struct close_reason_row rows[CLOSE_REASON_COUNT] = {
#include "stats/close_reasons.def"
};
#undef CLOSED
#undef SESSION
#undef OUTBOUND
#undef REFUSED

const struct close_reason_row *close_reason_row(enum close_reason reason)
{
    return &rows[reason];
}
