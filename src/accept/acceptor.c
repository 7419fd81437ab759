/* SPDX-License-Identifier: MIT
   Accepting, see acceptor.h. AcceptEx is always given no room for data: it completes when the client is
   connected, so that a client that says nothing holds no accept. */
#include "accept/acceptor.h"

#include <assert.h>

#include "base/list.h"
#include "base/memory.h"
#include "io/backoff.h"
#include "io/net_error.h"

enum {
    ACCEPT_ADDRESS_ROOM = sizeof(SOCKADDR_IN6) + 16, /* AcceptEx wants 16 bytes more than the address has */
    ACCEPT_INLINE_MAX = 64,   /* that end at once, in a row without a look at the port */
    ACCEPT_FAILURES_MAX = 10, /* failed in a row, beyond the target, before a pause */
    ACCEPT_RESETS_MAX =
        1000, /* the same for clients that were gone, each of which leaves the queue shorter */
    ACCEPT_RESET_DELAY = 100, /* and then the longest pause: who floods us with them must not make us deaf */
    ACCEPT_QUIET = 10000      /* how often the target is held against the load */
};

struct accept_slot {
    struct operation operation;
    struct list_node
        node; /* in acceptor.slots while it is in flight, in acceptor.later while its client waits */
    struct acceptor *acceptor;
    SOCKET socket;
    uint8_t addresses[2 * ACCEPT_ADDRESS_ROOM];
};

static_assert(sizeof(struct accept_slot) <= 160, "an idle listener costs one of these");

struct acceptor {
    struct worker *worker;
    unsigned lane; /* of its work there */
    const struct network *network;
    const struct acceptor_events *events;
    void *owner;
    SOCKET listener;
    int family;
    uint32_t accepts_max;
    uint32_t target;          /* AcceptEx that should be outstanding */
    volatile uint32_t posted; /* that are; others read it */
    uint32_t cancelled;       /* of these, asked to end because they are too many */
    uint32_t batch;           /* clients taken since the last arming */
    uint32_t peak;            /* the largest batch since the last look at the load */
    uint32_t failures;        /* in a row */
    bool skips;
    bool is_running;
    bool is_stopping;
    bool is_broken;
    bool is_paused;
    bool is_arm_queued;
    struct list_node slots;
    struct list_node later; /* have a client that may come in when the rate allows it */
    struct task arm;
    struct backoff backoff;
    struct timer quiet;
    struct timer rate; /* the next client may be admitted */
    struct release_waiter release;
    struct signal signal; /* start and pause */
    struct message stop;  /* behind all signals, the last that comes */
    volatile LONG wants_pause;
};

static void acceptor__complete(struct operation *operation, uint32_t error, uint32_t bytes);

/* ---- A client's addresses ---- */

struct accept_addresses {
    struct pl_address local;
    struct pl_address peer;
};

static struct accept_addresses accept_slot__addresses(struct accept_slot *slot)
{
    struct accept_addresses addresses = {0};
    SOCKADDR *local_at = NULL, *peer_at = NULL;
    int local_length = 0, peer_length = 0;
    slot->acceptor->network->accept_ex_addresses(slot->addresses, 0, ACCEPT_ADDRESS_ROOM, ACCEPT_ADDRESS_ROOM,
                                                 &local_at, &local_length, &peer_at, &peer_length);
    if (local_at != NULL && peer_at != NULL) {
        network_address_from(local_at, &addresses.local);
        network_address_from(peer_at, &addresses.peer);
    }
    return addresses;
}

/* Before it nothing else may be set on an accepted socket, nor a reset be had for sure. */
static bool acceptor__update_context(const struct acceptor *acceptor, const struct accept_slot *slot)
{
    const SOCKET listener = acceptor->listener;
    return setsockopt(slot->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&listener,
                      sizeof listener) == 0;
}

/* ---- Ending ---- */

static void acceptor__close_listener(struct acceptor *acceptor)
{
    if (acceptor->listener != INVALID_SOCKET) {
        closesocket(acceptor->listener);
        acceptor->listener = INVALID_SOCKET;
    }
}

static void acceptor__end_if_done(struct acceptor *acceptor)
{
    if (acceptor->is_stopping && acceptor->posted == 0 && !acceptor->is_arm_queued) {
        acceptor__close_listener(acceptor);
        acceptor->events->stopped(acceptor->owner);
    }
}

