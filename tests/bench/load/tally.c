/* SPDX-License-Identifier: MIT
   Counts messages, see tally.h. */
#include "bench/load/tally.h"

static void tally__start(struct tally *tally, uint64_t now)
{
    tally->is_running = true;
    tally->started = tally->moved = now;
}

void tally_init(struct tally *tally, uint64_t warm_up, uint64_t messages, uint64_t duration, uint64_t now)
{
    tally->warm_up = warm_up;
    tally->messages = messages;
    tally->duration = duration;
    tally->taken = tally->done = tally->answered = tally->lost = 0;
    tally->started = tally->moved = 0;
    tally->is_running = tally->is_over = false;
    histogram_init(&tally->times);
    if (warm_up == 0) {
        tally__start(tally, now);
    }
}

void tally_watch(struct tally *tally, uint64_t now)
{
    if (tally->messages != 0) {
        tally->is_over = tally->taken == tally->warm_up + tally->messages;
    } else if (tally->is_running && now - tally->started >= tally->duration) {
        tally->is_over = true;
    }
}

bool tally_take(struct tally *tally, uint64_t now)
{
    tally_watch(tally, now);
    if (tally->is_over) {
        return false;
    }
    tally->taken++;
    return true;
}

/* True: it counts. */
static bool tally__finish(struct tally *tally, uint64_t now)
{
    const bool counts = tally->is_running;
    tally->done++;
    if (!tally->is_running && tally->done == tally->warm_up) {
        tally__start(tally, now);
    }
    return counts && !(tally->messages == 0 && now - tally->started >= tally->duration);
}

void tally_answer(struct tally *tally, uint64_t time, bool is_timed, uint64_t now)
{
    if (tally__finish(tally, now)) {
        tally->answered++;
        tally->moved = now;
        if (is_timed) {
            histogram_add(&tally->times, time);
        }
    }
}

void tally_lose(struct tally *tally, uint64_t now)
{
    if (tally__finish(tally, now)) {
        tally->lost++;
    }
}

double tally_seconds(const struct tally *tally)
{
    const uint64_t all =
        tally->messages == 0 && tally->is_over ? tally->duration : tally->moved - tally->started;
    return (double)all / 1e9;
}
