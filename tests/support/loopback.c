/* SPDX-License-Identifier: MIT
   Addresses of a test's own, see loopback.h. */
#include "support/loopback.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/seam.h"

/* A socket on a port that the system chooses. */
static SOCKET loopback__bind(int family, uint16_t *port_out)
{
    SOCKADDR_STORAGE storage = {.ss_family = (short)family};
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)&storage;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)(void *)&storage;
    int length = family == AF_INET ? (int)sizeof *ipv4 : (int)sizeof *ipv6;
    if (family == AF_INET) {
        ipv4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
        ipv6->sin6_addr.s6_addr[15] = 1;
    }
    const SOCKET s = SEAM_REAL(WSASocketW)(family, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
    if (SEAM_REAL(bind)(s, (const struct sockaddr *)&storage, length) != 0 ||
        SEAM_REAL(getsockname)(s, (struct sockaddr *)&storage, &length) != 0) {
        fprintf(stderr, "loopback: no port of the system's, error %d\n", WSAGetLastError());
        abort();
    }
    *port_out = ntohs(family == AF_INET ? ipv4->sin_port : ipv6->sin6_port);
    return s;
}

uint16_t loopback_port(void)
{
    static uint16_t port;
    if (port == 0) {
        loopback__bind(AF_INET, &port); /* never closed */
    }
    return port;
}

const char *loopback_listen(const char *protocol, uint8_t last, const char *ports)
{
    static char text[64];
    const unsigned port = loopback_port();
    snprintf(text, sizeof text, "%s://127.%u.%u.%u:%s", protocol, port >> 8, port & 255, last, ports);
    return text;
}

uint16_t loopback_free_port6(void)
{
    uint16_t port = 0;
    SEAM_REAL(closesocket)(loopback__bind(AF_INET6, &port));
    return port;
}
