/* SPDX-License-Identifier: MIT
   UDP sessions, see udp_session.h.

   Life. A session ends where no callback runs: after its own one, for a new session, by its timer, or with its socket.
   What a callback closes is only marked until then, and found no more. */
#include "connection/udp_session.h"

#include <string.h>

#include "accept/admission.h"
#include "base/address.h"
#include "base/hash_table.h"
#include "base/memory.h"
#include "connection/reply_budget.h"
#include "io/pulse.h"

struct udp_session {
    struct hash_node hashed;
    struct list_node node; /* in `once` or `often` */
    struct timer timer;    /* set to its earliest deadline, or earlier */
    struct udp_sessions *sessions;
    struct endpoint *endpoint; /* that it began with */
    void *user;
    struct pl_address peer;
    struct pl_address local;
    struct pl_address
        to; /* these two as its last datagram has them: whom answers go to, and where they leave from */
    struct pl_address source;
    uint64_t opened; /* these two of the worker's clock */
    uint64_t last;   /* datagram in either direction */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t credit; /* thousandths of a byte that it may still be answered */
    uint32_t slot;
    uint32_t error;
    enum pl_reason reason;
    enum counter mute; /* as its last datagram has it */
    bool is_proxied;   /* `to` is a proxy */
    bool is_answered;
    bool is_repeated; /* it has sent a second datagram */
    bool is_closing;
    struct pulse pulse[]; /* the handler's timer, if it has on_timer */
};

struct udp_sessions {
    const struct udp_socket *udp;
    struct endpoint *endpoint; /* of new ones */
    struct hash_key key;
    struct hash_table table;
    struct list_node once;  /* have sent one datagram: the oldest first */
    struct list_node often; /* the others: the longest quiet first */
};

/* ---- Rules ---- */

static bool udp_session__is_limited(const struct udp_session *session)
{
    return (session->endpoint->handler->flags & PL_RELAY) == 0 && session->endpoint->config->reply_limit != 0;
}

static uint64_t udp_session__due(const struct udp_session *session)
{
    const uint64_t idle = session->endpoint->config->idle_timeout;
    const uint64_t due = idle != 0 ? session->last + idle : UINT64_MAX;
    const uint64_t young = session->opened + UDP_SESSION_YOUNG;
    return session->is_answered && session->is_repeated ? due : due < young ? due : young;
}

/* Where an endpoint has several sockets, none of them can take the places of all: each has its even share for
   certain. */
static uint32_t udp_sessions__share(const struct endpoint *endpoint)
{
    const uint32_t share = endpoint->config->udp_sessions_max / endpoint->udp_sockets;
    return share > 0 ? share : 1;
}

/* ---- Callbacks ---- */

static pl_id udp_session__id(const struct udp_session *session)
{
    return slot_table_id(worker_slots(session->sessions->udp->worker), session->slot);
}

static void udp_session__enter(const struct udp_session *session, const char *name, pl_id id)
{
    const struct endpoint *endpoint = session->endpoint;
    worker_enter(session->sessions->udp->worker, endpoint->config->name, endpoint->handler->name, name, id);
}

static void udp_session__leave(const struct udp_session *session)
{
    worker_leave(session->sessions->udp->worker);
}

static uint32_t udp_session__answer(const struct udp_session *session)
{
    if (session->mute != COUNTER_COUNT) {
        return 0;
    }
    return udp_session__is_limited(session) ? reply_credit_bytes(session->credit, UDP_DATAGRAM_MAX)
                                            : UDP_DATAGRAM_MAX;
}

static void udp_session__fill_info(const struct udp_session *session, uint32_t seen, struct pl_info *info_out)
{
    *info_out = (struct pl_info){.size = sizeof *info_out,
                                 .seen = seen | PL_SESSION,
                                 .id = udp_session__id(session),
                                 .endpoint = session->endpoint->id,
                                 .peer = session->peer,
                                 .local = session->local,
                                 .answer = udp_session__answer(session)};
    if (session->is_proxied) {
        info_out->proxy = session->to;
    }
}

/* ---- The end ---- */

static void udp_session__count_end(const struct udp_session *session)
{
    static const enum counter counters[] = {
        [PL_BY_HANDLER] = COUNTER_SESSIONS_CLOSED_BY_HANDLER,
        [PL_IDLE] = COUNTER_SESSIONS_CLOSED_IDLE,
        [PL_DENIED] = COUNTER_SESSIONS_CLOSED_DENIED,
        [PL_STOPPING] = COUNTER_SESSIONS_CLOSED_STOPPING,
        [PL_ERROR] = COUNTER_SESSIONS_CLOSED_ERROR,
        [PL_DISPLACED] = COUNTER_SESSIONS_CLOSED_DISPLACED,
        [PL_BY_ADMIN] = COUNTER_SESSIONS_CLOSED_BY_ADMIN,
    };
    endpoint_count(session->endpoint, session->sessions->udp->worker, counters[session->reason],
                   &session->peer);
}

