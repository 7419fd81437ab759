/* SPDX-License-Identifier: MIT
   Tests of connection/connection.c: sends that wait, to a network made to order, which takes bytes when the test says
   so. Real ones have buffers of many kilobytes in the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/win.h"

#include <cmocka.h>

#include "support/client.h"
#include "support/clock.h"
#include "support/rig.h"
#include "support/seam.h"

enum { TOTAL = 400000, TIMEOUT = 60000, SENDS_MAX = 400 };

/* ---- The network ---- */

static struct {
    SRWLOCK lock;
    HANDLE port; /* of the connection's worker */
    SOCKET socket;
    OVERLAPPED *overlapped; /* of the send that waits; NULL: none */
    uint32_t length, left;  /* of it */
    uint32_t sizes[SENDS_MAX];
    volatile LONG sends;
} network = {.lock = SRWLOCK_INIT};

static HANDLE WINAPI note_port(HANDLE file, HANDLE port, ULONG_PTR key, DWORD threads)
{
    if (port != NULL) {
        network.port = port; /* the connection's is associated last */
    }
    return SEAM_REAL(CreateIoCompletionPort)(file, port, key, threads);
}

static void end_send(LONG status, uint32_t bytes)
{
    OVERLAPPED *overlapped = network.overlapped;
    network.overlapped = NULL;
    overlapped->Internal = (ULONG_PTR)(ULONG)status;
    overlapped->InternalHigh = bytes;
    SEAM_REAL(PostQueuedCompletionStatus)(network.port, bytes, 0, overlapped);
}

/* Nothing goes at once. */
static int WSAAPI send_slowly(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags,
                              LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    (void)flags, (void)routine;
    if (sent != NULL) {
        *sent = 0;
    }
    if (overlapped == NULL) {
        WSASetLastError(WSAEWOULDBLOCK);
        return SOCKET_ERROR;
    }
    AcquireSRWLockExclusive(&network.lock);
    network.socket = s;
    network.length = 0;
    for (DWORD i = 0; i < count; i++) {
        network.length += buffers[i].len;
    }
    network.left = network.length;
    network.overlapped = overlapped;
    network.sizes[network.sends % SENDS_MAX] = network.length;
    InterlockedIncrement(&network.sends);
    ReleaseSRWLockExclusive(&network.lock);
    WSASetLastError(WSA_IO_PENDING);
    return SOCKET_ERROR;
}

static BOOL WINAPI cancel_send(HANDLE file, LPOVERLAPPED overlapped)
{
    AcquireSRWLockExclusive(&network.lock);
    if (network.overlapped != NULL && file == (HANDLE)network.socket) {
        end_send((LONG)0xC0000120, 0); /* CANCELLED */
    }
    ReleaseSRWLockExclusive(&network.lock);
    return SEAM_REAL(CancelIoEx)(file, overlapped);
}

/* The peer takes so many bytes more. */
static void take(uint32_t bytes)
{
    AcquireSRWLockExclusive(&network.lock);
    if (network.overlapped != NULL) {
        network.left -= bytes < network.left ? bytes : network.left;
        if (network.left == 0) {
            end_send(0, network.length);
        }
    }
    ReleaseSRWLockExclusive(&network.lock);
}

static void wait_for_send(LONG number)
{
    for (const uint64_t deadline = rig_deadline(); network.sends < number;) {
        rig_nap(deadline, "the next send");
    }
}

/* ---- A handler that says much at once ---- */

static const pl_host *host;
static uint8_t much[TOTAL];
static volatile LONG closes, reason;

static int32_t talker__start(pl_start *start)
{
    host = start->host;
    return PL_OK;
}

static int32_t talker__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    (void)state, (void)user, (void)info;
    return host->send(host, id, much, TOTAL);
}

static size_t talker__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at;
    return length;
}

static void talker__on_close(void *state, pl_id id, void **user, int32_t why, uint32_t win32_error)
{
    (void)state, (void)id, (void)user, (void)win32_error;
    InterlockedExchange(&reason, why);
    InterlockedIncrement(&closes);
}

