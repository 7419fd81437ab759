/* SPDX-License-Identifier: MIT
   One acceptor on one worker, see bench.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "support/bench.h"

#include <cmocka.h>

#include "base/list.h"
#include "support/clock.h"
#include "support/ledger.h"
#include "support/rig.h"
#include "support/seam.h"
#include "support/support.h"

enum { BENCH_BACKLOG = 1000 };

struct bench bench;

/* ---- Events, on W ---- */

static enum accept_answer bench__admit(void *owner, const struct pl_address *local,
                                       const struct pl_address *peer)
{
    (void)owner;
    bench.local = *local;
    bench.admitted_peer = *peer;
    InterlockedIncrement(&bench.admitted);
    if (bench.refuses > 0 && InterlockedDecrement(&bench.refuses) >= 0) {
        return ACCEPT_NEVER;
    }
    if (accept_rate_tokens(&bench.rate, bench.bucket, worker_now(bench.worker)) == 0) {
        return ACCEPT_LATER;
    }
    bench.bucket = accept_rate_take(&bench.rate, bench.bucket, worker_now(bench.worker));
    return ACCEPT_NOW;
}

static void bench__abandoned(void *owner, const struct pl_address *local, const struct pl_address *peer)
{
    (void)owner, (void)local, (void)peer;
    InterlockedIncrement(&bench.abandoned);
}

static void bench__lost(void *owner, const struct pl_address *local, const struct pl_address *peer)
{
    (void)owner, (void)local, (void)peer;
    InterlockedIncrement(&bench.lost);
}

static uint32_t bench__tokens(void *owner, uint64_t *next_out)
{
    (void)owner;
    *next_out = accept_rate_next(&bench.rate, bench.bucket, worker_now(bench.worker));
    return accept_rate_tokens(&bench.rate, bench.bucket, worker_now(bench.worker));
}

static void bench__count(void *owner, enum counter counter)
{
    (void)owner;
    worker_count(bench.worker, NULL, counter, 1);
}

static void bench__waits(void *owner)
{
    (void)owner;
    InterlockedIncrement(&bench.waits);
}

static void bench__accepted(void *owner, SOCKET s, const struct pl_address *local,
                            const struct pl_address *peer)
{
    (void)owner;
    bench.local = *local;
    bench.peer = *peer;
    if (bench.keeps) {
        bench.kept[bench.accepted] = s;
    }
    InterlockedIncrement(&bench.accepted); /* whom it greets may look at once */
    if (!bench.keeps) {
        send(s, "!", 1, 0);
        closesocket(s);
    }
}

static void bench__trouble(void *owner, uint32_t error)
{
    (void)owner;
    bench.error = error;
    InterlockedIncrement(&bench.troubles);
}

static void bench__recovered(void *owner)
{
    (void)owner;
    InterlockedIncrement(&bench.recoveries);
}

static void bench__broken(void *owner, uint32_t error)
{
    (void)owner;
    bench.error = error;
    InterlockedIncrement(&bench.breaks);
}

static void bench__stopped(void *owner)
{
    (void)owner;
    InterlockedIncrement(&bench.stops);
}

static const struct acceptor_events bench__events = {.admit = bench__admit,
                                                     .accepted = bench__accepted,
                                                     .lost = bench__lost,
                                                     .abandoned = bench__abandoned,
                                                     .tokens = bench__tokens,
                                                     .waits = bench__waits,
                                                     .count = bench__count,
                                                     .trouble = bench__trouble,
                                                     .recovered = bench__recovered,
                                                     .broken = bench__broken,
                                                     .stopped = bench__stopped};

/* ---- Work on W ---- */

struct visit {
    struct message message;
    void (*run)(void *context);
    void *context;
    HANDLE done;
};

static void visit__run(struct message *message, struct worker *worker)
{
    struct visit *visit = LIST_ELEMENT(message, struct visit, message);
    (void)worker;
    visit->run(visit->context);
    SetEvent(visit->done);
}