static void udp_session__log_end(const struct udp_session *session, pl_id id)
{
    const struct endpoint *endpoint = session->endpoint;
    struct access_line line = {.endpoint = endpoint->config->name,
                               .is_udp = true,
                               .client = session->peer,
                               .local = session->local,
                               .connection = id,
                               .bytes_in = session->bytes_in,
                               .bytes_out = session->bytes_out,
                               .duration = worker_now(session->sessions->udp->worker) - session->opened,
                               .reason = (enum close_reason)session->reason};
    if (session->is_proxied) {
        line.proxy = session->to;
    }
    access_log_write(endpoint->access_log, &line);
}

/* The first reason stands. */
static void udp_session__mark(struct udp_session *session, enum pl_reason reason, uint32_t error)
{
    if (!session->is_closing) {
        session->is_closing = true;
        session->reason = reason;
        session->error = error;
    }
}

/* The endpoint may be gone behind it. */
static void udp_sessions__give_place(struct endpoint *endpoint, const struct pl_address *client)
{
    admission_end_session(endpoint->admission);
    InterlockedDecrement(&endpoint->udp_sessions);
    admission_leave_source(endpoint->admission, client);
    endpoint_leave(endpoint);
}

static void udp_session__end(struct udp_session *session, enum pl_reason reason, uint32_t error)
{
    struct udp_sessions *sessions = session->sessions;
    struct endpoint *endpoint = session->endpoint;
    const struct pl_address client = session->peer;
    const struct pl_handler *handler = endpoint->handler;
    const pl_id id = udp_session__id(session);
    udp_session__mark(session, reason, error);
    hash_table_remove(&sessions->table, &session->hashed);
    list_remove(&session->node);
    timer_clear(worker_timers(sessions->udp->worker), &session->timer);
    if (endpoint_has_timer(endpoint)) {
        pulse_clear(session->pulse, sessions->udp->worker);
    }
    if (handler->on_close != NULL) {
        udp_session__enter(session, "on_close", id);
        handler->on_close(endpoint->state, id, &session->user, (int32_t)session->reason, session->error);
        udp_session__leave(session);
    }
    slot_table_remove(worker_slots(sessions->udp->worker), session->slot);
    udp_session__count_end(session);
    udp_session__log_end(session, id);
    memory_free(session);
    udp_sessions__give_place(endpoint, &client);
}

static void udp_session__run_timer(struct timer *timer)
{
    struct udp_session *session = LIST_ELEMENT(timer, struct udp_session, timer);
    struct worker *worker = session->sessions->udp->worker;
    const uint64_t due = udp_session__due(session);
    if (session->is_closing || due <= worker_now(worker)) {
        udp_session__end(session, PL_IDLE, 0);
    } else if (due != UINT64_MAX) {
        timer_set(worker_timers(worker), timer, due);
    }
}

static void udp_session__run_pulse(struct timer *timer)
{
    struct udp_session *session = pulse_owner(timer);
    const struct endpoint *endpoint = session->endpoint;
    const pl_id id = udp_session__id(session);
    udp_session__enter(session, "on_timer", id);
    endpoint->handler->on_timer(endpoint->state, id, &session->user);
    udp_session__leave(session);
    if (session->is_closing) {
        udp_session__end(session, session->reason, session->error);
    }
}

/* ---- The beginning ---- */

static void udp_sessions__displace(struct udp_sessions *sessions)
{
    const struct list_node *list = list_is_empty(&sessions->once) ? &sessions->often : &sessions->once;
    udp_session__end(LIST_ELEMENT(list->next, struct udp_session, node), PL_DISPLACED, 0);
}

/* One more of this client; false: it has as many as it may. Where all are taken another one makes room. Given back by
   udp_sessions__give_place. */
static bool udp_sessions__take_place(struct udp_sessions *sessions, const struct pl_address *client)
{
    struct endpoint *endpoint = sessions->endpoint;
    const uint32_t most = endpoint->config->udp_sessions_max;
    const enum admission_verdict verdict = admission_enter_source(endpoint->admission, client);
    if (verdict != ADMISSION_GRANTED) {
        endpoint_count(endpoint, sessions->udp->worker,
                       verdict == ADMISSION_PER_SOURCE ? COUNTER_SESSIONS_REFUSED_PER_SOURCE
                                                       : COUNTER_SESSIONS_REFUSED_ERROR,
                       client);
        return false;
    }
    admission_begin_session(endpoint->admission);
    InterlockedIncrement(&endpoint->udp_sessions);
    endpoint_enter(endpoint);
    while (admission_sessions(endpoint->admission) > most &&
           sessions->table.count >= udp_sessions__share(endpoint)) {
        udp_sessions__displace(sessions);
    }
    return true;
}

