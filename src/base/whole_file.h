/* SPDX-License-Identifier: MIT
   A small file, read at once and as a whole. No Windows header. */
#ifndef PORTLISTENER_BASE_WHOLE_FILE_H
#define PORTLISTENER_BASE_WHOLE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct whole_file {
    char *at; /* on the heap, NULL when there is nothing in it */
    size_t length;
    bool is_missing; /* there is no such file */
};

/* whole_file_read: all of it, but reading ends where it is longer than `most` bytes: see `length`. Others may read,
   rename, replace and delete the file meanwhile, but not write to it: what is read is what was there at one moment.
   False: "the file cannot be read, ..." is added to `problem`, with what to do, or nothing where memory is out. End
   with whole_file_free in either case. */
bool whole_file_read(const char *path, size_t most, struct whole_file *file_out, struct text *problem);
void whole_file_free(struct whole_file *file);

#endif
