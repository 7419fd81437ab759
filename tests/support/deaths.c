/* SPDX-License-Identifier: MIT
   Dead sockets, see deaths.h. */
#include "support/deaths.h"

#include "support/seam.h"

static volatile LONG left;

static int WSAAPI deaths__getsockopt(SOCKET s, int level, int option, char *value, int *length)
{
    const bool is_question = level == SOL_SOCKET && (option == SO_ACCEPTCONN || option == SO_TYPE);
    if (is_question && InterlockedDecrement(&left) >= 0) {
        WSASetLastError(WSAENOTSOCK);
        return SOCKET_ERROR;
    }
    return SEAM_REAL(getsockopt)(s, level, option, value, length);
}

void deaths_arm(LONG count)
{
    InterlockedExchange(&left, count);
    seam_replace(IMPORT_getsockopt, (seam_function)deaths__getsockopt);
}
