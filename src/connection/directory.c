/* SPDX-License-Identifier: MIT
   Ids of endpoints, see directory.h; they are made up as slot_table.h has it. */
#include "connection/directory.h"

#include "base/memory.h"
#include "io/slot_table.h"

enum { DIRECTORY_FIRST = 64 /* entries of the first chunk */ };

void directory_init(struct directory *directory)
{
    *directory = (struct directory){.count = 0};
}

void directory_fini(struct directory *directory)
{
    for (int i = 0; i < DIRECTORY_CHUNKS; i++) {
        memory_free(directory->chunks[i]);
    }
    directory_init(directory);
}

/* NULL: there is no such entry yet. */
static struct directory_entry *directory__at(const struct directory *directory, uint32_t index,
                                             int *chunk_out)
{
    uint32_t length = DIRECTORY_FIRST;
    int chunk = 0;
    while (chunk < DIRECTORY_CHUNKS && index >= length) {
        index -= length;
        length *= 2;
        chunk++;
    }
    *chunk_out = chunk;
    struct directory_entry *entries = chunk < DIRECTORY_CHUNKS ? directory->chunks[chunk] : NULL;
    return entries != NULL ? &entries[index] : NULL;
}

static struct directory_entry *directory__find(const struct directory *directory, pl_id id)
{
    int chunk = 0;
    return slot_kind(id) == SLOT_ENDPOINT && slot_worker(id) == SLOT_NOBODYS
               ? directory__at(directory, slot_number(id), &chunk)
               : NULL;
}

static pl_id directory__id(uint32_t index, LONG generation)
{
    const uint32_t high =
        (uint32_t)(SLOT_NOBODYS + 1) << 24 | (uint32_t)SLOT_ENDPOINT << SLOT_KIND_SHIFT | index;
    return (uint64_t)high << 32 | (uint32_t)generation;
}

/* A free entry; NULL: no memory. */
static struct directory_entry *directory__take(struct directory *directory, uint32_t *index_out)
{
    int chunk = 0;
    for (uint32_t i = directory->first_free; i < directory->count; i++) {
        struct directory_entry *entry = directory__at(directory, i, &chunk);
        if (entry != NULL && entry->endpoint == NULL) {
            directory->first_free = i + 1;
            *index_out = i;
            return entry;
        }
    }
    struct directory_entry *entry = directory__at(directory, directory->count, &chunk);
    if (entry == NULL && chunk < DIRECTORY_CHUNKS) {
        struct directory_entry *entries = memory_alloc(((size_t)DIRECTORY_FIRST << chunk) * sizeof *entries);
        InterlockedExchangePointer((PVOID volatile *)&directory->chunks[chunk], entries);
        entry = directory__at(directory, directory->count, &chunk);
    }
    if (entry != NULL) {
        *index_out = directory->count++;
        directory->first_free = directory->count;
    }
    return entry;
}

pl_id directory_add(struct directory *directory, struct endpoint *endpoint)
{
    uint32_t index = 0;
    struct directory_entry *entry = directory__take(directory, &index);
    if (entry == NULL) {
        return 0;
    }
    const LONG generation = InterlockedIncrement(&entry->generation);
    InterlockedExchangePointer((PVOID volatile *)&entry->endpoint, endpoint);
    return directory__id(index, generation);
}

/* A reader notes itself before it looks, so who does not see it here has not been seen by it either. */
void directory_remove(struct directory *directory, pl_id id)
{
    struct directory_entry *entry = directory__find(directory, id);
    const uint32_t index = slot_number(id);
    InterlockedExchangePointer((PVOID volatile *)&entry->endpoint, NULL);
    directory->first_free = index < directory->first_free ? index : directory->first_free;
    while (InterlockedCompareExchange(&entry->readers, 0, 0) != 0) {
        SwitchToThread();
    }
}

struct endpoint *directory_enter(const struct directory *directory, pl_id id)
{
    struct directory_entry *entry = directory__find(directory, id);
    if (entry == NULL) {
        return NULL;
    }
    InterlockedIncrement(&entry->readers);
    struct endpoint *endpoint = entry->endpoint;
    if (endpoint == NULL || (uint32_t)entry->generation != (uint32_t)id) {
        InterlockedDecrement(&entry->readers);
        return NULL;
    }
    return endpoint;
}

void directory_leave(const struct directory *directory, pl_id id)
{
    InterlockedDecrement(&directory__find(directory, id)->readers);
}
