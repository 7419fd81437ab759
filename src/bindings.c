/* SPDX-License-Identifier: MIT
   All addresses of an engine, see bindings.h. */
#include "bindings.h"

#include <string.h>

#include "base/memory.h"

/* ---- Making them ---- */

static size_t bindings__count(struct endpoint *const *endpoints, size_t endpoint_count)
{
    size_t count = 0;
    for (size_t i = 0; i < endpoint_count; i++) {
        const struct config_endpoint *config = endpoints[i]->config;
        for (size_t k = 0; k < config->listen_count; k++) {
            count += (size_t)config->listen[k].last_port - config->listen[k].address.port + 1;
        }
    }
    return count;
}

struct binding *bindings_make(const struct bindings *bindings, struct endpoint *endpoint,
                              const struct config_listen *listen, uint16_t port, size_t place)
{
    struct binding *binding = memory_alloc(sizeof *binding);
    if (binding != NULL) {
        binding_init(binding, &bindings->world, endpoint, listen, port, (unsigned)place);
        binding->number = place;
    }
    return binding;
}

bool bindings_leave_out(const struct bindings *bindings, const struct endpoint *endpoint,
                        const struct config_listen *listen)
{
    if (!listen->is_localhost || listen->address.family != 6 || bindings->world.network->has_ipv6) {
        return false;
    }
    log_write(endpoint->log, EVENT_ENDPOINT_IPV4_ONLY, endpoint->config->name, 0,
              "localhost:%u: IPv6 is off on this machine: it listens on 127.0.0.1 alone",
              listen->address.port);
    return true;
}

static bool bindings__add(struct bindings *bindings, struct endpoint *endpoint,
                          const struct config_listen *listen)
{
    if (bindings_leave_out(bindings, endpoint, listen)) {
        return true;
    }
    for (uint32_t port = listen->address.port; port <= listen->last_port; port++) {
        struct binding *binding = bindings_make(bindings, endpoint, listen, (uint16_t)port, bindings->count);
        if (binding == NULL) {
            return false;
        }
        endpoint->udp_sockets += listen->protocol == CONFIG_UDP;
        bindings->at[bindings->count++] = binding;
    }
    return true;
}

bool bindings_init(struct bindings *bindings, const struct binding_world *world,
                   struct endpoint *const *endpoints, size_t endpoint_count)
{
    *bindings = (struct bindings){.world = *world};
    const size_t count = bindings__count(endpoints, endpoint_count);
    bindings->at = memory_alloc((count + 1) * sizeof(struct binding *));
    if (bindings->at == NULL || !own_ports_init(&bindings->ports, count)) {
        return false;
    }
    bindings->world.udp.ports = &bindings->ports;
    for (size_t i = 0; i < endpoint_count; i++) {
        const struct config_endpoint *config = endpoints[i]->config;
        for (size_t k = 0; k < config->listen_count; k++) {
            if (!bindings__add(bindings, endpoints[i], &config->listen[k])) {
                return false;
            }
        }
    }
    return true;
}

void bindings_free(struct binding *binding)
{
    listener_fini(&binding->listener);
    memory_free(binding);
}

void bindings_fini(struct bindings *bindings)
{
    for (size_t i = 0; i < bindings->count; i++) {
        bindings_free(bindings->at[i]);
    }
    while (bindings->ending != NULL) {
        struct binding *binding = bindings->ending;
        bindings->ending = binding->older;
        bindings_free(binding);
    }
    memory_free((void *)bindings->at);
    own_ports_fini(&bindings->ports);
    *bindings = (struct bindings){0};
}

/* ---- Binding ---- */

