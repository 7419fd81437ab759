/* SPDX-License-Identifier: MIT
   A heap that can run out, see failing_memory.h. */
#include "support/failing_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static size_t live;
static size_t live_before;
static size_t calls;
static size_t hits;
static size_t failing_call;
static bool is_failing_on;

void failing_memory_arm(size_t nth, bool from_then_on)
{
    calls = 0;
    hits = 0;
    failing_call = nth;
    is_failing_on = from_then_on;
}

size_t failing_memory_hits(void)
{
    return hits;
}

size_t failing_memory_live(void)
{
    return live;
}

int failing_memory_setup(void **state)
{
    failing_memory_arm(0, false);
    live_before = live;
    return support_setup(state);
}

int failing_memory_teardown(void **state)
{
    const bool is_clean = live == live_before;
    failing_memory_arm(0, false);
    if (!is_clean) {
        fprintf(stderr, "%ld blocks are not freed\n", (long)(live - live_before));
    }
    const int result = support_teardown(state);
    return is_clean ? result : 1;
}

static bool failing_memory__fails(void)
{
    calls++;
    const bool fails =
        failing_call != 0 && (calls == failing_call || (is_failing_on && calls > failing_call));
    hits += fails;
    return fails;
}

void *memory_alloc(size_t size)
{
    void *block = failing_memory__fails() ? NULL : calloc(1, size > 0 ? size : 1);
    live += block != NULL;
    return block;
}

void *memory_resize(void *block, size_t size)
{
    if (failing_memory__fails()) {
        return NULL;
    }
    void *resized = realloc(block, size > 0 ? size : 1);
    live += block == NULL && resized != NULL;
    return resized;
}

void memory_free(void *block)
{
    live -= block != NULL;
    free(block);
}

char *memory_copy_text(const char *at, size_t length)
{
    char *copy = memory_alloc(length + 1);
    if (copy != NULL && length > 0) {
        memcpy(copy, at, length);
    }
    return copy;
}
