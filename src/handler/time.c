/* SPDX-License-Identifier: MIT
   Time, see time.h. The number begins anew on 7 February 2036, as RFC 868 has it: clients add the rest. */
#include "handler/time.h"

#include <time.h>

enum { TIME_BYTES = 4 };

static const uint64_t time__from_1900_to_1970 = 2208988800;

static void time__write(uint8_t *bytes)
{
    const uint64_t seconds = (uint64_t)time(NULL) + time__from_1900_to_1970;
    for (int i = 0; i < TIME_BYTES; i++) {
        bytes[i] = (uint8_t)(seconds >> (24 - 8 * i));
    }
}

static int32_t time__start(pl_start *start)
{
    start->state = (void *)(uintptr_t)start->host;
    return PL_OK;
}

static int32_t time__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    const pl_host *host = state;
    uint8_t bytes[TIME_BYTES];
    (void)user, (void)info;
    time__write(bytes);
    host->send(host, id, bytes, sizeof bytes);
    host->close(host, id, PL_GRACEFUL);
    return PL_OK;
}

static size_t time__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at;
    return length; /* whatever is asked */
}

static void time__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                              const pl_info *info)
{
    const pl_host *host = state;
    uint8_t bytes[TIME_BYTES];
    (void)user, (void)at, (void)length, (void)info;
    time__write(bytes);
    host->send(host, id, bytes, sizeof bytes);
}

const struct pl_handler time_handler = {
    .size = sizeof(struct pl_handler),
    .abi_major = PL_ABI_MAJOR,
    .abi_minor = PL_ABI_MINOR,
    .needs_minor = PL_ABI_MINOR,
    .flags = PL_TCP | PL_UDP | PL_ASKED_EMPTY,
    .name = "time",
    .version = "1.0",
    .summary = "Tells the seconds since 1900 as four bytes (RFC 868).",
    .start = time__start,
    .on_open = time__on_open,
    .on_data = time__on_data,
    .on_datagram = time__on_datagram,
};
