/* SPDX-License-Identifier: MIT
   How often which duration was seen, in a fixed room: 128 counters for each doubling, so that a percentile is told
   within 0.4 %. */
#ifndef PORTLISTENER_TESTS_BENCH_LOAD_HISTOGRAM_H
#define PORTLISTENER_TESTS_BENCH_LOAD_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 33 * 128 };

struct histogram {
    uint64_t count, max; /* max: exact */
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *histogram);

/* histogram_add: any value; of those from 2^39 on (nanoseconds: nine minutes) only the count and the maximum tell. */
void histogram_add(struct histogram *histogram, uint64_t value);

/* histogram_percentile: the value that so many of a thousand do not exceed; 0 when there are none. */
uint64_t histogram_percentile(const struct histogram *histogram, unsigned per_mille);

#endif
