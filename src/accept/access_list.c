/* SPDX-License-Identifier: MIT
   Lists of networks, see access_list.h. */
#include "accept/access_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* A network from its first to its last address; of IPv4, the bytes behind the fourth are 0. */
struct range {
    uint8_t first[16];
    uint8_t last[16];
};

/* IPv4 stands before IPv6. Two networks are apart, or one lies in the other: so of those that are kept, none
   inside another, the one with the nearest first address decides alone. */
struct access_list {
    size_t ipv4_count;
    size_t count;
    struct range ranges[]; /* of each family in order, and apart from each other */
};

/* IPv4 first; then by address; of those with one address the largest network first. */
static int access_list__compare(const void *left, const void *right)
{
    const struct address_prefix *a = left;
    const struct address_prefix *b = right;
    if (a->address.family != b->address.family) {
        return a->address.family < b->address.family ? -1 : 1;
    }
    const int bytes = memcmp(a->address.ip, b->address.ip, sizeof a->address.ip);
    return bytes != 0 ? bytes : (int)a->length - (int)b->length;
}

static struct range access_list__range(const struct address_prefix *prefix)
{
    struct range range;
    struct address_prefix last = *prefix;
    address_prefix_fill(&last);
    memcpy(range.first, prefix->address.ip, sizeof range.first);
    memcpy(range.last, last.address.ip, sizeof range.last);
    return range;
}

/* Those of `sorted` that lie in no other. */
static void access_list__fill(struct access_list *list, const struct address_prefix *sorted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!access_list_contains(list, &sorted[i].address)) { /* in what is there by now */
            list->ranges[list->count++] = access_list__range(&sorted[i]);
            list->ipv4_count += sorted[i].address.family == 4;
        }
    }
}

struct access_list *access_list_create(const struct address_prefix *at, size_t count)
{
    struct access_list *list = memory_alloc(sizeof *list + count * sizeof list->ranges[0]);
    struct address_prefix *sorted = memory_alloc((count + 1) * sizeof *sorted);
    if (list == NULL || sorted == NULL) {
        memory_free(list);
        memory_free(sorted);
        return NULL;
    }
    if (count > 0) {
        memcpy(sorted, at, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, access_list__compare);
    }
    access_list__fill(list, sorted, count);
    memory_free(sorted);
    return list;
}

void access_list_destroy(struct access_list *list)
{
    memory_free(list);
}

/* The nearest range of ranges[0..count) that does not begin behind `ip` reaches to it. */
static bool access_list__has(const struct range *ranges, size_t count, const uint8_t *ip, size_t bytes)
{
    size_t begin = 0; /* those before it do not begin behind `ip` */
    size_t end = count;
    while (begin < end) {
        const size_t middle = begin + (end - begin) / 2;
        if (memcmp(ranges[middle].first, ip, bytes) <= 0) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin > 0 && memcmp(ip, ranges[begin - 1].last, bytes) <= 0;
}

bool access_list_contains(const struct access_list *list, const struct pl_address *address)
{
    struct pl_address folded = *address;
    address_fold(&folded);
    if (folded.family == 4) {
        return access_list__has(list->ranges, list->ipv4_count, folded.ip, 4);
    }
    return folded.family == 6 &&
           access_list__has(list->ranges + list->ipv4_count, list->count - list->ipv4_count, folded.ip, 16);
}
