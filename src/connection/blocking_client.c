/* SPDX-License-Identifier: MIT
   Events, batches and the callbacks on the pool's threads, see blocking_client.h. */
#include "connection/blocking_client.h"

#include <string.h>

#include "base/memory.h"
#include "connection/connection.h"

/* ---- Events ---- */

static void blocking_events__add(struct blocking_events *events, struct blocking_event *event)
{
    if (events->first == NULL) {
        events->first = event;
    } else {
        events->last->next = event;
    }
    events->last = event;
}

static struct blocking_event *blocking_events__take(struct blocking_events *events)
{
    struct blocking_event *event = events->first;
    if (event != NULL) {
        events->first = event->next;
    }
    return event;
}

struct blocking_event *blocking_client_note(struct blocking_client *client, enum blocking_event_kind kind,
                                            const void *at, size_t length)
{
    struct blocking_event *event = memory_alloc(sizeof *event + length);
    if (event == NULL) {
        return NULL;
    }
    event->kind = kind;
    event->length = length;
    if (length > 0) {
        memcpy(event->bytes, at, length);
    }
    blocking_events__add(&client->waiting, event);
    return event;
}

void blocking_client_end(struct blocking_client *client, int32_t reason, uint32_t error)
{
    struct blocking_event *event = client->end;
    client->end = NULL;
    event->reason = reason;
    event->error = error;
    blocking_events__add(&client->waiting, event);
}

/* ---- Its end ---- */

void blocking_client_lose(const struct blocking_client *client)
{
    host_end_client(client->bridge->host, client->id, CLOSED_ERROR, ERROR_NOT_ENOUGH_MEMORY);
}

void blocking_client_give_up(struct blocking_client *client, enum close_reason reason, uint32_t error)
{
    client->is_given_up = true;
    client->reason = reason;
    client->error = error;
    client->is_unheard = !host_end_client(client->bridge->host, client->id, reason, error);
}

/* ---- On the pool's threads ---- */

/* One callback. */
struct blocking_call {
    struct blocking_client *client;
    struct callback_mark *mark;
};

static void blocking_call__enter(const struct blocking_call *call, const char *name)
{
    const struct blocking_bridge *bridge = call->client->bridge;
    callback_mark_enter(call->mark, bridge->endpoint->config->name, bridge->inner->name, name,
                        call->client->id);
}

static void blocking_call__leave(const struct blocking_call *call)
{
    callback_mark_leave(call->mark);
}

static void blocking_call__open(const struct blocking_call *call)
{
    struct blocking_client *client = call->client;
    const struct blocking_bridge *bridge = client->bridge;
    blocking_call__enter(call, "on_open");
    const int32_t result = bridge->inner->on_open(bridge->state, client->id, &client->user, &client->info);
    blocking_call__leave(call);
    if (result < 0) {
        blocking_client_give_up(client, CLOSED_BY_HANDLER, 0);
    }
}

/* What was not consumed comes again in front of what has come since. */
static bool blocking_client__join(struct blocking_client *client, const struct blocking_event *event)
{
    uint8_t *joined = memory_resize(client->rest, client->rest_length + event->length);
    if (joined == NULL) {
        return false;
    }
    memcpy(joined + client->rest_length, event->bytes, event->length);
    client->rest = joined;
    client->rest_length += event->length;
    return true;
}

static bool blocking_client__keep_rest(struct blocking_client *client, const uint8_t *at, size_t length)
{
    if (length == 0) {
        memory_free(client->rest);
        client->rest = NULL;
    } else if (client->rest != NULL) {
        memmove(client->rest, at, length);
    } else {
        client->rest = memory_alloc(length);
        if (client->rest == NULL) {
            return false;
        }
        memcpy(client->rest, at, length);
    }
    client->rest_length = length;
    return true;
}

/* on_data with these bytes, which are the rest or an event's. */
static void blocking_call__data(const struct blocking_call *call, const uint8_t *at, size_t length)
{
    struct blocking_client *client = call->client;
    const struct blocking_bridge *bridge = client->bridge;
    client->is_resumed = false;
    blocking_call__enter(call, "on_data");
    size_t consumed = bridge->inner->on_data(bridge->state, client->id, &client->user, at, length);
    blocking_call__leave(call);
    consumed = consumed < length ? consumed : length;
    if (!blocking_client__keep_rest(client, at + consumed, length - consumed)) {
        blocking_client_give_up(client, CLOSED_ERROR, ERROR_NOT_ENOUGH_MEMORY);
    } else if (client->is_full == 0 && client->rest_length > endpoint_max_input(bridge->endpoint)) {
        blocking_client_give_up(client, CLOSED_INPUT_FULL, 0);
    }
}