/* Who waits for the rate waits no longer. */
static void acceptor__abandon_later(struct acceptor *acceptor)
{
    while (!list_is_empty(&acceptor->later)) {
        struct accept_slot *slot = LIST_ELEMENT(list_take_first(&acceptor->later), struct accept_slot, node);
        const struct accept_addresses addresses = accept_slot__addresses(slot);
        acceptor__update_context(acceptor, slot);
        network_close_hard(slot->socket);
        acceptor->events->abandoned(acceptor->owner, &addresses.local, &addresses.peer);
        memory_free(slot);
    }
}

static void acceptor__run_stop(struct message *message, struct worker *worker)
{
    (void)worker;
    struct acceptor *acceptor = LIST_ELEMENT(message, struct acceptor, stop);
    acceptor->is_stopping = true;
    backoff_stop(&acceptor->backoff);
    timer_clear(worker_timers(acceptor->worker), &acceptor->quiet);
    timer_clear(worker_timers(acceptor->worker), &acceptor->rate);
    worker_forget_release(acceptor->worker, &acceptor->release);
    acceptor__abandon_later(acceptor);
    /* A client that was taken meanwhile can be reset only while the listening socket lives. */
    if (acceptor->posted > 0 && !CancelIoEx((HANDLE)acceptor->listener, NULL) &&
        GetLastError() != ERROR_NOT_FOUND) {
        acceptor__close_listener(acceptor); /* ends every AcceptEx as well */
    }
    acceptor__end_if_done(acceptor);
}

/* ---- Failures ---- */

/* The same codes come when the machine is out of sockets: ask the listening socket itself, but only while a
   new socket can be had. */
static bool acceptor__listener_is_dead(const struct acceptor *acceptor)
{
    const SOCKET fresh = network_socket(acceptor->family, SOCK_STREAM);
    if (fresh == INVALID_SOCKET) {
        return false;
    }
    DWORD listens = 0;
    int length = sizeof listens;
    const int result = getsockopt(acceptor->listener, SOL_SOCKET, SO_ACCEPTCONN, (char *)&listens, &length);
    closesocket(fresh);
    return result != 0 || listens == 0;
}

/* In a row, before a pause. */
static uint32_t acceptor__patience(const struct acceptor *acceptor, uint32_t error)
{
    if (net_outcome_of(error) == NET_RESET) {
        return acceptor->target + ACCEPT_RESETS_MAX;
    }
    return net_outcome_of(error) == NET_BLOCKED || error == WSAEINVAL || error == WSAENOTSOCK
               ? 0
               : acceptor->target + ACCEPT_FAILURES_MAX;
}

static void acceptor__park(struct acceptor *acceptor, uint32_t error)
{
    backoff_fail(&acceptor->backoff, worker_now(acceptor->worker), error,
                 net_outcome_of(error) == NET_RESET ? ACCEPT_RESET_DELAY : BACKOFF_MAX);
    worker_wait_for_release(acceptor->worker, &acceptor->release);
}

/* One accept failed: it is tried again, at once or after a pause. */
static void acceptor__fail(struct acceptor *acceptor, uint32_t error)
{
    acceptor->events->count(acceptor->owner, COUNTER_ACCEPT_FAILURES);
    acceptor->failures++;
    if ((error == WSAEINVAL || error == WSAENOTSOCK) && acceptor__listener_is_dead(acceptor)) {
        if (!acceptor->is_broken) {
            acceptor->is_broken = true;
            acceptor->events->broken(acceptor->owner, error);
        }
    } else if (!backoff_is_pausing(&acceptor->backoff) &&
               acceptor->failures > acceptor__patience(acceptor, error)) {
        acceptor__park(acceptor, error);
    }
}

/* ---- A client ---- */

/* Its client is admitted. */
static void acceptor__accept(struct acceptor *acceptor, struct accept_slot *slot,
                             const struct accept_addresses *addresses)
{
    if (acceptor__update_context(acceptor, slot)) {
        acceptor->events->accepted(acceptor->owner, slot->socket, &addresses->local, &addresses->peer);
    } else {
        network_close_hard(slot->socket);
        acceptor->events->lost(acceptor->owner, &addresses->local, &addresses->peer);
        worker_released(acceptor->worker);
    }
}

/* False: its client must wait, and the slot with it. Else the slot is free. */
static bool acceptor__take(struct acceptor *acceptor, struct accept_slot *slot)
{
    const struct accept_addresses addresses = accept_slot__addresses(slot);
    switch (acceptor->events->admit(acceptor->owner, &addresses.local, &addresses.peer)) {
    case ACCEPT_NOW:
        acceptor__accept(acceptor, slot, &addresses);
        break;
    case ACCEPT_LATER:
        return false;
    case ACCEPT_NEVER:
        acceptor__update_context(acceptor, slot);
        network_close_hard(slot->socket);
        worker_released(acceptor->worker);
        break;
    }
    memory_free(slot);
    return true;
}

