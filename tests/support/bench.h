/* SPDX-License-Identifier: MIT
   A bench for tests of the acceptor: one acceptor on one worker, with a listening socket, clients, and a
   record of what it reported. There is one bench. For the test's own thread; with cmocka's asserts inside. */
#ifndef PORTLISTENER_TESTS_SUPPORT_BENCH_H
#define PORTLISTENER_TESTS_SUPPORT_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accept/accept_rate.h"
#include "accept/acceptor.h"
#include "support/client.h"

enum { BENCH_CLIENTS = 400 };

struct bench {
    struct network network;
    struct worker *worker; /* W */
    HANDLE trouble;
    SOCKET listener;
    struct pl_address address; /* of `listener` */
    struct acceptor *acceptor;
    bool is_stopping;
    struct client *clients[BENCH_CLIENTS]; /* see bench_connect_many */
    size_t client_count;
    bool keeps; /* accepted sockets stay open; else each is greeted with one byte and closed */

    /* Written on W: how often each event came, and with what the last time. */
    volatile LONG admitted, accepted, lost, abandoned, waits, troubles, recoveries, breaks, stops;
    volatile LONG refuses;   /* so many of the next clients are not admitted */
    struct accept_rate rate; /* no limit at first */
    uint64_t bucket;
    uint32_t error;
    struct pl_address admitted_peer, local, peer;
    SOCKET kept[BENCH_CLIENTS];
};

extern struct bench bench;

/* bench_open: Winsock, worker, listening socket; :: is made dual stack. bench_create: the acceptor, not
   started. bench_start: all of that, and started. bench_try_create: NULL when acceptor_create fails. */
void bench_open(const char *ip);
struct acceptor *bench_try_create(uint32_t accepts_max);
void bench_create(uint32_t accepts_max);
void bench_start(const char *ip, uint32_t accepts_max);

/* bench_close: stops the acceptor and takes everything down; `stopped` must have come once, and no timer may be left. */
void bench_close(void);

/* bench_on_worker: runs a function on W and waits for its end. */
void bench_on_worker(void (*run)(void *context), void *context);

/* bench_hold: W waits inside until bench_release, so that what happens meanwhile reaches it all at once. A
   second hold may be laid behind the first: what is sent to W between the two and the release of the first
   then runs right behind the second, before W looks at its port. */
void bench_hold(void);
void bench_release(void);

struct acceptor_counts bench_counts(void);

/* bench_wait: until a count of the bench is `value` or more; `what` is printed when it does not come. */
void bench_wait(volatile LONG *count, LONG value, const char *what);

/* bench_wait_until_armed: as many accepts as there should be, and no other operation in flight. */
void bench_wait_until_armed(void);

/* bench_wait_for_recovery: until the one trouble there was is over; the virtual clock goes on meanwhile. */
void bench_wait_for_recovery(void);

struct client *bench_connect(void);

/* Both close the client. */
void bench_assert_greeted(struct client *client);
void bench_assert_dropped(struct client *client); /* closed or reset without a greeting */

/* bench_assert_serves: a new client is greeted. */
void bench_assert_serves(void);

/* bench_connect_many: connects, and keeps them in `clients`; bench_assert_all_greeted: all of those. */
void bench_connect_many(size_t count);
void bench_assert_all_greeted(void);

/* bench_burst: so many clients at once; all are served. */
void bench_burst(size_t clients);

/* bench_grow: bursts until the target is `target`, the accepts_max. */
void bench_grow(uint32_t target);

int bench_setup(void **state);
int bench_teardown(void **state); /* takes down what a failed test has left */

#define bench_test(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

#endif
