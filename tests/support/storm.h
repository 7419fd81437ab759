/* SPDX-License-Identifier: MIT
   A storm: operations that end at once, each with the same error, as fast as they are begun. For engines with
   one worker; any thread. */
#ifndef PORTLISTENER_TESTS_SUPPORT_STORM_H
#define PORTLISTENER_TESTS_SUPPORT_STORM_H

#include <stdint.h>

/* storm_watch: before the worker is made, and until the seam is restored. */
void storm_watch(void);

/* storm_begin: from now on an overlapped WSARecv, WSARecvMsg or AcceptEx does nothing, and its port reports
   that it has ended with this NTSTATUS. storm_end: they work again. */
void storm_begin(uint32_t status);
void storm_end(void);

/* storm_hits: operations that have ended so. */
uint32_t storm_hits(void);

#endif
