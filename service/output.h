/* SPDX-License-Identifier: MIT
   What the program prints: UTF-8 to a file or pipe as it is, to a console as UTF-16, so that no code page
   matters. */
#ifndef PORTLISTENER_SERVICE_OUTPUT_H
#define PORTLISTENER_SERVICE_OUTPUT_H

#include <stdbool.h>

#include "base/failure.h"
#include "base/text.h"
#include "base/win.h"

/* One of the program's two streams. */
struct output {
    HANDLE handle; /* NULL: a service has none; what is written is dropped */
    bool is_console;
    DWORD error; /* of the first write that failed */
};

struct streams {
    struct output out;
    struct output err;
};

/* output_init: `which` is STD_OUTPUT_HANDLE or STD_ERROR_HANDLE. */
void output_init(struct output *output, DWORD which);

/* output_write: all of it, or `error` is set and nothing is written from then on. */
void output_write(struct output *output, const char *at, size_t length);
void output_text(struct output *output, const struct text *text);
void output_format(struct output *output, const char *format, ...) TEXT_FORMAT(2, 3);

/* output_failure: "portlistener: " and the failure's text as one line; returns its code. */
enum exit_code output_failure(struct output *output, const struct failure *failure);

#endif
