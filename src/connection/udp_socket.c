/* SPDX-License-Identifier: MIT
   Sending datagrams, see udp_socket.h. */
#include "connection/udp_socket.h"

#include "io/packet_info.h"

bool udp_socket_send(const struct udp_socket *udp, struct tally *tally, const SOCKADDR_STORAGE *peer,
                     int peer_length, const struct pl_address *source, const uint8_t *at, size_t length)
{
    struct packet_info control;
    SOCKADDR_STORAGE to = *peer;
    WSABUF buffer = {.buf = (char *)(uintptr_t)at, .len = (ULONG)length};
    WSAMSG message = {
        .name = (SOCKADDR *)&to, .namelen = peer_length, .lpBuffers = &buffer, .dwBufferCount = 1};
    if (address_is_any(&udp->local) && !address_is_any(source)) {
        message.Control = (WSABUF){.buf = (char *)&control, .len = packet_info_set(&control, source)};
    }
    DWORD bytes = 0;
    if (udp->network->send_message(udp->socket, &message, 0, &bytes, NULL, NULL) != 0) {
        worker_count(udp->worker, tally, COUNTER_DATAGRAMS_UNSENT, 1);
        return false;
    }
    worker_count(udp->worker, tally, COUNTER_DATAGRAMS_SENT, 1);
    worker_count(udp->worker, tally, COUNTER_DATAGRAM_BYTES_SENT, length);
    return true;
}
