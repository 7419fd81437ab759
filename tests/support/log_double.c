/* SPDX-License-Identifier: MIT
   Stands in for the log until there is one: takes nothing. */
#include "base/log.h"

void log_write(struct log *log, enum event event, const char *endpoint, uint64_t connection,
               const char *format, ...)
{
    (void)log, (void)event, (void)endpoint, (void)connection, (void)format;
}
