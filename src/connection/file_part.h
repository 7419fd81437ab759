/* SPDX-License-Identifier: MIT
   A part of a file that is to be sent: opened anew, so that whoever gave the handle may close it, and read without waiting,
   piece by piece. Not TransmitFile: client editions of Windows run two of these at a time, in all; and it would know
   nothing of send_timeout, nor of what stands before and behind it in the queue. */
#ifndef PORTLISTENER_CONNECTION_FILE_PART_H
#define PORTLISTENER_CONNECTION_FILE_PART_H

#include <stdint.h>

#include "base/win.h"
#include "io/buffer_pool.h"
#include "io/operation.h"

struct file_part {
    struct operation read;
    void *owner; /* whom `read` tells */
    HANDLE file;
    uint64_t offset; /* of what was not read yet */
    uint64_t left;
    struct buffer *piece; /* being read into; NULL: no read is in flight */
};

/* file_part_open: `handle` is needed for the call alone. PL_OK, PL_INVALID, PL_NO_MEMORY, see pl_host.send_file. Any
   thread. file_part_close: no read is in flight. */
int32_t file_part_open(HANDLE handle, uint64_t offset, uint64_t length, struct file_part **part_out);
void file_part_close(struct file_part *part);

/* file_part_read: the next bytes, at most `most`, into a buffer of the pool; `read` tells. 0, or an error: nothing is in
   flight. file_part_take: what has come: the buffer; NULL: nothing, and `error` is why. */
DWORD file_part_read(struct file_part *part, struct buffer_pool *pool, uint32_t most);
struct buffer *file_part_take(struct file_part *part, struct buffer_pool *pool, uint32_t *error,
                              uint32_t bytes);

#endif
