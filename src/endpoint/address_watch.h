/* SPDX-License-Identifier: MIT
   Tells when this machine's addresses change, so that a bind that failed for want of one is tried again at
   once. */
#ifndef PORTLISTENER_ENDPOINT_ADDRESS_WATCH_H
#define PORTLISTENER_ENDPOINT_ADDRESS_WATCH_H

#include <stdbool.h>

#include "base/win.h"

/* IPv4 and IPv6. All calls on one thread: a request ends with the thread that made it. */
enum { ADDRESS_WATCH_FAMILIES = 2 };

struct address_watch {
    SOCKET sockets[ADDRESS_WATCH_FAMILIES];
    OVERLAPPED overlapped[ADDRESS_WATCH_FAMILIES]; /* each with an event of its own: the call resets it */
    bool is_armed[ADDRESS_WATCH_FAMILIES];
};

/* address_watch_start: what cannot be watched is left out: binds are tried again by time as well. */
void address_watch_start(struct address_watch *watch);

/* address_watch_events: what to wait for; returns how many. */
DWORD address_watch_events(const struct address_watch *watch, HANDLE events_out[ADDRESS_WATCH_FAMILIES]);

/* address_watch_take: whether anything has changed since the last call, or the start; watches on. */
bool address_watch_take(struct address_watch *watch);

void address_watch_stop(struct address_watch *watch);

#endif