static void blocking_call__new_data(const struct blocking_call *call, const struct blocking_event *event)
{
    struct blocking_client *client = call->client;
    if (client->rest_length == 0) {
        blocking_call__data(call, event->bytes, event->length);
    } else if (!blocking_client__join(client, event)) {
        blocking_client_give_up(client, CLOSED_ERROR, ERROR_NOT_ENOUGH_MEMORY);
    } else if (client->is_held == 0 && client->is_full == 0) {
        blocking_call__data(call, client->rest, client->rest_length);
    }
}

static void blocking_call__datagram(const struct blocking_call *call, const struct blocking_event *event)
{
    struct blocking_client *client = call->client;
    struct blocking_bridge *bridge = client->bridge;
    void *nothing = NULL;
    const bool has_user = (bridge->inner->flags & PL_SESSIONS) != 0 || slot_kind(client->id) == SLOT_PEER;
    blocking_call__enter(call, "on_datagram");
    bridge->inner->on_datagram(bridge->state, client->id, has_user ? &client->user : &nothing, event->bytes,
                               event->length, &event->info);
    blocking_call__leave(call);
}

static void blocking_call__writable(const struct blocking_call *call)
{
    struct blocking_client *client = call->client;
    const struct blocking_bridge *bridge = client->bridge;
    blocking_call__enter(call, "on_writable");
    bridge->inner->on_writable(bridge->state, client->id, &client->user);
    blocking_call__leave(call);
    client->is_resumed = true;
}

static void blocking_call__eof(const struct blocking_call *call)
{
    struct blocking_client *client = call->client;
    const struct blocking_bridge *bridge = client->bridge;
    if (bridge->inner->on_eof == NULL) {
        bridge->host->functions.close(&bridge->host->functions, client->id, PL_GRACEFUL);
        return;
    }
    blocking_call__enter(call, "on_eof");
    bridge->inner->on_eof(bridge->state, client->id, &client->user, client->rest, client->rest_length);
    blocking_call__leave(call);
    blocking_client__keep_rest(client, NULL, 0);
}

static void **blocking_client__user(struct blocking_client *client)
{
    return client == client->bridge->own ? NULL : &client->user;
}

static void blocking_call__timer(const struct blocking_call *call)
{
    struct blocking_client *client = call->client;
    const struct blocking_bridge *bridge = client->bridge;
    blocking_call__enter(call, "on_timer");
    bridge->inner->on_timer(bridge->state, client->id, blocking_client__user(client));
    blocking_call__leave(call);
}

static void blocking_call__post(const struct blocking_call *call, const struct blocking_event *event)
{
    struct blocking_client *client = call->client;
    blocking_call__enter(call, CALLBACK_POSTED);
    event->run(client->bridge->state, client->id, blocking_client__user(client), event->what);
    blocking_call__leave(call);
}

static void blocking_call__close(const struct blocking_call *call, const struct blocking_event *event)
{
    struct blocking_client *client = call->client;
    const struct blocking_bridge *bridge = client->bridge;
    client->is_gone = true;
    blocking_call__enter(call, "on_close");
    bridge->inner->on_close(bridge->state, client->id, &client->user, event->reason, event->error);
    blocking_call__leave(call);
}

static void blocking_call__tell(const struct blocking_call *call, const struct blocking_event *event)
{
    switch (event->kind) {
    case BLOCKING_OPEN:
        blocking_call__open(call);
        break;
    case BLOCKING_DATA:
        blocking_call__new_data(call, event);
        break;
    case BLOCKING_DATAGRAM:
        blocking_call__datagram(call, event);
        break;
    case BLOCKING_WRITABLE:
        blocking_call__writable(call);
        break;
    case BLOCKING_EOF:
        blocking_call__eof(call);
        break;
    case BLOCKING_TIMER:
        blocking_call__timer(call);
        break;
    case BLOCKING_POST:
        blocking_call__post(call, event);
        break;
    case BLOCKING_CLOSE:
        blocking_call__close(call, event);
        break;
    }
}

static void blocking_client__count_out(struct blocking_client *client, const struct blocking_event *event)
{
    if (event->kind == BLOCKING_DATAGRAM) {
        InterlockedExchangeAdd64(&client->queued, -(LONG64)event->length);
        InterlockedExchangeAdd64(&client->bridge->queued, -(LONG64)event->length);
    }
}

/* Whether the handler is to be told: the client has been given up; or it has no such callback. */
static bool blocking_client__wants(const struct blocking_client *client, const struct blocking_event *event)
{
    const struct pl_handler *inner = client->bridge->inner;
    const bool is_end = event->kind == BLOCKING_CLOSE;
    if (is_end || event->kind == BLOCKING_OPEN) {
        const bool is_known = (inner->flags & PL_SESSIONS) != 0 || slot_kind(client->id) != SLOT_SESSION;
        return is_known && (is_end ? inner->on_close != NULL : inner->on_open != NULL);
    }
    return !client->is_given_up || event->kind == BLOCKING_POST;
}