static const struct pl_handler talker = {.size = sizeof(struct pl_handler),
                                         .abi_major = PL_ABI_MAJOR,
                                         .abi_minor = PL_ABI_MINOR,
                                         .needs_minor = PL_ABI_MINOR,
                                         .flags = PL_TCP,
                                         .name = "talker",
                                         .version = "1",
                                         .summary = "for tests",
                                         .start = talker__start,
                                         .on_open = talker__on_open,
                                         .on_data = talker__on_data,
                                         .on_close = talker__on_close};

static const struct pl_handler *const handlers[] = {&talker, NULL};

/* ---- Fixture ---- */

static struct rig rig;

static struct client *begin(void)
{
    struct client *client = NULL;
    closes = reason = network.sends = 0;
    rig_init(&rig, handlers);
    rig_endpoint(&rig, "test", "talker", "tcp://127.0.0.1:0")->send_timeout = TIMEOUT;
    rig_start(&rig);
    rig_wait_for_operations(1);
    seam_replace(IMPORT_CreateIoCompletionPort, (seam_function)note_port);
    seam_replace(IMPORT_WSASend, (seam_function)send_slowly);
    seam_replace(IMPORT_CancelIoEx, (seam_function)cancel_send);
    const struct pl_address address = rig_address(&rig, 0);
    assert_int_equal(client_connect(&address, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    wait_for_send(1);
    return client;
}

static void expect_end(enum pl_reason why)
{
    for (const uint64_t deadline = rig_deadline(); closes == 0;) {
        rig_nap(deadline, "on_close");
    }
    assert_int_equal(reason, why);
}

static void end(struct client *client)
{
    client_close(client);
    rig_stop(&rig);
}

/* ---- Tests ---- */

static void test_connection__sends_more_at_a_time_to_a_quick_reader(void **state)
{
    (void)state;
    struct client *client = begin();
    uint32_t total = 0;
    for (LONG i = 1; total < TOTAL; i++) {
        wait_for_send(i);
        total += network.sizes[i - 1];
        take(UINT32_MAX);
    }
    assert_int_equal(total, TOTAL);
    assert_int_equal(network.sizes[0], 4096);
    assert_int_equal(network.sizes[1], 16384);
    assert_int_equal(network.sizes[2], 65536);
    assert_int_equal(network.sizes[3], 65536);
    end(client);
}

/* It takes some bytes in time, though never as much as a large send: that is progress. */
static void test_connection__keeps_a_client_that_reads_slowly(void **state)
{
    (void)state;
    struct client *client = begin();
    LONG sends = 1;
    while (network.sizes[sends - 1] < 65536) { /* it has been quick */
        take(UINT32_MAX);
        wait_for_send(++sends);
    }
    for (uint32_t taken = 0; taken < 65536; taken += 3000) { /* and is not any more */
        clock_advance(2000);
        take(3000);
    }
    wait_for_send(++sends);
    for (int i = 0; i < 40; i++) {
        const LONG before = network.sends;
        assert_int_equal(network.sizes[before - 1], 4096);
        for (int part = 0; part < 5; part++) { /* 1000 bytes in ten seconds */
            assert_int_equal(closes, 0);
            clock_advance(10000);
            take(1000);
        }
        wait_for_send(before + 1);
    }
    client_close(client);
    rig_stop(&rig);
}

static void test_connection__resets_a_client_that_takes_nothing(void **state)
{
    (void)state;
    struct client *client = begin();
    clock_advance(TIMEOUT - 1000);
    take(4095); /* never all of it */
    Sleep(50);
    assert_int_equal(closes, 0);
    clock_advance(1000 + 2 * 100);
    expect_end(PL_SEND_TIMEOUT);
    end(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_connection__sends_more_at_a_time_to_a_quick_reader),
        rig_test(test_connection__keeps_a_client_that_reads_slowly),
        rig_test(test_connection__resets_a_client_that_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
