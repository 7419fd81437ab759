/* SPDX-License-Identifier: MIT
   From a target to a socket, see dial.h. */
#include "connection/dial.h"

#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "base/target.h"
#include "base/utf16.h"

enum {
    DIAL_ASK_AGAIN = 100, /* milliseconds, when the resolver has too much to do */
    DIAL_TOLD = 360,      /* room for what is told of the addresses */
    DIAL_LINE = 700
};

struct dial {
    const struct dial_world *world;
    struct worker *worker;
    void (*wake)(void *owner);
    void *owner;
    struct query *query; /* NULL: none is asked */
    struct target target;
    struct pl_address source;
    uint32_t protocol;
    uint32_t error; /* of the name, or the last address */
    uint64_t deadline;
    uint64_t due; /* of the address that is being tried, or of the next question */
    bool is_resolved;
    unsigned count, next;
    struct pl_address addresses[RESOLVER_ADDRESSES];
    struct text told;
    char told_room[DIAL_TOLD];
};

/* ---- Life ---- */

/* What is not there stays 0. */
static pl_connect dial__read(const pl_connect *how)
{
    pl_connect read = {0};
    if (how != NULL && how->size >= sizeof how->size) {
        memcpy(&read, how, how->size < sizeof read ? how->size : sizeof read);
    }
    return read;
}

static bool dial__is_right(const pl_connect *how, struct target *target_out)
{
    return (how->protocol == PL_TCP || how->protocol == PL_UDP) && how->timeout <= DIAL_TIMEOUT_MAX &&
           how->reserved == 0 &&
           (how->source.family == 0 || how->source.family == 4 || how->source.family == 6) &&
           how->target.at != NULL && target_parse(how->target.at, how->target.length, target_out);
}

int32_t dial_create(const struct dial_world *world, struct worker *worker, const pl_connect *how,
                    struct dial **dial_out)
{
    const pl_connect read = dial__read(how);
    struct target target;
    if (!dial__is_right(&read, &target)) {
        return PL_INVALID;
    }
    struct dial *dial = memory_alloc(sizeof *dial);
    if (dial == NULL) {
        return PL_NO_MEMORY;
    }
    dial->world = world;
    dial->worker = worker;
    dial->target = target;
    dial->source = read.source;
    dial->protocol = read.protocol;
    dial->deadline = worker_now(worker) + (read.timeout != 0 ? read.timeout : DIAL_TIMEOUT);
    dial->due = dial->deadline;
    text_init(&dial->told, dial->told_room, sizeof dial->told_room);
    if (target.name[0] == '\0') {
        dial->is_resolved = true;
        dial->addresses[dial->count++] = target.address;
    }
    *dial_out = dial;
    return PL_OK;
}

void dial_begin(struct dial *dial, void (*wake)(void *owner), void *owner)
{
    dial->wake = wake;
    dial->owner = owner;
}

void dial_stop(struct dial *dial)
{
    if (dial->query != NULL) {
        query_drop(dial->query);
        dial->query = NULL;
    }
}

void dial_destroy(struct dial *dial)
{
    if (dial != NULL) {
        dial_stop(dial);
        memory_free(dial);
    }
}

/* ---- Its name ---- */

static void dial__tell(struct dial *dial, uint32_t error)
{
    text_add_string(&dial->told, ": ");
    utf16_add_error(&dial->told, error);
}

static void dial__answer(void *owner, uint32_t error, const struct pl_address *addresses, unsigned count)
{
    struct dial *dial = owner;
    dial->query = NULL;
    dial->is_resolved = true;
    dial->error = error;
    if (error != 0) {
        text_add_string(&dial->told, "the name cannot be resolved");
        dial__tell(dial, error);
    }
    for (unsigned i = 0; i < count; i++) {
        dial->addresses[dial->count] = addresses[i];
        dial->addresses[dial->count++].port = dial->target.address.port;
    }
    dial->wake(dial->owner);
}

static void dial__ask(struct dial *dial)
{
    const int type = dial->protocol == PL_TCP ? SOCK_STREAM : SOCK_DGRAM;
    const uint32_t error = resolver_ask(dial->world->resolver, dial->worker, dial->target.name, type,
                                        dial__answer, dial, &dial->query);
    if (error == WSAEWOULDBLOCK) {
        const uint64_t again = worker_now(dial->worker) + DIAL_ASK_AGAIN;
        dial->due = again < dial->deadline ? again : dial->deadline;
    } else if (error != 0) {
        dial->is_resolved = true;
        dial->error = error;
        text_add_string(&dial->told, "the name cannot be asked for");
        dial__tell(dial, error);
    } else {
        dial->due = dial->deadline;
    }
}

/* ---- Its steps ---- */

static bool dial__is_over(const struct dial *dial)
{
    return worker_now(dial->worker) >= dial->deadline;
}

enum dial_step dial_next(struct dial *dial)
{
    if (!dial->is_resolved && dial__is_over(dial)) {
        dial->is_resolved = true;
        dial->error = WSAETIMEDOUT;
        text_add_string(&dial->told, "the name was not resolved in time");
        return DIAL_ENDS;
    }
    if (!dial->is_resolved && dial->query == NULL) {
        dial__ask(dial);
    }
    if (!dial->is_resolved) {
        return DIAL_WAITS;
    }
    return dial->next < dial->count && !(dial->next > 0 && dial__is_over(dial)) ? DIAL_TRIES : DIAL_ENDS;
}

