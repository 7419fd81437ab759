/* SPDX-License-Identifier: MIT
   Lines, see report.h. */
#include "report.h"

void report_begin(struct report *report, const char *check)
{
    report->check = check;
    report->lines = 0;
    output_format(report->out, "%s: ", check);
}

void report_problem(struct report *report, enum report_level level, const char *format, ...)
{
    struct text text;
    va_list arguments;
    text_init_heap(&text);
    if (report->lines > 0) {
        text_add_format(&text, "%s: ", report->check);
    }
    text_add_string(&text, level == REPORT_FAILED ? "FAILED: " : "warning: ");
    va_start(arguments, format);
    text_add_format_list(&text, format, arguments);
    va_end(arguments);
    text_add_string(&text, "\n");
    output_text(report->out, &text);
    text_fini(&text);
    report->lines++;
    report->failures += level == REPORT_FAILED ? 1 : 0;
    report->warnings += level == REPORT_FAILED ? 0 : 1;
}

void report_end(struct report *report)
{
    if (report->lines == 0) {
        output_format(report->out, "ok\n");
    }
}
