/* SPDX-License-Identifier: MIT
   Tests of connection/connection.c: connections take turns, late ones as well, and the next client
   the place of the last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/win.h"

#include <cmocka.h>

#include "support/client.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/rig.h"
#include "support/seam.h"

/* ---- Turns ---- */

enum {
    BUSY = 8,
    SENT = 4000,
    CUT = 50,
    RUN_MAX = 2 /* what one that waited has brought, and what one that was to wait brings at once */
};

/* Whose bytes come one after the other. The first call waits until all have sent. */
static struct {
    HANDLE all_sent;
    pl_id last;
    LONG run, longest; /* calls in a row for the same connection, and the most of them, while all are ready */
    LONG measured;     /* calls that were made then */
    bool has_waited;   /* a connection's receive has, since the last call */
    bool
        has_begun; /* the first one's first turn is over: its share is of the time when the others had sent nothing */
    volatile LONG64 bytes;
} order;

/* A connection with a receive in flight is not ready: in Wine its bytes may come to the worker a little later. Then the
   worker has fewer to share its reads among. The one operation that there is besides is the listener's accept. */
static bool are_all_ready(void)
{
    return ledger_count(LEDGER_OPERATION) == 1;
}

/* In Wine a receive may have to wait for a moment though its bytes are there. Then its connection becomes ready anew, and
   comes before those that have had a turn. */
static int WSAAPI note_waiting(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                               LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    const int result = SEAM_REAL(WSARecv)(s, buffers, count, received, flags, overlapped, routine);
    order.has_waited = order.has_waited || (result != 0 && WSAGetLastError() == WSA_IO_PENDING);
    return result;
}

static size_t order__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)user, (void)at;
    if (order.last == 0) {
        WaitForSingleObject(order.all_sent, INFINITE);
    }
    order.has_begun = order.has_begun || (order.last != 0 && id != order.last);
    order.run = id == order.last && !order.has_waited ? order.run + 1 : 1;
    order.last = id;
    order.has_waited = false;
    if (order.has_begun && are_all_ready()) {
        order.measured++;
        order.longest = order.run > order.longest ? order.run : order.longest;
    } else {
        order.run = 0;
    }
    InterlockedExchangeAdd64(&order.bytes, (LONG64)length);
    return length;
}

static const struct pl_handler order_handler = {.size = sizeof(struct pl_handler),
                                                .abi_major = PL_ABI_MAJOR,
                                                .abi_minor = PL_ABI_MINOR,
                                                .needs_minor = PL_ABI_MINOR,
                                                .flags = PL_TCP,
                                                .name = "order",
                                                .version = "1",
                                                .summary = "for tests",
                                                .on_data = order__on_data};

static const struct pl_handler *const order_handlers[] = {&order_handler, NULL};
static struct rig rig;

static void await_bytes(LONG64 bytes)
{
    for (const uint64_t deadline = rig_deadline();
         InterlockedCompareExchange64(&order.bytes, 0, 0) < bytes;) {
        rig_nap(deadline, "all bytes");
    }
}

/* One worker, and each connection has eighty reads' worth of bytes: none may go on while the others wait. */
static void test_connection__busy_ones_take_turns(void **state)
{
    (void)state;
    static const uint8_t bytes[SENT];
    struct client *clients[BUSY];
    rig_init(&rig, order_handlers);
    rig_endpoint(&rig, "test", "order", "tcp://127.0.0.1:0")->accepts_max = 1;
    rig_start(&rig);
    fault_cut_receives(CUT); /* also those that wait with a buffer */
    const struct pl_address address = rig_address(&rig, 0);
    for (int i = 0; i < BUSY; i++) {
        assert_int_equal(client_connect(&address, NULL, 0, CLIENT_PATIENCE, &clients[i]), CLIENT_OK);
    }
    rig_wait_for_counter(&rig, COUNTER_ACCEPTED, BUSY);
    seam_replace(IMPORT_WSARecv, (seam_function)note_waiting);
    for (int i = 0; i < BUSY; i++) {
        assert_int_equal(client_send(clients[i], bytes, SENT, CLIENT_PATIENCE), CLIENT_OK);
    }
    SetEvent(order.all_sent);
    await_bytes(BUSY * SENT);
    assert_in_range(order.longest, 0, RUN_MAX);
    fault_clear();
    client_close_all();
    rig_stop(&rig);
    print_message("             %d of %d calls while all were ready, %d in a row\n", (int)order.measured,
                  BUSY * SENT / CUT, (int)order.longest);
    assert_true(order.measured > 0);
}

