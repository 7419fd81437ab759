/* SPDX-License-Identifier: MIT
   Clients, see peer.h. */
#include "peer.h"

#include "io/network.h"

enum { PEER_NAP = 50 /* milliseconds: the longest wait in one call */ };

SOCKET peer_connect(const struct pl_address *to, int receive_buffer)
{
    SOCKADDR_STORAGE address;
    const int length = network_address_to(to, AF_INET, &address);
    SOCKET peer = socket(AF_INET, SOCK_STREAM, 0);
    DWORD on = 1;
    if (receive_buffer > 0) {
        setsockopt(peer, SOL_SOCKET, SO_RCVBUF, (const char *)&receive_buffer, sizeof receive_buffer);
    }
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
    if (connect(peer, (const SOCKADDR *)&address, length) != 0) {
        closesocket(peer);
        return INVALID_SOCKET;
    }
    ioctlsocket(peer, (long)FIONBIO, &on);
    return peer;
}

uint16_t peer_port(SOCKET peer)
{
    SOCKADDR_IN address = {0};
    int length = sizeof address;
    getsockname(peer, (SOCKADDR *)&address, &length);
    return ntohs(address.sin_port);
}

/* Until it can be read, or written to, but not longer than a nap. */
static void peer__wait(SOCKET peer, bool reads, bool writes)
{
    fd_set readable, writable;
    struct timeval nap = {.tv_usec = PEER_NAP * 1000};
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    if (reads) {
        FD_SET(peer, &readable);
    }
    if (writes) {
        FD_SET(peer, &writable);
    }
    if (select(0, &readable, &writable, NULL, &nap) == SOCKET_ERROR) {
        Sleep(PEER_NAP);
    }
}

/* All that is there; false: the connection has ended. */
static bool peer__read(SOCKET peer)
{
    char room[16384];
    int length = 1;
    while (length > 0) {
        length = recv(peer, room, sizeof room, 0);
    }
    return length < 0 && WSAGetLastError() == WSAEWOULDBLOCK;
}

/* How much went; -1: the connection has ended. */
static int peer__write(SOCKET peer, const char *at, size_t length)
{
    const int sent = send(peer, at, length < 65536 ? (int)length : 65536, 0);
    return sent >= 0 ? sent : WSAGetLastError() == WSAEWOULDBLOCK ? 0 : -1;
}

size_t peer_send(SOCKET peer, const char *at, size_t length, unsigned within, bool reads)
{
    const ULONGLONG end = GetTickCount64() + within;
    size_t done = 0;
    while (peer != INVALID_SOCKET && done < length) {
        const int sent = peer__write(peer, at + done, length - done);
        if (sent < 0 || GetTickCount64() > end) {
            break;
        }
        done += (size_t)sent;
        if (sent == 0) {
            peer__wait(peer, reads, true);
        }
        if (reads && !peer__read(peer)) {
            break;
        }
    }
    return done;
}

bool peer_drain(SOCKET peer, unsigned within)
{
    const ULONGLONG end = GetTickCount64() + within;
    while (peer != INVALID_SOCKET && peer__read(peer)) {
        if (GetTickCount64() > end) {
            return false;
        }
        peer__wait(peer, true, false);
    }
    return true;
}

void peer_finish(SOCKET peer)
{
    shutdown(peer, SD_SEND);
}

void peer_close(SOCKET peer)
{
    closesocket(peer);
}

void peer_reset(SOCKET peer)
{
    const struct linger reset = {.l_onoff = 1};
    setsockopt(peer, SOL_SOCKET, SO_LINGER, (const char *)&reset, sizeof reset);
    closesocket(peer);
}

SOCKET peer_open_datagram(void)
{
    SOCKET peer = socket(AF_INET, SOCK_DGRAM, 0);
    DWORD on = 1;
    ioctlsocket(peer, (long)FIONBIO, &on);
    return peer;
}

void peer_send_datagram(SOCKET peer, const struct pl_address *to, const char *at, size_t length)
{
    SOCKADDR_STORAGE address;
    const int address_length = network_address_to(to, AF_INET, &address);
    sendto(peer, at, (int)length, 0, (const SOCKADDR *)&address, address_length);
    peer__read(peer); /* answers are dropped */
}
