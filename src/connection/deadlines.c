/* SPDX-License-Identifier: MIT
   When a connection is late, see deadlines.h. */
#include "connection/deadlines.h"

#include <stddef.h>

#include "io/timer_wheel.h"

enum { SPANS_MAX = 4 }; /* that count at the same time */

struct span {
    enum deadline deadline;
    uint32_t since;
    uint64_t most; /* milliseconds; 0: no limit */
};

/* Each but these two moves, or goes, with what the client sends. */
static bool deadline__is_moved_by_input(enum deadline deadline)
{
    return deadline != DEADLINE_SEND && deadline != DEADLINE_LIFETIME;
}

/* ---- Moments ---- */

uint32_t deadlines_tick(uint64_t now)
{
    return (uint32_t)(now / TIMER_TICK);
}

uint32_t deadlines_rest(uint64_t now)
{
    return (uint32_t)(now % TIMER_TICK);
}

/* The moment in the time of the clock: the last tick with these 32 bits. */
static uint64_t deadlines__begin_of(uint32_t moment, uint64_t now)
{
    const uint64_t tick = now / TIMER_TICK;
    return (tick - ((uint32_t)tick - moment)) * TIMER_TICK;
}

uint64_t deadlines_age(uint32_t moment, uint32_t rest, uint64_t now)
{
    return now - (deadlines__begin_of(moment, now) + rest);
}

/* ---- Deadlines ---- */

static uint64_t span__due(const struct span *span, uint64_t now)
{
    return span->most == 0 ? UINT64_MAX : deadlines__begin_of(span->since, now) + TIMER_TICK + span->most;
}

/* Those that count now, in the order of the enum. */
static size_t deadlines__spans(const struct deadlines *at, const struct config_endpoint *config,
                               struct span spans_out[SPANS_MAX])
{
    size_t count = 0;
    if (at->awaits_header) {
        spans_out[count++] = (struct span){DEADLINE_HEADER, at->opened, config->proxy_timeout};
        return count;
    }
    if (at->is_fin_sent) {
        spans_out[count++] = (struct span){DEADLINE_CLOSE, at->last_progress, config->close_timeout};
    } else {
        if (at->is_sending) {
            spans_out[count++] = (struct span){DEADLINE_SEND, at->last_progress, config->send_timeout};
        }
        if (at->awaits_first_byte) {
            spans_out[count++] = (struct span){DEADLINE_FIRST_BYTE, at->opened, config->first_byte_timeout};
        }
        spans_out[count++] = (struct span){DEADLINE_IDLE, at->last_activity, config->idle_timeout};
    }
    if (!at->is_past_lifetime) {
        spans_out[count++] = (struct span){DEADLINE_LIFETIME, at->opened, config->lifetime};
    }
    return count;
}

uint64_t deadlines_next(const struct deadlines *deadlines, const struct config_endpoint *config, uint64_t now)
{
    struct span spans[SPANS_MAX];
    const size_t count = deadlines__spans(deadlines, config, spans);
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        const uint64_t due = span__due(&spans[i], now);
        first = due < first ? due : first;
    }
    return first;
}

enum deadline deadlines_passed(const struct deadlines *deadlines, const struct config_endpoint *config,
                               uint64_t now)
{
    struct span spans[SPANS_MAX];
    const size_t count = deadlines__spans(deadlines, config, spans);
    for (size_t i = 0; i < count; i++) {
        if (span__due(&spans[i], now) <= now &&
            !(deadlines->has_unseen && deadline__is_moved_by_input(spans[i].deadline))) {
            return spans[i].deadline;
        }
    }
    return DEADLINE_NONE;
}
