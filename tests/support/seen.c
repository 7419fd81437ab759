/* SPDX-License-Identifier: MIT
   A UDP handler that writes down what it is given, see seen.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "support/seen.h"

#include <cmocka.h>

#include "base/address.h"
#include "support/seam.h"

struct seen seen;
struct rig seen_rig;
struct client *seen_client;
uint8_t seen_question[SEEN_LARGEST + 1];

static uint8_t answer[SEEN_LARGEST + 100];
static volatile LONG must_wait; /* the next call waits for `go` */
static HANDLE go;

/* ---- The handler ---- */

static int32_t seen__start(pl_start *start)
{
    seen.host = start->host;
    seen.endpoint = start->endpoint;
    return PL_OK;
}

uint64_t seen_sum(const uint8_t *at, size_t length)
{
    uint64_t sum = length;
    for (size_t i = 0; i < length; i++) {
        sum = sum * 31 + at[i];
    }
    return sum;
}

/* A numbered one: the client's number and how many it has sent before. */
static void seen__check_order(const uint8_t *at, size_t length)
{
    LONG number = 0;
    if (length == 5 && at[0] < 2) {
        memcpy(&number, at + 1, sizeof number);
        seen.disorder += number != seen.next[at[0]];
        seen.next[at[0]] = number + 1;
    }
}

static void seen__answer(pl_id id, const uint8_t *at, size_t length)
{
    const pl_host *host = seen.host;
    seen.stale_send = seen.previous != 0 ? host->send(host, seen.previous, "x", 1) : PL_GONE;
    seen.close = host->close(host, id, PL_RESET);
    seen.too_long = host->send(host, id, seen_question, SEEN_LARGEST + 1);
    seen.result = host->send(host, id, at, length);
}

static void seen__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                              const pl_info *info)
{
    (void)state;
    if (InterlockedExchange(&must_wait, 0) != 0) {
        WaitForSingleObject(go, RIG_PATIENCE);
    }
    seen.info = *info;
    seen.length = length;
    seen.sum = seen_sum(at, length);
    seen.user = *user;
    *user = &seen;
    seen__check_order(at, length);
    if (!seen.is_silent) {
        seen__answer(id, at, length);
    }
    seen.previous = id;
    InterlockedIncrement(&seen.count);
}

static const struct pl_handler handler = {.size = sizeof(struct pl_handler),
                                          .abi_major = PL_ABI_MAJOR,
                                          .abi_minor = PL_ABI_MINOR,
                                          .flags = PL_UDP,
                                          .name = "seen",
                                          .start = seen__start,
                                          .on_datagram = seen__on_datagram};

static const struct pl_handler *const handlers[] = {&handler, NULL};

/* ---- Engine and client ---- */

struct config_endpoint *seen_prepare(const char *listen)
{
    rig_init(&seen_rig, handlers);
    return rig_endpoint(&seen_rig, "u", "seen", listen);
}

void seen_start(const char *client_ip)
{
    const struct pl_address from = client_address(client_ip, 0);
    rig_start(&seen_rig);
    seen_client = client_open_datagram(&from);
    assert_non_null(seen_client);
}

void seen_begin(void)
{
    seen_prepare("udp://127.0.0.1:0");
    seen_start("127.0.0.1");
}

void seen_end(void)
{
    client_close(seen_client);
    rig_stop(&seen_rig);
    seen = (struct seen){0};
}

void seen_wait(LONG count)
{
    const uint64_t deadline = rig_deadline();
    while (InterlockedCompareExchange(&seen.count, 0, 0) < count) {
        rig_nap(deadline, "datagrams at the handler");
    }
    assert_int_equal(seen.count, count);
}

static void seen__send_to(const struct pl_address *to, size_t length)
{
    assert_int_equal(client_send_datagram(seen_client, to, seen_question, length), CLIENT_OK);
}

void seen_send(size_t length)
{
    const struct pl_address to = rig_address(&seen_rig, 0);
    seen__send_to(&to, length);
}

/* Wine 8 does not look at the packet information of an answer: there its source is the system's choice. */
static bool seen__knows_source(void)
{
    const struct engine_listener listener = rig_at(&seen_rig, 0);
    const HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    return !address_is_any(&listener.address) || GetProcAddress(ntdll, "wine_get_version") == NULL;
}

