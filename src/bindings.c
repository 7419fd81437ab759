/* SPDX-License-Identifier: MIT
   All addresses of an engine, see bindings.h. */
#include "bindings.h"

#include "base/memory.h"

/* ---- Making them ---- */

/* "localhost" is two addresses; where IPv6 is off, it is the one that is left. */
static bool bindings__leaves_out(const struct bindings *bindings, const struct config_listen *listen)
{
    return listen->is_localhost && listen->address.family == 6 && !bindings->world.network->has_ipv6;
}

static size_t bindings__count(const struct endpoint *endpoints, size_t endpoint_count)
{
    size_t count = 0;
    for (size_t i = 0; i < endpoint_count; i++) {
        const struct config_endpoint *config = endpoints[i].config;
        for (size_t k = 0; k < config->listen_count; k++) {
            count += (size_t)config->listen[k].last_port - config->listen[k].address.port + 1;
        }
    }
    return count;
}

static void bindings__add(struct bindings *bindings, struct endpoint *endpoint,
                          const struct config_listen *listen)
{
    if (bindings__leaves_out(bindings, listen)) {
        log_write(endpoint->log, EVENT_ENDPOINT_IPV4_ONLY, endpoint->config->name, 0,
                  "localhost:%u: IPv6 is off on this machine: it listens on 127.0.0.1 alone",
                  listen->address.port);
        return;
    }
    for (uint32_t port = listen->address.port; port <= listen->last_port; port++) {
        struct binding *binding = &bindings->at[bindings->count];
        listener_init(&binding->listener, endpoint, listen, (uint16_t)port);
        binding->world = &bindings->world;
        binding->home = bindings->world.workers[bindings->count % bindings->world.worker_count];
        binding->next_worker = (unsigned)bindings->count;
        endpoint->udp_sockets += listen->protocol == CONFIG_UDP;
        bindings->count++;
    }
}

bool bindings_init(struct bindings *bindings, const struct binding_world *world, struct endpoint *endpoints,
                   size_t endpoint_count)
{
    *bindings = (struct bindings){.world = *world};
    const size_t count = bindings__count(endpoints, endpoint_count);
    bindings->at = memory_alloc((count + 1) * sizeof bindings->at[0]);
    if (bindings->at == NULL || !own_ports_init(&bindings->ports, count)) {
        return false;
    }
    bindings->world.udp.ports = &bindings->ports;
    for (size_t i = 0; i < endpoint_count; i++) {
        const struct config_endpoint *config = endpoints[i].config;
        for (size_t k = 0; k < config->listen_count; k++) {
            bindings__add(bindings, &endpoints[i], &config->listen[k]);
        }
    }
    return true;
}

void bindings_fini(struct bindings *bindings)
{
    for (size_t i = 0; i < bindings->count; i++) {
        listener_fini(&bindings->at[i].listener);
    }
    memory_free(bindings->at);
    own_ports_fini(&bindings->ports);
    *bindings = (struct bindings){0};
}

/* ---- Binding ---- */

static void bindings__log(const struct listener *listener)
{
    char room[768];
    struct text text;
    text_init(&text, room, sizeof room);
    listener_add_name(&text, listener);
    if (listener->state == LISTENER_LISTENING) {
        text_add_format(&text, " listens, handler %s", listener->endpoint->handler->name);
        log_write(listener->endpoint->log, EVENT_ENDPOINT_LISTENING, listener->endpoint->config->name, 0,
                  "%s", text.at);
    } else {
        text_add_string(&text, " cannot be bound: ");
        listener_add_error(&text, listener);
        log_write(listener->endpoint->log, EVENT_ENDPOINT_WAITING, listener->endpoint->config->name, 0, "%s",
                  text.at);
    }
}

static bool bindings__is_waiting(const struct binding *binding)
{
    return binding->listener.state == LISTENER_WAITING && binding->is_live == 0;
}

/* Whether it is bound has changed, or may have. */
static void bindings__note_port(struct bindings *bindings, const struct binding *binding)
{
    const struct listener *listener = &binding->listener;
    if (listener->protocol == CONFIG_UDP) {
        own_ports_set(&bindings->ports, (size_t)(binding - bindings->at), &listener->address,
                      listener->is_dual_stack, listener->state == LISTENER_LISTENING);
    }
}

static bool bindings__try(struct bindings *bindings, struct binding *binding)
{
    const bool is_bound = listener_open(&binding->listener, bindings->world.network,
                                        bindings->world.bind_retry, GetTickCount64()) == 0;
    bindings__note_port(bindings, binding);
    return is_bound;
}

