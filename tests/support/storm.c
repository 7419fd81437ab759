/* SPDX-License-Identifier: MIT
   Operations that end at once, see storm.h. The port is the one that a socket was associated with last. */
#include "support/storm.h"

#include "support/seam.h"

static struct {
    PVOID volatile port;
    LONG volatile is_on;
    LONG volatile hits;
    ULONG_PTR status;
} storm;

/* True: it is done, and has "failed" with WSA_IO_PENDING. */
static bool storm__end_at_once(LPOVERLAPPED overlapped)
{
    if (overlapped == NULL || InterlockedCompareExchange(&storm.is_on, 0, 0) == 0) {
        return false;
    }
    overlapped->Internal = storm.status;
    InterlockedIncrement(&storm.hits);
    SEAM_REAL(PostQueuedCompletionStatus)(storm.port, 0, 0, overlapped);
    WSASetLastError(WSA_IO_PENDING);
    return true;
}

static int WSAAPI storm__receive(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                                 LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    return storm__end_at_once(overlapped)
               ? SOCKET_ERROR
               : SEAM_REAL(WSARecv)(s, buffers, count, received, flags, overlapped, routine);
}

static int WSAAPI storm__receive_message(SOCKET s, LPWSAMSG message, LPDWORD received,
                                         LPWSAOVERLAPPED overlapped,
                                         LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    return storm__end_at_once(overlapped) ? SOCKET_ERROR
                                          : SEAM_REAL(WSARecvMsg)(s, message, received, overlapped, routine);
}

static BOOL WINAPI storm__accept(SOCKET s, SOCKET accepted, PVOID out, DWORD data_room, DWORD local_room,
                                 DWORD remote_room, LPDWORD received, LPOVERLAPPED overlapped)
{
    return !storm__end_at_once(overlapped) &&
           SEAM_REAL(AcceptEx)(s, accepted, out, data_room, local_room, remote_room, received, overlapped);
}

static HANDLE WINAPI storm__associate(HANDLE file, HANDLE port, ULONG_PTR key, DWORD threads)
{
    if (port != NULL) {
        InterlockedExchangePointer(&storm.port, port);
    }
    return SEAM_REAL(CreateIoCompletionPort)(file, port, key, threads);
}

void storm_watch(void)
{
    storm_end();
    InterlockedExchange(&storm.hits, 0);
    seam_replace(IMPORT_CreateIoCompletionPort, (seam_function)storm__associate);
    seam_replace(IMPORT_WSARecv, (seam_function)storm__receive);
    seam_replace(IMPORT_WSARecvMsg, (seam_function)storm__receive_message);
    seam_replace(IMPORT_AcceptEx, (seam_function)storm__accept);
}

void storm_begin(uint32_t status)
{
    storm.status = status;
    InterlockedExchange(&storm.is_on, 1);
}

void storm_end(void)
{
    InterlockedExchange(&storm.is_on, 0);
}

uint32_t storm_hits(void)
{
    return (uint32_t)InterlockedCompareExchange(&storm.hits, 0, 0);
}
