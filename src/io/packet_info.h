/* SPDX-License-Identifier: MIT
   The packet information beside a datagram: which of this machine's addresses it was sent to, or is to leave
   from (control messages of WSARecvMsg and WSASendMsg). */
#ifndef PORTLISTENER_IO_PACKET_INFO_H
#define PORTLISTENER_IO_PACKET_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/win.h"

/* Room for both kinds, which an IPv4 datagram on a dual-stack socket brings. */
struct packet_info {
    uint64_t words[16]; /* WSACMSGHDR wants this alignment */
};

/* packet_info_find: the address in control[0..length); its port is left as it is. False: there is none. */
bool packet_info_find(const struct packet_info *info, size_t length, struct pl_address *address);

/* packet_info_set: names `source`, by the interface that the system chooses (a link-local address: by its
   own). The length to pass. */
ULONG packet_info_set(struct packet_info *info, const struct pl_address *source);

#endif
