/* SPDX-License-Identifier: MIT
   Tests of engine.c: every call that a start needs fails, one after the other, once and for good: the start
   fails and leaves nothing, or the engine works. Then every call that serving needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "support/client.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/probe.h"
#include "support/rig.h"
#include "support/seam.h"

enum { MANY = 200 /* more calls of one import than a start makes */, LOOKS = 40 };

static struct rig rig;

static void prepare(void)
{
    rig_init(&rig, probe_handlers);
    rig.config.service.bind_retry = 20;
    rig.config.service.workers = 2;
    rig_endpoint(&rig, "tcp", "probe", "tcp://127.0.0.1:0");
    rig_endpoint(&rig, "udp", "probe", "udp://*:0");
}

/* The fault ends, and everything comes right. */
static void assert_recovers(void)
{
    fault_clear();
    for (size_t i = 0; i < rig_count(&rig); i++) {
        rig_wait_for_state(&rig, i, LISTENER_LISTENING);
    }
    rig_wait_for_operations(2);
    probe_assert_serves(&rig);
}

/* One start with this fault. Returns whether a call met it. */
static bool try_start(enum import import, uint32_t nth, DWORD code, uint32_t times)
{
    prepare();
    fault_arm(import, nth, code, times);
    const bool is_started = rig_try(&rig);
    for (int i = 0; is_started && fault_hits() == 0 && i < LOOKS; i++) {
        Sleep(5); /* the workers' first calls come a moment later */
    }
    const bool is_hit = fault_hits() > 0;
    if (is_started) {
        assert_recovers();
        rig_stop(&rig);
    } else {
        assert_true(is_hit);
        assert_int_not_equal(rig.failure.text[0], '\0');
        assert_int_not_equal(rig.failure.code, EXIT_CODE_DONE);
    }
    fault_clear();
    if (ledger_leftovers(NULL, 0) != 0) {
        print_error("call %u of %s failed with %u, %u times:\n", (unsigned)nth, seam_name(import),
                    (unsigned)code, (unsigned)times);
        ledger_check();
    }
    assert_int_equal(probe.starts, probe.stops);
    return is_hit;
}

/* Each call in turn, until a start makes no call of this number. Returns how many it makes. */
static uint32_t assert_survives_once(enum import import, DWORD code, uint32_t at_most)
{
    uint32_t nth = 1;
    while (nth <= at_most && try_start(import, nth, code, 1)) {
        nth++;
    }
    assert_true(nth > 1);
    return nth - 1;
}

static void assert_survives(enum import import, DWORD code, uint32_t at_most)
{
    const uint32_t calls = assert_survives_once(import, code, at_most);
    for (uint32_t from = 1; from <= calls; from++) {
        try_start(import, from, code, FAULT_FOREVER);
    }
}

static void test_start__survives_a_lack_of_memory(void **state)
{
    (void)state;
    assert_survives(IMPORT_HeapAlloc, 0, MANY);
}

static void test_start__survives_a_lack_of_sockets(void **state)
{
    (void)state;
    assert_survives(IMPORT_WSAStartup, WSASYSNOTREADY, MANY);
    assert_survives(IMPORT_WSASocketW, WSAEMFILE, MANY);
    assert_survives(IMPORT_WSASocketW, WSAENOBUFS, MANY);
}

static void test_start__survives_a_lack_of_handles_threads_and_random_numbers(void **state)
{
    (void)state;
    assert_survives(IMPORT_CreateEventW, ERROR_NO_SYSTEM_RESOURCES, MANY);
    assert_survives(IMPORT_GetProcAddress, ERROR_PROC_NOT_FOUND, MANY);
    assert_survives(IMPORT_CreateThread, ERROR_NOT_ENOUGH_MEMORY, MANY);
    assert_survives(IMPORT_CreateIoCompletionPort, ERROR_NO_SYSTEM_RESOURCES, MANY);
}

static void test_start__survives_options_that_are_refused(void **state)
{
    (void)state;
    assert_survives(IMPORT_setsockopt, WSAENOPROTOOPT, MANY);
    assert_survives(IMPORT_getsockopt, WSAENOPROTOOPT, MANY);
    assert_survives(IMPORT_WSAIoctl, WSAEOPNOTSUPP, MANY);
    assert_survives(IMPORT_ioctlsocket, WSAENOBUFS, MANY);
    assert_survives(IMPORT_SetFileCompletionNotificationModes, ERROR_INVALID_PARAMETER, MANY);
}