static int begin_turns(void **state)
{
    order.all_sent = SEAM_REAL(CreateEventW)(NULL, TRUE, FALSE, NULL);
    return rig_setup(state);
}

/* A worker may be waiting for it, when the test has failed. */
static int end_turns(void **state)
{
    SetEvent(order.all_sent);
    const int result = rig_teardown(state);
    SEAM_REAL(CloseHandle)(order.all_sent);
    return result;
}

/* ---- Deadlines ---- */

enum { PATIENT = 100, LATE = 300, DUE = 20000 };

static HANDLE held, release;
static volatile LONG calls;

/* The first one holds its worker up. */
static size_t hold__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at;
    if (InterlockedIncrement(&calls) == 1) {
        SetEvent(held);
        WaitForSingleObject(release, INFINITE);
    }
    return length;
}

static const struct pl_handler hold_handler = {.size = sizeof(struct pl_handler),
                                               .abi_major = PL_ABI_MAJOR,
                                               .abi_minor = PL_ABI_MINOR,
                                               .needs_minor = PL_ABI_MINOR,
                                               .flags = PL_TCP,
                                               .name = "hold",
                                               .version = "1",
                                               .summary = "for tests",
                                               .on_data = hold__on_data};

static const struct pl_handler *const hold_handlers[] = {&hold_handler, NULL};

static void connect_many(const struct pl_address *address, struct client **clients, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(client_connect(address, NULL, 0, CLIENT_PATIENCE, &clients[i]), CLIENT_OK);
    }
}

static void say(struct client *const *clients, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(client_send(clients[i], "x", 1, CLIENT_PATIENCE), CLIENT_OK);
    }
}

/* More clients than one look at the port brings speak in time, but their worker is held up until after their deadline. */
static void test_connection__who_spoke_in_time_is_not_late(void **state)
{
    (void)state;
    struct client *clients[1 + PATIENT], *others[PATIENT];
    calls = 0;
    rig_init(&rig, hold_handlers);
    rig_endpoint(&rig, "timed", "hold", "tcp://127.0.0.1:0")->first_byte_timeout = DUE;
    rig_endpoint(&rig, "other", "hold", "tcp://127.0.0.1:0");
    rig_start(&rig);
    const struct pl_address timed = rig_address(&rig, 0), other = rig_address(&rig, 1);
    connect_many(&timed, clients, 1 + PATIENT);
    connect_many(&other, others, PATIENT);
    rig_wait_for_counter(&rig, COUNTER_ACCEPTED, 1 + 2 * PATIENT);
    say(clients, 1);
    assert_int_equal(WaitForSingleObject(held, CLIENT_PATIENCE), WAIT_OBJECT_0);
    say(clients + 1, PATIENT);
    say(others, PATIENT);
    Sleep(100); /* they have come */
    clock_advance(DUE + 1000);
    SetEvent(release);
    rig_wait_for_counter(&rig, COUNTER_BYTES_RECEIVED, 1 + 2 * PATIENT);
    client_close_all();
    rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_PEER, 1 + 2 * PATIENT);
    assert_int_equal(calls, 1 + 2 * PATIENT); /* and none was dropped */
    rig_stop(&rig);
}

static volatile LONG in_turn, most_in_turn; /* FINs since the last look at the port, and the most of them */

static int WSAAPI shut_and_count(SOCKET s, int how)
{
    const LONG count = InterlockedIncrement(&in_turn);
    most_in_turn = count > most_in_turn ? count : most_in_turn;
    return SEAM_REAL(shutdown)(s, how);
}

static BOOL WINAPI look_at_port(HANDLE port, LPOVERLAPPED_ENTRY entries, ULONG room, PULONG count, DWORD wait,
                                BOOL is_alertable)
{
    in_turn = 0;
    return SEAM_REAL(GetQueuedCompletionStatusEx)(port, entries, room, count, wait, is_alertable);
}