static uint64_t udp_sessions__hash(const struct udp_sessions *sessions, const struct udp_arrival *arrival)
{
    const struct pl_address both[2] = {arrival->peer, arrival->local}; /* without padding */
    return keyed_hash(&sessions->key, both, sizeof both);
}

static struct udp_session *udp_sessions__find(const struct udp_sessions *sessions, uint64_t hash,
                                              const struct udp_arrival *arrival)
{
    for (struct hash_node *node = hash_table_first(&sessions->table, hash); node != NULL;
         node = hash_table_next(node)) {
        struct udp_session *session = LIST_ELEMENT(node, struct udp_session, hashed);
        if (!session->is_closing && address_equal(&session->peer, &arrival->peer) &&
            address_equal(&session->local, &arrival->local)) {
            return session;
        }
    }
    return NULL;
}

/* In the tables, by its hash and its id; NULL: no memory. */
static struct udp_session *udp_sessions__create(struct udp_sessions *sessions, uint64_t hash)
{
    struct slot_table *slots = worker_slots(sessions->udp->worker);
    const bool has_timer = endpoint_has_timer(sessions->endpoint);
    struct udp_session *session = memory_alloc(sizeof *session + (has_timer ? sizeof session->pulse[0] : 0));
    const uint32_t slot = session != NULL ? slot_table_add(slots, SLOT_SESSION, session) : SLOT_NONE;
    if (slot == SLOT_NONE) {
        memory_free(session);
        return NULL;
    }
    if (!hash_table_add(&sessions->table, &session->hashed, hash)) {
        slot_table_remove(slots, slot);
        memory_free(session);
        return NULL;
    }
    session->sessions = sessions;
    session->endpoint = sessions->endpoint;
    session->slot = slot;
    if (has_timer) {
        pulse_init(session->pulse, session, udp_session__run_pulse);
    }
    return session;
}

static void udp_session__note(struct udp_session *session, const struct udp_arrival *arrival)
{
    const struct udp_sessions *sessions = session->sessions;
    session->last = worker_now(sessions->udp->worker);
    session->to = arrival->from;
    session->source = arrival->source;
    session->is_proxied = (arrival->seen & PL_PROXIED) != 0;
    session->mute = arrival->mute;
    session->bytes_in += arrival->length;
    if (arrival->mute == COUNTER_COUNT && udp_session__is_limited(session)) {
        session->credit =
            reply_credit_earn(session->credit, session->endpoint->config->reply_limit, arrival->length);
    }
}

static void udp_session__greet(struct udp_session *session, const struct udp_arrival *arrival)
{
    const struct endpoint *endpoint = session->endpoint;
    struct pl_info info;
    if (endpoint->handler->on_open == NULL) {
        return;
    }
    udp_session__fill_info(session, arrival->seen, &info);
    udp_session__enter(session, "on_open", info.id);
    const int32_t result = endpoint->handler->on_open(endpoint->state, info.id, &session->user, &info);
    udp_session__leave(session);
    if (result < 0) {
        udp_session__mark(session, PL_BY_HANDLER, 0);
    }
}

static struct udp_session *udp_sessions__open(struct udp_sessions *sessions, uint64_t hash,
                                              const struct udp_arrival *arrival)
{
    struct worker *worker = sessions->udp->worker;
    if (!udp_sessions__take_place(sessions, &arrival->peer)) {
        return NULL;
    }
    struct udp_session *session = udp_sessions__create(sessions, hash);
    if (session == NULL) {
        udp_sessions__give_place(sessions->endpoint, &arrival->peer);
        endpoint_count(sessions->endpoint, worker, COUNTER_SESSIONS_REFUSED_ERROR, &arrival->peer);
        return NULL;
    }
    worker_count(worker, sessions->endpoint->tally, COUNTER_SESSIONS_OPENED, 1);
    session->peer = arrival->peer;
    session->local = arrival->local;
    session->opened = worker_now(worker);
    list_append(&sessions->once, &session->node);
    udp_session__note(session, arrival);
    timer_init(&session->timer, udp_session__run_timer);
    timer_set(worker_timers(worker), &session->timer, udp_session__due(session));
    udp_session__greet(session, arrival);
    if (session->is_closing) {
        udp_session__end(session, session->reason, 0);
        return NULL;
    }
    return session;
}