void seen_assert_echoes(const struct pl_address *to, size_t length)
{
    struct pl_address from = {0};
    const struct pl_address own = client_local(seen_client);
    size_t got = 0;
    const LONG count = seen.count;
    seen__send_to(to, length);
    assert_int_equal(
        client_receive_datagram(seen_client, answer, sizeof answer, &got, &from, CLIENT_PATIENCE), CLIENT_OK);
    seen_wait(count + 1);
    assert_int_equal(got, length);
    assert_memory_equal(answer, seen_question, length);
    assert_int_equal(from.port, to->port);
    assert_true(address_equal(&from, to) || !seen__knows_source());
    assert_int_equal(seen.length, length);
    assert_int_equal(seen.info.size, sizeof seen.info);
    assert_int_equal(seen.info.seen, 0);
    assert_int_equal(seen.info.endpoint, seen.endpoint);
    assert_true(address_equal(&seen.info.local, to));
    assert_int_equal(seen.info.peer.port, own.port);
    assert_int_equal(seen.info.peer.family, own.family);
    assert_int_equal(seen.result, PL_OK);
    assert_null(seen.user);
}

void seen_assert_works(void)
{
    const struct pl_address to = rig_address(&seen_rig, 0);
    seen_assert_echoes(&to, 10);
}

static void seen__assert_sizes(const char *listen, const char *ip)
{
    static const size_t sizes[] = {0, 1, 1472, SEEN_LARGEST};
    seen_prepare(listen);
    seen_start(strchr(ip, ':') != NULL ? "::1" : "127.0.0.1");
    const struct pl_address to = client_address(ip, rig_at(&seen_rig, 0).address.port);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        seen_assert_echoes(&to, sizes[i]);
    }
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_RECEIVED), 4);
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAM_BYTES_RECEIVED), 1 + 1472 + SEEN_LARGEST);
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_SENT), 4);
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAM_BYTES_SENT), 1 + 1472 + SEEN_LARGEST);
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_TRUNCATED), 0);
    seen_end();
}

void seen_assert_all_sizes(void)
{
    seen__assert_sizes("udp://127.0.0.1:0", "127.0.0.1");
    seen__assert_sizes("udp://[::1]:0", "::1");
    seen__assert_sizes("udp://0.0.0.0:0", "127.0.0.5");
    seen__assert_sizes("udp://[::]:0", "::1");
    seen__assert_sizes("udp://*:0", "::1");
    seen__assert_sizes("udp://*:0", "127.0.0.7");
}

static void seen__assert_cut(size_t length, size_t delivered, uint32_t flags)
{
    const LONG count = seen.count;
    seen_send(length);
    seen_wait(count + 1);
    assert_int_equal(seen.length, delivered);
    assert_int_equal(seen.info.seen, flags);
    assert_int_equal(seen.sum, seen_sum(seen_question, delivered));
}

void seen_assert_cuts(void)
{
    const uint64_t truncated = rig_counter(&seen_rig, COUNTER_DATAGRAMS_TRUNCATED);
    assert_int_equal(seen_rig.endpoints[0].max_datagram, 100);
    seen.is_silent = 1;
    seen__assert_cut(100, 100, 0);
    seen__assert_cut(101, 100, PL_TRUNCATED);
    seen__assert_cut(SEEN_LARGEST, 100, PL_TRUNCATED);
    seen__assert_cut(5, 5, 0);
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_TRUNCATED), truncated + 2);
}

/* ---- Load and faults ---- */

void seen_pile_up(LONG count)
{
    const LONG before = seen.count, was_silent = InterlockedExchange(&seen.is_silent, 1);
    ResetEvent(go);
    must_wait = 1;
    for (LONG i = 0; i < count; i++) {
        seen_send(20);
    }
    SetEvent(go);
    seen_wait(before + count);
    seen.is_silent = was_silent;
}

static volatile LONG spoil_left;
static ULONG_PTR spoil_status;

static BOOL WINAPI seen__dequeue(HANDLE port, LPOVERLAPPED_ENTRY entries, ULONG count, PULONG removed,
                                 DWORD timeout, BOOL alertable)
{
    const BOOL result =
        SEAM_REAL(GetQueuedCompletionStatusEx)(port, entries, count, removed, timeout, alertable);
    for (ULONG i = 0; result && i < *removed; i++) {
        if (entries[i].lpOverlapped != NULL && spoil_left > 0 && InterlockedDecrement(&spoil_left) >= 0) {
            entries[i].lpOverlapped->Internal = spoil_status;
        }
    }
    return result;
}

void seen_spoil(uint32_t status, LONG count)
{
    spoil_status = status;
    InterlockedExchange(&spoil_left, count);
}

/* ---- Around each test ---- */

int seen_setup(void **state)
{
    const int result = rig_setup(state);
    seen = (struct seen){0};
    go = SEAM_REAL(CreateEventW)(NULL, TRUE, FALSE, NULL);
    must_wait = spoil_left = 0;
    seam_replace(IMPORT_GetQueuedCompletionStatusEx, (seam_function)seen__dequeue);
    for (size_t i = 0; i < sizeof seen_question; i++) {
        seen_question[i] = (uint8_t)(i * 7 + 3);
    }
    return result;
}

int seen_teardown(void **state)
{
    SetEvent(go);
    const int result = rig_teardown(state);
    SEAM_REAL(CloseHandle)(go);
    return result;
}
