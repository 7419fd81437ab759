/* SPDX-License-Identifier: MIT
   How a TCP connection goes out, see connection_state.h.

   In its turn, never inside the call that asked for it, it takes the next address of its dial and begins a connect, which
   ends as a send would. One that is not answered in its share of the time is ended by closing its socket; the next one is
   tried when that has come back, for there is one operation. What is sent meanwhile waits in the queue. */
#include "base/memory.h"
#include "connection/connection_state.h"
#include "connection/dial.h"

/* Behind what an accepted one has. */
static struct dial **connection__dial(struct connection *connection)
{
    return (struct dial **)(void *)((uint8_t *)connection + connection_size(connection->endpoint));
}

void connection_end_dial(struct connection *connection)
{
    if (connection->is_outbound) {
        struct dial **dial = connection__dial(connection);
        dial_destroy(*dial);
        *dial = NULL;
    }
}

/* ---- Connected ---- */

static void connection__begin(struct connection *connection)
{
    const uint64_t now = worker_now(connection->worker);
    const struct pl_address local = network_own_address(connection->socket);
    connection_end_dial(connection);
    timer_clear(worker_timers(connection->worker), &connection->timer);
    connection->is_connecting = 0;
    connection->send.complete = connection_run_send;
    connection->opened = connection->last_activity = connection->last_progress = connection_tick(connection);
    connection->opened_rest = deadlines_rest(now) & 127U;
    if (connection_address_count(connection->endpoint) > 0) {
        connection->addresses[ADDRESS_LOCAL] = local;
    }
    if (connection->endpoint->config->nodelay) {
        network_set_option(connection->socket, IPPROTO_TCP, TCP_NODELAY, TRUE);
    }
    connection_set_keepalive(connection);
    connection_greet(connection, &local);
    connection_pump(connection);
    connection_receive(connection, READ_DRAINED);
}

/* ---- Connecting ---- */

static void connection__give_up_address(struct connection *connection, uint32_t error)
{
    if (connection->socket != INVALID_SOCKET) {
        closesocket(connection->socket);
        connection->socket = INVALID_SOCKET;
    }
    dial_failed(*connection__dial(connection), error);
}

/* So that the socket is as one of a plain connect: shutdown and the like work. It has no value. 0, or the error. */
static uint32_t connection__update(const struct connection *connection)
{
    /* cppcheck-suppress nullPointer */
    const int result = setsockopt(connection->socket, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0);
    return result == 0 ? 0 : (uint32_t)WSAGetLastError();
}

/* What came of a connect. */
static void connection__tried(struct connection *connection, uint32_t error)
{
    if (error == 0) {
        error = connection__update(connection);
    }
    if (error != 0) {
        connection__give_up_address(connection, error);
    } else {
        connection__begin(connection);
    }
}

/* The next address. */
static void connection__try(struct connection *connection)
{
    struct dial *dial = *connection__dial(connection);
    const struct network *network = dial_network(dial);
    const SOCKET socket = dial_open(dial, connection->endpoint);
    if (socket == INVALID_SOCKET) {
        return;
    }
    SOCKADDR_STORAGE to;
    connection->peer = dial_address(dial);
    const int length = network_address_to(&connection->peer, network_family(&connection->peer), &to);
    connection->socket = socket;
    connection->skips = network_use_skip(network, socket);
    DWORD sent = 0;
    const BOOL is_done = network->connect_ex(socket, (const SOCKADDR *)&to, length, NULL, 0, &sent,
                                             operation_begin(&connection->send));
    const uint32_t error = is_done ? 0 : (uint32_t)WSAGetLastError();
    if (error == WSA_IO_PENDING || (error == 0 && !connection->skips)) {
        connection->is_sending = 1;
        connection_hold(connection);
    } else {
        connection__tried(connection, error);
    }
}

static void connection__fail_to_connect(struct connection *connection)
{
    const struct dial *dial = *connection__dial(connection);
    dial_tell(dial, connection->endpoint, connection_id(connection));
    connection->peer = dial_address(dial);
    connection->reason = 0; /* a close that let the attempt go on has not ended it */
    connection_reset(connection, CLOSED_CONNECT_FAILED, dial_error(dial));
}

/* The address that is being tried has had its time: its connect comes back now. */
static void connection__stop_waiting(struct connection *connection)
{
    if (!connection->is_late && dial_is_late(*connection__dial(connection))) {
        connection->is_late = 1;
        CancelIoEx((HANDLE)connection->socket, NULL);
        closesocket(connection->socket);
        connection->socket = INVALID_SOCKET;
    }
}

void connection_go_on(struct connection *connection)
{
    connection->is_due = 0;
    while (connection->is_connecting && !connection->is_closed && !connection->wants_reset) {
        if (connection->is_sending) {
            connection__stop_waiting(connection);
            return;
        }
        switch (dial_next(*connection__dial(connection))) {
        case DIAL_WAITS:
            return;
        case DIAL_TRIES:
            connection__try(connection);
            break;
        case DIAL_ENDS:
            connection__fail_to_connect(connection);
            break;
        }
    }
}

static void connection__run_connect(struct operation *operation, uint32_t error, uint32_t bytes)
{
    struct connection *connection = LIST_ELEMENT(operation, struct connection, send);
    (void)bytes;
    connection->is_sending = 0;
    if (!connection->is_closed) {
        const bool is_late = connection->is_late != 0;
        connection->is_late = 0;
        if (!connection->wants_reset) {
            connection__tried(connection, is_late ? WSAETIMEDOUT : error);
            connection_go_on(connection);
        }
        connection_settle(connection);
    }
    connection_release(connection);
}

void connection_settle_connect(struct connection *connection)
{
    if (connection->wants_reset) {
        connection_reset_socket(connection);
    } else if (!connection->is_late) {
        timer_set(worker_timers(connection->worker), &connection->timer,
                  dial_due(*connection__dial(connection)));
    }
}

/* ---- The beginning ---- */

static void connection__wake(void *owner)
{
    connection_queue_task(owner, RANK_FRESH);
}

int32_t connection_connect(struct worker *worker, struct endpoint *endpoint, struct dial *dial, void *user,
                           pl_id *id_out)
{
    static const struct pl_address nobody;
    struct connection *connection = memory_alloc(connection_size(endpoint) + sizeof dial);
    const uint32_t slot =
        connection != NULL ? slot_table_add(worker_slots(worker), SLOT_CONNECTION, connection) : SLOT_NONE;
    if (slot == SLOT_NONE) {
        memory_free(connection);
        return PL_NO_MEMORY;
    }
    const struct pl_address first = dial_address(dial);
    connection_init(connection, worker, endpoint, INVALID_SOCKET, &nobody, &first);
    connection->slot = slot;
    connection->user = user;
    connection->awaits_proxy = 0;
    connection->has_source = 0;
    connection->is_outbound = 1;
    connection->is_connecting = 1;
    connection->send.complete = connection__run_connect;
    *connection__dial(connection) = dial;
    dial_begin(dial, connection__wake, connection);
    *id_out = connection_id(connection);
    connection_queue_task(connection, RANK_FRESH);
    return PL_OK;
}
