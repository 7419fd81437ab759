/* SPDX-License-Identifier: MIT
   Echo, see echo.h. The state of an endpoint is the host itself: nothing else is needed. */
#include "handler/echo.h"

static int32_t echo__start(pl_start *start)
{
    start->state = (void *)(uintptr_t)start->host;
    return PL_OK;
}

static size_t echo__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    const pl_host *host = state;
    (void)user;
    return host->send(host, id, at, length) >= 0 ? length : 0; /* full: it comes again after on_writable */
}

static void echo__on_writable(void *state, pl_id id, void **user)
{
    (void)state, (void)id, (void)user; /* the host hands the unconsumed bytes to on_data again */
}

static void echo__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                              const pl_info *info)
{
    const pl_host *host = state;
    (void)user, (void)info;
    host->send(host, id, at, length);
}

const struct pl_handler echo_handler = {
    .size = sizeof(struct pl_handler),
    .abi_major = PL_ABI_MAJOR,
    .abi_minor = PL_ABI_MINOR,
    .needs_minor = PL_ABI_MINOR,
    .flags = PL_TCP | PL_UDP,
    .name = "echo",
    .version = "1.0",
    .summary = "Sends back what it receives (RFC 862).",
    .start = echo__start,
    .on_data = echo__on_data,
    .on_writable = echo__on_writable,
    .on_datagram = echo__on_datagram,
};
