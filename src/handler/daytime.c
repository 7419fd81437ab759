/* SPDX-License-Identifier: MIT
   Daytime, see daytime.h. RFC 867 leaves the form to the server; this is its first example, in UTC. */
#include "handler/daytime.h"

#include "base/civil_time.h"
#include "handler/answer.h"

static size_t daytime__write(const struct answer *answer, const pl_info *info, char *room)
{
    const struct tm utc = civil_time_utc(time(NULL));
    (void)answer, (void)info;
    return strftime(room, ANSWER_ROOM, "%A, %B %d, %Y %H:%M:%S-UTC\r\n", &utc);
}

static int32_t daytime__start(pl_start *start)
{
    return answer_create(start, sizeof(struct answer), daytime__write) != NULL ? PL_OK : PL_NO_MEMORY;
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
    .stop = answer_stop,
    .on_open = answer_on_open,
    .on_data = answer_on_data,
    .on_datagram = answer_on_datagram,
};
