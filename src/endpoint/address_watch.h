/* SPDX-License-Identifier: MIT
   Tells when this machine's addresses change, so that a bind that failed for want of one is tried again at
   once. */
#ifndef PORTLISTENER_ENDPOINT_ADDRESS_WATCH_H
#define PORTLISTENER_ENDPOINT_ADDRESS_WATCH_H

#include <stdbool.h>

#include "base/win.h"

/* IPv4 and IPv6. */
struct address_watch {
    SOCKET sockets[2];
    OVERLAPPED overlapped[2];
    bool is_armed[2];
};

/* address_watch_start: sets `event` (auto-reset) at the next change. What cannot be watched is left out:
   binds are tried again by time as well. On the thread that calls the other two: what a thread has begun, the
   system cancels when it ends. */
void address_watch_start(struct address_watch *watch, HANDLE event);

/* address_watch_take: whether anything has changed since the last call, or the start; watches on. */
bool address_watch_take(struct address_watch *watch);

void address_watch_stop(struct address_watch *watch);

#endif