/* None is outstanding, or a client waits: goes on when the rate allows it. */
static void acceptor__wait_for_rate(struct acceptor *acceptor)
{
    uint64_t next = 0;
    const bool has_tokens = acceptor->events->tokens(acceptor->owner, &next) > 0;
    const bool waits = !list_is_empty(&acceptor->later) || (acceptor->posted == 0 && !has_tokens);
    if (waits && list_is_empty(&acceptor->rate.node)) {
        acceptor->events->count(acceptor->owner, COUNTER_ACCEPT_PAUSES_RATE);
        timer_set(worker_timers(acceptor->worker), &acceptor->rate, next);
        acceptor->events->waits(acceptor->owner);
    }
}

static void acceptor__grow(struct acceptor *acceptor)
{
    if (acceptor->target < acceptor->accepts_max) {
        acceptor->target =
            acceptor->target * 2 < acceptor->accepts_max ? acceptor->target * 2 : acceptor->accepts_max;
        timer_set(worker_timers(acceptor->worker), &acceptor->quiet,
                  worker_now(acceptor->worker) + ACCEPT_QUIET);
    }
}

/* ---- Posting ---- */

static struct accept_slot *accept_slot__create(struct acceptor *acceptor, uint32_t *error_out)
{
    struct accept_slot *slot = memory_alloc(sizeof *slot);
    if (slot == NULL) {
        *error_out = ERROR_NOT_ENOUGH_MEMORY;
        return NULL;
    }
    slot->socket = network_socket(acceptor->family, SOCK_STREAM);
    if (slot->socket == INVALID_SOCKET) {
        *error_out = (uint32_t)WSAGetLastError();
        memory_free(slot);
        return NULL;
    }
    slot->acceptor = acceptor;
    slot->operation.complete = acceptor__complete;
    list_init(&slot->node);
    return slot;
}

static void acceptor__end_slot(struct acceptor *acceptor, struct accept_slot *slot, uint32_t error)
{
    list_remove(&slot->node);
    acceptor->posted--;
    if (error != 0) {
        closesocket(slot->socket);
        memory_free(slot);
        return;
    }
    acceptor->batch++;
    acceptor->failures = 0;
    backoff_succeed(&acceptor->backoff, worker_now(acceptor->worker));
    if (!acceptor__take(acceptor, slot)) {
        list_append(&acceptor->later, &slot->node);
        if (acceptor->is_stopping) {
            acceptor__abandon_later(acceptor);
        } else {
            acceptor__wait_for_rate(acceptor);
        }
    }
}

enum accept_post { ACCEPT_PENDING, ACCEPT_INLINE, ACCEPT_FAILED };

static enum accept_post acceptor__post(struct acceptor *acceptor)
{
    uint32_t error = 0;
    DWORD bytes = 0;
    struct accept_slot *slot = accept_slot__create(acceptor, &error);
    if (slot == NULL) {
        acceptor__fail(acceptor, error);
        return ACCEPT_FAILED;
    }
    list_append(&acceptor->slots, &slot->node);
    acceptor->posted++;
    const BOOL is_done = acceptor->network->accept_ex(acceptor->listener, slot->socket, slot->addresses, 0,
                                                      ACCEPT_ADDRESS_ROOM, ACCEPT_ADDRESS_ROOM, &bytes,
                                                      operation_begin(&slot->operation));
    error = is_done ? 0 : (uint32_t)WSAGetLastError();
    if (error == WSA_IO_PENDING || (is_done && !acceptor->skips)) {
        return ACCEPT_PENDING;
    }
    acceptor__end_slot(acceptor, slot, error);
    if (error != 0) {
        acceptor__fail(acceptor, error);
        return ACCEPT_FAILED;
    }
    return ACCEPT_INLINE;
}

/* A whole target taken since the last arming, or as many as a worker takes in one turn, means that more
   accepts would have been of use. */
static void acceptor__measure(struct acceptor *acceptor)
{
    uint32_t used = acceptor->batch;
    if (used >= acceptor->target || used >= WORKER_BATCH) {
        used = acceptor->target;
        acceptor__grow(acceptor);
    }
    acceptor->peak = used > acceptor->peak ? used : acceptor->peak;
    acceptor->batch = 0;
}

/* How many accepts may be outstanding: the target, as far as the rate allows. */
static uint32_t acceptor__allowed(const struct acceptor *acceptor)
{
    uint64_t next = 0;
    const uint32_t tokens =
        list_is_empty(&acceptor->later) ? acceptor->events->tokens(acceptor->owner, &next) : 0;
    return tokens < acceptor->target ? tokens : acceptor->target;
}

