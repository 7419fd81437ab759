/* SPDX-License-Identifier: MIT
   The modes of the load client that have a file each; options.c tells what they do. Each prints its line of JSON and
   returns the exit code. */
#ifndef PORTLISTENER_TESTS_LOAD_MODES_H
#define PORTLISTENER_TESTS_LOAD_MODES_H

int storm(void);
int latency(void);
int abuse(void);
int limit(void);
int rate(void);

#endif
