/* SPDX-License-Identifier: MIT
   Who may send the next message, and what became of all of them. Messages belong to all clients together, so that
   all are busy to the end. Those of the warm-up are not counted; when the last of them is done, the clock starts.
   Times are nanoseconds. */
#ifndef PORTLISTENER_TESTS_BENCH_LOAD_TALLY_H
#define PORTLISTENER_TESTS_BENCH_LOAD_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/load/histogram.h"

struct tally {
    uint64_t warm_up, messages; /* messages 0: for so many nanoseconds */
    uint64_t duration;
    uint64_t taken, done;     /* all of them; done: answered or lost */
    uint64_t answered, lost;  /* of those that count */
    uint64_t started, moved;  /* of the clock, and the last answer that counts */
    bool is_running, is_over; /* the clock; is_over: no more are to be sent */
    struct histogram times;
};

/* tally_init: without a warm-up, the clock starts at once. */
void tally_init(struct tally *tally, uint64_t warm_up, uint64_t messages, uint64_t duration, uint64_t now);

/* tally_take: false: no message is left. */
bool tally_take(struct tally *tally, uint64_t now);

/* tally_answer: one of those taken is back, after `time`, which is told of it if `is_timed`. */
void tally_answer(struct tally *tally, uint64_t time, bool is_timed, uint64_t now);

/* tally_lose: one of those taken will not come back. */
void tally_lose(struct tally *tally, uint64_t now);

/* tally_watch: the time may have come to an end, or the last message have been taken. */
void tally_watch(struct tally *tally, uint64_t now);

/* tally_seconds: between the start of the clock and its end: when the time was up, or else the last answer. */
double tally_seconds(const struct tally *tally);

#endif
