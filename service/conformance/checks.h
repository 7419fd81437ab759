/* SPDX-License-Identifier: MIT
   What the handler is put through. */
#ifndef PORTLISTENER_CONFORMANCE_CHECKS_H
#define PORTLISTENER_CONFORMANCE_CHECKS_H

#include "report.h"
#include "subject.h"

/* One handler with one protocol. */
struct trial {
    struct subject subject;
    struct report report;
    LONG64 left;              /* connections that should have ended and have not; told already */
    LONG told[FINDING_COUNT]; /* 1: a line was printed */
    bool has_told_kept;       /* input that was never released */
    bool is_deaf;             /* it serves nobody any more */
    bool is_over;             /* the engine cannot be used any more */
};

struct check {
    const char *name; /* NULL: the end of the table */
    unsigned flags;   /* PL_TCP, PL_UDP */
    void (*run)(struct trial *trial);
};

extern const struct check checks_all[];

/* trial_run: one check, in an engine that runs and that runs behind it, too, unless the trial is over. */
void trial_run(struct trial *trial, const struct check *check);

/* trial_start: false: it is over. trial_stop: told when it takes longer than `within` allows. */
bool trial_start(struct trial *trial);
bool trial_stop(struct trial *trial, uint32_t within);

#endif
