/* SPDX-License-Identifier: MIT
   Tests of connection/connection.c: connections take turns, and the next client the place of the last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/win.h"

#include <cmocka.h>

#include "support/client.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/rig.h"
#include "support/seam.h"

/* ---- Turns ---- */

enum {
    BUSY = 8,
    SENT = 4000,
    CUT = 50,
    RUN_MAX = 32 / BUSY + 1 /* what a receive that was to wait brings at once */
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
    const struct pl_address address = rig_address(&rig, 0);
    for (int i = 0; i < BUSY; i++) {
        assert_int_equal(client_connect(&address, NULL, 0, CLIENT_PATIENCE, &clients[i]), CLIENT_OK);
    }
    rig_wait_for_counter(&rig, COUNTER_ACCEPTED, BUSY);
    fault_cut_receives(CUT);
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

/* ---- Places ---- */

static HANDLE fin_sent, may_go_on;

static int WSAAPI shut_and_wait(SOCKET s, int how)
{
    const int result = SEAM_REAL(shutdown)(s, how);
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
    seam_replace(IMPORT_shutdown, (seam_function)shut_and_wait);
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
        rig_test(test_connection__its_place_is_free_when_the_client_sees_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