/* ---- Datagrams ---- */

static void udp_session__move_to_end(struct udp_session *session)
{
    list_remove(&session->node);
    list_append(&session->sessions->often, &session->node);
}

/* NULL: there is none. */
static struct udp_session *udp_sessions__resume(const struct udp_sessions *sessions, uint64_t hash,
                                                const struct udp_arrival *arrival)
{
    struct udp_session *session = udp_sessions__find(sessions, hash, arrival);
    if (session != NULL) {
        session->is_repeated = true;
        udp_session__move_to_end(session);
        udp_session__note(session, arrival);
    }
    return session;
}

struct udp_session *udp_sessions_take(struct udp_sessions *sessions, const struct udp_arrival *arrival)
{
    const uint64_t hash = udp_sessions__hash(sessions, arrival);
    struct udp_session *session = udp_sessions__resume(sessions, hash, arrival);
    return session != NULL ? session : udp_sessions__open(sessions, hash, arrival);
}

struct udp_session *udp_sessions_find(struct udp_sessions *sessions, const struct udp_arrival *arrival)
{
    return sessions->table.count > 0
               ? udp_sessions__resume(sessions, udp_sessions__hash(sessions, arrival), arrival)
               : NULL;
}

void udp_session_deliver(struct udp_session *session, const struct udp_arrival *arrival)
{
    const struct endpoint *endpoint = session->endpoint;
    struct pl_info info;
    udp_session__fill_info(session, arrival->seen, &info);
    udp_session__enter(session, "on_datagram", info.id);
    endpoint->handler->on_datagram(endpoint->state, info.id, &session->user, arrival->at, arrival->length,
                                   &info);
    udp_session__leave(session);
    if (session->is_closing) {
        udp_session__end(session, session->reason, session->error);
    }
}

/* ---- What the handler asks for ---- */

/* NULL: it is gone, or closing. */
static struct udp_session *udp_session__find(struct worker *worker, pl_id id)
{
    struct udp_session *session = slot_table_find(worker_slots(worker), id, SLOT_SESSION);
    return session == NULL || session->is_closing ? NULL : session;
}

/* What forbids the answer; COUNTER_COUNT: it is allowed, and paid for. */
static enum counter udp_session__find_mute(struct udp_session *session, size_t length)
{
    if (session->mute != COUNTER_COUNT) {
        return session->mute;
    }
    return !udp_session__is_limited(session) || reply_credit_spend(&session->credit, length)
               ? COUNTER_COUNT
               : COUNTER_ANSWERS_DROPPED_REPLY_LIMIT;
}

/* Pays for the answer; false: it is not allowed, and counted. */
static bool udp_session__may_send(struct udp_session *session, size_t length)
{
    const struct udp_sessions *sessions = session->sessions;
    const enum counter mute = udp_session__find_mute(session, length);
    if (mute != COUNTER_COUNT) {
        endpoint_count(session->endpoint, sessions->udp->worker, mute, &session->peer);
    }
    return mute == COUNTER_COUNT;
}

int32_t udp_session_send(struct worker *worker, pl_id id, const uint8_t *at, size_t length)
{
    struct udp_session *session = udp_session__find(worker, id);
    if (session == NULL) {
        return PL_GONE;
    }
    if (length > UDP_DATAGRAM_MAX || !udp_session__may_send(session, length)) {
        return PL_LIMIT;
    }
    const struct udp_socket *udp = session->sessions->udp;
    SOCKADDR_STORAGE peer;
    const int peer_length = network_address_to(&session->to, network_family(&udp->local), &peer);
    if (udp_socket_send(udp, session->endpoint->tally, &peer, peer_length, &session->source, at, length)) {
        session->bytes_out += length;
        session->is_answered = true;
    }
    session->last = worker_now(worker);
    if (session->is_repeated) {
        udp_session__move_to_end(session);
    }
    return PL_OK;
}

/* Inside a callback, of whichever connection, it ends later: by deliver, or by its timer. */
static int32_t udp_session__close(struct worker *worker, pl_id id, enum pl_reason reason)
{
    struct udp_session *session = udp_session__find(worker, id);
    if (session == NULL) {
        return PL_GONE;
    }
    if (worker_current_callback(worker).endpoint == NULL) {
        udp_session__end(session, reason, 0);
        return PL_OK;
    }
    udp_session__mark(session, reason, 0);
    timer_set(worker_timers(worker), &session->timer, worker_now(worker));
    return PL_OK;
}