static void test_start__survives_binds_that_fail(void **state)
{
    (void)state;
    assert_survives(IMPORT_bind, WSAENOBUFS, MANY);
    assert_survives(IMPORT_listen, WSAENOBUFS, MANY);
    assert_survives(IMPORT_getsockname, WSAENOBUFS, MANY);
}

static void test_start__survives_operations_that_fail(void **state)
{
    (void)state;
    assert_survives(IMPORT_AcceptEx, WSAENOBUFS, MANY);
    assert_survives(IMPORT_AcceptEx, WSAEOPNOTSUPP, MANY);
    assert_survives(IMPORT_WSARecv, WSAENOBUFS, MANY);
    assert_survives(IMPORT_PostQueuedCompletionStatus, ERROR_NO_SYSTEM_RESOURCES, 8);
    assert_survives_once(IMPORT_GetQueuedCompletionStatusEx, ERROR_NO_SYSTEM_RESOURCES, 5);
}

/* ---- Serving ---- */

/* A client and a datagram while a call fails: each is echoed or dropped, and nothing else. */
static void knock(void)
{
    const struct pl_address from = client_address("127.0.0.1", 0), tcp = rig_address(&rig, 0);
    const struct pl_address udp = client_address("127.0.0.1", rig_at(&rig, 1).address.port);
    struct client *client = NULL, *datagrams = client_open_datagram(&from);
    char byte = 0;
    client_send_datagram(datagrams, &udp, "x", 1);
    assert_int_equal(client_connect(&tcp, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    const enum client_result result = client_send(client, "x", 1, CLIENT_PATIENCE) == CLIENT_OK
                                          ? client_receive(client, &byte, 1, CLIENT_PATIENCE)
                                          : CLIENT_RESET;
    assert_true(result == CLIENT_OK || result == CLIENT_EOF || result == CLIENT_RESET);
    client_close(client);
    client_close(datagrams);
}

/* Each call in turn fails, once, under an engine that goes on. */
static void assert_serves_on(enum import import, DWORD code)
{
    uint32_t hits = 1;
    for (uint32_t nth = 1; hits > 0; nth++) {
        fault_clear();
        fault_arm(import, nth, code, 1);
        knock();
        knock();
        hits = fault_hits();
        fault_clear();
        probe_assert_serves(&rig);
    }
}

static void test_serving__survives_each_call_that_fails(void **state)
{
    (void)state;
    static const struct {
        enum import import;
        DWORD code;
    } rows[] = {
        {IMPORT_HeapAlloc, 0},
        {IMPORT_WSASocketW, WSAEMFILE},
        {IMPORT_AcceptEx, WSAENOBUFS},
        {IMPORT_AcceptEx, WSAECONNRESET},
        {IMPORT_setsockopt, WSAENOBUFS},
        {IMPORT_ioctlsocket, WSAENOBUFS},
        {IMPORT_CreateIoCompletionPort, ERROR_NO_SYSTEM_RESOURCES},
        {IMPORT_SetFileCompletionNotificationModes, ERROR_INVALID_PARAMETER},
        {IMPORT_WSARecv, WSAENOBUFS},
        {IMPORT_WSARecv, WSAECONNRESET},
        {IMPORT_WSASend, WSAENOBUFS},
        {IMPORT_WSASend, WSAECONNRESET},
        {IMPORT_WSARecvMsg, WSAENOBUFS},
        {IMPORT_WSASendMsg, WSAENOBUFS},
        {IMPORT_PostQueuedCompletionStatus, ERROR_NO_SYSTEM_RESOURCES},
    };
    prepare();
    rig.config.service.workers = 3; /* most connections are handed over */
    rig_start(&rig);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_serves_on(rows[i].import, rows[i].code);
    }
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        probe_test(test_start__survives_a_lack_of_memory),
        probe_test(test_start__survives_a_lack_of_sockets),
        probe_test(test_start__survives_a_lack_of_handles_threads_and_random_numbers),
        probe_test(test_start__survives_options_that_are_refused),
        probe_test(test_start__survives_binds_that_fail),
        probe_test(test_start__survives_operations_that_fail),
        probe_test(test_serving__survives_each_call_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
