/* SPDX-License-Identifier: MIT
   A file beside the log that is there while the service runs: logs\web.running for logs\web.log. In it stands which
   callbacks of handlers run (see breadcrumb.h): a view of it, so that it is true to the last store however the process
   ends. A stop in order takes it away; a start that finds one tells of the run that left it. */
#ifndef PORTLISTENER_SERVICE_RUNNING_FILE_H
#define PORTLISTENER_SERVICE_RUNNING_FILE_H

#include "base/breadcrumb.h"
#include "base/failure.h"
#include "base/text.h"
#include "config/config.h"

struct running_file;

/* running_file_open: beside the file `log` (full path), with the names of the endpoints of `config`, whose pointers are
   what worker_enter gets. What is to be told of the last run comes into `last`; nothing: it ended in order, or there was
   none. Where the file cannot be written `failure_out` tells it, and the breadcrumb is there all the same, for this
   process alone. NULL: no memory. */
struct running_file *running_file_open(const char *log, const struct config *config, struct text *last,
                                       struct failure *failure_out);

/* running_file_breadcrumb: until running_file_close; of NULL there is none. */
struct breadcrumb *running_file_breadcrumb(struct running_file *file);

/* running_file_close: the run has ended in order; nothing writes to the breadcrumb any more. NULL is allowed. */
void running_file_close(struct running_file *file);

#endif
