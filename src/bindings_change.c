/* SPDX-License-Identifier: MIT
   New sockets beside old ones, see bindings_change.h. */
#include "bindings_change.h"

#include "base/memory.h"

/* ---- What there is ---- */

bool bindings_list(const struct bindings *bindings, struct config_sockets *sockets)
{
    *sockets = (struct config_sockets){.at = memory_alloc((bindings->count + 1) * sizeof sockets->at[0]),
                                       .count = bindings->count};
    for (size_t i = 0; sockets->at != NULL && i < bindings->count; i++) {
        const struct binding *binding = bindings->at[i];
        sockets->at[i] = (struct config_socket){.endpoint = binding->listener.endpoint->config->name,
                                                .number = binding->listener.endpoint->index,
                                                .place = i,
                                                .protocol = binding->listener.protocol,
                                                .is_dual_stack = binding->is_dual_stack,
                                                .address = binding->wanted,
                                                .backlog = listener_backlog(&binding->listener)};
    }
    return sockets->at != NULL;
}

/* ---- What there will be ---- */

static void bindings_change__take(struct bindings_change *change, struct binding *binding,
                                  struct endpoint *owner)
{
    change->next[change->count] = binding;
    change->owners[change->count++] = owner;
}

static bool bindings_change__make(struct bindings_change *change, const struct config_socket *socket,
                                  struct endpoint *owner)
{
    const struct config_listen listen = {.protocol = socket->protocol,
                                         .is_dual_stack = socket->is_dual_stack,
                                         .is_localhost = socket->is_localhost,
                                         .address = socket->address};
    if (bindings_leave_out(change->bindings, owner, &listen)) {
        return true;
    }
    struct binding *binding =
        bindings_make(change->bindings, owner, &listen, socket->address.port, change->count);
    if (binding == NULL) {
        return false;
    }
    change->wanted[change->opened_count] = socket;
    change->opened[change->opened_count++] = binding;
    bindings_change__take(change, binding, owner);
    return true;
}

/* In the order of the configuration, then those in the way of others. */
static bool bindings_change__fill(struct bindings_change *change, const struct config_sockets *before,
                                  const struct config_socket **ordered, size_t count,
                                  struct endpoint *const *endpoints)
{
    struct binding *const *at = change->bindings->at;
    for (size_t i = 0; i < count; i++) {
        const struct config_socket *socket = ordered[i];
        struct endpoint *owner = endpoints[socket->number];
        if (socket->fate == CONFIG_SOCKET_KEPT) {
            bindings_change__take(change, at[socket->partner->place], owner);
        } else if (socket->fate == CONFIG_SOCKET_ALONE && !bindings_change__make(change, socket, owner)) {
            return false;
        }
    }
    for (size_t i = 0; i < before->count; i++) {
        const struct config_socket *socket = &before->at[i];
        if (socket->fate == CONFIG_SOCKET_HELD) {
            bindings_change__take(change, at[socket->place], endpoints[socket->partner->number]);
        } else if (socket->fate == CONFIG_SOCKET_ALONE) {
            change->closing[change->closing_count++] = at[socket->place];
        }
    }
    return true;
}

bool bindings_change_init(struct bindings_change *change, struct bindings *bindings,
                          const struct config_sockets *before, const struct config_sockets *after,
                          struct endpoint *const *endpoints)
{
    const size_t room = before->count + after->count + 1;
    *change = (struct bindings_change){.bindings = bindings};
    const struct config_socket **ordered =
        memory_alloc((after->count + 1) * sizeof(const struct config_socket *));
    change->next = memory_alloc(room * sizeof(struct binding *));
    change->owners = memory_alloc(room * sizeof(struct endpoint *));
    change->closing = memory_alloc(room * sizeof(struct binding *));
    change->opened = memory_alloc(room * sizeof(struct binding *));
    change->wanted = memory_alloc(room * sizeof(const struct config_socket *));
    bool is_made = ordered != NULL && change->next != NULL && change->owners != NULL &&
                   change->closing != NULL && change->opened != NULL && change->wanted != NULL;
    for (size_t i = 0; is_made && i < after->count; i++) {
        ordered[after->at[i].place] = &after->at[i];
    }
    is_made = is_made && bindings_change__fill(change, before, ordered, after->count, endpoints);
    memory_free((void *)ordered);
    return is_made;
}

size_t bindings_change_open(struct bindings_change *change, struct failure *failure_out)
{
    size_t failed = 0;
    for (size_t i = 0; i < change->opened_count; i++) {
        struct binding *binding = change->opened[i];
        struct listener *listener = &binding->listener;
        const struct bindings *bindings = change->bindings;
        if (listener_open(listener, bindings->world.network, bindings->world.bind_retry, GetTickCount64()) !=
                0 ||
            !binding_prepare(binding, GetTickCount64())) {
            if (failed++ == 0) {
                bindings_describe(listener, failure_out);
            }
        }
    }
    if (failed > 1) {
        bindings_add_more(failure_out, failed - 1);
    }
    return failed;
}

/* ---- Making it so ---- */

/* The next table of UDP ports has all of them, those that end included. */
bool bindings_change_prepare(struct bindings_change *change)
{
    struct bindings *bindings = change->bindings;
    size_t number = 0;
    for (struct binding *binding = bindings->ending; binding != NULL; binding = binding->older) {
        number++;
    }
    return own_ports_prepare(&bindings->ports, number + change->count + change->closing_count);
}

static void bindings_change__number(struct bindings_change *change)
{
    struct bindings *bindings = change->bindings;
    size_t number = 0;
    for (size_t i = 0; i < change->count; i++, number++) {
        change->next[i]->number = number;
        bindings_note_port(bindings, change->next[i]);
    }
    for (size_t i = 0; i < change->closing_count; i++, number++) {
        change->closing[i]->number = number;
        bindings_note_port(bindings, change->closing[i]);
    }
    for (struct binding *binding = bindings->ending; binding != NULL; binding = binding->older, number++) {
        binding->number = number;
        bindings_note_port(bindings, binding);
    }
    own_ports_publish(&bindings->ports);
}

void bindings_change_commit(struct bindings_change *change)
{
    struct bindings *bindings = change->bindings;
    struct binding **old = bindings->at;
    bindings_change__number(change);
    bindings->at = change->next;
    bindings->count = change->count;
    for (size_t i = 0; i < change->count; i++) {
        binding_change(change->next[i], change->owners[i]); /* of new ones it is already */
    }
    for (size_t i = 0; i < change->opened_count; i++) {
        bindings_begin(bindings, change->opened[i]);
    }
    for (size_t i = 0; i < change->closing_count; i++) {
        bindings_end(bindings, change->closing[i]);
    }
    bindings_pause(bindings, NULL); /* a socket may have come to another endpoint */
    change->next = old;
    change->opened_count = 0;
}

void bindings_change_fini(struct bindings_change *change)
{
    for (size_t i = 0; i < change->opened_count; i++) {
        struct binding *binding = change->opened[i];
        binding_abandon(binding);
        binding_tidy(binding, GetTickCount64());
        bindings_free(binding);
    }
    own_ports_forget(&change->bindings->ports);
    memory_free((void *)change->next);
    memory_free((void *)change->owners);
    memory_free((void *)change->closing);
    memory_free((void *)change->opened);
    memory_free((void *)change->wanted);
}
