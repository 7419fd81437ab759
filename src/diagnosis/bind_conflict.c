/* SPDX-License-Identifier: MIT
   Two sockets and one port, see bind_conflict.h. The table is that of Microsoft's page on SO_REUSEADDR and
   SO_EXCLUSIVEADDRUSE, as it is since Windows Server 2003. */
#include "diagnosis/bind_conflict.h"

#include "base/address.h"

/* I: in use, 10048. A: access denied, 10013. S: success. By [the first's account: the same, another][its option][its
   address: wildcard, specific] and, in the text, the second's: default W, P, reuse W, P, exclusive W, P. */
static const char *const rows[2][BIND_OPTION_COUNT][2] = {
    {{"ISASIS", "SISAII"}, {"ISSSIS", "SISSII"}, {"IAAAIA", "SISAII"}},
    {{"IAAAIA", "SISAII"}, {"IASSIA", "SISSII"}, {"IAAAIA", "SISAII"}},
};

static bool bind_conflict__is_same_ip(const struct pl_address *a, const struct pl_address *b)
{
    struct pl_address other = *b;
    other.port = a->port;
    other.scope = a->scope == 0 || b->scope == 0 ? a->scope : b->scope; /* 0: of any adapter */
    return address_equal(a, &other);
}

/* Whether a dual-stack socket meets one of the other family. */
static bool bind_conflict__crosses(const struct bind_socket *a, const struct bind_socket *b)
{
    return a->address.family != b->address.family &&
           ((a->is_dual_stack && b->address.family == 4) || (b->is_dual_stack && a->address.family == 4));
}

bool bind_conflict_overlaps(const struct bind_socket *first, const struct bind_socket *second)
{
    if (first->address.port != second->address.port) {
        return false;
    }
    if (first->address.family != second->address.family) {
        return bind_conflict__crosses(first, second);
    }
    return address_is_any(&first->address) || address_is_any(&second->address) ||
           bind_conflict__is_same_ip(&first->address, &second->address);
}

uint32_t bind_conflict(const struct bind_socket *first, const struct bind_socket *second,
                       bool is_same_account)
{
    if (!bind_conflict_overlaps(first, second)) {
        return 0;
    }
    const bool is_first_any = address_is_any(&first->address);
    const bool is_second_any = address_is_any(&second->address);
    if (bind_conflict__crosses(first, second) && second->option == BIND_EXCLUSIVE) {
        return BIND_ACCESS; /* checked in both stacks, and the page names this code */
    }
    const char *row = rows[!is_same_account][first->option][!is_first_any];
    const char letter = row[(size_t)second->option * 2 + !is_second_any];
    return letter == 'I' ? BIND_IN_USE : letter == 'A' ? BIND_ACCESS : 0;
}

bool bind_conflict_explains(const struct bind_socket *first, const struct bind_socket *second, uint32_t error)
{
    struct bind_socket guess = *first;
    for (int option = BIND_DEFAULT; option < BIND_OPTION_COUNT; option++) {
        guess.option = (enum bind_option)option;
        if (bind_conflict(&guess, second, true) == error || bind_conflict(&guess, second, false) == error) {
            return true;
        }
    }
    return false;
}
