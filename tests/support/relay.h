/* SPDX-License-Identifier: MIT
   A handler that is a relay: whoever connects to it is connected to another address, and what either side sends goes to the
   other one. As small as one can be that loses nothing: back-pressure and FIN pass through it both ways. */
#ifndef PORTLISTENER_TESTS_SUPPORT_RELAY_H
#define PORTLISTENER_TESTS_SUPPORT_RELAY_H

#include "base/win.h"
#include "portlistener/handler.h"

/* relay_handler: "relay", of TCP and UDP, without options. relay_target: where it connects to, set before the engine
   starts. */
extern const struct pl_handler relay_handler;
extern const char *relay_target;

/* relay_pairs: that live. relay_full: how often a send took nothing. Any thread. */
long relay_pairs(void);
long relay_full(void);

#endif
