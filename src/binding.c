/* SPDX-License-Identifier: MIT
   What serves one address, see binding.h. */
#include "binding.h"

#include "accept/admission.h"
#include "base/memory.h"
#include "base/utf16.h"
#include "connection/connection.h"

/* An accepted socket on its way to the worker that will have it. */
struct handover {
    struct message message;
    struct task task;
    struct worker *worker;
    const struct network *network;
    struct endpoint *endpoint;
    SOCKET socket;
    struct pl_address local;
    struct pl_address peer;
};

/* ---- Clients ---- */

static enum accept_answer binding__refuse(const struct binding *binding, enum close_reason reason,
                                          const struct pl_address *local, const struct pl_address *peer)
{
    endpoint_refused(binding->endpoint, binding->home, reason, local, peer);
    return ACCEPT_NEVER;
}

static enum accept_answer binding__admit(void *owner, const struct pl_address *local,
                                         const struct pl_address *peer)
{
    const struct binding *binding = owner;
    const struct endpoint *endpoint = binding->endpoint;
    if (peer->family == 0) { /* nobody knows who it is, and no list could name it */
        return binding__refuse(binding, REFUSED_ERROR, local, peer);
    }
    if (endpoint->is_paused != 0) {
        return binding__refuse(binding, REFUSED_PAUSED, local, peer);
    }
    const enum admission_verdict verdict =
        admission_enter(endpoint->admission, peer, worker_now(binding->home));
    if (verdict == ADMISSION_GRANTED) {
        return ACCEPT_NOW;
    }
    return verdict == ADMISSION_LATER ? ACCEPT_LATER
                                      : binding__refuse(binding, admission_reason(verdict), local, peer);
}

static void binding__lost(void *owner, const struct pl_address *local, const struct pl_address *peer)
{
    const struct binding *binding = owner;
    admission_turn_back(binding->endpoint->admission, peer);
    binding__refuse(binding, REFUSED_ERROR, local, peer);
}

static void binding__abandoned(void *owner, const struct pl_address *local, const struct pl_address *peer)
{
    binding__refuse(owner, REFUSED_STOPPING, local, peer);
}

static uint32_t binding__tokens(void *owner, uint64_t *next_out)
{
    const struct binding *binding = owner;
    return admission_tokens(binding->endpoint->admission, worker_now(binding->home), next_out);
}

static void binding__waits(void *owner)
{
    const struct binding *binding = owner;
    endpoint_tell(binding->endpoint, worker_now(binding->home), COUNTER_ACCEPT_PAUSES_RATE, NULL);
}

static void binding__count(void *owner, enum counter counter)
{
    const struct binding *binding = owner;
    worker_count(binding->home, binding->endpoint->tally, counter, 1);
}

/* The less loaded one of two: nearly as even as the least of all, and no reading of all. */
static struct worker *binding__place(struct binding *binding)
{
    const struct binding_world *world = binding->world;
    struct worker *first = world->workers[binding->next_worker % world->worker_count];
    struct worker *second = world->workers[(binding->next_worker + 1) % world->worker_count];
    binding->next_worker++;
    return worker_load(second) < worker_load(first) ? second : first;
}

static void handover__open(struct task *task)
{
    struct handover *handover = LIST_ELEMENT(task, struct handover, task);
    connection_open(handover->worker, handover->network, handover->endpoint, handover->socket,
                    &handover->local, &handover->peer);
    memory_free(handover);
}

/* It waits for its turn like a client that came in here. */
static void handover__arrive(struct message *message, struct worker *worker)
{
    struct handover *handover = LIST_ELEMENT(message, struct handover, message);
    handover->worker = worker;
    worker_queue(worker, handover->endpoint->lane, RANK_FRESH, &handover->task);
}

