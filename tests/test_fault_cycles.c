/* SPDX-License-Identifier: MIT
   An engine to which faults come and go, thousands of times: while one lasts, nothing is tried too often; behind
   it the ports are armed within a second of the virtual clock, and serve. That clock stands but for what the test
   moves it on by.

       PROGRAM [CYCLES]   (200; the full form: 10000) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/win.h"

#include <cmocka.h>

#include "support/client.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/patience.h"
#include "support/probe.h"
#include "support/random.h"
#include "support/rig.h"
#include "support/seam.h"
#include "support/storm.h"
#include "support/support.h"

enum {
    STEP = 50,        /* milliseconds of the virtual clock at a time */
    STEP_NAP = 4,     /* of real time, for the workers to see it */
    SETTLE = 1000,    /* until the pauses between two tries are long */
    MEASURE = 2000,   /* while tries are counted */
    TRIES_MAX = 20,   /* a second, of each of the two ports */
    QUIET_NAPS = 8,   /* of the rig's: so long no worker has looked at its port */
    RECOVERY = 1000,  /* until all is armed again, */
    STRIDE = 250,     /* in such steps */
    RECEIVES = 8,     /* in flight when the UDP endpoint is busy */
    LEFTOVERS = 2000, /* of the ledger */
    MEASURE_EVERY = 8 /* cycles */
};

/* A call that fails, or, with a status, operations that end at once with it. */
struct trouble {
    enum import import;
    DWORD code;
    uint32_t status;
    uint32_t free_tries; /* resets in a row that may be the clients' doing: they cost no pause */
};

enum { FREE_ACCEPTS = 1000, FREE_RECEIVES = 64 };

static const struct trouble troubles[] = {
    {.import = IMPORT_AcceptEx, .code = WSAENOBUFS},
    {.import = IMPORT_AcceptEx, .code = WSAECONNRESET, .free_tries = FREE_ACCEPTS},
    {.import = IMPORT_AcceptEx, .code = WSAEINVAL},
    {.import = IMPORT_AcceptEx, .code = 12345},
    {.import = IMPORT_WSASocketW, .code = WSAEMFILE},
    {.import = IMPORT_WSASocketW, .code = WSAENOBUFS},
    {.import = IMPORT_setsockopt, .code = WSAENOBUFS},
    {.import = IMPORT_ioctlsocket, .code = WSAENOBUFS},
    {.import = IMPORT_CreateIoCompletionPort, .code = ERROR_NOT_ENOUGH_MEMORY},
    {.import = IMPORT_SetFileCompletionNotificationModes, .code = ERROR_NOT_SUPPORTED},
    {.import = IMPORT_HeapAlloc},
    {.import = IMPORT_WSARecv, .code = WSAENOBUFS},
    {.import = IMPORT_WSARecv, .code = WSAECONNRESET},
    {.import = IMPORT_WSARecv, .code = WSAEINVAL},
    {.import = IMPORT_WSARecvMsg, .code = WSAENOBUFS},
    {.import = IMPORT_WSARecvMsg, .code = WSAECONNRESET}, /* nothing brings more than a few */
    {.import = IMPORT_WSARecvMsg, .code = 12345},
    {.import = IMPORT_WSASend, .code = WSAENOBUFS},
    {.import = IMPORT_WSASendMsg, .code = WSAENOBUFS},
    {.import = IMPORT_PostQueuedCompletionStatus, .code = ERROR_NO_SYSTEM_RESOURCES},
    {.status = 0xC000009A},                                             /* INSUFFICIENT_RESOURCES */
    {.status = 0xC000020D, .free_tries = FREE_ACCEPTS + FREE_RECEIVES}, /* CONNECTION_RESET */
    {.status = 0xC0000120},                                             /* CANCELLED */
    {.status = 0xC0DEFACE},                                             /* unknown */
};

static unsigned cycles = 200;
static struct rig rig;
static uint32_t storms_before; /* operations that ended in storms before this one */

static void begin_trouble(const struct trouble *trouble)
{
    fault_clear();
    storms_before = storm_hits();
    if (trouble->status != 0) {
        storm_begin(trouble->status);
    } else {
        fault_arm(trouble->import, 1, trouble->code, FAULT_FOREVER);
    }
}

static uint32_t tries(const struct trouble *trouble)
{
    return trouble->status != 0 ? storm_hits() - storms_before : fault_hits();
}

static void end_trouble(void)
{
    storm_end();
    fault_clear();
}

static void pass(uint32_t milliseconds)
{
    for (uint32_t passed = 0; passed < milliseconds; passed += STEP) {
        clock_advance(STEP);
        Sleep(STEP_NAP);
    }
}

/* A client and a datagram come; how they fare does not matter. */
static void knock(struct client *datagrams, struct client **client_out)
{
    const struct pl_address tcp = rig_address(&rig, 0), udp = rig_address(&rig, 1);
    client_send_datagram(datagrams, &udp, "x", 1);
    if (client_connect(&tcp, NULL, 0, CLIENT_PATIENCE, client_out) == CLIENT_OK) {
        client_send(*client_out, "x", 1, CLIENT_PATIENCE);
    }
}

