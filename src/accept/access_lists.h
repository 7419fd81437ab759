/* SPDX-License-Identifier: MIT
   The lists of networks of all endpoints of an engine: each is made ready once, however many endpoints have it. One
   thread at a time; no Windows header. */
#ifndef PORTLISTENER_ACCEPT_ACCESS_LISTS_H
#define PORTLISTENER_ACCEPT_ACCESS_LISTS_H

#include <stddef.h>

#include "accept/access_list.h"
#include "base/hash_table.h"

struct shared_list;

struct access_lists {
    struct hash_table table;
    struct shared_list *newest; /* of all that were made */
};

/* access_lists_init: empty; takes no memory before the first list. */
void access_lists_init(struct access_lists *lists);

/* access_lists_fini: destroys them all; nobody may look into one any more. */
void access_lists_fini(struct access_lists *lists);

/* access_lists_make: the list of at[0..count); whoever asks for the same place again is given the same list. It is ours:
   any thread may look into it until access_lists_fini. What stands at `at` must stay as it is until the last call of
   this function. NULL when there is no memory. */
const struct access_list *access_lists_make(struct access_lists *lists, const struct address_prefix *at,
                                            size_t count);

#endif
