/* SPDX-License-Identifier: MIT
   What is printed: for each check its name, and then "ok" or what is wrong, a line each. The name comes before the check
   runs: a process that dies has said in what. */
#ifndef PORTLISTENER_CONFORMANCE_REPORT_H
#define PORTLISTENER_CONFORMANCE_REPORT_H

#include <stdbool.h>

#include "base/text.h"
#include "output.h"

enum report_level { REPORT_WARNING, REPORT_FAILED };

struct report {
    struct output *out;
    const char *check; /* NULL: none runs */
    unsigned lines;    /* of this check */
    unsigned warnings, failures;
};

void report_begin(struct report *report, const char *check);
void report_problem(struct report *report, enum report_level level, const char *format, ...)
    TEXT_FORMAT(3, 4);
void report_end(struct report *report);

#endif
