/* SPDX-License-Identifier: MIT
   Discard, see discard.h. */
#include "handler/discard.h"

static size_t discard__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at;
    return length;
}

static void discard__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                                 const pl_info *info)
{
    (void)state, (void)id, (void)user, (void)at, (void)length, (void)info;
}

const struct pl_handler discard_handler = {
    .size = sizeof(struct pl_handler),
    .abi_major = PL_ABI_MAJOR,
    .abi_minor = PL_ABI_MINOR,
    .needs_minor = PL_ABI_MINOR,
    .flags = PL_TCP | PL_UDP,
    .name = "discard",
    .version = "1.0",
    .summary = "Takes everything and answers nothing (RFC 863).",
    .on_data = discard__on_data,
    .on_datagram = discard__on_datagram,
};
