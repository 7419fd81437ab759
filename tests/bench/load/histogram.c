/* SPDX-License-Identifier: MIT
   Counts durations in buckets, see histogram.h. Values below 256 have a bucket each; above, a bucket holds those that
   agree in their first 8 binary digits. */
#include "bench/load/histogram.h"

#include <string.h>

enum { HALF = 128 }; /* buckets for each doubling */

void histogram_init(struct histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
}

/* How many digits are dropped, so that at most 8 are left. */
static unsigned histogram__shift(uint64_t value)
{
    unsigned shift = 0;
    for (unsigned step = 16; step > 0; step /= 2) {
        if (value >> (shift + step) >= HALF) {
            shift += step;
        }
    }
    return shift;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    const unsigned shift = histogram__shift(value);
    const uint64_t bucket = (uint64_t)shift * HALF + (value >> shift);
    histogram->buckets[bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1]++;
    histogram->count++;
    if (value > histogram->max) {
        histogram->max = value;
    }
}

/* The middle of a bucket. */
static uint64_t histogram__value(unsigned bucket)
{
    const unsigned shift = bucket < 2 * HALF ? 0 : bucket / HALF - 1;
    const uint64_t first = (uint64_t)(bucket - shift * HALF) << shift;
    return first + (((uint64_t)1 << shift) - 1) / 2;
}

uint64_t histogram_percentile(const struct histogram *histogram, unsigned per_mille)
{
    const uint64_t wanted = (histogram->count * per_mille + 999) / 1000;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && histogram->count > 0; i++) {
        seen += histogram->buckets[i];
        if (seen >= wanted && seen > 0) {
            const uint64_t value = histogram__value(i);
            return value < histogram->max && i < HISTOGRAM_BUCKETS - 1 ? value : histogram->max;
        }
    }
    return 0;
}
