/* SPDX-License-Identifier: MIT
   What all modes of the load client share: time, complaints, sockets. */
#ifndef PORTLISTENER_TESTS_LOAD_WIRE_H
#define PORTLISTENER_TESTS_LOAD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/pattern.h"

enum { WIRE_BUFFER = 65536 };

/* wire_now: seconds. */
double wire_now(void);

/* wire_tell: counts an error, and prints it if it is one of the first. wire_errors: how many there were. */
__attribute__((format(printf, 1, 2))) void wire_tell(const char *format, ...);
unsigned long wire_errors(void);

/* wire_socket: of SOCK_STREAM or SOCK_DGRAM, bound to one of --sources loopback addresses, `number` tells which;
   `flags`: SOCK_NONBLOCK. -1: errno tells. */
int wire_socket(int type, int flags, long number);

/* wire_connect: to the server; 0: done, or under way. */
int wire_connect(int fd);

/* wire_error: of a connect, and forgets it. */
int wire_error(int fd);

/* wire_harden: its close will be a reset. */
void wire_harden(int fd);

/* wire_allow: enough descriptors for so many sockets, or the end of the program. */
void wire_allow(long sockets);

/* wire_array: `count` zeroed objects, or the end of the program. */
void *wire_array(size_t count, size_t size);

#endif
