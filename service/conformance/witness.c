/* SPDX-License-Identifier: MIT
   The callbacks of a handler, watched; see witness.h. */
#include "witness.h"

#include <string.h>

#include "base/memory.h"

enum { WITNESS_SLOW = 500, WITNESS_SLOW_BLOCKING = 20000 /* milliseconds */ };

#define FINDING(name, level, text) {REPORT_##level, text},
static const struct finding_row finding_rows[FINDING_COUNT] = {
#include "findings.def"
};
#undef FINDING

static struct witness *witness__watched; /* for start, see witness.h */

const struct finding_row *finding_row(enum finding finding)
{
    return &finding_rows[finding];
}

void witness_find(struct witness *witness, enum finding finding, const char *place)
{
    if (InterlockedIncrement(&witness->counts[finding]) == 1) {
        witness->places[finding] = place;
    }
}

void witness_enter(struct witness *witness, struct inside *inside, const char *name, pl_id id,
                   struct guest *guest)
{
    *inside = (struct inside){.guest = guest, .name = name, .id = id, .since = GetTickCount64()};
    while (inside->place < WITNESS_RUNNING &&
           InterlockedCompareExchangePointer(&witness->running[inside->place], (void *)(uintptr_t)name,
                                             NULL) != NULL) {
        inside->place++;
    }
    TlsSetValue(witness->slot, inside);
}

void witness_leave(struct witness *witness, const struct inside *inside)
{
    const ULONGLONG limit = (witness->inner.flags & PL_BLOCKING) != 0 ? WITNESS_SLOW_BLOCKING : WITNESS_SLOW;
    TlsSetValue(witness->slot, NULL);
    if (inside->place < WITNESS_RUNNING) {
        InterlockedExchangePointer(&witness->running[inside->place], NULL);
    }
    if (GetTickCount64() - inside->since >= limit) {
        witness_find(witness, FINDING_SLOW, inside->name);
    }
}

const char *witness_running(const struct witness *witness)
{
    for (int i = 0; i < WITNESS_RUNNING; i++) {
        const char *name = witness->running[i];
        if (name != NULL) {
            return name;
        }
    }
    return NULL;
}

static void witness__note_gone(struct witness *witness, pl_id id)
{
    const LONG place = InterlockedIncrement(&witness->gone_count) & (WITNESS_GONE - 1);
    InterlockedExchange64(&witness->gone[place], (LONG64)id);
}

bool witness_is_gone(const struct witness *witness, pl_id id)
{
    for (int i = 0; i < WITNESS_GONE; i++) {
        if (witness->gone[i] == (LONG64)id) {
            return true;
        }
    }
    return false;
}

/* ---- Start and stop ---- */

static int32_t witness__start(pl_start *start)
{
    struct seat *seat = memory_alloc(sizeof *seat);
    if (seat == NULL) {
        return -1;
    }
    pl_start inner = *start;
    int32_t result = 0;
    seat->witness = witness__watched;
    for (int i = 0; i < WITNESS_GONE; i++) { /* each engine has ids of its own */
        seat->witness->gone[i] = 0;
    }
    seat->real = start->host;
    witness_host_init(seat);
    inner.host = &seat->host;
    inner.state = NULL;
    const struct seat *previous = start->previous;
    inner.previous = previous != NULL ? previous->state : NULL;
    if (seat->witness->inner.start != NULL) {
        result = seat->witness->inner.start(&inner);
    }
    if (result < 0) {
        memory_free(seat);
        return result;
    }
    seat->state = inner.state;
    start->state = seat;
    return result;
}

static void witness__stop(void *state)
{
    struct seat *seat = state;
    if (seat->witness->inner.stop != NULL) {
        seat->witness->inner.stop(seat->state);
    }
    memory_free(seat);
}

static void witness__drain(void *state, uint32_t within)
{
    const struct seat *seat = state;
    seat->witness->inner.drain(seat->state, within);
}

/* ---- Connections and sessions ---- */

/* That of one that the handler has opened is there since it was asked for, see witness_host.c. */
static struct guest *witness__guest(struct witness *witness, void **user, const pl_info *info)
{
    if ((info->seen & PL_OUTBOUND) == 0) {
        const LONG64 opens = InterlockedIncrement64(&witness->opens);
        InterlockedExchange(&witness->ports[opens % WITNESS_PORTS], info->peer.port);
        *user = memory_alloc(sizeof(struct guest));
    }
    return *user;
}

static int32_t witness__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    const struct seat *seat = state;
    struct witness *witness = seat->witness;
    struct guest *guest = witness__guest(witness, user, info);
    int32_t result = 0;
    if (guest == NULL) {
        return -1;
    }
    if (witness->inner.on_open != NULL) {
        struct inside inside;
        witness_enter(witness, &inside, "on_open", id, guest);
        result = witness->inner.on_open(seat->state, id, &guest->user, info);
        witness_leave(witness, &inside);
    }
    return result;
}

static void witness__note_user(struct guest *guest)
{
    guest->was_set = guest->was_set || guest->user != NULL;
}

