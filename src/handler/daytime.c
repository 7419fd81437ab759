/* SPDX-License-Identifier: MIT
   Daytime, see daytime.h. RFC 867 leaves the form to the server; this is its first example, in UTC. */
#include "handler/daytime.h"

#include "base/civil_time.h"

enum { DAYTIME_ROOM = 64 };

/* Bytes written to `room`. */
static size_t daytime__write(char *room)
{
    const struct tm utc = civil_time_utc(time(NULL));
    return strftime(room, DAYTIME_ROOM, "%A, %B %d, %Y %H:%M:%S-UTC\r\n", &utc);
}

static int32_t daytime__start(pl_start *start)
{
    start->state = (void *)(uintptr_t)start->host;
    return PL_OK;
}

static int32_t daytime__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    const pl_host *host = state;
    char room[DAYTIME_ROOM];
    (void)user, (void)info;
    host->send(host, id, room, daytime__write(room));
    host->close(host, id, PL_GRACEFUL);
    return PL_OK;
}

static size_t daytime__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at;
    return length; /* whatever is asked */
}

static void daytime__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                                 const pl_info *info)
{
    const pl_host *host = state;
    char room[DAYTIME_ROOM];
    (void)user, (void)at, (void)length, (void)info;
    host->send(host, id, room, daytime__write(room));
}

const struct pl_handler daytime_handler = {
    .size = sizeof(struct pl_handler),
    .abi_major = PL_ABI_MAJOR,
    .abi_minor = PL_ABI_MINOR,
    .needs_minor = PL_ABI_MINOR,
    .flags = PL_TCP | PL_UDP | PL_ASKED_EMPTY,
    .name = "daytime",
    .version = "1.0",
    .summary = "Tells the date and time (UTC) as text (RFC 867).",
    .start = daytime__start,
    .on_open = daytime__on_open,
    .on_data = daytime__on_data,
    .on_datagram = daytime__on_datagram,
};