uint64_t dial_due(const struct dial *dial)
{
    return dial->due;
}

bool dial_is_late(const struct dial *dial)
{
    return worker_now(dial->worker) >= dial->due;
}

/* Each gets an even share of the time that is left: one that never answers leaves some to those behind it. */
static void dial__set_due(struct dial *dial)
{
    const uint64_t now = worker_now(dial->worker);
    dial->due = dial->deadline > now ? now + (dial->deadline - now) / (dial->count - dial->next) : now;
}

void dial_failed(struct dial *dial, uint32_t error)
{
    dial->error = error;
    text_add_string(&dial->told, dial->told.length > 0 ? "; " : "");
    address_add_with_port(&dial->told, &dial->addresses[dial->next]);
    dial__tell(dial, error);
    dial->next++;
}

/* ---- Its sockets ---- */

static void dial__set_options(const struct dial *dial, const struct endpoint *endpoint, SOCKET socket)
{
    const struct config_endpoint *config = endpoint->config;
    const bool is_tcp = dial->protocol == PL_TCP;
    DWORD no = FALSE, bytes = 0;
    if (config->recv_buffer != 0) {
        network_set_option(socket, SOL_SOCKET, SO_RCVBUF, config->recv_buffer);
    }
    if (config->send_buffer != 0) {
        network_set_option(socket, SOL_SOCKET, SO_SNDBUF, config->send_buffer);
    }
    if (is_tcp && dial->source.port == 0) { /* where there is no such option, ports may run out sooner */
        network_set_option(socket, SOL_SOCKET, SO_REUSE_UNICASTPORT, TRUE);
    }
    if (!is_tcp) { /* ICMP answers to what was sent */
        WSAIoctl(socket, SIO_UDP_CONNRESET, &no, sizeof no, NULL, 0, &bytes, NULL, NULL);
        WSAIoctl(socket, SIO_UDP_NETRESET, &no, sizeof no, NULL, 0, &bytes, NULL, NULL);
    }
}

/* 0, or why not. Never exclusive. */
static uint32_t dial__bind(const struct dial *dial, int family, SOCKET socket)
{
    struct pl_address from = dial->source;
    SOCKADDR_STORAGE local;
    from.family = family == AF_INET ? 4 : 6;
    const int length = network_address_to(&from, family, &local);
    return bind(socket, (const SOCKADDR *)&local, length) == 0 ? 0 : (uint32_t)WSAGetLastError();
}

static uint32_t dial__prepare(const struct dial *dial, const struct endpoint *endpoint, int family,
                              SOCKET socket)
{
    dial__set_options(dial, endpoint, socket);
    uint32_t error = dial__bind(dial, family, socket);
    if (error == 0 && dial->protocol == PL_UDP) {
        error = network_set_nonblocking(socket);
    }
    if (error == 0 && !worker_associate(dial->worker, endpoint->lane, (HANDLE)socket)) {
        error = GetLastError();
    }
    return error;
}

static SOCKET dial__open(const struct dial *dial, const struct endpoint *endpoint, uint32_t *error_out)
{
    const struct pl_address *to = &dial->addresses[dial->next];
    const int family = network_family(to);
    if (dial->source.family != 0 && network_family(&dial->source) != family) {
        *error_out = WSAEAFNOSUPPORT;
        return INVALID_SOCKET;
    }
    const SOCKET socket = network_socket(family, dial->protocol == PL_TCP ? SOCK_STREAM : SOCK_DGRAM);
    if (socket == INVALID_SOCKET) {
        *error_out = (uint32_t)WSAGetLastError();
        return INVALID_SOCKET;
    }
    *error_out = dial__prepare(dial, endpoint, family, socket);
    if (*error_out != 0) {
        closesocket(socket);
        return INVALID_SOCKET;
    }
    return socket;
}

SOCKET dial_open(struct dial *dial, const struct endpoint *endpoint)
{
    uint32_t error = 0;
    dial__set_due(dial);
    const SOCKET socket = dial__open(dial, endpoint, &error);
    if (socket == INVALID_SOCKET) {
        dial_failed(dial, error);
    }
    return socket;
}

/* ---- What there is to tell ---- */

const struct network *dial_network(const struct dial *dial)
{
    return dial->world->network;
}

uint32_t dial_protocol(const struct dial *dial)
{
    return dial->protocol;
}

struct pl_address dial_address(const struct dial *dial)
{
    const unsigned index = dial->next < dial->count || dial->next == 0 ? dial->next : dial->count - 1;
    return dial->addresses[index];
}

uint32_t dial_error(const struct dial *dial)
{
    return dial->error;
}

void dial_tell(const struct dial *dial, struct endpoint *endpoint, pl_id id)
{
    char room[DIAL_LINE];
    struct text text;
    text_init(&text, room, sizeof room);
    text_add_string(&text, "no connection to ");
    if (dial->target.name[0] != '\0') {
        text_add_format(&text, "%s:%u", dial->target.name, dial->target.address.port);
    } else {
        address_add_with_port(&text, &dial->target.address);
    }
    text_add_format(&text, ": %s", dial->told.at);
    endpoint_tell_connect(endpoint, worker_now(dial->worker), id, room);
}
