/* SPDX-License-Identifier: MIT
   The bridge's callbacks on the workers, see blocking.h. */
#include "connection/blocking.h"

#include <string.h>

#include "base/memory.h"
#include "connection/blocking_client.h"
#include "connection/blocking_host.h"

/* ---- The threads ---- */

bool blocking_start(struct blocking *blocking, unsigned threads, struct breadcrumb *breadcrumb,
                    DWORD *error_out)
{
    blocking->current = TlsAlloc();
    if (blocking->current == TLS_OUT_OF_INDEXES) {
        *error_out = GetLastError();
        return false;
    }
    blocking->pool = blocking_pool_create(threads, breadcrumb, error_out);
    if (blocking->pool == NULL) {
        TlsFree(blocking->current);
    }
    return blocking->pool != NULL;
}

bool blocking_stop(struct blocking *blocking, DWORD timeout)
{
    return blocking->pool == NULL || blocking_pool_stop(blocking->pool, timeout);
}

void blocking_destroy(struct blocking *blocking)
{
    if (blocking->pool != NULL) {
        blocking_pool_destroy(blocking->pool);
        TlsFree(blocking->current);
        blocking->pool = NULL;
    }
}

/* ---- On W ---- */

/* As the handler may see it: of sessions one that has none is told nothing. */
static struct pl_info blocking_bridge__info(const struct blocking_bridge *bridge, const pl_info *info)
{
    struct pl_info told = *info;
    if ((bridge->inner->flags & PL_SESSIONS) == 0) {
        told.seen &= ~(uint32_t)PL_SESSION;
    }
    return told;
}

/* Without memory for what has happened the client is lost. */
static void blocking_client__tell(struct blocking_client *client, enum blocking_event_kind kind,
                                  const void *at, size_t length)
{
    if (blocking_client_note(client, kind, at, length) == NULL) {
        blocking_client_lose(client);
    }
    blocking_client_submit(client);
}

/* What on_open returns then: the handler has not closed it. Of sessions `error` means that their socket is dead. */
static int32_t blocking_bridge__lack_memory(const struct blocking_bridge *bridge, pl_id id)
{
    if (slot_kind(id) != SLOT_SESSION) {
        host_end_client(bridge->host, id, CLOSED_ERROR, ERROR_NOT_ENOUGH_MEMORY);
    }
    return PL_NO_MEMORY;
}

/* Of one that the handler has opened: it is there since it was asked for. */
static int32_t blocking_client__open(struct blocking_client *client, const pl_info *info)
{
    client->info = blocking_bridge__info(client->bridge, info);
    if (blocking_client_note(client, BLOCKING_OPEN, NULL, 0) == NULL) {
        return blocking_bridge__lack_memory(client->bridge, client->id); /* on_close comes */
    }
    blocking_client_submit(client);
    return PL_OK;
}

static int32_t blocking__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    struct blocking_bridge *bridge = state;
    if ((info->seen & PL_OUTBOUND) != 0) {
        return blocking_client__open(*user, info);
    }
    struct blocking_client *client = blocking_client_create(bridge, host_worker(bridge->host, id), id);
    if (client == NULL || blocking_client_note(client, BLOCKING_OPEN, NULL, 0) == NULL) {
        blocking_client_destroy(client);
        return blocking_bridge__lack_memory(bridge, id); /* the handler never knows of it */
    }
    *user = client;
    InterlockedIncrement(&bridge->clients);
    client->info = blocking_bridge__info(bridge, info);
    blocking_client_submit(client);
    return PL_OK;
}

static size_t blocking__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id;
    blocking_client__tell(*user, BLOCKING_DATA, at, length);
    return length;
}

static void blocking_client__drop(const struct blocking_client *client)
{
    endpoint_count(client->bridge->endpoint, client->worker, COUNTER_DATAGRAMS_DROPPED_BUSY,
                   &client->info.peer);
}

static void blocking__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                                  const pl_info *info)
{
    struct blocking_bridge *bridge = state;
    struct blocking_client *client = *user;
    (void)id;
    if (client->queued + (LONG64)length > BLOCKING_SESSION_MOST ||
        bridge->queued + (LONG64)length > BLOCKING_ENDPOINT_MOST) {
        blocking_client__drop(client);
        return;
    }
    struct blocking_event *event = blocking_client_note(client, BLOCKING_DATAGRAM, at, length);
    if (event == NULL) {
        blocking_client__drop(client);
        return;
    }
    event->info = blocking_bridge__info(bridge, info);
    InterlockedExchangeAdd64(&client->queued, (LONG64)length);
    InterlockedExchangeAdd64(&bridge->queued, (LONG64)length);
    blocking_client_submit(client);
}

