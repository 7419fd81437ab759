/* SPDX-License-Identifier: MIT
   What the load program tells: a line of JSON, a table for people, and a line each second meanwhile. */
#ifndef PORTLISTENER_TESTS_BENCH_LOAD_RESULT_H
#define PORTLISTENER_TESTS_BENCH_LOAD_RESULT_H

#include <stddef.h>

#include "bench/load/settings.h"
#include "bench/load/tally.h"

struct result {
    const struct settings *settings;
    const struct tally *tally;
    double connect_seconds; /* until all clients were connected; 0: that is part of the load */
    unsigned long errors;
};

/* result_json, result_table: into `text`, with the line's end. */
void result_json(const struct result *result, char *text, size_t room);
void result_table(const struct result *result, char *text, size_t room);

/* result_progress: after so many seconds; `answered` since the last one, `since` seconds ago. */
void result_progress(const struct result *result, double seconds, uint64_t answered, double since, char *text,
                     size_t room);

#endif