/* True: that was the last one. */
static bool blocking_client__tell_batch(struct blocking_client *client, struct callback_mark *mark)
{
    const struct blocking_call call = {client, mark};
    struct blocking_event *event = NULL;
    bool is_end = false;
    while ((event = blocking_events__take(&client->batch)) != NULL) {
        is_end = event->kind == BLOCKING_CLOSE;
        if (blocking_client__wants(client, event)) {
            blocking_call__tell(&call, event);
        }
        blocking_client__count_out(client, event);
        memory_free(event);
        if (client->is_resumed && client->is_held == 0 && client->rest_length > 0 && !is_end &&
            !client->is_given_up) {
            blocking_call__data(&call, client->rest, client->rest_length);
        }
    }
    return is_end;
}

static void blocking_client__run(struct blocking_job *job, struct callback_mark *mark)
{
    struct blocking_client *client = LIST_ELEMENT(job, struct blocking_client, job);
    struct blocking_bridge *bridge = client->bridge;
    TlsSetValue(bridge->blocking->current, client);
    const bool is_end = blocking_client__tell_batch(client, mark);
    TlsSetValue(bridge->blocking->current, NULL);
    if (is_end) {
        blocking_client_destroy(client);
        InterlockedDecrement(&bridge->clients);
    } else {
        worker_send(client->worker, &client->done);
    }
}

/* ---- On W ---- */

/* A connection is read from while nothing of it is with the pool. */
static void blocking_client__read(const struct blocking_client *client, bool on)
{
    if (slot_kind(client->id) == SLOT_CONNECTION) {
        connection_read(client->worker, client->id, on);
    }
}

static void blocking_client__run_done(struct message *message, struct worker *worker)
{
    struct blocking_client *client = LIST_ELEMENT(message, struct blocking_client, done);
    (void)worker;
    client->is_running = false;
    if (client->is_unheard && client->end != NULL) {
        client->is_unheard = false;
        host_end_client(client->bridge->host, client->id, client->reason, client->error); /* may be its end */
    } else if (client->waiting.first != NULL) {
        blocking_client_submit(client);
    } else if (client->is_held == 0 && client->is_full == 0) {
        blocking_client__read(client, true);
    }
}

void blocking_client_submit(struct blocking_client *client)
{
    struct blocking_bridge *bridge = client->bridge;
    if (client->is_running || client->waiting.first == NULL) {
        return;
    }
    client->batch = client->waiting;
    client->waiting = (struct blocking_events){.first = NULL};
    client->is_running = true;
    blocking_client__read(client, false); /* before the pool has it: with on_close it is freed there */
    if (!blocking_pool_submit(bridge->blocking->pool, &bridge->group, &client->job)) {
        client->is_running =
            false; /* the pool has stopped: nobody is left but who has posted to the endpoint */
        client->waiting = client->batch;
        client->batch = (struct blocking_events){.first = NULL};
    }
}

/* ---- Life ---- */

struct blocking_client *blocking_client_create(struct blocking_bridge *bridge, struct worker *worker,
                                               pl_id id)
{
    struct blocking_client *client = memory_alloc(sizeof *client);
    struct blocking_event *end = memory_alloc(sizeof *end);
    if (client == NULL || end == NULL) {
        memory_free(client);
        memory_free(end);
        return NULL;
    }
    end->kind = BLOCKING_CLOSE;
    client->end = end;
    client->job.run = blocking_client__run;
    client->done.run = blocking_client__run_done;
    client->bridge = bridge;
    client->worker = worker;
    client->id = id;
    return client;
}

static void blocking_client__drop(struct blocking_client *client, struct blocking_events *events)
{
    struct blocking_event *event = NULL;
    while ((event = blocking_events__take(events)) != NULL) {
        if (event->kind == BLOCKING_POST) {
            event->run(NULL, 0, NULL, event->what);
        }
        blocking_client__count_out(client, event);
        memory_free(event);
    }
}

void blocking_client_destroy(struct blocking_client *client)
{
    if (client != NULL) {
        blocking_client__drop(client, &client->batch);
        blocking_client__drop(client, &client->waiting);
        memory_free(client->end);
        memory_free(client->rest);
        memory_free(client);
    }
}

struct blocking_client *blocking_client_current(const struct blocking_bridge *bridge)
{
    struct blocking_client *client = TlsGetValue(bridge->blocking->current);
    return client != NULL && client->bridge == bridge ? client : NULL;
}
