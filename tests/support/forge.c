/* SPDX-License-Identifier: MIT
   Forged datagrams, see forge.h. */
#include "support/forge.h"

#include "io/network.h"
#include "io/packet_info.h"
#include "support/seam.h"

struct swallowed swallowed;

static struct forgery wanted;
static volatile LONG left;

static void forge__change(WSAMSG *message)
{
    if (wanted.peer.family != 0) {
        SOCKADDR_STORAGE *peer = (SOCKADDR_STORAGE *)(void *)message->name;
        message->namelen = network_address_to(&wanted.peer, peer->ss_family, peer);
    }
    if (wanted.local.family != 0) {
        message->Control.len =
            packet_info_set((struct packet_info *)(void *)message->Control.buf, &wanted.local);
    }
    message->dwFlags |= wanted.flags;
}

static int WSAAPI forge__receive(SOCKET s, LPWSAMSG message, LPDWORD received, LPWSAOVERLAPPED overlapped,
                                 LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    const int result = SEAM_REAL(WSARecvMsg)(s, message, received, overlapped, routine);
    if (result == 0 && overlapped == NULL && left > 0) {
        forge__change(message);
        InterlockedDecrement(&left);
    }
    return result;
}

void forge(const struct forgery *forgery, LONG count)
{
    wanted = *forgery;
    InterlockedExchange(&left, count);
    seam_replace(IMPORT_WSARecvMsg, (seam_function)forge__receive);
}

static int WSAAPI forge__swallow(SOCKET s, LPWSAMSG message, DWORD flags, LPDWORD sent,
                                 LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    (void)s, (void)flags, (void)overlapped, (void)routine;
    network_address_from(message->name, &swallowed.to);
    swallowed.length = *sent = message->lpBuffers[0].len;
    swallowed.control = message->Control.len;
    InterlockedIncrement(&swallowed.count);
    return 0;
}

void forge_swallow(void)
{
    swallowed = (struct swallowed){0};
    seam_replace(IMPORT_WSASendMsg, (seam_function)forge__swallow);
}

void forge_end(void)
{
    InterlockedExchange(&left, 0);
    seam_replace(IMPORT_WSARecvMsg, NULL);
    seam_replace(IMPORT_WSASendMsg, NULL);
}