static void binding__hand_over(struct binding *binding, struct worker *target, SOCKET socket,
                               const struct pl_address *local, const struct pl_address *peer)
{
    struct handover *handover = memory_alloc(sizeof *handover);
    if (handover == NULL) {
        network_close_hard(socket);
        binding__lost(binding, local, peer);
        endpoint_leave(binding->endpoint);
        worker_add_load(target, -1);
        return;
    }
    handover->message.run = handover__arrive;
    handover->task.run = handover__open;
    handover->network = binding->world->network;
    handover->endpoint = binding->endpoint;
    handover->socket = socket;
    handover->local = *local;
    handover->peer = *peer;
    worker_send_later(binding->home, target, &handover->message);
}

static void binding__accepted(void *owner, SOCKET socket, const struct pl_address *local,
                              const struct pl_address *peer)
{
    struct binding *binding = owner;
    struct worker *target = binding__place(binding);
    worker_add_load(target, 1);
    endpoint_enter(binding->endpoint);
    if (target == binding->home) {
        connection_open(target, binding->world->network, binding->endpoint, socket, local, peer);
    } else {
        binding__hand_over(binding, target, socket, local, peer);
    }
}

/* ---- Trouble ---- */

static void binding__log(const struct binding *binding, enum event event, const char *words, uint32_t error)
{
    const struct endpoint *endpoint = binding->endpoint;
    char room[512];
    struct text text;
    text_init(&text, room, sizeof room);
    listener_add_name(&text, &binding->listener);
    text_add_format(&text, ": %s", words);
    if (error != 0) {
        utf16_add_error(&text, error);
    }
    log_write(endpoint->log, event, endpoint->config->name, 0, "%s", text.at);
}

static void binding__trouble(void *owner, uint32_t error)
{
    const struct binding *binding = owner;
    const bool is_tcp = binding->acceptor != NULL;
    binding__log(binding, is_tcp ? EVENT_ACCEPT_TROUBLE : EVENT_RECEIVE_TROUBLE,
                 is_tcp ? "accepting fails, and is tried again until it works: "
                        : "receiving fails, and is tried again until it works: ",
                 error);
}

static void binding__recovered(void *owner)
{
    binding__log(owner, EVENT_ENDPOINT_RECOVERED, "it works again", 0);
}

static void binding__broken(void *owner, uint32_t error)
{
    struct binding *binding = owner;
    binding->broken_error = error;
    InterlockedExchange(&binding->is_broken, 1);
    SetEvent(binding->world->control);
}

/* On W, between two of its turns: what comes in from now on is the next endpoint's. */
static void binding__run_change(struct message *message, struct worker *worker)
{
    struct binding *binding = LIST_ELEMENT(message, struct binding, change);
    (void)worker;
    binding->endpoint = binding->next;
    if (binding->acceptor != NULL) {
        acceptor_change(binding->acceptor, binding->endpoint->config->accepts_max);
    } else if (binding->udp != NULL) {
        udp_endpoint_change(binding->udp, binding->endpoint);
    }
    InterlockedExchange(&binding->is_changing, 0);
}

static void binding__stopped(void *owner)
{
    struct binding *binding = owner;
    const HANDLE control = binding->world->control;
    InterlockedExchange(&binding->is_live, 0); /* from here on it is the control thread's */
    SetEvent(control);
}

static const struct acceptor_events acceptor_events = {
    .admit = binding__admit,
    .accepted = binding__accepted,
    .lost = binding__lost,
    .abandoned = binding__abandoned,
    .tokens = binding__tokens,
    .waits = binding__waits,
    .count = binding__count,
    .trouble = binding__trouble,
    .recovered = binding__recovered,
    .broken = binding__broken,
    .stopped = binding__stopped,
};

static const struct udp_events udp_events = {
    .trouble = binding__trouble,
    .recovered = binding__recovered,
    .broken = binding__broken,
    .stopped = binding__stopped,
};

/* ---- Control ---- */

