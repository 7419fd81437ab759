/* SPDX-License-Identifier: MIT
   How a TCP connection comes in, see connection_state.h. */
#include <string.h>

#include "accept/admission.h"
#include "base/memory.h"
#include "connection/claim.h"
#include "connection/connection_state.h"
#include "connection/input.h"

size_t connection_address_count(const struct endpoint *endpoint)
{
    if (admission_has_proxies(endpoint->admission)) {
        return ADDRESS_COUNT;
    }
    return endpoint->access_log != NULL ? ADDRESS_LOCAL + 1 : 0;
}

/* The handler's timer, behind the addresses, if it has on_timer. */
struct pulse *connection_pulse(struct connection *connection)
{
    return (struct pulse *)(void *)(connection->addresses + connection_address_count(connection->endpoint));
}

size_t connection_size(const struct endpoint *endpoint)
{
    return sizeof(struct connection) + connection_address_count(endpoint) * sizeof(struct pl_address) +
           (endpoint_has_timer(endpoint) ? sizeof(struct pulse) : 0);
}

/* ---- Its client ---- */

void connection_fill_info(const struct connection *connection, const struct pl_address *local,
                          pl_info *info_out)
{
    *info_out = (pl_info){.size = sizeof *info_out,
                          .id = connection_id(connection),
                          .endpoint = connection->endpoint->id,
                          .peer = connection->peer,
                          .local = *local};
    info_out->seen = connection->is_outbound ? PL_OUTBOUND : 0U;
    if (connection->is_proxied) {
        info_out->seen = PL_PROXIED;
        info_out->proxy = connection->addresses[ADDRESS_PROXY];
    }
}

void connection_greet(struct connection *connection, const struct pl_address *local)
{
    const struct endpoint *endpoint = connection->endpoint;
    worker_count(connection->worker, endpoint->tally,
                 connection->is_outbound ? COUNTER_OUTBOUND_OPENED : COUNTER_ACCEPTED, 1);
    if (endpoint->handler->on_open == NULL) {
        return;
    }
    pl_info info;
    connection_fill_info(connection, local, &info);
    connection_enter(connection, "on_open", info.id);
    const int32_t result = endpoint->handler->on_open(endpoint->state, info.id, &connection->user, &info);
    connection_leave(connection);
    if (result < 0) {
        connection_reset(connection, CLOSED_BY_HANDLER, 0);
    }
}

void connection_refuse_header(struct connection *connection, const char *problem)
{
    endpoint_tell_header(connection->endpoint, worker_now(connection->worker), connection_id(connection),
                         &connection->peer, problem);
    connection_reset(connection, REFUSED_PROXY, 0);
}

/* By a reload while its header was on the way. */
static bool connection__is_denied_now(const struct connection *connection)
{
    const struct admission *judge = connection->endpoint->judge;
    return judge != NULL && connection->is_proxied &&
           admission_denies(judge, &connection->peer, &connection->addresses[ADDRESS_PROXY]);
}

static void connection__take_claim(struct connection *connection, const struct claim *claim)
{
    if (claim->is_proxied) {
        connection->is_proxied = 1;
        connection->has_source = claim->refusal == CLOSE_REASON_NONE;
        connection->addresses[ADDRESS_PROXY] = connection->peer;
        connection->addresses[ADDRESS_LOCAL] = claim->destination;
        connection->peer = claim->source;
    }
    if (claim->refusal != CLOSE_REASON_NONE) {
        endpoint_tell(connection->endpoint, worker_now(connection->worker),
                      close_reason_row(claim->refusal)->counter, &connection->peer);
        connection_reset(connection, claim->refusal, 0);
        return;
    }
    if (connection__is_denied_now(connection)) {
        connection_reset(connection, REFUSED_ACL, 0);
        return;
    }
    connection->awaits_proxy = 0;
    connection_greet(connection, &connection->addresses[ADDRESS_LOCAL]);
}

void connection_take_header(struct connection *connection)
{
    struct buffer *input = connection->input;
    struct claim claim;
    if (!claim_read(connection->endpoint, input_bytes(input), input_length(input), &claim)) {
        return;
    }
    if (claim.problem != NULL) {
        connection_refuse_header(connection, claim.problem);
    } else {
        input_consume(input, claim.length);
        connection__take_claim(connection, &claim);
    }
}

/* ---- Its socket ---- */

/* Windows does not say whether an accepted socket inherits it; where it does, a call for each is saved. */
static void connection__set_nodelay(const struct connection *connection)
{
    struct endpoint *endpoint = connection->endpoint;
    if (endpoint->nodelay == NODELAY_UNKNOWN) {
        DWORD is_on = FALSE;
        int length = sizeof is_on;
        const int result = getsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, (char *)&is_on, &length);
        InterlockedExchange(&endpoint->nodelay,
                            result == 0 && is_on != FALSE ? NODELAY_INHERITED : NODELAY_OWN);
    }
    if (endpoint->nodelay == NODELAY_OWN) {
        network_set_option(connection->socket, IPPROTO_TCP, TCP_NODELAY, TRUE);
    }
}

