/* SPDX-License-Identifier: MIT
   A plugin that does what the built-in handler "echo" does; also as one that blocks. */
#include "portlistener/handler.h"

#ifndef ECHO_NAME
#define ECHO_NAME  "echo"
#define ECHO_FLAGS 0
#endif

__declspec(dllexport) const pl_handler *portlistener_handler(void);

static int32_t start(pl_start *start)
{
    start->state = (void *)(uintptr_t)start->host;
    return 0;
}

static size_t on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    const pl_host *host = state;
    (void)user;
    return host->send(host, id, at, length) >= 0 ? length : 0;
}

static void on_writable(void *state, pl_id id, void **user)
{
    (void)state, (void)id, (void)user; /* what is left comes again */
}

static void on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                        const pl_info *info)
{
    const pl_host *host = state;
    (void)user, (void)info;
    host->send(host, id, at, length);
}

const pl_handler *portlistener_handler(void)
{
    static const pl_handler handler = {.size = sizeof(pl_handler),
                                       .abi_major = PL_ABI_MAJOR,
                                       .abi_minor = PL_ABI_MINOR,
                                       .needs_minor = 0,
                                       .flags = PL_TCP | PL_UDP | ECHO_FLAGS,
                                       .name = ECHO_NAME,
                                       .version = "1.0",
                                       .summary = "Sends back what it receives.",
                                       .start = start,
                                       .on_data = on_data,
                                       .on_writable = on_writable,
                                       .on_datagram = on_datagram};
    return &handler;
}