/* All have the same deadline. */
static void test_connection__late_ones_take_turns(void **state)
{
    (void)state;
    struct client *clients[LATE];
    in_turn = most_in_turn = 0;
    rig_init(&rig, NULL);
    rig_endpoint(&rig, "test", "echo", "tcp://127.0.0.1:0")->first_byte_timeout = DUE;
    rig_start(&rig);
    const struct pl_address address = rig_address(&rig, 0);
    connect_many(&address, clients, LATE);
    rig_wait_for_counter(&rig, COUNTER_ACCEPTED, LATE);
    seam_replace(IMPORT_shutdown, (seam_function)shut_and_count);
    seam_replace(IMPORT_GetQueuedCompletionStatusEx, (seam_function)look_at_port);
    clock_advance(DUE + 1000);
    for (int i = 0; i < LATE; i++) {
        assert_int_equal(client_drain(clients[i], NULL, CLIENT_PATIENCE), CLIENT_EOF);
    }
    seam_restore();
    client_close_all();
    rig_wait_for_counter(&rig, COUNTER_CLOSED_FIRST_BYTE_TIMEOUT, LATE);
    rig_stop(&rig);
    print_message("             %d ends in the longest turn\n", (int)most_in_turn);
    assert_in_range(most_in_turn, 1, 20);
}

static int begin_holding(void **state)
{
    held = SEAM_REAL(CreateEventW)(NULL, TRUE, FALSE, NULL);
    release = SEAM_REAL(CreateEventW)(NULL, TRUE, FALSE, NULL);
    return rig_setup(state);
}

static int end_holding(void **state)
{
    SetEvent(release);
    const int result = rig_teardown(state);
    SEAM_REAL(CloseHandle)(held);
    SEAM_REAL(CloseHandle)(release);
    return result;
}

/* ---- Places ---- */

static HANDLE fin_sent, may_go_on;

static int WSAAPI close_and_wait(SOCKET s)
{
    const int result = SEAM_REAL(closesocket)(s);
    SetEvent(fin_sent);
    WaitForSingleObject(may_go_on, CLIENT_PATIENCE);
    return result;
}

static void expect_echo(struct client *client)
{
    char byte = 0;
    assert_int_equal(client_send(client, "x", 1, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(client, &byte, 1, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(byte, 'x');
}

/* The client has our FIN, and its worker has got no further: another worker must find its place free. The first
   connection is on the worker that accepts, the second on the other one. */
static void test_connection__its_place_is_free_when_the_client_sees_the_end(void **state)
{
    (void)state;
    struct client *first = NULL, *second = NULL, *third = NULL;
    rig_init(&rig, NULL);
    rig.config.service.workers = 2;
    struct config_endpoint *endpoint = rig_endpoint(&rig, "test", "echo", "tcp://127.0.0.1:0");
    endpoint->max_connections = 2;
    endpoint->max_connections_per_source = 2;
    rig_start(&rig);
    const struct pl_address address = rig_address(&rig, 0);
    fin_sent = CreateEventW(NULL, TRUE, FALSE, NULL);
    may_go_on = CreateEventW(NULL, TRUE, FALSE, NULL);
    assert_int_equal(client_connect(&address, NULL, 0, CLIENT_PATIENCE, &first), CLIENT_OK);
    expect_echo(first);
    assert_int_equal(client_connect(&address, NULL, 0, CLIENT_PATIENCE, &second), CLIENT_OK);
    expect_echo(second);
    seam_replace(IMPORT_closesocket, (seam_function)close_and_wait);
    client_finish(second);
    assert_int_equal(WaitForSingleObject(fin_sent, CLIENT_PATIENCE), WAIT_OBJECT_0);
    assert_int_equal(client_connect(&address, NULL, 0, CLIENT_PATIENCE, &third), CLIENT_OK);
    expect_echo(third);
    SetEvent(may_go_on);
    client_close_all();
    rig_stop(&rig);
    CloseHandle(fin_sent);
    CloseHandle(may_go_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_connection__busy_ones_take_turns, begin_turns, end_turns),
        cmocka_unit_test_setup_teardown(test_connection__who_spoke_in_time_is_not_late, begin_holding,
                                        end_holding),
        rig_test(test_connection__late_ones_take_turns),
        rig_test(test_connection__its_place_is_free_when_the_client_sees_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
