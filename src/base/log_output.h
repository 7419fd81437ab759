/* SPDX-License-Identifier: MIT
   Where the log's lines go: a rotating file, or standard error. */
#ifndef PORTLISTENER_BASE_LOG_OUTPUT_H
#define PORTLISTENER_BASE_LOG_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "base/record_file.h"
#include "base/win.h"

struct log_output {
    struct record_file *file; /* NULL: standard error */
    const char *key;
    HANDLE handle;
    bool is_console;
};

/* log_output_init: `options` with the path "-": standard error. `key`, kept, names the file in the
   configuration, for messages. False: no memory. Nothing is opened yet. */
bool log_output_init(struct log_output *output, const struct record_file_options *options, const char *key);
void log_output_fini(struct log_output *output);

/* log_output_open: false when nothing can be written at present; log_output_write tries it again. */
bool log_output_open(struct log_output *output, struct failure *failure_out);

/* log_output_write: whole lines. Returns how many bytes were taken; less than `length`, with the reason in
   `failure_out`, when the rest must be given again. A file takes all or nothing. */
uint32_t log_output_write(struct log_output *output, const char *at, uint32_t length,
                          struct failure *failure_out);

/* These are the file's, see record_file.h; standard error has nothing to rotate. */
void log_output_rotate(struct log_output *output, struct rotation *rotation_out);
const struct rotation *log_output_take_news(struct log_output *output);
void log_output_reconfigure(struct log_output *output, const struct record_file_options *options);

#endif
