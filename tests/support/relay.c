/* SPDX-License-Identifier: MIT
   A relay, see relay.h. All of a pair is on one worker: no lock, and each side may call for the other one. */
#include "support/relay.h"

#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

struct side {
    struct pair *pair;
    struct side *other;
    pl_id id; /* 0: not there yet, or gone */
};

struct pair {
    struct side sides[2]; /* the client, and whom it is connected to */
};

const char *relay_target;
static const pl_host *host;
static volatile LONG pairs, full;

long relay_pairs(void)
{
    return pairs;
}

long relay_full(void)
{
    return full;
}

static int32_t relay__start(pl_start *start)
{
    host = start->host;
    return PL_OK;
}

static int32_t relay__connect(struct pair *pair, const pl_info *info)
{
    const pl_connect how = {.size = sizeof how,
                            .protocol = (info->seen & PL_SESSION) != 0 ? PL_UDP : PL_TCP,
                            .target = {relay_target, strlen(relay_target)},
                            .user = &pair->sides[1]};
    return host->connect(host, info->id, &how, &pair->sides[1].id);
}

static int32_t relay__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    (void)state;
    if ((info->seen & PL_OUTBOUND) != 0) {
        const struct side *to = *user;
        host->read(host, to->other->id, 1); /* what came before is on its way */
        return PL_OK;
    }
    struct pair *pair = memory_alloc(sizeof *pair);
    if (pair == NULL) {
        return PL_NO_MEMORY;
    }
    for (int i = 0; i < 2; i++) {
        pair->sides[i] = (struct side){.pair = pair, .other = &pair->sides[1 - i]};
    }
    pair->sides[0].id = id;
    *user = &pair->sides[0];
    InterlockedIncrement(&pairs);
    return relay__connect(pair, info); /* negative: on_close comes */
}

/* Whoever sends faster than the other side takes waits until that has taken most of it. */
static size_t relay__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    const struct side *from = *user;
    const int32_t result = host->send(host, from->other->id, at, length);
    (void)state;
    if (result == PL_QUEUED || result == PL_FULL) {
        host->read(host, id, 0);
        host->want_writable(host, from->other->id); /* not of one that connects: on_open comes */
    }
    if (result == PL_FULL) {
        InterlockedIncrement(&full);
    }
    return result == PL_FULL ? 0 : length;
}

static void relay__on_writable(void *state, pl_id id, void **user)
{
    const struct side *to = *user;
    (void)state, (void)id;
    host->read(host, to->other->id, 1);
}

static void relay__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                               const pl_info *info)
{
    const struct side *from = *user;
    (void)state, (void)id, (void)info;
    host->send(host, from->other->id, at, length);
}

/* The FIN goes on behind what is queued; the other direction lives on. */
static void relay__on_eof(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    const struct side *from = *user;
    (void)state, (void)id, (void)at, (void)length;
    host->close(host, from->other->id, PL_FINISH);
}

static void relay__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    struct side *side = *user;
    (void)state, (void)id, (void)win32_error;
    if (side == NULL) {
        return;
    }
    side->id = 0;
    if (side->other->id != 0) {
        const bool is_in_order =
            reason == PL_BY_PEER || reason == PL_BY_HANDLER; /* both FINs have been seen */
        host->close(host, side->other->id, is_in_order ? PL_GRACEFUL : PL_RESET);
    } else {
        memory_free(side->pair);
        InterlockedDecrement(&pairs);
    }
}

const struct pl_handler relay_handler = {.size = sizeof relay_handler,
                                         .abi_major = PL_ABI_MAJOR,
                                         .abi_minor = PL_ABI_MINOR,
                                         .needs_minor = 10,
                                         .flags = PL_TCP | PL_UDP | PL_SESSIONS | PL_RELAY,
                                         .name = "relay",
                                         .version = "1",
                                         .summary = "for tests",
                                         .start = relay__start,
                                         .on_open = relay__on_open,
                                         .on_data = relay__on_data,
                                         .on_datagram = relay__on_datagram,
                                         .on_writable = relay__on_writable,
                                         .on_eof = relay__on_eof,
                                         .on_close = relay__on_close};
