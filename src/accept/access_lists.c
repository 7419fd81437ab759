/* SPDX-License-Identifier: MIT
   Lists that endpoints share, see access_lists.h. They are told apart by where their networks stand, not by what these
   are: endpoints that share a list in the configuration have it at one place, and nothing needs to be compared. */
#include "accept/access_lists.h"

#include <string.h>

#include "base/keyed_hash.h"
#include "base/list.h"
#include "base/memory.h"

/* Where its networks stand: without gaps, as its bytes are compared. */
struct source {
    const struct address_prefix *at;
    size_t count;
};

struct shared_list {
    struct hash_node node;
    struct shared_list *older;
    struct source source;
    struct access_list *list;
};

void access_lists_init(struct access_lists *lists)
{
    hash_table_init(&lists->table);
    lists->newest = NULL;
}

void access_lists_fini(struct access_lists *lists)
{
    while (lists->newest != NULL) {
        struct shared_list *shared = lists->newest;
        lists->newest = shared->older;
        access_list_destroy(shared->list);
        memory_free(shared);
    }
    hash_table_fini(&lists->table);
}

/* Nobody else chooses where something stands: the key need not be secret. */
static uint64_t access_lists__hash(const struct source *source)
{
    static const struct hash_key key = {{0, 0}};
    return keyed_hash(&key, &source->at, sizeof source->at);
}

static struct shared_list *access_lists__find(const struct access_lists *lists, const struct source *source)
{
    struct hash_node *node = hash_table_first(&lists->table, access_lists__hash(source));
    while (node != NULL) {
        struct shared_list *shared = LIST_ELEMENT(node, struct shared_list, node);
        if (memcmp(&shared->source, source, sizeof *source) == 0) {
            return shared;
        }
        node = hash_table_next(node);
    }
    return NULL;
}

static struct shared_list *access_lists__add(struct access_lists *lists, const struct source *source)
{
    struct shared_list *shared = memory_alloc(sizeof *shared);
    struct access_list *list = access_list_create(source->at, source->count);
    if (shared == NULL || list == NULL ||
        !hash_table_add(&lists->table, &shared->node, access_lists__hash(source))) {
        access_list_destroy(list);
        memory_free(shared);
        return NULL;
    }
    shared->source = *source;
    shared->list = list;
    shared->older = lists->newest;
    lists->newest = shared;
    return shared;
}

const struct access_list *access_lists_make(struct access_lists *lists, const struct address_prefix *at,
                                            size_t count)
{
    const struct source source = {at, count};
    const struct shared_list *shared = access_lists__find(lists, &source);
    if (shared == NULL) {
        shared = access_lists__add(lists, &source);
    }
    return shared != NULL ? shared->list : NULL;
}