static size_t witness__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    const struct seat *seat = state;
    struct witness *witness = seat->witness;
    struct guest *guest = *user;
    struct inside inside;
    witness__note_user(guest);
    witness_enter(witness, &inside, "on_data", id, guest);
    size_t consumed = witness->inner.on_data(seat->state, id, &guest->user, at, length);
    witness_leave(witness, &inside);
    if (consumed > length) {
        witness_find(witness, FINDING_OVER_CONSUMED, "on_data");
        consumed = length;
    } else if (inside.was_full && consumed == length) {
        witness_find(witness, FINDING_FULL_IGNORED, "on_data");
    }
    InterlockedExchangeAdd64(&witness->offered, guest->is_outbound ? 0 : (LONG64)length);
    InterlockedExchangeAdd64(&witness->consumed, guest->is_outbound ? 0 : (LONG64)consumed);
    return consumed;
}

static void witness__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                                 const pl_info *info)
{
    const struct seat *seat = state;
    struct witness *witness = seat->witness;
    struct guest stranger = {0};
    struct guest *guest = *user != NULL ? *user : &stranger;
    struct inside inside;
    witness__note_user(guest);
    InterlockedExchangeAdd64(&witness->datagrams, (info->seen & PL_OUTBOUND) == 0);
    witness_enter(witness, &inside, "on_datagram", id, guest);
    witness->inner.on_datagram(seat->state, id, &guest->user, at, length, info);
    witness_leave(witness, &inside);
    if (stranger.user != NULL) {
        witness_find(witness, FINDING_USER_OF_DATAGRAM, "on_datagram");
    }
}

static void witness__on_writable(void *state, pl_id id, void **user)
{
    const struct seat *seat = state;
    struct guest *guest = *user;
    struct inside inside;
    witness__note_user(guest);
    witness_enter(seat->witness, &inside, "on_writable", id, guest);
    seat->witness->inner.on_writable(seat->state, id, &guest->user);
    witness_leave(seat->witness, &inside);
}

static void witness__on_eof(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    const struct seat *seat = state;
    struct guest *guest = *user;
    struct inside inside;
    witness__note_user(guest);
    witness_enter(seat->witness, &inside, "on_eof", id, guest);
    seat->witness->inner.on_eof(seat->state, id, &guest->user, at, length);
    witness_leave(seat->witness, &inside);
}

/* `user` is NULL for an endpoint. */
static void witness__on_timer(void *state, pl_id id, void **user)
{
    const struct seat *seat = state;
    struct guest *guest = user != NULL ? *user : NULL;
    struct inside inside;
    witness_enter(seat->witness, &inside, "on_timer", id, guest);
    seat->witness->inner.on_timer(seat->state, id, guest != NULL ? &guest->user : NULL);
    witness_leave(seat->witness, &inside);
}

static void witness__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    const struct seat *seat = state;
    struct witness *witness = seat->witness;
    struct guest *guest = *user;
    if (guest != NULL && witness->inner.on_close != NULL) {
        struct inside inside;
        witness__note_user(guest);
        if (guest->was_set && guest->user == NULL) {
            witness_find(witness, FINDING_USER_LOST, "on_close");
        }
        witness_enter(witness, &inside, "on_close", id, guest);
        inside.is_on_close = true;
        witness->inner.on_close(seat->state, id, &guest->user, reason, win32_error);
        witness_leave(witness, &inside);
    }
    const bool is_client = guest == NULL || !guest->is_outbound;
    memory_free(guest);
    witness__note_gone(witness, id);
    InterlockedExchangeAdd64(&witness->closes, is_client);
}

/* ---- Life ---- */

/* What the handler lacks the witness must lack, for the host asks for that. */
static void witness__put_on(struct witness *witness)
{
    struct pl_handler *handler = &witness->handler;
    const struct pl_handler *inner = &witness->inner;
    *handler = *inner;
    handler->size = sizeof *handler;
    handler->start = witness__start;
    handler->stop = witness__stop;
    handler->on_open = witness__on_open;
    handler->on_data = inner->on_data != NULL ? witness__on_data : NULL;
    handler->on_datagram = inner->on_datagram != NULL ? witness__on_datagram : NULL;
    handler->on_writable = inner->on_writable != NULL ? witness__on_writable : NULL;
    handler->on_eof = inner->on_eof != NULL ? witness__on_eof : NULL;
    handler->on_close = witness__on_close;
    handler->on_timer = inner->on_timer != NULL ? witness__on_timer : NULL;
    handler->drain = inner->drain != NULL ? witness__drain : NULL;
}

bool witness_init(struct witness *witness, const struct pl_handler *handler)
{
    memset(witness, 0, sizeof *witness);
    memcpy(&witness->inner, handler, handler->size < sizeof *handler ? handler->size : sizeof *handler);
    witness__put_on(witness);
    witness->slot = TlsAlloc();
    witness__watched = witness;
    return witness->slot != TLS_OUT_OF_INDEXES;
}

void witness_fini(struct witness *witness)
{
    TlsFree(witness->slot);
    witness__watched = NULL;
}
