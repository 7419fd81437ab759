/* SPDX-License-Identifier: MIT
   The heap, see memory.h. */
#include "base/memory.h"

#include <string.h>

#ifdef _WIN32

#include "base/win.h"

void *memory_alloc(size_t size)
{
    return HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, size);
}

void *memory_resize(void *block, size_t size)
{
    return block == NULL ? HeapAlloc(GetProcessHeap(), 0, size)
                         : HeapReAlloc(GetProcessHeap(), 0, block, size);
}

void memory_free(void *block)
{
    if (block != NULL) {
        HeapFree(GetProcessHeap(), 0, block);
    }
}

#else

#include <stdlib.h>

void *memory_alloc(size_t size)
{
    return calloc(1, size);
}

void *memory_resize(void *block, size_t size)
{
    return realloc(block, size);
}

void memory_free(void *block)
{
    free(block);
}

#endif

char *memory_copy_text(const char *at, size_t length)
{
    char *copy = memory_alloc(length + 1);
    if (copy != NULL && length > 0) {
        memcpy(copy, at, length);
    }
    return copy;
}