void connection_set_keepalive(const struct connection *connection)
{
    const struct config_endpoint *config = connection->endpoint->config;
    if (config->keepalive) {
        struct tcp_keepalive keepalive = {.onoff = 1,
                                          .keepalivetime = (ULONG)config->keepalive_time,
                                          .keepaliveinterval = (ULONG)config->keepalive_interval};
        DWORD bytes = 0;
        WSAIoctl(connection->socket, SIO_KEEPALIVE_VALS, &keepalive, sizeof keepalive, NULL, 0, &bytes, NULL,
                 NULL);
    }
}

static void connection__set_options(const struct connection *connection)
{
    if (connection->endpoint->config->nodelay) {
        connection__set_nodelay(connection);
    }
    connection_set_keepalive(connection);
}

static struct connection *connection__create(struct worker *worker, const struct network *network,
                                             const struct endpoint *endpoint, SOCKET socket)
{
    struct connection *connection = memory_alloc(connection_size(endpoint));
    const uint32_t slot =
        connection != NULL ? slot_table_add(worker_slots(worker), SLOT_CONNECTION, connection) : SLOT_NONE;
    if (slot == SLOT_NONE) {
        memory_free(connection);
        return NULL;
    }
    if (!worker_associate(worker, endpoint->lane, (HANDLE)socket)) {
        slot_table_remove(worker_slots(worker), slot);
        memory_free(connection);
        return NULL;
    }
    connection->slot = slot;
    connection->skips = network_use_skip(network, socket);
    return connection;
}

void connection_init(struct connection *connection, struct worker *worker, struct endpoint *endpoint,
                     SOCKET socket, const struct pl_address *local, const struct pl_address *peer)
{
    connection->worker = worker;
    connection->endpoint = endpoint;
    connection->socket = socket;
    connection->peer = *peer;
    connection->receive.complete = connection_run_receive;
    connection->send.complete = connection_run_send;
    connection->task.run = connection_run_task;
    timer_init(&connection->timer, connection_run_timer);
    if (endpoint_has_timer(endpoint)) {
        pulse_init(connection_pulse(connection), connection, connection_run_pulse);
    }
    connection->awaits_proxy = admission_has_proxies(endpoint->admission);
    connection->has_source = !connection->awaits_proxy;
    connection->is_relay = (endpoint->handler->flags & PL_RELAY) != 0;
    if (connection_address_count(endpoint) > 0) {
        connection->addresses[ADDRESS_LOCAL] = *local;
    }
    connection->opened = connection->last_activity = connection->last_progress = connection_tick(connection);
    connection->opened_rest = deadlines_rest(worker_now(worker)) & 127U;
    connection->is_active = worker_buffers(worker)->parked < CONNECTION_PARKED_NEW;
}

static void connection__refuse(struct worker *worker, struct endpoint *endpoint, SOCKET socket,
                               enum close_reason reason, const struct pl_address *local,
                               const struct pl_address *peer)
{
    admission_turn_back(endpoint->admission, peer);
    network_close_hard(socket);
    endpoint_refused(endpoint, worker, reason, local, peer);
    endpoint_leave(endpoint);
    worker_add_load(worker, -1);
    worker_released(worker);
}

void connection_open(struct worker *worker, const struct network *network, struct endpoint *endpoint,
                     SOCKET socket, const struct pl_address *local, const struct pl_address *peer)
{
    if (endpoint->is_stopping != 0) {
        connection__refuse(worker, endpoint, socket, REFUSED_STOPPING, local, peer);
        return;
    }
    const struct admission *judge = endpoint->judge;
    const bool is_proxy = admission_has_proxies(endpoint->admission);
    if (judge != NULL && admission_denies(judge, is_proxy ? NULL : peer, is_proxy ? peer : NULL)) {
        connection__refuse(worker, endpoint, socket, REFUSED_ACL, local, peer);
        return;
    }
    struct connection *connection = connection__create(worker, network, endpoint, socket);
    if (connection == NULL) {
        connection__refuse(worker, endpoint, socket, REFUSED_ERROR, local, peer);
        return;
    }
    connection_init(connection, worker, endpoint, socket, local, peer);
    connection__set_options(connection);
    connection_hold(connection);
    if (connection->awaits_proxy == 0) {
        connection_greet(connection, local);
    }
    connection_receive(connection, READ_DRAINED); /* a client usually speaks a moment later */
    connection_settle(connection);
    connection_release(connection);
}
