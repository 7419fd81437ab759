/* SPDX-License-Identifier: MIT
   The report on a crash: an exception that nobody handles, of the program or of a handler in it. It becomes a file
   beside the log, logs\web-crash-20261127T083100.123Z.txt, and the process ends with the exception's code.

   A filter for unhandled exceptions, never a vectored handler: exceptions that somebody handles, as C++, Rust and Delphi
   do all day, are none of our business. Not every end passes here: a stack that is full, a fail-fast (such as a damaged
   heap) and exit() do not; for those there is running_file.h. */
#ifndef PORTLISTENER_SERVICE_CRASH_REPORT_H
#define PORTLISTENER_SERVICE_CRASH_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/breadcrumb.h"
#include "base/text.h"

enum { CRASH_REPORTS_KEPT = 8 };

/* crash_report_arm: from now on. Beside the file `log` (full path), whose older reports go but for the youngest
   CRASH_REPORTS_KEPT - 1. `breadcrumb` (may be NULL) tells whose callback the thread was in; kept until
   crash_report_disarm. False: there is no memory for it. Once in a process. */
bool crash_report_arm(const char *log, struct breadcrumb *breadcrumb);

/* crash_report_disarm: after a crash_report_arm, whatever it returned. */
void crash_report_disarm(void);

/* crash_report_add_path: appends the path of the report of this time (FILETIME). */
void crash_report_add_path(struct text *text, const char *log, uint64_t time);

#endif
