/* SPDX-License-Identifier: MIT
   Error codes of sockets, see net_error.h. */
#include "io/net_error.h"

#include <stddef.h>

#include "base/win.h"

/* NTSTATUS values as published in [MS-ERREF] section 2.3.1; most are not in the headers of user mode. */
static const struct {
    uint32_t status;
    uint32_t error;
} statuses[] = {
    {0x80000005, WSAEMSGSIZE},             /* BUFFER_OVERFLOW */
    {0x8000000A, WSA_OPERATION_ABORTED},   /* HANDLES_CLOSED */
    {0xC0000005, WSAEFAULT},               /* ACCESS_VIOLATION */
    {0xC0000007, WSAENOBUFS},              /* PAGEFILE_QUOTA */
    {0xC0000008, WSAENOTSOCK},             /* INVALID_HANDLE */
    {0xC000000D, WSAEINVAL},               /* INVALID_PARAMETER */
    {0xC0000017, ERROR_NOT_ENOUGH_MEMORY}, /* NO_MEMORY */
    {0xC0000022, WSAEACCES},               /* ACCESS_DENIED */
    {0xC0000023, WSAEFAULT},               /* BUFFER_TOO_SMALL: unlike BUFFER_OVERFLOW, nothing was written */
    {0xC0000044, WSAENOBUFS},              /* QUOTA_EXCEEDED */
    {0xC000009A, WSAENOBUFS},              /* INSUFFICIENT_RESOURCES */
    {0xC00000A1, WSAENOBUFS},              /* WORKING_SET_QUOTA */
    {0xC00000B5, WSAETIMEDOUT},            /* IO_TIMEOUT */
    {0xC00000C9, ERROR_NETNAME_DELETED},   /* NETWORK_NAME_DELETED */
    {0xC0000120, WSA_OPERATION_ABORTED},   /* CANCELLED */
    {0xC000011F, WSAEMFILE},               /* TOO_MANY_OPENED_FILES */
    {0xC000012D, ERROR_NOT_ENOUGH_MEMORY}, /* COMMITMENT_LIMIT */
    {0xC000013B, WSAECONNABORTED},         /* LOCAL_DISCONNECT */
    {0xC000013C, WSAECONNRESET},           /* REMOTE_DISCONNECT */
    {0xC000013D, WSAENOBUFS},              /* REMOTE_RESOURCES */
    {0xC000013E, WSAECONNRESET},           /* LINK_FAILED */
    {0xC000013F, WSAETIMEDOUT},            /* LINK_TIMEOUT */
    {0xC0000140, WSAECONNABORTED},         /* INVALID_CONNECTION: ended before it was accepted */
    {0xC0000141, WSAEADDRNOTAVAIL},        /* INVALID_ADDRESS: nobody can be reached at it */
    {0xC0000207, WSAEADDRNOTAVAIL},        /* INVALID_ADDRESS_COMPONENT */
    {0xC000020A, WSAEADDRINUSE},           /* ADDRESS_ALREADY_EXISTS: this pair of addresses is in use */
    {0xC000020C, WSAECONNRESET},           /* CONNECTION_DISCONNECTED */
    {0xC000020D, WSAECONNRESET},           /* CONNECTION_RESET */
    {0xC0000236, WSAECONNREFUSED},         /* CONNECTION_REFUSED */
    {0xC000023C, WSAENETUNREACH},          /* NETWORK_UNREACHABLE */
    {0xC000023D, WSAEHOSTUNREACH},         /* HOST_UNREACHABLE */
    {0xC000023E, WSAENETUNREACH},          /* PROTOCOL_UNREACHABLE */
    {0xC000023F, WSAECONNRESET}, /* PORT_UNREACHABLE: for a datagram, the ICMP answer to an earlier one */
    {0xC0000240, WSA_OPERATION_ABORTED}, /* REQUEST_ABORTED */
    {0xC0000241, WSAECONNABORTED},       /* CONNECTION_ABORTED */
    {0xC000A012, WSAENETRESET},          /* HOPLIMIT_EXCEEDED: as PORT_UNREACHABLE */
};

uint32_t net_error_of_status(uint32_t status)
{
    if (status < 0x80000000) {
        return 0;
    }
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i].status == status) {
            return statuses[i].error;
        }
    }
    return ERROR_UNEXP_NET_ERR;
}

enum net_outcome net_outcome_of(uint32_t error)
{
    switch (error) {
    case 0:
        return NET_DONE;
    case WSAEMSGSIZE:
    case ERROR_MORE_DATA:
        return NET_TRUNCATED;
    case WSAEWOULDBLOCK:
    case WSAENOBUFS:
    case WSAEMFILE:
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_WORKING_SET_QUOTA:
    case ERROR_NOT_ENOUGH_QUOTA:
    case ERROR_COMMITMENT_LIMIT:
    case ERROR_TOO_MANY_OPEN_FILES:
        return NET_BLOCKED;
    case WSAECONNRESET:
    case WSAECONNABORTED:
    case WSAENETRESET:
    case WSAENOTCONN: /* a call behind a reset that nobody told us of */
    case WSAECONNREFUSED:
    case WSAESHUTDOWN:
    case WSAETIMEDOUT:
    case WSAEHOSTUNREACH:
    case WSAENETUNREACH:
    case ERROR_NETNAME_DELETED:
    case ERROR_CONNECTION_ABORTED:
    case ERROR_CONNECTION_REFUSED:
    case ERROR_PORT_UNREACHABLE:
    case ERROR_HOST_UNREACHABLE:
    case ERROR_NETWORK_UNREACHABLE:
    case ERROR_SEM_TIMEOUT:
        return NET_RESET;
    case WSA_OPERATION_ABORTED:
    case ERROR_HANDLES_CLOSED:
    case WSAENOTSOCK:
        return NET_ABORTED;
    default:
        return NET_BROKEN;
    }
}
