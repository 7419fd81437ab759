/* SPDX-License-Identifier: MIT
   Reading "HOST:PORT", as the handler contract's connect has it. No Windows header. */
#ifndef PORTLISTENER_BASE_TARGET_H
#define PORTLISTENER_BASE_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "portlistener/handler.h"

enum { TARGET_NAME_MAX = 253 }; /* bytes of a name, a dot at its end included */

struct target {
    char name[TARGET_NAME_MAX + 1]; /* empty: it is an address */
    struct pl_address address;      /* with its port; else that alone */
};

/* target_parse: "192.0.2.1:80", "[2001:db8::1]:80", "www.example.org:80". A name has letters, digits, "-", "_", "." and
   whatever is not ASCII; its last label is no number, for the system might take it for an address. False: it is none. */
bool target_parse(const char *at, size_t length, struct target *target_out);

#endif
