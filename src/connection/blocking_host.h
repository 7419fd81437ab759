/* SPDX-License-Identifier: MIT
   What a handler that blocks can call: the host's functions, which take its callback's thread, one of the pool's, for
   the W of its client. */
#ifndef PORTLISTENER_CONNECTION_BLOCKING_HOST_H
#define PORTLISTENER_CONNECTION_BLOCKING_HOST_H

#include "connection/blocking_client.h"

/* blocking_host_init: fills bridge->functions. */
void blocking_host_init(struct blocking_bridge *bridge);

/* blocking_host_settle: less is queued for the client than before: its callbacks may send `bytes` more. False: no memory
   for telling it. On W. */
bool blocking_host_settle(struct blocking_client *client, uint32_t bytes);

#endif
