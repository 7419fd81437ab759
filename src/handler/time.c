/* SPDX-License-Identifier: MIT
   Time, see time.h. The number begins anew on 7 February 2036, as RFC 868 has it: clients add the rest. */
#include "handler/time.h"

#include <time.h>

#include "handler/answer.h"

enum { TIME_BYTES = 4 };

static const uint64_t time__from_1900_to_1970 = 2208988800;

static size_t time__write(const struct answer *answer, const pl_info *info, char *room)
{
    const uint64_t seconds = (uint64_t)time(NULL) + time__from_1900_to_1970;
    (void)answer, (void)info;
    for (int i = 0; i < TIME_BYTES; i++) {
        room[i] = (char)(uint8_t)(seconds >> (24 - 8 * i));
    }
    return TIME_BYTES;
}

static int32_t time__start(pl_start *start)
{
    return answer_create(start, sizeof(struct answer), time__write) != NULL ? PL_OK : PL_NO_MEMORY;
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
    .stop = answer_stop,
    .on_open = answer_on_open,
    .on_data = answer_on_data,
    .on_datagram = answer_on_datagram,
};
