/* SPDX-License-Identifier: MIT
   Addresses of 127.0.0.0/8 that no other process of these tests has: 127.A.B.x, A and B being the two bytes of a port
   that this process holds until its end. So suites that run at the same time do not take each other's fixed ports. For
   the test's own thread, inside a test (Winsock has begun). */
#ifndef PORTLISTENER_TESTS_SUPPORT_LOOPBACK_H
#define PORTLISTENER_TESTS_SUPPORT_LOOPBACK_H

#include <stdint.h>

/* loopback_port: the port that is held, of TCP on 127.0.0.1: A is its upper byte, never 0, and B its lower one. */
uint16_t loopback_port(void);

/* loopback_listen: "tcp://127.A.B.<last>:<ports>", for rig_listen; until the next call. */
const char *loopback_listen(const char *protocol, uint8_t last, const char *ports);

/* loopback_free_port6: a port of [::1] that nobody has at this moment, TCP. */
uint16_t loopback_free_port6(void);

#endif
