/* SPDX-License-Identifier: MIT
   Winsock as this machine has it: started, its extension functions found, its optional features tried out.
   And the few things that every kind of socket needs. */
#ifndef PORTLISTENER_IO_NETWORK_H
#define PORTLISTENER_IO_NETWORK_H

#include <stdbool.h>

#include "base/address.h"
#include "base/failure.h"
#include "base/win.h"

/* Filled once, read by all threads. */
struct network {
    LPFN_ACCEPTEX accept_ex;
    LPFN_CONNECTEX connect_ex;
    LPFN_GETACCEPTEXSOCKADDRS accept_ex_addresses;
    LPFN_WSARECVMSG receive_message;
    LPFN_WSASENDMSG send_message;
    bool has_ipv6;
    bool skips_on_success; /* TCP: a call that succeeds at once need not pass through the port as well */
    bool peeks;            /* UDP: a receive of no bytes can wait for a datagram without taking it */
};

/* network_start: false: `failure_out`, and nothing to stop. Takes up to two seconds when
   the peek fails. */
bool network_start(struct network *network, struct failure *failure_out);
void network_stop(struct network *network);

/* network_socket: `type` SOCK_STREAM or SOCK_DGRAM; overlapped, never inherited. INVALID_SOCKET:
   WSAGetLastError. */
SOCKET network_socket(int family, int type);

/* network_set_option: an option whose value is one DWORD. 0 or the error. */
DWORD network_set_option(SOCKET socket, int level, int option, DWORD value);

/* network_set_nonblocking: calls without an overlapped never wait. 0 or the error. */
DWORD network_set_nonblocking(SOCKET socket);

/* network_use_skip: where skips_on_success allows it; false where the port tells of every call. */
bool network_use_skip(const struct network *network, SOCKET socket);

/* network_close_hard: closes a TCP socket with a reset, at once. */
void network_close_hard(SOCKET socket);

/* network_address_from: an IPv4-mapped address comes out as IPv4. network_address_to: the length written; for
   a `family` of AF_INET6 an IPv4 address becomes mapped. network_family: AF_INET or AF_INET6. */
void network_address_from(const SOCKADDR *from, struct pl_address *address_out);
int network_address_to(const struct pl_address *address, int family, SOCKADDR_STORAGE *to_out);
int network_family(const struct pl_address *address);

/* network_own_address: the socket's; family 0: the system does not know it any more. */
struct pl_address network_own_address(SOCKET socket);

#endif