static void blocking__on_writable(void *state, pl_id id, void **user)
{
    struct blocking_client *client = *user;
    (void)state, (void)id;
    const uint32_t settled = client->unsettled;
    client->unsettled = 0;
    if (client->has_file) {
        client->has_file = false;
        InterlockedExchange(&client->is_filing, 0);
    }
    bool is_told = blocking_host_settle(client, settled);
    if (InterlockedExchange(&client->is_asked, 0) != 0 && is_told) {
        is_told = blocking_client_note(client, BLOCKING_WRITABLE, NULL, 0) != NULL;
    }
    if (!is_told) {
        blocking_client_lose(client);
    }
    blocking_client_submit(client);
}

static void blocking__on_eof(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)at, (void)length; /* nothing: on_data takes all */
    blocking_client__tell(*user, BLOCKING_EOF, NULL, 0);
}

static void blocking__on_timer(void *state, pl_id id, void **user)
{
    const struct blocking_bridge *bridge = state;
    struct blocking_client *client = user != NULL ? *user : bridge->own;
    (void)id;
    blocking_client_note(client, BLOCKING_TIMER, NULL, 0); /* without memory it does not come */
    blocking_client_submit(client);
}

static void blocking__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    struct blocking_client *client = *user;
    (void)state, (void)id;
    if (client == NULL) {
        return; /* see on_open */
    }
    blocking_client_end(client, reason, win32_error);
    blocking_client_submit(client);
}

static int32_t blocking__start(pl_start *start)
{
    struct blocking_bridge *bridge = start->state;
    pl_start inner = *start;
    inner.host = &bridge->functions;
    inner.state = NULL;
    const struct blocking_bridge *previous = start->previous;
    inner.previous = previous != NULL ? previous->state : NULL;
    const int32_t result = bridge->inner->start != NULL ? bridge->inner->start(&inner) : PL_OK;
    bridge->state = inner.state;
    return result;
}

static void blocking__stop(void *state)
{
    const struct blocking_bridge *bridge = state;
    if (bridge->inner->stop != NULL) {
        bridge->inner->stop(bridge->state);
    }
}

static void blocking__drain(void *state, uint32_t within)
{
    const struct blocking_bridge *bridge = state;
    bridge->inner->drain(bridge->state, within);
}

/* ---- Bridges ---- */

/* All of the handler's that are not callbacks, and a callback for each that it needs itself or has to hand over. */
static void blocking_bridge__describe(struct blocking_bridge *bridge)
{
    const struct pl_handler *inner = bridge->inner;
    struct pl_handler *handler = &bridge->handler;
    memcpy(handler, inner, inner->size < sizeof *handler ? inner->size : sizeof *handler);
    handler->size = sizeof *handler;
    handler->flags &= ~(uint32_t)PL_BLOCKING;
    if ((handler->flags & PL_UDP) != 0) {
        handler->flags |= PL_SESSIONS; /* answers come later than the datagram's own callback */
    }
    handler->start = blocking__start;
    handler->stop = blocking__stop;
    handler->on_open = blocking__on_open;
    handler->on_data = inner->on_data != NULL ? blocking__on_data : NULL;
    handler->on_datagram = inner->on_datagram != NULL ? blocking__on_datagram : NULL;
    handler->on_writable = blocking__on_writable;
    handler->on_eof = blocking__on_eof;
    handler->on_close = blocking__on_close;
    handler->on_timer = handler->on_timer != NULL ? blocking__on_timer : NULL;
    handler->drain = handler->drain != NULL ? blocking__drain : NULL;
}

struct blocking_bridge *blocking_bridge_create(struct blocking *blocking, struct host *host,
                                               struct endpoint *endpoint)
{
    struct blocking_bridge *bridge = memory_alloc(sizeof *bridge);
    if (bridge == NULL) {
        return NULL;
    }
    bridge->inner = endpoint->handler;
    bridge->host = host;
    bridge->blocking = blocking;
    bridge->endpoint = endpoint;
    blocking_group_init(&bridge->group);
    blocking_bridge__describe(bridge);
    blocking_host_init(bridge);
    bridge->own = blocking_client_create(bridge, host_worker(host, endpoint->id), endpoint->id);
    if (bridge->own == NULL) {
        memory_free(bridge);
        return NULL;
    }
    return bridge;
}

void blocking_bridge_install(struct blocking_bridge *bridge, struct endpoint *endpoint)
{
    endpoint->handler = &bridge->handler;
    endpoint->state = bridge; /* what start finds there */
}

size_t blocking_bridge_clients(const struct blocking_bridge *bridge)
{
    return (size_t)bridge->clients;
}

bool blocking_bridge_is_idle(const struct blocking_bridge *bridge)
{
    return !bridge->own->is_running && bridge->own->waiting.first == NULL;
}

void blocking_bridge_destroy(struct blocking_bridge *bridge)
{
    if (bridge != NULL) {
        blocking_client_destroy(bridge->own);
        memory_free(bridge);
    }
}
