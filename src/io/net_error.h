/* SPDX-License-Identifier: MIT
   Error codes of sockets: from a completion's status to a code, and from the many codes to the few things
   they mean. */
#ifndef PORTLISTENER_IO_NET_ERROR_H
#define PORTLISTENER_IO_NET_ERROR_H

#include <stdint.h>

enum net_outcome {
    NET_DONE,      /* no error */
    NET_TRUNCATED, /* a datagram longer than the buffer: its first part is there */
    NET_BLOCKED,   /* not now, or not enough of something: try again later */
    NET_RESET,     /* the peer, or the network on its behalf, ended the connection */
    NET_ABORTED,   /* our own close or cancel did */
    NET_BROKEN     /* anything else */
};

/* net_error_of_status: the NTSTATUS in OVERLAPPED.Internal as a Winsock or Win32 code; 0 for success. An
   unknown failure is never success. */
uint32_t net_error_of_status(uint32_t status);

/* net_outcome_of: takes Winsock and Win32 codes alike. Whether NET_ABORTED or NET_RESET is the truth of a
   connection that we are closing, only the connection knows: closing shows as 995, 676, 1236, 64 or 10038. */
enum net_outcome net_outcome_of(uint32_t error);

#endif
