/* SPDX-License-Identifier: MIT
   A report on its way to its sink, in pieces of some KB: whoever makes it adds to `text` at most REPORT_PIECE bytes and
   calls report_out_more. No Windows header. */
#ifndef PORTLISTENER_STATS_REPORT_OUT_H
#define PORTLISTENER_STATS_REPORT_OUT_H

#include "base/text.h"
#include "stats/report.h"

enum { REPORT_PIECE = 4096 };

struct report_out {
    struct text text;
    report_sink sink;
    void *context;
    char room[2 * REPORT_PIECE];
};

void report_out_init(struct report_out *out, report_sink sink, void *context);

/* report_out_more: there is room for a piece again. report_out_end: all has gone to the sink. */
void report_out_more(struct report_out *out);
void report_out_end(struct report_out *out);

/* The forms, see report.h. */
void report_text(const struct report *report, struct report_out *out);
void report_json(const struct report *report, struct report_out *out);
void report_prometheus(const struct report *report, struct report_out *out);

#endif