static void assert_tries_are_few(const struct trouble *trouble, unsigned cycle)
{
    const uint64_t deadline = rig_deadline();
    while (tries(trouble) < trouble->free_tries) {
        rig_nap(deadline, "the tries that are free");
    }
    pass(SETTLE);
    const uint64_t began = clock_now();
    const uint32_t before = tries(trouble);
    pass(MEASURE);
    const uint32_t made = tries(trouble) - before;
    const uint64_t allowed = 2 * TRIES_MAX * (clock_now() - began) / 1000;
    if (made > allowed) {
        fail_msg("cycle %u: %s, code %lu, status %lx: %u tries, %llu are allowed", cycle,
                 seam_name(trouble->import), (unsigned long)trouble->code, (unsigned long)trouble->status,
                 made, (unsigned long long)allowed);
    }
}

static struct ledger_item items[LEFTOVERS];

static bool is_datagram(ULONG_PTR socket, size_t left)
{
    for (size_t i = 0; i < left; i++) {
        if (items[i].kind == LEDGER_SOCKET && items[i].value == socket) {
            return items[i].detail == SOCK_DGRAM;
        }
    }
    return false;
}

/* What is in flight: connections have others. */
struct in_flight {
    unsigned accepts, receives /* of datagrams */, others;
};

static struct in_flight count_in_flight(void)
{
    struct in_flight count = {0};
    const size_t left = ledger_leftovers(items, LEFTOVERS);
    assert_in_range(left, 0, LEFTOVERS);
    for (size_t i = 0; i < left; i++) {
        if (items[i].kind == LEDGER_OPERATION) {
            const bool is_accept = items[i].import == IMPORT_AcceptEx;
            const bool is_receive = is_datagram(items[i].detail, left);
            count.accepts += is_accept;
            count.receives += is_receive;
            count.others += !is_accept && !is_receive;
        }
    }
    return count;
}

/* One accept, one receive or all those of an endpoint that was busy within the last second; and the client has left. */
static bool is_armed(void)
{
    const struct in_flight count = count_in_flight();
    return count.accepts == 1 && count.receives >= 1 && count.receives <= RECEIVES && count.others == 0;
}

/* What has failed is known to the workers: a failure that a busy machine tells of later begins a pause of its own. */
static void let_it_end(void)
{
    const uint64_t deadline = rig_deadline();
    uint32_t before = fault_calls(IMPORT_GetQueuedCompletionStatusEx);
    for (int unchanged = 0; unchanged < QUIET_NAPS; unchanged++) {
        rig_nap(deadline, "workers that rest");
        const uint32_t now = fault_calls(IMPORT_GetQueuedCompletionStatusEx);
        unchanged = now == before ? unchanged : 0;
        before = now;
    }
}

/* Behind a second of the virtual clock there is all the real time that a busy machine may need, but no more of the
   clock's: not for the client that asks then, either. */
static void assert_arms_again(const struct trouble *trouble, unsigned cycle)
{
    let_it_end();
    for (uint32_t passed = 0; passed < RECOVERY; passed += STRIDE) {
        clock_advance(STRIDE);
        let_it_end();
    }
    const uint64_t deadline = rig_deadline();
    while (!is_armed()) {
        if (patience_now() >= deadline) {
            const struct in_flight count = count_in_flight();
            fail_msg("cycle %u: %s, code %lu, status %lx: %u accepts, %u receives, %u others in flight",
                     cycle, seam_name(trouble->import), (unsigned long)trouble->code,
                     (unsigned long)trouble->status, count.accepts, count.receives, count.others);
        }
        Sleep(STEP_NAP);
    }
}

static void run_cycle(unsigned cycle, struct random *random, struct client *datagrams)
{
    const struct trouble *trouble = &troubles[random_below(random, sizeof troubles / sizeof troubles[0])];
    struct client *client = NULL;
    begin_trouble(trouble);
    knock(datagrams, &client);
    if (random_below(random, MEASURE_EVERY) == 0) {
        assert_tries_are_few(trouble, cycle);
    } else {
        pass(random_below(random, 4) * STEP);
    }
    if (client != NULL) {
        client_reset(client);
    }
    end_trouble();
    assert_arms_again(trouble, cycle);
    probe_assert_serves(&rig);
}

static void test_ports__are_never_deaf(void **state)
{
    (void)state;
    struct random random = {support_seed()};
    const struct pl_address from = client_address("127.0.0.1", 0);
    storm_watch();
    probe_prepare(&rig, "tcp://127.0.0.1:0");
    rig.endpoints[0].accepts_max = 1; /* so that "armed" is a number */
    rig_endpoint(&rig, "udp", "probe", "udp://127.0.0.1:0")->receives_max = RECEIVES;
    rig_start(&rig);
    struct client *datagrams = client_open_datagram(&from);
    clock_stop();
    rig_wait_for_operations(2);
    for (unsigned cycle = 1; cycle <= cycles; cycle++) {
        run_cycle(cycle, &random, datagrams);
    }
    client_close(datagrams);
    rig_stop(&rig);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {probe_test(test_ports__are_never_deaf)};
    cycles = count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : cycles;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