size_t bindings_bind(struct bindings *bindings, bool is_last, void (*turn)(void *context), void *context)
{
    size_t hopeful = 0;
    for (size_t i = 0; i < bindings->count; i++) {
        struct binding *binding = &bindings->at[i];
        const struct listener *listener = &binding->listener;
        const bool is_due = is_last || listener->retry_at <= GetTickCount64();
        turn(context);
        if (bindings__is_waiting(binding) && is_due &&
            (listener->win32_error == 0 || listener_error_may_pass(listener->win32_error))) {
            bindings__try(bindings, binding);
        }
        hopeful += bindings__is_waiting(binding) && listener_error_may_pass(listener->win32_error);
    }
    return hopeful;
}

bool bindings_describe_waiting(const struct bindings *bindings, struct failure *failure_out)
{
    size_t waiting = 0;
    struct text text;
    text_init(&text, failure_out->text, sizeof failure_out->text);
    for (size_t i = 0; i < bindings->count; i++) {
        const struct listener *listener = &bindings->at[i].listener;
        if (listener->state == LISTENER_WAITING && waiting++ == 0) {
            failure_out->code = EXIT_CODE_BIND;
            failure_out->win32_error = listener->win32_error;
            text_add_format(&text, "endpoint %s: ", listener->endpoint->config->name);
            listener_add_name(&text, listener);
            text_add_string(&text, " cannot be bound: ");
            listener_add_error(&text, listener);
        }
    }
    if (waiting > 1) {
        text_add_format(&text, " (and %zu more)", waiting - 1);
    }
    return waiting > 0;
}

bool bindings_may_run(const struct bindings *bindings, bool is_patient)
{
    for (size_t i = 0; i < bindings->count; i++) {
        const struct listener *listener = &bindings->at[i].listener;
        if (listener->state == LISTENER_LISTENING ||
            (is_patient && !listener_error_is_lasting(listener->win32_error))) {
            return true;
        }
    }
    return false;
}

/* ---- Running ---- */

static void bindings__serve_one(struct bindings *bindings, struct binding *binding, bool is_paused)
{
    binding_serve(binding, is_paused, GetTickCount64());
    bindings__note_port(bindings, binding);
    bindings__log(&binding->listener);
}

void bindings_serve(struct bindings *bindings, bool is_paused)
{
    for (size_t i = 0; i < bindings->count; i++) {
        struct binding *binding = &bindings->at[i];
        if (binding->listener.state == LISTENER_LISTENING) {
            bindings__serve_one(bindings, binding, is_paused);
        } else {
            bindings__log(&binding->listener);
        }
    }
}

/* A dead socket ends first; then it waits like those that were never bound. */
static void bindings__mend(struct bindings *bindings, struct binding *binding)
{
    if (binding->is_broken != 0) {
        binding_stop(binding); /* once */
        binding_tidy(binding, GetTickCount64());
        bindings__note_port(bindings, binding);
        if (bindings__is_waiting(binding)) {
            bindings__log(&binding->listener);
        }
    }
}

/* Told when it succeeds, and when it fails for another reason than before. */
static void bindings__try_again(struct bindings *bindings, struct binding *binding, bool is_paused)
{
    const uint32_t before = binding->listener.win32_error;
    if (bindings__try(bindings, binding)) {
        bindings__serve_one(bindings, binding, is_paused);
    } else if (binding->listener.win32_error != before) {
        bindings__log(&binding->listener);
    }
}

uint64_t bindings_tend(struct bindings *bindings, bool has_new_address, bool is_paused)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < bindings->count; i++) {
        struct binding *binding = &bindings->at[i];
        bindings__mend(bindings, binding);
        if (bindings__is_waiting(binding) &&
            (has_new_address || binding->listener.retry_at <= GetTickCount64())) {
            bindings__try_again(bindings, binding, is_paused);
        }
        if (bindings__is_waiting(binding) && binding->listener.retry_at < next) {
            next = binding->listener.retry_at;
        }
    }
    return next;
}

void bindings_pause(struct bindings *bindings, bool is_paused)
{
    for (size_t i = 0; i < bindings->count; i++) {
        binding_pause(&bindings->at[i], is_paused);
    }
}

/* ---- Ending ---- */

void bindings_stop(struct bindings *bindings)
{
    for (size_t i = 0; i < bindings->count; i++) {
        struct binding *binding = &bindings->at[i];
        if (binding->listener.state == LISTENER_LISTENING && binding->acceptor == NULL &&
            binding->udp == NULL) {
            closesocket(binding->listener.socket); /* bound, but never served */
        }
        binding_stop(binding);
        listener_stop(&binding->listener);
    }
}

size_t bindings_count_live(const struct bindings *bindings)
{
    size_t live = 0;
    for (size_t i = 0; i < bindings->count; i++) {
        live += bindings->at[i].is_live != 0;
    }
    return live;
}

void bindings_tidy(struct bindings *bindings)
{
    for (size_t i = 0; i < bindings->count; i++) {
        binding_tidy(&bindings->at[i], GetTickCount64());
    }
}
