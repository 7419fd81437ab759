/* SPDX-License-Identifier: MIT
   Reading the PROXY protocol, versions 1 and 2 (HAProxy's doc/proxy-protocol.txt): the header that a proxy puts
   before the bytes of its client, to tell who that is. No Windows header.

   Where the specification leaves a choice, or senders differ from it:
   - The real peer stays the client for v2 LOCAL, whose family, addresses and TLVs are skipped unread; for v1
     UNKNOWN; for a v2 address family or protocol UNSPEC, where nobody knows which bytes are addresses and which are
     TLVs; and for AF_UNIX, as the specification asks of a receiver that does not support a family: no list of ours
     could name such a client. Its header must still be well-formed.
   - Any address and port of the right form is taken, port 0, 0.0.0.0 and multicast too: they are allowed there, and
     nothing is ever sent to them. `allow` and `deny` judge them.
   - A mapped IPv6 address becomes IPv4. HAProxy maps one of the two where the families of client and destination
     differ, so the families of `source` and `destination` may differ too.
   - v1 is read strictly, for what two readers understand differently hides a client from one of them. An IPv6
     address may end in the dotted form (RFC 4291, section 2.2): so HAProxy writes mapped ones. Behind UNKNOWN
     everything is ignored up to the CR LF, but for a CR or LF alone.
   - v2 TLVs must fill the header exactly. Of their values only a checksum is read: once at most, four bytes in
     network order, as HAProxy writes it. */
#ifndef PORTLISTENER_ACCEPT_PROXY_HEADER_H
#define PORTLISTENER_ACCEPT_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

enum {
    PROXY_V1 = 0x1, /* which versions are allowed */
    PROXY_V2 = 0x2,

    PROXY_V1_MAX = 107, /* bytes of a v1 header, its CR LF included */

    /* Bytes of a header. A v2 header could have 65551. It is long when the client's certificate is among its TLVs:
       1 to 2 KB, but 5 KB and more with ML-DSA-65 (FIPS 204). HAProxy builds its headers in a buffer of 16 KB. */
    PROXY_HEADER_MAX = 16384
};

enum proxy_result {
    PROXY_MORE, /* too few bytes yet: read again with more of them */
    PROXY_DONE,
    PROXY_BAD /* no bytes that may follow make it a header */
};

struct proxy_header {
    size_t length; /* of the header; the client's own bytes follow. On DONE */
    bool is_local; /* the real peer is the client: no addresses. On DONE */
    struct pl_address source;
    struct pl_address destination; /* the address that the client asked for */
    const char *problem;           /* for a log: what is wrong, a constant. On BAD; else NULL */
};

/* proxy_header_read: a header from the first bytes of a connection or datagram, of one of `versions` (PROXY_V1,
   PROXY_V2). Any thread.
   `header_out` is filled as its members say; its other members are 0.
   A connection: MORE comes only with fewer than PROXY_HEADER_MAX bytes. DONE and BAD do not change with the bytes
   that follow. BAD comes as soon as a byte is wrong, or one too many; values are judged when they are complete:
   a v1 address or port at its end, what follows the length of v2 when all of it is there.
   A datagram holds all of its header, so MORE never comes, and it is never v1. */
enum proxy_result proxy_header_read(unsigned versions, bool is_datagram, const uint8_t *at, size_t length,
                                    struct proxy_header *header_out);

#endif
