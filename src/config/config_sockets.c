/* SPDX-License-Identifier: MIT
   Sockets of two configurations side by side, see config_sockets.h. Both lists are sorted, and read in step. */
#include "config/config_sockets.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "config/config_listen.h"

/* ---- Making the list ---- */

static size_t config_sockets__count(const struct config *config)
{
    size_t count = 0;
    for (size_t i = 0; i < config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &config->endpoints[i];
        for (size_t k = 0; endpoint->is_enabled && k < endpoint->listen_count; k++) {
            count += (size_t)endpoint->listen[k].last_port - endpoint->listen[k].address.port + 1;
        }
    }
    return count;
}

static void config_sockets__add(struct config_sockets *sockets, const struct config_endpoint *endpoint,
                                size_t number, const struct config_listen *listen)
{
    for (uint32_t port = listen->address.port; port <= listen->last_port; port++) {
        struct config_socket *socket = &sockets->at[sockets->count];
        *socket = (struct config_socket){.endpoint = endpoint->name,
                                         .number = number,
                                         .place = sockets->count,
                                         .protocol = listen->protocol,
                                         .is_dual_stack = listen->is_dual_stack,
                                         .is_localhost = listen->is_localhost,
                                         .address = listen->address,
                                         .backlog = listen->protocol == CONFIG_TCP ? endpoint->backlog : 0};
        socket->address.port = (uint16_t)port;
        sockets->count++;
    }
}

bool config_sockets_list(struct config_sockets *sockets, const struct config *config)
{
    *sockets = (struct config_sockets){
        .at = memory_alloc((config_sockets__count(config) + 1) * sizeof sockets->at[0])};
    for (size_t i = 0; sockets->at != NULL && i < config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &config->endpoints[i];
        for (size_t k = 0; endpoint->is_enabled && k < endpoint->listen_count; k++) {
            config_sockets__add(sockets, endpoint, i, &endpoint->listen[k]);
        }
    }
    return sockets->at != NULL;
}

void config_sockets_fini(struct config_sockets *sockets)
{
    memory_free(sockets->at);
    *sockets = (struct config_sockets){0};
}

/* ---- The order ---- */

static int config_sockets__differ(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Those that can overlap stand together. */
static int config_sockets__compare_ports(const struct config_socket *a, const struct config_socket *b)
{
    const int difference = config_sockets__differ(a->protocol, b->protocol);
    return difference != 0 ? difference : config_sockets__differ(a->address.port, b->address.port);
}

static int config_sockets__compare_keys(const struct config_socket *a, const struct config_socket *b)
{
    int difference = config_sockets__compare_ports(a, b);
    difference = difference != 0 ? difference : config_sockets__differ(a->address.family, b->address.family);
    difference = difference != 0 ? difference : config_sockets__differ(a->address.scope, b->address.scope);
    difference = difference != 0 ? difference : memcmp(a->address.ip, b->address.ip, sizeof a->address.ip);
    return difference != 0 ? difference : config_sockets__differ(a->is_dual_stack, b->is_dual_stack);
}

static int config_sockets__compare(const struct config_socket *a, const struct config_socket *b)
{
    const int difference = config_sockets__compare_keys(a, b);
    return difference != 0 ? difference : strcmp(a->endpoint, b->endpoint);
}

static int config_sockets__order(const void *left, const void *right)
{
    return config_sockets__compare(left, right);
}

/* ---- The same ones ---- */

static void config_sockets__pair(struct config_socket *a, struct config_socket *b)
{
    a->fate = b->fate = CONFIG_SOCKET_KEPT;
    a->partner = b;
    b->partner = a;
}

/* The first from *index on that is nobody's. */
static struct config_socket *config_sockets__next(const struct config_sockets *sockets, size_t *index)
{
    while (*index < sockets->count && sockets->at[*index].fate != CONFIG_SOCKET_ALONE) {
        ++*index;
    }
    return *index < sockets->count ? &sockets->at[*index] : NULL;
}

static void config_sockets__match(const struct config_sockets *before, const struct config_sockets *after,
                                  int (*compare)(const struct config_socket *a,
                                                 const struct config_socket *b))
{
    struct config_socket *a = NULL, *b = NULL;
    for (size_t i = 0, k = 0;
         (a = config_sockets__next(before, &i)) != NULL && (b = config_sockets__next(after, &k)) != NULL;) {
        const int difference = compare(a, b);
        if (difference == 0) {
            config_sockets__pair(a, b);
        } else {
            i += difference < 0;
            k += difference > 0;
        }
    }
}

/* ---- Those that overlap ---- */

static bool config_sockets__has_family(const struct config_socket *socket, uint16_t family)
{
    return socket->is_dual_stack || socket->address.family == family;
}

/* Of one protocol and port. */
static bool config_sockets__overlap(const struct config_socket *a, const struct config_socket *b)
{
    if (a->address.port == 0) {
        return false;
    }
    if (address_is_any(&a->address)) {
        return config_sockets__has_family(a, b->address.family) ||
               (b->is_dual_stack && a->address.family == 4);
    }
    if (address_is_any(&b->address)) {
        return config_sockets__has_family(b, a->address.family);
    }
    return address_equal(&a->address, &b->address);
}

static void config_sockets__hold(struct config_socket *a, struct config_socket *b)
{
    a->partner = a->fate == CONFIG_SOCKET_HELD ? a->partner : b;
    b->partner = b->fate == CONFIG_SOCKET_HELD ? b->partner : a;
    a->fate = b->fate = CONFIG_SOCKET_HELD;
}

/* `b` and those behind it of the same port. */
static void config_sockets__hold_at_port(struct config_socket *a, const struct config_sockets *after,
                                         size_t first)
{
    for (size_t i = first; i < after->count; i++) {
        struct config_socket *b = &after->at[i];
        if (config_sockets__compare_ports(a, b) != 0) {
            return;
        }
        if (b->fate != CONFIG_SOCKET_KEPT && config_sockets__overlap(a, b)) {
            config_sockets__hold(a, b);
        }
    }
}

void config_sockets_match(struct config_sockets *before, struct config_sockets *after)
{
    qsort(before->at, before->count, sizeof before->at[0], config_sockets__order);
    qsort(after->at, after->count, sizeof after->at[0], config_sockets__order);
    config_sockets__match(before, after, config_sockets__compare);
    config_sockets__match(before, after, config_sockets__compare_keys); /* renamed sections */
    for (size_t i = 0, k = 0; i < before->count; i++) {
        struct config_socket *a = &before->at[i];
        while (k < after->count && config_sockets__compare_ports(&after->at[k], a) < 0) {
            k++;
        }
        if (a->fate != CONFIG_SOCKET_KEPT) {
            config_sockets__hold_at_port(a, after, k);
        }
    }
}

void config_socket_add(struct text *text, const struct config_socket *socket)
{
    const struct config_listen listen = {.protocol = socket->protocol,
                                         .is_dual_stack = socket->is_dual_stack,
                                         .address = socket->address,
                                         .last_port = socket->address.port};
    config_listen_add(text, &listen);
}
