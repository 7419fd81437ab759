/* SPDX-License-Identifier: MIT
   Crashes of a test program, on any thread: told and final. (cmocka would jump into the wrong thread.) */
#ifndef PORTLISTENER_TESTS_SUPPORT_CRASH_H
#define PORTLISTENER_TESTS_SUPPORT_CRASH_H

enum { CRASH_EXIT_CODE = 99 }; /* below 128: Linux sees the low byte only */

/* crash_watch: from now on a crash prints its code, its address and the calls that led there to standard
   error and ends the process with CRASH_EXIT_CODE. Again is harmless. */
void crash_watch(void);

#endif