void binding_init(struct binding *binding, const struct binding_world *world, struct endpoint *endpoint,
                  const struct config_listen *listen, uint16_t port, unsigned place)
{
    *binding = (struct binding){.world = world,
                                .home = world->workers[place % world->worker_count],
                                .endpoint = endpoint,
                                .wanted = listen->address,
                                .is_dual_stack = listen->is_dual_stack,
                                .lane = endpoint->lane,
                                .next_worker = place};
    binding->wanted.port = port;
    binding->change.run = binding__run_change;
    listener_init(&binding->listener, endpoint, listen, port);
}

/* Once an earlier change has come through, which the engine waits for. */
void binding_change(struct binding *binding, struct endpoint *endpoint)
{
    if (binding->listener.endpoint == endpoint) {
        return;
    }
    listener_change(&binding->listener, endpoint);
    binding->next = endpoint;
    InterlockedExchange(&binding->is_changing, 1);
    worker_send(binding->home, &binding->change);
}

static bool binding__create(struct binding *binding)
{
    struct listener *listener = &binding->listener;
    const struct network *network = binding->world->network;
    if (listener->protocol == CONFIG_TCP) {
        binding->acceptor =
            acceptor_create(binding->home, binding->lane, network, listener->socket, listener->family,
                            listener->endpoint->config->accepts_max, &acceptor_events, binding);
    } else {
        binding->udp = udp_endpoint_create(binding->home, network, &binding->world->udp, listener->endpoint,
                                           listener->socket, &listener->address, &udp_events, binding);
    }
    if (binding->acceptor != NULL) {
        listener_arm(listener, acceptor_armed(binding->acceptor));
    } else if (binding->udp != NULL) {
        listener_arm(listener, udp_endpoint_armed(binding->udp));
    }
    return binding->acceptor != NULL || binding->udp != NULL;
}

bool binding_prepare(struct binding *binding, uint64_t now)
{
    if (binding->acceptor == NULL && binding->udp == NULL && !binding__create(binding)) {
        const DWORD error = GetLastError();
        closesocket(binding->listener.socket);
        listener_lost(&binding->listener, error, binding->world->bind_retry, now);
        return false;
    }
    return true;
}

bool binding_serve(struct binding *binding, uint64_t now)
{
    if (!binding_prepare(binding, now)) {
        return false;
    }
    binding->is_live = 1;
    binding->is_stop_sent = false;
    if (binding->acceptor != NULL) {
        acceptor_start(binding->acceptor);
        if (binding->listener.endpoint->is_paused != 0) {
            acceptor_pause(binding->acceptor, true);
        }
    } else {
        udp_endpoint_start(binding->udp);
    }
    return true;
}

void binding_stop(struct binding *binding)
{
    if (binding->is_live == 0 || binding->is_stop_sent) {
        return;
    }
    binding->is_stop_sent = true;
    if (binding->acceptor != NULL) {
        acceptor_stop(binding->acceptor);
    } else {
        udp_endpoint_stop(binding->udp);
    }
}

void binding_tidy(struct binding *binding, uint64_t now)
{
    if (binding->is_live != 0 || binding->is_changing != 0) {
        return;
    }
    listener_arm(&binding->listener, NULL);
    if (binding->acceptor != NULL) {
        acceptor_destroy(binding->acceptor);
    } else if (binding->udp != NULL) {
        udp_endpoint_destroy(binding->udp);
    }
    binding->acceptor = NULL;
    binding->udp = NULL;
    if (InterlockedExchange(&binding->is_broken, 0) != 0 && binding->listener.state == LISTENER_LISTENING) {
        listener_lost(&binding->listener, binding->broken_error, binding->world->bind_retry, now);
    }
}

void binding_pause(struct binding *binding, bool is_paused)
{
    if (binding->acceptor != NULL && !binding->is_stop_sent) {
        acceptor_pause(binding->acceptor, is_paused);
    }
}

void binding_abandon(struct binding *binding)
{
    if (binding->is_live == 0 && binding->listener.state == LISTENER_LISTENING) {
        closesocket(binding->listener.socket);
        binding->listener.socket = INVALID_SOCKET;
    }
}
