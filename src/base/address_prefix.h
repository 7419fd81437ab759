/* SPDX-License-Identifier: MIT
   A network: an address and how many of its leading bits count, such as 192.0.2.0/24; no Windows header. */
#ifndef PORTLISTENER_BASE_ADDRESS_PREFIX_H
#define PORTLISTENER_BASE_ADDRESS_PREFIX_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

enum {
    ADDRESS_PREFIX_TEXT_ROOM = ADDRESS_TEXT_ROOM
}; /* the longest text of address_prefix_add, and its NUL */

/* Port and scope are 0, as are the bits behind `length`. The mapped addresses of ::ffff:0:0/96 are written as
   the IPv4 addresses that they stand for, so an IPv6 network never means IPv4 addresses, not even ::/0. */
struct address_prefix {
    struct pl_address address;
    uint8_t length; /* in bits */
};

/* What address_prefix_parse found. */
enum address_prefix_result {
    ADDRESS_PREFIX_OK,
    ADDRESS_PREFIX_NO_ADDRESS,   /* no address before the slash */
    ADDRESS_PREFIX_SCOPE,        /* an address with a %scope */
    ADDRESS_PREFIX_NO_LENGTH,    /* nothing behind the slash */
    ADDRESS_PREFIX_BAD_LENGTH,   /* something else than digits there */
    ADDRESS_PREFIX_LEADING_ZERO, /* of the length */
    ADDRESS_PREFIX_TOO_LONG,     /* more than 32, or 128 */
    ADDRESS_PREFIX_HOST_BITS     /* a bit behind the length is 1 */
};

/* address_prefix_parse: ADDRESS/LENGTH, or an address, which is a network by itself: /32 or /128. Mapped
   addresses become IPv4 where the length is at least 96, which is taken off it. When there are host bits,
   `prefix_out` has what was written; with other errors only its address's family is of use, 0 when there is
   no address. */
enum address_prefix_result address_prefix_parse(const char *at, size_t length,
                                                struct address_prefix *prefix_out);

/* address_prefix_width: the bits of an address of this family, 4 or 6. */
uint8_t address_prefix_width(uint16_t family);

/* address_prefix_clear: clears the host bits; what is left is the network in which the address lies. */
void address_prefix_clear(struct address_prefix *prefix);

/* address_prefix_fill: sets the host bits, for the network's last address. */
void address_prefix_fill(struct address_prefix *prefix);

/* address_prefix_add: as short as it can be written: "192.0.2.0/24", "2001:db8::/32", "192.0.2.1". */
void address_prefix_add(struct text *text, const struct address_prefix *prefix);

#endif
