/* SPDX-License-Identifier: MIT
   Reading, printing and comparing IP addresses (struct pl_address of the handler contract); no Windows
   header. */
#ifndef PORTLISTENER_BASE_ADDRESS_H
#define PORTLISTENER_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "portlistener/handler.h"

enum { ADDRESS_TEXT_ROOM = 64 }; /* the longest text of address_add_with_port, and its NUL */

/* address_parse: four decimal numbers without leading zeros, or an IPv6 address (RFC 4291, section 2.2)
   without brackets and with an optional %scope, a number (RFC 4007). The port becomes 0, a mapped address
   stays IPv6. */
bool address_parse(const char *at, size_t length, struct pl_address *address_out);

/* address_fold: the IPv4-mapped ::ffff:a.b.c.d becomes a.b.c.d, so that every list and limit sees one client
   once. */
void address_fold(struct pl_address *address);

/* address_add: "192.0.2.1", "2001:db8::1%3" or "::ffff:192.0.2.1" (RFC 5952), "-" for no address; with port:
   "192.0.2.1:80" or "[2001:db8::1]:80". */
void address_add(struct text *text, const struct pl_address *address);
void address_add_with_port(struct text *text, const struct pl_address *address);

bool address_equal(const struct pl_address *a, const struct pl_address *b); /* port included */
bool address_is_any(const struct pl_address *address);                      /* 0.0.0.0 or :: */
bool address_is_loopback(const struct pl_address *address);                 /* 127.0.0.0/8 or ::1 */
bool address_is_multicast(const struct pl_address *address);                /* 224.0.0.0/4 or ff00::/8 */

bool address_is_link_local(const struct pl_address *address); /* fe80::/10 */

/* address_is_broadcast: 255.255.255.255, or that of the loopback network, 127.255.255.255. That of another network
   cannot be told without its mask. */
bool address_is_broadcast(const struct pl_address *address);

#endif
