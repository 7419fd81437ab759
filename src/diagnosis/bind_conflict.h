/* SPDX-License-Identifier: MIT
   When Windows lets a second socket have a port that a first one has: its documented table; no Windows header. The same
   holds for TCP and UDP. */
#ifndef PORTLISTENER_DIAGNOSIS_BIND_CONFLICT_H
#define PORTLISTENER_DIAGNOSIS_BIND_CONFLICT_H

#include <stdbool.h>
#include <stdint.h>

#include "portlistener/handler.h"

/* Winsock's error codes of a bind. */
enum bind_error {
    BIND_ACCESS = 10013,
    BIND_INVALID = 10022,
    BIND_TOO_MANY = 10024,
    BIND_NO_FAMILY = 10047,
    BIND_IN_USE = 10048,
    BIND_NO_ADDRESS = 10049,
    BIND_NO_BUFFERS = 10055
};

enum bind_option { BIND_DEFAULT, BIND_REUSE, BIND_EXCLUSIVE, BIND_OPTION_COUNT };

struct bind_socket {
    struct pl_address address; /* with its port */
    bool is_dual_stack;        /* ::, and IPv4 as well */
    enum bind_option option;
};

/* bind_conflict_overlaps: whether there is an address that both of them have. */
bool bind_conflict_overlaps(const struct bind_socket *first, const struct bind_socket *second);

/* bind_conflict: what the bind of `second` returns while `first` is bound: 0, BIND_IN_USE or BIND_ACCESS.
   `is_same_account`: whether both processes run as the same user. */
uint32_t bind_conflict(const struct bind_socket *first, const struct bind_socket *second,
                       bool is_same_account);

/* bind_conflict_explains: whether a first socket of this kind, with whatever options and account, can be why `second`
   got `error`. */
bool bind_conflict_explains(const struct bind_socket *first, const struct bind_socket *second,
                            uint32_t error);

#endif
