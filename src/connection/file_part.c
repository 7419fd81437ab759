/* SPDX-License-Identifier: MIT
   A part of a file that is to be sent, see file_part.h. */
#include "connection/file_part.h"

#include "base/memory.h"
#include "portlistener/handler.h"

static bool file_part__is_there(HANDLE file, uint64_t offset, uint64_t length)
{
    LARGE_INTEGER size;
    return GetFileSizeEx(file, &size) && offset <= (uint64_t)size.QuadPart &&
           length <= (uint64_t)size.QuadPart - offset;
}

int32_t file_part_open(HANDLE handle, uint64_t offset, uint64_t length, struct file_part **part_out)
{
    struct file_part *part = memory_alloc(sizeof *part);
    if (part == NULL) {
        return PL_NO_MEMORY;
    }
    part->file = ReOpenFile(handle, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                            FILE_FLAG_OVERLAPPED | FILE_FLAG_SEQUENTIAL_SCAN);
    part->offset = offset;
    part->left = length;
    if (part->file == INVALID_HANDLE_VALUE || !file_part__is_there(part->file, offset, length)) {
        file_part_close(part);
        return PL_INVALID;
    }
    *part_out = part;
    return PL_OK;
}

void file_part_close(struct file_part *part)
{
    if (part->file != INVALID_HANDLE_VALUE) {
        CloseHandle(part->file);
    }
    memory_free(part);
}

DWORD file_part_read(struct file_part *part, struct buffer_pool *pool, uint32_t most)
{
    const DWORD length = part->left < most ? (DWORD)part->left : most;
    part->piece = buffer_get(pool, length);
    if (part->piece == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    OVERLAPPED *overlapped = operation_begin(&part->read);
    overlapped->Offset = (DWORD)part->offset;
    overlapped->OffsetHigh = (DWORD)(part->offset >> 32);
    if (ReadFile(part->file, buffer_bytes(part->piece), length, NULL, overlapped)) {
        return 0;
    }
    const DWORD error = GetLastError();
    if (error == ERROR_IO_PENDING) {
        return 0;
    }
    buffer_put(pool, part->piece);
    part->piece = NULL;
    return error;
}

/* One that has become shorter has no bytes, or says so. */
struct buffer *file_part_take(struct file_part *part, struct buffer_pool *pool, uint32_t *error,
                              uint32_t bytes)
{
    struct buffer *piece = part->piece;
    part->piece = NULL;
    if (*error != 0 || bytes == 0) {
        *error = *error != 0 ? *error : ERROR_HANDLE_EOF;
        buffer_put(pool, piece);
        return NULL;
    }
    piece->end = bytes;
    part->offset += bytes;
    part->left -= bytes;
    return piece;
}
