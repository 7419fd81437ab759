/* SPDX-License-Identifier: MIT
   Timing a message's way to its worker, see queue_probe.h. */
#include "io/queue_probe.h"

bool queue_probe_begin(struct queue_probe *probe, int64_t now)
{
    if (probe->posted_at != 0) {
        return false;
    }
    probe->posted_at = now;
    return true;
}

void queue_probe_end(struct queue_probe *probe, int64_t now)
{
    const uint64_t delay = now > probe->posted_at ? (uint64_t)(now - probe->posted_at) : 0;
    probe->latest[probe->count % QUEUE_PROBES] = delay;
    probe->sum += delay;
    probe->count++;
    probe->posted_at = 0; /* last: the next one may begin */
}

void queue_probe_read(const struct queue_probe *probe, int64_t now, struct queue_delay *delay_out)
{
    const int64_t posted_at = probe->posted_at;
    const uint64_t count = probe->count;
    *delay_out = (struct queue_delay){.sum = probe->sum, .count = count};
    delay_out->latest = count > 0 ? probe->latest[(count - 1) % QUEUE_PROBES] : 0;
    for (unsigned i = 0; i < QUEUE_PROBES; i++) {
        delay_out->longest = probe->latest[i] > delay_out->longest ? probe->latest[i] : delay_out->longest;
    }
    const uint64_t waiting = posted_at != 0 && now > posted_at ? (uint64_t)(now - posted_at) : 0;
    if (waiting > delay_out->longest) {
        delay_out->latest = delay_out->longest = waiting;
    }
}