/* Brings `posted` up to the target, or to what the rate allows. */
static void acceptor__arm(struct acceptor *acceptor)
{
    if (acceptor->is_stopping || acceptor->is_arm_queued) {
        return; /* its timers stay clear; or it comes anyway */
    }
    acceptor__measure(acceptor);
    int tries = 0, ended = 0;
    while (acceptor->posted < acceptor__allowed(acceptor)) {
        if (acceptor->is_broken || backoff_is_pausing(&acceptor->backoff)) {
            return;
        }
        if (ended == ACCEPT_INLINE_MAX || (tries > 0 && worker_is_turn_over(acceptor->worker))) {
            acceptor->is_arm_queued = true;
            worker_queue(acceptor->worker, acceptor->lane, RANK_AGAIN, &acceptor->arm);
            return;
        }
        tries++;
        ended += acceptor__post(acceptor) != ACCEPT_PENDING;
    }
    acceptor__wait_for_rate(acceptor);
    if (!backoff_is_pausing(&acceptor->backoff)) {
        backoff_rest(&acceptor->backoff, worker_now(acceptor->worker));
    }
}

static void acceptor__run_arm(struct task *task)
{
    struct acceptor *acceptor = LIST_ELEMENT(task, struct acceptor, arm);
    acceptor->is_arm_queued = false;
    acceptor__arm(acceptor);
    acceptor__end_if_done(acceptor);
}

static void acceptor__completed(struct acceptor *acceptor)
{
    if (acceptor->is_stopping) {
        acceptor__end_if_done(acceptor);
    } else if (!acceptor->is_arm_queued) { /* once, after the other completions of this turn */
        acceptor->is_arm_queued = true;
        worker_queue(acceptor->worker, acceptor->lane, RANK_FRESH, &acceptor->arm);
    }
}

static void acceptor__complete(struct operation *operation, uint32_t error, uint32_t bytes)
{
    (void)bytes;
    struct accept_slot *slot = LIST_ELEMENT(operation, struct accept_slot, operation);
    struct acceptor *acceptor = slot->acceptor;
    acceptor__end_slot(acceptor, slot, error);
    if (error != 0 && !acceptor->is_stopping) {
        acceptor__fail(acceptor, error);
    }
    acceptor__completed(acceptor);
}

/* It may have a client all the same. */
static void acceptor__complete_cancelled(struct operation *operation, uint32_t error, uint32_t bytes)
{
    (void)bytes;
    struct accept_slot *slot = LIST_ELEMENT(operation, struct accept_slot, operation);
    struct acceptor *acceptor = slot->acceptor;
    acceptor->cancelled--;
    acceptor__end_slot(acceptor, slot, error);
    acceptor__completed(acceptor);
}

/* ---- Timers and wishes ---- */

static void acceptor__try_again(struct acceptor *acceptor)
{
    backoff_end_pause(&acceptor->backoff);
    worker_forget_release(acceptor->worker, &acceptor->release);
    acceptor__arm(acceptor);
}

static void acceptor__run_retry(struct backoff *backoff)
{
    acceptor__try_again(LIST_ELEMENT(backoff, struct acceptor, backoff));
}

static void acceptor__run_trouble(struct backoff *backoff, uint32_t error)
{
    const struct acceptor *acceptor = LIST_ELEMENT(backoff, struct acceptor, backoff);
    acceptor->events->trouble(acceptor->owner, error);
}

static void acceptor__run_recovered(struct backoff *backoff)
{
    const struct acceptor *acceptor = LIST_ELEMENT(backoff, struct acceptor, backoff);
    acceptor->events->recovered(acceptor->owner);
}

static void acceptor__run_release(struct release_waiter *waiter)
{
    acceptor__try_again(LIST_ELEMENT(waiter, struct acceptor, release));
}

/* Who waits comes first. */
static void acceptor__run_rate(struct timer *timer)
{
    struct acceptor *acceptor = LIST_ELEMENT(timer, struct acceptor, rate);
    while (!list_is_empty(&acceptor->later)) {
        struct accept_slot *slot = LIST_ELEMENT(list_take_first(&acceptor->later), struct accept_slot, node);
        if (!acceptor__take(acceptor, slot)) {
            list_append(acceptor->later.next, &slot->node); /* it stays the first */
            break;
        }
    }
    acceptor__wait_for_rate(acceptor);
    acceptor__arm(acceptor);
}

