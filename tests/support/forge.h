/* SPDX-License-Identifier: MIT
   Datagrams that loopback cannot produce: what WSARecvMsg brings is made to look as if it came from elsewhere or went
   to an address of many; and answers that go nowhere. Only for endpoints that are not busy. There is one of each;
   until the seam is restored. */
#ifndef PORTLISTENER_TESTS_SUPPORT_FORGE_H
#define PORTLISTENER_TESTS_SUPPORT_FORGE_H

#include "base/win.h"
#include "portlistener/handler.h"

struct forgery {
    struct pl_address peer;  /* family 0: as it is */
    struct pl_address local; /* likewise */
    DWORD flags;             /* MSG_BCAST, MSG_MCAST */
};

/* forge: the next `count` datagrams, on whichever socket. Not while others come. */
void forge(const struct forgery *forgery, LONG count);

/* What went nowhere. */
struct swallowed {
    volatile LONG count;
    struct pl_address to; /* the last one; to be read when `count` has grown */
    DWORD length;
    DWORD control; /* bytes */
};

extern struct swallowed swallowed;

/* forge_swallow: from now on no answer reaches the network, and each is taken for sent. */
void forge_swallow(void);

/* forge_end: neither of the two any more. */
void forge_end(void);

#endif
