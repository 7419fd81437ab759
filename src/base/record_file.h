/* SPDX-License-Identifier: MIT
   A file that grows by whole records and is rotated by size and age. It knows nothing of what a record is,
   but that it ends with a line feed.

   One writer: the file stays open, others may read, rename and delete it, but not write. A file that was
   renamed is written on until its next rotation, in place of one that was deleted a new one begins at once.

   Rotation renames the file (see record_name.h) and begins a new one; then the oldest beyond `keep` go. At
   each point in between, a crash leaves every record in a file of its own right. What cannot be renamed,
   because somebody reads it without sharing, is written on; the rotation is tried again with the next record
   that comes a second later.

   The age counts from the file's creation time, which the first record sets: a file that takes the name of
   one renamed a moment ago inherits that one's time on NTFS and FAT ("tunneling").

   One thread at a time. */
#ifndef PORTLISTENER_BASE_RECORD_FILE_H
#define PORTLISTENER_BASE_RECORD_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "base/rotation.h"

struct record_file;

struct record_file_options {
    const char *path;         /* full path */
    uint64_t rotate_size;     /* bytes; 0: never. A file is longer only when one append is. */
    uint64_t rotate_interval; /* milliseconds; 0: never */
    uint32_t keep;            /* rotated files */
};

/* record_file_create: touches no file yet. NULL: no memory. */
struct record_file *record_file_create(const struct record_file_options *options);

/* record_file_destroy: NULL is allowed. */
void record_file_destroy(struct record_file *file);

/* record_file_open: makes the folder, too. A last line that a crash left torn is ended, and rotated files beyond
   `keep` go. Nothing happens where it is open already. */
bool record_file_open(struct record_file *file, struct failure *failure_out);

/* record_file_append: all `length` bytes, one or more whole records, or none of them: after a failure the
   same may be tried again, whenever the caller likes. Opens the file where it is not. */
bool record_file_append(struct record_file *file, const void *at, uint32_t length,
                        struct failure *failure_out);

/* record_file_rotate: now, whatever the size and age. DELAYED: the next records try it again. */
void record_file_rotate(struct record_file *file, struct rotation *rotation_out);

/* record_file_take_news: once, that a rotation is DELAYED that a record made due, or that one is DONE that was
   delayed; else NULL. Valid until the next call. */
const struct rotation *record_file_take_news(struct record_file *file);

/* record_file_reconfigure: all of `options` but the path, from the next record on. What is no longer kept goes
   at once. */
void record_file_reconfigure(struct record_file *file, const struct record_file_options *options);

#endif