static void bindings__log(const struct listener *listener)
{
    char room[1400]; /* a path can be long */
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

/* Why it waits, once that is known. */
static void bindings__tell(struct binding *binding, uint64_t *next)
{
    if (listener_must_tell(&binding->listener, GetTickCount64(), next)) {
        bindings__log(&binding->listener);
    }
}

static bool bindings__is_waiting(const struct binding *binding)
{
    return binding->listener.state == LISTENER_WAITING && binding->is_live == 0 && binding->is_changing == 0;
}

/* Whether it is bound has changed, or may have. */
void bindings_note_port(struct bindings *bindings, const struct binding *binding)
{
    const struct listener *listener = &binding->listener;
    if (listener->protocol == CONFIG_UDP) {
        own_ports_set(&bindings->ports, binding->number, &listener->address, listener->is_dual_stack,
                      listener->state == LISTENER_LISTENING);
    }
}

static bool bindings__try(struct bindings *bindings, struct binding *binding)
{
    const bool is_bound = listener_open(&binding->listener, bindings->world.network,
                                        bindings->world.bind_retry, GetTickCount64()) == 0;
    bindings_note_port(bindings, binding);
    return is_bound;
}

size_t bindings_bind(struct bindings *bindings, bool is_last, void (*turn)(void *context), void *context)
{
    size_t hopeful = 0;
    for (size_t i = 0; i < bindings->count; i++) {
        struct binding *binding = bindings->at[i];
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

void bindings_describe(const struct listener *listener, struct failure *failure_out)
{
    struct text text;
    failure_out->code = EXIT_CODE_BIND;
    failure_out->win32_error = listener->win32_error;
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_format(&text, "endpoint %s: ", listener->endpoint->config->name);
    listener_add_name(&text, listener);
    text_add_string(&text, " cannot be bound: ");
    listener_add_error(&text, listener);
}

void bindings_add_more(struct failure *failure, size_t count)
{
    char room[sizeof failure->text];
    struct text text;
    text_init(&text, room, sizeof room);
    text_add_format(&text, "%s (and %zu more)", failure->text, count);
    memcpy(failure->text, room, sizeof room);
}

bool bindings_are_explained(const struct bindings *bindings)
{
    for (size_t i = 0; i < bindings->count; i++) {
        if (!listener_is_explained(&bindings->at[i]->listener)) {
            return false;
        }
    }
    return true;
}

bool bindings_describe_waiting(const struct bindings *bindings, struct failure *failure_out)
{
    size_t waiting = 0;
    for (size_t i = 0; i < bindings->count; i++) {
        const struct listener *listener = &bindings->at[i]->listener;
        if (listener->state == LISTENER_WAITING && waiting++ == 0) {
            bindings_describe(listener, failure_out);
        }
    }
    if (waiting > 1) {
        bindings_add_more(failure_out, waiting - 1);
    }
    return waiting > 0;
}

bool bindings_may_run(const struct bindings *bindings, bool is_patient)
{
    for (size_t i = 0; i < bindings->count; i++) {
        const struct listener *listener = &bindings->at[i]->listener;
        if (listener->state == LISTENER_LISTENING ||
            (is_patient && !listener_error_is_lasting(listener->win32_error))) {
            return true;
        }
    }
    return false;
}

/* ---- Running ---- */

static void bindings__serve_one(struct bindings *bindings, struct binding *binding)
{
    binding_serve(binding, GetTickCount64());
    bindings_note_port(bindings, binding);
    bindings__log(&binding->listener);
}

void bindings_begin(struct bindings *bindings, struct binding *binding)
{
    if (binding->listener.state == LISTENER_LISTENING) {
        bindings__serve_one(bindings, binding);
    } else {
        uint64_t ignored = UINT64_MAX;
        bindings__tell(binding, &ignored); /* else it is told a little later */
    }
}

void bindings_serve(struct bindings *bindings)
{
    for (size_t i = 0; i < bindings->count; i++) {
        bindings_begin(bindings, bindings->at[i]);
    }
}

/* A dead socket ends first; then it waits like those that were never bound. */
static void bindings__mend(struct bindings *bindings, struct binding *binding)
{
    if (binding->is_broken != 0) {
        binding_stop(binding); /* once */
        binding_tidy(binding, GetTickCount64());
        bindings_note_port(bindings, binding);
    }
}

/* Told when it succeeds; when it fails for another reason than before, see listener_must_tell. */
static void bindings__try_again(struct bindings *bindings, struct binding *binding)
{
    if (bindings__try(bindings, binding)) {
        bindings__serve_one(bindings, binding);
    }
}

/* Those that a reload has closed. */
static void bindings__tend_ending(struct bindings *bindings)
{
    for (struct binding **at = &bindings->ending; *at != NULL;) {
        struct binding *binding = *at;
        binding_tidy(binding, GetTickCount64());
        if (binding->is_live == 0 && binding->is_changing == 0) {
            *at = binding->older;
            bindings_free(binding);
        } else {
            at = &binding->older;
        }
    }
}

void bindings_end(struct bindings *bindings, struct binding *binding)
{
    binding_abandon(binding);
    listener_stop(&binding->listener);
    bindings_note_port(bindings, binding);
    binding_stop(binding);
    binding->older = bindings->ending;
    bindings->ending = binding;
}

uint64_t bindings_tend(struct bindings *bindings, bool has_new_address)
{
    uint64_t next = UINT64_MAX;
    bindings__tend_ending(bindings);
    for (size_t i = 0; i < bindings->count; i++) {
        struct binding *binding = bindings->at[i];
        bindings__mend(bindings, binding);
        if (bindings__is_waiting(binding) &&
            (has_new_address || binding->listener.retry_at <= GetTickCount64())) {
            bindings__try_again(bindings, binding);
        }
        if (bindings__is_waiting(binding)) {
            bindings__tell(binding, &next);
        }
        if (bindings__is_waiting(binding) && binding->listener.retry_at < next) {
            next = binding->listener.retry_at;
        }
    }
    return next;
}

void bindings_pause(struct bindings *bindings, const struct endpoint *endpoint)
{
    for (size_t i = 0; i < bindings->count; i++) {
        struct binding *binding = bindings->at[i];
        const struct endpoint *owner = binding->listener.endpoint;
        if (endpoint == NULL || owner == endpoint) {
            binding_pause(binding, owner->is_paused != 0);
        }
    }
}

/* ---- Ending ---- */

void bindings_stop(struct bindings *bindings)
{
    for (size_t i = 0; i < bindings->count; i++) {
        struct binding *binding = bindings->at[i];
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
        live += bindings->at[i]->is_live != 0;
    }
    for (const struct binding *binding = bindings->ending; binding != NULL; binding = binding->older) {
        live += binding->is_live != 0;
    }
    return live;
}

bool bindings_are_ending(const struct bindings *bindings)
{
    const struct binding *binding = bindings->ending;
    while (binding != NULL && binding->is_live == 0) {
        binding = binding->older;
    }
    return binding != NULL;
}

void bindings_tidy(struct bindings *bindings)
{
    for (size_t i = 0; i < bindings->count; i++) {
        binding_tidy(bindings->at[i], GetTickCount64());
    }
    bindings__tend_ending(bindings);
}