int32_t udp_session_close(struct worker *worker, pl_id id)
{
    return udp_session__close(worker, id, PL_BY_HANDLER);
}

void udp_session_abort(struct worker *worker, pl_id id, enum pl_reason reason)
{
    udp_session__close(worker, id, reason);
}

int32_t udp_session_set_timer(struct worker *worker, pl_id id, uint32_t after)
{
    struct udp_session *session = udp_session__find(worker, id);
    if (session == NULL) {
        return PL_GONE;
    }
    if (!endpoint_has_timer(session->endpoint)) {
        return PL_INVALID;
    }
    pulse_set(session->pulse, worker, after);
    return PL_OK;
}

struct endpoint *udp_session_endpoint(struct worker *worker, pl_id id)
{
    const struct udp_session *session = slot_table_find(worker_slots(worker), id, SLOT_SESSION);
    return session != NULL ? session->endpoint : NULL;
}

bool udp_session_info(struct worker *worker, pl_id id, pl_info *info_out)
{
    const struct udp_session *session = udp_session__find(worker, id);
    if (session != NULL) {
        udp_session__fill_info(session, session->is_proxied ? PL_PROXIED : 0, info_out);
    }
    return session != NULL;
}

bool udp_session_describe(const struct udp_session *session, struct client_row *row_out)
{
    const struct udp_sessions *sessions = session->sessions;
    const uint64_t now = worker_now(sessions->udp->worker);
    if (session->is_closing) {
        return false;
    }
    *row_out =
        (struct client_row){.id = udp_session__id(session),
                            .is_udp = true,
                            .state = session->is_answered && session->is_repeated ? CLIENT_OPEN : CLIENT_ONCE,
                            .client = session->peer,
                            .local = session->local,
                            .age = now - session->opened,
                            .idle = now - session->last,
                            .bytes_in = session->bytes_in,
                            .bytes_out = session->bytes_out};
    strncpy(row_out->endpoint, sessions->endpoint->config->name, CONFIG_VALUE_NAME_MAX);
    return true;
}

bool udp_session_run(struct worker *worker, pl_id id,
                     void (*run)(void *state, pl_id id, void **user, void *what), void *what)
{
    struct udp_session *session = slot_table_find(worker_slots(worker), id, SLOT_SESSION);
    if (session == NULL) {
        return false;
    }
    udp_session__enter(session, CALLBACK_POSTED, id);
    run(session->endpoint->state, id, &session->user, what);
    udp_session__leave(session);
    if (session->is_closing) {
        udp_session__end(session, session->reason, session->error);
    }
    return true;
}

/* ---- All of a socket ---- */

struct udp_sessions *udp_sessions_create(const struct udp_socket *udp, struct endpoint *endpoint,
                                         const struct hash_key *key)
{
    struct udp_sessions *sessions = memory_alloc(sizeof *sessions);
    if (sessions != NULL) {
        sessions->udp = udp;
        sessions->endpoint = endpoint;
        sessions->key = *key;
        hash_table_init(&sessions->table);
        list_init(&sessions->once);
        list_init(&sessions->often);
    }
    return sessions;
}

static void udp_sessions__end_list(const struct list_node *list, enum pl_reason reason, uint32_t error)
{
    while (!list_is_empty(list)) {
        udp_session__end(LIST_ELEMENT(list->next, struct udp_session, node), reason, error);
    }
}

void udp_sessions_end(struct udp_sessions *sessions, enum pl_reason reason, uint32_t error)
{
    udp_sessions__end_list(&sessions->once, reason, error);
    udp_sessions__end_list(&sessions->often, reason, error);
}

static bool udp_session__is_denied(const struct udp_session *session)
{
    const struct admission *judge = session->endpoint->judge;
    return judge != NULL &&
           admission_denies(judge, &session->peer, session->is_proxied ? &session->to : NULL);
}

static void udp_sessions__review(const struct list_node *list)
{
    for (struct list_node *node = list->next; node != list;) {
        struct udp_session *session = LIST_ELEMENT(node, struct udp_session, node);
        node = node->next;
        if (udp_session__is_denied(session)) {
            udp_session__end(session, PL_DENIED, 0);
        }
    }
}

void udp_sessions_change(struct udp_sessions *sessions, struct endpoint *endpoint)
{
    sessions->endpoint = endpoint;
    udp_sessions__review(&sessions->once);
    udp_sessions__review(&sessions->often);
}

void udp_sessions_destroy(struct udp_sessions *sessions)
{
    if (sessions != NULL) {
        hash_table_fini(&sessions->table);
        memory_free(sessions);
    }
}
