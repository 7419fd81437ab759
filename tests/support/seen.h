/* SPDX-License-Identifier: MIT
   For tests of UDP endpoints: a handler that writes down what it is given and echoes it, an engine with one
   endpoint that has it, and a client. There is one of each. For the test's own thread; with cmocka's asserts
   inside. */
#ifndef PORTLISTENER_TESTS_SUPPORT_SEEN_H
#define PORTLISTENER_TESTS_SUPPORT_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/win.h"
#include "support/client.h"
#include "support/rig.h"

enum { SEEN_LARGEST = 65507 };

/* The last datagram, and what became of the answers; written on W, to be read when `count` has grown. */
struct seen {
    volatile LONG count;
    volatile LONG is_silent; /* no echo */
    const pl_host *host;
    pl_id endpoint;
    pl_info info;
    size_t length;
    uint64_t sum;       /* seen_sum of the bytes */
    void *user;         /* as given to the call */
    int32_t result;     /* of the echo */
    int32_t too_long;   /* of an answer longer than a datagram can be */
    int32_t stale_send; /* of an answer to the datagram before */
    int32_t close;      /* of closing the datagram */
    pl_id previous;
    volatile LONG next[2]; /* seen_send_numbered: what each client sends next */
    volatile LONG disorder;
};

extern struct seen seen;
extern struct rig seen_rig;
extern struct client *seen_client;
extern uint8_t seen_question[SEEN_LARGEST + 1]; /* what is sent: a pattern */

uint64_t seen_sum(const uint8_t *at, size_t length);

/* seen_prepare: an endpoint for one address, not started. seen_start: engine and client. seen_begin: both, on
   127.0.0.1. seen_end: closes and stops both; `seen` is as at first. */
struct config_endpoint *seen_prepare(const char *listen);
void seen_start(const char *client_ip);
void seen_begin(void);
void seen_end(void);

/* seen_send: one datagram to the endpoint. seen_wait: until the handler has had exactly `count`. */
void seen_send(size_t length);
void seen_wait(LONG count);

/* seen_assert_echoes: one datagram to `to`, and everything about it is as it should be. seen_assert_works:
   ten bytes to the endpoint. */
void seen_assert_echoes(const struct pl_address *to, size_t length);
void seen_assert_works(void);

/* seen_assert_all_sizes: all of that for datagrams of 0, 1, 1472 and 65507 bytes on every kind of address, in
   an engine for each. seen_assert_cuts: with a max_datagram of 100, datagrams around it. */
void seen_assert_all_sizes(void);
void seen_assert_cuts(void);

/* seen_pile_up: the handler waits with the first of `count` datagrams until all are there. */
void seen_pile_up(LONG count);

/* seen_spoil: the next `count` operations that complete have this NTSTATUS. */
void seen_spoil(uint32_t status, LONG count);

int seen_setup(void **state);
int seen_teardown(void **state);

#define seen_test(test) cmocka_unit_test_setup_teardown(test, seen_setup, seen_teardown)

#endif