void bench_on_worker(void (*run)(void *context), void *context)
{
    struct visit visit = {.message.run = visit__run, .run = run, .context = context};
    visit.done = CreateEventW(NULL, TRUE, FALSE, NULL);
    worker_send(bench.worker, &visit.message);
    assert_int_equal(WaitForSingleObject(visit.done, RIG_PATIENCE), WAIT_OBJECT_0);
    CloseHandle(visit.done);
}

static void bench__read_counts(void *context)
{
    *(struct acceptor_counts *)context = acceptor_counts(bench.acceptor);
}

struct acceptor_counts bench_counts(void)
{
    struct acceptor_counts counts = {0};
    bench_on_worker(bench__read_counts, &counts);
    return counts;
}

struct hold {
    struct visit visit;
    HANDLE entered;
    HANDLE release;
};

static struct hold holds[2]; /* used in turn */
static unsigned held, released;

static void hold__run(void *context)
{
    const struct hold *hold = context;
    SetEvent(hold->entered);
    WaitForSingleObject(hold->release, INFINITE);
}

void bench_hold(void)
{
    struct hold *hold = &holds[held++ % 2];
    hold->visit = (struct visit){.message.run = visit__run, .run = hold__run, .context = hold};
    hold->visit.done = CreateEventW(NULL, TRUE, FALSE, NULL);
    hold->entered = CreateEventW(NULL, TRUE, FALSE, NULL);
    hold->release = CreateEventW(NULL, TRUE, FALSE, NULL);
    worker_send(bench.worker, &hold->visit.message);
    if (held - released == 1) {
        assert_int_equal(WaitForSingleObject(hold->entered, RIG_PATIENCE), WAIT_OBJECT_0);
    }
}

void bench_release(void)
{
    const struct hold *hold = &holds[released++ % 2];
    SetEvent(hold->release);
    assert_int_equal(WaitForSingleObject(hold->visit.done, RIG_PATIENCE), WAIT_OBJECT_0);
    CloseHandle(hold->visit.done);
    CloseHandle(hold->entered);
    CloseHandle(hold->release);
    if (held != released) {
        assert_int_equal(WaitForSingleObject(holds[released % 2].entered, RIG_PATIENCE), WAIT_OBJECT_0);
    }
}

/* ---- The bench ---- */

static void bench__open_listener(const char *ip)
{
    struct pl_address address = client_address(ip, 0);
    SOCKADDR_STORAGE at;
    int length = network_address_to(&address, network_family(&address), &at);
    bench.listener = network_socket(network_family(&address), SOCK_STREAM);
    if (address.family == 6) {
        assert_int_equal(network_set_option(bench.listener, IPPROTO_IPV6, IPV6_V6ONLY, FALSE), 0);
    }
    assert_int_equal(bind(bench.listener, (SOCKADDR *)&at, length), 0);
    assert_int_equal(listen(bench.listener, BENCH_BACKLOG), 0);
    assert_int_equal(getsockname(bench.listener, (SOCKADDR *)&at, &length), 0);
    network_address_from((SOCKADDR *)&at, &bench.address);
}

void bench_open(const char *ip)
{
    struct failure failure;
    DWORD error = 0;
    memset(&bench, 0, sizeof bench);
    assert_true(network_start(&bench.network, &failure));
    bench.trouble = CreateEventW(NULL, FALSE, FALSE, NULL);
    bench.worker = worker_create(0, 1, bench.trouble, &error);
    assert_non_null(bench.worker);
    assert_true(worker_start(bench.worker, &bench.worker, &error));
    bench__open_listener(ip);
}

struct acceptor *bench_try_create(uint32_t accepts_max)
{
    return acceptor_create(bench.worker, 0, &bench.network, bench.listener, network_family(&bench.address),
                           accepts_max, &bench__events, &bench);
}

void bench_create(uint32_t accepts_max)
{
    bench.acceptor = bench_try_create(accepts_max);
    assert_non_null(bench.acceptor);
}

void bench_start(const char *ip, uint32_t accepts_max)
{
    bench_open(ip);
    bench_create(accepts_max);
    acceptor_start(bench.acceptor);
}