/* Ends what is outstanding beyond the target. */
static void acceptor__shed(struct acceptor *acceptor)
{
    struct list_node *node = acceptor->slots.next;
    while (acceptor->posted - acceptor->cancelled > acceptor->target && node != &acceptor->slots) {
        struct accept_slot *slot = LIST_ELEMENT(node, struct accept_slot, node);
        node = node->next;
        if (slot->operation.complete == acceptor__complete &&
            CancelIoEx((HANDLE)acceptor->listener, &slot->operation.overlapped)) {
            slot->operation.complete = acceptor__complete_cancelled;
            acceptor->cancelled++;
        }
    }
}

/* Less than half of the accepts were needed at once: give the others' sockets back. */
static void acceptor__run_quiet(struct timer *timer)
{
    struct acceptor *acceptor = LIST_ELEMENT(timer, struct acceptor, quiet);
    if (acceptor->peak * 2 <= acceptor->target) {
        acceptor->target /= 2;
    }
    acceptor->peak = 0;
    acceptor__shed(acceptor);
    if (acceptor->target > 1) {
        timer_set(worker_timers(acceptor->worker), &acceptor->quiet,
                  worker_now(acceptor->worker) + ACCEPT_QUIET);
    }
}

void acceptor_change(struct acceptor *acceptor, uint32_t accepts_max)
{
    acceptor->accepts_max = accepts_max;
    if (acceptor->is_stopping || !acceptor->is_running) {
        return;
    }
    if (acceptor->target > accepts_max) {
        acceptor->target = accepts_max;
        acceptor__shed(acceptor);
    }
    timer_clear(worker_timers(acceptor->worker), &acceptor->rate); /* it may be another one */
    acceptor__run_rate(&acceptor->rate);
}

static void acceptor__run_signal(struct signal *signal, struct worker *worker)
{
    (void)worker;
    struct acceptor *acceptor = LIST_ELEMENT(signal, struct acceptor, signal);
    const bool wants_pause = acceptor->wants_pause != 0;
    if (wants_pause != acceptor->is_paused) {
        acceptor->is_paused = wants_pause;
        network_set_option(acceptor->listener, SOL_SOCKET, SO_PAUSE_ACCEPT,
                           wants_pause); /* or `admit` refuses */
    }
    if (!acceptor->is_running) {
        acceptor->is_running = true;
        backoff_init(&acceptor->backoff, worker_timers(acceptor->worker), acceptor__run_retry,
                     acceptor__run_trouble, acceptor__run_recovered);
        acceptor__arm(acceptor);
    }
}

/* ---- Life ---- */

struct acceptor *acceptor_create(struct worker *worker, unsigned lane, const struct network *network,
                                 SOCKET listener, int family, uint32_t accepts_max,
                                 const struct acceptor_events *events, void *owner)
{
    struct acceptor *acceptor = memory_alloc(sizeof *acceptor);
    if (acceptor == NULL) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    if (!worker_associate(worker, lane, (HANDLE)listener)) {
        memory_free(acceptor);
        return NULL;
    }
    acceptor->worker = worker;
    acceptor->lane = lane;
    acceptor->network = network;
    acceptor->events = events;
    acceptor->owner = owner;
    acceptor->listener = listener;
    acceptor->family = family;
    acceptor->accepts_max = accepts_max;
    acceptor->target = 1;
    acceptor->skips = network_use_skip(network, listener);
    list_init(&acceptor->slots);
    list_init(&acceptor->later);
    acceptor->arm.run = acceptor__run_arm;
    timer_init(&acceptor->quiet, acceptor__run_quiet);
    timer_init(&acceptor->rate, acceptor__run_rate);
    release_waiter_init(&acceptor->release, acceptor__run_release);
    signal_init(&acceptor->signal, acceptor__run_signal);
    acceptor->stop.run = acceptor__run_stop;
    return acceptor;
}

void acceptor_start(struct acceptor *acceptor)
{
    worker_signal(acceptor->worker, &acceptor->signal);
}

void acceptor_stop(struct acceptor *acceptor)
{
    worker_send(acceptor->worker, &acceptor->stop);
}

void acceptor_pause(struct acceptor *acceptor, bool is_paused)
{
    InterlockedExchange(&acceptor->wants_pause, is_paused);
    worker_signal(acceptor->worker, &acceptor->signal);
}

void acceptor_destroy(struct acceptor *acceptor)
{
    memory_free(acceptor);
}

struct acceptor_counts acceptor_counts(const struct acceptor *acceptor)
{
    return (struct acceptor_counts){.target = acceptor->target, .posted = acceptor->posted};
}

const volatile uint32_t *acceptor_armed(const struct acceptor *acceptor)
{
    return &acceptor->posted;
}
