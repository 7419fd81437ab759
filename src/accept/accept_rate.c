/* SPDX-License-Identifier: MIT
   A bucket of tokens, see accept_rate.h. In one millisecond it gains `per_second` thousandths of a token: so time, too,
   is counted in these, and nothing is ever rounded. */
#include "accept/accept_rate.h"

#include "config/config.h"

enum { ACCEPT_RATE_TOKEN = 1000 };

struct accept_rate accept_rate_make(uint32_t per_second, uint32_t burst)
{
    const uint32_t least = (per_second + CONFIG_BURST_PART - 1) / CONFIG_BURST_PART;
    burst = burst == 0 ? per_second : burst;
    return (struct accept_rate){.per_second = per_second, .burst = burst > least ? burst : least};
}

static uint64_t accept_rate__time(const struct accept_rate *rate, uint64_t now)
{
    return now * rate->per_second;
}

/* How much is missing in the bucket. */
static uint64_t accept_rate__missing(const struct accept_rate *rate, uint64_t state, uint64_t now)
{
    const uint64_t time = accept_rate__time(rate, now);
    return state > time ? state - time : 0;
}

uint32_t accept_rate_tokens(const struct accept_rate *rate, uint64_t state, uint64_t now)
{
    if (rate->per_second == 0) {
        return UINT32_MAX;
    }
    const uint64_t missing = accept_rate__missing(rate, state, now);
    const uint64_t full = (uint64_t)rate->burst * ACCEPT_RATE_TOKEN;
    return missing < full ? (uint32_t)((full - missing) / ACCEPT_RATE_TOKEN) : 0;
}

uint64_t accept_rate_take(const struct accept_rate *rate, uint64_t state, uint64_t now)
{
    return rate->per_second == 0
               ? state
               : accept_rate__time(rate, now) + accept_rate__missing(rate, state, now) + ACCEPT_RATE_TOKEN;
}

uint64_t accept_rate_next(const struct accept_rate *rate, uint64_t state, uint64_t now)
{
    if (accept_rate_tokens(rate, state, now) > 0) {
        return now;
    }
    const uint64_t full = (uint64_t)rate->burst * ACCEPT_RATE_TOKEN;
    const uint64_t wait = accept_rate__missing(rate, state, now) + ACCEPT_RATE_TOKEN - full;
    return now + (wait + rate->per_second - 1) / rate->per_second;
}
