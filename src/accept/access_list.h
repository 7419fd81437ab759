/* SPDX-License-Identifier: MIT
   Many networks, made ready to tell at once whether an address lies in one of them; no Windows header. */
#ifndef PORTLISTENER_ACCEPT_ACCESS_LIST_H
#define PORTLISTENER_ACCEPT_ACCESS_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address_prefix.h"

struct access_list;

/* access_list_create: of at[0..count), without host bits, in any order, one inside another or twice if need
   be; `at` is not kept. NULL when there is no memory. Any thread. */
struct access_list *access_list_create(const struct address_prefix *at, size_t count);

/* access_list_destroy: NULL is allowed. */
void access_list_destroy(struct access_list *list);

/* access_list_contains: a mapped address counts as IPv4; port and scope do not count; an address of family 0
   is in no list. Any thread, several at a time. Takes no memory, and time only by the logarithm of the count. */
bool access_list_contains(const struct access_list *list, const struct pl_address *address);

#endif
