/* SPDX-License-Identifier: MIT
   Sockets that are dead: what the program asks a socket for when it wants to know whether that still lives is
   answered with WSAENOTSOCK. Any thread's calls; told by the test's own. */
#ifndef PORTLISTENER_TESTS_SUPPORT_DEATHS_H
#define PORTLISTENER_TESTS_SUPPORT_DEATHS_H

#include "base/win.h"

/* deaths_arm: so many of the next questions (getsockopt of SO_TYPE or SO_ACCEPTCONN), not more, until the seam is
   restored. */
void deaths_arm(LONG count);

#endif