void bench_wait(volatile LONG *count, LONG value, const char *what)
{
    const uint64_t deadline = rig_deadline();
    while (InterlockedCompareExchange(count, 0, 0) < value) {
        rig_nap(deadline, what);
    }
}

/* Without asserts, for the teardown of a failed test as well. */
static void bench__take_down(void)
{
    worker_stop(bench.worker, RIG_PATIENCE);
    acceptor_destroy(bench.acceptor);
    worker_destroy(bench.worker);
    network_stop(&bench.network);
    CloseHandle(bench.trouble);
    for (LONG i = 0; bench.keeps && i < bench.accepted; i++) {
        closesocket(bench.kept[i]);
    }
    bench.worker = NULL;
}

static void bench__read_timers(void *context)
{
    *(uint32_t *)context = timer_wheel_wait(worker_timers(bench.worker), worker_now(bench.worker));
}

void bench_close(void)
{
    uint32_t next_timer = 0;
    if (!bench.is_stopping) {
        bench.is_stopping = true;
        acceptor_stop(bench.acceptor);
    }
    bench_wait(&bench.stops, 1, "stopped");
    bench_on_worker(bench__read_timers, &next_timer);
    bench__take_down();
    assert_int_equal(next_timer, UINT32_MAX);
    assert_int_equal(bench.stops, 1);
}

void bench_wait_until_armed(void)
{
    const uint64_t deadline = rig_deadline();
    for (struct acceptor_counts now = bench_counts(); now.posted != now.target || now.posted == 0;
         now = bench_counts()) {
        rig_nap(deadline, "posted == target");
    }
    assert_int_equal(ledger_count(LEDGER_OPERATION), bench_counts().posted);
}

void bench_wait_for_recovery(void)
{
    const uint64_t deadline = rig_deadline();
    while (bench.recoveries == 0) {
        clock_advance(100);
        rig_nap(deadline, "the end of the trouble");
    }
    assert_int_equal(bench.troubles, 1);
    assert_int_equal(bench.recoveries, 1);
}

/* ---- Clients ---- */

struct client *bench_connect(void)
{
    struct client *client = NULL;
    assert_int_equal(client_connect(&bench.address, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    return client;
}

void bench_assert_greeted(struct client *client)
{
    char byte = 0;
    assert_int_equal(client_receive(client, &byte, 1, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(byte, '!');
    client_close(client);
}

void bench_assert_serves(void)
{
    bench_assert_greeted(bench_connect());
}

void bench_connect_many(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bench.clients[bench.client_count++] = bench_connect();
    }
}

void bench_assert_all_greeted(void)
{
    while (bench.client_count > 0) {
        bench_assert_greeted(bench.clients[--bench.client_count]);
    }
}

void bench_assert_dropped(struct client *client)
{
    const enum client_result result = client_drain(client, NULL, CLIENT_PATIENCE);
    assert_true(result == CLIENT_RESET || result == CLIENT_EOF);
    client_close(client);
}

void bench_burst(size_t clients)
{
    bench_hold();
    bench_connect_many(clients);
    bench_release();
    bench_assert_all_greeted();
    bench_wait_until_armed();
}

void bench_grow(uint32_t target)
{
    const uint64_t deadline = rig_deadline();
    while (bench_counts().target < target) {
        bench_burst(target + 50);
        rig_nap(deadline, "more accepts under load");
    }
    assert_int_equal(bench_counts().target, target);
}

/* ---- Around each test ---- */

int bench_setup(void **state)
{
    memset(&bench, 0, sizeof bench);
    return support_setup(state);
}

int bench_teardown(void **state)
{
    for (; held != released; released++) {
        SetEvent(holds[released % 2].release);
    }
    if (bench.worker != NULL && bench.acceptor != NULL) {
        if (!bench.is_stopping) {
            acceptor_stop(bench.acceptor);
        }
        for (int i = 0; i < 100 && bench.stops == 0; i++) {
            Sleep(10);
        }
        bench__take_down();
    }
    return support_teardown(state);
}
